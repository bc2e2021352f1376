"""Overlap of boxes, upright and rotated."""

import torch
from torch import Tensor

from mmlung._mmcv_ext.precision import widened

_PAIRS_AT_ONCE = 16384  # about 50 MB of float64 temporaries


@torch.no_grad()
def bbox_overlaps(
    bboxes1: Tensor,
    bboxes2: Tensor,
    ious: Tensor,
    mode: int,
    aligned: bool,
    offset: int,
) -> None:
    """Overlap of upright boxes, written into ``ious``.

    Args:
        bboxes1: (N, 4) x1, y1, x2, y2.
        bboxes2: (M, 4); M = N when aligned.
        ious: (N, M), or (N,) when aligned. NaN where a base has no area.
        mode: 0 over the union, 1 over the area of the first box.
        aligned: pair the boxes row by row.
        offset: 1 counts the far edge as part of the box, else 0.
    """
    first, second = widened(bboxes1), widened(bboxes2)
    area1 = (first[:, 2:] - first[:, :2] + offset).prod(dim=1)
    area2 = (second[:, 2:] - second[:, :2] + offset).prod(dim=1)
    if not aligned:
        first, area1 = first[:, None], area1[:, None]
    near = torch.maximum(first[..., :2], second[..., :2])
    far = torch.minimum(first[..., 2:], second[..., 2:])
    inter = (far - near + offset).clamp(min=0).prod(dim=-1)
    ious.copy_(inter / (area1 + area2 - inter if mode == 0 else area1))


@torch.no_grad()
def box_iou_rotated(
    bboxes1: Tensor, bboxes2: Tensor, ious: Tensor, mode_flag: int, aligned: bool
) -> None:
    """Overlap of rotated boxes, written into ``ious``.

    Args:
        bboxes1: (N, 5) centre x, centre y, width, height, angle in radians, clockwise
            with y down.
        bboxes2: (M, 5); M = N when aligned.
        ious: (N * M,), or (N,) when aligned. 0 where a box has no area.
        mode_flag: 0 over the union, 1 over the area of the first box.
        aligned: pair the boxes row by row.

    Computed in float64, so the value for equal boxes is 1 where the compiled op, in
    float32, can lose corners.
    """
    n, m = len(bboxes1), len(bboxes2)
    pair = torch.arange(n if aligned else n * m, device=bboxes1.device)
    rows, columns = (pair, pair) if aligned else (pair // max(m, 1), pair % max(m, 1))
    for part in pair.split(_PAIRS_AT_ONCE):
        first, second = bboxes1[rows[part]].double(), bboxes2[columns[part]].double()
        area1, area2 = first[:, 2:4].prod(dim=1), second[:, 2:4].prod(dim=1)
        inter = _rotated_intersection(first, second)
        base = area1 + area2 - inter if mode_flag == 0 else area1
        iou = inter / base
        ious[part] = iou.where((area1 >= 1e-14) & (area2 >= 1e-14), 0.0).to(ious)


def _rotated_intersection(first: Tensor, second: Tensor) -> Tensor:
    """(K,) area shared by each pair of (K, 5) boxes.

    The intersection is convex, so its corners (corners of one box inside the other,
    and crossings of edges) sorted by angle around their mean go round it once.
    """
    centre = (first[:, :2] + second[:, :2]) / 2
    corners1, corners2 = _corners(first, centre), _corners(second, centre)
    crossings, crossed = _edge_crossings(corners1, corners2)
    points = torch.cat([crossings, corners1, corners2], dim=1)  # (K, 24, 2)
    valid = torch.cat(
        [crossed, _inside(corners1, corners2), _inside(corners2, corners1)], dim=1
    )
    count = valid.sum(dim=1, keepdim=True).clamp(min=1)
    points = points.where(valid[..., None], 0.0)
    points = points - (points.sum(dim=1) / count)[:, None]
    angle = torch.atan2(points[..., 1], points[..., 0])
    order = angle.where(valid, torch.inf).argsort(dim=1)
    # Beyond the valid points the first one is repeated: no area is added.
    order = order.where(valid.gather(1, order), order[:, :1])
    hull = points.gather(1, order[..., None].expand(-1, -1, 2))
    area = _cross(hull, hull.roll(-1, dims=1)).sum(dim=1).abs() / 2
    return area.where(valid.sum(dim=1) > 2, 0.0)


def _corners(boxes: Tensor, origin: Tensor) -> Tensor:
    """(K, 4, 2) corners of (K, 5) rotated boxes, in order, relative to ``origin``."""
    cos, sin = boxes[:, 4].cos(), boxes[:, 4].sin()
    along = torch.stack([cos, sin], dim=1) * boxes[:, 2:3] / 2
    across = torch.stack([-sin, cos], dim=1) * boxes[:, 3:4] / 2
    centre = boxes[:, :2] - origin
    signs = ((-1, 1), (-1, -1), (1, -1), (1, 1))
    return torch.stack([centre + u * along + v * across for u, v in signs], dim=1)


def _edge_crossings(corners1: Tensor, corners2: Tensor) -> tuple[Tensor, Tensor]:
    """(K, 16, 2) points where edges cross, and (K, 16) whether they do."""
    start1, start2 = corners1[:, :, None], corners2[:, None]
    edge1 = corners1.roll(-1, dims=1)[:, :, None] - start1
    edge2 = corners2.roll(-1, dims=1)[:, None] - start2
    det = _cross(edge2, edge1)
    gap = start2 - start1
    t1, t2 = _cross(edge2, gap) / det, _cross(edge1, gap) / det
    meets = (det.abs() > 1e-14) & (t1 >= 0) & (t1 <= 1) & (t2 >= 0) & (t2 <= 1)
    points = start1 + edge1 * t1[..., None]
    return points.flatten(1, 2), meets.flatten(1)


def _inside(points: Tensor, corners: Tensor) -> Tensor:
    """(K, 4) whether each of (K, 4, 2) points lies in its box, given by 4 corners."""
    offset = points - corners[:, :1]
    inside = torch.ones_like(offset[..., 0], dtype=torch.bool)
    for neighbour in (1, 3):
        side = corners[:, neighbour : neighbour + 1] - corners[:, :1]
        length2 = (side * side).sum(dim=-1)
        along = (offset * side).sum(dim=-1)
        slack = 1e-9 * length2  # shared borders count, whatever the rounding
        inside &= (along >= -slack) & (along <= length2 + slack)
    return inside


def _cross(a: Tensor, b: Tensor) -> Tensor:
    """Cross product of vectors in the plane, over the last dimension."""
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
