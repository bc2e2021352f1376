"""Radiographs with boxes, healthy ones included."""

from __future__ import annotations

from collections import Counter
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import numpy as np
from mmdet.datasets import BaseDetDataset

from mmlung.datasets.source import check_films
from mmlung.datasets.source import check_findings
from mmlung.datasets.source import images_folder
from mmlung.datasets.source import read_annotations
from mmlung.datasets.source import say
from mmlung.registry import DATASETS


@DATASETS.register_module()
class ChestDetectionDataset(BaseDetDataset):
    """COCO file of a converter, with nothing dropped silently.

    ``mmdet.CocoDataset`` drops boxes under 1 px and of unknown categories, and healthy
    images, without a word; its labels follow the order of the file. Here healthy films
    stay, findings are matched by name, and boxes of findings that the model does not
    have are counted in the log.

    Args:
        images_root: folder of the films; None takes what the file records.
        converter: name of the converter that writes ``ann_file``, for the error when it
            is missing.

    Raises:
        FileNotFoundError: annotation file, images folder, or films are missing.
        ValueError: the file does not label a finding of the model, or has crowd regions
            and is to be tested on.
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
            self.ann_file, self.converter, ('images', 'categories')
        )
        info = content.get('info', {})
        names = {item['id']: item['name'] for item in content['categories']}
        classes = self._metainfo.setdefault('classes', tuple(names.values()))
        check_findings(classes, tuple(names.values()), self.ann_file)
        for key, value in info.items():
            self._metainfo.setdefault(key, value)

        label_of = {name: label for label, name in enumerate(classes)}
        instances: dict[int, list[dict]] = defaultdict(list)
        left_out: Counter[str] = Counter()
        for annotation in content.get('annotations', []):
            name = names[annotation['category_id']]
            if name in label_of:
                instances[annotation['image_id']].append(
                    _instance(annotation, label_of[name])
                )
            else:
                left_out[name] += 1
        if left_out:
            counts = ', '.join(f'{name} {n}' for name, n in left_out.items())
            say(f'{self.ann_file}: boxes of findings the model lacks: {counts}')

        if self.test_mode:
            _refuse_crowds(instances, content['images'], self.ann_file)
        root = images_folder(info, self.ann_file, self.images_root)
        entries = [
            self._entry(image, instances[image['id']], root, info)
            for image in content['images']
        ]
        check_films([entry['img_path'] for entry in entries], self.ann_file)
        return entries

    @staticmethod
    def _entry(image: dict, instances: list[dict], root: Any, info: dict) -> dict:
        entry = {
            'img_id': image['id'],
            'img_path': str(root / image['file_name']),
            'file_name': image['file_name'],
            'height': image['height'],
            'width': image['width'],
            'instances': instances,
            'patient_id': image.get('patient_id'),
        }
        if image.get('gt_score') is not None and info.get('image_classes'):
            entry['gt_score'] = np.array(image['gt_score'], dtype=np.float32)
        return entry


def _instance(annotation: dict, label: int) -> dict:
    x, y, width, height = annotation['bbox']
    return {
        'bbox': [x, y, x + width, y + height],
        'bbox_label': label,
        'ignore_flag': int(annotation.get('iscrowd', 0)),
    }


def _refuse_crowds(
    instances: Mapping[int, list[dict]], images: list[dict], file: str
) -> None:
    """No metric of ours leaves out what is detected in a crowd region, as COCO does."""
    crowds = [
        image['file_name']
        for image in images
        for instance in instances.get(image['id'], ())
        if instance['ignore_flag']
    ]
    if crowds:
        raise ValueError(
            f'{file}: {len(crowds)} boxes are crowd regions (iscrowd: 1; first: '
            f'{crowds[0]}). What is detected there must count neither as true nor as '
            'false, which the metrics cannot do. Box the findings one by one, or leave '
            'these images out of the file that is validated or tested on.'
        )
