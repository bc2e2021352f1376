"""VinDr-CXR from PhysioNet, or its Kaggle edition VinBigData -> COCO with votes.

Source: Nguyen et al. 2022, doi:10.1038/s41597-022-01498-w.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from .arguments import positive
from .conversion import Conversion
from .conversion import Part
from .records import ImageRecord
from .report import Report
from .splits import split_records
from .vindr_readers import reader_parts
from .vindr_release import Release
from .vindr_release import read_release
from .vindr_tables import FINDINGS

EXAMPLES = """examples:
  a whole download, PhysioNet or Kaggle, as it was unpacked
    {program} --root vindr-cxr/1.0.0 --out data/vindr-cxr
  a first try with 100 films of each part; only what two readers agree on
    {program} --root vindr-cxr/1.0.0 --limit 100 --min-votes 2 --out data/try
  file by file
    {program} --annotations train.csv --images train/ \\
        --test-images test/ --out data/vindr-cxr
  a mirror of resized PNG images; the table says how large the films were
    {program} --annotations train.csv --images png512/train/ \\
        --image-sizes train_meta.csv --out data/vindr-cxr
  before the images have arrived
    {program} --annotations train.csv \\
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
        '--min-votes',
        type=positive,
        default=1,
        metavar='N',
        help='readers who must agree before a finding counts, for image labels and '
        'fused boxes alike: a label with fewer votes is 0, a box with fewer is left '
        'out and counted; votes are kept, and the test consensus stays as it is. More '
        'than 1 needs --readers wbf: union and separate keep what each reader drew '
        '(default: %(default)s)',
    )


def convert(args: argparse.Namespace, report: Report) -> Conversion:
    """Read, check, fuse and split a release as the command line asks.

    Raises:
        AnnotationError: the data are wrong or incomplete.
    """
    if args.min_votes > 1 and args.readers != 'wbf':
        raise argparse.ArgumentError(
            None,
            f'--min-votes {args.min_votes} needs --readers wbf: {args.readers} keeps '
            'what each reader drew, which has one vote',
        )
    release = read_release(args, report)
    split = _split(release.train, args)
    parts = [*reader_parts(split, release, args, report), _test_part(release, args)]
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
