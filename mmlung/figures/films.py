"""Boxes and scores on films, one by one and as a contact sheet."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from tqdm import tqdm

from mmlung.dicom import read_image
from mmlung.figures.picture import save_picture
from mmlung.result import Finding
from mmlung.result import ImageResult

TRUTH_COLOUR = '#35d07f'
PREDICTION_COLOUR = '#ffb000'
SCORE_THR = 0.3
"""Boxes below it are not drawn: the threshold of the metrics until it is calibrated."""

ScoreThr = float | Mapping[str, float] | None
"""One threshold for all findings, one per finding, or None: ``SCORE_THR``."""


def draw_results(
    results: Sequence[ImageResult],
    images_root: Path,
    out: Path,
    score_thr: ScoreThr = None,
) -> list[Path]:
    """One picture an image: truth in green, prediction in amber. Shows progress.

    Args:
        results: what was found.
        images_root: folder that the results' file names start from.
        out: folder, made if missing; sub-folders of the file names are kept.
        score_thr: boxes below it are not drawn.
    """
    paths = []
    for result in tqdm(results, desc='drawing', unit='film'):
        figure = Figure(figsize=(7, 7.4), dpi=110, layout='constrained')
        draw_result(figure.add_subplot(), result, images_root, score_thr)
        paths.append((out / result.image).with_suffix('.png'))
        save_picture(figure, paths[-1])
    return paths


def draw_contact_sheet(
    results: Sequence[ImageResult],
    images_root: Path,
    path: Path,
    n_films: int = 12,
    score_thr: ScoreThr = None,
) -> Path:
    """Films side by side, a quarter of them healthy, spread over the whole list."""
    films = _spread(results, n_films)
    columns = min(4, len(films))
    rows = -(-len(films) // columns)
    figure = Figure(figsize=(4 * columns, 4.5 * rows), dpi=90, layout='constrained')
    boxes = any(f.box_xyxy is not None for r in films for f in r.findings)
    limit = SCORE_THR if score_thr is None else score_thr
    least = 'its threshold' if isinstance(limit, Mapping) else f'{limit:g}'
    shown = f'boxes with score >= {least}' if boxes else 'the four highest scores'
    figure.suptitle(f'green: ground truth   amber: prediction, {shown}')
    for position, result in enumerate(films, start=1):
        axes = figure.add_subplot(rows, columns, position)
        draw_result(axes, result, images_root, score_thr)
    save_picture(figure, path)
    return path


def draw_result(
    axes: Axes, result: ImageResult, images_root: Path, score_thr: ScoreThr = None
) -> None:
    """Draw one film as it lies in the file: the patient's left is on the right."""
    draw_findings(
        axes, read_image(images_root / result.image).pixels, result, score_thr
    )


def draw_findings(
    axes: Axes, pixels: np.ndarray, result: ImageResult, score_thr: ScoreThr = None
) -> None:
    """Draw a film's (H, W) uint8 pixels, titled with the name that its result has.

    What has a box is drawn into the film, what has none is listed below it: in an upper
    corner it would cover the side marker.
    """
    axes.imshow(pixels, cmap='gray', vmin=0, vmax=255)
    axes.set_axis_off()
    name = _short(Path(result.image).name)
    axes.set_title(name, fontsize=8, parse_math=False)
    for finding in result.truth or ():
        if finding.box_xyxy is not None:
            draw_box(axes, finding, TRUTH_COLOUR, finding.name, below=True)
    boxes = [f for f in result.findings if f.box_xyxy is not None]
    for finding in boxes:
        if finding.score is not None and finding.score >= _limit(score_thr, finding):
            draw_box(
                axes, finding, PREDICTION_COLOUR, f'{finding.name} {finding.score:.2f}'
            )
    if not boxes and result.findings:
        _score_list(axes, result)


def _spread(results: Sequence[ImageResult], n_films: int) -> list[ImageResult]:
    """At most ``n_films``, a quarter of them healthy where there are enough of each."""
    abnormal: list[ImageResult] = []
    healthy: list[ImageResult] = []
    for result in results:
        present = any(f.score == 1 for f in result.truth or ())
        (abnormal if present else healthy).append(result)
    n_healthy = min(len(healthy), max(n_films // 4, n_films - len(abnormal)))
    picked = _every(abnormal, n_films - n_healthy) + _every(healthy, n_healthy)
    return picked or list(results[:n_films])


def _every(items: Sequence[Any], n: int) -> list[Any]:
    n = min(n, len(items))
    return [items[i * len(items) // n] for i in range(n)]


def draw_box(
    axes: Axes, finding: Finding, colour: str, label: str, below: bool = False
) -> None:
    """A rectangle and its label, which stands under the box when ``below``."""
    assert finding.box_xyxy is not None
    x1, y1, x2, y2 = finding.box_xyxy
    axes.add_patch(
        Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, color=colour, linewidth=1.4)
    )
    axes.text(
        x1,
        y2 if below else y1,
        label,
        color='black',
        fontsize=7,
        va='top' if below else 'bottom',
        bbox={'facecolor': colour, 'edgecolor': 'none', 'pad': 0.8, 'alpha': 0.85},
        clip_on=True,
        parse_math=False,
    )


def _score_list(axes: Axes, result: ImageResult) -> None:
    """The highest scores, and right of them the true findings, below the film."""
    true = [f.name for f in result.truth or () if f.score == 1]
    top = sorted(result.findings, key=lambda f: -(f.score or 0))[:4]
    lines = [f'{f.name} {f.score:.2f}' for f in top]
    truth = '' if result.truth is None else '\n'.join(true) or 'no finding'
    for text, x, ha, colour in (
        (truth, 0.99, 'right', TRUTH_COLOUR),
        ('\n'.join(lines), 0.01, 'left', PREDICTION_COLOUR),
    ):
        if not text:  # nobody said what is true of the film
            continue
        axes.text(
            x,
            -0.015,
            text,
            transform=axes.transAxes,
            ha=ha,
            va='top',
            fontsize=7,
            parse_math=False,
            bbox={'facecolor': colour, 'edgecolor': 'none', 'pad': 1.5, 'alpha': 0.85},
        )


def _limit(score_thr: ScoreThr, finding: Finding) -> float:
    """Least score of a finding that is drawn, rounded as scores of results are."""
    if isinstance(score_thr, Mapping):
        return round(score_thr.get(finding.name, SCORE_THR), 6)
    return SCORE_THR if score_thr is None else score_thr


def _short(name: str) -> str:
    return name if len(name) <= 24 else f'{name[:10]}…{name[-12:]}'
