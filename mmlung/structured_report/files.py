"""Report and marked copy as files, each written whole or not at all."""

from __future__ import annotations

from pathlib import Path

from pydicom.dataset import Dataset

from mmlung.result import ImageResult
from mmlung.structured_report.capture import secondary_capture
from mmlung.structured_report.document import SCORE_THR
from mmlung.structured_report.document import structured_report
from mmlung.structured_report.source import Source
from mmlung.structured_report.source import no_value_quoted


def write_structured_report(
    result: ImageResult,
    source: Source,
    path: Path | None,
    *,
    capture: Path | None = None,
    score_thr: float = SCORE_THR,
) -> list[Path]:
    """Write the structured report of one film, its marked copy, or both.

    Both carry the identifiers of the film's patient and study: they belong to it.

    Args:
        result: what was found.
        source: the film, as a DICOM file or as pydicom read it.
        path: of the report; None for none. Folders are made.
        capture: of the Secondary Capture; None for none.
        score_thr: as :func:`mmlung.structured_report.structured_report` has it.

    Returns:
        The files that were written.

    Raises:
        ImportError: without the extra ``sr``.
        FileNotFoundError: no such film.
        ValueError: not the film that was predicted, no DICOM, or unfit tags.
    """
    objects = []
    if path is not None:
        objects.append((path, structured_report(result, source, score_thr=score_thr)))
    if capture is not None:
        objects.append(
            (capture, secondary_capture(result, source, score_thr=score_thr))
        )
    for target, dataset in objects:
        _save(dataset, target)
    return [target for target, _ in objects]


def _save(dataset: Dataset, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f'.{path.name}')
    with no_value_quoted():
        dataset.save_as(part, enforce_file_format=True)
    part.replace(path)
