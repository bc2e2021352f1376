"""Where the numbers of a test come from: software, weights, data, and how measured."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config

import mmlung
from mmlung.checkpoint import file_sha256
from mmlung.checkpoint import load_checkpoint

METRICS_SCHEMA = 'mmlung.metrics/1'
UNTRAINED = 'none'
_PROVENANCE = (
    'dataset',
    'release',
    'split',
    'split_family',
    'ground_truth',
    'label_file',
    'label_sha256',
    'synthetic',
    'note',
    'findings_map',
)
_DISTRIBUTIONS = (
    'torch',
    'torchvision',
    'onedl-mmengine',
    'onedl-mmcv',
    'onedl-mmdetection',
    'onedl-mmpretrain',
    'numpy',
)


def provenance(
    cfg: Config, checkpoint: str, dataset: Any, runner: Any, tta: bool
) -> dict[str, Any]:
    """Where the numbers come from: software, weights, data."""
    untrained = checkpoint == UNTRAINED
    trained = {} if untrained else load_checkpoint(checkpoint).get('meta', {})
    return {
        'schema': METRICS_SCHEMA,
        'mmlung': mmlung.__version__,
        'config': config_facts(cfg),
        'checkpoint': {
            'file': None if untrained else Path(checkpoint).name,
            'sha256': None if untrained else file_sha256(checkpoint),
            'untrained': untrained,
        },
        'data': data_of(dataset),
        'evaluators': _plain(cfg.test_evaluator),
        'resampled': 'patients' if _has_patients(dataset) else 'images',
        'tta': tta,
        'seed': runner.seed,
        'training_seed': trained.get('seed'),
        'training_epochs': trained.get('epoch'),
        'device': str(next(runner.model.parameters()).device),
        'versions': versions(),
        'threads': torch.get_num_threads(),
    }


def config_facts(cfg: Config) -> dict[str, Any]:
    """Which config, and the settings that decide what a score means."""
    return {
        'file': Path(cfg.filename).name,
        'default_scope': cfg.get('default_scope'),
        'img_size': cfg.get('img_size'),
    }


def versions() -> dict[str, str | None]:
    """Python and the packages that a prediction depends on; None: not installed."""
    return {
        'python': platform.python_version(),
        **{name: _version(name) for name in _DISTRIBUTIONS},
    }


def data_of(dataset: Any) -> dict[str, Any]:
    """Annotation file of a data set, and where its labels come from."""
    return {
        'file': Path(dataset.ann_file).name,
        'sha256': file_sha256(dataset.ann_file),
        'images': len(dataset),
        **{key: dataset.metainfo.get(key) for key in _PROVENANCE},
    }


def _has_patients(dataset: Any) -> bool:
    """Whether the release says which films are of the same patient."""
    return dataset.get_data_info(0).get('patient_id') is not None


def _plain(evaluators: Any) -> list[dict[str, Any]]:
    """Metrics with their arguments (resamples, thresholds), as JSON holds them."""
    items = evaluators if isinstance(evaluators, list | tuple) else [evaluators]
    return [dict(item) for item in items if isinstance(item, dict)]


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:  # the package came from another distribution
        return None
