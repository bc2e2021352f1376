"""Mean AUC with intervals over patients, beside a loop over scikit-learn.

Generated scores and labels in the shape of ChestX-ray14's official test set: 25,596
films of 2,797 patients, 14 findings as frequent as there. Ours gives AUC and AUPRC per
finding and on average with the intervals of 1,000 resamples of the patients. The loop
calls roc_auc_score (and average_precision_score) with the counts of each resample as
sample_weight; it runs --loop resamples and its time is extrapolated, or all of them
with --full. Both must give the same figures on the same resamples, or it ends with an
error. CPU time is this process's, user mode, so that other work on the machine counts
little; OMP_NUM_THREADS=1 keeps it to one core.

Examples:
  OMP_NUM_THREADS=1 python benchmarks/auc.py
  python benchmarks/auc.py --full --docs docs/benchmarks.md
  python benchmarks/auc.py --images 2000 --patients 300 --bootstrap 100 --loop 5
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from between_marks import check_marks
from between_marks import write_between_marks
from sklearn.metrics import average_precision_score
from sklearn.metrics import roc_auc_score

from mmlung.cli import one_line_errors
from mmlung.evaluation import cluster_weights
from mmlung.evaluation import mean_auc
from mmlung.evaluation import percentile_interval
from mmlung.findings import CHESTXRAY14

TABLE = 'auc'
IMAGES = 25596
PATIENTS = 2797
POSITIVES = {
    'Atelectasis': 3279,
    'Cardiomegaly': 1069,
    'Effusion': 4658,
    'Infiltration': 6112,
    'Mass': 1748,
    'Nodule': 1623,
    'Pneumonia': 555,
    'Pneumothorax': 2665,
    'Consolidation': 1815,
    'Edema': 925,
    'Emphysema': 1093,
    'Fibrosis': 435,
    'Pleural_Thickening': 1143,
    'Hernia': 86,
}
"""Of Data_Entry_2017_v2020.csv in the official test list."""
TOLERANCE = 1e-9


@dataclass(frozen=True)
class TestSet:
    """B images: scores (B, C), labels (B, C) and the patient of each."""

    score: np.ndarray
    target: np.ndarray
    patients: list[str]


def generate(n_images: int, n_patients: int, seed: int) -> TestSet:
    """A test set with as many films a patient, and findings, as the real one."""
    rng = np.random.default_rng(seed)
    share = rng.gamma(0.5, size=n_patients)  # most have a few films, some very many
    more = rng.choice(n_patients, n_images - n_patients, p=share / share.sum())
    patient = np.sort(np.append(np.arange(n_patients), more))
    target = np.zeros((n_images, len(CHESTXRAY14)))
    for c, name in enumerate(CHESTXRAY14):
        n_positive = max(1, round(POSITIVES[name] * n_images / IMAGES))
        target[rng.choice(n_images, n_positive, replace=False), c] = 1
    logit = rng.normal(size=target.shape) + 1.3 * target - 2
    score = (1 / (1 + np.exp(-logit))).astype(np.float32).astype(float)
    return TestSet(score, target, [f'{p:05}' for p in patient])


def timed(function: Callable[[], Any]) -> tuple[Any, float, float]:
    """Result, wall and CPU seconds."""
    wall, cpu = time.perf_counter(), os.times().user
    result = function()
    return result, time.perf_counter() - wall, os.times().user - cpu


def loop(data: TestSet, weights: np.ndarray, area: Callable[..., float]) -> np.ndarray:
    """(C, R) areas by scikit-learn, one call a finding and resample."""
    columns = list(zip(data.score.T, data.target.T, strict=True))
    return np.array(
        [[area(t, s, sample_weight=w) for w in weights.T] for s, t in columns]
    )


def largest_difference(
    report: dict[str, float], areas: dict[str, np.ndarray]
) -> dict[str, float]:
    """Between ends of intervals: ours, and those of the loop's resamples."""
    gaps = {}
    for key, values in areas.items():
        rows = {f'{key}/{n}': v for n, v in zip(CHESTXRAY14, values, strict=True)}
        rows[f'm{key}'] = values.mean(axis=0)
        gaps[key] = max(
            abs(report[f'{name}_{end}'] - expected)
            for name, row in rows.items()
            for end, expected in zip(
                ('low', 'high'), percentile_interval(row), strict=True
            )
        )
    return gaps


def run(args: argparse.Namespace) -> str:
    """The table, as Markdown.

    Raises:
        ValueError: the two do not agree.
    """
    data = generate(args.images, args.patients, args.seed)
    n_loop = args.bootstrap if args.full else min(args.loop, args.bootstrap)

    def ours(n_resamples: int) -> dict[str, float]:
        return mean_auc(
            data.score,
            data.target,
            CHESTXRAY14,
            clusters=data.patients,
            bootstrap=n_resamples,
            seed=args.seed,
        )

    timings = [timed(lambda: ours(args.bootstrap)) for _ in range(args.repeat)]
    wall, cpu = (min(timing[i] for timing in timings) for i in (1, 2))
    lines = [
        f'| `mean_auc`: AUC and AUPRC | {args.bootstrap} | {wall:.2f} | {cpu:.2f} | |'
    ]
    weights = np.hstack(list(cluster_weights(data.patients, n_loop, args.seed)))
    scikit_learn = {'AUC': roc_auc_score, 'AUPRC': average_precision_score}
    areas = {}
    for key, area in scikit_learn.items():
        areas[key], wall, cpu = timed(lambda area=area: loop(data, weights, area))
        wall, cpu = (t * args.bootstrap / n_loop for t in (wall, cpu))
        lines.append(f'| scikit-learn: {key} | {n_loop} | {wall:.0f} | {cpu:.0f} |')
    gaps = largest_difference(ours(n_loop), areas)
    for i, (key, gap) in enumerate(gaps.items(), start=1):
        if not gap < TOLERANCE:
            raise ValueError(f'{key}: the intervals of the two differ by {gap:.2g}')
        lines[i] += f' {gap:.0e} |'
    return '\n'.join(
        [
            f'{args.images:,} films of {args.patients:,} patients, '
            f'{len(CHESTXRAY14)} findings, generated (seed {args.seed}); seconds for '
            f'{args.bootstrap:,} resamples'
            + ('' if n_loop == args.bootstrap else ", the loop's extrapolated")
            + f'; OMP_NUM_THREADS={os.environ.get("OMP_NUM_THREADS", "unset")}, load '
            f'{os.getloadavg()[0]:.1f}.',
            '',
            '| | resamples run | wall s | CPU s | largest difference of an interval |',
            '|---|---|---|---|---|',
            *lines,
        ]
    )


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--images', type=int, default=IMAGES)
    parser.add_argument('--patients', type=int, default=PATIENTS)
    parser.add_argument('--bootstrap', type=int, default=1000, help='resamples')
    parser.add_argument(
        '--loop', type=int, default=20, help="the loop's resamples (default: 20)"
    )
    parser.add_argument(
        '--full', action='store_true', help='the loop runs all resamples: minutes'
    )
    parser.add_argument(
        '--repeat', type=int, default=3, help='of ours; the fastest counts (default: 3)'
    )
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument(
        '--docs', type=Path, help='write the table between the marks of this file'
    )
    args = parser.parse_args(argv)
    if not 1 <= args.patients <= args.images:
        parser.error('--patients must lie between 1 and --images')
    if min(args.bootstrap, args.loop, args.repeat) < 1:
        parser.error('--bootstrap, --loop and --repeat must be at least 1')
    return args


@one_line_errors
def main(argv: list[str] | None = None) -> int:
    """Print the table; write it where asked."""
    args = parse_args(argv)
    if args.docs:
        check_marks(args.docs, TABLE)
    text = run(args)
    print(text)
    if args.docs:
        write_between_marks(text, args.docs, TABLE)
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
