import math

import mmcv.ops
import pytest
import torch
import torchvision
from shapely import affinity
from shapely.geometry import box as rectangle


def as_polygon(box):
    x, y, width, height, angle = box
    upright = rectangle(x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    return affinity.rotate(upright, angle, origin=(x, y), use_radians=True)


def rotated_boxes(n, seed):
    generator = torch.Generator().manual_seed(seed)
    scale = torch.tensor([20, 20, 15, 15, 2 * math.pi], dtype=torch.float64)
    return torch.rand(n, 5, generator=generator, dtype=torch.float64) * scale + 0.5


def test_overlaps_are_torchvisions_iou(boxes, device):
    xyxy = boxes[0].to(device)
    ious = mmcv.ops.bbox_overlaps(xyxy[:15], xyxy[15:])
    torch.testing.assert_close(ious, torchvision.ops.box_iou(xyxy[:15], xyxy[15:]))


@pytest.mark.parametrize('mode', ['iou', 'iof'])
@pytest.mark.parametrize('offset', [0, 1], ids=['offset-0', 'offset-1'])
def test_overlaps_by_hand(mode, offset):
    first = torch.tensor([[0.0, 0.0, 9.0, 9.0]])
    second = torch.tensor([[5.0, 0.0, 9.0, 9.0]])
    inter, area = ((36, 81), (50, 100))[offset]
    expected = inter / area  # the second lies in the first
    ious = mmcv.ops.bbox_overlaps(first, second, mode, offset=offset)
    assert ious.item() == pytest.approx(expected)


def test_aligned_overlaps_are_the_diagonal(boxes):
    first, second = boxes[0][:20], boxes[0][20:]
    pairs = mmcv.ops.bbox_overlaps(first, second, aligned=True)
    torch.testing.assert_close(pairs, mmcv.ops.bbox_overlaps(first, second).diagonal())


def test_half_precision_areas_do_not_overflow():
    large = torch.tensor([[0.0, 0.0, 1024.0, 1024.0]], dtype=torch.float16)
    assert mmcv.ops.bbox_overlaps(large, large).item() == 1.0


def test_no_boxes():
    nothing, some = torch.zeros(0, 4), torch.ones(3, 4)
    assert mmcv.ops.bbox_overlaps(nothing, some).shape == (0, 3)
    empty = mmcv.ops.box_iou_rotated(torch.zeros(0, 5), torch.ones(3, 5))
    assert empty.shape == (0, 3)


@pytest.mark.parametrize('mode', ['iou', 'iof'])
@pytest.mark.parametrize('clockwise', [True, False], ids=['cw', 'ccw'])
def test_rotated_overlaps_are_those_of_polygons(device, mode, clockwise):
    first, second = rotated_boxes(12, seed=0), rotated_boxes(17, seed=1)
    ious = mmcv.ops.box_iou_rotated(
        first.to(device), second.to(device), mode, clockwise=clockwise
    )
    sign = torch.tensor([1, 1, 1, 1, 1 if clockwise else -1])
    for i, a in enumerate((first * sign).tolist()):
        for j, b in enumerate((second * sign).tolist()):
            a_shape, b_shape = as_polygon(a), as_polygon(b)
            inter = a_shape.intersection(b_shape).area
            union = a_shape.union(b_shape).area
            expected = inter / (union if mode == 'iou' else a_shape.area)
            assert ious[i, j].item() == pytest.approx(expected, abs=1e-9)


def test_aligned_rotated_overlaps_are_the_diagonal():
    first, second = rotated_boxes(9, seed=2).float(), rotated_boxes(9, seed=3).float()
    pairs = mmcv.ops.box_iou_rotated(first, second, aligned=True)
    full = mmcv.ops.box_iou_rotated(first, second)
    torch.testing.assert_close(pairs, full.diagonal())


@pytest.mark.parametrize('angle', [0.0, 0.3, math.pi / 4, math.pi / 2])
def test_equal_rotated_boxes_overlap_wholly(angle):
    box = torch.tensor([[500.3, 17.1, 31.7, 4.4, angle]])
    assert mmcv.ops.box_iou_rotated(box, box).item() == pytest.approx(1, abs=1e-6)


def test_a_rotated_box_without_area_overlaps_nothing():
    boxes = torch.tensor([[5.0, 5.0, 0.0, 4.0, 0.1], [5.0, 5.0, 4.0, 4.0, 0.1]])
    assert mmcv.ops.box_iou_rotated(boxes[:1], boxes).tolist() == [[0.0, 0.0]]


def test_many_rotated_pairs_are_worked_off_in_parts(monkeypatch):
    first, second = rotated_boxes(11, seed=4), rotated_boxes(13, seed=5)
    whole = mmcv.ops.box_iou_rotated(first, second)
    monkeypatch.setattr('mmlung._mmcv_ext.overlaps._PAIRS_AT_ONCE', 10)
    assert torch.equal(mmcv.ops.box_iou_rotated(first, second), whole)
