"""ChestX-ray14's label file, either version, checked row by row.

Source: Wang et al. 2017, doi:10.1109/CVPR.2017.369, and the README of the release.
"""

from __future__ import annotations

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

from .columns import extents_mm
from .columns import film_columns


@dataclass(frozen=True)
class FilmRow:
    """One row of the label file; what is unknown of it is None.

    Args:
        image_index: name of the film as the release spells it.
        labels: 1 or 0 for each of the 14 findings.
        patient_id: of the release.
        row: line in the file, the header being line 1.
        view: PA or AP.
        sex: F or M.
        age: completed years.
        extent_mm: height and width of the film that was taken, whatever its pixels.
    """

    image_index: str
    labels: tuple[float, ...]
    patient_id: str
    row: int
    view: str | None = None
    sex: str | None = None
    age: int | None = None
    extent_mm: tuple[float, float] | None = None

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
    column = film_columns(table, report)
    known = zip(
        stems,
        table.frame['Image Index'],
        table.frame['Finding Labels'],
        table.frame['Patient ID'],
        table.frame.index.tolist(),
        column['view'],
        column['sex'],
        column['age'],
        extents_mm(table, report),
        strict=True,
    )
    rows = {
        stem: FilmRow(index, labels[text], patient, *more)
        for stem, index, text, patient, *more in known
        if text in labels
    }
    _check_patients(rows, report)
    return LabelFile(table.source, version, rows)


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
