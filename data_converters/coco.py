"""Records -> one COCO object, ids from 1, healthy films included."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Sequence
from typing import Any

from .records import Box
from .records import ImageRecord


def coco_object(
    records: Iterable[ImageRecord], findings: Sequence[str], info: dict[str, Any]
) -> dict[str, Any]:
    """COCO detection object, ready for JSON: NaN labels are None.

    Args:
        records: films with their sizes.
        findings: categories in official order, whether met or not.
        info: goes in as it is.
    """
    category_id = {name: i for i, name in enumerate(findings, start=1)}
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for image_id, record in enumerate(records, start=1):
        images.append(_image(record, image_id))
        for box in record.boxes:
            entry = _annotation(box, image_id, category_id[box.finding])
            annotations.append({'id': len(annotations) + 1, **entry})
    categories = [
        {'id': i, 'name': name, 'supercategory': 'finding'}
        for name, i in category_id.items()
    ]
    return {
        'info': info,
        'images': images,
        'annotations': annotations,
        'categories': categories,
    }


def film_fields(record: ImageRecord) -> dict[str, Any]:
    """What is known of a film besides its pixels; unknown fields are left out."""
    labels = [int(v) if v == v else None for v in record.labels]
    fields: dict[str, Any] = {
        'image_id': record.image_id,
        'patient_id': record.patient_id,
        'study_id': record.study_id,
        'view': record.view,
        'sex': record.sex,
        'age': record.age,
        'spacing': None if record.spacing is None else list(record.spacing),
        'row': record.row,
        'gt_score': labels or None,
        'label_votes': None if record.votes is None else list(record.votes),
        'n_readers': record.n_readers,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _image(record: ImageRecord, image_id: int) -> dict[str, Any]:
    if record.size_hw is None:
        raise ValueError(f'image {record.image_id} needs a size to be written as COCO')
    height, width = record.size_hw
    image = {
        'id': image_id,
        'file_name': record.file_name,
        'height': height,
        'width': width,
        **film_fields(record),
    }
    if record.original_size_hw is not None:
        image['original_size_hw'] = list(record.original_size_hw)
    return image


def _annotation(box: Box, image_id: int, category_id: int) -> dict[str, Any]:
    x1, y1, x2, y2 = box.xyxy
    width, height = x2 - x1, y2 - y1
    annotation: dict[str, Any] = {
        'image_id': image_id,
        'category_id': category_id,
        'bbox': [x1, y1, width, height],
        'area': width * height,
        'iscrowd': int(box.crowd),
    }
    if box.readers:
        annotation['readers'] = list(box.readers)
        annotation['votes'] = box.votes
    return annotation
