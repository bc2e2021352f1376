from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from data_converters.mimic_cxr import split
from data_converters.mimic_cxr.split import check_patients
from data_converters.mimic_cxr.split import families_of
from data_converters.mimic_cxr.split import is_official
from data_converters.records import AnnotationError
from data_converters.report import Report


def films(parts, subjects=None):
    own = np.array(parts, dtype=object)
    return SimpleNamespace(
        part=own,
        subject_id=np.array(subjects or parts, dtype=object),
        dicom_id=np.array([f'd{i}' for i in range(len(own))], dtype=object),
        source=SimpleNamespace(path=Path('metadata.csv.gz')),
    )


def test_the_release_s_numbers_add_up():
    assert sum(split.OFFICIAL_FILMS.values()) == 377_110
    assert sum(split.OFFICIAL_PATIENTS.values()) == 65_379


@pytest.mark.parametrize(
    ('subjects', 'official'),
    [('aabcd', True), ('abecd', False), ('aaacd', False)],
    ids=['release', 'more patients', 'fewer patients'],
)
def test_official(monkeypatch, subjects, official):
    monkeypatch.setattr(split, 'OFFICIAL_FILMS', {'train': 3, 'val': 1, 'test': 1})
    monkeypatch.setattr(split, 'OFFICIAL_PATIENTS', {'train': 2, 'val': 1, 'test': 1})
    own = films(['train', 'train', 'train', 'val', 'test'], [*subjects])
    assert is_official(own) is official


def test_patients_on_one_side():
    check_patients(films(['train', 'train', 'test', ''], ['a', 'a', 'b', 'a']))
    with pytest.raises(AnnotationError, match=r'1 patients .* a, in train and test'):
        check_patients(films(['train', 'test'], ['a', 'a']))


@pytest.mark.parametrize(
    ('missing', 'official', 'limit', 'family'),
    [
        (0, True, None, 'official'),
        (1, True, None, 'official-incomplete'),
        (3, True, None, 'subset'),
        (0, True, 5, 'subset'),
        (0, False, None, 'subset'),
    ],
    ids=['all', 'few missing', 'many missing', 'limit', 'other tables'],
)
def test_families(missing, official, limit, family):
    own, report = films(['train'] * 200 + ['val', 'test']), Report()
    there = np.arange(202) >= missing
    made = families_of(own, there, official, limit, report)
    assert made['train'] == family
    assert report.counts.get('films of train without an image, left out', 0) == missing
    listed = [entry['reason'] for entry in report.dropped]
    assert listed == (['film d0 is not there'] if missing == 1 else [])
    assert any('only 197 of the 200' in w for w in report.warnings) == (missing == 3)
