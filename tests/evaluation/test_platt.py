import numpy as np
import pytest
from scipy.special import expit
from scipy.special import logit
from sklearn.linear_model import LogisticRegression

from mmlung.evaluation.auc import binary_auc
from mmlung.evaluation.platt import Platt
from mmlung.evaluation.platt import fit_platt


def drawn(n, slope, intercept, seed=0):
    """Scores, and labels drawn from a curve over their logits."""
    rng = np.random.default_rng(seed)
    z = rng.normal(-2, 2, n)
    target = (rng.random(n) < expit(slope * z + intercept)).astype(float)
    return np.round(expit(z), 6), target


CASES = pytest.mark.parametrize(
    ('n', 'slope', 'intercept'),
    [(80, 0.5, 0.0), (400, 1.0, -1.0), (5000, 2.0, -2.0), (20000, 0.4, -4.0)],
    ids=['few', 'too-high', 'timid', 'rare'],
)


@CASES
def test_the_curve_is_scikit_learns(n, slope, intercept):
    score, target = drawn(n, slope, intercept)
    curve = fit_platt(score, target)
    n_present, n_absent = (target == 1).sum(), (target == 0).sum()
    wanted = np.where(target == 1, (n_present + 1) / (n_present + 2), 0)
    wanted = np.where(target == 0, 1 / (n_absent + 2), wanted)
    z = np.tile(logit(np.clip(score, 5e-7, 1 - 5e-7)), 2)[:, None]
    labels = np.repeat([1, 0], n)  # each film twice, weighted by its soft target
    reference = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000)
    reference.fit(z, labels, sample_weight=np.concatenate([wanted, 1 - wanted]))
    assert curve.unscaled is None
    assert curve.slope == pytest.approx(reference.coef_.item(), rel=1e-5)
    assert curve.intercept == pytest.approx(reference.intercept_.item(), rel=1e-5)


@CASES
def test_the_curve_is_found_again_and_ranks_stay(n, slope, intercept):
    score, target = drawn(n, slope, intercept)
    curve = fit_platt(score, target)
    if n >= 5000:
        assert curve.slope == pytest.approx(slope, rel=0.15)
        assert curve.intercept == pytest.approx(intercept, abs=0.3)
    probability = curve.probability(score)
    assert ((probability >= 0) & (probability <= 1)).all()
    assert binary_auc(probability, target) == binary_auc(score, target)
    order = np.argsort(score)
    assert (np.diff(probability[order]) >= 0).all()


def test_unknown_labels_and_the_order_do_not_count():
    score, target = drawn(300, 1.0, 0.0)
    noise = np.random.default_rng(1).random(40)
    more = np.append(score, noise), np.append(target, np.full(40, np.nan))
    shuffled = np.random.default_rng(2).permutation(340)
    curve = fit_platt(score, target)
    again = fit_platt(more[0][shuffled], more[1][shuffled])
    assert again.slope == pytest.approx(curve.slope, rel=1e-6)
    assert again.intercept == pytest.approx(curve.intercept, rel=1e-6)


def test_a_score_of_0_and_1_has_a_probability_and_its_rank():
    score, target = drawn(300, 1.0, 0.0)
    score[:2], target[:2] = (0.0, 1.0), (1.0, 0.0)
    curve = fit_platt(score, target)
    ends = curve.probability(np.array([0.0, 1e-6, 0.999999, 1.0]))
    assert (np.diff(ends) > 0).all()
    assert 0 < ends[0] < ends[-1] < 1


@pytest.mark.parametrize(
    ('score', 'target', 'reason'),
    [
        ([], [], 'no present film'),
        ([0.1, 0.2], [np.nan, np.nan], 'no present film'),
        ([0.1, 0.2], [0, np.nan], 'no present film'),
        ([0.1, 0.2], [1, np.nan], 'no absent film'),
        ([0.1, 0.2, 0.3], [0, 1, 0], 'only 1 present'),
        ([0.5, 0.5, 0.5, 0.5], [0, 1, 0, 1], 'all scores are equal'),
        ([0.1, 0.2, 0.3, 0.4], [0, 0, 1, 1], 'a threshold separates present from'),
        ([0.1, 0.2, 0.2, 0.4], [0, 0, 1, 1], 'a threshold separates present from'),
        ([0.4, 0.3, 0.2, 0.1], [0, 0, 1, 1], r'slope, -\d\.\d+, is not positive'),
        ([0.1, 0.9, 0.1, 0.9], [0, 0, 1, 1], r'slope, 0\.000, is not positive'),
    ],
    ids=['empty', 'unknown', 'absent', 'present', 'few', 'constant', 'separable']
    + ['separable-tie', 'reversed', 'flat'],
)
def test_where_no_curve_is_fitted_scores_stay_and_the_reason_is_said(
    score, target, reason
):
    curve = fit_platt(np.array(score, float), np.array(target, float), 2)
    with pytest.raises(ValueError, match=reason):
        raise ValueError(curve.unscaled)
    assert (curve.slope, curve.intercept) == (1.0, 0.0)
    assert curve.probability(np.array(score)).tolist() == score


def test_the_default_changes_nothing():
    score = np.array([[0.0, 0.1], [0.123456, 1.0]])
    assert Platt().probability(score).tolist() == score.tolist()
