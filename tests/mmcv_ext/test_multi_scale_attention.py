import pytest
import torch
from mmcv.ops.multi_scale_deform_attn import MultiScaleDeformableAttention
from mmcv.ops.multi_scale_deform_attn import MultiScaleDeformableAttnFunction
from mmcv.ops.multi_scale_deform_attn import multi_scale_deformable_attn_pytorch

SHAPES = torch.tensor([[4, 5], [2, 3]])
STARTS = torch.tensor([0, 20])


def operands(dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    value = torch.randn(2, 26, 2, 4, generator=generator)
    locations = torch.rand(2, 3, 2, 2, 2, 2, generator=generator)
    weights = torch.rand(2, 3, 2, 2, 2, generator=generator)
    return [t.to(dtype) for t in (value, locations, weights)]


def attend(value, locations, weights):
    device = value.device
    return MultiScaleDeformableAttnFunction.apply(
        value, SHAPES.to(device), STARTS.to(device), locations, weights, 64
    )


def test_it_is_mmcvs_own_path(device):
    value, locations, weights = (t.to(device) for t in operands())
    expected = multi_scale_deformable_attn_pytorch(
        value, SHAPES.to(device), locations, weights
    )
    torch.testing.assert_close(attend(value, locations, weights), expected)


def test_gradients():
    tensors = [t.requires_grad_() for t in operands()]
    assert torch.autograd.gradcheck(attend, tensors)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision(device, dtype):
    tensors = [t.to(device).requires_grad_() for t in operands(dtype)]
    out = attend(*tensors)
    assert out.dtype == dtype
    expected = attend(*(t.detach().float() for t in tensors))
    torch.testing.assert_close(out, expected.to(dtype))
    out.float().sum().backward()
    assert all(t.grad.dtype == dtype for t in tensors)


@pytest.mark.gpu
def test_the_layer_trains_on_a_gpu_through_the_op():
    layer = MultiScaleDeformableAttention(8, 2, 2, 2, batch_first=True).cuda()
    query, value = torch.randn(2, 3, 8).cuda(), torch.randn(2, 26, 8).cuda()
    points = torch.rand(2, 3, 2, 2).cuda()
    shapes, starts = SHAPES.cuda(), STARTS.cuda()
    options = {'reference_points': points, 'spatial_shapes': shapes}
    out = layer(query, value=value, level_start_index=starts, **options)
    out.sum().backward()
    assert all(p.grad is not None for p in layer.parameters())
