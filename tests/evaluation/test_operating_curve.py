import sys

import numpy as np
import pytest

from mmlung.evaluation import mean_ap
from mmlung.evaluation.operating_curve import RankedDetections
from mmlung.evaluation.operating_curve import accumulate
from mmlung.evaluation.operating_curve import compact
from mmlung.evaluation.operating_curve import operating_points


@pytest.mark.parametrize('n_images', [1, 5])
@pytest.mark.parametrize('seed', range(3))
def test_points_count_by_the_definition(seed, n_images):
    """Per distinct score with a hit: hits of that score, detections at or above it."""
    rng = np.random.default_rng(seed)
    image, score = rng.integers(0, n_images, 40), rng.integers(0, 12, 40) / 12
    score = -np.sort(-score)
    hit = rng.random((40, 2)) < 0.3
    weights = rng.integers(0, 3, (n_images, 4)).astype(float)
    points = list(operating_points(RankedDetections(image, score, hit), weights))
    assert len(points) == 2
    drawn = weights[image]
    for rule, (gained, detections) in enumerate(points):
        levels = np.unique(score[hit[:, rule]])[::-1]
        expected = [drawn[hit[:, rule] & (score == s)].sum(axis=0) for s in levels]
        np.testing.assert_array_equal(gained, expected)
        expected = [drawn[score >= s].sum(axis=0) for s in levels]
        np.testing.assert_array_equal(detections, expected)


def test_no_hit_is_no_point():
    ranked = RankedDetections(np.zeros(3, int), np.ones(3), np.zeros((3, 1), bool))
    ((gained, detections),) = operating_points(ranked, np.ones((1, 5)))
    assert gained.shape == detections.shape == (0, 5)


@pytest.mark.parametrize('combine', [np.add, np.maximum], ids=['sum', 'max'])
@pytest.mark.parametrize('n_rows', [0, 1, 7])
def test_accumulate_is_numpys(n_rows, combine):
    rows = np.random.default_rng(0).integers(0, 9, (n_rows, 3)).astype(float)
    expected = combine.accumulate(rows.copy(), axis=0)
    np.testing.assert_array_equal(accumulate(combine, rows), expected)
    back = combine.accumulate(rows[::-1].copy(), axis=0)
    accumulate(combine, rows[::-1])
    np.testing.assert_array_equal(rows[::-1], back)


def test_compact_only_where_whole_numbers_stay_exact():
    weights = np.ones((3, 2))
    assert compact(weights, 2**24 - 1).dtype == np.float32
    assert compact(weights, 2**24).dtype == np.float64
    assert compact(weights[:, :1], 10).dtype == np.float64


def test_compact_weights_give_the_same_intervals(random_images, classes, monkeypatch):
    images = random_images(1, n=200)
    report = mean_ap(images, classes, bootstrap=100)
    module = sys.modules['mmlung.evaluation.mean_ap']  # its function has the same name
    monkeypatch.setattr(module, 'compact', lambda weights, _: weights)
    exact = mean_ap(images, classes, bootstrap=100)
    assert report == pytest.approx(exact, rel=0, abs=1e-6, nan_ok=True)
    assert report != exact
