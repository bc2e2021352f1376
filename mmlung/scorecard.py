"""Test a checkpoint, and say of every number how it was obtained."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.config import ConfigDict

from mmlung.checkpoint import load_checkpoint
from mmlung.evaluation.predictions import CollectPredictions
from mmlung.provenance import UNTRAINED
from mmlung.provenance import provenance
from mmlung.result import SCHEMA
from mmlung.result import ImageResult
from mmlung.result import without_nan
from mmlung.running import build_runner


@dataclass(frozen=True)
class Scorecard:
    """What one test gave: two JSON objects, and the results behind them."""

    metrics: dict[str, Any]
    predictions: dict[str, Any]
    results: list[ImageResult]
    images_root: Path


def run_test(cfg: Config, checkpoint: str, tta: bool = False) -> Scorecard | None:
    """Test a checkpoint on the test part of the config's data set.

    Args:
        cfg: loaded by :func:`mmlung.config.load_config`, with a ``work_dir``.
        checkpoint: file, or ``'none'`` for the untrained network.
        tta: test-time augmentation, as ``tta_model`` and ``tta_pipeline`` say.

    Returns:
        None in all processes but the first.

    Raises:
        FileNotFoundError: checkpoint or data are missing.
        ValueError: the checkpoint was trained for other findings or for another
            network, the test part has no labels at all, or ``tta`` is not in the
            config.
    """
    _choose_split(cfg)
    if checkpoint != UNTRAINED:
        check_findings_of(checkpoint, cfg.get('findings'))
        cfg.load_from = checkpoint
    else:
        cfg.load_from = None
    if tta:
        _use_tta(cfg)
    cfg.train_dataloader = cfg.train_cfg = cfg.optim_wrapper = None
    cfg.val_dataloader = cfg.val_cfg = cfg.val_evaluator = None
    cfg.param_scheduler = None
    runner = build_runner(cfg)
    _load_all_or_nothing(runner)
    collector = CollectPredictions()
    dataset = runner.test_dataloader.dataset
    runner.test_evaluator.metrics.append(collector)
    collector.dataset_meta = dataset.metainfo
    numbers = runner.test()
    if runner.rank != 0:
        return None
    head = provenance(cfg, checkpoint, dataset, runner, tta)
    classes = list(dataset.metainfo['classes'])
    metrics = head | split_by_finding(numbers, classes)
    predictions = {
        'schema': SCHEMA,
        **{key: value for key, value in head.items() if key != 'schema'},
        'findings': classes,
        'images': [result.to_json() for result in collector.collected],
    }
    return Scorecard(
        without_nan(metrics), predictions, collector.collected, _root_of(dataset)
    )


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


def _load_all_or_nothing(runner: Any) -> None:
    """Let the runner refuse a checkpoint that leaves a part of the network random.

    mmengine loads what fits and logs the rest, which is right for a training only.
    """
    load = runner.load_checkpoint

    def strict(filename: str, **kwargs: Any) -> dict:
        try:
            return load(filename, **{**kwargs, 'strict': True})
        except RuntimeError as error:
            raise ValueError(
                f'{filename} does not fit the network of the config; test it with the '
                f'config that it was trained with. {str(error)[:300]}'
            ) from error

    runner.load_checkpoint = strict


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


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f'{path.name}.part')
    text = json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False)
    part.write_text(text + '\n', encoding='utf-8')
    os.replace(part, path)  # noqa: PTH105 - the atomic form on every system


def table(metrics: Mapping[str, Any]) -> str:
    """The numbers of ``metrics.json`` as text: one row a finding, then the means."""
    per_finding = metrics['per_finding']
    columns = [
        key
        for key in dict.fromkeys(k for row in per_finding.values() for k in row)
        if not key.endswith(('_low', '_high'))
    ]
    width = max(map(len, [*per_finding, 'finding'])) + 2
    lines = ['finding'.ljust(width) + ''.join(f'{key:>22}' for key in columns)]
    for name, row in per_finding.items():
        cells = [_cell(row.get(key), row, key) for key in columns]
        lines.append(name.ljust(width) + ''.join(f'{cell:>22}' for cell in cells))
    lines.append('')
    overall = metrics['metrics']
    for key, value in overall.items():
        if not key.endswith(('_low', '_high')):
            lines.append(f'{key:<28}{_cell(value, overall, key)}')
    data = metrics['data']
    lines += [
        '',
        f'split: {data["split"]} ({data["split_family"]}), {data["images"]} images of '
        f'{data["dataset"]}, ground truth: {data["ground_truth"]}',
    ]
    if data.get('synthetic'):
        lines.append('synthetic phantoms: no number here says anything about patients')
    return '\n'.join(lines)


def _cell(value: float | None, row: Mapping[str, Any], key: str) -> str:
    if value is None:
        return '-'
    count = key.startswith('n_') or key.endswith(('_findings', '_boxes'))
    text = f'{value:.0f}' if count else f'{value:.3f}'
    low, high = row.get(f'{key}_low'), row.get(f'{key}_high')
    return text if low is None or high is None else f'{text} [{low:.3f}, {high:.3f}]'


def _choose_split(cfg: Config) -> None:
    """Fall back to val.json where a release has no labels for its test images."""
    dataset = cfg.test_dataloader.dataset
    path = Path(dataset.get('data_root') or '') / dataset.ann_file
    unlabelled = path.with_name('test_unlabelled.json')
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


def _use_tta(cfg: Config) -> None:
    if 'tta_model' not in cfg or 'tta_pipeline' not in cfg:
        raise ValueError('--tta needs tta_model and tta_pipeline in the config')
    cfg.model = ConfigDict(**cfg.tta_model, module=cfg.model)
    cfg.test_dataloader.dataset.pipeline = cfg.tta_pipeline


def _root_of(dataset: Any) -> Path:
    """Folder that the results' file names start from."""
    entry = dataset.get_data_info(0)
    return Path(entry['img_path'][: -len(entry['file_name'])])
