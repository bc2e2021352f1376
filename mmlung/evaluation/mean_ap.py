"""Average precision of boxes: PASCAL VOC's at IoU 0.4, COCO's from 0.5 to 0.95."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmlung.boxes import match_greedy
from mmlung.evaluation.bootstrap import cumulative_weight
from mmlung.evaluation.bootstrap import mean_defined
from mmlung.evaluation.bootstrap import ratio
from mmlung.evaluation.bootstrap import with_intervals
from mmlung.evaluation.detections import DetectionMetric
from mmlung.evaluation.detections import ImageDetections
from mmlung.evaluation.detections import count_true_boxes
from mmlung.registry import METRICS

COCO_IOU_THRS = np.linspace(0.5, 0.95, 10)
COCO_MAX_PER_IMAGE = 100
COCO_RECALLS = np.linspace(0.0, 1.0, 101)


@dataclass(frozen=True)
class RankedDetections:
    """Detections of one finding over all images, by falling score."""

    image: np.ndarray
    """(N,) int, index of the image."""
    score: np.ndarray
    """(N,) float, falling."""
    hit: np.ndarray
    """(N, T) bool: finds a true box, at each of T overlaps."""


def match_coco(iou: np.ndarray, score: np.ndarray) -> np.ndarray:
    """(N, T) whether each prediction finds a true box, at COCO's ten overlaps.

    By falling score, each prediction takes the free box that it overlaps most. (PASCAL
    VOC's rule, ``mmlung.boxes.match_greedy``, gives it no second choice.)

    Args:
        iou: (N, M) of N predictions with M true boxes of one finding in one image.
        score: (N,); equal ones are taken in order.

    Source: Lin et al. 2014, doi:10.1007/978-3-319-10602-1_48, and ``pycocotools``.
    """
    n_thrs = len(COCO_IOU_THRS)
    hit = np.zeros((len(score), n_thrs), dtype=bool)
    if iou.size == 0:
        return hit
    free = np.ones((n_thrs, iou.shape[1]), dtype=bool)
    near = iou.max(axis=1) >= COCO_IOU_THRS[0]
    for i in np.argsort(-score, kind='stable'):
        if near[i]:
            overlap = np.where(free, iou[i], -1.0)
            taken = overlap.argmax(axis=1)
            hit[i] = overlap.max(axis=1) >= COCO_IOU_THRS
            free[hit[i], taken[hit[i]]] = False
    return hit


def rank_detections(
    images: Sequence[ImageDetections],
    n_findings: int,
    match: Callable[[np.ndarray, np.ndarray], np.ndarray],
    max_per_image: int | None = None,
) -> list[RankedDetections]:
    """Match every image once, then rank the detections of each finding.

    Args:
        images: their boxes.
        n_findings: C.
        match: IoU (n, m) and scores (n,) of one finding in one image -> hits (n, T).
        max_per_image: keep the best ones of each finding and image only.
    """
    none = np.zeros(0, dtype=int), np.zeros(0), match(np.zeros((0, 0)), np.zeros(0))
    parts: list[list[tuple[np.ndarray, ...]]] = [[none] for _ in range(n_findings)]
    for index, image in enumerate(images):
        for label, score, iou in image.by_finding():
            best = np.argsort(-score, kind='stable')[:max_per_image]
            hit = match(iou[best], score[best])
            parts[label].append((np.full(len(best), index), score[best], hit))
    ranked = []
    for part in parts:
        image_index, score, hit = (
            np.concatenate(arrays) for arrays in zip(*part, strict=True)
        )
        order = np.argsort(-score, kind='stable')
        ranked.append(RankedDetections(image_index[order], score[order], hit[order]))
    return ranked


def recall_precision(
    ranked: RankedDetections, weights: np.ndarray, n_boxes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Operating points by falling score, one per distinct score that finds a box.

    Points that find nothing only lower the precision, so no average rests on them.

    Args:
        ranked: detections of one finding.
        weights: (I, R) of the images.
        n_boxes: (R,) weighted number of true boxes.

    Returns:
        Recall and precision, each (T, P, R).
    """
    found = np.flatnonzero(ranked.hit.any(axis=1))
    stops = np.searchsorted(-ranked.score, -ranked.score[found], side='right')
    stops = np.unique(stops)  # detections at or above each score: a tie is one point
    n_detections = cumulative_weight(weights[ranked.image], stops)
    found_until = np.searchsorted(found, stops)
    hits = [
        cumulative_weight(weights[ranked.image[found]] * hit[:, None], found_until)
        for hit in ranked.hit[found].T
    ]
    true = np.stack(hits)
    precision = np.divide(
        true, n_detections, out=np.zeros_like(true), where=n_detections > 0
    )
    return ratio(true, n_boxes), precision


def area_under_curve(recall: np.ndarray, precision: np.ndarray) -> np.ndarray:
    """(R,) average precision of PASCAL VOC 2010: the area under the falling envelope.

    Args:
        recall: (P, R), rising along P.
        precision: (P, R).

    Source: Everingham et al. 2015, doi:10.1007/s11263-014-0733-5, section 3.4.1.

    >>> area_under_curve(np.array([[0.5], [1.0]]), np.array([[1.0], [0.5]])).tolist()
    [0.75]
    """
    steps = np.diff(recall, axis=0, prepend=0)
    return (steps * _envelope(precision)).sum(axis=0)


def mean_of_101_points(recall: np.ndarray, precision: np.ndarray) -> np.ndarray:
    """(R,) average precision of COCO: the envelope's mean at 101 recalls.

    Args:
        recall: (P, R), rising along P.
        precision: (P, R).

    >>> mean_of_101_points(np.array([[0.5]]), np.array([[1.0]])).round(3).tolist()
    [0.505]
    """
    envelope = np.vstack([_envelope(precision), np.zeros(recall.shape[1])])
    means = [
        envelope[np.searchsorted(recall[:, r], COCO_RECALLS), r].mean()
        for r in range(recall.shape[1])
    ]
    return np.array(means)


def _envelope(precision: np.ndarray) -> np.ndarray:
    """Best precision at each point's recall or beyond."""
    return np.maximum.accumulate(precision[::-1], axis=0)[::-1]


def mean_ap(
    images: Sequence[ImageDetections],
    classes: Sequence[str],
    min_boxes: int = 1,
    bootstrap: int = 0,
    seed: int = 0,
) -> dict[str, float]:
    """Average precision per finding and on average, without a score threshold.

    Equal scores are one operating point, so the order of the images does not matter.

    Args:
        images: boxes of each image; detections on healthy ones are false positives.
        classes: (C,) names of the findings.
        min_boxes: findings with fewer true boxes are shown, but not averaged.
        bootstrap: number of resamples for the intervals; 0 for none.
        seed: of the resampling.

    Returns:
        ``AP40``: PASCAL VOC 2010 (matching and area) at IoU >= 0.4. ``AP50``, ``AP75``
        and ``AP``, the mean over IoU 0.50, 0.55 ... 0.95: COCO (matching, 101 points,
        at most 100 detections per image and finding). Each is the mean over the
        ``AP40_findings`` findings with at least ``min_boxes`` true boxes. Per finding
        ``AP40/<finding>``, ``AP50/<finding>``, ``AP/<finding>`` and
        ``n_boxes/<finding>``: NaN without a true box, 0 without a detection. With
        resamples, ``<key>_low`` and ``<key>_high``.

    >>> box, label = np.array([[0.0, 0, 10, 10]]), np.array([0])
    >>> image = ImageDetections('a', 'a', box, np.array([0.9]), label, box, label)
    >>> mean_ap([image], ['Nodule'])['AP40']
    1.0
    """
    n_boxes = count_true_boxes(images, len(classes))
    averaged = n_boxes.sum(axis=0) >= max(1, min_boxes)
    voc = rank_detections(images, len(classes), _match_voc40)
    coco = rank_detections(images, len(classes), match_coco, COCO_MAX_PER_IMAGE)

    def statistic(weights: np.ndarray) -> dict[str, np.ndarray]:
        boxes = n_boxes.T @ weights  # (C, R)
        scored = [
            _average_precisions(v, c, weights, n)
            for v, c, n in zip(voc, coco, boxes, strict=True)
        ]
        by_key = {key: np.array([s[key] for s in scored]) for key in scored[0]}
        return {
            **{key: mean_defined(values[averaged]) for key, values in by_key.items()},
            **{
                f'{key}/{name}': by_key[key][c]
                for key in ('AP40', 'AP50', 'AP')
                for c, name in enumerate(classes)
            },
        }

    report = with_intervals(statistic, [i.cluster for i in images], bootstrap, seed)
    report |= {'AP40_findings': float(averaged.sum()), 'n_boxes': float(n_boxes.sum())}
    counts = n_boxes.sum(axis=0).tolist()
    return report | {
        f'n_boxes/{name}': n for name, n in zip(classes, counts, strict=True)
    }


def _match_voc40(iou: np.ndarray, score: np.ndarray) -> np.ndarray:
    return match_greedy(iou, score, iou_thr=0.4)[:, None] >= 0


def _average_precisions(
    voc: RankedDetections,
    coco: RankedDetections,
    weights: np.ndarray,
    n_boxes: np.ndarray,
) -> dict[str, np.ndarray]:
    """(R,) values of one finding under each key; NaN where it has no true box."""
    defined = np.where(n_boxes > 0, 0.0, np.nan)  # added: 0 keeps a value, NaN wins
    recall, precision = recall_precision(voc, weights, n_boxes)
    average40 = area_under_curve(recall[0], precision[0])
    curves = zip(*recall_precision(coco, weights, n_boxes), strict=True)
    averages = np.array([mean_of_101_points(r, p) for r, p in curves])
    return {
        'AP40': average40 + defined,
        'AP50': averages[0] + defined,
        'AP75': averages[5] + defined,
        'AP': averages.mean(axis=0) + defined,
    }


@METRICS.register_module()
class MeanAP(DetectionMetric):
    """Average precision of boxes; see :func:`mean_ap`.

    Args:
        min_boxes: findings with fewer true boxes are shown, but not averaged.
        **kwargs: of :class:`ResampledMetric`: bootstrap, seed, prefix, ...
    """

    def __init__(self, min_boxes: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.min_boxes = min_boxes

    def compute_metrics(self, results: list[ImageDetections]) -> dict[str, float]:
        """Metrics over all images; see :func:`mean_ap`."""
        return mean_ap(results, self.classes, self.min_boxes, self.bootstrap, self.seed)
