import mmcv.ops
import pytest
import torch
import torchvision
from torch.nn.functional import one_hot


@pytest.fixture
def examples():
    """(12, 5) logits and (12,) classes; class 5 is background."""
    generator = torch.Generator().manual_seed(5)
    logits = torch.randn(12, 5, generator=generator, dtype=torch.float64) * 3
    return logits, torch.arange(12) % 6


def hot(target, n_classes):
    return one_hot(target, n_classes + 1)[:, :n_classes].double()


@pytest.mark.parametrize('gamma', [0.0, 0.5, 2.0])
@pytest.mark.parametrize('reduction', ['none', 'mean', 'sum'])
def test_sigmoid_loss_is_torchvisions(examples, device, gamma, reduction):
    logits, target = (t.to(device) for t in examples)
    loss = mmcv.ops.sigmoid_focal_loss(logits, target, gamma, 0.3, None, reduction)
    expected = torchvision.ops.sigmoid_focal_loss(
        logits, hot(target, 5), alpha=0.3, gamma=gamma
    )
    reduced = {'none': expected, 'mean': expected.sum() / 12, 'sum': expected.sum()}
    torch.testing.assert_close(loss, reduced[reduction])


@pytest.mark.parametrize('gamma', [0.0, 0.5, 2.0])
@pytest.mark.parametrize('weighted', [False, True], ids=['plain', 'weighted'])
def test_sigmoid_gradient(examples, gamma, weighted):
    logits, target = examples
    weight = torch.linspace(0.5, 2, 5).double() if weighted else None
    assert torch.autograd.gradcheck(
        lambda x: mmcv.ops.sigmoid_focal_loss(x, target, gamma, 0.3, weight, 'none'),
        logits.requires_grad_(),
    )


def test_a_class_weighs_its_rows_and_background_weighs_one(examples):
    logits, target = examples
    weight = torch.tensor([2.0, 3.0, 4.0, 5.0, 6.0]).double()
    plain = mmcv.ops.sigmoid_focal_loss(logits, target, 2.0, 0.25, None, 'none')
    loss = mmcv.ops.sigmoid_focal_loss(logits, target, 2.0, 0.25, weight, 'none')
    factor = torch.cat([weight, weight.new_ones(1)])[target]
    torch.testing.assert_close(loss, plain * factor[:, None])


def test_minus_one_is_background_too(examples):
    logits, target = examples
    as_minus_one = target.where(target < 5, -1)
    losses = [mmcv.ops.sigmoid_focal_loss(logits, t) for t in (target, as_minus_one)]
    assert losses[0] == losses[1]


def test_a_confident_wrong_answer_keeps_its_loss():
    logit = torch.tensor([[-200.0]], requires_grad=True)
    loss = mmcv.ops.sigmoid_focal_loss(logit, torch.tensor([0]), 2.0, 1.0)
    loss.backward()
    assert loss.item() == pytest.approx(200)
    assert logit.grad.item() == pytest.approx(-1)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision(examples, device, dtype):
    logits, target = examples[0].to(device, dtype), examples[1].to(device)
    loss = mmcv.ops.sigmoid_focal_loss(logits, target, 2.0, 0.25, None, 'none')
    wide = mmcv.ops.sigmoid_focal_loss(logits.float(), target, 2.0, 0.25, None, 'none')
    assert torch.equal(loss, wide.to(dtype))


@pytest.mark.parametrize('gamma', [0.0, 0.5, 2.0])
def test_softmax_loss_by_definition(examples, device, gamma):
    logits, target = examples[0].to(device), examples[1].to(device) % 5
    weight = torch.linspace(0.5, 2, 5).double().to(device)
    p = logits.softmax(dim=1).gather(1, target[:, None])[:, 0]
    expected = -0.3 * (1 - p) ** gamma * p.log() * weight[target]
    loss = mmcv.ops.softmax_focal_loss(logits, target, gamma, 0.3, weight, 'none')
    torch.testing.assert_close(loss, expected)


@pytest.mark.parametrize('gamma', [0.0, 0.5, 2.0])
def test_softmax_gradient_and_rows_left_out(examples, gamma):
    logits, target = examples
    target = target.where(target < 5, -1)
    assert torch.autograd.gradcheck(
        lambda x: mmcv.ops.softmax_focal_loss(x, target, gamma, 0.3, None, 'sum'),
        logits.requires_grad_(),
    )
    loss = mmcv.ops.softmax_focal_loss(logits, target, gamma, 0.3, None, 'none')
    assert not loss[target < 0].any()


def test_softmax_of_certainty_is_finite():
    logits = torch.tensor([[200.0, 0.0], [200.0, 0.0]], requires_grad=True)
    loss = mmcv.ops.softmax_focal_loss(logits, torch.tensor([0, 1]), 0.5)
    loss.backward()
    assert loss.isfinite()
    assert logits.grad.isfinite().all()
