"""IoU, matching and weighted boxes fusion of xyxy boxes, in NumPy.

Boxes are (x1, y1, x2, y2) in pixels, x right, y down, the far corner exclusive: a width
is ``x2 - x1``, without the "+1" of early PASCAL VOC code.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment


def box_area(boxes_xyxy: np.ndarray) -> np.ndarray:
    """(N,) areas in square pixels of (N, 4) boxes."""
    return (boxes_xyxy[:, 2] - boxes_xyxy[:, 0]) * (boxes_xyxy[:, 3] - boxes_xyxy[:, 1])


def box_iou(a_xyxy: np.ndarray, b_xyxy: np.ndarray) -> np.ndarray:
    """(N, M) intersection over union of (N, 4) and (M, 4) boxes, in [0, 1].

    Two boxes without area have IoU 0.

    >>> box_iou(np.array([[0, 0, 2, 2.]]), np.array([[1, 0, 3, 2.]])).round(3).tolist()
    [[0.333]]
    """
    a, b = a_xyxy[:, None, :], b_xyxy[None, :, :]
    width = np.minimum(a[..., 2], b[..., 2]) - np.maximum(a[..., 0], b[..., 0])
    height = np.minimum(a[..., 3], b[..., 3]) - np.maximum(a[..., 1], b[..., 1])
    overlap = width.clip(min=0) * height.clip(min=0)
    union = box_area(a_xyxy)[:, None] + box_area(b_xyxy)[None, :] - overlap
    return np.divide(overlap, union, out=np.zeros_like(overlap, float), where=union > 0)


def match_greedy(
    iou: np.ndarray, score: np.ndarray, iou_thr: float, strict: bool = False
) -> np.ndarray:
    """Index of the lesion that each prediction finds; PASCAL VOC's rule.

    Predictions are taken by falling score; each goes to the lesion it overlaps most,
    and is false when the overlap is too small or that lesion is already found. A lesion
    is found once.

    Args:
        iou: (N, M) of N predictions with M lesions of one finding in one image.
        score: (N,) confidences; equal ones are taken in order.
        iou_thr: the least overlap that counts as found.
        strict: the overlap must exceed ``iou_thr``, as Kaggle has it.

    Returns:
        (N,) int, -1 for a prediction that finds nothing.

    Source: Everingham et al. 2010, doi:10.1007/s11263-009-0275-4, section 4.4.
    """
    matched = np.full(len(score), -1)
    if iou.size == 0:
        return matched
    nearest = iou.argmax(axis=1)
    overlap = iou[np.arange(len(score)), nearest]
    enough = overlap > iou_thr if strict else overlap >= iou_thr
    found: set[int] = set()
    for i in np.argsort(-score, kind='stable'):
        if enough[i] and nearest[i] not in found:
            matched[i] = nearest[i]
            found.add(int(nearest[i]))
    return matched


def match_optimal(iou: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One-to-one pairs (prediction indices, lesion indices) of the largest total IoU.

    Args:
        iou: (N, M); either side may be empty. Pairs that do not overlap are left out.

    Source: the Hungarian method, ``scipy.optimize.linear_sum_assignment``.
    """
    rows, columns = linear_sum_assignment(iou, maximize=True)
    overlapping = iou[rows, columns] > 0
    return rows[overlapping], columns[overlapping]


def fuse_boxes(
    boxes_xyxy: np.ndarray, weight: np.ndarray, iou_thr: float = 0.5
) -> tuple[np.ndarray, np.ndarray]:
    """Weighted boxes fusion of the boxes of one finding in one image.

    Boxes are taken by falling weight (equal ones in order); each joins the fused box it
    overlaps most, when that IoU exceeds ``iou_thr``, and moves it to the weighted mean
    of its members; otherwise it starts a new one.

    Args:
        boxes_xyxy: (N, 4).
        weight: (N,) positive; a detector's score, or 1 for each radiologist.
        iou_thr: strict threshold in [0, 1].

    Returns:
        The (K, 4) fused boxes and the (N,) index of the fused box each input joined.

    Source: Solovyev et al. 2021, doi:10.1016/j.imavis.2021.104117. The score is left to
    the caller: a vote counts distinct readers, which boxes alone cannot tell.
    """
    # Clusters hold a handful of boxes: plain floats beat NumPy's call overhead tenfold.
    boxes = boxes_xyxy.tolist()
    weights = weight.tolist()
    sums: list[list[float]] = []
    means: list[list[float]] = []
    joined = np.zeros(len(boxes), dtype=int)
    for i in np.argsort(-weight, kind='stable').tolist():
        box, w = boxes[i], weights[i]
        best, best_iou = -1, iou_thr
        for k, mean in enumerate(means):
            overlap = _iou(box, mean)
            if overlap > best_iou:
                best, best_iou = k, overlap
        if best < 0:
            best = len(sums)
            sums.append([0.0] * 5)
            means.append(box)
        total = sums[best]
        total[4] += w
        for j in range(4):
            total[j] += w * box[j]
        means[best] = [value / total[4] for value in total[:4]]
        joined[i] = best
    return np.array(means, dtype=float).reshape(-1, 4), joined


def _iou(a: list[float], b: list[float]) -> float:
    """IoU of two boxes given as plain lists."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    overlap = width * height
    return overlap / (
        (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - overlap
    )
