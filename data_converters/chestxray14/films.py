"""ChestX-ray14's films: which of the label file's are there, and their records."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from data_converters.image_index import images_root
from data_converters.image_index import name_below
from data_converters.image_index import require_sizes
from data_converters.records import AnnotationError
from data_converters.records import ImageRecord
from data_converters.report import Report

from .boxes import RELEASE_SIDE_PX
from .files import NihFiles
from .labels import FilmRow
from .labels import LabelFile


def films_there(
    files: NihFiles, labels: LabelFile, report: Report
) -> dict[str, FilmRow]:
    """Rows of the label file whose film exists; all of them without images."""
    if files.films is None:
        return labels.rows
    there = {stem: row for stem, row in labels.rows.items() if stem in files.films}
    if not there:
        first = next(iter(labels.rows), 'none')
        raise AnnotationError(
            f'none of its {len(labels.rows):,} films (first: {first}) is among the '
            f'{len(files.films):,} images found. Name their folder with --images, or '
            'pass --no-images.',
            files.labels,
        )
    strangers = len(files.films) - len(there)
    if strangers:
        report.count('images without a row in the label file, left out', strangers)
    return there


def film_records(
    rows: Mapping[str, FilmRow],
    files: NihFiles,
    args: argparse.Namespace,
    report: Report,
) -> tuple[dict[str, ImageRecord], Path]:
    """Stem -> film without boxes, and the images root to record."""
    release_hw = (RELEASE_SIDE_PX, RELEASE_SIDE_PX)
    if files.films is None:
        root = args.images_root or (args.images or [args.root / 'images'])[0]
        names = {stem: row.image_index for stem, row in rows.items()}
        sizes = dict.fromkeys(rows, release_hw)
    else:
        paths = {stem: files.films[stem] for stem in rows}
        sizes = require_sizes(paths, report, args.workers, args.drop_invalid)
        root, base = images_root(paths.values(), args.images_root)
        names = {stem: name_below(base, path) for stem, path in paths.items()}
    records = {
        stem: ImageRecord(
            image_id=stem,
            file_name=names[stem],
            size_hw=sizes[stem],
            labels=row.labels,
            patient_id=row.patient_id,
            view=row.view,
            sex=row.sex,
            age=row.age,
            spacing=_spacing(row.extent_mm, sizes[stem]),
            row=row.row,
            original_size_hw=None if sizes[stem] == release_hw else release_hw,
        )
        for stem, row in rows.items()
        if stem in sizes
    }
    return records, root


def _spacing(
    extent_mm: tuple[float, float] | None, size_hw: tuple[int, int]
) -> tuple[float, float] | None:
    """Pixel size of the file on disk, mm down and right; the release gives 4 digits."""
    if extent_mm is None:
        return None
    return round(extent_mm[0] / size_hw[0], 4), round(extent_mm[1] / size_hw[1], 4)
