"""MIMIC-CXR's official split, and whether all of a part's films are there."""

from __future__ import annotations

from collections import Counter

import numpy as np

from data_converters.chexpert.split import family
from data_converters.records import AnnotationError
from data_converters.report import Report

from .rows import FilmTable

PARTS = ('train', 'val', 'test')

OFFICIAL_FILMS = {'train': 368_960, 'val': 2_991, 'test': 5_159}
"""Films of each part of the release: 377,110 in all."""

OFFICIAL_PATIENTS = {'train': 64_586, 'val': 500, 'test': 293}
"""Patients of each part of the release; none is in two."""


def is_official(films: FilmTable) -> bool:
    """Whether the tables speak of the films of the release.

    They are known by the films and patients of each part: of the split table itself no
    copy was at hand.
    """
    of_films = Counter(films.part.tolist())
    pairs = {*zip(films.part.tolist(), films.subject_id.tolist(), strict=True)}
    of_patients = Counter(part for part, _ in pairs)
    return all(
        of_films[part] == OFFICIAL_FILMS[part]
        and of_patients[part] == OFFICIAL_PATIENTS[part]
        for part in PARTS
    )


def check_patients(films: FilmTable) -> None:
    """No patient is in two parts.

    Raises:
        AnnotationError: one is.
    """
    part_of: dict[str, str] = {}
    torn = {
        subject: (part_of[subject], part)
        for subject, part in zip(films.subject_id, films.part, strict=True)
        if part and part_of.setdefault(subject, part) != part
    }
    if torn:
        first = min(torn)
        raise AnnotationError(
            f'{len(torn):,} patients are in two parts of the split (first: {first}, in '
            f'{" and ".join(torn[first])}): the test would be on films of patients '
            'trained on. Is it the split table of the release?',
            films.source.path,
        )


def families_of(
    wanted: FilmTable,
    there: np.ndarray,
    official: bool,
    limit: int | None,
    report: Report,
) -> dict[str, str]:
    """Part -> official, official-incomplete or subset; what is missing is reported.

    Args:
        wanted: films of the wanted views.
        there: (N,) mask of those to convert.
        official: see ``is_official``.
        limit: ``--limit``.
        report: gets the missing films: listed where they are few, else counted.
    """
    found = {}
    for part in PARTS:
        own = wanted.part == part
        n_films, n_there = int(own.sum()), int((own & there).sum())
        found[part] = family(official, n_there, n_films, limit)
        missing = np.flatnonzero(own & ~there)
        if not len(missing):
            continue
        report.count(f'films of {part} without an image, left out', len(missing))
        if found[part] == 'subset':
            report.warn(
                f'only {n_there:,} of the {n_films:,} films of {part} are there: its '
                'part is a "subset"'
            )
            continue
        for place in missing.tolist():
            name = wanted.dicom_id[place]
            report.drop(wanted.source.path.name, None, f'film {name} is not there')
    return found
