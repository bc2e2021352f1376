"""Secondary capture: the film in colour with boxes and findings burnt in."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image
from PIL import ImageDraw
from PIL import ImageFont
from pydicom.dataset import Dataset

import mmlung
from mmlung._optional import require
from mmlung.dicom import read_image
from mmlung.dicom.tags import read_tag
from mmlung.result import Finding
from mmlung.result import ImageResult
from mmlung.structured_report.document import EXTRA
from mmlung.structured_report.document import NOTICE
from mmlung.structured_report.document import SCORE_THR
from mmlung.structured_report.document import corners_xy
from mmlung.structured_report.document import identity
from mmlung.structured_report.document import reported
from mmlung.structured_report.source import Source
from mmlung.structured_report.source import file_bytes
from mmlung.structured_report.source import read_header
from mmlung.structured_report.source import taking_over_header

_SERIES_NUMBER = 902
_COLOUR = (255, 176, 0)
_BACKGROUND = (0, 0, 0)
_LISTED = 6
_TEXT_SHARE = 45
"""A line of text is the film's longer side over this."""

_LINE = 1.3
"""Distance of lines in heights of the text."""

_SOURCE_IMAGE = ('121322', 'DCM', 'Source image for image processing operation')
_LOSSY = (
    'LossyImageCompression',
    'LossyImageCompressionRatio',
    'LossyImageCompressionMethod',
)


def secondary_capture(
    result: ImageResult, source: Source, *, score_thr: float = SCORE_THR
) -> Dataset:
    """The film as an RGB Secondary Capture, with what was found drawn into it.

    It has the film's pixels with a strip of text below them, and the film's patient and
    study. It refers to the film as its source, says that it is derived and that
    annotations are burnt in, and has no pixel spacing: measure on the original.

    Args:
        result: what was found.
        source: the film, as a DICOM file or as pydicom read it.
        score_thr: as :func:`mmlung.structured_report.structured_report` has it.

    Raises:
        ImportError: without the extra ``sr``.
        FileNotFoundError: no such file.
        ValueError: not the film that was predicted, no DICOM, or unfit tags or pixels.

    Source: DICOM PS3.3 A.8.1, C.7.6.1.
    """
    hd: Any = require('highdicom', EXTRA)
    header = read_header(source, result)
    film = read_image(file_bytes(source)).pixels
    picture = draw_findings(film, result, score_thr)
    with taking_over_header():
        capture = hd.sc.SCImage.from_ref_dataset(
            header,
            pixel_array=picture,
            photometric_interpretation='RGB',
            bits_allocated=8,
            coordinate_system='PATIENT',
            series_number=_SERIES_NUMBER,
            patient_orientation=('L', 'F'),  # replaced by the film's own, or emptied
            transfer_syntax_uid='1.2.840.10008.1.2.1',
            specific_character_set=header.SpecificCharacterSet,
            **identity(hd, 'overlay'),
        )
    capture.PatientOrientation = read_tag(header, 'PatientOrientation')
    capture.BodyPartExamined = 'CHEST'
    capture.ImageType = ['DERIVED', 'SECONDARY']
    capture.BurnedInAnnotation = 'YES'
    capture.DerivationDescription = (
        f'mmlung {mmlung.__version__}: predicted findings drawn into the film. {NOTICE}'
    )
    capture.SourceImageSequence = [_reference(hd, header)]
    for keyword in _LOSSY:
        if keyword in header:
            capture.add(header[keyword])
    return capture


def draw_findings(
    pixels: np.ndarray, result: ImageResult, score_thr: float = SCORE_THR
) -> np.ndarray:
    """(H + h, W, 3) uint8 film with boxes, and a strip of text below it.

    The strip, of h rows, holds what has no box; so no side marker is written over.

    Args:
        pixels: (H, W) uint8.
        result: what was found.
        score_thr: boxes below their threshold, or below this without one, are left out.
    """
    size_px = max(8, max(pixels.shape) // _TEXT_SHARE)
    font = ImageFont.load_default(size_px)
    shown = reported(result, score_thr)
    lines = [*_whole_film(shown), f'mmlung {mmlung.__version__}', NOTICE]
    height, width = pixels.shape
    strip = round((len(lines) + 1) * _LINE * size_px)
    picture = Image.new('RGB', (width, height + strip), _BACKGROUND)
    picture.paste(Image.fromarray(pixels).convert('RGB'))
    draw = ImageDraw.Draw(picture)
    for finding in shown:
        if finding.box_xyxy is not None:
            _draw_box(draw, finding, result.size_hw, font, size_px)
    for number, line in enumerate(lines):
        top = height + (number + 0.5) * _LINE * size_px
        draw.text((size_px / 2, top), line, fill=_COLOUR, font=font)
    return np.asarray(picture)


def _whole_film(findings: list[Finding]) -> list[str]:
    """The highest of the findings without a box, or that there is nothing."""
    if not findings:
        return ['no finding reported']
    whole = [f for f in findings if f.box_xyxy is None]
    top = sorted(whole, key=lambda f: -(_value(f) or 0))[:_LISTED]
    rest = len(whole) - len(top)
    return [_label(f) for f in top] + ([f'and {rest} more'] if rest else [])


def _draw_box(
    draw: Any, finding: Finding, size_hw: tuple[int, int], font: Any, size_px: int
) -> None:
    assert finding.box_xyxy is not None
    corners = corners_xy(finding.box_xyxy, size_hw)
    (x1, y1), (x2, y2) = corners[0], corners[2]
    # The far corner is exclusive, the line lies inside the box.
    draw.rectangle(
        (x1, y1, max(x1, x2 - 1), max(y1, y2 - 1)),
        outline=_COLOUR,
        width=max(1, size_px // 8),
    )
    label = _label(finding)
    below = y1 < 1.5 * size_px
    left = min(x1, max(0, size_hw[1] - draw.textlength(label, font)))
    place_xy = (left, y2 if below else y1 - _LINE * size_px)
    draw.rectangle(draw.textbbox(place_xy, label, font), fill=_BACKGROUND)
    draw.text(place_xy, label, fill=_COLOUR, font=font)


def _value(finding: Finding) -> float | None:
    return finding.score if finding.probability is None else finding.probability


def _label(finding: Finding) -> str:
    """Name, and the probability in percent, or the score where it is none."""
    if finding.probability is not None:
        return f'{finding.name} {100 * finding.probability:.0f} %'
    score = 'unknown' if finding.score is None else f'score {finding.score:.2f}'
    return f'{finding.name} {score}'


def _reference(hd: Any, header: Dataset) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = header.SOPClassUID
    item.ReferencedSOPInstanceUID = header.SOPInstanceUID
    item.PurposeOfReferenceCodeSequence = [hd.sr.CodedConcept(*_SOURCE_IMAGE)]
    return item
