"""FROC: lesions found against false positives per image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmlung.evaluation.bootstrap import Statistic
from mmlung.evaluation.bootstrap import ratio
from mmlung.evaluation.bootstrap import with_intervals
from mmlung.evaluation.detections import DetectionMetric
from mmlung.evaluation.detections import ImageDetections
from mmlung.evaluation.detections import count_true_boxes
from mmlung.evaluation.matching import BoxPool
from mmlung.evaluation.matching import first_come
from mmlung.evaluation.matching import pool_boxes
from mmlung.evaluation.operating_curve import RankedDetections
from mmlung.evaluation.operating_curve import accumulate
from mmlung.evaluation.operating_curve import by_finding
from mmlung.evaluation.operating_curve import operating_points
from mmlung.registry import METRICS

FP_PER_IMAGE = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)


@dataclass(frozen=True)
class FrocCurve:
    """One point for each distinct score; the first is (infinity, 0, 0)."""

    score: np.ndarray
    """(P,) falling: detections at or above it count."""
    fp_per_image: np.ndarray
    """(P,) rising, over all images; NaN without images."""
    sensitivity: np.ndarray
    """(P,) rising, share of the true boxes that are found; NaN without any."""
    n_boxes: int
    """True boxes that the sensitivity rests on."""


def froc(
    images: Sequence[ImageDetections],
    classes: Sequence[str],
    iou_thr: float = 0.4,
    centre_inside: bool = False,
    bootstrap: int = 0,
    seed: int = 0,
) -> dict[str, float]:
    """Sensitivity at 1/8, 1/4, 1/2, 1, 2, 4, 8 false positives per image.

    A detection finds a true box of its own finding, by PASCAL VOC's rule: by falling
    score each goes to the box it overlaps most; a second detection of a found one is a
    false positive. The sensitivity at a rate is the best of all score thresholds with
    at most that many false positives per image; healthy images are counted.

    Args:
        images: boxes of each image, healthy ones included.
        classes: (C,) names of the findings.
        iou_thr: least IoU of a hit.
        centre_inside: a hit is instead a detection whose centre lies in the true box.
        bootstrap: number of resamples for the intervals; 0 for none.
        seed: of the resampling.

    Returns:
        ``sensitivity@0.125`` ... ``sensitivity@8``, over the boxes of all findings, and
        their mean ``CPM``; the same per finding (``CPM/<finding>``), where the false
        positives of that finding alone count; ``FROC_boxes`` and
        ``FROC_boxes/<finding>``, the true boxes each rests on. NaN without any. With
        resamples, ``<key>_low`` and ``<key>_high``.

    Raises:
        ValueError: ``iou_thr`` is not in (0, 1].

    Source: CPM from Niemeijer et al. 2011, doi:10.1109/TMI.2010.2072789, with steps in
    place of interpolation.

    >>> box, label = np.array([[0.0, 0, 10, 10]]), np.array([0])
    >>> image = ImageDetections('a', 'a', box, np.array([0.9]), label, box, label)
    >>> froc([image], ['Nodule'])['CPM']
    1.0
    """
    statistic = froc_statistic(images, classes, iou_thr, centre_inside)
    report = with_intervals(statistic, [i.cluster for i in images], bootstrap, seed)
    counts = count_true_boxes(images, len(classes)).sum(axis=0)
    report['FROC_boxes'] = float(counts.sum())
    named = zip(classes, counts, strict=True)
    return report | {f'FROC_boxes/{name}': float(count) for name, count in named}


def froc_statistic(
    images: Sequence[ImageDetections],
    classes: Sequence[str],
    iou_thr: float = 0.4,
    centre_inside: bool = False,
) -> Statistic:
    """Sensitivities of :func:`froc` as a function of the weights of the images."""
    pool = pool_boxes(images, len(classes))
    hit = _hits(pool, iou_thr, centre_inside)
    pooled = RankedDetections(pool.image, pool.score, hit[:, None])
    ranked = by_finding(pool, hit[:, None])

    def statistic(weights: np.ndarray) -> dict[str, np.ndarray]:
        boxes = pool.n_boxes.T @ weights  # (C, R)
        report = _at_rates(pooled, weights, boxes.sum(axis=0), '')
        for c, name in enumerate(classes):
            report |= _at_rates(ranked[c], weights, boxes[c], f'/{name}')
        return report

    return statistic


def froc_curve(
    images: Sequence[ImageDetections],
    classes: Sequence[str],
    finding: str | None = None,
    iou_thr: float = 0.4,
    centre_inside: bool = False,
) -> FrocCurve:
    """The points that :func:`froc` reads, to be drawn as steps.

    Args:
        images: boxes of each image, healthy ones included.
        classes: (C,) names of the findings.
        finding: one of them; None for all pooled.
        iou_thr: least IoU of a hit.
        centre_inside: a hit is instead a detection whose centre lies in the true box.

    Raises:
        ValueError: ``finding`` is none of ``classes``; ``iou_thr`` is not in (0, 1].

    >>> box, label = np.array([[0.0, 0, 10, 10]]), np.array([0])
    >>> image = ImageDetections('a', 'a', box, np.array([0.9]), label, box, label)
    >>> froc_curve([image], ['Nodule']).sensitivity.tolist()
    [0.0, 1.0]
    """
    if finding is not None and finding not in classes:
        raise ValueError(f'unknown finding {finding!r}. Known: {", ".join(classes)}.')
    pool = pool_boxes(images, len(classes))
    hit, score, n_boxes = _hits(pool, iou_thr, centre_inside), pool.score, pool.n_boxes
    if finding is not None:
        label = list(classes).index(finding)
        chosen = pool.label == label
        hit, score, n_boxes = hit[chosen], score[chosen], n_boxes[:, [label]]
    ends = np.flatnonzero(np.diff(score, append=-np.inf))  # a tie is one point
    true = np.append(0, np.cumsum(hit)[ends])
    total = int(n_boxes.sum())
    return FrocCurve(
        score=np.append(np.inf, score[ends]),
        fp_per_image=ratio(np.append(0, ends + 1) - true, np.array(len(images))),
        sensitivity=ratio(true, np.array(total)),
        n_boxes=total,
    )


def _hits(pool: BoxPool, iou_thr: float, centre_inside: bool) -> np.ndarray:
    """(N,) bool, which detections find a true box."""
    _check_iou_thr(iou_thr)
    near = pool.pair_centred if centre_inside else pool.pair_iou >= iou_thr
    return first_come(pool, near)


def _check_iou_thr(iou_thr: float) -> None:
    if not 0 < iou_thr <= 1:
        raise ValueError(f'iou_thr must lie in (0, 1], got {iou_thr!r}.')


def _at_rates(
    ranked: RankedDetections, weights: np.ndarray, n_boxes: np.ndarray, suffix: str
) -> dict[str, np.ndarray]:
    """(R,) sensitivities under their keys, and their mean."""
    ((gained, detections),) = operating_points(ranked, weights)
    true = accumulate(np.add, gained)
    false = detections - true
    n_images = weights.sum(axis=0)
    sensitivity = np.array(
        [
            ratio(np.max(true, axis=0, initial=0, where=false <= r * n_images), n_boxes)
            for r in FP_PER_IMAGE
        ]
    )
    report = {
        f'sensitivity@{rate:g}{suffix}': values
        for rate, values in zip(FP_PER_IMAGE, sensitivity, strict=True)
    }
    return {f'CPM{suffix}': sensitivity.mean(axis=0), **report}


@METRICS.register_module()
class FROC(DetectionMetric):
    """Sensitivity at given false positives per image; see :func:`froc`.

    Args:
        iou_thr: least IoU of a hit.
        centre_inside: a hit is instead a detection whose centre lies in the true box.
        **kwargs: of :class:`ResampledMetric`: bootstrap, seed, prefix, ...

    Raises:
        ValueError: ``iou_thr`` lies outside (0, 1].
    """

    def __init__(
        self, iou_thr: float = 0.4, centre_inside: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        _check_iou_thr(iou_thr)
        self.iou_thr = iou_thr
        self.centre_inside = centre_inside

    def compute_metrics(self, results: list[ImageDetections]) -> dict[str, float]:
        """Metrics over all images; see :func:`froc`."""
        return froc(
            results,
            self.classes,
            self.iou_thr,
            self.centre_inside,
            self.bootstrap,
            self.seed,
        )
