"""The whole path on synthetic radiographs: from a download to a report.

Draw, convert, train, calibrate, test; then what the networks looked at (Grad-CAM), a
report of each test in HTML, and predictions for films that neither has seen.

Nothing is downloaded and nothing is real: the films are phantoms, and no number from
them says anything about patients. An interrupted demo goes on where it stopped.

Examples:
  python tools/demo.py                 # about 25 minutes on two CPU cores
  python tools/demo.py --mode smoke    # the same path with a few iterations
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from mmlung.cli import one_line_errors
from mmlung.scorecard.run import write_json
from mmlung.steps import Step
from mmlung.steps import StepFailed
from mmlung.steps import run_steps

REPO = Path(__file__).resolve().parent.parent
# Films to draw, and epochs: chosen for 25 minutes on two cores.
SIZES = {
    'full': {'train': 480, 'test': 160, 'images': 2400, 'new': 8, 'epochs': (6, 32)},
    'smoke': {'train': 16, 'test': 8, 'images': 60, 'new': 2, 'epochs': (1, 1)},
}
KINDS = {
    'detector': ('configs/swin_vindr_demo.py', 'vindr-cxr'),
    'classifier': ('configs/convnext_chestxray14_demo.py', 'chestxray14'),
}
HEADLINE = {
    'detector': ('AP40', 'AP40_findings', 'mIoU'),
    'classifier': ('mAUC', 'mAUC_findings'),
}
AP40_GOAL, FINDINGS_GOAL, MAUC_GOAL = 0.5, 6, 0.85

NEXT_STEPS = """
Next, on real data (see README.md, which says how to obtain it):
  mmlung convert vindr --root vindr-cxr/1.0.0 --out data/vindr-cxr
  mmlung train configs/swin_vindr.py
  mmlung test configs/swin_vindr.py work_dirs/swin_vindr/best.pth

  mmlung convert chestxray14 --root CXR8 --out data/chestxray14
  mmlung train configs/convnext_chestxray14.py
  mmlung test configs/convnext_chestxray14.py work_dirs/convnext_chestxray14/best.pth
"""


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        '--mode',
        choices=SIZES,
        default='full',
        help='smoke: a few iterations, no quality gate (default: %(default)s)',
    )
    parser.add_argument(
        '--out',
        type=Path,
        help='folder for data and results (default: work_dirs/demo, or '
        'work_dirs/demo-smoke)',
    )
    return parser.parse_args(argv)


def data_steps(out: Path, mode: str) -> list[Step]:
    """Draw the two synthetic downloads and convert them."""
    size = SIZES[mode]
    raw, data = out / 'raw', out / 'data'
    phantom = 'tools/make_phantom.py'
    return [
        Step(
            'draw-vindr',
            (phantom, 'vindr', '--out', f'{raw}/vindr-cxr')
            + (
                '--train',
                str(size['train']),
                '--test',
                str(size['test']),
                '--seed',
                '0',
            ),
        ),
        Step(
            'draw-chestxray14',
            (phantom, 'chestxray14', '--out', f'{raw}/chestxray14')
            + ('--images', str(size['images']), '--size', '192', '--seed', '0'),
        ),
        *(
            Step(
                f'convert-{converter}',
                ('-m', 'data_converters', converter, '--root', f'{raw}/{name}')
                + ('--out', f'{data}/{name}'),
            )
            for converter, name in (
                ('vindr', 'vindr-cxr'),
                ('chestxray14', 'chestxray14'),
            )
        ),
    ]


def model_steps(kind: str, out: Path, mode: str) -> list[Step]:
    """Test the untrained network, train, calibrate, test."""
    config, data = KINDS[kind]
    work_dir = out / kind
    epochs = SIZES[mode]['epochs'][list(KINDS).index(kind)]
    options = ('--cfg-options', f'data_root={out}/data/{data}', f'max_epochs={epochs}')
    best = f'{work_dir}/best.pth'

    def step(name: str, tool: str, *arguments: str) -> Step:
        return Step(f'{kind}-{name}', (tool, config, *arguments, *options), True)

    return [
        step(
            'untrained', 'tools/test.py', 'none', '--work-dir', f'{work_dir}/untrained'
        ),
        step(
            'train', 'tools/train.py', '--work-dir', str(work_dir), '--amp', '--resume'
        ),
        step('calibrate', 'tools/calibrate.py', best, '--work-dir', str(work_dir)),
        step('test', 'tools/test.py', best, '--work-dir', str(work_dir)),
    ]


def new_films_step(out: Path, mode: str) -> Step:
    """Draw films that belong to neither download."""
    count = str(SIZES[mode]['new'])
    return Step(
        'draw-new',
        ('tools/make_phantom.py', 'vindr', '--out', f'{out}/raw/new')
        + ('--train', '1', '--test', count, '--seed', '1'),
    )


def reading_steps(kind: str, out: Path) -> list[Step]:
    """Maps of the films that the report shows, the report, predictions of new films."""
    config, _ = KINDS[kind]
    work_dir = out / kind
    best = f'{work_dir}/best.pth'
    new = f'{out}/raw/new/test'
    return [
        Step(
            f'{kind}-maps',
            ('tools/gradcam.py', config, best, '--cases', str(work_dir))
            + ('--out', f'{work_dir}/maps', '--overwrite'),
        ),
        Step(f'{kind}-report', ('tools/report.py', str(work_dir))),
        Step(
            f'{kind}-predict',
            ('tools/predict.py', config, best, new, '--out', f'{work_dir}/predicted')
            + ('--show',),
        ),
    ]


def join_metrics(out: Path) -> dict:
    """The headline numbers of all tests, written to ``metrics.json``."""

    def headline(kind: str, folder: Path) -> dict:
        content = json.loads((folder / 'metrics.json').read_text('utf-8'))
        return {key: content['metrics'][key] for key in HEADLINE[kind]}

    joined = {
        'synthetic': True,
        **{kind: headline(kind, out / kind) for kind in KINDS},
        'untrained': {kind: headline(kind, out / kind / 'untrained') for kind in KINDS},
    }
    write_json(out / 'metrics.json', joined)
    return joined


def shortfalls(joined: dict) -> list[str]:
    """What did not reach the demo's goals."""
    detector, classifier = joined['detector'], joined['classifier']
    ap40, mauc = detector['AP40'] or 0.0, classifier['mAUC'] or 0.0
    floor = joined['untrained']['detector']['AP40'] or 0.0
    missed = []
    if ap40 < AP40_GOAL or ap40 < 10 * floor:
        missed.append(
            f'AP40 {ap40:.3f} (goal {AP40_GOAL}, and ten times untrained {floor:.3f})'
        )
    if detector['AP40_findings'] < FINDINGS_GOAL:
        missed.append(
            f'AP40 over {detector["AP40_findings"]:.0f} findings (goal {FINDINGS_GOAL})'
        )
    if mauc < MAUC_GOAL:
        missed.append(f'mAUC {mauc:.3f} (goal {MAUC_GOAL})')
    return missed


@one_line_errors
def main(argv: list[str] | None = None) -> int:
    """Run all steps, print both tables and the next steps."""
    args = parse_args(argv)
    name = 'demo' if args.mode == 'full' else f'demo-{args.mode}'
    out = args.out.resolve() if args.out else Path('work_dirs') / name
    steps = data_steps(out, args.mode)
    for kind in KINDS:
        steps += model_steps(kind, out, args.mode)
    steps.append(new_films_step(out, args.mode))
    for kind in KINDS:
        steps += reading_steps(kind, out)
    out_here = REPO / out  # the steps run in the checkout
    try:
        run_steps(steps, out_here, cwd=REPO)
    except StepFailed as failure:
        print(failure, file=sys.stderr)
        return 1
    for kind in KINDS:
        print(f'\n== {kind}, on phantoms ==')
        print(table_of((out_here / 'logs' / f'{kind}-test.log').read_text('utf-8')))
    joined = join_metrics(out_here)
    print(json.dumps(joined, indent=1))
    print(what_to_look_at(out_here))
    missed = shortfalls(joined) if args.mode == 'full' else []
    for line in missed:
        print(f'the demo did not learn as it should: {line}', file=sys.stderr)
    if not missed:
        print(NEXT_STEPS)
    return 1 if missed else 0


def what_to_look_at(out: Path) -> str:
    """Where the pages and pictures are."""
    lines = ['', 'Look at (all of it drawn, none of it of a patient):']
    for kind in KINDS:
        folder = out / kind
        lines += [
            f'  {folder / "report.html"}   the {kind}: open it in a browser',
            f'  {folder / "maps/figures"}   what it looked at (Grad-CAM)',
            f'  {folder / "predicted"}   its predictions for new films',
        ]
    return '\n'.join(lines)


def table_of(log: str) -> str:
    """The table that a test printed at the end of its output."""
    return log[log.index('\nfinding ') + 1 :].rstrip()


if __name__ == '__main__':
    raise SystemExit(main())
