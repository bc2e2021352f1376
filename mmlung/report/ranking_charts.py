"""ROC and precision-recall curves of a classifier, one panel a finding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from mmlung.report.charts import Series
from mmlung.report.charts import chart
from mmlung.report.charts import panel
from mmlung.report.charts import panels
from mmlung.report.charts import unit_axis
from mmlung.report.markup import count
from mmlung.report.markup import paragraph
from mmlung.report.markup import section
from mmlung.report.markup import with_interval
from mmlung.report.sources import Sources

if TYPE_CHECKING:
    from mmlung.curves import Curves
    from mmlung.evaluation.roc import PrCurve
    from mmlung.evaluation.roc import RocCurve

TITLES = ('ROC curves', 'Precision-recall curves')


def ranking_sections(sources: Sources, curves: Curves | None) -> list[Markup]:
    """Both sections; a sentence where there is nothing to draw."""
    if sources.is_detector:
        reason = 'Not drawn: a detector scores boxes, not films. See its FROC curves.'
        return [section(title, paragraph(reason, 'missing')) for title in TITLES]
    if curves is None or not curves.roc:
        reason = 'Not drawn: predictions.json, which holds the scores, is missing.'
        return [section(title, paragraph(reason, 'missing')) for title in TITLES]
    rows = sources.metrics['per_finding']
    roc = [_roc(name, c, rows.get(name, {})) for name, c in curves.roc.items()]
    pr = [_pr(name, c, rows.get(name, {})) for name, c in curves.pr.items()]
    band = (
        'Shaded: 95 % of the curves of resampled patients, at each place by itself. '
        'The numbers are those of metrics.json.'
    )
    by_unit = f'{curves.unit.capitalize()} by {curves.unit}.'
    shares = {'film': 'films', 'study': 'studies'}[curves.unit]
    prevalence = f'The dashed line is the share of {shares} that have the finding.'
    return [
        section(TITLES[0], paragraph(f'{by_unit} {band}'), panels(roc)),
        section(TITLES[1], paragraph(f'{prevalence} {band}'), panels(pr)),
    ]


def _roc(name: str, curve: RocCurve, row: dict) -> Markup:
    ends = np.array([0.0, 1.0])
    # Up the axis to the sensitivity that costs no false positive.
    x, y = np.append(0, curve.fpr), np.append(0, curve.tpr)
    auc = with_interval(row, 'AUC')
    drawing = chart(
        f'ROC curve of {name}, AUC {auc}',
        unit_axis('1 - specificity'),
        unit_axis('sensitivity'),
        [
            Series(ends, ends, style='chance'),
            _band(curve.fpr, curve.tpr, curve, row.get('AUC_low')),
            Series(x, y),
        ],
    )
    return panel(name, f'AUC {auc}; {_counts(curve)}', drawing)


def _pr(name: str, curve: PrCurve, row: dict) -> Markup:
    share = curve.n_positive / curve.n_known if curve.n_known else float('nan')
    auprc = with_interval(row, 'AUPRC')
    drawing = chart(
        f'Precision-recall curve of {name}, AUPRC {auprc}',
        unit_axis('recall (sensitivity)'),
        unit_axis('precision (PPV)'),
        [
            Series(np.array([0.0, 1.0]), np.array([share, share]), style='chance'),
            _band(curve.recall, curve.precision, curve, row.get('AUPRC_low')),
            Series(curve.recall, curve.precision),
        ],
    )
    return panel(name, f'AUPRC {auprc}; {_counts(curve)}', drawing)


def _band(
    x: np.ndarray, y: np.ndarray, curve: RocCurve | PrCurve, interval: float | None
) -> Series:
    """None where the test gives no interval: resampling one patient shows no spread."""
    low, high = (None, None) if interval is None else (curve.low, curve.high)
    return Series(x, y, 'band', low=low, high=high)


def _counts(curve: RocCurve | PrCurve) -> str:
    return f'{count(curve.n_positive)} positive of {count(curve.n_known)}'
