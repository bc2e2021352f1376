from pathlib import Path

import numpy as np
import pytest

from mmlung.inferencer import FilmSource
from mmlung.inferencer import films_of
from mmlung.inferencer.sources import distinct_names


@pytest.fixture
def folder(tmp_path):
    for name in ('b.png', 'a/b.png', 'a/c.DCM', 'Zürich 7.jpg', '.hidden/x.png'):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b'x')
    (tmp_path / '1.2.840').write_bytes(b'\0' * 128 + b'DICM')
    (tmp_path / 'DICOMDIR').write_bytes(b'\0' * 128 + b'DICM')
    (tmp_path / 'notes.txt').write_text('x')
    return tmp_path


def names(images):
    return [film.name for film in films_of(images)]


def test_a_folder_gives_its_films_by_name(folder):
    assert names(folder) == ['1.2.840', 'Zürich 7.jpg', 'a/b.png', 'a/c.DCM', 'b.png']
    assert names(str(folder)) == names(folder)


def test_a_glob_gives_what_matches(folder):
    assert names(f'{folder}/*.png') == [str(folder / 'b.png')]
    assert len(names(f'{folder}/**/*.png')) == 2


def test_a_name_with_brackets_is_a_file(tmp_path):
    path = tmp_path / 'film [1].png'
    path.write_bytes(b'x')
    assert names(str(path)) == [str(path)]


def test_arrays_and_bytes_are_named_by_position():
    film = np.zeros((4, 4), np.uint8)
    assert names(film) == ['array 0']
    assert names(b'x') == ['bytes 0']
    assert names([film, b'x', 'y.png']) == ['array 0', 'bytes 1', 'y.png']
    assert names({'left': film, 7: film}) == ['left', '7']
    assert names([]) == []


@pytest.mark.parametrize(
    ('given', 'expected'),
    [
        (['a/1.png', 'b/1.png'], ['a/1.png', 'b/1.png']),
        (['a/1.png', 'a/2.png', 'a/1.png'], ['1.png', '2.png']),
        (['a/1.png', 'a/1.dcm'], ['1.png', '1.dcm']),
        (['a/x/1.png', 'b/x/1.png'], ['a/x/1.png', 'b/x/1.png']),
    ],
    ids=['folders', 'once', 'suffixes', 'deeper'],
)
def test_names_that_differ(tmp_path, given, expected):
    films = [FilmSource(str(tmp_path / g), tmp_path / g) for g in given]
    assert [film.name for film in distinct_names(films)] == expected


def test_a_lengthened_name_meets_no_other(tmp_path):
    below = [FilmSource('a/1.png', tmp_path / 'z' / 'a' / '1.png')]
    twice = [FilmSource('1.png', tmp_path / d / '1.png') for d in 'ab']
    found = [film.name for film in distinct_names([*below, *twice])]
    assert len(set(found)) == 3


def test_names_stay_below_the_folder_of_the_results(tmp_path):
    films = [FilmSource('../../etc/x.png', Path('../../etc/x.png'))]
    assert [film.name for film in distinct_names(films)] == ['x.png']


def test_a_link_keeps_its_own_name(tmp_path):
    """What it points to may be named after the patient."""
    for folder in ('phi', 'a', 'b'):
        (tmp_path / folder).mkdir()
    for number, folder in enumerate('ab'):
        target = tmp_path / 'phi' / f'Smith_John_{number}.png'
        target.write_bytes(b'x')
        (tmp_path / folder / '1.png').symlink_to(target)
    (tmp_path / 'again.png').symlink_to(tmp_path / 'phi' / 'Smith_John_0.png')
    paths = [tmp_path / name for name in ('a/1.png', 'b/1.png', 'again.png')]
    films = distinct_names(FilmSource(str(path), path) for path in paths)
    assert [film.name for film in films] == ['a/1.png', 'b/1.png']


def test_a_linked_folder_of_other_films(tmp_path):
    """``link/..`` is not the folder that holds the link."""
    (tmp_path / 'far' / 'below').mkdir(parents=True)
    (tmp_path / 'link').symlink_to(tmp_path / 'far' / 'below')
    paths = [tmp_path / '1.png', tmp_path / 'link' / '..' / '1.png']
    for path in paths:
        path.write_bytes(b'x')
    films = distinct_names(FilmSource(str(path), path) for path in paths)
    assert len({film.name for film in films}) == 2
    assert not any('..' in film.name for film in films)
