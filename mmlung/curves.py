"""Curves of a test, drawn again from its recorded results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field
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
from mmlung.result import Predictions

BAND_RESAMPLES = 200
"""Enough for a band that is looked at; the numbers' intervals are the test's."""

Curve = TypeVar('Curve')


@dataclass(frozen=True)
class Curves:
    """Per finding what a test's numbers stand for; empty where it does not apply."""

    roc: dict[str, RocCurve] = field(default_factory=dict)
    pr: dict[str, PrCurve] = field(default_factory=dict)
    before: dict[str, ReliabilityCurve] = field(default_factory=dict)
    """Of the scores as the model gives them."""
    after: dict[str, ReliabilityCurve] = field(default_factory=dict)
    """Of the calibrated probabilities; findings without any are left out."""
    froc: dict[str, FrocCurve] = field(default_factory=dict)
    all_findings: FrocCurve | None = None
    """FROC of all findings pooled."""


def measure_curves(
    predictions: Predictions, bootstrap: int = BAND_RESAMPLES, seed: int = 0
) -> Curves:
    """Curves of a classifier's films, or of a detector's boxes.

    Args:
        predictions: of a test.
        bootstrap: resamples of patients behind the bands; 0 for none.
        seed: of the resampling.

    Raises:
        ValueError: a film has no truth, or lacks a finding.
    """
    if predictions.has_boxes:
        images = recorded_detections(predictions.results, predictions.findings)
        names = predictions.findings
        return Curves(
            froc={name: froc_curve(images, names, name) for name in names},
            all_findings=froc_curve(images, names),
        )
    score, target = recorded_scores(predictions.results, predictions.findings)
    clusters = clusters_of(predictions.results)

    def each(curve: Callable[..., Curve], *options: object) -> dict[str, Curve]:
        columns = zip(predictions.findings, score.T, target.T, strict=True)
        return {name: curve(s, t, *options) for name, s, t in columns}

    return Curves(
        roc=each(roc_curve, clusters, bootstrap, seed),
        pr=each(pr_curve, clusters, bootstrap, seed),
        before=each(reliability_curve),
        after=_after(predictions, target),
    )


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
