"""The layer that a map is read from, and its tokens as a map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from typing import Any

import torch
from torch import nn

_STRIDES = (1, 2, 4, 8, 16, 32, 64, 128)
_DEPTH = 2
_FINE_ENOUGH = 14


def grid_of_tokens(n_tokens: int, input_hw: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns of a film's tokens.

    Tokens lie on a grid with a stride that is a power of two; a side that the stride
    does not divide is padded, as Swin does.

    Args:
        n_tokens: without class tokens.
        input_hw: of the network's input in pixels.

    Raises:
        ValueError: no stride gives that many tokens.
    """
    for stride in _STRIDES:
        rows, columns = (-(-side // stride) for side in input_hw)
        if rows * columns == n_tokens:
            return rows, columns
    raise ValueError(
        f'{n_tokens} tokens are no grid of an input of {input_hw[0]} x {input_hw[1]} '
        'pixels (height x width) at a stride of 1, 2, 4, ... or 128. Name another '
        'layer.'
    )


@dataclass
class TokensToMap:
    """Tokens (B, N, C), row by row, to a map (B, C, h, w); a map stays as it is.

    Attributes:
        input_hw: of the network's input in pixels.
    """

    input_hw: tuple[int, int]

    def __call__(self, features: torch.Tensor) -> torch.Tensor:
        """Features as (B, C, h, w)."""
        if features.ndim == 4:
            return features
        rows, columns = grid_of_tokens(features.shape[1], self.input_hw)
        batch, _, channels = features.shape
        return features.transpose(1, 2).reshape(batch, channels, rows, columns)


def stride_of(map_hw: tuple[int, int], input_hw: tuple[int, int]) -> int | None:
    """Power of two by which a map is coarser than the input, or None."""
    for stride in _STRIDES:
        sides = [
            side in (length // stride, -(-length // stride))
            for side, length in zip(map_hw, input_hw, strict=True)
        ]
        if all(sides):
            return stride
    return None


def find_layers(model: Any, inputs: torch.Tensor) -> dict[int, str]:
    """Per stride the name of the backbone's last layer that knows where things are.

    The one of the largest stride is the stage before the pooling, or a normalization
    after it. They are found by a run, so that no architecture need be known: among
    the backbone's parts and the parts of those.

    Args:
        model: with a ``backbone``.
        inputs: (1, 3, H, W) as the network takes it.

    Returns:
        Names by stride, in the order in which they ran.

    Raises:
        ValueError: no layer has an output of more than one position.
    """
    names = {
        module: f'backbone.{name}'
        for name, module in model.backbone.named_modules()
        if name and name.count('.') < _DEPTH
    }
    seen = _Seen((int(inputs.shape[-2]), int(inputs.shape[-1])))
    handles = [module.register_forward_hook(seen) for module in names]
    try:
        with torch.no_grad():
            model.backbone(inputs)
    finally:
        for handle in handles:
            handle.remove()
    if not seen.last:
        raise ValueError(
            'the backbone has no layer whose output is a map; name one with layer='
        )
    return {stride: names[module] for stride, module in seen.last.items()}


def fine_layer(found: Mapping[int, str], input_hw: tuple[int, int]) -> str:
    """The deepest layer that still has 14 places along the shorter side.

    Twice the 7 that ConvNeXt's kernels and Swin's windows span. On coarser maps, as of
    the last stages of a film of 128 pixels, every place has seen the whole film, and
    where evidence lies on the map no longer says where it lies on the film. The first
    layer that runs is no candidate, as it is the embedding of the pixels.

    Args:
        found: as :func:`find_layers` gives it.
        input_hw: of the network's input in pixels.

    Returns:
        A name; if none is that fine, the finest.
    """
    (first, *later) = found
    fine = [s for s in later if min(input_hw) // s >= _FINE_ENOUGH]
    return found[fine[-1] if fine else later[0] if later else first]


@dataclass
class _Seen:
    """Forward hook that remembers, per stride, the last module with map or tokens."""

    input_hw: tuple[int, int]
    last: dict[int, nn.Module] = field(default_factory=dict)

    def __call__(self, module: nn.Module, _: Any, output: Any) -> None:
        stride = self._stride(output) if isinstance(output, torch.Tensor) else None
        if stride is not None:
            self.last.pop(stride, None)  # so that the dictionary is in running order
            self.last[stride] = module

    def _stride(self, output: torch.Tensor) -> int | None:
        if output.ndim == 3:
            try:
                map_hw = grid_of_tokens(output.shape[1], self.input_hw)
            except ValueError:
                return None
        elif output.ndim == 4:
            map_hw = (int(output.shape[-2]), int(output.shape[-1]))
        else:
            return None
        return None if map_hw == (1, 1) else stride_of(map_hw, self.input_hw)


def layer_named(model: nn.Module, name: str) -> nn.Module:
    """The module of a model with a dotted name.

    Raises:
        ValueError: there is none; the text lists the names at that depth.
    """
    try:
        return model.get_submodule(name)
    except AttributeError as error:
        parent = name.rpartition('.')[0]
        known = [n for n, _ in model.named_modules() if n.rpartition('.')[0] == parent]
        raise ValueError(
            f'the model has no layer {name!r}. '
            f'Known there: {", ".join(known) or "none"}.'
        ) from error
