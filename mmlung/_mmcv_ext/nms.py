"""Non-maximum suppression: hard, soft, and with the groups that it suppressed."""

import numpy as np
import torch
import torchvision
from torch import Tensor

from mmlung._mmcv_ext.precision import widened


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float, offset: int) -> Tensor:
    """Indices of the boxes kept, by falling score.

    Args:
        boxes: (N, 4) x1, y1, x2, y2.
        scores: (N,).
        iou_threshold: a box that overlaps a kept one by more than this is dropped.
        offset: 1 counts the far edge as part of the box (width x2 - x1 + 1), else 0.

    Returns:
        (K,) int64.
    """
    boxes, scores = widened(boxes), widened(scores)
    if offset:
        # In float64 the edge is added without rounding, so that ties stay ties.
        boxes = boxes.double() + boxes.new_tensor([0, 0, offset, offset]).double()
    elif boxes.dtype == torch.float32:
        # The compiled op compares in float32: an IoU of exactly 0.6 is not above 0.6.
        iou_threshold = float(np.float32(iou_threshold))
    return torchvision.ops.nms(boxes, scores.to(boxes), iou_threshold)


def softnms(
    boxes: Tensor,
    scores: Tensor,
    dets: Tensor,
    iou_threshold: float,
    sigma: float,
    min_score: float,
    method: int,
    offset: int,
) -> Tensor:
    """Boxes whose scores fall with their overlap with better ones.

    Args:
        boxes: (N, 4) x1, y1, x2, y2, on the CPU.
        scores: (N,).
        dets: (N, 5) written in place: box and new score, K rows by falling score.
        iou_threshold: overlap from which on methods 0 and 1 act.
        sigma: width of method 2.
        min_score: boxes that fall below it are dropped.
        method: 0 drops (naive), 1 is linear, 2 is gaussian.
        offset: 1 counts the far edge as part of the box, else 0.

    Returns:
        (K,) int64 indices of the boxes kept, in the order of ``dets``.

    Source: Bodla et al. 2017, doi:10.1109/ICCV.2017.593. The order in which dropped
    boxes are replaced is the compiled op's: it decides between equal scores.
    """
    xyxy = widened(boxes).detach().numpy().copy()
    score = widened(scores).detach().numpy().astype(xyxy.dtype)
    index = np.arange(len(xyxy))
    n_left, i = len(xyxy), 0
    while i < n_left:
        best = i + int(score[i:n_left].argmax())
        for values in (xyxy, score, index):
            values[[i, best]] = values[[best, i]]
        rest = slice(i + 1, n_left)
        iou = _iou_to_first(xyxy[i:n_left], offset)
        score[rest] *= _decay(iou, iou_threshold, sigma, method)
        keep = ~(score[rest] < min_score)
        for values in (xyxy, score, index):
            _close_gaps(values[rest], keep)
        n_left = i + 1 + int(keep.sum())
        i += 1
    kept = np.column_stack([xyxy[:n_left], score[:n_left]])
    dets[:n_left] = torch.from_numpy(kept).to(dets)
    return torch.from_numpy(index[:n_left])


def nms_match(dets: Tensor, iou_threshold: float) -> list[list[int]]:
    """Groups of boxes: each kept one, then those it suppressed, by falling score.

    Args:
        dets: (N, 5) x1, y1, x2, y2, score, on the CPU.
        iou_threshold: a box that overlaps a kept one by this or more joins its group.

    Returns:
        One list of indices a kept box.
    """
    values = widened(dets).detach().numpy()
    left = np.argsort(-values[:, 4], kind='stable')
    groups = []
    while len(left):
        iou = _iou_to_first(values[left, :4], offset=0)
        joins = np.concatenate([[True], iou >= values.dtype.type(iou_threshold)])
        groups.append(left[joins].tolist())
        left = left[~joins]
    return groups


def _iou_to_first(xyxy: np.ndarray, offset: int) -> np.ndarray:
    """(N - 1,) IoU of the first of (N, 4) boxes with each of the others."""
    first, others = xyxy[0], xyxy[1:]
    far = np.minimum(first[2:], others[:, 2:])
    near = np.maximum(first[:2], others[:, :2])
    inter = np.maximum(far - near + offset, 0).prod(axis=1)
    area = (xyxy[:, 2:] - xyxy[:, :2] + offset).prod(axis=1)
    with np.errstate(invalid='ignore', divide='ignore'):  # boxes without area
        return inter / (area[0] + area[1:] - inter)


def _decay(
    iou: np.ndarray, iou_threshold: float, sigma: float, method: int
) -> np.ndarray:
    """Factor by which soft-NMS lowers a score, for each overlap."""
    if method == 2:
        return np.exp(-(iou * iou) / iou.dtype.type(sigma))
    lowered = np.zeros_like(iou) if method == 0 else 1 - iou
    return np.where(iou >= iou.dtype.type(iou_threshold), lowered, 1).astype(iou.dtype)


def _close_gaps(values: np.ndarray, keep: np.ndarray) -> None:
    """Move the kept rows to the front in place: the last into the first gap."""
    n_kept = int(keep.sum())
    gaps = np.flatnonzero(~keep[:n_kept])
    values[gaps] = values[n_kept + np.flatnonzero(keep[n_kept:])[::-1]]
