from types import SimpleNamespace

import numpy as np
import pytest

from data_converters.mimic_cxr.people import people_of
from data_converters.records import AnnotationError
from data_converters.report import Report

from . import download

HEADER = 'subject_id,gender,anchor_age,anchor_year,anchor_year_group,dod'


def films(*rows):
    subjects, dates = zip(*rows, strict=True)
    return SimpleNamespace(
        subject_id=np.array(subjects, dtype=object),
        date=np.array(dates, dtype=object),
    )


def test_ages_on_the_day_of_the_film(tmp_path):
    rows = [
        '1,F,52,2180,2014 - 2016,',
        '2,M,91,2150,,',
        '3,m,30,2150,,',
        '4,,20,2150,,',
    ]
    path = download.write(tmp_path / 'patients.csv.gz', [HEADER, *rows])
    report = Report()
    shown = (
        ('1', '21800506'),
        ('1', '21830101'),
        ('2', '21500101'),  # over 89: not known
        ('3', ''),
        ('4', '21490101'),
        ('5', '21500101'),
    )
    made = people_of(films(*shown), path, report)
    assert made['sex'] == ['F', 'F', 'M', 'M', None, None]
    assert made['age'] == [52, 55, None, None, 19, None]
    assert report.counts == {'films of patients that patients.csv.gz lacks': 1}


def test_without_the_table():
    assert people_of(films(('1', '2150')), None, Report()) == {}


def test_a_patient_who_comes_twice(tmp_path):
    rows = ['1,F,52,2180,,', '1,M,52,2180,,']
    path = download.write(tmp_path / 'patients.csv', [HEADER, *rows])
    with pytest.raises(AnnotationError, match='row 3: subject_id 1 has a second row'):
        people_of(films(('1', '2180')), path, Report())
    made = people_of(films(('1', '2180')), path, Report(), drop_invalid=True)
    assert made == {'sex': ['F'], 'age': [52]}
