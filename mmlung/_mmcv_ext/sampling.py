"""Where RoIAlign samples: points spread over the bins of a region, between pixels."""

import torch
from torch import Tensor


def sample_grid(
    rois: Tensor,
    bins_hw: tuple[int, int],
    spatial_scale: float,
    sampling_ratio: int,
    aligned: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """Near corner, size of a bin and samples a bin of each region, (R, 2) as y, x.

    Args:
        rois: (R, 5) image, x1, y1, x2, y2, in pixels before ``spatial_scale``.
        bins_hw: rows and columns of bins.
        spatial_scale: pixels of the feature map a pixel of the image.
        sampling_ratio: samples along each side of a bin; 0: one a pixel.
        aligned: shift by half a pixel, as pixel centres demand.
    """
    shift = 0.5 if aligned else 0.0
    start = rois[:, [2, 1]] * spatial_scale - shift
    extent = rois[:, [4, 3]] * spatial_scale - shift - start
    if not aligned:
        extent = extent.clamp(min=1)
    step = extent / extent.new_tensor(bins_hw)
    if sampling_ratio > 0:
        return start, step, torch.full_like(step, sampling_ratio, dtype=torch.int64)
    return start, step, step.ceil().clamp(min=0).long()


def positions(start: Tensor, step: Tensor, bins: int, samples: int) -> Tensor:
    """(R, bins * samples) coordinates along one axis, of samples spread over bins."""
    start, step = start[:, None, None], step[:, None, None]
    bin_start = start + torch.arange(bins, device=start.device)[:, None] * step
    sample = torch.arange(samples, device=start.device) + 0.5
    return (bin_start + sample * step / samples).flatten(1)


def position_of(
    start: Tensor, step: Tensor, count: Tensor, sample: Tensor, axis: int
) -> Tensor:
    """Coordinate of one sample in each bin, by the sums of :func:`positions`.

    Args:
        start: (R,) near edge of each region.
        step: (R,) size of a bin.
        count: (R,) samples a bin.
        sample: (R, C, bins, bins) which sample, counted within its bin.
        axis: 0 along y, 1 along x.
    """
    start, step, count = (v.view(-1, 1, 1, 1) for v in (start, step, count))
    bins = torch.arange(sample.shape[2 + axis], device=sample.device)
    bins = bins.view((-1, 1) if axis == 0 else (1, -1))
    return start + bins * step + (sample + 0.5) * step / count.clamp(min=1)


def neighbours(position: Tensor, length: int) -> tuple[tuple[Tensor, Tensor], ...]:
    """The two pixels beside each position along one axis, with their weights.

    More than one pixel outside the image the weights are 0; nearer, the border counts.
    """
    inside = (position >= -1) & (position <= length)
    position = position.clamp(0, length - 1)
    low = position.long()
    high = (low + 1).clamp(max=length - 1)
    fraction = position - low
    zero = torch.zeros_like(fraction)
    return (
        (low, torch.where(inside, 1 - fraction, zero)),
        (high, torch.where(inside, fraction, zero)),
    )


def mean_shares(
    start: Tensor, step: Tensor, count: Tensor, bins: int, most: int, length: int
) -> tuple[Tensor, Tensor]:
    """Pixels along one axis that a bin's mean rests on, and their shares in it.

    Samples are at most one pixel apart, so those of a bin touch ``count + 1`` pixels
    in a row.

    Args:
        start: (R,) near edge of each region.
        step: (R,) size of a bin, at most ``count``.
        count: (R,) samples a bin, at least 1.
        bins: number of bins.
        most: the largest count, or more.
        length: pixels along the axis.

    Returns:
        Pixels and shares, each (R, bins, most + 1); what is too many has share 0.
    """
    start, step, count = (v[:, None, None] for v in (start, step, count))
    sample = torch.arange(most, device=start.device)
    bin_start = start + torch.arange(bins, device=start.device)[:, None] * step
    position = bin_start + (sample + 0.5) * step / count  # (R, bins, most)
    (low, weight_low), (high, weight_high) = neighbours(position, length)
    first = low[..., :1]
    share = position.new_zeros(*position.shape[:2], most + 1)
    for pixel, weight in ((low, weight_low), (high, weight_high)):
        weight = (weight / count).where(sample < count, 0.0)
        share.scatter_add_(2, (pixel - first).clamp(max=most), weight)
    row = first + torch.arange(most + 1, device=first.device)
    return row.clamp(max=length - 1), share
