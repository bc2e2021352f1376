import time

import numpy as np
import pytest
import torch
from mmpretrain.structures import DataSample
from sklearn.metrics import average_precision_score
from sklearn.metrics import roc_auc_score

from mmlung.evaluation import binary_auc
from mmlung.evaluation import binary_auprc
from mmlung.evaluation import cluster_weights
from mmlung.evaluation import delong_auc
from mmlung.evaluation import mean_auc
from mmlung.evaluation.auc import weighted_areas
from mmlung.registry import METRICS
from mmlung.scorecard.run import split_by_finding

FINDINGS = ('Cardiomegaly', 'Nodule/Mass', 'Hernia')
OFFICIAL_TEST = {'dataset': 'chestxray14', 'split_family': 'official', 'split': 'test'}


def pairwise_auc(score, target):
    """The definition, O(N^2)."""
    pos, neg = score[target == 1], score[target == 0]
    return ((pos[:, None] > neg) + 0.5 * (pos[:, None] == neg)).mean()


def random_labels(seed, n=200, n_levels=1000):
    rng = np.random.default_rng(seed)
    score = rng.integers(n_levels, size=n) / n_levels
    return score, rng.integers(2, size=n).astype(float)


@pytest.mark.parametrize('seed', range(3))
@pytest.mark.parametrize('n_levels', [2, 5, 1000], ids=lambda n: f'{n}-score-levels')
def test_matches_the_definition(seed, n_levels):
    score, target = random_labels(seed, n_levels=n_levels)
    expected = pairwise_auc(score, target)
    assert binary_auc(score, target) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize('seed', range(3))
@pytest.mark.parametrize('n_levels', [2, 5, 1000], ids=lambda n: f'{n}-score-levels')
def test_matches_scikit_learn(seed, n_levels):
    score, target = random_labels(seed, n_levels=n_levels)
    assert binary_auc(score, target) == pytest.approx(roc_auc_score(target, score))
    expected = average_precision_score(target, score)
    assert binary_auprc(score, target) == pytest.approx(expected, abs=1e-12)


def test_weights_match_scikit_learn():
    score, target = random_labels(0, n_levels=20)
    weights = np.random.default_rng(1).integers(4, size=(200, 5)).astype(float)
    auc, auprc = weighted_areas(score, target, weights)
    for r in range(5):
        sample_weight = weights[:, r]
        expected = roc_auc_score(target, score, sample_weight=sample_weight)
        assert auc[r] == pytest.approx(expected)
        expected = average_precision_score(target, score, sample_weight=sample_weight)
        assert auprc[r] == pytest.approx(expected)


def test_unknown_labels_do_not_count():
    score, target = np.array([0.9, 0.1, 0.5]), np.array([1, 0, np.nan])
    assert binary_auc(score, target) == 1.0
    assert binary_auprc(score, target) == 1.0


@pytest.mark.parametrize(
    'target',
    [[1, 1], [0, 0], [np.nan, 1], [np.nan, np.nan], []],
    ids=['all-present', 'all-absent', 'one-known', 'none-known', 'no-image'],
)
def test_one_class_is_undefined(target):
    score = np.array([0.2, 0.7])[: len(target)]
    assert np.isnan(binary_auc(score, np.array(target, dtype=float)))
    assert np.isnan(binary_auprc(score, np.array(target, dtype=float)))


def test_monotone_scores_and_order_do_not_matter():
    score, target = random_labels(4)
    order = np.random.default_rng(0).permutation(len(score))
    for same in (np.exp(3 * score), score[order]):
        labels = target[order] if same[0] == score[order][0] else target
        assert binary_auc(same, labels) == pytest.approx(binary_auc(score, target))
        assert binary_auprc(same, labels) == pytest.approx(binary_auprc(score, target))


def test_turned_scores_turn_the_auc():
    score, target = random_labels(5)
    assert binary_auc(-score, target) == pytest.approx(1 - binary_auc(score, target))


def three_findings(n=60, seed=0):
    """Scores and labels: balanced, partly unknown, two present ones only."""
    rng = np.random.default_rng(seed)
    target = rng.integers(2, size=(n, 3)).astype(float)
    target[rng.random(n) < 0.4, 1] = np.nan
    target[:, 2] = 0
    target[:2, 2] = 1
    return rng.normal(size=(n, 3)) + np.nan_to_num(target), target


def test_report_per_finding_and_on_average():
    score, target = three_findings()
    report = mean_auc(score, target, FINDINGS)
    known = ~np.isnan(target[:, 1])
    assert report['AUC/Nodule/Mass'] == pytest.approx(
        roc_auc_score(target[known, 1], score[known, 1])
    )
    assert report['AUPRC/Hernia'] == pytest.approx(
        average_precision_score(target[:, 2], score[:, 2])
    )
    assert report['n_known/Nodule/Mass'] == known.sum()
    assert report['n_positive/Hernia'] == 2
    assert report['mAUC_findings'] == 3
    for mean, key in (('mAUC', 'AUC'), ('mAUPRC', 'AUPRC')):
        values = [report[f'{key}/{name}'] for name in FINDINGS]
        assert report[mean] == pytest.approx(np.mean(values))


def test_rare_and_undefined_findings_are_shown_and_not_averaged():
    score, target = three_findings()
    target[:, 1] = np.nan
    report = mean_auc(score, target, FINDINGS, min_positives=3)
    assert report['mAUC_findings'] == 1
    assert report['mAUC'] == report['AUC/Cardiomegaly']
    assert not np.isnan(report['AUC/Hernia'])
    assert np.isnan(report['AUC/Nodule/Mass'])
    assert report['n_known/Nodule/Mass'] == 0


def test_nothing_defined_is_undefined():
    report = mean_auc(np.zeros((4, 1)), np.ones((4, 1)), ['Mass'])
    assert np.isnan(report['mAUC'])
    assert report['mAUC_findings'] == 0


def test_order_of_findings_does_not_matter():
    score, target = three_findings()
    report = mean_auc(score, target, FINDINGS, bootstrap=10)
    turned = mean_auc(score[:, ::-1], target[:, ::-1], FINDINGS[::-1], bootstrap=10)
    assert turned == pytest.approx(report)


def test_a_resample_equals_the_metric_on_drawn_images():
    score, target = three_findings(n=80)
    clusters = [f'patient {i // 3}' for i in range(80)]
    (weights,) = cluster_weights(clusters, 1, seed=5)
    drawn = np.repeat(np.arange(80), weights[:, 0].astype(int))
    report = mean_auc(score, target, FINDINGS, clusters=clusters, bootstrap=1, seed=5)
    expected = mean_auc(score[drawn], target[drawn], FINDINGS)
    for key in ('mAUC', 'mAUPRC', 'AUC/Nodule/Mass', 'AUPRC/Cardiomegaly'):
        assert report[f'{key}_low'] == pytest.approx(expected[key])


def test_delong_stands_beside_the_bootstrap_and_spoils_no_table():
    score, target = three_findings(n=90)
    clusters = [f'patient {i // 3}' for i in range(90)]
    report = mean_auc(score, target, FINDINGS, clusters=clusters, bootstrap=5)
    assert not any('delong' in key for key in mean_auc(score, target, FINDINGS))
    rows = split_by_finding(report, FINDINGS)
    assert not any('delong' in key for key in rows['metrics'])
    for c, name in enumerate(FINDINGS):
        expected = delong_auc(score[:, c], target[:, c], clusters)
        row = rows['per_finding'][name]
        ends = (row['AUC_delong_low'], row['AUC_delong_high'])
        assert ends == pytest.approx((expected.low, expected.high), nan_ok=True)
    shown = {key for key in row if not key.endswith(('_low', '_high'))}
    assert shown == {'AUC', 'AUPRC', 'n_positive', 'n_known', 'n_positive_clusters'}


def test_interval_agrees_with_hanley_and_mcneil():
    """Standard error of a binormal AUC: doi:10.1148/radiology.143.1.7063747."""
    rng = np.random.default_rng(0)
    target = np.repeat([1.0, 0.0], 300)
    score = rng.normal(size=600) + target
    report = mean_auc(score[:, None], target[:, None], ['Mass'], bootstrap=1000)
    auc = report['mAUC']
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    spread = auc * (1 - auc) + 299 * (q1 - auc**2) + 299 * (q2 - auc**2)
    error = np.sqrt(spread / 300**2)
    width = report['mAUC_high'] - report['mAUC_low']
    assert width == pytest.approx(2 * 1.96 * error, rel=0.15)
    assert report['AUC/Mass_low'] == report['mAUC_low'] < auc < report['mAUC_high']


def test_a_thousand_resamples_of_a_small_test_set_are_quick():
    rng = np.random.default_rng(0)
    target = (rng.random((560, 14)) < 0.1).astype(float)
    start = time.perf_counter()
    mean_auc(rng.normal(size=(560, 14)), target, range(14), bootstrap=1000)
    assert time.perf_counter() - start < 5  # 0.4 s on an idle core


def samples_of(score, target, **meta):
    samples = []
    for i, (s, t) in enumerate(zip(score, target, strict=True)):
        info = {'img_path': f'{i}.png', 'patient_id': f'{i // 2}', **meta}
        sample = DataSample(metainfo=info)
        sample.set_pred_score(torch.tensor(s)).set_gt_score(torch.tensor(t))
        samples.append(sample.to_dict())
    return samples


def build(n=1, meta=None, **settings):
    metrics = [METRICS.build({'type': 'mmlung.MeanAUC', **settings}) for _ in range(n)]
    for metric in metrics:
        metric.dataset_meta = {'classes': FINDINGS, **(meta or {})}
    return metrics


def test_two_processes_equal_one():
    score, target = three_findings()
    samples = samples_of(score, target)
    whole, first, second = build(3, bootstrap=20, seed=2)
    whole.process(None, samples[:7])
    whole.process(None, samples[7:])
    first.process(None, samples[::2])
    second.process(None, samples[1::2])
    report = whole.evaluate(len(samples))
    pooled = first.compute_metrics(first.results + second.results)
    assert pooled == pytest.approx(report, nan_ok=True)
    clusters = [f'patient {i // 2}' for i in range(len(samples))]
    expected = mean_auc(
        score, target, FINDINGS, clusters=clusters, bootstrap=20, seed=2
    )
    assert report == pytest.approx(expected, abs=1e-6, nan_ok=True)
    assert all(isinstance(value, float) for value in report.values())


def test_official_test_needs_every_finding():
    score, target = three_findings()
    target[:, 2] = 0
    samples = samples_of(score, target)
    (metric,) = build(meta=OFFICIAL_TEST)
    metric.process(None, samples)
    with pytest.raises(ValueError, match=r'official test set .* but Hernia had no'):
        metric.evaluate(len(samples))


@pytest.mark.parametrize(
    'change',
    [{'split': 'val'}, {'split_family': 'official-incomplete'}, {'dataset': 'vindr'}],
    ids=str,
)
def test_elsewhere_a_finding_may_be_undefined(change):
    score, target = three_findings()
    target[:, 2] = 0
    (metric,) = build(meta=OFFICIAL_TEST | change)
    metric.process(None, samples_of(score, target))
    assert metric.evaluate(len(score))['mAUC_findings'] == 2


def test_no_image_is_undefined():
    (metric,) = build()
    assert np.isnan(metric.compute_metrics([])['mAUC'])


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'gt_score': None}, r'gt_score must have shape \(3,\).* got none \(f.png\)'),
        ({'pred_score': torch.zeros(2)}, r'pred_score must have shape .* got \(2,\)'),
        ({'pred_score': torch.full((3,), np.nan)}, r'pred_score must be finite'),
        ({'gt_score': torch.tensor([0, 1, 0.5])}, r'gt_score must be 1 .* 0\.5'),
    ],
    ids=['missing', 'length', 'diverged', 'soft'],
)
def test_wrong_samples_stop(change, message):
    sample = {'img_path': 'f.png', 'pred_score': torch.zeros(3)}
    sample |= {'gt_score': torch.zeros(3)} | change
    sample = {key: value for key, value in sample.items() if value is not None}
    (metric,) = build()
    with pytest.raises(ValueError, match=message):
        metric.process(None, [sample])


def test_films_of_one_patient_give_no_interval():
    score = np.array([[0.9], [0.8], [0.1], [0.2], [0.3]])
    target = np.array([[1.0], [1], [0], [0], [0]])
    one = mean_auc(score, target, ['Hernia'], clusters=list('aabcd'), bootstrap=50)
    assert one['AUC/Hernia'] == 1
    assert one['n_positive_clusters/Hernia'] == 1
    assert np.isnan(one['AUC/Hernia_low'])
    assert np.isnan(one['AUPRC/Hernia_high'])
    two = mean_auc(score, target, ['Hernia'], clusters=list('abcde'), bootstrap=50)
    assert two['n_positive_clusters/Hernia'] == 2
    assert two['AUC/Hernia_low'] == 1
