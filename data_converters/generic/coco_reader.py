"""COCO detection files -> COCO with splits, YOLO or CSV; nothing is left out unsaid.

Boxes are ``[x, y, width, height]``, floats allowed. Category ids may have gaps.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from typing import Any

from data_converters.conversion import Conversion
from data_converters.records import AnnotationError
from data_converters.report import Report
from data_converters.tables import Source
from data_converters.tables import joint_source

from .annotated import SPLITS
from .annotated import Annotations
from .annotated import Film
from .annotated import box_rows
from .arguments import add_generic_arguments
from .coco_file import CocoFile
from .coco_file import film_facts
from .coco_file import read_coco
from .conversion import finish

EXAMPLES = r"""examples:
  a file of your own, split into train and val; patients stay together
    {program} --annotations boxes.json --images png/ \
        --patient-pattern '^(\d+)_' --out data/mine
  splits that are there already
    {program} --annotations train.json --val-annotations val.json \
        --images png/ --out data/mine
  findings under VinDr's names; one of them left out
    {program} --annotations boxes.json --images png/ --findings vindr-kaggle \
        --rename 'Effusion=Pleural effusion' 'Fracture=' --out data/mine
  a converted data set to YOLO (its files say where images are, and their split)
    {program} --annotations data/vindr-cxr/train.json data/vindr-cxr/val.json \
        --to yolo --out data/vindr-yolo

Images without boxes stay. Outlines (segmentation) are counted and not kept; iscrowd is.
Rows in messages and in the report are entries of "annotations", counted from 1.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Files of each split, and what the generic formats share."""
    group = parser.add_argument_group('COCO files')
    group.add_argument(
        '--annotations',
        type=Path,
        nargs='+',
        required=True,
        help='COCO JSON files with images, annotations and categories; what a '
        'conversion wrote keeps its split, others are split',
    )
    for split in ('val', 'test'):
        group.add_argument(
            f'--{split}-annotations',
            type=Path,
            nargs='+',
            default=[],
            help=f'files that are the {split} split; then none is drawn',
        )
    add_generic_arguments(parser)


def convert(args: argparse.Namespace, report: Report) -> Conversion:
    """Read, check and split as the command line asks.

    Raises:
        AnnotationError: the data are wrong or incomplete.
    """
    files = [
        read_coco(path, split, report, args.drop_invalid)
        for split, paths in (
            (None, args.annotations),
            ('val', args.val_annotations),
            ('test', args.test_annotations),
        )
        for path in paths
    ]
    return finish(_joined(files, report), args, report)


def _joined(files: list[CocoFile], report: Report) -> Annotations:
    """All files as one."""
    findings = dict.fromkeys(name for file in files for name in file.findings)
    image_classes = _the_image_classes(files)
    films: list[Film] = []
    rows: dict[str, Any] = {key: [] for key in files[0].rows}
    for file in files:
        start = len(films)
        films += [
            Film(
                image_id=str(image.get('image_id', image['file_name'])),
                name=image['file_name'],
                declared_hw=size,
                split=file.split,
                facts=film_facts(image, file.path),
            )
            for image, size in zip(file.images, file.sizes, strict=True)
        ]
        rows['film'] += [start + i for i in file.rows['film']]
        for key in rows.keys() - {'film'}:
            rows[key] += file.rows[key]
    roots = {file.images_root for file in files}
    infos = [file.info for file in files]
    extra: dict[str, Any] = {}
    if any('label_file' in info for info in infos):
        extra['converted_from'] = infos
    if len(files) > 1:
        extra['label_files'] = [file.path.name for file in files]
    return Annotations(
        films=films,
        boxes=box_rows(**rows),
        findings=tuple(findings),
        source=_source(files, report),
        dataset=next((i['dataset'] for i in infos if i.get('dataset')), None),
        image_classes=image_classes,
        ground_truth=_ground_truth(files),
        images=next(iter(roots)) if len(roots) == 1 else None,
        extra=extra,
        synthetic=any(info.get('synthetic') for info in infos),
    )


def _the_image_classes(files: list[CocoFile]) -> tuple[str, ...]:
    """Names of the image-level labels: the same in all files.

    Raises:
        AnnotationError: they differ.
    """
    classes = [tuple(file.info.get('image_classes') or ()) for file in files]
    for file, own in zip(files, classes, strict=True):
        if own != classes[0]:
            raise AnnotationError(
                f'has the image labels {own}, {files[0].path} has {classes[0]}. '
                'Convert them one by one.',
                file.path,
            )
        for image in file.images:
            labels = image.get('gt_score') or ()
            if labels and len(labels) != len(own):
                raise AnnotationError(
                    f'image {image["file_name"]}: gt_score has {len(labels)} labels, '
                    f'info.image_classes names {len(own)}',
                    file.path,
                )
    return classes[0]


def _ground_truth(files: list[CocoFile]) -> dict[str, str | None]:
    """What the boxes of each split are; None for films that nobody has labelled."""
    given = {file.split for file in files}
    drawn = [split for split in SPLITS if split == 'train' or split not in given]
    found: dict[str, dict[str | None, None]] = {}
    for file in files:
        kind = file.info.get('ground_truth', 'given' if file.labelled else None)
        for split in [file.split] if file.split else drawn:
            found.setdefault(split, {})[kind] = None
    return {
        split: next(iter(kinds)) if len(kinds) == 1 else 'mixed'
        for split, kinds in found.items()
    }


def _source(files: list[CocoFile], report: Report) -> Source:
    counts: Counter[str] = Counter()
    for file in files:
        report.add_input(file.source, f'COCO ({file.split or "to be split"})')
        counts.update(file.counts)
    for name, number in counts.items():
        report.count(name, number)
    return joint_source([file.source for file in files])
