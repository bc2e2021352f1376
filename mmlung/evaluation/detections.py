"""Boxes of one image, predicted and true, as the box metrics read them."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmlung.boxes import box_iou
from mmlung.evaluation.bootstrap import ResampledMetric

_TOLERANCE_PX = 1.0


@dataclass(frozen=True)
class ImageDetections:
    """N predicted and M true boxes of one image, in pixels of the original image."""

    path: str
    """Of the image; names it in errors."""
    cluster: str
    """What is resampled as one: the patient, or the image when no patient is known."""
    pred_xyxy: np.ndarray
    """(N, 4) float."""
    pred_score: np.ndarray
    """(N,) float."""
    pred_label: np.ndarray
    """(N,) int, index of the finding."""
    gt_xyxy: np.ndarray
    """(M, 4) float."""
    gt_label: np.ndarray
    """(M,) int, index of the finding."""

    def by_finding(self) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """Each finding with a box: its label, scores (n,) and IoU (n, m) with truth."""
        for label in np.union1d(self.pred_label, self.gt_label).tolist():
            pred = self.pred_label == label
            iou = box_iou(self.pred_xyxy[pred], self.gt_xyxy[self.gt_label == label])
            yield label, self.pred_score[pred], iou


def read_detections(
    sample: dict, classes: Sequence[str], cluster: str = 'patient'
) -> ImageDetections:
    """One sample of a tested detector, as mmdet's ``DetDataSample.to_dict`` gives it.

    Args:
        sample: with ``pred_instances`` (bboxes, scores, labels), ``gt_instances``
            (bboxes, labels), ``ori_shape`` (h, w), ``img_path`` and, where the release
            has patients, ``patient_id``.
        classes: names of the findings that the labels point to.
        cluster: what is resampled as one, see :func:`cluster_of`.

    Raises:
        ValueError: there is no ground truth; a label has no finding; a score is not
            finite; a true box leaves the original image by more than 1 px.
    """
    path = _path_of(sample)
    if 'gt_instances' not in sample or 'bboxes' not in sample['gt_instances']:
        raise ValueError(
            f'{path} carries no gt_instances. The test pipeline must load annotations '
            '(LoadAnnotations with_bbox=True, after the resize).'
        )
    pred, truth = sample['pred_instances'], sample['gt_instances']
    image = ImageDetections(
        path=path,
        cluster=cluster_of(sample, cluster),
        pred_xyxy=as_floats(pred['bboxes']).reshape(-1, 4),
        pred_score=as_floats(pred['scores']),
        pred_label=as_floats(pred['labels']).astype(int),
        gt_xyxy=as_floats(truth['bboxes']).reshape(-1, 4),
        gt_label=as_floats(truth['labels']).astype(int),
    )
    _check_labels(image, classes)
    _check_inside(image, sample['ori_shape'])
    return image


def cluster_of(sample: dict, by: str = 'patient') -> str:
    """What is resampled as one: the sample's patient, or its image when none is known.

    Args:
        sample: with ``img_path`` or ``img_id`` and perhaps ``patient_id``.
        by: ``'patient'``, or ``'image'`` for the image even if the patient is known.

    >>> cluster_of({'img_path': 'a.png', 'patient_id': '7'}), cluster_of({'img_id': 3})
    ('patient 7', 'image 3')
    """
    patient = sample.get('patient_id')
    if by == 'image' or patient is None or patient == '':
        return f'image {_path_of(sample)}'
    return f'patient {patient}'


def _path_of(sample: dict) -> str:
    return str(sample.get('img_path', sample.get('img_id')))


def count_true_boxes(images: Sequence[ImageDetections], n_findings: int) -> np.ndarray:
    """(I, C) number of true boxes of each image and finding."""
    counts = [np.bincount(image.gt_label, minlength=n_findings) for image in images]
    return np.array(counts, dtype=float).reshape(len(images), n_findings)


def as_floats(values: Any) -> np.ndarray:
    """Float64 array of a tensor, a box type of mmdet, an array or a list."""
    values = getattr(values, 'tensor', values)
    if hasattr(values, 'detach'):
        values = values.detach().cpu().double().numpy()
    return np.asarray(values, dtype=np.float64)


def _check_labels(image: ImageDetections, classes: Sequence[str]) -> None:
    labels = np.concatenate([image.pred_label, image.gt_label])
    if len(labels) and not 0 <= labels.min() <= labels.max() < len(classes):
        raise ValueError(
            f'labels must lie in 0 to {len(classes) - 1} ({len(classes)} findings), '
            f'got {labels.min()} to {labels.max()} ({image.path}). The head and the '
            'data set must have the same findings.'
        )
    if not np.isfinite(image.pred_score).all():
        raise ValueError(
            f'scores must be finite, got NaN or infinity ({image.path}). The training '
            'has diverged: lower the learning rate.'
        )


def _check_inside(image: ImageDetections, size_hw: Sequence[int]) -> None:
    """A box outside the image was loaded before the resize, and IoU means nothing."""
    if len(image.gt_xyxy) == 0:
        return
    height, width = size_hw[:2]
    beyond = np.maximum(-image.gt_xyxy[:, :2], image.gt_xyxy[:, 2:] - [width, height])
    worst = int(beyond.max(axis=1).argmax())
    if beyond[worst].max() > _TOLERANCE_PX:
        raise ValueError(
            f'ground-truth box {image.gt_xyxy[worst].round(1).tolist()} leaves the '
            f'original image, {width} x {height} px (width x height; {image.path}). '
            'Annotations must be loaded after the resize in the test pipeline; or the '
            'annotations were made for images of another size.'
        )


class DetectionMetric(ResampledMetric):
    """Base of the box metrics: gathers one :class:`ImageDetections` per image."""

    def process(self, data_batch: object, data_samples: Sequence[dict]) -> None:
        """Keep the boxes of each image; mmengine trims padding by their count."""
        for sample in data_samples:
            self.results.append(read_detections(sample, self.classes, self.cluster))
