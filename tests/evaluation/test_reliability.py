import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from mmlung.evaluation.bootstrap import cluster_weights
from mmlung.evaluation.reliability import brier_score
from mmlung.evaluation.reliability import calibration_errors
from mmlung.evaluation.reliability import equal_mass_bins
from mmlung.evaluation.reliability import expected_calibration_error
from mmlung.evaluation.reliability import reliability_curve


def drawn(n, decimals=9, unknown=0.2, seed=0):
    rng = np.random.default_rng(seed)
    probability = rng.beta(0.5, 3, n).round(decimals)
    target = (rng.random(n) < probability**1.3).astype(float)
    target[rng.random(n) < unknown] = np.nan
    return probability, target


def slow_ece(probability, target, n_bins=15):
    """The definition, film by film."""
    films = [
        (p, t) for p, t in zip(probability, target, strict=True) if not np.isnan(t)
    ]
    bins = {}
    for p, t in films:
        below = sum(q < p for q, _ in films)
        bins.setdefault(int(n_bins * below / len(films)), []).append((p, t))
    total = 0.0
    for members in bins.values():
        predicted, observed = np.mean(members, axis=0)
        total += len(members) / len(films) * abs(predicted - observed)
    return total


DRAWN = pytest.mark.parametrize(
    ('n', 'decimals'),
    [(1, 9), (7, 9), (15, 9), (200, 9), (333, 1), (150, 0)],
    ids=['one', 'fewer-than-bins', 'as-many', 'many', 'ties', 'zeros-and-ones'],
)


@DRAWN
@pytest.mark.parametrize('n_bins', [1, 4, 15])
def test_ece_is_its_definition(n, decimals, n_bins):
    probability, target = drawn(n, decimals, unknown=0.2 if n > 1 else 0)
    expected = slow_ece(probability, target, n_bins)
    found = expected_calibration_error(probability, target, n_bins)
    assert found == pytest.approx(expected, abs=1e-12)


def test_bins_without_ties_are_scikit_learns_quantiles():
    probability, target = drawn(150, unknown=0)
    observed, predicted = calibration_curve(
        target, probability, n_bins=15, strategy='quantile'
    )
    curve = reliability_curve(probability, target)
    np.testing.assert_allclose(curve.predicted, predicted)
    np.testing.assert_allclose(curve.observed, observed)
    assert curve.count.tolist() == [10] * 15


@DRAWN
def test_brier_is_scikit_learns(n, decimals):
    probability, target = drawn(n, decimals, unknown=0.2 if n > 1 else 0)
    known = ~np.isnan(target)
    expected = brier_score_loss(target[known], probability[known], labels=[0, 1])
    assert brier_score(probability, target) == pytest.approx(expected)


def test_by_hand():
    probability, target = np.array([0.2, 0.4, 0.6, 0.8]), np.array([0, 1.0, 1, 1])
    # Bins: (0.2, 0.4) predict 0.3 and see 0.5; (0.6, 0.8) predict 0.7 and see 1.
    assert expected_calibration_error(probability, target, 2) == pytest.approx(0.25)
    assert brier_score(probability, target) == pytest.approx(0.15)


@pytest.mark.parametrize('n', [1, 14, 15, 16, 1000])
def test_bins_are_as_equal_as_can_be(n):
    count = np.bincount(equal_mass_bins(np.random.default_rng(0).random(n)))
    filled = count[count > 0]
    assert len(filled) == min(n, 15)
    assert filled.max() - filled.min() <= 1


def test_equal_probabilities_share_a_bin():
    bins = equal_mass_bins(np.repeat([0.0, 0.3, 0.9], [70, 20, 10]))
    assert [set(bins[s]) for s in (slice(70), slice(70, 90), slice(90, 100))] == [
        {0},
        {10},
        {13},
    ]


def test_the_order_of_the_films_does_not_matter():
    probability, target = drawn(200, 1)
    order = np.random.default_rng(3).permutation(200)
    assert expected_calibration_error(
        probability[order], target[order]
    ) == pytest.approx(expected_calibration_error(probability, target))


@pytest.mark.parametrize('target', [[], [np.nan, np.nan]], ids=['empty', 'unknown'])
def test_without_a_known_film_nothing_is_defined(target):
    probability = np.full(len(target), 0.5)
    assert np.isnan(expected_calibration_error(probability, np.array(target)))
    assert np.isnan(brier_score(probability, np.array(target)))
    assert len(reliability_curve(probability, np.array(target)).count) == 0


def columns():
    probability = np.stack([drawn(120, d, seed=d)[0] for d in (9, 1, 2)], axis=1)
    target = np.stack([drawn(120, d, seed=d)[1] for d in (9, 1, 2)], axis=1)
    target[:, 2] = np.nan
    return probability, target, ['Mass', 'Nodule/Mass', 'Hernia']


def test_the_report_is_that_of_the_pure_functions():
    probability, target, findings = columns()
    report = calibration_errors(probability, target, findings)
    for c, name in enumerate(findings):
        ece = expected_calibration_error(probability[:, c], target[:, c])
        brier = brier_score(probability[:, c], target[:, c])
        assert report[f'ECE/{name}'] == pytest.approx(ece, nan_ok=True)
        assert report[f'Brier/{name}'] == pytest.approx(brier, nan_ok=True)
    for key in ('ECE', 'Brier'):
        both = [report[f'{key}/{name}'] for name in findings[:2]]
        assert report[f'm{key}'] == pytest.approx(np.mean(both))


def test_intervals_are_those_of_resampled_patients():
    probability, target, findings = columns()
    patients = [f'p{i // 3}' for i in range(120)]
    report = calibration_errors(probability, target, findings, patients, 50, seed=4)
    bins = equal_mass_bins(probability[~np.isnan(target[:, 0]), 0])
    known = ~np.isnan(target[:, 0])
    error = probability[known, 0] - target[known, 0]
    ece, brier = [], []
    for weights in np.hstack(list(cluster_weights(patients, 50, seed=4))).T:
        w = weights[known]
        per_bin = np.bincount(bins, w * error, 15)
        ece.append(np.abs(per_bin).sum() / w.sum())
        brier.append((w * error**2).sum() / w.sum())
    for key, values in (('ECE', ece), ('Brier', brier)):
        low, high = np.quantile(values, [0.025, 0.975])
        assert report[f'{key}/Mass_low'] == pytest.approx(low)
        assert report[f'{key}/Mass_high'] == pytest.approx(high)
    assert np.isnan(report['ECE/Hernia_low'])
