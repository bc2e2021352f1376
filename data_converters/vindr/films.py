"""VinDr-CXR's films: where the files are, their sizes, boxes in the file's pixels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_converters.clipping import boxes_on_file
from data_converters.image_index import name_below
from data_converters.records import AnnotationError
from data_converters.records import Box
from data_converters.report import Report

from .tables import BoxTable

_DICOM_SUFFIXES = ('.dicom', '.dcm', '.dic')

Sizes = Mapping[str, tuple[int, int]]


@dataclass(frozen=True)
class Film:
    """One image file: name below the images root, size, size before any resizing."""

    file_name: str
    size_hw: tuple[int, int]
    original_size_hw: tuple[int, int]


def films_on_disk(
    paths: Mapping[str, Path], root: Path, file_sizes: Sizes, original_sizes: Sizes
) -> dict[str, Film]:
    """Films whose files are there.

    Args:
        paths: image id -> file.
        root: folder that all file names are relative to.
        file_sizes: (height, width) of the files; a film without one is left out.
        original_sizes: of the release's films; a film that is not in it is taken to
            have its file's size.

    Raises:
        AnnotationError: a table of sizes lacks a film that is no DICOM: whether it was
            resized cannot be told.
    """
    films = {}
    for image_id, size_hw in file_sizes.items():
        path = paths[image_id]
        is_dicom = path.suffix.lower() in _DICOM_SUFFIXES
        if original_sizes and image_id not in original_sizes and not is_dicom:
            raise AnnotationError(
                f'the table of image sizes lacks film {image_id}, and {path.name} is '
                'no DICOM that tells its original size. Complete --image-sizes.'
            )
        original = original_sizes.get(image_id, size_hw)
        films[image_id] = Film(name_below(root, path), size_hw, original)
    return films


def films_in_table(
    image_ids: Sequence[str], folder: str, original_sizes: Sizes
) -> dict[str, Film]:
    """Films known by the table of sizes alone, named as the release names them.

    Raises:
        AnnotationError: the table lacks a film.
    """
    missing = [i for i in image_ids if i not in original_sizes]
    if missing:
        raise AnnotationError(
            f'the size of {len(missing):,} of {len(image_ids):,} films is unknown '
            f'(first: {missing[0]}). Give the images (--images, --test-images) or a '
            'table of sizes (--image-sizes: image_id, dim0 height, dim1 width).',
            details=[f'no size: {i}' for i in missing if len(missing) < len(image_ids)],
        )
    return {
        i: Film(f'{folder}/{i}.dicom', original_sizes[i], original_sizes[i])
        for i in image_ids
    }


def sizes_beside_boxes(table: BoxTable) -> dict[str, tuple[int, int]]:
    """Image id -> (height, width) from the size columns that some mirrors carry."""
    rows = table.rows.where(~np.isnan(table.rows.size_hw).any(axis=1))
    sizes = map(tuple, rows.size_hw.astype(int).tolist())
    return dict(zip(rows.image_id.tolist(), sizes, strict=True))


def boxes_of_films(
    table: BoxTable,
    films: Mapping[str, Film],
    report: Report,
    max_outside: float,
    drop_invalid: bool,
) -> dict[str, list[Box]]:
    """Image id -> boxes clipped to the film and scaled to its file.

    Rows of films that are not among ``films`` (a limit, a file left out) do not count.
    """
    known = [i in films for i in table.rows.image_id.tolist()]
    rows = table.rows.where(table.rows.is_box & np.array(known, dtype=bool))
    report.boxes_in += len(rows.line)
    of_box = [films[i] for i in rows.image_id.tolist()]
    sizes = [(*film.original_size_hw, *film.size_hw) for film in of_box]
    original_hw, file_hw = np.hsplit(np.array(sizes, dtype=int).reshape(-1, 4), 2)
    scaled, keep = boxes_on_file(
        rows.xyxy,
        original_hw,
        file_hw,
        rows.line,
        table.name,
        report,
        max_outside,
        drop_invalid,
    )
    boxes: dict[str, list[Box]] = defaultdict(list)
    rows, corners = rows.where(keep), map(tuple, scaled[keep].tolist())
    for image_id, finding, reader, xyxy in zip(
        rows.image_id.tolist(),
        rows.finding.tolist(),
        rows.reader.tolist(),
        corners,
        strict=True,
    ):
        boxes[image_id].append(Box(finding, xyxy, (reader,) if reader else ()))
    return boxes
