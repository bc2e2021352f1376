"""Recorded results as the arrays that metrics take."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmlung.evaluation.detections import ImageDetections
from mmlung.evaluation.detections import cluster_of
from mmlung.result import Finding
from mmlung.result import ImageResult


def recorded_scores(
    results: Sequence[ImageResult], findings: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Scores and labels of classified films.

    Args:
        results: of a classifier, with ground truth.
        findings: (C,) names, in the order of the columns.

    Returns:
        (B, C) scores, and (B, C) labels: 1 present, 0 absent, NaN unknown.

    Raises:
        ValueError: a film has no truth, or lacks a finding.
    """
    score = np.empty((len(results), len(findings)))
    target = np.empty_like(score)
    for row, result in enumerate(results):
        if result.truth is None:
            raise ValueError(
                f'{result.image} has no truth: only films with labels can be scored.'
            )
        score[row] = _column(result.findings, findings, result.image)
        target[row] = _column(result.truth, findings, result.image)
    return score, target


def recorded_detections(
    results: Sequence[ImageResult], findings: Sequence[str]
) -> list[ImageDetections]:
    """Boxes of detected films, those of other findings left out.

    Args:
        results: of a detector, with ground truth.
        findings: names, in the order of the labels.

    Raises:
        ValueError: a film has no truth.
    """
    label = {name: index for index, name in enumerate(findings)}
    images = []
    for result, cluster in zip(results, clusters_of(results), strict=True):
        if result.truth is None:
            raise ValueError(
                f'{result.image} has no truth: only films with boxes can be scored.'
            )
        pred = [f for f in result.findings if f.name in label and f.box_xyxy]
        true = [f for f in result.truth if f.name in label and f.box_xyxy]
        images.append(
            ImageDetections(
                path=result.image,
                cluster=cluster,
                pred_xyxy=_boxes(pred),
                pred_score=np.array([f.score for f in pred], dtype=float),
                pred_label=np.array([label[f.name] for f in pred], dtype=int),
                gt_xyxy=_boxes(true),
                gt_label=np.array([label[f.name] for f in true], dtype=int),
            )
        )
    return images


def clusters_of(results: Sequence[ImageResult]) -> list[str]:
    """(B,) what is resampled as one: the patient, or the film where none is known.

    >>> clusters_of([ImageResult('a.png', (1, 1), ())])
    ['image a.png']
    """
    return [
        cluster_of({'img_path': result.image, 'patient_id': result.patient_id})
        for result in results
    ]


def _column(
    items: Sequence[Finding], findings: Sequence[str], image: str
) -> list[float]:
    values = {item.name: item.score for item in items}
    missing = [name for name in findings if name not in values]
    if missing:
        raise ValueError(f'{image} has no score or label of {", ".join(missing)}.')
    return [
        float('nan') if value is None else value
        for value in (values[name] for name in findings)
    ]


def _boxes(items: Sequence[Finding]) -> np.ndarray:
    return np.array([item.box_xyxy for item in items], dtype=float).reshape(-1, 4)
