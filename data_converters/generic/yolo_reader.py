"""YOLO data sets in Ultralytics' layout (data.yaml) -> COCO with splits, or CSV.

Our own reader: labelformat 0.1.17 logs and skips malformed rows, outlines, and images
without a label file, and knows one folder a split only.

Source: docs.ultralytics.com/datasets/detect (format), Ultralytics' rule for the place
of labels: the last ``images`` folder of an image's path becomes ``labels``.
"""

from __future__ import annotations

import argparse
import hashlib
from collections import Counter
from pathlib import Path

from data_converters.conversion import Conversion
from data_converters.image_index import images_root
from data_converters.image_index import name_below
from data_converters.records import AnnotationError
from data_converters.release_files import walk
from data_converters.report import Report
from data_converters.tables import Source

from .annotated import Annotations
from .annotated import Film
from .annotated import box_rows
from .arguments import add_generic_arguments
from .conversion import finish
from .yolo_data import YoloData
from .yolo_data import read_data_yaml
from .yolo_labels import LabelRow
from .yolo_labels import label_path
from .yolo_labels import read_labels

EXAMPLES = r"""examples:
  a data set as YOLO trains on it
    {program} --data chest/data.yaml --out data/chest
  findings under VinDr's names, two of them as one
    {program} --data chest/data.yaml --findings vindr-kaggle \
        --rename Nodule=Nodule/Mass Mass=Nodule/Mass --out data/chest
  to a CSV table
    {program} --data chest/data.yaml --to csv --out data/chest-table

train, val and test of data.yaml are folders, .txt lists, or lists of these. Without
val, the training films are split. Rows are 'class cx cy w h' in shares of the image;
outlines ('class x1 y1 x2 y2 x3 y3 ...') become their box, counted. An image with an
empty label file, or without one, has no finding; both are kept and counted.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The data.yaml, and what the generic formats share."""
    group = parser.add_argument_group('YOLO files')
    group.add_argument('--data', type=Path, required=True, help='data.yaml')
    add_generic_arguments(parser, images=False)


def convert(args: argparse.Namespace, report: Report) -> Conversion:
    """Read, check and split as the command line asks.

    Raises:
        AnnotationError: the data are wrong or incomplete.
    """
    data = read_data_yaml(args.data)
    return finish(_annotations(data, report, args.drop_invalid), args, report)


def _annotations(data: YoloData, report: Report, drop_invalid: bool) -> Annotations:
    """All images and label rows."""
    images = [(split, path) for split, own in data.images.items() for path in own]
    root, _ = images_root((path for _, path in images), None)
    has_val = bool(data.images.get('val'))
    films, paths = [], {}
    rows: list[tuple[int, LabelRow]] = []
    labels: dict[Path, list[LabelRow]] = {}
    counts: Counter[str] = Counter()
    for i, (split, path) in enumerate(images):
        name = name_below(root, path)
        paths[name] = path
        where = None if split == 'train' and not has_val else split
        films.append(Film(name, name, split=where))
        own = label_path(path)
        if own in labels:
            raise AnnotationError(
                f'{path} has the label file of another image, or is in two splits: '
                f'{own}. Rename or remove one of them.',
                data.path,
            )
        if own.is_file():
            labels[own] = read_labels(own, data.names, report, drop_invalid)
            rows += [(i, row) for row in labels[own]]
            counts['images with an empty label file'] += not labels[own]
        else:
            labels[own] = []
            counts['images without a label file, taken as without a finding'] += 1
    _check_some_labels(labels, images, data)
    counts['outlines, of which the box is kept'] = sum(r.outline for _, r in rows)
    counts['label files without an image, left out'] = _orphans(labels)
    for name, number in (+counts).items():
        report.count(name, number)
    source = _source(data.path, labels, len(rows))
    report.add_input(source, 'YOLO data.yaml and its label files')
    return Annotations(
        films=films,
        boxes=box_rows(
            film=[i for i, _ in rows],
            finding=[row.finding for _, row in rows],
            xyxy=[row.xyxy for _, row in rows],
            file=[str(row.file) for _, row in rows],
            line=[row.line for _, row in rows],
            fractions=True,
        ),
        findings=tuple(dict.fromkeys(data.names.values())),
        source=source,
        ground_truth={
            split: None
            for split, own in data.images.items()
            if not any(label_path(path).is_file() for path in own)
        },
        paths=paths,
    )


def _check_some_labels(
    labels: dict[Path, list[LabelRow]], images: list[tuple[str, Path]], data: YoloData
) -> None:
    if not any(path.is_file() for path in labels):
        raise AnnotationError(
            f'none of its {len(images):,} images has a label file: of {images[0][1]} '
            f'it would be {next(iter(labels))}. The labels belong into a folder '
            '"labels" beside "images".',
            data.path,
        )


def _orphans(labels: dict[Path, list[LabelRow]]) -> int:
    """Label files that no image has, in the folders of those that one has."""
    folders = {path.parent for path in labels if path.parent.is_dir()}
    roots = [f for f in folders if not any(p in folders for p in f.parents)]
    there = {
        parent / name
        for folder in roots
        for parent, names in walk(folder)
        for name in names
        if name.endswith('.txt') and name != 'classes.txt'
    }
    return len(there - labels.keys())


def _source(path: Path, labels: dict[Path, list[LabelRow]], n_rows: int) -> Source:
    """data.yaml and every label file, hashed as one."""
    digest = hashlib.sha256(path.read_bytes())
    for own in sorted(labels):
        if own.is_file():
            digest.update(hashlib.sha256(own.read_bytes()).digest())
    return Source(path, n_rows, digest.hexdigest(), digest.hexdigest())
