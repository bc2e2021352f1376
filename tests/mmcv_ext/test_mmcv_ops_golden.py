"""Served ops against the outputs of mmcv's compiled ones, through ``mmcv.ops``."""

import mmcv.ops
import pytest
import torch
from mmcv.ops.multi_scale_deform_attn import MultiScaleDeformableAttnFunction

CLOSE = {'rtol': 1e-5, 'atol': 1e-5}


def check_kept(golden, name, dets, keep):
    assert torch.equal(keep, golden[f'{name}_keep'])
    torch.testing.assert_close(dets, golden[f'{name}_dets'], **CLOSE)


@pytest.mark.parametrize(
    ('name', 'options'),
    [
        ('nms_off0', {'offset': 0}),
        ('nms_off1', {'offset': 1}),
        ('nms_thr', {'score_threshold': 0.3, 'max_num': 20}),
    ],
)
def test_nms(golden, name, options):
    check_kept(
        golden, name, *mmcv.ops.nms(golden['boxes'], golden['scores'], 0.5, **options)
    )


@pytest.mark.parametrize('method', ['linear', 'gaussian', 'naive'])
def test_soft_nms(golden, method):
    dets, keep = mmcv.ops.soft_nms(
        golden['boxes'], golden['scores'], 0.3, 0.5, 1e-3, method
    )
    check_kept(golden, f'softnms_{method}', dets, keep)


@pytest.mark.parametrize(
    ('name', 'kind'), [('batched_nms', 'nms'), ('batched_soft_nms', 'soft_nms')]
)
def test_batched_nms(golden, name, kind):
    dets, keep = mmcv.ops.batched_nms(
        golden['boxes'],
        golden['scores'],
        golden['idxs'],
        {'type': kind, 'iou_threshold': 0.5},
    )
    check_kept(golden, name, dets, keep)


@pytest.mark.parametrize('sampling', [0, 2], ids=lambda n: f'sampling-{n}')
@pytest.mark.parametrize('aligned', [True, False], ids=['aligned', 'legacy'])
@pytest.mark.parametrize('mode', ['avg', 'max'])
def test_roi_align(golden, mode, aligned, sampling):
    feat = golden['feat'].clone().requires_grad_()
    layer = mmcv.ops.RoIAlign(7, 0.25, sampling, mode, aligned)
    pooled = layer(feat, golden['rois'])
    pooled.sum().backward()
    name = f'roialign_{mode}_al{aligned}_sr{sampling}'
    torch.testing.assert_close(pooled.detach(), golden[name], **CLOSE)
    torch.testing.assert_close(feat.grad, golden[f'{name}_grad'], **CLOSE)


def test_deform_conv(golden):
    layer = mmcv.ops.DeformConv2d(4, 6, 3, padding=1)
    layer.weight.data = golden['dcn_w']
    out = layer(golden['feat'], golden['dcn_off'])
    torch.testing.assert_close(out.detach(), golden['dcn_v1'], **CLOSE)


def test_modulated_deform_conv(golden):
    layer = mmcv.ops.ModulatedDeformConv2d(4, 6, 3, padding=1, bias=False)
    layer.weight.data = golden['dcn_w']
    out = layer(golden['feat'], golden['dcn_off'], golden['dcn_mask'])
    torch.testing.assert_close(out.detach(), golden['dcn_v2'], **CLOSE)


def test_bbox_overlaps(golden):
    first, second = golden['boxes'][:20], golden['boxes'][20:50]
    ious = mmcv.ops.bbox_overlaps(first, second)
    torch.testing.assert_close(ious, golden['overlaps_iou'], **CLOSE)


def test_box_iou_rotated(golden):
    # The file lacks these boxes; they were drawn from the stream of its other inputs.
    generator = torch.Generator().manual_seed(7)
    near = torch.rand(300, 2, generator=generator) * 160
    torch.rand(300, 2, generator=generator)
    if not torch.allclose(near, golden['boxes'][:, :2]):
        pytest.skip("this torch's random stream is not that of the file")
    torch.rand(300, generator=generator)
    torch.randint(0, 5, (300,), generator=generator)
    torch.randn(2, 4, 32, 32, generator=generator)
    torch.randint(0, 2, (20,), generator=generator)
    torch.rand(20, 2, generator=generator)
    torch.rand(20, 2, generator=generator)
    torch.randn(2, 18, 32, 32, generator=generator)
    torch.rand(2, 9, 32, 32, generator=generator)
    torch.randn(6, 4, 3, 3, generator=generator)
    torch.randn(50, 14, generator=generator)
    torch.randint(0, 15, (50,), generator=generator)
    first = torch.rand(5, 5, generator=generator) * 10 + 1
    second = torch.rand(6, 5, generator=generator) * 10 + 1
    ious = mmcv.ops.box_iou_rotated(first, second)
    torch.testing.assert_close(ious, golden['box_iou_rotated'], **CLOSE)


def test_multi_scale_deformable_attention(golden):
    shapes = golden['msda_shapes']
    starts = torch.cat([shapes.new_zeros(1), shapes.prod(dim=1).cumsum(0)[:-1]])
    attended = MultiScaleDeformableAttnFunction.apply(
        golden['msda_v'], shapes, starts, golden['msda_loc'], golden['msda_w'], 64
    )
    torch.testing.assert_close(attended, golden['msda'], **CLOSE)
