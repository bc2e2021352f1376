"""Best IoU of each true box with any detection: what no threshold can exceed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmlung.evaluation.bootstrap import mean_defined
from mmlung.evaluation.bootstrap import ratio
from mmlung.evaluation.bootstrap import with_intervals
from mmlung.evaluation.detections import DetectionMetric
from mmlung.evaluation.detections import ImageDetections
from mmlung.evaluation.matching import place_in_image
from mmlung.evaluation.matching import pool_boxes
from mmlung.registry import METRICS

MAX_PER_IMAGE = 100
"""Detections of an image that count, those of all findings together."""


def best_iou(
    images: Sequence[ImageDetections],
    classes: Sequence[str],
    bootstrap: int = 0,
    seed: int = 0,
) -> dict[str, float]:
    """Mean over the true boxes of the best IoU with a detection of their finding.

    There is no score threshold and a detection may serve several boxes: an upper bound
    for diagnosis, never a result. The 100 detections of highest score of each image
    count.

    Args:
        images: boxes of each image.
        classes: (C,) names of the findings.
        bootstrap: number of resamples for the intervals; 0 for none.
        seed: of the resampling.

    Returns:
        ``best_IoU`` over all true boxes, ``best_IoU_macro`` the mean over the findings
        that have some; per finding ``best_IoU/<finding>``; ``best_IoU_boxes`` and
        ``best_IoU_boxes/<finding>``, the true boxes each rests on. NaN without any.
        With resamples, ``<key>_low`` and ``<key>_high``.

    >>> box, label = np.array([[0.0, 0, 10, 10]]), np.array([0])
    >>> half = np.array([[0.0, 0, 10, 5]])
    >>> image = ImageDetections('a', 'a', half, np.array([0.01]), label, box, label)
    >>> best_iou([image], ['Nodule'])['best_IoU']
    0.5
    """
    pool = pool_boxes(images, len(classes))
    kept = (place_in_image(pool) < MAX_PER_IMAGE)[pool.pair_pred]
    best = np.zeros(len(pool.true_label))
    np.maximum.at(best, pool.pair_true[kept], pool.pair_iou[kept])
    sums = np.zeros_like(pool.n_boxes)
    np.add.at(sums, (pool.true_image, pool.true_label), best)

    def statistic(weights: np.ndarray) -> dict[str, np.ndarray]:
        iou, boxes = sums.T @ weights, pool.n_boxes.T @ weights
        per_finding = ratio(iou, boxes)
        return {
            'best_IoU': ratio(iou.sum(axis=0), boxes.sum(axis=0)),
            'best_IoU_macro': mean_defined(per_finding),
            **{f'best_IoU/{name}': per_finding[c] for c, name in enumerate(classes)},
        }

    report = with_intervals(statistic, [i.cluster for i in images], bootstrap, seed)
    counts = pool.n_boxes.sum(axis=0)
    report['best_IoU_boxes'] = float(counts.sum())
    named = zip(classes, counts, strict=True)
    return report | {f'best_IoU_boxes/{name}': float(count) for name, count in named}


@METRICS.register_module()
class BestIoU(DetectionMetric):
    """Best IoU of each true box without a score threshold; see :func:`best_iou`."""

    def compute_metrics(self, results: list[ImageDetections]) -> dict[str, float]:
        """Metrics over all images; see :func:`best_iou`."""
        return best_iou(results, self.classes, self.bootstrap, self.seed)
