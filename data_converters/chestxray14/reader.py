"""NIH ChestX-ray14 -> image-level labels of 14 findings, and boxes of 8 as COCO.

Source: Wang et al. 2017, doi:10.1109/CVPR.2017.369.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from data_converters.arguments import fraction
from data_converters.arguments import whole
from data_converters.conversion import Conversion
from data_converters.conversion import Part
from data_converters.records import Box
from data_converters.report import Report
from mmlung.findings import CHESTXRAY14
from mmlung.findings import CHESTXRAY14_BOXES

from .boxes import BoxFile
from .boxes import boxes_of_films
from .boxes import check_boxes_against_labels
from .boxes import read_boxes
from .files import NihFiles
from .files import find_files
from .films import film_records
from .films import films_there
from .labels import FilmRow
from .labels import LabelFile
from .labels import read_labels
from .split import Split
from .split import SplitPlan
from .split import choose_healthy
from .split import plan_split
from .split import read_official_lists
from .split import split_films

EXAMPLES = """examples:
  a whole download, or a mirror of resized films
    {program} --root chestxray14 --out data/chestxray14
  with healthy films beside those with boxes, for a detector
    {program} --root chestxray14 --healthy 800 \\
        --out data/chestxray14
  before the images have arrived
    {program} --root chestxray14 --no-images \\
        --out data/chestxray14

The official lists are used when both are there unchanged and at least 99 % of their
films exist; the split is then called official, or official-incomplete. Otherwise the
films are split by patient and the split is called subset: its numbers must not be
compared with published ones. Films with boxes are all in the official test list, so
boxes_*.json are always a subset split by patient.
"""

BOX_NOTE = (
    'Only the finding that was asked for is boxed on each film: other findings there '
    'have no box, and a detector that finds them is counted wrong.'
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Files of a download, and how they are split."""
    group = parser.add_argument_group('ChestX-ray14 files')
    group.add_argument(
        '--root',
        type=Path,
        required=True,
        help='folder of a download: Data_Entry_2017*.csv, BBox_List_2017.csv, '
        'train_val_list.txt, test_list.txt; films of any suffix in images/, '
        'images_001/ to images_012/, or beside the tables',
    )
    for option, what in (
        ('--labels', 'Data_Entry_2017.csv or Data_Entry_2017_v2020.csv'),
        ('--boxes', 'BBox_List_2017.csv'),
        ('--train-val-list', 'train_val_list.txt'),
        ('--test-list', 'test_list.txt'),
    ):
        group.add_argument(option, type=Path, help=f'{what}, if not below the root')
    group.add_argument(
        '--images', type=Path, nargs='+', help='folders of films, if not below the root'
    )
    group.add_argument(
        '--no-images',
        action='store_true',
        help='convert the annotations alone, as if all films of the label file were '
        'there, 1024 x 1024',
    )
    group = parser.add_argument_group('split and films')
    group.add_argument(
        '--test-fraction',
        type=fraction,
        default=0.2,
        help='share of the films for testing, where the official lists are not used; 1 '
        'makes all of them test (default: %(default)s)',
    )
    group.add_argument(
        '--healthy',
        type=whole,
        default=0,
        metavar='N',
        help="add N films labelled 'No Finding' to boxes_*.json (default: %(default)s)",
    )


def convert(args: argparse.Namespace, report: Report) -> Conversion:
    """Read, check and split a download as the command line asks.

    Raises:
        AnnotationError: the data are wrong or incomplete.
    """
    files = find_files(args, report)
    labels = read_labels(files.labels, report, args.drop_invalid)
    print(labels.announcement())
    there = films_there(files, labels, report)
    plan = plan_split(
        labels.rows, there, read_official_lists(files, report), args, report
    )
    boxes = _read_boxes(files, labels, args, report)
    with_box, healthy = _films_for_detection(boxes, there, plan, args, report)
    wanted = {*plan.image_ids, *with_box, *healthy}
    records, root = film_records(
        {stem: row for stem, row in there.items() if stem in wanted},
        files,
        args,
        report,
    )
    if plan.family == 'official' and not records.keys() >= set(plan.image_ids):
        plan = replace(plan, family='official-incomplete')  # unreadable films left out
    found: dict[str, tuple[Box, ...]] = {}
    if boxes is not None:
        films = [records[stem] for stem in with_box if stem in records]
        found = boxes_of_films(
            boxes, films, report, args.max_outside, args.drop_invalid
        )
    boxed = {stem for stem in (*found, *healthy) if stem in records}
    labelled, detection = split_films(records, found, boxed, plan, args)
    parts = [
        *_classification_parts(labelled, plan),
        *_detection_parts(detection, found, boxes),
    ]
    return Conversion(
        dataset='chestxray14',
        release=_release_name(labels),
        findings=CHESTXRAY14_BOXES,
        image_classes=CHESTXRAY14,
        images_root=root,
        label_source=labels.source,
        seed=args.seed,
        parts=[part for part in parts if part.records],
        lists={
            f'{name}_list': [labels.rows[film.image_id].image_index for film in part]
            for name, part in labelled.items()
            if part
        },
    )


def _release_name(labels: LabelFile) -> str:
    return 'Data_Entry_2017' + ('' if labels.version == '2017' else '_v2020')


def _read_boxes(
    files: NihFiles, labels: LabelFile, args: argparse.Namespace, report: Report
) -> BoxFile | None:
    """The box file, when there is one."""
    if files.boxes is None:
        if args.healthy:
            raise argparse.ArgumentError(
                None, '--healthy needs BBox_List_2017.csv: name it with --boxes'
            )
        report.warn('no BBox_List_2017.csv: boxes_*.json are not written')
        return None
    boxes = read_boxes(files.boxes, report)
    check_boxes_against_labels(boxes, labels, report)
    return boxes


def _films_for_detection(
    boxes: BoxFile | None,
    there: dict[str, FilmRow],
    plan: SplitPlan,
    args: argparse.Namespace,
    report: Report,
) -> tuple[list[str], list[str]]:
    """Stems of films with boxes, and of the healthy ones to go with them.

    Beside the official lists they are all of the official test list, as the films with
    boxes are: none of their patients is in the official training part.
    """
    if boxes is None:
        return [], []
    left_out = sum(stem not in there for stem in boxes.image_id)
    if left_out:
        report.count('boxes of films that are not there, left out', left_out)
    stems = dict.fromkeys(stem for stem in boxes.image_id if stem in there)
    candidates = {
        stem: row
        for stem, row in there.items()
        if stem not in stems and (plan.test is None or stem in plan.test)
    }
    healthy = choose_healthy(candidates, args.healthy, args.seed, report)
    return list(stems)[: args.limit], healthy[: args.limit]


def _classification_parts(films: Split, plan: SplitPlan) -> list[Part]:
    return [
        Part(name, 'classification', name, plan.family, 'text-mined', records)
        for name, records in films.items()
    ]


def _detection_parts(films: Split, found: dict, boxes: BoxFile | None) -> list[Part]:
    if boxes is None:
        return []
    extra = {
        'label_file': boxes.source.path.name,
        'label_sha256': boxes.source.content_sha256,
        'note': BOX_NOTE,
    }
    return [
        Part(
            f'boxes_{name}',
            'detection',
            name,
            'subset',
            'reader',
            [replace(r, boxes=found.get(r.image_id, ())) for r in records],
            extra,
        )
        for name, records in films.items()
    ]
