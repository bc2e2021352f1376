"""A checkpoint run over one part of a config's data: test, calibration, submission."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.config import ConfigDict
from mmengine.evaluator import BaseMetric

from mmlung.checkpoint import load_checkpoint
from mmlung.checkpoint import misfit
from mmlung.findings_map import parse_pairs
from mmlung.provenance import UNTRAINED
from mmlung.running import build_runner

UNLABELLED = 'test_unlabelled.json'
"""The test part of a release that gives no labels for it, as converters write it."""


@dataclass(frozen=True)
class TestedPart:
    """What a run over the test part left."""

    __test__ = False  # no test class, whatever pytest thinks of its name

    runner: Any
    dataset: Any
    numbers: dict[str, float]
    """Of the evaluators."""


def run_part(
    cfg: Config,
    checkpoint: str,
    extra_metrics: Sequence[BaseMetric] = (),
    tta: bool = False,
) -> TestedPart:
    """Run a checkpoint over ``test_dataloader`` of a config, which is changed in place.

    Args:
        cfg: loaded by :func:`mmlung.config.load_config`, with a ``work_dir``.
        checkpoint: file, or ``'none'`` for the untrained network.
        extra_metrics: beside the config's ``test_evaluator``.
        tta: test-time augmentation, as ``tta_model`` and ``tta_pipeline`` say.

    Raises:
        FileNotFoundError: checkpoint or data are missing.
        ValueError: the checkpoint was trained for other findings or for another
            network, or ``tta`` is not in the config.
    """
    if checkpoint != UNTRAINED:
        check_findings_of(checkpoint, cfg.get('findings'))
    cfg.load_from = None if checkpoint == UNTRAINED else checkpoint
    if tta:
        _use_tta(cfg)
    cfg.train_dataloader = cfg.train_cfg = cfg.optim_wrapper = None
    cfg.val_dataloader = cfg.val_cfg = cfg.val_evaluator = None
    cfg.param_scheduler = None
    runner = build_runner(cfg)
    _load_all_or_nothing(runner)
    dataset = runner.test_dataloader.dataset
    for metric in extra_metrics:
        metric.dataset_meta = dataset.metainfo
        # Between processes directly, not over files in .dist_test.
        metric.collect_device = 'gpu'
        runner.test_evaluator.metrics.append(metric)
    return TestedPart(runner, dataset, runner.test())


def check_findings_of(checkpoint: str, findings: Sequence[str] | None) -> None:
    """Refuse a checkpoint of other findings, or of the same in another order.

    A checkpoint that does not say its findings passes.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the findings differ; both lists are in the text.
    """
    meta = load_checkpoint(checkpoint).get('meta', {})
    trained = meta.get('dataset_meta', {}).get('classes')
    if trained is None or findings is None or list(trained) == list(findings):
        return
    raise ValueError(
        f'{checkpoint} was trained for {", ".join(trained)}, but the config asks for '
        f'{", ".join(findings)}. Test it with its own config, or set the knob '
        '`findings` to its list.'
    )


def use_study_level(cfg: Config, aggregate: str = 'max') -> None:
    """Let the AUC of a test be over studies, not films, in place.

    Args:
        cfg: with ``mmlung.MeanAUC`` among its ``test_evaluator``.
        aggregate: ``'max'`` or ``'mean'`` of the films' scores.

    Raises:
        ValueError: the config has no such metric.
    """
    evaluators = cfg.test_evaluator
    items = evaluators if isinstance(evaluators, list | tuple) else [evaluators]
    metrics = [item for item in items if item.get('type') == 'mmlung.MeanAUC']
    if not metrics:
        raise ValueError(
            '--level study needs mmlung.MeanAUC in test_evaluator; the config has '
            f'{", ".join(str(item.get("type")) for item in items)}.'
        )
    for item in metrics:
        item.update(level='study', aggregate=aggregate)


def use_findings_map(cfg: Config, words: Sequence[str]) -> None:
    """Let a classifier be tested on the findings that it shares with a file, in place.

    Args:
        cfg: with ``mmlung.ChestClassificationDataset`` to test on.
        words: for :func:`mmlung.findings_map.parse_pairs`: none, auto, or pairs.

    Raises:
        ValueError: the words are none of these, or the data set is another one.
    """
    wanted = parse_pairs(words)
    if wanted is None:
        return
    dataset = cfg.test_dataloader.dataset
    if dataset.get('type') != 'mmlung.ChestClassificationDataset':
        raise ValueError(
            '--map-findings needs a classifier tested on '
            f'mmlung.ChestClassificationDataset; the config has {dataset.get("type")}.'
        )
    dataset.map_findings = wanted


def annotation_path(dataset: ConfigDict) -> Path:
    """Annotation file of a data set in a config."""
    return Path(dataset.get('data_root') or '') / dataset.ann_file


def _load_all_or_nothing(runner: Any) -> None:
    """Let the runner refuse a checkpoint that leaves a part of the network random.

    mmengine loads what fits and logs the rest, which is right for a training only.
    """
    load = runner.load_checkpoint

    def strict(filename: str, **kwargs: Any) -> dict:
        try:
            return load(filename, **{**kwargs, 'strict': True})
        except RuntimeError as error:
            raise misfit(filename, error) from error

    runner.load_checkpoint = strict


def _use_tta(cfg: Config) -> None:
    if 'tta_model' not in cfg or 'tta_pipeline' not in cfg:
        raise ValueError('--tta needs tta_model and tta_pipeline in the config')
    cfg.model = ConfigDict(**cfg.tta_model, module=cfg.model)
    cfg.test_dataloader.dataset.pipeline = cfg.tta_pipeline
