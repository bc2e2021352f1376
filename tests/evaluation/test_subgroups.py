import json

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from mmlung.evaluation import age_band
from mmlung.evaluation import cluster_weights
from mmlung.evaluation import mean_auc
from mmlung.evaluation import subgroup_auc

FINDINGS = ('Mass', 'Nodule/Mass', 'Hernia')


def films(seed=0, n=400):
    """Scores, labels, patients and sex; men are scored worse, Hernia is rare."""
    rng = np.random.default_rng(seed)
    patient = np.sort(rng.integers(n // 3, size=n))
    male = rng.integers(2, size=n // 3)[patient] == 1
    target = rng.choice([1.0, 0.0, np.nan], (n, 3), p=[0.3, 0.6, 0.1])
    target[:, 2] = 0
    target[np.flatnonzero(male)[:3], 2] = 1
    skill = np.where(male, 0.4, 2)[:, None]
    score = rng.normal(size=(n, 3)) + skill * (target == 1)
    return score, target, [str(p) for p in patient], np.where(male, 'M', 'F')


def sklearn_auc(score, target):
    known = ~np.isnan(target)
    return roc_auc_score(target[known], score[known])


def test_each_group_is_the_metric_on_its_images():
    score, target, patients, sex = films()
    report = subgroup_auc(score, target, FINDINGS, {'sex': sex.tolist()}, patients)
    part = report['sex']
    assert part['compared'] == ['Mass', 'Nodule/Mass']  # no woman has a Hernia
    assert list(part['groups']) == ['F', 'M']
    for group, row in part['groups'].items():
        inside = sex == group
        assert row['images'] == inside.sum()
        expected = [sklearn_auc(score[inside, c], target[inside, c]) for c in (0, 1)]
        assert row['mAUC'] == pytest.approx(np.mean(expected))
        for c, name in enumerate(FINDINGS[:2]):
            found = row['findings'][name]
            assert found['AUC'] == pytest.approx(expected[c])
            assert found['n_positive'] == (target[inside, c] == 1).sum()
            assert found['n_known'] == (~np.isnan(target[inside, c])).sum()
    women, men = part['groups']['F'], part['groups']['M']
    assert women['findings']['Hernia']['AUC'] is None
    assert men['findings']['Hernia']['AUC'] is not None
    assert part['worst'] == {
        'group': 'M',
        'best': 'F',
        'gap': pytest.approx(women['mAUC'] - men['mAUC']),
    }


def test_intervals_are_those_of_the_same_resamples():
    score, target, patients, sex = films(1, n=240)
    options = {'clusters': patients, 'bootstrap': 20, 'seed': 4}
    part = subgroup_auc(score, target, FINDINGS, {'sex': sex}, **options)['sex']
    (weights,) = cluster_weights(patients, 20, seed=4)
    gaps = []
    for weight in weights.T:
        drawn = np.repeat(np.arange(240), weight.astype(int))
        mean = {}
        for group in 'FM':
            i = drawn[sex[drawn] == group]
            mean[group] = np.mean(
                [sklearn_auc(score[i, c], target[i, c]) for c in (0, 1)]
            )
        gaps.append(mean['F'] - mean['M'])
    ends = np.quantile(gaps, [0.025, 0.975])
    worst = part['worst']
    assert (worst['gap_low'], worst['gap_high']) == pytest.approx(tuple(ends))
    row = part['groups']['M']
    assert row['mAUC_low'] < row['mAUC'] < row['mAUC_high']
    assert row['findings']['Mass']['AUC_low'] < row['findings']['Mass']['AUC']


def test_one_group_of_all_is_the_metric_itself():
    score, target, patients, _ = films(2)
    part = subgroup_auc(
        score, target, FINDINGS, {'view': ['PA'] * 400}, patients, bootstrap=10
    )['view']
    expected = mean_auc(score, target, FINDINGS, 1, patients, 10)
    row = part['groups']['PA']
    for key in ('mAUC', 'mAUC_low', 'mAUC_high'):
        assert row[key] == pytest.approx(expected[key])
    for name in FINDINGS:
        low = expected[f'AUC/{name}_low']
        assert row['findings'][name]['AUC_low'] == (None if np.isnan(low) else low)
    assert part['worst'] is None


def test_unknown_is_shown_and_never_the_worst():
    score, target, patients, sex = films()
    values = [
        None if i % 5 == 0 else '' if i % 5 == 1 else s for i, s in enumerate(sex)
    ]
    hidden = np.array([v in (None, '') for v in values])
    score[hidden] *= -1
    part = subgroup_auc(score, target, FINDINGS, {'sex': values}, patients)['sex']
    assert list(part['groups']) == ['F', 'M', 'unknown']
    row = part['groups']['unknown']
    assert row['images'] == hidden.sum()
    assert not row['compared']
    assert row['mAUC'] < part['groups']['M']['mAUC']
    assert part['worst']['group'] == 'M'


def test_an_unknown_group_without_a_shared_finding_has_no_mean():
    score, target, patients, sex = films()
    values = [None, None, *sex[2:]]
    target[:2] = 0
    part = subgroup_auc(score, target, FINDINGS, {'sex': values}, patients)['sex']
    assert part['compared'] == ['Mass', 'Nodule/Mass']
    assert part['groups']['unknown']['mAUC'] is None


def test_a_group_too_small_does_not_empty_the_comparison():
    score, target, patients, _ = films()
    target[:2] = 0
    views = ['LATERAL'] * 2 + ['PA', 'AP'] * 199
    part = subgroup_auc(score, target, FINDINGS, {'view': views}, patients)['view']
    assert part['compared'][:2] == ['Mass', 'Nodule/Mass']
    assert not part['groups']['LATERAL']['compared']
    assert part['groups']['LATERAL']['mAUC'] is None
    assert part['worst']['group'] in ('PA', 'AP')


def test_rare_findings_are_not_compared():
    score, target, patients, sex = films()
    positive = (target[sex == 'M', 0] == 1).sum()
    options = {'min_positives': int(positive) + 1}
    part = subgroup_auc(score, target, FINDINGS, {'sex': sex}, patients, **options)
    assert 'Mass' not in part['sex']['compared']


def test_nothing_to_compare():
    target = np.zeros((4, 3))
    part = subgroup_auc(target, target, FINDINGS, {'sex': ['F', 'M', 'F', None]})['sex']
    assert (part['compared'], part['worst']) == ([], None)
    assert part['groups']['F']['mAUC'] is None
    assert subgroup_auc(target[:0], target[:0], FINDINGS, {'sex': []})['sex'] == {
        'compared': [],
        'groups': {},
        'worst': None,
    }


def test_it_is_json_and_the_order_is_that_of_age():
    score, target, patients, sex = films()
    ages = np.random.default_rng(0).integers(10, 90, 400)
    bands = [age_band(int(age)) for age in ages]
    report = subgroup_auc(
        score, target, FINDINGS, {'age': bands, 'sex': sex}, patients, bootstrap=3
    )
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert list(report['age']['groups']) == ['<40', '40-60', '>60']


@pytest.mark.parametrize(
    ('age', 'band'),
    [(0, '<40'), (39.9, '<40'), (40, '40-60'), (60, '40-60'), (60.5, '>60')]
    + [(120, '>60'), (121, None), (-1, None), (float('nan'), None), (None, None)],
)
def test_age_bands(age, band):
    assert age_band(age) == band


def test_length_is_checked():
    score, target, *_ = films()
    with pytest.raises(
        ValueError, match=r"attribute 'sex' must have .* \(400\), got 1"
    ):
        subgroup_auc(score, target, FINDINGS, {'sex': ['F']})
