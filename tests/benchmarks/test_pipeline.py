import numpy as np
import pytest
import torch

from benchmarks import pipeline as bench
from benchmarks import pipeline_others as others
from benchmarks.between_marks import marks_of
from mmlung.dicom import read_image


@pytest.fixture(autouse=True)
def _small_films(monkeypatch):
    small = {'PNG': (128, 128), 'DICOM': (160, 144)}
    monkeypatch.setattr(others, 'SIZES_HW', small)
    monkeypatch.setattr(bench, 'SIZES_HW', small)
    monkeypatch.setattr(others, '_DRAWN_PX', 96)


def test_both_ways_make_the_same_kind_of_sample(tmp_path):
    for kind in ('PNG', 'DICOM'):
        films = others.write_films(tmp_path, kind, 2)
        ways = bench.ways_for(kind, films)
        sizes = {}
        for name in ('mmlung', bench.STOCK):
            sample = {'img_path': str(films[0]), 'gt_score': np.zeros(14, np.float32)}
            assert [step for step, _ in ways[name]] == list(bench.STEPS)
            for _, step in ways[name]:
                sample = step(sample)
            sizes[name] = tuple(sample['inputs'].shape)
            assert sample['inputs'].dtype == torch.uint8
        assert sizes == {'mmlung': (1, 224, 224), bench.STOCK: (3, 224, 224)}


def test_the_stock_pipeline_has_the_settings_of_ours():
    pairs = zip(bench.ours(), bench.stock(bench.ours()), strict=True)
    for ours, stock in pairs:
        assert not stock['type'].startswith('mmlung.')
        for key in ours.keys() - {'type'}:
            assert stock[key] == ours[key]


def test_a_reading_of_another_picture_is_an_error(tmp_path):
    films = others.write_films(tmp_path, 'PNG', 1)
    ways = bench.ways_for('PNG', films)
    bench.check_readings(ways, films[0])

    def inverted(sample):
        return sample | {'img': 255 - read_image(sample['img_path']).pixels}

    ways['mmlung'][0] = ('decode', inverted)
    with pytest.raises(ValueError, match='the readings differ by'):
        bench.check_readings(ways, films[0])


def test_table_by_hand():
    row = dict.fromkeys(('decode', 'pack'), 0.002) | {'total': 0.004, 'wall': 0.005}
    slow = row | {'total': 0.01}
    lines = bench.table({'PNG': {'mmlung': row, bench.STOCK: slow}}).splitlines()
    assert lines[2] == (
        '| PNG | mmlung | 2.00 | - | - | - | 2.00 | 4.00 | 250 | 200 | 2.50 |'
    )
    assert lines[3].endswith('| 10.00 | 100 | 200 | 1.00 |')


def test_it_runs_and_writes_between_the_marks(tmp_path, capsys):
    docs = tmp_path / 'benchmarks.md'
    docs.write_text('\n'.join(marks_of(bench.TABLE)), encoding='utf-8')
    argv = ['--number', '1', '--repeats', '1', '--docs', str(docs)]
    assert bench.main(argv) == 0
    assert '| mmlung |' in docs.read_text('utf-8')
    assert 'x MMPretrain' in capsys.readouterr().out


def test_messages(tmp_path, capsys):
    (tmp_path / 'films').mkdir()
    assert bench.main(['--films', str(tmp_path / 'films'), '--number', '3']) == 2
    assert 'has 0 .png or .jpg, --number is 3' in capsys.readouterr().err
    with pytest.raises(SystemExit, match='2'):
        bench.main(['--number', '0'])
