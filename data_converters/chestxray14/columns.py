"""What ChestX-ray14's label file says of a film besides its findings."""

from __future__ import annotations

import re

import numpy as np

from data_converters.report import Report
from data_converters.tables import Table

OLDEST_YEARS = 120
"""Older ages are mistakes: the label file of 2017 has 411 and the like."""

_SIZE = ('Height]', 'OriginalImage[Width')  # a comma inside a name makes two of it
_SPACING = ('y]', 'OriginalImagePixelSpacing[x')

_AGE = re.compile(r'(\d{1,3})([YMWD]?)$')
_PER_YEAR = {'': 1, 'Y': 1, 'M': 12, 'W': 52, 'D': 365}


def parse_age(text: str) -> int | None:
    """Completed years; None when it is blank, unreadable or above 120.

    >>> parse_age('57'), parse_age('058Y'), parse_age('006M'), parse_age('411')
    (57, 58, 0, None)
    """
    match = _AGE.match(text.strip().upper())
    if match is None:
        return None
    years = int(match[1]) // _PER_YEAR[match[2]]
    return None if years > OLDEST_YEARS else years


def film_columns(table: Table, report: Report) -> dict[str, list]:
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
        report.count('films whose age is left out', len(odd))
        report.warn(
            f'{len(odd):,} ages are no age up to {OLDEST_YEARS} years and left out '
            f'(first: {found["age"][first]!r}, {table.name} row '
            f'{table.frame.index[first]})'
        )
    found['age'] = [None if text is None else ages[text] for text in found['age']]
    return found


def extents_mm(table: Table, report: Report) -> list[tuple[float, float] | None]:
    """Height and width of every film as it was taken, from its pixels and their size.

    The release stretches each film to a square, so that a pixel of it is no square:
    only the extent survives. A film whose cells cannot be right has none.
    """
    names = (*_SIZE, *_SPACING)
    if not set(names) <= set(table.frame.columns):
        return [None] * len(table.frame)
    height, width, down, right = (table.numbers_or_bad(name)[0] for name in names)
    extent = np.column_stack([height * down, width * right])
    known = np.all(np.column_stack([height, width, down, right]) > 0, axis=1)
    if not known.all():
        report.count('films whose pixel spacing is unknown', int((~known).sum()))
    pairs = zip(extent.tolist(), known.tolist(), strict=True)
    return [(pair[0], pair[1]) if ok else None for pair, ok in pairs]
