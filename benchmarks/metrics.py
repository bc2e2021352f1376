"""Box metrics with intervals, beside COCO's evaluation without any.

Random boxes of 3,000 images, 100 detections an image over 14 findings, as many true
boxes as VinDr-CXR has (a mean of 2.4 an image). Ours run with 1,000 resamples of the
images. pycocotools and faster-coco-eval compute AP alone: all sizes of boxes, at most
100 detections; --all-figures adds their usual twelve. Reading files is left out, and
what they make of the boxes (loadRes) stands apart. CPU time is this process's, user
mode, so that other work on the machine counts little.

Examples:
  python benchmarks/metrics.py
  python benchmarks/metrics.py --images 300 --bootstrap 100
  python benchmarks/metrics.py --only mean_ap,faster-coco-eval --repeat 3
"""

from __future__ import annotations

import argparse
import io
import os
import time
from collections.abc import Callable
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from dataclasses import field
from typing import Any

import numpy as np

from mmlung.cli import one_line_errors
from mmlung.evaluation import ImageDetections
from mmlung.evaluation import best_iou
from mmlung.evaluation import froc
from mmlung.evaluation import kaggle_ap
from mmlung.evaluation import mask_iou
from mmlung.evaluation import mean_ap
from mmlung.evaluation import mean_iou

OURS: dict[str, Callable[..., dict[str, float]]] = {
    'mean_ap': mean_ap,
    'froc': froc,
    'kaggle_ap': kaggle_ap,
    'mean_iou': mean_iou,
    'mask_iou': mask_iou,
    'best_iou': best_iou,
}
OTHERS = ('pycocotools', 'faster-coco-eval')
SIDE_PX = 1024.0


@dataclass
class Timing:
    """Fastest of the repeats of one step, each by its own clock."""

    wall_s: float = float('inf')
    cpu_s: float = float('inf')

    def run(self, function: Callable[[], Any]) -> Any:
        """Time one call."""
        wall, cpu = time.perf_counter(), os.times().user
        result = function()
        self.wall_s = min(self.wall_s, time.perf_counter() - wall)
        self.cpu_s = min(self.cpu_s, os.times().user - cpu)
        return result


@dataclass
class Row:
    """One line of the table."""

    name: str
    resamples: int
    work: Timing = field(default_factory=Timing)
    load: Timing | None = None
    figures: dict[str, float] = field(default_factory=dict)


def random_images(
    n_images: int, n_boxes: int, n_findings: int, seed: int = 0
) -> list[ImageDetections]:
    """Images with three near hits for each true box, and strays up to ``n_boxes``."""
    rng = np.random.default_rng(seed)
    images = []
    for i in range(n_images):
        gt = _boxes(rng, int(rng.poisson(2.4)))
        gt_label = rng.integers(0, n_findings, len(gt))
        source = np.repeat(np.arange(len(gt)), 3)[:n_boxes]
        sides = np.tile(gt[source, 2:] - gt[source, :2], 2)
        near = gt[source] + sides * rng.normal(0, 0.12, sides.shape)
        near[:, 2:] = np.maximum(near[:, 2:], near[:, :2] + 5)
        stray = _boxes(rng, n_boxes - len(near))
        labels = gt_label[source], rng.integers(0, n_findings, len(stray))
        scores = rng.beta(3, 3, len(near)), rng.beta(1, 4, len(stray))
        images.append(
            ImageDetections(
                path=f'{i}.png',
                cluster=f'image {i}',
                pred_xyxy=np.vstack([near, stray]),
                pred_score=np.concatenate(scores),
                pred_label=np.concatenate(labels),
                gt_xyxy=gt,
                gt_label=gt_label,
            )
        )
    return images


def _boxes(rng: np.random.Generator, n: int) -> np.ndarray:
    corner = rng.uniform(0, 0.7 * SIDE_PX, (n, 2))
    return np.hstack([corner, corner + rng.uniform(30, 0.3 * SIDE_PX, (n, 2))])


def time_ours(
    name: str, images: list[ImageDetections], n_findings: int, args: Any
) -> Row:
    """One of our metrics with intervals."""
    classes = [f'finding {c}' for c in range(n_findings)]
    row = Row(name, args.bootstrap)
    for _ in range(args.repeat):
        row.figures = row.work.run(
            lambda: OURS[name](images, classes, bootstrap=args.bootstrap)
        )
    return row


def time_coco(
    name: str,
    images: list[ImageDetections],
    n_findings: int,
    all_figures: bool,
    repeat: int,
) -> Row:
    """AP by pycocotools or faster-coco-eval, without intervals."""
    coco_class, eval_class = _package(name)
    truth, results = coco_of(images, n_findings)
    label, loading = f'{name}, 12 figures' if all_figures else name, Timing()
    row = Row(label, 0, load=loading)

    def load() -> tuple[Any, Any]:
        coco = coco_class()
        coco.dataset = truth
        coco.createIndex()
        return coco, coco.loadRes(results)

    def work() -> Any:
        evaluation = eval_class(coco, detections, 'bbox')
        if not all_figures:
            evaluation.params.areaRng = [[0, 1e10]]
            evaluation.params.areaRngLbl = ['all']
            evaluation.params.maxDets = [100]
        evaluation.evaluate()
        evaluation.accumulate()
        return evaluation.eval['precision']  # (T, recalls, findings, areas, maxDets)

    with redirect_stdout(io.StringIO()):
        for _ in range(repeat):
            coco, detections = loading.run(load)
            precision = row.work.run(work)[:, :, :, 0, -1]
    at_thr = [float(p[p > -1].mean()) for p in precision]
    row.figures = {'AP': float(np.mean(at_thr)), 'AP50': at_thr[0], 'AP75': at_thr[5]}
    return row


def _package(name: str) -> tuple[Any, Any]:
    if name == 'pycocotools':
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval

        return COCO, COCOeval
    try:
        import faster_coco_eval
    except ImportError as error:
        raise ValueError(
            'faster-coco-eval is not installed: pip install faster-coco-eval, or leave '
            'it out with --only'
        ) from error
    return faster_coco_eval.COCO, faster_coco_eval.COCOeval_faster


def coco_of(
    images: Sequence[ImageDetections], n_findings: int
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """True boxes as a COCO file's content, detections as COCO's list of results."""
    truth: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    for i, image in enumerate(images, start=1):
        for box, label in zip(image.gt_xyxy, image.gt_label, strict=True):
            truth.append(_entry(i, box, label) | {'id': len(truth) + 1, 'iscrowd': 0})
        for box, label, score in zip(
            image.pred_xyxy, image.pred_label, image.pred_score, strict=True
        ):
            results.append(_entry(i, box, label) | {'score': float(score)})
    content = {
        'info': {},
        'images': [{'id': i + 1} for i in range(len(images))],
        'annotations': truth,
        'categories': [{'id': c + 1, 'name': str(c)} for c in range(n_findings)],
    }
    return content, results


def _entry(image_id: int, box: np.ndarray, label: int) -> dict[str, Any]:
    x1, y1, x2, y2 = box.tolist()
    bbox = [x1, y1, x2 - x1, y2 - y1]
    return {
        'image_id': image_id,
        'category_id': int(label) + 1,
        'bbox': bbox,
        'area': bbox[2] * bbox[3],
    }


def table(rows: Sequence[Row]) -> str:
    """Markdown, one line a metric; AP where the metric has one."""
    lines = [
        '| what | resamples | user CPU s | wall s | loadRes CPU s | AP | AP50 | AP75 |',
        '|---|---|---|---|---|---|---|---|',
    ]
    for row in rows:
        times = [f'{row.work.cpu_s:.2f}', f'{row.work.wall_s:.2f}']
        times.append('-' if row.load is None else f'{row.load.cpu_s:.2f}')
        values = [row.figures.get(key) for key in ('AP', 'AP50', 'AP75')]
        figures = ['-' if value is None else f'{value:.6f}' for value in values]
        cells = [row.name, str(row.resamples), *times, *figures]
        lines.append(f'| {" | ".join(cells)} |')
    return '\n'.join(lines)


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--images', type=int, default=3000)
    parser.add_argument('--boxes', type=int, default=100, help='detections an image')
    parser.add_argument('--findings', type=int, default=14)
    parser.add_argument('--bootstrap', type=int, default=1000, help='resamples')
    parser.add_argument('--repeat', type=int, default=1, help='the fastest counts')
    parser.add_argument('--all-figures', action='store_true', help="COCO's twelve too")
    names = [*OURS, *OTHERS]
    parser.add_argument('--only', default=','.join(names), help='comma-separated')
    args = parser.parse_args(argv)
    args.only = args.only.split(',')
    unknown = sorted(set(args.only) - set(names))
    if unknown:
        parser.error(f'--only knows {", ".join(names)}; got {", ".join(unknown)}')
    return args


@one_line_errors
def main(argv: list[str] | None = None) -> int:
    """Time each and print the table."""
    args = parse_args(argv)
    images = random_images(args.images, args.boxes, args.findings)
    n_true = sum(len(image.gt_label) for image in images)
    print(
        f'{args.images} images, {args.images * args.boxes} detections, {n_true} true '
        f'boxes, {args.findings} findings; {os.cpu_count()} cores, load '
        f'{os.getloadavg()[0]:.1f}\n'
    )
    rows = [
        time_ours(name, images, args.findings, args)
        for name in OURS
        if name in args.only
    ]
    for name in OTHERS:
        if name in args.only:
            for figures in [False, True][: 1 + args.all_figures]:
                rows.append(
                    time_coco(name, images, args.findings, figures, args.repeat)
                )
    print(table(rows))
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
