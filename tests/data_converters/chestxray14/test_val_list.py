import hashlib

import pytest

from ..nih_download import CLASSIFICATION
from ..nih_download import convert
from ..nih_download import family
from ..nih_download import patients_of
from ..nih_download import stems_of
from ..nih_download import write


def names(official, *places):
    """Films of the train_val list, two of each patient in turn."""
    lines = (official / 'train_val_list.txt').read_text().split()
    return [lines[i] for i in places]


def test_the_films_of_the_list_are_val(official, tmp_path):
    films = names(official, 0, 1, 10, 11)
    path = write(tmp_path / 'val_list.txt', films)
    parts = convert(official, tmp_path / 'out', '--val-list', str(path))
    assert stems_of(parts['val']) == {name.removesuffix('.png') for name in films}
    assert [len(parts[name]['data_list']) for name in CLASSIFICATION] == [26, 4, 10]
    assert {family(parts[name]) for name in CLASSIFICATION} == {'official'}
    assert not parts['conversion_report']['warnings']
    for name in ('train', 'val'):
        info = parts[name]['metainfo']
        assert info['val_list'] == 'val_list.txt'
        assert info['val_list_sha256'] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert 'val_list' not in parts['test']['metainfo']
    inputs = parts['conversion_report']['inputs']
    assert [i['rows'] for i in inputs if i['role'] == 'val_list'] == [4]


def test_a_list_that_tears_patients_is_used_and_told(official, tmp_path):
    path = write(tmp_path / 'val_list.txt', names(official, 0, 2, 3, 5))
    parts = convert(official, tmp_path / 'out', '--val-list', str(path))
    assert len(patients_of(parts['train']) & patients_of(parts['val'])) == 2
    report = parts['conversion_report']
    assert report['counts'] == {'patients in both train and val': 2}
    (warning,) = report['warnings']
    assert warning.startswith(
        'val_list.txt tears 2 patients apart (first: 1): 2 of the 4 films of val are '
        'of patients who are also in train'
    )
    assert family(parts['val']) == 'official'


def test_a_limit_is_of_each_part(official, tmp_path):
    path = write(tmp_path / 'val_list.txt', names(official, 20, 21, 22, 23, 24, 25))
    parts = convert(official, tmp_path / 'out', '--val-list', str(path), '--limit', '5')
    assert [len(parts[name]['data_list']) for name in CLASSIFICATION] == [5, 5, 5]
    assert family(parts['val']) == 'subset'


@pytest.mark.parametrize(
    ('lines', 'message'),
    [
        (
            ['00000001_000.png', '00000020_000.png'],
            "name 2 '00000020_000.png' is not in the official train_val list",
        ),
        (['00000001_000.png', 'x'], "name 2 'x' is not in the official train_val"),
        ([''], 'has no name of a film'),
        ('all', 'leaves no film for train'),
    ],
    ids=['a-test-film', 'unknown', 'empty', 'all'],
)
def test_lists_that_cannot_be_used(official, tmp_path, refuse, lines, message):
    lines = names(official, *range(30)) if lines == 'all' else lines
    path = write(tmp_path / 'val_list.txt', lines)
    error = refuse('chestxray14', '--root', official, '--val-list', path)
    assert error.startswith(f'error: {path}')
    assert message in error


def test_it_needs_the_official_lists(nih, tmp_path, refuse):
    path = write(tmp_path / 'val_list.txt', ['00000001_000.png'])
    error = refuse('chestxray14', '--root', nih, '--val-list', path)
    assert 'the official lists are not used: no train_val_list.txt' in error
    assert 'Leave out --val-list.' in error
