from contextlib import redirect_stdout
from dataclasses import replace
from io import StringIO

import numpy as np
import pytest
from mmdet.evaluation.functional import eval_map
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from mmlung.evaluation import cluster_weights
from mmlung.evaluation import mean_ap
from mmlung.evaluation.mean_ap import COCO_RECALLS
from mmlung.evaluation.mean_ap import _recalls_reached
from mmlung.registry import METRICS

BOX_METRICS = ('MeanAP', 'MeanIoU', 'FROC', 'KaggleAP', 'MaskIoU', 'BestIoU')


def voc_by_mmdet(images, n_findings):
    """Mean and per-finding AP40 of MMDetection's own PASCAL VOC evaluation."""
    detections = [
        [
            np.column_stack([i.pred_xyxy, i.pred_score])[i.pred_label == c]
            for c in range(n_findings)
        ]
        for i in images
    ]
    truth = [{'bboxes': i.gt_xyxy, 'labels': i.gt_label} for i in images]
    mean, per_finding = eval_map(
        detections,
        truth,
        iou_thr=0.4,
        use_legacy_coordinate=False,
        eval_mode='area',
        logger='silent',
        nproc=1,
    )
    return mean, [float(result['ap']) for result in per_finding]


def coco_by_pycocotools(images, n_findings):
    """COCOeval's AP, AP50, AP75, and its AP50 per finding (-1: no true box)."""
    truth, results = [], []
    for i, image in enumerate(images, start=1):
        for xyxy, label in zip(image.gt_xyxy, image.gt_label, strict=True):
            bbox = [*xyxy[:2], *(xyxy[2:] - xyxy[:2])]
            truth.append(
                {
                    'id': len(truth) + 1,
                    'image_id': i,
                    'category_id': int(label) + 1,
                    'bbox': bbox,
                    'area': bbox[2] * bbox[3],
                    'iscrowd': 0,
                }
            )
        for xyxy, label, score in zip(
            image.pred_xyxy, image.pred_label, image.pred_score, strict=True
        ):
            bbox = [*xyxy[:2], *(xyxy[2:] - xyxy[:2])]
            results.append(
                {
                    'image_id': i,
                    'category_id': int(label) + 1,
                    'bbox': bbox,
                    'score': score,
                }
            )
    with redirect_stdout(StringIO()):
        coco = COCO()
        coco.dataset = {
            'info': {},
            'images': [{'id': i + 1} for i in range(len(images))],
            'annotations': truth,
            'categories': [{'id': c + 1} for c in range(n_findings)],
        }
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(results), 'bbox')
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    at_50 = evaluation.eval['precision'][0, :, :, 0, -1].mean(axis=0)
    return evaluation.stats[:3], at_50


@pytest.mark.parametrize('seed', range(4))
def test_ap40_matches_mmdet(random_images, classes, seed):
    images = random_images(seed, n=60)
    report = mean_ap(images, classes)
    mean, per_finding = voc_by_mmdet(images, len(classes))
    assert report['AP40'] == pytest.approx(mean, abs=1e-6)
    ours = [report[f'AP40/{name}'] for name in classes[:3]]
    assert ours == pytest.approx(per_finding[:3], abs=1e-6)


@pytest.mark.parametrize('seed', range(4))
def test_coco_figures_match_pycocotools(random_images, classes, seed):
    images = random_images(seed, n=60)
    report = mean_ap(images, classes)
    stats, at_50 = coco_by_pycocotools(images, len(classes))
    assert [report['AP'], report['AP50'], report['AP75']] == pytest.approx(list(stats))
    ours = [report[f'AP50/{name}'] for name in classes[:3]]
    assert ours == pytest.approx(list(at_50[:3]))
    assert at_50[3] == -1
    assert np.isnan(report[f'AP50/{classes[3]}'])


def test_coco_takes_the_best_hundred_of_an_image(one_finding):
    rng = np.random.default_rng(0)
    gt = [[0, 0, 10, 10], [20, 0, 30, 10]]
    stray = rng.uniform(100, 200, (100, 2))
    pred = np.vstack([gt, np.hstack([stray, stray + 5])])
    score = np.append([0.9, 0.01], rng.uniform(0.1, 0.8, 100))
    image = one_finding(pred, score, gt)
    report = mean_ap([image], ['Mass'])
    stats, _ = coco_by_pycocotools([image], 1)
    assert report['AP50'] == pytest.approx(stats[1])
    assert report['AP40'] == pytest.approx(0.5 + 0.5 * 2 / 102)


def test_hand_case(one_finding):
    """Ranked hit, miss, hit with three lesions: 1/3 * 1 + 1/3 * 2/3."""
    images = [
        one_finding([[0, 0, 10, 10]], [0.9], [[0, 0, 10, 10]]),
        one_finding([[0, 0, 10, 10]], [0.8], name='b.png'),
        one_finding(
            [[0, 0, 10, 10]],
            [0.7],
            [[0, 0, 10, 10], [50, 50, 60, 60]],
            name='c.png',
        ),
    ]
    report = mean_ap(images, ['Mass'])
    assert report['AP40'] == report['AP40/Mass'] == pytest.approx(1 / 3 + 2 / 9)
    assert report['AP50'] == pytest.approx((34 + 33 * 2 / 3) / 101)
    assert report['n_boxes'] == report['n_boxes/Mass'] == 3


@pytest.mark.parametrize(
    ('height', 'hit'), [(4, True), (3.99, False)], ids=['reaches', 'falls-short']
)
def test_overlap_of_exactly_four_tenths_is_a_hit(one_finding, height, hit):
    image = one_finding([[0, 0, 10, height]], [0.5], [[0, 0, 10, 10]])
    assert mean_ap([image], ['Mass'])['AP40'] == float(hit)


def test_voc_gives_no_second_choice_and_coco_does(one_finding):
    gt = [[0, 0, 10, 10], [3, 0, 13, 10]]
    pred = [[0, 0, 10, 10], [1, 0, 11, 10]]  # both overlap the first one most
    image = one_finding(pred, [0.9, 0.8], gt)
    report = mean_ap([image], ['Mass'])
    assert report['AP40'] == 0.5
    assert report['AP50'] == 1.0


def test_ties_are_one_operating_point(one_finding):
    hit = one_finding([[0, 0, 10, 10]], [0.5], [[0, 0, 10, 10]])
    miss = one_finding([[0, 0, 10, 10]], [0.5], name='b.png')
    for images in ([hit, miss], [miss, hit]):
        assert mean_ap(images, ['Mass'])['AP40'] == 0.5


def test_order_of_images_and_findings_does_not_matter(random_images, classes):
    images = [replace(i, pred_score=i.pred_score.round(1)) for i in random_images(2)]
    report = mean_ap(images, classes, bootstrap=5)
    order = np.random.default_rng(0).permutation(len(images))
    shuffled = mean_ap([images[i] for i in order], classes, bootstrap=5)
    assert shuffled == pytest.approx(report, nan_ok=True)

    last = len(classes) - 1
    reversed_labels = [
        replace(i, pred_label=last - i.pred_label, gt_label=last - i.gt_label)
        for i in images
    ]
    renamed = mean_ap(reversed_labels, classes[::-1], bootstrap=5)
    assert renamed == pytest.approx(report, nan_ok=True)


def test_monotone_scores_give_the_same(random_images, classes):
    images = random_images(3)
    squared = [replace(i, pred_score=i.pred_score**2) for i in images]
    expected = pytest.approx(mean_ap(images, classes), nan_ok=True)
    assert mean_ap(squared, classes) == expected


def test_false_alarms_on_healthy_images_cost(random_images, one_finding):
    sick = one_finding([[0, 0, 10, 10]], [0.5], [[0, 0, 10, 10]])
    healthy = one_finding([[0, 0, 10, 10]], [0.6], name='b.png')
    assert mean_ap([sick], ['Mass'])['AP'] == 1
    assert mean_ap([sick, healthy], ['Mass'])['AP'] == pytest.approx(0.5)


@pytest.mark.parametrize('n_boxes', [1, 7, 20, 40, 100, 200, 1700])
def test_recalls_are_reached_as_coco_compares_them(n_boxes):
    """0.35 * 100 is whole, and COCO's 0.35 lies just above 35 of 100 boxes."""
    true = np.arange(n_boxes + 1.0)
    expected = np.searchsorted(COCO_RECALLS, true / n_boxes, side='right')
    reached = _recalls_reached(true[:, None], np.array([float(n_boxes)]))
    assert reached.ravel().tolist() == expected.tolist()


@pytest.mark.parametrize('n_boxes', [20, 40, 100])
def test_whole_percents_match_pycocotools(one_finding, n_boxes):
    """Each image: a hit of falling score, and a false alarm of a random one."""
    rng = np.random.default_rng(n_boxes)
    images = [
        one_finding(
            [[0, 0, 9, 9], [50, 0, 60, 10]], rng.random(2), [[0, 0, 9, 9]], f'{i}.png'
        )
        for i in range(n_boxes)
    ]
    stats, _ = coco_by_pycocotools(images, 1)
    report = mean_ap(images, ['Mass'])
    assert [report['AP'], report['AP50']] == pytest.approx(list(stats[:2]), abs=1e-12)


def test_zeros_when_there_is_no_detection(one_finding):
    report = mean_ap([one_finding(gt_xyxy=[[0, 0, 9, 9]])], ['Mass', 'Nodule'])
    for key in ('AP40', 'AP50', 'AP75', 'AP', 'AP40/Mass', 'AP/Mass'):
        assert report[key] == 0.0
    assert np.isnan(report['AP40/Nodule'])
    assert report['AP40_findings'] == 1


def test_undefined_when_there_is_no_true_box(one_finding):
    report = mean_ap([one_finding([[0, 0, 9, 9]], [0.9])], ['Mass'])
    assert np.isnan(report['AP40'])
    assert np.isnan(report['AP40/Mass'])
    assert report['AP40_findings'] == report['n_boxes'] == 0


def test_no_image_is_undefined(classes):
    assert np.isnan(mean_ap([], classes)['AP40'])


def test_rare_findings_are_shown_and_not_averaged(random_images, classes):
    images = random_images(5)
    full = mean_ap(images, classes)
    counts = {name: full[f'n_boxes/{name}'] for name in classes}
    limit = sorted(counts.values())[-1]
    report = mean_ap(images, classes, min_boxes=int(limit))
    kept = [name for name, count in counts.items() if count >= limit]
    assert report['AP40_findings'] == len(kept) == 1
    assert report['AP40'] == full[f'AP40/{kept[0]}']
    assert report['AP40/Atelectasis'] == full['AP40/Atelectasis']


def test_a_resample_equals_the_metric_on_drawn_images(random_images, classes):
    images = random_images(6, n=25)
    clusters = [image.cluster for image in images]
    (weights,) = cluster_weights(clusters, 1, seed=3)
    drawn = [
        i for i, w in zip(images, weights[:, 0], strict=True) for _ in range(int(w))
    ]
    report = mean_ap(images, classes, bootstrap=1, seed=3)
    expected = mean_ap(drawn, classes)
    for key in ('AP40', 'AP50', 'AP75', 'AP', 'AP40/Atelectasis', 'AP/Nodule/Mass'):
        assert report[f'{key}_low'] == pytest.approx(expected[key], nan_ok=True)


def test_intervals_hold_the_value(random_images, classes):
    report = mean_ap(random_images(7), classes, bootstrap=200)
    for key in ('AP40', 'AP50', 'AP', 'AP40/Atelectasis'):
        assert report[f'{key}_low'] < report[key] < report[f'{key}_high'], key


def test_two_processes_equal_one(random_images, classes, as_sample):
    images = random_images(8)
    samples = [as_sample(i) for i in images]
    whole, first, second = (METRICS.build({'type': 'mmlung.MeanAP'}) for _ in range(3))
    for metric, part in (
        (whole, samples),
        (first, samples[::2]),
        (second, samples[1::2]),
    ):
        metric.dataset_meta = {'classes': classes}
        metric.process(None, part)
    report = whole.evaluate(len(images))
    pooled = first.compute_metrics(first.results + second.results)
    assert pooled == pytest.approx(report, nan_ok=True)
    assert report == pytest.approx(mean_ap(images, classes), nan_ok=True)
    assert all(isinstance(value, float) for value in report.values())


def test_all_box_metrics_share_one_evaluator(random_images, classes, as_sample):
    """mmengine refuses two metrics that report the same key."""
    from mmengine.evaluator import Evaluator

    images = random_images(9, n=6)
    evaluator = Evaluator(
        [METRICS.build({'type': f'mmlung.{name}'}) for name in BOX_METRICS]
    )
    evaluator.dataset_meta = {'classes': classes}
    for image in images:
        for metric in evaluator.metrics:
            metric.process(None, [as_sample(image)])
    report = evaluator.evaluate(len(images))
    assert {'AP40', 'mIoU', 'CPM', 'kaggle_AP', 'mIoU_mask', 'best_IoU'} <= set(report)
    assert all(isinstance(value, float) for value in report.values())
