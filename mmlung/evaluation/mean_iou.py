"""Mean IoU over all true boxes of their one-to-one match; a missed one counts 0."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import numpy as np

from mmlung.boxes import match_optimal
from mmlung.evaluation.bootstrap import Statistic
from mmlung.evaluation.bootstrap import mean_defined
from mmlung.evaluation.bootstrap import ratio
from mmlung.evaluation.bootstrap import with_intervals
from mmlung.evaluation.detections import DetectionMetric
from mmlung.evaluation.detections import ImageDetections
from mmlung.registry import METRICS

HIT_IOU = 0.5
"""Overlap from which a match counts as a true positive."""


def count_overlaps(image: ImageDetections, score_thr: np.ndarray) -> np.ndarray:
    """What one image adds to the sums, per finding.

    Detections at or above their finding's threshold are matched one to one with the
    true boxes of that finding so that the total IoU is largest.

    Args:
        image: its boxes.
        score_thr: (C,).

    Returns:
        (5, C): true boxes, detections, IoU summed over the matches, matches with
        IoU >= 0.5, IoU summed over those.

    >>> box = np.array([[0.0, 0, 10, 10]])
    >>> label = np.array([0])
    >>> image = ImageDetections('a', 'a', box, np.array([0.9]), label, box, label)
    >>> count_overlaps(image, np.array([0.3])).ravel().tolist()
    [1.0, 1.0, 1.0, 1.0, 1.0]
    """
    counts = np.zeros((5, len(score_thr)))
    for label, score, iou in image.by_finding():
        kept = iou[score >= score_thr[label]]
        overlap = kept[match_optimal(kept)]
        hit = overlap >= HIT_IOU
        counts[:, label] = (
            kept.shape[1],
            kept.shape[0],
            overlap.sum(),
            hit.sum(),
            overlap[hit].sum(),
        )
    return counts


def mean_iou(
    images: Sequence[ImageDetections],
    classes: Sequence[str],
    score_thr: float | Mapping[str, float] = 0.3,
    bootstrap: int = 0,
    seed: int = 0,
) -> dict[str, float]:
    """Overlap of detections with the true boxes, and what it costs in false positives.

    A true positive is a match with IoU >= 0.5; every other detection at or above the
    threshold is a false positive. Predicting more can raise mIoU, so it is read beside
    ``fp_per_image`` and ``PQ``.

    Args:
        images: boxes of each image, healthy ones included.
        classes: (C,) names of the findings.
        score_thr: detections below it do not count; one for all, or one per finding.
        bootstrap: number of resamples for the intervals; 0 for none.
        seed: of the resampling.

    Returns:
        ``mIoU`` pools all true boxes, ``mIoU_macro`` averages the ``mIoU_findings``
        findings that have some; ``mIoU_TP50`` is the mean over true positives, at
        ``precision50`` and ``recall50``; ``PQ`` is their IoU over TP + FP/2 + FN/2;
        ``fp_per_image``, and ``fp_per_healthy_image`` over the ``n_healthy_images``
        without any true box; ``mIoU/<finding>`` with ``mIoU_boxes/<finding>``, the
        number of true boxes; the threshold. What has nothing to rest on is NaN. With
        resamples, ``<key>_low`` and ``<key>_high``.

    Source: PQ from Kirillov et al. 2019, doi:10.1109/CVPR.2019.00963, on boxes, with
    IoU >= 0.5 rather than > 0.5, and pooled over the findings.
    """
    counts = overlap_counts(images, classes, score_thr)
    statistic = iou_statistic(counts, classes)
    report = with_intervals(statistic, [i.cluster for i in images], bootstrap, seed)
    n_boxes = counts[:, 0].sum(axis=0)
    report |= {
        'mIoU_findings': float((n_boxes > 0).sum()),
        'mIoU_boxes': float(n_boxes.sum()),
        'n_images': float(len(images)),
        'n_healthy_images': float((counts[:, 0].sum(axis=1) == 0).sum()),
    }
    report |= {
        f'mIoU_boxes/{name}': float(n) for name, n in zip(classes, n_boxes, strict=True)
    }
    if isinstance(score_thr, Mapping):
        return report | {f'score_thr/{n}': float(t) for n, t in score_thr.items()}
    return report | {'score_thr': float(score_thr)}


def overlap_counts(
    images: Sequence[ImageDetections],
    classes: Sequence[str],
    score_thr: float | Mapping[str, float] = 0.3,
) -> np.ndarray:
    """(I, 5, C) sums of :func:`count_overlaps` of each image."""
    thresholds = thresholds_of(score_thr, classes)
    counts = [count_overlaps(image, thresholds) for image in images]
    return np.array(counts).reshape(len(images), 5, len(classes))


def iou_statistic(counts: np.ndarray, classes: Sequence[str]) -> Statistic:
    """Overlaps of :func:`mean_iou` as a function of the weights of the images.

    Args:
        counts: (I, 5, C) of :func:`overlap_counts`.
        classes: (C,) names of the findings.
    """
    healthy = counts[:, 0].sum(axis=1) == 0

    def statistic(weights: np.ndarray) -> dict[str, np.ndarray]:
        sums = np.einsum('ikc,ir->kcr', counts, weights, optimize=True)
        per_finding = ratio(sums[2], sums[0])
        boxes, detections, iou, hits, hit_iou = sums.sum(axis=1)
        false = counts[:, 1].sum(axis=1) - counts[:, 3].sum(axis=1)
        return {
            'mIoU': ratio(iou, boxes),
            'mIoU_macro': mean_defined(per_finding),
            'mIoU_TP50': ratio(hit_iou, hits),
            'precision50': ratio(hits, detections),
            'recall50': ratio(hits, boxes),
            'PQ': ratio(hit_iou, (boxes + detections) / 2),
            'fp_per_image': ratio(false @ weights, weights.sum(axis=0)),
            'fp_per_healthy_image': ratio(
                (false * healthy) @ weights, healthy @ weights
            ),
            **{f'mIoU/{name}': per_finding[c] for c, name in enumerate(classes)},
        }

    return statistic


def thresholds_of(
    score_thr: float | Mapping[str, float], classes: Sequence[str]
) -> np.ndarray:
    """(C,) score thresholds in the order of ``classes``.

    Raises:
        ValueError: a threshold lies outside [0, 1], or its names are not the findings.

    >>> thresholds_of({'Nodule': 0.2, 'Mass': 0.5}, ['Mass', 'Nodule']).tolist()
    [0.5, 0.2]
    """
    values: np.ndarray
    if not isinstance(score_thr, Mapping):
        values = np.full(len(classes), score_thr, dtype=float)
    elif set(score_thr) != set(classes):
        missing = sorted(set(classes) - set(score_thr))
        unknown = sorted(set(score_thr) - set(classes))
        raise ValueError(
            'score_thr must name every finding of the model once; '
            f'missing: {missing}, unknown: {unknown}.'
        )
    else:
        values = np.array([score_thr[name] for name in classes], dtype=float)
    if not ((values >= 0) & (values <= 1)).all():
        raise ValueError(f'score_thr must lie in [0, 1], got {score_thr!r}.')
    return values


class ThresholdedMetric(DetectionMetric):
    """Base of the box metrics that count detections from a score threshold.

    Args:
        score_thr: detections below it do not count; one for all, or one per finding.
        **kwargs: of :class:`ResampledMetric`: bootstrap, seed, prefix, ...

    Raises:
        ValueError: a threshold lies outside [0, 1].
    """

    def __init__(
        self, score_thr: float | Mapping[str, float] = 0.3, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        thresholds_of(
            score_thr, [*score_thr] if isinstance(score_thr, Mapping) else ['']
        )
        self.score_thr = score_thr


@METRICS.register_module()
class MeanIoU(ThresholdedMetric):
    """IoU of true boxes with their matches; see :func:`mean_iou`."""

    def compute_metrics(self, results: list[ImageDetections]) -> dict[str, float]:
        """Metrics over all images; see :func:`mean_iou`."""
        return mean_iou(
            results, self.classes, self.score_thr, self.bootstrap, self.seed
        )
