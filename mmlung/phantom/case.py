"""One phantom film: what it shows is drawn by lot, and known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from mmlung.phantom.anatomy import draw_chest
from mmlung.phantom.anatomy import expose
from mmlung.phantom.lesions import DRAW
from mmlung.phantom.lesions import Lesion
from mmlung.phantom.lesions import add_findings
from mmlung.phantom.outlines import Habitus

DRAWING_VERSION = 1
"""Raised when the same seed draws another film than before."""

HEALTHY_SHARE = 0.25
_SHARE_OF_COUNTS = (0.40, 0.35, 0.25)  # one, two or three findings
_SMALLEST_SIDE_PX = 96


@dataclass(frozen=True)
class Case:
    """A film (H, W) float32 in [0, 1], bright where dense, and every finding on it."""

    film: np.ndarray
    lesions: tuple[Lesion, ...]


def draw_case(
    rng: np.random.Generator,
    size_hw: tuple[int, int],
    findings: Sequence[str],
    habitus: Habitus | None = None,
    healthy_share: float = HEALTHY_SHARE,
) -> Case:
    """A healthy film, or one with one to three of the findings, each at most once.

    Args:
        rng: everything is drawn from it, so one state is one film.
        size_hw: height and width in pixels.
        findings: names to draw from, keys of ``lesions.DRAW``.
        habitus: the patient's build; a random one if left out.
        healthy_share: chance of no finding.

    Raises:
        ValueError: a finding that cannot be drawn, or a film too small to show any.
    """
    check_findings(findings)
    check_side(min(size_hw))
    chosen: list[str] = []
    if rng.random() >= healthy_share:
        count = min(1 + rng.choice(3, p=_SHARE_OF_COUNTS), len(findings))
        chosen = list(rng.choice(list(findings), count, replace=False))
    chest = draw_chest(rng, size_hw, habitus)
    lesions = add_findings(chest, rng, chosen)
    return Case(expose(chest, rng), tuple(lesions))


def show(case: Case) -> np.ndarray:
    """The film as a picture (H, W, 3) uint8, BGR, with its boxes and names."""
    grey = np.rint(case.film * 255).astype(np.uint8)
    picture = cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
    colour, font = (0, 220, 255), cv2.FONT_HERSHEY_SIMPLEX
    for lesion in case.lesions:
        x1, y1, x2, y2 = (round(edge) for edge in lesion.box_xyxy)
        cv2.rectangle(picture, (x1, y1), (x2 - 1, y2 - 1), colour, 1)
        cv2.putText(picture, lesion.finding, (x1, y1 - 4), font, 0.35, colour, 1)
    return picture


def check_findings(findings: Sequence[str]) -> None:
    """Refuse names that nobody can draw."""
    unknown = [name for name in findings if name not in DRAW]
    if unknown or not findings:
        raise ValueError(
            f'findings must be some of {sorted(DRAW)}, got {unknown or "none"}'
        )


def check_side(side_px: int) -> None:
    """Refuse films on which a nodule would be a few pixels."""
    if side_px < _SMALLEST_SIDE_PX:
        raise ValueError(
            f'a phantom film must be at least {_SMALLEST_SIDE_PX} px on each side, got '
            f'{side_px}'
        )
