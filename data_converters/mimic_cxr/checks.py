"""Rows of a table that cannot be used: the first stops, or all are left out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from data_converters.report import Report
from data_converters.tables import Table


def refuse(
    table: Table,
    wrong: np.ndarray,
    problem: Callable[[int], str],
    report: Report,
    drop_invalid: bool = False,
) -> np.ndarray:
    """(N,) rows that can be used: those that are not wrong.

    Args:
        table: where they stand.
        wrong: (N,) mask.
        problem: place of a wrong row in the table -> what is wrong with it.
        report: gets the rows that are left out.
        drop_invalid: leave them out, else stop.

    Raises:
        AnnotationError: a row is wrong; says which.
    """
    for row in np.flatnonzero(wrong).tolist():
        line = int(table.frame.index[row])
        if not drop_invalid:
            raise table.error(
                f'{problem(row)}. Mend it or pass --drop-invalid.', row=line
            )
        report.drop(table.name, line, problem(row))
    return ~wrong


def once(
    table: Table, column: str, report: Report, drop_invalid: bool = False
) -> np.ndarray:
    """(N,) False for a second row of the same id; see ``refuse``."""
    cells = table.frame[column]
    again = cells.duplicated().to_numpy()
    return refuse(
        table,
        again,
        lambda row: f'{column} {cells.iloc[row]} has a second row',
        report,
        drop_invalid,
    )


def numbered(
    table: Table, column: str, report: Report, drop_invalid: bool = False
) -> np.ndarray:
    """(N,) rows whose id is digits alone, as folders are called; see ``refuse``."""
    cells = table.frame[column]
    odd = ~cells.str.fullmatch(r'\d+').to_numpy(dtype=bool)
    return refuse(
        table,
        odd,
        lambda row: f'{column} must be digits alone, got {cells.iloc[row]!r}',
        report,
        drop_invalid,
    )
