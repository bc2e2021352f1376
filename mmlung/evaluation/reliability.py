"""Whether probabilities can be taken at their word: ECE, Brier score, reliability."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmlung.evaluation.bootstrap import cluster_index
from mmlung.evaluation.bootstrap import mean_defined
from mmlung.evaluation.bootstrap import ratio
from mmlung.evaluation.bootstrap import with_intervals

N_BINS = 15


@dataclass(frozen=True)
class ReliabilityCurve:
    """Predicted against observed, in bins of equal mass; empty bins are left out."""

    predicted: np.ndarray
    """(N,) mean probability of a bin, rising."""
    observed: np.ndarray
    """(N,) share of present films in it."""
    count: np.ndarray
    """(N,) films in it."""


def equal_mass_bins(probability: np.ndarray, n_bins: int = N_BINS) -> np.ndarray:
    """Bin of each film, all bins with as many films as equal probabilities allow.

    A film that ``k`` of ``n`` films lie below is in bin ``floor(n_bins * k / n)``. So
    equal probabilities share a bin, the order of the films does not matter, and with
    fewer films than bins each distinct probability has its own.

    Args:
        probability: (B,) of known films.
        n_bins: number of bins.

    Returns:
        (B,) int in [0, n_bins); some bins may be empty.

    >>> equal_mass_bins(np.array([0.1, 0.4, 0.4, 0.9]), n_bins=2).tolist()
    [0, 0, 0, 1]
    """
    below = np.searchsorted(np.sort(probability), probability, side='left')
    return below * n_bins // max(1, len(probability))


def reliability_curve(
    probability: np.ndarray, target: np.ndarray, n_bins: int = N_BINS
) -> ReliabilityCurve:
    """Data of a reliability diagram.

    Args:
        probability: (B,) in [0, 1].
        target: (B,) 1 present, 0 absent, NaN unknown (left out).
        n_bins: at most so many points; see :func:`equal_mass_bins`.

    >>> curve = reliability_curve(np.array([0.1, 0.3, 0.8]), np.array([0, 1, 1.0]), 2)
    >>> curve.predicted.tolist(), curve.observed.tolist(), curve.count.tolist()
    ([0.2, 0.8], [0.5, 1.0], [2, 1])
    """
    known = ~np.isnan(target)
    probability, target = probability[known], target[known]
    bins = equal_mass_bins(probability, n_bins)
    count = np.bincount(bins, minlength=n_bins)
    sums = [np.bincount(bins, values, n_bins) for values in (probability, target)]
    filled = count > 0
    predicted, observed = (values[filled] / count[filled] for values in sums)
    return ReliabilityCurve(predicted, observed, count[filled])


def expected_calibration_error(
    probability: np.ndarray, target: np.ndarray, n_bins: int = N_BINS
) -> float:
    """Mean distance of predicted and observed, over bins of equal mass.

    Args:
        probability: (B,) in [0, 1].
        target: (B,) 1 present, 0 absent, NaN unknown (left out).
        n_bins: number of bins; see :func:`equal_mass_bins`.

    Returns:
        A value in [0, 1]; NaN without a known film. Chance alone makes it positive:
        with few films, or few per bin, it is too high even for a perfect model.

    Source: Naeini et al. 2015, doi:10.1609/aaai.v29i1.9602; bins of equal mass as
    in Nixon et al. 2019, arXiv:1904.01685, and not of equal width, since nearly all
    probabilities of a rare finding are small.

    >>> expected_calibration_error(np.array([0.1, 0.3]), np.array([0.0, np.nan]))
    0.1
    """
    curve = reliability_curve(probability, target, n_bins)
    if len(curve.count) == 0:
        return float('nan')
    distance = np.abs(curve.predicted - curve.observed)
    return float((curve.count * distance).sum() / curve.count.sum())


def brier_score(probability: np.ndarray, target: np.ndarray) -> float:
    """Mean squared distance of probability and label; lower is better.

    Args:
        probability: (B,) in [0, 1].
        target: (B,) 1 present, 0 absent, NaN unknown (left out).

    Returns:
        A value in [0, 1]; NaN without a known film. A rare finding's is small for any
        model: the constant prevalence p has p (1 - p).

    Source: Brier 1950, doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2.

    >>> brier_score(np.array([0.5, 1.0]), np.array([0.0, 1.0]))
    0.125
    """
    known = ~np.isnan(target)
    if not known.any():
        return float('nan')
    return float(np.square(probability[known] - target[known]).mean())


def calibration_errors(
    probability: np.ndarray,
    target: np.ndarray,
    findings: Sequence[str],
    clusters: Sequence[str] | None = None,
    bootstrap: int = 0,
    seed: int = 0,
) -> dict[str, float]:
    """ECE and Brier score per finding and on average.

    Bins stay as all films make them while patients are resampled. A resample has a
    chance error of its own on top of the films', so the interval of a small ECE lies
    too high and can leave its own value below.

    Args:
        probability: (B, C) in [0, 1].
        target: (B, C) 1 present, 0 absent, NaN unknown (left out).
        findings: (C,) names.
        clusters: (B,) what is resampled as one, the patient as a rule; None: the film.
        bootstrap: number of resamples for the intervals; 0 for none.
        seed: of the resampling.

    Returns:
        ``mECE`` and ``mBrier``, means over the findings with a known film;
        ``ECE/<finding>``, ``Brier/<finding>`` (NaN without one); with resamples,
        ``<key>_low`` and ``<key>_high``.

    >>> calibration_errors(np.array([[0.5], [1.0]]), np.array([[0.0], [1]]), ['Edema'])
    {'mECE': 0.25, 'mBrier': 0.125, 'ECE/Edema': 0.25, 'Brier/Edema': 0.125}
    """
    names, cluster = cluster_index(clusters, len(target))
    columns = [
        _sums(p, t, cluster, len(names))
        for p, t in zip(probability.T, target.T, strict=True)
    ]

    def statistic(weights: np.ndarray) -> dict[str, np.ndarray]:
        sums = [column @ weights for column in columns]
        shape = len(columns), weights.shape[1]
        ece = [ratio(np.abs(s[:-2]).sum(axis=0), s[-1]) for s in sums]
        brier = [ratio(s[-2], s[-1]) for s in sums]
        report = {
            'mECE': mean_defined(np.reshape(ece, shape)),
            'mBrier': mean_defined(np.reshape(brier, shape)),
        }
        report |= {f'ECE/{f}': e for f, e in zip(findings, ece, strict=True)}
        return report | {f'Brier/{f}': b for f, b in zip(findings, brier, strict=True)}

    return with_intervals(statistic, names, bootstrap, seed)


def _sums(
    probability: np.ndarray, target: np.ndarray, cluster: np.ndarray, n_clusters: int
) -> np.ndarray:
    """(N_BINS + 2, P) of each cluster: errors per bin, squared errors, known films."""
    known = ~np.isnan(target)
    error = probability[known] - target[known]
    sums = np.zeros((N_BINS + 2, n_clusters))
    cluster = cluster[known]
    np.add.at(sums, (equal_mass_bins(probability[known]), cluster), error)
    np.add.at(sums[-2], cluster, np.square(error))
    np.add.at(sums[-1], cluster, 1)
    return sums
