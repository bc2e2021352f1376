"""VinDr-CXR's tables of boxes and of image labels as arrays, checked row by row."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import fields
from pathlib import Path

import numpy as np

from mmlung.findings import ALIASES
from mmlung.findings import NO_FINDING
from mmlung.findings import VINDR_GLOBAL
from mmlung.findings import VINDR_KAGGLE
from mmlung.findings import VINDR_LOCAL

from .report import Report
from .tables import Source
from .tables import Table
from .tables import canonical_cell
from .tables import read_table

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


def read_boxes(path: Path, report: Report, release: str | None = None) -> BoxTable:
    """Read a table of boxes, of single readers or, with ``release`` given, a consensus.

    A repeated row is dropped and reported; a row of the mirror that keeps the original
    coordinates in ``raw_x_min`` and so on is read from these.

    Args:
        path: CSV with image_id, class_name, x_min, y_min, x_max, y_max and rad_id.
        report: gets the input and what is odd about it.
        release: of the training table; None: this is the training table.

    Raises:
        AnnotationError: a column, an id or a name is missing or wrong.
    """
    table = read_table(path, wanted=('image_id', 'class_name', *_CORNERS))
    report.add_input(table.source, 'boxes' if release is None else 'test boxes')
    _check_rows(table, consensus=release is not None)
    release = release or ('kaggle' if 'class_id' in table.frame else 'physionet')
    prefix = 'raw_' if 'raw_x_min' in table.frame else ''
    n_rows = len(table.frame)
    rows = BoxRows(
        image_id=table.frame['image_id'].to_numpy(object),
        reader=table.frame['rad_id'].to_numpy(object)
        if 'rad_id' in table.frame
        else np.full(n_rows, '', object),
        finding=_findings(table, release),
        xyxy=np.stack([table.numbers(prefix + name) for name in _CORNERS], axis=1),
        size_hw=_sizes(table, prefix),
        line=table.frame.index.to_numpy(),
    )
    with_corners = ~rows.is_box & ~np.isnan(rows.xyxy).all(axis=1)
    if with_corners.any():
        report.warn(
            f'{path.name}: {with_corners.sum():,} rows of {NO_FINDING!r} have '
            'coordinates, which are no boxes and were not used'
        )
    return BoxTable(table.source, release, _without_repeats(rows, path.name, report))


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


def _check_rows(table: Table, consensus: bool) -> None:
    """Rows without blank ids; no paediatric data set."""
    if table.frame.empty:
        raise table.error('has a header and no rows')
    if 'rad_ID' in table.frame:
        raise table.error(
            'has a column rad_ID: this is VinDr-PCXR, children with other findings, '
            'which is not read as VinDr-CXR.'
        )
    for name in ('image_id', 'class_name', *(() if consensus else ('rad_id',))):
        blank = (table.frame[name] == '').to_numpy()
        if blank.any():
            line = int(table.frame.index[blank.argmax()])
            raise table.error(f'{name} must not be blank', row=line)


def _findings(table: Table, release: str) -> np.ndarray:
    """(N,) names in the release's spelling."""
    names = table.frame['class_name']
    known = (*FINDINGS[release], NO_FINDING)
    canonical: dict[str, str] = {}
    for name in names.unique().tolist():
        if ALIASES.get(name, name) in set(VINDR_GLOBAL) - {NO_FINDING}:
            raise table.error(
                f'{name!r} is a label of the whole image and cannot have a box',
                table.line_of('class_name', name),
            )
        canonical[name] = canonical_cell(
            table, 'class_name', name, known, f'VinDr-CXR ({release})'
        )
    return np.asarray(names.map(canonical).to_numpy(object))


def _sizes(table: Table, prefix: str) -> np.ndarray:
    """(N, 2) original height and width that some mirrors carry beside each box."""
    names = [prefix + 'height', prefix + 'width']
    if not set(names) <= set(table.frame.columns):
        return np.full((len(table.frame), 2), np.nan)
    return np.stack([table.numbers(name) for name in names], axis=1)


def _without_repeats(rows: BoxRows, file: str, report: Report) -> BoxRows:
    """Rows less the boxes that stand there twice, by the same reader."""
    import pandas as pd

    keys = pd.DataFrame(rows.xyxy)
    keys['image_id'], keys['reader'] = rows.image_id, rows.reader
    keys['finding'] = rows.finding
    repeated = keys.duplicated().to_numpy() & rows.is_box
    for i in np.flatnonzero(repeated).tolist():
        report.drop(file, int(rows.line[i]), 'repeats an earlier row')
    return rows.where(~repeated)
