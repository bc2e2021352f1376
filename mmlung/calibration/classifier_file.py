"""A classifier's calibration beside a checkpoint: the file, and whether it fits."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mmlung.calibration.thresholds_file import AUTO
from mmlung.calibration.thresholds_file import NO_FILE
from mmlung.calibration.thresholds_file import TAKE_AGAIN
from mmlung.calibration.thresholds_file import misfit
from mmlung.calibration.thresholds_file import notes_on_conditions
from mmlung.checkpoint import file_sha256
from mmlung.evaluation.cutoffs import RULES
from mmlung.evaluation.platt import Platt
from mmlung.result import Finding
from mmlung.result import ImageResult

CALIBRATION_SCHEMA = 'mmlung.calibration/1'


@dataclass(frozen=True)
class Calibration:
    """What a test does to a classifier's scores, and where that comes from."""

    curves: Mapping[str, Platt] = field(default_factory=dict)
    """Per finding; without a file there are none, and scores stay as they are."""
    score_thresholds: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """``{rule: {finding: threshold on the score}}``; findings without one left out."""
    file: Path | None = None
    content: Mapping[str, Any] | None = None
    """Of the file."""
    notes: tuple[str, ...] = ()
    """What a reader of the numbers should know."""

    def probability(self, score: np.ndarray, findings: Sequence[str]) -> np.ndarray:
        """(B, C) calibrated probabilities of (B, C) scores, columns by ``findings``."""
        calibrated = np.array(score, dtype=float)
        for column, name in enumerate(findings):
            curve = self.curves.get(name, Platt())
            calibrated[:, column] = curve.probability(calibrated[:, column])
        return calibrated

    def apply(self, results: Sequence[ImageResult]) -> list[ImageResult]:
        """Results with ``probability`` beside each score that is calibrated."""
        scaled = {n for n, curve in self.curves.items() if curve.unscaled is None}
        if not scaled:
            return list(results)
        findings = [f for result in results for f in result.findings]
        done = list(findings)
        for name in scaled:
            where = [i for i, f in enumerate(findings) if _has_score(f, name)]
            scores = np.array([findings[i].score for i in where], dtype=float)
            for i, p in zip(where, self.curves[name].probability(scores), strict=True):
                done[i] = replace(findings[i], probability=round(float(p), 6))
        rest = iter(done)
        return [
            replace(result, findings=tuple(next(rest) for _ in result.findings))
            for result in results
        ]

    def to_json(self) -> dict[str, Any]:
        """For metrics.json and predictions.json."""
        head: dict[str, Any] = {'source': 'none' if self.file is None else 'calibrated'}
        if self.content is not None and self.file is not None:
            head['file'] = self.file.name
            head['sha256'] = file_sha256(self.file)
            head['data'] = self.content['data']
            head['unscaled'] = {
                name: curve.unscaled
                for name, curve in self.curves.items()
                if curve.unscaled
            }
        return head | {'notes': list(self.notes)}


def _has_score(finding: Finding, name: str) -> bool:
    return finding.name == name and finding.score is not None


def calibration_path(checkpoint: str | Path) -> Path:
    """File of a checkpoint's calibration.

    >>> calibration_path('work_dirs/convnext_chestxray14/best.pth').name
    'best.calibration.json'
    """
    return Path(checkpoint).with_suffix('.calibration.json')


def read_calibration(path: str | Path) -> Calibration:
    """A file that ``tools/calibrate.py`` wrote for a classifier.

    Raises:
        FileNotFoundError: it is not there.
        ValueError: it is no such file, or of another schema.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f'calibration file {path} does not exist. `mmlung calibrate CONFIG '
            'CHECKPOINT` writes one beside the checkpoint.'
        )
    try:
        content = json.loads(path.read_bytes())
        if content['schema'] != CALIBRATION_SCHEMA:
            raise ValueError(f'its schema is {content["schema"]!r}')
        rows = content['findings']
        curves = {row['finding']: _curve(row) for row in rows}
        if len(curves) < len(rows):
            raise ValueError('a finding stands there twice')
        thresholds = {rule: _thresholds(rows, rule) for rule in RULES}
        str(content['checkpoint']['sha256'])
        str(content['data']['file'])
    except (KeyError, TypeError, ValueError) as error:
        what = f'{error} is missing' if isinstance(error, KeyError) else str(error)
        raise ValueError(
            f'{path} is no calibration file of schema {CALIBRATION_SCHEMA} ({what}). '
            f'{TAKE_AGAIN}.'
        ) from error
    return Calibration(curves, thresholds, path, content)


def choose_calibration(
    checkpoint: str | None,
    findings: Sequence[str] | None,
    wanted: str = AUTO,
    conditions: Mapping[str, Any] | None = None,
) -> Calibration:
    """The calibration to test a classifier with.

    Args:
        checkpoint: its file; None for an untrained network.
        findings: of the model; None: not known, so not compared.
        wanted: ``'auto'``, ``'none'``, or a file, which must fit.
        conditions: how the model runs now (``img_size``, ``tta``); where the file was
            made otherwise, a note says so.

    Returns:
        That of the file. Where there is none, or with ``'auto'`` the file beside the
        checkpoint does not fit (a note says why), one that changes nothing.

    Raises:
        FileNotFoundError: the wanted file is not there.
        ValueError: the wanted file is of another checkpoint or other findings, or a
            file is damaged.
    """
    if wanted == NO_FILE or (wanted == AUTO and checkpoint is None):
        return Calibration()
    path = calibration_path(checkpoint or '') if wanted == AUTO else Path(wanted)
    if wanted == AUTO and not path.is_file():
        return Calibration()
    found = read_calibration(path)
    content = found.content or {}
    # A note goes into metrics.json, which does not say where on a disk things are.
    shown = path.name if wanted == AUTO else str(path)
    wrong = misfit(shown, content, list(found.curves), checkpoint, findings)
    if wrong and wanted != AUTO:
        raise ValueError(f'{wrong}. {TAKE_AGAIN}, or pass --thresholds none.')
    if wrong:
        return Calibration(notes=(f'{wrong}, so scores stay as is. {TAKE_AGAIN}.',))
    return replace(found, notes=notes_on_conditions(path, content, conditions or {}))


def _curve(row: Mapping[str, Any]) -> Platt:
    slope, intercept = float(row['slope']), float(row['intercept'])
    if not (math.isfinite(slope) and math.isfinite(intercept) and slope > 0):
        raise ValueError(
            f'the curve of {row["finding"]} must have a positive slope, got {slope}'
        )
    return Platt(slope, intercept, row['unscaled'])


def _thresholds(rows: Sequence[Mapping[str, Any]], rule: str) -> dict[str, float]:
    found = {row['finding']: row['thresholds'][rule]['score_thr'] for row in rows}
    chosen = {name: float(v) for name, v in found.items() if v is not None}
    if not all(0 <= value <= 1 for value in chosen.values()):
        raise ValueError('a threshold lies outside [0, 1]')
    return chosen
