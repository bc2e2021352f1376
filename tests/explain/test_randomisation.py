"""Order of the parts, what a shuffle keeps, similarities against their definition."""

import importlib.util

import numpy as np
import pytest
import torch
from scipy.stats import rankdata
from torch import nn

from mmlung.explain.randomisation import blocks_from_the_head
from mmlung.explain.randomisation import map_similarity
from mmlung.explain.randomisation import shuffle_from_the_head


class _Net(nn.Module):
    """Registers the head first, and has a part that never runs."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(4, 2)
        self.backbone = nn.Module()
        self.backbone.stages = nn.ModuleList(
            [nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4)) for _ in 'ab']
        )
        self.unused = nn.Linear(1, 1)

    def forward(self, x):
        for stage in self.backbone.stages:
            x = stage(x)
        return self.head(x)


def network():
    torch.manual_seed(0)
    return _Net()


@pytest.mark.parametrize(
    ('depth', 'expected'),
    [
        (1, ['head', 'backbone']),
        (2, ['head', 'backbone.stages']),
        (3, ['head', 'backbone.stages.1', 'backbone.stages.0']),
    ],
)
def test_parts_come_from_the_head_down(depth, expected):
    model = network()
    assert blocks_from_the_head(model, lambda: model(torch.ones(1, 4)), depth) == (
        expected
    )


def test_no_hook_stays_even_when_the_run_fails():
    model = network()

    def fail():
        raise RuntimeError('no film')

    with pytest.raises(RuntimeError, match='no film'):
        blocks_from_the_head(model, fail)
    assert not any(module._forward_hooks for module in model.modules())


def test_shuffling_goes_part_by_part_and_keeps_the_values():
    model = network()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    blocks = ['head', 'backbone.stages.1', 'backbone.stages.0']
    done = []
    for name in shuffle_from_the_head(model, blocks):
        done.append(name)
        for key, value in model.state_dict().items():
            touched = any(key.startswith(part) for part in done)
            assert torch.equal(value, before[key]) != touched
            assert torch.equal(
                value.flatten().sort()[0], before[key].flatten().sort()[0]
            )
    assert done == blocks


def test_the_seed_decides_the_order():
    def shuffled(seed):
        model = network()
        list(shuffle_from_the_head(model, ['head'], seed))
        return model.head.weight

    assert torch.equal(shuffled(1), shuffled(1))
    assert not torch.equal(shuffled(1), shuffled(2))


def test_spearman_is_the_correlation_of_ranks():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 5, (2, 12, 9)) / 4
    expected = np.corrcoef(rankdata(a), rankdata(b))[0, 1]
    assert map_similarity(a, b)['spearman'] == pytest.approx(expected)


def test_ssim_is_its_definition():
    pytest.importorskip('skimage')
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 7, 7))  # one window
    covariance = np.cov(a.ravel(), b.ravel())
    c1, c2 = 0.01**2, 0.03**2
    expected = (2 * a.mean() * b.mean() + c1) * (2 * covariance[0, 1] + c2)
    expected /= a.mean() ** 2 + b.mean() ** 2 + c1
    expected /= covariance[0, 0] + covariance[1, 1] + c2
    assert map_similarity(a, b)['ssim'] == pytest.approx(expected)


def test_equal_maps_are_alike_and_constant_ones_undefined():
    cam = np.random.default_rng(0).random((8, 8))
    assert map_similarity(cam, cam)['spearman'] == pytest.approx(1)
    assert np.isnan(map_similarity(cam, np.zeros((8, 8)))['spearman'])


def test_without_scikit_image_there_is_no_ssim(monkeypatch):
    monkeypatch.setattr('mmlung.explain.randomisation.find_spec', lambda name: None)
    cam = np.random.default_rng(0).random((8, 8))
    assert set(map_similarity(cam, cam)) == {'spearman'}


def test_small_maps_have_no_ssim():
    if importlib.util.find_spec('skimage') is None:
        pytest.skip('needs scikit-image')
    assert np.isnan(map_similarity(np.eye(6), np.eye(6))['ssim'])


def test_maps_must_have_one_shape():
    with pytest.raises(ValueError, match=r'one shape, got \(2, 2\) and \(3, 3\)'):
        map_similarity(np.eye(2), np.eye(3))
