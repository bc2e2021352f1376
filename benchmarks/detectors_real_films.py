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
import sys
from dataclasses import dataclass
from pathlib import Path

from mmlung.cli import one_line_errors
from mmlung.steps import Step
from mmlung.steps import StepFailed
from mmlung.steps import run_steps

REPO = Path(__file__).resolve().parent.parent
TABLE = 'detectors'


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


@one_line_errors
def main(argv: list[str] | None = None) -> int:
    """Run all steps and print the tables."""
    args = parse_args(argv)
    if not args.data.is_dir():
        raise FileNotFoundError(f'{args.data} is no folder; --data names the download')
    args.data = args.data.resolve()
    try:
        run_steps(plan(args), REPO / args.out, cwd=REPO)
    except StepFailed as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
