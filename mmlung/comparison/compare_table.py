"""A comparison of two models as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_P_COLUMNS = {
    'p': 'p',
    'p_holm': 'p (Holm)',
    'p_delong': 'p DeLong',
    'p_delong_holm': '(Holm)',
}


def comparison_table(report: Mapping[str, Any]) -> str:
    """What :func:`compare` gave: a row a metric, a row a finding."""
    rows = report['per_finding']
    metric = 'AP40' if report['kind'] == 'detector' else 'AUC'
    found = {name: row[metric] for name, row in rows.items()}
    columns = [c for c in _P_COLUMNS if any(c in value for value in found.values())]
    width = max(map(len, [*rows, metric])) + 2
    head = f'{"":<{width}}{"A":>8}{"B":>8}{"B - A [95 % interval]":>27}'
    lines = [
        f'A: {_model(report["a"])}',
        f'B: {_model(report["b"])}',
        _films(report),
        '',
        head + ''.join(f'{_P_COLUMNS[column]:>10}' for column in columns),
    ]
    for key, value in report['overall'].items():
        lines.append(_row(key, value, columns, width))
    lines += ['', f'{metric} of']
    counted = 'n_boxes' if metric == 'AP40' else 'n_positive'
    unit = 'boxes' if metric == 'AP40' else 'positive'
    for name, value in found.items():
        row = _row(name, value, columns, width)
        lines.append(f'{row}  {rows[name][counted]} {unit}')
    if report['kind'] == 'detector':
        lines += ['', 'mIoU counts each model at its own score thresholds']
    return '\n'.join([*lines, '', *(f'note: {note}' for note in report['notes'])])


def _row(label: str, value: Mapping[str, Any], columns: list[str], width: int) -> str:
    cells = f'{_number(value["a"]):>8}{_number(value["b"]):>8}'
    cells += f'{_interval(value):>27}'
    p = ''.join(f'{_p(value.get(column)):>10}' for column in columns)
    return f'{label:<{width}}{cells}{p}'.rstrip()


def _number(value: float | None) -> str:
    return '-' if value is None else f'{value:.3f}'


def _interval(value: Mapping[str, Any]) -> str:
    if value['difference'] is None:
        return '-'
    text = f'{value["difference"]:+.3f}'
    if value['low'] is None:
        return text
    return f'{text} [{value["low"]:+.3f}, {value["high"]:+.3f}]'


def _p(value: float | None) -> str:
    if value is None:
        return '-'
    return '<0.001' if value < 0.001 else f'{value:.3f}'


def _model(origin: Mapping[str, Any]) -> str:
    config = (origin.get('config') or {}).get('file')
    seed = origin.get('training_seed')
    facts = [f'config {config}'] if config else []
    facts += [] if seed is None else [f'training seed {seed}']
    return origin['file'] + (f' ({", ".join(facts)})' if facts else '')


def _films(report: Mapping[str, Any]) -> str:
    data = report['a'].get('data') or {}
    text = f'{report["films"]} films of {report["clusters"]} {report["resampled"]}'
    if report['resampled'] == 'images':
        text = f'{report["films"]} films'
    named = [data.get('dataset'), data.get('split'), data.get('split_family')]
    if any(named):
        text += f' ({", ".join(str(name) for name in named if name)})'
    left_out = [f'{n} {what}' for what, n in report['left_out'].items() if n]
    if left_out:
        text += f'; left out, in one file only: {", ".join(left_out)}'
    if data.get('synthetic'):
        text += '; synthetic phantoms: nothing here says anything about patients'
    return text
