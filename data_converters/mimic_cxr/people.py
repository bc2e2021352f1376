"""Sex and age of MIMIC-CXR's patients, which MIMIC-IV knows."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from data_converters.report import Report
from data_converters.tables import read_table

from .checks import once
from .rows import FilmTable
from .rows import places_of

OLDEST = 91
"""``anchor_age`` of everybody over 89, so their age is not known."""

_SEXES = {'M': 'M', 'F': 'F'}


def people_of(
    films: FilmTable, patients: Path | None, report: Report, drop_invalid: bool = False
) -> dict[str, list]:
    """'sex' and 'age' -> a value a film, None where unknown.

    The chest radiographs have neither. MIMIC-IV's ``patients.csv.gz`` has both, of most
    of the patients: ``anchor_age`` in ``anchor_year``, shifted in time like
    ``StudyDate``; the age on a film is that many years later.

    Raises:
        AnnotationError: a column is missing, or a patient comes twice.
    """
    if patients is None:
        return {}
    import pandas as pd

    names = ('subject_id', 'gender', 'anchor_age', 'anchor_year')
    table = read_table(patients, names)
    report.add_input(table.source, 'patients', annotations=False)
    once(table, 'subject_id', report, drop_invalid)
    frame = table.frame.drop_duplicates('subject_id')
    rows = places_of(films.subject_id, frame['subject_id'])
    sexes = [*(_SEXES.get(text) for text in frame['gender'].str.upper()), None]
    numbers = {}
    for name in names[2:]:
        values = table.numbers(name)[~table.frame['subject_id'].duplicated()]
        numbers[name] = np.append(values, np.nan)[rows]
    years = pd.to_numeric(pd.Series(films.date).str[:4], errors='coerce').to_numpy()
    ages = numbers['anchor_age'] + years - numbers['anchor_year']
    ages[(numbers['anchor_age'] >= OLDEST) | (ages < 0)] = np.nan
    unknown = int((rows < 0).sum())
    if unknown:
        report.count(f'films of patients that {table.name} lacks', unknown)
    return {
        'sex': [sexes[row] for row in rows.tolist()],
        'age': [int(age) if age == age else None for age in ages.tolist()],
    }
