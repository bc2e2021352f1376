"""Sensitivity, specificity and predictive values at given score thresholds."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence

import numpy as np

from mmlung.evaluation.bootstrap import cluster_index
from mmlung.evaluation.bootstrap import mean_defined
from mmlung.evaluation.bootstrap import ratio
from mmlung.evaluation.bootstrap import with_intervals

COUNTS = ('tp', 'fn', 'fp', 'tn')
RATES = ('sensitivity', 'specificity', 'ppv', 'npv')


def at_threshold(
    score: np.ndarray, target: np.ndarray, score_thr: float
) -> dict[str, float]:
    """Counts and rates when a film with ``score_thr`` or more counts as positive.

    ``ppv`` and ``npv`` hold at the prevalence of these films only: where the finding is
    rarer, fewer positives are true.

    Args:
        score: (B,) any monotone score.
        target: (B,) 1 present, 0 absent, NaN unknown (left out).
        score_thr: the threshold.

    Returns:
        ``tp``, ``fn``, ``fp``, ``tn``; ``sensitivity``, ``specificity``, ``ppv``,
        ``npv`` in [0, 1], NaN where there is nothing to divide by.

    >>> rates = at_threshold(np.array([0.9, 0.5, 0.1]), np.array([1.0, 0, 0]), 0.5)
    >>> rates['sensitivity'], rates['specificity'], rates['ppv'], rates['npv']
    (1.0, 0.5, 0.5, 1.0)
    """
    counts = _outcomes(score, target, score_thr).sum(axis=1, dtype=float)
    numbers = dict(zip(COUNTS, counts.tolist(), strict=True))
    rates = {key: float(value) for key, value in _rates(counts).items()}
    return numbers | rates


def rates_at(
    score: np.ndarray,
    target: np.ndarray,
    thresholds: Mapping[str, float],
    findings: Sequence[str],
    clusters: Sequence[str] | None = None,
    bootstrap: int = 0,
    seed: int = 0,
) -> dict[str, float]:
    """:func:`at_threshold` per finding, and the rates' means, with intervals.

    Args:
        score: (B, C) any monotone scores.
        target: (B, C) 1 present, 0 absent, NaN unknown (left out).
        thresholds: per finding; those without one are left out.
        findings: (C,) names.
        clusters: (B,) what is resampled as one, the patient as a rule; None: the film.
        bootstrap: number of resamples for the intervals; 0 for none. The thresholds
            are given, so their own uncertainty is not part of them.
        seed: of the resampling.

    Returns:
        ``sensitivity``, ..., means over the findings where the rate is defined;
        ``sensitivity/<finding>``, ..., with resamples ``<key>_low`` and ``<key>_high``;
        ``tp/<finding>``, ... .

    >>> score, target = np.array([[0.9], [0.2]]), np.array([[1.0], [0.0]])
    >>> report = rates_at(score, target, {'Edema': 0.5}, ['Edema'])
    >>> report['specificity'], report['ppv/Edema'], report['fp/Edema']
    (1.0, 1.0, 0.0)
    """
    names, cluster = cluster_index(clusters, len(target))
    chosen = [(c, name) for c, name in enumerate(findings) if name in thresholds]
    counts = {
        name: _per_cluster(
            _outcomes(score[:, c], target[:, c], thresholds[name]), cluster, len(names)
        )
        for c, name in chosen
    }

    def statistic(weights: np.ndarray) -> dict[str, np.ndarray]:
        rates = {name: _rates(count @ weights) for name, count in counts.items()}
        report = {}
        for key in RATES:
            rows = [row[key] for row in rates.values()]
            report[key] = mean_defined(np.reshape(rows, (-1, weights.shape[1])))
            report |= {f'{key}/{name}': row[key] for name, row in rates.items()}
        return report

    report = with_intervals(statistic, names, bootstrap, seed)
    for name, count in counts.items():
        for key, value in zip(COUNTS, count.sum(axis=1), strict=True):
            report[f'{key}/{name}'] = float(value)
    return report


def _outcomes(score: np.ndarray, target: np.ndarray, score_thr: float) -> np.ndarray:
    """(4, B) bool: whether a film is a true positive, false negative, ... ."""
    called = score >= score_thr
    present, absent = target == 1, target == 0
    return np.stack(
        [present & called, present & ~called, absent & called] + [absent & ~called]
    )


def _per_cluster(
    outcomes: np.ndarray, cluster: np.ndarray, n_clusters: int
) -> np.ndarray:
    """(4, P) films of each outcome in each cluster."""
    return np.stack([np.bincount(cluster, row, n_clusters) for row in outcomes])


def _rates(counts: np.ndarray) -> dict[str, np.ndarray]:
    """(R,) rates from (4, R) counts."""
    tp, fn, fp, tn = counts
    values = ratio(tp, tp + fn), ratio(tn, tn + fp), ratio(tp, tp + fp)
    return dict(zip(RATES, (*values, ratio(tn, tn + fn)), strict=True))
