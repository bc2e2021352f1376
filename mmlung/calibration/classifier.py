"""Fit a classifier's calibration and thresholds to the films of a validation part."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import numpy as np

from mmlung.evaluation.cutoffs import RULES
from mmlung.evaluation.cutoffs import Cutoff
from mmlung.evaluation.cutoffs import operating_thresholds
from mmlung.evaluation.platt import Platt
from mmlung.evaluation.platt import fit_platt
from mmlung.evaluation.recorded import recorded_scores
from mmlung.evaluation.reliability import brier_score
from mmlung.evaluation.reliability import expected_calibration_error
from mmlung.result import ImageResult

METHOD = "Platt scaling of the score's logit per finding, with Platt's targets"
FEW_POSITIVES = 10
"""What rests on fewer present films is largely chance, and is said to be."""


def fitted_findings(
    results: Sequence[ImageResult], findings: Sequence[str], min_positives: int = 1
) -> list[dict[str, Any]]:
    """Curve and thresholds of each finding, as the calibration file holds them.

    Args:
        results: of a classifier on the validation part, with truth.
        findings: of the model.
        min_positives: present films that a curve or threshold must rest on.

    Returns:
        Per finding the counts, ``slope`` and ``intercept`` (1 and 0 with the reason in
        ``unscaled``), ``thresholds`` by rule, each on the score and on the probability
        (None with the reason), ECE and Brier score before and after. 'After' is
        measured on the films of the fit, so it is better than elsewhere.

    Raises:
        ValueError: a film has no truth, or lacks a finding.
    """
    score, target = recorded_scores(results, findings)
    return [
        _fitted(name, score[:, c], target[:, c], min_positives)
        for c, name in enumerate(findings)
    ]


def _fitted(
    name: str, score: np.ndarray, target: np.ndarray, min_positives: int
) -> dict[str, Any]:
    curve = fit_platt(score, target, min_positives)
    cutoffs = operating_thresholds(score, target, min_positives)
    probability = curve.probability(score)
    return {
        'finding': name,
        'positives': int((target == 1).sum()),
        'known': int((~np.isnan(target)).sum()),
        'slope': curve.slope,
        'intercept': curve.intercept,
        'unscaled': curve.unscaled,
        'thresholds': {rule: _both(c, curve) for rule, c in cutoffs.items()},
        'ece_before': expected_calibration_error(score, target),
        'ece_after': expected_calibration_error(probability, target),
        'brier_before': brier_score(score, target),
        'brier_after': brier_score(probability, target),
    }


def _both(cutoff: Cutoff, curve: Platt) -> dict[str, Any]:
    """One threshold on either scale: the curve rises, so both call the same films."""
    score_thr = cutoff.score_thr
    probability = (
        None if score_thr is None else float(curve.probability(np.array(score_thr)))
    )
    return {
        'score_thr': score_thr,
        'probability_thr': probability,
        'reason': cutoff.reason,
    }


def calibration_table(content: Mapping[str, Any]) -> str:
    """A calibration file as text, one row a finding."""
    rows = content['findings']
    width = max(len('finding'), *(len(row['finding']) for row in rows)) + 2
    heads = ['positives', 'slope', 'intercept', *RULES, 'ECE', 'Brier']
    lines = ['finding'.ljust(width) + _columns(heads)]
    for row in rows:
        thresholds = [row['thresholds'][rule]['probability_thr'] for rule in RULES]
        cells = [str(row['positives']), f'{row["slope"]:.3f}']
        cells += [f'{row["intercept"]:.3f}', *map(_number, thresholds)]
        cells += [
            f'{_number(row[f"{key}_before"])} -> {_number(row[f"{key}_after"])}'
            for key in ('ece', 'brier')
        ]
        lines.append(row['finding'].ljust(width) + _columns(cells))
    return '\n'.join([*lines, '', *_remarks(content)])


def _remarks(content: Mapping[str, Any]) -> list[str]:
    rows, data = content['findings'], content['data']
    unscaled = [f'{r["finding"]} ({r["unscaled"]})' for r in rows if r['unscaled']]
    few = [
        row['finding']
        for row in rows
        if not row['unscaled'] and row['positives'] < FEW_POSITIVES
    ]
    lines = [
        f'{len(rows) - len(unscaled)} of {len(rows)} findings calibrated: '
        f'{content["method"]}',
        'thresholds: on the calibrated probability; '
        + '; '.join(f'{rule}: {text}' for rule, text in RULES.items()),
        'ECE and Brier score: before -> after, on the very films of the fit; the test '
        'tells what they are elsewhere',
        f'split: {data["split"]} ({data["split_family"]}), {data["images"]} images of '
        f'{data["dataset"]} ({data["file"]}), ground truth: {data["ground_truth"]}',
        'a probability, like PPV and NPV, holds at the prevalence of these films only',
    ]
    if unscaled:
        lines.append(f'scores stay as they are: {", ".join(unscaled)}')
    if few:
        lines.append(
            f'resting on fewer than {FEW_POSITIVES} present films, so largely chance: '
            f'{", ".join(few)} (--min-positives {FEW_POSITIVES} leaves them out)'
        )
    return lines


def _columns(cells: Sequence[str]) -> str:
    widths = (9, 8, 10, 9, 14, 14, 16, 16)
    return ''.join(f'{c:>{w}}' for c, w in zip(cells, widths, strict=True))


def _number(value: float | None) -> str:
    return '-' if value is None or value != value else f'{value:.3f}'
