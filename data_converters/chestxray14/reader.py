"""NIH ChestX-ray14 -> image-level labels of 14 findings, and boxes of 8 as COCO.

Source: Wang et al. 2017, doi:10.1109/CVPR.2017.369.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

from data_converters.conversion import Conversion
from data_converters.conversion import Part
from data_converters.cross_validation import fold_facts
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
from .healthy import choose_healthy
from .labels import FilmRow
from .labels import LabelFile
from .labels import read_labels
from .options import add_arguments
from .options import check_split_options
from .partition import Folders
from .partition import Partition
from .split import SplitPlan
from .split import plan_split

__all__ = ['EXAMPLES', 'add_arguments', 'convert']

EXAMPLES = """examples:
  a whole download, or a mirror of resized films
    {program} --root chestxray14 --out data/chestxray14
  with healthy films beside those with boxes, for a detector
    {program} --root chestxray14 --healthy 800 \\
        --out data/chestxray14
  five folds by patient: fold_0/train.json, fold_0/val.json, fold_0/test.json, ...
    {program} --root chestxray14 --folds 5 \
        --out data/chestxray14-cv
  the cut of train and val that others used, beside the official test list
    {program} --root chestxray14 --val-list val_list.txt \
        --out data/chestxray14
  before the images have arrived
    {program} --root chestxray14 --no-images \\
        --out data/chestxray14

The official lists are used when both are there unchanged and at least 99 % of their
films exist; the split is then called official, or official-incomplete. Otherwise the
films are split by patient and the split is called subset: its numbers must not be
compared with published ones, nor those of --split random, which is called random. Films
with boxes are all in the official test list, so boxes_*.json are split by patient by
themselves and never official.
"""

BOX_NOTE = (
    'Only the finding that was asked for is boxed on each film: other findings there '
    'have no box, and a detector that finds them is counted wrong.'
)


def convert(args: argparse.Namespace, report: Report) -> Conversion:
    """Read, check and split a download as the command line asks.

    Raises:
        AnnotationError: the data are wrong or incomplete.
    """
    check_split_options(args)
    files = find_files(args, report)
    labels = read_labels(files.labels, report, args.drop_invalid)
    print(labels.announcement())
    there = films_there(files, labels, report)
    plan = plan_split(labels.rows, there, files, args, report)
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
    partition = Partition(records, found, boxed, args)
    labelled, detection = partition.labelled_and_boxed(plan)
    parts = [
        *_classification_parts(labelled, plan, args),
        *_detection_parts(detection, found, boxes, plan, args),
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
            f'{folder}{name}_list': [labels.rows[f.image_id].image_index for f in part]
            for folder, split in labelled.items()
            for name, part in split.items()
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


def _classification_parts(
    folders: Folders, plan: SplitPlan, args: argparse.Namespace
) -> list[Part]:
    return [
        Part(
            f'{folder}{name}',
            'classification',
            name,
            plan.family,
            'text-mined',
            records,
            {
                **({} if name == 'test' else plan.val_facts),
                **fold_facts(folder, args.folds),
            },
        )
        for folder, split in folders.items()
        for name, records in split.items()
    ]


def _detection_parts(
    folders: Folders,
    found: dict[str, tuple[Box, ...]],
    boxes: BoxFile | None,
    plan: SplitPlan,
    args: argparse.Namespace,
) -> list[Part]:
    if boxes is None:
        return []
    extra = {
        'label_file': boxes.source.path.name,
        'label_sha256': boxes.source.content_sha256,
        'note': BOX_NOTE,
    }
    films = {r.image_id: r for s in folders.values() for p in s.values() for r in p}
    films = {s: replace(r, boxes=found.get(s, ())) for s, r in films.items()}
    return [
        Part(
            f'{folder}boxes_{name}',
            'detection',
            name,
            'random' if plan.family == 'random' else 'subset',
            'reader',
            [films[record.image_id] for record in records],
            {**extra, **fold_facts(folder, args.folds)},
        )
        for folder, split in folders.items()
        for name, records in split.items()
    ]
