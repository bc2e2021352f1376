"""The films to convert: of the wanted views, there, and readable."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import replace
from pathlib import Path

import numpy as np

from data_converters.records import AnnotationError
from data_converters.report import Report

from .films import film_sizes
from .films import find_films
from .films import kind_of
from .films import names_in_release
from .rows import FilmTable
from .split import PARTS
from .split import families_of
from .views import films_of_views


@dataclass(frozen=True)
class Selection:
    """Films to convert.

    Args:
        films: N films.
        names: (N,) POSIX paths below the root.
        sizes_hw: (N, 2) pixels of the files, 0 where unknown.
        root: folder that names are relative to.
        kind: dicom, image, or None where no file was looked at.
        families: part -> official, official-incomplete or subset.
    """

    films: FilmTable
    names: np.ndarray
    sizes_hw: np.ndarray
    root: Path
    kind: str | None
    families: dict[str, str]

    def where(self, wanted: np.ndarray) -> Selection:
        """The films of an (N,) mask or of indices."""
        return replace(
            self,
            films=self.films.where(wanted),
            names=self.names[wanted],
            sizes_hw=self.sizes_hw[wanted],
        )


def select_films(
    films: FilmTable,
    patients: Mapping[str, Path] | None,
    official: bool,
    args: argparse.Namespace,
    report: Report,
) -> Selection:
    """Films of the wanted views that are there, at most ``--limit`` of each part.

    Args:
        films: all of the tables.
        patients: their folders by name; None: the films are not looked at.
        official: whether the tables are the release's.
        args: the command line.
        report: gets what is left out.

    Raises:
        AnnotationError: none is there, they are of two kinds, or one cannot be read.
    """
    films = films_of_views(films.where(films.part != ''), args.views, report)
    if patients is None:
        beside = films.source.path.parent
        root = args.images_root or (args.images or [beside / 'files'])[0]
        names = names_in_release(films)
    else:
        root, base, names = find_films(films, patients, args.images_root)
    there = np.array([name is not None for name in names], dtype=bool)
    if len(films) and not there.any():
        raise AnnotationError(
            f'none of its {len(films):,} films (first: {names_in_release(films)[0]}) '
            f'is in the folders of {len(patients or ()):,} patients. Name the folder '
            'that holds them with --images, or pass --no-images.',
            films.source.path,
        )
    families = families_of(films, there, official, args.limit, report)
    chosen = _first(films.part, there, args.limit)
    films, names = films.where(chosen), np.array(names, dtype=object)[chosen]
    if patients is None:
        return Selection(films, names, films.size_hw, root, None, families)
    kind = kind_of(names)
    sizes = film_sizes(films, base, names, args, report)
    selection = Selection(films, names, sizes, root, kind, families)
    if args.sizes == 'metadata':
        return selection
    readable = sizes.min(axis=1) > 0
    for part in {*films.part[~readable].tolist()}:
        if families[part] == 'official':
            families[part] = 'official-incomplete'
    return selection.where(readable)


def _first(part: np.ndarray, there: np.ndarray, limit: int | None) -> np.ndarray:
    """Places of the films that are there, the first so many of each part."""
    places = [np.flatnonzero((part == name) & there)[:limit] for name in PARTS]
    return np.sort(np.concatenate(places))
