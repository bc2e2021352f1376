"""How a classifier does by sex, age and view."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from mmlung.report.markup import count
from mmlung.report.markup import joined
from mmlung.report.markup import paragraph
from mmlung.report.markup import section
from mmlung.report.markup import table
from mmlung.report.markup import undefined_note
from mmlung.report.markup import with_interval
from mmlung.report.sources import Sources

TITLE = 'Subgroups'


def subgroups_section(sources: Sources) -> Markup:
    """One table an attribute, and which group does worst."""
    groups = sources.metrics.get('subgroups')
    if not groups:
        return section(TITLE, paragraph(_reason(sources), 'missing'))
    intro = (
        'Means over the findings that all groups of an attribute have: a mean over '
        'other findings would be no comparison. With many groups a gap is found where '
        'there is none, so look at its interval.'
    )
    pieces = [_attribute(name, report) for name, report in groups.items()]
    return section(TITLE, paragraph(intro), *pieces)


def _reason(sources: Sources) -> str:
    if sources.is_detector:
        return 'Not measured: subgroups are reported for classifiers only.'
    return (
        'Not measured: the data set names neither sex, age nor view, the test ran with '
        '--no-subgroups, or metrics.json is of an earlier version.'
    )


def _attribute(name: str, report: Mapping[str, Any]) -> Markup:
    compared, groups = report['compared'], report['groups']
    if not compared:
        reason = (
            f'By {name}: no finding has enough positives in every group, so there is '
            'no mean to compare.'
        )
        return joined([paragraph(reason, 'missing'), *_details(name, groups)])
    rows = []
    for group, row in groups.items():
        positives = sum(row['findings'][f]['n_positive'] for f in compared)
        aside = '' if row['compared'] else ' (not compared)'
        cells = count(row['images']), count(positives), with_interval(row, 'mAUC')
        rows.append((f'{group}{aside}', *cells))
    heads = ('Group', 'Films', 'Positive labels', 'mAUC')
    caption = f'By {name}: mean AUC over {len(compared)} findings [95 % interval]'
    pieces = [table(caption, heads, rows)]
    worst = report.get('worst')
    if worst:
        gap = with_interval(worst, 'gap')
        pieces.append(
            paragraph(f'Worst: {worst["group"]}, {gap} below {worst["best"]}.')
        )
    return joined([*pieces, *_details(name, groups)])


def _details(name: str, groups: Mapping[str, Any]) -> list[Markup]:
    """Every finding in every group, with its positives."""
    rows = [
        (finding, *(_auc(row['findings'][finding]) for row in groups.values()))
        for finding in next(iter(groups.values()))['findings']
    ]
    caption = f'By {name}: AUC of each finding [95 % interval], n positive films'
    return [table(caption, ('Finding', *groups), rows), undefined_note(rows)]


def _auc(row: Mapping[str, Any]) -> str:
    return f'{with_interval(row, "AUC")}, n {count(row.get("n_positive"))}'
