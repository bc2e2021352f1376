"""Boxes of a map against a flood fill, chance of overlap against every placement."""

import numpy as np
import pytest

from mmlung.boxes import box_iou
from mmlung.evaluation.cam_boxes import BoxRule
from mmlung.evaluation.cam_boxes import boxes_of_map
from mmlung.evaluation.cam_boxes import chance_of_overlap
from mmlung.evaluation.cam_boxes import intersections


def flooded_regions(marked):
    """Pixel lists of the 8-connected regions, by flood fill."""
    left, regions = {tuple(p) for p in np.argwhere(marked)}, []
    while left:
        todo, region = [min(left)], []
        left.discard(todo[0])
        while todo:
            y, x = todo.pop()
            region.append((y, x))
            near = {(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)} & left
            left -= near
            todo += near
        regions.append(region)
    return regions


def box_of(region):
    y, x = np.array(region).T
    return (x.min(), y.min(), x.max() + 1, y.max() + 1)


@pytest.mark.parametrize('share', [0.2, 60 / 255, 0.9, 1.0])
@pytest.mark.parametrize('seed', range(4))
def test_boxes_are_those_of_a_flood_fill(seed, share):
    cam = np.random.default_rng(seed).random((9, 12)) ** 6
    regions = flooded_regions(cam >= share * cam.max())
    every = boxes_of_map(cam, BoxRule(share, 'all'))
    assert {tuple(b) for b in every} == {box_of(r) for r in regions}
    largest = boxes_of_map(cam, BoxRule(share, 'largest'))
    assert len(largest) == 1
    size = max(map(len, regions))
    assert tuple(largest[0]) in {box_of(r) for r in regions if len(r) == size}


def test_of_equal_regions_the_uppermost_counts():
    cam = np.array([[0, 0, 0, 1.0], [0, 0, 0, 0], [1.0, 0, 0, 0]])
    assert boxes_of_map(cam).tolist() == [[3, 0, 4, 1]]


def test_regions_that_touch_at_a_corner_are_one():
    assert boxes_of_map(np.eye(3)).tolist() == [[0, 0, 3, 3]]


@pytest.mark.parametrize(
    ('cam', 'boxes'),
    [
        pytest.param(np.zeros((2, 3)), [], id='zeros'),
        pytest.param(np.full((2, 3), 0.5), [[0, 0, 3, 2]], id='constant'),
        pytest.param(np.ones((1, 1)), [[0, 0, 1, 1]], id='one pixel'),
    ],
)
@pytest.mark.parametrize('regions', ['largest', 'all'])
def test_edges(cam, boxes, regions):
    found = boxes_of_map(cam, BoxRule(regions=regions))
    assert found.shape == (len(boxes), 4)
    assert found.tolist() == boxes


def test_scale_of_the_map_does_not_matter():
    cam = np.random.default_rng(0).random((20, 20)) ** 4
    assert boxes_of_map(cam).tolist() == boxes_of_map(cam * 0.01).tolist()


def test_intersections():
    a = np.array([[0.0, 0, 4, 4], [10, 10, 11, 11]])
    b = np.array([[2.0, 1, 6, 3]])
    assert intersections(a, b).tolist() == [[4.0], [0.0]]


@pytest.mark.parametrize('size_wh', [(3, 2), (1, 1), (9, 7), (5, 7)])
def test_chance_is_the_mean_over_all_places(size_wh):
    true = np.array([[1.3, 2.0, 5.0, 5.5], [6.0, 0.0, 9.0, 3.0]])
    thresholds = np.array([0.0, 0.1, 0.3, 0.5, 0.7])
    width, height = size_wh
    best = [
        box_iou(np.array([[x, y, x + width, y + height]], float), true).max()
        for y in range(7 - height + 1)
        for x in range(9 - width + 1)
    ]
    expected = (np.array(best)[:, None] > thresholds).mean(axis=0)
    box = np.array([[0.0, 0, width, height]])
    np.testing.assert_allclose(
        chance_of_overlap(box, true, (7, 9), thresholds), expected
    )


def test_chance_of_several_boxes_is_that_any_of_them_hits():
    true, thresholds = np.array([[2.0, 2, 6, 6]]), np.array([0.1, 0.5])
    a, b = np.array([[0.0, 0, 4, 4]]), np.array([[0.0, 0, 3, 5]])
    one, other = (chance_of_overlap(box, true, (8, 8), thresholds) for box in (a, b))
    both = chance_of_overlap(np.vstack([a, b]), true, (8, 8), thresholds)
    np.testing.assert_allclose(both, 1 - (1 - one) * (1 - other))


def test_no_box_has_no_chance():
    true = np.array([[2.0, 2, 6, 6]])
    assert chance_of_overlap(np.empty((0, 4)), true, (8, 8), np.array([0.1])) == [0]


@pytest.mark.parametrize('share', [0.0, -0.1, 1.1, float('nan')])
def test_share_must_lie_in_its_range(share):
    with pytest.raises(ValueError, match=r'share of the maximum must lie in \(0, 1\]'):
        BoxRule(share)


def test_unknown_regions_are_refused():
    with pytest.raises(ValueError, match=r"one of largest, all, got 'biggest'"):
        BoxRule(regions='biggest')
