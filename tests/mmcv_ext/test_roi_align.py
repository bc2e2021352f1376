import math

import mmcv.ops
import pytest
import torch
import torchvision


def bilinear(plane, y, x):
    """Value between pixels; 0 more than one pixel outside, the border up to there."""
    height, width = plane.shape
    if not (-1 <= y <= height and -1 <= x <= width):
        return 0.0
    y, x = min(max(y, 0.0), height - 1), min(max(x, 0.0), width - 1)
    top, left = int(y), int(x)
    bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
    dy, dx = y - top, x - left
    upper = plane[top, left] * (1 - dx) + plane[top, right] * dx
    lower = plane[bottom, left] * (1 - dx) + plane[bottom, right] * dx
    return float(upper * (1 - dy) + lower * dy)


def slow_roi_align(feat, rois, size_hw, scale, sampling, mode, aligned):
    """The definition, sample by sample."""
    out = torch.zeros(len(rois), feat.shape[1], *size_hw, dtype=feat.dtype)
    shift = 0.5 if aligned else 0.0
    for r, (image, *corners) in enumerate(rois.tolist()):
        x1, y1, x2, y2 = (c * scale - shift for c in corners)
        extent_hw = [y2 - y1, x2 - x1]
        if not aligned:
            extent_hw = [max(extent, 1.0) for extent in extent_hw]
        step_hw = [extent / n for extent, n in zip(extent_hw, size_hw, strict=True)]
        count_hw = [sampling or math.ceil(step) for step in step_hw]
        for c in range(feat.shape[1]):
            for i in range(size_hw[0]):
                for j in range(size_hw[1]):
                    values = [
                        bilinear(
                            feat[int(image), c],
                            y1 + step_hw[0] * (i + (m + 0.5) / count_hw[0]),
                            x1 + step_hw[1] * (j + (n + 0.5) / count_hw[1]),
                        )
                        for m in range(count_hw[0])
                        for n in range(count_hw[1])
                    ]
                    if values:
                        mean = sum(values) / len(values)
                        out[r, c, i, j] = max(values) if mode == 'max' else mean
    return out


@pytest.fixture
def feat():
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, 3, 20, 24, generator=generator, dtype=torch.float64)


MODES = pytest.mark.parametrize('mode', ['avg', 'max'])
SAMPLING = pytest.mark.parametrize('sampling', [0, 2], ids=lambda n: f'sampling-{n}')
ALIGNED = pytest.mark.parametrize('aligned', [True, False], ids=['aligned', 'legacy'])


@MODES
@SAMPLING
@ALIGNED
def test_matches_the_definition(feat, regions, device, mode, sampling, aligned):
    rois = regions.double()
    expected = slow_roi_align(feat, rois, (3, 2), 0.5, sampling, mode, aligned)
    pooled = mmcv.ops.roi_align(
        feat.to(device), rois.to(device), (3, 2), 0.5, sampling, mode, aligned
    )
    torch.testing.assert_close(pooled.cpu(), expected)


@MODES
@SAMPLING
@ALIGNED
def test_gradient(feat, regions, mode, sampling, aligned):
    def pool(values):
        return mmcv.ops.roi_align(
            values, regions.double(), (3, 2), 0.23, sampling, mode, aligned
        )

    small = feat[:, :2, :8, :9].contiguous()
    assert torch.autograd.gradcheck(pool, small.requires_grad_())


@ALIGNED
def test_gradient_is_torchvisions(device, aligned):
    """Large maps, large and small regions: the sparse sum loses nothing."""
    generator = torch.Generator().manual_seed(2)
    near = torch.rand(200, 2, generator=generator) * 500 - 20
    size = torch.rand(200, 2, generator=generator) ** 2 * 400
    image = torch.randint(0, 2, (200, 1), generator=generator)
    rois = torch.cat([image, near, near + size], dim=1).to(device)
    weight = torch.randn(200, 5, 7, 7, generator=generator).to(device)
    feat = torch.zeros(2, 5, 128, 128, device=device, requires_grad=True)
    options = {'output_size': 7, 'spatial_scale': 0.25, 'aligned': aligned}
    ours = mmcv.ops.roi_align(feat, rois, 7, 0.25, 0, 'avg', aligned)
    theirs = torchvision.ops.roi_align(feat, rois, **options)
    torch.testing.assert_close(
        torch.autograd.grad((ours * weight).sum(), feat),
        torch.autograd.grad((theirs * weight).sum(), feat),
    )


@pytest.mark.parametrize('corner', [1e4, float('inf'), float('nan')])
def test_gradient_of_an_absurd_region_is_torchvisions(feat, corner):
    rois = torch.tensor([[0, -corner, 0, corner, 9], [1, 1, 2, 9, 9]]).double()
    values = feat.requires_grad_()
    ours = mmcv.ops.roi_align(values, rois, 3, 0.5, 0, 'avg', True)
    theirs = torchvision.ops.roi_align(values, rois, 3, 0.5, aligned=True)
    torch.testing.assert_close(
        torch.autograd.grad(ours.sum(), values),
        torch.autograd.grad(theirs.sum(), values),
    )


@MODES
def test_a_large_job_is_worked_off_in_parts(feat, regions, mode, monkeypatch):
    def pool_and_differentiate():
        values = feat.clone().requires_grad_()
        pooled = mmcv.ops.roi_align(values, regions.double(), 3, 0.5, 0, mode, True)
        pooled.square().sum().backward()
        return pooled.detach(), values.grad

    whole = pool_and_differentiate()
    monkeypatch.setattr('mmlung._mmcv_ext.regions._ELEMENTS_AT_ONCE', 1)
    torch.testing.assert_close(pool_and_differentiate(), whole)


@MODES
@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_single(feat, regions, device, mode, dtype):
    values = feat.to(device, dtype).requires_grad_()
    rois = regions.to(device, dtype)
    pooled = mmcv.ops.roi_align(values, rois, 3, 0.5, 0, mode, True)
    wide = values.detach().float().requires_grad_()
    expected = mmcv.ops.roi_align(wide, rois.float(), 3, 0.5, 0, mode, True)
    assert torch.equal(pooled, expected.to(dtype))
    pooled.float().sum().backward()
    expected.sum().backward()
    assert torch.equal(values.grad, wide.grad.to(dtype))


@MODES
def test_under_autocast(feat, regions, device, mode):
    values = feat.to(device, torch.float32).requires_grad_()
    layer = mmcv.ops.RoIAlign(3, 0.5, 0, mode)
    rois = regions.to(device)
    with torch.autocast(device, torch.bfloat16):
        pooled = layer(values.bfloat16(), rois)
        pooled.float().sum().backward()
    assert pooled.dtype == torch.bfloat16
    expected = layer(values.detach().bfloat16().float(), rois)
    torch.testing.assert_close(pooled.float(), expected, rtol=1e-2, atol=1e-2)
    assert values.grad.isfinite().all()


@MODES
@pytest.mark.parametrize('layout', ['channels_last', 'strided'])
def test_any_memory_layout(feat, regions, mode, layout):
    expected = mmcv.ops.roi_align(feat, regions.double(), 3, 0.5, 0, mode, True)
    if layout == 'strided':
        values = feat.repeat_interleave(2, dim=3)[..., ::2]
    else:
        values = feat.contiguous(memory_format=torch.channels_last)
    pooled = mmcv.ops.roi_align(values, regions.double(), 3, 0.5, 0, mode, True)
    torch.testing.assert_close(pooled, expected)


@MODES
def test_no_regions(feat, mode):
    values = feat.requires_grad_()
    pooled = mmcv.ops.roi_align(values, torch.zeros(0, 5).double(), 3, 0.5, 0, mode)
    assert pooled.shape == (0, 3, 3, 3)
    pooled.sum().backward()
    assert not values.grad.any()


def test_maximum_of_negative_features_and_its_first_winner():
    feat = torch.full((1, 1, 6, 6), -20000.0, requires_grad=True)
    rois = torch.tensor([[0, 0.0, 0.0, 4.0, 4.0]])
    pooled = mmcv.ops.roi_align(feat, rois, 1, 1.0, 0, 'max', True)
    assert pooled.item() == -20000  # the compiled CPU op stops at -10000
    pooled.sum().backward()
    assert feat.grad.nonzero().tolist() == [[0, 0, 0, 0]]
