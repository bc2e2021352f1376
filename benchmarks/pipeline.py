"""Films per second that one worker makes for a classifier, beside what others would do.

From PNG films of 1,024 x 1,024 pixels and from DICOM films of 3,000 x 2,500, to the
224 x 224 pixels of the training pipeline of ChestX-ray14, split by step:
- mmlung: the train_pipeline of configs/_base_/datasets, one grey channel to the end;
- MMPretrain: its own LoadImageFromFile, RandomResizedCrop, Rotate, ColorJitter and
  PackInputs with the same settings. It reads no DICOM: its user writes a step of
  pydicom's dcmread, apply_modality_lut and apply_voi_lut, scaled to three channels;
- torchxrayvision: its NIH_Dataset (or read_xray_dcm), XRayCenterCrop, XRayResizer. It
  neither turns nor exposes.
The readings are compared first: more than one grey level apart is an error. Films come
from --films (a folder of grey pictures, scaled to size), or are phantoms, from a seed.
The ways take turns, so that a busy machine is busy for all of them. Times are means of
one core's CPU time (half of the films are turned); one column is by the clock.

Examples:
  OMP_NUM_THREADS=1 python benchmarks/pipeline.py
  OMP_NUM_THREADS=1 python benchmarks/pipeline.py --films DIR --docs docs/benchmarks.md
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import cv2
import numpy as np
import torch
from between_marks import check_marks
from between_marks import write_between_marks
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpretrain.registry import TRANSFORMS
from mmpretrain.utils import register_all_modules
from pipeline_others import SIZES_HW
from pipeline_others import open_torchxrayvision
from pipeline_others import read_by_pydicom
from pipeline_others import write_films

import mmlung.datasets  # noqa: F401  (registers ours)
from mmlung.cli import one_line_errors

CONFIG = (
    Path(__file__).resolve().parent.parent
    / 'configs/_base_/datasets/chestxray14_classification.py'
)
TABLE = 'pipeline'
STEPS = ('decode', 'crop, resize', 'rotate', 'exposure', 'pack')
STEP_OF = {
    'mmlung.LoadChestImage': 'decode',
    'LoadImageFromFile': 'decode',
    'RandomResizedCrop': 'crop, resize',
    'Rotate': 'rotate',
    'mmlung.RandomExposure': 'exposure',
    'ColorJitter': 'exposure',
    'PackInputs': 'pack',
}
STOCK = 'MMPretrain'
Way = list[tuple[str, Callable[[Any], Any]]]
"""Steps in order, each with its name."""


def ours() -> list[dict]:
    """The training pipeline of the config."""
    return list(Config.fromfile(CONFIG).train_pipeline)


def stock(pipeline: Sequence[Mapping[str, Any]]) -> list[dict]:
    """The same as MMPretrain's own steps."""
    swapped = []
    for step in pipeline:
        if step['type'] == 'mmlung.LoadChestImage':
            step = {'type': 'LoadImageFromFile'}
        elif step['type'] == 'mmlung.RandomExposure':
            amounts = {name: step[name] for name in ('brightness', 'contrast')}
            step = {'type': 'ColorJitter', **amounts}
        swapped.append(dict(step))
    return swapped


def ways_for(kind: str, films: Sequence[Path]) -> dict[str, Way]:
    """Ways from a path to a packed sample, by name; ``kind`` is 'PNG' or 'DICOM'."""
    pipeline = ours()
    ways = {
        'mmlung': _steps(pipeline),
        STOCK: _steps(stock(pipeline)),
    }
    if kind == 'DICOM':
        ways[STOCK][0] = ('decode', read_by_pydicom)
    other = open_torchxrayvision(kind, films, ways_size(pipeline))
    if other is not None:
        ways['torchxrayvision'] = other
    return ways


def ways_size(pipeline: Iterable[Mapping[str, Any]]) -> int:
    """Side of the output in pixels."""
    return next(
        step['scale'] for step in pipeline if step['type'] == 'RandomResizedCrop'
    )


def _steps(pipeline: Iterable[Mapping[str, Any]]) -> Way:
    register_all_modules(init_default_scope=False)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        return [(STEP_OF[step['type']], TRANSFORMS.build(step)) for step in pipeline]


def check_readings(ways: Mapping[str, Way], path: Path) -> None:
    """Refuse to compare ways that read another picture.

    Raises:
        ValueError: mmlung and MMPretrain differ by more than one grey level.
    """
    shown = [
        np.atleast_3d(ways[name][0][1]({'img_path': str(path)})['img'])[..., 0]
        for name in ('mmlung', STOCK)
    ]
    apart = int(np.abs(shown[0].astype(int) - shown[1]).max())
    if apart > 1:
        raise ValueError(f'{path.name}: the readings differ by {apart} grey levels')


def measure(
    ways: Mapping[str, Way], films: Sequence[Path], repeats: int
) -> dict[str, dict[str, float]]:
    """Mean seconds of each step, of all ('total') and of the clock ('wall').

    The ways take turns; a first turn does not count.
    """
    taken: dict[str, list[dict[str, float]]] = {name: [] for name in ways}
    for turn in range(repeats + 1):
        for index, path in enumerate(films):
            for name, way in ways.items():
                times = _time(way, path, index)
                if turn:
                    taken[name].append(times)
    return {
        name: {key: fmean(t[key] for t in rows) for key in rows[0]}
        for name, rows in taken.items()
    }


def _time(way: Way, path: Path, index: int) -> dict[str, float]:
    label = np.zeros(14, np.float32)
    sample: Any = {'img_path': str(path), 'gt_score': label, 'sample_idx': index}
    times: dict[str, float] = {}
    start, wall = time.process_time(), time.perf_counter()
    before = start
    for name, step in way:
        sample = step(sample)
        now = time.process_time()
        times[name] = times.get(name, 0) + now - before
        before = now
    times['total'] = before - start
    times['wall'] = time.perf_counter() - wall
    return times


def table(results: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """Markdown: a line a way, milliseconds of each step and films per second."""
    head = ['films', 'way', *(f'{name}, ms' for name in STEPS)]
    head += ['all, ms', 'films/s', 'films/s by the clock', f'x {STOCK}']
    lines = [f'| {" | ".join(head)} |', '|---' * len(head) + '|']
    for films, rows in results.items():
        for name, row in rows.items():
            cells = [f'{1e3 * row[s]:.2f}' if s in row else '-' for s in STEPS]
            factor = rows[STOCK]['total'] / row['total']
            cells += [f'{1e3 * row["total"]:.2f}', f'{1 / row["total"]:.0f}']
            cells += [f'{1 / row["wall"]:.0f}', f'{factor:.2f}']
            lines.append(f'| {films} | {name} | {" | ".join(cells)} |')
    return '\n'.join(lines)


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--films', type=Path, help='folder of grey pictures')
    parser.add_argument('--number', type=int, default=6, help='films of each kind')
    parser.add_argument('--repeats', type=int, default=9, help='turns over the films')
    parser.add_argument('--docs', type=Path, help='Markdown file with the marks')
    args = parser.parse_args(argv)
    if min(args.number, args.repeats) < 1:
        parser.error('--number and --repeats must be at least 1')
    return args


@one_line_errors
def main(argv: Sequence[str] | None = None) -> int:
    """Write the films into a temporary folder, time the ways, print the table."""
    args = parse_args(argv)
    if args.docs is not None:
        check_marks(args.docs, TABLE)
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    np.random.seed(0)
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        for kind, (height, width) in SIZES_HW.items():
            films = write_films(Path(folder), kind, args.number, args.films)
            ways = ways_for(kind, films)
            check_readings(ways, films[0])
            size = sum(path.stat().st_size for path in films) / len(films) / 1e6
            label = f'{kind}, {width} x {height}, {size:.1f} MB'
            results[label] = measure(ways, films, args.repeats)
    text = table(results)
    print(text)
    if args.docs is not None:
        write_between_marks(text, args.docs, TABLE)
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
