import numpy as np
import pytest

from mmlung.boxes import box_iou
from mmlung.evaluation import best_iou
from mmlung.evaluation import cluster_weights
from mmlung.evaluation import mean_iou
from mmlung.registry import METRICS


def brute_force(images, n_findings):
    """(finding, best IoU) of each true box, one by one."""
    best = []
    for image in images:
        kept = np.argsort(-image.pred_score, kind='stable')[:100]
        for box, label in zip(image.gt_xyxy, image.gt_label, strict=True):
            same = kept[image.pred_label[kept] == label]
            iou = box_iou(image.pred_xyxy[same], box[None])
            best.append((int(label), float(iou.max(initial=0))))
    return best


@pytest.mark.parametrize('seed', range(3))
def test_matches_brute_force(random_images, classes, seed):
    images = random_images(seed)
    report = best_iou(images, classes)
    best = brute_force(images, len(classes))
    assert report['best_IoU'] == pytest.approx(np.mean([iou for _, iou in best]))
    for c, name in enumerate(classes[:3]):
        own = [iou for label, iou in best if label == c]
        assert report[f'best_IoU/{name}'] == pytest.approx(np.mean(own))
        assert report[f'best_IoU_boxes/{name}'] == len(own)
    macro = np.mean([report[f'best_IoU/{name}'] for name in classes[:3]])
    assert report['best_IoU_macro'] == pytest.approx(macro)
    assert np.isnan(report[f'best_IoU/{classes[3]}'])
    assert report['best_IoU_boxes'] == len(best)


def test_no_threshold_is_better(random_images, classes):
    images = random_images(4)
    bound = best_iou(images, classes)['best_IoU']
    for thr in (0.0, 0.2, 0.5, 0.9):
        assert mean_iou(images, classes, thr)['mIoU'] <= bound


def test_hand_case(one_finding):
    gt = [[0, 0, 10, 10], [0, 0, 10, 20], [50, 50, 60, 60]]
    report = best_iou([one_finding([[0, 0, 10, 10]], [0.001], gt)], ['Mass'])
    assert report['best_IoU'] == pytest.approx((1 + 0.5 + 0) / 3)  # one serves two


@pytest.mark.parametrize(('n_stray', 'expected'), [(99, 1), (100, 0)])
def test_a_hundred_detections_of_an_image_count(one_finding, n_stray, expected):
    pred = np.vstack([[[0, 0, 9, 9]], np.tile([50, 50, 60, 60], (n_stray, 1))])
    score = np.append(0.1, np.full(n_stray, 0.9))
    image = one_finding(pred, score, [[0, 0, 9, 9]])
    assert best_iou([image], ['Mass'])['best_IoU'] == expected


def test_edges(one_finding, classes):
    assert np.isnan(best_iou([], classes)['best_IoU'])
    assert np.isnan(best_iou([one_finding([[0, 0, 9, 9]], [1])], ['Mass'])['best_IoU'])
    assert best_iou([one_finding(gt_xyxy=[[0, 0, 9, 9]])], ['Mass'])['best_IoU'] == 0


def test_a_resample_equals_the_metric_on_drawn_images(random_images, classes):
    images = random_images(6, n=25)
    (weights,) = cluster_weights([i.cluster for i in images], 1, seed=3)
    drawn = [
        i for i, w in zip(images, weights[:, 0], strict=True) for _ in range(int(w))
    ]
    report = best_iou(images, classes, bootstrap=1, seed=3)
    expected = best_iou(drawn, classes)
    for key in ('best_IoU', 'best_IoU_macro', 'best_IoU/Atelectasis'):
        assert report[f'{key}_low'] == pytest.approx(expected[key])


def test_the_registered_metric(random_images, classes, as_sample):
    images = random_images(7)
    metric = METRICS.build({'type': 'mmlung.BestIoU', 'bootstrap': 3})
    metric.dataset_meta = {'classes': classes}
    metric.process(None, [as_sample(i, patient_id=i.cluster[8:]) for i in images])
    expected = best_iou(images, classes, bootstrap=3)
    assert metric.evaluate(len(images)) == pytest.approx(expected, nan_ok=True)
