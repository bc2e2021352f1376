"""Which files of a MIMIC-CXR download are what, and where each patient's films are."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from data_converters.chexpert.files import patient_folders
from data_converters.records import AnnotationError
from data_converters.release_files import the_only
from data_converters.report import Report

LABELERS = ('chexpert', 'negbio')

PATTERNS = {
    role: re.compile(rf'mimic-cxr.*-{ending}\.csv(\.gz)?$', re.IGNORECASE)
    for role, ending in (
        ('metadata', 'metadata'),
        ('split', 'split'),
        ('chexpert', 'chexpert'),
        ('negbio', 'negbio'),
        ('test_labels', r'test-set-labell?ed'),
    )
}
"""Role -> names its table may have; those of 2.1.0 are still called 2.0.0."""

TABLES_OF_JPG = (
    'it is a table of MIMIC-CXR-JPG (https://physionet.org/content/mimic-cxr-jpg), '
    'also where the films are DICOM files'
)

_PATIENT = re.compile(r'p\d{8}$')
_GROUP = re.compile(r'p\d\d$')
_STUDY = re.compile(r's\d{8}$')
_LEVELS = 5  # physionet.org/files/mimic-cxr-jpg/2.1.0 below the folder of a download


@dataclass(frozen=True)
class MimicFiles:
    """Tables by role; patient folder's name -> folder (None: not asked)."""

    metadata: Path
    split: Path
    labels: Path
    test_labels: Path | None
    patients: dict[str, Path] | None


def find_files(args: argparse.Namespace, report: Report) -> MimicFiles:
    """The tables that the command line names or that lie below ``--root``.

    They are not looked for among the films.

    Raises:
        FileNotFoundError: the root does not exist.
        AnnotationError: a table is missing, or several fit one role.
    """
    if not args.root.is_dir():
        raise AnnotationError('is a file; --root must be a folder', args.root)
    below = list(_tables_below(args.root))
    labels = args.label_table or _choose(args.labels, below, report)
    metadata = args.metadata or _choose('metadata', below, report)
    split = args.split_table or _choose('split', below, report)
    if not (metadata and split and labels):
        found = {'metadata': metadata, 'split': split, args.labels: labels}
        raise _missing(args.root, found, below)
    test_labels = args.test_labels or _choose('test_labels', below, report)
    patients = None
    if not args.no_images:
        folders = args.images or [args.root]
        patients = patient_folders(folders, _PATIENT)
        if not patients:
            raise AnnotationError(
                'no folder of a patient, such as files/p10/p10000032, was found in '
                f'{", ".join(map(str, folders))}. Name the folder that holds files/ '
                'with --images, or pass --no-images.'
            )
    return MimicFiles(metadata, split, labels, test_labels, patients)


def _tables_below(root: Path) -> Iterator[Path]:
    """Tables in the root and in folders inside it, none of which holds films."""
    for parent, folders, names in os.walk(root, followlinks=True, onerror=_stop):
        folder = Path(parent)
        deep = len(folder.relative_to(root).parts) >= _LEVELS
        folders[:] = [] if deep else sorted(f for f in folders if not _of_films(f))
        yield from (
            folder / name for name in sorted(names) if '.csv' in name and name[0] != '.'
        )


def _of_films(folder: str) -> bool:
    return folder[0] == '.' or any(
        kind.match(folder) for kind in (_GROUP, _PATIENT, _STUDY)
    )


def _choose(role: str, below: list[Path], report: Report) -> Path | None:
    """The table of a role; where it was unpacked, the release's packed one."""
    fitting = [path for path in below if PATTERNS[role].match(path.name)]
    packed = {path for path in fitting if path.name.lower().endswith('.gz')}
    for path in list(fitting):
        if path.with_name(f'{path.name}.gz') in packed:
            fitting.remove(path)
            report.warn(f'{path.name}.gz is used, {path.name} beside it is not')
    return the_only(_option(role), fitting) if fitting else None


def _option(role: str) -> str:
    """What the table is called on the command line, without dashes."""
    if role in LABELERS:
        return 'label_table'
    return 'split_table' if role == 'split' else role


def _missing(
    root: Path, found: dict[str, Path | None], below: list[Path]
) -> AnnotationError:
    """Which table is missing, and what to do."""
    role = next(name for name, path in found.items() if path is None)
    what = f'no table mimic-cxr-2.0.0-{role}.csv.gz was found there'
    for folder in root.absolute().parents[:_LEVELS]:
        if any(PATTERNS[role].match(path.name) for path in folder.glob('*.csv*')):
            return AnnotationError(f'{what}. It lies in {folder}: name that.', root)
    other = next((n for n in LABELERS if n != role), '')
    if role in LABELERS and any(PATTERNS[other].match(path.name) for path in below):
        return AnnotationError(
            f'{what}, only that of {other}. Pass --labels {other}, or fetch it.', root
        )
    kind = ''
    if any(path.name.startswith('cxr-record-list') for path in below):
        kind = ' (cxr-record-list is of the DICOM release and says neither)'
    if role == 'split':
        kind += ': without it no number stands beside published ones'
    return AnnotationError(
        f'{what}{kind}; {TABLES_OF_JPG}. Put it there, or name it with '
        f'--{_option(role).replace("_", "-")}.',
        root,
    )


def _stop(error: OSError) -> None:
    raise error
