"""A pooled layer norm keeps its values, and its slope adds up to the output."""

import pytest
import torch
from torch import nn

from mmlung.explain.pooled_norm import pooled_norms_held


class Pooled(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.norm = nn.LayerNorm(6)
        self.head = nn.Linear(6, 1, bias=False)

    def forward(self, x):
        return self.head(self.norm(x.mean((2, 3))))[0, 0]


def contributions(model, x):
    """Slope times features, summed over the film."""
    (slope,) = torch.autograd.grad(model(x), x)
    return (slope * x).sum().item()


def test_the_shares_add_up_to_the_logit():
    model, x = Pooled(), (100 * torch.rand(1, 6, 3, 4)).requires_grad_()
    logit = model(x).item()
    assert contributions(model, x) == pytest.approx(0, abs=1e-3 * abs(logit))
    with pooled_norms_held(model):
        assert model(x).item() == pytest.approx(logit, rel=1e-5)
        assert contributions(model, x) == pytest.approx(logit, rel=1e-4)
    assert contributions(model, x) == pytest.approx(0, abs=1e-3 * abs(logit))
    assert not model.norm._forward_hooks


def test_a_norm_of_each_place_is_left_alone():
    norm, x = nn.LayerNorm(6), torch.rand(1, 5, 6, requires_grad=True)
    (wanted,) = torch.autograd.grad(norm(x)[0, 0, 0], x)
    with pooled_norms_held(norm):
        (found,) = torch.autograd.grad(norm(x)[0, 0, 0], x)
    assert torch.equal(found, wanted)
