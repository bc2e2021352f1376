from argparse import Namespace

import pytest

from data_converters.mimic_cxr.files import PATTERNS
from data_converters.mimic_cxr.files import find_files
from data_converters.records import AnnotationError
from data_converters.report import Report

from . import download
from .download import table


def options(root, **more):
    names = ('metadata', 'split_table', 'label_table', 'test_labels', 'images')
    defaults = {'root': root, 'no_images': False, 'labels': 'chexpert'}
    return Namespace(**{**dict.fromkeys(names), **defaults, **more})


def find(root, **more):
    return find_files(options(root, **more), Report())


@pytest.mark.parametrize(
    ('name', 'role'),
    [
        ('mimic-cxr-2.0.0-metadata.csv.gz', 'metadata'),
        ('mimic-cxr-2.0.0-metadata.csv', 'metadata'),
        ('mimic-cxr-2.0.0-split.csv.gz', 'split'),
        ('mimic-cxr-2.0.0-chexpert.csv.gz', 'chexpert'),
        ('mimic-cxr-2.0.0-negbio.csv.gz', 'negbio'),
        ('mimic-cxr-2.1.0-test-set-labeled.csv', 'test_labels'),
        ('cxr-record-list.csv.gz', None),
        ('mimic-cxr-2.0.0-split.csv.gz.part', None),
        ('IMAGE_FILENAMES', None),
    ],
)
def test_role_of_a_name(name, role):
    roles = [role for role, pattern in PATTERNS.items() if pattern.match(name)]
    assert roles == ([role] if role else [])


def test_folders_of_the_release(mimic):
    files = find(mimic)
    assert files.metadata == table(mimic, 'metadata')
    assert files.split == table(mimic, 'split')
    assert files.labels == table(mimic, 'chexpert')
    assert files.test_labels is None
    assert len(files.patients) == 10
    assert files.patients['p10000000'] == mimic / 'files' / 'p10' / 'p10000000'
    assert find(mimic, labels='negbio').labels == table(mimic, 'negbio')
    assert find(mimic, no_images=True).patients is None


def test_named_tables_win(mimic, tmp_path):
    named = {
        'split_table': table(mimic, 'split').rename(tmp_path / 's.csv.gz'),
        'label_table': table(mimic, 'chexpert').rename(tmp_path / 'l.csv.gz'),
        'metadata': table(mimic, 'metadata').rename(tmp_path / 'm.csv.gz'),
    }
    files = find(mimic, **named)
    assert (files.split, files.labels) == (named['split_table'], named['label_table'])
    assert files.metadata == named['metadata']


def test_tables_are_not_looked_for_among_films(mimic):
    study = mimic / 'files' / 'p10' / 'p10000000' / 's50000000'
    download.write(study / 'mimic-cxr-2.0.0-split.csv.gz', ['another one'])
    assert find(mimic).split == table(mimic, 'split')


def test_one_group_of_patients(mimic):
    files = find(mimic, images=[mimic / 'files' / 'p11'])
    assert {name[:3] for name in files.patients} == {'p11'}


def test_two_releases(mimic):
    other = download.release(mimic.parent / '2.1.0')
    download.mend(table(other, 'split'), lambda i, s: s if i < 3 else None)
    with pytest.raises(AnnotationError, match='all fit --split-table'):
        find(mimic.parent)


def test_a_file_is_no_root(mimic):
    with pytest.raises(AnnotationError, match='is a file; --root must be a folder'):
        find(table(mimic, 'split'))
