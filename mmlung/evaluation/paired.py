"""Two models on the same films: differences, their intervals, and p values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmlung.evaluation.bootstrap import Statistic
from mmlung.evaluation.bootstrap import cluster_weights
from mmlung.evaluation.bootstrap import percentile_interval


@dataclass(frozen=True)
class Difference:
    """One metric of two models on the same films; NaN where it is undefined."""

    a: float
    b: float
    difference: float
    """``b - a``: positive when the second model's value is higher."""
    low: float
    """Low end of the 95 % interval of the difference; NaN without resamples."""
    high: float
    p: float
    """Two-sided, of no difference; see :func:`bootstrap_p`."""


def paired_differences(
    statistic_a: Statistic,
    statistic_b: Statistic,
    clusters: Sequence[str],
    n_resamples: int = 1000,
    seed: int = 0,
) -> dict[str, Difference]:
    """Differences of two models, of both under the very same resamples.

    What makes a film hard for both models cancels out, so the interval is far narrower
    than those of the two values let one expect.

    Args:
        statistic_a: of the first model, a function of the weights of the clusters'
            films; and of the second.
        statistic_b: with the same keys.
        clusters: (I,) names of what is resampled as one, as the statistics take them.
        n_resamples: 0 for the differences alone.
        seed: of the resampling.

    >>> weigh = lambda x: lambda w: {'mean': x @ w / w.sum(axis=0)}
    >>> both = [weigh(np.array([0.0, 1.0])), weigh(np.array([1.0, 2.0]))]
    >>> found = paired_differences(*both, clusters=['a', 'b'], n_resamples=99)['mean']
    >>> found.difference, found.low, found.high, found.p
    (1.0, 1.0, 1.0, 0.02)
    """
    ones = np.ones((len(clusters), 1))
    values_a, values_b = statistic_a(ones), statistic_b(ones)
    if values_a.keys() != values_b.keys():
        odd = sorted(values_a.keys() ^ values_b.keys())
        raise ValueError(f'both statistics must have the same keys; not so: {odd}')
    drawn: dict[str, list[np.ndarray]] = {key: [] for key in values_a}
    for weights in cluster_weights(clusters, n_resamples, seed):
        resampled_a, resampled_b = statistic_a(weights), statistic_b(weights)
        for key, blocks in drawn.items():
            blocks.append(resampled_b[key] - resampled_a[key])
    found = {}
    for key, blocks in drawn.items():
        a, b = float(values_a[key][0]), float(values_b[key][0])
        differences = np.concatenate([np.zeros(0), *blocks])
        interval = percentile_interval(differences)
        p = bootstrap_p(differences) if b - a == b - a else float('nan')
        found[key] = Difference(a, b, b - a, *interval, p)
    return found


def bootstrap_p(differences: np.ndarray) -> float:
    """Two-sided p of no difference: twice the smaller tail beyond zero.

    It belongs to the percentile interval: p < 0.05 when the 95 % interval leaves 0 out.
    It cannot fall below 2 / (R + 1). It rests on the resamples' resemblance to new
    patients, which fails when they are few: a handful of patients gives too small a p.

    Args:
        differences: (R,) of the resamples; undefined ones (NaN) do not count.

    Returns:
        A value in (0, 1]; 1 when no resample differs; NaN without a defined resample.

    Source: Efron and Tibshirani 1993, doi:10.1007/978-1-4899-4541-9, section 15.4, with
    one added to counts (Davison and Hinkley 1997, doi:10.1017/CBO9780511802843, 4.2).

    >>> bootstrap_p(np.zeros(999)), bootstrap_p(np.ones(999))
    (1.0, 0.002)
    """
    defined = differences[~np.isnan(differences)]
    if len(defined) == 0:
        return float('nan')
    tail = min((defined <= 0).sum(), (defined >= 0).sum())
    return float(min(1.0, 2 * (tail + 1) / (len(defined) + 1)))


def holm(p: Sequence[float] | np.ndarray) -> np.ndarray:
    """(N,) p values corrected so that one false positive among all N stays rare.

    Args:
        p: (N,) in [0, 1]; an undefined one (NaN) stays so and is no test.

    Source: Holm 1979, Scandinavian Journal of Statistics 6, 65-70.

    >>> holm([0.01, 0.04, 0.03, float('nan')]).tolist()
    [0.03, 0.06, 0.06, nan]
    """
    values = np.asarray(p, dtype=float)
    corrected = np.full(len(values), np.nan)
    tests = np.flatnonzero(~np.isnan(values))
    order = tests[np.argsort(values[tests], kind='stable')]
    factors = np.arange(len(order), 0, -1)
    rising = np.maximum.accumulate(factors * values[order])
    corrected[order] = np.minimum(rising, 1.0)
    return corrected
