"""CSV tables of boxes, whatever their columns are called -> COCO with splits, or YOLO.

One row a box. A row without coordinates says that its image has no finding.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from data_converters.conversion import Conversion
from data_converters.report import Report
from data_converters.tables import Table
from data_converters.tables import read_table

from .annotated import Annotations
from .annotated import box_rows
from .arguments import add_generic_arguments
from .conversion import finish
from .csv_columns import FORMS
from .csv_columns import check_units
from .csv_columns import column_name
from .csv_columns import find_columns
from .csv_columns import to_xyxy
from .csv_films import check_empty
from .csv_films import films_of

EXAMPLES = r"""examples:
  columns image, finding, xmin, ymin, xmax, ymax (and split, patient_id: see below)
    {program} --annotations boxes.csv --images png/ --out data/mine
  other names; corner and size in the place of two corners
    {program} --annotations boxes.csv --images png/ \
        --columns image=filename finding=label x=left y=top w=wide h=high \
        --out data/mine
  centre and size in shares of the image; rows of healthy films are called Normal
    {program} --annotations boxes.csv --images png/ \
        --columns cx=x_center cy=y_center w=width h=height --units fractions \
        --rename Normal= --out data/mine
  to YOLO
    {program} --annotations boxes.csv --images png/ --to yolo --out data/mine-yolo

Columns that are understood, by these names or by --columns NAME=COLUMN:
  image       file name or path below --images, or its stem            (needed)
  finding     what the box shows                                       (needed)
  xmin ymin xmax ymax | x y w h | cx cy w h                            (needed, one)
  image_width image_height   of the image that the boxes are drawn on; other sizes on
              disk are resized copies, and their boxes are scaled
  split       train, val or test; empty: to be split
  image_id patient_id study_id view sex age readers (R8;R10) iscrowd
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The table and its columns, and what the generic formats share."""
    group = parser.add_argument_group('CSV table')
    group.add_argument(
        '--annotations', type=Path, required=True, help='CSV, plain or gzipped'
    )
    group.add_argument(
        '--columns',
        nargs='+',
        action='extend',
        type=column_name,
        default=[],
        metavar='NAME=COLUMN',
        help='what the columns are called, where it is not as listed below',
    )
    group.add_argument(
        '--box',
        choices=FORMS,
        help='form of the boxes, where the columns of several are there',
    )
    group.add_argument(
        '--units',
        choices=('pixels', 'fractions'),
        default='pixels',
        help='of the coordinates; fractions of width and height (default: %(default)s)',
    )
    add_generic_arguments(parser)


def convert(args: argparse.Namespace, report: Report) -> Conversion:
    """Read, check and split as the command line asks.

    Raises:
        AnnotationError: the data are wrong or incomplete.
    """
    table = read_table(args.annotations)
    report.add_input(table.source, 'boxes')
    table, form = find_columns(table, args.columns, args.box)
    words = set(table.frame['finding'])
    annotations = _annotations(table, form, args, report)
    renamings = [  # those for rows without a box have done their work
        item
        for item in args.rename
        if item.old in annotations.findings or item.old not in words
    ]
    args = argparse.Namespace(**{**vars(args), 'rename': renamings})
    return finish(annotations, args, report)


def _annotations(
    table: Table, form: str, args: argparse.Namespace, report: Report
) -> Annotations:
    """Films in the order of their first rows, and the boxes."""
    xyxy = to_xyxy(table, form)
    check_units(table, xyxy, args.units)
    is_box = ~np.isnan(xyxy).all(axis=1)
    left_out = [item.old for item in args.rename if not item.new]
    table, is_box, xyxy = check_empty(
        table, is_box, xyxy, left_out, args.drop_invalid, report
    )
    films, codes = films_of(table)
    report.count('rows without a box', int((~is_box).sum()))
    both = np.intersect1d(codes[~is_box], codes[is_box])
    if len(both):
        report.warn(
            f'{len(both):,} images have boxes and a row without one (first: '
            f'{films[both[0]].name}); the boxes count'
        )
    frame = table.frame
    return Annotations(
        films=films,
        boxes=box_rows(
            film=codes[is_box].tolist(),
            finding=frame['finding'][is_box].tolist(),
            xyxy=xyxy[is_box],
            file=[table.name] * int(is_box.sum()),
            line=frame.index[is_box].tolist(),
            readers=[
                tuple(filter(None, cell.split(';')))
                for cell in frame['readers'][is_box]
            ],
            crowd=frame['iscrowd'][is_box].isin(('1', 'True', 'true')).tolist(),
            fractions=args.units == 'fractions',
        ),
        findings=tuple(name for name in frame['finding'].unique() if name),
        source=table.source,
    )
