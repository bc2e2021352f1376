"""Maximum of a feature map over the bins of regions: core of RoIAlign and RoIPool."""

from collections.abc import Iterator

import torch
from torch import Tensor

_ELEMENTS_AT_ONCE = 2**22  # about 16 MB in float32


def groups(sizes: Tensor, elements: int) -> Iterator[tuple[Tensor, int, int]]:
    """Regions of equal size together, in parts that fit in memory.

    Args:
        sizes: (R, 2) int64 rows and columns of points in a bin of each region.
        elements: values that a region needs for one point in each bin.

    Yields:
        The indices of some regions, and their rows and columns. Regions whose bins
        have no point are left out.
    """
    for size in sizes.unique(dim=0):
        rows, columns = size.tolist()
        if rows < 1 or columns < 1:
            continue
        members = (sizes == size).all(dim=1).nonzero()[:, 0]
        at_once = max(1, _ELEMENTS_AT_ONCE // (rows * columns * max(1, elements)))
        for part in members.split(at_once):
            yield part, rows, columns


def gather(channels_last: Tensor, batch: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """(R, P, Q, C) features at the crossings of rows and columns.

    Args:
        channels_last: (B, H, W, C), contiguous.
        batch: (R,) image of each region.
        y: (R, P) rows.
        x: (R, Q) columns.
    """
    _, height, width, n_channels = channels_last.shape
    row = batch[:, None] * height + y
    index = row[:, :, None] * width + x[:, None]
    return channels_last.view(-1, n_channels)[index]


def bin_max(values: Tensor, rows: int, columns: int) -> tuple[Tensor, Tensor, Tensor]:
    """Maximum over the points of each bin, and the first point that attains it.

    Args:
        values: (R, bins * rows, bins * columns, C).
        rows: points along y in a bin.
        columns: points along x in a bin.

    Returns:
        Maximum, row and column of the point within its bin, each (R, C, bins, bins).
    """
    n, height, width, n_channels = values.shape
    bins = values.view(n, height // rows, rows, width // columns, columns, n_channels)
    best = bins.permute(0, 5, 1, 3, 2, 4).flatten(4).max(dim=-1)
    return best.values, best.indices // columns, best.indices % columns


def add_at(grad: Tensor, batch: Tensor, y: Tensor, x: Tensor, amounts: Tensor) -> None:
    """Add ``amounts`` (R, C, bins, bins) to pixels of ``grad``, all four alike shaped.

    Args:
        grad: (B, C, H, W), contiguous, changed in place.
        batch: (R,) image of each region.
        y: rows, (R, C, bins, bins).
        x: columns, the same shape.
        amounts: what to add, the same shape.
    """
    _, n_channels, height, width = grad.shape
    channel = torch.arange(n_channels, device=grad.device)
    plane = (batch[:, None] * n_channels + channel)[:, :, None, None]
    index = (plane * height + y) * width + x
    grad.view(-1).index_add_(0, index.flatten(), amounts.flatten())
