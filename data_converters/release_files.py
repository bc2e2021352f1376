"""Files of a download: every folder is walked once, and each role has one file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from collections.abc import Sequence
from pathlib import Path

from .conversion import written_files
from .records import AnnotationError


def walk(folder: Path) -> Iterator[tuple[Path, list[str]]]:
    """Every folder below, itself included, with the names of its files, sorted.

    Links are followed, each folder once. What is hidden, the ``._x`` shadows of macOS
    and ``__MACOSX`` are left out.

    Raises:
        FileNotFoundError: there is no such folder.
        PermissionError: a folder must not be read, so that something may be overlooked.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f'{folder}: no such folder')
    seen: set[tuple[int, int]] = set()
    for parent, folders, names in os.walk(folder, followlinks=True, onerror=_stop):
        status = Path(parent).stat()
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = sorted(f for f in folders if f != '__MACOSX' and f[0] != '.')
        yield Path(parent), sorted(name for name in names if name[0] != '.')


def documents_below(root: Path) -> Iterator[Path]:
    """Files below a folder, without those that an earlier conversion wrote there."""
    for parent, names in walk(root):
        ours = written_files(parent)
        yield from (parent / name for name in names if name not in ours)


def the_only(role: str, paths: Sequence[Path]) -> Path:
    """The one file of a role; identical copies count as one.

    Raises:
        AnnotationError: the files differ.
    """
    if len({path.read_bytes() for path in paths}) > 1:
        option = '--' + role.replace('_', '-')
        names = ', '.join(str(path) for path in paths)
        raise AnnotationError(f'{names} all fit {option}. Name the one to use.')
    return paths[0]


def _stop(error: OSError) -> None:
    raise error
