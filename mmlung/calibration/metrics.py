"""What a classifier's test says of its probabilities and operating points."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmlung.calibration.classifier_file import Calibration
from mmlung.calibration.classifier_file import choose_calibration
from mmlung.evaluation.cutoffs import RULES
from mmlung.evaluation.rates import COUNTS
from mmlung.evaluation.rates import RATES
from mmlung.evaluation.rates import rates_at
from mmlung.evaluation.recorded import clusters_of
from mmlung.evaluation.recorded import recorded_scores
from mmlung.evaluation.reliability import N_BINS
from mmlung.evaluation.reliability import calibration_errors
from mmlung.provenance import UNTRAINED
from mmlung.result import ImageResult

PREVALENCE = 'PPV and NPV, like the probabilities, hold at the tested prevalence only'

ECE_INTERVALS = (
    'a resample adds a chance error of its own to the ECE, so its interval lies too '
    'high and may leave the value below'
)


@dataclass(frozen=True)
class CalibratedTest:
    """A calibration, and how its numbers are resampled."""

    calibration: Calibration
    bootstrap: int
    seed: int
    cluster: str = 'patient'
    """What is drawn as one, as in ``mmlung.MeanAUC``."""

    def sections(
        self,
        results: Sequence[ImageResult],
        findings: Sequence[str],
        tested: Mapping[str, Any],
    ) -> dict[str, Any]:
        """``calibration`` and ``operating_points`` of metrics.json.

        Args:
            results: of the test, with truth.
            findings: of the model.
            tested: data facts of the test, with ``sha256``.
        """
        score, target = recorded_scores(results, findings)
        clusters = clusters_of(results) if self.cluster == 'patient' else None
        resampling = (clusters, self.bootstrap, self.seed)
        calibrated = self.calibration.file is not None
        probability = self.calibration.probability(score, findings)

        def errors(values: np.ndarray) -> dict[str, Any]:
            report = calibration_errors(values, target, findings, *resampling)
            return _by_finding(report, ('ECE', 'Brier'), findings, 'm')

        return {
            'calibration': {
                **self.facts(tested),
                'bins': N_BINS,
                'ece_intervals': ECE_INTERVALS,
                'before': errors(score),
                'after': errors(probability) if calibrated else None,
            },
            'operating_points': (
                {
                    'note': PREVALENCE,
                    **{
                        rule: self._rule(rule, score, target, findings, resampling)
                        for rule in RULES
                    },
                }
                if calibrated
                else None
            ),
        }

    def facts(self, tested: Mapping[str, Any]) -> dict[str, Any]:
        """Where the calibration comes from; a note where test and fit share films."""
        facts = self.calibration.to_json()
        if 'data' in facts and facts['data']['sha256'] == tested['sha256']:
            facts['notes'].append(
                'the scores were calibrated on the very films that are tested here: '
                'ECE, Brier score and operating points are optimistic'
            )
        return facts

    def _rule(
        self,
        rule: str,
        score: np.ndarray,
        target: np.ndarray,
        findings: Sequence[str],
        resampling: tuple[list[str] | None, int, int],
    ) -> dict[str, Any]:
        thresholds = self.calibration.score_thresholds[rule]
        report = rates_at(score, target, thresholds, findings, *resampling)
        found = _by_finding(report, RATES, findings)
        rows = {
            row['finding']: row for row in (self.calibration.content or {})['findings']
        }
        for name, row in found['per_finding'].items():
            row |= rows[name]['thresholds'][rule]
            row |= {key: report.get(f'{key}/{name}') for key in COUNTS}
        return {'rule': RULES[rule], 'findings': len(thresholds), **found}


def is_classifier(cfg: Mapping[str, Any]) -> bool:
    """Whether a config is a classifier's: its runner speaks mmpretrain."""
    return cfg.get('default_scope') == 'mmpretrain'


def calibrated_test(
    cfg: Mapping[str, Any], checkpoint: str, wanted: str, tta: bool
) -> CalibratedTest | None:
    """What a test of a config needs before it runs; a warning where a file misfits.

    Args:
        cfg: of the test, before it runs.
        checkpoint: its file; ``'none'`` for an untrained network.
        wanted: ``'auto'``, ``'none'``, or a file, which must fit.
        tta: whether the test runs with test-time augmentation.

    Returns:
        None for a detector.

    Raises:
        FileNotFoundError: the wanted file is not there.
        ValueError: the wanted file does not fit, or a file is damaged.
    """
    if not is_classifier(cfg):
        return None
    calibration = choose_calibration(
        None if checkpoint == UNTRAINED else checkpoint,
        cfg.get('findings'),
        wanted,
        {'img_size': cfg.get('img_size'), 'tta': tta},
    )
    for note in calibration.notes:
        print(f'warning: {note}', file=sys.stderr)
    evaluators = cfg['test_evaluator']
    items = evaluators if isinstance(evaluators, list | tuple) else [evaluators]
    widest = max(items, key=lambda item: item.get('bootstrap', 0))
    return CalibratedTest(
        calibration,
        int(widest.get('bootstrap', 0)),
        int(widest.get('seed', 0)),
        widest.get('cluster', 'patient'),
    )


def calibration_lines(metrics: Mapping[str, Any]) -> list[str]:
    """What the printed table says of it; ``metrics.json`` has all."""
    section = metrics.get('calibration')
    if section is None:
        return []
    before, after = section['before']['mean'], (section['after'] or {}).get('mean')
    parts = [
        f'mean {key} {_number(before[key], 4)}'
        + (f' -> {_number(after[key], 4)}' if after else '')
        for key in ('ECE', 'Brier')
    ]
    line = f'calibration: {", ".join(parts)}'
    if section['source'] == 'none':
        lines = [f'{line}, of the scores as they are']
    else:
        data, unscaled = section['data'], section['unscaled']
        line += (
            f' (Platt scaling on {data["file"]}, split: {data["split"]}, '
            f'{data["images"]} images; {section["file"]})'
        )
        if unscaled:
            reasons = (f'{name} ({reason})' for name, reason in unscaled.items())
            line += f'; scores stay as they are: {", ".join(reasons)}'
        mean = metrics['operating_points']['youden']['mean']
        rates = ', '.join(
            f'{key} {_number(mean[key])}' for key in ('sensitivity', 'specificity')
        )
        lines = [line, f"operating points: at Youden's, mean {rates}; {PREVALENCE}"]
    return [*lines, *(f'note: {note}' for note in section['notes'])]


def _by_finding(
    report: Mapping[str, float],
    keys: Sequence[str],
    findings: Sequence[str],
    mean_prefix: str = '',
) -> dict[str, Any]:
    """Flat keys to ``mean`` and ``per_finding``; a finding without any is empty."""
    wanted = [f'{key}{end}' for key in keys for end in ('', '_low', '_high')]

    def of_finding(name: str) -> dict[str, float]:
        flat = {
            f'{key}{end}': f'{key}/{name}{end}'
            for key in keys
            for end in ('', '_low', '_high')
        }
        return {key: report[old] for key, old in flat.items() if old in report}

    mean = {key: report.get(f'{mean_prefix}{key}') for key in wanted}
    return {
        'mean': {key: value for key, value in mean.items() if value is not None},
        'per_finding': {name: of_finding(name) for name in findings},
    }


def _number(value: float | None, digits: int = 3) -> str:
    return '-' if value is None or value != value else f'{value:.{digits}f}'
