"""Which files of a ChestX-ray14 download are what, in any of its layouts."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .conversion import REPORT_NAME
from .image_index import index_images
from .records import AnnotationError
from .report import Report

_IMAGE_FOLDER = re.compile(r'images(_\d{3})?$', re.IGNORECASE)
_PATTERNS = {
    'labels': re.compile(r'data_entry.*\.csv(\.gz)?$', re.IGNORECASE),
    'boxes': re.compile(r'bbox_list.*\.csv(\.gz)?$', re.IGNORECASE),
    'train_val_list': re.compile(r'train_val_list.*\.txt(\.gz)?$', re.IGNORECASE),
    'test_list': re.compile(r'test_list.*\.txt(\.gz)?$', re.IGNORECASE),
}


@dataclass(frozen=True)
class NihFiles:
    """Tables and lists of a release; its films as stem -> path (None: not asked)."""

    labels: Path
    boxes: Path | None
    train_val_list: Path | None
    test_list: Path | None
    films: dict[str, Path] | None


def find_files(args: argparse.Namespace, report: Report) -> NihFiles:
    """The files that the command line names, completed by those below ``--root``.

    Raises:
        FileNotFoundError: the root does not exist.
        AnnotationError: no label file is found, or several files fit one role.
    """
    if not args.root.is_dir():
        raise FileNotFoundError(f'{args.root}: no such folder')
    below = list(_documents(args.root, args.out))
    labels, boxes, train_val_list, test_list = (
        getattr(args, role) or _choose(role, below, report) for role in _PATTERNS
    )
    if labels is None:
        raise AnnotationError(
            'no label file Data_Entry_2017*.csv was found. Name it with --labels.',
            args.root,
        )
    films = None if args.no_images else _find_films(args)
    return NihFiles(labels, boxes, train_val_list, test_list, films)


def _documents(root: Path, out: Path) -> Iterator[Path]:
    """Files below a folder, without those of images and of earlier conversions."""
    for parent, folders, names in os.walk(root):
        if REPORT_NAME in names or Path(parent).resolve() == out.resolve():
            folders.clear()
            if Path(parent) != root:
                continue
        folders[:] = sorted(
            name for name in folders if name[0] != '.' and not _IMAGE_FOLDER.match(name)
        )
        yield from (Path(parent, name) for name in sorted(names))


def _choose(role: str, below: list[Path], report: Report) -> Path | None:
    """The file of a role; of two label files the corrected one, v2020."""
    paths = [path for path in below if _PATTERNS[role].match(path.name)]
    distinct = list({path.read_bytes(): path for path in reversed(paths)}.values())
    if role == 'labels' and len(distinct) > 1:
        newest = [path for path in distinct if 'v2020' in path.name.lower()]
        if len(newest) == 1:
            others = ', '.join(path.name for path in distinct if path not in newest)
            report.warn(
                f'{newest[0].name} is used, {others} is not (--labels to choose)'
            )
            return newest[0]
    if len(distinct) > 1:
        option = '--' + role.replace('_', '-')
        names = ', '.join(str(path) for path in distinct)
        raise AnnotationError(f'{names} all fit {option}. Name the one to use.')
    return distinct[0] if distinct else None


def _find_films(args: argparse.Namespace) -> dict[str, Path]:
    """Films in ``images`` and ``images_001`` to ``images_012``, or else anywhere."""
    if args.images:
        return index_images(args.images)
    folders = [
        path
        for path in sorted(args.root.iterdir())
        if path.is_dir() and _IMAGE_FOLDER.match(path.name)
    ]
    return index_images(folders) or index_images([args.root])
