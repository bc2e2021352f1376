import mmcv.ops
import pytest
import torch
from torch.nn.functional import conv2d

GEOMETRIES = [
    pytest.param((1, 1, 1, 1, 1), id='plain'),
    pytest.param((2, 1, 1, 1, 1), id='stride'),
    pytest.param((1, 2, 2, 1, 1), id='dilation'),
    pytest.param((1, (1, 0), 1, 2, 2), id='groups'),
]


def operands(geometry, seed=0):
    """Input, offset, mask and weight in float64 for 4 channels, 6 out, kernel 3 x 2."""
    stride, padding, dilation, groups, deform_groups = geometry
    generator = torch.Generator().manual_seed(seed)

    def random(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    x, weight = random(2, 4, 7, 8), random(6, 4 // groups, 3, 2)
    out_hw = conv2d(x, weight, None, stride, padding, dilation, groups).shape[2:]
    offset = random(2, deform_groups * 12, *out_hw)
    mask = random(2, deform_groups * 6, *out_hw).sigmoid()
    return x, offset, mask, weight


@pytest.mark.parametrize('geometry', GEOMETRIES)
def test_without_offsets_it_is_a_convolution(geometry, device):
    x, offset, mask, weight = (t.to(device) for t in operands(geometry))
    expected = conv2d(x, weight, None, *geometry[:4])
    plain = mmcv.ops.deform_conv2d(x, offset * 0, weight, *geometry)
    torch.testing.assert_close(plain, expected)
    bias = torch.arange(6.0).to(x)
    modulated = mmcv.ops.modulated_deform_conv2d(
        x, offset * 0, mask * 0 + 0.5, weight, bias, *geometry
    )
    torch.testing.assert_close(modulated, expected / 2 + bias[:, None, None])


def test_offsets_are_y_then_x():
    x, offset, _, weight = operands((1, 0, 1, 1, 1))
    offset = offset * 0
    offset[:, 0::2], offset[:, 1::2] = 2.0, -1.0
    moved = x.roll((-2, 1), dims=(2, 3))
    moved[:, :, -2:], moved[..., 0] = 0, 0
    out = mmcv.ops.deform_conv2d(x, offset, weight)
    torch.testing.assert_close(out, conv2d(moved, weight))


@pytest.mark.parametrize('geometry', GEOMETRIES)
def test_gradients(geometry):
    x, offset, _, weight = (t.requires_grad_() for t in operands(geometry))
    assert torch.autograd.gradcheck(
        lambda *tensors: mmcv.ops.deform_conv2d(*tensors, *geometry),
        (x, offset, weight),
        fast_mode=True,
    )


@pytest.mark.parametrize('geometry', GEOMETRIES)
@pytest.mark.parametrize('with_bias', [True, False], ids=['bias', 'no-bias'])
def test_modulated_gradients(geometry, with_bias):
    tensors = [t.requires_grad_() for t in operands(geometry)]
    bias = [torch.randn(6).double().requires_grad_()] if with_bias else []

    def convolve(x, offset, mask, weight, bias=None):
        return mmcv.ops.modulated_deform_conv2d(
            x, offset, mask, weight, bias, *geometry
        )

    assert torch.autograd.gradcheck(convolve, (*tensors, *bias), fast_mode=True)


def test_larger_offsets_are_read_in_a_row_as_dyhead_needs_it():
    x, _, _, weight = operands((1, 1, 1, 1, 1))
    small_hw = conv2d(x, weight, None, 1, 1).shape[2:]
    offset = torch.randn(2, 12, 14, 18).double().requires_grad_()
    mask = torch.rand(2, 6, 14, 18).double().requires_grad_()
    in_a_row = [
        t.flatten(1)[:, : t.shape[1] * small_hw.numel()].view(2, -1, *small_hw)
        for t in (offset, mask)
    ]
    out = mmcv.ops.modulated_deform_conv2d(x, offset, mask, weight, None, 1, 1)
    expected = mmcv.ops.modulated_deform_conv2d(x, *in_a_row, weight, None, 1, 1)
    torch.testing.assert_close(out, expected)
    torch.testing.assert_close(
        torch.autograd.grad(out.square().sum(), (offset, mask)),
        torch.autograd.grad(expected.square().sum(), (offset, mask)),
    )


def test_smaller_offsets_are_refused():
    x, offset, mask, weight = operands((1, 1, 1, 1, 1))
    expected = r'at least as large as its output of \(7, 9\), got \(7, 4\)'
    with pytest.raises(ValueError, match=expected):
        mmcv.ops.modulated_deform_conv2d(x, offset[..., :4], mask, weight, None, 1, 1)


@pytest.mark.parametrize('wanted', [(0,), (1,), (2,), (0, 2)], ids=str)
def test_gradients_of_some_operands(wanted):
    """Every choice, twice through the same graph: scratch never carries over."""
    x, offset, _, weight = operands((1, 1, 1, 1, 1))
    tensors = [x, offset, weight]
    everything = [t.clone().requires_grad_() for t in tensors]
    out = mmcv.ops.deform_conv2d(*everything, 1, 1)
    full = torch.autograd.grad(out.square().sum(), everything)
    some = [t.clone().requires_grad_(i in wanted) for i, t in enumerate(tensors)]
    out = mmcv.ops.deform_conv2d(*some, 1, 1)
    for factor in (1, 3):
        loss = factor * out.square().sum()
        grads = torch.autograd.grad(loss, [some[i] for i in wanted], retain_graph=True)
        for i, grad in zip(wanted, grads, strict=True):
            torch.testing.assert_close(grad, factor * full[i])


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision(device, dtype):
    x, offset, mask, weight = (
        t.to(device, dtype).requires_grad_() for t in operands((1, 1, 1, 1, 1))
    )
    out = mmcv.ops.modulated_deform_conv2d(x, offset, mask, weight, None, 1, 1)
    wide = [t.detach().float() for t in (x, offset, mask, weight)]
    expected = mmcv.ops.modulated_deform_conv2d(*wide, None, 1, 1)
    torch.testing.assert_close(out, expected.to(dtype))
    out.float().sum().backward()
    assert all(t.grad.dtype == dtype for t in (x, offset, mask, weight))


@pytest.mark.parametrize(
    'layer', [mmcv.ops.DeformConv2dPack, mmcv.ops.ModulatedDeformConv2dPack]
)
def test_layers_train_under_autocast(layer, device):
    conv = layer(4, 6, 3, padding=1).to(device)
    x = torch.randn(2, 4, 9, 9, device=device)
    expected = conv(x)
    with torch.autocast(device, torch.bfloat16):
        out = conv(x)
    out.float().sum().backward()
    torch.testing.assert_close(out.float(), expected, rtol=5e-2, atol=5e-2)
    assert all(p.grad.isfinite().all() for p in conv.parameters())
