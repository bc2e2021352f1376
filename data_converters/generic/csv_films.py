"""Films of a table of boxes: one for each image, and rows that say 'no finding'."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np

from data_converters.report import Report
from data_converters.tables import Table

from .annotated import SPLITS
from .annotated import Film

_NONE = ('', 'no finding', 'no findings', 'none', 'normal', 'healthy', 'negative')
_SPLITS = {'': None, 'valid': 'val', 'validation': 'val', **{s: s for s in SPLITS}}
_FACTS = ('patient_id', 'study_id', 'view', 'sex')
_PER_IMAGE = ('image', 'image_width', 'image_height', 'split', *_FACTS, 'age')


def check_empty(
    table: Table,
    is_box: np.ndarray,
    xyxy: np.ndarray,
    no_finding: Collection[str],
    drop_invalid: bool,
    report: Report,
) -> tuple[Table, np.ndarray, np.ndarray]:
    """Rows without a box name no finding, and rows with one do; gives those to keep.

    Args:
        table: columns by role; the cells of ``finding`` that mean none become empty.
        is_box: (N,) rows with a coordinate.
        xyxy: (N, 4) boxes.
        no_finding: further words for a film without a finding.
        drop_invalid: leave wrong rows out instead of stopping.
        report: gets the rows that are left out.

    Raises:
        AnnotationError: a row has a finding without a box, or a box without a finding.
    """
    name = table.frame['finding']
    none = name.str.lower().isin(_NONE) | name.isin(list(no_finding))
    wrong = np.where(is_box, (name == '').to_numpy(), ~none.to_numpy())
    lines = table.frame.index.to_numpy()
    for i in np.flatnonzero(wrong).tolist():
        if is_box[i]:
            reason = 'a box without a finding'
            remedy = 'Mend it or pass --drop-invalid.'
        else:
            reason = f'{name.iloc[i]!r} without a box'
            remedy = (
                f"If it means no finding, pass --rename '{name.iloc[i]}='; to leave "
                'such rows out, --drop-invalid.'
            )
        if not drop_invalid:
            raise table.error(f'{reason}. {remedy}', int(lines[i]))
        report.drop(table.name, int(lines[i]), reason)
    frame = table.frame.assign(finding=name.where(is_box, ''))[~wrong]
    return replace(table, frame=frame), is_box[~wrong], xyxy[~wrong]


def films_of(table: Table) -> tuple[list[Film], np.ndarray]:
    """Films in the order of their first rows, and the (N,) index of each row's film.

    Raises:
        AnnotationError: rows of one image contradict one another, or a cell is wrong.
    """
    import pandas as pd

    frame = table.frame
    _check_images(table)
    ids = frame['image_id'].where(frame['image_id'] != '', frame['image'])
    codes, _ = pd.factorize(ids)
    first = np.unique(codes, return_index=True)[1]
    _check_same(table, codes, first)
    splits = _splits(table)
    heights, widths, ages = (
        table.numbers(role) for role in ('image_height', 'image_width', 'age')
    )
    _check_sizes(table, heights, widths)
    facts = frame.loc[:, list(_FACTS)].iloc[first].to_dict('records')
    films = []
    for i, own in zip(first.tolist(), facts, strict=True):
        known: dict[str, Any] = {str(k): value for k, value in own.items() if value}
        if not np.isnan(ages[i]):
            known['age'] = float(ages[i])
        size = None if np.isnan(heights[i]) else (int(heights[i]), int(widths[i]))
        films.append(Film(ids.iloc[i], frame['image'].iloc[i], size, splits[i], known))
    return films, codes


def _check_images(table: Table) -> None:
    empty = (table.frame['image'] == '').to_numpy()
    if empty.any():
        at = int(table.frame.index[int(empty.argmax())])
        raise table.error('the image is not named', at)


def _check_same(table: Table, codes: np.ndarray, first: np.ndarray) -> None:
    """All rows of an image agree on what is said of the image."""
    for role in _PER_IMAGE:
        cells = table.frame[role].to_numpy(dtype=object)
        differs = cells != cells[first][codes]
        if differs.any():
            at = int(differs.argmax())
            raise table.error(
                f'{role} of image {table.frame["image"].iloc[at]} is {cells[at]!r}, '
                f'and {cells[first][codes][at]!r} in an earlier row. Make them the '
                'same.',
                int(table.frame.index[at]),
            )


def _splits(table: Table) -> list[str | None]:
    cells = table.frame['split'].str.lower()
    unknown = ~cells.isin(list(_SPLITS)).to_numpy()
    if unknown.any():
        at = int(unknown.argmax())
        raise table.error(
            f'split must be train, val, test or empty, got {cells.iloc[at]!r}',
            int(table.frame.index[at]),
        )
    return [_SPLITS[cell] for cell in cells]


def _check_sizes(table: Table, heights: np.ndarray, widths: np.ndarray) -> None:
    both = np.column_stack([heights, widths])
    blank = np.isnan(both)
    good = (both > 0) & (both == np.floor(both))
    wrong = ~(blank.all(axis=1) | good.all(axis=1))
    if wrong.any():
        at = int(wrong.argmax())
        raise table.error(
            'image_width and image_height must be whole pixels, both or neither, got '
            f'{table.frame["image_width"].iloc[at]!r} and '
            f'{table.frame["image_height"].iloc[at]!r}',
            int(table.frame.index[at]),
        )
