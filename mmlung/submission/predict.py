"""A detector's predictions on VinBigData's test images, ready to be submitted."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.config import ConfigDict

from mmlung.evaluation.predictions import CollectPredictions
from mmlung.findings import VINDR_KAGGLE
from mmlung.result import Finding
from mmlung.result import ImageResult
from mmlung.submission.kaggle_csv import SubmittedImage
from mmlung.submission.kaggle_csv import is_writable
from mmlung.testing import UNLABELLED
from mmlung.testing import annotation_path
from mmlung.testing import run_part


@dataclass(frozen=True)
class Submission:
    """What is submitted, and what is not."""

    images: list[SubmittedImage]
    annotations: Path
    """The file that lists the images."""
    left_out: dict[str, int]
    """Boxes that are not in it: of a finding that Kaggle lacks, or without area."""
    never_predicted: list[str]
    """Findings of Kaggle that the model does not have."""


def predict_submission(
    cfg: Config,
    checkpoint: str,
    tta: bool = False,
    drop_other_findings: bool = False,
    labelled: bool = False,
) -> Submission | None:
    """Predict the test images of the config's data set.

    Where the release has no labels for them, they are those of ``test_unlabelled.json``
    beside the config's annotation file.

    Args:
        cfg: loaded by :func:`mmlung.config.load_config`, with a ``work_dir``.
        checkpoint: file.
        tta: test-time augmentation, as the config says.
        drop_other_findings: leave out findings that Kaggle does not have.
        labelled: the images must have labels, because a score is wanted.

    Returns:
        None in all processes but the first.

    Raises:
        FileNotFoundError: checkpoint or data are missing.
        ValueError: the config is no detector, its findings are not Kaggle's, or labels
            are wanted and there are none.
    """
    annotations = _choose_images(cfg)
    never_predicted = _check_findings(cfg, drop_other_findings)
    if labelled and annotations.is_file():
        check_labelled(annotations)
    cfg.test_evaluator = ConfigDict(type='mmlung.CollectPredictions')
    collector = CollectPredictions()
    part = run_part(cfg, checkpoint, [collector], tta)
    if part.runner.rank != 0:
        return None
    images, left_out = submitted_images(collector.collected, _images_of(annotations))
    return Submission(images, annotations, left_out, never_predicted)


def submitted_images(
    results: Iterable[ImageResult], images: Sequence[Mapping[str, Any]]
) -> tuple[list[SubmittedImage], dict[str, int]]:
    """Results in the pixels of the original films, which may be larger than the files.

    ``No finding`` gets 1 minus the highest score of a box that is submitted.

    Args:
        results: of a detector, boxes in pixels of the file on disk.
        images: of a COCO file: ``file_name`` and, where known, ``image_id`` (else the
            name of the file without its suffix) and ``original_size_hw``.

    Returns:
        One per image, in the order of ``images``; and how many boxes are left out of
        each finding that Kaggle lacks, and under 'no area' of those without one.

    Raises:
        ValueError: an image has no result, or two images have the same id.
    """
    result_of = {result.image: result for result in results}
    submitted: dict[str, SubmittedImage] = {}
    left_out: Counter[str] = Counter()
    for image in images:
        name = image['file_name']
        image_id = image_id_of(image)
        if name not in result_of:
            raise ValueError(f'{name} was not predicted')
        if image_id in submitted:
            raise ValueError(f'two images are called {image_id}, second {name}')
        result = result_of[name]
        size_hw = image.get('original_size_hw') or result.size_hw
        boxes = [_on_original(f, result.size_hw, size_hw) for f in result.findings]
        kept = [f for f in boxes if f.name in VINDR_KAGGLE and is_writable(f)]
        left_out.update(
            'no area' if f.name in VINDR_KAGGLE else f.name
            for f in boxes
            if f.name not in VINDR_KAGGLE or not is_writable(f)
        )
        highest = max((f.score or 0.0 for f in kept), default=0.0)
        submitted[image_id] = SubmittedImage(image_id, tuple(kept), 1 - highest)
    return list(submitted.values()), dict(left_out)


def image_id_of(image: Mapping[str, Any]) -> str:
    """The release's own name of a film."""
    return str(image.get('image_id') or Path(image['file_name']).stem)


def check_labelled(annotations: Path) -> None:
    """Refuse a file of images without labels: all of them would count as healthy.

    Raises:
        ValueError: it says that it has no ground truth.
    """
    if json.loads(annotations.read_bytes()).get('info', {}).get('ground_truth') is None:
        raise ValueError(
            f'{annotations} has no labels (ground_truth: null) and cannot be scored. '
            'For a score on validation pass --cfg-options '
            'test_dataloader.dataset.ann_file=val.json.'
        )


def _choose_images(cfg: Config) -> Path:
    """Annotation file whose images are predicted; written into the config."""
    if cfg.get('default_scope') != 'mmdet':
        raise ValueError(
            f'{Path(cfg.filename).name} is no detector: a submission holds boxes'
        )
    dataset = cfg.test_dataloader.dataset
    path = annotation_path(dataset)
    if not path.is_file() and path.with_name(UNLABELLED).is_file():
        path = path.with_name(UNLABELLED)
        dataset.ann_file = str(Path(dataset.ann_file).with_name(UNLABELLED))
    return path


def _check_findings(cfg: Config, drop_other_findings: bool) -> list[str]:
    """Kaggle's findings that the model does not have."""
    findings = cfg.get('findings') or []
    other = [name for name in findings if name not in VINDR_KAGGLE]
    if other and (not drop_other_findings or len(other) == len(findings)):
        remedy = (
            'All of them are.'
            if len(other) == len(findings)
            else 'To leave their boxes out pass --drop-other-findings.'
        )
        raise ValueError(
            f"findings of the config that VinBigData's submission does not have: "
            f'{", ".join(other)}. {remedy}'
        )
    return [name for name in VINDR_KAGGLE if name not in findings]


def _images_of(annotations: Path) -> list[dict[str, Any]]:
    return json.loads(annotations.read_bytes())['images']


def _on_original(
    finding: Finding, file_hw: tuple[int, int], original_hw: Sequence[int]
) -> Finding:
    """A box of the file on disk, in pixels of the original film and inside it."""
    if finding.box_xyxy is None:
        return finding
    scale = np.array(original_hw[::-1]) / np.array(file_hw[::-1])
    corners = np.array(finding.box_xyxy).reshape(2, 2) * scale
    x1, y1, x2, y2 = corners.clip(0, original_hw[::-1]).ravel().tolist()
    return Finding(finding.name, finding.score, (x1, y1, x2, y2))
