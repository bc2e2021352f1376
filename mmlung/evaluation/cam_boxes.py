"""Boxes around what a class activation map marks, and what their size alone buys."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

REGIONS = ('largest', 'all')


@dataclass(frozen=True)
class BoxRule:
    """How boxes are read from a map: a share of its maximum, then connected regions.

    Attributes:
        share: pixels with a value of at least this share of the map's maximum are
            marked. Zhou et al. take 0.2; Wang et al. take 60 / 255 and 180 / 255.
        regions: ``'largest'``, the box of the largest connected region alone (Zhou et
            al.), or ``'all'``, a box for each region (Wang et al.).

    Raises:
        ValueError: ``share`` lies outside (0, 1], or ``regions`` is unknown.

    Source: Zhou et al. 2016, doi:10.1109/CVPR.2016.319, section 3.2; Wang et al. 2017,
    doi:10.1109/CVPR.2017.369, section 4.2. Pixels are connected by their sides and
    corners; of regions of equal size the uppermost counts, which neither paper says.
    """

    share: float = 0.2
    regions: str = 'largest'

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise ValueError(
                f'share of the maximum must lie in (0, 1], got {self.share}.'
            )
        if self.regions not in REGIONS:
            raise ValueError(
                f'regions must be one of {", ".join(REGIONS)}, got {self.regions!r}.'
            )


def boxes_of_map(cam: np.ndarray, rule: BoxRule | None = None) -> np.ndarray:
    """Boxes around what a map marks.

    Args:
        cam: (H, W) not negative.
        rule: how; None: :class:`BoxRule` as it stands.

    Returns:
        (K, 4) xyxy in pixels of the map, the far corner exclusive; none for a map that
        is 0 everywhere.

    >>> cam = np.array([[0.0, 0.0, 0.1], [1.0, 0.5, 0.0]])
    >>> boxes_of_map(cam).tolist()
    [[0.0, 1.0, 2.0, 2.0]]
    """
    rule = rule or BoxRule()
    highest = cam.max(initial=0.0)
    if highest <= 0:
        return np.empty((0, 4))
    labels, _ = ndimage.label(cam >= rule.share * highest, structure=np.ones((3, 3)))
    slices = ndimage.find_objects(labels)
    if rule.regions == 'largest':
        slices = [slices[int(np.bincount(labels.ravel())[1:].argmax())]]
    corners = [(x.start, y.start, x.stop, y.stop) for y, x in slices]
    return np.array(corners, dtype=float)


def intersections(a_xyxy: np.ndarray, b_xyxy: np.ndarray) -> np.ndarray:
    """(N, M) areas in square pixels that (N, 4) and (M, 4) boxes share."""
    low = np.maximum(a_xyxy[:, None, :2], b_xyxy[None, :, :2])
    high = np.minimum(a_xyxy[:, None, 2:], b_xyxy[None, :, 2:])
    return (high - low).clip(min=0).prod(axis=-1)


def chance_of_overlap(
    boxes_xyxy: np.ndarray,
    true_xyxy: np.ndarray,
    size_hw: tuple[int, int],
    thresholds: np.ndarray,
) -> np.ndarray:
    """Chance that boxes of these sizes, placed at random, overlap a true box enough.

    Each box is put at every whole-pixel position inside the image with equal chance,
    independently of the others: no sampling.

    Args:
        boxes_xyxy: (K, 4) boxes of a map; their widths and heights matter alone.
        true_xyxy: (M, 4) true boxes.
        size_hw: of the image.
        thresholds: (T,) of the IoU with any true box, to be exceeded.

    Returns:
        (T,) chance that at least one box does; 0 without boxes.
    """
    missed = np.ones(len(thresholds))
    for x1, y1, x2, y2 in boxes_xyxy:
        best = _iou_by_place((x2 - x1, y2 - y1), true_xyxy, size_hw)
        missed *= [1 - (best > threshold).mean() for threshold in thresholds]
    return 1 - missed


def _iou_by_place(
    size_wh: tuple[float, float], true_xyxy: np.ndarray, size_hw: tuple[int, int]
) -> np.ndarray:
    """Best IoU with a true box, for each place of a box: (rows, columns)."""
    width, height = size_wh
    left = np.arange(size_hw[1] - int(width) + 1)
    top = np.arange(size_hw[0] - int(height) + 1)
    best = np.zeros((len(top), len(left)))
    for x1, y1, x2, y2 in true_xyxy:
        across = np.minimum(left + width, x2) - np.maximum(left, x1)
        down = np.minimum(top + height, y2) - np.maximum(top, y1)
        shared = np.outer(down.clip(min=0), across.clip(min=0))
        united = width * height + (x2 - x1) * (y2 - y1) - shared
        np.maximum(best, shared / united, out=best)
    return best
