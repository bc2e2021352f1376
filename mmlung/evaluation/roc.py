"""ROC and precision-recall curves on a fixed grid, with bands over patients."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmlung.evaluation.bootstrap import cluster_index
from mmlung.evaluation.bootstrap import cluster_weights
from mmlung.evaluation.bootstrap import percentile_interval
from mmlung.evaluation.ranking import Ranking
from mmlung.evaluation.ranking import in_blocks
from mmlung.evaluation.ranking import rank

GRID = 201
"""Points of a curve, from 0 to 1."""
_SLACK = 1e-9
"""Of an image: a grid point that is a corner of the curve lies on its upper side."""


@dataclass(frozen=True)
class RocCurve:
    """Sensitivity at each false positive rate; all NaN when one class only is known."""

    fpr: np.ndarray
    """(G,) the grid, from 0 to 1."""
    tpr: np.ndarray
    """(G,) best sensitivity there, on the straight lines between the corners."""
    low: np.ndarray
    """(G,) pointwise 95 % band of ``tpr``; NaN without resamples."""
    high: np.ndarray
    auc: float
    auc_low: float
    auc_high: float
    n_positive: int
    n_known: int


@dataclass(frozen=True)
class PrCurve:
    """Precision at each sensitivity; all NaN when one class only is known."""

    recall: np.ndarray
    """(G,) the grid, from 0 to 1."""
    precision: np.ndarray
    """(G,) at the highest threshold with that recall: steps, as in the AUPRC."""
    low: np.ndarray
    """(G,) pointwise 95 % band of ``precision``; NaN without resamples."""
    high: np.ndarray
    auprc: float
    auprc_low: float
    auprc_high: float
    n_positive: int
    n_known: int


def roc_curve(
    score: np.ndarray,
    target: np.ndarray,
    clusters: Sequence[str] | None = None,
    bootstrap: int = 0,
    seed: int = 0,
    n_points: int = GRID,
) -> RocCurve:
    """ROC curve of one finding.

    The band holds at each rate by itself; the whole curve leaves it more often than one
    time in twenty.

    Args:
        score: (B,) any monotone score; equal ones are one slanted line.
        target: (B,) 1 present, 0 absent, NaN unknown (left out).
        clusters: (B,) what is resampled as one, the patient as a rule; None: the image.
        bootstrap: number of resamples for the band; 0 for none.
        seed: of the resampling; the same as for the AUC's interval gives that interval.
        n_points: G.

    Source: vertical averaging, Fawcett 2006, doi:10.1016/j.patrec.2005.10.010, with
    percentiles of the resamples as the band.

    >>> curve = roc_curve(np.array([0.9, 0.1, 0.5]), np.array([1, 0, 0]), n_points=3)
    >>> curve.fpr.tolist(), curve.tpr.tolist(), curve.auc
    ([0.0, 0.5, 1.0], [1.0, 1.0, 1.0], 1.0)
    """
    resampling = clusters, bootstrap, seed, n_points
    return RocCurve(*_curve(score, target, _sensitivity, 0, *resampling))


def pr_curve(
    score: np.ndarray,
    target: np.ndarray,
    clusters: Sequence[str] | None = None,
    bootstrap: int = 0,
    seed: int = 0,
    n_points: int = GRID,
) -> PrCurve:
    """Precision-recall curve of one finding; arguments as of :func:`roc_curve`.

    >>> curve = pr_curve(np.array([0.9, 0.8, 0.1]), np.array([0, 1, 0]), n_points=3)
    >>> curve.recall.tolist(), curve.precision.tolist(), curve.auprc
    ([0.0, 0.5, 1.0], [0.5, 0.5, 0.5], 0.5)
    """
    resampling = clusters, bootstrap, seed, n_points
    return PrCurve(*_curve(score, target, _precision, 1, *resampling))


def _curve(
    score: np.ndarray,
    target: np.ndarray,
    on_grid: Callable[[Ranking, np.ndarray, np.ndarray], np.ndarray],
    area: int,
    clusters: Sequence[str] | None,
    bootstrap: int,
    seed: int,
    n_points: int,
) -> tuple[
    np.ndarray, np.ndarray, np.ndarray, np.ndarray, float, float, float, int, int
]:
    """Fields of a curve, in their order."""
    names, cluster = cluster_index(clusters, len(score))
    ranking = rank(score, target, cluster, len(names))
    grid = np.linspace(0, 1, n_points)
    ones = np.ones((len(names), 1))
    curves, areas = [np.empty((n_points, 0))], [np.empty(0)]
    for weights in cluster_weights(names, bootstrap, seed):
        curves += [on_grid(ranking, block, grid) for block in in_blocks(weights)]
        areas.append(ranking.areas(weights)[area])
    ends = np.array([percentile_interval(row) for row in np.hstack(curves)])
    return (
        grid,
        on_grid(ranking, ones, grid)[:, 0],
        ends[:, 0],
        ends[:, 1],
        float(ranking.areas(ones)[area][0]),
        *percentile_interval(np.concatenate(areas)),
        int((target == 1).sum()),
        int((~np.isnan(target)).sum()),
    )


def _sensitivity(ranking: Ranking, weights: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """(G, R) sensitivity at each false positive rate.

    Between two levels the curve goes right, past absent images that score between them;
    at a level it goes up or, with absent images of the same score, slants.
    """
    _, true_above, false_above = ranking.counts(weights)
    ties = np.zeros_like(false_above)
    ties[ranking.tied_level] = ranking.ties @ weights
    n_absent = false_above[-1:].sum(axis=0) + (ranking.lowest @ weights)[0]
    sensitivity = np.full((len(grid), weights.shape[1]), np.nan)
    for r in range(weights.shape[1]):
        found, false = true_above[:, r], false_above[:, r]
        if not len(found) or found[-1] == 0 or n_absent[r] == 0:
            continue
        before = np.append(0, found[:-1]), false - ties[:, r]
        up = np.column_stack([before[0], found]).ravel()
        right = np.column_stack([before[1], false]).ravel()
        x, y = np.append(right, n_absent[r]), np.append(up, found[-1])
        at = np.minimum(grid * n_absent[r] + _SLACK, n_absent[r])
        sensitivity[:, r] = np.interp(at, x, y) / found[-1]
    return sensitivity


def _precision(ranking: Ranking, weights: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """(G, R) precision at each sensitivity."""
    _, true_above, false_above = ranking.counts(weights)
    n_absent = false_above[-1:].sum(axis=0) + (ranking.lowest @ weights)[0]
    precision = np.full((len(grid), weights.shape[1]), np.nan)
    for r in range(weights.shape[1]):
        found, false = true_above[:, r], false_above[:, r]
        if not len(found) or found[-1] == 0 or n_absent[r] == 0:
            continue
        level = np.searchsorted(found, np.maximum(grid * found[-1] - _SLACK, _SLACK))
        precision[:, r] = found[level] / (found[level] + false[level])
    return precision
