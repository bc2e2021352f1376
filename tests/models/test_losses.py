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
    'pos-weight': BCE | {'pos_weight': [1.0, 2.0, 3.0, 10.0, 0.5]},
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


HEADS = {
    'linear': ({'type': 'mmpretrain.MultiLabelLinearClsHead'}, (6, 8)),
    'csra': (
        {'type': 'mmpretrain.CSRAClsHead', 'num_heads': 1, 'lam': 0.1},
        (6, 8, 3, 3),
    ),
}


def head_and_features(head, loss):
    cfg, shape = HEADS[head]
    wrapped = {'type': 'mmlung.MaskUnknown', 'loss': dict(loss)}
    head = MODELS.build(cfg | {'num_classes': 5, 'in_channels': 8, 'loss': wrapped})
    generator = torch.Generator().manual_seed(1)
    return head, torch.randn(shape, generator=generator).requires_grad_()


def gradients(head, features, target):
    """Of the features, and of each finding's weights."""
    from mmpretrain.structures import DataSample

    head.zero_grad()
    features.grad = None
    samples = [DataSample().set_gt_score(row) for row in target]
    loss = head.loss((features,), samples)['loss']
    loss.backward()
    return loss, features.grad, [p.grad for p in head.parameters()]


@EVERY_LOSS
@pytest.mark.parametrize('name', HEADS)
def test_unknown_labels_teach_a_head_exactly_nothing(name, loss):
    """A finding, and a film, of which nothing is known."""
    head, features = head_and_features(name, loss)
    _, target = batch()
    target[:, 2] = NAN
    target[4] = NAN
    _, of_features, of_weights = gradients(head, features, target)
    assert all(grad[2].count_nonzero() == 0 for grad in of_weights)
    assert of_features[4].count_nonzero() == 0
    assert of_features[0].count_nonzero() > 0
    assert all(grad[[0, 1, 3, 4]].count_nonzero() > 0 for grad in of_weights)
    assert of_features.isfinite().all()


@EVERY_LOSS
@pytest.mark.parametrize('name', HEADS)
def test_a_film_without_labels_might_as_well_not_be_there(name, loss):
    head, features = head_and_features(name, loss)
    _, target = batch()
    target[4:] = NAN
    with_them, of_features, of_weights = gradients(head, features, target)
    fewer = features.detach()[:4].clone().requires_grad_()
    without, of_fewer, of_same = gradients(head, fewer, target[:4])
    torch.testing.assert_close(with_them, without)
    torch.testing.assert_close(of_features[:4], of_fewer)
    torch.testing.assert_close(of_weights, of_same)


@pytest.mark.parametrize('weights', [None, [1.0, 2.0, 3.0, 10.0, 0.5]])
def test_gradients_are_those_of_torchs_own_loss(weights):
    score, target = batch()
    known = ~target.isnan()
    masked(BCE | {'pos_weight': weights})(score, target).backward()
    ours, score.grad = score.grad, None
    if weights is not None:
        weights = torch.tensor(weights).expand(6, 5)[known]
    binary_cross_entropy_with_logits(
        score[known], target[known], pos_weight=weights
    ).backward()
    torch.testing.assert_close(ours, score.grad)


def asymmetric_by_the_paper(score, target, gamma_pos, gamma_neg, margin):
    """Equations 4, 5 and 7 of Ridnik et al. 2021, label by label."""
    p = torch.sigmoid(score)
    p_m = (p - margin).clamp(min=0)
    present = -((1 - p) ** gamma_pos) * p.log()
    absent = -(p_m**gamma_neg) * (1 - p_m).log()
    return torch.where(target == 1, present, absent)


@pytest.mark.parametrize(
    ('gamma_pos', 'gamma_neg', 'margin'), [(0, 4, 0.05), (1, 2, 0)]
)
def test_the_asymmetric_loss_is_that_of_the_paper(gamma_pos, gamma_neg, margin):
    cfg = {
        'type': 'AsymmetricLoss',
        'gamma_pos': gamma_pos,
        'gamma_neg': gamma_neg,
        'clip': margin,
    }
    score, target = batch()
    masked(cfg)(score, target).backward()
    ours, score.grad = score.grad, None
    known = ~target.isnan()
    asymmetric_by_the_paper(
        score[known], target[known], gamma_pos, gamma_neg, margin
    ).mean().backward()
    torch.testing.assert_close(ours, score.grad)


@pytest.mark.parametrize('name', ['cross-entropy', 'asymmetric', 'focal'])
@pytest.mark.parametrize('n_films', [1, 6])
def test_a_single_finding(name, n_films):
    """One column of labels; upstream's losses would take it for class indices."""
    score, target = batch(unknown=False)
    several = masked(LOSSES[name])(score[:n_films, :2], target[:n_films, :2])
    alone = [
        masked(LOSSES[name])(score[:n_films, [c]], target[:n_films, [c]])
        for c in (0, 1)
    ]
    torch.testing.assert_close(several, sum(alone) / 2)


@EVERY_LOSS
def test_half_precision_loses_nothing_in_the_loss(loss):
    """In bfloat16 the sigmoid of 8 is 1, and a false alarm would cost nothing more."""
    score = torch.tensor([[8.0, -8.0, 8.0, -8.0, 0.0]]).to(torch.bfloat16)
    target = torch.tensor([[0.0, 1.0, 1.0, 0.0, 1.0]])
    half = score.clone().requires_grad_()
    whole = score.float().requires_grad_()
    with torch.autocast('cpu', torch.bfloat16):
        value = masked(loss)(half, target)
    torch.testing.assert_close(value, masked(loss)(whole, target))
