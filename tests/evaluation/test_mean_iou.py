from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest

import mmlung.evaluation  # noqa: F401
from mmlung.evaluation import MeanIoU
from mmlung.evaluation import mean_iou
from mmlung.registry import METRICS


def iou_of(a, b):
    """The definition, from areas, in plain Python."""
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    area = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return width * height / (sum(area) - width * height)


def best_assignment(pred, gt):
    """IoUs of the one-to-one match with the largest total, by trying them all."""
    few, many = sorted([pred, gt], key=len)
    matches = (
        [iou_of(a, b) for a, b in zip(few, chosen, strict=True)]
        for chosen in permutations(many, len(few))
    )
    return max(matches, key=sum, default=[])


def brute_force(images, n_findings, thr):
    boxes = detections = 0
    overlaps = []
    for image in images:
        for c in range(n_findings):
            keep = (image.pred_label == c) & (image.pred_score >= thr)
            pred, gt = image.pred_xyxy[keep], image.gt_xyxy[image.gt_label == c]
            boxes, detections = boxes + len(gt), detections + len(pred)
            overlaps += best_assignment(list(pred), list(gt))
    hits = [iou for iou in overlaps if iou >= 0.5]
    return {
        'mIoU': sum(overlaps) / boxes,
        'mIoU_TP50': np.mean(hits),
        'precision50': len(hits) / detections,
        'recall50': len(hits) / boxes,
        'PQ': sum(hits)
        / (len(hits) + (detections - len(hits)) / 2 + (boxes - len(hits)) / 2),
        'fp_per_image': (detections - len(hits)) / len(images),
    }


@pytest.mark.parametrize('thr', [0.0, 0.3, 0.8])
@pytest.mark.parametrize('seed', range(3))
def test_matches_brute_force(random_images, classes, seed, thr):
    images = random_images(seed)
    report = mean_iou(images, classes, score_thr=thr)
    expected = brute_force(images, len(classes), thr)
    assert {key: report[key] for key in expected} == pytest.approx(expected)


def test_hand_case(one_finding):
    images = [
        # half of the first lesion (IoU 0.5), all of the second, one stray, one too weak
        one_finding(
            [[0, 0, 10, 5], [20, 20, 30, 30], [50, 50, 60, 60], [0, 0, 10, 10]],
            [0.9, 0.4, 0.3, 0.2],
            [[0, 0, 10, 10], [20, 20, 30, 30]],
        ),
        # a missed lesion, and a healthy image with one false alarm
        one_finding(gt_xyxy=[[0, 0, 10, 10]], name='b.png'),
        one_finding([[0, 0, 4, 4]], [0.5], name='c.png'),
    ]
    report = mean_iou(images, ['Mass'], score_thr=0.3)
    assert report == {
        'mIoU': 0.5,
        'mIoU_macro': 0.5,
        'mIoU_TP50': 0.75,
        'precision50': 0.5,
        'recall50': pytest.approx(2 / 3),
        'PQ': pytest.approx(1.5 / (2 + 2 / 2 + 1 / 2)),
        'fp_per_image': pytest.approx(2 / 3),
        'fp_per_healthy_image': 1.0,
        'mIoU/Mass': 0.5,
        'mIoU_findings': 1.0,
        'mIoU_boxes': 3.0,
        'n_images': 3.0,
        'n_healthy_images': 1.0,
        'mIoU_boxes/Mass': 3.0,
        'score_thr': 0.3,
    }


def test_the_match_maximises_the_total(one_finding):
    """Best first would take 0.6 and leave 0.0; together 0.5 and 0.5 are more."""
    gt = [[0, 0, 10, 10], [6, 0, 16, 10]]
    pred = [[2, 0, 12, 10], [-4, 0, 6, 10]]
    report = mean_iou([one_finding(pred, [0.9, 0.8], gt)], ['Mass'])
    together = [iou_of(pred[0], gt[1]), iou_of(pred[1], gt[0])]
    assert report['mIoU'] == pytest.approx(np.mean(together))


def test_macro_averages_findings_and_headline_boxes(random_images, classes):
    report = mean_iou(random_images(0), classes)
    per_finding = [report[f'mIoU/{name}'] for name in classes]
    counts = [report[f'mIoU_boxes/{name}'] for name in classes]
    assert counts[-1] == 0
    assert np.isnan(per_finding[-1])
    assert report['mIoU_findings'] == 3
    assert report['mIoU_macro'] == pytest.approx(np.mean(per_finding[:3]))
    pooled = np.average(per_finding[:3], weights=counts[:3])
    assert report['mIoU'] == pytest.approx(pooled)


def test_predicting_less_cannot_raise_it(random_images, classes):
    images = random_images(1)
    values = [mean_iou(images, classes, thr)['mIoU'] for thr in (0, 0.25, 0.5, 0.75, 1)]
    assert values == sorted(values, reverse=True)


def test_order_of_images_and_findings_does_not_matter(random_images, classes):
    images = random_images(2)
    report = mean_iou(images, classes, bootstrap=20)
    order = np.random.default_rng(0).permutation(len(images))
    shuffled = mean_iou([images[i] for i in order], classes, bootstrap=20)
    assert shuffled == pytest.approx(report, nan_ok=True)

    last = len(classes) - 1
    reversed_labels = [
        replace(i, pred_label=last - i.pred_label, gt_label=last - i.gt_label)
        for i in images
    ]
    renamed = mean_iou(reversed_labels, classes[::-1], bootstrap=20)
    assert renamed == pytest.approx(report, nan_ok=True)


def test_scale_does_not_matter(random_images, classes):
    images = random_images(3)
    larger = [
        replace(i, pred_xyxy=3 * i.pred_xyxy, gt_xyxy=3 * i.gt_xyxy) for i in images
    ]
    expected = pytest.approx(mean_iou(images, classes), nan_ok=True)
    assert mean_iou(larger, classes) == expected


def test_without_detection_the_overlap_is_zero(one_finding):
    report = mean_iou([one_finding(gt_xyxy=[[0, 0, 9, 9]])], ['Mass'])
    zero = ('mIoU', 'mIoU_macro', 'mIoU/Mass', 'recall50', 'PQ', 'fp_per_image')
    assert {key: report[key] for key in zero} == dict.fromkeys(zero, 0.0)
    undefined = ('mIoU_TP50', 'precision50', 'fp_per_healthy_image')
    assert all(np.isnan(report[key]) for key in undefined)


def test_without_ground_truth_the_overlap_is_undefined(one_finding):
    report = mean_iou([one_finding([[0, 0, 9, 9]], [0.9])], ['Mass'])
    assert np.isnan(report['mIoU'])
    assert np.isnan(report['mIoU_macro'])
    assert report['mIoU_findings'] == 0
    assert report['PQ'] == 0
    assert report['fp_per_healthy_image'] == 1


def test_no_image_is_undefined(classes):
    report = mean_iou([], classes)
    assert np.isnan(report['mIoU'])
    assert report['n_images'] == 0


def test_thresholds_per_finding(random_images, classes):
    images = random_images(4)
    thresholds = dict(zip(classes, (0.1, 0.5, 0.9, 0.3), strict=True))
    report = mean_iou(images, classes, thresholds)
    assert report['score_thr/Nodule/Mass'] == 0.5
    assert 'score_thr' not in report
    for name, thr in thresholds.items():
        single = mean_iou(images, classes, thr)[f'mIoU/{name}']
        assert report[f'mIoU/{name}'] == pytest.approx(single, nan_ok=True)


def test_intervals_hold_the_value(random_images, classes):
    report = mean_iou(random_images(5), classes, bootstrap=300, seed=1)
    for key in ('mIoU', 'mIoU_macro', 'PQ', 'fp_per_image', 'mIoU/Atelectasis'):
        assert report[f'{key}_low'] < report[key] < report[f'{key}_high'], key
    assert 'n_images_low' not in report


def test_a_resample_equals_the_metric_on_drawn_images(random_images, classes):
    from mmlung.evaluation import cluster_weights

    images = random_images(6, n=12)
    clusters = [image.cluster for image in images]
    (weights,) = cluster_weights(clusters, 1, seed=3)
    drawn = [
        i for i, w in zip(images, weights[:, 0], strict=True) for _ in range(int(w))
    ]
    report = mean_iou(images, classes, bootstrap=1, seed=3)
    expected = mean_iou(drawn, classes)
    for key in ('mIoU', 'mIoU_macro', 'PQ', 'fp_per_image', 'fp_per_healthy_image'):
        assert report[f'{key}_low'] == pytest.approx(expected[key], nan_ok=True)


def test_two_processes_equal_one(random_images, classes, as_sample):
    images = random_images(7)
    samples = [as_sample(i, patient_id=i.cluster) for i in images]
    whole, first, second = (
        METRICS.build({'type': 'mmlung.MeanIoU', 'score_thr': 0.2}) for _ in range(3)
    )
    for metric, part in (
        (whole, samples),
        (first, samples[::2]),
        (second, samples[1::2]),
    ):
        metric.dataset_meta = {'classes': classes}
        for start in range(0, len(part), 4):
            metric.process(None, part[start : start + 4])
    assert len(whole.results) == len(images)
    whole_report = whole.evaluate(len(images))
    pooled = first.compute_metrics(first.results + second.results)
    assert pooled == pytest.approx(whole_report, nan_ok=True)
    expected = mean_iou(images, classes, 0.2)
    assert whole_report == pytest.approx(expected, nan_ok=True)
    assert all(isinstance(value, float) for value in whole_report.values())


@pytest.mark.parametrize('thr', [-0.1, 1.5, {'Mass': 2.0}], ids=str)
def test_threshold_out_of_range_stops(thr):
    with pytest.raises(ValueError, match=r'score_thr must lie in \[0, 1\], got'):
        MeanIoU(score_thr=thr)


def test_thresholds_for_other_findings_stop():
    with pytest.raises(ValueError, match=r"missing: \['Mass'\], unknown: \['Mas'\]"):
        mean_iou([], ['Mass', 'Nodule'], {'Mas': 0.5, 'Nodule': 0.5})
