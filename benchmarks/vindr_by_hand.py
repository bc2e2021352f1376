"""VinDr-CXR's table of boxes to COCO as one writes it by hand: what to compare with."""

from __future__ import annotations

import json
from collections.abc import Callable
from collections.abc import Sequence
from pathlib import Path
from typing import Any

FUSION_IOU = 0.5
_IDS = {'image_id': str}


def by_iterrows(csv: Path, sizes: Path, out: Path) -> Callable[[], None]:
    """What tutorials show: row by row, every reader's box."""
    import pandas as pd

    def run() -> None:
        table, meta = pd.read_csv(csv, dtype=_IDS), pd.read_csv(sizes, dtype=_IDS)
        size_of = {r['image_id']: (r['dim0'], r['dim1']) for _, r in meta.iterrows()}
        images, annotations = _empty_images(size_of), []
        place = {image['image_id']: image['id'] for image in images}
        for _, row in table.iterrows():
            if row['class_name'] == 'No finding':
                continue
            corners = (row['x_min'], row['y_min'], row['x_max'], row['y_max'])
            label = int(row['class_id']) + 1
            annotations.append(_annotation(place[row['image_id']], label, corners))
        _write(out, images, annotations)

    return run


def by_ensemble_boxes(csv: Path, sizes: Path, out: Path) -> Callable[[], None]:
    """Film by film through the package of the fusion's authors."""
    import ensemble_boxes
    import pandas as pd

    columns = ['x_min', 'y_min', 'x_max', 'y_max']

    def run() -> None:
        table, meta = pd.read_csv(csv, dtype=_IDS), pd.read_csv(sizes, dtype=_IDS)
        size_of = dict(
            zip(
                meta['image_id'],
                zip(meta['dim0'], meta['dim1'], strict=True),
                strict=True,
            )
        )
        images, annotations = _empty_images(size_of), []
        place = {image['image_id']: image['id'] for image in images}
        found = table[table['class_name'] != 'No finding']
        for image_id, rows in found.groupby('image_id'):
            height, width = size_of[image_id]
            scale = [width, height, width, height]
            boxes, scores, labels = [], [], []
            for _, own in rows.groupby('rad_id'):
                boxes.append((own[columns].to_numpy() / scale).tolist())
                scores.append([1.0] * len(own))
                labels.append(own['class_id'].tolist())
            fused, _, names = ensemble_boxes.weighted_boxes_fusion(
                boxes, scores, labels, iou_thr=FUSION_IOU, skip_box_thr=0.0001
            )
            for corners, label in zip(fused * scale, names.tolist(), strict=True):
                entry = _annotation(place[image_id], int(label) + 1, corners.tolist())
                annotations.append(entry)
        _write(out, images, annotations)

    return run


def _empty_images(size_of: dict[str, tuple[int, int]]) -> list[dict[str, Any]]:
    return [
        {
            'id': i,
            'image_id': image_id,
            'file_name': f'{image_id}.dicom',
            'height': int(height),
            'width': int(width),
        }
        for i, (image_id, (height, width)) in enumerate(size_of.items(), start=1)
    ]


def _annotation(image: int, label: int, corners: Sequence[float]) -> dict[str, Any]:
    x1, y1, x2, y2 = map(float, corners)
    width, height = x2 - x1, y2 - y1
    return {
        'image_id': image,
        'category_id': label,
        'bbox': [x1, y1, width, height],
        'area': width * height,
        'iscrowd': 0,
    }


def _write(out: Path, images: list[Any], annotations: list[dict[str, Any]]) -> None:
    entries = [{'id': i, **entry} for i, entry in enumerate(annotations, start=1)]
    out.mkdir(parents=True, exist_ok=True)
    content = {'images': images, 'annotations': entries}
    with (out / 'train.json').open('w', encoding='utf-8') as file:
        json.dump(content, file)
