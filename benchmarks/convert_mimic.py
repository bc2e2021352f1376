"""A release of MIMIC-CXR-JPG's size to JSON: the converter beside a pandas script.

The tables are drawn by lot with the release's numbers: 377,110 films, 227,835 studies,
65,379 patients. Each way is a process of its own on one core: the converter on its
default views and on all of them, with --films also on a tree of empty files; and a
script that merges the tables with pandas and goes through them with ``iterrows``, on
the first --rows films, its loop extrapolated. The script checks nothing and counts
nothing; blanks become absent and -1 unknown, as in the converter.

Processor time is what counts, a busy machine hardly changes it; peak memory is of the
whole process.

Example:
  python benchmarks/convert_mimic.py --films --docs docs/performance.md
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from between_marks import check_marks
from between_marks import write_between_marks
from convert_vindr import hardware
from mimic_release import lay_films
from mimic_release import write_release

from mmlung.cli import one_line_errors
from mmlung.findings import CHEXPERT

REPO = Path(__file__).resolve().parent.parent
MARK = 'convert_mimic'
MOST_S = 60.0
MOST_GIB = 2.0
FRONTAL = ('PA', 'AP')


@dataclass(frozen=True)
class Way:
    """One way to convert: its name, and its options where it is the converter."""

    name: str
    title: str
    options: tuple[str, ...] = ()
    films: bool = False


WAYS = (
    Way('frontal', 'mmlung convert mimic-cxr --no-images', ('--no-images',)),
    Way('all', 'the same with --views all', ('--no-images', '--views', 'all')),
    Way(
        'films',
        'the same on a tree of films, --sizes metadata',
        ('--views', 'all', '--sizes', 'metadata'),
        films=True,
    ),
    Way('iterrows', 'a script with merge and iterrows'),
)


def run_way(way: Way, root: Path, out: Path, n_rows: int) -> dict[str, float]:
    """One way in this process: seconds, peak memory in GiB, and films written."""
    cpu, wall = time.process_time(), time.perf_counter()
    extrapolated = 0.0
    if way.name == 'iterrows':
        extrapolated = by_iterrows(root, out, n_rows)
    else:
        from data_converters.__main__ import main

        argv = ['mimic-cxr', '--root', str(root), '--out', str(out), *way.options]
        if main(argv):
            raise ValueError(f'{root}: the conversion failed')
    result = {
        'cpu': time.process_time() - cpu + extrapolated,
        'wall': time.perf_counter() - wall + extrapolated,
        'gib': _peak_gib(),
    }
    written = [out / f'{part}.json' for part in ('train', 'val', 'test')]
    result['films'] = sum(
        path.read_bytes().count(b'"img_path"') for path in written if path.is_file()
    )
    return result


def by_iterrows(root: Path, out: Path, n_rows: int) -> float:
    """What one writes by hand; gives the seconds that the films left out would take."""
    import pandas as pd

    tables = [
        pd.read_csv(root / f'mimic-cxr-2.0.0-{name}.csv.gz')
        for name in ('metadata', 'split', 'chexpert')
    ]
    ids = ['subject_id', 'study_id']
    films = tables[0].merge(tables[1], on=['dicom_id', *ids])
    films = films.merge(tables[2], on=ids, how='left')
    films = films[films['ViewPosition'].isin(FRONTAL)]
    parts: dict[str, list[dict]] = {'train': [], 'validate': [], 'test': []}
    start = time.process_time()
    for _, row in films[:n_rows].iterrows():
        labels = [0 if pd.isna(row[name]) else row[name] for name in CHEXPERT]
        subject = f'p{row["subject_id"]}'
        folder = f'{subject[:3]}/{subject}/s{row["study_id"]}'
        parts[row['split']].append(
            {
                'img_path': f'{folder}/{row["dicom_id"]}.jpg',
                'patient_id': str(row['subject_id']),
                'study_id': str(row['study_id']),
                'view': row['ViewPosition'],
                'gt_score': [None if label < 0 else int(label) for label in labels],
            }
        )
    out.mkdir(parents=True, exist_ok=True)
    for part, own in parts.items():
        text = json.dumps({'data_list': own})
        name = 'val' if part == 'validate' else part
        (out / f'{name}.json').write_text(text, encoding='utf-8')
    done = min(n_rows, len(films))
    return (time.process_time() - start) * (len(films) / max(1, done) - 1)


def measure(way: Way, root: Path, n_rows: int) -> dict[str, float]:
    """One way in a process of its own, on one core."""
    with tempfile.TemporaryDirectory() as folder:
        argv = ['--root', str(root), '--only', way.name, '--rows', str(n_rows)]
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


def table(results: dict[str, dict[str, float]]) -> str:
    """Markdown: a row a way."""
    lines = [
        '| way | films | processor s | wall s | peak GiB |',
        '|---|--:|--:|--:|--:|',
    ]
    for way in WAYS:
        if way.name not in results:
            continue
        run = results[way.name]
        title = way.title
        if way.name == 'iterrows' and 'frontal' in results:
            frontal = results['frontal']['films']
            if run['films'] < frontal:
                title += f', extrapolated to {frontal:,.0f} films'
        lines.append(
            f'| {title} | {run["films"]:,.0f} | {run["cpu"]:.1f} '
            f'| {run["wall"]:.1f} | {run["gib"]:.2f} |'
        )
    return '\n'.join(lines)


def broken_promises(results: dict[str, dict[str, float]]) -> list[str]:
    """What took more than a minute of processor time, or more than 2 GiB."""
    broken = []
    for way in WAYS:
        run = results.get(way.name)
        if run is None or way.name == 'iterrows':
            continue
        if run['cpu'] > MOST_S:
            broken.append(f'{way.title}: {run["cpu"]:.0f} s > {MOST_S:.0f} s')
        if run['gib'] > MOST_GIB:
            broken.append(f'{way.title}: {run["gib"]:.2f} GiB > {MOST_GIB:g} GiB')
    return broken


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    """Size of the release, and what is measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        '--scale',
        type=float,
        default=1.0,
        help="share of the release's films (default: %(default)s)",
    )
    parser.add_argument(
        '--films', action='store_true', help='also on a tree of that many empty files'
    )
    parser.add_argument(
        '--rows',
        type=int,
        default=20_000,
        help='films that the script goes through (default: %(default)s)',
    )
    parser.add_argument(
        '--docs', type=Path, help='Markdown file whose table to replace'
    )
    parser.add_argument('--root', type=Path, help=argparse.SUPPRESS)
    parser.add_argument(
        '--only', choices=[w.name for w in WAYS], help=argparse.SUPPRESS
    )
    parser.add_argument('--out', type=Path, help=argparse.SUPPRESS)
    return parser.parse_args(argv)


@one_line_errors
def main(argv: list[str] | None = None) -> int:
    """Print the table; 1 when a promise is broken."""
    args = parse_args(argv)
    if args.only:
        way = next(way for way in WAYS if way.name == args.only)
        print(json.dumps(run_way(way, args.root, args.out, args.rows)))
        return 0
    if not 0 < args.scale <= 1:
        raise ValueError(f'--scale must lie in (0, 1], got {args.scale}')
    if args.docs:
        check_marks(args.docs, MARK)
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        root = write_release(Path(folder, 'release'), args.scale)
        if args.films:
            lay_films(root)
        for way in WAYS:
            if args.films or not way.films:
                results[way.name] = measure(way, root, args.rows)
        text = f'{table(results)}\n\n{hardware()}.'
        print(text)
    if args.docs:
        write_between_marks(text, args.docs, MARK)
    broken = broken_promises(results)
    for line in broken:
        print(f'too much: {line}')
    return 1 if broken else 0


def _peak_gib() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024**3 if sys.platform == 'darwin' else 1024**2)


if __name__ == '__main__':
    if hasattr(os, 'sched_setaffinity') and '--only' in sys.argv:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    raise SystemExit(main())
