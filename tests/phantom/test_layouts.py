import pytest

from mmlung.phantom.layouts import MARKER
from mmlung.phantom.layouts import PhantomFolder
from mmlung.phantom.layouts import csv_text
from mmlung.phantom.layouts import draw_all


def test_marker_says_synthetic_and_remembers(tmp_path):
    folder = PhantomFolder(tmp_path / 'new', 'VinDr-CXR', {'seed': 1, 'size': (1, 2)})
    text = (folder.path / MARKER).read_text()
    assert text.startswith('SYNTHETIC PHANTOM')
    assert 'VinDr-CXR' in text
    assert not folder.finished
    again = PhantomFolder(folder.path, 'VinDr-CXR', {'seed': 1, 'size': (1, 2)})
    assert not again.finished
    again.finish()
    last = PhantomFolder(folder.path, 'VinDr-CXR', {'seed': 1, 'size': (1, 2)})
    assert last.finished


def test_another_phantom_is_not_overwritten(tmp_path):
    PhantomFolder(tmp_path, 'VinDr-CXR', {'seed': 1})
    with pytest.raises(ValueError, match=r'made with other arguments: .*seed'):
        PhantomFolder(tmp_path, 'VinDr-CXR', {'seed': 2})


def test_real_data_are_not_overwritten(tmp_path):
    (tmp_path / 'train.csv').write_text('real')
    with pytest.raises(ValueError, match=r'is no phantom \(SYNTHETIC.txt is missing\)'):
        PhantomFolder(tmp_path, 'VinDr-CXR', {})
    with pytest.raises(ValueError, match='is no phantom'):
        PhantomFolder(tmp_path / 'train.csv', 'VinDr-CXR', {})
    assert (tmp_path / 'train.csv').read_text() == 'real'


def test_files_are_written_whole(tmp_path):
    folder = PhantomFolder(tmp_path, 'VinDr-CXR', {})
    folder.write('a/b.csv', 'x\n')
    folder.write('a/b.csv', b'y\n')
    assert (tmp_path / 'a/b.csv').read_bytes() == b'y\n'
    assert [path.name for path in (tmp_path / 'a').iterdir()] == ['b.csv']


@pytest.mark.parametrize('workers', [1, 2])
def test_results_keep_the_order_of_the_jobs(workers):
    # A builtin: other processes need not import this file.
    assert draw_all(abs, list(range(-20, 0)), workers) == list(range(20, 0, -1))


def test_workers_are_checked():
    with pytest.raises(ValueError, match='workers must be at least 1, got 0'):
        draw_all(abs, [1], 0)


def test_csv_has_lf_line_ends():
    assert csv_text(('a', 'b'), [(1, ''), ('x,y', 2.5)]) == 'a,b\n1,\n"x,y",2.5\n'
