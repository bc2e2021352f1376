"""VinDr-CXR's tables of boxes and of image labels as arrays, checked row by row."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import fields
from functools import partial
from pathlib import Path

import numpy as np

from data_converters.report import Report
from data_converters.tables import Source
from data_converters.tables import Table
from data_converters.tables import read_table
from mmlung.findings import ALIASES
from mmlung.findings import NO_FINDING
from mmlung.findings import VINDR_GLOBAL
from mmlung.findings import VINDR_KAGGLE
from mmlung.findings import VINDR_LOCAL
from mmlung.findings import canonical_finding

from .rows import Sieve
from .rows import repeats

FINDINGS = {'physionet': VINDR_LOCAL, 'kaggle': VINDR_KAGGLE}
"""Release -> the findings that it draws as boxes."""

_CORNERS = ('x_min', 'y_min', 'x_max', 'y_max')


@dataclass(frozen=True)
class BoxRows:
    """Rows of a table of boxes, each field (N, ...); 'No finding' rows are among them.

    ``reader`` is '' in a consensus, ``size_hw`` NaN where the table has no sizes.
    """

    image_id: np.ndarray
    reader: np.ndarray
    finding: np.ndarray
    xyxy: np.ndarray
    size_hw: np.ndarray
    line: np.ndarray

    def where(self, mask: np.ndarray) -> BoxRows:
        """The rows of a mask."""
        return BoxRows(*(getattr(self, field.name)[mask] for field in fields(self)))

    @property
    def is_box(self) -> np.ndarray:
        """(N,) rows that speak of a lesion."""
        return np.asarray(self.finding != NO_FINDING)


@dataclass(frozen=True)
class BoxTable:
    """A table of boxes: where it comes from, its release and its rows."""

    source: Source
    release: str
    rows: BoxRows

    @property
    def name(self) -> str:
        """File name without its folder."""
        return self.source.path.name


def read_boxes(
    path: Path, report: Report, release: str | None = None, drop_invalid: bool = False
) -> BoxTable:
    """Read a table of boxes, of single readers or, with ``release`` given, a consensus.

    A mirror that scaled its boxes keeps the original coordinates in ``raw_x_min`` and
    so on: these are read.

    Args:
        path: CSV with image_id, class_name, x_min, y_min, x_max, y_max and rad_id.
        report: gets the input and what is odd about it.
        release: of the training table; None: this is the training table.
        drop_invalid: leave out rows that cannot be right, each in the report.

    Raises:
        AnnotationError: a column is missing, or a row is wrong: a blank id, a name that
            is no finding or no local one, a coordinate that is no number, a repeated
            row, or 'No finding' of a reader who draws a box on the same film.
    """
    table = read_table(path, wanted=('image_id', 'class_name', *_CORNERS))
    report.add_input(table.source, 'boxes' if release is None else 'test boxes')
    _check_kind(table)
    consensus = release is not None
    release = release or ('kaggle' if 'class_id' in table.frame else 'physionet')
    prefix = 'raw_' if 'raw_x_min' in table.frame else ''
    corners = [prefix + name for name in _CORNERS]
    table, finding, xyxy = _right_rows(
        table, consensus, release, corners, report, drop_invalid
    )
    n_rows = len(table.frame)
    rows = BoxRows(
        image_id=table.frame['image_id'].to_numpy(object),
        reader=np.full(n_rows, '', object)
        if consensus
        else table.frame['rad_id'].to_numpy(object),
        finding=finding,
        xyxy=xyxy,
        size_hw=_sizes(table, prefix),
        line=table.frame.index.to_numpy(),
    )
    with_corners = ~rows.is_box & ~np.isnan(rows.xyxy).all(axis=1)
    if with_corners.any():
        report.warn(
            f'{path.name}: {with_corners.sum():,} rows of {NO_FINDING!r} have '
            'coordinates, which are no boxes and were not used'
        )
    return BoxTable(table.source, release, rows)


def read_sizes_table(path: Path, report: Report) -> dict[str, tuple[int, int]]:
    """Image id -> original (height, width) from a CSV with image_id, dim0, dim1."""
    table = read_table(path, wanted=('image_id', 'dim0', 'dim1'))
    report.add_input(table.source, 'image sizes', annotations=False)
    size_hw = np.stack([table.numbers('dim0'), table.numbers('dim1')], axis=1)
    bad = ~(size_hw >= 1).all(axis=1) | (size_hw % 1 != 0).any(axis=1)
    if bad.any():
        at = int(bad.argmax())
        raise table.error(
            'dim0 (height) and dim1 (width) must be whole numbers of at least 1, got '
            f'{size_hw[at].tolist()}',
            row=int(table.frame.index[at]),
        )
    ids = table.frame['image_id'].tolist()
    return dict(zip(ids, map(tuple, size_hw.astype(int).tolist()), strict=True))


def _check_kind(table: Table) -> None:
    """Rows, and not those of the paediatric data set."""
    if table.frame.empty:
        raise table.error('has a header and no rows')
    if 'rad_ID' in table.frame:
        raise table.error(
            'has a column rad_ID: this is VinDr-PCXR, children with other findings, '
            'which is not read as VinDr-CXR.'
        )


def _right_rows(
    table: Table,
    consensus: bool,
    release: str,
    corners: list[str],
    report: Report,
    drop_invalid: bool,
) -> tuple[Table, np.ndarray, np.ndarray]:
    """The rows that can be right, their findings as the release has them, corners."""
    reader = [] if consensus else ['rad_id']
    sieve = Sieve(table, report, drop_invalid)
    for name in ('image_id', 'class_name', *reader):
        blank = (sieve.table.frame[name] == '').to_numpy()
        sieve.leave_out(blank, f'blank {name}', f'{name} must not be blank')
    cells = sieve.table.frame['class_name']
    names, wrong = _known_names(cells.unique().tolist(), release)
    unknown = cells.isin(wrong).to_numpy()
    sieve.leave_out(unknown, 'no finding of a box', lambda i: wrong[cells.iloc[i]])
    numbers = {name: table.numbers_or_bad(name) for name in corners}
    for name in corners:
        bad = numbers[name][1][sieve.kept]
        sieve.leave_out(bad, 'no number', partial(sieve.table.no_number, name))
    same = ['image_id', 'class_name', *reader, *corners]
    repeated, reason = repeats(sieve.table, same)
    if consensus:  # five readers agree on nothing: the row may stand there five times
        nothing = (sieve.table.frame['class_name'] == NO_FINDING).to_numpy()
        repeated = repeated & ~nothing
    sieve.leave_out(repeated, 'repeated', reason)
    who = sieve.table.frame[['image_id', *reader]]
    sieve.leave_out(
        _contradicted(sieve.table, reader),
        f'{NO_FINDING} beside a box',
        lambda i: (
            f'{" ".join(who.iloc[i])} says {NO_FINDING!r}, and another row draws '
            'a box there'
        ),
    )
    finding = sieve.table.frame['class_name'].map(names).to_numpy(object)
    xyxy = np.stack([numbers[name][0] for name in corners], axis=1)
    return sieve.table, finding, xyxy[sieve.kept]


def _known_names(
    cells: list[str], release: str
) -> tuple[dict[str, str], dict[str, str]]:
    """Names as the release spells them, and what is wrong with the other ones."""
    known = (*FINDINGS[release], NO_FINDING)
    names: dict[str, str] = {}
    wrong: dict[str, str] = {}
    for name in cells:
        if ALIASES.get(name, name) in set(VINDR_GLOBAL) - {NO_FINDING}:
            wrong[name] = (
                f'{name!r} is a label of the whole image and cannot have a box'
            )
            continue
        try:
            names[name] = canonical_finding(name, known, f'VinDr-CXR ({release})')
        except ValueError as error:
            wrong[name] = str(error).rstrip('.')
    return names, wrong


def _contradicted(table: Table, reader: list[str]) -> np.ndarray:
    """(N,) rows of 'No finding' by a reader who draws a box on the same film."""
    import pandas as pd

    none = (table.frame['class_name'] == NO_FINDING).to_numpy()
    film = pd.factorize(table.frame['image_id'])[0]
    who = pd.factorize(table.frame['rad_id'])[0] if reader else np.zeros_like(film)
    pair = film * (who.max(initial=0) + 1) + who
    draws = np.zeros(pair.max(initial=0) + 1, dtype=bool)
    draws[pair[~none]] = True
    return np.asarray(none & draws[pair])


def _sizes(table: Table, prefix: str) -> np.ndarray:
    """(N, 2) original height and width that some mirrors carry beside each box."""
    names = [prefix + 'height', prefix + 'width']
    if not set(names) <= set(table.frame.columns):
        return np.full((len(table.frame), 2), np.nan)
    return np.stack([table.numbers(name) for name in names], axis=1)
