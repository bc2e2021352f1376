"""Films as small JPEG pictures inside the page, boxes drawn over them as vectors."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from markupsafe import Markup
from PIL import Image

from mmlung.dicom import read_image
from mmlung.report.markup import joined
from mmlung.result import Finding

FILM_PX = 320
"""Longer side of an embedded film."""
FIGURE_PX = 1100
"""Width of an embedded figure of a map."""
_QUALITY = 80
_LARGE = 0.7
_LINE = 13.0
"""Height of a label, in pixels of the embedded film."""

Region = tuple[float, float, float, float]


@dataclass(frozen=True)
class Drawn:
    """A finding on a film, and how it is drawn.

    Attributes:
        finding: with a box, in pixels of the original image.
        kind: ``'truth'`` or ``'prediction'``.
    """

    finding: Finding
    kind: str

    @property
    def label(self) -> str:
        """Name, with the score where it was predicted."""
        if self.kind == 'truth' or self.finding.score is None:
            return self.finding.name
        return f'{self.finding.name} {self.finding.score:.2f}'


def film(
    path: Path, alt: str, drawn: Sequence[Drawn] = (), region: Region | None = None
) -> Markup:
    """A film, or a part of it, as it lies in the file: nothing is mirrored.

    Args:
        path: of the film.
        alt: what it shows, for those who do not see it.
        drawn: boxes over it.
        region: xyxy part in pixels of the original image; None: all.

    Raises:
        OSError: the file cannot be opened.
        ValueError: it is no film.
    """
    pixels = _pixels(path)
    height, width = pixels.shape
    x1, y1, x2, y2 = region or (0.0, 0.0, float(width), float(height))
    left, top = max(0, round(x1)), max(0, round(y1))
    part = pixels[top : min(height, round(y2)), left : min(width, round(x2))]
    scale = FILM_PX / max(part.shape)
    size_wh = (
        max(1, round(part.shape[1] * scale)),
        max(1, round(part.shape[0] * scale)),
    )
    # Never larger than the film itself: the browser scales up as well.
    small = Image.fromarray(part)
    if scale < 1:
        small = small.resize(size_wh, Image.Resampling.BOX)
    boxes = _boxes(drawn, (left, top), scale, size_wh)
    overlay = Markup('<svg viewBox="0 0 {} {}" aria-hidden="true">{}</svg>').format(
        *size_wh, boxes
    )
    return Markup(
        '<div class="film"><img src="{}" width="{}" height="{}" alt="{}">{}</div>'
    ).format(_data_uri(small), *size_wh, alt, overlay if drawn else '')


def around(box_xyxy: Region, size_hw: tuple[int, int]) -> Region | None:
    """A square about a box, twice as wide, and at least a quarter of the film.

    None for a box that is too large to be worth enlarging.
    """
    x1, y1, x2, y2 = box_xyxy
    height, width = size_hw
    side = max(2 * max(x2 - x1, y2 - y1), max(width, height) / 4)
    if side > _LARGE * min(width, height):
        return None
    left = min(max(0.0, (x1 + x2 - side) / 2), width - side)
    top = min(max(0.0, (y1 + y2 - side) / 2), height - side)
    return (left, top, left + side, top + side)


def embedded_picture(path: Path, alt: str) -> Markup:
    """A figure on disk, such as a map's, made small.

    Raises:
        OSError: it is missing or no picture.
    """
    with Image.open(path) as opened:
        picture = opened.convert('RGB')
    picture.thumbnail((FIGURE_PX, FIGURE_PX))
    return Markup('<img src="{}" width="{}" height="{}" alt="{}">').format(
        _data_uri(picture), *picture.size, alt
    )


@lru_cache(maxsize=2)  # a case shows the film and an enlarged part of it
def _pixels(path: Path) -> np.ndarray:
    return read_image(path).pixels


def _data_uri(picture: Image.Image) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, 'JPEG', quality=_QUALITY, optimize=True)
    return f'data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}'


def _boxes(
    drawn: Sequence[Drawn],
    origin: tuple[int, int],
    scale: float,
    size_wh: tuple[int, int],
) -> Markup:
    """Rectangles, and over all of them labels that do not cover one another."""
    pieces, labels = [], []
    taken: list[tuple[float, float, float]] = []
    for item in drawn:
        corners = np.array(item.finding.box_xyxy, dtype=float).reshape(2, 2) - origin
        (x1, y1), (x2, y2) = (corners * scale).clip(0, size_wh)
        if x2 <= x1 or y2 <= y1:  # outside of the enlarged part
            continue
        pieces.append(
            Markup(
                '<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" '
                'height="{:.1f}"/>'
            ).format(item.kind, x1, y1, x2 - x1, y2 - y1)
        )
        width = 7.0 * len(item.label)
        at_end = x1 > size_wh[0] / 2 or x1 + width > size_wh[0]
        end = max(x2, min(width, size_wh[0]))  # not cut off at the left either
        start = end - width if at_end else x1
        wanted = y2 + 12 if item.kind == 'truth' else y1 - 4
        y = _free_line(start, width, wanted, size_wh[1], taken)
        taken.append((start, start + width, y))
        x, anchor = (end, 'end') if at_end else (x1, 'start')
        text = '<text class="{}" x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>'
        labels.append(Markup(text).format(item.kind, x, y, anchor, item.label))
    return joined([*pieces, *labels])


def _free_line(
    start: float,
    width: float,
    wanted: float,
    height: int,
    taken: Sequence[tuple[float, float, float]],
) -> float:
    """Baseline nearest to the wanted one that no label beside it covers."""
    wanted = min(max(wanted, 11.0), height - 4.0)
    steps = [k * sign * _LINE for k in range(8) for sign in (1, -1)]
    for y in (wanted + step for step in steps):
        beside = [t for t in taken if t[0] < start + width and start < t[1]]
        if 11 <= y <= height - 4 and all(abs(y - t[2]) >= _LINE for t in beside):
            return y
    return wanted
