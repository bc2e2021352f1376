"""Areas under the ROC and precision-recall curves; unknown labels do not count."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mmlung.evaluation.bootstrap import ResampledMetric
from mmlung.evaluation.bootstrap import cumulative_weight
from mmlung.evaluation.bootstrap import mean_defined
from mmlung.evaluation.bootstrap import ratio
from mmlung.evaluation.bootstrap import with_intervals
from mmlung.evaluation.detections import as_floats
from mmlung.evaluation.detections import cluster_of
from mmlung.registry import METRICS


def binary_auc(score: np.ndarray, target: np.ndarray) -> float:
    """Chance that a present finding outscores an absent one; ties count half.

    Args:
        score: (B,) any monotone score.
        target: (B,) 1 present, 0 absent, NaN unknown (left out).

    Returns:
        A value in [0, 1]; NaN when only one class is known.

    Source: Hanley and McNeil 1982, doi:10.1148/radiology.143.1.7063747.

    >>> binary_auc(np.array([0.9, 0.5, 0.1]), np.array([1, np.nan, 0]))
    1.0
    """
    return float(weighted_areas(score, target, np.ones((len(score), 1)))[0][0])


def binary_auprc(score: np.ndarray, target: np.ndarray) -> float:
    """Average precision of a ranking: the step-wise area under precision and recall.

    Args:
        score: (B,) any monotone score; equal ones are one operating point.
        target: (B,) 1 present, 0 absent, NaN unknown (left out).

    Returns:
        A value in (0, 1]; the share of present ones for a random score. NaN when only
        one class is known (scikit-learn gives 0 without a present one).

    >>> round(binary_auprc(np.array([0.9, 0.8, 0.1]), np.array([0.0, 1, 0])), 3)
    0.5
    """
    return float(weighted_areas(score, target, np.ones((len(score), 1)))[1][0])


def weighted_areas(
    score: np.ndarray, target: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """AUC and AUPRC of one finding under R weightings of the images.

    Both are sums over the distinct scores of present findings, so absent ones are only
    added up between them.

    Args:
        score: (B,) finite.
        target: (B,) 1 present, 0 absent, NaN unknown.
        weights: (B, R) how often each image counts.

    Returns:
        Two (R,) arrays; NaN where one class has no weight.
    """
    present, absent = _by_score(score, target == 1), _by_score(score, target == 0)
    if len(present) == 0 or len(absent) == 0:
        undefined = np.full(weights.shape[1], np.nan)
        return undefined, undefined.copy()
    levels, first = np.unique(score[present], return_index=True)
    true = np.add.reduceat(weights[present], first, axis=0)  # (L, R), by rising score
    stops = [np.searchsorted(score[absent], levels, side) for side in ('left', 'right')]
    sums = cumulative_weight(weights[absent], np.concatenate([*stops, [len(absent)]]))
    below, at_or_below = np.split(sums[:-1], 2)
    n_present, n_absent = true.sum(axis=0), sums[-1]
    pairs = n_present * n_absent
    auc = ratio((true * (below + at_or_below)).sum(axis=0) / 2, pairs)
    true_above = np.cumsum(true[::-1], axis=0)[::-1]  # at or above each level
    above = true_above + n_absent - below
    precision = np.divide(true_above, above, out=np.zeros_like(above), where=above > 0)
    auprc = ratio((true * precision).sum(axis=0), np.where(pairs > 0, n_present, 0))
    return auc, auprc


def _by_score(score: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Indices of the chosen images by rising score."""
    index = np.flatnonzero(chosen)
    return index[np.argsort(score[index], kind='stable')]


def mean_auc(
    score: np.ndarray,
    target: np.ndarray,
    classes: Sequence[str],
    min_positives: int = 1,
    clusters: Sequence[str] | None = None,
    bootstrap: int = 0,
    seed: int = 0,
) -> dict[str, float]:
    """AUC and AUPRC per finding and on average.

    Args:
        score: (B, C) any monotone scores.
        target: (B, C) 1 present, 0 absent, NaN unknown (left out).
        classes: (C,) names of the findings.
        min_positives: findings with fewer present ones are shown, but not averaged.
        clusters: (B,) what is resampled as one, the patient as a rule; None: the image.
        bootstrap: number of resamples for the intervals; 0 for none.
        seed: of the resampling.

    Returns:
        ``mAUC`` and ``mAUPRC``, means over the ``mAUC_findings`` findings that are
        defined and have ``min_positives``; per finding ``AUC/<finding>``,
        ``AUPRC/<finding>`` (NaN when one class only is known), ``n_positive/<finding>``
        and ``n_known/<finding>``. With resamples, ``<key>_low`` and ``<key>_high``; a
        resample's mean leaves out the findings that it happens to leave undefined.

    >>> report = mean_auc(np.array([[0.9], [0.2]]), np.array([[1.0], [0]]), ['Edema'])
    >>> report['mAUC'], report['n_positive/Edema']
    (1.0, 1.0)
    """
    n_positive, n_known = (target == 1).sum(axis=0), (~np.isnan(target)).sum(axis=0)
    averaged = (n_positive >= max(1, min_positives)) & (n_positive < n_known)

    def statistic(weights: np.ndarray) -> dict[str, np.ndarray]:
        columns = zip(score.T, target.T, strict=True)
        areas = np.array([weighted_areas(s, t, weights) for s, t in columns])
        report = {'mAUC': areas[averaged, 0], 'mAUPRC': areas[averaged, 1]}
        report = {key: mean_defined(values) for key, values in report.items()}
        report |= {f'AUC/{name}': areas[c, 0] for c, name in enumerate(classes)}
        return report | {f'AUPRC/{name}': areas[c, 1] for c, name in enumerate(classes)}

    if clusters is None:
        clusters = [str(image) for image in range(len(score))]
    report = with_intervals(statistic, clusters, bootstrap, seed)
    report['mAUC_findings'] = float(averaged.sum())
    for key, counts in {'n_positive': n_positive, 'n_known': n_known}.items():
        report |= {
            f'{key}/{n}': float(count) for n, count in zip(classes, counts, strict=True)
        }
    return report


@METRICS.register_module()
class MeanAUC(ResampledMetric):
    """Mean AUC over findings; reads ``pred_score`` and ``gt_score``, each (C,).

    Args:
        min_positives: findings with fewer present ones are shown, but not averaged; 20
            keeps rare findings of a small set out of the mean.
        **kwargs: of :class:`ResampledMetric`: bootstrap, seed, prefix, ...

    Raises:
        ValueError: on ChestX-ray14's official test set, when a finding is undefined.
    """

    def __init__(self, min_positives: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.min_positives = min_positives

    def process(self, data_batch: object, data_samples: Sequence[dict]) -> None:
        """Keep the scores and labels of each image."""
        for sample in data_samples:
            self.results.append(read_scores(sample, self.classes, self.cluster))

    def compute_metrics(
        self, results: list[tuple[str, np.ndarray, np.ndarray]]
    ) -> dict[str, float]:
        """Metrics over all images; see :func:`mean_auc`."""
        report = mean_auc(
            np.array([score for _, score, _ in results]).reshape(-1, len(self.classes)),
            np.array([target for *_, target in results]).reshape(-1, len(self.classes)),
            self.classes,
            self.min_positives,
            [cluster for cluster, *_ in results],
            self.bootstrap,
            self.seed,
        )
        if is_official_test(self.dataset_meta):
            _check_all_defined(report, self.classes)
        return report


def read_scores(
    sample: dict, classes: Sequence[str], cluster: str = 'patient'
) -> tuple[str, np.ndarray, np.ndarray]:
    """Cluster, (C,) scores and (C,) labels of one classified image.

    Args:
        sample: with ``pred_score``, ``gt_score`` and, where the release has patients,
            ``patient_id``, as mmpretrain's ``DataSample.to_dict`` gives it.
        classes: names of the findings.
        cluster: what is resampled as one, see :func:`cluster_of`.

    Raises:
        ValueError: a field is missing or has another length; a score is not finite; a
            label is none of 1, 0, NaN.
    """
    path = sample.get('img_path', 'an image')
    for field in ('pred_score', 'gt_score'):
        shape = as_floats(sample[field]).shape if field in sample else None
        if shape != (len(classes),):
            raise ValueError(
                f'{field} must have shape ({len(classes)},), one value per finding, '
                f'got {shape or "none"} ({path}). The head and the data set must have '
                'the same findings.'
            )
    score, target = as_floats(sample['pred_score']), as_floats(sample['gt_score'])
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
    return cluster_of(sample, cluster), score, target


def is_official_test(meta: dict) -> bool:
    """Whether ``dataset_meta`` is that of ChestX-ray14's official test set."""
    official = {'dataset': 'chestxray14', 'split': 'test', 'split_family': 'official'}
    return all(meta.get(key) == value for key, value in official.items())


def _check_all_defined(report: dict[str, float], classes: Sequence[str]) -> None:
    undefined = [name for name in classes if np.isnan(report[f'AUC/{name}'])]
    if undefined:
        raise ValueError(
            "on ChestX-ray14's official test set the AUC of every finding must be "
            f'defined, but {", ".join(undefined)} had no known positive or no known '
            'negative. Test on all of its images, or convert a part of them, which is '
            "named 'official-incomplete'."
        )
