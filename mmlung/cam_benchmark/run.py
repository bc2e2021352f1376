"""Maps of the models of one or several folds, each on films that it has not seen."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from torch import nn
from tqdm import tqdm

import mmlung
from mmlung.cam_benchmark.films import BoxedFilm
from mmlung.cam_benchmark.films import check_size
from mmlung.cam_benchmark.occlusion import OcclusionMaps
from mmlung.cam_benchmark.place import PlacePrior
from mmlung.cam_benchmark.scoring import films_sha256
from mmlung.cam_benchmark.scoring import score_films
from mmlung.checkpoint import file_sha256
from mmlung.evaluation.cam_boxes import BoxRule
from mmlung.evaluation.cam_score import MapScore
from mmlung.explain import Explainer
from mmlung.explain import load_model
from mmlung.provenance import UNTRAINED
from mmlung.provenance import config_facts

PLACE = 'place'
"""Kind of map: where the finding lies on the films of the other folds."""
OCCLUSION = 'occlusion'
"""Kind of map: what the finding's logit loses where the film is greyed."""
MAPS_VERSION = 2
"""Of the definition of maps and scores. Raise it when :mod:`mmlung.explain`, this
package or :mod:`mmlung.evaluation.cam_score` gives other numbers: kept scores of
another version are made again."""


@dataclass(frozen=True)
class Fold:
    """One model, and films with boxes that it has not seen."""

    checkpoint: str
    films: Sequence[BoxedFilm]


@dataclass(frozen=True)
class Settings:
    """How maps are made and judged, the same for all folds.

    Attributes:
        findings: those that are judged, in the order of the tables.
        methods: of :data:`mmlung.explain.METHODS`, each with ``@`` and the layer that
            its map is read from, or without for the explainer's own choice; also
            ``'occlusion'``, but not as the first.
        untrained: also the first method on the untrained network.
        rule: how boxes are read from a map.
        tolerance_px: of the pointing game.
        device: None: the first GPU, if any.
        seed: of the untrained network's weights.
    """

    findings: Sequence[str]
    methods: Sequence[str] = ('hirescam',)
    untrained: bool = True
    rule: BoxRule = field(default_factory=BoxRule)
    tolerance_px: float = 0.0
    device: str | None = None
    seed: int = 0


def score_folds(
    cfg: Config, folds: Sequence[Fold], settings: Settings, store: Path
) -> dict[str, list[MapScore]]:
    """Score all maps; what an interrupted run left in ``store`` is not made again.

    Args:
        cfg: of all models.
        folds: one or several.
        settings: of maps and scores.
        store: folder of the scores.

    Returns:
        {kind of map: one score a map}: the methods, ``<method>, untrained`` and
        ``place``, if every fold has films of other patients in the other folds.
    """
    kinds = {method: (method, True) for method in settings.methods}
    if settings.untrained:
        first = settings.methods[0]
        kinds[f'{first}, untrained'] = (first, False)
    scores: dict[str, list[MapScore]] = {
        kind: [] for kind in [*kinds, *([PLACE] if has_places(folds) else [])]
    }
    maps = sum(len(_asked(film, settings)) for fold in folds for film in fold.films)
    with tqdm(total=maps * len(scores), unit='map') as progress:
        for kind in scores:
            progress.set_description(kind)
            for number, fold in enumerate(folds):
                if kind == PLACE:
                    maker = PlacePrior(_other_films(folds, number)).map_of
                else:
                    method, trained = kinds[kind]
                    weights = fold.checkpoint if trained else UNTRAINED
                    maker = _LazyMaker(cfg, weights, settings, method)
                name = f'{kind.replace(", ", "-")}-{number}.jsonl'
                for score in score_films(
                    fold.films,
                    settings.findings,
                    maker,
                    store / name,
                    _depends_on(cfg, folds, number, kind, settings),
                    settings.rule,
                    settings.tolerance_px,
                ):
                    scores[kind].append(score)
                    progress.update()
    return scores


def has_places(folds: Sequence[Fold]) -> bool:
    """Whether each fold has boxed films of other patients in the other folds."""
    return all(_other_films(folds, number) for number in range(len(folds)))


def explainer_of(model: Any, method: str) -> Explainer:
    """Explainer of one of :attr:`Settings.methods`, such as ``layercam@backbone``.

    Raises:
        ValueError: unknown method or layer.
    """
    name, _, layer = method.partition('@')
    return Explainer(model, name, layer or None)


def open_network(
    cfg: Config, checkpoint: str, device: str | None = None, seed: int = 0
) -> nn.Module:
    """Network with a checkpoint's weights, or untrained from a seed."""
    if checkpoint == UNTRAINED:
        torch.manual_seed(seed)
    return load_model(cfg, checkpoint, device)


def map_of_film(explainer: Explainer, film: BoxedFilm, finding: str) -> np.ndarray:
    """(H, W) map; of a detector that of the finding anywhere, box or no box.

    Raises:
        ValueError: the file's film has another size than its boxes were made for.
    """
    target = 'anywhere' if explainer.is_detector else None
    cam = explainer.explain(film.path, finding, target).map
    check_size(film, (cam.shape[0], cam.shape[1]))
    return cam


class _LazyMaker:
    """Makes maps of one model, which is loaded when the first one is asked for."""

    def __init__(
        self, cfg: Config, checkpoint: str, settings: Settings, method: str
    ) -> None:
        self._cfg = cfg
        self._checkpoint = checkpoint
        self._settings = settings
        self._method = method
        self._maker: Callable[[BoxedFilm, str], np.ndarray] | None = None

    def __call__(self, film: BoxedFilm, finding: str) -> np.ndarray:
        if self._maker is None:
            settings = self._settings
            model = open_network(
                self._cfg, self._checkpoint, settings.device, settings.seed
            )
            self._maker = (
                OcclusionMaps(model)
                if self._method == OCCLUSION
                else partial(map_of_film, explainer_of(model, self._method))
            )
        return self._maker(film, finding)


def _other_films(folds: Sequence[Fold], number: int) -> list[BoxedFilm]:
    """Films of the other folds, each once, none of them or their patients judged.

    Folds share films where several models, such as seeds, are judged on one fold.
    """
    stems = {Path(film.name).stem for film in folds[number].films}
    clusters = {film.cluster for film in folds[number].films}
    others = {
        film.path: film
        for other, fold in enumerate(folds)
        if other != number
        for film in fold.films
        if Path(film.name).stem not in stems and film.cluster not in clusters
    }
    return list(others.values())


def _asked(film: BoxedFilm, settings: Settings) -> list[str]:
    return [name for name in settings.findings if name in film.boxes]


def _depends_on(
    cfg: Config, folds: Sequence[Fold], number: int, kind: str, settings: Settings
) -> Mapping[str, Any]:
    """What a fold's scores depend on, beside the rule."""
    films = [films_sha256(fold.films) for fold in folds]
    head = {'maps': MAPS_VERSION, 'mmlung': mmlung.__version__, 'kind': kind}
    if kind == PLACE:
        return {**head, 'fold': number, 'films_sha256': films}
    checkpoint = folds[number].checkpoint
    trained = kind in settings.methods and checkpoint != UNTRAINED
    return {
        **head,
        **config_facts(cfg),
        'checkpoint_sha256': file_sha256(checkpoint) if trained else None,
        'seed': None if trained else settings.seed,
        'films_sha256': films[number],
    }
