import unicodedata

import pytest

from data_converters.generic.film_lookup import FilmLookup
from data_converters.generic.film_lookup import check_distinct
from data_converters.generic.film_lookup import strangers
from data_converters.records import AnnotationError


@pytest.fixture
def lookup(tmp_path):
    names = ('a/7.png', 'b/7.png', 'b/c/8.v2.png', 'é.jpg', 'x.dcm', 'notes.txt')
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return FilmLookup(tmp_path)


@pytest.mark.parametrize(
    ('name', 'found'),
    [
        ('a/7.png', 'a/7.png'),
        ('train/b/7.png', 'b/7.png'),
        ('train/b/7.jpg', 'b/7.png'),
        ('b/7', 'b/7.png'),
        ('C:\\films\\a\\7.png', 'a/7.png'),
        ('8.v2', 'b/c/8.v2.png'),
        ('8.v2.dicom', 'b/c/8.v2.png'),
        ('8', None),
        ('x', 'x.dcm'),
        (' x.dcm ', 'x.dcm'),
        (unicodedata.normalize('NFD', 'é.jpg'), 'é.jpg'),
        ('notes.txt', None),
        ('', None),
    ],
)
def test_names_paths_and_stems(lookup, name, found):
    want = None if found is None else lookup.folder / found
    assert lookup.find(name) == want


def test_what_fits_two_images_is_an_error(lookup):
    with pytest.raises(AnnotationError, match=r"'7.png' may be 'a/7.png' or 'b/7.png'"):
        lookup.find('7.png')


def test_two_names_of_one_image(lookup):
    paths = {'p': lookup.find('x'), 'q': lookup.find('x.dcm')}
    with pytest.raises(AnnotationError, match="'p' and 'q' are both the image"):
        check_distinct(paths)
    assert strangers(paths.values(), lookup) == 4
