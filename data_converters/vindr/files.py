"""Which files of a VinDr-CXR download are what, by their columns and folders."""

from __future__ import annotations

import argparse
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_converters.image_index import index_images
from data_converters.records import AnnotationError
from data_converters.release_files import documents_below
from data_converters.release_files import the_only
from data_converters.tables import read_header
from mmlung.findings import NO_FINDING

_TABLES = {
    'annotations': 'boxes with their reader (rad_id)',
    'image_labels': 'image labels with their reader (rad_id)',
    'test_annotations': 'boxes of a consensus (no rad_id)',
    'test_image_labels': 'image labels of a consensus (no rad_id)',
}
_TEST_FOLDER = re.compile(r'(?<![a-z])test(?![a-z])', re.IGNORECASE)


@dataclass(frozen=True)
class VindrFiles:
    """The tables of a release, and its films as stem -> path (None: not looked for)."""

    annotations: Path
    image_labels: Path | None = None
    test_annotations: Path | None = None
    test_image_labels: Path | None = None
    image_sizes: tuple[Path, ...] = ()
    train_films: dict[str, Path] | None = None
    test_films: dict[str, Path] | None = None


def find_files(args: argparse.Namespace) -> VindrFiles:
    """The files that the command line names, completed by those below ``--root``.

    Raises:
        argparse.ArgumentError: neither ``--annotations`` nor ``--root`` is given.
        AnnotationError: two files fit the same role, or none does.
    """
    if args.root is None and args.annotations is None:
        raise argparse.ArgumentError(None, 'give --annotations FILE or --root DIR')
    chosen = {} if args.root is None else _below(args.root, args)
    for role in _TABLES:
        if getattr(args, role) is not None:
            chosen[role] = getattr(args, role)
            _check_role(role, chosen[role])
    if args.image_sizes:
        chosen['image_sizes'] = tuple(args.image_sizes)
    if args.images:
        chosen['train_films'] = index_images([args.images])
    if args.test_images:
        chosen['test_films'] = index_images([args.test_images])
    elif args.images and 'test_annotations' in chosen:
        chosen['test_films'] = chosen['train_films']  # one folder: known by their ids
    if 'annotations' not in chosen:
        raise AnnotationError(
            'no table of boxes was found: a CSV with the columns image_id, rad_id, '
            'class_name, x_min, y_min, x_max, y_max. Name it with --annotations.',
            args.root,
        )
    return VindrFiles(**chosen)


def role_of(columns: list[str]) -> str | None:
    """What a CSV with these columns is, as a field of ``VindrFiles``; None: nothing.

    >>> role_of(['image_id', 'dim0', 'dim1'])
    'image_sizes'
    """
    names = set(columns)
    by_reader = bool(names & {'rad_id', 'rad_ID'})
    if {'image_id', 'class_name', 'x_min'} <= names:
        return 'annotations' if by_reader else 'test_annotations'
    if {'image_id', NO_FINDING} <= names:
        return 'image_labels' if by_reader else 'test_image_labels'
    return 'image_sizes' if {'image_id', 'dim0', 'dim1'} <= names else None


def _check_role(role: str, path: Path) -> None:
    """A table that the command line names is not one of another role."""
    found = role_of(read_header(path))
    if found in _TABLES and found != role:
        raise AnnotationError(
            f'holds {_TABLES[found]}, which belong to {_option(found)}; '
            f'{_option(role)} wants {_TABLES[role]}',
            path,
        )


def _option(role: str) -> str:
    return '--' + role.replace('_', '-')


def _below(root: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Fields of ``VindrFiles`` that a folder holds, those named already left out."""
    tables: dict[str, list[Path]] = defaultdict(list)
    for path in documents_below(root):
        if path.name.lower().endswith(('.csv', '.csv.gz')):
            tables[role_of(read_header(path)) or ''].append(path)
    chosen: dict[str, Any] = {'image_sizes': tuple(tables.pop('image_sizes', ()))}
    for role, paths in tables.items():
        if role and not getattr(args, role):
            chosen[role] = the_only(role, paths)
    if not args.images:
        films = index_images([root])
        test = {stem: p for stem, p in films.items() if _is_test(p, root)}
        chosen['train_films'] = {s: p for s, p in films.items() if s not in test}
        chosen['test_films'] = test or films  # one folder for all: known by their ids
        if not test and 'test_annotations' not in chosen and not args.test_annotations:
            chosen['test_films'] = None
        if not films:
            chosen['train_films'] = chosen['test_films'] = None
    return chosen


def nested_folders(films: Iterable[Path]) -> list[str]:
    """Folders that hold films and lie in one of the same name, such as train/train.

    >>> nested_folders([Path('r/test/test/a.dicom'), Path('r/train/b.dicom')])
    ['test/test']
    """
    folders = {path.parent for path in films}
    return sorted({f'{f.name}/{f.name}' for f in folders if f.name == f.parent.name})


def _is_test(path: Path, root: Path) -> bool:
    """A film below a folder called test."""
    return any(map(_TEST_FOLDER.search, path.relative_to(root).parts[:-1]))
