"""A film on its way into the network, and the map on its way back to the film."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from mmengine.dataset import Compose
from mmengine.registry import DefaultScope

from mmlung.dicom import read_image
from mmlung.explain.layers import stride_of

_READ_BY_US = ('LoadChestImage', 'LoadImageFromFile', 'LoadAnnotations')


@dataclass(frozen=True)
class Film:
    """A film as the network takes it.

    Attributes:
        name: for messages.
        pixels: (H, W) uint8, the original.
        inputs: (1, 3, h, w) float, normalized and padded.
        sample: the framework's data sample.
        scale_xy: input pixels per original pixel, across and down.
    """

    name: str
    pixels: np.ndarray
    inputs: torch.Tensor
    sample: Any
    scale_xy: tuple[float, float]


def prepare(model: Any, source: str | Path | np.ndarray) -> Film:
    """Take a film through the test pipeline of the model's config.

    Args:
        model: with ``cfg``, as :func:`mmlung.explain.load_model` gives it.
        source: path of a film, or its pixels (H, W) uint8.

    Raises:
        ValueError: no film, or a pipeline that cuts or flips it.
        FileNotFoundError: no such file.
    """
    if isinstance(source, np.ndarray):
        name, pixels, spacing = 'array', _checked(source), None
    else:
        name = str(source)
        image = read_image(source)
        pixels, spacing = image.pixels, image.pixel_spacing_mm
    size_hw = pixels.shape
    results = _pipeline(model)(
        {
            'img': pixels,
            'img_path': name,
            'img_shape': size_hw,
            'ori_shape': size_hw,
            'pixel_spacing_mm': spacing,
        }
    )
    sample = results['data_samples']
    scale_xy = _scale_xy(sample, size_hw)
    batch = model.data_preprocessor(
        {'inputs': [results['inputs']], 'data_samples': [sample]}, training=False
    )
    return Film(name, pixels, batch['inputs'], batch['data_samples'][0], scale_xy)


def to_film(coarse: np.ndarray, film: Film) -> np.ndarray:
    """A layer's map on the pixels of the original film, in one interpolation.

    Args:
        coarse: (h, w), finite and not negative.
        film: what the map is of; padding is left out, scaling undone.

    Returns:
        (H, W) float32 in [0, 1], its peak 1; all zeros when the map is.
    """
    rows, columns = film.inputs.shape[-2:]
    height, width = film.pixels.shape
    stride = stride_of((coarse.shape[0], coarse.shape[1]), (rows, columns))
    cell_yx = (
        (stride, stride)
        if stride is not None
        else (rows / coarse.shape[0], columns / coarse.shape[1])
    )

    def places(length: int, scale: float, cell: float) -> np.ndarray:
        """Where the centres of the film's pixels lie on the map."""
        return ((np.arange(length) + 0.5) * scale / cell - 0.5).astype(np.float32)

    x = places(width, film.scale_xy[0], cell_yx[1])
    y = places(height, film.scale_xy[1], cell_yx[0])
    map_x, map_y = np.meshgrid(x, y)
    fine = cv2.remap(
        coarse.astype(np.float32),
        map_x,
        map_y,
        interpolation=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    peak = float(fine.max())
    return np.clip(fine / peak, 0, 1) if peak > 0 else np.zeros_like(fine)


def _checked(pixels: np.ndarray) -> np.ndarray:
    if pixels.ndim != 2 or pixels.dtype != np.uint8:
        raise ValueError(
            'a film must be (H, W) uint8, got '
            f'{pixels.shape} {pixels.dtype}. mmlung.dicom.read_image gives it from a '
            'file or from bytes.'
        )
    return pixels


def _pipeline(model: Any) -> Compose:
    """Test pipeline of the config without reading: that is done here."""
    dataset = model.cfg.test_dataloader.dataset
    while 'pipeline' not in dataset:
        dataset = dataset.dataset
    steps = [
        step
        for step in dataset.pipeline
        if step['type'].rpartition('.')[2] not in _READ_BY_US
    ]
    with DefaultScope.overwrite_default_scope(model.cfg.default_scope):
        return Compose(steps)


def _scale_xy(sample: Any, size_hw: tuple[int, ...]) -> tuple[float, float]:
    """Scale of the pipeline, which must do no more than scale and pad."""
    if sample.metainfo.get('flip'):
        raise ValueError('the test pipeline flips films: left and right are anatomy')
    shape = sample.metainfo['img_shape']
    scale = sample.metainfo.get('scale_factor', (1.0, 1.0))
    scale_xy = (float(scale[0]), float(scale[1]))
    wanted = (size_hw[0] * scale_xy[1], size_hw[1] * scale_xy[0])
    if any(side + 1 < want for side, want in zip(shape, wanted, strict=False)):
        raise ValueError(
            f'the test pipeline cuts the film: {wanted[0]:.0f} x {wanted[1]:.0f} '
            f'pixels (height x width) scaled, {shape[0]} x {shape[1]} in the network. '
            'A map could not be laid over the original; take Resize and Pad only.'
        )
    return scale_xy
