"""Ultralytics' data.yaml: names of the classes and images of each split."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_converters.image_index import is_image
from data_converters.records import AnnotationError
from data_converters.release_files import walk

_KEYS = {
    'train': ('train',),
    'val': ('val', 'valid', 'validation'),
    'test': ('test',),
}


@dataclass(frozen=True)
class YoloData:
    """A data.yaml: class -> name, and split -> images, each once and sorted."""

    path: Path
    names: dict[int, str]
    images: dict[str, list[Path]]


def read_data_yaml(path: Path) -> YoloData:
    """Read a data.yaml and list the images that it names.

    Raises:
        AnnotationError: it is no such file, or names something that is not there.
    """
    import yaml

    try:
        content = yaml.safe_load(path.read_text('utf-8-sig'))
    except (yaml.YAMLError, UnicodeError) as error:
        reason = ' '.join(str(error).split())
        raise AnnotationError(f'is no readable YAML: {reason}', path) from error
    if not isinstance(content, dict) or 'names' not in content:
        raise AnnotationError("must have 'names' and 'train', as data.yaml does", path)
    names = _names(content, path)
    images: dict[str, list[Path]] = {}
    for split, keys in _KEYS.items():
        value = next((content[k] for k in keys if content.get(k)), None)
        if value is not None:
            found = _images(value, split, content, path)
            images[split] = sorted(set(found))
    if not any(images.values()):
        raise AnnotationError(
            "names no images: 'train', 'val' and 'test' are empty", path
        )
    return YoloData(path, names, images)


def _names(content: dict[str, Any], path: Path) -> dict[int, str]:
    """Class -> name, from a list or a map."""
    names = content['names']
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict) or not all(str(key).isdecimal() for key in names):
        raise AnnotationError(
            f'names must be a list or 0: name, ..., got {names}', path
        )
    found = {int(key): str(name).strip() for key, name in names.items()}
    nc = content.get('nc')
    if nc is not None and nc != len(found):
        raise AnnotationError(f'nc is {nc}, but names has {len(found)}', path)
    return found


def _images(
    value: Any, split: str, content: dict[str, Any], path: Path
) -> Iterator[Path]:
    for entry in value if isinstance(value, list) else [value]:
        place = _place(str(entry), content, path, split)
        if place.is_dir():
            for parent, names in walk(place):
                yield from (parent / name for name in names if is_image(name))
        elif is_image(place.name):
            yield place
        else:
            yield from _listed(place, content, path)


def _roots(content: dict[str, Any], path: Path) -> list[Path]:
    """Folders that a relative name may start from; the file's own is the last."""
    own = path.absolute().parent
    return [own / str(content['path']), own] if content.get('path') else [own]


def _place(text: str, content: dict[str, Any], path: Path, split: str) -> Path:
    """A folder, list or image; Roboflow writes ``../train`` for ``train``."""
    tries = [root / text for root in _roots(content, path)]
    tries += [root / text.removeprefix('../') for root in _roots(content, path)]
    for place in tries:
        if place.exists():
            return _tidy(place)
    raise AnnotationError(
        f'{split}: {text!r} is not there; looked for '
        f'{", ".join(dict.fromkeys(str(_tidy(p)) for p in tries))}. Correct path: or '
        f'{split}: in it.',
        path,
    )


def _listed(place: Path, content: dict[str, Any], path: Path) -> Iterator[Path]:
    """Images of a .txt list, relative to it or to the root."""
    try:
        lines = place.read_text('utf-8-sig').splitlines()
    except UnicodeError as error:
        raise AnnotationError(f'is no list of images: {error}', place) from error
    for line, text in enumerate(lines, start=1):
        if not text.strip():
            continue
        tries = [root / text.strip() for root in (place.parent, *_roots(content, path))]
        found = next((image for image in tries if image.is_file()), None)
        if found is None:
            raise AnnotationError(
                f'image {text.strip()!r} is not there; looked for {_tidy(tries[0])}',
                place,
                line,
            )
        yield _tidy(found)


def _tidy(path: Path) -> Path:
    """Without ``.`` and ``..``, links left as they are: labels lie beside the link."""
    return Path(os.path.normpath(path))
