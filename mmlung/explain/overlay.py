"""One page per film: the film, and beside it the maps of its findings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from mmlung.explain.explanation import Explanation
from mmlung.explain.explanation import OpenedFilm
from mmlung.figures.films import PREDICTION_COLOUR
from mmlung.figures.films import draw_box
from mmlung.figures.picture import save_picture
from mmlung.result import Finding

_MAX_COLUMNS = 4
_PANEL_INCHES = 4.2
_SUBJECT = {
    'logit': 'where its probability comes from',
    'box': 'its highest-scoring box',
    'anywhere': 'the finding anywhere',
}


def _heat() -> ListedColormap:
    """Inferno that is transparent at 0 and lets the film through at 1."""
    from matplotlib import colormaps

    colours = colormaps['inferno'].resampled(256)
    table = [list(colours(i)) for i in range(256)]
    for i, colour in enumerate(table):
        colour[3] = 0.5 * min(1.0, i / 128)
    return ListedColormap(table, name='heat')


HEAT = _heat()


def draw_page(
    path: Path,
    opened: OpenedFilm,
    explanations: Sequence[Explanation],
    title: str,
    method: str,
    score_thr: float,
) -> None:
    """Write the figure of one film as PNG.

    The film lies as in its file: the patient's left is on the right, and so are the
    maps over it.

    Args:
        path: of the PNG.
        opened: the film, with a detector's boxes.
        explanations: its maps, in the order in which they are drawn.
        title: the film's name.
        method: of the maps.
        score_thr: a detector's boxes below it are not drawn.
    """
    n_panels = len(explanations) + 1
    columns = min(_MAX_COLUMNS, n_panels)
    rows = -(-n_panels // columns)
    height, width = opened.film.pixels.shape
    panel_height = _PANEL_INCHES * min(max(height / width, 0.5), 2.0) + 0.7
    figure = Figure(
        figsize=(_PANEL_INCHES * columns + 1.0, panel_height * rows + 0.4),
        dpi=110,
        layout='constrained',
    )
    axes = [figure.add_subplot(rows, columns, i + 1) for i in range(n_panels)]
    boxes = [box for box in opened.boxes if (box.score or 0) >= score_thr]
    _draw_film(axes[0], opened, boxes)
    for panel, explanation in zip(axes[1:], explanations, strict=True):
        _draw_map(panel, opened, explanation)
    bar = figure.colorbar(
        ScalarMappable(cmap=HEAT), ax=axes, fraction=0.03, pad=0.01, shrink=0.8
    )
    bar.ax.set_facecolor('0.5')  # as over a film, not over white paper
    bar.set_label('share of the peak of each map', fontsize=12)
    figure.suptitle(
        f'{title} · {method} · where the network looks, not where disease is',
        fontsize=13,
        parse_math=False,  # a name may hold dollar signs
    )
    save_picture(figure, path)


def _draw_film(axes: Axes, opened: OpenedFilm, boxes: Sequence[Finding]) -> None:
    _show(axes, opened)
    for box in boxes:
        draw_box(axes, box, PREDICTION_COLOUR, f'{box.name} {box.score:.2f}')
    axes.set_title('film' + (' and boxes found' if boxes else ''), fontsize=13)


def _draw_map(axes: Axes, opened: OpenedFilm, explanation: Explanation) -> None:
    _show(axes, opened)
    if not explanation.is_zero:
        axes.imshow(explanation.map, cmap=HEAT, vmin=0, vmax=1, interpolation='nearest')
    if explanation.box_xyxy is not None:
        box = Finding(explanation.finding, None, explanation.box_xyxy)
        draw_box(axes, box, PREDICTION_COLOUR, explanation.finding)
    subject = _SUBJECT[explanation.target]
    if explanation.is_zero:
        subject = 'no map: no place speaks for it'
    axes.set_title(
        f'{explanation.finding} {explanation.probability:.2f}\n{subject}',
        fontsize=13,
        parse_math=False,
    )


def _show(axes: Axes, opened: OpenedFilm) -> None:
    axes.imshow(opened.film.pixels, cmap='gray', vmin=0, vmax=255)
    axes.set_axis_off()
