"""ChestX-ray14's label file, either version, checked row by row.

Source: Wang et al. 2017, doi:10.1109/CVPR.2017.369, and the README of the release.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_converters.records import AnnotationError
from data_converters.report import Report
from data_converters.tables import Source
from data_converters.tables import Table
from data_converters.tables import canonical_cell
from data_converters.tables import read_table
from mmlung.findings import CHESTXRAY14
from mmlung.findings import CHESTXRAY14_NO_FINDING

OLDEST_YEARS = 120
"""Older ages are mistakes: the label file of 2017 has 411 and the like."""

_AGE = re.compile(r'(\d{1,3})([YMWD]?)$')
_PER_YEAR = {'': 1, 'Y': 1, 'M': 12, 'W': 52, 'D': 365}


@dataclass(frozen=True)
class FilmRow:
    """One row of the label file; unknown view, sex and age (in years) are None."""

    image_index: str
    labels: tuple[float, ...]
    patient_id: str
    view: str | None
    sex: str | None
    age: float | None

    @property
    def healthy(self) -> bool:
        """Labelled 'No Finding': none of the 14, which is not the same as normal."""
        return not any(self.labels)


@dataclass(frozen=True)
class LabelFile:
    """The label file: its version (2017 or v2020) and stem -> row, in its order."""

    source: Source
    version: str
    rows: dict[str, FilmRow]

    def announcement(self) -> str:
        """One line that says which file and version the labels come from."""
        return (
            f'label file: {self.source.path.name}, version {self.version}, '
            f'{len(self.rows):,} films, sha256 {self.source.content_sha256}'
        )


def read_labels(path: Path, report: Report, drop_invalid: bool = False) -> LabelFile:
    """Read ``Data_Entry_2017.csv`` or ``Data_Entry_2017_v2020.csv``.

    Args:
        path: the file; the one of 2017 is known by the comma at the end of its lines.
        report: gets the input and what is odd about it.
        drop_invalid: leave out a row whose labels cannot be read.

    Raises:
        AnnotationError: a column is missing, a film comes twice, a label is unknown.
    """
    table = read_table(path, ('Image Index', 'Finding Labels', 'Patient ID'))
    report.add_input(table.source, 'labels')
    version = '2017' if _ends_with_comma(table) else 'v2020'
    stems = stems_of(table)
    _check_once(table, stems)
    labels = _labels_of(table, report, drop_invalid)
    column = _columns(table, report)
    rows = {
        stem: FilmRow(index, labels[text], patient, view, sex, age)
        for stem, index, text, patient, view, sex, age in zip(
            stems,
            table.frame['Image Index'],
            table.frame['Finding Labels'],
            table.frame['Patient ID'],
            column['view'],
            column['sex'],
            column['age'],
            strict=True,
        )
        if text in labels
    }
    _check_patients(rows, report)
    return LabelFile(table.source, version, rows)


def parse_age(text: str) -> float | None:
    """Age in years; None when it is blank, unreadable or above 120.

    >>> parse_age('57'), parse_age('058Y'), parse_age('006M'), parse_age('411')
    (57, 58, 0.5, None)
    """
    match = _AGE.match(text.strip().upper())
    if match is None:
        return None
    years = int(match[1]) / _PER_YEAR[match[2]]
    if years > OLDEST_YEARS:
        return None
    return int(years) if years == int(years) else round(years, 2)


def _ends_with_comma(table: Table) -> bool:
    """The last column has no name: pandas calls it 'Unnamed: 11'."""
    last = str(table.frame.columns[-1])
    return last == '' or last.startswith('Unnamed:')


def stems_of(table: Table) -> list[str]:
    """Names of the films without their suffix."""
    names = table.frame['Image Index']
    if (names == '').any():
        line = int(table.frame.index[names == ''][0])
        raise table.error('Image Index is empty', line)
    return [name.rpartition('.')[0] or name for name in names]


def _check_once(table: Table, stems: Sequence[str]) -> None:
    """Every film has one row."""
    _, first = np.unique(stems, return_index=True)
    if len(first) < len(stems):
        again = int(np.setdiff1d(np.arange(len(stems)), first)[0])
        raise table.error(
            f'film {stems[again]} has a second row. Remove one.',
            int(table.frame.index[again]),
        )


def _labels_of(
    table: Table, report: Report, drop_invalid: bool
) -> dict[str, tuple[float, ...]]:
    """'Mass|Nodule' -> 14 labels, for every such text of the file that can be read."""
    labels, cells = {}, table.frame['Finding Labels']
    for text in cells.unique():
        try:
            labels[text] = _labels(table, text)
        except AnnotationError as error:
            if not drop_invalid:
                raise
            for line in table.frame.index[cells == text]:
                report.drop(table.name, int(line), str(error))
    return labels


def _labels(table: Table, text: str) -> tuple[float, ...]:
    vocabulary = (*CHESTXRAY14, CHESTXRAY14_NO_FINDING)
    names = {
        canonical_cell(table, 'Finding Labels', name, vocabulary, 'ChestX-ray14', text)
        for name in text.split('|')
    }
    if CHESTXRAY14_NO_FINDING in names and len(names) > 1:
        line = table.line_of('Finding Labels', text)
        raise table.error(f'{text!r} is both a finding and none', line)
    return tuple(float(name in names) for name in CHESTXRAY14)


def _columns(table: Table, report: Report) -> dict[str, list]:
    """View, sex and age of every row; a column that is not there is unknown."""
    unknown = [None] * len(table.frame)
    names = {
        'view': ('View Position',),
        'sex': ('Patient Gender', 'Patient Sex'),
        'age': ('Patient Age',),
    }
    found: dict[str, list] = {}
    for field, choices in names.items():
        present = [name for name in choices if name in table.frame.columns]
        cells = table.frame[present[0]].tolist() if present else unknown
        found[field] = [cell or None for cell in cells]
    ages = {text: parse_age(text) for text in set(found['age']) - {None}}
    odd = [i for i, text in enumerate(found['age']) if text and ages[text] is None]
    if odd:
        first = odd[0]
        report.warn(
            f'{len(odd):,} ages are no age up to {OLDEST_YEARS} years and left out '
            f'(first: {found["age"][first]!r}, {table.name} row '
            f'{table.frame.index[first]})'
        )
    found['age'] = [None if text is None else ages[text] for text in found['age']]
    return found


def _check_patients(rows: Mapping[str, FilmRow], report: Report) -> None:
    """A film's name begins with its patient: a shifted column would tear patients."""
    odd = [
        stem
        for stem, row in rows.items()
        if row.patient_id.lstrip('0') != stem.partition('_')[0].lstrip('0')
    ]
    if odd:
        report.warn(
            f'Patient ID differs from the name of {len(odd):,} films (first: {odd[0]}, '
            f'patient {rows[odd[0]].patient_id}); the split goes by Patient ID'
        )
