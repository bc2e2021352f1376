import numpy as np
import pytest
from scipy.stats import chi2
from sklearn.metrics import roc_auc_score

from mmlung.evaluation import delong_auc
from mmlung.evaluation import delong_covariance
from mmlung.evaluation import delong_test
from mmlung.evaluation import mean_auc

# Albumin, total protein, K-G score and whether surgery helped, of 43 of the patients of
# DeLong et al. 1988 (doi:10.2307/2531595), as the SAS/STAT User's Guide prints them in
# "Comparing Receiver Operating Characteristic Curves" (PROC LOGISTIC, example 8).
OVARIAN_CANCER = """
3.0 5.8 10 0  3.2 6.3 5 1  3.9 6.8 3 1  2.8 4.8 6 0  3.2 5.8 3 1  0.9 4.0 5 0
2.5 5.7 8 0  1.6 5.6 5 1  3.8 5.7 5 1  3.7 6.7 6 1  3.2 5.4 4 1  3.8 6.6 6 1
4.1 6.6 5 1  3.6 5.7 5 1  4.3 7.0 4 1  3.6 6.7 4 0  2.3 4.4 6 1  4.2 7.6 4 0
4.0 6.6 6 0  3.5 5.8 6 1  3.8 6.8 7 1  3.0 4.7 8 0  4.5 7.4 5 1  3.7 7.4 5 1
3.1 6.6 6 1  4.1 8.2 6 1  4.3 7.0 5 1  4.3 6.5 4 1  3.2 5.1 5 1  2.6 4.7 6 1
3.3 6.8 6 0  1.7 4.0 7 0  3.7 6.1 5 1  3.3 6.3 7 1  4.2 7.7 6 1  3.5 6.2 5 1
2.9 5.7 9 0  2.1 4.8 7 1  2.8 6.2 8 0  4.0 7.0 7 1  3.3 5.7 6 1  3.7 6.9 5 1
3.6 6.6 5 1
"""


def ovarian_cancer():
    rows = np.array(OVARIAN_CANCER.split(), dtype=float).reshape(-1, 4)
    return rows[:, :3] * [1, 1, -1], rows[:, 3]


def brute_force(scores, target):
    """The definition: covariances of the structural components, O(N^2)."""
    aucs, present_parts, absent_parts = [], [], []
    for score in scores.T:
        pos, neg = score[target == 1], score[target == 0]
        kernel = (pos[:, None] > neg) + 0.5 * (pos[:, None] == neg)
        aucs.append(kernel.mean())
        present_parts.append(kernel.mean(axis=1))
        absent_parts.append(kernel.mean(axis=0))
    covariance = np.cov(present_parts) / (target == 1).sum()
    covariance = covariance + np.cov(absent_parts) / (target == 0).sum()
    return np.array(aucs), np.atleast_2d(covariance)


def obuchowski(score, target, cluster):
    """Equations of Obuchowski 1997, cluster by cluster."""
    pos, neg = np.flatnonzero(target == 1), np.flatnonzero(target == 0)
    kernel = (score[pos][:, None] > score[neg]) + 0.5 * (
        score[pos][:, None] == score[neg]
    )
    auc, m, n = kernel.mean(), len(pos), len(neg)
    s10 = s01 = s11 = 0.0
    names = np.unique(cluster)
    for name in names:
        x = (kernel.mean(axis=1)[cluster[pos] == name] - auc).sum()
        y = (kernel.mean(axis=0)[cluster[neg] == name] - auc).sum()
        s10, s01, s11 = s10 + x * x, s01 + y * y, s11 + x * y
    i10, i01 = len(np.unique(cluster[pos])), len(np.unique(cluster[neg]))
    i = len(names)
    s10, s01, s11 = s10 * i10 / (i10 - 1), s01 * i01 / (i01 - 1), s11 * i / (i - 1)
    return s10 / m**2 + s01 / n**2 + 2 * s11 / (m * n)


def random_scores(seed, n=150, n_levels=1000):
    rng = np.random.default_rng(seed)
    target = rng.integers(2, size=n).astype(float)
    scores = rng.normal(size=(n, 3)) + target[:, None] * [0.5, 1, 0]
    return np.round(scores * n_levels / 4) / n_levels, target


@pytest.mark.parametrize('seed', range(3))
@pytest.mark.parametrize('n_levels', [2, 10, 10**6], ids=lambda n: f'{n}-levels')
def test_matches_the_definition(seed, n_levels):
    scores, target = random_scores(seed, n_levels=n_levels)
    aucs, covariance = delong_covariance(scores, target)
    expected_aucs, expected = brute_force(scores, target)
    np.testing.assert_allclose(aucs, expected_aucs, rtol=1e-12)
    np.testing.assert_allclose(covariance, expected, rtol=1e-9, atol=1e-15)
    for k in range(3):
        assert aucs[k] == pytest.approx(roc_auc_score(target, scores[:, k]))


def test_published_interval():
    """109 CT films, rated 1 to 5, half of them diseased.

    The ratings are Table I of Hanley and McNeil 1982, area 0.893
    (doi:10.1148/radiology.143.1.7063747); Stata's manual, [R] roctab, has DeLong's
    interval of them.
    """
    rating = np.repeat([1, 2, 3, 4, 5] * 2, [33, 6, 6, 11, 2, 3, 2, 2, 11, 33])
    result = delong_auc(rating, np.repeat([0.0, 1.0], [58, 51]), interval='plain')
    assert result.auc == pytest.approx(0.8932, abs=5e-5)
    assert np.sqrt(result.variance) == pytest.approx(0.0307, abs=5e-5)
    assert (result.low, result.high) == pytest.approx((0.83295, 0.95339), abs=5e-6)


def test_published_comparison():
    """SAS/STAT's ROC contrast of the three scores: chi-square 2.5340, p = 0.2817."""
    scores, target = ovarian_cancer()
    aucs, covariance = delong_covariance(scores, target)
    contrast = np.array([[1, 0, -1], [0, 1, -1]])
    gaps = contrast @ aucs
    chi_square = gaps @ np.linalg.solve(contrast @ covariance @ contrast.T, gaps)
    assert chi_square == pytest.approx(2.5340, abs=5e-5)
    assert chi2.sf(chi_square, 2) == pytest.approx(0.2817, abs=5e-5)


@pytest.mark.parametrize('seed', range(3))
def test_clusters_match_obuchowski(seed):
    scores, target = random_scores(seed, n_levels=20)
    cluster = np.random.default_rng(seed).integers(40, size=len(target)).astype(str)
    result = delong_auc(scores[:, 1], target, cluster)
    expected = obuchowski(scores[:, 1], target, cluster)
    assert result.variance == pytest.approx(expected, rel=1e-9)
    alone = [str(i) for i in range(len(target))]
    each = delong_auc(scores[:, 1], target, alone)
    assert each.variance == pytest.approx(delong_auc(scores[:, 1], target).variance)


def test_agrees_with_the_bootstrap_over_patients():
    rng = np.random.default_rng(3)
    patient = np.repeat(np.arange(300), 4)
    often = rng.choice([0.1, 0.7], 300)[patient]  # the finding stays with a patient
    target = (rng.random(1200) < often).astype(float)
    target[rng.random(1200) < 0.1] = np.nan
    score = rng.normal(size=300)[patient] + rng.normal(size=1200) + (target == 1)
    clusters = [str(p) for p in patient]
    report = mean_auc(score[:, None], target[:, None], ['Mass'], 1, clusters, 2000)
    result = delong_auc(score, target, clusters)
    width = report['AUC/Mass_high'] - report['AUC/Mass_low']
    assert result.high - result.low == pytest.approx(width, rel=0.06)
    images = delong_auc(score, target)
    assert images.high - images.low < 0.9 * width


def test_a_paired_test_follows_the_covariance():
    scores, target = random_scores(1)
    aucs, covariance = delong_covariance(scores, target)
    test = delong_test(scores[:, 0], scores[:, 1], target)
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    assert test.difference == pytest.approx(aucs[0] - aucs[1])
    assert test.z == pytest.approx(test.difference / np.sqrt(variance))
    turned = delong_test(scores[:, 1], scores[:, 0], target)
    assert (turned.z, turned.p) == pytest.approx((-test.z, test.p))
    assert (turned.low, turned.high) == pytest.approx((-test.high, -test.low))


def test_unknown_labels_do_not_count():
    scores, target = random_scores(2)
    unknown = np.random.default_rng(0).random(len(target)) < 0.3
    masked = np.where(unknown, np.nan, target)
    clusters = np.array([str(i // 3) for i in range(len(target))])
    known = clusters[~unknown]
    for a, b in ((None, None), (clusters, known)):
        result = delong_auc(scores[:, 0], masked, a)
        assert result == delong_auc(scores[~unknown, 0], target[~unknown], b)
        test = delong_test(scores[:, 0], scores[:, 1], masked, a)
        kept = scores[~unknown]
        assert test == delong_test(kept[:, 0], kept[:, 1], target[~unknown], b)


def test_logit_interval_stays_inside_and_plain_may_not():
    score = np.array([5.0, 4, 3, 1.5, 2, 1, 0, -1])
    target = np.array([1.0, 1, 1, 1, 0, 0, 0, 0])
    plain = delong_auc(score, target, interval='plain')
    inside = delong_auc(score, target)
    assert plain.high > 1 > inside.high > inside.auc > inside.low > 0
    assert delong_auc(score, target, level=0.5).low > inside.low


@pytest.mark.parametrize(
    'target',
    [[1, 1, 1], [0, 0, 0], [np.nan] * 3, [np.nan, 1, np.nan]],
    ids=['all-present', 'all-absent', 'none-known', 'one-known'],
)
@pytest.mark.parametrize(
    'clusters', [None, ['a', 'a', 'b']], ids=['images', 'patients']
)
def test_one_class_is_undefined(target, clusters):
    score, target = np.array([0.2, 0.7, 0.1]), np.array(target, dtype=float)
    result = delong_auc(score, target, clusters)
    assert np.isnan([result.auc, result.variance, result.low, result.high]).all()
    test = delong_test(score, score, target, clusters)
    assert np.isnan([test.auc_a, test.difference, test.p]).all()


def test_one_present_image_has_an_area_and_no_variance():
    result = delong_auc(np.array([0.5, 0.2, 0.7]), np.array([1.0, 0, 0]))
    assert result.auc == 0.5
    assert np.isnan([result.variance, result.low, result.high]).all()


@pytest.mark.parametrize('score', [[3, 2, 1, 0], [1, 1, 1, 1]], ids=['perfect', 'same'])
def test_a_variance_of_zero_gives_no_interval(score):
    result = delong_auc(np.array(score, dtype=float), np.array([1.0, 1, 0, 0]))
    assert result.variance == 0
    assert np.isnan([result.low, result.high]).all()


def test_equal_rankings_do_not_differ():
    scores, target = random_scores(0)
    test = delong_test(scores[:, 0], np.exp(scores[:, 0]), target)
    assert (test.difference, test.z, test.p, test.low) == (0, 0, 1, 0)


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        ({'interval': 'wald'}, r"interval must be one of .*'logit', 'plain'.* 'wald'"),
        ({'level': 95}, 'level must lie between 0 and 1, got 95'),
    ],
    ids=['interval', 'level'],
)
def test_settings_are_checked(settings, message):
    scores, target = random_scores(0)
    with pytest.raises(ValueError, match=message):
        delong_auc(scores[:, 0], target, **settings)
