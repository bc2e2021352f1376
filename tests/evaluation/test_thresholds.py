from dataclasses import replace

import numpy as np
import pytest

from mmlung.boxes import box_iou
from mmlung.boxes import match_greedy
from mmlung.evaluation.thresholds import FALLBACK
from mmlung.evaluation.thresholds import best_thresholds

BOX = (0, 0, 100, 100)
FAR = (200, 200, 300, 300)


def f1_at(images, label, threshold, iou_thr=0.4):
    """The definition: what lies below is gone, the rest is matched anew."""
    hits = detections = boxes = 0
    for image in images:
        kept = (image.pred_label == label) & (image.pred_score >= threshold)
        truth = image.gt_xyxy[image.gt_label == label]
        iou = box_iou(image.pred_xyxy[kept], truth)
        hits += (match_greedy(iou, image.pred_score[kept], iou_thr) >= 0).sum()
        detections += kept.sum()
        boxes += len(truth)
    return 2 * hits / (detections + boxes) if boxes else float('nan')


def brute_force(images, label, iou_thr=0.4):
    """The highest score with the best F1, half-way to the next lower; and that F1."""
    scores = {s for i in images for s in i.pred_score[i.pred_label == label].tolist()}
    f1, score = max((f1_at(images, label, s, iou_thr), s) for s in scores)
    lower = max((s for s in scores if s < score), default=0.0)
    return f1, (score + lower) / 2


@pytest.mark.parametrize('levels', [None, 5], ids=['distinct', 'ties'])
@pytest.mark.parametrize('iou_thr', [0.4, 0.75])
@pytest.mark.parametrize('seed', range(3))
def test_matches_the_definition(random_images, classes, seed, iou_thr, levels):
    images = random_images(seed)
    if levels:
        images = [
            replace(i, pred_score=np.ceil(i.pred_score * levels) / levels)
            for i in images
        ]
    points = best_thresholds(images, classes, iou_thr)
    assert [p.finding for p in points] == list(classes)
    for label, point in enumerate(points[:-1]):
        f1, threshold = brute_force(images, label, iou_thr)
        assert point.fallback is None
        assert point.score_thr == pytest.approx(threshold, abs=1e-12)
        assert f1_at(images, label, point.score_thr, iou_thr) == pytest.approx(f1)
        assert point.f1 == pytest.approx(f1, abs=1e-12)
        assert point.boxes == sum((i.gt_label == label).sum() for i in images)
        assert point.f1 == 2 * point.hits / (point.detections + point.boxes)


def test_of_equal_f1_the_highest_score_is_taken(one_finding):
    # F1 is 2/3 with the first alone (1 of 1, 2 boxes) and with all four (2 of 4).
    image = one_finding([BOX, FAR, FAR, (400, 0, 500, 100)], [0.9, 0.8, 0.7, 0.6])
    image = replace(
        image,
        gt_xyxy=np.array([BOX, (400, 0, 500, 100)], dtype=float),
        gt_label=np.zeros(2, dtype=int),
    )
    (point,) = best_thresholds([image], ['Mass'])
    assert point.score_thr == pytest.approx(0.85)  # below it comes 0.8
    assert (point.detections, point.hits) == (1, 1)
    assert point.f1 == pytest.approx(2 / 3)


def test_detections_of_equal_score_stand_or_fall_together(one_finding):
    hit, miss = one_finding([BOX], [0.5], [BOX]), one_finding([FAR], [0.5])
    (point,) = best_thresholds([miss, hit], ['Mass'])
    assert (point.score_thr, point.detections, point.hits) == (0.25, 2, 1)


def test_detections_on_healthy_films_are_false(one_finding):
    film = one_finding([BOX, FAR], [0.9, 0.4], [BOX, FAR], 'a.png')
    healthy = [one_finding([BOX], [0.5], name=f'h{i}.png') for i in range(5)]
    assert best_thresholds([film], ['Mass'])[0].score_thr == 0.2  # 0.4 is the lowest
    (point,) = best_thresholds([film, *healthy], ['Mass'])
    assert point.score_thr == pytest.approx(0.7)  # between 0.9 and 0.5


@pytest.mark.parametrize(
    ('pred', 'score', 'truth', 'reason'),
    [
        ([BOX], [0.9], [], 'no true boxes'),
        ([], [], [], 'no true boxes'),
        ([], [], [BOX], 'no detections'),
        ([FAR], [0.9], [BOX], 'no detection finds a box'),
    ],
    ids=['no-truth', 'nothing', 'no-detections', 'no-hits'],
)
def test_without_evidence_the_fallback_stands(one_finding, pred, score, truth, reason):
    image = one_finding(pred, score, truth)
    (point,) = best_thresholds([image], ['Mass'])
    assert (point.score_thr, point.fallback) == (FALLBACK, reason) == (0.3, reason)
    assert (point.detections, point.hits) == (len(pred), 0)
    assert point.boxes == len(truth)
    assert point.f1 == 0 if truth else np.isnan(point.f1)
    assert best_thresholds([image], ['Mass'], fallback=0.95)[0].score_thr == 0.95


def test_a_threshold_may_have_to_rest_on_several_hits(one_finding):
    images = [one_finding([BOX], [0.9], [BOX]), one_finding([BOX], [0.8], [BOX])]
    assert best_thresholds(images, ['Mass'], min_hits=2)[0].score_thr == 0.4
    (point,) = best_thresholds(images, ['Mass'], min_hits=3)
    assert (point.score_thr, point.fallback) == (0.3, 'only 2 hits at the best F1')
    assert (point.hits, point.f1) == (2, 1)  # at the fallback


def test_no_images():
    (point,) = best_thresholds([], ['Mass'])
    assert (point.score_thr, point.boxes, point.detections) == (0.3, 0, 0)
