"""Curves of a training, and of lesions found against false positives."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from mmlung.figures.picture import save_picture

FROC_RATES = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
_CURVES = ('loss', 'AP40', 'mIoU', 'mAUC', 'lr')


def draw_curves(work_dir: Path) -> Path | None:
    """Loss, validation metrics and learning rate of a training, as ``curves.png``.

    Args:
        work_dir: of the training; the logs of all its runs are joined, so a resumed one
            is drawn from its start. A step that was run twice counts as the last said.

    Returns:
        None when nothing was logged.
    """
    series: dict[str, dict[float, float]] = {key: {} for key in _CURVES}
    for log in sorted(work_dir.glob('*/vis_data/scalars.json')):
        for line in log.read_text(encoding='utf-8').splitlines():
            entry = json.loads(line)
            for key in _CURVES:
                if isinstance(entry.get(key), int | float):
                    step = entry.get('step', entry.get('iter', 0))
                    series[key][step] = entry[key]
    drawn = {
        key: (sorted(points), [points[step] for step in sorted(points)])
        for key, points in series.items()
        if points
    }
    if not drawn:
        return None
    figure = Figure(figsize=(4.2 * len(drawn), 3.4), dpi=100, layout='constrained')
    for position, (key, (x, y)) in enumerate(drawn.items(), start=1):
        axes = figure.add_subplot(1, len(drawn), position)
        axes.plot(x, y, marker='o' if len(x) < 30 else None, markersize=3)
        per_epoch = key in ('AP40', 'mIoU', 'mAUC')
        axes.set_title(f'{key} on validation' if per_epoch else key)
        axes.set_xlabel('epoch' if per_epoch else 'iteration')
        axes.grid(alpha=0.3)
    path = work_dir / 'curves.png'
    save_picture(figure, path)
    return path


def draw_froc(curves: Mapping[str, tuple[np.ndarray, np.ndarray]], path: Path) -> Path:
    """FROC curves as steps, false positives per image on a logarithmic axis.

    Args:
        curves: label -> rising false positives per image and sensitivity, (P,) each.
            Curves of one label but for a trailing number share a colour.
        path: of the picture, a PNG.
    """
    figure = Figure(figsize=(6, 4.4), dpi=110, layout='constrained')
    axes = figure.add_subplot()
    colours: dict[str, str] = {}
    for label, (rate, sensitivity) in curves.items():
        family = label.rstrip('0123456789')
        known = family in colours
        colours.setdefault(family, f'C{len(colours)}')
        axes.step(
            np.append(rate, FROC_RATES[-1] * 2),
            np.append(sensitivity, sensitivity[-1:]),
            where='post',
            color=colours[family],
            linewidth=1.2,
            label=None if known else family.rstrip(' ,-') or label,
        )
    axes.set_xscale('log', base=2)
    axes.set_xlim(FROC_RATES[0], FROC_RATES[-1])
    axes.set_xticks(FROC_RATES, ['1/8', '1/4', '1/2', '1', '2', '4', '8'])
    axes.set_ylim(0, 1)
    axes.set_xlabel('false positives per image')
    axes.set_ylabel('sensitivity, all findings')
    axes.grid(alpha=0.3)
    axes.legend()
    save_picture(figure, path)
    return path
