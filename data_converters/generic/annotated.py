"""What the generic formats say, before films are found, boxes clipped and films split.

The readers of COCO, YOLO and CSV fill it, ``generic.finish`` makes a conversion of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Any

import numpy as np

from data_converters.tables import Source

SPLITS = ('train', 'val', 'test')

BORDER = 1e-6
"""Share of the image's side that a format's digits may put a box over the border."""


@dataclass(frozen=True)
class Film:
    """One image as an annotation file speaks of it.

    Args:
        image_id: unique among all.
        name: its file, as written: a path, a name or a stem.
        declared_hw: size that the file gives; None: it does not.
        split: train, val, test, or None where the file leaves it open.
        facts: further fields of ``ImageRecord``.
    """

    image_id: str
    name: str
    declared_hw: tuple[int, int] | None = None
    split: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class BoxRows:
    """(N,) boxes, row by row: which film, what, where, and where that was read.

    ``xyxy`` is (N, 4), in pixels of the declared image or, with ``fractions``, in
    shares of its width and height; NaN where a coordinate is missing.
    """

    film: np.ndarray
    finding: np.ndarray
    xyxy: np.ndarray
    file: np.ndarray
    line: np.ndarray
    readers: np.ndarray
    crowd: np.ndarray
    fractions: bool = False

    def where(self, keep: np.ndarray) -> BoxRows:
        """The rows of a mask."""
        return BoxRows(
            self.film[keep],
            self.finding[keep],
            self.xyxy[keep],
            self.file[keep],
            self.line[keep],
            self.readers[keep],
            self.crowd[keep],
            self.fractions,
        )


@dataclass(frozen=True)
class Annotations:
    """Everything that the annotation files of a data set say.

    Args:
        films: with and without boxes.
        boxes: ``film`` is an index into ``films``.
        findings: categories in the order of the file.
        source: the file, or the files as one.
        dataset: a name that the file gives.
        image_classes: of the labels among the films' facts.
        ground_truth: per split, what its boxes are; None for films never looked at.
        paths: film id -> image file, where the format itself says so.
        images: folder of the images, where the file itself says so.
        extra: more facts for the head of each file that is written.
        synthetic: the file says that its films were drawn.
    """

    films: Sequence[Film]
    boxes: BoxRows
    findings: tuple[str, ...]
    source: Source
    dataset: str | None = None
    image_classes: tuple[str, ...] = ()
    ground_truth: dict[str, str | None] = field(default_factory=dict)
    paths: dict[str, Path] | None = None
    images: Path | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    synthetic: bool = False


def box_rows(
    film: Sequence[int],
    finding: Sequence[str],
    xyxy: Sequence[Sequence[float]] | np.ndarray,
    file: Sequence[str],
    line: Sequence[int],
    readers: Sequence[tuple[str, ...]] | None = None,
    crowd: Sequence[bool] | None = None,
    fractions: bool = False,
) -> BoxRows:
    """Box rows of lists."""
    n = len(film)
    reader_rows = np.empty(n, dtype=object)
    reader_rows[:] = [()] * n if readers is None else list(readers)
    return BoxRows(
        np.asarray(film, dtype=int),
        np.asarray(finding, dtype=object),
        np.asarray(xyxy, dtype=float).reshape(-1, 4),
        np.asarray(file, dtype=object),
        np.asarray(line, dtype=int),
        reader_rows,
        np.zeros(n, bool) if crowd is None else np.asarray(crowd, dtype=bool),
        fractions,
    )


def on_border(xyxy: np.ndarray, size_hw: np.ndarray) -> np.ndarray:
    """Boxes that miss the border by the last digits of a format, put on it.

    Args:
        xyxy: (N, 4) pixels.
        size_hw: (N, 2) of their images.
    """
    limits = np.tile(size_hw[:, ::-1], 2).astype(float)
    near = np.abs(xyxy - xyxy.clip(0, limits)) <= BORDER * limits
    return np.where(near, xyxy.clip(0, limits), xyxy)
