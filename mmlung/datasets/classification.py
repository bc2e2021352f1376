"""Radiographs with labels that may be unknown."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmengine.dataset import BaseDataset

from mmlung.datasets.source import check_films
from mmlung.datasets.source import check_findings
from mmlung.datasets.source import images_folder
from mmlung.datasets.source import read_annotations
from mmlung.datasets.source import say
from mmlung.registry import DATASETS


@DATASETS.register_module()
class ChestClassificationDataset(BaseDataset):
    """Multi-label file of a converter: 1 present, 0 absent, null unknown.

    ``mmpretrain.MultiLabelDataset`` lists the positive classes only, so it cannot say
    "unknown". Here ``gt_score`` has one float a finding, NaN for unknown; findings are
    matched by name.

    Args:
        images_root: folder of the films; None takes what the file records.
        converter: name of the converter that writes ``ann_file``, for the error when it
            is missing.

    Raises:
        FileNotFoundError: annotation file, images folder, or films are missing.
        ValueError: the file does not label a finding of the model.
    """

    METAINFO: dict[str, Any] = {}

    def __init__(
        self,
        *args: Any,
        images_root: str | None = None,
        converter: str | None = None,
        **kwargs: Any,
    ) -> None:
        self.images_root = images_root
        self.converter = converter
        super().__init__(*args, **kwargs)

    def load_data_list(self) -> list[dict]:
        """One entry per film, in the order of the file."""
        content = read_annotations(
            self.ann_file, self.converter, ('metainfo', 'data_list')
        )
        info = content['metainfo']
        offered = tuple(info['classes'])
        classes = self._metainfo.setdefault('classes', offered)
        left_out = check_findings(classes, offered, self.ann_file)
        if left_out:
            say(f'{self.ann_file}: findings the model lacks: {", ".join(left_out)}')
        for key, value in info.items():
            self._metainfo.setdefault(key, value)

        items = content['data_list']
        # float32 turns the file's null into NaN.
        scores = np.array([item['gt_score'] for item in items], dtype=np.float32)
        scores = scores.reshape(len(items), len(offered))
        scores = scores[:, [offered.index(name) for name in classes]]
        root = images_folder(info, self.ann_file, self.images_root)
        entries = [
            item
            | {
                'img_path': str(root / item['img_path']),
                'file_name': item['img_path'],
                'gt_score': score,
            }
            for item, score in zip(items, scores, strict=True)
        ]
        check_films([entry['img_path'] for entry in entries], self.ann_file)
        return entries
