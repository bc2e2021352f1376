"""Kaggle's average precision of a VinBigData submission, where the truth is known."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmlung.evaluation.detections import ImageDetections
from mmlung.evaluation.kaggle_ap import kaggle_ap
from mmlung.findings import VINDR_KAGGLE
from mmlung.submission.kaggle_csv import SubmittedImage
from mmlung.submission.predict import check_labelled
from mmlung.submission.predict import image_id_of


def score_submission(
    images: Sequence[SubmittedImage],
    annotations: Path,
    bootstrap: int = 0,
    seed: int = 0,
) -> dict[str, float]:
    """Kaggle's average precision of a submission, where labels are known.

    Args:
        images: read back by :func:`mmlung.submission.kaggle_csv.read_submission`.
        annotations: COCO file with the true boxes; those of findings that Kaggle lacks
            do not count, see :func:`not_scored`.
        bootstrap: number of resamples for intervals.
        seed: of the resampling.

    Raises:
        ValueError: the file has no labels, or other images than the submission.
    """
    check_labelled(annotations)
    content = json.loads(annotations.read_bytes())
    listed = {image_id_of(image): image for image in content['images']}
    given = {image.image_id: image for image in images}
    missing, unknown = listed.keys() - given.keys(), given.keys() - listed.keys()
    if missing or unknown:
        raise ValueError(
            f'the submission must have the images of {annotations}; {len(missing)} are '
            f'missing {sorted(missing)[:1]}, {len(unknown)} unknown '
            f'{sorted(unknown)[:1]}'
        )
    truth = _truth(content)
    detections = [
        _detections(given[image_id], truth[image['id']], image)
        for image_id, image in listed.items()
    ]
    no_finding = np.array([given[image_id].no_finding for image_id in listed])
    return kaggle_ap(detections, VINDR_KAGGLE, no_finding, bootstrap, seed)


def not_scored(annotations: Path) -> dict[str, Any]:
    """True boxes that Kaggle's score cannot see, such as PhysioNet's other findings.

    Returns:
        ``boxes``: finding that Kaggle lacks -> its number of true boxes, 0 included;
        ``images_as_no_finding``: images whose boxes are all of such findings, so that
        the score takes them for images of "No finding".
    """
    content = json.loads(annotations.read_bytes())
    names = {item['id']: item['name'] for item in content['categories']}
    boxes = {name: 0 for name in names.values() if name not in VINDR_KAGGLE}
    seen: dict[int, bool] = {}
    for annotation in content['annotations']:
        name, image = names[annotation['category_id']], annotation['image_id']
        if name in boxes:
            boxes[name] += 1
        seen[image] = seen.get(image, False) or name not in boxes
    return {'boxes': boxes, 'images_as_no_finding': sum(not v for v in seen.values())}


def _truth(content: Mapping[str, Any]) -> dict[int, list[tuple[int, list[float]]]]:
    """Image number -> (Kaggle's class, xyxy in pixels of the file) of each box."""
    names = {item['id']: item['name'] for item in content['categories']}
    truth: dict[int, list[tuple[int, list[float]]]] = defaultdict(list)
    for annotation in content['annotations']:
        name = names[annotation['category_id']]
        if name in VINDR_KAGGLE:
            x, y, width, height = annotation['bbox']
            truth[annotation['image_id']].append(
                (VINDR_KAGGLE.index(name), [x, y, x + width, y + height])
            )
    return truth


def _detections(
    submitted: SubmittedImage,
    truth: Sequence[tuple[int, list[float]]],
    image: Mapping[str, Any],
) -> ImageDetections:
    """Both sides in pixels of the original film."""
    height, width = image.get('original_size_hw') or (image['height'], image['width'])
    scale = np.array([width / image['width'], height / image['height']] * 2)
    patient = image.get('patient_id')
    cluster = f'image {submitted.image_id}' if patient is None else f'patient {patient}'
    boxes = submitted.boxes
    return ImageDetections(
        path=submitted.image_id,
        cluster=cluster,
        pred_xyxy=np.array([f.box_xyxy for f in boxes], dtype=float).reshape(-1, 4),
        pred_score=np.array([f.score for f in boxes], dtype=float),
        pred_label=np.array([VINDR_KAGGLE.index(f.name) for f in boxes], dtype=int),
        gt_xyxy=np.array([box for _, box in truth], dtype=float).reshape(-1, 4) * scale,
        gt_label=np.array([label for label, _ in truth], dtype=int),
    )
