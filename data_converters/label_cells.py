"""Label cells of CheXpert's and MIMIC-CXR's tables: read, checked, and reported."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .report import Report
from .tables import Table
from .uncertainty import LabelPolicy
from .uncertainty import PolicyLabels
from .uncertainty import not_a_label

_HEAD = (
    f'{"cells of":<26}{"present":>9}{"absent":>9}{"uncertain":>10} {"as":<8}'
    f'{"blank":>9} as'
)


def read_cells(
    table: Table, columns: Mapping[str, str], report: Report, drop_invalid: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Cells of every row of a table, and which rows can be used.

    Args:
        table: has the columns.
        columns: finding -> name of its column; their order is that of the result.
        report: gets the rows that are left out.
        drop_invalid: leave out rows with a cell that is no label, else stop.

    Returns:
        (N, C) of 1, 0, -1 and NaN for a blank; (N,) False for a row to leave out.

    Raises:
        AnnotationError: a cell is none of these; names its row and column.
    """
    cells = np.full((len(table.frame), len(columns)), np.nan)
    invalid = np.zeros(cells.shape, dtype=bool)
    for place, column in enumerate(columns.values()):
        cells[:, place], no_number = table.numbers_or_bad(column)
        invalid[:, place] = no_number | not_a_label(cells[:, place])
    names = list(columns.values())
    keep = np.ones(len(cells), dtype=bool)
    for row, place in np.argwhere(invalid).tolist():
        line, text = int(table.frame.index[row]), table.frame[names[place]].iloc[row]
        problem = f'{names[place]} must be 1, 0, -1 or blank, got {text!r}'
        if not drop_invalid:
            raise table.error(f'{problem}. Mend it or pass --drop-invalid.', line)
        if keep[row]:
            report.drop(table.name, line, problem)
        keep[row] = False
    return cells, keep


def report_labels(
    report: Report, policy: LabelPolicy, file: str, result: PolicyLabels
) -> None:
    """Put the policy, and what it did to the films of a file, into the report."""
    if report.label_policy is None:
        report.label_policy = {**policy.as_json(), 'files': {}}
    report.label_policy['files'][file] = result.as_json()
    unlabelled = int(result.unlabelled.sum())
    if unlabelled:
        report.count(f'films of {file} with nothing but blanks, unlabelled', unlabelled)


def policy_lines(policy: Mapping[str, Any]) -> list[str]:
    """What became of uncertain and blank cells, as a table to print."""
    lines = []
    for file, made in policy['files'].items():
        findings = made['findings'].items()
        if not any(cells['uncertain'] or cells['blank'] for _, cells in findings):
            continue
        lines += [f'labels of {made["rows"]:,} films of {file}', _HEAD]
        lines += [_line(name, cells) for name, cells in findings]
    return lines


def _line(name: str, cells: Mapping[str, Any]) -> str:
    unsure, left = cells['uncertain'], cells['blank']
    return (
        f'{name:<26}{cells["present"]:>9,}{cells["absent"]:>9,}'
        f'{unsure:>10,} {cells["uncertain_becomes"]:<8}'
        f'{left:>9,} {cells["blank_becomes"]}'
    )
