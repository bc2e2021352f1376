"""ROC curves and reliability diagrams of a classifier, one small panel a finding."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mmlung.figures.picture import save_picture

if TYPE_CHECKING:
    from mmlung.evaluation.reliability import ReliabilityCurve
    from mmlung.evaluation.roc import RocCurve

CURVE_COLOUR = '#1f5fa8'
_CHANCE: dict[str, Any] = {
    'color': '#999999',
    'linewidth': 0.8,
    'linestyle': (0, (4, 3)),
}
_COLUMNS = 5


def draw_roc(curves: Mapping[str, RocCurve], path: Path, title: str = '') -> Path:
    """ROC curves side by side, with bands, AUCs and how many films they rest on.

    Args:
        curves: finding -> its curve, drawn in this order.
        path: of the picture, a PNG.
        title: of the whole.
    """
    figure, grid = _small_multiples(len(curves), title)
    for axes, (name, curve) in zip(grid, curves.items(), strict=True):
        axes.plot([0, 1], [0, 1], **_CHANCE)
        counts = f'{curve.n_positive:,} positive of {curve.n_known:,}'
        if np.isnan(curve.auc):
            axes.set_title(f'{name}\nundefined: {counts}', fontsize=9)
            continue
        if not np.isnan(curve.low).all():
            axes.fill_between(
                curve.fpr,
                curve.low,
                curve.high,
                color=CURVE_COLOUR,
                alpha=0.18,
                linewidth=0,
            )
        # Up the axis to the sensitivity that costs no false positive.
        x, y = np.append(0, curve.fpr), np.append(0, curve.tpr)
        axes.plot(x, y, color=CURVE_COLOUR, linewidth=1.4)
        auc = f'AUC {curve.auc:.3f}'
        if not np.isnan(curve.auc_low):
            auc += f' [{curve.auc_low:.3f}, {curve.auc_high:.3f}]'
        axes.set_title(f'{name}\n{auc}\n{counts}', fontsize=9)
    figure.supxlabel('1 - specificity', fontsize=10)
    figure.supylabel('sensitivity', fontsize=10)
    save_picture(figure, path)
    return path


def draw_reliability(
    curves: Mapping[str, ReliabilityCurve],
    path: Path,
    title: str = '',
    notes: Mapping[str, str] | None = None,
) -> Path:
    """How often findings are there, against how probable they were said to be.

    The area of a dot is that of its bin's films; on the diagonal a probability means
    what it says. A rare finding's panel shows low probabilities only: mind its axes.

    Args:
        curves: finding -> its bins, drawn in this order.
        path: of the picture, a PNG.
        title: of the whole.
        notes: finding -> what stands under its name, such as its calibration error.
    """
    figure, grid = _small_multiples(len(curves), title)
    for axes, (name, curve) in zip(grid, curves.items(), strict=True):
        axes.plot([0, 1], [0, 1], **_CHANCE)
        _zoom(axes, max([*curve.predicted, *curve.observed], default=1.0))
        share = curve.count / max(1, curve.count.sum())
        axes.plot(curve.predicted, curve.observed, color=CURVE_COLOUR, linewidth=1)
        axes.scatter(
            curve.predicted,
            curve.observed,
            s=8 + 120 * share,
            color=CURVE_COLOUR,
            alpha=0.7,
            linewidth=0,
        )
        note = (notes or {}).get(name)
        axes.set_title(f'{name}\n{note}' if note else name, fontsize=9)
    figure.supxlabel('predicted probability', fontsize=10)
    figure.supylabel('share of films with the finding', fontsize=10)
    save_picture(figure, path)
    return path


def _zoom(axes: Axes, highest: float) -> None:
    """Show the corner that holds everything up to the highest value."""
    end = next((end for end in (0.1, 0.2, 0.5) if highest <= end), 1.0)
    axes.set_xlim(-0.02 * end, 1.02 * end)
    axes.set_ylim(-0.02 * end, 1.02 * end)
    for set_ticks in (axes.set_xticks, axes.set_yticks):
        set_ticks((0, end), ('0', f'{end:g}'))


def _small_multiples(n: int, title: str) -> tuple[Figure, list[Axes]]:
    """A figure with n square panels over [0, 1]."""
    columns = min(_COLUMNS, max(1, n))
    rows = max(1, -(-n // columns))
    figure = Figure(
        figsize=(2.3 * columns + 0.5, 2.75 * rows + 0.5 * bool(title) + 0.3),
        dpi=110,
        layout='constrained',
        facecolor='white',
    )
    if title:
        figure.suptitle(title, fontsize=11)
    panels = []
    for position in range(1, n + 1):
        axes = figure.add_subplot(rows, columns, position)
        axes.set_aspect('equal')
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(-0.02, 1.02)
        ticks, labels = (0, 0.5, 1), ('0', '0.5', '1')
        axes.set_xticks(ticks, labels if position + columns > n else ['', '', ''])
        first = (position - 1) % columns == 0
        axes.set_yticks(ticks, labels if first else ['', '', ''])
        axes.tick_params(labelsize=8, length=2, color='#999999')
        axes.spines[['top', 'right']].set_visible(False)
        axes.spines[['left', 'bottom']].set_color('#999999')
        panels.append(axes)
    return figure, panels
