import numpy as np
import pytest
from sklearn.metrics import average_precision_score
from sklearn.metrics import roc_auc_score

from mmlung.evaluation import ranking
from mmlung.evaluation.ranking import rank


def random_ranking(seed=0, n=300, n_clusters=40, n_levels=50):
    rng = np.random.default_rng(seed)
    score = rng.integers(n_levels, size=n) / n_levels
    target = rng.choice([1.0, 0.0, np.nan], n, p=[0.2, 0.6, 0.2])
    cluster = rng.integers(n_clusters, size=n)
    weights = rng.integers(4, size=(n_clusters, 30)).astype(float)
    return score, target, cluster, weights


@pytest.mark.parametrize('n_levels', [2, 7, 10**6], ids=lambda n: f'{n}-score-levels')
def test_weighted_clusters_match_scikit_learn(n_levels):
    score, target, cluster, weights = random_ranking(n_levels=n_levels)
    auc, auprc = rank(score, target, cluster, len(weights)).areas(weights)
    known = ~np.isnan(target)
    for r in range(weights.shape[1]):
        labels, weight = target[known], weights[cluster[known], r]
        expected = roc_auc_score(labels, score[known], sample_weight=weight)
        assert auc[r] == pytest.approx(expected, abs=1e-12)
        expected = average_precision_score(labels, score[known], sample_weight=weight)
        assert auprc[r] == pytest.approx(expected, abs=1e-12)


def test_blocks_do_not_show(monkeypatch):
    score, target, cluster, weights = random_ranking()
    ranked = rank(score, target, cluster, len(weights))
    whole = ranked.areas(weights)
    monkeypatch.setattr(ranking, '_BLOCK', 7)
    np.testing.assert_array_equal(ranked.areas(weights), whole)


def test_counts_by_hand():
    score = np.array([0.9, 0.5, 0.5, 0.5, 0.2, 0.1, 0.7])
    target = np.array([1, 1, 1, 0, 0, 1, np.nan])
    ranked = rank(score, target)
    assert ranked.levels.tolist() == [0.9, 0.5, 0.1]
    true, true_above, false_above = ranked.counts(np.ones((7, 1)))
    assert true.ravel().tolist() == [1, 2, 1]
    assert true_above.ravel().tolist() == [1, 3, 4]
    assert false_above.ravel().tolist() == [0, 1, 2]


def test_a_resample_without_one_class_is_undefined():
    ranked = rank(np.array([0.9, 0.1, 0.5]), np.array([1.0, 0.0, 0.0]))
    auc, auprc = ranked.areas(np.array([[0.0, 1, 2], [1, 0, 1], [1, 0, 0]]))
    np.testing.assert_array_equal(auc, [np.nan, np.nan, 1])
    np.testing.assert_array_equal(auprc, [np.nan, np.nan, 1])
