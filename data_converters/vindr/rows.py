"""Rows of VinDr-CXR's tables that cannot be right: they stop, or are left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace

import numpy as np

from data_converters.report import Report
from data_converters.tables import Table

Reason = str | Callable[[int], str]
"""Why a row cannot be right; a function gets its place in the table."""


@dataclass
class Sieve:
    """A table that loses the rows that cannot be right, or stops at the first.

    Args:
        table: what is left of it.
        report: gets each row that is left out, and their number.
        drop_invalid: leave them out instead of stopping.

    ``kept`` is the place of each row that is left in the table as it was first.
    """

    table: Table
    report: Report
    drop_invalid: bool
    kept: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.kept = np.arange(len(self.table.frame))

    def leave_out(self, wrong: np.ndarray, kind: str, reason: Reason) -> None:
        """Take rows out.

        Args:
            wrong: (N,) mask over the table as it is.
            kind: of what is wrong, for the count in the report.
            reason: without a full stop.

        Raises:
            AnnotationError: a row is wrong and must not be left out, or none is right.
        """
        places = np.flatnonzero(wrong).tolist()
        if not places:
            return
        text = reason if callable(reason) else lambda place: reason
        lines = self.table.frame.index.to_numpy()
        first = int(lines[places[0]])
        if not self.drop_invalid:
            more = f' ({len(places):,} such rows)' if len(places) > 1 else ''
            advice = 'Mend the row or pass --drop-invalid.'
            raise self.table.error(f'{text(places[0])}{more}. {advice}', first)
        if len(places) == len(lines):
            message = f'{text(places[0])}, and no other row is right'
            raise self.table.error(message, first)
        for place in places:
            self.report.drop(self.table.name, int(lines[place]), text(place))
        self.report.count(f'rows dropped, {kind}', len(places))
        self.table = replace(self.table, frame=self.table.frame[~wrong])
        self.kept = self.kept[~wrong]


def repeats(table: Table, columns: list[str]) -> tuple[np.ndarray, Reason]:
    """(N,) rows that have the cells of an earlier one, and which that is."""
    repeated = table.frame.duplicated(columns).to_numpy()
    if not repeated.any():
        return repeated, ''
    cells = table.frame[columns].agg('\n'.join, axis=1)
    first = dict(zip(cells[::-1], table.frame.index[::-1], strict=True))
    names = cells.tolist()
    return repeated, lambda place: f'repeats row {first[names[place]]}'
