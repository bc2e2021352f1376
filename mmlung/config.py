"""Load a config and spread its knobs to where they act.

mmengine reads a config top to bottom: a knob that a child or ``--cfg-options`` sets
does not reach the loaders and heads that were built from it while the file was read.
Here the knobs ``data_root``, ``images_root``, ``img_size``, ``findings`` and
``max_epochs`` reach them, whoever set them last; ``init_checkpoint`` does when a
training starts.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.config import ConfigDict

from mmlung.checkpoint import fetch

_LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
_PIPELINES = ('train_pipeline', 'test_pipeline', 'tta_pipeline')
# Transforms that set the size of the image, with the key that holds it.
_SIZED = {
    'Resize': 'scale',
    'RandomResizedCrop': 'scale',
    'Pad': 'size',
    'CenterCrop': 'crop_size',
}
# Those that mmengine registers unasked: there, None means without it.
_MMENGINE_HOOKS = (
    'runtime_info',
    'timer',
    'sampler_seed',
    'logger',
    'param_scheduler',
    'checkpoint',
)


_DECIDING = ('model', 'data_preprocessor', 'findings', 'tta_model', 'tta_pipeline')


def load_config(
    path: str | Path, cfg_options: Mapping[str, Any] | None = None
) -> Config:
    """Config of a file with the options merged and the knobs spread.

    An option that names one place, such as ``test_dataloader.dataset.data_root``, wins
    over the knob there. A default hook set to None is switched off.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a knob has a value that cannot be.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(
            f'config {path} does not exist. Configs lie in configs/; `mmlung --help` '
            'says where that is after an installation from a wheel.'
        )
    cfg = Config.fromfile(path)
    options = dict(cfg_options or {})
    cfg.merge_from_dict(options)
    spread_knobs(cfg)
    cfg.merge_from_dict(options)
    _drop_switched_off(cfg)
    _fit_workers(cfg)
    return cfg


def config_sha256(cfg: Config) -> str:
    """Hash of those parts of a config that a prediction depends on.

    Two files of one name, or one file with other ``--cfg-options``, differ in it where
    their networks, findings or test pipelines do.
    """
    deciding = {key: cfg.get(key) for key in _DECIDING}
    deciding['test_pipeline'] = cfg.test_dataloader.dataset.pipeline
    text = json.dumps(deciding, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def spread_knobs(cfg: Config) -> None:
    """Write the knobs of ``cfg`` to every place that depends on them, in place.

    A knob that ``cfg`` does not have is left alone, so configs without knobs pass
    unchanged. Data sets that ConcatDataset joins keep the folders that they name.

    Raises:
        ValueError: ``findings`` is empty or has a name twice, or ``img_size`` or
            ``max_epochs`` is no positive whole number.
    """
    _check_knobs(cfg)
    for dataset, is_joined in _datasets_joined(cfg):
        for knob in ('data_root', 'images_root'):
            if knob in cfg and not (is_joined and knob in dataset):
                dataset[knob] = cfg[knob]
        if 'findings' in cfg:
            dataset.metainfo = ConfigDict(classes=list(cfg.findings))
    if 'img_size' in cfg:
        _set_img_size(cfg, cfg.img_size)
    if 'findings' in cfg:
        _set_num_classes(cfg.get('model'), len(cfg.findings))
    if 'max_epochs' in cfg:
        _set_epochs(cfg, cfg.max_epochs)


def spread_init_checkpoint(cfg: Config) -> None:
    """Fetch ``init_checkpoint`` and let the model start from it, in place.

    ``init_part`` says what the file holds: the whole ``'model'`` (what does not fit is
    listed in the log and starts fresh), or its ``'backbone'``.

    Raises:
        FileNotFoundError: the local file does not exist.
        ConnectionError: the download failed.
        ValueError: ``init_part`` is neither.
    """
    if not cfg.get('init_checkpoint'):
        return
    part = cfg.get('init_part', 'backbone')
    if part not in ('model', 'backbone'):
        raise ValueError(f"init_part must be 'model' or 'backbone', got {part!r}")
    path = str(fetch(cfg.init_checkpoint))
    if part == 'model':
        cfg.load_from = path
    else:
        cfg.model.backbone.init_cfg = ConfigDict(
            type='Pretrained', checkpoint=path, prefix='backbone.'
        )


def _check_knobs(cfg: Config) -> None:
    findings = cfg.get('findings', ['any'])
    is_list = isinstance(findings, list | tuple)
    if not is_list or not findings or len(set(findings)) < len(findings):
        raise ValueError(
            f'findings must be a list of distinct names, at least one; got {findings!r}'
        )
    max_epochs = cfg.get('max_epochs')
    if max_epochs is not None and (not isinstance(max_epochs, int) or max_epochs < 1):
        raise ValueError(f'max_epochs must be a whole number >= 1, got {max_epochs!r}')
    img_size = cfg.get('img_size')
    if img_size is not None and (not isinstance(img_size, int) or img_size < 32):
        raise ValueError(f'img_size must be a whole number >= 32, got {img_size!r}')


def _drop_switched_off(cfg: Config) -> None:
    """Take out hooks that are None; mmengine knows that for its own names only."""
    hooks = cfg.get('default_hooks') or {}
    for name in [name for name, hook in hooks.items() if hook is None]:
        if name not in _MMENGINE_HOOKS:
            del hooks[name]


def _datasets(cfg: Config) -> Iterator[ConfigDict]:
    """Innermost data sets of each loader, below wrappers such as RepeatDataset."""
    return (dataset for dataset, _ in _datasets_joined(cfg))


def _datasets_joined(cfg: Config) -> Iterator[tuple[ConfigDict, bool]]:
    """The same, with whether each is one of several that ConcatDataset joins."""
    for loader in _LOADERS:
        dataset = (cfg.get(loader) or {}).get('dataset')
        if dataset is not None:
            yield from _innermost(dataset, is_joined=False)


def _innermost(
    dataset: ConfigDict, is_joined: bool
) -> Iterator[tuple[ConfigDict, bool]]:
    if 'dataset' in dataset:
        yield from _innermost(dataset['dataset'], is_joined)
    elif 'datasets' in dataset:
        for member in dataset['datasets']:
            yield from _innermost(member, is_joined=True)
    else:
        yield dataset, is_joined


def _steps(cfg: Config) -> Iterator[ConfigDict]:
    """Every transform of every pipeline, those inside TestTimeAug included."""
    for dataset in _datasets(cfg):
        yield from _flat(dataset.get('pipeline', []))
    for name in _PIPELINES:
        yield from _flat(cfg.get(name, []))


def _flat(steps: Iterable[Any]) -> Iterator[ConfigDict]:
    """Transforms, and those that they wrap (one list, or a list of lists)."""
    for step in steps:
        if isinstance(step, dict):
            yield step
            yield from _flat(step.get('transforms', ()))
        else:
            yield from _flat(step)


def _set_img_size(cfg: Config, img_size: int) -> None:
    """Scale every transform that sets a size, as the test pipeline's is scaled.

    So a pipeline with several sizes (multi-scale training, test-time augmentation)
    keeps their ratios.
    """
    sized = {id(step): step for step in _steps(cfg) if _size_key(step)}
    tested = [d for d in _datasets(cfg) if d.get('test_mode')] or [*_datasets(cfg)]
    reference = [
        step for d in tested for step in _flat(d.get('pipeline', [])) if _size_key(step)
    ]
    if not reference:
        return
    now = max(_sides(reference[0]))
    for step in sized.values():
        sides = (round(side * img_size / now) for side in _sides(step))
        step[_size_key(step)] = tuple(sides)


def _sides(step: ConfigDict) -> tuple[int, ...]:
    """The two sides that a transform sets; one number stands for both."""
    size = step[_size_key(step)]
    return (size, size) if isinstance(size, int) else tuple(size)


def _size_key(step: ConfigDict) -> str | None:
    """Name of the argument by which a transform sets the size, if it does."""
    key = _SIZED.get(str(step.type).rpartition('.')[2])
    return key if key is not None and key in step else None


def _set_num_classes(node: Any, num_classes: int) -> None:
    if isinstance(node, list | tuple):
        for item in node:
            _set_num_classes(item, num_classes)
    elif isinstance(node, dict):
        if 'num_classes' in node:
            node['num_classes'] = num_classes
        for value in node.values():
            _set_num_classes(value, num_classes)


def _set_epochs(cfg: Config, max_epochs: int) -> None:
    """Length of the training, and of the schedules that end with it."""
    loop = cfg.get('train_cfg')
    if loop and 'max_epochs' in loop:
        loop.max_epochs = max_epochs
        loop.val_interval = min(loop.get('val_interval', 1), max_epochs)
    schedulers = cfg.get('param_scheduler') or []
    for scheduler in [schedulers] if isinstance(schedulers, dict) else schedulers:
        if scheduler.get('by_epoch') and 'T_max' in scheduler:
            begin = scheduler.get('begin', 0)
            if begin >= max_epochs:
                raise ValueError(
                    f'max_epochs must be greater than {begin}, the epoch at which '
                    f'{scheduler["type"]} of param_scheduler begins; got {max_epochs}'
                )
            scheduler['T_max'] = max_epochs - begin
            scheduler['end'] = max_epochs


def _fit_workers(cfg: Config) -> None:
    """No more workers than cores; persistent ones only where there are any."""
    for name in _LOADERS:
        loader = cfg.get(name)
        if loader and 'num_workers' in loader:
            loader.num_workers = min(loader.num_workers, os.cpu_count() or 1)
            if loader.num_workers == 0:
                loader.persistent_workers = False
