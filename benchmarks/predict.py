"""What predicting films costs, beside mmdet's DetInferencer: same films, same boxes.

The same detector runs over the same films, JPEG or PNG, one film after the other:
- mmlung: mmlung.inferencer.Inferencer, in one process;
- mmdet: mmdet.apis.DetInferencer. It finds no loader that it knows in mmlung's
  pipelines, so it gets a config with its own LoadImageFromFile and PackDetInputs, which
  reads each film as three equal channels.
The boxes above a score of 0.05 must be the same within 0.01 px and 0.0001 of the score,
else the benchmark stops. mmdet pads the films of a batch to the largest of them, which
moves boxes, and mmlung does not: so films of several sizes are compared at a batch size
of 1.

A second table says what reading costs while the network computes. The films are
enlarged and written as DICOM first (--dicom-px), so that reading costs as much as that
of real releases. The whole run, with workers, stands beside the larger of the network
alone and the reading alone divided by the workers.

On a busy machine wall time says little, so the ways take turns every few films, medians
are given, and processor time stands beside wall time: waiting for a core does not add
to it.

Examples:
  OMP_NUM_THREADS=1 python benchmarks/predict.py configs/swin_vindr.py best.pth films/
  python benchmarks/predict.py CONFIG CHECKPOINT films/ --films 100 --docs docs/x.md
"""

from __future__ import annotations

import argparse
import copy
import os
import platform
import tempfile
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from between_marks import check_marks
from between_marks import write_between_marks
from mmengine.config import Config
from mmengine.config import DictAction
from reading_overlap import Cost
from reading_overlap import as_large_dicom
from reading_overlap import cost_of
from reading_overlap import overlap
from reading_overlap import overlap_table

from mmlung._quiet import quiet_imports
from mmlung.checkpoint import use_safe_loading
from mmlung.cli import one_line_errors
from mmlung.config import load_config
from mmlung.inferencer import FilmSource
from mmlung.inferencer import Inferencer
from mmlung.inferencer import films_of

MARK = 'predict'
SCORE_CUT = 0.05
TOLERANCE_PX = 0.01
_SLACK = 1e-4
"""Of the score, around the cut and between partners: rounding of six digits."""
_TURN = 10
"""Films of one way before it is the other's turn."""

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


def mmdet_inferencer(config: Config, checkpoint: str, device: str) -> Any:
    """DetInferencer with its own loading and packing around the config's transforms."""
    from mmdet.apis import DetInferencer

    use_safe_loading()
    cfg = copy.deepcopy(config)
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


@dataclass(frozen=True)
class Difference:
    """How far apart the boxes of two ways are, above the score cut."""

    corner_px: float = 0.0
    score: float = 0.0
    n_boxes: int = 0


def greatest_difference(ours: Boxes, theirs: Boxes) -> Difference:
    """The largest difference between partners, the nearest of a finding and score.

    Raises:
        ValueError: a box has no partner of its finding and score.
    """
    corner_px = apart = 0.0
    n_boxes = 0
    for film, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        for one, other, who in ((a, b, 'mmlung'), (b, a, 'mmdet')):
            for label, score, box in zip(*one, strict=True):
                if score < SCORE_CUT + _SLACK:
                    continue
                alike = (other[0] == label) & (np.abs(other[1] - score) < _SLACK)
                if not alike.any():
                    raise ValueError(f'film {film}: only {who} has {label} {score:.4f}')
                distance_px = np.abs(other[2][alike] - box).max(axis=1)
                partner = distance_px.argmin()
                corner_px = max(corner_px, float(distance_px[partner]))
                apart = max(apart, float(abs(other[1][alike][partner] - score)))
                n_boxes += who == 'mmlung'
    if corner_px > TOLERANCE_PX:
        raise ValueError(
            f'boxes differ by {corner_px:.3f} px, more than {TOLERANCE_PX} px'
        )
    return Difference(corner_px, apart, n_boxes)


def side_by_side(
    ways: Mapping[str, Callable[[Sequence[FilmSource]], Boxes]],
    films: Sequence[FilmSource],
    rounds: int,
) -> tuple[dict[str, list[Cost]], Difference]:
    """Cost per film of each way, by turns, and how much their boxes differ."""
    costs: dict[str, list[Cost]] = {name: [] for name in ways}
    total = Difference()
    for _ in range(rounds):
        for some in _chunks(films):
            found = []
            for name, predict in ways.items():
                cost, boxes = cost_of(lambda p=predict, f=some: p(f))  # type: ignore[misc]
                n = len(some)
                costs[name].append(Cost(cost.wall / n, cost.own / n, 0))
                found.append(boxes)
            apart = greatest_difference(*found)
            total = Difference(
                max(total.corner_px, apart.corner_px),
                max(total.score, apart.score),
                total.n_boxes + apart.n_boxes,
            )
    return costs, replace(total, n_boxes=total.n_boxes // rounds)


def _chunks(films: Sequence[FilmSource]) -> list[Sequence[FilmSource]]:
    return [films[i : i + _TURN] for i in range(0, len(films), _TURN)]


def film_table(costs: Mapping[str, Sequence[Cost]]) -> str:
    """The first table."""
    lines = ['| by | s / film, processor | s / film, wall |', '|---|---|---|']
    for name, each in costs.items():
        own, wall = median(c.own for c in each), median(c.wall for c in each)
        lines.append(f'| {name} | {own:.3f} | {wall:.3f} |')
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
    parser.add_argument('--rounds', type=int, default=1)
    parser.add_argument('--dicom-px', type=int, default=2500)
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction)
    parser.add_argument(
        '--docs', type=Path, metavar='FILE', help='write the tables between its marks'
    )
    args = parser.parse_args(argv)
    if min(args.films, args.batch_size, args.workers, args.rounds) < 1:
        parser.error('--films, --batch-size, --workers and --rounds: at least 1')
    if args.dicom_px < 16:
        parser.error('--dicom-px: at least 16')
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
    cfg = load_config(args.config, args.cfg_options)
    ours = Inferencer(cfg, args.checkpoint, 'none', args.device)
    theirs = mmdet_inferencer(cfg, args.checkpoint, args.device)
    size, workers = args.batch_size, args.workers
    costs, apart = side_by_side(
        {
            'mmlung': lambda some: by_mmlung(ours, some, size, 0),
            'mmdet DetInferencer': lambda some: by_mmdet(theirs, some, size),
        },
        films,
        args.rounds,
    )
    with tempfile.TemporaryDirectory() as folder:
        large = as_large_dicom(films, args.dicom_px, Path(folder))
        both = [overlap(ours, large, size, workers) for _ in range(args.rounds)]
    text = '\n'.join(
        (
            f'{args.films} films, {Path(args.config).stem}, batch size {size}, '
            f'{args.device}, {torch.get_num_threads()} of {os.cpu_count()} threads, '
            f'load {os.getloadavg()[0]:.1f}, torch {torch.__version__}, Python '
            f'{platform.python_version()}; medians over turns of {_TURN} films',
            '',
            film_table(costs),
            '',
            f'{apart.n_boxes} boxes with a score of {SCORE_CUT} or more; the largest '
            f'difference of a corner is {apart.corner_px:.4f} px, of a score '
            f'{apart.score:.6f}.',
            '',
            f'The same films, enlarged to {args.dicom_px} px, as DICOM:',
            '',
            overlap_table(both, workers),
        )
    )
    print(text)
    if args.docs is not None:
        write_between_marks(text, args.docs, MARK)
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
