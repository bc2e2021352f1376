"""Weights of the present labels, counted in the data that a training will see."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper

from mmlung.registry import HOOKS


def positive_weights(labels: np.ndarray, cap: float) -> np.ndarray:
    """(C,) absent over present labels of each finding, at least 1 and at most ``cap``.

    Args:
        labels: (N, C) 1 present, 0 absent, NaN unknown (left out).
        cap: also the weight of a finding that is never present.

    Source: the weighting of Wang et al. 2017, doi:10.1109/CVPR.2017.369, per finding
    and capped: at 500 negatives a positive, single films would make the steps.

    >>> positive_weights(np.array([[1, 0], [0, 0], [0, 0], [np.nan, 0]]), 20).tolist()
    [2.0, 20.0]
    """
    present = (labels == 1).sum(axis=0)
    absent = (labels == 0).sum(axis=0)
    return np.clip(np.where(present, absent / np.maximum(present, 1), cap), 1, cap)


@HOOKS.register_module()
class PositiveWeightHook(Hook):
    """Give ``pos_weight`` of the binary cross-entropy its values, and log them.

    They are counted over the training set, each film once whatever the sampler does.
    Scores of a model so trained are too high for probabilities: calibrate them.

    Args:
        cap: highest weight.

    Raises:
        ValueError: ``cap`` is below 1, or the head's loss takes no ``pos_weight``.
    """

    def __init__(self, cap: float = 20.0) -> None:
        if cap < 1:
            raise ValueError(f'cap of PositiveWeightHook must be >= 1, got {cap}')
        self.cap = cap

    def before_train(self, runner: Any) -> None:
        """Count, and write the weights into the loss."""
        loss = _innermost_loss(runner.model)
        dataset = runner.train_dataloader.dataset
        infos = (dataset.get_data_info(index) for index in range(len(dataset)))
        labels = np.array([info['gt_score'] for info in infos], dtype=np.float32)
        weights = positive_weights(labels, self.cap)
        loss.pos_weight = weights.tolist()
        named = zip(dataset.metainfo['classes'], weights, strict=True)
        runner.logger.info(
            'weight of present labels: '
            + ', '.join(f'{name} {weight:.1f}' for name, weight in named)
        )


def _innermost_loss(model: Any) -> Any:
    """The loss that the head wraps."""
    model = model.module if is_model_wrapper(model) else model
    loss = getattr(getattr(model, 'head', None), 'loss_module', None)
    loss = getattr(loss, 'loss', loss)
    if not hasattr(loss, 'pos_weight'):
        raise ValueError(
            'PositiveWeightHook needs a head with binary cross-entropy '
            f'(CrossEntropyLoss, use_sigmoid=True), got {type(loss).__name__}'
        )
    return loss
