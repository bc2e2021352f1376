"""Films of the wanted views; every other kind is counted."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence

import numpy as np

from data_converters.records import AnnotationError
from data_converters.report import Report

from .rows import FilmTable

FRONTAL = ('PA', 'AP')
ALL = 'ALL'
"""Every view that the metadata name."""


def add_view_argument(group: argparse._ArgumentGroup) -> None:
    """``--views``."""
    group.add_argument(
        '--views',
        nargs='+',
        type=str.upper,
        default=list(FRONTAL),
        metavar='VIEW',
        help='ViewPosition of the films to convert, such as PA, AP, LATERAL, LL or '
        "'AP AXIAL', or all; the others are counted, and films without one are never "
        'taken (default: PA AP)',
    )


def films_of_views(films: FilmTable, views: Sequence[str], report: Report) -> FilmTable:
    """Films of these views; every kind that is left out is counted.

    Raises:
        AnnotationError: no film has such a view; lists those there are.
    """
    numbers = Counter(films.view.tolist())
    blank = numbers.pop('', 0)
    wanted = [*numbers] if ALL in views else list(views)
    unknown = [view for view in wanted if view not in numbers]
    if unknown and (set(unknown) - {*FRONTAL} or not set(wanted) & numbers.keys()):
        there = ', '.join(f'{view} ({n:,})' for view, n in numbers.most_common())
        raise AnnotationError(
            f'no film has ViewPosition {", ".join(unknown)}; there are {there}. '
            'Mind --views.',
            films.source.path,
        )
    for view, number in numbers.most_common():
        if view not in wanted:
            report.count(f'films of view {view}, left out', number)
    if blank:
        report.count('films without a ViewPosition, never taken', blank)
    return films.where(np.isin(films.view.astype(str), wanted))
