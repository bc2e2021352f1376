"""Which films of a VinDr-CXR release are there, by which name and of which size."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_converters.image_index import choose_films
from data_converters.image_index import images_root
from data_converters.image_index import require_sizes
from data_converters.records import AnnotationError
from data_converters.report import Report

from .files import nested_folders
from .films import Film
from .films import Sizes
from .films import films_in_table
from .films import films_on_disk
from .tables import BoxTable


@dataclass(frozen=True)
class Wanted:
    """Films to look for: their ids, what was found, and which file asks for them."""

    image_ids: list[str]
    found: Mapping[str, Path] | None
    file: str
    boxes: BoxTable | None = None

    def row_of(self, image_id: str) -> int | None:
        """The first row that speaks of a film."""
        if self.boxes is None:
            return None
        rows = np.flatnonzero(self.boxes.rows.image_id == image_id)
        return int(self.boxes.rows.line[rows[0]]) if len(rows) else None


def check_apart(wanted: Mapping[str, Wanted]) -> None:
    """No test film is trained on."""
    if 'test' not in wanted:
        return
    both = set(wanted['train'].image_ids) & set(wanted['test'].image_ids)
    if both:
        raise AnnotationError(
            f'{len(both):,} films are in both the training and the test part (first: '
            f'{min(both)}). A test film must not be trained on.',
            wanted['test'].file,
        )


def find_films(
    wanted: Mapping[str, Wanted],
    originals: Sizes,
    tables: Path,
    args: argparse.Namespace,
    report: Report,
) -> tuple[dict[str, dict[str, Film]], Path]:
    """Films of each part, and the folder that their names are relative to.

    Args:
        wanted: name of a part -> its films.
        originals: sizes before any resizing, as far as a table tells.
        tables: folder of the table of boxes, which stands in where there are no images.
        args: limit, drop_invalid, images_root and workers.
        report: gets what is left out or odd.

    Raises:
        AnnotationError: films are missing, cannot be read or have no size.
    """
    if all(part.found is None for part in wanted.values()):
        films = {
            name: films_in_table(part.image_ids[: args.limit], name, originals)
            for name, part in wanted.items()
        }
        folder = tables.absolute()
        root = folder.parent if folder.name == 'annotations' else folder
        return films, args.images_root or root
    _note_folders(wanted, report)
    chosen = {name: _choose(part, name, args, report) for name, part in wanted.items()}
    paths = {i: path for part in chosen.values() for i, path in part.items()}
    sizes = require_sizes(paths, report, args.workers, args.drop_invalid)
    root, base = images_root(
        [part.found[i] for part in wanted.values() for i in part.image_ids
         if part.found and i in part.found],
        args.images_root,
    )  # fmt: skip
    films = {
        name: films_on_disk(
            part, base, {i: sizes[i] for i in part if i in sizes}, originals
        )
        for name, part in chosen.items()
    }
    return films, root


def _note_folders(wanted: Mapping[str, Wanted], report: Report) -> None:
    """Nested folders, and images without annotation: nobody said they are healthy."""
    found = {
        i: path for part in wanted.values() for i, path in (part.found or {}).items()
    }
    strangers = found.keys() - {i for part in wanted.values() for i in part.image_ids}
    if strangers:
        report.count('images without annotation, left out', len(strangers))
    nested = nested_folders(found.values())
    if nested:
        report.warn(
            'films lie in folders inside folders of the same name '
            f'({", ".join(nested)}), as some archives unpack; they were taken from '
            'there'
        )


def _choose(
    part: Wanted, name: str, args: argparse.Namespace, report: Report
) -> dict[str, Path]:
    """Id -> file of the films of a part that are there."""
    if part.found is None or not any(i in part.found for i in part.image_ids):
        message = (
            f'none of the {len(part.image_ids):,} films of the {name} part (first: '
            f'{part.image_ids[0]}) is among the {len(part.found or ()):,} images found'
        )
        if name == 'test' and (args.limit or args.drop_invalid):
            report.warn(f'{part.file}: {message}; the part was left out')
            return {}
        raise AnnotationError(
            f'{message}. Name their folder (--images, --test-images), or leave the '
            'part out by naming the files of the other one instead of --root.',
            part.file,
        )
    ids = choose_films(
        part.image_ids,
        part.found,
        report,
        part.file,
        args.limit,
        args.drop_invalid,
        part.row_of,
    )
    return {i: part.found[i] for i in ids}
