"""Pieces of HTML whose every text is escaped: paragraphs, tables, numbers, sections."""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup
from markupsafe import escape

DASH = '\u2013'
"""Stands for what is undefined or not known."""


def joined(pieces: Iterable[Markup]) -> Markup:
    """Pieces one below the other."""
    return Markup('\n').join(pieces)


def paragraph(text: str | Markup, kind: str = '') -> Markup:
    """One paragraph; ``kind`` is its CSS class, what stands in backquotes is code."""
    # As a plain string: re.sub joins the pieces of a Markup by escaping them again.
    escaped = str(escape(text))
    content = Markup(re.sub('`([^`<>]+)`', r'<code>\1</code>', escaped))
    if not kind:
        return Markup('<p>{}</p>').format(content)
    return Markup('<p class="{}">{}</p>').format(kind, content)


def section(title: str, *content: Markup) -> Markup:
    """A section with its heading, which its link in the list of contents leads to."""
    anchor = section_id(title)
    return Markup(
        '<section id="{0}" aria-labelledby="{0}-title">\n'
        '<h2 id="{0}-title">{1}</h2>\n{2}\n</section>'
    ).format(anchor, title, joined(content))


def section_id(title: str) -> str:
    """Name of a section within the page.

    >>> section_id('IoU of the boxes')
    'iou-of-the-boxes'
    """
    return re.sub(r'[^a-z0-9]+', '-', title.lower()).strip('-')


def table(
    caption: str,
    heads: Sequence[str],
    rows: Iterable[Sequence[Any]],
    text_columns: Collection[int] = (),
) -> Markup:
    """A table with a caption; the first cell of a row is its header.

    Args:
        caption: what the numbers are.
        heads: one a column.
        rows: cells are escaped and, but for the first, aligned as numbers.
        text_columns: those that are not.
    """
    head = Markup('').join(
        Markup('<th scope="col"{}>{}</th>').format(_aligned(i, text_columns), text)
        for i, text in enumerate(heads)
    )
    body = joined(_row(row, text_columns) for row in rows)
    # A wide table scrolls by itself, by the keyboard as well, and not the page.
    return Markup(
        '<div class="table" role="region" tabindex="0" aria-label="{0}">'
        '<table><caption>{0}</caption>\n<thead><tr>{1}</tr></thead>\n'
        '<tbody>\n{2}\n</tbody></table></div>'
    ).format(caption, head, body)


def _row(cells: Sequence[Any], text_columns: Collection[int]) -> Markup:
    first, *others = cells
    start = Markup('<tr><th scope="row">{}</th>').format(first)
    rest = Markup('').join(
        Markup('<td{}>{}</td>').format(_aligned(i, text_columns), cell)
        for i, cell in enumerate(others, start=1)
    )
    return start + rest + Markup('</tr>')


def _aligned(column: int, text_columns: Collection[int]) -> Markup:
    is_text = column == 0 or column in text_columns
    return Markup('') if is_text else Markup(' class="number"')


def number(value: float | None, digits: int = 3) -> str:
    """A number with fixed digits, or a dash.

    >>> number(0.73456), number(None) == DASH
    ('0.735', True)
    """
    if value is None or not math.isfinite(value):
        return DASH
    return f'{value:.{digits}f}'


def count(value: float | None) -> str:
    """A whole number with separators, or a dash.

    >>> count(25596.0)
    '25,596'
    """
    return DASH if value is None else f'{value:,.0f}'


def with_interval(row: Mapping[str, Any], key: str, digits: int = 3) -> str:
    """A value of metrics.json and its interval, where it has one.

    >>> with_interval({'AUC': 0.7, 'AUC_low': 0.65, 'AUC_high': 0.76}, 'AUC')
    '0.700 [0.650, 0.760]'
    """
    value, low, high = (row.get(f'{key}{end}') for end in ('', '_low', '_high'))
    if value is None or low is None or high is None:
        return number(value, digits)
    return f'{number(value, digits)} [{number(low, digits)}, {number(high, digits)}]'


def undefined_note(rows: Iterable[Sequence[Any]]) -> Markup:
    """What a dash stands for and why an interval is missing, where rows have such."""
    cells = [str(cell) for row in rows for cell in row[1:]]
    notes = []
    if any(cell.startswith(DASH) for cell in cells):
        notes.append(
            f'{DASH}: undefined, since nothing of the kind was there to measure it on '
            '(see the counts).'
        )
    bare = [cell for cell in cells if re.fullmatch(r'[01]\.\d+(, n \S+)?', cell)]
    if bare and any('[' in cell for cell in cells):
        notes.append(
            'A number without an interval rests on films of one patient: resampling '
            'shows no spread.'
        )
    return paragraph(' '.join(notes), 'small') if notes else Markup('')


def without_folders(text: str) -> str:
    """A note with the names of files alone: folders tell whose computer it was.

    >>> without_folders('/home/Ann B/best.thresholds.json was made for another')
    'best.thresholds.json was made for another'
    """
    absolute = r"""(^|(?<=[\s'"(]))(?:[A-Za-z]:)?[\\/].*?([^\\/\s]+\.(?:json|pth|py))"""
    return re.sub(absolute, r'\2', text)


def listed(pairs: Iterable[tuple[str, Any]]) -> Markup:
    """Names and what they stand for, as a description list."""
    items = joined(Markup('<dt>{}</dt><dd>{}</dd>').format(*pair) for pair in pairs)
    return Markup('<dl>\n{}\n</dl>').format(items)


def bullets(texts: Iterable[str | Markup]) -> Markup:
    """A list of sentences."""
    items = joined(Markup('<li>{}</li>').format(text) for text in texts)
    return Markup('<ul>\n{}\n</ul>').format(items)
