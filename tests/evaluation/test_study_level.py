import numpy as np
import pytest
import torch
from mmpretrain.structures import DataSample

from mmlung.evaluation import count_conflicts
from mmlung.evaluation import mean_auc
from mmlung.evaluation import pool_studies
from mmlung.registry import METRICS

FINDINGS = ('Edema', 'Mass')


def random_studies(seed=0, n=60):
    rng = np.random.default_rng(seed)
    score = rng.normal(size=(n, 2))
    target = rng.choice([1.0, 0.0, np.nan], (n, 2), p=[0.2, 0.6, 0.2])
    return score, target, [f's{i}' for i in rng.integers(n // 3, size=n)]


def by_hand(score, target, studies, aggregate):
    """Study by study, label by label."""
    names = list(dict.fromkeys(studies))
    rows = [[i for i, s in enumerate(studies) if s == name] for name in names]
    pooled = [getattr(score[i], aggregate)(axis=0) for i in rows]
    labels = np.zeros((len(names), target.shape[1]))
    for row, images in enumerate(rows):
        for c in range(target.shape[1]):
            seen = target[images, c]
            labels[row, c] = (
                1 if (seen == 1).any() else np.nan_to_num(seen.sum(), nan=np.nan)
            )
    return np.array(pooled), labels, [i[0] for i in rows]


@pytest.mark.parametrize('aggregate', ['max', 'mean'])
@pytest.mark.parametrize('seed', range(3))
def test_matches_a_loop_over_studies(aggregate, seed):
    score, target, studies = random_studies(seed)
    pooled, labels, first = pool_studies(score, target, studies, aggregate)
    expected = by_hand(score, target, studies, aggregate)
    np.testing.assert_allclose(pooled, expected[0])
    np.testing.assert_array_equal(labels, expected[1])
    assert first.tolist() == expected[2]


@pytest.mark.parametrize(
    ('labels', 'expected', 'conflicts'),
    [
        ([1, 1], 1, 0),
        ([0, 0], 0, 0),
        ([0, 1], 1, 1),
        ([np.nan, 1], 1, 0),
        ([np.nan, 0], np.nan, 0),
        ([np.nan, np.nan], np.nan, 0),
        ([1, np.nan, 0], 1, 1),
    ],
    ids=str,
)
def test_labels_of_a_study(labels, expected, conflicts):
    target = np.array(labels, dtype=float)[:, None]
    studies = ['s'] * len(labels)
    _, pooled, _ = pool_studies(np.zeros(target.shape), target, studies)
    np.testing.assert_array_equal(pooled, [[expected]])
    assert count_conflicts(target, studies) == conflicts


def test_no_image_is_no_study():
    pooled, labels, first = pool_studies(np.zeros((0, 2)), np.zeros((0, 2)), [])
    assert pooled.shape == labels.shape == (0, 2)
    assert len(first) == 0
    assert count_conflicts(np.zeros((0, 2)), []) == 0


def samples_of(score, target, studies, patient_of=lambda i: i % 7):
    samples = []
    for i, study in enumerate(studies):
        meta = {'img_path': f'{i}.png', 'study_id': study}
        meta['patient_id'] = str(patient_of(int(study[1:])))
        sample = DataSample(metainfo=meta)
        sample.set_pred_score(torch.tensor(score[i]))
        samples.append(sample.set_gt_score(torch.tensor(target[i])).to_dict())
    return samples


def build(**settings):
    metric = METRICS.build({'type': 'mmlung.MeanAUC', **settings})
    metric.dataset_meta = {'classes': FINDINGS}
    return metric


@pytest.mark.parametrize('aggregate', ['max', 'mean'])
def test_metric_at_study_level(aggregate):
    score, target, studies = random_studies(5)
    metric = build(level='study', aggregate=aggregate, bootstrap=15, seed=3)
    metric.process(None, samples_of(score, target, studies))
    report = metric.evaluate(len(score))
    pooled, labels, first = pool_studies(score, target, studies, aggregate)
    clusters = [f'patient {int(studies[i][1:]) % 7}' for i in first]
    expected = mean_auc(pooled, labels, FINDINGS, 1, clusters, 15, 3)
    expected['n_studies'] = len(first)
    expected['n_study_conflicts'] = count_conflicts(target, studies)
    assert expected['n_study_conflicts'] > 0
    assert report == pytest.approx(expected, abs=1e-6)


def test_studies_are_counted_within_a_patient():
    score, target, _ = random_studies(1, n=8)
    samples = samples_of(score, target, ['s1'] * 8)
    for i, sample in enumerate(samples):
        sample['patient_id'] = str(i // 2)
    metric = build(level='study')
    metric.process(None, samples)
    assert metric.evaluate(8)['n_studies'] == 4


def test_an_image_without_a_study_is_an_error():
    sample = {'img_path': 'f.png', 'pred_score': [0, 1], 'gt_score': [0, 1]}
    build().process(None, [sample])
    with pytest.raises(ValueError, match=r'f\.png has no study_id.* level=.image'):
        build(level='study').process(None, [sample | {'study_id': None}])


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        ({'level': 'patient'}, "level must be 'image' or 'study', got 'patient'"),
        ({'aggregate': 'median'}, r"aggregate must be one of .* got 'median'"),
    ],
    ids=['level', 'aggregate'],
)
def test_settings_are_checked(settings, message):
    with pytest.raises(ValueError, match=message):
        build(**settings)


def test_the_function_checks_its_aggregate():
    with pytest.raises(ValueError, match=r"aggregate must be one of .* got 'min'"):
        pool_studies(*random_studies(), aggregate='min')
