"""Keep what a model predicted, image by image, beside what is true."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric

from mmlung.registry import METRICS
from mmlung.result import Finding
from mmlung.result import ImageResult


@METRICS.register_module()
class CollectPredictions(BaseMetric):
    """Pool every image's :class:`mmlung.result.ImageResult` over processes.

    mmengine's ``DumpResults`` writes a pickle of framework objects; this keeps plain
    data and writes nothing. After the evaluation the list is in ``collected``.
    """

    default_prefix = ''

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.collected: list[ImageResult] = []

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """One result an image: boxes of a detector, scores of a classifier."""
        names = self.dataset_meta['classes']
        for sample in data_samples:
            path = sample.get('file_name') or Path(sample['img_path']).name
            findings, truth = (
                _boxes(sample, names)
                if 'pred_instances' in sample
                else _scores(sample, names)
            )
            self.results.append(
                ImageResult(
                    image=path,
                    size_hw=(int(sample['ori_shape'][0]), int(sample['ori_shape'][1])),
                    findings=findings,
                    truth=truth,
                    **_facts(sample),
                )
            )

    def compute_metrics(self, results: list) -> dict:
        """Keep the pooled results; they are no numbers, so none are returned."""
        self.collected = results
        return {}


def _facts(sample: dict) -> dict[str, Any]:
    """What the annotation file says of the film: pseudonyms, view, sex, age.

    They come from the release's tables by way of the converter; the pixels' DICOM
    header is not read here.
    """
    facts = {
        key: sample.get(key) for key in ('patient_id', 'study_id', 'view', 'sex', 'age')
    }
    if facts['age'] is not None:
        facts['age'] = None if np.isnan(facts['age']) else int(facts['age'])
    return {
        key: str(value) if isinstance(value, int) and key.endswith('_id') else value
        for key, value in facts.items()
    }


def _boxes(sample: dict, names: Sequence[str]) -> tuple[tuple, tuple | None]:
    predicted = sample['pred_instances']
    scores = _array(predicted['scores'])
    order = np.argsort(-scores, kind='stable')
    boxes = _array(predicted['bboxes'])[order]
    labels = _array(predicted['labels'])[order]
    findings = tuple(
        Finding(names[int(label)], round(float(score), 6), _rounded(box))
        for label, score, box in zip(labels, scores[order], boxes, strict=True)
    )
    if 'gt_instances' not in sample or 'bboxes' not in sample['gt_instances']:
        return findings, None
    true = sample['gt_instances']
    pairs = zip(_array(true['labels']), _array(true['bboxes']), strict=True)
    return findings, tuple(
        Finding(names[int(label)], 1.0, _rounded(box)) for label, box in pairs
    )


def _scores(sample: dict, names: Sequence[str]) -> tuple[tuple, tuple | None]:
    score = _array(sample['pred_score'])
    findings = tuple(
        Finding(name, round(float(value), 6))
        for name, value in zip(names, score, strict=True)
    )
    if 'gt_score' not in sample:
        return findings, None
    target = _array(sample['gt_score'])
    return findings, tuple(
        Finding(name, None if np.isnan(value) else float(value))
        for name, value in zip(names, target, strict=True)
    )


def _array(values: Any) -> np.ndarray:
    """NumPy array of a tensor, or of mmdet's boxes around one."""
    values = getattr(values, 'tensor', values)
    return (
        values.float().cpu().numpy() if hasattr(values, 'cpu') else np.asarray(values)
    )


def _rounded(box: np.ndarray) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = (round(float(value), 2) for value in box)
    return x1, y1, x2, y2
