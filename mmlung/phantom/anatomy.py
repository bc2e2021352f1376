"""A frontal chest radiograph drawn from shapes whose places are known.

Densities are on the scale of the picture: 0 black (air), 1 white.
"""

from __future__ import annotations

import cv2
import numpy as np

from mmlung.phantom.outlines import Habitus
from mmlung.phantom.outlines import Line
from mmlung.phantom.outlines import aorta_outline
from mmlung.phantom.outlines import body_outline
from mmlung.phantom.outlines import clavicle_line
from mmlung.phantom.outlines import heart_outline
from mmlung.phantom.outlines import lung_outline
from mmlung.phantom.outlines import rib_lines
from mmlung.phantom.outlines import sample_habitus
from mmlung.phantom.outlines import smooth
from mmlung.phantom.outlines import vessel_lines

LUNG_DENSITY = 0.22
HEART_DENSITY = 0.70
AORTA_DENSITY = 0.68
_SHIFT = 4  # bits of sub-pixel precision in OpenCV's drawing calls


class Chest:
    """One film in the making: densities that findings change, and where things are.

    ``tissue`` and ``bones`` are (H, W) float32 densities that add up. ``lungs`` maps
    'right' and 'left' to a (H, W) float32 mask, 0 to 1: the air-filled part that shows,
    before any finding. ``x`` and ``y`` are the chest coordinates of each pixel.
    """

    def __init__(
        self, habitus: Habitus, size_hw: tuple[int, int], rng: np.random.Generator
    ) -> None:
        self.habitus = habitus
        self.size_hw = size_hw
        self._to_px = _pose(habitus, size_hw, rng)
        columns, rows = np.meshgrid(
            np.arange(size_hw[1], dtype=np.float32) + 0.5,
            np.arange(size_hw[0], dtype=np.float32) + 0.5,
        )
        back = cv2.invertAffineTransform(self._to_px).astype(np.float32)
        self.x = back[0, 0] * columns + back[0, 1] * rows + back[0, 2]
        self.y = back[1, 0] * columns + back[1, 1] * rows + back[1, 2]
        self.unit_px = float(np.sqrt(np.linalg.det(self._to_px[:, :2])))
        self.lungs: dict[str, np.ndarray] = {}
        self.tissue: np.ndarray = np.zeros(size_hw, np.float32)
        self.bones: np.ndarray = np.zeros(size_hw, np.float32)

    def fill(self, outline: np.ndarray, blur: float = 0.012) -> np.ndarray:
        """Mask (H, W) float32 in [0, 1] of a closed outline (N, 2)."""
        mask = np.zeros(self.size_hw, np.uint8)
        cv2.fillPoly(mask, [self._fixed_point(outline)], 255, cv2.LINE_AA, _SHIFT)
        return self.blurred(mask, blur)

    def stroke(self, lines: list[Line], blur: float = 0.008) -> np.ndarray:
        """Lines (points (N, 2), thickness, density) as a (H, W) float32 density."""
        canvas = np.zeros(self.size_hw, np.uint8)
        for points, thickness, density in lines:
            width_px = max(1, round(thickness * self.unit_px))
            cv2.polylines(
                canvas,
                [self._fixed_point(points)],
                False,
                round(255 * density),
                width_px,
                cv2.LINE_AA,
                _SHIFT,
            )
        return self.blurred(canvas, blur)

    def blurred(self, canvas: np.ndarray, blur: float) -> np.ndarray:
        """Canvas of 0..255 as float32 in [0, 1], smoothed by ``blur`` chest units."""
        smooth = canvas.astype(np.float32) / 255
        return cv2.GaussianBlur(smooth, (0, 0), max(blur * self.unit_px, 0.5))

    def cover(self, mask: np.ndarray, density: float | np.ndarray) -> None:
        """Put tissue of a density where the mask is."""
        self.tissue += mask * (density - self.tissue)

    def overlay(self, mask: np.ndarray, density: float) -> None:
        """Put tissue where the mask is, unless what is there is denser already."""
        self.tissue += mask * np.maximum(density - self.tissue, 0)

    def hide_lungs(self, mask: np.ndarray) -> None:
        """Take what the mask covers out of the lungs that show."""
        for side in self.lungs:
            self.lungs[side] = self.lungs[side] * (1 - mask)

    def texture(self, rng: np.random.Generator, cell: float) -> np.ndarray:
        """Smooth noise (H, W) float32, mean 0, deviation 1, with cells of this size."""
        height, width = (
            max(2, round(side / (cell * self.unit_px))) for side in self.size_hw
        )
        grid = rng.standard_normal((height, width), dtype=np.float32)
        noise = cv2.resize(grid, self.size_hw[::-1], interpolation=cv2.INTER_CUBIC)
        return noise / max(float(noise.std()), 1e-6)

    def _fixed_point(self, points: np.ndarray) -> np.ndarray:
        px = points @ self._to_px[:, :2].T + self._to_px[:, 2] - 0.5
        return np.rint(px * 2**_SHIFT).astype(np.int32)


def draw_chest(
    rng: np.random.Generator, size_hw: tuple[int, int], habitus: Habitus | None = None
) -> Chest:
    """A healthy chest, ready for findings; ``expose`` makes the picture of it."""
    chest = Chest(habitus or sample_habitus(rng), size_hw, rng)
    _draw_body(chest)
    for side in ('right', 'left'):
        chest.lungs[side] = chest.fill(lung_outline(chest.habitus, side))
    _draw_lungs(chest, rng)
    heart = chest.fill(heart_outline(chest.habitus.heart, chest.habitus))
    aorta = chest.fill(aorta_outline(chest.habitus.aorta))
    for mask, density in ((aorta, AORTA_DENSITY), (heart, HEART_DENSITY)):
        chest.overlay(mask, density)
        chest.hide_lungs(mask)
    _draw_stomach_and_trachea(chest, rng)
    _draw_bones(chest, rng)
    return chest


def expose(chest: Chest, rng: np.random.Generator) -> np.ndarray:
    """The film (H, W) float32 in [0, 1]: exposure, contrast, scatter and noise.

    The ranges are the same whatever the chest shows, so none of them gives it away.
    """
    density: np.ndarray = chest.tissue + chest.bones * (1.1 - 0.5 * chest.tissue)
    density += 0.015 * chest.texture(rng, 0.5) * rng.uniform(0, 1)
    density = cv2.GaussianBlur(density, (0, 0), rng.uniform(0.4, 0.8))
    film = density * rng.uniform(0.85, 1.1) + rng.uniform(-0.04, 0.06)
    film = np.clip(film, 0, None) ** np.float32(rng.uniform(0.8, 1.25))
    grain = rng.standard_normal(chest.size_hw, dtype=np.float32)
    film += grain * rng.uniform(0.008, 0.02) * (0.6 + film)
    if rng.random() < 0.6:
        _place_marker(film, chest, rng)
    return np.clip(film, 0, 1).astype(np.float32)


def bump(distance: np.ndarray, softness: float) -> np.ndarray:
    """1 where the distance is below 1, 0 far beyond, with a soft edge between."""
    return 0.5 - 0.5 * np.tanh((distance - 1) / (2 * softness))


def _pose(
    habitus: Habitus, size_hw: tuple[int, int], rng: np.random.Generator
) -> np.ndarray:
    """(2, 3) affine from chest coordinates to pixels: scale, slight turn and shift."""
    height, width = size_hw
    angle = np.deg2rad(rng.normal(0, 1.6))
    scale = rng.uniform(0.95, 1.03)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    stretch = np.diag(
        [0.40 * width * habitus.width * scale, 0.395 * height * habitus.height * scale]
    )
    centre = np.array([0.5 * width, 0.53 * height]) + rng.normal(0, 0.012, 2) * width
    return np.column_stack([turn @ stretch, centre])


def _draw_body(chest: Chest) -> None:
    body = chest.fill(body_outline(chest.habitus), 0.03)
    middle = 0.17 * np.exp(-((chest.x / 0.34) ** 2))
    belly = 0.22 * bump(1.45 - chest.y, 0.11)
    edge = 0.14 * np.clip(np.abs(chest.x) - 0.9, 0, 0.6) / 0.6
    chest.cover(body, 0.50 + middle + belly - edge)
    chest.tissue += 0.03


def _draw_lungs(chest: Chest, rng: np.random.Generator) -> None:
    habitus = chest.habitus
    density = LUNG_DENSITY + 0.05 * chest.y + 0.05 * np.square(np.square(chest.x))
    density += 0.012 * chest.texture(rng, 0.06) + 0.01 * chest.texture(rng, 0.25)
    if habitus.breasts:
        for side in (-1, 1):
            oval = ((chest.x - side * 0.55) / 0.42) ** 2 + ((chest.y - 0.3) / 0.4) ** 2
            density += habitus.breasts * bump(oval, 0.12)
    density += 0.32 * chest.stroke(vessel_lines(rng), 0.010)
    for side in (-1, 1):
        oval = ((chest.x - side * 0.22) / 0.11) ** 2 + ((chest.y + 0.05) / 0.2) ** 2
        density += 0.14 * np.exp(-oval)
    both = np.maximum(chest.lungs['right'], chest.lungs['left'])
    chest.cover(both, density)


def _draw_stomach_and_trachea(chest: Chest, rng: np.random.Generator) -> None:
    bubble = ((chest.x - rng.uniform(0.42, 0.58)) / rng.uniform(0.14, 0.24)) ** 2
    top = chest.habitus.left_dome + rng.uniform(0.17, 0.24)
    bubble = bubble + ((chest.y - top) / rng.uniform(0.07, 0.11)) ** 2
    chest.cover(rng.uniform(0.4, 0.9) * bump(bubble, 0.15), 0.45)
    airway = smooth([(0.01, -1.4), (0.0, -0.9), (-0.03, -0.35)], closed=False)
    bronchi = [
        (airway, 0.115, 0.45),
        (np.array([[-0.03, -0.35], [-0.2, -0.14]]), 0.07, 0.3),
        (np.array([[-0.03, -0.35], [0.2, -0.10]]), 0.07, 0.3),
    ]
    chest.tissue -= 0.32 * chest.stroke(bronchi, 0.02)


def _draw_bones(chest: Chest, rng: np.random.Generator) -> None:
    ribs, edges = rib_lines(chest.habitus)
    bones: np.ndarray = 0.11 * chest.stroke(ribs, 0.012) + 0.09 * chest.stroke(edges)
    bones *= 0.25 + 0.75 * bump(chest.y + 0.35, 0.06)  # faint over the belly
    tilt = rng.normal(0, 0.03)
    clavicles = [(clavicle_line(side, tilt), 0.075, 0.9) for side in (-1, 1)]
    bones += 0.20 * chest.stroke(clavicles, 0.014)
    column = np.clip((0.10 - np.abs(chest.x)) / 0.03, 0, 1)
    bones += column * (0.05 + 0.03 * np.sin(chest.y * 2 * np.pi / 0.15))
    for side in (-1, 1):
        blade = smooth([(side * 0.92, -0.80), (side * 1.35, -0.75), (side * 1.12, 0.1)])
        bones += 0.07 * chest.fill(blade, 0.02)
    chest.bones = (chest.habitus.bone * bones).astype(np.float32)


def _place_marker(film: np.ndarray, chest: Chest, rng: np.random.Generator) -> None:
    """A lead letter in an upper corner: L on the patient's left, or R."""
    height, width = chest.size_hw
    letter, column = [('L', 0.90), ('R', 0.04)][int(rng.random() < 0.4)]
    place = (round(column * width), round(rng.uniform(0.06, 0.12) * height))
    stamp = np.zeros(chest.size_hw, np.uint8)
    font, scale = cv2.FONT_HERSHEY_SIMPLEX, width / 400 * rng.uniform(0.5, 0.7)
    cv2.putText(
        stamp, letter, place, font, scale, 255, max(1, width // 200), cv2.LINE_AA
    )
    film += (0.95 - film) * (stamp.astype(np.float32) / 255)
