from dataclasses import replace

import numpy as np
import pytest

from mmlung.boxes import match_greedy
from mmlung.evaluation.matching import best_free
from mmlung.evaluation.matching import first_come
from mmlung.evaluation.matching import place_in_finding
from mmlung.evaluation.matching import place_in_image
from mmlung.evaluation.matching import pool_boxes


def crowded(images, seed):
    """Doubles of the true boxes, so that detections compete; scores with ties."""
    rng = np.random.default_rng(seed)
    return [
        replace(
            image,
            gt_xyxy=np.vstack([image.gt_xyxy, image.gt_xyxy + 4]),
            gt_label=np.tile(image.gt_label, 2),
            pred_score=rng.integers(0, 6, len(image.pred_score)) / 6,
        )
        for image in images
    ]


def hits_one_by_one(images, match):
    """(image, finding, score) of the hits, each image and finding matched alone."""
    return sorted(
        (index, label, float(value))
        for index, image in enumerate(images)
        for label, score, iou in image.by_finding()
        for value in score[match(iou, score)]
    )


def hits_pooled(pool, hit):
    columns = pool.image[hit], pool.label[hit], pool.score[hit]
    return sorted(zip(*(column.tolist() for column in columns), strict=True))


def coco_greedy(iou, score, thr):
    """pycocotools' loop."""
    hit = np.zeros(len(score), dtype=bool)
    free = set(range(iou.shape[1]))
    for i in np.argsort(-score, kind='stable'):
        best = max(free, key=lambda j: iou[i, j], default=None)
        if best is not None and iou[i, best] >= thr:
            hit[i] = True
            free.remove(best)
    return hit


@pytest.mark.parametrize('thr', [0.1, 0.4, 0.75])
@pytest.mark.parametrize('seed', range(4))
def test_voc_rule_equals_the_loop(random_images, classes, seed, thr):
    images = crowded(random_images(seed), seed)
    pool = pool_boxes(images, len(classes))
    expected = hits_one_by_one(images, lambda i, s: match_greedy(i, s, thr) >= 0)
    assert hits_pooled(pool, first_come(pool, pool.pair_iou >= thr)) == expected


@pytest.mark.parametrize('thr', [0.5, 0.7])
@pytest.mark.parametrize('seed', range(4))
def test_coco_rule_equals_the_loop(random_images, classes, seed, thr):
    images = crowded(random_images(seed), seed)
    pool = pool_boxes(images, len(classes))
    expected = hits_one_by_one(images, lambda i, s: coco_greedy(i, s, thr))
    assert hits_pooled(pool, best_free(pool, pool.pair_iou >= thr)) == expected


def test_the_second_choice_by_hand(one_finding):
    gt = [[0, 0, 10, 10], [3, 0, 13, 10]]
    pred = [[1, 0, 11, 10], [0, 0, 10, 10]]  # both overlap the first one most
    pool = pool_boxes([one_finding(pred, [0.8, 0.9], gt)], 1)
    assert pool.score.tolist() == [0.9, 0.8]
    near = pool.pair_iou >= 0.5
    assert first_come(pool, near).tolist() == [True, False]
    assert best_free(pool, near).tolist() == [True, True]


def test_places(one_finding):
    pred = np.tile([0, 0, 5, 5], (4, 1))
    first = one_finding(pred, [0.1, 0.9, 0.5, 0.7])
    first = replace(first, pred_label=np.array([0, 1, 1, 0]))
    pool = pool_boxes([first, one_finding(pred[:1], [0.6], name='b.png')], 2)
    assert pool.score.tolist() == [0.9, 0.7, 0.6, 0.5, 0.1]
    assert place_in_image(pool).tolist() == [0, 1, 0, 2, 3]
    assert place_in_finding(pool).tolist() == [0, 0, 0, 1, 1]


def test_other_findings_and_other_images_never_pair(one_finding):
    box = [[0, 0, 9, 9]]
    true = one_finding(gt_xyxy=box)
    other = replace(one_finding(box, [0.9], box), pred_label=np.array([1]))
    pool = pool_boxes([true, other, one_finding(box, [0.8], name='c.png')], 2)
    assert len(pool.pair_pred) == 0
    assert pool.n_boxes.tolist() == [[1, 0], [1, 0], [0, 0]]
    assert pool.true_image.tolist() == [0, 1]


def test_no_image():
    pool = pool_boxes([], 3)
    assert pool.n_boxes.shape == (0, 3)
    assert len(first_come(pool, pool.pair_iou > 0)) == 0
    assert len(best_free(pool, pool.pair_iou > 0)) == len(place_in_image(pool)) == 0
