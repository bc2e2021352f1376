import numpy as np
import pytest

from mmlung.evaluation.auc import binary_auc
from mmlung.evaluation.auc import mean_auc
from mmlung.evaluation.recorded import clusters_of
from mmlung.evaluation.recorded import recorded_scores
from mmlung.result import Finding
from mmlung.result import ImageResult
from mmlung.scorecard.breakdown import roc_curves_of
from mmlung.scorecard.breakdown import subgroup_lines
from mmlung.scorecard.breakdown import subgroups_of

NAMES = ['Mass', 'Edema']
AUC = [{'type': 'mmlung.MeanAUC', 'bootstrap': 20, 'min_positives': 5}]


def films(n=120, facts=True):
    rng = np.random.default_rng(0)
    truth = rng.random((n, 2)) < 0.4
    score = 1 / (1 + np.exp(-rng.normal(size=(n, 2)) - truth))
    known = [
        {
            'sex': 'FM'[i % 2] if i else None,
            'age': int(rng.integers(20, 90)),
            'view': ('PA', 'AP')[i % 3 == 0],
        }
        for i in range(n)
    ]
    return [
        ImageResult(
            f'{i}.png',
            (9, 9),
            tuple(Finding(f, float(s)) for f, s in zip(NAMES, score[i], strict=True)),
            tuple(Finding(f, float(t)) for f, t in zip(NAMES, truth[i], strict=True)),
            patient_id=f'p{i // 2}',
            **(known[i] if facts else {}),
        )
        for i in range(n)
    ]


def test_groups_of_sex_age_and_view():
    results = films()
    report = subgroups_of(results, NAMES, AUC)['subgroups']
    assert list(report) == ['sex', 'age', 'view']
    assert set(report['sex']['groups']) == {'F', 'M', 'unknown'}
    assert list(report['age']['groups']) == ['<40', '40-60', '>60']
    score, target = recorded_scores(results, NAMES)
    women = np.array([r.sex == 'F' for r in results])
    found = report['sex']['groups']['F']
    assert found['images'] == women.sum()
    for c, name in enumerate(NAMES):
        expected = binary_auc(score[women, c], target[women, c])
        assert found['findings'][name]['AUC'] == pytest.approx(expected)
    assert 'mAUC_low' in found


@pytest.mark.parametrize(
    ('results', 'evaluators'),
    [
        (films(facts=False), AUC),
        ([], AUC),
        (films(), [{'type': 'mmlung.MeanAP'}]),
    ],
    ids=['nothing-known', 'no-films', 'detector'],
)
def test_without_facts_there_is_no_section(results, evaluators):
    assert subgroups_of(results, NAMES, evaluators) == {}


def test_an_unknown_attribute_is_left_out():
    results = [
        ImageResult(r.image, r.size_hw, r.findings, r.truth, sex=r.sex) for r in films()
    ]
    assert list(subgroups_of(results, NAMES, AUC)['subgroups']) == ['sex']


def test_one_line_a_group_and_the_worst():
    metrics = subgroups_of(films(), NAMES, AUC)
    lines = list(subgroup_lines(metrics))
    assert lines[:2] == ['', 'by sex, mean AUC over 2 findings that all groups have']
    group = metrics['subgroups']['sex']['groups']['F']
    positives = sum(row['n_positive'] for row in group['findings'].values())
    assert lines[2].split()[:5] == ['F', '59', 'films', str(positives), 'positives']
    low, high = group['mAUC_low'], group['mAUC_high']
    assert lines[2].endswith(f'{group["mAUC"]:.3f} [{low:.3f}, {high:.3f}]')
    assert lines[4].split()[0] == 'unknown'
    assert lines[4].endswith('(not compared)')
    worst = metrics['subgroups']['sex']['worst']
    assert lines[5].startswith(f'  worst: {worst["group"]}, {worst["gap"]:.3f} [')
    assert lines[5].endswith(f'below {worst["best"]}')
    assert list(subgroup_lines({})) == []


def test_the_areas_of_the_curves_are_the_tables():
    results = films()
    curves = roc_curves_of(results, NAMES, AUC)
    arrays = recorded_scores(results, NAMES)
    report = mean_auc(*arrays, NAMES, 5, clusters_of(results), 20)
    for name, curve in curves.items():
        assert curve.auc == pytest.approx(report[f'AUC/{name}'])
        assert curve.auc_low == pytest.approx(report[f'AUC/{name}_low'])
    assert roc_curves_of(results, NAMES, []) == {}
    assert roc_curves_of([], NAMES, AUC) == {}
