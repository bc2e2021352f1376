"""The slope of a target at one layer: a graph that starts there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn


@contextmanager
def graph_from(layer: nn.Module) -> Iterator[list[torch.Tensor]]:
    """Start the graph at a layer's output: what lies before needs no gradient.

    Yields:
        A list whose one entry, after a run, is that output.

    Raises:
        ValueError: while the network runs, if the layer gives no single tensor.
    """
    tap: list[torch.Tensor] = []

    def start(module: nn.Module, inputs: Any, output: Any) -> torch.Tensor:
        if not isinstance(output, torch.Tensor):
            raise ValueError(
                f'the layer gives {type(output).__name__}, not one map: name another'
            )
        # What follows may write in place, which a leaf forbids.
        tap[:] = [output.detach().requires_grad_(True).clone()]
        return tap[-1]

    handle = layer.register_forward_hook(start)
    try:
        yield tap
    finally:
        handle.remove()


@dataclass
class Reached:
    """A target that reaches the layer in any case, if only with a slope of zero.

    So it is for a box that depends on another stage alone. That nothing reaches the
    last of the layers is an error: the score came without its graph.

    Attributes:
        target: gives a scalar.
        tap: as :func:`graph_from` gives it.
        layer: its name.
        is_last: whether no other layer is tried after it.
    """

    target: Any
    tap: list[torch.Tensor]
    layer: str
    is_last: bool

    def __call__(self, output: Any) -> torch.Tensor:
        """Scalar.

        Raises:
            ValueError: it has no gradient.
        """
        value = self.target(output)
        cut = not value.requires_grad and not self.tap[-1].requires_grad
        # Score-CAM runs without gradients, and needs none.
        wanted = (self.is_last or cut) and torch.is_grad_enabled()
        if wanted and not value.requires_grad:
            raise ValueError(no_slope(self.layer))
        return value + 0 * self.tap[-1].sum()


def no_slope(layer: str) -> str:
    """Why there is no gradient, and what to do."""
    return (
        f'the score has no gradient at {layer!r}: the layer is not on its way, or the '
        'detector makes scores without gradients, as soft-NMS does. Name another '
        "layer, give target='anywhere' (--target anywhere), or take eigencam, which "
        'needs no gradient.'
    )
