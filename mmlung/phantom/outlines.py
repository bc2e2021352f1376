"""Outlines and lines of a chest, in chest coordinates.

x runs from -1 (lateral wall of the right lung, left on the film) to 1 (left lung), y
from -1 (apices) to about 0.8 (costophrenic angles). Curves are (N, 2) float64.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Line = tuple[np.ndarray, float, float]
"""A line to draw: points (N, 2), thickness in chest units, density 0 to 1."""


@dataclass(frozen=True)
class Habitus:
    """Body build of one patient; every film of that patient shares it.

    Lengths are in chest coordinates. ``heart`` is the cardiothoracic ratio, 0.40 to
    0.46 here: an enlarged heart (``lesions.cardiomegaly``) starts at 0.56.
    """

    width: float
    height: float
    heart: float
    aorta: float
    right_dome: float
    left_dome: float
    slope: float
    breasts: float
    bone: float
    wall: float


def sample_habitus(rng: np.random.Generator) -> Habitus:
    """A random healthy body."""
    right_dome = rng.uniform(0.36, 0.54)
    return Habitus(
        width=rng.uniform(0.92, 1.06),
        height=rng.uniform(0.92, 1.06),
        heart=rng.uniform(0.40, 0.46),
        aorta=rng.uniform(0.9, 1.1),
        right_dome=right_dome,
        left_dome=right_dome + rng.uniform(0.05, 0.12),
        slope=rng.uniform(0.7, 1.3),
        breasts=rng.choice([0, rng.uniform(0.02, 0.07)]),
        bone=rng.uniform(0.8, 1.2),
        wall=rng.uniform(1.12, 1.3),
    )


def smooth(points: list[tuple[float, float]], closed: bool = True) -> np.ndarray:
    """A smooth curve (N, 2) through the points (Catmull-Rom)."""
    knots = np.array(points, dtype=np.float64)
    ends = (knots[-1:], knots[:2]) if closed else (knots[:1], knots[-1:])
    p = np.concatenate([ends[0], knots, ends[1]])[:, None]
    p0, p1, p2, p3 = p[:-3], p[1:-2], p[2:-1], p[3:]
    t = np.linspace(0, 1, 8, endpoint=False)[:, None]
    curve = p1 + t / 2 * (
        p2 - p0 + t * (2 * p0 - 5 * p1 + 4 * p2 - p3 + t * (3 * (p1 - p2) + p3 - p0))
    )
    curve = curve.reshape(-1, 2)
    return curve if closed else np.concatenate([curve, knots[-1:]])


def body_outline(habitus: Habitus) -> np.ndarray:
    """Outline (N, 2) of neck, shoulders and trunk; the film cuts it off."""
    wall = habitus.wall
    left = [
        (0.26, -1.60), (0.30, -1.26), (0.75, -1.14), (1.30, -1.00), (1.75, -0.70),
        (1.70, -0.30), (wall + 0.18, -0.15), (wall, 0.15), (wall, 0.8),
        (wall + 0.05, 1.5),
    ]  # fmt: skip
    return smooth(left + [(-x, y) for x, y in left[::-1]])


def lung_outline(habitus: Habitus, side: str) -> np.ndarray:
    """Outline (N, 2) of a lung from apex over the lateral wall to the diaphragm."""
    dome = habitus.right_dome if side == 'right' else habitus.left_dome
    points = [
        (0.40, -1.00), (0.62, -0.86), (0.78, -0.55), (0.90, -0.10), (0.97, 0.35),
        (0.99, 0.66), (0.965, dome + 0.36), (0.90, dome + 0.20), (0.74, dome + 0.05),
        (0.52, dome), (0.30, dome + 0.06), (0.16, dome + 0.16), (0.12, 0.25),
        (0.17, -0.10), (0.13, -0.45), (0.17, -0.80), (0.26, -0.97),
    ]  # fmt: skip
    sign = -1 if side == 'right' else 1
    return smooth([(sign * x, y) for x, y in points])


def heart_outline(ratio: float, habitus: Habitus) -> np.ndarray:
    """Outline (N, 2) of a heart that is ``ratio`` of the inner thorax wide."""
    right, left = -0.64 * ratio, 1.36 * ratio  # a third lies right of the spine
    floor = (habitus.right_dome + habitus.left_dome) / 2 + 0.26
    top = floor - 0.30 - 1.0 * ratio
    middle = (top + floor) / 2
    return smooth(
        [
            (0.02, top), (0.40 * left, top + 0.07), (0.78 * left, middle - 0.08),
            (0.98 * left, floor - 0.26), (0.97 * left, floor - 0.10),
            (0.60 * left, floor), (0.05, floor), (0.80 * right, floor - 0.06),
            (right, middle + 0.06), (0.86 * right, middle - 0.12),
            (0.45 * right, top + 0.06),
        ]
    )  # fmt: skip


def aorta_outline(scale: float) -> np.ndarray:
    """Outline (N, 2) of the arch with its knob, left of the spine (to the right)."""
    knob = 0.12 + 0.13 * scale
    return smooth(
        [
            (-0.12, -0.40), (0.02, -0.50 - 0.06 * scale),
            (0.7 * knob, -0.48 - 0.06 * scale), (knob, -0.40),
            (0.86 * knob, -0.34 + 0.05 * scale), (0.15, -0.22 + 0.04 * scale),
            (0.13, 0.1), (-0.12, 0.1),
        ]
    )  # fmt: skip


def rib_lines(habitus: Habitus) -> tuple[list[Line], list[Line]]:
    """The ribs, and the cortex along the edges of the posterior ones."""
    ribs: list[Line] = []
    edges: list[Line] = []
    slope, half = habitus.slope, np.array([0, 0.028])
    for side in (-1, 1):
        for k in range(9):
            y = -0.93 + 0.175 * k
            wall = np.interp(y + 0.2, [-1, -0.6, 0, 0.6], [0.55, 0.82, 0.98, 1.02])
            outer = side * float(wall)
            back = [
                (side * 0.06, y), (0.4 * outer, y - 0.05 * slope),
                (0.75 * outer, y + 0.05 * slope), (outer, y + 0.26 * slope),
            ]  # fmt: skip
            rib = smooth(back, closed=False)
            ribs.append((rib, 0.062, 0.75))
            edges += [(rib + half, 0.012, 0.6), (rib - half, 0.012, 0.6)]
            if 1 <= k <= 7:
                front = [
                    (outer, y + 0.20), (0.8 * outer, y + 0.36 * slope),
                    (0.5 * outer, y + 0.50 * slope),
                ]  # fmt: skip
                ribs.append((smooth(front, closed=False), 0.07, 0.35))
    return ribs, edges


def clavicle_line(side: int, tilt: float) -> np.ndarray:
    """One clavicle (N, 2), from the breastbone outwards; side -1 right, 1 left."""
    points = [(0.10, -0.70), (0.30, -0.78), (0.62, -0.90), (1.05, -0.98)]
    turned = [(side * x, y + (side * tilt if x > 0.2 else 0)) for x, y in points]
    return smooth(turned, closed=False)


def vessel_lines(rng: np.random.Generator) -> list[Line]:
    """Hilar vessels that branch and thin out towards the pleura."""
    lines: list[Line] = []
    for side in (-1, 1):
        hilum = np.array([side * 0.20, -0.08 + 0.05 * (side < 0)])
        for angle in np.linspace(-1.35, 1.35, 9) + rng.normal(0, 0.1, 9):
            heading, at, thickness = angle, hilum, 0.05
            for _ in range(5):
                to = at + rng.uniform(0.10, 0.17) * _towards(side, heading)
                lines.append((np.array([at, to]), thickness, 0.45))
                fork = heading + rng.choice([-1, 1]) * rng.uniform(0.4, 0.8)
                twig = np.array([to, to + 0.13 * _towards(side, fork)])
                lines.append((twig, thickness * 0.55, 0.3))
                at, thickness = to, thickness * 0.72
                heading = heading + rng.normal(0, 0.2)
    return lines


def _towards(side: int, angle: float) -> np.ndarray:
    return np.array([side * np.cos(angle), np.sin(angle)])
