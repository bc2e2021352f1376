import pytest

from ..nih_download import CLASSIFICATION
from ..nih_download import convert
from ..nih_download import draw


@pytest.mark.parametrize('layout', ['flat', 'kaggle', 'jpeg', 'mixed'])
def test_films_are_found_in_any_layout(nih, tmp_path, layout):
    films = sorted((nih / 'images').iterdir())
    for i, path in enumerate(films):
        folder = {
            'flat': nih,
            'kaggle': nih / f'images_{i % 12 + 1:03d}' / 'images',
            'jpeg': nih / 'images',
            'mixed': nih / ('images' if i % 2 else 'images_001'),
        }[layout]
        suffix = '.jpeg' if layout == 'jpeg' else '.png'
        folder.mkdir(parents=True, exist_ok=True)
        path.rename(folder / f'{path.stem}{suffix}')
    out = tmp_path / 'out'
    parts = convert(nih, out)
    root = out / parts['test']['metainfo']['images_root']
    names = [f['img_path'] for n in CLASSIFICATION for f in parts[n]['data_list']]
    assert len(names) == 40
    assert all((root / name).is_file() for name in names)


def test_a_film_twice_must_be_the_same(nih, tmp_path, refuse):
    draw(nih / 'images_001' / '00000001_000.png')
    assert len(convert(nih, tmp_path / 'a')['test']['data_list'])
    draw(nih / 'images_002' / '00000001_000.jpg', value=255)
    assert 'two different images are called 00000001_000' in refuse(
        'chestxray14', '--root', nih
    )


def test_films_without_a_row_are_counted(nih, tmp_path):
    draw(nih / 'images' / '00000099_000.png')
    parts = convert(nih, tmp_path / 'out')
    counts = parts['conversion_report']['counts']
    assert counts == {'images without a row in the label file, left out': 1}


def test_no_film_at_all_stops(nih, tmp_path, refuse):
    (nih / 'images').rename(tmp_path / 'films')
    assert 'none of its 40 films (first: 00000001_000)' in refuse(
        'chestxray14', '--root', nih
    )
    parts = convert(nih, tmp_path / 'out', '--images', str(tmp_path / 'films'))
    assert parts['test']['data_list']


def test_images_root_may_be_elsewhere(nih, tmp_path):
    there = tmp_path / 'mounted'
    parts = convert(nih, tmp_path / 'out', '--images-root', str(there))
    assert parts['test']['metainfo']['images_root'] == '../mounted'
    parts = convert(nih, tmp_path / 'out', '--images-root', str(nih))
    assert parts['test']['metainfo']['images_root'] == '../chest x-ray 14'
    assert parts['test']['data_list'][0]['img_path'].startswith('images/')
