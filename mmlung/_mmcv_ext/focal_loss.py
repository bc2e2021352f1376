"""Focal losses, by sigmoid and by softmax.

Source: Lin et al. 2017, doi:10.1109/ICCV.2017.324. Logarithms are taken of the logits,
so that a confident wrong answer keeps its true loss where the compiled op stops at 87.
"""

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from mmlung._mmcv_ext.precision import widened


def sigmoid_focal_loss_forward(
    input: Tensor,
    target: Tensor,
    weight: Tensor,
    output: Tensor,
    gamma: float,
    alpha: float,
) -> None:
    """Loss of each logit, written into ``output``.

    Args:
        input: (N, C) logits.
        target: (N,) int64 class; any number outside 0 to C - 1 is background, to which
            every logit should be low. Nothing is left out, -1 included.
        weight: (C,) weight of each class, or empty. Background rows weigh 1 (the
            compiled op reads past the end there).
        output: (N, C).
        gamma: how strongly easy examples are played down.
        alpha: share of the positives in the loss.
    """
    x = widened(input)
    positive = _one_hot(target, x.shape[1])
    loss = torch.where(
        positive,
        -alpha * x.neg().sigmoid() ** gamma * logsigmoid(x),
        -(1 - alpha) * x.sigmoid() ** gamma * logsigmoid(-x),
    )
    output.copy_(_weighted(loss, target, weight))


def sigmoid_focal_loss_backward(
    input: Tensor,
    target: Tensor,
    weight: Tensor,
    grad_input: Tensor,
    gamma: float,
    alpha: float,
) -> None:
    """Derivative of each loss by its logit, written into ``grad_input`` (N, C)."""
    x = widened(input)
    p, q = x.sigmoid(), x.neg().sigmoid()
    grad = torch.where(
        _one_hot(target, x.shape[1]),
        -alpha * q**gamma * (q - gamma * p * logsigmoid(x)),
        -(1 - alpha) * p**gamma * (gamma * q * logsigmoid(-x) - p),
    )
    grad_input.copy_(_weighted(grad, target, weight))


def softmax_focal_loss_forward(
    input: Tensor,
    target: Tensor,
    weight: Tensor,
    output: Tensor,
    gamma: float,
    alpha: float,
) -> None:
    """Loss of each row, written into ``output``.

    Args:
        input: (N, C) probabilities, the softmax that ``mmcv.ops`` has already taken.
        target: (N,) int64 class; a negative one gives loss 0.
        weight: (C,) weight of each class, or empty.
        output: (N,).
        gamma: how strongly easy examples are played down.
        alpha: factor of the whole loss.
    """
    p = _chosen(widened(input), target)
    loss = -alpha * (1 - p) ** gamma * p.log()
    output.copy_(_weighted(loss.where(target >= 0, 0.0), target, weight))


def softmax_focal_loss_backward(
    input: Tensor,
    target: Tensor,
    weight: Tensor,
    buff: Tensor,
    grad_input: Tensor,
    gamma: float,
    alpha: float,
) -> None:
    """Derivative by the logits before the softmax, written into ``grad_input`` (N, C).

    ``buff`` (N,) is scratch of the compiled op and stays as it is.
    """
    probability = widened(input)
    p = _chosen(probability, target)
    rest = (1 - p).clamp(min=torch.finfo(p.dtype).tiny)  # 0 to a negative power
    slope = alpha * (gamma * rest ** (gamma - 1) * p * p.log() - rest**gamma)
    slope = _weighted(slope.where(target >= 0, 0.0), target, weight)
    hit = _one_hot(target, probability.shape[1]).to(probability)
    grad_input.copy_(slope[:, None] * (hit - probability))


def _one_hot(target: Tensor, n_classes: int) -> Tensor:
    """(N, C) bool; a row without True is background."""
    return target[:, None] == torch.arange(n_classes, device=target.device)


def _chosen(probability: Tensor, target: Tensor) -> Tensor:
    """(N,) probability of each row's class, kept above 0; of class 0 where negative."""
    p = probability.gather(1, target.clamp(min=0)[:, None])[:, 0]
    return p.clamp(min=torch.finfo(p.dtype).tiny)


def _weighted(loss: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """``loss`` (N,) or (N, C) times the weight of each row's class."""
    if weight.numel() == 0:
        return loss
    known = (target >= 0) & (target < len(weight))
    factor = widened(weight)[target.where(known, 0)].where(known, 1.0)
    return loss * factor.view(-1, *[1] * (loss.ndim - 1))
