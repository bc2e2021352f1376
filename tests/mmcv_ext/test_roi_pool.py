import math

import mmcv.ops
import pytest
import torch


def slow_roi_pool(feat, rois, size_hw, scale):
    """The definition: the largest pixel of each bin, 0 for a bin without one."""
    height, width = feat.shape[2:]
    out = torch.zeros(len(rois), feat.shape[1], *size_hw, dtype=feat.dtype)
    for r, (image, x1, y1, x2, y2) in enumerate(rois.tolist()):
        step_h = (y2 + 1 - y1) * scale / size_hw[0]
        step_w = (x2 + 1 - x1) * scale / size_hw[1]
        for i in range(size_hw[0]):
            for j in range(size_hw[1]):
                top = max(math.floor(y1 * scale + i * step_h), 0)
                bottom = min(math.ceil(y1 * scale + (i + 1) * step_h), height)
                left = max(math.floor(x1 * scale + j * step_w), 0)
                right = min(math.ceil(x1 * scale + (j + 1) * step_w), width)
                if top < bottom and left < right:
                    cut = feat[int(image), :, top:bottom, left:right]
                    out[r, :, i, j] = cut.flatten(1).max(dim=1).values
    return out


@pytest.fixture
def feat():
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, 3, 20, 24, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize('scale', [0.5, 1.0, 0.3])
def test_matches_the_definition(feat, regions, device, scale):
    rois = regions.double()
    layer = mmcv.ops.RoIPool((3, 2), scale)
    pooled = layer(feat.to(device), rois.to(device))
    torch.testing.assert_close(pooled.cpu(), slow_roi_pool(feat, rois, (3, 2), scale))


def test_gradient(feat, regions):
    layer = mmcv.ops.RoIPool((3, 2), 0.23)
    small = feat[:, :2, :8, :9].contiguous()
    assert torch.autograd.gradcheck(
        lambda values: layer(values, regions.double()), small.requires_grad_()
    )


def test_nothing_flows_back_from_outside_or_from_a_malformed_region(feat):
    values = feat.requires_grad_()
    rois = torch.tensor([[0, 90, 90, 99, 99], [0, 9, 9, 4, 4]], dtype=torch.float64)
    pooled = mmcv.ops.roi_pool(values, rois, 2, 1.0)
    pooled.sum().backward()
    assert not pooled.any()
    assert not values.grad.any()


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision(feat, regions, device, dtype):
    values, rois = feat.to(device, dtype).requires_grad_(), regions.to(device, dtype)
    pooled = mmcv.ops.roi_pool(values, rois, 3, 0.5)
    expected = mmcv.ops.roi_pool(values.detach().float(), rois.float(), 3, 0.5)
    assert torch.equal(pooled, expected.to(dtype))
    pooled.float().sum().backward()
    assert values.grad.dtype == dtype


def test_no_regions(feat):
    assert mmcv.ops.roi_pool(feat, torch.zeros(0, 5).double(), 2).shape == (0, 3, 2, 2)
