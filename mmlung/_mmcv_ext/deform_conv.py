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

    Offset and mask may be larger than the output, see :func:`_read`.

    Source: Zhu et al. 2019, doi:10.1109/CVPR.2019.00953.
    """
    offset, mask = (_read(t, output.shape[2:]) for t in (offset, mask))
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
    offset, mask = (_read(t, grad_output.shape[2:]) for t in (offset, mask))
    tensors = _operands(
        input, weight, offset, mask, bias if settings['with_bias'] else None
    )
    grads = _gradients(grad_output, tensors, _modulated_geometry(settings))
    grad_input.copy_(grads[0])
    grad_weight.copy_(grads[1])
    grad_offset.copy_(_unread(grads[2], grad_offset.shape))
    grad_mask.copy_(_unread(grads[3], grad_mask.shape))
    if settings['with_bias']:
        grad_bias.copy_(grads[4])


def _read(tensor: Tensor, size_hw: torch.Size) -> Tensor:
    """Offset or mask as the compiled op reads it, (B, channels, *size_hw).

    It takes the output's size for theirs, and so reads the first numbers of an image's
    larger offset in a row. DyHead hands in those of the next finer level, and its
    published weights were trained on just that.

    Raises:
        ValueError: the tensor is smaller than the output (the compiled op reads
            memory of others then).
    """
    if tensor.shape[2:] == size_hw:
        return tensor
    n_read = tensor.shape[1] * size_hw.numel()
    if tensor[0].numel() < n_read:
        raise ValueError(
            'offset and mask of a deformable convolution must be at least as large as '
            f'its output of {tuple(size_hw)}, got {tuple(tensor.shape[2:])}'
        )
    return tensor.flatten(1)[:, :n_read].reshape(*tensor.shape[:2], *size_hw)


def _unread(grad: Tensor, shape: torch.Size) -> Tensor:
    """Gradient of the whole tensor from that of what :func:`_read` took of it."""
    if grad.shape == shape:
        return grad
    whole = grad.new_zeros(shape[0], shape[1:].numel())
    whole[:, : grad[0].numel()] = grad.flatten(1)
    return whole.view(shape)


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
