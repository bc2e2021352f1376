"""Which files of a ChestX-ray14 download are what, in any of its layouts."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from pathlib import Path

from data_converters.image_index import index_images
from data_converters.records import AnnotationError
from data_converters.release_files import documents_below
from data_converters.release_files import the_only
from data_converters.report import Report

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
    below = list(documents_below(args.root))
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


def _choose(role: str, below: list[Path], report: Report) -> Path | None:
    """The file of a role; beside the corrected label file, v2020, no older one."""
    paths = [path for path in below if _PATTERNS[role].match(path.name)]
    newest = [path for path in paths if 'v2020' in path.name.lower()]
    if role == 'labels' and newest:
        others = ', '.join(path.name for path in paths if path not in newest)
        if others:
            report.warn(
                f'{newest[0].name} is used, {others} is not (--labels to choose)'
            )
        paths = newest
    return the_only(role, paths) if paths else None


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
