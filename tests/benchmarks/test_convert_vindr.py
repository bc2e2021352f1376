import json

import pytest

from benchmarks import convert_vindr
from benchmarks.convert_vindr import WAYS
from tests.data_converters import vindr_download

N_BOXES = {'converter': 9, 'iterrows': 9}


@pytest.fixture
def tables(tmp_path):
    """A small release without films, and the sizes of its films."""
    root = vindr_download.kaggle_release(tmp_path / 'tables', films=False)
    sizes = [(i, 300, 200) for i in vindr_download.TRAIN_IDS]
    table = tmp_path / 'train_meta.csv'
    vindr_download.write_csv(table, ('image_id', 'dim0', 'dim1'), sizes)
    return root / 'train.csv', table


@pytest.mark.parametrize('way', WAYS, ids=lambda way: way.name)
def test_every_way_writes_the_boxes(tables, tmp_path, way):
    run = convert_vindr.run_way(way.name, *tables, tmp_path / 'out')
    assert run['boxes'] == N_BOXES.get(way.name, 6)
    assert json.loads((tmp_path / 'out' / 'train.json').read_text())['images']


def test_a_table_is_printed(tables, capsys, monkeypatch):
    run = {'start': 0.5, 'work': 0.9, 'wall': 1.0, 'boxes': 9, 'torch': False}
    monkeypatch.setattr(convert_vindr, 'measure', lambda *args: run)
    argv = ['--csv', str(tables[0]), '--sizes', str(tables[1]), '--repeats', '2']
    assert convert_vindr.main(argv) == 0
    printed = capsys.readouterr().out
    assert '--readers union | 0.50 | 0.90 | <= 1 | 1.00 | 9 | no |' in printed
    assert 'median of 2' in printed


def test_a_broken_promise_is_told(tables, capsys, monkeypatch):
    run = {'start': 1.5, 'work': 1.1, 'wall': 3.0, 'boxes': 9, 'torch': True}
    monkeypatch.setattr(convert_vindr, 'measure', lambda *args: run)
    argv = ['--csv', str(tables[0]), '--sizes', str(tables[1])]
    assert convert_vindr.main(argv) == 1
    printed = capsys.readouterr().out
    assert 'too slow: mmlung convert vindr --readers union: 1.10 s > 1 s' in printed
    assert 'too slow: mmlung convert vindr (fusion): 1.50 s to start' in printed


def test_one_way_in_its_own_process(tables):
    run = convert_vindr.measure(WAYS[0], *tables)
    assert run['boxes'] == 9
    assert not run['torch']


def test_a_missing_table_is_one_line(tables, capsys):
    assert convert_vindr.main(['--csv', 'nowhere.csv', '--sizes', str(tables[1])]) == 2
    assert capsys.readouterr().err == 'error: nowhere.csv: no such file\n'
