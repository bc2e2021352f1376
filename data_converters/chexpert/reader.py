"""CheXpert, of either size -> image-level labels of 14 findings.

Source: Irvin et al. 2019, doi:10.1609/aaai.v33i01.3301590.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from data_converters.collecting import without_collection
from data_converters.conversion import Conversion
from data_converters.conversion import Part
from data_converters.label_cells import report_labels
from data_converters.records import ImageRecord
from data_converters.report import Report
from data_converters.splits import split_records
from data_converters.uncertainty import LabelPolicy
from data_converters.uncertainty import add_label_arguments
from data_converters.uncertainty import apply_policy
from data_converters.uncertainty import policy_of
from mmlung.findings import CHEXPERT

from .files import CheXpertFiles
from .files import find_files
from .films import VIEWS
from .films import check_found
from .films import film_records
from .films import films_of_views
from .films import films_there
from .rows import FilmTable
from .rows import read_films
from .split import check_patients
from .split import family
from .split import is_official
from .split import report_missing

EXAMPLES = """examples:
  a whole download, CheXpert-v1.0 or CheXpert-v1.0-small
    {program} --root CheXpert-v1.0-small --out data/chexpert
  uncertain labels as the paper chose for the findings it compared
    {program} --root CheXpert-v1.0-small --uncertain u-mixed --out data/chexpert
  one word for all findings, and another one for two of them
    {program} --root CheXpert-v1.0-small --out data/chexpert \\
        --uncertain unknown Edema=present 'Pleural Effusion=present'
  before the images have arrived
    {program} --root CheXpert-v1.0-small --no-images --out data/chexpert

What is written: train.json and val.json, both of train.csv, split by patient
(--val-fraction, --seed): labels mined from reports, val.json to choose the epoch by.
test.json, the radiologists' labels: test.csv where it is there, else valid.csv. With
both, valid.csv goes into valid.json, for thresholds or a look; it chooses nothing, so
that numbers on it stay honest. A part is called official when its table is the
release's and all films of the wanted views exist, official-incomplete with at least
99 % of them, else subset: its numbers must not be compared with published ones.

--train takes another labelling of the same films too: train_cheXbert.csv, say.
"""

GROUND_TRUTH = {
    'valid': "radiologists' consensus (3, majority)",
    'test': "radiologists' consensus (5, majority)",
}
_RELEASES = ('CheXpert-v1.0', 'CheXpert-v1.0-small')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Files of a download, views, and what labels become."""
    group = parser.add_argument_group('CheXpert files')
    group.add_argument(
        '--root',
        type=Path,
        required=True,
        help='folder of a download: train.csv, valid.csv and test.csv in it or in a '
        'folder inside it; films in train/, valid/ and test/, or folders of patients '
        'anywhere below',
    )
    for role in ('train', 'valid', 'test'):
        group.add_argument(
            f'--{role}', type=Path, metavar='CSV', help=f'{role}.csv, if not there'
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
        help='convert the tables alone, as if all their films were there',
    )
    group.add_argument(
        '--views',
        choices=VIEWS,
        default='frontal',
        help='films to convert; the others are counted (default: %(default)s)',
    )
    add_label_arguments(parser)


@without_collection
def convert(args: argparse.Namespace, report: Report) -> Conversion:
    """Read, check and split a download as the command line asks.

    Raises:
        AnnotationError: the data are wrong or incomplete.
    """
    policy = policy_of(args)
    files = find_files(args)
    tables = {
        role: read_films(path, role, report, args.drop_invalid)
        for role, path in files.tables.items()
    }
    check_patients(tables)
    films, paths, families = _films(tables, files, args, report)
    labels = {}
    for role, own in films.items():
        result = apply_policy(own.cells, CHEXPERT, policy)
        report_labels(report, policy, own.source.path.name, result)
        labels[role] = result.labels
    records, root = film_records(films, paths, labels, args, report)
    for role, kept in records.items():
        if families[role] == 'official' and len(kept) < len(films[role]):
            families[role] = 'official-incomplete'  # unreadable films left out
    parts = _parts(records, films, families, policy, args, report)
    return Conversion(
        dataset='chexpert',
        release=_release(tables['train'], root, report),
        findings=CHEXPERT,
        image_classes=CHEXPERT,
        images_root=root,
        label_source=tables['train'].source,
        seed=args.seed,
        parts=[part for part in parts if part.records],
    )


def _films(
    tables: dict[str, FilmTable],
    files: CheXpertFiles,
    args: argparse.Namespace,
    report: Report,
) -> tuple[dict[str, FilmTable], dict[str, list[Path]] | None, dict[str, str]]:
    """By role: films of the wanted views that are there, their files, the family."""
    films: dict[str, FilmTable] = {}
    paths: dict[str, list[Path]] = {}
    families: dict[str, str] = {}
    for role, table in tables.items():
        official = is_official(role, table)
        if not official:
            report.warn(
                f'{table.source.path.name} is not the {role}.csv of CheXpert '
                f'({len(table):,} films): its part is a "subset"'
            )
        wanted = films_of_views(table, args.views, report)
        there = wanted
        found: list[Path] = []
        if files.patients is not None:
            there, found = films_there(wanted, files.patients)
            if role == 'train':
                check_found(wanted, len(there), files.patients)
        families[role] = family(official, len(there), len(wanted), args.limit)
        report_missing(wanted, there, families[role], report)
        films[role] = there.where(slice(args.limit))
        paths[role] = found[: args.limit]
    return films, None if files.patients is None else paths, families


def _parts(
    records: dict[str, list[ImageRecord]],
    films: dict[str, FilmTable],
    families: dict[str, str],
    policy: LabelPolicy,
    args: argparse.Namespace,
    report: Report,
) -> list[Part]:
    shares = {'train': 1 - args.val_fraction, 'val': args.val_fraction}
    split = split_records(records['train'], shares, args.seed)
    made = [(name, 'train', own) for name, own in split.items()]
    if records.get('test'):
        made += [('valid', 'valid', records.get('valid', []))]
        made += [('test', 'test', records['test'])]
    elif records.get('valid'):
        made += [('test', 'valid', records['valid'])]
    else:
        report.warn('no film of valid.csv or test.csv: test.json is not written')
    return [
        Part(
            name,
            'classification',
            name,
            families[role],
            GROUND_TRUTH.get(role) or _mined(films['train']),
            own,
            {
                'label_file': films[role].source.path.name,
                'label_sha256': films[role].source.content_sha256,
                'label_policy': policy.as_json(),
                'views': args.views,
            },
        )
        for name, role, own in made
    ]


def _mined(films: FilmTable) -> str:
    """Which labeller mined the reports: the release has other tables beside its own."""
    name = films.source.path.name.lower()
    for labeler in ('VisualCheXbert', 'CheXbert'):
        if labeler.lower() in name:
            return f'text-mined ({labeler})'
    return 'text-mined (CheXpert labeler)'


def _release(films: FilmTable, root: Path, report: Report) -> str:
    """Which size of the release the films are: the folder says, else the table."""
    said = films.folder.partition('/')[0]
    is_in = [part for part in root.absolute().parts if part in _RELEASES]
    if is_in and said in _RELEASES and is_in[-1] != said:
        report.warn(
            f'{films.source.path.name} is of {said}, the films lie in {is_in[-1]}: '
            'the labels are the same, the films are not'
        )
    return is_in[-1] if is_in else said if said in _RELEASES else 'CheXpert'
