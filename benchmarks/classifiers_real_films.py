"""The small classifier on real films: cross-validated, within one source, in pairs.

Five folds by patient, one seed, then small paired experiments on the first fold with
three seeds: BCE against the asymmetric loss, a linear head against CSRA, 128 against
192 px. Each training takes about five minutes on one idle CPU core (192 px: eleven).
Interrupted work goes on where it stopped, run by run.

What it is not: a result on ChestX-ray14. See docs/results.md.

Examples:
  OMP_NUM_THREADS=1 python benchmarks/classifiers_real_films.py --data CXR8
  python benchmarks/classifiers_real_films.py --data CXR8 --docs docs/results.md
  python benchmarks/classifiers_real_films.py --data CXR8 --share 0/2 &   # two at once
  python benchmarks/classifiers_real_films.py --data CXR8 --share 1/2
"""

from __future__ import annotations

import argparse
import platform
import sys
from dataclasses import dataclass
from pathlib import Path

import torch
from between_marks import check_marks
from between_marks import write_between_marks
from classifier_tables import Experiment
from classifier_tables import report

from mmlung.cli import one_line_errors
from mmlung.steps import Step
from mmlung.steps import StepFailed
from mmlung.steps import run_steps

REPO = Path(__file__).resolve().parent.parent
TABLE = 'classifiers'
FOLDS = 5
SEEDS = (0, 1, 2)
EPOCHS = 12
VARIANTS = {
    'bce': ('configs/convnext_chestxray14_demo.py', 128),
    'asl': ('configs/convnext_chestxray14_demo_asl.py', 128),
    'csra': ('configs/convnext_csra_chestxray14_demo.py', 128),
    '192px': ('configs/convnext_chestxray14_demo.py', 192),
}
"""Name -> config, img_size. The first is what the others are compared with."""
EXPERIMENTS = (
    Experiment('asymmetric loss against BCE', 'bce', 'asl'),
    Experiment('CSRA head against linear', 'bce', 'csra'),
    Experiment('192 px against 128 px', 'bce', '192px'),
)


@dataclass(frozen=True)
class Run:
    """One training: a variant on a fold with a seed."""

    variant: str
    fold: int
    seed: int

    @property
    def name(self) -> str:
        """Of its folder and its steps."""
        return f'{self.variant}-fold{self.fold}-seed{self.seed}'


def all_runs() -> list[Run]:
    """Folds first, then pair by pair and seed by seed."""
    runs = [Run('bce', fold, 0) for fold in range(FOLDS)]
    runs += [Run(variant, 0, seed) for seed in SEEDS for variant in VARIANTS]
    return list(dict.fromkeys(runs))


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        '--data', type=Path, required=True, help='folder of a ChestX-ray14 download'
    )
    parser.add_argument(
        '--sources',
        type=Path,
        help='table of file and source_repo, the copy that each film came from '
        '(default: sources.csv in --data, if it is there)',
    )
    parser.add_argument(
        '--out',
        type=Path,
        default=Path('work_dirs/classifiers'),
        help='folder for data and results (default: %(default)s)',
    )
    parser.add_argument(
        '--share',
        metavar='I/N',
        type=_share,
        help='train every N-th run from the I-th (from 0) and stop: for N processes',
    )
    parser.add_argument(
        '--docs',
        type=Path,
        help='also write the tables between the marks of this Markdown file',
    )
    return parser.parse_args(argv)


def _share(text: str) -> tuple[int, int]:
    first, slash, step = text.partition('/')
    if not (
        slash and first.isdecimal() and step.isdecimal() and int(first) < int(step)
    ):
        raise argparse.ArgumentTypeError(f'must be I/N with I < N, got {text!r}')
    return int(first), int(step)


def plan(args: argparse.Namespace) -> list[Step]:
    """The commands, in order: all trainings, then calibration and tests."""
    runs = all_runs()
    convert = ('-m', 'data_converters', 'chestxray14', '--root', str(args.data))
    convert += ('--out', str(args.out / 'data'), '--folds', str(FOLDS), '--seed', '0')
    steps = [Step('convert', convert)]
    if args.share:
        first, step = args.share
        return steps + [_steps_of(args, run)[0] for run in runs[first::step]]
    every = [_steps_of(args, run) for run in runs]
    return steps + [step for kind in zip(*every, strict=True) for step in kind]


def _steps_of(args: argparse.Namespace, run: Run) -> tuple[Step, Step, Step]:
    """Training, calibration and test of a run."""
    config, img_size = VARIANTS[run.variant]
    work_dir = str(args.out / run.name)
    options = ('--work-dir', work_dir, '--cfg-options')
    options += (f'data_root={args.out / "data" / f"fold_{run.fold}"}',)
    options += (f'max_epochs={EPOCHS}', f'img_size={img_size}')
    options += (f'randomness.seed={run.seed}', 'val_evaluator.min_positives=10')
    best = f'{work_dir}/best.pth'
    train = ('tools/train.py', config, '--amp', '--resume', *options)
    return (
        Step(f'{run.name}-train', train, talkative=True),
        Step(f'{run.name}-calibrate', ('tools/calibrate.py', config, best, *options)),
        Step(
            f'{run.name}-test',
            ('tools/test.py', config, best, *options),
            talkative=True,
        ),
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
    out = REPO / args.out
    try:
        run_steps(plan(args), out, cwd=REPO)
    except StepFailed as failure:
        print(failure, file=sys.stderr)
        return 1
    if args.share:
        return 0
    sources = args.sources or args.data / 'sources.csv'
    text = '\n'.join(
        [
            f'Training: {EPOCHS} epochs from random weights, seed 0 on {FOLDS} folds, '
            f'seeds {", ".join(map(str, SEEDS))} on the first.',
            f'Hardware: {platform.machine()}, {torch.get_num_threads()} thread; torch '
            f'{torch.__version__.split("+")[0]}, bfloat16 where the CPU has it.',
            '',
            report(
                [out / run.name for run in all_runs()[:FOLDS]],
                [out / 'data' / f'fold_{fold}' for fold in range(FOLDS)],
                {
                    variant: [out / Run(variant, 0, seed).name for seed in SEEDS]
                    for variant in VARIANTS
                },
                EXPERIMENTS,
                sources if sources.is_file() else None,
            ),
        ]
    )
    print(f'\n{text}\n')
    if args.docs:
        write_between_marks(text, args.docs, TABLE)
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
