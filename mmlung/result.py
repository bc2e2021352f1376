"""What was found in one image, as plain data: the JSON that every tool shares."""

from __future__ import annotations

import math
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import asdict
from dataclasses import dataclass
from typing import Any

SCHEMA = 'mmlung.predictions/1'


@dataclass(frozen=True)
class Finding:
    """One finding: its name, its score, and its box when it was localised.

    Attributes:
        name: as the model's vocabulary spells it.
        score: in [0, 1] for a prediction; 1 present, 0 absent, None unknown for truth.
        box_xyxy: in pixels of the original image, or None for the whole image.
    """

    name: str
    score: float | None
    box_xyxy: tuple[float, float, float, float] | None = None

    def __post_init__(self) -> None:
        if self.score is not None and not 0 <= self.score <= 1:
            raise ValueError(
                f'score must lie in [0, 1], got {self.score} for {self.name!r}'
            )


@dataclass(frozen=True)
class ImageResult:
    """All that was predicted for one image, and what is true of it when that is known.

    Attributes:
        image: file name relative to the images folder.
        size_hw: height and width of the original image in pixels.
        findings: predictions, boxes by falling score.
        truth: ground truth; None when there is none (not: nothing to see).
        patient_id: the release's pseudonymous id, never one of a DICOM header.
    """

    image: str
    size_hw: tuple[int, int]
    findings: tuple[Finding, ...]
    truth: tuple[Finding, ...] | None = None
    patient_id: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain dictionary without NaN, for :func:`json.dumps`."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ImageResult:
        """The inverse of :meth:`to_json`."""
        return cls(
            image=data['image'],
            size_hw=(data['size_hw'][0], data['size_hw'][1]),
            findings=_findings(data['findings']),
            truth=None if data['truth'] is None else _findings(data['truth']),
            patient_id=data['patient_id'],
        )


def _findings(items: Iterable[Mapping[str, Any]]) -> tuple[Finding, ...]:
    return tuple(
        Finding(
            item['name'],
            item['score'],
            None if item['box_xyxy'] is None else tuple(item['box_xyxy']),
        )
        for item in items
    )


def without_nan(value: Any) -> Any:
    """The same structure with None for NaN and infinity, which JSON does not have."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(item) for item in value]
    return value
