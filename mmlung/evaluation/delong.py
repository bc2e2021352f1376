"""Variance, interval and paired test of an AUC without resampling, after DeLong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit
from scipy.special import logit
from scipy.stats import norm
from scipy.stats import rankdata

from mmlung.evaluation.bootstrap import cluster_index

INTERVALS = ('logit', 'plain')


@dataclass(frozen=True)
class DeLongAUC:
    """AUC of one finding; what cannot be estimated is NaN."""

    auc: float
    variance: float
    low: float
    high: float


@dataclass(frozen=True)
class DeLongTest:
    """Two AUCs of the same images; the difference is the first minus the second."""

    auc_a: float
    auc_b: float
    difference: float
    low: float
    high: float
    z: float
    p: float
    """Two-sided."""


def delong_auc(
    score: np.ndarray,
    target: np.ndarray,
    clusters: Sequence[str] | None = None,
    level: float = 0.95,
    interval: str = 'logit',
) -> DeLongAUC:
    """AUC with its variance and interval.

    Args:
        score: (B,) any monotone score; ties count half.
        target: (B,) 1 present, 0 absent, NaN unknown (left out).
        clusters: as in :func:`delong_covariance`.
        level: of the interval.
        interval: ``'logit'`` is symmetric on the scale of log(auc / (1 - auc)) and so
            stays within 0 and 1; ``'plain'`` is auc +- z * standard error, as in SAS
            and Stata, and may not.

    Returns:
        The AUC is NaN when one class only is known. Its variance is NaN with fewer than
        two images (clusters) of a class, and the interval is NaN too where the
        estimated variance is 0: perfect separation or constant scores, where it says
        nothing.

    Raises:
        ValueError: ``interval`` or ``level`` is none of the above.

    >>> result = delong_auc(np.array([0.9, 0.4, 0.6, 0.1]), np.array([1.0, 1, 0, 0]))
    >>> result.auc, result.variance
    (0.75, 0.125)
    """
    if interval not in INTERVALS:
        raise ValueError(f'interval must be one of {INTERVALS}, got {interval!r}.')
    aucs, covariance = delong_covariance(score[:, None], target, clusters)
    auc, variance = float(aucs[0]), float(covariance[0, 0])
    if not variance > 0:
        return DeLongAUC(auc, variance, float('nan'), float('nan'))
    half = _quantile(level) * np.sqrt(variance)
    if interval == 'plain':
        return DeLongAUC(auc, variance, auc - half, auc + half)
    half /= auc * (1 - auc)  # the delta method
    low, high = expit([logit(auc) - half, logit(auc) + half])
    return DeLongAUC(auc, variance, float(low), float(high))


def delong_test(
    score_a: np.ndarray,
    score_b: np.ndarray,
    target: np.ndarray,
    clusters: Sequence[str] | None = None,
    level: float = 0.95,
) -> DeLongTest:
    """Whether two scores of the same images differ in AUC.

    Args:
        score_a: (B,) any monotone score.
        score_b: (B,) any monotone score, its scale may differ.
        target: (B,) 1 present, 0 absent, NaN unknown (left out).
        clusters: as in :func:`delong_covariance`.
        level: of the difference's interval, which is symmetric.

    Returns:
        Everything but the AUCs is NaN where the variance cannot be estimated; two
        rankings that are one have a difference of 0 and p = 1.

    >>> score, target = np.array([0.9, 0.4, 0.6, 0.1]), np.array([1.0, 1, 0, 0])
    >>> delong_test(score, 10 * score, target).p
    1.0
    """
    known = ~np.isnan(target)
    scores = np.column_stack([score_a, score_b])[known]
    present = target[known] == 1
    auc, influence = _influence(scores, present)
    difference = float(auc[0] - auc[1])
    # Of the difference itself: exactly 0 for equal rankings.
    step = influence[:, :1] - influence[:, 1:]
    variance = float(_covariance(step, present, _indices(clusters, known))[0, 0])
    low, high, z, p = np.full(4, np.nan)
    if variance > 0:
        error = np.sqrt(variance)
        half = _quantile(level) * error
        low, high, z = difference - half, difference + half, difference / error
        p = 2 * norm.sf(abs(z))
    elif variance == 0 and difference == 0:
        low, high, z, p = 0.0, 0.0, 0.0, 1.0
    return DeLongTest(
        float(auc[0]), float(auc[1]), difference, *map(float, (low, high, z, p))
    )


def delong_covariance(
    scores: np.ndarray, target: np.ndarray, clusters: Sequence[str] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """AUCs of K scores of the same images, and their covariance.

    Args:
        scores: (B, K) any monotone scores.
        target: (B,) 1 present, 0 absent, NaN unknown (left out).
        clusters: (B,) what is independent of one another, the patient as a rule; None:
            every image, as DeLong has it, which is too narrow when patients have
            several.

    Returns:
        (K,) and (K, K); NaN as in :func:`delong_auc`.

    Source: DeLong, DeLong and Clarke-Pearson 1988, doi:10.2307/2531595; by midranks,
    Sun and Xu 2014, doi:10.1109/LSP.2014.2337313; for clusters, Obuchowski 1997,
    doi:10.2307/2533958, which is DeLong's where each cluster is one image.
    """
    known = ~np.isnan(target)
    present = target[known] == 1
    auc, influence = _influence(scores[known], present)
    return auc, _covariance(influence, present, _indices(clusters, known))


def _indices(clusters: Sequence[str] | None, known: np.ndarray) -> np.ndarray | None:
    return None if clusters is None else cluster_index(clusters, len(known))[1][known]


def _influence(
    scores: np.ndarray, present: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(K,) AUCs, and (B, K) what each image adds to them beyond its class's mean.

    An image's structural component is the share of the other class that it is on the
    right side of: its rank among all less its rank within its own class.
    """
    n_present, n_absent = present.sum(), (~present).sum()
    if n_present == 0 or n_absent == 0:
        return np.full(scores.shape[1], np.nan), np.full(scores.shape, np.nan)
    among_all = rankdata(scores, axis=0)
    above = among_all[present] - rankdata(scores[present], axis=0)
    below = among_all[~present] - rankdata(scores[~present], axis=0)
    auc = above.mean(axis=0) / n_absent
    influence = np.empty(scores.shape)
    influence[present] = (above / n_absent - auc) / n_present
    influence[~present] = (1 - below / n_present - auc) / n_absent
    return auc, influence


def _covariance(
    influence: np.ndarray, present: np.ndarray, cluster: np.ndarray | None
) -> np.ndarray:
    """(K, K); every image its own cluster when that is None."""
    if cluster is None:
        parts = [influence[present], influence[~present]]
        return sum(part.T @ part * _bessel(len(part)) for part in parts)
    _, cluster = np.unique(cluster, return_inverse=True)
    n_clusters = int(cluster.max(initial=-1)) + 1
    sums = np.zeros((2, n_clusters, influence.shape[1]))
    np.add.at(sums, (present.astype(int), cluster), influence)
    absent_sums, present_sums = sums
    n_with = [len(np.unique(cluster[present == side])) for side in (True, False)]
    cross = present_sums.T @ absent_sums
    return (
        present_sums.T @ present_sums * _bessel(n_with[0])
        + absent_sums.T @ absent_sums * _bessel(n_with[1])
        + (cross + cross.T) * _bessel(n_clusters)
    )


def _bessel(n: int) -> float:
    """Factor that makes a sum of n squares unbiased; NaN for fewer than two."""
    return n / (n - 1) if n > 1 else float('nan')


def _quantile(level: float) -> float:
    if not 0 < level < 1:
        raise ValueError(f'level must lie between 0 and 1, got {level!r}.')
    return float(norm.ppf((1 + level) / 2))
