"""The first epochs train the head alone, on features that stay as they are."""

from __future__ import annotations

from typing import Any

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from torch import nn

from mmlung.registry import HOOKS


@HOOKS.register_module()
class HeadWarmUpHook(Hook):
    """Freeze a part of the model for the first epochs, then let it learn.

    A new head sends large and meaningless gradients into good weights. Here the part
    gets no gradient at all, so no optimizer moves it, and no memory is kept for its
    backward pass. Its normalization must hold no running statistics (ConvNeXt and Swin
    hold none); the rates of the two phases are the schedule's.

    Args:
        epochs: that the part stays frozen; 0 freezes nothing.
        part: name of the module below the model.

    Raises:
        ValueError: ``epochs`` is negative, the model has no such part, the part has
            running statistics, or a distributed training would wait for its gradients.
    """

    def __init__(self, epochs: int = 3, part: str = 'backbone') -> None:
        if epochs < 0:
            raise ValueError(f'epochs of HeadWarmUpHook must be >= 0, got {epochs}')
        self.epochs = epochs
        self.part = part
        self._frozen: list[nn.Parameter] = []

    def before_train(self, runner: Any) -> None:
        """Check the model once, before any time is spent."""
        wrapped = is_model_wrapper(runner.model)
        if wrapped and not getattr(runner.model, 'find_unused_parameters', True):
            raise ValueError(
                'HeadWarmUpHook in a distributed training needs '
                'find_unused_parameters=True in the config, or the processes wait for '
                'gradients of the frozen part.'
            )
        kept = [name for name, _ in self._part_of(runner).named_buffers()]
        if any(name.endswith('running_mean') for name in kept):
            raise ValueError(
                f'HeadWarmUpHook cannot freeze {self.part}: it has running statistics '
                f'({kept[0]}, ...) that move without gradients. Take a network without '
                'batch normalization, such as ConvNeXt or Swin.'
            )

    def before_train_epoch(self, runner: Any) -> None:
        """Freeze or free the part; a resumed training does the same."""
        if runner.epoch < self.epochs and not self._frozen:
            parameters = self._part_of(runner).parameters()
            self._frozen = [p for p in parameters if p.requires_grad]
            for parameter in self._frozen:
                parameter.requires_grad_(False)
            runner.logger.info(f'{self.part} is frozen for {self.epochs} epochs')
        elif runner.epoch >= self.epochs and self._frozen:
            self._free()
            runner.logger.info(f'{self.part} learns from here on')

    def after_train(self, runner: Any) -> None:
        """Leave nothing frozen behind."""
        self._free()

    def _free(self) -> None:
        """What was frozen here learns again; what the model froze itself does not."""
        for parameter in self._frozen:
            parameter.requires_grad_(True)
        self._frozen = []

    def _part_of(self, runner: Any) -> nn.Module:
        model = runner.model
        model = model.module if is_model_wrapper(model) else model
        part = getattr(model, self.part, None)
        if part is None:
            raise ValueError(
                f'HeadWarmUpHook: {type(model).__name__} has no part named '
                f'{self.part!r}'
            )
        return part
