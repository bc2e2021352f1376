"""A conversion -> a YOLO data set in Ultralytics' layout: images, labels, data.yaml.

Rows are ``class cx cy w h`` in shares of the image with 10 decimals: a millionth of a
pixel in a film of 10,000.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence
from pathlib import Path
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from data_converters.records import AnnotationError
from data_converters.records import ImageRecord

from .yolo_labels import label_path

if TYPE_CHECKING:
    from data_converters.conversion import Part

NAME = 'data.yaml'
READABLE = ('bmp', 'dng', 'jpeg', 'jpg', 'mpo', 'png', 'tif', 'tiff', 'webp')
"""Endings of the images that Ultralytics reads."""


def data_yaml(parts: Sequence[Part], findings: Sequence[str]) -> str:
    """The file that Ultralytics is started with, beside images/ and labels/."""
    import yaml

    content = {
        **{part.split: f'images/{part.split}' for part in parts},
        'names': dict(enumerate(findings)),
    }
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=1000)


def image_names(parts: Sequence[Part]) -> dict[str, str]:
    """File name -> where the image lies below the data set's folder.

    That is images/SPLIT/; file names that all begin with their split already, as those
    of a YOLO data set do, are not put one folder deeper.
    """
    films = [(part.split, film.file_name) for part in parts for film in part.records]
    there = all(name.startswith(f'{split}/') for split, name in films)
    return {
        name: PurePosixPath('images', '' if there else split, name).as_posix()
        for split, name in films
    }


def label_texts(
    parts: Sequence[Part], findings: Sequence[str]
) -> Iterator[tuple[str, str]]:
    """Name and text of each label file; empty for a film without a finding.

    Films of a part that nobody has labelled get none.

    Raises:
        AnnotationError: two images would have the same label file.
    """
    class_of = {name: i for i, name in enumerate(findings)}
    owner: dict[str, str] = {}
    place = image_names(parts)
    for part in parts:
        for film in part.records:
            name = label_path(Path(place[film.file_name])).as_posix()
            other = owner.setdefault(name, film.file_name)
            if other != film.file_name:
                raise AnnotationError(
                    f'images {other} and {film.file_name} differ in their endings '
                    'alone, and YOLO has one label file for both. Rename one of them.'
                )
            if part.ground_truth is not None:
                yield name, ''.join(_lines(film, class_of))


def images_of(parts: Sequence[Part], folder: Path) -> dict[str, Path]:
    """Name in the data set -> image file, for each film.

    Raises:
        AnnotationError: one is not there.
    """
    images = {
        there: folder / file_name for file_name, there in image_names(parts).items()
    }
    missing = [path for path in images.values() if not path.is_file()]
    if missing:
        raise AnnotationError(
            f'{len(missing):,} of {len(images):,} images are not there (first: '
            f'{missing[0]}), so that no YOLO data set with images can be made. '
            'Complete them, or pass --images-as none and put them into images/ later.'
        )
    return images


def _lines(film: ImageRecord, class_of: dict[str, int]) -> Iterator[str]:
    if film.size_hw is None:
        raise ValueError(f'image {film.image_id} needs a size to be written as YOLO')
    height, width = film.size_hw
    for box in film.boxes:
        if box.crowd:
            continue
        x1, y1, x2, y2 = box.xyxy
        shares = (
            (x1 + x2) / 2 / width,
            (y1 + y2) / 2 / height,
            (x2 - x1) / width,
            (y2 - y1) / height,
        )
        yield f'{class_of[box.finding]} ' + ' '.join(f'{v:.10f}' for v in shares) + '\n'
