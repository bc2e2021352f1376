"""Areas under the curves of one ranking, in many resamples of the patients at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from mmlung.evaluation.bootstrap import ratio
from mmlung.evaluation.operating_curve import accumulate

_BLOCK = 256
"""Resamples at a time: what belongs to them stays in the processor's cache."""


@dataclass(frozen=True)
class Ranking:
    """One finding's images by falling score, counted per cluster.

    The L levels are the distinct scores of the images where the finding is present. No
    area needs more of the absent ones than how many lie between two levels. Every count
    is a sparse matrix times the weights of the clusters, so a patient with many images
    is weighted once.
    """

    levels: np.ndarray
    """(L,) scores, falling."""
    present: csr_array
    """(L, P) images of each cluster at each level where the finding is present."""
    absent: csr_array
    """(L, P) absent ones at or above the level, below the one before."""
    lowest: csr_array
    """(1, P) absent ones below every level."""
    ties: csr_array
    """(T, P) absent ones whose score is exactly the level's; rows without are left out.
    """
    tied_level: np.ndarray
    """(T,) level of each row of ``ties``."""

    def areas(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """AUC and AUPRC under R weightings.

        Args:
            weights: (P, R) how often each cluster counts.

        Returns:
            Two (R,) arrays; NaN where one class has no weight.
        """
        if len(self.levels) == 0:
            undefined = np.full(weights.shape[1], np.nan)
            return undefined, undefined.copy()
        blocks = [self._areas(block) for block in in_blocks(weights)]
        auc, auprc = (np.concatenate(areas) for areas in zip(*blocks, strict=True))
        return auc, auprc

    def counts(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Present ones at, and present and absent ones at or above each level.

        Args:
            weights: (P, R) how often each cluster counts.

        Returns:
            Three (L, R) arrays.
        """
        true = self.present @ weights
        true_above = accumulate(np.add, true.copy())
        return true, true_above, accumulate(np.add, self.absent @ weights)

    def _areas(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        true, true_above, false_above = self.counts(weights)
        n_present = true_above[-1]
        n_absent = false_above[-1] + (self.lowest @ weights)[0]
        pairs = n_present * n_absent
        lost = np.einsum('lr,lr->r', true, false_above)
        lost -= np.einsum('lr,lr->r', true[self.tied_level], self.ties @ weights) / 2
        false_above += true_above
        false_above += false_above == 0  # no weight so far: a precision of 0
        precision = np.divide(true_above, false_above, out=false_above)
        hits = np.einsum('lr,lr->r', true, precision)
        return (
            ratio(pairs - lost, pairs),
            ratio(hits, np.where(pairs > 0, n_present, 0)),
        )


def in_blocks(weights: np.ndarray) -> Iterator[np.ndarray]:
    """The (P, R) weights, some resamples at a time, as float64 in C order."""
    for start in range(0, weights.shape[1], _BLOCK):
        yield weights[:, start : start + _BLOCK].astype(float, order='C')


def rank(
    score: np.ndarray,
    target: np.ndarray,
    cluster: np.ndarray | None = None,
    n_clusters: int = 0,
) -> Ranking:
    """Rank the images of one finding.

    Args:
        score: (B,) finite.
        target: (B,) 1 present, 0 absent, NaN unknown (left out).
        cluster: (B,) int, index of what is weighted as one; None: each image.
        n_clusters: P.
    """
    if cluster is None:
        cluster, n_clusters = np.arange(len(score)), len(score)
    present, absent = np.flatnonzero(target == 1), np.flatnonzero(target == 0)
    levels, level = np.unique(-score[present], return_inverse=True)
    right = np.searchsorted(levels, -score[absent], side='left')  # level it is above
    above = right < len(levels)
    tied = above.copy()
    tied[above] = levels[right[above]] == -score[absent][above]
    tied_level, tie = np.unique(right[tied], return_inverse=True)

    def counted(row: np.ndarray, image: np.ndarray, n_rows: int) -> csr_array:
        shape = n_rows, n_clusters
        return csr_array((np.ones(len(row)), (row, cluster[image])), shape=shape)

    return Ranking(
        levels=-levels,
        present=counted(level, present, len(levels)),
        absent=counted(right[above], absent[above], len(levels)),
        lowest=counted(np.zeros((~above).sum(), dtype=int), absent[~above], 1),
        ties=counted(tie, absent[tied], len(tied_level)),
        tied_level=tied_level,
    )


def of_one_cluster(target: np.ndarray, cluster: np.ndarray) -> bool:
    """Whether all present or all absent images are of one cluster, or there are none.

    Resampling clusters then shows no spread, so an interval would mean nothing.

    Args:
        target: (B,) 1 present, 0 absent, NaN unknown.
        cluster: (B,) int, each image's cluster.

    >>> of_one_cluster(np.array([1.0, 1, 0, 0]), np.array([7, 7, 8, 9]))
    True
    """
    return any(len(np.unique(cluster[target == value])) < 2 for value in (0, 1))
