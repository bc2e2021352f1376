"""What a user gets wrong, as one line that says what to do."""

import gzip
import shutil

import pytest

from . import download
from .download import mend
from .download import table


def _too_low(root):
    return root / 'files'


def _only_labels(root):
    table(root, 'split').unlink()
    return root


def _no_labels(root):
    table(root, 'chexpert').unlink()
    return root


def _only_dicom_tables(root):
    for path in root.glob('*.csv.gz'):
        path.unlink()
    lines = ['subject_id,study_id,dicom_id,path']
    download.write(root / 'cxr-record-list.csv.gz', lines)
    return root


def _half_a_table(root):
    path = table(root, 'metadata')
    path.write_bytes(path.read_bytes()[:-40])
    return root


def _cut_off_table(root):
    packed = table(root, 'split')
    text = gzip.decompress(packed.read_bytes())[:-20]
    packed.with_suffix('').write_bytes(text)
    packed.unlink()
    return root


def _no_films(root):
    shutil.rmtree(root / 'files')
    return root


def _films_elsewhere(root):
    for study in list((root / 'files').glob('p*/p*/s*')):
        shutil.rmtree(study)
    return root


def _both_kinds(root):
    path = next((root / 'files').rglob(f'{download.dicom_id(1)}.jpg'))
    path.rename(path.with_suffix('.dcm'))
    return root


def _two_copies(root):
    shutil.copytree(root / 'files', root / 'files-256px')
    return root


def _broken_film(root):
    path = next((root / 'files').rglob(f'{download.dicom_id(1)}.jpg'))
    path.write_bytes(b'')
    return root


def _torn_patient(root):
    mend(
        table(root, 'split'), lambda i, s: s.replace(',train', ',test') if i == 2 else s
    )
    return root


def _other_patient(root):
    mend(
        table(root, 'split'),
        lambda i, s: s.replace(',10000000', ',10000009') if i == 2 else s,
    )
    return root


def _other_patient_of_labels(root):
    mend(
        table(root, 'chexpert'),
        lambda i, s: s.replace('10000000,', '10000009,') if i == 2 else s,
    )
    return root


def _odd_split(root):
    mend(table(root, 'split'), lambda i, s: s.replace('validate', 'val'))
    return root


def _odd_label(root):
    mend(table(root, 'chexpert'), lambda i, s: s.replace('-1.0', 'u') if i == 4 else s)
    return root


def _second_row(root):
    path = table(root, 'chexpert')
    lines = download.lines_of(path)
    download.write(path, [*lines, lines[1]])
    return root


def _no_view_column(root):
    mend(table(root, 'metadata'), lambda i, s: s.replace('ViewPosition', 'View'))
    return root


def _odd_subject(root):
    mend(
        table(root, 'metadata'),
        lambda i, s: s.replace(',10000000,', ',10000000.0,') if i == 2 else s,
    )
    return root


ERRORS = {
    'too low': (_too_low, 'It lies in {root}: name that.'),
    'nowhere': (lambda root: root / 'no', 'no: no such file or folder'),
    'no split': (
        _only_labels,
        'no table mimic-cxr-2.0.0-split.csv.gz was found there: without it no number',
    ),
    'no labels': (_no_labels, 'only that of negbio. Pass --labels negbio, or fetch it'),
    'dicom tables': (
        _only_dicom_tables,
        'metadata.csv.gz was found there (cxr-record-list is of the DICOM release',
    ),
    'half a gzip': (_half_a_table, 'is not a complete gzip file'),
    'half a table': (_cut_off_table, 'an incomplete download?'),
    'no films': (_no_films, 'pass --no-images'),
    'empty patients': (_films_elsewhere, 'none of its 15 films (first: p10/p10000000/'),
    'both kinds': (_both_kinds, '1 of 15 films are DICOM files, the others are not'),
    'two copies': (_two_copies, 'has two folders'),
    'broken film': (_broken_film, '1 of 15 images cannot be read'),
    'torn patient': (_torn_patient, '1 patients are in two parts of the split'),
    'other patient': (_other_patient, 'row 2: subject_id of film 00000001-'),
    'other labels': (_other_patient_of_labels, 'tables of different releases?'),
    'odd split': (_odd_split, "split must be train, validate, test, got 'val'"),
    'odd label': (_odd_label, "row 4: No Finding must be 1, 0, -1 or blank, got 'u'"),
    'second row': (_second_row, 'row 21: study_id 50000000 has a second row'),
    'no view': (
        _no_view_column,
        'has no column ViewPosition. The views are in mimic-cxr-2.0.0-metadata',
    ),
    'odd subject': (_odd_subject, "must be digits alone, got '10000000.0'"),
}


@pytest.mark.parametrize('name', ERRORS)
def test_one_line(mimic, refuse, name):
    spoil, message = ERRORS[name]
    root = spoil(mimic)
    assert message.format(root=mimic) in refuse('mimic-cxr', '--root', root)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['--views', 'FRONTAL'], 'no film has ViewPosition FRONTAL; there are PA (10)'),
        (['--uncertain', 'present', 'absent'], 'takes one word for all findings'),
    ],
    ids=['view', 'uncertain'],
)
def test_options(mimic, refuse, options, message):
    assert message in refuse('mimic-cxr', '--root', mimic, *options)


@pytest.mark.parametrize(
    'name', ['odd split', 'odd label', 'second row', 'odd subject']
)
def test_drop_invalid(mimic, convert, name):
    root = ERRORS[name][0](mimic)
    made = convert('mimic-cxr', '--root', root, '--drop-invalid')
    assert made.report['n_dropped'] >= 1
