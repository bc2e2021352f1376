"""From a ChestX-ray14 folder to numbers, with nothing but the tools, on two CPU cores.

Converts labels and boxes, trains the small classifier and the small detector from
scratch on a split by patient, tests both, and writes the tables of docs/results.md.
Interrupted work goes on where it stopped.

What it is for: to show that the path works and learns on real films. What it is not: a
result on ChestX-ray14. The split is by patient but not the official one (all films with
boxes lie in the official test list), and a part of the release may be all there is.

Examples:
  python benchmarks/real_films.py --data ../shared/data/nih
  python benchmarks/real_films.py --data CXR8 --docs docs/results.md
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from between_marks import check_marks
from between_marks import write_between_marks

from mmlung.cli import one_line_errors
from mmlung.findings import CHESTXRAY14_BOXES
from mmlung.steps import Step
from mmlung.steps import StepFailed
from mmlung.steps import run_steps
from mmlung.steps import seconds_of

REPO = Path(__file__).resolve().parent.parent
MIN_POSITIVES = 20
CLASSIFIER = 'configs/convnext_chestxray14_demo.py'
DETECTOR = 'configs/swin_chestxray14-boxes_demo.py'
TABLE = 'real films'


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
        default=Path('work_dirs/real_films'),
        help='folder for data and results (default: %(default)s)',
    )
    parser.add_argument(
        '--docs',
        type=Path,
        help='also write the tables between the marks of this Markdown file',
    )
    parser.add_argument(
        '--epochs',
        type=int,
        nargs=2,
        default=(40, 20),
        metavar=('CLASSIFIER', 'DETECTOR'),
        help='epochs to train (default: %(default)s, under an hour for the 2,804 '
        'shared films)',
    )
    parser.add_argument(
        '--healthy',
        type=int,
        default=170,
        help='films without finding among those with boxes (default: %(default)s)',
    )
    parser.add_argument('--seed', type=int, default=0, help='of split and training')
    return parser.parse_args(argv)


def plan(args: argparse.Namespace) -> list[Step]:
    """The commands, in order."""
    data, out = args.out / 'data', args.out
    seed = ('--seed', str(args.seed))
    steps = [
        Step(
            'convert',
            ('-m', 'data_converters', 'chestxray14', '--root', str(args.data))
            + ('--out', str(data), '--healthy', str(args.healthy), *seed),
        )
    ]
    averaged = (
        f'test_evaluator.min_positives={MIN_POSITIVES}',
        'val_evaluator.min_positives=10',
    )
    for kind, config, epochs, own in (
        ('classifier', CLASSIFIER, args.epochs[0], averaged),
        ('detector', DETECTOR, args.epochs[1], ()),
    ):
        options = ('--cfg-options', f'data_root={data}', f'max_epochs={epochs}')
        options += (f'randomness.seed={args.seed}', *own)
        work_dir = str(out / kind)
        steps += [
            Step(
                f'{kind}-train',
                ('tools/train.py', config, '--work-dir', work_dir, '--amp', '--resume')
                + options,
                talkative=True,
            ),
            Step(
                f'{kind}-test',
                ('tools/test.py', config, f'{work_dir}/best.pth')
                + ('--work-dir', work_dir, *options),
                talkative=True,
            ),
        ]
    return steps


def classifier_table(metrics: Mapping[str, Any]) -> str:
    """AUC per finding with its interval, and the means."""
    rows = ['| finding | positives | AUC | AUPRC |', '|---|---|---|---|']
    for name, row in metrics['per_finding'].items():
        few = '' if row['n_positive'] >= MIN_POSITIVES else ' (not averaged)'
        rows.append(
            f'| {name}{few} | {row["n_positive"]:.0f} | {with_interval(row, "AUC")} '
            f'| {with_interval(row, "AUPRC")} |'
        )
    overall = metrics['metrics']
    with_boxes = [metrics['per_finding'][name]['AUC'] for name in CHESTXRAY14_BOXES]
    mean_of_them = (
        'undefined' if None in with_boxes else f'{statistics.mean(with_boxes):.3f}'
    )
    rows += [
        f'| **mean of {overall["mAUC_findings"]:.0f}** | | '
        f'**{with_interval(overall, "mAUC")}** | '
        f'{with_interval(overall, "mAUPRC")} |',
        f'| mean of the 8 with boxes | | {mean_of_them} | |',
    ]
    return '\n'.join(rows)


def detector_table(metrics: Mapping[str, Any]) -> str:
    """AP40 and mean IoU per finding with their intervals, and the means."""
    rows = ['| finding | boxes | AP40 | AP50 | mIoU |', '|---|---|---|---|---|']
    keys = ('AP40', 'AP50', 'mIoU')
    for name, row in metrics['per_finding'].items():
        cells = ' | '.join(with_interval(row, key) for key in keys)
        rows.append(f'| {name} | {row["n_boxes"]:.0f} | {cells} |')
    overall = metrics['metrics']
    cells = ' | '.join(with_interval(overall, key) for key in keys)
    rows += [
        f'| **all** | {overall["n_boxes"]:.0f} | {cells} |',
        '',
        f'At score {overall["score_thr"]}: '
        f'{with_interval(overall, "fp_per_image")} false positives per image, '
        f'PQ {with_interval(overall, "PQ")}.',
    ]
    return '\n'.join(rows)


def with_interval(row: Mapping[str, Any], key: str) -> str:
    """A number with its interval where it has one; 'undefined' where it is null."""
    if row.get(key) is None:
        return 'undefined'
    low, high = row.get(f'{key}_low'), row.get(f'{key}_high')
    interval = '' if low is None or high is None else f' ({low:.3f}-{high:.3f})'
    return f'{row[key]:.3f}{interval}'


def report(args: argparse.Namespace, out: Path) -> str:
    """Both tables, with what they rest on."""
    metrics = {
        kind: json.loads((out / kind / 'metrics.json').read_text('utf-8'))
        for kind in ('classifier', 'detector')
    }
    data = metrics['classifier']['data']
    conversion = json.loads(
        (out / 'data' / 'conversion_report.json').read_text('utf-8')
    )
    minutes = {k: seconds_of(f'{k}-train', out) / 60 for k in metrics}
    return '\n'.join(
        [
            f'Data: {data["label_file"]} (sha256 {data["label_sha256"][:12]}), '
            f'{conversion["images"]:,} films; seed {args.seed}.',
            'Intervals: 95 % percentile, 1,000 resamples of patients.',
            f'Hardware: {platform.machine()}, {torch.get_num_threads()} CPU cores; '
            f'torch {torch.__version__.split("+")[0]}, bfloat16 where the CPU has it.',
            *_section('Classifier', CLASSIFIER, args.epochs[0], metrics, minutes),
            classifier_table(metrics['classifier']),
            *_section('Detector', DETECTOR, args.epochs[1], metrics, minutes),
            'Only the asked-for finding was boxed on each film: a false positive may '
            'be a true lesion.',
            '',
            detector_table(metrics['detector']),
        ]
    )


def _section(
    title: str,
    config: str,
    epochs: int,
    metrics: Mapping[str, Any],
    minutes: Mapping[str, float],
) -> list[str]:
    """Heading of a table: model, training, and what it was tested on."""
    kind = title.lower()
    data = metrics[kind]['data']
    family = data['split_family']
    published = '' if family == 'official' else '; never beside published numbers'
    return [
        '',
        f'**{title}** (`{config}`, {epochs} epochs, {minutes[kind]:.0f} min of '
        f'training; {data["images"]:,} test films, split_family `{family}`'
        f'{published}; ground truth: {data["ground_truth"]})',
        '',
    ]


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
    text = report(args, out)
    (out / 'results.md').write_text(text + '\n', encoding='utf-8')
    print(f'\n{text}\n')
    if args.docs:
        write_between_marks(text, args.docs, TABLE)
    print(f'tables: {out / "results.md"}')
    for kind in ('classifier', 'detector'):
        print(f'pictures to look at: {out / kind / "contact_sheet.png"}')
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
