import pytest

from data_converters.chexpert.rows import read_films
from data_converters.chexpert.split import check_patients
from data_converters.chexpert.split import family
from data_converters.chexpert.split import is_official
from data_converters.records import AnnotationError
from data_converters.report import Report

from ..chexpert_download import HEADER
from ..chexpert_download import film
from ..chexpert_download import row
from ..chexpert_download import write


@pytest.mark.parametrize(
    ('official', 'n_there', 'limit', 'expected'),
    [
        (True, 1000, None, 'official'),
        (True, 990, None, 'official-incomplete'),
        (True, 989, None, 'subset'),
        (True, 1000, 5, 'subset'),
        (False, 1000, None, 'subset'),
    ],
    ids=['all', 'most', 'some', 'limit', 'another-table'],
)
def test_family(official, n_there, limit, expected):
    assert family(official, n_there, 1000, limit) == expected


@pytest.mark.parametrize(
    ('role', 'n', 'expected'),
    [('valid', 234, True), ('valid', 233, False), ('test', 234, False)],
)
def test_official_by_number(tmp_path, role, n, expected):
    lines = [row(film(i, part=role)) for i in range(n)]
    path = write(tmp_path / f'{role}.csv', [HEADER, *lines])
    assert is_official(role, read_films(path, role, Report())) is expected


def test_a_patient_in_two_tables(tmp_path):
    tables = {
        role: read_films(
            write(tmp_path / f'{role}.csv', [HEADER, row(film(7, part=role))]),
            role,
            Report(),
        )
        for role in ('train', 'test')
    }
    with pytest.raises(
        AnnotationError, match=r'test.csv: 1 patients are also in train.csv .*00007'
    ):
        check_patients(tables)
