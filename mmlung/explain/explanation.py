"""What comes of explaining: a map of one finding, and a film that is asked."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmlung.explain.film import Film
from mmlung.result import Finding


@dataclass(frozen=True)
class Explanation:
    """One map, and what it is of.

    Attributes:
        finding: as the model's vocabulary spells it.
        map: (H, W) float32 in [0, 1] on the pixels of the original film; all zeros
            when nothing speaks for the finding (see ``is_zero``).
        probability: the finding's on this film; a detector's highest box score. Not
            calibrated.
        target: ``'logit'``, ``'box'`` or ``'anywhere'``.
        box_xyxy: the explained box in pixels of the original film, or None.
    """

    finding: str
    map: np.ndarray
    probability: float
    target: str
    box_xyxy: tuple[float, float, float, float] | None = None

    @property
    def is_zero(self) -> bool:
        """Whether the map says nothing: no place speaks for the finding."""
        return not self.map.any()


@dataclass(frozen=True)
class OpenedFilm:
    """A film and what the network says of it, to draw several maps from.

    Attributes:
        film: as the network takes it.
        probabilities: of every finding, in the order of the vocabulary.
        boxes: a detector's predictions by falling score; empty for a classifier.
    """

    film: Film
    probabilities: Mapping[str, float]
    boxes: Sequence[Finding] = ()

    def top(self, n: int) -> list[str]:
        """The ``n`` most probable findings, the most probable first."""
        ranked = sorted(self.probabilities, key=lambda name: -self.probabilities[name])
        return ranked[:n]
