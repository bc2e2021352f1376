"""Which files of a CheXpert download are what, and where each patient's films are."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from data_converters.records import AnnotationError
from data_converters.release_files import the_only

PATTERNS = {
    'train': re.compile(r'(chexpert_)?train\.csv(\.gz)?$', re.IGNORECASE),
    'valid': re.compile(r'(chexpert_)?val(id)?(_labels)?\.csv(\.gz)?$', re.IGNORECASE),
    'test': re.compile(r'(chexpert_)?test(_labels)?\.csv(\.gz)?$', re.IGNORECASE),
}
"""Role -> names its table may have; other labellings of train.csv are none of them."""

_PATIENT = re.compile(r'patient\d+$', re.IGNORECASE)


@dataclass(frozen=True)
class CheXpertFiles:
    """Tables by role (train is always there); patient -> folder (None: not asked)."""

    tables: dict[str, Path]
    patients: dict[str, Path] | None


def find_files(args: argparse.Namespace) -> CheXpertFiles:
    """The tables that the command line names or that lie in ``--root``.

    They are looked for in the root and in the folders inside it, not among the films.

    Raises:
        FileNotFoundError: the root does not exist.
        AnnotationError: there is no train.csv, or several tables fit one role.
    """
    if not args.root.is_dir():
        raise AnnotationError('is a file; --root must be a folder', args.root)
    inside = sorted(path for path in args.root.iterdir() if path.name[0] != '.')
    folders = [args.root, *(p for p in inside if p.is_dir() and not is_patient(p.name))]
    tables = {}
    for role, pattern in PATTERNS.items():
        named = getattr(args, role)
        fitting = [
            path
            for folder in folders
            for path in sorted(folder.glob('*.csv*'))
            if pattern.match(path.name) and path.is_file()
        ]
        if named or fitting:
            tables[role] = named or the_only(role, fitting)
    if 'train' not in tables:
        raise AnnotationError(
            'no train.csv lies there or in a folder inside it. Name the folder that '
            'holds train.csv (CheXpert-v1.0 or CheXpert-v1.0-small), or the table '
            'with --train.',
            args.root,
        )
    if args.no_images:
        return CheXpertFiles(tables, None)
    return CheXpertFiles(tables, patient_folders(args.images or [args.root]))


def patient_folders(
    folders: Iterable[Path], pattern: re.Pattern[str] = _PATIENT
) -> dict[str, Path]:
    """Patient -> folder, however deep they lie; none of them is opened.

    The release has them in train/, valid/ and test/, its download in parts beside one
    another; a patient has one folder in either.

    Args:
        folders: where to look.
        pattern: what the folder of a patient is called, from its start.

    Raises:
        FileNotFoundError: a folder does not exist.
        AnnotationError: a patient has two folders.
    """
    found: dict[str, Path] = {}
    for folder in folders:
        if not folder.is_dir():
            raise FileNotFoundError(f'{folder}: no such folder')
        for parent, names, _ in os.walk(folder, followlinks=True, onerror=_stop):
            for name in filter(pattern.match, names):
                path = Path(parent, name)
                other = found.setdefault(name.lower(), path)
                if other is not path and not other.samefile(path):
                    raise AnnotationError(
                        f'{name} has two folders, {other} and {path}: two copies of '
                        'the films? Name the folder of one with --images.'
                    )
            names[:] = sorted(n for n in names if not pattern.match(n) and n[0] != '.')
    return found


def is_patient(name: str) -> bool:
    """Whether a folder is a patient's, by its name."""
    return _PATIENT.match(name) is not None


def _stop(error: OSError) -> None:
    raise error
