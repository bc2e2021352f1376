"""Columns of a table of boxes: found by role, and its boxes as two corners."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from data_converters.records import AnnotationError
from data_converters.tables import Table

FORMS = {
    'xyxy': ('xmin', 'ymin', 'xmax', 'ymax'),
    'xywh': ('x', 'y', 'w', 'h'),
    'cxcywh': ('cx', 'cy', 'w', 'h'),
}
"""Form of a box -> its four columns."""

NEEDED = ('image', 'finding')
OPTIONAL = (
    'image_id',
    'image_width',
    'image_height',
    'split',
    'patient_id',
    'study_id',
    'view',
    'sex',
    'age',
    'readers',
    'iscrowd',
)
ROLES = tuple(dict.fromkeys((*NEEDED, *sum(FORMS.values(), ()), *OPTIONAL)))


def column_name(text: str) -> tuple[str, str]:
    """Read ``ROLE=COLUMN``."""
    role, equals, column = text.partition('=')
    if not equals or role not in ROLES or not column.strip():
        raise argparse.ArgumentTypeError(
            f'must be NAME=COLUMN with NAME one of {", ".join(ROLES)}; got {text!r}'
        )
    return role, column.strip()


def find_columns(
    table: Table, given: Sequence[tuple[str, str]], form: str | None
) -> tuple[Table, str]:
    """The table with its columns named after their roles, and the form of its boxes.

    Optional columns that it lacks are there as empty cells.

    Args:
        table: as it was read.
        given: role and column, of the command line; other roles are found by name.
        form: key of ``FORMS``, where the user names it.

    Raises:
        AnnotationError: a column is missing, or the form of the boxes is not clear.
    """
    found = list(table.frame.columns)
    for role, column in given:
        if column not in found:
            raise table.error(
                f'--columns {role}={column}: there is no column {column!r}. '
                f'Found: {found}.'
            )
    names = {role: role for role in ROLES if role in found} | dict(given)
    form = form or _the_form(table, names, [role for role, _ in given])
    wanted = (*NEEDED, *FORMS[form])
    missing = [role for role in wanted if role not in names]
    if missing:
        raise table.error(
            f'columns {missing} are missing; found: {found}. Say what they are called: '
            f'--columns {" ".join(f"{role}=..." for role in missing)}'
        )
    used = {role: names[role] for role in (*wanted, *OPTIONAL) if role in names}
    frame = table.frame[list(used.values())].copy()
    frame.columns = list(used)
    for role in OPTIONAL:
        if role not in used:
            frame[role] = ''
    return replace(table, frame=frame), form


def to_xyxy(table: Table, form: str) -> np.ndarray:
    """(N, 4) corners as the table gives them; NaN for blank cells.

    Raises:
        AnnotationError: a cell is no number.
    """
    a, b, c, d = (table.numbers(role) for role in FORMS[form])
    if form == 'xyxy':
        return np.column_stack([a, b, c, d])
    if form == 'xywh':
        return np.column_stack([a, b, a + c, b + d])
    return np.column_stack([a - c / 2, b - d / 2, a + c / 2, b + d / 2])


def check_units(table: Table, xyxy: np.ndarray, units: str) -> None:
    """Stop where the boxes are plainly in the other unit.

    Raises:
        AnnotationError: pixels that are all at most 1, or a fraction far above 1.
    """
    largest = np.nan_to_num(xyxy, nan=-np.inf).max(axis=1, initial=-np.inf)
    if not np.isfinite(largest).any():
        return
    if units == 'pixels' and largest.max() <= 1:
        raise table.error(
            'no coordinate is above 1: fractions of the image? Pass --units fractions.'
        )
    if units == 'fractions' and largest.max() > 1.5:
        at = int(largest.argmax())
        raise table.error(
            f'a coordinate of {largest[at]:g} is no fraction of the image. Pass '
            '--units pixels.',
            int(table.frame.index[at]),
        )


def _the_form(table: Table, names: dict[str, str], given: Sequence[str]) -> str:
    """The form whose columns are all there."""
    forms = [f for f, roles in FORMS.items() if all(role in names for role in roles)]
    named = [f for f in forms if set(FORMS[f]) & set(given) - {'w', 'h'}]
    forms = named or forms
    if len(forms) > 1:
        raise table.error(
            f'has the columns of {" and ".join(forms)}. Say which to take with --box.'
        )
    if not forms:
        raise AnnotationError(
            'the columns of a box are missing: '
            + ', or '.join(' '.join(roles) for roles in FORMS.values())
            + f'; found: {list(table.frame.columns)}. Say what they are called: '
            '--columns xmin=... ymin=... xmax=... ymax=...',
            table.source.path,
        )
    return forms[0]
