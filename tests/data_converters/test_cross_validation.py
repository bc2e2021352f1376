import argparse

import numpy as np
import pytest

from data_converters.cross_validation import fold_facts
from data_converters.cross_validation import folds
from data_converters.cross_validation import train_val_folds
from data_converters.cross_validation import train_val_test_folds
from data_converters.records import ImageRecord


def films(n=60, each=2):
    """Patients of a few films; every third film has the finding."""
    return [
        ImageRecord(str(i), f'{i}.png', labels=(float(i % 3 == 0),), patient_id=str(p))
        for p in range(n)
        for i in range(p * each, (p + 1) * each)
    ]


def strata_of(records):
    return np.array([record.labels for record in records])


def test_train_val_folds_hold_every_film_once():
    records = films()
    parts = train_val_folds(records, 4, seed=0, strata=strata_of(records))
    assert list(parts) == ['fold_0/', 'fold_1/', 'fold_2/', 'fold_3/']
    held = [r.image_id for part in parts.values() for r in part['val']]
    assert sorted(held) == sorted(r.image_id for r in records)
    assert all(len(part['train']) + len(part['val']) == 120 for part in parts.values())


def test_three_parts_share_no_patient_and_balance_the_finding():
    records = films()
    parts = train_val_test_folds(records, 5, 0.25, 0, strata_of(records))
    held = [r.image_id for part in parts.values() for r in part['test']]
    assert sorted(held) == sorted(r.image_id for r in records)
    for part in parts.values():
        groups = [{r.group for r in part[n]} for n in ('train', 'val', 'test')]
        assert sum(map(len, groups)) == 60
        assert [len(part[n]) for n in ('train', 'val', 'test')] == [72, 24, 24]
        positive = [sum(r.labels[0] for r in part[n]) for n in part]
        assert positive == [24, 8, 8]


def test_test_parts_do_not_depend_on_the_share_of_val():
    records = films()
    few, many = (
        train_val_test_folds(records, 3, share, 0, strata_of(records))
        for share in (0.1, 0.4)
    )
    assert [p['test'] for p in few.values()] == [p['test'] for p in many.values()]


def test_more_folds_than_patients():
    with pytest.raises(argparse.ArgumentError, match='--folds: the number of folds'):
        train_val_folds(films(3), 4, seed=0)


@pytest.mark.parametrize('text', ['1', '0', 'x', '2.5'])
def test_folds_is_a_number_of_at_least_two(text):
    with pytest.raises(argparse.ArgumentTypeError, match='must be'):
        folds(text)


def test_facts_of_a_fold():
    assert fold_facts('fold_12/', 15) == {'fold': 12, 'folds': 15}
    assert fold_facts('', None) == {}
