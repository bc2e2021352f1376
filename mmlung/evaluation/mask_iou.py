"""Overlap of the areas that detections and true boxes cover, and specificity apart."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence

import numpy as np

from mmlung.evaluation.bootstrap import mean_defined
from mmlung.evaluation.bootstrap import ratio
from mmlung.evaluation.bootstrap import with_intervals
from mmlung.evaluation.detections import ImageDetections
from mmlung.evaluation.detections import count_true_boxes
from mmlung.evaluation.mean_iou import ThresholdedMetric
from mmlung.evaluation.mean_iou import thresholds_of
from mmlung.registry import METRICS


def covered_iou(a_xyxy: np.ndarray, b_xyxy: np.ndarray) -> float:
    """IoU of the areas that (N, 4) and (M, 4) boxes cover; 0 when neither has any.

    Exact: the edges of all boxes cut the plane into cells that are covered or not.

    >>> halves = np.array([[0.0, 0, 10, 5], [0, 4, 10, 10]])
    >>> covered_iou(halves, np.array([[0.0, 0, 10, 10]]))
    1.0
    """
    boxes = np.concatenate([a_xyxy, b_xyxy])
    x, y = np.unique(boxes[:, 0::2]), np.unique(boxes[:, 1::2])
    areas = np.diff(x)[:, None] * np.diff(y)
    a, b = (
        _within(part[:, 0::2], x).T @ _within(part[:, 1::2], y) > 0
        for part in (a_xyxy, b_xyxy)
    )
    united = areas[a | b].sum()
    return float(areas[a & b].sum() / united) if united > 0 else 0.0


def _within(spans: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """(N, E - 1) 1.0 where a cell between two edges lies in the span of a box."""
    inside = (spans[:, :1] <= edges[:-1]) & (edges[1:] <= spans[:, 1:])
    return inside.astype(float)


def mask_iou(
    images: Sequence[ImageDetections],
    classes: Sequence[str],
    score_thr: float | Mapping[str, float] = 0.3,
    bootstrap: int = 0,
    seed: int = 0,
) -> dict[str, float]:
    """Overlap of covered areas where a finding is true, specificity where it is not.

    Per image and finding, the area covered by detections at or above the threshold is
    compared with the area covered by true boxes. Where there is no true box there is no
    area to find, and what counts is whether anything was detected: the two are never
    averaged together.

    Args:
        images: boxes of each image, healthy ones included.
        classes: (C,) names of the findings.
        score_thr: detections below it do not count; one for all, or one per finding.
        bootstrap: number of resamples for the intervals; 0 for none.
        seed: of the resampling.

    Returns:
        ``mIoU_mask``, the mean IoU over images and findings with a true box, and
        ``mIoU_mask_macro``, the mean over findings; ``mask_specificity``, the share of
        images and findings without a true box that have no detection, and
        ``healthy_specificity``, the share of images without any true box that have no
        detection at all. Per finding ``mIoU_mask/<finding>`` over the
        ``n_masks/<finding>`` images that have it, with ``mIoU_mask_boxes/<finding>``
        true boxes, and ``mask_specificity/<finding>`` over all other images. NaN
        without any. ``mask_score_thr``, the threshold. With resamples, ``<key>_low``
        and ``<key>_high``.

    Raises:
        ValueError: a threshold lies outside [0, 1], or its names are not the findings.

    >>> box, label = np.array([[0.0, 0, 10, 10]]), np.array([0])
    >>> image = ImageDetections('a', 'a', box, np.array([0.9]), label, box, label)
    >>> mask_iou([image], ['Nodule'])['mIoU_mask']
    1.0
    """
    thresholds = thresholds_of(score_thr, classes)
    n_boxes = count_true_boxes(images, len(classes))
    present, healthy = n_boxes > 0, n_boxes.sum(axis=1) == 0
    detected, iou = _overlaps(images, thresholds)
    quiet = ~detected & ~present
    all_quiet = healthy & ~detected.any(axis=1)

    def statistic(weights: np.ndarray) -> dict[str, np.ndarray]:
        iou_sum, n_present, n_quiet, n_absent = (
            counts.T @ weights for counts in (iou, present, quiet, ~present)
        )
        mean, specificity = ratio(iou_sum, n_present), ratio(n_quiet, n_absent)
        report = {
            'mIoU_mask': ratio(iou_sum.sum(axis=0), n_present.sum(axis=0)),
            'mIoU_mask_macro': mean_defined(mean),
            'mask_specificity': ratio(n_quiet.sum(axis=0), n_absent.sum(axis=0)),
            'healthy_specificity': ratio(all_quiet @ weights, healthy @ weights),
        }
        for c, name in enumerate(classes):
            report[f'mIoU_mask/{name}'] = mean[c]
            report[f'mask_specificity/{name}'] = specificity[c]
        return report

    report = with_intervals(statistic, [i.cluster for i in images], bootstrap, seed)
    for key, counts in {'mIoU_mask_boxes': n_boxes, 'n_masks': present}.items():
        report[key] = float(counts.sum())
        per_finding = zip(classes, counts.sum(axis=0), strict=True)
        report |= {f'{key}/{name}': float(count) for name, count in per_finding}
    if isinstance(score_thr, Mapping):
        return report | {f'mask_score_thr/{n}': float(t) for n, t in score_thr.items()}
    return report | {'mask_score_thr': float(score_thr)}


def _overlaps(
    images: Sequence[ImageDetections], thresholds: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(I, C) whether anything is detected, and the IoU of the areas (0 if not)."""
    detected = np.zeros((len(images), len(thresholds)), dtype=bool)
    iou = np.zeros(detected.shape)
    for i, image in enumerate(images):
        kept = image.pred_score >= thresholds[image.pred_label]
        pred_label = image.pred_label[kept]
        detected[i, pred_label] = True
        for c in np.intersect1d(pred_label, image.gt_label):
            pred = image.pred_xyxy[kept][pred_label == c]
            iou[i, c] = covered_iou(pred, image.gt_xyxy[image.gt_label == c])
    return detected, iou


@METRICS.register_module()
class MaskIoU(ThresholdedMetric):
    """IoU of the covered areas, and specificity; see :func:`mask_iou`."""

    def compute_metrics(self, results: list[ImageDetections]) -> dict[str, float]:
        """Metrics over all images; see :func:`mask_iou`."""
        return mask_iou(
            results, self.classes, self.score_thr, self.bootstrap, self.seed
        )
