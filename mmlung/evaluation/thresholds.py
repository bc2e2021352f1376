"""Per finding, the score threshold that gives the best F1: the operating point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmlung.boxes import match_greedy
from mmlung.evaluation.detections import ImageDetections

FALLBACK = 0.3
"""Threshold of a finding that validation says nothing about."""


@dataclass(frozen=True)
class OperatingPoint:
    """One finding's threshold, and what it rests on."""

    finding: str
    score_thr: float
    """Detections at or above it count."""
    f1: float
    """At the threshold, on the boxes it was chosen on; NaN without true boxes."""
    hits: int
    """Detections at or above the threshold that find a true box."""
    detections: int
    """Detections at or above the threshold."""
    boxes: int
    """True boxes."""
    fallback: str | None = None
    """Why the threshold was not chosen but is the fallback; None when it was chosen."""


def best_thresholds(
    images: Sequence[ImageDetections],
    classes: Sequence[str],
    iou_thr: float = 0.4,
    fallback: float = FALLBACK,
    min_hits: int = 1,
) -> list[OperatingPoint]:
    """Per finding the threshold with the best F1 = 2 TP / (detections + true boxes).

    Matching is PASCAL VOC's (:func:`mmlung.boxes.match_greedy`), pooled over all
    images, healthy ones included: their detections are false. Detections of equal score
    stand or fall together. Of several scores with the best F1 the highest is taken: it
    has the fewest false positives. The threshold lies half-way between it and the next
    lower score, since at the score itself, that of the least sure hit of validation,
    about every other box like it would be lost elsewhere.

    Args:
        images: boxes of each image, of a part that nothing is reported on.
        classes: (C,) names of the findings.
        iou_thr: least IoU of a hit.
        fallback: threshold of a finding without true boxes, without detections, or
            whose detections find nothing: no score is better than another there.
        min_hits: a threshold that rests on fewer found boxes is not trusted, and the
            fallback stands.

    Returns:
        (C,) in the order of ``classes``.
    """
    scores: list[list[np.ndarray]] = [[np.zeros(0)] for _ in classes]
    hits: list[list[np.ndarray]] = [[np.zeros(0, dtype=bool)] for _ in classes]
    n_boxes = np.zeros(len(classes), dtype=int)
    for image in images:
        for label, score, iou in image.by_finding():
            scores[label].append(score)
            hits[label].append(match_greedy(iou, score, iou_thr) >= 0)
            n_boxes[label] += iou.shape[1]
    return [
        _best(
            name,
            np.concatenate(scores[c]),
            np.concatenate(hits[c]),
            int(n_boxes[c]),
            fallback,
            min_hits,
        )
        for c, name in enumerate(classes)
    ]


def _best(
    name: str,
    score: np.ndarray,
    hit: np.ndarray,
    n_boxes: int,
    fallback: float,
    min_hits: int,
) -> OperatingPoint:
    """Operating point of one finding from its (N,) detections in all images.

    A match by falling score does not depend on the detections below it, so one matching
    of all serves every threshold.
    """
    reason = None
    if n_boxes == 0:
        reason = 'no true boxes'
    elif len(score) == 0:
        reason = 'no detections'
    elif not hit.any():
        reason = 'no detection finds a box'
    threshold = fallback if reason else _argmax_f1(score, hit, n_boxes)
    found = int(hit[score >= threshold].sum())
    if not reason and found < min_hits:
        threshold, reason = fallback, f'only {found} hits at the best F1'
    kept = score >= threshold
    n_kept, n_hits = int(kept.sum()), int(hit[kept].sum())
    f1 = 2 * n_hits / (n_kept + n_boxes) if n_boxes else float('nan')
    return OperatingPoint(name, threshold, f1, n_hits, n_kept, n_boxes, reason)


def _argmax_f1(score: np.ndarray, hit: np.ndarray, n_boxes: int) -> float:
    """Half-way from the highest of the scores with the best F1 to the next lower."""
    order = np.argsort(-score, kind='stable')
    score, hits = score[order], np.cumsum(hit[order])
    ends = np.append(np.flatnonzero(np.diff(score)), len(score) - 1)  # a tie is one
    f1 = 2 * hits[ends] / (ends + 1 + n_boxes)
    last = ends[f1.argmax()]
    lower = score[last + 1] if last + 1 < len(score) else 0.0
    return float((score[last] + lower) / 2)
