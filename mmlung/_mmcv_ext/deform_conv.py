"""Deformable convolution, version 1 and version 2 (with a mask)."""

import torch
import torchvision  # noqa: F401  (registers torch.ops.torchvision)
from torch import Tensor

from mmlung._mmcv_ext.precision import widened


def deform_conv_forward(
    input: Tensor,
    weight: Tensor,
    offset: Tensor,
    output: Tensor,
    columns: Tensor,
    ones: Tensor,
    **settings: int,
) -> None:
    """Deformable convolution, written into ``output``.

    Args:
        input: (B, C, H, W).
        weight: (D, C / group, kH, kW).
        offset: (B, 2 * deformable_group * kH * kW, Ho, Wo), pairs of y and x in pixels.
        output: (B, D, Ho, Wo).
        columns: scratch of the compiled op, unused.
        ones: the same.
        **settings: kW, kH, dW, dH (stride), padW, padH, dilationW, dilationH, group,
            deformable_group; im2col_step changes nothing but memory and is unused.

    Source: Dai et al. 2017, doi:10.1109/ICCV.2017.89.
    """
    tensors = _operands(input, weight, offset)
    output.copy_(torch.ops.torchvision.deform_conv2d(*tensors, *_geometry(settings)))


def deform_conv_backward_input(
    input: Tensor,
    offset: Tensor,
    grad_output: Tensor,
    grad_input: Tensor,
    grad_offset: Tensor,
    weight: Tensor,
    columns: Tensor,
    **settings: int,
) -> None:
    """Gradients of input and offset, written into ``grad_input`` and ``grad_offset``.

    The weight's gradient comes with them: it waits in ``columns``, the scratch that
    mmcv hands to :func:`deform_conv_backward_parameters` right afterwards.
    """
    tensors = _operands(input, weight, offset)
    grads = _gradients(grad_output, tensors, _geometry(settings))
    grad_input.copy_(grads[0])
    grad_offset.copy_(grads[2])
    columns.resize_(weight.shape).copy_(grads[1])


def deform_conv_backward_parameters(
    input: Tensor,
    offset: Tensor,
    grad_output: Tensor,
    grad_weight: Tensor,
    columns: Tensor,
    ones: Tensor,
    **settings: int,
) -> None:
    """Gradient of the weight times ``scale``, added to ``grad_weight``."""
    if columns.shape == grad_weight.shape:
        grad = columns.clone()
        columns.resize_(0)  # used up
    else:
        tensors = _operands(input, torch.zeros_like(grad_weight), offset)
        grad = _gradients(grad_output, tensors, _geometry(settings))[1]
    grad_weight.add_(grad.to(grad_weight), alpha=settings['scale'])


def modulated_deform_conv_forward(
    input: Tensor,
    weight: Tensor,
    bias: Tensor,
    ones: Tensor,
    offset: Tensor,
    mask: Tensor,
    output: Tensor,
    columns: Tensor,
    **settings: int,
) -> None:
    """Deformable convolution with a mask, written into ``output``.

    Args:
        input: (B, C, H, W).
        weight: (D, C / group, kernel_h, kernel_w).
        bias: (D,), or empty unless ``with_bias``.
        ones: scratch of the compiled op, unused.
        offset: (B, 2 * deformable_group * kernel_h * kernel_w, Ho, Wo), y and x.
        mask: (B, deformable_group * kernel_h * kernel_w, Ho, Wo).
        output: (B, D, Ho, Wo).
        columns: scratch of the compiled op, unused.
        **settings: kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w, dilation_h,
            dilation_w, group, deformable_group, with_bias.

    Source: Zhu et al. 2019, doi:10.1109/CVPR.2019.00953.
    """
    tensors = _operands(
        input, weight, offset, mask, bias if settings['with_bias'] else None
    )
    geometry = _modulated_geometry(settings)
    output.copy_(torch.ops.torchvision.deform_conv2d(*tensors, *geometry))


def modulated_deform_conv_backward(
    input: Tensor,
    weight: Tensor,
    bias: Tensor,
    ones: Tensor,
    offset: Tensor,
    mask: Tensor,
    columns: Tensor,
    grad_input: Tensor,
    grad_weight: Tensor,
    grad_bias: Tensor,
    grad_offset: Tensor,
    grad_mask: Tensor,
    grad_output: Tensor,
    **settings: int,
) -> None:
    """All gradients of :func:`modulated_deform_conv_forward`, written in place."""
    tensors = _operands(
        input, weight, offset, mask, bias if settings['with_bias'] else None
    )
    grads = _gradients(grad_output, tensors, _modulated_geometry(settings))
    targets = (grad_input, grad_weight, grad_offset, grad_mask, grad_bias)
    for target, grad in zip(targets, grads, strict=True):
        if target is not grad_bias or settings['with_bias']:
            target.copy_(grad)


def _operands(
    input: Tensor,
    weight: Tensor,
    offset: Tensor,
    mask: Tensor | None = None,
    bias: Tensor | None = None,
) -> tuple[Tensor, ...]:
    """Input, weight, offset, mask and bias as torchvision wants them: none missing."""
    if mask is None:
        mask = input.new_zeros(len(input), 1)
    if bias is None:
        bias = input.new_zeros(len(weight))
    return tuple(
        widened(tensor).contiguous() for tensor in (input, weight, offset, mask, bias)
    )


def _gradients(
    grad_output: Tensor, tensors: tuple[Tensor, ...], geometry: tuple[int | bool, ...]
) -> tuple[Tensor, ...]:
    """Gradients of input, weight, offset, mask and bias."""
    return torch.ops.torchvision._deform_conv2d_backward(
        widened(grad_output).contiguous(), *tensors, *geometry
    )


def _geometry(settings: dict[str, int]) -> tuple[int | bool, ...]:
    """Strides, padding, dilation, groups of version 1 in torchvision's order."""
    names = ('dH', 'dW', 'padH', 'padW', 'dilationH', 'dilationW')
    groups = ('group', 'deformable_group')
    return (*(settings[name] for name in names + groups), False)


def _modulated_geometry(settings: dict[str, int]) -> tuple[int | bool, ...]:
    """Strides, padding, dilation, groups of version 2 in torchvision's order."""
    names = ('stride_h', 'stride_w', 'pad_h', 'pad_w', 'dilation_h', 'dilation_w')
    groups = ('group', 'deformable_group')
    return (*(settings[name] for name in names + groups), True)
