"""MIMIC-CXR-JPG, or MIMIC-CXR's DICOM files -> image-level labels of 14 findings.

Source: Johnson et al. 2019, arXiv:1901.07042 (MIMIC-CXR-JPG).
"""

from __future__ import annotations

import argparse
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from data_converters.collecting import without_collection
from data_converters.conversion import Conversion
from data_converters.conversion import Part
from data_converters.records import ImageRecord
from data_converters.report import Report
from data_converters.uncertainty import LabelPolicy
from data_converters.uncertainty import add_label_arguments
from data_converters.uncertainty import policy_of
from mmlung.findings import CHEXPERT

from .files import LABELERS
from .files import MimicFiles
from .files import find_files
from .films import SIZES
from .films import film_records
from .people import people_of
from .rows import FilmTable
from .rows import read_films
from .selection import Selection
from .selection import select_films
from .split import PARTS
from .split import check_patients
from .split import is_official
from .studies import COLUMNS
from .studies import TEST_COLUMNS
from .studies import StudyTable
from .studies import check_subjects
from .studies import label_films
from .studies import read_studies
from .views import add_view_argument

EXAMPLES = """examples:
  a whole download of MIMIC-CXR-JPG
    {program} --root physionet.org/files/mimic-cxr-jpg/2.1.0 --out data/mimic-cxr
  the DICOM files of MIMIC-CXR, with the tables of MIMIC-CXR-JPG
    {program} --root mimic-cxr-jpg/2.1.0 --images mimic-cxr/2.1.0/files \\
        --out data/mimic-cxr-dicom
  laterals as well, NegBio's labels, uncertain ones taken for absent
    {program} --root mimic-cxr-jpg/2.1.0 --views PA AP LATERAL LL \\
        --labels negbio --uncertain absent --out data/mimic-cxr
  before the films have arrived
    {program} --root mimic-cxr-jpg/2.1.0 --no-images --out data/mimic-cxr

What is written: train.json, val.json and test.json, the official split by patient
(train, validate, test of the split table; --val-fraction and --seed change nothing),
with labels mined from the reports: those of a study for each of its films. Release
2.1.0 has 687 studies of the test part labelled by a radiologist: their films are in
test_radiologists.json as well. A study without a row, or with nothing but blanks, is
unlabelled: its gt_score is null throughout, and it is counted. A part is called
official when the tables are the release's and all films of the wanted views exist,
official-incomplete with at least 99 % of them, else subset: its numbers must not be
compared with published ones.

The tables know neither sex nor age; --patients takes both from MIMIC-IV.
"""

PIXELS = {
    'dicom': 'DICOM',
    'image': 'histogram equalised to 8 bits by the release',
    None: 'not looked at',
}
GROUND_TRUTH = {
    'chexpert': 'text-mined (CheXpert labeler)',
    'negbio': 'text-mined (NegBio labeler)',
}

_VERSION = re.compile(r'2\.\d\.\d$')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Files of a download, views, and what labels become."""
    group = parser.add_argument_group('MIMIC-CXR files')
    group.add_argument(
        '--root',
        type=Path,
        required=True,
        help='folder of a download: the tables mimic-cxr-2.0.0-*.csv.gz (read as they '
        'are) and files/ in it or in a folder inside it',
    )
    for option, what in (
        ('--metadata', 'mimic-cxr-2.0.0-metadata.csv.gz'),
        ('--split-table', 'mimic-cxr-2.0.0-split.csv.gz'),
        ('--label-table', 'mimic-cxr-2.0.0-chexpert.csv.gz or -negbio.csv.gz'),
        ('--test-labels', 'mimic-cxr-2.1.0-test-set-labeled.csv'),
    ):
        group.add_argument(
            option, type=Path, metavar='CSV', help=f'{what}, if not there'
        )
    group.add_argument(
        '--patients',
        type=Path,
        metavar='CSV',
        help="MIMIC-IV's hosp/patients.csv.gz, for sex and age",
    )
    group.add_argument(
        '--images',
        type=Path,
        nargs='+',
        help='folders of films, if not below the root or if there are two copies',
    )
    group.add_argument(
        '--no-images',
        action='store_true',
        help='convert the tables alone, as if all their films were there as JPEG',
    )
    group.add_argument(
        '--sizes',
        choices=SIZES,
        default='files',
        help='where the sizes of films are from: their headers, which finds broken '
        'files, or the metadata, which opens none of 377,110 and is right where the '
        'films are as large as the release has them (default: %(default)s)',
    )
    group.add_argument(
        '--labels',
        choices=LABELERS,
        default=LABELERS[0],
        help='which labeler mined the reports (default: %(default)s)',
    )
    add_view_argument(group)
    add_label_arguments(parser)


@without_collection
def convert(args: argparse.Namespace, report: Report) -> Conversion:
    """Read, check and split a download as the command line asks.

    Raises:
        AnnotationError: the data are wrong or incomplete.
    """
    policy = policy_of(args)
    files = find_files(args, report)
    films = read_films(files.metadata, files.split, report, args.drop_invalid)
    check_patients(films)
    official = is_official(films)
    if not official:
        report.warn(
            f'{len(films):,} films in {files.metadata.name} and {files.split.name} are '
            'not those of the release: the parts are a "subset"'
        )
    studies, radiologists = _labels(files, films, args, report)
    selection = select_films(films, files.patients, official, args, report)
    people = people_of(selection.films, args.patients, report, args.drop_invalid)
    labels = label_films(selection.films, studies, policy, report)
    records = film_records(
        selection.films, selection.names, selection.sizes_hw, labels, people
    )
    facts = {
        'label_policy': policy.as_json(),
        'views': args.views,
        'pixels': PIXELS[selection.kind],
    }
    parts = _parts(selection, records, GROUND_TRUTH[args.labels], facts)
    for part in parts:
        if not part.records:
            report.warn(f'no film of {part.name}: {part.file_name} is not written')
    if radiologists is not None:
        seen = _seen_by_radiologist(selection, records, radiologists, policy, report)
        parts.append(_radiologist_part(parts[-1], seen, radiologists))
    return Conversion(
        dataset='mimic-cxr',
        release=_release(selection, radiologists, args.root),
        findings=CHEXPERT,
        image_classes=CHEXPERT,
        images_root=selection.root,
        label_source=studies.source,
        seed=args.seed,
        parts=[part for part in parts if part.records],
    )


def _labels(
    files: MimicFiles, films: FilmTable, args: argparse.Namespace, report: Report
) -> tuple[StudyTable, StudyTable | None]:
    """The labeler's studies, and the radiologist's of 2.1.0."""
    tables: list[StudyTable] = []
    for path, role, columns in (
        (files.labels, args.labels, COLUMNS),
        (files.test_labels, 'test_labels', TEST_COLUMNS),
    ):
        if path is None:
            return tables[0], None
        tables.append(read_studies(path, role, columns, report, args.drop_invalid))
        check_subjects(films, tables[-1])
    return tables[0], tables[1]


def _parts(
    selection: Selection,
    records: list[ImageRecord],
    ground_truth: str,
    facts: dict[str, Any],
) -> list[Part]:
    """train, val and test, as the labeler labelled them."""
    of_part: dict[str, list[ImageRecord]] = {name: [] for name in PARTS}
    for name, record in zip(selection.films.part, records, strict=True):
        of_part[name].append(record)
    families = selection.families
    return [
        Part(name, 'classification', name, families[name], ground_truth, own, facts)
        for name, own in of_part.items()
    ]


def _seen_by_radiologist(
    selection: Selection,
    records: list[ImageRecord],
    studies: StudyTable,
    policy: LabelPolicy,
    report: Report,
) -> list[ImageRecord]:
    """Films of the test part that the radiologist labelled, with those labels."""
    films = selection.films
    places = np.flatnonzero((films.part == 'test') & (studies.rows_of(films) >= 0))
    films = films.where(places)
    without = len(studies.study_id) - len({*films.study_id})
    if without:
        report.count(
            f'studies of {studies.source.path.name} without a film of these views in '
            'the test part',
            without,
        )
    labels = label_films(films, studies, policy, report)
    own = zip(places.tolist(), labels.labels, labels.line, strict=True)
    return [
        replace(records[place], labels=label, row=line) for place, label, line in own
    ]


def _radiologist_part(test: Part, seen: list[ImageRecord], studies: StudyTable) -> Part:
    """The same test part as the radiologist labelled it."""
    file = {
        'label_file': studies.source.path.name,
        'label_sha256': studies.source.content_sha256,
    }
    return replace(
        test,
        name='test_radiologists',
        ground_truth='radiologist',
        records=seen,
        extra={**test.extra, **file},
    )


def _release(selection: Selection, radiologists: StudyTable | None, root: Path) -> str:
    """Which release it is: films say DICOM or JPEG, tables and folder the version."""
    name = 'MIMIC-CXR' if selection.kind == 'dicom' else 'MIMIC-CXR-JPG'
    folders = [*selection.root.absolute().parts, *root.absolute().parts]
    said = [folder for folder in folders if _VERSION.match(folder)]
    version = said[-1:] or (['2.1.0'] if radiologists is not None else [])
    return ' '.join([name, *version])
