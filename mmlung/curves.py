"""Curves of a test, drawn again from its recorded results."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from typing import Any
from typing import TypeVar

import numpy as np

from mmlung.evaluation.froc import FrocCurve
from mmlung.evaluation.froc import froc_curve
from mmlung.evaluation.recorded import clusters_of
from mmlung.evaluation.recorded import recorded_detections
from mmlung.evaluation.recorded import recorded_scores
from mmlung.evaluation.reliability import ReliabilityCurve
from mmlung.evaluation.reliability import reliability_curve
from mmlung.evaluation.roc import PrCurve
from mmlung.evaluation.roc import RocCurve
from mmlung.evaluation.roc import pr_curve
from mmlung.evaluation.roc import roc_curve
from mmlung.evaluation.study_level import pool_studies
from mmlung.result import Predictions

BAND_RESAMPLES = 200
"""Enough for a band that is looked at; the numbers' intervals are the test's."""

Curve = TypeVar('Curve')


@dataclass(frozen=True)
class Curves:
    """Per finding what a test's numbers stand for; empty where it does not apply."""

    roc: dict[str, RocCurve] = field(default_factory=dict)
    pr: dict[str, PrCurve] = field(default_factory=dict)
    unit: str = 'film'
    """What a point of both is of: ``'study'`` where the test's AUC is."""
    before: dict[str, ReliabilityCurve] = field(default_factory=dict)
    """Of the scores as the model gives them, film by film."""
    after: dict[str, ReliabilityCurve] = field(default_factory=dict)
    """Of the calibrated probabilities; findings without any are left out."""
    froc: dict[str, FrocCurve] = field(default_factory=dict)
    all_findings: FrocCurve | None = None
    """FROC of all findings pooled."""


def measure_curves(
    predictions: Predictions, bootstrap: int = BAND_RESAMPLES, seed: int = 0
) -> Curves:
    """Curves of a classifier's films, or of a detector's boxes.

    What counts as a hit, and whether films are pooled by study, is as in the test.

    Args:
        predictions: of a test.
        bootstrap: resamples of patients behind the bands; 0 for none.
        seed: of the resampling.

    Raises:
        ValueError: a film has no truth, lacks a finding, or has no study where the
            test's AUC is over studies.
    """
    scope = (predictions.head.get('config') or {}).get('default_scope')
    if predictions.has_boxes or scope == 'mmdet':
        return _of_boxes(predictions)
    names = predictions.findings
    films = recorded_scores(predictions.results, names)
    settings = _settings_of(predictions, 'MeanAUC')
    by_study = settings.get('level') == 'study'
    *ranked, clusters = _as_ranked(predictions, *films, settings)
    resampling = clusters, bootstrap, seed
    return Curves(
        roc=_each(names, roc_curve, *ranked, *resampling),
        pr=_each(names, pr_curve, *ranked, *resampling),
        unit='study' if by_study else 'film',
        before=_each(names, reliability_curve, *films),
        after=_after(predictions, films[1]),
    )


def _settings_of(predictions: Predictions, metric: str) -> Mapping[str, Any]:
    """Arguments that the test gave to a metric."""
    evaluators = predictions.head.get('evaluators') or ()
    return next((e for e in evaluators if e.get('type') == f'mmlung.{metric}'), {})


def _of_boxes(predictions: Predictions) -> Curves:
    names = predictions.findings
    images = recorded_detections(predictions.results, names)
    settings = _settings_of(predictions, 'FROC')
    hit = settings.get('iou_thr', 0.4), settings.get('centre_inside', False)
    return Curves(
        froc={name: froc_curve(images, names, name, *hit) for name in names},
        all_findings=froc_curve(images, names, None, *hit),
    )


def _as_ranked(
    predictions: Predictions,
    score: np.ndarray,
    target: np.ndarray,
    settings: Mapping[str, Any],
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Scores, labels and what is resampled, of the films or studies that AUC ranks."""
    films = predictions.results
    by_film = settings.get('cluster') == 'image'
    clusters = [film.image for film in films] if by_film else clusters_of(films)
    if settings.get('level') != 'study':
        return score, target, clusters
    unknown = [film.image for film in films if not film.study_id]
    if unknown:
        raise ValueError(
            f'{predictions.path} names no study of {unknown[0]}, but its AUC is over '
            'studies. Test again with this version.'
        )
    studies = [f'{film.patient_id}/{film.study_id}' for film in films]
    aggregate = settings.get('aggregate', 'max')
    score, target, first = pool_studies(score, target, studies, aggregate)
    return score, target, [clusters[i] for i in first]


def _each(
    names: Sequence[str],
    curve: Callable[..., Curve],
    score: np.ndarray,
    target: np.ndarray,
    *options: object,
) -> dict[str, Curve]:
    columns = zip(names, score.T, target.T, strict=True)
    return {name: curve(s, t, *options) for name, s, t in columns}


def _after(predictions: Predictions, target: np.ndarray) -> dict[str, ReliabilityCurve]:
    curves = {}
    by_film = [
        {finding.name: finding.probability for finding in result.findings}
        for result in predictions.results
    ]
    for name, truth in zip(predictions.findings, target.T, strict=True):
        values = np.array([film[name] for film in by_film], dtype=float)
        if not np.isnan(values).any():
            curves[name] = reliability_curve(values, truth)
    return curves
