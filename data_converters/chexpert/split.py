"""Where CheXpert's splits come from, and whether all of a table's films are there."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from data_converters.records import AnnotationError
from data_converters.report import Report

from .rows import FilmTable

OFFICIAL_FILMS = {'train': 223_414, 'valid': 234, 'test': 668}
"""Films of each table of the release."""

OFFICIAL_TRAIN_SHA256 = (
    '98e42f8207c0ab3b81cf3e54dcd433c6153bb397c7a9c2bc2c815d04163a4bbe'
)
"""Of the sorted names of train.csv below its folder, without suffix, one a line."""

ENOUGH = 0.99
"""Share of a table's films that must exist for its part to be called official."""


def is_official(role: str, films: FilmTable) -> bool:
    """Whether a table speaks of the films of the release.

    train.csv is known by the sha256 of its names; the others, of which no copy was at
    hand, by their number of films.
    """
    if len(films) != OFFICIAL_FILMS[role]:
        return False
    return role != 'train' or names_sha256(films) == OFFICIAL_TRAIN_SHA256


def names_sha256(films: FilmTable) -> str:
    """sha256 of the films' names, see ``OFFICIAL_TRAIN_SHA256``."""
    names = zip(films.patient, films.study, films.stem, strict=True)
    text = '\n'.join(sorted('/'.join(name) for name in names))
    return hashlib.sha256(text.encode()).hexdigest()


def family(official: bool, n_there: int, n_films: int, limit: int | None) -> str:
    """official, official-incomplete (a few films are missing) or subset."""
    if not official or limit is not None or n_there < ENOUGH * n_films:
        return 'subset'
    return 'official' if n_there == n_films else 'official-incomplete'


def check_patients(tables: Mapping[str, FilmTable]) -> None:
    """No patient is in two tables.

    Raises:
        AnnotationError: one is.
    """
    roles = list(tables)
    for i, role in enumerate(roles):
        for other in roles[i + 1 :]:
            both = {*tables[role].patient} & {*tables[other].patient}
            if both:
                raise AnnotationError(
                    f'{len(both):,} patients are also in '
                    f'{tables[role].source.path.name} (first: {min(both)}): the test '
                    'would be on films of patients trained on.',
                    tables[other].source.path,
                )


def report_missing(
    films: FilmTable, there: FilmTable, official: str, report: Report
) -> None:
    """Count the films without a file; list them where they are few."""
    n_missing = len(films) - len(there)
    if not n_missing:
        return
    name = films.source.path.name
    report.count(f'films of {name} without an image, left out', n_missing)
    if official == 'subset':
        report.warn(
            f'only {len(there):,} of the {len(films):,} films of {name} are there: '
            'its part is a "subset"'
        )
        return
    lines = {*there.line.tolist()}
    for path, line in zip(films.path, films.line.tolist(), strict=True):
        if line not in lines:
            report.drop(name, line, f'film {path} is not there')
