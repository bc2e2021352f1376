"""Whether a classifier's probabilities hold, and what its operating points give."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from typing import Any

import numpy as np
from markupsafe import Markup

from mmlung.report.charts import Series
from mmlung.report.charts import chart
from mmlung.report.charts import panel
from mmlung.report.charts import panels
from mmlung.report.charts import unit_axis
from mmlung.report.markup import bullets
from mmlung.report.markup import count
from mmlung.report.markup import number
from mmlung.report.markup import paragraph
from mmlung.report.markup import section
from mmlung.report.markup import table
from mmlung.report.markup import undefined_note
from mmlung.report.markup import with_interval
from mmlung.report.markup import without_folders
from mmlung.report.sources import Sources

if TYPE_CHECKING:
    from mmlung.curves import Curves
    from mmlung.evaluation.reliability import ReliabilityCurve

CALIBRATION, POINTS = 'Calibration', 'Operating points'
_HOW = (
    'Each dot is a bin, all bins of a panel with the same number of films. On the '
    'dashed line a probability means what it says. Mind the axes: a rare finding has '
    'low probabilities only, and few present films in each bin.'
)
_KEY = Markup(
    '<p class="key"><span class="swatch two"></span> dashed: scores as they are '
    '<span class="swatch one"></span> solid: calibrated probabilities</p>'
)


def calibration_section(sources: Sources, curves: Curves | None) -> Markup:
    """ECE and Brier score before and after, and reliability diagrams."""
    report = sources.metrics.get('calibration')
    if not report:
        return section(CALIBRATION, paragraph(_no_calibration(sources), 'missing'))
    before, after = report['before'], report.get('after')
    pieces = [paragraph(_source(report)), bullets(_notes(report))]
    pieces += _errors_table(before, after, sources.metrics['per_finding'])
    if curves is None or not curves.before:
        reason = 'No reliability diagrams: predictions.json is missing.'
        pieces.append(paragraph(reason, 'missing'))
    else:
        drawn = [
            _reliability(name, curve, curves.after.get(name), before, after)
            for name, curve in curves.before.items()
        ]
        key = _KEY if curves.after else Markup('')
        pieces += [paragraph(_HOW), key, panels(drawn)]
    return section(CALIBRATION, *pieces)


def _no_calibration(sources: Sources) -> str:
    if sources.is_detector:
        return "A detector's scores are ranks, not probabilities: none were calibrated."
    return (
        'metrics.json has no calibration: it is of an earlier version. Test again, '
        'after `mmlung calibrate`.'
    )


def _source(report: Mapping[str, Any]) -> str:
    if report.get('source') == 'none':
        return 'The scores were tested as they are; `mmlung calibrate` calibrates them.'
    data = report.get('data') or {}
    return (
        f'Calibrated on {data.get("file")} (part: {data.get("split")}, '
        f'{count(data.get("images"))} films), and frozen before the test.'
    )


def _notes(report: Mapping[str, Any]) -> list[str]:
    unscaled = (report.get('unscaled') or {}).items()
    notes = [f'{name} keeps its scores: {reason}.' for name, reason in unscaled]
    remark = report.get('ece_intervals')
    return [
        *notes,
        *map(without_folders, report.get('notes') or []),
        *([f'ECE: {remark}.'] if remark else []),
    ]


def _errors_table(
    before: Mapping[str, Any],
    after: Mapping[str, Any] | None,
    per_finding: Mapping[str, Mapping[str, Any]],
) -> list[Markup]:
    keys = ('ECE', 'Brier')
    parts = [('before', before), ('after', after)] if after else [('', before)]
    heads = ['Finding', 'Positive']
    heads += [f'{key} {when}'.strip() for key in keys for when, _ in parts]

    def cells(*path: str) -> list[str]:
        rows = []
        for key in keys:
            for _, part in parts:
                row: Any = part
                for step in path:
                    row = row.get(step) or {}
                rows.append(with_interval(row, key, 4))
        return rows

    defined = [name for name, row in before['per_finding'].items() if row]
    rows = [(f'Mean of {len(defined)}', '', *cells('mean'))]
    for name in before['per_finding']:
        positives = count(per_finding.get(name, {}).get('n_positive'))
        rows.append((name, positives, *cells('per_finding', name)))
    caption = 'Calibration errors [95 % interval], lower is better'
    return [table(caption, heads, rows), undefined_note(rows)]


def _reliability(
    name: str,
    before: ReliabilityCurve,
    after: ReliabilityCurve | None,
    errors_before: Mapping[str, Any],
    errors_after: Mapping[str, Any] | None,
) -> Markup:
    curves = [('two', before), *([('one', after)] if after is not None else [])]
    values = [v for _, c in curves for v in (*c.predicted, *c.observed)]
    end = next((e for e in (0.1, 0.2, 0.5) if max(values, default=1) <= e), 1.0)
    ends = np.array([0.0, end])
    series = [Series(ends, ends, style='chance')]
    for style, curve in curves:
        series.append(Series(curve.predicted, curve.observed, style=style))
        series.append(Series(curve.predicted, curve.observed, 'dots', style))
    note = f'ECE {_ece(errors_before, name)}'
    if errors_after is not None:
        note += f' → {_ece(errors_after, name)}'
    drawing = chart(
        f'Reliability of {name}, {note}',
        unit_axis('predicted', end),
        unit_axis('observed', end),
        series,
    )
    return panel(name, note, drawing)


def _ece(errors: Mapping[str, Any], name: str) -> str:
    return number((errors['per_finding'].get(name) or {}).get('ECE'), 4)


def points_section(sources: Sources) -> Markup:
    """Thresholds frozen before the test, and what they give on it."""
    if sources.is_detector:
        return section(POINTS, *_thresholds(sources.metrics.get('thresholds')))
    points = sources.metrics.get('operating_points')
    if not points:
        reason = (
            'No operating points: `mmlung calibrate` chooses them on validation, and '
            'the next test reports them.'
        )
        return section(POINTS, paragraph(reason, 'missing'))
    intro = 'Chosen on validation and frozen, then counted here. '
    rules = [key for key, value in points.items() if isinstance(value, Mapping)]
    pieces = [piece for key in rules for piece in _rule(key, points[key])]
    return section(POINTS, paragraph(f'{intro}{points.get("note", "")}.'), *pieces)


def _rule(key: str, rule: Mapping[str, Any]) -> list[Markup]:
    rates = ('sensitivity', 'specificity', 'ppv', 'npv')
    counts = ('tp', 'fn', 'fp', 'tn')
    means = (with_interval(rule['mean'], rate, 2) for rate in rates)
    n_findings = count(rule.get('findings', len(rule['per_finding'])))
    rows = [(f'Mean of {n_findings}', '', *means, *[''] * 4)]
    for name, row in rule['per_finding'].items():
        cells = [with_interval(row, rate, 2) for rate in rates]
        numbers = [count(row.get(kind)) for kind in counts]
        rows.append((name, number(row.get('probability_thr')), *cells, *numbers))
    heads = ['Finding', 'Threshold', 'Sensitivity', 'Specificity', 'PPV', 'NPV']
    caption = f'{key}: {rule.get("rule", "")} [95 % interval]'
    heads += [kind.upper() for kind in counts]
    return [table(caption, heads, rows), undefined_note(rows)]


def _thresholds(chosen: Mapping[str, Any] | None) -> list[Markup]:
    if not chosen:
        return [
            paragraph('No metric of this test counts boxes at a threshold.', 'missing')
        ]
    limits = chosen['score_thr']
    notes = [without_folders(note) for note in chosen.get('notes') or []]
    sources = {
        'calibrated': 'The thresholds were chosen on validation and frozen before.',
        'default': 'The thresholds were not calibrated (`mmlung calibrate` does): ',
        'config': "The threshold is the config's: ",
    }
    text = sources.get(chosen.get('source', ''), f'Source: {chosen.get("source")}. ')
    if not isinstance(limits, Mapping):
        return [paragraph(f'{text}{limits} for all findings.'), bullets(notes)]
    fallback = chosen.get('fallback') or {}
    rows = [
        (name, number(value), _origin(name, fallback)) for name, value in limits.items()
    ]
    heads = ('Finding', 'Threshold', 'From')
    return [
        paragraph(text),
        bullets(notes),
        table('Least score of a box that counts', heads, rows),
    ]


def _origin(name: str, fallback: Mapping[str, str]) -> str:
    """Whether validation gave a threshold, or why it is the default."""
    return f'default: {fallback[name]}' if name in fallback else 'validation'
