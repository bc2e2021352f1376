"""A prediction over many films, with files as its result; can be cut and taken up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from mmlung.inferencer.inferencer import Inferencer
from mmlung.inferencer.outputs import identifiers_of
from mmlung.inferencer.outputs import is_done
from mmlung.inferencer.outputs import write_result
from mmlung.inferencer.sources import FilmSource
from mmlung.result import FailedImage
from mmlung.result import Finding
from mmlung.result import ImageResult


@dataclass(frozen=True)
class Options:
    """How a run goes, besides the films and the model."""

    batch_size: int | None = None
    """None: that of the config's test loader."""
    workers: int = 0
    overwrite: bool = False
    """Predict films again whose JSON is there."""
    keep_identifiers: bool = False
    """Write patient and UIDs of DICOM headers into the JSON."""
    show: bool = False
    """Draw every film."""
    quiet: bool = False
    """Without a progress bar."""


@dataclass(frozen=True)
class Done:
    """What became of the films of one process."""

    predicted: int
    skipped: int
    """Their JSON was there."""
    failed: tuple[FailedImage, ...]


def run(
    inferencer: Inferencer, films: Sequence[FilmSource], out: Path, options: Options
) -> Done:
    """Predict films and write one JSON each, and a picture if asked for.

    Args:
        inferencer: the model.
        films: files, with distinct names.
        out: folder, made if missing.
        options: how.
    """
    keep = options.keep_identifiers
    left = [
        film
        for film in films
        if options.overwrite or not is_done(out, film, inferencer.made_by, keep)
    ]
    path_of = {f.name: f.data for f in left if isinstance(f.data, Path)}
    failed = []
    results = inferencer(left, options.batch_size, options.workers)
    bar = tqdm(results, total=len(left), unit='film', disable=options.quiet)
    for result in bar:
        if isinstance(result, FailedImage):
            failed.append(result)
            continue
        path = path_of[result.image]
        if options.show:
            draw(result, path, out / 'figures' / f'{result.image}.png')
        names = identifiers_of(path) if keep else None
        write_result(out, result, inferencer.findings, names)
    predicted = len(left) - len(failed)
    return Done(predicted, len(films) - len(left), tuple(failed))


def draw(result: ImageResult, film: Path, picture: Path) -> None:
    """The film with the boxes that reach their thresholds, or what is most likely.

    A line below it says which, so that a film without a box is not taken for one that
    was not looked at.
    """
    from matplotlib.figure import Figure

    from mmlung.figures.films import draw_result
    from mmlung.figures.picture import save_picture

    limits = {f.name: f.threshold for f in result.findings if f.threshold is not None}
    figure = Figure(figsize=(7, 7.4), dpi=110, layout='constrained')
    path = film.resolve()
    shown = replace(result, image=path.name, findings=_calibrated(result))
    draw_result(figure.add_subplot(), shown, path.parent, limits)
    figure.supxlabel(caption(result), fontsize=8)
    save_picture(figure, picture)


def caption(result: ImageResult) -> str:
    """What the picture of a result shows."""
    if result.findings and result.findings[0].box_xyxy is None:
        calibrated = any(f.probability is not None for f in result.findings)
        number = 'calibrated probability' if calibrated else 'score, not calibrated'
        text = f'the four highest findings, with their {number}'
    elif any(f.is_present for f in result.findings):
        text = 'boxes that reach their threshold, with their score'
    else:
        text = 'no box reaches its threshold'
    return f'mmlung, not a medical device: {text}'


def _calibrated(result: ImageResult) -> tuple[Finding, ...]:
    """Findings whose score is their probability where that is known."""
    return tuple(
        f if f.probability is None else replace(f, score=f.probability)
        for f in result.findings
    )
