"""VinDr-CXR's readers as ground truth: fused, united, or each by itself."""

from __future__ import annotations

import argparse
from dataclasses import replace

import numpy as np

from .conversion import Part
from .records import AnnotationError
from .records import ImageRecord
from .report import Report
from .vindr_release import Release

Split = dict[str, list[ImageRecord]]


def reader_parts(
    split: Split, release: Release, args: argparse.Namespace, report: Report
) -> list[Part]:
    """Train and val with the boxes of all readers, or one pair of files a reader."""
    _check_min_votes(release, args.min_votes, report)
    family = 'random-image' if args.val_fraction else 'official'
    family = 'subset' if args.limit else family
    if args.readers == 'separate':
        return _separate(split, release, family)
    truth = 'reader(union)'
    if args.readers == 'wbf':
        votes = args.min_votes
        truth = 'fused(wbf>0.5)' if votes == 1 else f'fused(wbf>0.5,votes>={votes})'
        split = {n: _fused(records, votes, report) for n, records in split.items()}
    extra = {'min_votes': args.min_votes}
    return [
        Part(name, 'detection', name, family, truth, records, extra)
        for name, records in split.items()
    ]


def _check_min_votes(release: Release, min_votes: int, report: Report) -> None:
    """There are so many readers; films that fewer of them read are told."""
    if min_votes == 1:
        return
    readers = np.array([r.n_readers or 0 for r in release.train])
    most = int(readers.max(initial=0))
    if min_votes > most:
        raise AnnotationError(
            f'--min-votes {min_votes} can never be reached: no film was read by more '
            f'than {most} readers',
            release.train_source.path,
        )
    few = readers < min_votes
    if few.any():
        report.warn(
            f'{few.sum():,} films (first: {release.train[int(few.argmax())].image_id}) '
            f'were read by fewer than {min_votes} readers and stay without a finding'
        )


def _fused(
    records: list[ImageRecord], min_votes: int, report: Report
) -> list[ImageRecord]:
    """Films with the readers' boxes fused; boxes of too few readers are counted."""
    from .readers_fusion import fuse_readers  # brings SciPy, which --help can spare
    from .readers_fusion import with_votes

    fused = [fuse_readers(record) for record in records]
    if min_votes == 1:
        return fused
    kept = [with_votes(record, min_votes) for record in fused]
    lost = [len(f.boxes) - len(k.boxes) for f, k in zip(fused, kept, strict=True)]
    few = f'fewer than {min_votes} readers'
    report.count(f'fused boxes of {few}, left out', sum(lost))
    emptied = sum(n > 0 and not k.boxes for n, k in zip(lost, kept, strict=True))
    report.count(f'films whose boxes are all of {few}', emptied)
    return kept


def _separate(split: Split, release: Release, family: str) -> list[Part]:
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
            known = own.fields([r.image_id for r in films], min_votes=1)
            films = [replace(r, **k) for r, k in zip(films, known, strict=True)]
            truth = f'reader({reader})'
            parts.append(
                Part(f'{name}_{reader}', 'detection', name, family, truth, films)
            )
    return parts
