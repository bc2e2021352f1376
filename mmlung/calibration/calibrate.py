"""Calibrate a checkpoint on the validation part of its config's data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.config import ConfigDict

import mmlung
from mmlung.calibration.classifier import METHOD
from mmlung.calibration.classifier import fitted_findings
from mmlung.calibration.classifier_file import CALIBRATION_SCHEMA
from mmlung.calibration.metrics import is_classifier
from mmlung.calibration.thresholds_file import SCHEMA
from mmlung.checkpoint import file_sha256
from mmlung.datasets.source import read_annotations
from mmlung.evaluation.cutoffs import RULES
from mmlung.evaluation.detections import DetectionMetric
from mmlung.evaluation.detections import ImageDetections
from mmlung.evaluation.predictions import CollectPredictions
from mmlung.evaluation.thresholds import FALLBACK
from mmlung.evaluation.thresholds import OperatingPoint
from mmlung.evaluation.thresholds import best_thresholds
from mmlung.provenance import UNTRAINED
from mmlung.provenance import config_facts
from mmlung.provenance import data_of
from mmlung.result import without_nan
from mmlung.testing import annotation_path
from mmlung.testing import run_part

IOU_THR = 0.4
FEW_HITS = 5
"""A threshold that rests on fewer found boxes is largely chance, and is said to be."""


class _ChooseThresholds(DetectionMetric):
    """Operating points of all images, pooled over processes."""

    def __init__(self, min_hits: int) -> None:
        super().__init__()
        self.min_hits = min_hits
        self.points: list[OperatingPoint] = []

    def compute_metrics(self, results: list[ImageDetections]) -> dict[str, float]:
        """Keep the operating points; the runner needs no numbers."""
        self.points = best_thresholds(
            results, self.classes, IOU_THR, min_hits=self.min_hits
        )
        return {}


def calibrate(
    cfg: Config,
    checkpoint: str,
    tta: bool = False,
    min_hits: int | None = None,
    min_positives: int | None = None,
) -> dict[str, Any] | None:
    """What a test needs of the validation part of the config's data.

    For a detector (``default_scope`` is ``mmdet``) the operating points; for a
    classifier (``mmpretrain``) a probability and operating points per finding.

    Args:
        cfg: loaded by :func:`mmlung.config.load_config`, with a ``work_dir``.
        checkpoint: file.
        tta: run with the config's test-time augmentation; scores differ with it.
        min_hits: of a detector: found boxes that a threshold must rest on, or it stays
            at the default; None: 1.
        min_positives: of a classifier: present films that a finding must have, or its
            scores stay as they are and it has no thresholds; None: 1.

    Returns:
        Content of the file; None in all processes but the first.

    Raises:
        FileNotFoundError: checkpoint or data are missing.
        ValueError: the network is untrained or neither of both, the checkpoint does
            not fit the config, or the validation part is the test part.
    """
    if checkpoint == UNTRAINED:
        raise ValueError('there is nothing to calibrate in an untrained network')
    classifies = is_classifier(cfg)
    if not classifies and cfg.get('default_scope') != 'mmdet':
        raise ValueError(
            f'{Path(cfg.filename).name} is neither a detector nor a classifier: its '
            f"default_scope must be 'mmdet' or 'mmpretrain', got "
            f'{cfg.get("default_scope")!r}'
        )
    if classifies and min_hits is not None:
        raise ValueError('--min-hits is for detectors; a classifier has no boxes')
    if not classifies and min_positives is not None:
        raise ValueError('--min-positives is for classifiers; detectors: --min-hits')
    _refuse_test_part(cfg)
    cfg.test_dataloader = cfg.val_dataloader
    cfg.test_evaluator = ConfigDict(type='mmlung.CollectPredictions')
    if classifies:
        return _calibrate_classifier(cfg, checkpoint, tta, min_positives or 1)
    return _calibrate_detector(cfg, checkpoint, tta, min_hits or 1)


def _calibrate_detector(
    cfg: Config, checkpoint: str, tta: bool, min_hits: int
) -> dict[str, Any] | None:
    choose = _ChooseThresholds(min_hits)
    part = run_part(cfg, checkpoint, [choose], tta)
    if part.runner.rank != 0:
        return None
    return {
        'schema': SCHEMA,
        **_origin(cfg, checkpoint, tta, part.dataset),
        'rule': f'half-way from the score with the best F1 to the next lower, hits at '
        f'IoU >= {IOU_THR} (PASCAL VOC)',
        'iou_thr': IOU_THR,
        'min_hits': min_hits,
        'fallback_score_thr': FALLBACK,
        'thresholds': without_nan([asdict(point) for point in choose.points]),
    }


def _calibrate_classifier(
    cfg: Config, checkpoint: str, tta: bool, min_positives: int
) -> dict[str, Any] | None:
    collector = CollectPredictions()
    part = run_part(cfg, checkpoint, [collector], tta)
    if part.runner.rank != 0:
        return None
    findings = list(part.dataset.metainfo['classes'])
    rows = fitted_findings(collector.collected, findings, min_positives)
    return {
        'schema': CALIBRATION_SCHEMA,
        **_origin(cfg, checkpoint, tta, part.dataset),
        'method': METHOD,
        'rules': RULES,
        'min_positives': min_positives,
        'findings': without_nan(rows),
    }


def _origin(cfg: Config, checkpoint: str, tta: bool, dataset: Any) -> dict[str, Any]:
    """Which model and films a file was made from."""
    return {
        'mmlung': mmlung.__version__,
        'checkpoint': {
            'file': Path(checkpoint).name,
            'sha256': file_sha256(checkpoint),
        },
        'config': config_facts(cfg),
        'tta': tta,
        'data': data_of(dataset),
    }


def thresholds_table(content: Mapping[str, Any]) -> str:
    """A thresholds file as text, one row a finding."""
    rows = content['thresholds']
    width = max(len('finding'), *(len(row['finding']) for row in rows)) + 2
    lines = ['finding'.ljust(width) + 'threshold     F1   hits  detections  boxes']
    for row in rows:
        f1 = '-' if row['f1'] is None else f'{row["f1"]:.3f}'
        line = f'{row["score_thr"]:9.3f}{f1:>7}{row["hits"]:7}{row["detections"]:12}'
        line += f'{row["boxes"]:7}'
        if row['fallback']:
            line += f'  fallback: {row["fallback"]}'
        lines.append(row['finding'].ljust(width) + line)
    chosen = sum(not row['fallback'] for row in rows)
    few = [r['finding'] for r in rows if not r['fallback'] and r['hits'] < FEW_HITS]
    data = content['data']
    lines += [
        '',
        f'{chosen} of {len(rows)} thresholds chosen, {content["rule"]}; '
        f'{len(rows) - chosen} stay at {content["fallback_score_thr"]}',
        f'split: {data["split"]} ({data["split_family"]}), {data["images"]} images of '
        f'{data["dataset"]} ({data["file"]}), ground truth: {data["ground_truth"]}',
    ]
    if few:
        lines.append(
            f'resting on fewer than {FEW_HITS} hits, so largely chance: '
            f'{", ".join(few)} (--min-hits {FEW_HITS} leaves them at the default)'
        )
    return '\n'.join(lines)


def _refuse_test_part(cfg: Config) -> None:
    """Before the run: the validation part must be there, and not be the test part."""
    if not cfg.get('val_dataloader'):
        raise ValueError(
            f'{Path(cfg.filename).name} has no val_dataloader: thresholds are chosen '
            'on validation'
        )
    val = annotation_path(cfg.val_dataloader.dataset)
    test = annotation_path(cfg.test_dataloader.dataset)
    flatter = 'Thresholds chosen there would flatter every number of the test'
    if not val.is_file():
        return  # the data set says it better
    if test.is_file() and file_sha256(val) == file_sha256(test):
        raise ValueError(
            f'validation and test are the same annotations, {val.name} and '
            f'{test.name}. {flatter}: convert with --val-fraction 0.1.'
        )
    content = read_annotations(val, None)
    if content.get('metainfo', content.get('info', {})).get('split') == 'test':
        raise ValueError(
            f'{val} says that it is a test part (split: test). {flatter}: point '
            'val_dataloader.dataset.ann_file to the validation part.'
        )
