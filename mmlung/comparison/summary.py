"""Mean and spread of several runs: seeds of one experiment, or folds of its data."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from statistics import stdev
from typing import Any

SCHEMA = 'mmlung.summary/1'
_METRICS_SCHEMA = 'mmlung.metrics/1'
FILE_NAME = 'metrics.json'

ACROSS = ('data', 'ground-truth', 'split', 'config', 'metrics')
"""What runs must share to be summarized together, unless it is asked for."""


@dataclass(frozen=True)
class Run:
    """One metrics.json."""

    path: Path
    content: Mapping[str, Any]

    @property
    def facts(self) -> dict[str, Any]:
        """Of each kind in ``ACROSS``, what decides whether numbers are comparable."""
        data = self.content.get('data') or {}
        config = self.content.get('config') or {}
        metrics = [
            {k: v for k, v in item.items() if k not in ('bootstrap', 'seed')}
            for item in self.content.get('evaluators') or []
        ]
        return {
            'data': data.get('sha256'),
            'ground-truth': data.get('ground_truth'),
            'split': (data.get('dataset'), data.get('split'), data.get('split_family')),
            'config': (config.get('file'), config.get('img_size'), self.tta),
            'metrics': metrics,
        }

    @property
    def tta(self) -> bool:
        """Whether scores were averaged over augmentations."""
        return bool(self.content.get('tta'))

    @property
    def checkpoint(self) -> str | None:
        """Sha256 of the weights; None for an untrained network."""
        return (self.content.get('checkpoint') or {}).get('sha256')


def read_run(path: Path | str) -> Run:
    """Read the metrics.json of a test, or the one of its work dir.

    Raises:
        FileNotFoundError: there is none.
        ValueError: the file is no JSON, or has another schema.
    """
    path = Path(path)
    file = path / FILE_NAME if path.is_dir() else path
    if not file.is_file():
        raise FileNotFoundError(
            f'{file} does not exist. `mmlung test CONFIG CHECKPOINT` writes '
            f'{FILE_NAME} into the work dir.'
        )
    try:
        content = json.loads(file.read_text(encoding='utf-8'))
    except ValueError as error:  # JSON and UTF-8 alike
        raise ValueError(f'{file} is no {FILE_NAME}: {error}') from error
    schema = content.get('schema') if isinstance(content, dict) else None
    if schema != _METRICS_SCHEMA:
        raise ValueError(
            f'{file} must have the schema {_METRICS_SCHEMA!r}, got {schema!r}. Give a '
            'metrics.json, or the work dir that holds one.'
        )
    return Run(file, content)


def summarize(runs: Sequence[Run], across: Sequence[str] = ()) -> dict[str, Any]:
    """Mean, spread and range of every metric over runs, ready for JSON.

    Args:
        runs: of one experiment.
        across: what may differ between them, of ``ACROSS``; ``'data'`` for folds.

    Returns:
        ``metrics`` and ``per_finding``; of each metric ``n`` (runs in which it is
        defined), ``mean``, ``sd`` (of the sample; None for fewer than two runs),
        ``min``, ``max``. Which runs, what is the same and what differs.

    Raises:
        ValueError: there is no run; one is listed twice; runs differ in what ``across``
            does not name.
    """
    if not runs:
        raise ValueError('there must be at least one run to summarize, got none.')
    _check_distinct(runs)
    differing = _differing(runs)
    refused = [kind for kind in differing if kind not in across]
    if refused:
        raise ValueError(_refusal(runs, refused))
    contents = [run.content for run in runs]
    findings = list(dict.fromkeys(name for c in contents for name in c['per_finding']))
    return {
        'schema': SCHEMA,
        'runs': [_origin(run) for run in runs],
        'across': sorted(differing),
        'metrics': _spreads([c['metrics'] for c in contents]),
        'per_finding': {
            name: _spreads([c['per_finding'].get(name, {}) for c in contents])
            for name in findings
        },
        'data': contents[0].get('data'),
    }


def spread(values: Sequence[float]) -> dict[str, float | int | None]:
    """Number, mean, sample standard deviation and range of some values.

    >>> spread([1.0, 3.0])['mean'], spread([1.0])['sd']
    (2.0, None)
    """
    if not values:
        return {'n': 0, 'mean': None, 'sd': None, 'min': None, 'max': None}
    return {
        'n': len(values),
        'mean': fmean(values),
        'sd': stdev(values) if len(values) > 1 else None,
        'min': min(values),
        'max': max(values),
    }


def _spreads(rows: Sequence[Mapping[str, float | None]]) -> dict[str, dict]:
    """Spread of each key over the rows in which it is defined; no interval's ends."""
    keys = dict.fromkeys(key for row in rows for key in row)
    found = {}
    for key in keys:
        if key.endswith(('_low', '_high')):
            continue
        values = [row.get(key) for row in rows]
        found[key] = spread([v for v in values if v is not None and math.isfinite(v)])
    return found


def _check_distinct(runs: Sequence[Run]) -> None:
    seen: dict[tuple, Path] = {}
    for run in runs:
        weights = run.checkpoint or str(run.path.resolve())
        key = weights, run.facts['data'], run.tta
        if key in seen:
            raise ValueError(
                f'{run.path} and {seen[key]} are the same weights on the same films: '
                'a run counts once.'
            )
        seen[key] = run.path


def _differing(runs: Sequence[Run]) -> list[str]:
    first = runs[0].facts
    return [k for k in ACROSS if any(run.facts[k] != first[k] for run in runs)]


def _refusal(runs: Sequence[Run], kinds: Sequence[str]) -> str:
    first = runs[0]
    parts = []
    for kind in kinds:
        other = next(run for run in runs if run.facts[kind] != first.facts[kind])
        values = (_short(run.facts[kind]) for run in (first, other))
        parts.append(
            f'{kind} ({{}} in {first.path}, {{}} in {other.path})'.format(*values)
        )
    return (
        f'the runs differ in {"; ".join(parts)}. A mean over them would mix different '
        f'experiments; --across {" ".join(kinds)} if that is meant'
        + (' (folds of one data set differ in data alone).' if 'data' in kinds else '.')
    )


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f'{text[:57]}...'


def _origin(run: Run) -> dict[str, Any]:
    kept = ('config', 'checkpoint', 'data', 'training_seed', 'training_epochs', 'tta')
    return {'file': str(run.path)} | {key: run.content.get(key) for key in kept}
