"""Kaggle's CSV of VinBigData: a row an image, boxes in pixels of the original film."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mmlung.findings import NO_FINDING
from mmlung.findings import VINDR_KAGGLE
from mmlung.result import Finding

HEADER = ('image_id', 'PredictionString')
NO_FINDING_ID = len(VINDR_KAGGLE)
"""Class 14, with the box 0 0 1 1: nothing to see on the whole image."""
_NO_FINDING_BOX = (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True)
class SubmittedImage:
    """What is submitted for one image."""

    image_id: str
    boxes: tuple[Finding, ...]
    """Of Kaggle's 14 findings, in pixels of the original film."""
    no_finding: float
    """Score of class 14, in [0, 1]."""


def submission_text(images: Iterable[SubmittedImage]) -> str:
    """The CSV as text: ``class score x_min y_min x_max y_max``, repeated.

    Scores have five digits, corners one.

    Raises:
        ValueError: a finding is none of Kaggle's, or has no box.

    >>> box = Finding('Cardiomegaly', 0.5, (691.0, 1375.25, 1653.0, 1831.0))
    >>> print(submission_text([SubmittedImage('a', (box,), 0.5)]), end='')
    image_id,PredictionString
    a,3 0.5 691 1375.2 1653 1831 14 0.5 0 0 1 1
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n')
    writer.writerow(HEADER)
    for image in images:
        parts = [_part(image.image_id, finding) for finding in image.boxes]
        parts.append(f'{NO_FINDING_ID} {_number(image.no_finding, 5)} 0 0 1 1')
        writer.writerow([image.image_id, ' '.join(parts)])
    return text.getvalue()


def is_writable(finding: Finding) -> bool:
    """Whether a box still has an area in the digits of the file."""
    if finding.box_xyxy is None:
        return False
    x1, y1, x2, y2 = (round(value, 1) for value in finding.box_xyxy)
    return x1 < x2 and y1 < y2


def read_submission(path: str | Path) -> list[SubmittedImage]:
    """Read a submission back.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the header, a row, a class, a score or a box is wrong, an image
            stands there twice, or one lacks class 14. The text names the line.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'submission {path} does not exist')
    images: dict[str, SubmittedImage] = {}
    with path.open(newline='', encoding='utf-8-sig') as file:
        rows = csv.reader(file)
        try:
            if tuple(next(rows, ())) != HEADER:
                raise ValueError(f'the header must be {",".join(HEADER)}')
            for row in rows:
                image = _read_row(row)
                if image.image_id in images:
                    raise ValueError(f'image {image.image_id} stands there twice')
                images[image.image_id] = image
        except (ValueError, csv.Error) as error:
            line = max(rows.line_num, 1)
            raise ValueError(f'{path}, line {line}: {error}') from error
    return list(images.values())


def _part(image_id: str, finding: Finding) -> str:
    if finding.name not in VINDR_KAGGLE or finding.box_xyxy is None:
        raise ValueError(
            f'image {image_id}: a submission holds boxes of {", ".join(VINDR_KAGGLE)}; '
            f'got {finding.name!r} with box {finding.box_xyxy}'
        )
    corners = ' '.join(_number(value, 1) for value in finding.box_xyxy)
    score = _number(finding.score or 0.0, 5)
    return f'{VINDR_KAGGLE.index(finding.name)} {score} {corners}'


def _number(value: float, digits: int) -> str:
    """Shortest text of a rounded number: 691, not 691.0."""
    return f'{round(value, digits) + 0.0:.{digits}f}'.rstrip('0').rstrip('.')


def _read_row(row: list[str]) -> SubmittedImage:
    if len(row) != len(HEADER) or not row[0]:
        raise ValueError(f'expected image_id,PredictionString, got {row}')
    image_id, words = row[0], row[1].split()
    if len(words) % 6:
        raise ValueError(
            f'image {image_id}: a prediction is six numbers, class score x_min y_min '
            f'x_max y_max; got {len(words)} numbers'
        )
    boxes: list[Finding] = []
    no_finding: list[float] = []
    for start in range(0, len(words), 6):
        group = words[start : start + 6]
        try:
            label, score, box = _read_group(group)
        except ValueError as error:
            raise ValueError(
                f'image {image_id}: {" ".join(group)!r}: {error}'
            ) from None
        if label == NO_FINDING_ID:
            no_finding.append(score)
        else:
            boxes.append(Finding(VINDR_KAGGLE[label], score, box))
    if len(no_finding) != 1:
        raise ValueError(
            f'image {image_id}: class {NO_FINDING_ID} ({NO_FINDING}) must stand there '
            f'once, found {len(no_finding)} times'
        )
    return SubmittedImage(image_id, tuple(boxes), no_finding[0])


def _read_group(words: list[str]) -> tuple[int, float, tuple]:
    """Class, score and box of six words."""
    if not (words[0].isdecimal() and int(words[0]) <= NO_FINDING_ID):
        raise ValueError(f'the class must be a whole number from 0 to {NO_FINDING_ID}')
    label = int(words[0])
    score, *box = (float(word) for word in words[1:])
    if not 0 <= score <= 1:
        raise ValueError('the score must lie in [0, 1]')
    x1, y1, x2, y2 = box
    if not (all(map(math.isfinite, box)) and 0 <= x1 < x2 and 0 <= y1 < y2):
        raise ValueError('the box must have 0 <= x_min < x_max and 0 <= y_min < y_max')
    if label == NO_FINDING_ID and tuple(box) != _NO_FINDING_BOX:
        raise ValueError(f'the box of class {NO_FINDING_ID} must be 0 0 1 1')
    return label, score, (x1, y1, x2, y2)
