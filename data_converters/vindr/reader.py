"""VinDr-CXR from PhysioNet, or its Kaggle edition VinBigData -> COCO with votes.

Source: Nguyen et al. 2022, doi:10.1038/s41597-022-01498-w.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from data_converters.collecting import without_collection
from data_converters.conversion import Conversion
from data_converters.conversion import Part
from data_converters.cross_validation import add_folds_argument
from data_converters.cross_validation import fold_facts
from data_converters.cross_validation import train_val_folds
from data_converters.records import ImageRecord
from data_converters.report import Report
from data_converters.splits import split_records

from .ground_truth import GroundTruth
from .ground_truth import add_reader_arguments
from .ground_truth import chosen_readers
from .ground_truth import ground_truths
from .release import Release
from .release import read_release
from .tables import FINDINGS

EXAMPLES = """examples:
  a whole download, PhysioNet or Kaggle, as it was unpacked
    {program} --root vindr-cxr/1.0.0 --out data/vindr-cxr
  a first try with 100 films of each part; only what two readers agree on
    {program} --root vindr-cxr/1.0.0 --limit 100 --min-votes 2 --out data/try
  five folds of what the majority saw, fold_0/train.json, fold_0/val.json, ...
    {program} --root vindr-cxr/1.0.0 --readers majority --folds 5 --out data/cv
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
    add_reader_arguments(parser)
    add_folds_argument(
        parser,
        'in the place of one train and val: the folders fold_0 to fold_K-1, each '
        'with its train.json and val.json (and test.json, if there is one), so that '
        'each is a data_root; every training film is in the val.json of exactly one. '
        'Films are stratified over the findings, and since no patient is known each '
        'stands for itself; --seed decides, --val-fraction does not count',
    )


@without_collection
def convert(args: argparse.Namespace, report: Report) -> Conversion:
    """Read, check, fuse and split a release as the command line asks.

    Raises:
        AnnotationError: the data are wrong or incomplete.
    """
    readers = chosen_readers(args)
    release = read_release(args, report, readers.min_votes)
    truths = ground_truths(release, readers, report)
    if not args.no_agreement:
        report.reader_agreement = _agreement(release, readers.iou_thr)
    parts: list[Part] = []
    lists: dict[str, list[str]] = {}
    for folder, split in _splits(release.train, args).items():
        facts = {'min_votes': readers.min_votes} if len(truths) == 1 else {}
        facts |= fold_facts(folder, args.folds)
        parts += _train_parts(split, truths, folder, facts, args)
        parts.append(_test_part(release, folder, args))
        named = {**split, 'test': release.test}
        if len(truths) == 1:
            seen = truths[0].films.keys() | {film.image_id for film in release.test}
            named = {
                n: [f for f in films if f.image_id in seen]
                for n, films in named.items()
            }
        lists |= {
            f'{folder}{name}_list': [film.image_id for film in films]
            for name, films in named.items()
            if films
        }
    return Conversion(
        dataset='vindr-cxr',
        release=release.name,
        findings=FINDINGS[release.name],
        image_classes=release.image_classes,
        images_root=release.images_root,
        label_source=release.train_source,
        seed=args.seed,
        parts=[part for part in parts if part.records],
        lists=lists,
    )


def _splits(
    records: list[ImageRecord], args: argparse.Namespace
) -> dict[str, dict[str, list[ImageRecord]]]:
    """Folder -> train and val; no patient is known, so every film stands for itself."""
    votes = [[vote or 0 for vote in r.votes or ()] for r in records]
    width = max(map(len, votes), default=0)
    strata = np.array([row or [0] * width for row in votes])
    if not args.folds:
        fractions = {'train': 1 - args.val_fraction, 'val': args.val_fraction}
        return {'': split_records(records, fractions, args.seed, strata)}
    return train_val_folds(records, args.folds, args.seed, strata)


def _train_parts(
    split: dict[str, list[ImageRecord]],
    truths: list[GroundTruth],
    folder: str,
    facts: dict[str, Any],
    args: argparse.Namespace,
) -> list[Part]:
    """Train and val with each ground truth.

    All readers share one split, so that a film to validate on was trained on by none.
    """
    family = 'random-image' if args.val_fraction or args.folds else 'official'
    family = 'subset' if args.limit else family
    return [
        Part(
            f'{folder}{name}{truth.suffix}',
            'detection',
            name,
            family,
            truth.name,
            [truth.films[f.image_id] for f in films if f.image_id in truth.films],
            facts,
        )
        for truth in truths
        for name, films in split.items()
    ]


def _test_part(release: Release, folder: str, args: argparse.Namespace) -> Part:
    """The consensus, or films without labels, which cannot be scored."""
    family = 'official' if release.test_complete else 'official-incomplete'
    family = 'subset' if args.limit else family
    source = release.test_source
    name = f'{folder}test' if source else f'{folder}test_unlabelled'
    extra: dict[str, Any] = {
        'label_file': source.path.name if source else None,
        'label_sha256': source.content_sha256 if source else None,
    }
    truth = 'consensus' if source else None
    return Part(name, 'detection', 'test', family, truth, release.test, extra)


def _agreement(release: Release, iou_thr: float) -> dict[str, Any] | None:
    """What the readers tell of one another; None where no film has two of them."""
    from .agreement import reader_agreement  # brings SciPy, which --help can spare

    labels = release.train_labels
    read = zip(labels.image_id.tolist(), labels.reader.tolist(), strict=True)
    return reader_agreement(release.train, read, FINDINGS[release.name], iou_thr)
