"""Scores of one map against sums over its pixels, and hand cases."""

import numpy as np
import pytest

from mmlung.evaluation.cam_boxes import BoxRule
from mmlung.evaluation.cam_score import score_map


def pixels_inside(boxes, size_hw):
    """Pixel by pixel: whether the centre lies in a box."""
    return np.array(
        [
            [
                any(a <= x + 0.5 < c and b <= y + 0.5 < d for a, b, c, d in boxes)
                for x in range(size_hw[1])
            ]
            for y in range(size_hw[0])
        ]
    )


def score(cam, boxes, **kwargs):
    return score_map(np.asarray(cam, float), np.array(boxes, float), 'F', 'p', **kwargs)


@pytest.mark.parametrize('seed', range(5))
def test_pointing_and_energy_are_sums_over_pixels(seed):
    rng = np.random.default_rng(seed)
    cam = rng.integers(0, 4, (11, 14)) / 3  # many ties
    corners = rng.uniform(0, 11, (2, 2, 2))
    boxes = np.hstack([corners.min(axis=1), corners.max(axis=1)])
    got = score(cam, boxes)
    inside = pixels_inside(boxes, cam.shape)
    assert got.random_pixel == pytest.approx(inside.mean())
    assert got.pointing == pytest.approx(inside[cam == cam.max()].mean())
    assert got.energy == pytest.approx(cam[inside].sum() / cam.sum())


def test_overlaps_by_hand():
    cam = np.zeros((10, 10))
    cam[2:6, 2:6] = 1  # a box of 16 px
    got = score(cam, [[4, 4, 8, 8]])
    assert got.iou == pytest.approx(4 / 28)
    assert got.iobb == pytest.approx(4 / 16)
    assert got.energy == pytest.approx(4 / 16)
    assert got.pointing == pytest.approx(4 / 16)


def test_any_box_counts_and_energy_takes_their_union():
    cam = np.zeros((10, 10))
    cam[0:2, 0:2] = 1
    cam[8, 8] = 2
    boxes = [[0, 0, 2, 2], [0, 0, 2, 1], [7, 7, 9, 9]]
    got = score(cam, boxes)
    assert got.pointing == 1
    assert got.energy == 1
    assert got.iou == 1  # with the largest region, though the maximum is elsewhere


def test_all_regions_may_hit_where_the_largest_misses():
    cam = np.zeros((10, 10))
    cam[0:3, 0:3] = 0.5
    cam[8, 8] = 1
    assert score(cam, [[8, 8, 9, 9]]).iou == 0
    assert score(cam, [[8, 8, 9, 9]], rule=BoxRule(0.2, 'all')).iou == 1


@pytest.mark.parametrize('value', [0.0, 0.3])
def test_a_constant_map_points_as_a_random_pixel(value):
    got = score(np.full((8, 10), value), [[0, 0, 5, 4]])
    assert got.pointing == got.random_pixel == 0.25


def test_a_map_of_zeros_has_no_energy_and_no_box():
    got = score(np.zeros((8, 10)), [[0, 0, 5, 4]])
    assert np.isnan(got.energy)
    assert got.iou == got.iobb == 0
    assert got.chance == (0,) * 7


def test_tolerance_widens_the_target_and_its_chance_alike():
    cam = np.zeros((10, 10))
    cam[5, 6] = 1
    box = [[2, 2, 5, 5]]
    assert score(cam, box).pointing == 0
    near = score(cam, box, tolerance_px=2)
    assert near.pointing == 1
    assert near.random_pixel == 0.49
    assert near.energy == 0


def test_a_perfect_map_is_better_than_its_size_buys():
    cam = np.zeros((10, 10))
    cam[3:6, 3:6] = 1
    got = score(cam, [[3, 3, 6, 6]])
    assert got.iou == got.iobb == got.energy == got.pointing == 1
    # 64 places; IoU exceeds 0.7 at the right one alone, 0.1 at these of (dx, dy).
    assert got.chance[-1] == pytest.approx(1 / 64)
    iou = [
        (3 - abs(x)) * (3 - abs(y)) / (18 - (3 - abs(x)) * (3 - abs(y)))
        for x in range(-2, 3)
        for y in range(-2, 3)
    ]
    assert got.chance[0] == pytest.approx(sum(v > 0.1 for v in iou) / 64)


def test_flipping_film_and_boxes_changes_nothing():
    rng = np.random.default_rng(0)
    cam = rng.random((12, 20)) ** 4
    box = np.array([[3.0, 2.0, 9.0, 8.0]])
    flipped = np.array([[20 - 9.0, 2.0, 20 - 3.0, 8.0]])
    a, b = score(cam, box), score(cam[:, ::-1], flipped)
    assert a.pointing == b.pointing
    assert a.energy == pytest.approx(b.energy)
    assert a.iou == pytest.approx(b.iou)


@pytest.mark.parametrize(
    ('cam', 'boxes', 'message'),
    [
        (np.ones(4), [[0, 0, 1, 1]], r'shape \(H, W\), got \(4,\)'),
        (-np.ones((4, 4)), [[0, 0, 1, 1]], 'finite and not negative'),
        (np.full((4, 4), np.nan), [[0, 0, 1, 1]], 'finite and not negative'),
        (np.ones((4, 4)), np.empty((0, 4)), r'\(M, 4\) with M >= 1, got \(0, 4\)'),
        (np.ones((4, 4)), [[0, 0, 9, 1]], r'leaves the map of 4 x 4 px by 5\.0 px'),
    ],
    ids=['shape', 'negative', 'nan', 'no box', 'outside'],
)
def test_messages(cam, boxes, message):
    with pytest.raises(ValueError, match=message):
        score(cam, boxes)
