from dataclasses import replace

import numpy as np
import pytest
from mmdet.evaluation.functional import eval_map

from mmlung.evaluation import cluster_weights
from mmlung.evaluation import kaggle_ap
from mmlung.evaluation import mean_ap
from mmlung.registry import METRICS

NORMAL = 'No finding'


def with_class_14(images, n_findings, score=None):
    """The definition: class 14 as boxes 0 0 1 1, among the boxes of the others."""
    whole = np.array([[0.0, 0, 1, 1]])
    added = []
    for index, image in enumerate(images):
        own = 1 - max([*image.pred_score, 0]) if score is None else score[index]
        normal = len(image.gt_label) == 0
        added.append(
            replace(
                image,
                pred_xyxy=np.vstack([image.pred_xyxy, whole]),
                pred_score=np.append(image.pred_score, own),
                pred_label=np.append(image.pred_label, n_findings),
                gt_xyxy=np.vstack([image.gt_xyxy, whole[: int(normal)]]),
                gt_label=np.append(image.gt_label, [n_findings] * normal).astype(int),
            )
        )
    return added


def voc_by_mmdet(images, n_classes):
    detections = [
        [
            np.column_stack([i.pred_xyxy, i.pred_score])[i.pred_label == c]
            for c in range(n_classes)
        ]
        for i in images
    ]
    truth = [{'bboxes': i.gt_xyxy, 'labels': i.gt_label} for i in images]
    mean, _ = eval_map(
        detections,
        truth,
        iou_thr=0.4,
        use_legacy_coordinate=False,
        eval_mode='area',
        logger='silent',
        nproc=1,
    )
    return mean


@pytest.mark.parametrize('given', [False, True], ids=['from-boxes', 'image-head'])
@pytest.mark.parametrize('seed', range(3))
def test_matches_voc_with_a_class_more(random_images, classes, seed, given):
    images = random_images(seed)
    score = np.random.default_rng(seed).random(len(images)) if given else None
    report = kaggle_ap(images, classes, score)
    added = with_class_14(images, len(classes), score)
    if given:  # images without a box tie at 1, which mmdet takes one by one
        assert report['kaggle_AP'] == pytest.approx(voc_by_mmdet(added, 5), abs=1e-6)
    expected = mean_ap(added, [*classes, NORMAL])
    assert report['kaggle_AP'] == pytest.approx(expected['AP40'])
    for name in [*classes, NORMAL]:
        ours = report[f'kaggle_AP/{name}'], report[f'kaggle_boxes/{name}']
        theirs = expected[f'AP40/{name}'], expected[f'n_boxes/{name}']
        assert ours == pytest.approx(theirs, nan_ok=True)
    without = mean_ap(images, classes)['AP40']
    assert report['kaggle_AP_without_normal'] == pytest.approx(without)
    assert report['kaggle_AP_findings'] == 4  # one of the four is never true


def test_hand_case(one_finding):
    lesion = [[0, 0, 10, 10]]
    images = [
        one_finding(lesion, [0.9], lesion),  # "No finding" 0.1, false
        one_finding(lesion, [0.95], name='b.png'),  # 0.05, true, and a false lesion
        one_finding(name='c.png'),  # 1.0, true
    ]
    report = kaggle_ap(images, ['Mass'])
    assert report == {
        'kaggle_AP': pytest.approx((1 / 2 + 5 / 6) / 2),
        'kaggle_AP_without_normal': 0.5,
        'kaggle_AP/Mass': 0.5,
        'kaggle_AP/No finding': pytest.approx((1 + 2 / 3) / 2),
        'kaggle_AP_findings': 2.0,
        'kaggle_boxes/Mass': 1.0,
        'kaggle_boxes/No finding': 2.0,
    }
    head = kaggle_ap(images, ['Mass'], np.array([0.0, 0.5, 0.4]))
    assert head['kaggle_AP/No finding'] == 1
    assert head['kaggle_AP/Mass'] == 0.5


@pytest.mark.parametrize(
    ('height', 'hit'), [(4.01, 1), (4, 0)], ids=['exceeds', 'equals']
)
def test_overlap_must_exceed_four_tenths(one_finding, height, hit):
    image = one_finding([[0, 0, 10, height]], [0.5], [[0, 0, 10, 10]])
    assert kaggle_ap([image], ['Mass'])['kaggle_AP/Mass'] == hit


def test_normal_images_alone(one_finding):
    report = kaggle_ap([one_finding()], ['Mass'])
    assert report['kaggle_AP'] == 1
    assert np.isnan(
        [report['kaggle_AP/Mass'], report['kaggle_AP_without_normal']]
    ).all()


def test_no_image_is_undefined(classes):
    assert np.isnan(kaggle_ap([], classes)['kaggle_AP'])


def test_a_resample_equals_the_metric_on_drawn_images(random_images, classes):
    images = random_images(6, n=25)
    score = np.random.default_rng(0).random(25)
    (weights,) = cluster_weights([i.cluster for i in images], 1, seed=3)
    drawn = np.repeat(np.arange(25), weights[:, 0].astype(int))
    report = kaggle_ap(images, classes, score, bootstrap=1, seed=3)
    expected = kaggle_ap([images[i] for i in drawn], classes, score[drawn])
    for key in ('kaggle_AP', 'kaggle_AP/No finding', 'kaggle_AP_without_normal'):
        assert report[f'{key}_low'] == pytest.approx(expected[key])


@pytest.mark.parametrize('field', [None, 'no_finding'], ids=['from-boxes', 'head'])
def test_the_registered_metric(random_images, classes, as_sample, field):
    images = random_images(7)
    score = np.random.default_rng(0).random(len(images))
    metric = METRICS.build({'type': 'mmlung.KaggleAP', 'no_finding_field': field})
    metric.dataset_meta = {'classes': classes}
    for image, value in zip(images, score, strict=True):
        metric.process(None, [as_sample(image) | {'no_finding': value}])
    expected = kaggle_ap(images, classes, score if field else None)
    assert metric.evaluate(len(images)) == pytest.approx(expected, nan_ok=True)


def test_messages(one_finding, as_sample):
    image = one_finding()
    with pytest.raises(ValueError, match=r"must be findings, got 'No finding', which"):
        kaggle_ap([image], ['Mass', NORMAL])
    with pytest.raises(ValueError, match=r'shape \(1,\), one an image, got \(2,\)'):
        kaggle_ap([image], ['Mass'], np.zeros(2))
    with pytest.raises(ValueError, match=r'must be finite, got NaN or .* \(a.png\)'):
        kaggle_ap([image], ['Mass'], np.array([np.nan]))
    metric = METRICS.build({'type': 'mmlung.KaggleAP', 'no_finding_field': 'normal'})
    metric.dataset_meta = {'classes': ['Mass']}
    with pytest.raises(ValueError, match=r'normal must be one number, got 0 \(a.png\)'):
        metric.process(None, [as_sample(image)])
