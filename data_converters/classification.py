"""Records -> MMEngine's annotation object for classification."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Sequence
from typing import Any

from .coco import film_fields
from .records import ImageRecord


def classification_object(
    records: Iterable[ImageRecord], classes: Sequence[str], metainfo: dict[str, Any]
) -> dict[str, Any]:
    """``metainfo`` with ``classes``; ``data_list`` with ``gt_score`` of 1, 0 or None.

    Args:
        records: films with labels over ``classes``.
        classes: names of the label vector.
        metainfo: goes in as it is.
    """
    data_list = []
    for record in records:
        entry = {'img_path': record.file_name, **film_fields(record)}
        if record.size_hw is not None:
            entry['height'], entry['width'] = record.size_hw
        data_list.append(entry)
    return {'metainfo': {'classes': list(classes), **metainfo}, 'data_list': data_list}
