import mmpretrain.models  # noqa: F401
import pytest
import torch
from mmengine.registry import DefaultScope
from torch.nn.functional import binary_cross_entropy_with_logits

from mmlung.models import MaskUnknown
from mmlung.registry import MODELS

NAN, INF = float('nan'), float('inf')
BCE = {'type': 'CrossEntropyLoss', 'use_sigmoid': True}
LOSSES = {
    'cross-entropy': BCE,
    'weighted': BCE | {'loss_weight': 2.5},
    'asymmetric': {'type': 'AsymmetricLoss', 'gamma_pos': 0.0, 'gamma_neg': 4.0},
    'focal': {'type': 'FocalLoss', 'gamma': 2.0},
}
EVERY_LOSS = pytest.mark.parametrize('loss', LOSSES.values(), ids=LOSSES)


@pytest.fixture(autouse=True)
def _mmpretrain_scope():
    DefaultScope.get_instance('test_losses', scope_name='mmpretrain')


def masked(loss):
    return MODELS.build({'type': 'mmlung.MaskUnknown', 'loss': dict(loss)})


def batch(seed=0, unknown=True):
    generator = torch.Generator().manual_seed(seed)
    score = torch.randn(6, 5, generator=generator).requires_grad_()
    target = torch.randint(2, (6, 5), generator=generator).float()
    if unknown:
        target[torch.rand(6, 5, generator=generator) < 0.4] = NAN
    return score, target


@pytest.mark.parametrize('seed', range(3))
def test_is_the_mean_over_what_is_known(seed):
    score, target = batch(seed)
    known = ~target.isnan()
    expected = binary_cross_entropy_with_logits(score[known], target[known])
    torch.testing.assert_close(masked(BCE)(score, target), expected)


@EVERY_LOSS
def test_equals_the_wrapped_loss_when_all_is_known(loss):
    score, target = batch(unknown=False)
    # Upstream averages over images by default; over labels with their number.
    plain = MODELS.build(dict(loss))(score, target, reduction_override='none').mean()
    torch.testing.assert_close(masked(loss)(score, target), plain)
    torch.testing.assert_close(
        masked(BCE)(score, target), MODELS.build(dict(BCE))(score, target)
    )


@EVERY_LOSS
def test_an_unknown_label_has_exactly_no_gradient(loss):
    score, target = batch()
    masked(loss)(score, target).backward()
    assert score.grad[target.isnan()].count_nonzero() == 0
    assert score.grad[~target.isnan()].count_nonzero() > 0
    assert score.grad.isfinite().all()


@EVERY_LOSS
@pytest.mark.parametrize('value', [INF, -INF, NAN, 1e30])
def test_whatever_the_score_of_an_unknown_label(loss, value):
    score, target = batch()
    wild = torch.where(target.isnan(), value, score.detach()).requires_grad_()
    loss_value = masked(loss)(wild, target)
    torch.testing.assert_close(loss_value, masked(loss)(score, target))
    loss_value.backward()
    assert wild.grad.isfinite().all()


@EVERY_LOSS
def test_a_batch_without_labels_gives_zero_and_keeps_its_graph(loss):
    score, target = batch()
    value = masked(loss)(score, torch.full_like(target, NAN))
    assert value.item() == 0
    value.backward()
    assert score.grad.count_nonzero() == 0


def test_images_without_labels_change_nothing():
    score, target = batch()
    more_score = torch.cat([score, torch.randn(2, 5)])
    more_target = torch.cat([target, torch.full((2, 5), NAN)])
    torch.testing.assert_close(
        masked(BCE)(more_score, more_target), masked(BCE)(score, target)
    )


def test_the_batch_size_that_heads_pass_is_ignored():
    score, target = batch()
    torch.testing.assert_close(
        masked(BCE)(score, target, avg_factor=6), masked(BCE)(score, target)
    )


def test_whole_numbers_are_targets_too():
    score, target = batch(unknown=False)
    torch.testing.assert_close(
        masked(BCE)(score, target.long()), masked(BCE)(score, target)
    )


def test_under_autocast():
    score, target = batch()
    with torch.autocast('cpu', torch.bfloat16):
        value = masked(BCE)(score.to(torch.bfloat16), target)
    torch.testing.assert_close(
        value.float(), masked(BCE)(score, target), rtol=0.02, atol=0.02
    )


def test_serves_mmpretrains_head():
    head = MODELS.build(
        {
            'type': 'mmpretrain.MultiLabelLinearClsHead',
            'num_classes': 3,
            'in_channels': 4,
            'loss': {'type': 'mmlung.MaskUnknown', 'loss': dict(BCE)},
        }
    )
    assert isinstance(head.loss_module, MaskUnknown)
    from mmpretrain.structures import DataSample

    samples = [
        DataSample().set_gt_score(torch.tensor([1.0, NAN, 0.0])),
        DataSample().set_gt_score(torch.tensor([NAN, NAN, NAN])),
    ]
    features = (torch.randn(2, 4),)
    losses = head.loss(features, samples)
    logits = head(features)[0, [0, 2]]
    expected = binary_cross_entropy_with_logits(logits, torch.tensor([1.0, 0.0]))
    torch.testing.assert_close(losses['loss'], expected)
