import pytest

from data_converters.chestxray14.columns import parse_age
from data_converters.chestxray14.labels import read_labels
from data_converters.report import Report

from ..nih_download import HEADER
from ..nih_download import convert
from ..nih_download import row
from ..nih_download import write


def read(tmp_path, rows, header=HEADER):
    report = Report()
    path = write(tmp_path / 'Data_Entry.csv', [header, *rows])
    return list(read_labels(path, report).rows.values()), report


@pytest.mark.parametrize(
    ('text', 'age'),
    [
        ('57', 57),
        ('058Y', 58),
        ('011M', 0),
        ('030M', 2),
        ('026W', 0),
        ('400D', 1),
        ('0', 0),
        ('120', 120),
        ('121', None),
        ('411', None),
        ('Y', None),
        ('', None),
        ('5 7', None),
        ('-3', None),
        ('57.5', None),
    ],
)
def test_ages_are_completed_years(text, age):
    assert parse_age(text) == age


def test_impossible_ages_are_left_out_and_the_films_stay(tmp_path):
    rows = [
        row('00000001_000.png', 'Mass', age='414'),
        row('00000002_000.png', 'Mass', age=''),
        row('00000003_000.png', 'Mass', age='148'),
    ]
    films, report = read(tmp_path, rows)
    assert [film.age for film in films] == [None, None, None]
    (warning,) = report.warnings
    assert warning.startswith('2 ages are no age up to 120 years and left out')
    assert "(first: '414', Data_Entry.csv row 2)" in warning
    assert report.counts == {'films whose age is left out': 2}


def test_extent_is_pixels_times_their_size(tmp_path):
    rows = ['00000001_000.png,Mass,0,1,57,M,PA,2500,2048,0.2,0.1']
    (film,), report = read(tmp_path, rows)
    assert film.extent_mm == pytest.approx((204.8, 500))
    assert film.row == 2
    assert not report.counts


@pytest.mark.parametrize(
    'cells', [',,,', '0,2048,0.1,0.1', '2500,2048,x,0.1', '2500,2048,0.1,-1']
)
def test_spacing_that_cannot_be_right_is_unknown_and_counted(tmp_path, cells):
    rows = [
        f'00000001_000.png,Mass,0,1,57,M,PA,{cells}',
        row('00000002_000.png', 'Mass'),
    ]
    films, report = read(tmp_path, rows)
    assert films[0].extent_mm is None
    assert films[1].extent_mm is not None
    assert report.counts == {'films whose pixel spacing is unknown': 1}


def test_everything_known_of_a_film_reaches_its_entry(nih, tmp_path):
    """Spacing is that of the file, 64 x 64, not of the 2682 x 2749 film."""
    parts = convert(nih, tmp_path / 'out')
    films = [film for n in ('train', 'val', 'test') for film in parts[n]['data_list']]
    film = next(film for film in films if film['image_id'] == '00000003_001')
    label = [0] * 14
    label[13] = 1
    assert film == {
        'img_path': '00000003_001.png',
        'image_id': '00000003_001',
        'patient_id': '3',
        'view': 'PA',
        'sex': 'M',
        'age': 57,
        'spacing': [round(2749 * 0.143 / 64, 4), round(2682 * 0.143 / 64, 4)],
        'row': 7,
        'gt_score': label,
        'height': 64,
        'width': 64,
    }
    boxed = {i['image_id']: i for i in parts['boxes_train']['images']}
    image = next(iter(boxed.values()))
    assert len(image['spacing']) == 2
    assert image['row'] > 1
