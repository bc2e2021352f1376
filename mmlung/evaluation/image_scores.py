"""Scores and labels of one image, of a classifier or of a detector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmlung.evaluation.detections import as_floats
from mmlung.evaluation.detections import cluster_of


@dataclass(frozen=True)
class ScoredImage:
    """What is said and what is true of one image, finding by finding."""

    path: str
    """Of the image; names it in errors."""
    cluster: str
    """What is resampled as one: the patient, or the image when no patient is known."""
    study: str | None
    """Patient and study, since some releases count studies within a patient."""
    score: np.ndarray
    """(C,) float, finite."""
    target: np.ndarray
    """(C,) 1 present, 0 absent, NaN unknown."""


def read_scores(
    sample: dict,
    classes: Sequence[str],
    cluster: str = 'patient',
    image_classes: Sequence[str] | None = None,
) -> ScoredImage:
    """One tested sample.

    A classifier's has ``pred_score``. For a detector's, which has ``pred_instances``,
    the score of a finding is that of its best box, 0 without one. Its label is the
    image's own (``gt_score``) where the release labels that finding of the image, and
    else whether it has a true box.

    Args:
        sample: as ``to_dict`` of mmpretrain's ``DataSample`` or mmdet's
            ``DetDataSample`` gives it; where the release has them, with ``patient_id``
            and ``study_id``.
        classes: (C,) names of the findings.
        cluster: what is resampled as one, see :func:`cluster_of`.
        image_classes: what a detector's ``gt_score`` labels, in order; findings that
            are not in ``classes`` are ignored.

    Raises:
        ValueError: a field is missing or has another length; a score is not finite; a
            label is none of 1, 0, NaN; a box has a label without a finding.
    """
    path = str(sample.get('img_path', sample.get('img_id', 'an image')))
    if 'pred_score' not in sample and 'pred_instances' in sample:
        score = _best_box(sample['pred_instances'], len(classes), path)
        target = _labels_of_boxes(sample, classes, image_classes, path)
    else:
        score = _field(sample, 'pred_score', len(classes), path)
        target = _field(sample, 'gt_score', len(classes), path)
    if not np.isfinite(score).all():
        raise ValueError(
            f'pred_score must be finite, got {score.tolist()} ({path}). The training '
            'has diverged: lower the learning rate.'
        )
    if not (np.isnan(target) | (target == 0) | (target == 1)).all():
        raise ValueError(
            f'gt_score must be 1 (present), 0 (absent) or NaN (unknown), got '
            f'{target.tolist()} ({path}).'
        )
    return ScoredImage(path, cluster_of(sample, cluster), _study(sample), score, target)


def _field(sample: dict, name: str, length: int, path: str) -> np.ndarray:
    values = as_floats(sample[name]) if name in sample else None
    if values is None or values.shape != (length,):
        got = 'none' if values is None else values.shape
        raise ValueError(
            f'{name} must have shape ({length},), one value per finding, got {got} '
            f'({path}). The head and the data set must have the same findings.'
        )
    return values


def _best_box(boxes: Any, n_findings: int, path: str) -> np.ndarray:
    labels = _box_labels(boxes, n_findings, path)
    best = np.zeros(n_findings)
    with np.errstate(invalid='ignore'):  # a NaN stays one, and is refused later
        np.maximum.at(best, labels, as_floats(boxes['scores']))
    return best


def _labels_of_boxes(
    sample: dict,
    classes: Sequence[str],
    image_classes: Sequence[str] | None,
    path: str,
) -> np.ndarray:
    if 'gt_instances' not in sample or 'labels' not in sample['gt_instances']:
        raise ValueError(
            f'{path} carries no gt_instances. The test pipeline must load annotations '
            '(LoadAnnotations with_bbox=True, after the resize).'
        )
    target = np.zeros(len(classes))
    target[_box_labels(sample['gt_instances'], len(classes), path)] = 1
    if 'gt_score' in sample and image_classes is not None:
        labels = _field(sample, 'gt_score', len(image_classes), path)
        for name, label in zip(image_classes, labels, strict=True):
            if name in classes:
                target[list(classes).index(name)] = label
    return target


def _box_labels(boxes: Any, n_findings: int, path: str) -> np.ndarray:
    labels = as_floats(boxes['labels']).astype(int)
    if len(labels) and not 0 <= labels.min() <= labels.max() < n_findings:
        raise ValueError(
            f'labels must lie in 0 to {n_findings - 1} ({n_findings} findings), got '
            f'{labels.min()} to {labels.max()} ({path}). The head and the data set '
            'must have the same findings.'
        )
    return labels


def _study(sample: dict) -> str | None:
    study = sample.get('study_id')
    if study is None or study == '':
        return None
    patient = sample.get('patient_id')
    return str(study) if patient in (None, '') else f'{patient}/{study}'
