import numpy as np
import pytest
import torch
from mmdet.structures.bbox import HorizontalBoxes

from mmlung.evaluation import read_detections
from mmlung.evaluation.detections import cluster_of
from mmlung.evaluation.detections import count_true_boxes


def sample(**changes):
    base = {
        'img_path': 'films/a.png',
        'ori_shape': (300, 200),
        'pred_instances': {
            'bboxes': torch.tensor([[1.0, 2, 3, 4]], dtype=torch.bfloat16),
            'scores': torch.tensor([0.5]),
            'labels': torch.tensor([1]),
        },
        'gt_instances': {
            'bboxes': torch.tensor([[0.0, 0, 200, 300]]),
            'labels': torch.tensor([0]),
        },
    }
    return base | changes


def truth(boxes, labels):
    return {'bboxes': torch.tensor(boxes), 'labels': torch.tensor(labels)}


def test_reads_a_sample():
    image = read_detections(sample(), ['Mass', 'Nodule'])
    assert image.path == 'films/a.png'
    np.testing.assert_array_equal(image.pred_xyxy, [[1, 2, 3, 4]])
    np.testing.assert_array_equal(image.gt_xyxy, [[0, 0, 200, 300]])
    assert image.pred_label.tolist() == [1]
    assert image.pred_xyxy.dtype == image.pred_score.dtype == np.float64


def test_reads_mmdet_box_types_and_arrays():
    boxes = torch.tensor([[5.0, 6, 7, 8]])
    for bboxes in (HorizontalBoxes(boxes), boxes.numpy(), boxes.tolist()):
        gt = {'bboxes': bboxes, 'labels': np.array([1])}
        image = read_detections(sample(gt_instances=gt), ['Mass', 'Nodule'])
        np.testing.assert_array_equal(image.gt_xyxy, [[5, 6, 7, 8]])


def test_reads_a_healthy_image():
    healthy = {'bboxes': torch.zeros(0, 4), 'labels': torch.zeros(0, dtype=torch.long)}
    image = read_detections(sample(gt_instances=healthy), ['Mass', 'Nodule'])
    assert image.gt_xyxy.shape == (0, 4)
    np.testing.assert_array_equal(count_true_boxes([image], 2), [[0, 0]])


@pytest.mark.parametrize(
    ('fields', 'cluster'),
    [
        ({'img_path': 'a.png', 'patient_id': '12'}, 'patient 12'),
        ({'img_path': 'a.png', 'patient_id': 12}, 'patient 12'),
        ({'img_path': 'a.png', 'patient_id': ''}, 'image a.png'),
        ({'img_path': 'a.png', 'patient_id': None}, 'image a.png'),
        ({'img_path': 'a.png'}, 'image a.png'),
        ({'img_id': 4}, 'image 4'),
    ],
    ids=['text', 'number', 'blank', 'none', 'absent', 'no-path'],
)
def test_cluster_is_the_patient_or_else_the_image(fields, cluster):
    assert cluster_of(fields) == cluster


@pytest.mark.parametrize(
    'box',
    [[-2.0, 0, 10, 10], [0.0, -2, 10, 10], [0.0, 0, 202, 10], [0.0, 0, 10, 302]],
    ids=['left', 'top', 'right', 'bottom'],
)
def test_a_true_box_outside_the_image_stops(box):
    gt = truth([[0.0, 0, 9, 9], box], [0, 0])
    message = r'leaves the original image, 200 x 300 px .*films/a.png.*after the resize'
    with pytest.raises(ValueError, match=message):
        read_detections(sample(gt_instances=gt), ['Mass', 'Nodule'])


def test_a_true_box_may_leave_the_image_by_a_pixel():
    gt = truth([[-0.9, -0.9, 200.9, 300.9]], [0])
    assert len(read_detections(sample(gt_instances=gt), ['Mass', 'Nodule']).gt_xyxy)


def test_a_label_without_finding_stops():
    with pytest.raises(ValueError, match=r'lie in 0 to 0 \(1 findings\), got 0 to 1'):
        read_detections(sample(), ['Mass'])


def test_a_score_that_is_no_number_stops():
    pred = {
        'bboxes': torch.zeros(1, 4),
        'scores': torch.tensor([float('nan')]),
        'labels': torch.tensor([0]),
    }
    with pytest.raises(ValueError, match=r'scores must be finite.*films/a.png'):
        read_detections(sample(pred_instances=pred), ['Mass', 'Nodule'])


@pytest.mark.parametrize('drop', ['gt_instances', 'bboxes'])
def test_missing_ground_truth_stops(drop):
    broken = sample()
    broken['gt_instances'].pop(drop, None)
    broken.pop(drop, None)
    with pytest.raises(ValueError, match=r'carries no gt_instances.*LoadAnnotations'):
        read_detections(broken, ['Mass', 'Nodule'])
