"""YOLO label files: where they are, and their rows, checked one by one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from data_converters.records import AnnotationError
from data_converters.report import Report

_FAR = 0.5  # outside the image by more of its side: no share of an image


@dataclass(frozen=True)
class LabelRow:
    """One row: a finding and its box in shares of the image."""

    finding: str
    xyxy: tuple[float, float, float, float]
    file: Path
    line: int
    outline: bool = False


def label_path(image: Path) -> Path:
    """Label file of an image: the last ``images`` folder becomes ``labels``.

    >>> label_path(Path('a/images/train/b.c.png')).as_posix()
    'a/labels/train/b.c.txt'
    """
    parts = list(image.parts)
    for i in reversed(range(len(parts) - 1)):
        if parts[i] == 'images':
            parts[i] = 'labels'
            break
    path = Path(*parts)
    return path.with_name(path.name.rsplit('.', 1)[0] + '.txt')


def read_labels(
    path: Path, names: Mapping[int, str], report: Report, drop_invalid: bool = False
) -> list[LabelRow]:
    """Rows of a label file.

    Args:
        path: the file.
        names: class -> finding.
        report: gets rows that are left out.
        drop_invalid: leave out rows that cannot be right instead of stopping.

    Raises:
        AnnotationError: a row is malformed.
    """
    try:
        lines = path.read_text('utf-8-sig').splitlines()
    except UnicodeError as error:
        raise AnnotationError(f'is no text file: {error}', path) from error
    rows = []
    for line, text in enumerate(lines, start=1):
        if not text.strip():
            continue
        try:
            rows.append(_row(text, names, path, line))
        except AnnotationError as error:
            if not drop_invalid:
                raise
            report.boxes_in += 1
            reason = str(error).partition(f'{path} row {line}: ')[2]
            report.drop(str(path), line, reason)
    return rows


def _row(text: str, names: Mapping[int, str], path: Path, line: int) -> LabelRow:
    cells = text.split()
    try:
        values = [float(cell) for cell in cells]
    except ValueError:
        values = [math.nan]
    if not all(map(math.isfinite, values)):
        raise _error(f'must be numbers, got {text.strip()!r}', path, line)
    if values[0] not in names:
        known = ', '.join(f'{i} {name}' for i, name in names.items())
        raise _error(f'class {cells[0]} is none of data.yaml ({known})', path, line)
    finding = names[int(values[0])]
    outline = len(values) >= 7 and len(values) % 2 == 1
    if not outline and len(values) != 5:
        found = f'{len(values)} numbers'
        if len(values) == 6:
            found += ' (the sixth may be the score of a prediction)'
        raise _error(
            "must be 'class cx cy w h', or 'class x1 y1 x2 y2 x3 y3 ...' for an "
            f'outline, got {found}',
            path,
            line,
        )
    if min(values[1:]) < -_FAR or max(values[1:]) > 1 + _FAR:
        raise _error(
            f'must be shares of the image, 0 to 1, got {text.strip()!r}; are these '
            'pixels?',
            path,
            line,
        )
    if outline:
        x, y = values[1::2], values[2::2]
        return LabelRow(finding, (min(x), min(y), max(x), max(y)), path, line, True)
    _, cx, cy, w, h = values
    if w < 0 or h < 0:
        raise _error(f'has a negative width or height: {text.strip()!r}', path, line)
    box = (cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2)
    return LabelRow(finding, box, path, line)


def _error(message: str, path: Path, line: int) -> AnnotationError:
    return AnnotationError(f'{message}. Mend it or pass --drop-invalid.', path, line)
