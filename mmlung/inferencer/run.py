"""A prediction over many films, with files as its result; can be cut and taken up."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from mmlung.inferencer.decoding import reason_of
from mmlung.inferencer.inferencer import Inferencer
from mmlung.inferencer.outputs import identifiers_of
from mmlung.inferencer.outputs import is_current
from mmlung.inferencer.outputs import is_done
from mmlung.inferencer.outputs import result_path
from mmlung.inferencer.outputs import write_result
from mmlung.inferencer.sources import FilmSource
from mmlung.result import FailedImage
from mmlung.result import Finding
from mmlung.result import ImageResult
from mmlung.result import read_predictions


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
    undrawn: tuple[FailedImage, ...] = ()
    """Predicted, but the film could not be read again for its picture."""


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
    undrawn: list[FailedImage] = []
    if options.show:
        waiting = {film.name for film in left}
        earlier = [film for film in films if film.name not in waiting]
        undrawn += _draw_missing(earlier, out, options.quiet)
    results = inferencer(left, options.batch_size, options.workers)
    bar = tqdm(results, total=len(left), unit='film', disable=options.quiet)
    for result in bar:
        if isinstance(result, FailedImage):
            failed.append(result)
            if not options.quiet:
                tqdm.write(f'skipped {result.image}: {result.reason}', sys.stderr)
            continue
        path = path_of[result.image]
        names = identifiers_of(path) if keep else None
        write_result(out, result, inferencer.findings, names)
        if options.show:
            undrawn += _try_to_draw(result, path, out)
    predicted = len(left) - len(failed)
    skipped = len(films) - len(left)
    return Done(predicted, skipped, tuple(failed), tuple(undrawn))


def figure_path(out: Path, name: str) -> Path:
    """Picture of a film.

    >>> figure_path(Path('out'), 'ward/1.dcm').as_posix()
    'out/figures/ward/1.dcm.png'
    """
    return out / 'figures' / f'{name}.png'


def _draw_missing(
    films: Sequence[FilmSource], out: Path, quiet: bool
) -> Iterator[FailedImage]:
    """Draw films of an earlier run from their JSON, where it made no picture."""
    missing = [
        f for f in films if not is_current(figure_path(out, f.name), out, f.name)
    ]
    for film in tqdm(
        missing, desc='drawing', unit='film', disable=quiet or not missing
    ):
        assert isinstance(film.data, Path)
        (result,) = read_predictions(result_path(out, film.name)).results
        yield from _try_to_draw(result, film.data, out)


def _try_to_draw(result: ImageResult, film: Path, out: Path) -> Iterator[FailedImage]:
    """One film's picture; what is wrong with it ends no run."""
    try:
        draw(result, film, figure_path(out, result.image))
    except (OSError, ValueError) as error:
        reason = reason_of(error).removeprefix(f'{film}: ')
        yield FailedImage(result.image, f'no picture: {reason}')


def draw(result: ImageResult, film: Path, picture: Path) -> None:
    """The film with the boxes that reach their thresholds, or what is most likely.

    A line below it says which, so that a film without a box is not taken for one that
    was not looked at.
    """
    from matplotlib.figure import Figure

    from mmlung.dicom import read_image
    from mmlung.figures.films import draw_findings
    from mmlung.figures.picture import save_picture

    limits = {f.name: f.threshold for f in result.findings if f.threshold is not None}
    figure = Figure(figsize=(7, 7.4), dpi=110, layout='constrained')
    shown = replace(result, findings=_calibrated(result))
    draw_findings(figure.add_subplot(), read_image(film).pixels, shown, limits)
    figure.supxlabel(caption(result), fontsize=8, parse_math=False)
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
        text = _highest(result)
    return f'mmlung, not a medical device: {text}'


def _highest(result: ImageResult) -> str:
    best = max(result.findings, key=lambda f: f.score or 0, default=None)
    if best is None or best.score is None or best.threshold is None:
        return 'no box was found'
    return (
        f'no box reaches its threshold; the highest, {best.name} {best.score:.2f}, '
        f'would need {best.threshold:.2f}'
    )


def _calibrated(result: ImageResult) -> tuple[Finding, ...]:
    """Findings whose score is their probability where that is known."""
    return tuple(
        f if f.probability is None else replace(f, score=f.probability)
        for f in result.findings
    )
