"""Leave a network exactly as it was found, whatever is done to it in between."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def left_as_found(model: nn.Module) -> Iterator[None]:
    """Evaluation mode and frozen parameters inside; everything as before outside.

    What is kept: the training mode of every module, ``requires_grad`` and ``.grad`` of
    every parameter (the very same tensors), and the hooks.
    """
    modes = [(module, module.training) for module in model.modules()]
    parameters = [(p, p.requires_grad, p.grad) for p in model.parameters()]
    hooks = [(module, *_hooks(module)) for module, _ in modes]
    try:
        for parameter, _, _ in parameters:
            parameter.grad = None
            parameter.requires_grad_(False)
        for module, _ in modes:
            module.training = False
        yield
    finally:
        for module, training in modes:
            module.training = training
        for parameter, requires_grad, grad in parameters:
            parameter.requires_grad_(requires_grad)
            parameter.grad = grad
        for module, forward, backward in hooks:
            _keep_only(module._forward_hooks, forward)
            _keep_only(module._backward_hooks, backward)


def _hooks(module: nn.Module) -> tuple[set[int], set[int]]:
    return set(module._forward_hooks), set(module._backward_hooks)


def _keep_only(hooks: dict, wanted: set[int]) -> None:
    for key in [key for key in hooks if key not in wanted]:
        del hooks[key]
