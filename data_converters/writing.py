"""The format that a conversion is written in: COCO, YOLO or CSV."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .generic.csv_writer import NAME as CSV_NAME
from .generic.csv_writer import csv_text
from .generic.yolo_writer import NAME as YOLO_NAME
from .generic.yolo_writer import READABLE
from .generic.yolo_writer import data_yaml
from .generic.yolo_writer import images_of
from .generic.yolo_writer import label_texts
from .records import AnnotationError
from .report import Report

if TYPE_CHECKING:
    from .conversion import Conversion
    from .conversion import Part


@dataclass(frozen=True)
class Target:
    """What to write.

    Args:
        format: coco, yolo or csv.
        images_as: for YOLO, how images get into it: link, copy or none.
    """

    format: str = 'coco'
    images_as: str = 'link'


def add_writing_arguments(parser: argparse.ArgumentParser) -> None:
    """Format of the output."""
    group = parser.add_argument_group('format of the output')
    group.add_argument(
        '--to',
        choices=('coco', 'yolo', 'csv'),
        default='coco',
        help="coco: what mmlung trains on; yolo: Ultralytics' layout, data.yaml with "
        'images/ and labels/; csv: annotations.csv, a row a box. The last two hold '
        'boxes alone, no image-level labels (default: %(default)s)',
    )
    group.add_argument(
        '--images-as',
        choices=('link', 'copy', 'none'),
        default='link',
        help='for yolo, what becomes of the images (default: %(default)s)',
    )


def boxes_only_files(
    conversion: Conversion, target: Target, report: Report
) -> dict[str, str | Path]:
    """Files of a format for boxes alone: name -> text, or the image to put there.

    Args:
        conversion: its detection parts are written.
        target: yolo or csv.
        report: gets the number of everything that the format cannot hold.

    Raises:
        AnnotationError: there are no boxes to write, or images are missing.
    """
    parts = [part for part in conversion.parts if part.task == 'detection']
    if not parts:
        raise AnnotationError(
            f'there are no boxes to write as {target.format}; image-level labels need '
            '--to coco.'
        )
    _count_losses(conversion, parts, target, report)
    files: dict[str, str | Path] = {}
    for folder, own in _by_folder(parts).items():
        _check_splits(own, target)
        written = (
            {CSV_NAME: csv_text(own)}
            if target.format == 'csv'
            else _yolo_files(conversion, own, target, report)
        )
        files |= {f'{folder}{name}': content for name, content in written.items()}
    return files


def _by_folder(parts: Iterable[Part]) -> dict[str, list[Part]]:
    """Folder of a fold, which is a data set of its own -> its parts; '' for no fold."""
    folders: dict[str, list[Part]] = {}
    for part in parts:
        folder, slash, _ = part.name.rpartition('/')
        folders.setdefault(folder + slash, []).append(part)
    return folders


def _yolo_files(
    conversion: Conversion, parts: list[Part], target: Target, report: Report
) -> dict[str, str | Path]:
    """Files of one data set in Ultralytics' layout."""
    has_folds = any('/' in part.name for part in conversion.parts)
    if not has_folds and not {'train', 'val'} <= {part.split for part in parts}:
        report.warn('Ultralytics wants train and val in data.yaml: one is not there')
    files: dict[str, str | Path] = {YOLO_NAME: data_yaml(parts, conversion.findings)}
    files |= dict(label_texts(parts, conversion.findings))
    if target.images_as != 'none':
        files |= images_of(parts, conversion.images_root)
    return files


def short_list(files: Iterable[str]) -> list[str]:
    """Files of the top, and the number of files in each folder.

    >>> short_list(['data.yaml', 'labels/train/a.txt', 'labels/val/b.txt'])
    ['data.yaml', 'labels/ (2 files)']
    """
    folders: dict[str, int] = {}
    for name in files:
        top, slash, _ = name.partition('/')
        folders[top + slash] = folders.get(top + slash, 0) + 1
    return [
        f'{name} ({n:,} files)' if name.endswith('/') else name
        for name, n in folders.items()
    ]


def _check_splits(parts: list[Part], target: Target) -> None:
    """Each split has one set of boxes, not one for each reader."""
    splits = [part.split for part in parts]
    for part in parts:
        if splits.count(part.split) > 1:
            raise AnnotationError(
                f'several files are {part.split} ({part.file_name}, ...), which '
                f'{target.format} cannot hold. Write them as coco, or fuse the readers.'
            )


def _count_losses(
    conversion: Conversion, parts: list[Part], target: Target, report: Report
) -> None:
    """Everything that the format cannot hold, as numbers."""
    films = list({id(film): film for p in parts for film in p.records}.values())
    boxes = [box for film in films for box in film.boxes]
    left = f'not held by {target.format}'
    others = [part for part in conversion.parts if part.task != 'detection']
    labelled = {id(film) for part in others for film in part.records}
    lost = {
        'films of files with image-level labels': len(labelled),
        'films with image-level labels': sum(bool(film.labels) for film in films),
    }
    if target.format == 'yolo':
        lost['boxes with their readers'] = sum(bool(box.readers) for box in boxes)
        lost['crowd regions (boxes left out)'] = sum(box.crowd for box in boxes)
        lost['films with a patient'] = sum(f.patient_id is not None for f in films)
        unread = {
            film.file_name
            for film in films
            if film.file_name.rpartition('.')[2].lower() not in READABLE
        }
        if unread:
            report.warn(
                f'{len(unread):,} images are of a kind that Ultralytics does not read '
                f'(first: {sorted(unread)[0]}): save them as PNG first'
            )
    elif any(part.ground_truth is None for part in parts):
        report.warn(
            'films that nobody has labelled look in the table like films without a '
            'finding: mind the split'
        )
    for name, number in lost.items():
        if number:
            report.count(f'{name}, {left}', number)
