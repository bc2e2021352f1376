import pytest

from data_converters.chexpert.films import films_of_views
from data_converters.chexpert.films import films_there
from data_converters.chexpert.films import image_ids
from data_converters.chexpert.rows import read_films
from data_converters.report import Report

from ..chexpert_download import HEADER
from ..chexpert_download import draw
from ..chexpert_download import film
from ..chexpert_download import row
from ..chexpert_download import write


@pytest.fixture
def films(tmp_path):
    lines = [
        row(film(1)),
        row(film(1, view='view2_lateral'), ap_pa=''),
        row(film(2), ap_pa='PA'),
        row(film(3), ap_pa=''),
        row(film(4), ap_pa='LL'),
        row(film(5), ap_pa='RL'),
    ]
    path = write(tmp_path / 'train.csv', [HEADER, *lines])
    return read_films(path, 'train', Report())


@pytest.mark.parametrize(
    ('views', 'patients', 'left_out'),
    [
        ('frontal', '123', {'lateral': 1, 'frontal LL': 1, 'frontal RL': 1}),
        (
            'lateral',
            '1',
            {f'frontal {v}': 1 for v in ('AP', 'PA', 'AP/PA blank', 'LL', 'RL')},
        ),
        ('all', '112345', {}),
    ],
)
def test_views(films, views, patients, left_out):
    report = Report()
    kept = films_of_views(films, views, report)
    assert ''.join(p[-1] for p in kept.patient) == patients
    blanks = report.counts.pop(
        'frontal films of train.csv whose AP/PA is blank, kept', 0
    )
    assert blanks == (views != 'lateral')
    start = f'films of train.csv left out by --views {views}: '
    assert report.counts == {start + kind: n for kind, n in left_out.items()}


def test_films_that_are_there(films, tmp_path):
    patients = {f'patient0000{n}': tmp_path / f'patient0000{n}' for n in (1, 2, 3)}
    first = draw(tmp_path / 'patient00001' / 'study1' / 'view1_frontal.jpg')
    other = draw(tmp_path / 'patient00002' / 'study1' / 'view1_frontal.png')
    write(tmp_path / 'patient00003' / 'study1' / 'view1_frontal.txt', ['no film'])
    there, paths = films_there(films, patients)
    assert paths == [first, other]
    assert image_ids(there) == [f'patient0000{n}_study1_view1_frontal' for n in (1, 2)]
