"""MIMIC-CXR's metadata and split tables, film by film."""

from __future__ import annotations

import re
from dataclasses import dataclass
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import numpy as np

from data_converters.report import Report
from data_converters.tables import Source
from data_converters.tables import Table
from data_converters.tables import read_table

from .checks import numbered
from .checks import once
from .checks import refuse
from .files import TABLES_OF_JPG

if TYPE_CHECKING:
    import pandas as pd

SPLITS = {'train': 'train', 'validate': 'val', 'test': 'test'}
"""Word of the split table -> the part's name."""

IDS = ('dicom_id', 'subject_id', 'study_id')
_SPACINGS = ('PixelSpacing', 'ImagerPixelSpacing')  # not in the release's own table
_NUMBER = re.compile(r'\d+\.?\d*(?:e-?\d+)?')


@dataclass(frozen=True)
class FilmTable:
    """Films as arrays of N.

    Args:
        source: the metadata table.
        dicom_id: names of the files.
        subject_id: pseudonymous numbers of patients, as text.
        study_id: numbers of studies, unique in the release, as text.
        view: ``ViewPosition`` in capitals; '' where it is blank.
        size_hw: (N, 2) pixels of the release's film, 0 where unknown.
        spacing: (N, 2) mm per pixel, down and right, NaN where unknown.
        date: ``StudyDate`` as text, shifted in time by the release; '' if unknown.
        part: train, val or test; '' without a row in the split table.
    """

    source: Source
    dicom_id: np.ndarray
    subject_id: np.ndarray
    study_id: np.ndarray
    view: np.ndarray
    size_hw: np.ndarray
    spacing: np.ndarray
    date: np.ndarray
    part: np.ndarray

    def __len__(self) -> int:
        return len(self.dicom_id)

    def where(self, wanted: np.ndarray) -> FilmTable:
        """The films of an (N,) mask or of indices."""
        arrays: dict[str, Any] = {
            name: value[wanted]
            for name, value in vars(self).items()
            if isinstance(value, np.ndarray)
        }
        return replace(self, **arrays)


def read_films(
    metadata: Path, split: Path, report: Report, drop_invalid: bool = False
) -> FilmTable:
    """Read the metadata table, and every film's part from the split table.

    Args:
        metadata: has ``ViewPosition``; ``Rows``, ``Columns``, ``StudyDate`` and the
            spacing may be missing.
        split: has train, validate or test for each film.
        report: gets the inputs, rows that are left out, and what is odd.
        drop_invalid: leave out broken rows, else stop.

    Raises:
        AnnotationError: a column is missing, an id is no number, a film comes twice,
            or the tables contradict one another.
    """
    films = _read_metadata(metadata, report, drop_invalid)
    table = read_table(split, (*IDS, 'split'))
    report.add_input(table.source, 'split', annotations=False)
    keep = once(table, 'dicom_id', report, drop_invalid)
    keep &= _known_split(table, report, drop_invalid)
    frame = table.frame[keep]
    place = places_of(films.dicom_id, frame['dicom_id'])
    _check_same(films, table, frame, place)
    parts = [SPLITS[word] for word in frame['split'].str.lower()]
    words = np.array([*parts, ''], dtype=object)
    films = replace(films, part=words[place])
    unlisted = int((place < 0).sum())
    if unlisted:
        report.count('films of the metadata that the split table lacks', unlisted)
    strangers = len(frame) - (len(films) - unlisted)
    if strangers:
        report.count('films of the split table that the metadata lack', strangers)
    return films


def places_of(ids: np.ndarray, known: pd.Series | np.ndarray) -> np.ndarray:
    """(N,) place of each id among the known ones, which are distinct; -1 for none."""
    import pandas as pd

    return pd.Index(known).get_indexer(pd.Index(ids))


def _read_metadata(path: Path, report: Report, drop_invalid: bool) -> FilmTable:
    table = read_table(path, IDS)
    if 'ViewPosition' not in table.frame.columns:
        raise table.error(
            'has no column ViewPosition. The views are in mimic-cxr-2.0.0-metadata.'
            f'csv.gz; {TABLES_OF_JPG}.'
        )
    report.add_input(table.source, 'metadata', annotations=False)
    keep = once(table, 'dicom_id', report, drop_invalid)
    for name in IDS[1:]:
        keep &= numbered(table, name, report, drop_invalid)
    frame = table.frame
    sizes = [_whole(table, name) for name in ('Rows', 'Columns')]
    dates = frame['StudyDate'] if 'StudyDate' in frame.columns else [''] * len(frame)
    films = FilmTable(
        table.source,
        as_objects(frame['dicom_id']),
        as_objects(frame['subject_id']),
        as_objects(frame['study_id']),
        as_objects(frame['ViewPosition'].str.upper()),
        np.stack(sizes, axis=1),
        _spacing(table),
        as_objects(dates),
        np.full(len(frame), '', dtype=object),
    )
    return films.where(keep)


def as_objects(cells: pd.Series | list[str]) -> np.ndarray:
    """(N,) Python strings, equal ones shared, whatever pandas keeps them in."""
    known: dict[str, str] = {}
    return np.array([known.setdefault(text, text) for text in cells], dtype=object)


def _known_split(table: Table, report: Report, drop_invalid: bool) -> np.ndarray:
    cells = table.frame['split']
    return refuse(
        table,
        ~cells.str.lower().isin([*SPLITS]).to_numpy(),
        lambda row: f'split must be {", ".join(SPLITS)}, got {cells.iloc[row]!r}',
        report,
        drop_invalid,
    )


def _check_same(
    films: FilmTable, table: Table, frame: pd.DataFrame, place: np.ndarray
) -> None:
    """Both tables say the same patient and study of a film.

    Args:
        films: of the metadata.
        table: the split table.
        frame: its rows that are used.
        place: (N,) row of ``frame`` of each film, -1 for none.

    Raises:
        AnnotationError: they differ.
    """
    listed = place >= 0
    for name in IDS[1:]:
        cells = as_objects(frame[name])[place[listed]]
        differ = np.flatnonzero(cells != getattr(films, name)[listed])
        if len(differ):
            row = int(place[listed][differ[0]])
            film = frame['dicom_id'].iloc[row]
            raise table.error(
                f'{name} of film {film} is {cells[differ[0]]}, but '
                f'{getattr(films, name)[listed][differ[0]]} in '
                f'{films.source.path.name}: tables of different releases?',
                row=int(frame.index[row]),
            )


def _whole(table: Table, column: str) -> np.ndarray:
    """(N,) pixels, 0 where the table does not say."""
    if column not in table.frame.columns:
        return np.zeros(len(table.frame), dtype=int)
    return np.nan_to_num(table.numbers(column)).astype(int)


def _spacing(table: Table) -> np.ndarray:
    """(N, 2) mm per pixel: '[0.139, 0.139]' and the like, where the table has them."""
    found = np.full((len(table.frame), 2), np.nan)
    for column in _SPACINGS[::-1]:  # the first wins
        if column not in table.frame.columns:
            continue
        for row, text in enumerate(table.frame[column]):
            pair = [float(number) for number in _NUMBER.findall(text)]
            if len(pair) == 2 and min(pair) > 0:
                found[row] = pair
    return found
