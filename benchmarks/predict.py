"""What predicting films costs, beside mmdet's DetInferencer: same films, same boxes.

The same detector runs over the same films, JPEG or PNG, one film after the other:
- mmlung: mmlung.inferencer.Inferencer, in one process, and with a worker that reads;
- mmdet: mmdet.apis.DetInferencer. It finds no loader that it knows in mmlung's
  pipelines, so it gets a config with its own LoadImageFromFile and PackDetInputs, which
  reads each film as three equal channels.
They take turns, so that a busy machine is busy for all of them; times are the least of
the rounds, without loading the model. The boxes above a score of 0.05 must be the same
within 0.01 px, else the benchmark stops. mmdet pads the films of a batch to the largest
of them, which moves boxes, and mmlung does not: so films of several sizes are compared
at a batch size of 1.

A second table says what reading costs while the network computes: the whole run, beside
the network alone and the reading alone (divided by the workers).

Examples:
  OMP_NUM_THREADS=1 python benchmarks/predict.py configs/swin_vindr.py best.pth films/
  python benchmarks/predict.py CONFIG CHECKPOINT films/ --films 100 --docs docs/x.md
"""

from __future__ import annotations

import argparse
import copy
import os
import platform
import time
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from between_marks import check_marks
from between_marks import write_between_marks

from mmlung._quiet import quiet_imports
from mmlung.checkpoint import use_safe_loading
from mmlung.cli import one_line_errors
from mmlung.config import load_config
from mmlung.inferencer import FilmSource
from mmlung.inferencer import Inferencer
from mmlung.inferencer import films_of
from mmlung.inferencer.decoding import prepared_films

MARK = 'predict'
SCORE_CUT = 0.05
TOLERANCE_PX = 0.01
_SLACK = 1e-4
"""Of the score, around the cut and between partners: rounding of six digits."""

Boxes = list[tuple[np.ndarray, np.ndarray, np.ndarray]]
"""Per film labels (N,), scores (N,) and corners (N, 4)."""


def by_mmlung(
    inferencer: Inferencer, films: Sequence[FilmSource], batch_size: int, workers: int
) -> Boxes:
    """Boxes of each film by our inferencer."""
    label_of = {name: label for label, name in enumerate(inferencer.findings)}
    found = []
    for result in inferencer(films, batch_size, workers):
        labels = np.array([label_of[f.name] for f in result.findings], dtype=int)
        scores = np.array([f.score for f in result.findings])
        boxes = np.array([f.box_xyxy for f in result.findings]).reshape(-1, 4)
        found.append((labels, scores, boxes))
    return found


def by_mmdet(inferencer: Any, films: Sequence[FilmSource], batch_size: int) -> Boxes:
    """Boxes of each film by mmdet's inferencer."""
    answers = inferencer(
        [str(film.data) for film in films],
        batch_size=batch_size,
        no_save_vis=True,
        no_save_pred=True,
    )
    return [
        (
            np.array(one['labels'], dtype=int),
            np.array(one['scores']),
            np.array(one['bboxes']).reshape(-1, 4),
        )
        for one in answers['predictions']
    ]


def mmdet_inferencer(config: str, checkpoint: str, device: str) -> Any:
    """DetInferencer with its own loading and packing around the config's transforms."""
    from mmdet.apis import DetInferencer

    use_safe_loading()
    cfg = copy.deepcopy(load_config(config))
    between = [
        step
        for step in cfg.test_dataloader.dataset.pipeline[1:-1]
        if step['type'] != 'LoadAnnotations'
    ]
    pack = {
        'type': 'PackDetInputs',
        'meta_keys': ('img_path', 'ori_shape', 'img_shape', 'scale_factor'),
    }
    cfg.test_dataloader.dataset.pipeline = [
        {'type': 'LoadImageFromFile'},
        *between,
        pack,
    ]
    return DetInferencer(cfg, checkpoint, device=device, show_progress=False)


def greatest_difference(ours: Boxes, theirs: Boxes) -> tuple[float, int]:
    """Pixels between partners above the score cut, and how many partners there are.

    Raises:
        ValueError: a box has no partner of its finding and score.
    """
    greatest, n_boxes = 0.0, 0
    for film, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        for one, other, who in ((a, b, 'mmlung'), (b, a, 'mmdet')):
            for label, score, box in zip(*one, strict=True):
                if score < SCORE_CUT + _SLACK:
                    continue
                alike = (other[0] == label) & (np.abs(other[1] - score) < _SLACK)
                if not alike.any():
                    raise ValueError(f'film {film}: only {who} has {label} {score:.4f}')
                apart = np.abs(other[2][alike] - box).max(axis=1).min()
                greatest = max(greatest, float(apart))
                n_boxes += who == 'mmlung'
    return greatest, n_boxes


def seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """Wall time of a piece of work, and what it gives."""
    start = time.perf_counter()
    value = work()
    return time.perf_counter() - start, value


def overlap(
    inferencer: Inferencer, films: Sequence[FilmSource], batch_size: int, workers: int
) -> dict[str, float]:
    """Seconds of the whole run, of the network alone and of the reading alone."""
    batches = [films[i : i + batch_size] for i in range(0, len(films), batch_size)]
    reading, prepared = seconds(
        lambda: [
            list(prepared_films(b, inferencer._prepare, 0, batch_size)) for b in batches
        ]
    )
    computing, _ = seconds(lambda: [inferencer._predict(b) for b in prepared])
    whole, _ = seconds(lambda: list(inferencer(films, batch_size, workers)))
    return {'whole': whole, 'network': computing, 'reading': reading}


def overlap_table(times: dict[str, float], workers: int) -> str:
    """The second table."""
    bound = max(times['network'], times['reading'] / workers)
    return (
        '| network alone | reading alone | workers | whole run | whole / larger |\n'
        '|---|---|---|---|---|\n'
        f'| {times["network"]:.1f} s | {times["reading"]:.1f} s | {workers} | '
        f'{times["whole"]:.1f} s | {times["whole"] / bound:.2f} |'
    )


def film_table(times: dict[str, list[float]], n_films: int) -> str:
    """The first table."""
    lines = ['| by | s / film | films / s |', '|---|---|---|']
    for name, taken in times.items():
        each = min(taken) / n_films
        lines.append(f'| {name} | {each:.4f} | {1 / each:.1f} |')
    return '\n'.join(lines)


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='of a detector')
    parser.add_argument('checkpoint')
    parser.add_argument('images', help='folder of JPEG or PNG films')
    parser.add_argument('--films', type=int, default=100, help='how many of them')
    parser.add_argument('--batch-size', type=int, default=1)
    parser.add_argument('--workers', type=int, default=1)
    parser.add_argument('--rounds', type=int, default=2)
    parser.add_argument('--device', default='cpu')
    parser.add_argument(
        '--docs', type=Path, metavar='FILE', help='write the tables between its marks'
    )
    args = parser.parse_args(argv)
    if min(args.films, args.batch_size, args.workers, args.rounds) < 1:
        parser.error('--films, --batch-size, --workers and --rounds: at least 1')
    return args


def _first(films: Iterable[FilmSource], n: int) -> list[FilmSource]:
    chosen = [film for film, _ in zip(films, range(n), strict=False)]
    if len(chosen) < n:
        raise ValueError(f'--films {n}, but there are {len(chosen)}')
    return chosen


@one_line_errors
def main(argv: Sequence[str] | None = None) -> int:
    """Predict by turns, compare the boxes, print the tables."""
    args = parse_args(argv)
    if not Path(args.images).is_dir():
        raise FileNotFoundError(f'the folder {args.images} does not exist')
    if args.docs is not None:
        check_marks(args.docs, MARK)
    with quiet_imports():
        import mmdet  # noqa: F401
    films = _first(films_of(args.images), args.films)
    ours = Inferencer(args.config, args.checkpoint, 'none', args.device)
    theirs = mmdet_inferencer(args.config, args.checkpoint, args.device)
    size, workers = args.batch_size, args.workers
    ways: dict[str, Callable[[], Boxes]] = {
        'mmlung, one process': lambda: by_mmlung(ours, films, size, 0),
        f'mmlung, {workers} worker(s)': lambda: by_mmlung(ours, films, size, workers),
        'mmdet DetInferencer': lambda: by_mmdet(theirs, films, size),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    found: dict[str, Boxes] = {}
    for _ in range(args.rounds):
        for name, predict in ways.items():
            taken, found[name] = seconds(predict)
            times[name].append(taken)
    *mine, other = found.values()
    greatest, n_boxes = 0.0, 0
    for boxes in mine:
        apart, n_boxes = greatest_difference(boxes, other)
        greatest = max(greatest, apart)
    if greatest > TOLERANCE_PX:
        raise ValueError(
            f'boxes differ by {greatest:.3f} px, more than {TOLERANCE_PX} px'
        )
    text = '\n'.join(
        (
            f'{args.films} films, {Path(args.config).stem}, batch size {size}, '
            f'{args.device}, {torch.get_num_threads()} of {os.cpu_count()} threads, '
            f'load {os.getloadavg()[0]:.1f}, torch {torch.__version__}, Python '
            f'{platform.python_version()}; least of {args.rounds} rounds',
            '',
            film_table(times, args.films),
            '',
            f'{n_boxes} boxes with a score of {SCORE_CUT} or more; the largest '
            f'difference of a corner is {greatest:.4f} px.',
            '',
            overlap_table(overlap(ours, films, size, workers), workers),
        )
    )
    print(text)
    if args.docs is not None:
        write_between_marks(text, args.docs, MARK)
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
