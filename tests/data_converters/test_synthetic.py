import pytest

from data_converters.synthetic import MARKER
from data_converters.synthetic import is_synthetic
from mmlung.phantom import layouts

from . import vindr_download


def test_the_marker_is_the_one_that_phantoms_have():
    assert MARKER == layouts.MARKER


@pytest.mark.parametrize(
    ('path', 'found'),
    [
        ('phantom', True),
        ('phantom/train', True),
        ('phantom/a/b', True),
        ('phantom/a/b/c', False),
        ('phantom/train.csv', True),
        ('phantom/a/b/train.csv', True),
        ('phantom/not-there', True),
        ('.', False),
        ('real', False),
    ],
)
def test_folder_and_two_levels_above(tmp_path, path, found):
    (tmp_path / 'phantom' / 'a' / 'b' / 'c').mkdir(parents=True)
    (tmp_path / 'real').mkdir()
    for name in (MARKER, 'train.csv', 'a/b/train.csv'):
        (tmp_path / 'phantom' / name).write_text('')
    assert is_synthetic([tmp_path / 'real', tmp_path / path]) is found


def test_nothing_is_not_synthetic():
    assert not is_synthetic([])


@pytest.mark.parametrize('marked', [True, False])
@pytest.mark.parametrize('dataset', ['vindr', 'chestxray14'])
def test_every_file_of_a_conversion_says_so(request, convert, dataset, marked):
    root = request.getfixturevalue('kaggle' if dataset == 'vindr' else 'nih')
    if marked:
        (root / MARKER).write_text('drawn')
    files = convert(dataset, '--root', root)
    jsons = {name[:-5] for name in files.files() if name.endswith('.json')}
    expected = True if marked else None
    for name in jsons - {'conversion_report'}:
        content = files[name]
        head = content.get('info', content.get('metainfo'))
        assert head.get('synthetic') is expected, name
    assert files.report.get('synthetic') is expected
    assert ('SYNTHETIC films: no number here says' in files.printed) is marked


def test_files_named_singly(tmp_path, convert):
    root = vindr_download.kaggle_release(tmp_path / 'release')
    (root / MARKER).write_text('drawn')
    files = convert(
        *('vindr', '--annotations', root / 'train.csv', '--images', root / 'train')
    )
    assert files['train']['info']['synthetic'] is True


def test_a_phantom_below_the_root(tmp_path, convert):
    root = vindr_download.kaggle_release(tmp_path / 'downloads' / 'phantom')
    (root / MARKER).write_text('drawn')
    files = convert('vindr', '--root', root.parent)
    assert files['train']['info']['synthetic'] is True
