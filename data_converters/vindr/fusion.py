"""Several radiologists' boxes -> one set, with the votes kept."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from functools import cache

import numpy as np

from data_converters.records import Box
from data_converters.records import ImageRecord
from mmlung.boxes import fuse_boxes


def fuse_readers(record: ImageRecord, iou_thr: float = 0.5) -> ImageRecord:
    """Weighted boxes fusion of the readers' boxes, finding by finding.

    All readers weigh the same, so a fused box is the mean of its members. No box is
    lost: one that nobody shares stays as it is, with one vote. A reader who drew two of
    the members still votes once. The result does not depend on the order of the boxes.

    Args:
        record: a film with every reader's boxes.
        iou_thr: boxes join when their IoU exceeds this.
    """
    by_finding: dict[str, list[Box]] = defaultdict(list)
    for box in record.boxes:
        by_finding[box.finding].append(box)
    fused: list[Box] = []
    for finding, boxes in by_finding.items():
        fused += boxes if len(boxes) == 1 else _fuse(finding, boxes, iou_thr)
    return replace(record, boxes=tuple(fused))


def with_votes(record: ImageRecord, min_votes: int) -> ImageRecord:
    """The film with the boxes that at least so many readers drew."""
    boxes = tuple(box for box in record.boxes if box.votes >= min_votes)
    return replace(record, boxes=boxes)


def one_reader(record: ImageRecord, reader: str) -> ImageRecord:
    """The film with the boxes of a single reader."""
    boxes = tuple(box for box in record.boxes if reader in box.readers)
    return replace(record, boxes=boxes)


@cache
def reader_order(name: str) -> tuple[str, int, str]:
    """Sort key that puts R2 before R10."""
    letters, digits = re.fullmatch(r'(.*?)(\d*)', name, re.DOTALL).groups()  # type: ignore[union-attr]
    return letters, int(digits or -1), name


def _fuse(finding: str, boxes: list[Box], iou_thr: float) -> list[Box]:
    """Fused boxes of one finding in one film."""
    boxes = sorted(boxes, key=lambda b: ([reader_order(r) for r in b.readers], b.xyxy))
    xyxy = np.array([box.xyxy for box in boxes])
    fused_xyxy, joined = fuse_boxes(xyxy, np.ones(len(boxes)), iou_thr)
    readers: list[set[str]] = [set() for _ in fused_xyxy]
    for box, k in zip(boxes, joined.tolist(), strict=True):
        readers[k].update(box.readers)
    return [
        Box(finding, tuple(xyxy), _sorted(names))
        for xyxy, names in zip(fused_xyxy.tolist(), readers, strict=True)
    ]


def _sorted(readers: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(readers, key=reader_order))
