"""Films with the boxes of several sources and of a model, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mmlung.dicom import read_image
from mmlung.figures import draw_box
from mmlung.result import Finding
from mmlung.result import ImageResult

Boxes = dict[str, dict[str, np.ndarray]]
"""File stem -> finding -> (N, 4) xyxy in pixels of the film on disk."""

COLOURS = {
    'official': '#35d07f',
    'RSNA': '#4db8ff',
    'ChestX-Det': '#ff6fd8',
    'model': '#ffb000',
}


def labels_of(
    of_film: Mapping[str, np.ndarray], below: bool
) -> list[tuple[str, np.ndarray]]:
    """Every box with its label; near corners share the first one's, to stay legible."""
    drawn: list[tuple[list[str], np.ndarray]] = []
    corner = [0, 3] if below else [0, 1]
    for finding, rows in of_film.items():
        for row in rows:
            near = (
                names
                for names, other in drawn
                if names and np.abs(row - other)[corner].max() < 24
            )
            shared = next(near, None)
            if shared is None:
                drawn.append(([finding], row))
                continue
            shared.append(finding)
            drawn.append(([], row))
    return [(', '.join(dict.fromkeys(names)), row) for names, row in drawn]


def draw_sources(
    sources: Mapping[str, Boxes],
    predictions: list[ImageResult],
    images: Path,
    path: Path,
    score_thr: float,
    n_films: int = 12,
) -> int:
    """Films with the boxes of every source and of a model; the number drawn.

    Raises:
        ValueError: no predicted film has an official box and one of another source.
    """
    shared = [r for r in predictions if _has_two_opinions(sources, Path(r.image).stem)]
    if not shared:
        raise ValueError(
            'no film has an official box, a box of another source and a prediction; '
            "--predictions must be a test of ChestX-ray14's boxes"
        )
    films = [
        shared[i * len(shared) // n_films] for i in range(min(n_films, len(shared)))
    ]
    figure = Figure(figsize=(17, 13.2), dpi=90, layout='constrained')
    figure.suptitle(
        'green: official   blue: RSNA   pink: ChestX-Det   amber: model, '
        f'score >= {score_thr}'
    )
    for position, result in enumerate(films, start=1):
        axes = figure.add_subplot(3, 4, position)
        pixels = read_image(images / result.image).pixels
        axes.imshow(pixels, cmap='gray', vmin=0, vmax=255)
        axes.set_axis_off()
        axes.set_title(Path(result.image).stem, fontsize=8)
        _draw_film(axes, sources, result, score_thr)
    figure.savefig(path)
    return len(films)


def _has_two_opinions(sources: Mapping[str, Boxes], stem: str) -> bool:
    others = [boxes for name, boxes in sources.items() if name != 'official']
    return stem in sources['official'] and any(boxes.get(stem) for boxes in others)


def _draw_film(
    axes: Axes, sources: Mapping[str, Boxes], result: ImageResult, score_thr: float
) -> None:
    for name, boxes in sources.items():
        below = name != 'official'
        for label, row in labels_of(boxes.get(Path(result.image).stem, {}), below):
            drawn = Finding(label, 1.0, tuple(row))
            draw_box(axes, drawn, COLOURS[name], label, below)
    for found in result.findings:
        if found.box_xyxy is not None and (found.score or 0) >= score_thr:
            label = f'{found.name} {found.score:.2f}'
            draw_box(axes, found, COLOURS['model'], label)
