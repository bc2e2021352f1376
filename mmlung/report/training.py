"""Loss, learning rate and validation metrics of the training in the work dir."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from markupsafe import Markup

from mmlung.report.charts import Axis
from mmlung.report.charts import Series
from mmlung.report.charts import chart
from mmlung.report.charts import panel
from mmlung.report.charts import panels
from mmlung.report.markup import paragraph
from mmlung.report.markup import section
from mmlung.report.sources import Sources

TITLE = 'Training'
CURVES = {
    'loss': ('Loss', 'iteration'),
    'lr': ('Learning rate', 'iteration'),
    'mAUC': ('mAUC on validation', 'epoch'),
    'mAUPRC': ('mAUPRC on validation', 'epoch'),
    'AP40': ('AP40 on validation', 'epoch'),
    'mIoU': ('mIoU on validation', 'epoch'),
}
_MOST_POINTS = 400


def training_section(sources: Sources) -> Markup:
    """Curves of all runs of the training, joined."""
    logged = read_log(sources.work_dir)
    if not logged:
        reason = (
            'No training log lies in the work dir (*/vis_data/scalars.json): the model '
            'was trained elsewhere.'
        )
        return section(TITLE, paragraph(reason, 'missing'))
    text = 'A resumed training is drawn from its start.'
    return section(
        TITLE, paragraph(text), panels([_panel(k, v) for k, v in logged.items()])
    )


def read_log(work_dir: Path) -> dict[str, dict[float, float]]:
    """Step and value of what was logged; of a step run twice the later one.

    Raises:
        ValueError: a line of a log, but for a last one cut short, is no JSON.
    """
    series: dict[str, dict[float, float]] = {key: {} for key in CURVES}
    for log in sorted(work_dir.glob('*/vis_data/scalars.json')):
        lines = log.read_text(encoding='utf-8').splitlines()
        for number, line in enumerate(lines, start=1):
            try:
                entry = json.loads(line)
            except ValueError as error:
                if number == len(lines):  # the training was cut off here
                    break
                raise ValueError(f'{log} line {number} is damaged: {error}') from error
            for key, points in series.items():
                value = entry.get(key)
                if isinstance(value, int | float) and value == value:
                    points[entry.get('step', entry.get('iter', 0))] = value
    return {key: points for key, points in series.items() if points}


def _panel(key: str, points: dict[float, float]) -> Markup:
    title, x_label = CURVES[key]
    steps = sorted(points)
    every = max(1, -(-len(steps) // _MOST_POINTS))
    steps = sorted({*steps[::every], steps[-1]})
    x, y = np.array(steps, dtype=float), np.array([points[step] for step in steps])
    finite = np.isfinite(y)
    low, high = (
        (float(y[finite].min()), float(y[finite].max())) if any(finite) else (0, 1)
    )
    floor = 0.0 if low >= 0 else low
    top = high if high > floor else floor + 1
    last = f'{y[-1]:.3g} at the end; from {low:.3g} to {high:.3g}'
    series = [Series(x, y)]
    if len(x) < 30:
        series.append(Series(x, y, 'dots'))
    drawing = chart(
        f'{title} over {len(points)} {x_label}s, {last}',
        Axis(x_label, x[0], max(x[-1], x[0] + 1), _ticks(x[0], x[-1])),
        Axis(
            '', floor, top, [(v, f'{v:.2g}') for v in (floor, (floor + top) / 2, top)]
        ),
        series,
    )
    return panel(title, last, drawing)


def _ticks(first: float, last: float) -> list[tuple[float, str]]:
    values = dict.fromkeys((first, round((first + last) / 2), last))
    return [(value, f'{value:,.0f}') for value in values]
