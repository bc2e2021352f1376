"""A conversion -> one CSV table, a row a box, films without one included.

``mmlung convert csv`` reads it back without further options.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING
from typing import Any

from data_converters.records import Box
from data_converters.records import ImageRecord

if TYPE_CHECKING:
    from data_converters.conversion import Part

NAME = 'annotations.csv'
_BOX = ('finding', 'xmin', 'ymin', 'xmax', 'ymax')
_FILM = ('image_width', 'image_height', 'split', 'image_id')
_FACTS = ('patient_id', 'study_id', 'view', 'sex', 'age')


def csv_text(parts: list[Part]) -> str:
    """The table: coordinates in pixels with all their digits.

    Args:
        parts: detection parts.
    """
    text = io.StringIO()
    rows = [row for part in parts for film in part.records for row in _rows(part, film)]
    more = [
        key
        for key in (*_FACTS, 'readers', 'iscrowd')
        if any(row[key] != '' for row in rows)
    ]
    writer = csv.DictWriter(
        text,
        ['image', *_BOX, *_FILM, *more],
        extrasaction='ignore',
        lineterminator='\n',
    )
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _rows(part: Part, film: ImageRecord) -> Iterator[dict[str, Any]]:
    """One row a box; one without coordinates for a film that has none."""
    height, width = film.size_hw or ('', '')
    facts = {key: getattr(film, key) for key in _FACTS}
    about = {
        'image': film.file_name,
        'image_id': film.image_id,
        'image_width': width,
        'image_height': height,
        'split': part.split,
        **{key: '' if value is None else value for key, value in facts.items()},
    }
    for box in film.boxes or (None,):
        yield {**about, **_box(box)}


def _box(box: Box | None) -> dict[str, Any]:
    if box is None:
        return dict.fromkeys((*_BOX, 'readers', 'iscrowd'), '')
    corners = dict(zip(_BOX[1:], box.xyxy, strict=True))
    readers = ';'.join(box.readers)
    return {
        'finding': box.finding,
        **corners,
        'readers': readers,
        'iscrowd': int(box.crowd) or '',
    }
