"""Maps of the small cross-validated classifiers beside the official boxes.

Reads what benchmarks/classifiers_real_films.py left: the five folds' classifiers and
their test films with boxes, so that no film was trained on. HiResCAM, LayerCAM
and Grad-CAM at several depths, occlusion, which needs no gradient, the untrained
network, and the place of the finding on other folds' films; then the likeness of the
maps when the weights are shuffled from the head down. Interrupted work goes on where
it stopped, map by map.

What it is not: a result on ChestX-ray14. See docs/results.md.

Examples:
  OMP_NUM_THREADS=1 python benchmarks/cam_real_films.py
  python benchmarks/cam_real_films.py --docs docs/results.md --show sheet.png
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from between_marks import check_marks
from between_marks import write_between_marks

from mmlung.cam_benchmark.sanity import sanity_table
from mmlung.cam_benchmark.table import tables
from mmlung.cli import main as mmlung
from mmlung.cli import one_line_errors

REPO = Path(__file__).resolve().parent.parent
TABLE = 'cam'
FOLDS = 5
CONFIG = 'configs/convnext_chestxray14_demo.py'
METHODS = (
    'hirescam@backbone.stages.1',
    'hirescam@backbone.stages.2',
    'layercam@backbone.stages.1',
    'gradcam@backbone.stages.3',
    'occlusion',
)
RANDOMISED_FILMS = 50
PUBLISHED = """\
Published, and **not comparable** (other networks, the full data set, other films and
all 984 boxes, and what counts as the box of a map may differ; compiled by others, not
checked here): accuracy at IoU 0.1 / 0.5 of CLARiTy 0.81 / 0.32, PCAN 0.78 / 0.10,
Grad-CAM++ on a DenseNet at 512 px 0.62 / 0.10, a random map 0.29 / 0.03; pointing game
of Grad-CAM++ 0.544, Grad-CAM 0.496, a random map 0.228, a random pixel 0.071."""


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        '--classifiers',
        type=Path,
        default=Path('work_dirs/classifiers'),
        help='where classifiers_real_films.py put its runs (default: %(default)s)',
    )
    parser.add_argument(
        '--out',
        type=Path,
        default=Path('work_dirs/cam_real_films.json'),
        help='numbers; the scores of each map go beside it (default: %(default)s)',
    )
    parser.add_argument('--show', type=Path, help='PNG of best, middle and worst maps')
    parser.add_argument(
        '--docs',
        type=Path,
        help='also write the tables between the marks of this Markdown file',
    )
    return parser.parse_args(argv)


def command(args: argparse.Namespace) -> list[str]:
    """What the `mmlung` command is called with."""
    runs = [args.classifiers / f'bce-fold{k}-seed0' / 'best.pth' for k in range(FOLDS)]
    folds = [args.classifiers / 'data' / f'fold_{k}' for k in range(FOLDS)]
    words = ['cam-benchmark', str(REPO / CONFIG), *map(str, runs)]
    words += ['--boxes', *(str(fold / 'boxes_test.json') for fold in folds)]
    words += ['--method', *METHODS, '--randomise', str(RANDOMISED_FILMS)]
    words += ['--cfg-options', 'img_size=128', '--out', str(args.out)]
    return words + (['--show', str(args.show)] if args.show else [])


def report(content: dict[str, Any]) -> str:
    """Tables of what `mmlung cam-benchmark` wrote, and what they are."""
    data, settings = content['data'], content['settings']
    findings: Sequence[str] = settings['findings']
    unchecked = [fold['boxes'] for fold in data if not fold['checked_unseen']]
    unseen = (
        'not all checked' if unchecked else 'checked against train.json and val.json'
    )
    reports = {
        kind: {k: float('nan') if v is None else v for k, v in numbers.items()}
        for kind, numbers in content['reports'].items()
    }
    rows = [
        {k: float('nan') if v is None else v for k, v in row.items()}
        for row in content['randomisation']['rows']
    ]
    random_pixel = reports[METHODS[0]]['CAM_random_pixel']
    films = sum(fold['films'] for fold in data)
    return '\n\n'.join(
        [
            f'Data: {films} films with boxes, pooled over {len(data)} folds; unseen: '
            f'{unseen}; split_family `{data[0]["split_family"]}`; ground truth: '
            f'{data[0]["ground_truth"]} ({data[0]["label_file"]}).\n'
            f'Box of a map: {settings["rule"]["regions"]} region at or above '
            f'{settings["rule"]["share"]:g} of its maximum. A random pixel hits '
            f'{random_pixel:.3f}.\n'
            f'Intervals: 95 % percentile, {settings["bootstrap"]:,} resamples of '
            'patients, over films and not over trainings.',
            tables(reports, findings),
            f'Likeness of {content["randomisation"]["method"]} to the trained '
            f"network's, weights shuffled from the head down, {RANDOMISED_FILMS} films "
            f'of the first fold:\n\n{sanity_table(rows)}',
            PUBLISHED,
        ]
    )


@one_line_errors
def main(argv: list[str] | None = None) -> int:
    """Run, and write the tables."""
    args = parse_args(argv)
    if args.docs:
        check_marks(args.docs, TABLE)
    code = mmlung(command(args))
    if code:
        return code
    text = report(json.loads(args.out.read_text(encoding='utf-8')))
    if args.docs:
        write_between_marks(text, args.docs, TABLE)
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
