from dataclasses import replace

import numpy as np
import pytest

from mmlung.evaluation import cluster_weights
from mmlung.evaluation import froc
from mmlung.evaluation import froc_curve
from mmlung.evaluation.froc import FP_PER_IMAGE
from mmlung.registry import METRICS


def iou_of(a, b):
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    area = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return width * height / (sum(area) - width * height)


def is_inside(pred, true):
    x, y = (pred[0] + pred[2]) / 2, (pred[1] + pred[3]) / 2
    return true[0] <= x < true[2] and true[1] <= y < true[3]


def count(images, findings, thr, is_hit):
    """True boxes found and false positives at one score threshold, in plain Python."""
    found = false = 0
    for image in images:
        taken = set()
        for i in np.argsort(-image.pred_score, kind='stable'):
            if image.pred_score[i] < thr or image.pred_label[i] not in findings:
                continue
            pred = image.pred_xyxy[i]
            good = [
                (iou_of(pred, true), -j)
                for j, true in enumerate(image.gt_xyxy)
                if image.gt_label[j] == image.pred_label[i] and is_hit(pred, true)
            ]
            nearest = -max(good)[1] if good else None
            if nearest is None or nearest in taken:
                false += 1
            else:
                found += 1
                taken.add(nearest)
    return found, false


def brute_force(images, findings, is_hit):
    """Best sensitivity at each rate, over every threshold there is."""
    total = sum(np.isin(image.gt_label, findings).sum() for image in images)
    scores = {float(score) for image in images for score in image.pred_score}
    points = [count(images, findings, t, is_hit) for t in [*scores, np.inf]]
    return [
        max(found for found, false in points if false <= rate * len(images)) / total
        for rate in FP_PER_IMAGE
    ]


def sensitivities(report, suffix=''):
    return [report[f'sensitivity@{rate:g}{suffix}'] for rate in FP_PER_IMAGE]


@pytest.mark.parametrize('centre', [False, True], ids=['iou', 'centre'])
@pytest.mark.parametrize('seed', range(3))
def test_matches_brute_force(random_images, classes, seed, centre):
    images = [replace(i, pred_score=i.pred_score.round(2)) for i in random_images(seed)]
    hit = is_inside if centre else lambda pred, true: iou_of(pred, true) >= 0.4
    report = froc(images, classes, centre_inside=centre)
    expected = brute_force(images, [0, 1, 2, 3], hit)
    assert sensitivities(report) == pytest.approx(expected)
    assert report['CPM'] == pytest.approx(np.mean(expected))
    for c, name in enumerate(classes[:3]):
        expected = brute_force(images, [c], hit)
        assert sensitivities(report, f'/{name}') == pytest.approx(expected)
        assert report[f'CPM/{name}'] == pytest.approx(np.mean(expected))
    assert np.isnan(report[f'CPM/{classes[3]}'])
    assert report['FROC_boxes'] == sum(report[f'FROC_boxes/{n}'] for n in classes)


def test_hand_case(one_finding):
    """Four images, two lesions: hit, false, its double (false), hit."""
    lesion = [[0, 0, 10, 10]]
    images = [
        one_finding(lesion * 2, [0.9, 0.7], lesion),
        one_finding(lesion, [0.8], name='b.png'),
        one_finding(lesion, [0.6], lesion, name='c.png'),
        one_finding(name='d.png'),
    ]
    report = froc(images, ['Mass'])
    # 0.5 at no false positive; 1.0 at two in four images
    assert sensitivities(report) == [0.5, 0.5, 1, 1, 1, 1, 1]
    assert report['CPM'] == pytest.approx(6 / 7)
    assert report['FROC_boxes'] == report['FROC_boxes/Mass'] == 2

    curve = froc_curve(images, ['Mass'])
    assert curve.score.tolist() == [np.inf, 0.9, 0.8, 0.7, 0.6]
    assert curve.fp_per_image.tolist() == [0, 0, 0.25, 0.5, 0.5]
    assert curve.sensitivity.tolist() == [0, 0.5, 0.5, 0.5, 1]
    assert curve.n_boxes == 2


def test_healthy_images_count_in_the_rate(one_finding):
    lesion = [[0, 0, 10, 10]]
    sick = one_finding(lesion * 3, [0.9, 0.8, 0.7], [[50, 50, 60, 60]])
    found = one_finding(lesion, [0.5], lesion, name='b.png')
    healthy = [one_finding(name=f'{i}.png') for i in range(22)]
    assert froc([sick, found], ['Mass'])['sensitivity@1'] == 0  # 3 in 2 images
    assert froc([sick, found, *healthy], ['Mass'])['sensitivity@0.125'] == 0.5


def test_ties_stand_or_fall_together(one_finding):
    lesion = [[0, 0, 10, 10]]
    hit = one_finding(lesion, [0.5], lesion)
    miss = one_finding(lesion, [0.5], name='b.png')
    for images in ([hit, miss], [miss, hit]):
        assert sensitivities(froc(images, ['Mass'])) == [0, 0, 1, 1, 1, 1, 1]
        assert froc_curve(images, ['Mass']).sensitivity.tolist() == [0, 1]


@pytest.mark.parametrize(
    ('height', 'hit'), [(4, 1), (3.99, 0)], ids=['reaches', 'falls-short']
)
def test_overlap_of_exactly_four_tenths_is_a_hit(one_finding, height, hit):
    image = one_finding([[0, 0, 10, height]], [0.5], [[0, 0, 10, 10]])
    assert froc([image], ['Mass'])['CPM'] == hit


def test_a_small_box_inside_is_a_hit_by_its_centre_alone(one_finding):
    image = one_finding([[4, 4, 6, 6]], [0.5], [[0, 0, 10, 10]])
    assert froc([image], ['Mass'])['CPM'] == 0
    assert froc([image], ['Mass'], centre_inside=True)['CPM'] == 1


@pytest.mark.parametrize('finding', [None, 'Nodule/Mass'], ids=['pooled', 'one'])
def test_the_curve_gives_the_same_sensitivities(random_images, classes, finding):
    images = random_images(4)
    curve = froc_curve(images, classes, finding)
    report = froc(images, classes)
    expected = [
        curve.sensitivity[curve.fp_per_image <= rate].max() for rate in FP_PER_IMAGE
    ]
    suffix = f'/{finding}' if finding else ''
    assert sensitivities(report, suffix) == pytest.approx(expected)
    assert curve.n_boxes == report[f'FROC_boxes{suffix}']


def test_undefined_without_lesions(one_finding):
    images = [one_finding([[0, 0, 9, 9]], [0.9])]
    report = froc(images, ['Mass'])
    assert np.isnan([report['CPM'], *sensitivities(report, '/Mass')]).all()
    assert report['FROC_boxes'] == 0
    assert np.isnan(froc_curve(images, ['Mass']).sensitivity).all()
    assert np.isnan(froc([], ['Mass'])['CPM'])


def test_zero_without_detections(one_finding):
    assert froc([one_finding(gt_xyxy=[[0, 0, 9, 9]])], ['Mass'])['CPM'] == 0


def test_order_of_images_does_not_matter(random_images, classes):
    images = [replace(i, pred_score=i.pred_score.round(1)) for i in random_images(5)]
    report = froc(images, classes, bootstrap=5)
    assert froc(images[::-1], classes, bootstrap=5) == pytest.approx(
        report, nan_ok=True
    )


def test_a_resample_equals_the_metric_on_drawn_images(random_images, classes):
    images = random_images(6, n=25)
    (weights,) = cluster_weights([i.cluster for i in images], 1, seed=3)
    drawn = [
        i for i, w in zip(images, weights[:, 0], strict=True) for _ in range(int(w))
    ]
    report, expected = froc(images, classes, bootstrap=1, seed=3), froc(drawn, classes)
    for key in ('CPM', 'sensitivity@0.5', 'sensitivity@2/Atelectasis'):
        assert report[f'{key}_low'] == pytest.approx(expected[key], nan_ok=True)


def test_the_registered_metric(random_images, classes, as_sample):
    images = random_images(7)
    metric = METRICS.build({'type': 'mmlung.FROC', 'iou_thr': 0.5, 'cluster': 'image'})
    metric.dataset_meta = {'classes': classes}
    metric.process(None, [as_sample(i, patient_id='7') for i in images])
    assert {i.cluster for i in metric.results} == {f'image {i.path}' for i in images}
    report = metric.evaluate(len(images))
    assert report == pytest.approx(froc(images, classes, 0.5), nan_ok=True)


def test_messages(one_finding):
    with pytest.raises(ValueError, match=r"unknown finding 'Node'. Known: Mass."):
        froc_curve([one_finding()], ['Mass'], 'Node')
    for build in (
        lambda: froc([one_finding()], ['Mass'], iou_thr=0.0),
        lambda: METRICS.build({'type': 'mmlung.FROC', 'iou_thr': 0}),
    ):
        with pytest.raises(ValueError, match=r'iou_thr must lie in \(0, 1\], got 0'):
            build()
