import os
from pathlib import Path

import pytest

from data_converters.image_index import choose_films
from data_converters.image_index import common_folder
from data_converters.image_index import index_images
from data_converters.image_index import name_below
from data_converters.image_index import require_sizes
from data_converters.records import AnnotationError
from data_converters.report import Report

from . import vindr_download


def test_finds_images_by_stem_in_any_layout(tmp_path):
    names = ['a.dicom', 'train/train/b 1.PNG', 'images_001/images/c.d.jpg', 'e.jpeg']
    others = ['a.txt', '._a.dicom', '.hidden/f.png', '__MACOSX/g.png', 'train.csv']
    for name in names + others:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    found = index_images([tmp_path])
    assert found == {
        'a': tmp_path / names[0],
        'b 1': tmp_path / names[1],
        'c.d': tmp_path / names[2],
        'e': tmp_path / names[3],
    }


def test_links_to_folders_are_followed_and_cycles_end(tmp_path):
    (tmp_path / 'disk').mkdir()
    (tmp_path / 'disk' / 'a.png').write_bytes(b'a')
    root = tmp_path / 'root'
    root.mkdir()
    (root / 'train').symlink_to(tmp_path / 'disk', target_is_directory=True)
    (tmp_path / 'disk' / 'loop').symlink_to(root, target_is_directory=True)
    assert index_images([root]) == {'a': root / 'train' / 'a.png'}


def test_a_copy_is_taken_once_and_a_rival_stops(tmp_path):
    for folder in 'xy':
        (tmp_path / folder).mkdir()
        (tmp_path / folder / 'a.png').write_bytes(b'same')
    assert index_images([tmp_path]) == {'a': tmp_path / 'x' / 'a.png'}
    (tmp_path / 'y' / 'a.png').write_bytes(b'else')
    with pytest.raises(AnnotationError, match=r'two different images .*/x/a\.png and'):
        index_images([tmp_path])


def test_a_folder_that_must_not_be_read_stops(tmp_path, monkeypatch):
    (tmp_path / 'train').mkdir()
    scandir = os.scandir

    def guarded(path):
        if str(path) == str(tmp_path / 'train'):
            raise PermissionError(13, 'Permission denied', str(path))
        return scandir(path)

    monkeypatch.setattr(os, 'scandir', guarded)
    with pytest.raises(PermissionError, match='train'):
        index_images([tmp_path])


def test_a_film_that_must_not_be_read_is_named(tmp_path, monkeypatch):
    def denied(path):
        raise PermissionError(13, 'Permission denied', str(path))

    monkeypatch.setattr('mmlung.dicom.image_size_hw', denied)
    with pytest.raises(AnnotationError, match=r'first: a\.png: Permission denied\.'):
        require_sizes({'a': Path('a.png')}, Report())


def test_no_such_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match='nowhere: no such folder'):
        index_images([tmp_path / 'nowhere'])


def test_common_folder_and_names(tmp_path):
    paths = [tmp_path / 'train' / 'a.png', tmp_path / 'test' / 'deep' / 'b.png']
    assert common_folder(paths[:1]) == tmp_path / 'train'
    assert common_folder(paths) == tmp_path
    assert name_below(tmp_path, paths[1]) == 'test/deep/b.png'


FOUND = {name: Path(f'{name}.png') for name in 'abc'}


def test_missing_films_are_listed_and_stop():
    with pytest.raises(AnnotationError, match=r'train\.csv: 4 of its 5 .*: x, y, z \.'):
        choose_films(list('axyzw'), FOUND, Report(), 'train.csv')
    with pytest.raises(AnnotationError) as caught:
        choose_films(list('xb'), FOUND, Report(), 'train.csv')
    assert caught.value.details == ('missing: x',)


def test_no_film_at_all_is_a_wrong_folder():
    with pytest.raises(AnnotationError, match='none of its 2 films'):
        choose_films(list('xy'), FOUND, Report(), 'train.csv', limit=1)


def test_a_limit_passes_over_missing_films():
    report = Report()
    assert choose_films(list('xaybc'), FOUND, report, 'train.csv', limit=2) == [
        'a',
        'b',
    ]
    assert report.counts == {'films without a file, passed over': 2}


def test_missing_films_are_dropped_on_request():
    report = Report()
    kept = choose_films(list('xab'), FOUND, report, 'train.csv', drop_invalid=True)
    assert kept == ['a', 'b']
    assert report.dropped[0]['reason'] == 'film x has no image file'


def test_sizes_and_unreadable_files(tmp_path):
    vindr_download.write_dicom(tmp_path / 'a.dicom', (30, 20))
    vindr_download.write_png(tmp_path / 'b.png', (50, 40))
    paths = {'a': tmp_path / 'a.dicom', 'b': tmp_path / 'b.png'}
    sizes = {'a': (30, 20), 'b': (50, 40)}
    assert require_sizes(paths, Report()) == sizes
    broken = tmp_path / 'c.dicom'
    broken.write_bytes((tmp_path / 'a.dicom').read_bytes()[:200])
    paths['c'] = broken
    with pytest.raises(AnnotationError, match=r'1 of 3 images cannot be .*c\.dicom'):
        require_sizes(paths, Report())
    report = Report()
    assert require_sizes(paths, report, drop_invalid=True) == sizes
    assert report.dropped[0]['file'] == 'c.dicom'
