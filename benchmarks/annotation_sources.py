r"""How well several sources of boxes on the same real films agree with one another.

ChestX-ray14's official boxes against the opacities of the RSNA challenge and against
ChestX-Det, on the films that both have. It tells how far a detector can be judged by
either; it is no inter-reader study, since the sources asked different questions.

Source: the boxes of Wang et al. 2017, doi:10.1109/CVPR.2017.369; Shih et al. 2019,
doi:10.1148/ryai.2019180041; Lian et al. 2021, doi:10.48550/arXiv.2104.10326.

Examples:
  python benchmarks/annotation_sources.py --data ../shared/data/nih
  python benchmarks/annotation_sources.py --data ../shared/data/nih \
      --predictions work_dirs/detectors/cascade-0/predictions.json --picture sources.png
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from between_marks import check_marks
from between_marks import write_between_marks
from draw_sources import Boxes
from draw_sources import draw_sources

from mmlung.boxes import box_iou
from mmlung.boxes import match_optimal
from mmlung.cli import one_line_errors
from mmlung.result import ImageResult

BBOX_LIST_SIZE = 1024
TABLE = 'annotation sources'
OPACITY = 'Lung Opacity'


@dataclass(frozen=True)
class Agreement:
    """How two sources agree on one kind of finding.

    Attributes:
        films: that both sources looked at and where the first drew a box.
        both: of these, films where the second drew one too.
        boxes: of the first and of the second source on the films of ``both``.
        mean_iou: mean IoU over the first source's boxes with their one-to-one match, an
            unmatched box counts 0; NaN without films.
        hits40: share of the first source's boxes whose match has IoU >= 0.4.
    """

    films: int
    both: int
    boxes: tuple[int, int]
    mean_iou: float
    hits40: float


def read_official(path: Path, size_px: int) -> Boxes:
    """Boxes of BBox_List_2017.csv on films of ``size_px`` a side."""
    table = pd.read_csv(path, usecols=range(6), header=0)
    table.columns = ['file', 'finding', 'x', 'y', 'w', 'h']
    xyxy = table[['x', 'y', 'x', 'y']].to_numpy(float)
    xyxy[:, 2:] += table[['w', 'h']].to_numpy()
    xyxy *= size_px / BBOX_LIST_SIZE
    boxes: Boxes = {}
    for name, finding, box in zip(table['file'], table['finding'], xyxy, strict=True):
        finding = {'Infiltrate': 'Infiltration'}.get(finding, finding)
        _add(boxes.setdefault(Path(name).stem, {}), finding, box)
    return boxes


def read_coco(path: Path) -> Boxes:
    """Boxes of a COCO file; films without a box are in it, and empty."""
    content = json.loads(path.read_text(encoding='utf-8'))
    stem = {image['id']: Path(image['file_name']).stem for image in content['images']}
    name = {category['id']: category['name'] for category in content['categories']}
    boxes: Boxes = {s: {} for s in stem.values()}
    for entry in content['annotations']:
        x, y, w, h = entry['bbox']
        box = np.array([x, y, x + w, y + h])
        _add(boxes[stem[entry['image_id']]], name[entry['category_id']], box)
    return boxes


def _add(of_film: dict[str, np.ndarray], finding: str, box: np.ndarray) -> None:
    old = of_film.get(finding, np.zeros((0, 4)))
    of_film[finding] = np.vstack([old, box])


def agreement(first: Boxes, second: Boxes, finding: str, of_second: str) -> Agreement:
    """Agreement of two sources on a finding that they may name differently."""
    films = [f for f in first if f in second and finding in first[f]]
    both = [f for f in films if of_second in second[f]]
    overlaps, n_second = [], 0
    for film in both:
        iou = box_iou(first[film][finding], second[film][of_second])
        rows, columns = match_optimal(iou)
        overlap = np.zeros(len(iou))
        overlap[rows] = iou[rows, columns]
        overlaps.append(overlap)
        n_second += iou.shape[1]
    pooled = np.concatenate(overlaps) if overlaps else np.zeros(0)
    defined = len(pooled) > 0
    return Agreement(
        films=len(films),
        both=len(both),
        boxes=(len(pooled), n_second),
        mean_iou=float(pooled.mean()) if defined else float('nan'),
        hits40=float((pooled >= 0.4).mean()) if defined else float('nan'),
    )


def table_of(official: Boxes, rsna: Boxes, det: Boxes) -> str:
    """Markdown table of all pairs of sources."""
    rows = [
        '| official finding | second source, its finding | films that both read, with '
        'an official box | with a box of both | boxes there, official / second | mean '
        'IoU of official boxes | at IoU >= 0.4 |',
        '|---|---|---|---|---|---|---|',
    ]
    for finding in ('Pneumonia', 'Infiltration'):
        pair = agreement(official, rsna, finding, OPACITY)
        rows.append(_row(finding, f'RSNA, {OPACITY}', pair))
    named_alike = ('Atelectasis', 'Cardiomegaly', 'Effusion', 'Mass', 'Nodule')
    for finding in (*named_alike, 'Pneumothorax'):
        pair = agreement(official, det, finding, finding)
        rows.append(_row(finding, f'ChestX-Det, {finding}', pair))
    return '\n'.join(rows)


def _row(finding: str, second: str, pair: Agreement) -> str:
    shown = [
        'undefined' if np.isnan(v) else f'{v:.2f}' for v in (pair.mean_iou, pair.hits40)
    ]
    return (
        f'| {finding} | {second} | {pair.films} | {pair.both} | '
        f'{pair.boxes[0]} / {pair.boxes[1]} | {shown[0]} | {shown[1]} |'
    )


def counts_of(official: Boxes, rsna: Boxes, det: Boxes) -> str:
    """The films that two sources share, in words."""
    opacity = {'Pneumonia', 'Infiltration'}
    with_rsna = [f for f in official if f in rsna and opacity & set(official[f])]
    with_det = [f for f in official if f in det]
    free = sum(not rsna[f] for f in with_rsna)
    return (
        f'Official boxes of Pneumonia or Infiltration lie on {len(with_rsna)} films '
        f'that RSNA read too; on {free} of them RSNA drew nothing. {len(with_det)} '
        'films have official boxes and were read for ChestX-Det.'
    )


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        '--data',
        type=Path,
        required=True,
        help='folder with BBox_List_2017.csv, coco_rsna_opacity.json, '
        'coco_chestxdet13.json and images/',
    )
    parser.add_argument(
        '--size', type=int, default=512, help='side of the films (default: %(default)s)'
    )
    parser.add_argument(
        '--docs', type=Path, help='write the table between the marks of this file'
    )
    parser.add_argument(
        '--predictions', type=Path, help='predictions.json of a detector, for a picture'
    )
    parser.add_argument(
        '--picture',
        type=Path,
        default=Path('annotation_sources.png'),
        help='where twelve films with all boxes go (default: %(default)s)',
    )
    parser.add_argument(
        '--score-thr',
        type=float,
        default=0.3,
        help="least score of a model's box in the picture (default: %(default)s)",
    )
    return parser.parse_args(argv)


@one_line_errors
def main(argv: list[str] | None = None) -> int:
    """Print the table; write it and draw the films where asked."""
    args = parse_args(argv)
    if args.docs:
        check_marks(args.docs, TABLE)
    if not args.data.is_dir():
        raise FileNotFoundError(f'{args.data} is no folder; --data names the download')
    official = read_official(args.data / 'BBox_List_2017.csv', args.size)
    rsna = read_coco(args.data / 'coco_rsna_opacity.json')
    det = read_coco(args.data / 'coco_chestxdet13.json')
    text = f'{counts_of(official, rsna, det)}\n\n{table_of(official, rsna, det)}'
    print(text)
    if args.docs:
        write_between_marks(text, args.docs, TABLE)
    if args.predictions:
        content = json.loads(args.predictions.read_text('utf-8'))
        results = [ImageResult.from_json(entry) for entry in content['images']]
        sources = {'official': official, 'RSNA': rsna, 'ChestX-Det': det}
        images = args.data / 'images'
        n = draw_sources(sources, results, images, args.picture, args.score_thr)
        print(f'{n} films: {args.picture}')
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
