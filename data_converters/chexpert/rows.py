"""CheXpert's tables, row by row: patient, study, view, sex, age and label cells."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import numpy as np

from data_converters.label_cells import read_cells
from data_converters.report import Report
from data_converters.tables import Source
from data_converters.tables import Table
from data_converters.tables import read_table
from mmlung.findings import CHEXPERT

if TYPE_CHECKING:
    import pandas as pd

_NAME = (
    r'^(?P<before>.*?)(?P<patient>patient\d+)/(?P<study>study\d+)/'
    r'(?P<stem>[^/]*(?P<side>frontal|lateral)[^/]*)\.\w+$'
)
_SEXES = {'Male': 'M', 'Female': 'F', 'Unknown': None, '': None}
_LATERAL = 'LATERAL'


@dataclass(frozen=True)
class FilmTable:
    """Films of a table as arrays of N; unknown views, sexes and ages are None.

    Args:
        source: the table.
        folder: what its paths start with, such as CheXpert-v1.0-small/train/.
        path: below that folder, such as patient00001/study1/view1_frontal.jpg.
        patient: such as patient00001.
        study: such as study1.
        stem: such as view1_frontal.
        frontal: whether the file is called frontal.
        view: AP, PA, LL, RL or LATERAL.
        sex: M or F.
        age: whole years.
        line: of the table.
        cells: (N, 14) of 1, 0, -1 and NaN, findings in the order of ``CHEXPERT``.
    """

    source: Source
    folder: str
    path: np.ndarray
    patient: np.ndarray
    study: np.ndarray
    stem: np.ndarray
    frontal: np.ndarray
    view: np.ndarray
    sex: np.ndarray
    age: np.ndarray
    line: np.ndarray
    cells: np.ndarray

    def __len__(self) -> int:
        return len(self.path)

    def where(self, wanted: np.ndarray | slice) -> FilmTable:
        """The films of an (N,) mask, of indices, or of a slice."""
        arrays: dict[str, Any] = {
            name: value[wanted]
            for name, value in vars(self).items()
            if isinstance(value, np.ndarray)
        }
        return replace(self, **arrays)


def read_films(
    path: Path, role: str, report: Report, drop_invalid: bool = False
) -> FilmTable:
    """Read train.csv, valid.csv or test.csv of either size of the release.

    The patient, study and view are found in ``Path`` by what they are called, wherever
    they stand in it: test tables have no folder of the release in front. Columns but
    ``Path`` and the labels may be missing, as in the published test labels.

    Args:
        path: the table.
        role: train, valid or test.
        report: gets the input, rows that are left out, and what is odd.
        drop_invalid: leave out broken rows, else stop.

    Raises:
        AnnotationError: a column is missing, a path or a label cannot be understood, or
            a film comes twice.
    """
    table = read_table(path, ('Path', *CHEXPERT))
    report.add_input(table.source, role)
    parts = table.frame['Path'].str.extract(_NAME)
    cells, keep = read_cells(
        table, {name: name for name in CHEXPERT}, report, drop_invalid
    )
    keep &= _understood(table, parts['patient'].isna().to_numpy(), report, drop_invalid)
    keep &= _first(table, parts, report, drop_invalid, keep)
    column = {name: parts[name].to_numpy(dtype=object) for name in parts}
    lengths = parts['before'].str.len().fillna(0).to_numpy(dtype=int)
    below = [
        text[n:] for text, n in zip(table.frame['Path'], lengths.tolist(), strict=True)
    ]
    frontal = column['side'] == 'frontal'
    befores = column['before'][keep]
    films = FilmTable(
        table.source,
        befores[0] if len(befores) else '',
        np.array(below, dtype=object),
        column['patient'],
        column['study'],
        column['stem'],
        frontal,
        _views(table, frontal, report),
        _sexes(table, report),
        _ages(table, report),
        table.frame.index.to_numpy(),
        cells,
    )
    return films.where(keep)


def _understood(
    table: Table, odd: np.ndarray, report: Report, drop_invalid: bool
) -> np.ndarray:
    """(N,) rows whose Path is a film's."""
    for row in np.flatnonzero(odd).tolist():
        line, text = int(table.frame.index[row]), table.frame['Path'].iloc[row]
        problem = (
            'Path must end like patient00001/study1/view1_frontal.jpg (or lateral), '
            f'got {text!r}'
        )
        if not drop_invalid:
            raise table.error(f'{problem}. Mend it or pass --drop-invalid.', line)
        report.drop(table.name, line, problem)
    return ~odd


def _first(
    table: Table,
    parts: pd.DataFrame,
    report: Report,
    drop_invalid: bool,
    keep: np.ndarray,
) -> np.ndarray:
    """(N,) False for the second row of a film."""
    again = parts.duplicated(['patient', 'study', 'stem']).to_numpy() & keep
    for row in np.flatnonzero(again).tolist():
        line = int(table.frame.index[row])
        problem = f'film {table.frame["Path"].iloc[row]} has a second row'
        if not drop_invalid:
            raise table.error(f'{problem}. Remove one or pass --drop-invalid.', line)
        report.drop(table.name, line, problem)
    return ~again


def _views(table: Table, frontal: np.ndarray, report: Report) -> np.ndarray:
    """AP, PA, LL, RL as ``AP/PA`` says; LATERAL for a lateral, None where it is blank.

    Which films are frontal is the file name's word; ``Frontal/Lateral`` may only agree.
    """
    frame = table.frame
    if 'Frontal/Lateral' in frame.columns:
        called = frame['Frontal/Lateral'].str.lower().to_numpy(dtype=object)
        differ = np.flatnonzero((called != '') & ((called == 'frontal') != frontal))
        if len(differ):
            report.warn(
                f'Frontal/Lateral differs from the name of {len(differ):,} films '
                f'(first: {table.name} row {frame.index[differ[0]]}); the name counts'
            )
    views = np.full(len(frame), None, dtype=object)
    views[~frontal] = _LATERAL
    if 'AP/PA' in frame.columns:
        cells = frame['AP/PA'].str.upper().to_numpy(dtype=object)
        views[cells != ''] = cells[cells != '']
    return views


def _sexes(table: Table, report: Report) -> np.ndarray:
    if 'Sex' not in table.frame.columns:
        return np.full(len(table.frame), None, dtype=object)
    cells = table.frame['Sex']
    known = {text: _SEXES.get(text.capitalize()) for text in cells.unique()}
    odd = sorted(text for text in known if text.capitalize() not in _SEXES)
    if odd:
        report.warn(
            f'{table.name}: Sex is neither Male nor Female but {", ".join(odd)} in '
            f'{int(cells.isin(odd).sum()):,} rows; it is unknown there'
        )
    return _looked_up(cells, known)


def _ages(table: Table, report: Report) -> np.ndarray:
    """Whole years; the 0 of the release is a blank, for its patients are adults."""
    if 'Age' not in table.frame.columns:
        return np.full(len(table.frame), None, dtype=object)
    cells = table.frame['Age']
    known = {text: _age(text) for text in cells.unique()}
    unknown = cells.isin([text for text, age in known.items() if text and age is None])
    if unknown.any():
        report.count(
            f'ages of {table.name} that are 0 or no age, left out', int(unknown.sum())
        )
    return _looked_up(cells, known)


def _age(text: str) -> int | None:
    try:
        years = float(text)
    except ValueError:
        return None
    return int(years) if 1 <= years <= 120 else None


def _looked_up(cells: pd.Series, known: dict) -> np.ndarray:
    """(N,) objects, one for every cell: a map of pandas would make NaN of None."""
    found = np.empty(len(cells), dtype=object)
    found[:] = [known[text] for text in cells]
    return found
