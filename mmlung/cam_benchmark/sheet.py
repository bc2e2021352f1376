"""The best, the middle and the worst maps, their boxes and where each map points."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from mmengine.config import Config

from mmlung.cam_benchmark.films import BoxedFilm
from mmlung.cam_benchmark.run import Fold
from mmlung.cam_benchmark.run import Settings
from mmlung.cam_benchmark.run import explainer_of
from mmlung.cam_benchmark.run import map_of_film
from mmlung.cam_benchmark.run import open_network
from mmlung.dicom import read_image
from mmlung.evaluation.cam_boxes import BoxRule
from mmlung.evaluation.cam_boxes import boxes_of_map
from mmlung.evaluation.cam_score import MapScore
from mmlung.evaluation.cam_score import score_map
from mmlung.explain import Explainer
from mmlung.figures.picture import save_picture

TRUE_COLOUR, MAP_COLOUR = '#35d07f', '#ffb000'
_COLUMNS = 4


def draw_sheet(
    cfg: Config,
    folds: Sequence[Fold],
    settings: Settings,
    scores: Sequence[MapScore],
    path: Path,
) -> Path:
    """A row each of the best, the middle and the worst maps of the first method.

    Maps are ranked by the share of their sum that lies in the boxes, less the share of
    the film that is boxed. The films are a data set's: its terms decide who may be
    shown the picture.

    Args:
        cfg: of all models.
        folds: models and the films that they have not seen.
        settings: as they were scored.
        scores: of the first method, as :func:`score_folds` gives them.
        path: of the PNG.
    """
    asked = [
        (number, film, finding)
        for number, fold in enumerate(folds)
        for film in fold.films
        for finding in settings.findings
        if finding in film.boxes
    ]
    method = settings.methods[0]
    rows = _ranked(scores)
    figure = Figure(figsize=(2.5 * _COLUMNS, 2.7 * len(rows)), dpi=72)
    figure.suptitle(
        f"{method}.  green: radiologist's box   amber: box of the map   "
        'x: maximum of the map',
        fontsize=9,
    )
    maker = _Maps(cfg, folds, settings)
    grid = figure.add_gridspec(
        len(rows),
        _COLUMNS,
        left=0.03,
        bottom=0.01,
        right=0.995,
        top=0.92,
        wspace=0.03,
        hspace=0.12,
    )
    for row, (title, chosen) in enumerate(rows.items()):
        height = 0.92 - (row + 0.5) * 0.91 / len(rows)
        figure.text(0.015, height, title, rotation=90, va='center', ha='center')
        for column, index in enumerate(chosen):
            number, film, finding = asked[index]
            axes = figure.add_subplot(grid[row, column])
            cam = maker.map_of(number, film, finding)
            draw_map(axes, film, finding, cam, settings.rule)
    save_picture(figure, path)
    return path


class _Maps:
    """Maps of the first method, each fold's network opened once."""

    def __init__(self, cfg: Config, folds: Sequence[Fold], settings: Settings) -> None:
        self._cfg = cfg
        self._folds = folds
        self._settings = settings
        self._explainers: dict[int, Explainer] = {}

    def map_of(self, number: int, film: BoxedFilm, finding: str) -> np.ndarray:
        if number not in self._explainers:
            settings = self._settings
            model = open_network(
                self._cfg,
                self._folds[number].checkpoint,
                settings.device,
                settings.seed,
            )
            self._explainers[number] = explainer_of(model, settings.methods[0])
        return map_of_film(self._explainers[number], film, finding)


def _ranked(scores: Sequence[MapScore]) -> dict[str, list[int]]:
    """Indices of the best, the middle and the worst, each at most a row and once."""
    gain = [s.energy - s.random_pixel for s in scores]
    order = np.argsort(-np.nan_to_num(gain, nan=-1.0), kind='stable').tolist()
    if len(order) < 3 * _COLUMNS:
        cut = -(-len(order) // _COLUMNS) * _COLUMNS
        rows = [order[i : i + _COLUMNS] for i in range(0, cut, _COLUMNS)]
        return {'' if i else 'from the best': row for i, row in enumerate(rows)}
    start = (len(order) - _COLUMNS) // 2
    return {
        'best': order[:_COLUMNS],
        'middle': order[start : start + _COLUMNS],
        'worst': order[-_COLUMNS:],
    }


def draw_map(
    axes: Axes, film: BoxedFilm, finding: str, cam: np.ndarray, rule: BoxRule
) -> None:
    """One film, its map over it, its boxes, and whether the maximum hits one."""
    axes.imshow(read_image(film.path).pixels, cmap='gray', vmin=0, vmax=255)
    axes.imshow(cam, cmap='inferno', vmin=0, vmax=1, alpha=0.45 * cam)
    axes.set_axis_off()
    score = score_map(cam, film.boxes[finding], finding, film.cluster, rule)
    verdict = 'hit' if score.pointing > 0.5 else 'miss'
    if cam.any():
        y, x = np.unravel_index(cam.argmax(), cam.shape)
        axes.plot(x, y, 'x', color=MAP_COLOUR, markersize=7)
    else:
        verdict = 'a map of zeros'
    for box in film.boxes[finding]:
        _outline(axes, box, TRUE_COLOUR, '-')
    for box in boxes_of_map(cam, rule):
        _outline(axes, box, MAP_COLOUR, '--')
    axes.set_title(f'{finding}: {verdict}, IoU {score.iou:.2f}', fontsize=8)


def _outline(axes: Axes, box_xyxy: np.ndarray, colour: str, style: str) -> None:
    x1, y1, x2, y2 = box_xyxy
    axes.add_patch(
        Rectangle(
            (x1 - 0.5, y1 - 0.5), x2 - x1, y2 - y1, fill=False, ec=colour, ls=style
        )
    )
