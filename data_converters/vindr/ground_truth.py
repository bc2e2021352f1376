"""VinDr-CXR's readers as ground truth: fused, united, one of them, or each alone."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import replace

import numpy as np

from data_converters.arguments import fraction
from data_converters.arguments import positive
from data_converters.records import AnnotationError
from data_converters.records import ImageRecord
from data_converters.report import Report

from .release import Release

_MODES = ('wbf', 'majority', 'union', 'separate')
_ONE_READER = re.compile(r'R\d+')
_MAJORITY = 2


@dataclass(frozen=True)
class Readers:
    """How several readers become one ground truth.

    Args:
        mode: wbf, majority, union or separate; or the name of one reader.
        min_votes: readers who must agree, for labels and fused boxes alike.
        iou_thr: boxes of readers join when their IoU exceeds it.
    """

    mode: str = 'wbf'
    min_votes: int = 1
    iou_thr: float = 0.5

    @property
    def fused(self) -> bool:
        """Whether boxes of several readers become one."""
        return self.mode in ('wbf', 'majority')

    @property
    def truth(self) -> str:
        """What the annotation files say of their ground truth."""
        if not self.fused:
            return f'reader({self.mode})'
        votes = f',votes>={self.min_votes}' if self.min_votes > 1 else ''
        return f'fused(wbf>{self.iou_thr:g}{votes})'


@dataclass(frozen=True)
class GroundTruth:
    """The training films as one reader, or all of them, see them.

    Args:
        name: what the annotation files say of it, such as reader(R8).
        suffix: of the annotation files' names.
        films: image id -> film; one that the reader did not read is not there.
    """

    name: str
    suffix: str
    films: Mapping[str, ImageRecord]


def add_reader_arguments(parser: argparse.ArgumentParser) -> None:
    """Which readers, how they are fused, and how they are compared."""
    group = parser.add_argument_group('readers')
    group.add_argument(
        '--readers',
        type=_readers,
        default='wbf',
        metavar='{wbf,majority,union,separate,RXX}',
        help='wbf: weighted boxes fusion of each finding, votes kept; majority: the '
        'same, with what at least two readers saw; '
        "union: every reader's box unchanged; RXX (such as R8): the boxes, labels and "
        'films of one reader; separate: the same of every reader, in files of their '
        'own, train_R8.json, val_R8.json, ... All readers share one split; the test '
        'consensus is written as it is (default: %(default)s)',
    )
    group.add_argument(
        '--min-votes',
        type=positive,
        metavar='N',
        help='readers who must agree before a finding counts, for image labels and '
        'fused boxes alike: a label with fewer votes is 0, a box with fewer is left '
        'out and counted; votes are kept, and the test consensus stays as it is. More '
        'than 1 needs --readers wbf or majority: the others keep what each reader '
        'drew (default: 1; 2 with --readers majority)',
    )
    group.add_argument(
        '--fusion-iou',
        type=fraction,
        metavar='IOU',
        help='boxes of one finding become one when their IoU exceeds this, strictly '
        '(default: 0.5). A fused box is the mean of its members, whose distinct '
        'readers are its votes',
    )
    group.add_argument(
        '--no-agreement',
        action='store_true',
        help='do not compare each reader with the fusion of the others (mIoU, AP40 '
        'per finding: the ceiling of a detector)',
    )


def chosen_readers(args: argparse.Namespace) -> Readers:
    """What the command line asks for.

    Raises:
        argparse.ArgumentError: options that contradict one another.
    """
    least = _MAJORITY if args.readers == 'majority' else 1
    votes = least if args.min_votes is None else args.min_votes
    iou_thr = 0.5 if args.fusion_iou is None else args.fusion_iou
    readers = Readers(args.readers, votes, iou_thr)
    if votes < least:
        raise argparse.ArgumentError(
            None,
            f'--readers majority asks at least {least} readers to agree, got '
            f'--min-votes {votes}. Use --readers wbf.',
        )
    if readers.fused:
        return readers
    if votes > 1:
        raise argparse.ArgumentError(
            None,
            f'--min-votes {votes} needs --readers wbf or majority: {args.readers} '
            'keeps what each reader drew, which has one vote',
        )
    if args.fusion_iou is not None:
        raise argparse.ArgumentError(
            None,
            f'--fusion-iou needs --readers wbf or majority: {args.readers} fuses '
            'nothing',
        )
    return readers


def ground_truths(
    release: Release, readers: Readers, report: Report
) -> list[GroundTruth]:
    """The training films as the readers, fused or not, see them.

    Raises:
        AnnotationError: there is no such reader, or votes that can never be reached.
    """
    if readers.mode == 'union':
        return [GroundTruth(readers.truth, '', _by_id(release.train))]
    if readers.fused:
        _check_min_votes(release, readers.min_votes, report)
        return [
            GroundTruth(readers.truth, '', _by_id(_fused(release, readers, report)))
        ]
    names = reader_names(release)
    if readers.mode == 'separate':
        return [
            GroundTruth(f'reader({name})', f'_{name}', _by_id(_alone(release, name)))
            for name in names
        ]
    if readers.mode not in names:
        raise AnnotationError(
            f'has no reader {readers.mode}. Its readers are {", ".join(names)}.',
            release.train_source.path,
        )
    films = _alone(release, readers.mode)
    n_boxes = sum(len(film.boxes) for film in release.train)
    own = sum(len(film.boxes) for film in films)
    report.count('boxes of other readers, left out', n_boxes - own)
    unread = len(release.train) - len(films)
    report.count(f'films that {readers.mode} did not read, left out', unread)
    return [GroundTruth(readers.truth, '', _by_id(films))]


def reader_names(release: Release) -> list[str]:
    """Who read the training films, R2 before R10."""
    from .fusion import reader_order  # brings SciPy, which --help can spare

    return sorted(set(release.train_labels.reader.tolist()), key=reader_order)


def _readers(text: str) -> str:
    if text not in _MODES and not _ONE_READER.fullmatch(text):
        raise argparse.ArgumentTypeError(
            f'invalid choice: {text!r} (choose from {", ".join(_MODES)}, or name one '
            'reader, such as R8)'
        )
    return text


def _by_id(films: list[ImageRecord]) -> dict[str, ImageRecord]:
    return {film.image_id: film for film in films}


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


def _fused(release: Release, readers: Readers, report: Report) -> list[ImageRecord]:
    """Films with the readers' boxes fused; boxes of too few readers are counted."""
    from .fusion import fuse_readers
    from .fusion import with_votes

    fused = [fuse_readers(record, readers.iou_thr) for record in release.train]
    if readers.min_votes == 1:
        return fused
    kept = [with_votes(record, readers.min_votes) for record in fused]
    lost = [len(f.boxes) - len(k.boxes) for f, k in zip(fused, kept, strict=True)]
    few = f'fewer than {readers.min_votes} readers'
    report.count(f'fused boxes of {few}, left out', sum(lost))
    emptied = sum(n > 0 and not k.boxes for n, k in zip(lost, kept, strict=True))
    report.count(f'films whose boxes are all of {few}', emptied)
    return kept


def _alone(release: Release, reader: str) -> list[ImageRecord]:
    """The films that a reader read, with that reader's boxes and labels alone."""
    from .fusion import one_reader

    own = release.train_labels.of(reader)
    read = set(own.image_id.tolist())
    films = [one_reader(r, reader) for r in release.train if r.image_id in read]
    known = own.fields([film.image_id for film in films], min_votes=1)
    return [replace(film, **k) for film, k in zip(films, known, strict=True)]
