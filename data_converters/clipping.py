"""Boxes against the border of their image: clipped, dropped, or a wrong size table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .records import AnnotationError
from .report import Report

MAX_OUTSIDE = 0.01
"""Share of boxes that may leave their image before the sizes are taken for wrong."""

_SLACK_PX = 1.0  # drawing and rounding: says nothing about the size table
_FEW = 3  # boxes that may cross the border of a small data set by chance


def clip_boxes(
    boxes_xyxy: np.ndarray,
    size_hw: np.ndarray,
    line: np.ndarray,
    file: str | Sequence[str],
    report: Report,
    max_outside: float = MAX_OUTSIDE,
    drop_invalid: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Clip boxes to their images; every box that changes or goes is in the report.

    Args:
        boxes_xyxy: (N, 4) pixels; NaN where a coordinate is missing.
        size_hw: (N, 2) size of each box's image in the same pixels.
        line: (N,) line of ``file`` that each box comes from.
        file: name for errors and the report, or (N,) one for each box.
        report: gets a line for each clipped and each dropped box.
        max_outside: more boxes than this share outside stop the conversion.
        drop_invalid: leave out a box with a missing coordinate or exchanged corners.

    Returns:
        The (N, 4) clipped boxes and an (N,) mask of those to keep.

    Raises:
        AnnotationError: a coordinate is missing, corners are exchanged, or more than
            ``max_outside`` of the boxes leave their image.
    """
    keep = _valid(boxes_xyxy, line, file, report, drop_invalid)
    limits = np.tile(size_hw[:, ::-1], 2).astype(float)  # x1 y1 x2 y2 all within w h
    clipped = boxes_xyxy.clip(0, limits)
    excess = np.abs(np.nan_to_num(boxes_xyxy - clipped)).max(axis=1, initial=0)
    changed = keep & (excess > 0)
    _check_sizes(boxes_xyxy, clipped, size_hw, line, file, keep, max_outside)
    gone = keep & ~_has_area(clipped)
    for i in np.flatnonzero(changed | gone).tolist():
        height, width = size_hw[i].tolist()
        what = f'box {_text(boxes_xyxy[i])} in an image of {width} x {height}'
        if gone[i]:
            report.drop(_name(file, i), int(line[i]), f'{what} has no area')
        else:
            report.clip(_name(file, i), int(line[i]), f'{what} crosses the border')
    return clipped, keep & ~gone


def boxes_on_file(
    boxes_xyxy: np.ndarray,
    original_hw: np.ndarray,
    file_hw: np.ndarray,
    line: np.ndarray,
    file: str | Sequence[str],
    report: Report,
    max_outside: float = MAX_OUTSIDE,
    drop_invalid: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Boxes of the release's film clipped to it, then scaled to the file on disk.

    Args:
        boxes_xyxy: (N, 4) pixels of the release's film.
        original_hw: (N, 2) size of each box's film in the release.
        file_hw: (N, 2) size of its file, which may be a resized copy.
        line: see ``clip_boxes``, as the others.
        file: name for errors and the report, or (N,) one for each box.
        report: gets a line for each clipped and each dropped box.
        max_outside: more boxes than this share outside stop the conversion.
        drop_invalid: leave out a box with a missing coordinate or exchanged corners.

    Returns:
        The (N, 4) boxes in pixels of the file and an (N,) mask of those to keep.
    """
    clipped, keep = clip_boxes(
        boxes_xyxy, original_hw, line, file, report, max_outside, drop_invalid
    )
    original_wh, file_wh = (np.tile(hw[:, ::-1], 2) for hw in (original_hw, file_hw))
    return (clipped * file_wh / original_wh).clip(0, file_wh), keep


def _valid(
    boxes_xyxy: np.ndarray,
    line: np.ndarray,
    file: str | Sequence[str],
    report: Report,
    drop_invalid: bool,
) -> np.ndarray:
    """(N,) boxes with four coordinates and corners in order."""
    missing = np.isnan(boxes_xyxy).any(axis=1)
    reversed_ = (boxes_xyxy[:, 2:] < boxes_xyxy[:, :2]).any(axis=1)
    for i in np.flatnonzero(missing | reversed_).tolist():
        if missing[i]:
            reason = f'box {_text(boxes_xyxy[i])} of a finding lacks a coordinate'
        else:
            reason = f'box {_text(boxes_xyxy[i])} has x_max < x_min or y_max < y_min'
        if not drop_invalid:
            raise AnnotationError(
                f'{reason}. Fix the row or pass --drop-invalid.',
                _name(file, i),
                int(line[i]),
            )
        report.drop(_name(file, i), int(line[i]), reason)
    return ~(missing | reversed_)


def _check_sizes(
    boxes_xyxy: np.ndarray,
    clipped: np.ndarray,
    size_hw: np.ndarray,
    line: np.ndarray,
    file: str | Sequence[str],
    keep: np.ndarray,
    max_outside: float,
) -> None:
    """Stop when too many boxes leave their image.

    A box that loses half of itself always counts; one that merely crosses the border
    counts when there are more than a few of them.
    """
    excess = np.abs(np.nan_to_num(boxes_xyxy - clipped)).max(axis=1, initial=0)
    crossing = keep & (excess > _SLACK_PX)
    far = crossing & (_area(clipped) < 0.5 * _area(boxes_xyxy))
    allowed = max_outside * keep.sum()
    for outside, least in ((far, 0), (crossing, _FEW)):
        n = int(outside.sum())
        if n > allowed and n > least:
            first = int(outside.argmax())
            height, width = size_hw[first].tolist()
            raise AnnotationError(
                f'box {_text(boxes_xyxy[first])} leaves its image of {width} x '
                f'{height} (width x height), and so do {n:,} of {int(keep.sum()):,} '
                f'boxes: more than {max_outside:.2g} of all means wrong image sizes '
                '(height and width exchanged, or resized images without their original '
                'sizes: --image-sizes, or width and height in the annotations).',
                _name(file, first),
                int(line[first]),
            )


def _name(file: str | Sequence[str], i: int) -> str:
    return file if isinstance(file, str) else file[i]


def _area(boxes_xyxy: np.ndarray) -> np.ndarray:
    sides = np.nan_to_num(boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]).clip(min=0)
    return sides.prod(axis=1)


def _has_area(boxes_xyxy: np.ndarray) -> np.ndarray:
    return np.all(boxes_xyxy[:, 2:] > boxes_xyxy[:, :2], axis=1)


def _text(box_xyxy: np.ndarray) -> str:
    """(900.96, 587, 1205.36, nan) as short as possible."""
    return '(' + ', '.join(f'{value:.6g}' for value in box_xyxy.tolist()) + ')'
