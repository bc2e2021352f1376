"""Percentile intervals of a metric, by resampling whole patients.

A statistic is a function of weights: how often each image is drawn. Images are matched
and ranked once; a resample changes the weights alone.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence

import numpy as np
from mmengine.evaluator import BaseMetric

Statistic = Callable[[np.ndarray], dict[str, np.ndarray]]
"""(I, R) weights of I images in R resamples -> {key: (R,) values}."""

_MAX_WEIGHTS_IN_MEMORY = 2**22


def cluster_weights(
    clusters: Sequence[str], n_resamples: int, seed: int = 0
) -> Iterator[np.ndarray]:
    """How often each image is drawn when whole clusters are drawn with replacement.

    The order of the images does not matter, and metrics with the same clusters and seed
    see the same resamples, so that their differences are paired.

    Args:
        clusters: (I,) name of each image's cluster; its patient, as a rule.
        n_resamples: R.
        seed: of ``numpy.random.default_rng``.

    Yields:
        (I, r) counts, blocks of resamples that together are R wide.

    Source: Efron and Tibshirani 1993, doi:10.1007/978-1-4899-4541-9, chapters 6 and 13.

    >>> blocks = list(cluster_weights(['a', 'a', 'b'], n_resamples=4))
    >>> np.hstack(blocks).tolist()
    [[0.0, 1.0, 2.0, 2.0], [0.0, 1.0, 2.0, 2.0], [2.0, 1.0, 0.0, 0.0]]
    """
    names, cluster = np.unique(np.asarray(clusters, dtype=str), return_inverse=True)
    rng = np.random.default_rng(seed)
    width = max(1, _MAX_WEIGHTS_IN_MEMORY // max(1, len(cluster)))
    for start in range(0, n_resamples, width):
        block = np.empty((len(names), min(width, n_resamples - start)))
        for r in range(block.shape[1]):
            drawn = rng.integers(len(names), size=len(names))
            block[:, r] = np.bincount(drawn, minlength=len(names))
        yield block[cluster]


def cluster_index(
    clusters: Sequence[str] | None, n_images: int
) -> tuple[list[str], np.ndarray]:
    """The P distinct clusters, and which of them each image belongs to.

    A statistic that takes weights of clusters, not of images, sees the same resamples
    through ``with_intervals(statistic, names, ...)``, at a fraction of the memory.

    Args:
        clusters: (I,) name of each image's cluster; None: each image is one.
        n_images: I.

    Returns:
        (P,) names in the order that resampling draws them, and (I,) int.

    >>> names, cluster = cluster_index(['b', 'a', 'b'], 3)
    >>> names, cluster.tolist()
    (['a', 'b'], [1, 0, 1])
    """
    if clusters is None:
        clusters = [str(image) for image in range(n_images)]
    names, cluster = np.unique(np.asarray(clusters, dtype=str), return_inverse=True)
    return names.tolist(), cluster


def percentile_interval(values: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """Low and high end of the central ``level`` of (R,) resampled values.

    Resamples in which the statistic is undefined (NaN) do not count; NaN when all are.

    >>> percentile_interval(np.array([0.0, 0.5, 1.0]), level=0.5)
    (0.25, 0.75)
    """
    defined = values[~np.isnan(values)]
    if len(defined) == 0:
        return float('nan'), float('nan')
    tail = (1 - level) / 2
    low, high = np.quantile(defined, [tail, 1 - tail])
    return float(low), float(high)


def with_intervals(
    statistic: Statistic, clusters: Sequence[str], n_resamples: int = 0, seed: int = 0
) -> dict[str, float]:
    """Values of a statistic, with their 95 % intervals when resamples are asked for.

    Args:
        statistic: a function of the (I, R) weights of the images.
        clusters: (I,) name of each image's cluster.
        n_resamples: 0 for the values alone.
        seed: of the resampling.

    Returns:
        ``{key: value}`` and, with resamples, ``{key}_low`` and ``{key}_high``.
    """
    report = {
        key: float(value[0])
        for key, value in statistic(np.ones((len(clusters), 1))).items()
    }
    if n_resamples == 0:
        return report
    blocks = [statistic(w) for w in cluster_weights(clusters, n_resamples, seed)]
    for key in list(report):
        values = np.concatenate([block[key] for block in blocks])
        report[f'{key}_low'], report[f'{key}_high'] = percentile_interval(values)
    return report


def ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Quotient of two arrays of counts; NaN where the denominator is 0.

    >>> ratio(np.array([1.0, 1.0]), np.array([2.0, 0.0])).tolist()
    [0.5, nan]
    """
    shape = np.broadcast_shapes(np.shape(numerator), np.shape(denominator))
    empty = np.full(shape, np.nan)
    return np.divide(numerator, denominator, out=empty, where=denominator > 0)


def mean_defined(values: np.ndarray) -> np.ndarray:
    """(R,) means of (C, R) values over the findings that are defined; NaN for none.

    >>> mean_defined(np.array([[1.0, np.nan], [0.0, np.nan]])).tolist()
    [0.5, nan]
    """
    return ratio(np.nansum(values, axis=0), (~np.isnan(values)).sum(axis=0))


class ResampledMetric(BaseMetric):
    """Base of our metrics: bare keys, and intervals from ``bootstrap`` resamples.

    Args:
        bootstrap: number of resamples; 0 gives no intervals, 1,000 is usual.
        seed: of the resampling.
        cluster: what is drawn as one, ``'patient'`` (the image where no patient is
            known) or ``'image'``.
        collect_device: as in mmengine.
        prefix: put before every key, as in mmengine.
        collect_dir: as in mmengine.

    Raises:
        ValueError: ``bootstrap`` is negative or no whole number, or ``cluster`` is
            unknown.
    """

    default_prefix = ''

    def __init__(
        self,
        bootstrap: int = 0,
        seed: int = 0,
        collect_device: str = 'cpu',
        prefix: str | None = None,
        collect_dir: str | None = None,
        cluster: str = 'patient',
    ) -> None:
        super().__init__(collect_device, prefix, collect_dir)
        if bootstrap != int(bootstrap) or bootstrap < 0:
            raise ValueError(
                f'bootstrap must be a number of resamples >= 0, got {bootstrap!r}.'
            )
        if cluster not in ('patient', 'image'):
            raise ValueError(f"cluster must be 'patient' or 'image', got {cluster!r}.")
        self.cluster = cluster
        self.bootstrap = int(bootstrap)
        self.seed = seed

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the findings, in the model's order."""
        return tuple(self.dataset_meta['classes'])
