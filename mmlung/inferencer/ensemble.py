"""One result of what several models find in one film."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mmlung.boxes import fuse_boxes
from mmlung.result import Finding
from mmlung.result import ImageResult

IOU_THR = 0.55
"""Boxes that overlap more are one: the paper's own choice."""


def mean_scores(members: Sequence[ImageResult]) -> ImageResult:
    """Mean score of each finding, and of its calibrated probability where all have one.

    Args:
        members: results of classifiers with the same findings, in any order.
    """
    columns = [{f.name: f for f in member.findings} for member in members]
    findings = []
    for finding in members[0].findings:
        same = [column[finding.name] for column in columns]
        scores = [f.score for f in same if f.score is not None]
        probabilities = [f.probability for f in same if f.probability is not None]
        calibrated = len(probabilities) == len(members)
        findings.append(
            Finding(
                finding.name,
                round(float(np.mean(scores)), 6),
                probability=round(float(np.mean(probabilities)), 6)
                if calibrated
                else None,
            )
        )
    return replace(members[0], findings=tuple(findings))


def fused_boxes(
    members: Sequence[ImageResult], iou_thr: float = IOU_THR
) -> ImageResult:
    """Weighted boxes fusion of each finding's boxes; a box of few models counts less.

    The score of a fused box is the mean of its members', times the share of the models
    that found it (at most 1: a model may bring several).

    Args:
        members: results of detectors with the same findings.
        iou_thr: boxes that overlap more are one.

    Source: Solovyev et al. 2021, doi:10.1016/j.imavis.2021.104117, equation 1 to 5.
    """
    findings: list[Finding] = []
    for name in dict.fromkeys(f.name for member in members for f in member.findings):
        same = [f for m in members for f in m.findings if f.name == name and f.score]
        if not same:
            continue
        score = np.array([f.score for f in same], dtype=float)
        boxes = np.array([f.box_xyxy for f in same], dtype=float)
        fused, joined = fuse_boxes(boxes, score, iou_thr)
        found = np.bincount(joined, minlength=len(fused))
        mean = np.bincount(joined, weights=score, minlength=len(fused)) / found
        share = np.minimum(found, len(members)) / len(members)
        for box, value in zip(fused.tolist(), (mean * share).tolist(), strict=True):
            x1, y1, x2, y2 = (round(side, 2) for side in box)
            findings.append(Finding(name, round(value, 6), (x1, y1, x2, y2)))
    findings.sort(key=lambda f: -(f.score or 0))
    return replace(members[0], findings=tuple(findings))
