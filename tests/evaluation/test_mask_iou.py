from dataclasses import replace

import numpy as np
import pytest

from mmlung.evaluation import cluster_weights
from mmlung.evaluation import mask_iou
from mmlung.evaluation.mask_iou import covered_iou
from mmlung.registry import METRICS

SIDE_PX = 400


def painted(boxes):
    """Pixels that whole-pixel boxes cover."""
    mask = np.zeros((SIDE_PX, SIDE_PX), dtype=bool)
    for x1, y1, x2, y2 in boxes.astype(int):
        mask[y1:y2, x1:x2] = True
    return mask


def on_pixels(image):
    """Boxes with whole corners."""
    return replace(
        image,
        pred_xyxy=image.pred_xyxy.round().clip(0, SIDE_PX),
        gt_xyxy=image.gt_xyxy.round().clip(0, SIDE_PX),
    )


def brute_force(images, n_findings, thr):
    """(finding, IoU of the painted masks) where true, (finding, quiet) elsewhere."""
    present, absent = [], []
    for image in images:
        for c in range(n_findings):
            kept = (image.pred_label == c) & (image.pred_score >= thr)
            gt = image.gt_xyxy[image.gt_label == c]
            if len(gt) == 0:
                absent.append((c, not kept.any()))
                continue
            a, b = painted(image.pred_xyxy[kept]), painted(gt)
            present.append((c, (a & b).sum() / (a | b).sum()))
    return present, absent


def mean_of(pairs, c=None):
    return np.mean([value for label, value in pairs if c is None or label == c])


@pytest.mark.parametrize('thr', [0.0, 0.3, 0.8])
@pytest.mark.parametrize('seed', range(2))
def test_matches_painted_masks(random_images, classes, seed, thr):
    images = [on_pixels(image) for image in random_images(seed)]
    report = mask_iou(images, classes, thr)
    present, absent = brute_force(images, len(classes), thr)
    assert report['mIoU_mask'] == pytest.approx(mean_of(present))
    assert report['mask_specificity'] == pytest.approx(mean_of(absent))
    for c, name in enumerate(classes):
        specificity = report[f'mask_specificity/{name}']
        assert specificity == pytest.approx(mean_of(absent, c))
        n_masks = sum(label == c for label, _ in present)
        assert report[f'n_masks/{name}'] == n_masks
        if n_masks:
            assert report[f'mIoU_mask/{name}'] == pytest.approx(mean_of(present, c))
    macro = np.mean([report[f'mIoU_mask/{name}'] for name in classes[:3]])
    assert report['mIoU_mask_macro'] == pytest.approx(macro)


def test_hand_case(one_finding):
    images = [
        # 100 + 25 of the 150 px that two overlapping lesions cover
        one_finding(
            [[0, 0, 10, 10], [0, 5, 5, 15]],
            [0.9, 0.8],
            [[0, 0, 10, 10], [0, 5, 10, 15]],
        ),
        one_finding(gt_xyxy=[[0, 0, 9, 9]], name='b.png'),
        one_finding([[0, 0, 9, 9]], [0.2], name='c.png'),
        one_finding([[0, 0, 9, 9]], [0.9], name='d.png'),
        one_finding(name='e.png'),
    ]
    iou = 125 / 150 / 2
    assert mask_iou(images, ['Mass'], score_thr=0.3) == {
        'mIoU_mask': pytest.approx(iou),
        'mIoU_mask_macro': pytest.approx(iou),
        'mIoU_mask/Mass': pytest.approx(iou),
        'mask_specificity': pytest.approx(2 / 3),
        'mask_specificity/Mass': pytest.approx(2 / 3),
        'healthy_specificity': pytest.approx(2 / 3),
        'mIoU_mask_boxes': 3.0,
        'mIoU_mask_boxes/Mass': 3.0,
        'n_masks': 2.0,
        'n_masks/Mass': 2.0,
        'mask_score_thr': 0.3,
    }


def test_predicting_nothing_earns_no_overlap(one_finding):
    sick = one_finding(gt_xyxy=[[0, 0, 9, 9]])
    healthy = [one_finding(name=f'{i}.png') for i in range(9)]
    report = mask_iou([sick, *healthy], ['Mass'])
    assert report['mIoU_mask'] == 0
    assert report['mask_specificity'] == 1


def test_thresholds_by_finding(one_finding):
    box = np.array([[0, 0, 9, 9]] * 2)
    image = replace(
        one_finding(box, [0.5, 0.5], box),
        pred_label=np.array([0, 1]),
        gt_label=np.array([0, 1]),
    )
    report = mask_iou([image], ['Mass', 'Nodule'], {'Nodule': 0.4, 'Mass': 0.6})
    assert report['mIoU_mask/Mass'] == 0
    assert report['mIoU_mask/Nodule'] == 1
    assert report['mask_score_thr/Mass'] == 0.6


def test_covered_iou_edges():
    box, point = np.array([[0.0, 0, 4, 4]]), np.array([[1.0, 1, 1, 1]])
    none = np.zeros((0, 4))
    assert covered_iou(none, none) == covered_iou(point, point) == 0
    assert covered_iou(box, none) == covered_iou(box, point) == 0
    assert covered_iou(box, box + [2, 0, 2, 0]) == pytest.approx(1 / 3)


def test_undefined_without_images_or_lesions(one_finding, classes):
    report = mask_iou([], classes)
    assert np.isnan([report['mIoU_mask'], report['mask_specificity']]).all()
    sick = one_finding(gt_xyxy=[[0, 0, 9, 9]])
    report = mask_iou([sick], ['Mass'])
    assert np.isnan([report['mask_specificity'], report['healthy_specificity']]).all()


def test_a_resample_equals_the_metric_on_drawn_images(random_images, classes):
    images = random_images(6, n=25)
    (weights,) = cluster_weights([i.cluster for i in images], 1, seed=3)
    drawn = [
        i for i, w in zip(images, weights[:, 0], strict=True) for _ in range(int(w))
    ]
    report = mask_iou(images, classes, bootstrap=1, seed=3)
    expected = mask_iou(drawn, classes)
    for key in ('mIoU_mask', 'mask_specificity', 'healthy_specificity'):
        assert report[f'{key}_low'] == pytest.approx(expected[key], nan_ok=True)


def test_the_registered_metric(random_images, classes, as_sample):
    images = random_images(7)
    metric = METRICS.build({'type': 'mmlung.MaskIoU', 'score_thr': 0.5})
    metric.dataset_meta = {'classes': classes}
    metric.process(None, [as_sample(i) for i in images])
    expected = mask_iou(images, classes, 0.5)
    assert metric.evaluate(len(images)) == pytest.approx(expected, nan_ok=True)
    with pytest.raises(ValueError, match=r'score_thr must lie in \[0, 1\], got 2'):
        METRICS.build({'type': 'mmlung.MaskIoU', 'score_thr': 2})
