"""One COCO file, checked: every entry is understood, or an error says which is not."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_converters.records import AnnotationError
from data_converters.report import Report
from data_converters.tables import Source
from data_converters.tables import bytes_source
from data_converters.tables import read_bytes

from .annotated import SPLITS

_FACTS = ('patient_id', 'study_id', 'view', 'sex', 'age', 'n_readers')


@dataclass(frozen=True)
class CocoFile:
    """What a COCO file holds; ``rows`` are the arguments of ``box_rows`` as lists.

    It is ``labelled`` when it has annotations, be it an empty list.
    """

    path: Path
    source: Source
    split: str | None
    info: dict[str, Any]
    images: list[dict[str, Any]]
    sizes: list[tuple[int, int] | None]
    findings: tuple[str, ...]
    rows: dict[str, list[Any]]
    counts: Counter[str]
    labelled: bool = True

    @property
    def images_root(self) -> Path | None:
        """Folder of the images, where a conversion wrote it."""
        root = self.info.get('images_root')
        return None if root is None else (self.path.parent / str(root)).absolute()


def read_coco(
    path: Path, split: str | None, report: Report, drop_invalid: bool = False
) -> CocoFile:
    """Read and check a COCO detection file.

    Args:
        path: the file.
        split: of its images; None takes what a conversion wrote into it, if one did.
        report: gets annotations that are left out.
        drop_invalid: leave out annotations that cannot be right instead of stopping.

    Raises:
        AnnotationError: it is no such file, or an entry is wrong.
    """
    raw = read_bytes(path)
    content = _content(raw, path)
    names = _category_names(content['categories'], path)
    place, sizes = _images(content['images'], path)
    info = content.get('info')
    info = info if isinstance(info, dict) else {}
    if split is None and info.get('split') in SPLITS:
        split = info['split']
    annotations = content.get('annotations') or []
    counts: Counter[str] = Counter()
    rows: dict[str, list[Any]] = {
        key: []
        for key in ('film', 'finding', 'xyxy', 'file', 'line', 'readers', 'crowd')
    }
    for line, entry in enumerate(annotations, start=1):
        wrong = _what_is_wrong(entry, place, names)
        if wrong and not drop_invalid:
            raise AnnotationError(
                f'of annotations: {wrong} Mend it or pass --drop-invalid.', path, line
            )
        if wrong:
            report.boxes_in += 1
            report.drop(path.name, line, wrong)
            continue
        x, y, width, height = entry['bbox']
        rows['film'].append(place[entry['image_id']])
        rows['finding'].append(names[entry['category_id']])
        rows['xyxy'].append((x, y, x + width, y + height))
        rows['file'].append(path.name)
        rows['line'].append(line)
        rows['readers'].append(tuple(map(str, entry.get('readers') or ())))
        rows['crowd'].append(bool(entry.get('iscrowd')))
        counts['annotations with an outline, of which the box is kept'] += bool(
            entry.get('segmentation')
        )
        counts['crowd regions (iscrowd)'] += bool(entry.get('iscrowd'))
    return CocoFile(
        path,
        bytes_source(path, len(annotations), raw),
        split,
        info,
        content['images'],
        sizes,
        tuple(dict.fromkeys(names.values())),
        rows,
        +counts,
        content.get('annotations') is not None,
    )


def film_facts(image: dict[str, Any], path: Path) -> dict[str, Any]:
    """Fields of ``ImageRecord`` that a conversion wrote beside an image."""
    facts = {key: image[key] for key in _FACTS if image.get(key) is not None}
    for key in ('patient_id', 'study_id'):
        if key in facts:
            facts[key] = str(facts[key])
    labels = image.get('gt_score')
    if labels:
        facts['labels'] = tuple(math.nan if v is None else float(v) for v in labels)
    if labels and image.get('label_votes'):
        facts['votes'] = tuple(image['label_votes'])
    if image.get('original_size_hw'):
        facts['original_size_hw'] = tuple(image['original_size_hw'])
    return facts


def _content(raw: bytes, path: Path) -> dict[str, Any]:
    try:
        content = json.loads(raw)
    except ValueError as error:
        raise AnnotationError(f'is no readable JSON: {error}', path) from error
    if isinstance(content, list):
        raise AnnotationError(
            'is a list, as COCO results (predictions) are. A COCO annotation file has '
            'images, annotations and categories.',
            path,
        )
    if isinstance(content, dict) and 'data_list' in content:
        raise AnnotationError(
            'holds image-level labels without boxes (MMEngine); a COCO file is needed.',
            path,
        )
    for key in ('images', 'annotations', 'categories'):
        value = content.get(key) if isinstance(content, dict) else None
        absent = key == 'annotations' and value is None  # films without labels
        if not absent and not isinstance(value, list):
            raise AnnotationError(f'has no list {key!r}: is it a COCO file?', path)
    return content


def _category_names(categories: list[Any], path: Path) -> dict[Any, str]:
    """Category id -> name."""
    names: dict[Any, str] = {}
    for entry in categories:
        if not _has_id(entry, 'name'):
            raise AnnotationError(f'category without id and name: {entry}', path)
        if entry['id'] in names:
            raise AnnotationError(
                f'category id {entry["id"]} is {names[entry["id"]]!r} and '
                f'{entry["name"]!r}. Give each its own.',
                path,
            )
        names[entry['id']] = str(entry['name']).strip()
    return names


def _images(
    images: list[Any], path: Path
) -> tuple[dict[Any, int], list[tuple[int, int] | None]]:
    """Image id -> its place in the list, and the declared sizes."""
    place: dict[Any, int] = {}
    sizes: list[tuple[int, int] | None] = []
    for i, image in enumerate(images):
        if not _has_id(image, 'file_name'):
            raise AnnotationError(
                f'images[{i}] must have id and file_name: {image}', path
            )
        if place.setdefault(image['id'], i) != i:
            raise AnnotationError(
                f'image id {image["id"]} is there twice: '
                f'{images[place[image["id"]]]["file_name"]} and {image["file_name"]}.',
                path,
            )
        image['file_name'] = str(image['file_name'])
        sizes.append(_size(image, path))
    return place, sizes


def _size(image: dict[str, Any], path: Path) -> tuple[int, int] | None:
    """(height, width), None where the file gives none."""
    height, width = image.get('height'), image.get('width')
    if not height and not width:
        return None
    if not all(_is_whole(v) for v in (height, width)):
        raise AnnotationError(
            f'image {image["file_name"]} must have a width and a height in whole '
            f'pixels, got {width} x {height}.',
            path,
        )
    return int(height or 0), int(width or 0)


def _what_is_wrong(
    entry: Any, place: dict[Any, int], names: dict[Any, str]
) -> str | None:
    """Why an annotation cannot be used; None for a good one."""
    if not isinstance(entry, dict):
        return f'must be an object, got {entry!r}.'
    ids = (entry.get('image_id'), entry.get('category_id'))
    if not all(isinstance(value, int | str) for value in ids):
        return f'image_id and category_id must be numbers or names, got {ids}.'
    if entry.get('image_id') not in place:
        return f'image_id {entry.get("image_id")!r} is none of the images.'
    if entry.get('category_id') not in names:
        known = ', '.join(f'{i} {name}' for i, name in names.items())
        return (
            f'category_id {entry.get("category_id")!r} is none of the categories '
            f'({known}).'
        )
    box = entry.get('bbox')
    if not isinstance(box, list) or len(box) != 4 or not all(map(_is_number, box)):
        return f'bbox must be [x, y, width, height] in pixels, got {box!r}.'
    if box[2] < 0 or box[3] < 0:
        return f'bbox {box} has a negative width or height.'
    return None


def _has_id(entry: Any, key: str) -> bool:
    there = isinstance(entry, dict) and {'id', key} <= entry.keys()
    return there and isinstance(entry['id'], int | str)


def _is_whole(value: Any) -> bool:
    return _is_number(value) and value > 0 and value == int(value)


def _is_number(value: Any) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
    )
