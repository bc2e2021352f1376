"""Average precision as VinBigData on Kaggle has it: the findings, and "No finding"."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mmlung.evaluation.bootstrap import mean_defined
from mmlung.evaluation.bootstrap import with_intervals
from mmlung.evaluation.detections import DetectionMetric
from mmlung.evaluation.detections import ImageDetections
from mmlung.evaluation.detections import as_floats
from mmlung.evaluation.detections import read_detections
from mmlung.evaluation.matching import first_come
from mmlung.evaluation.matching import pool_boxes
from mmlung.evaluation.mean_ap import area_under_curve
from mmlung.evaluation.operating_curve import RankedDetections
from mmlung.evaluation.operating_curve import by_finding
from mmlung.evaluation.operating_curve import operating_points
from mmlung.findings import NO_FINDING
from mmlung.registry import METRICS

KAGGLE_IOU = 0.4
"""A hit must exceed it."""


def kaggle_ap(
    images: Sequence[ImageDetections],
    classes: Sequence[str],
    no_finding_score: np.ndarray | None = None,
    bootstrap: int = 0,
    seed: int = 0,
) -> dict[str, float]:
    """PASCAL VOC 2010 average precision at IoU > 0.4, with a class "No finding".

    Every image without a true box has one true box of that class, 0 0 1 1, and every
    image one detection of it with that box.

    Args:
        images: boxes of each image, healthy ones included.
        classes: (C,) names of the findings, without "No finding".
        no_finding_score: (I,) scores of "No finding", such as an image head gives;
            None: 1 minus the image's highest box score, 1 without a box.
        bootstrap: number of resamples for the intervals; 0 for none.
        seed: of the resampling.

    Returns:
        ``kaggle_AP``, the mean over the ``kaggle_AP_findings`` classes that have true
        boxes, "No finding" among them, and ``kaggle_AP_without_normal``, the mean over
        the others; per class ``kaggle_AP/<class>`` and ``kaggle_boxes/<class>``, the
        true boxes it rests on: NaN without any, 0 without a detection. With resamples,
        ``<key>_low`` and ``<key>_high``.

    Raises:
        ValueError: ``no_finding_score`` is not one finite number an image, or
            "No finding" is among the classes.

    Source: https://www.kaggle.com/c/vinbigdata-chest-xray-abnormalities-detection, page
    Evaluation. Equal scores are one operating point here, so the order of the images
    does not matter.

    >>> box, label = np.array([[0.0, 0, 10, 10]]), np.array([0])
    >>> image = ImageDetections('a', 'a', box, np.array([0.9]), label, box, label)
    >>> kaggle_ap([image], ['Nodule'])['kaggle_AP']
    1.0
    """
    if NO_FINDING in classes:
        raise ValueError(
            f'classes must be findings, got {NO_FINDING!r}, which is added here.'
        )
    pool = pool_boxes(images, len(classes))
    hit = first_come(pool, pool.pair_iou > KAGGLE_IOU)
    normal = pool.n_boxes.sum(axis=1) == 0
    scores = _no_finding_scores(images, no_finding_score)
    order = np.argsort(-scores, kind='stable')
    ranked = by_finding(pool, hit[:, None])
    ranked.append(RankedDetections(order, scores[order], normal[order, None]))
    n_boxes = np.column_stack([pool.n_boxes, normal])
    names = [*classes, NO_FINDING]

    def statistic(weights: np.ndarray) -> dict[str, np.ndarray]:
        average = np.array(
            [
                area_under_curve(*points, boxes)
                for one, boxes in zip(ranked, n_boxes.T @ weights, strict=True)
                for points in operating_points(one, weights)
            ]
        )
        return {
            'kaggle_AP': mean_defined(average),
            'kaggle_AP_without_normal': mean_defined(average[:-1]),
            **{f'kaggle_AP/{name}': average[c] for c, name in enumerate(names)},
        }

    report = with_intervals(statistic, [i.cluster for i in images], bootstrap, seed)
    counts = n_boxes.sum(axis=0)
    report['kaggle_AP_findings'] = float((counts > 0).sum())
    named = zip(names, counts, strict=True)
    return report | {f'kaggle_boxes/{name}': float(count) for name, count in named}


def _no_finding_scores(
    images: Sequence[ImageDetections], given: np.ndarray | None
) -> np.ndarray:
    """(I,) scores of "No finding"."""
    if given is None:
        return np.array([1 - image.pred_score.max(initial=0) for image in images])
    scores = np.asarray(given, dtype=float)
    if scores.shape != (len(images),):
        raise ValueError(
            f'no_finding_score must have shape ({len(images)},), one an image, got '
            f'{scores.shape}.'
        )
    if not np.isfinite(scores).all():
        first = images[int(np.flatnonzero(~np.isfinite(scores))[0])].path
        raise ValueError(
            f'no_finding_score must be finite, got NaN or infinity ({first}).'
        )
    return scores


@METRICS.register_module()
class KaggleAP(DetectionMetric):
    """Kaggle's average precision with "No finding"; see :func:`kaggle_ap`.

    Args:
        no_finding_field: field of the sample with an image head's score of
            "No finding"; None: 1 minus the highest box score.
        **kwargs: of :class:`ResampledMetric`: bootstrap, seed, prefix, ...
    """

    def __init__(self, no_finding_field: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.no_finding_field = no_finding_field

    def process(self, data_batch: object, data_samples: Sequence[dict]) -> None:
        """Keep the boxes of each image, and its score of "No finding".

        Raises:
            ValueError: a sample lacks the field.
        """
        for sample in data_samples:
            image = read_detections(sample, self.classes, self.cluster)
            self.results.append((image, self._no_finding_of(sample, image.path)))

    def _no_finding_of(self, sample: dict, path: str) -> float | None:
        if self.no_finding_field is None:
            return None
        value = as_floats(sample.get(self.no_finding_field, []))
        if value.size != 1:
            raise ValueError(
                f'{self.no_finding_field} must be one number, got {value.size} ({path})'
                '. Give the model an image head, or set no_finding_field=None.'
            )
        return float(value.reshape(()))

    def compute_metrics(
        self, results: list[tuple[ImageDetections, float | None]]
    ) -> dict[str, float]:
        """Metrics over all images; see :func:`kaggle_ap`."""
        images = [image for image, _ in results]
        scores = (
            None
            if self.no_finding_field is None
            else np.array([score for _, score in results], dtype=float)
        )
        return kaggle_ap(images, self.classes, scores, self.bootstrap, self.seed)
