"""The files that a prediction leaves: one JSON a film, tables, and what failed."""

from __future__ import annotations

import csv
import hashlib
import os
import warnings
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmlung.atomic import write_json
from mmlung.dicom.film import read_tags
from mmlung.inferencer.sources import FilmSource
from mmlung.result import SCHEMA
from mmlung.result import FailedImage
from mmlung.result import ImageResult
from mmlung.result import MadeBy
from mmlung.result import read_predictions

IDENTIFIERS = 'dicom_identifiers'
_KEYWORDS = (
    *('PatientName', 'PatientID', 'AccessionNumber'),
    *('StudyInstanceUID', 'SeriesInstanceUID', 'SOPInstanceUID'),
)
_CORNERS = ('x1', 'y1', 'x2', 'y2')


def result_path(out: Path, name: str) -> Path:
    """JSON of a film.

    >>> result_path(Path('out'), 'ward/1.png').as_posix()
    'out/films/ward/1.png.json'
    """
    return out / 'films' / f'{name}.json'


def write_result(
    out: Path,
    result: ImageResult,
    findings: Sequence[str],
    identifiers: dict[str, str] | None = None,
) -> Path:
    """Write one film's JSON, which is a predictions.json of one image.

    Args:
        out: folder.
        result: of the film.
        findings: the model's vocabulary.
        identifiers: of the film's DICOM header; None: they are not to be kept.
    """
    content: dict[str, Any] = {'schema': SCHEMA, 'findings': list(findings)}
    if identifiers is not None:
        content[IDENTIFIERS] = identifiers
    path = result_path(out, result.image)
    write_json(path, content | {'images': [result.to_json()]})
    return path


def is_done(
    out: Path, film: FilmSource, made_by: MadeBy, keep_identifiers: bool = False
) -> bool:
    """Whether the film's JSON is there, of the very same file and models.

    Versions of packages may differ. A damaged JSON is not there.
    """
    path = result_path(out, film.name)
    try:
        found = read_predictions(path)
        (result,) = found.results
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return False
    made = result.made_by
    same_models = made is not None and (
        (made.models, made.tta, made.calibration_sha256)
        == (made_by.models, made_by.tta, made_by.calibration_sha256)
    )
    if not same_models or (IDENTIFIERS in found.head) != keep_identifiers:
        return False
    data = film.data
    if not isinstance(data, Path) or not data.is_file():
        return False
    with data.open('rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest() == result.file_sha256


def is_current(path: Path, out: Path, name: str) -> bool:
    """Whether a file made from a film's JSON is there, and not older than that.

    Args:
        path: the picture or report.
        out: folder of the results.
        name: of the film.
    """
    if not path.is_file():
        return False
    return path.stat().st_mtime_ns >= result_path(out, name).stat().st_mtime_ns


def identifiers_of(path: Path) -> dict[str, str]:
    """Patient and UIDs of a DICOM file's header; none of another file."""
    header = read_tags(path, _KEYWORDS)
    if header is None:
        return {}
    with warnings.catch_warnings():  # pydicom's, of an unusual value, quote it
        warnings.simplefilter('ignore', UserWarning)
        return {key: str(header[key].value) for key in _KEYWORDS if key in header}


def write_tables(
    out: Path, names: Iterable[str], findings: Sequence[str], is_detector: bool
) -> list[Path]:
    """Tables of all films whose JSON is there: findings.csv, of a detector boxes.csv.

    ``findings.csv`` has one row a film and one column a finding: its probability, where
    that is not calibrated its score, and for a detector the highest score of a box (0
    without one). Its column ``scale`` says which: ``probability`` or ``score`` of all
    findings, or ``mixed`` where only some are calibrated. ``boxes.csv`` has one row a
    box: pixels of the original film, and millimetres where the file gives a spacing.
    """
    path = out / 'findings.csv'
    there = [file for name in names if (file := result_path(out, name)).is_file()]
    with _csv(path, ['image', 'height_px', 'width_px', 'scale', *findings]) as rows:
        rows.writerows(_film_row(result, findings) for result in _read(there))
    if not is_detector:
        (out / 'boxes.csv').unlink(missing_ok=True)  # of a detector's run before
        return [path]
    corners = [f'{corner}_{unit}' for unit in ('px', 'mm') for corner in _CORNERS]
    head = ['image', 'finding', 'score', 'threshold', *corners]
    with _csv(out / 'boxes.csv', head) as rows:
        for result in _read(there):
            rows.writerows(_box_rows(result))
    return [path, out / 'boxes.csv']


def write_errors(out: Path, failed: Sequence[FailedImage]) -> Path | None:
    """errors.csv of this run; one of an earlier run goes when nothing failed."""
    path = out / 'errors.csv'
    if not failed:
        path.unlink(missing_ok=True)
        return None
    with _csv(path, ['image', 'reason']) as rows:
        rows.writerows([film.image, film.reason] for film in failed)
    return path


def _read(paths: Iterable[Path]) -> Iterator[ImageResult]:
    for path in paths:
        yield from read_predictions(path).results


def _film_row(result: ImageResult, findings: Sequence[str]) -> list[Any]:
    best = dict.fromkeys(findings, 0.0)
    calibrated = {finding.probability is not None for finding in result.findings}
    scale = 'mixed' if len(calibrated) == 2 else 'score'
    scale = 'probability' if calibrated == {True} else scale
    for finding in result.findings:
        value = finding.score if finding.probability is None else finding.probability
        best[finding.name] = max(best[finding.name], value or 0.0)
    return [result.image, *result.size_hw, scale, *(best[name] for name in findings)]


def _box_rows(result: ImageResult) -> Iterator[list[Any]]:
    for f in result.findings:
        pixels, mm = f.box_xyxy or [''] * 4, f.box_xyxy_mm or [''] * 4
        limit = '' if f.threshold is None else f.threshold
        yield [result.image, f.name, f.score, limit, *pixels, *mm]


@contextmanager
def _csv(path: Path, head: Sequence[str]) -> Iterator[Any]:
    """Rows of a CSV file that is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f'{path.name}.part')
    with part.open('w', newline='', encoding='utf-8') as file:
        rows = csv.writer(file)
        rows.writerow(head)
        yield rows
    os.replace(part, path)  # noqa: PTH105 - the atomic form on every system
