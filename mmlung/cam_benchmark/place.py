"""The map that needs no film: where a finding's boxes lie on other films."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from mmlung.cam_benchmark.films import BoxedFilm

_GRID = 128
"""Rows and columns of the map, whatever the size of the films."""


class PlacePrior:
    """Share of films whose box of a finding covers a place, from films with boxes.

    Args:
        films: other films than those that are judged.
    """

    def __init__(self, films: Iterable[BoxedFilm]) -> None:
        self._sum: dict[str, np.ndarray] = {}
        for film in films:
            for finding, boxes in film.boxes.items():
                total = self._sum.setdefault(finding, np.zeros((_GRID, _GRID)))
                total += _covered(boxes, film.size_hw)

    def map_of(self, film: BoxedFilm, finding: str) -> np.ndarray:
        """(H, W) map in [0, 1] of a film of this size; zeros for a new finding."""
        grid = self._sum.get(finding, np.zeros((_GRID, _GRID)))
        highest = grid.max()
        rows, columns = (np.arange(n) * _GRID // n for n in film.size_hw)
        return (grid / highest if highest else grid)[np.ix_(rows, columns)]


def _covered(boxes_xyxy: np.ndarray, size_hw: tuple[int, int]) -> np.ndarray:
    """(128, 128) bool: cells whose centre lies in a box."""
    centre = (np.arange(_GRID) + 0.5) / _GRID
    y, x = centre * size_hw[0], centre * size_hw[1]
    covered = np.zeros((_GRID, _GRID), dtype=bool)
    for x1, y1, x2, y2 in boxes_xyxy:
        covered |= np.outer((y >= y1) & (y < y2), (x >= x1) & (x < x2))
    return covered
