"""Tables of the small classifiers on real films, from what their tests wrote."""

from __future__ import annotations

import csv
import json
import statistics
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from fold_auc import MIN_POSITIVES
from fold_auc import Films
from fold_auc import fold_auc
from fold_auc import mean_difference
from fold_auc import positives
from fold_auc import read_films

from mmlung.evaluation.subgroups import AGE_BANDS

SMALLEST_SOURCE = 100
"""Films that a copy must have given to be looked at alone."""


@dataclass(frozen=True)
class Experiment:
    """Two variants compared in pairs, seed by seed."""

    title: str
    first: str
    second: str


def report(
    folds: Sequence[Path],
    data: Sequence[Path],
    variants: Mapping[str, Sequence[Path]],
    experiments: Sequence[Experiment],
    sources: Path | None,
) -> str:
    """All tables.

    Args:
        folds: work dir of each fold's run.
        data: data_root of each fold.
        variants: name -> work dir of each seed, all on the first fold.
        experiments: pairs of variants.
        sources: table of file and source_repo; None: not known, so left out.
    """
    films = read_films([folder / 'predictions.json' for folder in folds])
    parts = [
        f'{len(films):,} films of {len(set(films.patient)):,} patients, each tested '
        'once, by the model of the fold that did not train on its patient. AUC: mean '
        f'of the {len(folds)} folds, with its 95 % interval over 1,000 resamples of '
        'patients.',
        finding_table(films),
    ]
    if sources is not None:
        parts.append(source_tables(films, read_sources(sources), data))
    runs = {
        name: [read_films([folder / 'predictions.json']) for folder in folders]
        for name, folders in variants.items()
    }
    parts += [
        f'Paired experiments on the first fold ({len(runs[experiments[0].first][0])} '
        'test films, three seeds). Difference of the mean AUC, averaged over seeds, '
        'with its 95 % interval over patients; the spread over seeds is beside it.',
        experiment_table(runs, experiments),
        'Calibration and operating points, fitted on validation, applied to test: '
        'means over findings, then mean ± standard deviation over folds. PPV and NPV '
        'hold at the prevalence of these films only.',
        calibration_table([_metrics(folder) for folder in folds]),
        'Subgroups (mean AUC of the findings with at least '
        f'{MIN_POSITIVES} positives in every group of a row block):',
        subgroup_table(films),
    ]
    return '\n\n'.join(parts)


def finding_table(films: Films) -> str:
    """AUC of every finding."""
    numbers, n = fold_auc(films), positives(films)
    rows = ['| finding | positives | AUC |', '|---|--:|---|']
    for name, count in zip(films.findings, n, strict=True):
        rows.append(f'| {name} | {count} | {_cell(numbers, f"AUC/{name}")} |')
    rows.append(f'| **mean** | | **{_cell(numbers, "mAUC")}** |')
    return '\n'.join(rows)


def read_sources(path: Path) -> dict[str, str]:
    """Stem of a film -> the copy that it came from."""
    with path.open(newline='', encoding='utf-8') as file:
        return {Path(r['file']).stem: r['source_repo'] for r in csv.DictReader(file)}


def source_tables(films: Films, copies: Mapping[str, str], data: Sequence[Path]) -> str:
    """The same scores ranked within one copy alone, and what the copy alone says."""
    source = np.array([copies[Path(name).stem] for name in films.name])
    large = [s for s, n in _counts(source) if n >= SMALLEST_SOURCE]
    guess = replace(films, score=_score_of_the_copy(films, source, copies, data))
    rows = [
        '| films of | films | findings averaged | mean AUC, this source only '
        '| same findings, all films | knowing only the source, all films |',
        '|---|--:|--:|---|---|---|',
    ]
    for name in large:
        chosen = source == name
        absent = (films.target[chosen] == 0).sum(axis=0)
        enough = (positives(films, chosen) >= MIN_POSITIVES) & (absent >= MIN_POSITIVES)
        same = [f for f, k in zip(films.findings, enough, strict=True) if k]
        if not same:
            rows.append(f'| {name} | {chosen.sum()} | 0 | - | - | - |')
            continue
        cells = [
            _cell(fold_auc(films, chosen, same), 'mAUC'),
            _cell(fold_auc(films, None, same), 'mAUC'),
            _cell(fold_auc(guess, None, same), 'mAUC'),
        ]
        rows.append(
            f'| {name} | {chosen.sum()} | {len(same)} | ' + ' | '.join(cells) + ' |'
        )
    text = (
        'How much is the copy rather than the disease: the same models ranked within '
        'one source of films, and a "model" that knows nothing but the source (its '
        "score is the finding's share among the training films of that source)."
    )
    return f'{text}\n\n' + '\n'.join(rows)


def _counts(values: np.ndarray) -> list[tuple[str, int]]:
    names, n = np.unique(values, return_counts=True)
    return sorted(zip(names, n, strict=True), key=lambda pair: -pair[1])


def _score_of_the_copy(
    films: Films, source: np.ndarray, copies: Mapping[str, str], data: Sequence[Path]
) -> np.ndarray:
    """(B, C) share of each finding among the fold's training films of that source."""
    score = np.zeros(films.score.shape)
    for fold, folder in enumerate(data):
        content = json.loads((folder / 'train.json').read_text('utf-8'))
        order = [content['metainfo']['classes'].index(name) for name in films.findings]
        items = content['data_list']
        label = np.array([item['gt_score'] for item in items], dtype=float)[:, order]
        of = np.array([copies[Path(item['img_path']).stem] for item in items])
        for name in np.unique(source):
            here = (films.fold == fold) & (source == name)
            there = of == name
            score[here] = np.nanmean(label[there] if there.any() else label, axis=0)
    return score


def experiment_table(
    runs: Mapping[str, Sequence[Films]], experiments: Sequence[Experiment]
) -> str:
    """Mean and deviation over seeds of both variants, and their paired difference."""
    rows = [
        '| second against first | first | second | difference (interval over patients) '
        '| differences of the seeds |',
        '|---|---|---|---|---|',
    ]
    averaged = _often(next(iter(runs.values()))[0])
    means = {
        name: [fold_auc(films, None, averaged)['mAUC'] for films in of_seeds]
        for name, of_seeds in runs.items()
    }
    for experiment in experiments:
        first, second = means[experiment.first], means[experiment.second]
        numbers = mean_difference(runs[experiment.first], runs[experiment.second])
        each = ', '.join(f'{b - a:+.3f}' for a, b in zip(first, second, strict=True))
        rows.append(
            f'| {experiment.title} | {_mean_sd(first)} | {_mean_sd(second)} '
            f'| {_cell(numbers, "difference", "+.3f")} | {each} |'
        )
    return (
        '\n'.join(rows)
        + f'\n\nMean over {len(averaged)} findings: '
        + ', '.join(averaged)
    )


def _often(films: Films, chosen: np.ndarray | None = None) -> list[str]:
    n = positives(films, chosen)
    return [f for f, k in zip(films.findings, n, strict=True) if k >= MIN_POSITIVES]


def calibration_table(metrics: Sequence[Mapping[str, Any]]) -> str:
    """ECE and Brier before and after, and the operating points of each rule."""
    rows = ['| | before | after |', '|---|---|---|']
    for name in ('ECE', 'Brier'):
        cells = [
            _mean_sd([m['calibration'][when]['mean'][name] for m in metrics])
            for when in ('before', 'after')
        ]
        rows.append(f'| {name} | {cells[0]} | {cells[1]} |')
    rows += [
        '',
        '| threshold chosen on validation | sensitivity | specificity | PPV | NPV |',
        '|---|---|---|---|---|',
    ]
    rules = [key for key in metrics[0]['operating_points'] if key != 'note']
    for rule in rules:
        points = [m['operating_points'][rule] for m in metrics]
        cells = [
            _mean_sd([point['mean'][rate] for point in points])
            for rate in ('sensitivity', 'specificity', 'ppv', 'npv')
        ]
        rows.append(f'| {points[0]["rule"]} | {" | ".join(cells)} |')
    left_alone = sum(len(m['calibration']['unscaled']) for m in metrics)
    total = sum(len(m['per_finding']) for m in metrics)
    rows += ['', f'Left unscaled: {left_alone} of {total} findings of folds.']
    return '\n'.join(rows)


def subgroup_table(films: Films) -> str:
    """Mean AUC by sex, age and view."""
    rows = ['| group | films | positives | mean AUC |', '|---|--:|--:|---|']
    for attribute, values in films.groups.items():
        names = sorted((str(v) for v in np.unique(values) if v), key=_band_or_name)
        same = set(films.findings)
        for name in names:
            same &= set(_often(films, values == name))
        in_order = [f for f in films.findings if f in same]
        columns = [films.findings.index(f) for f in in_order]
        for name in names:
            chosen = values == name
            numbers = fold_auc(films, chosen, in_order)
            n = positives(films, chosen)[columns].sum()
            rows.append(
                f'| {attribute} {name} ({len(in_order)} findings) | {chosen.sum():,} '
                f'| {n:,} | {_cell(numbers, "mAUC")} |'
            )
    return '\n'.join(rows)


def _band_or_name(name: str) -> tuple[int, str]:
    return (AGE_BANDS.index(name) if name in AGE_BANDS else 0, name)


def _metrics(folder: Path) -> dict[str, Any]:
    return json.loads((folder / 'metrics.json').read_text('utf-8'))


def _mean_sd(values: Sequence[float]) -> str:
    if len(values) == 1:
        return f'{values[0]:.3f}'
    return f'{statistics.mean(values):.3f} ± {statistics.stdev(values):.3f}'


def _cell(numbers: Mapping[str, float], key: str, form: str = '.3f') -> str:
    value = format(numbers[key], form)
    return (
        f'{value} ({numbers[f"{key}_low"]:{form}} to {numbers[f"{key}_high"]:{form}})'
    )
