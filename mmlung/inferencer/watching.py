"""A network that computes NaN says so, where a detector would just find nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch


class NotFiniteError(ArithmeticError):
    """Something that a network computed is NaN."""


def fail_on_nan(model: torch.nn.Module) -> None:
    """Let a network's parts raise :class:`NotFiniteError` where they return NaN.

    A detector keeps the boxes whose score exceeds a threshold, which NaN never does: a
    diverged one would call every film healthy. So the parts are watched (backbone,
    neck, heads, and what these are made of), not the final boxes.
    """
    for part in _parts(model, depth=2):
        part.register_forward_hook(_raise_on_nan)


def _parts(module: torch.nn.Module, depth: int) -> Iterator[torch.nn.Module]:
    """Modules down to a depth; lists of modules do not count as a level."""
    for child in module.children():
        if isinstance(child, torch.nn.ModuleList):
            yield from _parts(child, depth)
        else:
            yield child
            if depth > 1:
                yield from _parts(child, depth - 1)


def _raise_on_nan(module: torch.nn.Module, inputs: Any, output: Any) -> None:
    for tensor in _tensors(output):
        if tensor.is_floating_point() and tensor.isnan().any():
            raise NotFiniteError(f'{type(module).__name__} returned NaN')


def _tensors(output: Any) -> Iterator[torch.Tensor]:
    if isinstance(output, torch.Tensor):
        yield output
    elif isinstance(output, dict):
        yield from _tensors(list(output.values()))
    elif isinstance(output, list | tuple):
        for item in output:
            yield from _tensors(item)
