"""Layer-wise learning rates for detectors whose backbone is MMPretrain's."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from mmpretrain.engine import LearningRateDecayOptimWrapperConstructor
from torch import nn

from mmlung.registry import OPTIM_WRAPPER_CONSTRUCTORS


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class LayerDecayOptimWrapperConstructor(LearningRateDecayOptimWrapperConstructor):
    """MMPretrain's layer-wise rates where the network has a ``backbone`` and more.

    Upstream asks the whole network for its layers' depths, which only classifiers can
    tell. Here the backbone is asked; neck and heads learn at the full rate. The rate of
    layer l of L is ``lr * layer_decay_rate ** (L - 1 - l)``. ``lr_mult`` of
    ``custom_keys`` does not act, as upstream.

    Raises:
        TypeError: the backbone cannot tell its layers' depths.
    """

    def add_params(
        self,
        params: list[dict],
        module: nn.Module,
        prefix: str = '',
        get_layer_depth: Callable[[str], tuple[int, int]] | None = None,
        **kwargs: Any,
    ) -> None:
        """Add one group a parameter to ``params``, with its rate and weight decay."""
        if get_layer_depth is None:
            get_layer_depth = _depth_in_backbone(module)
        super().add_params(params, module, prefix, get_layer_depth, **kwargs)


def _depth_in_backbone(module: nn.Module) -> Callable[[str], tuple[int, int]]:
    """Name of a parameter to its layer and the number of layers."""
    backbone: Any = getattr(module, 'backbone', None)
    if backbone is None or not hasattr(backbone, 'get_layer_depth'):
        raise TypeError(
            'layer-wise learning rates need a backbone with get_layer_depth, such as '
            f'mmpretrain.SwinTransformer, got {type(backbone).__name__}. Set '
            "optim_wrapper.constructor to 'DefaultOptimWrapperConstructor'."
        )
    return partial(backbone.get_layer_depth, prefix='backbone.')
