import mmcv.ops
import numpy as np
import pytest
import torch


def pair_iou(a, b, offset=0):
    """The definition, two boxes at a time."""
    width = min(a[2], b[2]) - max(a[0], b[0]) + offset
    height = min(a[3], b[3]) - max(a[1], b[1]) + offset
    inter = max(width, 0) * max(height, 0)
    area = [(c[2] - c[0] + offset) * (c[3] - c[1] + offset) for c in (a, b)]
    return inter / (area[0] + area[1] - inter)


def greedy_nms(boxes, scores, iou_thr, offset):
    kept = []
    for i in np.argsort(-scores, kind='stable'):
        if all(pair_iou(boxes[i], boxes[k], offset) <= iou_thr for k in kept):
            kept.append(int(i))
    return kept


def greedy_soft_nms(boxes, scores, decay, min_score):
    """Scores in the order taken, by repeated search for the best box left."""
    left, taken = dict(enumerate(scores.tolist())), {}
    while left:
        best = max(left, key=left.get)
        taken[best] = left.pop(best)
        left = {
            i: score * decay(pair_iou(boxes[best], boxes[i]))
            for i, score in left.items()
        }
        left = {i: score for i, score in left.items() if score >= min_score}
    return taken


@pytest.mark.parametrize('offset', [0, 1], ids=['offset-0', 'offset-1'])
@pytest.mark.parametrize('iou_thr', [0.0, 0.3, 0.7, 1.0])
def test_nms_is_the_greedy_choice(boxes, device, iou_thr, offset):
    xyxy, scores = boxes
    _, kept = mmcv.ops.nms(xyxy.to(device), scores.to(device), iou_thr, offset=offset)
    expected = greedy_nms(xyxy.double().numpy(), scores.numpy(), iou_thr, offset)
    assert kept.tolist() == expected


@pytest.mark.parametrize('offset', [0, 1], ids=['offset-0', 'offset-1'])
def test_an_iou_of_exactly_the_threshold_is_kept(offset):
    # 6 of 10 pixels shared: 0.6, which float32 rounds up and float64 does not.
    xyxy = torch.tensor([[0.0, 0.0, 10.0, 1.0], [0.0, 0.0, 6.0, 1.0]])
    xyxy[:, 2:] -= offset
    _, kept = mmcv.ops.nms(xyxy, torch.tensor([0.9, 0.8]), 0.6, offset=offset)
    assert kept.tolist() == [0, 1]


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16, torch.float64])
def test_nms_of_other_types(boxes, device, dtype):
    xyxy, scores = (t.to(device, dtype) for t in boxes)
    dets, kept = mmcv.ops.nms(xyxy, scores, 0.5)
    _, expected = mmcv.ops.nms(xyxy.float(), scores.float(), 0.5)
    assert torch.equal(kept, expected)
    assert dets.dtype == dtype


def test_nms_takes_numpy_and_boxes_that_require_gradients(boxes):
    xyxy, scores = boxes
    _, kept = mmcv.ops.nms(xyxy, scores, 0.5)
    _, from_numpy = mmcv.ops.nms(xyxy.numpy(), scores.numpy(), 0.5)
    _, from_graph = mmcv.ops.nms(xyxy.clone().requires_grad_() * 1, scores, 0.5)
    assert kept.tolist() == from_numpy.tolist() == from_graph.tolist()


@pytest.mark.parametrize('op', [mmcv.ops.nms, mmcv.ops.soft_nms], ids=['hard', 'soft'])
def test_no_boxes(op):
    dets, kept = op(torch.zeros(0, 4), torch.zeros(0), 0.5)
    assert dets.shape == (0, 5)
    assert kept.shape == (0,)
    assert kept.dtype == torch.int64


@pytest.mark.parametrize(
    ('method', 'decay'),
    [
        ('naive', lambda iou: 0.0 if iou >= 0.3 else 1.0),
        ('linear', lambda iou: 1 - iou if iou >= 0.3 else 1.0),
        ('gaussian', lambda iou: np.exp(-(iou**2) / 0.5)),
    ],
    ids=['naive', 'linear', 'gaussian'],
)
@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_soft_nms_lowers_scores(boxes, device, method, decay, dtype):
    xyxy, scores = boxes[0].to(device, dtype), boxes[1].to(device, dtype)
    dets, kept = mmcv.ops.soft_nms(xyxy, scores, 0.3, 0.5, 0.05, method)
    taken = greedy_soft_nms(boxes[0].double().numpy(), boxes[1], decay, 0.05)
    assert kept.tolist() == list(taken)
    np.testing.assert_allclose(dets[:, 4].cpu(), list(taken.values()), rtol=1e-5)
    assert torch.equal(dets[:, :4], xyxy[kept])


def test_soft_nms_leaves_its_inputs_alone(boxes):
    xyxy, scores = boxes
    before = xyxy.clone(), scores.clone()
    mmcv.ops.soft_nms(xyxy, scores, 0.3, method='gaussian')
    assert torch.equal(xyxy, before[0])
    assert torch.equal(scores, before[1])


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_soft_nms_of_half_precision(boxes, dtype):
    xyxy, scores = boxes[0].to(dtype), boxes[1].to(dtype)
    dets, kept = mmcv.ops.soft_nms(xyxy, scores, 0.3)
    wide, expected = mmcv.ops.soft_nms(xyxy.float(), scores.float(), 0.3)
    assert torch.equal(kept, expected)
    assert torch.equal(dets, wide.to(dtype))


def test_nms_match_groups_every_box_once(boxes):
    dets = torch.cat([boxes[0], boxes[1][:, None]], dim=1)
    groups = [group.tolist() for group in mmcv.ops.nms_match(dets, 0.4)]
    assert sorted(i for group in groups for i in group) == list(range(len(dets)))
    taken = set()
    for first, *others in groups:
        joined = {
            i
            for i in range(len(dets))
            if i not in taken | {first}
            and boxes[1][i] <= boxes[1][first]
            and pair_iou(boxes[0][first].tolist(), boxes[0][i].tolist()) >= 0.4
        }
        assert set(others) == joined
        assert others == sorted(others, key=lambda i: -boxes[1][i])
        taken |= {first, *others}


def test_nms_match_at_the_threshold_joins():
    dets = torch.tensor([[0.0, 0.0, 10.0, 1.0, 0.9], [0.0, 0.0, 6.0, 1.0, 0.8]])
    assert [g.tolist() for g in mmcv.ops.nms_match(dets, 0.6)] == [[0, 1]]
    assert mmcv.ops.nms_match(dets[:0], 0.6) == []
