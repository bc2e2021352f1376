"""RoIAlign with average pooling by torchvision, with maximum pooling by ours."""

import torch
import torchvision  # noqa: F401  (registers torch.ops.torchvision)
from torch import Tensor

from mmlung._mmcv_ext.precision import widened
from mmlung._mmcv_ext.regions import add_at
from mmlung._mmcv_ext.regions import bin_max
from mmlung._mmcv_ext.regions import gather
from mmlung._mmcv_ext.regions import groups
from mmlung._mmcv_ext.sampling import mean_shares
from mmlung._mmcv_ext.sampling import neighbours
from mmlung._mmcv_ext.sampling import position_of
from mmlung._mmcv_ext.sampling import positions
from mmlung._mmcv_ext.sampling import sample_grid

_MAX = 0  # pool_mode; 1 is the average
_MOST = 128  # samples along a bin, beyond which the sparse sum needs too much memory


def roi_align_forward(
    input: Tensor,
    rois: Tensor,
    output: Tensor,
    argmax_y: Tensor,
    argmax_x: Tensor,
    aligned_height: int,
    aligned_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    pool_mode: int,
    aligned: bool,
) -> None:
    """Features of regions at a fixed size, written into ``output``.

    Args:
        input: (B, C, H, W).
        rois: (R, 5) image, x1, y1, x2, y2, in pixels before ``spatial_scale``.
        output: (R, C, aligned_height, aligned_width). A region without area gives 0.
        argmax_y: maximum pooling only, shaped as ``output``: the row of the sample
            that won, counted within its bin, -1 for none. (The compiled op stores a
            coordinate, which half precision would round.)
        argmax_x: the column, likewise.
        aligned_height: rows of bins.
        aligned_width: columns of bins.
        spatial_scale: pixels of the feature map a pixel of the image.
        sampling_ratio: samples along each side of a bin; 0: one a pixel.
        pool_mode: 0 maximum, 1 average of the samples.
        aligned: shift by half a pixel, as pixel centres demand.

    Source: He et al. 2017, doi:10.1109/ICCV.2017.322.
    """
    features = widened(input).contiguous()
    regions = rois.to(features)
    bins_hw = (aligned_height, aligned_width)
    if pool_mode != _MAX:
        pooled = torch.ops.torchvision.roi_align(
            features, regions, spatial_scale, *bins_hw, sampling_ratio, aligned
        )
        output.copy_(pooled)
        return
    batch = regions[:, 0].long()
    start, step, count = sample_grid(
        regions, bins_hw, spatial_scale, sampling_ratio, aligned
    )
    channels_last = features.permute(0, 2, 3, 1).contiguous()
    output.zero_()
    argmax_y.fill_(-1)
    argmax_x.fill_(-1)
    n_elements = aligned_height * aligned_width * features.shape[1]
    for part, rows, columns in groups(count, n_elements):
        y = positions(start[part, 0], step[part, 0], aligned_height, rows)
        x = positions(start[part, 1], step[part, 1], aligned_width, columns)
        values = _interpolate(channels_last, batch[part], y, x)
        best, row, column = bin_max(values, rows, columns)
        output[part] = best.to(output.dtype)
        argmax_y[part] = row.to(argmax_y.dtype)
        argmax_x[part] = column.to(argmax_x.dtype)


def roi_align_backward(
    grad_output: Tensor,
    rois: Tensor,
    argmax_y: Tensor,
    argmax_x: Tensor,
    grad_input: Tensor,
    aligned_height: int,
    aligned_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    pool_mode: int,
    aligned: bool,
) -> None:
    """Gradient of the features, written into ``grad_input`` (B, C, H, W)."""
    grad = widened(grad_output).contiguous()
    regions = rois.to(grad)
    spread = (spatial_scale, sampling_ratio, aligned)
    if pool_mode == _MAX:
        scattered = _max_backward(
            grad, regions, argmax_y, argmax_x, grad_input.shape, *spread
        )
    else:
        scattered = _mean_backward(grad, regions, grad_input.shape, *spread)
    grad_input.copy_(scattered)


def _max_backward(
    grad: Tensor,
    rois: Tensor,
    argmax_y: Tensor,
    argmax_x: Tensor,
    shape: torch.Size,
    spatial_scale: float,
    sampling_ratio: int,
    aligned: bool,
) -> Tensor:
    """Gradient of the features, of shape (B, C, H, W), from the samples that won."""
    bins_hw = (grad.shape[2], grad.shape[3])
    start, step, count = sample_grid(
        rois, bins_hw, spatial_scale, sampling_ratio, aligned
    )
    y, x = (
        position_of(start[:, axis], step[:, axis], count[:, axis], winner, axis)
        for axis, winner in enumerate((argmax_y.to(grad), argmax_x.to(grad)))
    )
    scattered = grad.new_zeros(shape)
    grad = grad.where(argmax_y >= 0, 0.0)
    for row, weight_y in neighbours(y, shape[2]):
        for column, weight_x in neighbours(x, shape[3]):
            amounts = grad * (weight_y * weight_x)
            add_at(scattered, rois[:, 0].long(), row, column, amounts)
    return scattered


def _mean_backward(
    grad: Tensor,
    rois: Tensor,
    shape: torch.Size,
    spatial_scale: float,
    sampling_ratio: int,
    aligned: bool,
) -> Tensor:
    """Gradient of the features, of shape (B, C, H, W).

    On the CPU by a sparse matrix of pixels by bins, which all channels share:
    torchvision's kernel interpolates anew for every channel and takes several times
    as long. It serves everywhere else, and for regions of absurd size.
    """
    n_images, n_channels, height, width = shape
    bins_hw = (grad.shape[2], grad.shape[3])
    start, step, count = sample_grid(
        rois, bins_hw, spatial_scale, sampling_ratio, aligned
    )
    if grad.device.type != 'cpu' or sampling_ratio > 0 or (count > _MOST).any():
        return torch.ops.torchvision._roi_align_backward(
            grad, rois, spatial_scale, *bins_hw, *shape, sampling_ratio, aligned
        )
    batch = rois[:, 0].long()
    scattered = grad.new_zeros(n_images * height * width, n_channels)
    # Few groups, of similar sizes: powers of two, and 0 where a side has no sample.
    size = count.amax(dim=1, keepdim=True).float().log2().ceil().exp2().long()
    size = size.where((count > 0).all(dim=1, keepdim=True), 0).expand(-1, 2)
    for part, most, _ in groups(size, 2 * bins_hw[0] * bins_hw[1]):
        (y, share_y), (x, share_x) = (
            mean_shares(
                start[part, axis],
                step[part, axis],
                count[part, axis],
                bins_hw[axis],
                most,
                shape[2 + axis],
            )
            for axis in (0, 1)
        )
        line = (batch[part, None, None] * height + y) * width
        pixel = line[:, :, None, :, None] + x[:, None, :, None]
        share = share_y[:, :, None, :, None] * share_x[:, None, :, None]
        of_bins = grad[part].permute(0, 2, 3, 1).reshape(-1, n_channels)
        share = share.view(len(of_bins), -1)
        bins, nth = share.nonzero(as_tuple=True)
        spread = torch.sparse_coo_tensor(
            torch.stack([pixel.view(len(of_bins), -1)[bins, nth], bins]),
            share[bins, nth],
            (len(scattered), len(of_bins)),
            check_invariants=False,
        )
        scattered.addmm_(spread, of_bins)
    return scattered.view(n_images, height, width, n_channels).permute(0, 3, 1, 2)


def _interpolate(channels_last: Tensor, batch: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """(R, P, Q, C) features between pixels, at rows y (R, P) and columns x (R, Q)."""
    _, height, width, _ = channels_last.shape
    values = channels_last.new_zeros(())
    for row, weight_y in neighbours(y, height):
        for column, weight_x in neighbours(x, width):
            weight = (weight_y[:, :, None] * weight_x[:, None])[..., None]
            values = values + gather(channels_last, batch, row, column) * weight
    return values
