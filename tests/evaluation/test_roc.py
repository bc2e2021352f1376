import numpy as np
import pytest
from sklearn import metrics

from mmlung.evaluation import cluster_weights
from mmlung.evaluation import mean_auc
from mmlung.evaluation import pr_curve
from mmlung.evaluation import roc_curve


def random_scores(seed=0, n=150, n_levels=1000):
    rng = np.random.default_rng(seed)
    target = rng.choice([1.0, 0.0, np.nan], n, p=[0.3, 0.5, 0.2])
    score = rng.normal(size=n) + (target == 1)
    return np.round(score * n_levels / 6) / n_levels, target


def sklearn_roc(score, target, grid, weight=None):
    """Upper side of scikit-learn's polygon at each point of the grid."""
    known = ~np.isnan(target)
    weight = None if weight is None else weight[known]
    fpr, tpr, _ = metrics.roc_curve(
        target[known], score[known], sample_weight=weight, drop_intermediate=False
    )
    return np.interp(np.minimum(grid + 1e-12, 1), fpr, tpr)


def sklearn_precision(score, target, grid, weight=None):
    """Precision at scikit-learn's highest threshold with at least that recall."""
    known = ~np.isnan(target)
    weight = None if weight is None else weight[known]
    precision, recall, _ = metrics.precision_recall_curve(
        target[known], score[known], sample_weight=weight
    )
    least = np.maximum(grid - 1e-12, 1e-12)
    chosen = [np.flatnonzero(recall >= r)[-1] for r in least]
    return precision[chosen]


CURVES = [
    pytest.param(roc_curve, sklearn_roc, 'fpr', 'tpr', id='roc'),
    pytest.param(pr_curve, sklearn_precision, 'recall', 'precision', id='pr'),
]


@pytest.mark.parametrize(('curve', 'reference', 'x', 'y'), CURVES)
@pytest.mark.parametrize('n_levels', [3, 20, 10**6], ids=lambda n: f'{n}-levels')
@pytest.mark.parametrize('seed', range(3))
def test_matches_scikit_learn(curve, reference, x, y, n_levels, seed):
    score, target = random_scores(seed, n_levels=n_levels)
    found = curve(score, target)
    grid = getattr(found, x)
    assert (grid[0], grid[-1], len(grid)) == (0, 1, 201)
    expected = reference(score, target, grid)
    np.testing.assert_allclose(getattr(found, y), expected, atol=1e-7)
    assert np.isnan([*found.low, *found.high]).all()
    assert found.n_positive == (target == 1).sum()
    assert found.n_known == (~np.isnan(target)).sum()


@pytest.mark.parametrize(('curve', 'reference', 'x', 'y'), CURVES)
def test_the_band_is_that_of_the_resamples(curve, reference, x, y):
    score, target = random_scores(1, n_levels=30)
    clusters = [str(i // 3) for i in range(len(score))]
    found = curve(score, target, clusters, bootstrap=40, seed=7)
    (weights,) = cluster_weights(clusters, 40, seed=7)
    grid = getattr(found, x)
    curves = [reference(score, target, grid, w) for w in weights.T]
    low, high = np.quantile(curves, [0.025, 0.975], axis=0)
    np.testing.assert_allclose(found.low, low, atol=1e-7)
    np.testing.assert_allclose(found.high, high, atol=1e-7)


def test_areas_are_those_of_the_table():
    score, target = random_scores(2)
    clusters = [str(i // 2) for i in range(len(score))]
    report = mean_auc(score[:, None], target[:, None], ['Mass'], 1, clusters, 30, 5)
    roc = roc_curve(score, target, clusters, 30, 5)
    pr = pr_curve(score, target, clusters, 30, 5)
    assert (roc.auc, roc.auc_low, roc.auc_high) == (
        report['AUC/Mass'],
        report['AUC/Mass_low'],
        report['AUC/Mass_high'],
    )
    assert (pr.auprc, pr.auprc_low) == (report['AUPRC/Mass'], report['AUPRC/Mass_low'])
    assert np.trapezoid(roc.tpr, roc.fpr) == pytest.approx(roc.auc, abs=0.01)


def test_by_hand():
    score = np.array([0.9, 0.8, 0.5, 0.5, 0.1])
    target = np.array([1.0, 0, 1, 0, 0])
    roc = roc_curve(score, target, n_points=4)
    assert roc.tpr == pytest.approx([0.5, 0.5, 1, 1])  # slants from 1/3 to 2/3
    assert roc_curve(score, target, n_points=7).tpr[3] == pytest.approx(0.75)
    pr = pr_curve(score, target, n_points=3)
    assert pr.precision == pytest.approx([1, 1, 0.5])


@pytest.mark.parametrize('curve', [roc_curve, pr_curve])
@pytest.mark.parametrize(
    'target',
    [[1, 1], [0, 0], [np.nan, 1], []],
    ids=['present', 'absent', 'one', 'none'],
)
def test_one_class_is_undefined(curve, target):
    score = np.array([0.3, 0.6])[: len(target)]
    found = curve(score, np.array(target, dtype=float), bootstrap=3)
    values = list(vars(found).values())
    assert np.isnan(np.concatenate(values[1:4])).all()
    assert np.isnan(values[4:7]).all()
