"""Radiographs with labels that may be unknown."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.dataset import BaseDataset

from mmlung.datasets.source import check_films
from mmlung.datasets.source import check_findings
from mmlung.datasets.source import images_folder
from mmlung.datasets.source import read_annotations
from mmlung.datasets.source import say
from mmlung.findings_map import AUTO
from mmlung.findings_map import FindingsMap
from mmlung.findings_map import map_findings
from mmlung.official_lists import chestxray14_test_family
from mmlung.registry import DATASETS


@DATASETS.register_module()
class ChestClassificationDataset(BaseDataset):
    """Multi-label file of a converter: 1 present, 0 absent, null unknown.

    ``mmpretrain.MultiLabelDataset`` lists the positive classes only, so it cannot say
    "unknown". Here ``gt_score`` has one float a finding, NaN for unknown; findings are
    matched by name. ``split_family`` of ChestX-ray14's test part is what its films say,
    not what the file claims: only ``official`` stands beside published numbers.

    Args:
        images_root: folder of the films; None takes what the file records.
        converter: name of the converter that writes ``ann_file``, for the error when it
            is missing.
        map_findings: for a file of another data set than the model's. None: every
            finding of the model must be labelled, under its name. ``'auto'``: those
            that mean the same (:func:`mmlung.findings_map.map_findings`); or the
            model's name to the file's, several for their union. Findings of the model
            that the file does not label are NaN, so that no metric counts them;
            ``metainfo['findings_map']`` says what is shared. A healthy label means
            "none of our findings" and is never matched to another vocabulary's.

    Raises:
        FileNotFoundError: annotation file, images folder, or films are missing.
        ValueError: the file does not label a finding of the model, or, with
            ``map_findings``, none.
    """

    METAINFO: dict[str, Any] = {}

    def __init__(
        self,
        *args: Any,
        images_root: str | None = None,
        converter: str | None = None,
        map_findings: str | Mapping[str, str | Sequence[str]] | None = None,
        **kwargs: Any,
    ) -> None:
        self.images_root = images_root
        self.converter = converter
        self.map_findings = map_findings
        super().__init__(*args, **kwargs)

    def full_init(self) -> None:
        """Read the file, and say what its films may be called."""
        if not self._fully_initialized:
            super().full_init()
            self._check_family()

    def get_subset_(self, indices: Sequence[int] | int) -> None:
        """Keep some films, which may then no longer be the official list."""
        super().get_subset_(indices)
        self._check_family()

    def get_subset(self, indices: Sequence[int] | int) -> ChestClassificationDataset:
        """A copy with some films."""
        subset = super().get_subset(indices)
        subset._check_family()
        return subset

    def load_data_list(self) -> list[dict]:
        """One entry per film, in the order of the file."""
        content = read_annotations(
            self.ann_file, self.converter, ('metainfo', 'data_list')
        )
        info, items = content['metainfo'], content['data_list']
        offered = tuple(info['classes'])
        classes = self._metainfo.setdefault('classes', offered)
        # float32 turns the file's null into NaN.
        scores = np.array([item['gt_score'] for item in items], dtype=np.float32)
        scores = scores.reshape(len(items), len(offered))
        scores = self._for_the_model(scores, classes, info)
        for key, value in info.items():
            self._metainfo.setdefault(key, value)

        root = f'{images_folder(info, self.ann_file, self.images_root)}'
        for item, score in zip(items, scores, strict=True):
            # The items are ours alone: changed in place, they take half of the memory.
            item['file_name'] = item['img_path']
            item['img_path'] = f'{root}/{item["file_name"]}'
            item['gt_score'] = score
        check_films([item['img_path'] for item in items], self.ann_file)
        return items

    def _for_the_model(
        self, scores: np.ndarray, classes: Sequence[str], info: Mapping[str, Any]
    ) -> np.ndarray:
        """(N, C) labels in the order of the model's findings."""
        offered = tuple(info['classes'])
        if self.map_findings is None:
            left_out = check_findings(classes, offered, self.ann_file)
            if left_out:
                say(f'{self.ann_file}: findings the model lacks: {", ".join(left_out)}')
            return scores[:, [offered.index(name) for name in classes]]
        same = set(classes) == set(offered) or self.converter == info.get('dataset')
        mapped = map_findings(classes, offered, self.map_findings, same)
        self._metainfo['findings_map'] = mapped.to_json()
        say(f'{self.ann_file}: {_in_words(mapped, self.map_findings)}')
        columns = np.full((len(scores), len(classes)), np.nan, np.float32)
        for column, name in enumerate(classes):
            sources = mapped.sources.get(name)
            if sources:
                part = scores[:, [offered.index(source) for source in sources]]
                columns[:, column] = _union(part)
        return columns

    def _check_family(self) -> None:
        """Set ``split_family`` of ChestX-ray14's test part by its films."""
        info = self._metainfo
        if info.get('dataset') != 'chestxray14' or info.get('split') != 'test':
            return
        claimed = info.get('split_family', 'subset')
        names = [self.get_data_info(i)['file_name'] for i in range(len(self))]
        family = chestxray14_test_family(names, claimed)
        if family != claimed:
            say(
                f'{self.ann_file}: split_family is {family!r} by the {len(names):,} '
                f'films that are read, {claimed!r} in the file'
            )
        info['split_family'] = family


def _union(scores: np.ndarray) -> np.ndarray:
    """(N, K) to (N,): present if any is, absent if all are, else unknown."""
    return np.where((scores == 1).any(axis=1), 1, scores.max(axis=1))


def _in_words(mapped: FindingsMap, wanted: str | Mapping[str, Any]) -> str:
    pairs = [f'{name} = {" + ".join(o)}' for name, o in mapped.sources.items()]
    text = f'{len(pairs)} findings are shared: {", ".join(pairs)}'
    if mapped.unlabelled:
        text += f'; not labelled, so unknown: {", ".join(mapped.unlabelled)}'
    if wanted == AUTO and mapped.near:
        near = [f'{name}={"+".join(o)}' for name, o in mapped.near.items()]
        text += f'. Near, but not the same, and not taken: {", ".join(near)}'
    return text
