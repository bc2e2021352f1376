"""Findings drawn into a chest; each returns the box of what it drew.

A box is (x1, y1, x2, y2) in pixels, far corner exclusive: the extent of the finding's
mask at half its height, inside the film.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mmlung.phantom.anatomy import AORTA_DENSITY
from mmlung.phantom.anatomy import HEART_DENSITY
from mmlung.phantom.anatomy import Chest
from mmlung.phantom.anatomy import bump
from mmlung.phantom.outlines import Line
from mmlung.phantom.outlines import aorta_outline
from mmlung.phantom.outlines import heart_outline
from mmlung.phantom.outlines import lung_outline

Xyxy = tuple[float, float, float, float]

_ZONES = {'upper': (-0.75, -0.30), 'middle': (-0.25, 0.15), 'lower': (0.10, 0.50)}


class _NoAirThereError(Exception):
    """Nothing of a finding lies in air-filled lung inside the film."""


@dataclass(frozen=True)
class Lesion:
    """One finding of a phantom and its exact box, in pixels of the film."""

    finding: str
    box_xyxy: Xyxy


def cardiomegaly(chest: Chest, rng: np.random.Generator, _: str = '') -> Xyxy:
    """A heart of 0.56 to 0.66 of the thorax: no healthy one is wider than 0.46."""
    heart = chest.fill(heart_outline(rng.uniform(0.56, 0.66), chest.habitus))
    chest.overlay(heart, HEART_DENSITY)
    chest.hide_lungs(heart)
    above_diaphragm = chest.y <= chest.habitus.left_dome + 0.12
    return _box(heart * above_diaphragm)


def aortic_enlargement(chest: Chest, rng: np.random.Generator, _: str = '') -> Xyxy:
    """An arch whose knob reaches 1.5 times as far as a healthy one."""
    arch = chest.fill(aorta_outline(rng.uniform(2.0, 2.6)))
    chest.overlay(arch, AORTA_DENSITY + 0.03)
    chest.hide_lungs(arch)
    return _box(arch * (chest.y <= -0.13))


def consolidation(chest: Chest, rng: np.random.Generator, place: str) -> Xyxy:
    """A dense cloud with air bronchograms, vessels and borders lost in it."""
    reach = _reach(chest, rng, place, (0.24, 0.36))
    ragged = reach + 0.22 * chest.texture(rng, 0.16)
    mask = bump(ragged, 0.10) * _lung(chest, place)
    bronchi = chest.stroke(_twigs(rng, _centre(chest, mask), 5, 0.3), 0.008)
    strength = rng.uniform(0.65, 0.95)
    chest.cover(mask * strength * (1 - 0.35 * bronchi), 0.64)
    return _box(mask)


def infiltration(chest: Chest, rng: np.random.Generator, place: str) -> Xyxy:
    """Patchy, ill-defined, half-transparent spots over a region."""
    reach = _reach(chest, rng, place, (0.28, 0.40))
    region = bump(reach, 0.10) * _lung(chest, place)
    patches = np.clip(0.55 + 0.5 * chest.texture(rng, 0.07), 0.1, 1)
    chest.cover(region * patches * rng.uniform(0.55, 0.85), 0.58)
    return _box(region)


def nodule(chest: Chest, rng: np.random.Generator, place: str) -> Xyxy:
    """One round, sharp shadow of at most 3 cm."""
    return _round_shadow(chest, rng, place, (0.125, 0.165), 0.05)


def mass(chest: Chest, rng: np.random.Generator, place: str) -> Xyxy:
    """One lobulated, sharp shadow of more than 3 cm."""
    return _round_shadow(chest, rng, place, (0.21, 0.29), 0.10)


def nodule_or_mass(chest: Chest, rng: np.random.Generator, place: str) -> Xyxy:
    """VinDr-CXR's one finding for both."""
    return (nodule if rng.random() < 0.5 else mass)(chest, rng, place)


def pleural_effusion(chest: Chest, rng: np.random.Generator, place: str) -> Xyxy:
    """Fluid that fills the angle and climbs the lateral wall: a meniscus."""
    side = _side(place)
    dome = chest.habitus.right_dome if side == 'right' else chest.habitus.left_dome
    level = dome + rng.uniform(-0.34, -0.08)
    lateral = np.clip(np.abs(chest.x), 0, 1.05)
    surface = level + 0.05 - rng.uniform(0.22, 0.36) * lateral**5
    mask = _lung(chest, place) * bump(1 + (surface - chest.y), 0.012)
    # Up to the very wall: a dark rim of lung would show through at the soft border.
    chest.cover(np.clip(3 * mask, 0, 1) * rng.uniform(0.88, 1.0), 0.72)
    return _box(mask)


def pneumothorax(chest: Chest, rng: np.random.Generator, place: str) -> Xyxy:
    """Air without vessels around the apex, and the line of the collapsed lung."""
    side = _side(place)
    outline = lung_outline(chest.habitus, side)
    sign = -1 if side == 'right' else 1
    depth, foot = rng.uniform(0.30, 0.48), rng.uniform(0.25, 0.5)
    height = np.clip((foot - outline[:, 1]) / (foot + 1), 0, 1)
    lung = outline.copy()
    lung[:, 0] -= sign * 0.8 * depth * np.sqrt(height) * (np.abs(outline[:, 0]) > 0.2)
    lung[:, 0] = sign * np.clip(sign * lung[:, 0], 0.16, 1)
    lung[:, 1] += 0.9 * depth * height
    collapsed = chest.fill(lung, 0.006)
    air = _lung(chest, place) * (1 - collapsed)
    chest.cover(air * rng.uniform(0.9, 1), 0.07)
    inside = _lung(chest, place) * collapsed
    chest.cover(0.35 * inside, 0.45)
    line = chest.stroke([(lung, 0.014, 1.0)], 0.005) * _lung(chest, place)
    chest.cover(0.6 * line * (chest.y < foot) * (np.abs(chest.x) > 0.2), 0.48)
    return _box(air * (chest.y < foot))


def pulmonary_fibrosis(chest: Chest, rng: np.random.Generator, place: str) -> Xyxy:
    """A net of coarse lines and small cysts at the base."""
    reach = _reach(chest, rng, place, (0.28, 0.38))
    region = bump(reach, 0.08) * _lung(chest, place)
    # Where smooth noise crosses zero it leaves a net of closed meshes.
    meshes = [np.abs(chest.texture(rng, cell)) for cell in (0.045, 0.065)]
    net = sum(np.exp(-np.square(mesh / 0.28)) for mesh in meshes)
    chest.cover(region * 0.25, 0.45)
    chest.tissue += region * (net - 0.35) * rng.uniform(0.13, 0.21)
    return _box(region)


def atelectasis(chest: Chest, rng: np.random.Generator, place: str) -> Xyxy:
    """A collapsed segment: a wedge with straight borders, its tip at the hilum."""
    sign = -1 if _side(place) == 'right' else 1
    upper = place.endswith('upper')
    tip = np.array([sign * 0.22, -0.12 if upper else 0.02])
    angle = rng.uniform(-1.0, -0.6) if upper else rng.uniform(0.15, 0.75)
    half, length = rng.uniform(0.20, 0.27), rng.uniform(0.62, 0.78)
    ends = [
        tip + length * np.array([sign * np.cos(turn), np.sin(turn)])
        for turn in (angle - half, angle, angle + half)
    ]
    wedge = np.array([tip, ends[0], 0.96 * ends[1] + 0.04 * tip, ends[2]])
    mask = chest.fill(wedge, 0.008) * _lung(chest, place)
    chest.cover(mask * rng.uniform(0.7, 0.95), 0.60)
    return _box(mask)


def add_findings(
    chest: Chest, rng: np.random.Generator, findings: list[str]
) -> list[Lesion]:
    """Draw the findings, each where there is room for it.

    Args:
        chest: a healthy chest; it is changed.
        rng: where, how large and how dense.
        findings: keys of ``DRAW``; one that finds no free place, or none with air in
            it (a large heart may fill it), is left out.
    """
    free = {(side, zone) for side in ('right', 'left') for zone in _ZONES}
    lesions = []
    for name in sorted(findings, key=list(DRAW).index):
        draw, options = DRAW[name]
        place = ''
        if options:
            fitting = [
                (side, zones)
                for side in ('right', 'left')
                for zones in options
                if all((side, zone) in free for zone in zones)
            ]
            if not fitting:
                continue
            side, zones = fitting[rng.integers(len(fitting))]
            free -= {(side, zone) for zone in zones}
            place = f'{side} {zones[0]}'
        before = copy.deepcopy(vars(chest))
        try:
            lesions.append(Lesion(name, draw(chest, rng, place)))
        except _NoAirThereError:
            vars(chest).update(before)
    return lesions


def _side(place: str) -> str:
    return place.split()[0]


def _lung(chest: Chest, place: str) -> np.ndarray:
    return chest.lungs[_side(place)]


def _reach(
    chest: Chest, rng: np.random.Generator, place: str, radii: tuple[float, float]
) -> np.ndarray:
    """Distance (H, W) from a random point of the place, in radii of an oval."""
    low, high = _ZONES[place.split()[1]]
    lung = _lung(chest, place) > 0.5
    inner = lung & (np.abs(np.abs(chest.x) - 0.55) < 0.25)
    for spots in (inner & (chest.y > low) & (chest.y < high), inner, lung):
        candidates = np.flatnonzero(spots)
        if len(candidates):
            break
    at = candidates[rng.integers(len(candidates))]
    dx = chest.x - chest.x.flat[at]
    dy = chest.y - chest.y.flat[at]
    turn = rng.uniform(0, np.pi)
    along = (dx * np.cos(turn) + dy * np.sin(turn)) / rng.uniform(*radii)
    across = (dy * np.cos(turn) - dx * np.sin(turn)) / rng.uniform(*radii)
    return np.sqrt(along**2 + across**2)


def _round_shadow(
    chest: Chest,
    rng: np.random.Generator,
    place: str,
    radii: tuple[float, float],
    lobulation: float,
) -> Xyxy:
    radius = rng.uniform(*radii)
    reach = _reach(chest, rng, place, (0.92 * radius, 1.08 * radius))
    reach = reach + lobulation * chest.texture(rng, 0.14)
    mask = bump(reach, 0.03) * _lung(chest, place)
    chest.cover(mask * rng.uniform(0.7, 0.95), 0.66)
    return _box(mask)


def _twigs(
    rng: np.random.Generator, centre: np.ndarray, count: int, length: float
) -> list[Line]:
    twigs = []
    for angle in rng.uniform(0, 2 * np.pi, count):
        bend = angle + rng.uniform(-0.5, 0.5)
        half = 0.5 * length * np.array([np.cos(angle), np.sin(angle)])
        end = half + 0.5 * length * np.array([np.cos(bend), np.sin(bend)])
        twigs.append((centre + np.array([(0, 0), half, end]), 0.028, 1.0))
    return twigs


def _centre(chest: Chest, mask: np.ndarray) -> np.ndarray:
    total = float(mask.sum())
    return np.array([(chest.x * mask).sum(), (chest.y * mask).sum()]) / total


def _box(mask: np.ndarray) -> Xyxy:
    inside = mask >= 0.5
    columns = np.flatnonzero(inside.any(axis=0))
    rows = np.flatnonzero(inside.any(axis=1))
    if not len(columns):
        raise _NoAirThereError
    x1, y1, x2, y2 = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
    return float(x1), float(y1), float(x2), float(y2)


_UPPER, _MIDDLE, _LOWER = ('upper',), ('middle',), ('lower',)
_ANYWHERE = (_UPPER, _MIDDLE, _LOWER)

DRAW: dict[
    str,
    tuple[
        Callable[[Chest, np.random.Generator, str], Xyxy], tuple[tuple[str, ...], ...]
    ],
] = {
    'Cardiomegaly': (cardiomegaly, ()),
    'Aortic enlargement': (aortic_enlargement, ()),
    'Pneumothorax': (pneumothorax, (('upper', 'middle'),)),
    'Pleural effusion': (pleural_effusion, (_LOWER,)),
    'Pulmonary fibrosis': (pulmonary_fibrosis, (_LOWER,)),
    'Atelectasis': (atelectasis, (('upper', 'middle'), ('middle', 'lower'))),
    'Consolidation': (consolidation, _ANYWHERE),
    'Infiltration': (infiltration, _ANYWHERE),
    'Nodule/Mass': (nodule_or_mass, _ANYWHERE),
    'Nodule': (nodule, _ANYWHERE),
    'Mass': (mass, _ANYWHERE),
}
"""Name to how it is drawn, and the zones of a lung that it takes (one of these sets);
in the order in which they are drawn, since the heart and the aorta hide lung."""
