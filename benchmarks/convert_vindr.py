"""VinDr-CXR's table of boxes to COCO: the converter beside what one writes by hand.

Five ways, each a process of its own on one core, in turns: the converter without
fusion, with weighted boxes fusion, and with the agreement of the readers as well, which
is the default; a script that goes through the table with ``iterrows``; a script that
fuses each film with the ensemble-boxes package, one list of boxes a reader. The scripts
check nothing, split nothing and keep no votes.

Processor time is what counts (a busy machine hardly changes it): until everything is
imported, and from there to the written files.

Example:
  python benchmarks/convert_vindr.py --sizes ../shared/data/vinbigdata/train_meta.csv.gz
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vindr_by_hand import by_ensemble_boxes
from vindr_by_hand import by_iterrows

from mmlung.cli import one_line_errors

REPO = Path(__file__).resolve().parent.parent
START_S = 1.0


@dataclass(frozen=True)
class Way:
    """One way to convert the table: its name and most seconds of work, if promised."""

    name: str
    title: str
    most_s: float | None = None


WAYS = (
    Way('converter', 'mmlung convert vindr --readers union', 1.0),
    Way('iterrows', 'a script with iterrows'),
    Way('converter-wbf', 'mmlung convert vindr (fusion)', 5.0),
    Way('ensemble-boxes', 'a script with ensemble-boxes'),
    Way('converter-all', 'the same with the agreement of readers'),
)


def converter(csv: Path, sizes: Path, out: Path, *options: str) -> Callable[[], None]:
    """The command of this project, ready to run."""
    import pandas  # noqa: F401 - brought in by the first table: it counts as start
    import scipy.optimize  # noqa: F401 - the same for the fusion
    import tqdm  # noqa: F401

    from data_converters import vindr  # noqa: F401
    from data_converters.__main__ import main

    argv = ['vindr', '--annotations', str(csv), '--image-sizes', str(sizes)]
    argv += ['--out', str(out), *options]

    def run() -> None:
        if main(argv):
            raise ValueError(f'{csv}: the conversion failed')

    return run


def run_way(name: str, csv: Path, sizes: Path, out: Path) -> dict[str, float]:
    """One way in this process: seconds of start and of work, and boxes written."""
    prepare: dict[str, Callable[[], Callable[[], None]]] = {
        'converter': lambda: converter(
            csv, sizes, out, '--readers', 'union', '--no-agreement'
        ),
        'converter-wbf': lambda: converter(csv, sizes, out, '--no-agreement'),
        'converter-all': lambda: converter(csv, sizes, out),
        'iterrows': lambda: by_iterrows(csv, sizes, out),
        'ensemble-boxes': lambda: by_ensemble_boxes(csv, sizes, out),
    }
    run = prepare[name]()
    start, clock = time.process_time(), time.perf_counter()
    run()
    work, wall = time.process_time() - start, time.perf_counter() - clock
    written = [
        path for path in (out / 'train.json', out / 'val.json') if path.is_file()
    ]
    return {
        'start': start,
        'work': work,
        'wall': wall,
        'boxes': sum(
            len(json.loads(p.read_text('utf-8'))['annotations']) for p in written
        ),
        'torch': 'torch' in sys.modules,
    }


def measure(way: Way, csv: Path, sizes: Path) -> dict[str, float]:
    """One way in a process of its own, on one core."""
    with tempfile.TemporaryDirectory() as folder:
        argv = ['--csv', str(csv), '--sizes', str(sizes), '--only', way.name]
        done = subprocess.run(
            [sys.executable, __file__, *argv, '--out', str(Path(folder, 'out'))],
            cwd=REPO,
            env={**os.environ, 'OMP_NUM_THREADS': '1', 'PYTHONPATH': str(REPO)},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise ValueError(f'{way.title} failed: {done.stderr.strip()}')
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def table(results: dict[str, list[dict[str, float]]]) -> str:
    """Markdown: the median of the repeats."""
    lines = [
        '| way | start s | work s | promised | work s, wall | boxes | torch |',
        '|---|--:|--:|--:|--:|--:|---|',
    ]
    for way in WAYS:
        runs = results[way.name]
        median = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
        promised = '' if way.most_s is None else f'<= {way.most_s:g}'
        lines.append(
            f'| {way.title} | {median["start"]:.2f} | {median["work"]:.2f} '
            f'| {promised} | {median["wall"]:.2f} | {median["boxes"]:,.0f} '
            f'| {"yes" if median["torch"] else "no"} |'
        )
    return '\n'.join(lines)


def broken_promises(results: dict[str, list[dict[str, float]]]) -> list[str]:
    """What took longer than it may, by the best of the repeats."""
    broken = []
    for way in WAYS:
        best = {k: min(r[k] for r in results[way.name]) for k in ('start', 'work')}
        if way.most_s is not None and best['work'] > way.most_s:
            broken.append(f'{way.title}: {best["work"]:.2f} s > {way.most_s:g} s')
        if way.name.startswith('converter') and best['start'] > START_S:
            broken.append(f'{way.title}: {best["start"]:.2f} s to start')
    return broken


def hardware() -> str:
    """What the numbers rest on."""
    model = platform.processor()
    cpuinfo = Path('/proc/cpuinfo')
    if cpuinfo.is_file():
        names = [s for s in cpuinfo.read_text().splitlines() if 'model name' in s]
        model = names[0].partition(':')[2].strip() if names else model
    load = os.getloadavg()[0] if hasattr(os, 'getloadavg') else float('nan')
    return (
        f'{model or "unknown processor"}, one of {os.cpu_count()} cores, '
        f'load {load:.1f} at the end; Python {platform.python_version()}'
    )


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    """The table of boxes, the table of sizes, and how often."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        '--csv',
        type=Path,
        help="Kaggle's train.csv (default: the copy that torchxrayvision carries)",
    )
    parser.add_argument(
        '--sizes',
        type=Path,
        required=True,
        help='image_id, dim0 (height), dim1 (width)',
    )
    parser.add_argument('--repeats', type=int, default=3, help='(default: %(default)s)')
    parser.add_argument(
        '--only', choices=[w.name for w in WAYS], help=argparse.SUPPRESS
    )
    parser.add_argument('--out', type=Path, help=argparse.SUPPRESS)
    return parser.parse_args(argv)


@one_line_errors
def main(argv: list[str] | None = None) -> int:
    """Print the table; 1 when a promise is broken."""
    args = parse_args(argv)
    csv = args.csv or _bundled()
    for path in (csv, args.sizes):
        if not path.is_file():
            raise FileNotFoundError(f'{path}: no such file')
    if args.only:
        print(json.dumps(run_way(args.only, csv, args.sizes, args.out)))
        return 0
    results: dict[str, list[dict[str, float]]] = {way.name: [] for way in WAYS}
    for _ in range(max(1, args.repeats)):
        for way in WAYS:
            results[way.name].append(measure(way, csv.resolve(), args.sizes.resolve()))
    print(table(results))
    print(f'\n{hardware()}; median of {max(1, args.repeats)}.')
    broken = broken_promises(results)
    for line in broken:
        print(f'too slow: {line}')
    return 1 if broken else 0


def _bundled() -> Path:
    spec = importlib.util.find_spec('torchxrayvision')
    if spec is None or spec.origin is None:
        raise FileNotFoundError('name the table with --csv FILE')
    return Path(spec.origin).parent / 'data' / 'vinbigdata-train.csv.gz'


if __name__ == '__main__':
    if hasattr(os, 'sched_setaffinity') and '--only' in sys.argv:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    raise SystemExit(main())
