from argparse import Namespace

import pytest

from data_converters.chexpert.files import PATTERNS
from data_converters.chexpert.files import find_files
from data_converters.chexpert.files import patient_folders
from data_converters.records import AnnotationError


def options(root, **more):
    nothing = dict.fromkeys(('train', 'valid', 'test', 'images'))
    return Namespace(**{'root': root, **nothing, 'no_images': False, **more})


@pytest.mark.parametrize(
    ('name', 'role'),
    [
        ('train.csv', 'train'),
        ('chexpert_train.csv.gz', 'train'),
        ('valid.csv', 'valid'),
        ('val_labels.csv', 'valid'),
        ('test_labels.csv', 'test'),
        ('train_cheXbert.csv', None),
        ('train_visualCheXbert.csv', None),
        ('train.csv.bak', None),
    ],
)
def test_role_of_a_name(name, role):
    roles = [role for role, pattern in PATTERNS.items() if pattern.match(name)]
    assert roles == ([role] if role else [])


def test_tables_in_a_folder_inside(chexpert):
    files = find_files(options(chexpert.parent))
    assert files.tables == {r: chexpert / f'{r}.csv' for r in ('train', 'valid')}
    assert len(files.patients) == 24
    assert files.patients['patient00001'] == chexpert / 'train' / 'patient00001'


def test_download_in_parts(chexpert):
    parts = chexpert.parent
    (chexpert / 'train').rename(parts / 'CheXpert-v1.0 batch 2 (train 1)')
    assert len(find_files(options(parts)).patients) == 24


def test_named_table(chexpert):
    other = (chexpert / 'train.csv').rename(chexpert / 'train_cheXbert.csv')
    assert find_files(options(chexpert, train=other)).tables['train'] == other


def test_no_images(chexpert):
    assert find_files(options(chexpert, no_images=True)).patients is None


def test_wrong_root(chexpert):
    with pytest.raises(AnnotationError, match=r'no train.csv lies there .*--train'):
        find_files(options(chexpert / 'train'))
    with pytest.raises(AnnotationError, match='is a file; --root must be a folder'):
        find_files(options(chexpert / 'train.csv'))


def test_two_copies(chexpert):
    again = chexpert.parent / 'CheXpert-v1.0-small' / 'train' / 'patient00001'
    again.mkdir(parents=True)
    with pytest.raises(
        AnnotationError, match=r'patient00001 has two folders.*--images'
    ):
        patient_folders([chexpert.parent])


def test_folder_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match='nowhere: no such folder'):
        patient_folders([tmp_path / 'nowhere'])
