"""Image files of a release: found by stem in any layout, and their sizes."""

from __future__ import annotations

import os
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from .records import AnnotationError
from .records import one_line
from .release_files import walk
from .report import Report

SUFFIXES = frozenset(
    {'dicom', 'dcm', 'dic', 'png', 'jpg', 'jpeg', 'tif', 'tiff', 'bmp', 'webp'}
)
"""Endings, without the dot and in lower case, that make a file an image."""


def index_images(folders: Iterable[Path]) -> dict[str, Path]:
    """Stem -> path of every image below the folders, however deep.

    What ``walk`` leaves out is left out. Of two files with the same stem and the same
    bytes the first is taken.

    Raises:
        FileNotFoundError: a folder does not exist.
        AnnotationError: two files with the same stem differ.
    """
    found: dict[str, Path] = {}
    for folder in folders:
        for parent, names in walk(folder):
            for name in filter(is_image, names):
                stem, path = name.rpartition('.')[0], parent / name
                other = found.setdefault(stem, path)
                if other is not path and not _same_file(path, other):
                    raise AnnotationError(
                        f'two different images are called {stem}: {other} and {path}. '
                        'Keep one, or name the folder to use.'
                    )
    return found


def is_image(name: str) -> bool:
    """Whether a file of this name is an image, by its ending."""
    return name.rpartition('.')[2].lower() in SUFFIXES


def common_folder(paths: Iterable[Path]) -> Path:
    """The deepest folder that holds all the files."""
    return Path(os.path.commonpath({str(path.absolute().parent) for path in paths}))


def images_root(paths: Iterable[Path], given: Path | None) -> tuple[Path, Path]:
    """Folder to record, and the folder that file names are relative to.

    Args:
        paths: the images.
        given: ``--images-root``. It may lie elsewhere, for images that will be there
            later; then their names are relative to the folder that holds them now.
    """
    paths = list(paths)
    if given is None:
        root = common_folder(paths)
        return root, root
    inside = all(path.absolute().is_relative_to(given.absolute()) for path in paths)
    return given, given if inside else common_folder(paths)


def name_below(root: Path, path: Path) -> str:
    """POSIX path of a file relative to a folder that holds it."""
    return path.absolute().relative_to(root.absolute()).as_posix()


def choose_films(
    image_ids: Sequence[str],
    found: Mapping[str, Path],
    report: Report,
    file: str,
    limit: int | None = None,
    drop_invalid: bool = False,
    row_of: Callable[[str], int | None] | None = None,
) -> list[str]:
    """The ids whose film is there; a missing one stops, unless it may be left out.

    Args:
        image_ids: films that ``file`` speaks of, in order.
        found: stem -> path, see ``index_images``.
        report: gets what is left out.
        file: name of the annotation file.
        limit: the first so many that are there are enough; missing ones are counted.
        drop_invalid: leave missing ones out, each listed in the report.
        row_of: first row of ``file`` that speaks of a film.

    Raises:
        AnnotationError: films are missing; ``details`` lists them all.
    """
    there = [i for i in image_ids if i in found]
    missing = [i for i in image_ids if i not in found]
    if image_ids and not there:
        raise AnnotationError(
            f'none of its {len(image_ids):,} films (first: {image_ids[0]}) is among '
            f'the {len(found):,} images found. Check the folder of images.',
            file,
        )
    if limit is not None:
        report.count('films without a file, passed over', len(missing))
        return there[:limit]
    if missing and not drop_invalid:
        raise AnnotationError(
            f'{len(missing):,} of its {len(image_ids):,} films are missing: '
            f'{", ".join(missing[:3])}{" ..." if len(missing) > 3 else ""}. Complete '
            'the download, try a few films with --limit, or pass --drop-invalid.',
            file,
            None if row_of is None else row_of(missing[0]),
            details=[f'missing: {i}' for i in missing],
        )
    for image_id in missing:
        row = None if row_of is None else row_of(image_id)
        report.drop(file, row, f'film {image_id} has no image file')
    return there


def require_sizes(
    paths: Mapping[str, Path],
    report: Report,
    workers: int = -1,
    drop_invalid: bool = False,
) -> dict[str, tuple[int, int]]:
    """Image id -> (height, width) in pixels of the file, from its header.

    Raises:
        AnnotationError: a file cannot be read, unless ``drop_invalid`` leaves it out.
    """
    sizes, failures = read_sizes(list(paths.values()), workers)
    if failures and not drop_invalid:
        first = next(iter(failures.values()))
        raise AnnotationError(
            f'{len(failures):,} of {len(paths):,} images cannot be read (incomplete or '
            f'corrupt download?), first: {first}. Fetch them again or pass '
            '--drop-invalid.',
            details=[f'unreadable: {reason}' for reason in failures.values()],
        )
    for path, reason in failures.items():
        report.drop(path.name, None, f'cannot be read: {reason}')
    return {i: s for i, s in zip(paths, sizes, strict=True) if s is not None}


def read_sizes(
    paths: Sequence[Path], workers: int = -1
) -> tuple[list[tuple[int, int] | None], dict[Path, str]]:
    """(height, width) of each image from its header, and the reason for each failure.

    Args:
        paths: image files.
        workers: threads; -1 takes every core.
    """
    from joblib import Parallel
    from joblib import delayed

    jobs = (delayed(_size_or_reason)(path) for path in paths)
    found = Parallel(n_jobs=workers, backend='threading', return_as='generator')(jobs)
    results = list(
        tqdm(found, desc='image sizes', total=len(paths), unit='film', disable=None)
    )
    failures = {
        path: result
        for path, result in zip(paths, results, strict=True)
        if isinstance(result, str)
    }
    return [None if isinstance(r, str) else r for r in results], failures


def _size_or_reason(path: Path) -> tuple[int, int] | str:
    """Size, or why there is none: one bad file must not hide the next."""
    from mmlung.dicom import image_size_hw

    try:
        height, width = image_size_hw(path)
    except (ValueError, OSError, EOFError) as error:
        return one_line(error)
    return int(height), int(width)


def _same_file(path: Path, other: Path) -> bool:
    if path.stat().st_size != other.stat().st_size:
        return False
    return path.read_bytes() == other.read_bytes()
