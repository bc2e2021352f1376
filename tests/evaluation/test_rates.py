import numpy as np
import pytest
from sklearn.metrics import confusion_matrix
from sklearn.metrics import precision_score
from sklearn.metrics import recall_score

from mmlung.evaluation.bootstrap import cluster_weights
from mmlung.evaluation.rates import RATES
from mmlung.evaluation.rates import at_threshold
from mmlung.evaluation.rates import rates_at

FINDINGS = ['Mass', 'Nodule/Mass', 'Hernia']
THRESHOLDS = {'Mass': 0.5, 'Nodule/Mass': 0.3}


def drawn(n=90, seed=0):
    rng = np.random.default_rng(seed)
    target = (rng.random((n, 3)) < 0.4).astype(float)
    score = (0.6 * rng.random((n, 3)) + 0.3 * target).round(1)
    target[rng.random((n, 3)) < 0.1] = np.nan
    return score, target


def test_rates_are_scikit_learns():
    score, target = (array[:, 0] for array in drawn())
    known = ~np.isnan(target)
    true, called = target[known], score[known] >= 0.5
    tn, fp, fn, tp = confusion_matrix(true, called).ravel()
    found = at_threshold(score, target, 0.5)
    assert [found[key] for key in ('tp', 'fn', 'fp', 'tn')] == [tp, fn, fp, tn]
    assert found['sensitivity'] == pytest.approx(recall_score(true, called))
    assert found['specificity'] == pytest.approx(
        recall_score(true, called, pos_label=0)
    )
    assert found['ppv'] == pytest.approx(precision_score(true, called))
    assert found['npv'] == pytest.approx(precision_score(true, called, pos_label=0))


@pytest.mark.parametrize(
    ('score', 'target', 'defined'),
    [
        ([], [], set()),
        ([0.9], [np.nan], set()),
        ([0.9, 0.1], [1, 1], {'sensitivity', 'ppv', 'npv'}),
        ([0.9, 0.8], [1, 0], {'sensitivity', 'specificity', 'ppv'}),
        ([0.2, 0.1], [1, 0], {'sensitivity', 'specificity', 'npv'}),
    ],
    ids=['empty', 'unknown', 'no-absent', 'all-called', 'none-called'],
)
def test_what_cannot_be_divided_is_nan(score, target, defined):
    found = at_threshold(np.array(score), np.array(target, float), 0.5)
    assert {key for key in RATES if not np.isnan(found[key])} == defined


def test_a_score_at_the_threshold_is_positive():
    assert at_threshold(np.array([0.5]), np.array([1.0]), 0.5)['tp'] == 1


def test_the_report_is_that_of_the_pure_function():
    score, target = drawn()
    report = rates_at(score, target, THRESHOLDS, FINDINGS)
    for c, name in enumerate(FINDINGS[:2]):
        for key, value in at_threshold(
            score[:, c], target[:, c], THRESHOLDS[name]
        ).items():
            assert report[f'{key}/{name}'] == value
    for key in RATES:
        values = [report[f'{key}/{name}'] for name in THRESHOLDS]
        assert report[key] == pytest.approx(np.mean(values))
    assert not [key for key in report if key.endswith('Hernia')]


def test_intervals_are_those_of_resampled_patients():
    score, target = drawn()
    patients = [f'p{i // 4}' for i in range(90)]
    report = rates_at(score, target, THRESHOLDS, FINDINGS, patients, 60, seed=7)
    values = {key: [] for key in RATES}
    for weights in np.hstack(list(cluster_weights(patients, 60, seed=7))).T:
        rows = np.repeat(np.arange(90), weights.astype(int))
        found = at_threshold(score[rows, 1], target[rows, 1], 0.3)
        for key in RATES:
            values[key].append(found[key])
    for key in RATES:
        low, high = np.quantile(values[key], [0.025, 0.975])
        assert report[f'{key}/Nodule/Mass_low'] == pytest.approx(low)
        assert report[f'{key}/Nodule/Mass_high'] == pytest.approx(high)


def test_without_any_threshold_the_means_are_undefined():
    report = rates_at(*drawn(), {}, FINDINGS, bootstrap=3)
    assert all(np.isnan(value) for value in report.values())
