"""Calibration, thresholds and millimetres of what one model or an ensemble found."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from pathlib import Path

from mmlung.calibration.classifier_file import Calibration
from mmlung.calibration.classifier_file import choose_calibration
from mmlung.calibration.thresholds_file import AUTO
from mmlung.calibration.thresholds_file import choose_thresholds
from mmlung.checkpoint import file_sha256
from mmlung.evaluation.thresholds import FALLBACK
from mmlung.inferencer.network import Network
from mmlung.result import Finding
from mmlung.result import ImageResult

RULE = 'youden'
"""Which of a classifier's thresholds is used unless another is asked for."""


@dataclass(frozen=True)
class Calibrated:
    """What is known of one model's scores, besides their order."""

    calibration: Calibration = field(default_factory=Calibration)
    """Of a classifier; changes nothing without a file."""
    thresholds: Mapping[str, float] = field(default_factory=dict)
    """Per finding: on the probability where it is calibrated, else on the score."""
    sha256: str | None = None
    """Of the file; None without one."""
    notes: tuple[str, ...] = ()
    """What a reader should know, such as why a file beside the checkpoint was not
    used."""

    def apply(self, result: ImageResult) -> ImageResult:
        """The result with a probability beside each score that is calibrated."""
        return self.calibration.apply([result])[0]


def calibrated_model(
    network: Network, wanted: str | Path | None, tta: bool, rule: str = RULE
) -> Calibrated:
    """Calibration and thresholds of a model.

    Args:
        network: the model.
        wanted: a file of ``mmlung calibrate``, which must fit; None: the one beside the
            checkpoint when it fits; ``'none'``: no file.
        tta: whether it runs with test-time augmentation.
        rule: which of a classifier's thresholds.

    Raises:
        FileNotFoundError: the wanted file is missing.
        ValueError: it is of another checkpoint or of other findings, or damaged.
    """
    name = AUTO if wanted is None else str(wanted)
    conditions = {'img_size': network.cfg.get('img_size'), 'tta': tta}
    if network.is_detector:
        chosen = choose_thresholds(
            network.checkpoint, network.findings, name, conditions
        )
        limit = chosen.score_thr
        each = (
            limit if isinstance(limit, dict) else dict.fromkeys(network.findings, limit)
        )
        sha256 = file_sha256(chosen.file) if chosen.file else None
        return Calibrated(Calibration(), each, sha256, chosen.notes)
    found = choose_calibration(network.checkpoint, network.findings, name, conditions)
    rows = (found.content or {}).get('findings', ())
    scale = {
        row['finding']: 'score_thr' if row['unscaled'] else 'probability_thr'
        for row in rows
    }
    limits = {r['finding']: r['thresholds'][rule][scale[r['finding']]] for r in rows}
    known = {finding: limit for finding, limit in limits.items() if limit is not None}
    sha256 = file_sha256(found.file) if found.file else None
    return Calibrated(found, known, sha256, found.notes)


def thresholds_of(
    members: Sequence[Calibrated], is_detector: bool
) -> Mapping[str, float]:
    """Thresholds of one model, or of an ensemble.

    Those of single models do not hold for a mean. Boxes of an ensemble get the default,
    and findings of one get none.
    """
    if len(members) == 1:
        return members[0].thresholds
    names = members[0].thresholds if is_detector else ()
    return dict.fromkeys(names, FALLBACK)


def annotated(
    result: ImageResult,
    thresholds: Mapping[str, float],
    spacing_mm: tuple[float, float] | None,
) -> ImageResult:
    """The result with thresholds, and boxes in millimetres where spacing is known."""
    return replace(
        result,
        findings=tuple(_annotated(f, thresholds, spacing_mm) for f in result.findings),
        spacing_mm=spacing_mm,
    )


def _annotated(
    finding: Finding,
    thresholds: Mapping[str, float],
    spacing_mm: tuple[float, float] | None,
) -> Finding:
    limit = thresholds.get(finding.name)
    box_mm = None
    if finding.box_xyxy is not None and spacing_mm is not None:
        row, column = spacing_mm
        x1, y1, x2, y2 = finding.box_xyxy
        box_mm = (
            round(x1 * column, 2),
            round(y1 * row, 2),
            round(x2 * column, 2),
            round(y2 * row, 2),
        )
    # Rounded as scores of results are, so that the film of the threshold reaches it.
    limit = None if limit is None else round(limit, 6)
    return replace(finding, threshold=limit, box_xyxy_mm=box_mm)
