"""VinDr-CXR's image-level labels, reader by reader, and the votes they add up to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data_converters.report import Report
from data_converters.tables import read_table
from mmlung.findings import ALIASES
from mmlung.findings import NO_FINDING
from mmlung.findings import VINDR_GLOBAL
from mmlung.findings import VINDR_LOCAL

from .rows import Sieve
from .tables import BoxRows

ALL_LABELS = VINDR_LOCAL + VINDR_GLOBAL
"""The 28 columns of the PhysioNet label files, in their order."""


@dataclass(frozen=True)
class ReaderLabels:
    """What each reader said of each film, (R,) rows; ``reader`` is '' in a consensus.

    ``values`` is (R, C) over ``classes``: 1 present, 0 absent, NaN not asked.
    """

    classes: tuple[str, ...]
    image_id: np.ndarray
    reader: np.ndarray
    values: np.ndarray

    def of(self, reader: str) -> ReaderLabels:
        """The rows of one reader."""
        rows = self.reader == reader
        return ReaderLabels(
            self.classes, self.image_id[rows], self.reader[rows], self.values[rows]
        )

    def only(self, classes: tuple[str, ...]) -> ReaderLabels:
        """The columns of some classes, all of which must be there."""
        columns = [self.classes.index(name) for name in classes]
        return ReaderLabels(
            classes, self.image_id, self.reader, self.values[:, columns]
        )

    def fields(self, image_ids: Sequence[str], min_votes: int) -> list[dict[str, Any]]:
        """``labels``, ``votes`` and ``n_readers`` of an ``ImageRecord`` for each film.

        'No finding' is present when enough readers say so and no finding is present.

        Args:
            image_ids: films; the labels of one without a row are unknown.
            min_votes: a label is present when so many readers say so. A consensus is
                taken as it is.
        """
        place = {image_id: i for i, image_id in enumerate(image_ids)}
        at = np.array([place.get(i, -1) for i in self.image_id.tolist()], dtype=int)
        votes = np.zeros((len(place), len(self.classes)))
        np.add.at(votes, at[at >= 0], self.values[at >= 0])
        n_readers = np.bincount(at[at >= 0], minlength=len(place))
        votes[n_readers == 0] = np.nan
        if (self.reader == '').all():
            return [{'labels': tuple(row)} for row in votes.tolist()]
        labels = np.where(np.isnan(votes), np.nan, votes >= min_votes)
        none = self.classes.index(NO_FINDING)
        labels[(np.delete(labels, none, axis=1) == 1).any(axis=1), none] = 0
        return [
            {'labels': tuple(row), 'votes': vote, 'n_readers': n}
            for row, vote, n in zip(
                labels.tolist(), _whole(votes), n_readers.tolist(), strict=True
            )
        ]


def labels_from_boxes(
    rows: BoxRows, classes: tuple[str, ...], findings: Sequence[str]
) -> ReaderLabels:
    """A reader who drew a finding says it is present; the rest of ``findings`` absent.

    Labels of ``classes`` that are never drawn are NaN.
    """
    import pandas as pd

    image, image_ids = pd.factorize(rows.image_id)
    reader, readers = pd.factorize(rows.reader)
    pairs, pair = np.unique(image * len(readers) + reader, return_inverse=True)
    drawn = [name in findings or name == NO_FINDING for name in classes]
    values = np.tile(np.where(drawn, 0.0, np.nan), (len(pairs), 1))
    column = {name: i for i, name in enumerate(classes)}
    values[pair, [column[name] for name in rows.finding.tolist()]] = 1
    return ReaderLabels(
        classes, image_ids[pairs // len(readers)], readers[pairs % len(readers)], values
    )


def read_labels(
    path: Path, report: Report, consensus: bool, drop_invalid: bool = False
) -> ReaderLabels:
    """Read image_labels_train.csv, or with ``consensus`` image_labels_test.csv.

    A blank cell means absent, with a warning that counts them.

    Raises:
        AnnotationError: a label column is missing, a cell is neither 0 nor 1, or a row
            stands there twice; with ``drop_invalid`` such rows are left out.
    """
    ids = ('image_id',) if consensus else ('image_id', 'rad_id')
    table = read_table(path, wanted=ids)
    report.add_input(table.source, 'test image labels' if consensus else 'image labels')
    table.frame.columns = [ALIASES.get(name, name) for name in table.frame.columns]
    missing = [name for name in ALL_LABELS if name not in table.frame]
    if missing:
        raise table.error(
            f'label columns {missing} are missing; found: {list(table.frame.columns)}'
        )
    extra = [c for c in table.frame if c not in {'image_id', 'rad_id', *ALL_LABELS}]
    if extra:
        report.warn(f'{table.name}: columns {extra} are no known labels, not used')
    sieve = Sieve(table, report, drop_invalid)
    who = table.frame[list(ids)]
    repeated = who.duplicated().to_numpy()
    sieve.leave_out(
        repeated, 'repeated', lambda i: f'{" ".join(who.iloc[i])} stands there twice'
    )
    values = _cells(sieve)
    table = sieve.table
    reader = np.full(len(table.frame), '', object)
    if not consensus:
        reader = table.frame['rad_id'].to_numpy(object)
    image_id = table.frame['image_id'].to_numpy(object)
    return ReaderLabels(ALL_LABELS, image_id, reader, values)


def _cells(sieve: Sieve) -> np.ndarray:
    """(N, 28) of 1 and 0 in the rows that can be right."""
    parsed = [sieve.table.numbers_or_bad(name) for name in ALL_LABELS]
    values = np.stack([column for column, _ in parsed], axis=1)
    bad = np.stack([column for _, column in parsed], axis=1)
    bad |= ~np.isnan(values) & (values != 0) & (values != 1)
    where = {row: ALL_LABELS[column] for row, column in np.argwhere(bad)[::-1].tolist()}
    cells = sieve.table.frame
    right = ~np.asarray(bad.any(axis=1))
    sieve.leave_out(
        ~right,
        'label neither 0 nor 1',
        lambda i: f'{where[i]} must be 0 or 1, got {cells[where[i]].iloc[i]}',
    )
    values, table = values[right], sieve.table
    blank = np.isnan(values)
    if blank.any():
        line = int(table.frame.index[blank.any(axis=1).argmax()])
        sieve.report.warn(
            f'{table.name}: {blank.sum():,} blank label cells were read as 0 '
            f'(first: row {line})'
        )
    return np.where(blank, 0.0, values)


def _whole(votes: np.ndarray) -> list[tuple[int | None, ...]]:
    """Votes as whole numbers, None for a label that nobody was asked about."""
    unknown = np.isnan(votes)
    if not unknown.any():
        return list(map(tuple, votes.astype(int).tolist()))
    whole = np.where(unknown, 0, votes).astype(int).astype(object)
    whole[unknown] = None
    return list(map(tuple, whole.tolist()))
