"""ChestX-ray14's boxes of eight findings, scaled to the films on disk.

Source: Wang et al. 2017, doi:10.1109/CVPR.2017.369, section 2.4.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_converters.clipping import boxes_on_file
from data_converters.records import AnnotationError
from data_converters.records import Box
from data_converters.records import ImageRecord
from data_converters.report import Report
from data_converters.tables import Source
from data_converters.tables import canonical_cell
from data_converters.tables import read_table
from mmlung.findings import CHESTXRAY14
from mmlung.findings import CHESTXRAY14_BOXES

from .labels import LabelFile
from .labels import stems_of

RELEASE_SIDE_PX = 1024
"""Side of the release's square films, in whose pixels its boxes are."""


@dataclass(frozen=True)
class BoxFile:
    """The box file: (N,) stems and findings, (N, 4) corners in 1024-px films."""

    source: Source
    image_id: np.ndarray
    finding: np.ndarray
    xyxy: np.ndarray
    line: np.ndarray


def read_boxes(path: Path, report: Report) -> BoxFile:
    """Read ``BBox_List_2017.csv``: its first six fields by position.

    Its header has six or nine names, of which ``Bbox [x,y,w,h]`` makes four.

    Raises:
        AnnotationError: there are fewer fields, or a finding is none of the eight.
    """
    table = read_table(path, ('Image Index', 'Finding Label'))
    report.add_input(table.source, 'boxes')
    names = list(table.frame.columns)
    if names[:2] != ['Image Index', 'Finding Label'] or len(names) < 6:
        raise AnnotationError(
            'must begin with the six columns Image Index, Finding Label, x, y, w, h, '
            f'got {names}.',
            path,
        )
    corner, size = (
        np.column_stack([table.numbers(name) for name in pair])
        for pair in (names[2:4], names[4:6])
    )
    findings = {
        text: canonical_cell(
            table, 'Finding Label', text, CHESTXRAY14_BOXES, 'ChestX-ray14'
        )
        for text in table.frame['Finding Label'].unique()
    }
    repeated = table.frame.iloc[:, :6].duplicated().to_numpy()
    for line in table.frame.index[repeated]:
        report.drop(table.name, int(line), 'repeats an earlier row')
    boxes = (
        np.array(stems_of(table), dtype=object),
        table.frame['Finding Label'].map(findings).to_numpy(dtype=object),
        np.hstack([corner, corner + size]),
        table.frame.index.to_numpy(),
    )
    return BoxFile(table.source, *(values[~repeated] for values in boxes))


def boxes_of_films(
    boxes: BoxFile,
    films: Iterable[ImageRecord],
    report: Report,
    max_outside: float,
    drop_invalid: bool,
) -> dict[str, tuple[Box, ...]]:
    """Stem -> boxes in pixels of the file; boxes of other films do not count."""
    size_hw = {film.image_id: film.size_hw for film in films if film.size_hw}
    known = np.array([stem in size_hw for stem in boxes.image_id], dtype=bool)
    report.boxes_in += int(known.sum())
    stems, findings = boxes.image_id[known], boxes.finding[known]
    scaled, keep = boxes_on_file(
        boxes.xyxy[known],
        np.full((len(stems), 2), RELEASE_SIDE_PX),
        np.array([size_hw[stem] for stem in stems]).reshape(-1, 2),
        boxes.line[known],
        boxes.source.path.name,
        report,
        max_outside,
        drop_invalid,
    )
    by_film: dict[str, list[Box]] = defaultdict(list)
    for i in np.flatnonzero(keep):
        by_film[stems[i]].append(Box(findings[i], tuple(scaled[i].tolist())))
    return {stem: tuple(own) for stem, own in by_film.items()}


def check_boxes_against_labels(
    boxes: BoxFile, labels: LabelFile, report: Report
) -> None:
    """Warn of boxes whose finding is not among the labels of their film."""
    odd = [
        f'{stem} {finding}'
        for stem, finding in zip(boxes.image_id, boxes.finding, strict=True)
        if stem in labels.rows
        and not labels.rows[stem].labels[CHESTXRAY14.index(finding)]
    ]
    if odd:
        report.warn(
            f'{len(odd):,} boxes show a finding that the label file does not give '
            f'their film (first: {odd[0]})'
        )
