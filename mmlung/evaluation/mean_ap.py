"""Average precision of boxes: PASCAL VOC's at IoU 0.4, COCO's from 0.5 to 0.95."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np

from mmlung.evaluation.bootstrap import Statistic
from mmlung.evaluation.bootstrap import mean_defined
from mmlung.evaluation.bootstrap import ratio
from mmlung.evaluation.bootstrap import with_intervals
from mmlung.evaluation.detections import DetectionMetric
from mmlung.evaluation.detections import ImageDetections
from mmlung.evaluation.detections import count_true_boxes
from mmlung.evaluation.matching import BoxPool
from mmlung.evaluation.matching import best_free
from mmlung.evaluation.matching import first_come
from mmlung.evaluation.matching import place_in_finding
from mmlung.evaluation.matching import pool_boxes
from mmlung.evaluation.operating_curve import RankedDetections
from mmlung.evaluation.operating_curve import accumulate
from mmlung.evaluation.operating_curve import by_finding
from mmlung.evaluation.operating_curve import compact
from mmlung.evaluation.operating_curve import operating_points
from mmlung.registry import METRICS

COCO_IOU_THRS = np.linspace(0.5, 0.95, 10)
COCO_MAX_PER_IMAGE = 100
COCO_RECALLS = np.linspace(0.0, 1.0, 101)
_ROUNDED_UP = np.arange(101) / 100 < COCO_RECALLS  # 0.35 is 0.35000000000000003 there


def area_under_curve(
    gained: np.ndarray, detections: np.ndarray, n_boxes: np.ndarray
) -> np.ndarray:
    """(R,) average precision of PASCAL VOC 2010: the area under the falling envelope.

    Args:
        gained: (P, R) boxes found at each operating point and not before.
        detections: (P, R) detections up to it.
        n_boxes: (R,) true boxes.

    Source: Everingham et al. 2015, doi:10.1007/s11263-014-0733-5, section 3.4.1.

    >>> two = np.array([2.0])
    >>> area_under_curve(np.array([[1.0], [1.0]]), np.array([[1.0], [4.0]]), two)
    array([0.75])
    """
    true = accumulate(np.add, gained.copy())
    return ratio(np.einsum('pr,pr->r', gained, _envelope(true, detections)), n_boxes)


def mean_of_101_points(
    gained: np.ndarray, detections: np.ndarray, n_boxes: np.ndarray
) -> np.ndarray:
    """(R,) average precision of COCO: the envelope's mean at recalls 0, 0.01 ... 1.

    Args:
        gained: (P, R) boxes found at each operating point and not before.
        detections: (P, R) detections up to it.
        n_boxes: (R,) true boxes.

    >>> one, two = np.array([[1.0]]), np.array([2.0])
    >>> mean_of_101_points(one, one, two).round(3)
    array([0.505])
    """
    true = accumulate(np.add, gained.copy())
    reached = _recalls_reached(true, n_boxes)
    reached[1:] -= reached[:-1].copy()
    mean = np.einsum('pr,pr->r', reached, _envelope(true, detections)) / 101
    return np.where(n_boxes > 0, mean, np.nan)


def _recalls_reached(true: np.ndarray, n_boxes: np.ndarray) -> np.ndarray:
    """(P, R) how many of COCO's recalls are at or below each point's, as floats.

    A division in place of 101 comparisons. Counts are whole numbers, so a recall meets
    a whole percent exactly or clearly misses it.
    """
    percent = 100 * true / np.maximum(n_boxes, 1).astype(true.dtype)
    reached = np.floor(percent)
    exact = np.flatnonzero(percent == reached)
    reached += 1
    flat = reached.reshape(-1)
    flat[exact] -= _ROUNDED_UP[flat[exact].astype(int) - 1]
    return reached


def _envelope(true: np.ndarray, detections: np.ndarray) -> np.ndarray:
    """(P, R) best precision at each point's recall or beyond."""
    precision = true / np.maximum(detections, 1)
    accumulate(np.maximum, precision[::-1])
    return precision


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
    statistic = ap_statistic(images, classes, min_boxes)
    report = with_intervals(statistic, [i.cluster for i in images], bootstrap, seed)
    n_boxes = count_true_boxes(images, len(classes)).sum(axis=0)
    n_averaged = (n_boxes >= max(1, min_boxes)).sum()
    report |= {'AP40_findings': float(n_averaged), 'n_boxes': float(n_boxes.sum())}
    counts = n_boxes.tolist()
    return report | {
        f'n_boxes/{name}': n for name, n in zip(classes, counts, strict=True)
    }


def ap_statistic(
    images: Sequence[ImageDetections], classes: Sequence[str], min_boxes: int = 1
) -> Statistic:
    """The averages of :func:`mean_ap` as a function of the weights of the images."""
    pool = pool_boxes(images, len(classes))
    n_boxes = pool.n_boxes
    averaged = n_boxes.sum(axis=0) >= max(1, min_boxes)
    curves = _curves(pool)
    n_detections = np.bincount(pool.image, minlength=len(images))

    def statistic(weights: np.ndarray) -> dict[str, np.ndarray]:
        boxes = n_boxes.T @ weights  # (C, R)
        most = max(100 * boxes.max(initial=0), (n_detections @ weights).max(initial=0))
        weights = compact(weights, most)
        scored = [
            _average_precisions(ranked, weights, n)
            for ranked, n in zip(curves, boxes, strict=True)
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

    return statistic


def _curves(pool: BoxPool) -> list[list[RankedDetections]]:
    """Of each finding, what its eleven curves rest on: VOC's, then COCO's ten.

    They share one ranking where no image has more detections than COCO counts.
    """
    kept = place_in_finding(pool) < COCO_MAX_PER_IMAGE
    voc = first_come(pool, pool.pair_iou >= 0.4)
    near = kept[pool.pair_pred]
    coco = [best_free(pool, near & (pool.pair_iou >= thr)) for thr in COCO_IOU_THRS]
    if kept.all():
        return [[ranked] for ranked in by_finding(pool, np.stack([voc, *coco], axis=1))]
    parts = by_finding(pool, voc[:, None]), by_finding(pool, np.stack(coco, 1), kept)
    return [list(pair) for pair in zip(*parts, strict=True)]


def _average_precisions(
    ranked: Sequence[RankedDetections], weights: np.ndarray, n_boxes: np.ndarray
) -> dict[str, np.ndarray]:
    """(R,) values of one finding under each key; NaN where it has no true box."""
    curves = chain.from_iterable(operating_points(one, weights) for one in ranked)
    average40 = area_under_curve(*next(curves), n_boxes)
    averages = np.array([mean_of_101_points(*curve, n_boxes) for curve in curves])
    return {
        'AP40': average40,
        'AP50': averages[0],
        'AP75': averages[5],
        'AP': averages.mean(axis=0),
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
