"""Detections and hits by falling score, counted in all resamples at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.sparse import csr_array

from mmlung.evaluation.matching import BoxPool


@dataclass(frozen=True)
class RankedDetections:
    """N detections by falling score, over all images."""

    image: np.ndarray
    """(N,) int, index of the image."""
    score: np.ndarray
    """(N,) float, falling."""
    hit: np.ndarray
    """(N, T) bool: finds a true box, under each of T rules."""


def by_finding(
    pool: BoxPool, hit: np.ndarray, kept: np.ndarray | None = None
) -> list[RankedDetections]:
    """(C,) detections of each finding.

    Args:
        pool: of all images.
        hit: (N, T) bool.
        kept: (N,) bool, the detections that count at all; None: all.
    """
    label = pool.label if kept is None else np.where(kept, pool.label, -1)
    chosen = [np.flatnonzero(label == c) for c in range(pool.n_boxes.shape[1])]
    return [RankedDetections(pool.image[i], pool.score[i], hit[i]) for i in chosen]


def operating_points(
    ranked: RankedDetections, weights: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Operating points by falling score, one per distinct score that finds a box.

    Equal scores are one point. Points that find nothing add false positives alone, so
    neither an average precision nor a FROC curve rests on them.

    Args:
        ranked: detections.
        weights: (I, R) how often each image is drawn.

    Yields:
        For each of the T rules two (P, R) arrays: boxes found since the last point, and
        detections up to this one. P differs from rule to rule.
    """
    found = np.flatnonzero(ranked.hit.any(axis=1))
    stops = np.searchsorted(-ranked.score, -ranked.score[found], side='right')
    stops = np.unique(np.append(stops, 0))[1:]
    until = int(stops[-1]) if len(stops) else 0
    point = np.searchsorted(stops, np.arange(until), side='right')
    detections = _sums(point, ranked.image[:until], weights, len(stops))
    accumulate(np.add, detections)
    for hit in ranked.hit.T:
        rows = np.flatnonzero(hit)
        points, place = np.unique(point[rows], return_inverse=True)
        gained = _sums(place, ranked.image[rows], weights, len(points))
        yield gained, detections[points]


def compact(weights: np.ndarray, largest: float) -> np.ndarray:
    """The (I, R) weights of resamples in float32, where whole numbers stay exact.

    Half the memory is half the time. A single column, such as the one of the value
    itself, is left as it is: only the ends of intervals are rounded, by under 1e-6.

    Args:
        weights: whole numbers.
        largest: whole number that no sum or product of them will exceed.
    """
    small = largest < 2**24 and weights.shape[1] > 1
    return weights.astype(np.float32) if small else weights


def accumulate(combine: np.ufunc, rows: np.ndarray) -> np.ndarray:
    """Replace each row of (P, R) by its combination with all before, in place.

    ``combine.accumulate(axis=0)`` walks down the columns, which costs ten times more.

    >>> accumulate(np.add, np.array([[1.0], [2.0], [4.0]])).ravel().tolist()
    [1.0, 3.0, 7.0]
    """
    for before, row in pairwise(rows):
        combine(before, row, out=row)
    return rows


def _sums(
    group: np.ndarray, image: np.ndarray, weights: np.ndarray, n_groups: int
) -> np.ndarray:
    """(G, R) summed weights of the images in each group; a sparse matrix product."""
    ones = np.ones(len(group), dtype=weights.dtype)
    shape = n_groups, len(weights)
    return np.asarray(csr_array((ones, (group, image)), shape=shape) @ weights)
