"""The maps of the grad-cam package, by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from pytorch_grad_cam import EigenCAM
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam import GradCAMPlusPlus
from pytorch_grad_cam import HiResCAM
from pytorch_grad_cam import LayerCAM
from pytorch_grad_cam import ScoreCAM
from pytorch_grad_cam.utils.svd_on_activations import (
    get_2d_projection_with_sign_correction,
)

METHODS = ('gradcam', 'gradcam++', 'layercam', 'hirescam', 'eigencam', 'scorecam')
"""Names of what :func:`mmlung.explain.explain` can draw."""

AT_EVERY_PLACE = ('layercam', 'hirescam')
"""Methods that take the slope at each place, where others average it over the film."""

FOR_DETECTORS = tuple(name for name in METHODS if name != 'scorecam')


class _AtMapSize:
    """A method of the package that leaves its map as coarse as the layer is."""

    def get_target_width_height(self, input_tensor: torch.Tensor) -> None:
        """No size to resize to: the way back to the film is taken in one step."""


class _GradCAM(_AtMapSize, GradCAM):
    pass


class _GradCAMPlusPlus(_AtMapSize, GradCAMPlusPlus):
    pass


class _LayerCAM(_AtMapSize, LayerCAM):
    pass


class _HiResCAM(_AtMapSize, HiResCAM):
    pass


class _EigenCAM(_AtMapSize, EigenCAM):
    """With the sign that the singular vectors leave open: the peak is positive.

    Source: Chung and Ying 2025, doi:10.3390/app15137562, equation 13.
    """

    def get_cam_image(
        self,
        input_tensor: torch.Tensor,
        target_layer: torch.nn.Module,
        targets: list,
        activations: np.ndarray,
        grads: np.ndarray | None,
        eigen_smooth: bool = False,
    ) -> np.ndarray:
        """Projection (B, h, w) of the activations on their first component."""
        return get_2d_projection_with_sign_correction(activations)


class _ScoreCAM(_AtMapSize, ScoreCAM):
    pass


_CLASSES: dict[str, Any] = dict(
    zip(
        METHODS,
        (_GradCAM, _GradCAMPlusPlus, _LayerCAM, _HiResCAM, _EigenCAM, _ScoreCAM),
        strict=True,
    )
)


def method_named(name: str, is_detector: bool) -> Any:
    """Class of the grad-cam package.

    Raises:
        ValueError: no such method, or one that a detector cannot have.
    """
    if name not in METHODS:
        raise ValueError(f'unknown method {name!r}. Known: {", ".join(METHODS)}.')
    if is_detector and name not in FOR_DETECTORS:
        raise ValueError(
            'scorecam runs the whole network once per channel of the layer, hundreds '
            'of times a finding, and its masked films are no films that a detector '
            f'finds boxes on. For a detector take {", ".join(FOR_DETECTORS)}.'
        )
    return _CLASSES[name]
