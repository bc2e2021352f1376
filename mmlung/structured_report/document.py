"""Comprehensive 3D SR with TID 1500: every finding coded, measured, and located."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code
from pydicom.uid import generate_uid

import mmlung
from mmlung._optional import require
from mmlung.result import Finding
from mmlung.result import ImageResult
from mmlung.result import MadeBy
from mmlung.structured_report.finding_codes import PRIVATE_SCHEME
from mmlung.structured_report.finding_codes import finding_code
from mmlung.structured_report.finding_codes import private_code
from mmlung.structured_report.source import Source
from mmlung.structured_report.source import read_header
from mmlung.structured_report.source import taking_over_header

EXTRA = 'sr'
NOTICE = 'research software, not a medical device'
SCORE_THR = 0.3
"""Boxes without a threshold of their own are reported from this score on."""

_SERIES_NUMBER = 901
_PRESENCE = Code('121052', 'DCM', 'Presence of property')
_PRESENT = Code('121053', 'DCM', 'Present')
_ABSENT = Code('121054', 'DCM', 'Absent')
_UNDETERMINED = Code('121059', 'DCM', 'Presence Undetermined')
_CERTAINTY = Code('111012', 'DCM', 'Certainty of Finding')
_SCORE = private_code('score', 'Model score, not calibrated')
_SCORE_THR = private_code('score-threshold', 'Model score that counts as present')
_CERTAINTY_THR = private_code('threshold', 'Certainty that counts as present')
_NOTHING = private_code('nothing-reported', 'No finding reported by the algorithm')
_PERCENT = Code('%', 'UCUM', 'Percent')
_NO_UNITS = Code('1', 'UCUM', 'no units')
# Of CID 100 in every edition; its code for X-ray (LN 43468-8) is in newer ones alone.
_PROCEDURE = Code('363679005', 'SCT', 'Imaging procedure')
_ENGLISH = Code('en', 'RFC5646', 'English')


def structured_report(
    result: ImageResult, source: Source, *, score_thr: float = SCORE_THR
) -> Dataset:
    """A Comprehensive 3D SR (TID 1500 Measurement Report) of one film's findings.

    Each finding is one measurement group: its code, *Certainty of Finding* in percent
    where the probability is calibrated, the model's score otherwise, the threshold,
    and whether it is present. A box is a closed POLYLINE in pixels of the film, in
    float32. A finding without score is *Presence Undetermined*; without any finding
    the report says that none was reported, which is not that the film is normal.

    The report belongs to the film's study: it takes over that study's and patient's
    attributes, identifiers included, as the standard requires. It is unverified.

    Args:
        result: what was found.
        source: the film, as a DICOM file or as pydicom read it.
        score_thr: boxes below their own threshold are left out, boxes without one
            below this score. How many is said in the report.

    Raises:
        ImportError: without the extra ``sr``.
        FileNotFoundError: no such file.
        ValueError: not the film that was predicted, no DICOM, or unfit tags.

    Source: DICOM PS3.3 A.35.13, PS3.16 TID 1500, 1501, 1410, 300 and 4019.
    """
    hd: Any = require('highdicom', EXTRA)
    header = read_header(source, result)
    shown = reported(result, score_thr)
    empty = without_area(result, score_thr)
    below = len(result.findings) - len(shown) - len(empty)
    parameters = [*algorithm_parameters(result.made_by)]
    if below:
        parameters.append(
            f'boxes below their threshold, left out: {below} '
            f'(score {score_thr:g} for findings without one)'
        )
    if empty:
        parameters.append(f'boxes without an area in the film, left out: {len(empty)}')
    algorithm = hd.sr.AlgorithmIdentification(
        name=algorithm_name(result.made_by),
        version=mmlung.__version__,
        parameters=parameters,
    )
    scheme = hd.coding_schemes.CodingSchemeIdentificationItem(
        PRIVATE_SCHEME,
        name='mmlung findings, by their plain names',
        responsible_organization='mmlung',
    )
    with taking_over_header():
        content = hd.sr.MeasurementReport(
            observation_context=_observer(hd),
            procedure_reported=_PROCEDURE,
            imaging_measurements=[*_groups(hd, shown, header, algorithm)],
            language_of_content_item_and_descendants=(
                hd.sr.LanguageOfContentItemAndDescendants(_ENGLISH)
            ),
        )
        return hd.sr.Comprehensive3DSR(
            evidence=[header],
            content=content,
            series_number=_SERIES_NUMBER,
            is_complete=True,
            coding_schemes=[scheme],
            **identity(hd, 'findings'),
        )


def reported(result: ImageResult, score_thr: float = SCORE_THR) -> list[Finding]:
    """Findings that a report shows: of the boxes those that reach their threshold."""
    return [
        f
        for f in result.findings
        if is_reported(f, score_thr) and _has_area(f, result.size_hw)
    ]


def without_area(result: ImageResult, score_thr: float = SCORE_THR) -> list[Finding]:
    """Boxes that reach their threshold but cover nothing of the film: not reported."""
    return [
        f
        for f in result.findings
        if is_reported(f, score_thr) and not _has_area(f, result.size_hw)
    ]


def _has_area(finding: Finding, size_hw: tuple[int, int]) -> bool:
    if finding.box_xyxy is None:
        return True
    (x1, y1), (x2, y2) = _cut(finding.box_xyxy, size_hw)
    return bool(x1 < x2 and y1 < y2)


def is_reported(finding: Finding, score_thr: float = SCORE_THR) -> bool:
    """Whether a report shows a finding: each of the whole film, boxes by threshold."""
    if finding.box_xyxy is None or finding.score is None:
        return True
    present = finding.is_present
    return finding.score >= score_thr if present is None else present


def identity(hd: Any, what: str) -> dict[str, Any]:
    """Arguments of every object we make: new UIDs, who made it, and what it is not."""
    return {
        'series_instance_uid': hd.UID(),
        'sop_instance_uid': hd.UID(),
        'instance_number': 1,
        'manufacturer': 'mmlung',
        'manufacturer_model_name': 'mmlung',
        'software_versions': mmlung.__version__,
        'series_description': f'mmlung {what}: {NOTICE}',
    }


def algorithm_name(made_by: MadeBy | None) -> str:
    """The configs of the models, as the algorithm's name."""
    configs = [model.config for model in made_by.models] if made_by else []
    return ' + '.join(['mmlung', *dict.fromkeys(configs)])


def algorithm_parameters(made_by: MadeBy | None) -> Iterator[str]:
    """What a result depends on, one line each; says so where it was not recorded."""
    yield NOTICE
    if made_by is None:
        yield 'model: not recorded'
        return
    for model in made_by.models:
        yield f'config {model.config} sha256 {model.config_sha256}'
        yield f'checkpoint {model.checkpoint} sha256 {model.checkpoint_sha256}'
    for digest in made_by.calibration_sha256:
        yield f'calibration {"none" if digest is None else f"sha256 {digest}"}'
    yield f'test-time augmentation {"yes" if made_by.tta else "no"}'
    for package, version in made_by.versions:
        if version is not None:
            yield f'{package} {version}'


def corners_xy(box_xyxy: tuple[float, ...], size_hw: tuple[int, int]) -> np.ndarray:
    """(5, 2) float corners of a box inside the film, clockwise, the first one twice.

    Raises:
        ValueError: no area of it lies in the film.
    """
    height, width = size_hw
    (x1, y1), (x2, y2) = _cut(box_xyxy, size_hw)
    if not (x1 < x2 and y1 < y2):
        raise ValueError(
            f'box must have x1 < x2 and y1 < y2 within {width} x {height} pixels, '
            f'got {tuple(box_xyxy)}'
        )
    return np.array([(x1, y1), (x2, y1), (x2, y2), (x1, y2), (x1, y1)])


def _cut(box_xyxy: tuple[float, ...], size_hw: tuple[int, int]) -> np.ndarray:
    """(2, 2) upper left and lower right corner (x, y), moved into the film."""
    return np.clip(np.reshape(box_xyxy, (2, 2)), 0, size_hw[::-1])


def _observer(hd: Any) -> Any:
    device = hd.sr.DeviceObserverIdentifyingAttributes(
        uid=generate_uid(entropy_srcs=['mmlung', mmlung.__version__]),
        name='mmlung',
        manufacturer_name='mmlung',
        model_name=f'mmlung {mmlung.__version__}',
    )
    return hd.sr.ObservationContext(
        observer_device_context=hd.sr.ObserverContext(
            observer_type=Code('121007', 'DCM', 'Device'),
            observer_identifying_attributes=device,
        )
    )


def _groups(
    hd: Any, findings: list[Finding], header: Dataset, algorithm: Any
) -> Iterator[Any]:
    """One measurement group a finding, or one that says that there is none."""
    if not findings:
        yield _group(
            hd,
            header,
            None,
            tracking_identifier=hd.sr.TrackingIdentifier(hd.UID(), 'no finding'),
            finding_type=_NOTHING,
            algorithm_id=algorithm,
        )
    seen: Counter[str] = Counter()
    for finding in findings:
        seen[finding.name] += 1
        name = f'{finding.name} {seen[finding.name]}'
        yield _group(
            hd,
            header,
            finding.box_xyxy,
            tracking_identifier=hd.sr.TrackingIdentifier(hd.UID(), name),
            finding_type=finding_code(finding.name),
            algorithm_id=algorithm,
            measurements=[*_measurements(hd, finding)],
            qualitative_evaluations=[*_evaluations(hd, finding)],
        )


def _group(
    hd: Any, header: Dataset, box_xyxy: tuple[float, ...] | None, **arguments: Any
) -> Any:
    """A measurement group of the whole film (TID 1501), or of a box (TID 1410)."""
    if box_xyxy is None:
        image = hd.sr.SourceImageForMeasurementGroup.from_source_image(header)
        return hd.sr.MeasurementsAndQualitativeEvaluations(
            source_images=[image], **arguments
        )
    region = hd.sr.ImageRegion(
        graphic_type=hd.sr.GraphicTypeValues.POLYLINE,
        graphic_data=corners_xy(box_xyxy, (header.Rows, header.Columns)),
        source_image=hd.sr.SourceImageForRegion.from_source_image(header),
    )
    return hd.sr.PlanarROIMeasurementsAndQualitativeEvaluations(
        referenced_region=region, **arguments
    )


def _measurements(hd: Any, finding: Finding) -> Iterator[Any]:
    calibrated = finding.probability is not None
    if finding.probability is not None:
        yield hd.sr.Measurement(
            _CERTAINTY, round(100 * finding.probability, 4), _PERCENT
        )
    if finding.score is not None:
        yield hd.sr.Measurement(_SCORE, round(finding.score, 6), _NO_UNITS)
    if finding.threshold is not None and calibrated:
        yield hd.sr.Measurement(
            _CERTAINTY_THR, round(100 * finding.threshold, 4), _PERCENT
        )
    elif finding.threshold is not None:
        yield hd.sr.Measurement(_SCORE_THR, round(finding.threshold, 6), _NO_UNITS)


def _evaluations(hd: Any, finding: Finding) -> Iterator[Any]:
    if finding.score is None and finding.probability is None:
        yield hd.sr.QualitativeEvaluation(_PRESENCE, _UNDETERMINED)
    elif finding.is_present is not None:
        value = _PRESENT if finding.is_present else _ABSENT
        yield hd.sr.QualitativeEvaluation(_PRESENCE, value)
