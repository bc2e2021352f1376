"""How radiologists agree on boxes: each reader against the fusion of the others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from typing import Any

import numpy as np

from data_converters.records import Box
from data_converters.records import ImageRecord
from mmlung.boxes import fuse_boxes
from mmlung.boxes import match_optimal

from .fusion import reader_order

HIT_IOU = 0.4
"""Overlap from which a box counts as found, as in AP40."""

_NO_BOX = np.zeros((0, 4))
_READER, _REFERENCE, _OVERLAP, _HIT = range(4)  # rows of the sums

DEFINITION = (
    'Leave one reader out: on every film of two readers or more, the boxes of each '
    'reader are the predictions, the fused boxes of the other readers of that film the '
    'reference, finding by finding, summed over films and readers. mIoU: mean IoU over '
    'the reference boxes of their one-to-one match, a missed one counts 0. AP40: a '
    "reader's boxes have no score, so the curve has one point, and its area is "
    'precision40 x recall40; the overall one is the mean over findings.'
)


@dataclass
class _Comparisons:
    """One row for each film, finding and reader left out; boxes end to end."""

    finding: list[int] = field(default_factory=list)
    reader: list[int] = field(default_factory=list)
    own: list[np.ndarray] = field(default_factory=list)
    reference: list[np.ndarray] = field(default_factory=list)


def reader_agreement(
    films: Sequence[ImageRecord],
    read: Iterable[tuple[str, str]],
    findings: Sequence[str],
    iou_thr: float = 0.5,
) -> dict[str, Any] | None:
    """Each reader's boxes against the fusion of the other readers' on the same films.

    It is the ceiling of a detector: nobody, trained on some of these readers, can be
    asked to agree with another better than they do. A reader who read a film and drew
    nothing misses what the others drew there; what a reader alone drew is false.

    - mIoU: mean over the reference boxes (the fusion of the others) of the IoU with the
      reader's box in the one-to-one match of largest total IoU; a missed one counts 0.
    - recall40, precision40: by PASCAL VOC's rule a reader's box finds the reference box
      that it overlaps most, when their IoU is at least 0.4, and each is found once.
    - AP40: boxes of a reader have no score, so there is one operating point, and the
      area below VOC's envelope is precision40 x recall40. A detector's AP goes through
      all its operating points and may lie above that of readers of equal skill.

    Args:
        films: with the boxes of every reader, each with its one reader.
        read: (image id, reader) of everyone who read a film, boxes or not.
        findings: names in official order.
        iou_thr: boxes of the others fuse when their IoU exceeds it.

    Returns:
        JSON object with ``definition``, ``films`` (of two readers or more), ``overall``
        (pooled, but AP40 the mean over findings, and ``mIoU_macro``), and
        ``per_finding`` and ``per_reader`` (pooled), each with the numbers of boxes that
        it rests on; None stands for 0/0. None when no film has two readers.
    """
    readers_of: dict[str, set[str]] = defaultdict(set)
    for image_id, reader in read:
        if reader:
            readers_of[image_id].add(reader)
    shared = []
    for film in films:
        readers = readers_of[film.image_id].union(*(box.readers for box in film.boxes))
        if len(readers) > 1:
            shared.append((film, readers))
    if not shared:
        return None
    names = sorted(
        {name for _, readers in shared for name in readers}, key=reader_order
    )
    rows = _compare(shared, findings, names, iou_thr)
    sums = _sums(rows, len(findings), len(names))
    per_finding = {
        name: _figures(sums[:, i].sum(axis=1)) for i, name in enumerate(findings)
    }
    overall = _figures(sums.sum(axis=(1, 2)))
    overall['mIoU_macro'] = _mean(row['mIoU'] for row in per_finding.values())
    overall['AP40'] = _mean(row['AP40'] for row in per_finding.values())
    return {
        'definition': DEFINITION,
        'fusion_iou': iou_thr,
        'films': len(shared),
        'films_with_boxes': sum(bool(film.boxes) for film, _ in shared),
        'overall': overall,
        'per_finding': per_finding,
        'per_reader': {
            name: {
                'films': sum(name in readers for _, readers in shared),
                **_figures(sums[:, :, i].sum(axis=1)),
            }
            for i, name in enumerate(names)
        },
    }


def agreement_lines(agreement: dict[str, Any]) -> list[str]:
    """The agreement as a table to print."""
    overall = agreement['overall']
    head = f'{"":<24}{"reader":>9}{"others":>9}{"mIoU":>8}{"AP40":>8}'
    lines = [
        f'readers against the fusion of the others, {agreement["films"]:,} films '
        '(what a detector is held against)',
        f'{head}{"prec40":>8}{"rec40":>8}',
    ]
    for name, row in {**agreement['per_finding'], 'all': overall}.items():
        numbers = (row[k] for k in ('mIoU', 'AP40', 'precision40', 'recall40'))
        lines.append(
            f'{name:<24}{row["boxes"]:>9,}{row["reference_boxes"]:>9,}'
            + ''.join(f'{"-" if v is None else f"{v:.3f}":>8}' for v in numbers)
        )
    return lines


def _compare(
    shared: Sequence[tuple[ImageRecord, set[str]]],
    findings: Sequence[str],
    names: Sequence[str],
    iou_thr: float,
) -> _Comparisons:
    """Every film, finding and reader left out, where anyone drew a box."""
    rows = _Comparisons()
    finding_at = {name: i for i, name in enumerate(findings)}
    reader_at = {name: i for i, name in enumerate(names)}
    for film, readers in shared:
        by_finding: dict[str, list[Box]] = defaultdict(list)
        for box in film.boxes:
            by_finding[box.finding].append(box)
        for finding, boxes in by_finding.items():
            boxes.sort(key=lambda box: (reader_order(box.readers[0]), box.xyxy))
            xyxy = np.array([box.xyxy for box in boxes])
            by_reader = np.array([reader_at[box.readers[0]] for box in boxes])
            drew = set(by_reader.tolist())
            for reader in readers:
                at = reader_at[reader]
                mine = by_reader == at
                rows.finding.append(finding_at[finding])
                rows.reader.append(at)
                rows.own.append(xyxy[mine] if at in drew else _NO_BOX)
                rows.reference.append(xyxy[~mine] if at in drew else xyxy)
    rows.reference = _fuse_each(rows.reference, iou_thr)
    return rows


def _fuse_each(groups: list[np.ndarray], iou_thr: float) -> list[np.ndarray]:
    """``fuse_boxes`` of each (N, 4) group; pairs, which are most of them, at once."""
    fused = [
        fuse_boxes(xyxy, np.ones(len(xyxy)), iou_thr)[0] if len(xyxy) > 2 else xyxy
        for xyxy in groups
    ]
    pairs = [k for k, xyxy in enumerate(groups) if len(xyxy) == 2]
    if pairs:
        both = np.stack([groups[k] for k in pairs])
        join = _paired_iou(both[:, 0], both[:, 1]) > iou_thr
        for k in np.flatnonzero(join).tolist():
            fused[pairs[k]] = both[k].mean(axis=0, keepdims=True)
    return fused


def _sums(rows: _Comparisons, n_findings: int, n_readers: int) -> np.ndarray:
    """(4, C, R) sums: boxes of the reader, of the reference, IoU of matches, hits."""
    n_own = np.array([len(boxes) for boxes in rows.own], dtype=int)
    n_reference = np.array([len(boxes) for boxes in rows.reference], dtype=int)
    per_row = np.zeros((4, len(n_own)))
    per_row[_READER], per_row[_REFERENCE] = n_own, n_reference
    if len(n_own):
        own, reference = np.concatenate(rows.own), np.concatenate(rows.reference)
        row, i, j = _pairs(n_own, n_reference)
        iou = _paired_iou(own[i], reference[j])
        near = iou > 0
        row, i, j, iou = row[near], i[near], j[near], iou[near]
        per_row[_OVERLAP] = _matched_overlap(row, i, j, iou, len(n_own))
        per_row[_HIT] = _hits(row, i, j, iou, len(n_own))
    cell = np.array(rows.finding, int) * n_readers + np.array(rows.reader, int)
    n_cells = n_findings * n_readers
    sums = [np.bincount(cell, weights, minlength=n_cells) for weights in per_row]
    return np.reshape(sums, (4, n_findings, n_readers))


def _pairs(
    n_own: np.ndarray, n_reference: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Row, own box and reference box of every pair, counted over all rows."""
    n_pairs = n_own * n_reference
    row = np.repeat(np.arange(len(n_own)), n_pairs)
    within = np.arange(len(row)) - np.repeat(np.cumsum(n_pairs) - n_pairs, n_pairs)
    i = (np.cumsum(n_own) - n_own)[row] + within // n_reference[row]
    j = (np.cumsum(n_reference) - n_reference)[row] + within % n_reference[row]
    return row, i, j


def _paired_iou(a_xyxy: np.ndarray, b_xyxy: np.ndarray) -> np.ndarray:
    """(P,) IoU of box by box."""
    near, far = (
        np.maximum(a_xyxy[:, :2], b_xyxy[:, :2]),
        np.minimum(a_xyxy[:, 2:], b_xyxy[:, 2:]),
    )
    overlap = (far - near).clip(min=0).prod(axis=1)
    areas = [(xyxy[:, 2:] - xyxy[:, :2]).prod(axis=1) for xyxy in (a_xyxy, b_xyxy)]
    return overlap / (areas[0] + areas[1] - overlap)


def _matched_overlap(
    row: np.ndarray, i: np.ndarray, j: np.ndarray, iou: np.ndarray, n_rows: int
) -> np.ndarray:
    """(G,) largest total IoU of a one-to-one match; pairs overlap, row by row."""
    alone = (np.bincount(i)[i] == 1) & (np.bincount(j)[j] == 1)
    total = np.bincount(row[alone], iou[alone], minlength=n_rows)
    rest = np.flatnonzero(~alone)
    starts = np.flatnonzero(np.diff(row[rest], prepend=-1))
    for part in np.split(rest, starts)[1:]:
        a, b = i[part] - i[part].min(), j[part] - j[part].min()
        matrix = np.zeros((a.max() + 1, b.max() + 1))
        matrix[a, b] = iou[part]
        total[row[part[0]]] += matrix[match_optimal(matrix)].sum()
    return total


def _hits(
    row: np.ndarray, i: np.ndarray, j: np.ndarray, iou: np.ndarray, n_rows: int
) -> np.ndarray:
    """(G,) reference boxes that are the nearest of a box with enough overlap."""
    order = np.lexsort((j, -iou, i))
    nearest = order[np.r_[True, np.diff(i[order]) > 0]] if len(order) else order
    found = nearest[iou[nearest] >= HIT_IOU]
    _, first = np.unique(j[found], return_index=True)
    return np.bincount(row[found[first]], minlength=n_rows)


def _figures(sums: np.ndarray) -> dict[str, Any]:
    """What (4,) sums say, for JSON."""
    own, reference, overlap, hit = sums.tolist()
    precision, recall = _ratio(hit, own), _ratio(hit, reference)
    both = precision is not None and recall is not None
    return {
        'boxes': int(own),
        'reference_boxes': int(reference),
        'mIoU': _ratio(overlap, reference),
        'AP40': precision * recall if both else None,  # type: ignore[operator]
        'precision40': precision,
        'recall40': recall,
    }


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
