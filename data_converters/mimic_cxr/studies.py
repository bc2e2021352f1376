"""Labels of MIMIC-CXR's studies, and which study's row each film has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_converters.label_cells import read_cells
from data_converters.label_cells import report_labels
from data_converters.records import AnnotationError
from data_converters.report import Report
from data_converters.tables import Source
from data_converters.tables import read_table
from data_converters.uncertainty import LabelPolicy
from data_converters.uncertainty import apply_policy
from mmlung.findings import CHEXPERT

from .checks import numbered
from .checks import once
from .rows import FilmTable
from .rows import as_objects
from .rows import places_of

COLUMNS = {name: name for name in CHEXPERT}
"""Finding -> column of the tables that labelers made, which are alphabetical."""

TEST_COLUMNS = {**COLUMNS, 'Lung Opacity': 'Airspace Opacity'}
"""Of the table of 2.1.0 that a radiologist made."""


@dataclass(frozen=True)
class StudyTable:
    """Studies of a label table.

    Args:
        source: the table.
        study_id: (S,) text.
        subject_id: (S,) text; None where the table has no such column.
        line: (S,) of the table.
        cells: (S, 14) of 1, 0, -1 and NaN, findings in the order of ``CHEXPERT``.
    """

    source: Source
    study_id: np.ndarray
    subject_id: np.ndarray | None
    line: np.ndarray
    cells: np.ndarray

    def rows_of(self, films: FilmTable) -> np.ndarray:
        """(N,) row of each film's study, -1 where the table has none."""
        return places_of(films.study_id, self.study_id)


@dataclass(frozen=True)
class FilmLabels:
    """What N films are labelled.

    Args:
        labels: over ``CHEXPERT``, 1, 0 and NaN; equal ones are one object.
        line: of the label table; None for a study without a row.
    """

    labels: list[tuple[float, ...]]
    line: list[int | None]


def read_studies(
    path: Path,
    role: str,
    columns: Mapping[str, str],
    report: Report,
    drop_invalid: bool = False,
) -> StudyTable:
    """Read a table of labels, one row a study.

    Args:
        path: the table.
        role: what the report calls it.
        columns: finding -> its column.
        report: gets the input, and rows that are left out.
        drop_invalid: leave out broken rows, else stop.

    Raises:
        AnnotationError: a column is missing, a cell is no label, or a study comes
            twice.
    """
    table = read_table(path, ('study_id', *columns.values()))
    report.add_input(table.source, role)
    cells, keep = read_cells(table, columns, report, drop_invalid)
    keep &= numbered(table, 'study_id', report, drop_invalid)
    keep &= once(table, 'study_id', report, drop_invalid)
    frame = table.frame
    subjects = (
        as_objects(frame['subject_id']) if 'subject_id' in frame.columns else None
    )
    return StudyTable(
        table.source,
        as_objects(frame['study_id'])[keep],
        None if subjects is None else subjects[keep],
        frame.index.to_numpy()[keep],
        cells[keep],
    )


def check_subjects(films: FilmTable, studies: StudyTable) -> None:
    """The tables say the same patient of a study.

    Raises:
        AnnotationError: they differ.
    """
    if studies.subject_id is None:
        return
    rows = studies.rows_of(films)
    there = np.flatnonzero(rows >= 0)
    differ = there[studies.subject_id[rows[there]] != films.subject_id[there]]
    if len(differ):
        film, row = int(differ[0]), int(rows[differ[0]])
        raise AnnotationError(
            f'study {films.study_id[film]} is of patient {studies.subject_id[row]}, '
            f'but of {films.subject_id[film]} in {films.source.path.name}: tables of '
            'different releases?',
            studies.source.path,
            int(studies.line[row]),
        )


def label_films(
    films: FilmTable, studies: StudyTable, policy: LabelPolicy, report: Report
) -> FilmLabels:
    """Every film has the labels of its study; without a row they are all unknown."""
    rows = studies.rows_of(films)
    there = rows >= 0
    name = studies.source.path.name
    if not there.all():
        left = ~there
        report.count(f'films whose study {name} lacks, unlabelled', int(left.sum()))
        report.count(f'their studies, which {name} lacks', len({*films.study_id[left]}))
    result = apply_policy(studies.cells[rows[there]], CHEXPERT, policy)
    report_labels(report, policy, name, result)
    labels = np.full((len(films), len(CHEXPERT)), np.nan)
    labels[there] = result.labels
    lines = [*studies.line.tolist(), None]
    return FilmLabels(_shared_tuples(labels), [lines[row] for row in rows.tolist()])


def _shared_tuples(labels: np.ndarray) -> list[tuple[float, ...]]:
    """A tuple a row; the few thousand different ones are made once."""
    digits = np.where(np.isnan(labels), 2, labels).astype(np.int64)
    keys = digits @ 3 ** np.arange(labels.shape[1])
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    tuples = [tuple(row) for row in labels[first].tolist()]
    return [tuples[i] for i in inverse.tolist()]
