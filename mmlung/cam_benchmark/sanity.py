"""How much of a map is left when a network is shuffled from its head down."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
from mmengine.config import Config
from torch import nn
from tqdm import tqdm

from mmlung.cam_benchmark.films import BoxedFilm
from mmlung.cam_benchmark.run import Fold
from mmlung.cam_benchmark.run import Settings
from mmlung.cam_benchmark.run import explainer_of
from mmlung.cam_benchmark.run import map_of_film
from mmlung.cam_benchmark.run import open_network
from mmlung.explain import Explainer
from mmlung.explain.randomisation import blocks_from_the_head
from mmlung.explain.randomisation import map_similarity
from mmlung.explain.randomisation import shuffle_from_the_head

ANOTHER_FILM = 'map of another film'
_COMPARED_PX = 128
"""Shorter side at which maps are compared; they are far coarser than the films."""

Row = dict[str, float | str]


def randomisation_check(
    cfg: Config, fold: Fold, method: str, settings: Settings, n_films: int
) -> list[Row]:
    """Likeness of maps to the trained network's, after shuffling more and more of it.

    Args:
        cfg: of the model.
        fold: model and films; ``n_films`` of them are drawn by ``settings.seed``.
        method: of the maps.
        settings: findings, device and seed.
        n_films: each with the first of its boxed findings.

    Returns:
        Rows of ``shuffled`` (the part that was shuffled last; those above stay so),
        ``spearman`` and, with scikit-image, ``ssim``: means over the ``maps`` where
        they are defined, NaN for none; ``zero``, the maps that became zero everywhere.
        The first row compares each map with that of another film: what any two maps
        have in common. Likeness that stays above it depends on no learnt weight.

    Raises:
        ValueError: fewer than two films, so that there is no other to compare with.
    """
    pairs = draw_films(fold, settings, n_films)
    model = open_network(cfg, fold.checkpoint, settings.device, settings.seed)
    explainer = explainer_of(model, method)
    original = [_small_map(explainer, *pair) for pair in pairs]
    shuffled = copy.deepcopy(model)
    blocks = blocks_from_the_head(shuffled, lambda: _open(shuffled, method, pairs))
    rows = [_row(ANOTHER_FILM, original, [*original[1:], *original[:1]])]
    parts = shuffle_from_the_head(shuffled, blocks, settings.seed)
    for name in tqdm(parts, 'shuffling', len(blocks), unit='part'):
        asked = explainer_of(shuffled, method)
        rows.append(_row(name, original, [_small_map(asked, *pair) for pair in pairs]))
    return rows


def sanity_table(rows: Sequence[Row]) -> str:
    """Rows of :func:`randomisation_check` as a Markdown table."""
    measures = [key for key in ('spearman', 'ssim') if key in rows[0]]
    head = ['shuffled down to', *measures, 'maps', 'of zeros']
    lines = [head, ['---'] * len(head)]
    for row in rows:
        numbers = [f'{row[key]:.2f}' for key in measures]
        counts = [f'{row[key]:.0f}' for key in ('maps', 'zero')]
        lines.append([str(row['shuffled']), *numbers, *counts])
    return '\n'.join(f'| {" | ".join(line)} |' for line in lines)


def draw_films(
    fold: Fold, settings: Settings, n_films: int
) -> list[tuple[BoxedFilm, str]]:
    """Films for :func:`randomisation_check`, each with its first boxed finding.

    Raises:
        ValueError: fewer than two.
    """
    pairs = [
        (film, next(name for name in settings.findings if name in film.boxes))
        for film in fold.films
        if set(settings.findings) & set(film.boxes)
    ]
    if min(len(pairs), n_films) < 2:
        raise ValueError(
            'the check by shuffled weights compares maps of different films, so it '
            f'needs at least 2 films with a judged box in the first fold; there are '
            f'{len(pairs)}, and {n_films} are asked for. Leave out --randomise, or '
            'give a fold with more films first.'
        )
    order = np.random.default_rng(settings.seed).permutation(len(pairs))[:n_films]
    return [pairs[index] for index in order]


def _open(
    model: nn.Module, method: str, pairs: Sequence[tuple[BoxedFilm, str]]
) -> object:
    return explainer_of(model, method).open(pairs[0][0].path)


def _small_map(explainer: Explainer, film: BoxedFilm, finding: str) -> np.ndarray:
    cam = map_of_film(explainer, film, finding)
    rows, columns = (
        np.linspace(0, n - 1, min(n, _COMPARED_PX)).round().astype(int)
        for n in cam.shape
    )
    return cam[np.ix_(rows, columns)]


def _row(name: str, first: Sequence[np.ndarray], second: Sequence[np.ndarray]) -> Row:
    pairs = zip(first, second, strict=True)
    found = [map_similarity(a, b) for a, b in pairs]
    row: Row = {'shuffled': name}
    for key in found[0]:
        values = np.array([similarity[key] for similarity in found])
        known = values[~np.isnan(values)]
        row[key] = float(known.mean()) if len(known) else float('nan')
    row['maps'] = float(sum(not np.isnan(s['spearman']) for s in found))
    row['zero'] = float(sum(not cam.any() for cam in second))
    return row
