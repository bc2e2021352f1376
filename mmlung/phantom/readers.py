"""Three simulated radiologists who miss, misplace and, rarely, imagine findings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmlung.phantom.lesions import Lesion
from mmlung.phantom.lesions import Xyxy

MISS = 0.07
IMAGINE = 0.04
JITTER = 0.05  # of the box side, standard deviation of each edge
_USUAL = ('R8', 'R9', 'R10')
_OTHERS = tuple(f'R{number}' for number in (*range(1, 8), *range(11, 18)))


def read_film(
    rng: np.random.Generator,
    lesions: Sequence[Lesion],
    size_hw: tuple[int, int],
    findings: Sequence[str],
    mixed: bool,
) -> dict[str, list[Lesion]]:
    """What each of three readers draws on one film.

    Args:
        rng: who reads, and every error.
        lesions: the truth.
        size_hw: height and width of the film; no box leaves it.
        findings: what an imagined box may be called.
        mixed: whether a film may have readers with and without findings. The Kaggle
            release of VinDr-CXR has no such film.

    Returns:
        Reader to lesions, in the order R1, R2, ...
    """
    names = _USUAL if rng.random() < 0.85 else rng.choice(_OTHERS, 3, replace=False)
    readings: dict[str, list[Lesion]] = {}
    for reader in sorted(names, key=lambda name: int(name[1:])):
        kept = rng.random(len(lesions)) >= MISS
        if lesions and not kept.any() and not mixed:
            kept[0] = True
        drawn = [
            Lesion(lesion.finding, _misplaced(rng, lesion.box_xyxy, size_hw))
            for lesion, keep in zip(lesions, kept, strict=True)
            if keep
        ]
        if rng.random() < IMAGINE and (mixed or lesions):
            drawn.append(Lesion(str(rng.choice(findings)), _anywhere(rng, size_hw)))
        readings[str(reader)] = drawn
    return readings


def _misplaced(rng: np.random.Generator, box: Xyxy, size_hw: tuple[int, int]) -> Xyxy:
    x1, y1, x2, y2 = box
    sides = np.array([x2 - x1, y2 - y1] * 2)
    edges = np.array(box) + np.clip(rng.normal(0, JITTER, 4), -0.2, 0.2) * sides
    limits = np.array([size_hw[1], size_hw[0]] * 2)
    return _tuple(np.clip(edges, 0, limits))


def _anywhere(rng: np.random.Generator, size_hw: tuple[int, int]) -> Xyxy:
    sides = rng.uniform(0.12, 0.25, 2) * size_hw[::-1]
    corner = rng.uniform(0.15, 0.6, 2) * size_hw[::-1]
    return _tuple(np.concatenate([corner, corner + sides]))


def _tuple(edges: np.ndarray) -> Xyxy:
    x1, y1, x2, y2 = (round(float(edge), 2) for edge in edges)
    return x1, y1, x2, y2
