"""Folds and the random split, of labels and boxes together."""

import pytest

from ..nih_download import CLASSIFICATION
from ..nih_download import DETECTION
from ..nih_download import N_BOXES
from ..nih_download import convert
from ..nih_download import family
from ..nih_download import patients_of
from ..nih_download import stems_of
from ..nih_download import write


@pytest.fixture
def in_folds(tmp_path, convert):
    """Convert a download in folds: the folders' names, and the files."""

    def run(root, n, *options, out='out'):
        folder = tmp_path / out
        files = convert(
            'chestxray14', '--root', root, '--folds', n, *options, out=folder
        )
        assert files.files() == {f'fold_{k}' for k in range(n)} | {
            'conversion_report.json'
        }
        return [f'fold_{k}/' for k in range(n)], files

    return run


def test_every_film_is_in_the_test_part_of_one_fold(nih, in_folds):
    folds, files = in_folds(nih, 4)
    tests = [stems_of(files[f'{k}test']) for k in folds]
    assert len(set.union(*tests)) == sum(map(len, tests)) == 40
    for k in folds:
        groups = [
            patients_of(files[f'{k}{n}']) | patients_of(files[f'{k}boxes_{n}'])
            for n in CLASSIFICATION
        ]
        assert sum(map(len, groups)) == 20, 'a patient is torn apart'
        assert sum(len(files[f'{k}{n}']['data_list']) for n in CLASSIFICATION) == 40
        assert {family(files[f'{k}{n}']) for n in CLASSIFICATION} == {'subset'}
        assert 0 < len(files[f'{k}val']['data_list']) <= 4


def test_a_film_is_in_the_same_part_for_labels_and_boxes(nih, in_folds):
    folds, files = in_folds(nih, 4, '--healthy', 5)
    for k in folds:
        for name in CLASSIFICATION:
            boxed = files[f'{k}boxes_{name}']
            assert stems_of(boxed) <= stems_of(files[f'{k}{name}'])
    held = [files[f'{k}boxes_test'] for k in folds]
    assert sum(len(part['annotations']) for part in held) == N_BOXES
    assert files.report['boxes_out'] == N_BOXES
    assert files.report['images'] == 40


def test_a_fold_is_a_data_root_and_says_which_it_is(nih, in_folds):
    _, files = in_folds(nih, 4)
    info = files['fold_2/test']['metainfo']
    assert (info['fold'], info['folds'], info['split']) == (2, 4, 'test')
    root = files.out / 'fold_2' / info['images_root']
    film = files['fold_2/test']['data_list'][0]
    assert (root / film['img_path']).is_file()
    names = (files.out / 'fold_2' / 'test_list.txt').read_text().split()
    assert {name.removesuffix('.png') for name in names} == stems_of(
        files['fold_2/test']
    )


def test_folds_follow_the_seed(nih, in_folds):
    first = in_folds(nih, 3, out='a')[1]['fold_1/test']
    assert first == in_folds(nih, 3, out='b')[1]['fold_1/test']
    other = in_folds(nih, 3, '--seed', 1, out='c')[1]['fold_1/test']
    assert stems_of(first) != stems_of(other)


def test_folds_inside_the_official_train_val_list(official, in_folds):
    folds, files = in_folds(official, 5)
    vals = [stems_of(files[f'{k}val']) for k in folds]
    assert len(set.union(*vals)) == sum(map(len, vals)) == 30
    boxed = []
    for k in folds:
        assert {family(files[f'{k}{n}']) for n in CLASSIFICATION} == {'official'}
        test = files[f'{k}test']
        assert test['data_list'] == files['fold_0/test']['data_list']
        train, val = (patients_of(files[f'{k}{n}']) for n in ('train', 'val'))
        assert not train & val
        assert len(train | val) == 15
        boxed.append(stems_of(files[f'{k}boxes_test']))
        assert family(files[f'{k}boxes_test']) == 'subset'
    assert (
        len(set.union(*boxed))
        == sum(map(len, boxed))
        == len(set.union(*(stems_of(files[f'fold_0/{n}']) for n in DETECTION)))
    )


def test_few_boxes_are_shared_out_over_the_folds(nih, in_folds):
    lines = (nih / 'BBox_List_2017.csv').read_text().splitlines()
    first = {line[:8]: line for line in lines[1:]}
    write(nih / 'BBox_List_2017.csv', [lines[0], *list(first.values())[:6]])
    folds, files = in_folds(nih, 3, '--val-fraction', 0.25)
    for k in folds:
        assert [len(files[f'{k}{n}']['images']) for n in DETECTION] == [3, 1, 2]
        assert sum(len(files[f'{k}{n}']['data_list']) for n in CLASSIFICATION) == 40


@pytest.mark.parametrize('n', [21, 1], ids=['more-than-patients', 'one'])
def test_impossible_folds(nih, refuse, n, capsys):
    if n > 1:
        error = refuse('chestxray14', '--root', nih, '--folds', n)
        assert '--folds: the number of folds must lie between 2 and' in error
        return
    with pytest.raises(SystemExit):
        refuse('chestxray14', '--root', nih, '--folds', n)
    assert 'at least 2' in capsys.readouterr().err


def test_random_is_70_10_20_by_patient_and_says_so_everywhere(official, tmp_path):
    """Even where the official lists are there."""
    parts = convert(official, tmp_path / 'out', '--split', 'random')
    sizes = [len(parts[name]['data_list']) for name in CLASSIFICATION]
    assert sizes == [28, 4, 8]
    groups = [patients_of(parts[name]) for name in CLASSIFICATION]
    assert sum(map(len, groups)) == len(set.union(*groups)) == 20
    report = parts.pop('conversion_report')
    assert {family(part) for part in parts.values()} == {'random'}
    assert {part['split_family'] for part in report['parts']} == {'random'}
    (warning,) = report['warnings']
    assert 'split by patient at random, as --split random asks' in warning


@pytest.mark.parametrize('options', [('--folds', '2'), ('--limit', '9')])
def test_random_keeps_its_name(official, tmp_path, options):
    convert(official, tmp_path / 'out', '--split', 'random', *options)
    folder = tmp_path / 'out'
    text = (folder / 'conversion_report.json').read_text()
    assert '"split_family": "random"' in text
    assert '"split_family": "official' not in text
    assert '"split_family": "subset' not in text


def test_random_with_other_shares(nih, tmp_path):
    shares = ('--test-fraction', '0.5', '--val-fraction', '0.25')
    parts = convert(nih, tmp_path / 'out', '--split', 'random', *shares)
    assert [len(parts[name]['data_list']) for name in CLASSIFICATION] == [10, 10, 20]
