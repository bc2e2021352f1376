import numpy as np
import pytest

from benchmarks import dicom as bench
from mmlung.dicom import read_image


@pytest.mark.parametrize('window', bench.WINDOWS)
@pytest.mark.parametrize('coding', bench.CODINGS)
def test_films_are_what_the_table_says(tmp_path, window, coding):
    stored = bench.draw_film((96, 80))
    assert stored.max() < 4096
    path = tmp_path / 'film.dcm'
    ds = bench.make_dicom(stored, window, bench.CODINGS[coding])
    ds.save_as(path, enforce_file_format=True)
    ways = bench.readers(coding)
    np.testing.assert_array_equal(ways['decode'](path), stored)
    assert (
        np.abs(read_image(path).pixels.astype(int) - ways['pydicom'](path)).max() <= 1
    )


def test_row_by_hand():
    times = {'decode': (0.01, 0.02), 'mmlung': (0.013, 0.03)}
    assert bench.row('x', times) == '| x | 10 (20) ms | 13 (30) ms, x 1.30 |'


def test_the_first_turn_does_not_count(tmp_path):
    calls = []
    times = bench.measure({'one': calls.append, 'two': calls.append}, tmp_path, 3)
    assert len(calls) == 8
    assert set(times) == {'one', 'two'}


def test_it_runs(capsys):
    assert bench.main(['--repeats', '1', '--size-hw', '96', '80']) == 0
    out = capsys.readouterr().out
    assert len([line for line in out.splitlines() if line.startswith('| ')]) == 7
    assert 'pydicom' in out


def test_impossible_sizes(capsys):
    with pytest.raises(SystemExit, match='2'):
        bench.main(['--size-hw', '3', '3'])
    assert '--size-hw at least 64 64' in capsys.readouterr().err
