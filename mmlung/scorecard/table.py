"""The numbers of a test as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmlung.calibration.metrics import calibration_lines
from mmlung.findings_map import mapping_lines
from mmlung.scorecard.breakdown import subgroup_lines

SHOWN_RATE = 'sensitivity@1'
"""The point of a finding's FROC curve that the table shows."""
TABLE_WIDTH = 120
"""Characters of a row; further columns go into another block below."""


def table(metrics: Mapping[str, Any]) -> str:
    """The numbers of ``metrics.json`` as text: one row a finding, then the means.

    Of a finding's FROC curve it shows one point, and the number of boxes once, not for
    each metric; ``metrics.json`` has all.
    """
    lines = _rows(metrics['per_finding'])
    lines.append('')
    overall = metrics['metrics']
    for key, value in overall.items():
        if not key.endswith(('_low', '_high')):
            lines.append(f'{key:<28}{_cell(value, overall, key)}')
    data = metrics['data']
    lines += [
        '',
        f'split: {data["split"]} ({data["split_family"]}), {data["images"]} images of '
        f'{data["dataset"]}, ground truth: {data["ground_truth"]}',
        *mapping_lines(data.get('findings_map')),
        *_threshold_lines(metrics.get('thresholds')),
        *calibration_lines(metrics),
        *subgroup_lines(metrics),
    ]
    if data.get('synthetic'):
        lines.append('synthetic phantoms: no number here says anything about patients')
    return '\n'.join(lines)


def _rows(per_finding: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Header and a row a finding, in as many blocks as the width asks for."""
    columns = {}
    for key in _columns(per_finding):
        cells = [key, *(_cell(row.get(key), row, key) for row in per_finding.values())]
        width = max(map(len, cells)) + 2
        columns[key] = [f'{cell:>{width}}' for cell in cells]
    width = max(map(len, [*per_finding, 'finding']))
    names = [name.ljust(width) for name in ['finding', *per_finding]]
    blocks = [names]
    for cells in columns.values():
        if len(blocks[-1][0]) + len(cells[0]) > TABLE_WIDTH and blocks[-1] != names:
            blocks.append(names)
        blocks[-1] = [a + b for a, b in zip(blocks[-1], cells, strict=True)]
    return '\n\n'.join('\n'.join(block) for block in blocks).split('\n')


def _columns(per_finding: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Keys that the table shows; equal numbers of boxes, and thresholds, once."""
    shown: list[str] = []
    counts: list[list[Any]] = []
    for key in dict.fromkeys(k for row in per_finding.values() for k in row):
        if key.endswith(('_low', '_high')) or not _is_shown(key):
            continue
        if key.endswith(('_boxes', 'score_thr')):
            column = [row.get(key) for row in per_finding.values()]
            if column in counts:
                continue
            counts.append(column)
        shown.append(key)
    return shown


def _is_shown(key: str) -> bool:
    return '@' not in key or key == SHOWN_RATE


def _cell(value: float | None, row: Mapping[str, Any], key: str) -> str:
    if value is None:
        return '-'
    name = key.partition('/')[0]
    count = name.startswith('n_') or name.endswith(('_findings', '_boxes'))
    text = f'{value:.0f}' if count else f'{value:.3f}'
    low, high = row.get(f'{key}_low'), row.get(f'{key}_high')
    return text if low is None or high is None else f'{text} [{low:.3f}, {high:.3f}]'


def _threshold_lines(thresholds: Mapping[str, Any] | None) -> list[str]:
    """Where the score thresholds come from, and what to know about them."""
    if thresholds is None:
        return []
    score_thr = thresholds['score_thr']
    if thresholds['source'] == 'calibrated':
        data, fallback = thresholds['data'], thresholds['fallback']
        line = (
            f'thresholds: per finding, calibrated on {data["file"]} (split: '
            f'{data["split"]}, {data["images"]} images; {thresholds["file"]})'
        )
        if fallback:
            reasons = (f'{name} ({reason})' for name, reason in fallback.items())
            line += f'; not chosen but default: {", ".join(reasons)}'
    elif thresholds['source'] == 'config':
        line = 'thresholds: as the config sets them'
    else:
        line = f'thresholds: {score_thr:g} for all findings, the default'
    return [line, *(f'note: {note}' for note in thresholds['notes'])]
