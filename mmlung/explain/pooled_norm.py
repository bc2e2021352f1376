"""Layer normalizations of a pooled vector, with their scale held fixed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn


@contextmanager
def pooled_norms_held(model: nn.Module) -> Iterator[None]:
    """Let the slope through a layer norm of a pooled vector ignore its deviation.

    ConvNeXt pools first and normalizes the pooled vector after it. A logit is then
    the same however much all features are scaled, so that the true slope times the
    features sums to zero over the film: a map of it shows as much evidence for as
    against, wherever the finding is. With the deviation held at its value the logit is
    a sum over places, and the map shows each place's share. Values stay the same. A
    norm of each place, as Swin's before its pooling, is left alone.

    Source: the layer-norm rule of Ali et al. 2022, arXiv:2202.07304, section 4.2.
    """
    norms = [module for module in model.modules() if isinstance(module, nn.LayerNorm)]
    handles = [norm.register_forward_hook(_hold) for norm in norms]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _hold(norm: Any, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> Any:
    vectors = inputs[0].flatten(1)
    if vectors.shape[1] != math.prod(norm.normalized_shape):  # of many places
        return output
    centred = vectors - vectors.mean(1, keepdim=True)
    variance = centred.detach().square().mean(1, keepdim=True)
    held = centred / (variance + norm.eps).sqrt()
    if norm.weight is not None:
        held = held * norm.weight.flatten()
    if norm.bias is not None:
        held = held + norm.bias.flatten()
    return held.view_as(output)
