"""What one class activation map is worth beside the boxes that a radiologist drew."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmlung.boxes import box_area
from mmlung.boxes import box_iou
from mmlung.evaluation.cam_boxes import BoxRule
from mmlung.evaluation.cam_boxes import boxes_of_map
from mmlung.evaluation.cam_boxes import chance_of_overlap
from mmlung.evaluation.cam_boxes import intersections

THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
"""Of IoU and IoBB, to be exceeded."""


@dataclass(frozen=True)
class MapScore:
    """What one map of one finding is worth beside the true boxes of that finding."""

    finding: str
    cluster: str
    """What is resampled as one: the patient, or the film when no patient is known."""
    pointing: float
    """1 when the maximum lies in a box; of a tied maximum, the share that does."""
    random_pixel: float
    """The same for a pixel drawn at random: the share of the film that is boxed."""
    energy: float
    """Share of the map's sum that lies in the boxes; NaN for a map of zeros."""
    iou: float
    """Best IoU of a box of the map with a true box; 0 without any."""
    iobb: float
    """Best intersection with a true box over the area of the map's box."""
    chance: tuple[float, ...]
    """(T,) of exceeding each threshold of IoU with boxes of these sizes anywhere."""


def score_map(
    cam: np.ndarray,
    true_xyxy: np.ndarray,
    finding: str,
    cluster: str,
    rule: BoxRule | None = None,
    tolerance_px: float = 0.0,
) -> MapScore:
    """Compare one map with the true boxes of its finding on that film.

    A pixel lies in a box when its centre does. Of several boxes of the finding on a
    film any counts for pointing, IoU and IoBB, and their union for the energy.

    Args:
        cam: (H, W) not negative, aligned to the original image.
        true_xyxy: (M, 4) true boxes in pixels of that image, M >= 1.
        finding: its name.
        cluster: what is resampled as one.
        rule: how boxes are read from the map.
        tolerance_px: boxes grow by it on each side for the pointing game and its
            random pixel (Zhang et al.: 15 px, by distance); 0 here, as boxes on films
            are drawn wide.

    Raises:
        ValueError: the map is not (H, W), has negative or undefined values, or there
            is no box, or one outside the image.

    Source: pointing game from Zhang et al. 2018, doi:10.1007/s11263-017-1059-x; there
    a tied maximum is broken by order, here its pixels share the hit, so that a constant
    map scores what a random pixel does. IoBB from Wang et al. 2017,
    doi:10.1109/CVPR.2017.369. Energy from Wang et al. 2020 (Score-CAM),
    doi:10.1109/CVPRW50498.2020.00020.

    >>> cam = np.array([[0.0, 0.0, 0.0], [0.0, 0.5, 1.0]])
    >>> score = score_map(cam, np.array([[2.0, 0, 3, 2]]), 'Nodule', 'patient 1')
    >>> score.pointing, round(score.energy, 3), score.iou
    (1.0, 0.667, 0.3333333333333333)
    """
    _check(cam, true_xyxy)
    grown = true_xyxy + tolerance_px * np.array([-1, -1, 1, 1])
    allowed, inside = _mask(grown, cam.shape), _mask(true_xyxy, cam.shape)
    found = boxes_of_map(cam, rule)
    shared = intersections(found, true_xyxy) / box_area(found)[:, None]
    total = cam.sum(dtype=float)
    chance = chance_of_overlap(
        found, true_xyxy, (cam.shape[0], cam.shape[1]), np.array(THRESHOLDS)
    )
    return MapScore(
        finding=finding,
        cluster=cluster,
        pointing=float(allowed[cam == cam.max()].mean()),
        random_pixel=float(allowed.mean()),
        energy=float(cam[inside].sum(dtype=float) / total) if total else float('nan'),
        iou=float(box_iou(found, true_xyxy).max(initial=0.0)),
        iobb=float(shared.max(initial=0.0)),
        chance=tuple(chance.tolist()),
    )


def _mask(boxes_xyxy: np.ndarray, size_hw: tuple[int, ...]) -> np.ndarray:
    """(H, W) bool: pixels whose centre lies in a box."""
    y, x = np.arange(size_hw[0]) + 0.5, np.arange(size_hw[1]) + 0.5
    mask = np.zeros(size_hw, dtype=bool)
    for x1, y1, x2, y2 in boxes_xyxy:
        mask |= np.outer((y >= y1) & (y < y2), (x >= x1) & (x < x2))
    return mask


def _check(cam: np.ndarray, true_xyxy: np.ndarray) -> None:
    if cam.ndim != 2 or cam.size == 0:
        raise ValueError(f'a map must have shape (H, W), got {cam.shape}')
    if not (np.isfinite(cam).all() and cam.min() >= 0):
        raise ValueError(
            'a map must be finite and not negative, got values from '
            f'{cam.min()} to {cam.max()}'
        )
    if true_xyxy.ndim != 2 or true_xyxy.shape[1] != 4 or len(true_xyxy) == 0:
        raise ValueError(
            f'true boxes must have shape (M, 4) with M >= 1, got {true_xyxy.shape}'
        )
    height, width = cam.shape
    beyond = np.maximum(-true_xyxy[:, :2], true_xyxy[:, 2:] - [width, height])
    if beyond.max() > 1:
        raise ValueError(
            f'a true box leaves the map of {width} x {height} px by '
            f'{beyond.max():.1f} px: the map must be aligned to the original image'
        )
