from itertools import permutations

import ensemble_boxes
import numpy as np
import pytest
import torch
import torchvision

from mmlung.boxes import box_area
from mmlung.boxes import box_iou
from mmlung.boxes import fuse_boxes
from mmlung.boxes import match_greedy
from mmlung.boxes import match_optimal


def random_boxes(rng, n, size_px=100.0):
    corner = rng.uniform(0, size_px / 2, (n, 2))
    return np.hstack([corner, corner + rng.uniform(1, size_px / 2, (n, 2))])


@pytest.mark.parametrize(
    ('n', 'm'), [(0, 0), (0, 3), (3, 0), (1, 1), (30, 20)], ids=lambda n: str(n)
)
def test_iou_matches_torchvision(n, m):
    rng = np.random.default_rng(n)
    a, b = random_boxes(rng, n), random_boxes(rng, m)
    expected = torchvision.ops.box_iou(torch.tensor(a), torch.tensor(b)).numpy()
    assert box_iou(a, b).shape == (n, m)
    np.testing.assert_allclose(box_iou(a, b), expected, atol=1e-12)
    area = torchvision.ops.box_area(torch.tensor(a)).numpy()
    np.testing.assert_allclose(box_area(a), area)


def test_iou_has_no_pixel_too_many():
    a, b = np.array([[0, 0, 10, 10.0]]), np.array([[10, 0, 20, 10.0]])
    assert box_iou(a, b) == 0  # they touch


@pytest.mark.parametrize('factor', [0.1, 7.0])
def test_iou_is_symmetric_and_scale_free(factor):
    rng = np.random.default_rng(1)
    a, b = random_boxes(rng, 8), random_boxes(rng, 5)
    np.testing.assert_allclose(box_iou(a, b), box_iou(b, a).T)
    np.testing.assert_allclose(box_iou(factor * a, factor * b), box_iou(a, b))


def test_iou_of_integer_boxes_is_a_fraction():
    iou = box_iou(np.array([[0, 0, 2, 2]]), np.array([[1, 0, 3, 2]]))
    assert iou == pytest.approx(1 / 3)


def test_iou_of_points_is_zero():
    point = np.array([[5, 5, 5, 5.0]])
    assert box_iou(point, point) == 0


def greedy_by_definition(iou, score, iou_thr, strict):
    """PASCAL VOC's rule, one prediction after the other."""
    matched, found = [-1] * len(score), []
    for i in sorted(range(len(score)), key=lambda i: -score[i]):
        best = max(range(iou.shape[1]), key=lambda j: iou[i, j])
        enough = iou[i, best] > iou_thr if strict else iou[i, best] >= iou_thr
        if enough and best not in found:
            matched[i] = best
            found.append(best)
    return matched


@pytest.mark.parametrize('strict', [False, True], ids=['reach', 'exceed'])
@pytest.mark.parametrize('seed', range(5))
def test_greedy_match_follows_the_definition(seed, strict):
    rng = np.random.default_rng(seed)
    iou = rng.integers(0, 11, (9, 4)) / 10  # ties, and overlaps of exactly 0.4
    score = rng.integers(0, 5, 9) / 5
    expected = greedy_by_definition(iou, score, 0.4, strict)
    assert match_greedy(iou, score, 0.4, strict).tolist() == expected


def test_greedy_match_gives_no_second_choice():
    iou = np.array([[0.9, 0.0], [0.8, 0.7]])
    assert match_greedy(iou, np.array([0.9, 0.8]), 0.4).tolist() == [0, -1]


@pytest.mark.parametrize(('strict', 'matched'), [(False, 0), (True, -1)])
def test_greedy_match_at_the_threshold(strict, matched):
    iou = np.array([[0.4]])
    assert match_greedy(iou, np.array([1.0]), 0.4, strict).tolist() == [matched]


@pytest.mark.parametrize('shape', [(0, 0), (0, 2), (2, 0)], ids=str)
def test_nothing_matches_nothing(shape):
    iou = np.zeros(shape)
    assert match_greedy(iou, np.zeros(shape[0]), 0.4).tolist() == [-1] * shape[0]
    assert [side.tolist() for side in match_optimal(iou)] == [[], []]


@pytest.mark.parametrize('shape', [(1, 1), (2, 4), (4, 2), (4, 4)], ids=str)
@pytest.mark.parametrize('seed', range(3))
def test_optimal_match_has_the_largest_total(seed, shape):
    rng = np.random.default_rng(seed)
    iou = rng.random(shape) * (rng.random(shape) < 0.6)
    pred, gt = match_optimal(iou)
    assert len(set(pred.tolist())) == len(pred)
    assert len(set(gt.tolist())) == len(gt)
    assert (iou[pred, gt] > 0).all()
    wide = iou if shape[0] <= shape[1] else iou.T
    rows = np.arange(len(wide))
    totals = [
        wide[rows, list(columns)].sum()
        for columns in permutations(range(wide.shape[1]), len(wide))
    ]
    assert iou[pred, gt].sum() == pytest.approx(max(totals))


def fuse_by_library(boxes_xyxy, weight, iou_thr, size_px):
    """Fused boxes of the authors' own package, which wants them in 0 to 1."""
    fused, _, _ = ensemble_boxes.weighted_boxes_fusion(
        [boxes_xyxy / size_px],
        [weight],
        [np.zeros(len(weight))],
        iou_thr=iou_thr,
        skip_box_thr=0.0,
    )
    return fused * size_px


@pytest.mark.parametrize('iou_thr', [0.3, 0.5, 0.7])
@pytest.mark.parametrize('seed', range(5))
def test_fusion_matches_the_authors_package(seed, iou_thr):
    rng = np.random.default_rng(seed)
    lesions = random_boxes(rng, 4)
    boxes = np.repeat(lesions, 3, axis=0)
    boxes = np.clip(boxes + rng.uniform(-4, 4, boxes.shape), 0, 100)
    boxes[:, 2:] = np.maximum(boxes[:, 2:], boxes[:, :2] + 0.5)
    weight = rng.permutation(np.linspace(0.1, 0.9, 12))
    fused, joined = fuse_boxes(boxes, weight, iou_thr)
    expected = fuse_by_library(boxes, weight, iou_thr, 100.0)
    assert len(fused) == len(expected) == joined.max() + 1

    def in_order(rows):
        return rows[np.lexsort(rows.T)]

    np.testing.assert_allclose(in_order(fused), in_order(expected), atol=1e-4)


def test_fused_boxes_are_the_weighted_means_of_their_members():
    rng = np.random.default_rng(0)
    boxes, weight = random_boxes(rng, 30), rng.uniform(0.1, 1, 30)
    fused, joined = fuse_boxes(boxes, weight, 0.5)
    assert 1 < len(fused) < 30
    for k, box in enumerate(fused):
        members = joined == k
        mean = np.average(boxes[members], axis=0, weights=weight[members])
        np.testing.assert_allclose(box, mean)


def test_fusion_needs_more_than_the_threshold():
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 5.0]])  # IoU exactly 0.5
    assert len(fuse_boxes(boxes, np.ones(2), 0.5)[0]) == 2
    assert len(fuse_boxes(boxes, np.ones(2), 0.49)[0]) == 1


def test_fusion_of_nothing():
    fused, joined = fuse_boxes(np.zeros((0, 4)), np.zeros(0))
    assert fused.shape == (0, 4)
    assert joined.shape == (0,)


def test_fusion_of_boxes_without_area():
    points = np.array([[1, 1, 1, 1], [1, 1, 1, 1.0]])
    assert len(fuse_boxes(points, np.ones(2))[0]) == 2
