"""A network of a config with the weights of a checkpoint, ready to be asked."""

from __future__ import annotations

import copy
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.config import ConfigDict
from mmengine.dataset import Compose
from mmengine.dataset import pseudo_collate
from mmengine.registry import MODELS
from mmengine.registry import DefaultScope

from mmlung._quiet import quiet_imports
from mmlung.checkpoint import file_sha256
from mmlung.checkpoint import fill_network
from mmlung.checkpoint import load_checkpoint
from mmlung.config import config_sha256
from mmlung.config import load_config
from mmlung.dicom import ChestImage
from mmlung.evaluation.predictions import CollectPredictions
from mmlung.inferencer.watching import fail_on_nan
from mmlung.result import ImageResult
from mmlung.result import ModelFiles
from mmlung.testing import check_findings_of

_GREY_LOADER = 'LoadChestImage'
_COLOUR_LOADER = 'LoadImageFromFile'


class Network:
    """One member of an :class:`mmlung.inferencer.Inferencer`.

    It names no model class: what the config builds is asked by ``test_step``, and its
    answer is read as `mmlung test` reads it.

    Args:
        config: file, or a config that :func:`mmlung.config.load_config` loaded.
        checkpoint: file.
        device: to run on.
        tta: test-time augmentation, as ``tta_model`` and ``tta_pipeline`` say.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: the checkpoint is of another network or other findings, or holds
            NaN; or the config does not say its findings, its test pipeline does not
            start by loading a film, or it has no ``tta_model``.
    """

    def __init__(
        self,
        config: str | Path | Config,
        checkpoint: str | Path,
        device: str | torch.device,
        tta: bool = False,
    ) -> None:
        with quiet_imports():
            import mmdet  # noqa: F401
            import mmpretrain  # noqa: F401

        self.cfg = config if isinstance(config, Config) else load_config(config)
        self.checkpoint = str(Path(checkpoint).expanduser())
        self.findings = _findings_of(self.cfg, self.checkpoint)
        self.scope = self.cfg.get('default_scope')
        self.batch_size = int(self.cfg.test_dataloader.get('batch_size', 1))
        model, steps = _model_and_steps(self.cfg, tta)
        with DefaultScope.overwrite_default_scope(self.scope):
            self._load, self._pipeline = _loader_of(steps), Compose(steps[1:])
            self._model = MODELS.build(model)
        fill_network(getattr(self._model, 'module', self._model), self.checkpoint)
        self._model.to(device)
        self._model.eval()  # some networks' eval() returns None
        fail_on_nan(self._model)
        self._reader = CollectPredictions()
        self._reader.dataset_meta = {'classes': self.findings}

    @property
    def is_detector(self) -> bool:
        """Whether it answers with boxes."""
        return self.scope == 'mmdet'

    @property
    def files(self) -> ModelFiles:
        """Names and hashes of what it was made from."""
        return ModelFiles(
            Path(self.cfg.filename or 'config').name,
            config_sha256(self.cfg),
            Path(self.checkpoint).name,
            file_sha256(self.checkpoint),
        )

    def prepare(self, film: ChestImage, name: str) -> dict[str, Any]:
        """Packed sample of a film, by the config's test pipeline after its loading."""
        sample = {
            'img': self._load(film.pixels),
            'img_path': name,
            'img_shape': film.pixels.shape,
            'ori_shape': film.pixels.shape,
            'pixel_spacing_mm': film.pixel_spacing_mm,
            'instances': [],
        }
        return self._pipeline(sample)

    def predict(self, samples: Sequence[Mapping[str, Any]]) -> list[ImageResult]:
        """What it finds, one result a sample, in pixels of the original films.

        Raises:
            NotFiniteError: something it computed is NaN.
        """
        batch = pseudo_collate(samples)
        with (
            torch.inference_mode(),
            DefaultScope.overwrite_default_scope(self.scope),
        ):
            answers = self._model.test_step(batch)
        self._reader.results.clear()
        self._reader.process(None, [answer.to_dict() for answer in answers])
        return list(self._reader.results)


def shape_key(sample: Mapping[str, Any]) -> tuple[tuple[int, ...], ...]:
    """What two samples must share to stand in one batch without padding."""
    inputs = sample['inputs']
    tensors = inputs if isinstance(inputs, list | tuple) else [inputs]
    return tuple(tuple(tensor.shape) for tensor in tensors)


def _findings_of(cfg: Config, checkpoint: str) -> list[str]:
    check_findings_of(checkpoint, cfg.get('findings'))
    if cfg.get('findings'):
        return list(cfg.findings)
    meta = load_checkpoint(checkpoint).get('meta', {}).get('dataset_meta', {})
    if not meta.get('classes'):
        raise ValueError(
            f'neither the config nor {checkpoint} says which findings the model has. '
            'Set the knob `findings` in the config.'
        )
    return list(meta['classes'])


def _model_and_steps(cfg: Config, tta: bool) -> tuple[ConfigDict, list[ConfigDict]]:
    model = copy.deepcopy(cfg.model)  # models change what they are built from
    if cfg.get('data_preprocessor') is not None:  # as mmengine's Runner does
        model.setdefault('data_preprocessor', copy.deepcopy(cfg.data_preprocessor))
    if not tta:
        return model, list(cfg.test_dataloader.dataset.pipeline)
    if 'tta_model' not in cfg or 'tta_pipeline' not in cfg:
        raise ValueError(
            'test-time augmentation needs tta_model and tta_pipeline in the config'
        )
    return ConfigDict(**cfg.tta_model, module=model), list(cfg.tta_pipeline)


def _loader_of(steps: Sequence[Any]) -> Callable[[np.ndarray], np.ndarray]:
    """What stands for the pipeline's first step: the film is already read."""
    first = str(steps[0].get('type')).rpartition('.')[2] if steps else 'nothing'
    if first == _GREY_LOADER:
        return lambda pixels: pixels
    if first == _COLOUR_LOADER:
        return lambda pixels: np.repeat(pixels[..., None], 3, axis=2)
    raise ValueError(
        f'the test pipeline must start with mmlung.{_GREY_LOADER} or {_COLOUR_LOADER}, '
        f'got {first}'
    )
