"""RoIPool by mmcv's definition, whose bins torchvision's rounds differently."""

import torch
from torch import Tensor

from mmlung._mmcv_ext.precision import widened
from mmlung._mmcv_ext.regions import add_at
from mmlung._mmcv_ext.regions import bin_max
from mmlung._mmcv_ext.regions import gather
from mmlung._mmcv_ext.regions import groups


def roi_pool_forward(
    input: Tensor,
    rois: Tensor,
    output: Tensor,
    argmax: Tensor,
    pooled_height: int,
    pooled_width: int,
    spatial_scale: float,
) -> None:
    """Maximum over the pixels of each bin of each region, written into ``output``.

    Args:
        input: (B, C, H, W).
        rois: (R, 5) image, x1, y1, x2, y2, in pixels before ``spatial_scale``, the far
            edge part of the region.
        output: (R, C, pooled_height, pooled_width); 0 for a bin without a pixel.
        argmax: int32, shaped alike: row * W + column of the maximum, -1 for none.
        pooled_height: rows of bins.
        pooled_width: columns of bins.
        spatial_scale: pixels of the feature map a pixel of the image.

    Source: Girshick 2015, doi:10.1109/ICCV.2015.169.
    """
    features = widened(input)
    regions = rois.to(features)
    n_channels, height, width = features.shape[1:]
    top, bottom = _edges(regions, 2, pooled_height, height, spatial_scale)
    left, right = _edges(regions, 1, pooled_width, width, spatial_scale)
    sizes = torch.stack([(bottom - top).amax(dim=1), (right - left).amax(dim=1)], dim=1)
    channels_last = features.permute(0, 2, 3, 1).contiguous()
    output.zero_()
    argmax.fill_(-1)
    n_elements = pooled_height * pooled_width * n_channels
    for part, rows, columns in groups(sizes, n_elements):
        y, in_y = _pixels(top[part], bottom[part], rows, height)
        x, in_x = _pixels(left[part], right[part], columns, width)
        values = gather(channels_last, regions[part, 0].long(), y, x)
        belongs = (in_y[:, :, None] & in_x[:, None])[..., None]
        best, row, column = bin_max(values.where(belongs, -torch.inf), rows, columns)
        row, column = row + top[part, None, :, None], column + left[part, None, None]
        found = best > -torch.inf
        output[part] = best.where(found, 0.0).to(output.dtype)
        argmax[part] = (row * width + column).where(found, -1).to(argmax.dtype)


def roi_pool_backward(
    grad_output: Tensor,
    rois: Tensor,
    argmax: Tensor,
    grad_input: Tensor,
    pooled_height: int,
    pooled_width: int,
    spatial_scale: float,
) -> None:
    """Gradient of the features, written into ``grad_input`` (B, C, H, W)."""
    grad = widened(grad_output)
    width = grad_input.shape[3]
    scattered = grad.new_zeros(grad_input.shape)
    pixel = argmax.clamp(min=0).long()
    amounts = grad.where(argmax >= 0, 0.0)
    add_at(scattered, rois[:, 0].long(), pixel // width, pixel % width, amounts)
    grad_input.copy_(scattered)


def _edges(
    rois: Tensor, near: int, bins: int, length: int, spatial_scale: float
) -> tuple[Tensor, Tensor]:
    """(R, bins) first pixel of each bin along one axis, and the first beyond it."""
    start = rois[:, near] * spatial_scale
    extent = (rois[:, near + 2] + 1) * spatial_scale - start
    step = (extent / bins)[:, None]
    index = torch.arange(bins, device=rois.device)
    low = (index * step + start[:, None]).floor().clamp(0, length).long()
    high = ((index + 1) * step + start[:, None]).ceil().clamp(0, length).long()
    return low, high.where(extent[:, None] > 0, low)


def _pixels(
    low: Tensor, high: Tensor, count: int, length: int
) -> tuple[Tensor, Tensor]:
    """(R, bins * count) pixels from ``low`` on, and whether each is before ``high``."""
    pixel = low[:, :, None] + torch.arange(count, device=low.device)
    belongs = pixel < high[:, :, None]
    return pixel.clamp(max=length - 1).flatten(1), belongs.flatten(1)
