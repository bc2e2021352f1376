"""VinDr-CXR from PhysioNet, or its Kaggle edition VinBigData -> COCO with votes.

Source: Nguyen et al. 2022, doi:10.1038/s41597-022-01498-w.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from .conversion import Conversion
from .conversion import Part
from .records import ImageRecord
from .report import Report
from .splits import split_records
from .vindr_release import Release
from .vindr_release import read_release
from .vindr_tables import FINDINGS

EXAMPLES = """examples:
  a whole download, PhysioNet or Kaggle, as it was unpacked
    python -m data_converters vindr --root vindr-cxr/1.0.0 --out data/vindr-cxr
  file by file
    python -m data_converters vindr --annotations train.csv --images train/ \\
        --test-images test/ --out data/vindr-cxr
  a mirror of resized PNG images; the table says how large the films were
    python -m data_converters vindr --annotations train.csv --images png512/train/ \\
        --image-sizes train_meta.csv --out data/vindr-cxr
  before the images have arrived
    python -m data_converters vindr --annotations train.csv \\
        --image-sizes train_meta.csv.gz --out data/vindr-cxr
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Files of a release, and how its readers become one."""
    group = parser.add_argument_group('VinDr-CXR files (or all of them by --root)')
    group.add_argument(
        '--root',
        type=Path,
        help='folder of a download: finds every table and image folder in it by '
        'columns and names; files that are named below take precedence',
    )
    for option, what in (
        ('--annotations', 'boxes of the readers: annotations_train.csv or train.csv'),
        ('--images', 'folder of the training films'),
        ('--image-labels', 'image_labels_train.csv'),
        ('--test-annotations', 'consensus boxes: annotations_test.csv'),
        ('--test-images', 'folder of the test films; without --test-annotations they '
         'become test_unlabelled.json, which cannot be scored'),
        ('--test-image-labels', 'image_labels_test.csv'),
    ):  # fmt: skip
        group.add_argument(option, type=Path, help=what)
    group.add_argument(
        '--image-sizes',
        type=Path,
        nargs='+',
        help='tables of original sizes: image_id, dim0 (height), dim1 (width); then '
        'the images may be resized copies, or be left out',
    )
    group = parser.add_argument_group('readers')
    group.add_argument(
        '--readers',
        choices=('wbf', 'union', 'separate'),
        default='wbf',
        help='wbf: weighted boxes fusion of each finding at IoU > 0.5, votes kept; '
        "union: every reader's box unchanged; separate: the same in files of their "
        'own, train_R8.json, val_R8.json, ... with the films that the reader read; the '
        'test consensus is written once (default: %(default)s)',
    )
    group.add_argument(
        '--label-rule',
        choices=('majority', 'any'),
        default='majority',
        help='image label is present when more than half of the readers, or any of '
        'them, say so; the votes are kept beside it (default: %(default)s)',
    )


def convert(args: argparse.Namespace, report: Report) -> Conversion:
    """Read, check, fuse and split a release as the command line asks.

    Raises:
        AnnotationError: the data are wrong or incomplete.
    """
    release = read_release(args, report)
    split = _split(release.train, args)
    parts = [*_train_parts(split, release, args), _test_part(release, args)]
    named = {**split, 'test': release.test}
    return Conversion(
        dataset='vindr-cxr',
        release=release.name,
        findings=FINDINGS[release.name],
        image_classes=release.image_classes,
        images_root=release.images_root,
        label_source=release.train_source,
        seed=args.seed,
        parts=[part for part in parts if part.records],
        lists={
            f'{name}_list': [record.image_id for record in records]
            for name, records in named.items()
            if records
        },
        extra={'label_rule': args.label_rule},
    )


def _split(
    records: list[ImageRecord], args: argparse.Namespace
) -> dict[str, list[ImageRecord]]:
    """Train and val; no patient is known, so every film stands for itself."""
    votes = [[vote or 0 for vote in r.votes or ()] for r in records]
    width = max(map(len, votes), default=0)
    strata = np.array([row or [0] * width for row in votes])
    fractions = {'train': 1 - args.val_fraction, 'val': args.val_fraction}
    return split_records(records, fractions, args.seed, strata)


def _train_parts(
    split: dict[str, list[ImageRecord]], release: Release, args: argparse.Namespace
) -> list[Part]:
    """Train and val with the boxes of all readers, or one pair of files a reader."""
    family = 'subset' if args.limit else 'random-image'
    family = family if args.val_fraction else 'official'
    if args.readers == 'separate':
        return _reader_parts(split, release, family, args)
    truth = 'reader(union)'
    if args.readers == 'wbf':
        from .readers_fusion import fuse_readers  # brings SciPy, which --help can spare

        truth = 'fused(wbf>0.5)'
        split = {
            name: [fuse_readers(record) for record in records]
            for name, records in split.items()
        }
    return [
        Part(name, 'detection', name, family, truth, records)
        for name, records in split.items()
    ]


def _reader_parts(
    split: dict[str, list[ImageRecord]],
    release: Release,
    family: str,
    args: argparse.Namespace,
) -> list[Part]:
    """train_R8, val_R8, ...: the films that a reader read, as that reader saw them.

    All readers share one split, so that a film to validate on was trained on by none.
    """
    from .readers_fusion import one_reader
    from .readers_fusion import reader_order

    parts = []
    labels = release.train_labels
    for reader in sorted(set(labels.reader.tolist()), key=reader_order):
        own = labels.of(reader)
        read = set(own.image_id.tolist())
        for name, records in split.items():
            films = [one_reader(r, reader) for r in records if r.image_id in read]
            known = own.fields([r.image_id for r in films], args.label_rule)
            films = [replace(r, **k) for r, k in zip(films, known, strict=True)]
            truth = f'reader({reader})'
            parts.append(
                Part(f'{name}_{reader}', 'detection', name, family, truth, films)
            )
    return parts


def _test_part(release: Release, args: argparse.Namespace) -> Part:
    """The consensus, or films without labels, which cannot be scored."""
    family = 'official' if release.test_complete else 'official-incomplete'
    family = 'subset' if args.limit else family
    source = release.test_source
    if source is None:
        extra: dict[str, str | None] = {'label_file': None, 'label_sha256': None}
        return Part(
            'test_unlabelled', 'detection', 'test', family, None, release.test, extra
        )
    extra = {'label_file': source.path.name, 'label_sha256': source.content_sha256}
    return Part('test', 'detection', 'test', family, 'consensus', release.test, extra)
