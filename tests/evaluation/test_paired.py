import numpy as np
import pytest

from mmlung.evaluation.bootstrap import cluster_weights
from mmlung.evaluation.bootstrap import percentile_interval
from mmlung.evaluation.paired import bootstrap_p
from mmlung.evaluation.paired import holm
from mmlung.evaluation.paired import paired_differences


def mean_of(values):
    return lambda weights: {'mean': values @ weights / weights.sum(axis=0)}


@pytest.fixture
def films():
    rng = np.random.default_rng(0)
    patient = np.repeat(np.arange(40), 3).astype(str)
    hard = rng.normal(size=40).repeat(3)  # for both models alike
    return patient, hard, hard + 0.1 + 0.05 * rng.normal(size=120)


def test_each_resample_is_the_same_for_both(films):
    patient, a, b = films
    found = paired_differences(mean_of(a), mean_of(b), patient, 200, seed=3)['mean']
    drawn = np.concatenate(
        [mean_of(b - a)(w)['mean'] for w in cluster_weights(patient, 200, 3)]
    )
    assert (found.low, found.high) == pytest.approx(percentile_interval(drawn))
    assert found.difference == pytest.approx((b - a).mean())
    assert found.difference == found.b - found.a


def test_pairing_finds_what_two_intervals_hide(films):
    patient, a, b = films
    found = paired_differences(mean_of(a), mean_of(b), patient)['mean']
    assert found.low > 0
    assert found.p == pytest.approx(2 / 1001)
    blocks = cluster_weights(patient, 200)
    alone = np.concatenate([mean_of(a)(w)['mean'] for w in blocks])
    low, high = percentile_interval(alone)
    assert low < found.b < high  # the second lies well within the first one's


def test_a_model_does_not_differ_from_itself(films):
    patient, a, _ = films
    found = paired_differences(mean_of(a), mean_of(a), patient, 50)['mean']
    assert (found.difference, found.low, found.high, found.p) == (0, 0, 0, 1)


def test_swapping_the_models_turns_the_sign(films):
    patient, a, b = films
    one = paired_differences(mean_of(a), mean_of(b), patient, 100)['mean']
    other = paired_differences(mean_of(b), mean_of(a), patient, 100)['mean']
    assert other.difference == -one.difference
    assert (other.low, other.high) == pytest.approx((-one.high, -one.low))
    assert other.p == one.p


def test_without_resamples_there_is_no_p(films):
    patient, a, b = films
    found = paired_differences(mean_of(a), mean_of(b), patient, 0)['mean']
    assert np.isnan([found.low, found.high, found.p]).all()
    assert found.difference == pytest.approx((b - a).mean())


def test_an_undefined_value_has_no_p():
    undefined = {'x': np.array([np.nan])}
    found = paired_differences(
        lambda w: {'x': np.full(w.shape[1], np.nan)}, lambda w: undefined, ['a'], 0
    )['x']
    assert np.isnan([found.a, found.difference, found.p]).all()


def test_other_keys_are_refused():
    with pytest.raises(ValueError, match=r"the same keys; not so: \['x', 'y'\]"):
        paired_differences(lambda w: {'x': w[0]}, lambda w: {'y': w[0]}, ['a'])


@pytest.mark.parametrize(
    ('differences', 'p'),
    [
        ([0.0] * 9, 1.0),
        ([1.0] * 99, 0.02),
        ([-1.0] * 99, 0.02),
        ([1.0] * 97 + [-1.0, 0.0], 0.06),
        ([1.0, -1.0, 1.0], 1.0),
        ([1.0] * 99 + [np.nan] * 50, 0.02),
        ([np.nan], np.nan),
        ([], np.nan),
    ],
    ids=['same', 'above', 'below', 'one-and-a-tie', 'both', 'nan', 'all-nan', 'none'],
)
def test_p_is_twice_the_smaller_tail(differences, p):
    assert bootstrap_p(np.array(differences)) == pytest.approx(p, nan_ok=True)


def test_p_and_the_interval_agree():
    rng = np.random.default_rng(1)
    for shift in np.linspace(0, 3, 31):
        drawn = rng.normal(shift, 1, size=999)
        low, high = percentile_interval(drawn)
        p = bootstrap_p(drawn)
        if abs(p - 0.05) > 0.01:
            assert (p < 0.05) == (not low <= 0 <= high)


def test_p_is_even_where_nothing_differs():
    """Of 400 experiments without a difference about 5 % have p < 0.05."""
    rng = np.random.default_rng(2)
    p = []
    for _ in range(400):
        difference = rng.normal(size=60)
        names = [f'{i:02d}' for i in range(60)]
        zero, other = mean_of(np.zeros(60)), mean_of(difference)
        p.append(paired_differences(zero, other, names, 199)['mean'].p)
    assert 0.02 < np.mean(np.array(p) < 0.05) < 0.09
    assert 0.4 < np.mean(np.array(p) < 0.5) < 0.6


def holm_by_definition(p):
    """Step down: each p times the number of hypotheses still standing."""
    left, corrected, worst = dict(enumerate(p)), {}, 0.0
    while left:
        key = min(left, key=left.get)
        worst = max(worst, min(1.0, left[key] * len(left)))
        corrected[key] = worst
        del left[key]
    return [corrected[key] for key in range(len(p))]


@pytest.mark.parametrize('seed', range(5))
def test_holm_by_its_definition(seed):
    p = np.random.default_rng(seed).random(14) ** 3
    assert holm(p).tolist() == pytest.approx(holm_by_definition(p))


@pytest.mark.parametrize(
    ('p', 'corrected'),
    [
        ([], []),
        ([0.04], [0.04]),
        ([0.01, 0.02, 0.03], [0.03, 0.04, 0.04]),
        ([0.5, 0.5], [1.0, 1.0]),
        ([0.01, np.nan, 0.04], [0.02, np.nan, 0.04]),
        ([np.nan], [np.nan]),
    ],
    ids=['none', 'one', 'three', 'capped', 'undefined', 'only-undefined'],
)
def test_holm_by_hand(p, corrected):
    np.testing.assert_allclose(holm(p), corrected)


def test_holm_equals_statsmodels():
    multitest = pytest.importorskip('statsmodels.stats.multitest')
    p = np.random.default_rng(7).random(20) ** 2
    np.testing.assert_allclose(holm(p), multitest.multipletests(p, method='holm')[1])
