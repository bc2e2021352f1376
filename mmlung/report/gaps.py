"""What a report had to leave out, and which command would bring it."""

from __future__ import annotations

from mmlung.report.sources import MAPS_FOLDER
from mmlung.report.sources import Sources


def gaps(sources: Sources) -> list[str]:
    """One phrase for each thing that is missing and that a command would bring."""
    found, folder = [], sources.work_dir
    if sources.predictions is None:
        found.append(
            'no curves and cases (predictions.json is missing: `mmlung test CONFIG '
            f'CHECKPOINT --work-dir {folder}`)'
        )
    elif sources.with_images and sources.images_root is None:
        found.append('no films (give their folder: --images-root DIR)')
    elif gone := gone_films(sources):
        found.append(
            f'{len(gone):,} of {len(sources.predictions.results):,} films are gone, '
            f'such as {gone[0]} (give their folder: --images-root DIR)'
        )
    if sources.maps is None:
        found.append(
            'no maps (`mmlung gradcam CONFIG CHECKPOINT FILMS --out '
            f'{folder / MAPS_FOLDER}`)'
        )
    if not is_calibrated(sources):
        what = 'thresholds of its own' if sources.is_detector else 'calibration'
        found.append(f'no {what} (`mmlung calibrate`, then `mmlung test`)')
    return found


def gone_films(sources: Sources) -> list[str]:
    """Names of films that are not where they were; empty where nobody looks."""
    if sources.predictions is None or sources.no_films is not None:
        return []
    root = sources.images_root
    assert root is not None  # else no_films says so
    names = (result.image for result in sources.predictions.results)
    return [name for name in names if not (root / name).is_file()]


def is_calibrated(sources: Sources) -> bool:
    """Whether thresholds or probabilities were fitted on validation before the test."""
    key = 'thresholds' if sources.is_detector else 'calibration'
    chosen = sources.metrics.get(key) or {}
    return chosen.get('source') == 'calibrated'
