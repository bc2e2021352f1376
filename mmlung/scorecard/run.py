"""Test a checkpoint, and say of every number how it was obtained."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmlung.atomic import write_json as write_json
from mmlung.calibration.metrics import calibrated_test
from mmlung.calibration.thresholds_file import AUTO
from mmlung.calibration.thresholds_file import NO_FILE
from mmlung.calibration.thresholds_file import Thresholds
from mmlung.calibration.thresholds_file import choose_thresholds
from mmlung.evaluation.predictions import CollectPredictions
from mmlung.provenance import UNTRAINED
from mmlung.provenance import data_of
from mmlung.provenance import provenance
from mmlung.registry import METRICS
from mmlung.result import SCHEMA
from mmlung.result import ImageResult
from mmlung.result import without_nan
from mmlung.scorecard.breakdown import subgroups_of
from mmlung.scorecard.table import table as table
from mmlung.testing import UNLABELLED
from mmlung.testing import annotation_path
from mmlung.testing import check_findings_of as check_findings_of
from mmlung.testing import run_part


@dataclass(frozen=True)
class Scorecard:
    """What one test gave: two JSON objects, and the results behind them."""

    metrics: dict[str, Any]
    predictions: dict[str, Any]
    results: list[ImageResult]
    images_root: Path

    @property
    def score_thr(self) -> float | dict[str, float] | None:
        """Thresholds that the boxes were counted at; None for a classifier."""
        thresholds = self.metrics['thresholds']
        return thresholds and thresholds['score_thr']


def run_test(
    cfg: Config,
    checkpoint: str,
    tta: bool = False,
    thresholds: str = AUTO,
    subgroups: bool = True,
) -> Scorecard | None:
    """Test a checkpoint on the test part of the config's data set.

    Args:
        cfg: loaded by :func:`mmlung.config.load_config`, with a ``work_dir``.
        checkpoint: file, or ``'none'`` for the untrained network.
        tta: test-time augmentation, as ``tta_model`` and ``tta_pipeline`` say.
        thresholds: file of ``mmlung calibrate``; ``'auto'``: the one beside the
            checkpoint when it fits; ``'none'``: the config's, and scores as they are.
        subgroups: a classifier's AUC by sex, age band and view as well.

    Returns:
        None in all processes but the first.

    Raises:
        FileNotFoundError: checkpoint, thresholds or data are missing.
        ValueError: checkpoint or thresholds were made for other findings or for another
            network, the test part has no labels at all, or ``tta`` is not in the
            config.
    """
    _choose_split(cfg)
    calibrated = calibrated_test(cfg, checkpoint, thresholds, tta)
    chosen = _set_thresholds(cfg, checkpoint, AUTO if calibrated else thresholds, tta)
    collector = CollectPredictions()
    part = run_part(cfg, checkpoint, [collector], tta)
    dataset = part.dataset
    if part.runner.rank != 0:
        return None
    head = provenance(cfg, checkpoint, dataset, part.runner, tta)
    head['thresholds'] = _thresholds_entry(chosen, dataset)
    classes = list(dataset.metainfo['classes'])
    metrics = head | split_by_finding(part.numbers, classes)
    results = collector.collected
    if subgroups:
        metrics |= subgroups_of(results, classes, head['evaluators'])
    if calibrated:
        metrics |= calibrated.sections(results, classes, head['data'])
        head['calibration'] = calibrated.facts(head['data'])
        results = calibrated.calibration.apply(results)
    predictions = {
        'schema': SCHEMA,
        **{key: value for key, value in head.items() if key != 'schema'},
        'findings': classes,
        'images': [result.to_json() for result in results],
    }
    return Scorecard(without_nan(metrics), predictions, results, _root_of(dataset))


def split_by_finding(
    numbers: Mapping[str, float], classes: Sequence[str]
) -> dict[str, Any]:
    """Flat metric keys to ``metrics`` over all and ``per_finding``.

    ``AP40/Nodule/Mass_low`` is ``per_finding['Nodule/Mass']['AP40_low']``.
    """
    overall: dict[str, float] = {}
    per_finding: dict[str, dict[str, float]] = {name: {} for name in classes}
    for key, value in numbers.items():
        metric, slash, name = key.partition('/')
        suffix = next((s for s in ('_low', '_high') if key.endswith(s)), '')
        if slash and name not in per_finding:
            name = name.removesuffix(suffix)
            metric += suffix
        if slash and name in per_finding:
            per_finding[name][metric] = value
        else:
            overall[key] = value
    return {'metrics': overall, 'per_finding': per_finding}


def _choose_split(cfg: Config) -> None:
    """Fall back to val.json where a release has no labels for its test images."""
    dataset = cfg.test_dataloader.dataset
    path = annotation_path(dataset)
    unlabelled = path.with_name(UNLABELLED)
    if path.is_file() or not unlabelled.is_file():
        return
    if not path.with_name('val.json').is_file():
        raise ValueError(
            f'{unlabelled} has no labels and there is no val.json beside it. Convert '
            'with --val-fraction 0.1.'
        )
    print(
        f'{unlabelled.name} has no labels and cannot be scored: testing on val.json '
        '(split: val)'
    )
    dataset.ann_file = str(Path(dataset.ann_file).with_name('val.json'))


def _set_thresholds(
    cfg: Config, checkpoint: str, wanted: str, tta: bool
) -> Thresholds | None:
    """Give the metrics that count boxes at a threshold the ones to use, in place.

    A threshold that the config itself gives to a metric stands, unless a file is named.

    Returns:
        None when no metric has a threshold.
    """
    evaluators = cfg.test_evaluator
    items = evaluators if isinstance(evaluators, list | tuple) else [evaluators]
    takers = [item for item in items if _takes_thresholds(item)]
    if not takers:
        if wanted not in (AUTO, NO_FILE):
            raise ValueError(
                f'--thresholds {wanted}: no metric of the config takes thresholds'
            )
        return None
    own = [item.score_thr for item in takers if 'score_thr' in item]
    if own and wanted in (AUTO, NO_FILE):
        return Thresholds('config', own[0])
    chosen = choose_thresholds(
        None if checkpoint == UNTRAINED else checkpoint,
        cfg.get('findings'),
        wanted,
        {'img_size': cfg.get('img_size'), 'tta': tta},
    )
    for note in chosen.notes:
        print(f'warning: {note}', file=sys.stderr)
    for item in takers:
        if chosen.source == 'calibrated':
            item.score_thr = chosen.score_thr
    return chosen


def _takes_thresholds(item: Any) -> bool:
    metric = METRICS.get(item['type']) if isinstance(item.get('type'), str) else None
    return metric is not None and 'score_thr' in inspect.signature(metric).parameters


def _thresholds_entry(chosen: Thresholds | None, dataset: Any) -> dict | None:
    """For the head of both files; a note where test and calibration share films."""
    if chosen is None:
        return None
    entry = chosen.to_json()
    if 'data' in entry and entry['data']['sha256'] == data_of(dataset)['sha256']:
        entry['notes'].append(
            'the thresholds were chosen on the very films that are tested here: '
            'mIoU, PQ and false positives are optimistic'
        )
    return entry


def _root_of(dataset: Any) -> Path:
    """Folder that the results' file names start from."""
    entry = dataset.get_data_info(0)
    return Path(entry['img_path'][: -len(entry['file_name'])])
