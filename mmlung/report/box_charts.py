"""FROC curves of a detector, and how well its boxes fit."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any

import numpy as np
from markupsafe import Markup

from mmlung.report.box_cases import Outcome
from mmlung.report.charts import Axis
from mmlung.report.charts import Series
from mmlung.report.charts import chart
from mmlung.report.charts import panel
from mmlung.report.charts import panels
from mmlung.report.charts import unit_axis
from mmlung.report.markup import count
from mmlung.report.markup import paragraph
from mmlung.report.markup import section
from mmlung.report.markup import table
from mmlung.report.markup import undefined_note
from mmlung.report.markup import with_interval
from mmlung.report.sources import Sources

if TYPE_CHECKING:
    from mmlung.curves import Curves
    from mmlung.evaluation.froc import FrocCurve

FROC, IOU = 'FROC curves', 'IoU of the boxes'
RATES = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Those of :data:`mmlung.evaluation.froc.FP_PER_IMAGE`, which needs a framework."""
_TICKS = [
    (r, t) for r, t in zip(RATES, ('⅛', '¼', '½', '1', '2', '4', '8'), strict=True)
]
_BINS = 10


def froc_section(sources: Sources, curves: Curves | None) -> Markup:
    """Lesions found against false positives, with the test's points and intervals."""
    if not sources.is_detector:
        reason = 'A classifier draws no boxes, so it has no FROC curve.'
        return section(FROC, paragraph(reason, 'missing'))
    overall, rows = sources.metrics['metrics'], sources.metrics['per_finding']
    if not any(key.startswith('sensitivity@') for key in overall):
        reason = 'The test did not measure FROC (mmlung.FROC in test_evaluator).'
        return section(FROC, paragraph(reason, 'missing'))
    pooled = curves.all_findings if curves is not None else None
    drawn = [_froc('All findings', overall, pooled)]
    by_name = {} if curves is None else curves.froc
    drawn += [_froc(name, row, by_name.get(name)) for name, row in rows.items()]
    text = (
        f'Share of the true boxes that are found ({_hit(sources)}) against false '
        'positives per film, on a logarithmic axis; those of one finding alone in its '
        'own panel. Dots: metrics.json, with 95 % intervals.'
    )
    if curves is None:
        text += ' The lines between are missing: there is no predictions.json.'
    return section(FROC, paragraph(text), panels(drawn), *_sensitivities(overall, rows))


def _hit(sources: Sources) -> str:
    """What counts as found, as the test set it."""
    evaluators = sources.metrics.get('evaluators') or ()
    settings: Mapping[str, Any] = next(
        (e for e in evaluators if e.get('type') == 'mmlung.FROC'), {}
    )
    if settings.get('centre_inside'):
        return 'the centre of a prediction lies inside'
    return f'IoU of at least {settings.get("iou_thr", 0.4):g}'


def _froc(name: str, row: Mapping[str, Any], curve: FrocCurve | None) -> Markup:
    keys = [f'sensitivity@{rate:g}' for rate in RATES]

    def values(end: str) -> np.ndarray:
        return np.array([row.get(f'{key}{end}') for key in keys], dtype=float)

    ends = [values(end) for end in ('_low', '_high')]
    whole = not any(np.isnan(end).any() for end in ends)
    low, high = ends if whole else (None, None)
    dots = Series(np.array(RATES), values(''), 'dots', low=low, high=high)
    series = [dots]
    if curve is not None and curve.n_boxes:
        series.insert(0, _steps(curve))
    cpm = with_interval(row, 'CPM')
    drawing = chart(
        f'FROC curve of {name}, CPM {cpm}',
        Axis('false positives per film', RATES[0], RATES[-1], _TICKS, log=True),
        unit_axis('sensitivity'),
        series,
    )
    return panel(name, f'CPM {cpm}; {count(row.get("FROC_boxes"))} boxes', drawing)


def _steps(curve: FrocCurve) -> Series:
    """The part of a curve that the axis shows, thinned where it says nothing new."""
    rate, found = curve.fp_per_image, curve.sensitivity
    rises = np.flatnonzero(np.diff(found, prepend=-1.0) > 0)
    x, y = rate[rises], found[rises]
    start = found[np.searchsorted(rate, RATES[0], 'right') - 1]
    inside = (x > RATES[0]) & (x < RATES[-1])
    end = found[np.searchsorted(rate, RATES[-1], 'right') - 1]
    x = np.concatenate([[RATES[0]], x[inside], [RATES[-1]]])
    return Series(x, np.concatenate([[start], y[inside], [end]]), 'step')


def _sensitivities(
    overall: Mapping[str, Any], rows: Mapping[str, Mapping[str, Any]]
) -> list[Markup]:
    heads = ['Finding', 'True boxes', *(f'{text} FP' for _, text in _TICKS)]
    lines = [('All findings', overall), *rows.items()]
    cells = [
        (
            name,
            count(row.get('FROC_boxes')),
            *(with_interval(row, f'sensitivity@{rate:g}', 2) for rate in RATES),
        )
        for name, row in lines
    ]
    caption = 'Sensitivity at false positives per film [95 % interval]'
    return [table(caption, heads, cells), undefined_note(cells)]


def iou_section(sources: Sources, films: Sequence[Outcome]) -> Markup:
    """Histograms of the IoU of each true box with its match."""
    if not sources.is_detector:
        reason = 'A classifier draws no boxes, so there is no IoU.'
        return section(IOU, paragraph(reason, 'missing'))
    names = list(films[0].iou) if films else []
    pooled = [value for film in films for value in film.all_iou]
    if not pooled:
        reason = 'Not drawn: there are no recorded films with true boxes.'
        return section(IOU, paragraph(reason, 'missing'))
    rows = sources.metrics['per_finding']
    drawn = [_histogram('All findings', pooled, sources.metrics['metrics'])]
    for name in names:
        values = [value for film in films for value in film.iou[name]]
        if values:
            drawn.append(_histogram(name, values, rows.get(name, {})))
    overall = sources.metrics['metrics']
    text = (
        'Each true box with its one-to-one match of the same finding, at the '
        "test's thresholds. Boxes that were not found at all are the bar left of 0. "
        'mIoU is the mean over all of them, and more predictions can raise it: here it '
        f'costs {with_interval(overall, "fp_per_image", 2)} false positives per film '
        f'(PQ {with_interval(overall, "PQ")}).'
    )
    return section(IOU, paragraph(text), panels(drawn))


def _histogram(name: str, values: Sequence[float], row: Mapping[str, Any]) -> Markup:
    iou = np.array(values)
    missed = int((iou == 0).sum())
    counts = np.histogram(iou[iou > 0], bins=_BINS, range=(0, 1))[0]
    top = _round_up(max(missed, counts.max(), 1))
    width = 1 / _BINS
    drawing = chart(
        f'IoU of {len(iou)} true boxes of {name}: {missed} not found at all, '
        f'{int((iou >= 0.5).sum())} with 0.5 or more',
        Axis('IoU', -width, 1, [(0, '0'), (0.5, '0.5'), (1, '1')]),
        Axis(
            'true boxes', 0, top, [(0, '0'), (top / 2, f'{top // 2}'), (top, f'{top}')]
        ),
        [
            Series(np.array([-width]), np.array([missed]), 'bars', 'two', width=width),
            Series(np.arange(_BINS) / _BINS, counts, 'bars', width=width),
        ],
    )
    note = f'mIoU {with_interval(row, "mIoU")}; {missed} of {len(iou)} not found'
    return panel(name, note, drawing)


def _round_up(value: float) -> int:
    """The next even number that is easy to halve and to read."""
    for step in (2, 4, 10, 20, 40, 100, 200, 400, 1000, 2000, 4000, 10_000, 20_000):
        if value <= step:
            return step
    return int(-(-value // 20_000) * 20_000)
