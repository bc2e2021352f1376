"""What was found in one image, as plain data: the JSON that every tool shares."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import asdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCHEMA = 'mmlung.predictions/1'
"""Of predictions.json. What was added later is optional and left out where it is not
known, so files of earlier versions are read, and new ones are read by them."""

FILE_NAME = 'predictions.json'
_OPTIONAL = (
    *('probability', 'threshold', 'box_xyxy_mm'),
    *('study_id', 'view', 'sex', 'age', 'spacing_mm', 'file_sha256', 'made_by'),
)


@dataclass(frozen=True)
class Finding:
    """One finding: its name, its score, and its box when it was localised.

    Attributes:
        name: as the model's vocabulary spells it.
        score: in [0, 1] for a prediction; 1 present, 0 absent, None unknown for truth.
        box_xyxy: in pixels of the original image, or None for the whole image.
        probability: calibrated chance in [0, 1] that it is present; None where the
            score was not calibrated.
        threshold: the finding is called present when its ``probability`` (its ``score``
            where that was not calibrated) reaches it; None where none is known.
        box_xyxy_mm: the box in millimetres from the film's upper left corner, where the
            file gives a spacing: at the detector, so a lesion is smaller.
    """

    name: str
    score: float | None
    box_xyxy: tuple[float, float, float, float] | None = None
    probability: float | None = None
    threshold: float | None = None
    box_xyxy_mm: tuple[float, float, float, float] | None = None

    @property
    def is_present(self) -> bool | None:
        """Whether it is called present; None without a threshold."""
        value = self.score if self.probability is None else self.probability
        if value is None or self.threshold is None:
            return None
        return value >= self.threshold

    def __post_init__(self) -> None:
        for field in ('score', 'probability', 'threshold'):
            value = getattr(self, field)
            if value is not None and not 0 <= value <= 1:
                raise ValueError(
                    f'{field} must lie in [0, 1], got {value} for {self.name!r}'
                )


@dataclass(frozen=True)
class ModelFiles:
    """One model: its two files by name, and the SHA-256 of each.

    The config's is that of what decides a prediction (model, preprocessing, findings,
    test pipelines), after inheritance and options.
    """

    config: str
    config_sha256: str
    checkpoint: str
    checkpoint_sha256: str


@dataclass(frozen=True)
class MadeBy:
    """What a prediction was made with."""

    models: tuple[ModelFiles, ...]
    """Several for an ensemble."""
    tta: bool
    """With the config's test-time augmentation."""
    calibration_sha256: tuple[str | None, ...]
    """Of each model's calibration or thresholds file; None without one."""
    versions: tuple[tuple[str, str | None], ...]
    """Pairs of package and version."""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> MadeBy:
        """The inverse of what :meth:`ImageResult.to_json` gives."""
        return cls(
            tuple(ModelFiles(**model) for model in data['models']),
            data['tta'],
            tuple(data['calibration_sha256']),
            tuple((name, version) for name, version in data['versions']),
        )


@dataclass(frozen=True)
class FailedImage:
    """A film without a result, and why: never to be taken for one without findings."""

    image: str
    """As :class:`ImageResult` would name it."""
    reason: str


@dataclass(frozen=True)
class ImageResult:
    """All that was predicted for one image, and what is true of it when that is known.

    Attributes:
        image: file name relative to the images folder.
        size_hw: height and width of the original image in pixels.
        findings: predictions, boxes by falling score.
        truth: ground truth; None when there is none (not: nothing to see).
        patient_id: the release's pseudonymous id, never one of a DICOM header.
        study_id: likewise; films of one study were taken together.
        view: ``'PA'``, ``'AP'``, ``'LATERAL'`` or ``'LL'``, as the release says.
        sex: ``'F'`` or ``'M'``.
        age: in whole years.
        spacing_mm: (row, column) of a pixel, as the film's file says.
        file_sha256: of the film's file.
        made_by: models and versions, where the file's head does not say them.
    """

    image: str
    size_hw: tuple[int, int]
    findings: tuple[Finding, ...]
    truth: tuple[Finding, ...] | None = None
    patient_id: str | None = None
    study_id: str | None = None
    view: str | None = None
    sex: str | None = None
    age: int | None = None
    spacing_mm: tuple[float, float] | None = None
    file_sha256: str | None = None
    made_by: MadeBy | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain dictionary without NaN, for :func:`json.dumps`."""
        return asdict(self, dict_factory=_known)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ImageResult:
        """The inverse of :meth:`to_json`."""
        return cls(
            image=data['image'],
            size_hw=(data['size_hw'][0], data['size_hw'][1]),
            findings=_findings(data['findings']),
            truth=None if data['truth'] is None else _findings(data['truth']),
            patient_id=data['patient_id'],
            study_id=data.get('study_id'),
            view=data.get('view'),
            sex=data.get('sex'),
            age=data.get('age'),
            spacing_mm=_tuple(data.get('spacing_mm')),
            file_sha256=data.get('file_sha256'),
            made_by=MadeBy.from_json(data['made_by']) if data.get('made_by') else None,
        )


@dataclass(frozen=True)
class Predictions:
    """A predictions.json: the results of one test, and how they were obtained."""

    path: Path
    """Of the file; names it in errors."""
    head: Mapping[str, Any]
    """Config, checkpoint, data, metrics' settings, ... of the test."""
    findings: tuple[str, ...]
    """The model's vocabulary."""
    results: tuple[ImageResult, ...]

    @property
    def has_boxes(self) -> bool:
        """Whether a detector made them."""
        return any(
            f.box_xyxy is not None
            for result in self.results
            for f in (*result.findings, *(result.truth or ()))
        )


def read_predictions(path: Path | str) -> Predictions:
    """Read the predictions.json of a test, or the one of its work dir.

    Args:
        path: the file, or the folder that holds it.

    Raises:
        FileNotFoundError: there is none.
        ValueError: the file is no JSON, or has another schema.
    """
    path = Path(path)
    file = path / FILE_NAME if path.is_dir() else path
    if not file.is_file():
        raise FileNotFoundError(
            f'{file} does not exist. `mmlung test CONFIG CHECKPOINT` writes '
            f'{FILE_NAME} into the work dir.'
        )
    try:
        content = json.loads(file.read_text(encoding='utf-8'))
    except ValueError as error:  # JSON and UTF-8 alike
        raise ValueError(f'{file} is no {FILE_NAME}: {error}') from error
    schema = content.get('schema') if isinstance(content, dict) else None
    if schema != SCHEMA:
        raise ValueError(
            f'{file} must have the schema {SCHEMA!r}, got {schema!r}. Give a file '
            'that `mmlung test` wrote as predictions, or its work dir.'
        )
    head = {k: v for k, v in content.items() if k not in ('findings', 'images')}
    results = tuple(ImageResult.from_json(image) for image in content['images'])
    return Predictions(file, head, tuple(content['findings']), results)


def _known(fields: list[tuple[str, Any]]) -> dict[str, Any]:
    """Fields of an object without the optional ones that are not known."""
    return {k: v for k, v in fields if v is not None or k not in _OPTIONAL}


def _findings(items: Iterable[Mapping[str, Any]]) -> tuple[Finding, ...]:
    return tuple(
        Finding(
            item['name'],
            item['score'],
            _tuple(item['box_xyxy']),
            item.get('probability'),
            item.get('threshold'),
            _tuple(item.get('box_xyxy_mm')),
        )
        for item in items
    )


def _tuple(values: Any) -> Any:
    return None if values is None else tuple(values)


def without_nan(value: Any) -> Any:
    """The same structure with None for NaN and infinity, which JSON does not have."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(item) for item in value]
    return value
