"""AUCs of a cross-validation: ranked within each fold, averaged over folds.

Scores of different models have no common scale, so films of different folds are never
ranked against each other. Patients are resampled over all folds at once.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmlung.evaluation.auc import weighted_areas
from mmlung.evaluation.bootstrap import mean_defined
from mmlung.evaluation.bootstrap import with_intervals
from mmlung.evaluation.subgroups import age_band
from mmlung.result import ImageResult

RESAMPLES = 1000
MIN_POSITIVES = 20
"""Findings with fewer, in any group that is compared, are shown but not averaged."""


@dataclass(frozen=True)
class Films:
    """What a run, or the folds of a cross-validation, said of B films.

    Attributes:
        findings: C names.
        name: (B,) file names.
        fold: (B,) number of the run that scored the film.
        patient: (B,) the release's pseudonyms.
        score: (B, C).
        target: (B, C) 1 present, 0 absent, NaN unknown.
        groups: attribute -> (B,) value of each film, '' where unknown.
    """

    findings: tuple[str, ...]
    name: np.ndarray
    fold: np.ndarray
    patient: np.ndarray
    score: np.ndarray
    target: np.ndarray
    groups: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.name)


def read_films(predictions: Sequence[Path]) -> Films:
    """Films of one predictions.json a fold."""
    contents = [json.loads(path.read_text('utf-8')) for path in predictions]
    findings = tuple(contents[0]['findings'])
    results = [ImageResult.from_json(e) for c in contents for e in c['images']]
    by_name = [{f.name: f.score for f in result.findings} for result in results]
    truth = [{f.name: f.score for f in result.truth or ()} for result in results]
    return Films(
        findings=findings,
        name=np.array([result.image for result in results]),
        fold=np.repeat(range(len(contents)), [len(c['images']) for c in contents]),
        patient=np.array([result.patient_id or result.image for result in results]),
        score=np.array([[row[name] for name in findings] for row in by_name], float),
        target=np.array([[row[name] for name in findings] for row in truth], float),
        groups={
            'sex': np.array([result.sex or '' for result in results]),
            'age': np.array([age_band(result.age) or '' for result in results]),
            'view': np.array([result.view or '' for result in results]),
        },
    )


def positives(films: Films, chosen: np.ndarray | None = None) -> np.ndarray:
    """(C,) number of films with each finding, of the chosen ones."""
    target = films.target if chosen is None else films.target[chosen]
    return (target == 1).sum(axis=0)


def fold_auc(
    films: Films,
    chosen: np.ndarray | None = None,
    averaged: Sequence[str] | None = None,
) -> dict[str, float]:
    """AUC per finding and on average, each the mean of the folds' own AUCs.

    Args:
        films: of a run, or of all folds.
        chosen: (B,) bool, the films to rank; None for all.
        averaged: findings in the mean; None: those with ``MIN_POSITIVES``.

    Returns:
        ``AUC/<finding>`` and ``mAUC``, each with ``_low`` and ``_high``: 95 %
        percentile interval over resampled patients. A fold in which a finding is
        undefined does not count; NaN where all are.
    """
    kept = np.ones(len(films), bool) if chosen is None else np.asarray(chosen, bool)
    n = positives(films, kept)
    if averaged is None:
        averaged = [
            f for f, k in zip(films.findings, n, strict=True) if k >= MIN_POSITIVES
        ]
    in_mean = [films.findings.index(name) for name in averaged]

    def statistic(weights: np.ndarray) -> dict[str, np.ndarray]:
        areas = _areas(films, np.flatnonzero(kept), weights)
        report = {f'AUC/{f}': areas[c] for c, f in enumerate(films.findings)}
        return report | {'mAUC': mean_defined(areas[in_mean])}

    return with_intervals(statistic, films.patient.tolist(), RESAMPLES, seed=0)


def mean_difference(first: Sequence[Films], second: Sequence[Films]) -> dict:
    """How much the second variant's mean AUC is above the first's, over seeds.

    Args:
        first: one run a seed, all of the same films.
        second: the other variant's, of the same seeds and films.

    Returns:
        ``difference`` with ``_low`` and ``_high``: the mean over seeds of the paired
        differences, with its interval over resampled patients (not over seeds).

    Raises:
        ValueError: the runs are not of the same films.
    """
    names = [films.name.tolist() for films in (*first, *second)]
    if any(other != names[0] for other in names):
        raise ValueError('runs of different films cannot be compared in pairs')
    rows = np.arange(len(first[0]))
    in_mean = positives(first[0]) >= MIN_POSITIVES

    def statistic(weights: np.ndarray) -> dict[str, np.ndarray]:
        means = [
            np.mean([mean_defined(_areas(f, rows, weights)[in_mean]) for f in runs], 0)
            for runs in (first, second)
        ]
        return {'difference': means[1] - means[0]}

    return with_intervals(statistic, first[0].patient.tolist(), RESAMPLES, seed=0)


def _areas(films: Films, rows: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(C, R) AUC per finding, the mean over the folds that define it."""
    folds = [rows[films.fold[rows] == k] for k in np.unique(films.fold)]
    return np.array(
        [
            mean_defined(
                np.array(
                    [
                        weighted_areas(
                            films.score[part, c], films.target[part, c], weights[part]
                        )[0]
                        for part in folds
                    ]
                )
            )
            for c in range(len(films.findings))
        ]
    )
