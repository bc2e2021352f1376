"""Multi-scale deformable attention, through mmcv's own PyTorch implementation."""

import torch
from torch import Tensor

from mmlung._mmcv_ext.precision import widened


def ms_deform_attn_forward(
    value: Tensor,
    value_spatial_shapes: Tensor,
    value_level_start_index: Tensor,
    sampling_locations: Tensor,
    attention_weights: Tensor,
    im2col_step: int,
) -> Tensor:
    """Attention over a few sampled points of every level.

    Args:
        value: (B, K, heads, D), the levels one after the other.
        value_spatial_shapes: (L, 2) height and width of each level.
        value_level_start_index: (L,), follows from the shapes and is unused.
        sampling_locations: (B, Q, heads, L, P, 2) x and y, 0 to 1 over the level.
        attention_weights: (B, Q, heads, L, P).
        im2col_step: changes nothing but memory, unused.

    Returns:
        (B, Q, heads * D), in the type of ``value``.

    Source: Zhu et al. 2021, Deformable DETR, arXiv:2010.04159.
    """
    tensors = (value, sampling_locations, attention_weights)
    attended = _attend(value_spatial_shapes, *(widened(t) for t in tensors))
    return attended.to(value.dtype)


def ms_deform_attn_backward(
    value: Tensor,
    value_spatial_shapes: Tensor,
    value_level_start_index: Tensor,
    sampling_locations: Tensor,
    attention_weights: Tensor,
    grad_output: Tensor,
    grad_value: Tensor,
    grad_sampling_loc: Tensor,
    grad_attn_weight: Tensor,
    im2col_step: int,
) -> None:
    """Gradients of :func:`ms_deform_attn_forward`, written in place."""
    tensors = [
        widened(tensor).detach().requires_grad_()
        for tensor in (value, sampling_locations, attention_weights)
    ]
    with torch.enable_grad():
        attended = _attend(value_spatial_shapes, *tensors)
    grads = torch.autograd.grad(attended, tensors, widened(grad_output))
    targets = (grad_value, grad_sampling_loc, grad_attn_weight)
    for target, grad in zip(targets, grads, strict=True):
        target.copy_(grad)


def _attend(
    shapes: Tensor, value: Tensor, locations: Tensor, weights: Tensor
) -> Tensor:
    # Imported here: mmcv.ops loads this module while it is itself being loaded.
    from mmcv.ops.multi_scale_deform_attn import multi_scale_deformable_attn_pytorch

    return multi_scale_deformable_attn_pytorch(value, shapes, locations, weights)
