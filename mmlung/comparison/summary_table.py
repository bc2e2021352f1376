"""A summary of several runs as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SHOWN = ('AUC', 'AUPRC', 'AP40', 'mIoU', 'CPM')


def summary_table(report: Mapping[str, Any]) -> str:
    """What :func:`summarize` gave: mean ± sd of each number."""
    runs = report['runs']
    lines = [f'{len(runs)} run{"s" if len(runs) > 1 else ""}:']
    for run in runs:
        seed = run['training_seed']
        lines.append(f'  {run["file"]}' + ('' if seed is None else f'  seed {seed}'))
    if report['across']:
        lines.append(f'differing between the runs: {", ".join(report["across"])}')
    if 'data' in report['across']:
        lines.append('spread over test films as well as over trainings (folds)')
    rows = report['per_finding']
    columns = [c for c in _SHOWN if any(c in row for row in rows.values())]
    width = max(map(len, [*rows, *report['metrics'], 'finding'])) + 2
    lines += ['', 'finding'.ljust(width) + ''.join(f'{c:>24}' for c in columns)]
    for name, row in rows.items():
        cells = ''.join(f'{_cell(row.get(c), len(runs)):>24}' for c in columns)
        lines.append(f'{name:<{width}}{cells}')
    lines += ['', f'{"":<{width}}{"mean ± sd":>24}{"min":>9}{"max":>9}']
    for key, value in report['metrics'].items():
        ends = ''.join(f'{_number(value[end]):>9}' for end in ('min', 'max'))
        lines.append(f'{key:<{width}}{_cell(value, len(runs)):>24}{ends}')
    if 'pooled' in report:
        lines += ['', *_pooled(report, width)]
    if (report.get('data') or {}).get('synthetic'):
        lines.append('synthetic phantoms: no number here says anything about patients')
    return '\n'.join(lines)


def _pooled(report: Mapping[str, Any], width: int) -> list[str]:
    pooled, rows = report['pooled'], report['per_finding']
    lines = [f'{"pooled films of all folds":<{width}}{"AUC":>24}{"mean of folds":>16}']
    keys = {'mAUC': report['metrics'].get('mAUC')}
    keys |= {f'AUC/{name}': row.get('AUC') for name, row in rows.items()}
    for key, folds in keys.items():
        if key not in pooled:
            continue
        text = _number(pooled[key])
        low, high = pooled.get(f'{key}_low'), pooled.get(f'{key}_high')
        if low is not None and high is not None:
            text += f' [{low:.3f}, {high:.3f}]'
        mean = _number(folds['mean'] if folds else None)
        lines.append(f'{key.removeprefix("AUC/"):<{width}}{text:>24}{mean:>16}')
    return [*lines, f'note: {report["pooled_note"]}']


def _cell(value: Mapping[str, Any] | None, n_runs: int) -> str:
    """Mean and spread; the number of runs where it is not all of them."""
    if value is None or value['n'] == 0:
        return '-'
    sd = '-' if value['sd'] is None else f'{value["sd"]:.3f}'
    text = f'{_number(value["mean"])} ± {sd}'
    return text if value['n'] == n_runs else f'{text} (n={value["n"]})'


def _number(value: float | None) -> str:
    if value is None:
        return '-'
    return f'{value:.0f}' if value > 1 and value == int(value) else f'{value:.3f}'
