"""Cascade R-CNN against RetinaNet on real films: same data, same time, several seeds.

Both stand on the same small Swin and train from scratch for about 17 minutes on one CPU
core; the split by patient stays, the seed of the training changes. Prints mean and
standard deviation over the seeds, each run with its interval over patients, and draws
the FROC curves. Interrupted work goes on where it stopped, run by run.

What it is not: a result on ChestX-ray14. See docs/results.md.

Examples:
  OMP_NUM_THREADS=1 python benchmarks/detectors_real_films.py --data ../shared/data/nih
  python benchmarks/detectors_real_films.py --data CXR8 --docs docs/results.md
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import statistics
import sys
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from between_marks import check_marks
from between_marks import write_between_marks
from real_films import with_interval

from mmlung.cli import one_line_errors
from mmlung.evaluation import ImageDetections
from mmlung.evaluation.froc import froc_curve
from mmlung.figures import draw_froc
from mmlung.result import ImageResult
from mmlung.steps import Step
from mmlung.steps import StepFailed
from mmlung.steps import run_steps

REPO = Path(__file__).resolve().parent.parent
TABLE = 'detectors'
ROWS = (
    ('AP40, mean of 8 findings', 'AP40', None),
    ('AP40, Cardiomegaly', 'AP40', 'Cardiomegaly'),
    ('AP50, mean of 8 findings', 'AP50', None),
    ('CPM, all findings', 'CPM', None),
    ('sensitivity at 1 false positive per image', 'sensitivity@1', None),
    ('mIoU at score 0.3', 'mIoU', None),
    ('false positives per image at 0.3', 'fp_per_image', None),
    ('PQ at 0.3', 'PQ', None),
)


@dataclass(frozen=True)
class Detector:
    """One of the detectors compared."""

    name: str
    config: str
    epochs: int
    """What fits in the time: a step takes 0.79 s (Cascade R-CNN) and 0.44 s."""


DETECTORS = {
    'cascade': Detector(
        'Cascade R-CNN', 'configs/swin_chestxray14-boxes_demo.py', epochs=8
    ),
    'retinanet': Detector(
        'RetinaNet', 'configs/swin_retinanet_chestxray14-boxes_demo.py', epochs=14
    ),
}


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        '--data', type=Path, required=True, help='folder of a ChestX-ray14 download'
    )
    parser.add_argument(
        '--out',
        type=Path,
        default=Path('work_dirs/detectors'),
        help='folder for data and results (default: %(default)s)',
    )
    parser.add_argument(
        '--seeds', type=int, nargs='+', default=[0, 1, 2], help='of the trainings'
    )
    parser.add_argument(
        '--train-only',
        choices=list(DETECTORS),
        help='train this one and stop: for two processes side by side',
    )
    parser.add_argument(
        '--docs',
        type=Path,
        help='also write the tables between the marks of this Markdown file',
    )
    return parser.parse_args(argv)


def convert_step(args: argparse.Namespace) -> Step:
    """The command that makes the split; the same for all trainings."""
    return Step(
        'convert',
        ('-m', 'data_converters', 'chestxray14', '--root', str(args.data))
        + ('--out', str(args.out / 'data'), '--healthy', '170', '--seed', '0'),
    )


def run_steps_of(args: argparse.Namespace, key: str, seed: int) -> tuple[Step, Step]:
    """Training and test of one detector with one seed."""
    detector = DETECTORS[key]
    name = f'{key}-{seed}'
    work_dir = str(args.out / name)
    options = ('--work-dir', work_dir, '--cfg-options')
    options += (f'data_root={args.out / "data"}', f'max_epochs={detector.epochs}')
    options += (f'randomness.seed={seed}',)
    train = ('tools/train.py', detector.config, '--amp', '--resume', *options)
    test = ('tools/test.py', detector.config, f'{work_dir}/best.pth', *options)
    return (
        Step(f'{name}-train', train, talkative=True),
        Step(f'{name}-test', test, talkative=True),
    )


def plan(args: argparse.Namespace) -> list[Step]:
    """The commands, in order: seed by seed, so that every pair is soon complete."""
    keys = [args.train_only] if args.train_only else list(DETECTORS)
    runs = [run_steps_of(args, key, seed) for seed in args.seeds for key in keys]
    steps = [convert_step(args), *(train for train, _ in runs)]
    return steps if args.train_only else steps + [test for _, test in runs]


def read_runs(out: Path, seeds: Sequence[int]) -> dict[str, list[dict[str, Any]]]:
    """metrics.json of every run, by detector, in the order of the seeds."""
    return {
        key: [
            json.loads((out / f'{key}-{seed}' / 'metrics.json').read_text('utf-8'))
            for seed in seeds
        ]
        for key in DETECTORS
    }


def comparison_table(runs: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """Mean and sample standard deviation over the seeds, one row a number."""
    names = [DETECTORS[key].name for key in runs]
    rows = [f'| | {" | ".join(names)} |', '|---|' + '---|' * len(names)]
    for label, key, finding in ROWS:
        cells = [
            _mean_and_sd([_number(run, key, finding) for run in of_detector])
            for of_detector in runs.values()
        ]
        rows.append(f'| {label} | {" | ".join(cells)} |')
    return '\n'.join(rows)


def run_table(
    runs: Mapping[str, Sequence[Mapping[str, Any]]], seeds: Sequence[int]
) -> str:
    """Every run with its intervals over patients."""
    rows = ['| detector | seed | AP40 | CPM | mIoU at 0.3 |', '|---|---|---|---|---|']
    for key, of_detector in runs.items():
        for seed, run in zip(seeds, of_detector, strict=True):
            cells = [
                with_interval(run['metrics'], name) for name in ('AP40', 'CPM', 'mIoU')
            ]
            rows.append(f'| {DETECTORS[key].name} | {seed} | {" | ".join(cells)} |')
    return '\n'.join(rows)


def _number(run: Mapping[str, Any], key: str, finding: str | None) -> float:
    row = run['per_finding'][finding] if finding else run['metrics']
    return float('nan') if row[key] is None else row[key]


def _mean_and_sd(values: Sequence[float]) -> str:
    if any(math.isnan(value) for value in values):
        return 'undefined'
    if len(values) == 1:
        return f'{values[0]:.3f}'
    return f'{statistics.mean(values):.3f} ± {statistics.stdev(values):.3f}'


def draw_curves(out: Path, seeds: Sequence[int]) -> Path:
    """FROC curves of all runs, from their predictions."""
    curves = {}
    for key, detector in DETECTORS.items():
        for seed in seeds:
            path = out / f'{key}-{seed}' / 'predictions.json'
            content = json.loads(path.read_text('utf-8'))
            classes = content['findings']
            results = [ImageResult.from_json(entry) for entry in content['images']]
            images = [detections_of(result, classes) for result in results]
            curve = froc_curve(images, classes)
            curves[f'{detector.name} {seed}'] = (
                curve.fp_per_image,
                curve.sensitivity,
            )
    return draw_froc(curves, out / 'froc.png')


def detections_of(result: ImageResult, classes: Sequence[str]) -> ImageDetections:
    """Boxes of one film of predictions.json, as the metrics take them."""
    pred = [f for f in result.findings if f.box_xyxy is not None]
    true = [f for f in result.truth or () if f.box_xyxy is not None]
    return ImageDetections(
        path=result.image,
        cluster=result.patient_id or result.image,
        pred_xyxy=np.array([f.box_xyxy for f in pred], dtype=float).reshape(-1, 4),
        pred_score=np.array([f.score for f in pred], dtype=float),
        pred_label=np.array([classes.index(f.name) for f in pred], dtype=int),
        gt_xyxy=np.array([f.box_xyxy for f in true], dtype=float).reshape(-1, 4),
        gt_label=np.array([classes.index(f.name) for f in true], dtype=int),
    )


def report(args: argparse.Namespace, out: Path) -> str:
    """Both tables, with what they rest on."""
    runs = read_runs(out, args.seeds)
    data = runs['cascade'][0]['data']
    epochs = ', '.join(f'{d.name} {d.epochs} epochs' for d in DETECTORS.values())
    return '\n'.join(
        [
            f'Data: {data["images"]} test films, split_family '
            f'`{data["split_family"]}`; ground truth: {data["ground_truth"]}; seeds '
            f'{", ".join(map(str, args.seeds))}.',
            f'Training: {epochs}, chosen for 17 minutes each on one idle core (a step '
            'of four films took 0.79 and 0.44 s).',
            f'Hardware: {platform.machine()}, {torch.get_num_threads()} thread; torch '
            f'{torch.__version__.split("+")[0]}, bfloat16 where the CPU has it.',
            '',
            'Mean ± standard deviation over the seeds:',
            '',
            comparison_table(runs),
            '',
            'Each run, with its 95 % interval over 1,000 resamples of patients:',
            '',
            run_table(runs, args.seeds),
        ]
    )


@one_line_errors
def main(argv: list[str] | None = None) -> int:
    """Run all steps and print the tables."""
    args = parse_args(argv)
    if not args.data.is_dir():
        raise FileNotFoundError(f'{args.data} is no folder; --data names the download')
    args.data = args.data.resolve()
    if args.docs:
        check_marks(args.docs, TABLE)
    try:
        run_steps(plan(args), REPO / args.out, cwd=REPO)
    except StepFailed as failure:
        print(failure, file=sys.stderr)
        return 1
    if args.train_only:
        return 0
    out = REPO / args.out
    text = report(args, out)
    print(f'\n{text}\n')
    if args.docs:
        write_between_marks(text, args.docs, TABLE)
    print(f'FROC curves: {draw_curves(out, args.seeds)}')
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
