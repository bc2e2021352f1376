"""Films that a user names: paths, folders, globs, arrays, bytes, one or many."""

from __future__ import annotations

import glob
import hashlib
import os
from collections import defaultdict
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mmlung.dicom import ChestImage
from mmlung.dicom import read_image
from mmlung.dicom.picture import to_grey8

SUFFIXES = ('.dcm', '.dicom', '.png', '.jpg', '.jpeg', '.tif', '.tiff', '.bmp')
"""Of the films in a folder, beside DICOM files of any name."""
_DICOM_MARK = slice(128, 132)
_CHANNELS = (1, 3, 4)


@dataclass(frozen=True, eq=False)
class FilmSource:
    """One film that is yet to be read, and what its result calls it."""

    name: str
    data: Path | bytes | np.ndarray

    def read(self) -> tuple[ChestImage, str | None]:
        """The film, and the SHA-256 of its file (None for an array).

        Raises:
            ValueError: no film; the text says why, without the name.
            OSError: the file cannot be read.
        """
        if isinstance(self.data, np.ndarray):
            return _film_of_array(self.data), None
        content = self.data if isinstance(self.data, bytes) else self.data.read_bytes()
        try:
            film = read_image(content)
        except ValueError as error:
            text = str(error).removeprefix(f'{len(content)} bytes: ')
            raise ValueError(text) from error
        return film, hashlib.sha256(content).hexdigest()


def films_of(images: Any) -> Iterator[FilmSource]:
    """Sources of what a user names, in that order; files of a folder by name.

    Args:
        images: a path, folder (with all below it), glob (``**`` is any depth), array
            (H, W) or (H, W, 1|3|4) of uint8 or uint16, or a file's bytes; an iterable
            of these; or a dictionary of names and these. An iterator is taken lazily.

    Yields:
        A film per file. Its name is the path below the folder that was named, else the
        path as given; ``array 0`` or ``bytes 0`` by position without a file.

    Raises:
        ValueError: a folder holds no film, or something else was given.
        FileNotFoundError: a glob matches no file.
    """
    if isinstance(images, Mapping):
        for name, item in images.items():
            yield from (replace(f, name=str(name)) for f in _films(item, 0))
    elif isinstance(images, Iterable) and not isinstance(
        images, str | bytes | np.ndarray
    ):
        for position, item in enumerate(images):
            yield from _films(item, position)
    else:
        yield from _films(images, 0)


def distinct_names(films: Iterable[FilmSource]) -> list[FilmSource]:
    """The same films, each file once as first named, with names that differ.

    Where two have the same name, so much of their folders is put before it that they
    differ: ``1.png`` of ``a`` and of ``b`` are ``a/1.png`` and ``b/1.png``.
    """
    once: dict[Path, FilmSource] = {}
    for film in films:
        if isinstance(film.data, Path):
            once.setdefault(film.data.resolve(), film)
    given = {file: _as_given(film) for file, film in once.items()}
    if len(set(given.values())) < len(given):  # '..' behind a linked folder
        given = {file: file for file in once}
    groups: dict[str, list[Path]] = defaultdict(list)
    for file, film in once.items():
        groups[_inside(film.name)].append(file)
    names: dict[Path, str] = {}
    for name, files in groups.items():
        depth = len(Path(name).parts)
        while len({given[file].parts[-depth:] for file in files}) < len(files):
            depth += 1
        for file in files:
            own = '/'.join(given[file].parts[-depth:]) if len(files) > 1 else name
            names[file] = own.lstrip('/')
    if len(set(names.values())) < len(names):  # a lengthened name met another's own
        names = {file: '/'.join(given[file].parts[1:]) for file in names}
    return [replace(film, name=names[file]) for file, film in once.items()]


def _as_given(film: FilmSource) -> Path:
    """Absolute, with links as they are: their targets may be named after patients."""
    assert isinstance(film.data, Path)
    return Path(os.path.abspath(film.data))  # noqa: PTH100 - resolve follows links


def _inside(name: str) -> str:
    """A name that stays below whatever folder it is put in."""
    path = Path(name)
    return path.name if path.is_absolute() or '..' in path.parts else path.as_posix()


def _films(item: Any, position: int) -> Iterator[FilmSource]:
    if isinstance(item, FilmSource):
        yield item
    elif isinstance(item, bytes):
        yield FilmSource(f'bytes {position}', item)
    elif isinstance(item, np.ndarray):
        yield FilmSource(f'array {position}', item)
    elif isinstance(item, str | Path):
        yield from _films_of_path(item)
    else:
        raise ValueError(
            'a film must be a path, folder, glob, array or the bytes of a file, got '
            f'{type(item).__name__}'
        )


def _films_of_path(given: str | Path) -> Iterator[FilmSource]:
    path = Path(given).expanduser()
    if path.is_dir():
        found = [p for p in sorted(path.rglob('*')) if _is_film(p, path)]
        if not found:
            raise ValueError(
                f'{given} holds no film: expected DICOM files or pictures '
                f'({", ".join(SUFFIXES)}) in it or below it. Name another folder.'
            )
        for film in found:
            yield FilmSource(film.relative_to(path).as_posix(), film)
    elif not path.exists() and glob.has_magic(str(path)):
        matches = sorted(glob.glob(str(path), recursive=True))  # noqa: PTH207 - any root
        files = [Path(match) for match in matches if Path(match).is_file()]
        if not files:
            raise FileNotFoundError(f'no file matches {given}')
        for film in files:
            yield FilmSource(str(film), film)
    else:  # a file; when it is missing, reading it says so
        yield FilmSource(str(given), path)


def _is_film(path: Path, folder: Path) -> bool:
    """Whether a file below a folder is meant to be a film, damaged or not."""
    hidden = any(part.startswith('.') for part in path.relative_to(folder).parts)
    if hidden or path.name.upper() == 'DICOMDIR' or not path.is_file():
        return False
    if path.suffix.lower() in SUFFIXES:
        return True
    with path.open('rb') as file:
        return file.read(_DICOM_MARK.stop)[_DICOM_MARK] == b'DICM'


def _film_of_array(array: np.ndarray) -> ChestImage:
    if array.dtype not in (np.uint8, np.uint16):
        raise ValueError(
            f'pixels must be uint8 or uint16, got {array.dtype}. Scale the film first.'
        )
    is_film = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in _CHANNELS)
    if not is_film or array.size == 0:
        raise ValueError(
            f'a film must have the shape (H, W) or (H, W, 1|3|4), got {array.shape}'
        )
    if array.ndim == 3:
        array = array[..., 0] if array.shape[2] == 1 else array[..., :3]
    pixels = to_grey8(array)
    if pixels.min() == pixels.max():
        raise ValueError('the image is constant')
    return ChestImage(pixels, None, 'array')
