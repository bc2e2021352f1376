import numpy as np
import pytest
from sklearn.metrics import roc_curve

from mmlung.evaluation.cutoffs import RULES
from mmlung.evaluation.cutoffs import operating_thresholds
from mmlung.evaluation.rates import at_threshold


def drawn(n, decimals, seed=0):
    rng = np.random.default_rng(seed)
    target = (rng.random(n) < 0.3).astype(float)
    score = (rng.random(n) * 0.7 + 0.3 * target * rng.random(n)).round(decimals)
    target[rng.random(n) < 0.1] = np.nan
    return score, target


@pytest.mark.parametrize('seed', range(5))
@pytest.mark.parametrize('decimals', [9, 1], ids=['distinct', 'ties'])
def test_thresholds_are_the_best_of_all_scores(decimals, seed):
    score, target = drawn(150, decimals, seed)
    levels = np.unique(score[~np.isnan(target)])
    rates = {t: at_threshold(score, target, t) for t in levels}
    total = {t: r['sensitivity'] + r['specificity'] for t, r in rates.items()}
    best = max(total.values())
    expected = {
        'youden': max(t for t in levels if total[t] >= best - 1e-9),
        'sensitivity90': max(t for t in levels if rates[t]['sensitivity'] >= 0.9),
        'specificity95': min(
            (t for t in levels if rates[t]['specificity'] >= 0.95), default=None
        ),
    }
    found = operating_thresholds(score, target)
    assert {rule: found[rule].score_thr for rule in RULES} == expected


def test_youden_is_scikit_learns_curve():
    score, target = drawn(400, 9)
    known = ~np.isnan(target)
    fpr, tpr, thresholds = roc_curve(target[known], score[known])
    found = operating_thresholds(score, target)['youden'].score_thr
    assert found == thresholds[(tpr - fpr).argmax()]


def test_nine_of_ten_are_ninety_percent():
    for n in (10, 20, 30, 70, 110, 130):
        score = np.arange(2.0 * n)
        target = np.repeat([0.0, 1.0], n)
        found = operating_thresholds(score, target)
        assert found['sensitivity90'].score_thr == n + n // 10
    score, target = np.arange(120.0), np.repeat([1.0, 0.0], 60)
    found = operating_thresholds(score, target)['specificity95'].score_thr
    assert found == 60 + 57


@pytest.mark.parametrize(
    ('score', 'target', 'reasons'),
    [
        ([], [], ['no present film'] * 3),
        ([0.5], [np.nan], ['no present film'] * 3),
        ([0.5, 0.1], [0, 0], ['no present film'] * 3),
        ([0.5, 0.1], [1, 1], ['no absent film'] * 3),
        ([0.5, 0.1], [1, 0], ['only 1 present'] * 3),
        (
            [0.5, 0.5, 0.5],
            [1, 1, 0],
            ['no threshold is better than chance', None]
            + ['the highest score has more than 5 % of the absent'],
        ),
        (
            [0.1, 0.2, 0.9],
            [1, 1, 0],
            ['no threshold is better than chance', None]
            + ['the highest score has more than 5 % of the absent'],
        ),
    ],
    ids=['empty', 'unknown', 'absent', 'present', 'few', 'constant', 'reversed'],
)
def test_an_undefined_threshold_has_a_reason(score, target, reasons):
    found = operating_thresholds(np.array(score), np.array(target, float), 2)
    assert [found[rule].reason for rule in RULES] == reasons
    assert [cutoff.score_thr is None for cutoff in found.values()] == [
        reason is not None for reason in reasons
    ]


def test_unknown_films_do_not_count():
    score, target = drawn(200, 3)
    known = ~np.isnan(target)
    assert operating_thresholds(score, target) == operating_thresholds(
        score[known], target[known]
    )
