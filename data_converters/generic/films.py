"""Films of the generic formats: their files, sizes and names below the images root."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from data_converters.image_index import choose_films
from data_converters.image_index import images_root
from data_converters.image_index import name_below
from data_converters.image_index import require_sizes
from data_converters.records import AnnotationError
from data_converters.report import Report

from .annotated import Annotations
from .annotated import Film
from .film_lookup import FilmLookup
from .film_lookup import check_distinct
from .film_lookup import strangers

Size = tuple[int, int]


@dataclass(frozen=True)
class Located:
    """Films that are converted: id -> name below ``root`` and size of the file."""

    root: Path
    names: dict[str, str]
    sizes: dict[str, Size]


def locate(
    annotations: Annotations, args: argparse.Namespace, report: Report
) -> Located:
    """Find the file and the size of each film.

    Raises:
        AnnotationError: films are missing or unreadable, or nothing says where they
            are or how large.
    """
    if getattr(args, 'no_images', False):
        return _by_declaration(annotations, args)
    paths = annotations.paths
    if paths is None:
        paths = _look_up(annotations, args, report)
    chosen = _chosen(annotations, paths, args, report)
    check_distinct({i: paths[i] for i in chosen})
    sizes = require_sizes(
        {i: paths[i] for i in chosen}, report, args.workers, args.drop_invalid
    )
    if not sizes:
        raise AnnotationError('no film is left to convert', annotations.source.path)
    root, base = images_root((paths[i] for i in sizes), args.images_root)
    return Located(root, {i: name_below(base, paths[i]) for i in sizes}, sizes)


def check_sizes(
    films: Sequence[Film], located: Located, file: Path, report: Report
) -> None:
    """Compare the sizes that the annotations give with those of the files.

    Other sizes are resized copies, whose boxes are scaled with them.

    Raises:
        AnnotationError: height and width are exchanged.
    """
    resized = 0
    for film in films:
        size = located.sizes.get(film.image_id)
        if size is None or film.declared_hw in (None, size):
            continue
        height, width = size
        if film.declared_hw == (width, height):
            raise AnnotationError(
                f'gives {film.name} as {height} x {width} (width x height), and the '
                f'file is {width} x {height}: width and height exchanged, or the image '
                'turned. Put the sizes right, or leave them out of a table.',
                file,
            )
        resized += 1
    if resized:
        report.count('images of another size than annotated, boxes scaled', resized)


def _by_declaration(annotations: Annotations, args: argparse.Namespace) -> Located:
    """Names and sizes as the annotations give them."""
    films = annotations.films
    unknown = [film.name for film in films if film.declared_hw is None]
    if unknown:
        raise AnnotationError(
            f'does not give the size of {len(unknown):,} of {len(films):,} images '
            f'(first: {unknown[0]}), which --no-images needs. Give the images with '
            '--images.',
            annotations.source.path,
        )
    chosen = _first_of_each_split(films, args.limit)
    folder = annotations.source.path.parent
    root = args.images_root or args.images or annotations.images or folder
    return Located(
        root,
        {film.image_id: film.name for film in chosen},
        {film.image_id: film.declared_hw or (0, 0) for film in chosen},
    )


def _look_up(
    annotations: Annotations, args: argparse.Namespace, report: Report
) -> dict[str, Path]:
    """Film id -> file, of those that are there."""
    folder = args.images or annotations.images
    if folder is None:
        raise argparse.ArgumentError(
            None,
            'where are the images? Name their folder with --images, or pass '
            '--no-images.',
        )
    if not folder.is_dir():
        raise FileNotFoundError(
            f'{folder}: no such folder of images. Name it with --images.'
        )
    lookup = FilmLookup(folder)
    found = {film.image_id: lookup.find(film.name) for film in annotations.films}
    paths = {image_id: path for image_id, path in found.items() if path is not None}
    if annotations.films and not paths:
        raise AnnotationError(
            f'none of its {len(annotations.films):,} images (first: '
            f'{annotations.films[0].name}) is among the {len(lookup.paths):,} in '
            f'{folder}. Check --images.',
            annotations.source.path,
        )
    left_out = strangers(paths.values(), lookup)
    if left_out:
        report.count('images that no annotation speaks of, left out', left_out)
    return paths


def _chosen(
    annotations: Annotations,
    paths: dict[str, Path],
    args: argparse.Namespace,
    report: Report,
) -> list[str]:
    """Ids of films to convert: those that are there, at most ``--limit`` a split."""
    file = str(annotations.source.path)
    ids: list[str] = []
    for split in dict.fromkeys(film.split for film in annotations.films):
        own = [film.image_id for film in annotations.films if film.split == split]
        if args.limit is None:
            ids += own
        elif any(i in paths for i in own):
            ids += choose_films(own, paths, report, file, args.limit)
        else:
            report.count('films without a file, passed over', len(own))
    if args.limit is not None:
        return ids
    return choose_films(ids, paths, report, file, None, args.drop_invalid)


def _first_of_each_split(films: Sequence[Film], limit: int | None) -> list[Film]:
    met: Counter[str | None] = Counter()
    chosen = []
    for film in films:
        if limit is None or met[film.split] < limit:
            chosen.append(film)
        met[film.split] += 1
    return chosen
