"""Films drawn by a seed, each with its map, its boxes and where the map points."""

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
from mmlung.cam_benchmark.run import map_of_film
from mmlung.cam_benchmark.run import open_network
from mmlung.dicom import read_image
from mmlung.evaluation.cam_boxes import BoxRule
from mmlung.evaluation.cam_boxes import boxes_of_map
from mmlung.evaluation.cam_score import score_map
from mmlung.explain import Explainer
from mmlung.figures.picture import save_picture

TRUE_COLOUR, MAP_COLOUR = '#35d07f', '#ffb000'
_COLUMNS = 4


def draw_sheet(
    cfg: Config,
    folds: Sequence[Fold],
    settings: Settings,
    path: Path,
    n_films: int = 12,
) -> Path:
    """Maps of the first method on films that the seed draws, hits and misses alike.

    The films are a data set's: its terms decide who may be shown the picture.

    Args:
        cfg: of all models.
        folds: models and the films that they have not seen.
        settings: as they were scored.
        path: of the PNG.
        n_films: at most so many, each with one boxed finding.
    """
    pairs = [
        (number, film, finding)
        for number, fold in enumerate(folds)
        for film in fold.films
        for finding in settings.findings
        if finding in film.boxes
    ]
    drawn = np.random.default_rng(settings.seed).permutation(len(pairs))[:n_films]
    rows = -(-len(drawn) // _COLUMNS)
    figure = Figure(figsize=(2.5 * _COLUMNS, 2.8 * rows), dpi=80, layout='constrained')
    figure.suptitle(
        f'{settings.methods[0]}, films drawn by seed {settings.seed}.  green: '
        "radiologist's box   amber: box of the map   x: maximum of the map",
        fontsize=9,
    )
    explainers: dict[int, Explainer] = {}
    for position, (number, film, finding) in enumerate(
        (pairs[index] for index in sorted(drawn)), start=1
    ):
        if number not in explainers:
            model = open_network(
                cfg, folds[number].checkpoint, settings.device, settings.seed
            )
            explainers[number] = Explainer(model, settings.methods[0], settings.layer)
        cam = map_of_film(explainers[number], film, finding)
        axes = figure.add_subplot(rows, _COLUMNS, position)
        draw_map(axes, film, finding, cam, settings.rule)
    save_picture(figure, path)
    return path


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
