"""The backbone must not move in the warm-up, and must after it."""

import itertools
import logging
from types import SimpleNamespace

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.model import MMDistributedDataParallel
from mmengine.runner import Runner
from torch import nn

from mmlung.checkpoint import PlainCheckpointHook
from mmlung.training.head_warm_up import HeadWarmUpHook

_count = itertools.count()


class TwoParts(BaseModel):
    def __init__(self, norm=None):
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(3, 4), norm or nn.LayerNorm(4))
        self.backbone[0].bias.requires_grad_(False)  # frozen by the model itself
        self.head = nn.Linear(4, 2)

    def forward(self, inputs, mode='loss'):
        loss = self.head(self.backbone(torch.stack(inputs))).square().sum()
        return {'loss': loss + self.head.bias.sum()}


class Watch(Hook):
    """Weights at the end of each epoch, and whether the backbone had a graph."""

    priority = 'LOWEST'

    def __init__(self):
        self.backbone, self.head, self.learns = [], [], []

    def before_train_iter(self, runner, *args, **kwargs):
        self.learns.append(runner.model.backbone[0].weight.requires_grad)

    def after_train_epoch(self, runner):
        self.backbone.append(runner.model.backbone[0].weight.detach().clone())
        self.head.append(runner.model.head.weight.detach().clone())


def train(work_dir, epochs, max_epochs, model=None, **kwargs):
    """(first backbone weights, watch, runner) of a training of tiny films."""
    torch.manual_seed(0)
    model = model or TwoParts()
    first = model.backbone[0].weight.detach().clone()
    watch = Watch()
    runner = Runner(
        model,
        str(work_dir),
        train_dataloader={
            'batch_size': 2,
            'num_workers': 0,
            'sampler': {'type': 'DefaultSampler', 'shuffle': False},
            'dataset': [{'inputs': torch.ones(3) * i} for i in range(1, 5)],
        },
        train_cfg={'by_epoch': True, 'max_epochs': max_epochs},
        # Momentum and decay move what is merely without gradient, if it is in the step.
        optim_wrapper={
            'optimizer': {'type': 'AdamW', 'lr': 0.01, 'weight_decay': 0.5},
            'clip_grad': {'max_norm': 5.0},
        },
        custom_hooks=[
            {'type': 'mmlung.HeadWarmUpHook', 'epochs': epochs},
            PlainCheckpointHook(),  # other tests leave the safe loading on
            watch,
        ],
        default_scope='mmengine',
        experiment_name=f'warm-up-{next(_count)}',  # mmengine keeps one log a name
        log_level='WARNING',
        **kwargs,
    )
    runner.train()
    return first, watch, runner


def test_the_backbone_stays_and_then_moves(tmp_path):
    first, watch, runner = train(tmp_path, epochs=2, max_epochs=4)
    assert [torch.equal(w, first) for w in watch.backbone] == [True, True, False, False]
    assert not torch.equal(watch.head[0], watch.head[1])
    assert watch.learns == [False] * 4 + [True] * 4
    assert runner.model.backbone[0].weight.requires_grad
    assert not runner.model.backbone[0].bias.requires_grad


def test_no_warm_up(tmp_path):
    first, watch, _ = train(tmp_path, epochs=0, max_epochs=1)
    assert not torch.equal(watch.backbone[0], first)


def test_a_training_that_ends_in_the_warm_up_leaves_nothing_frozen(tmp_path):
    _, _, runner = train(tmp_path, epochs=2, max_epochs=1)
    assert runner.model.backbone[0].weight.requires_grad


@pytest.mark.parametrize('cut', [1, 2, 3])
def test_a_resumed_training_does_the_same(tmp_path, cut):
    _, whole, _ = train(tmp_path / 'whole', epochs=2, max_epochs=4)
    train(tmp_path / 'cut', epochs=2, max_epochs=cut)
    checkpoint = str(tmp_path / 'cut' / f'epoch_{cut}.pth')
    _, resumed, _ = train(
        tmp_path / 'cut', epochs=2, max_epochs=4, resume=True, load_from=checkpoint
    )
    torch.testing.assert_close(resumed.backbone, whole.backbone[cut:])
    torch.testing.assert_close(resumed.head, whole.head[cut:])


@pytest.fixture
def one_process(tmp_path):
    torch.distributed.init_process_group(
        'gloo', init_method=f'file://{tmp_path}/rendezvous', rank=0, world_size=1
    )
    yield
    torch.distributed.destroy_process_group()


def epoch_of(hook, model, epoch, optimizer):
    """Two steps of a distributed training, the second of which would not begin."""
    runner = SimpleNamespace(model=model, epoch=epoch, logger=logging.getLogger())
    hook.before_train(runner)
    hook.before_train_epoch(runner)
    before = model.module.backbone[0].weight.detach().clone()
    for _ in range(2):
        optimizer.zero_grad()
        model([torch.ones(3)])['loss'].backward()
        optimizer.step()
    return torch.equal(before, model.module.backbone[0].weight)


def test_distributed(one_process):
    model = MMDistributedDataParallel(TwoParts(), find_unused_parameters=True)
    learning = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(learning, lr=0.01)
    hook = HeadWarmUpHook(epochs=1)
    assert epoch_of(hook, model, 0, optimizer)
    assert not epoch_of(hook, model, 1, optimizer)


def test_distributed_must_be_told(one_process):
    runner = SimpleNamespace(model=MMDistributedDataParallel(TwoParts()))
    with pytest.raises(ValueError, match='find_unused_parameters=True in the config'):
        HeadWarmUpHook().before_train(runner)


def test_running_statistics_are_refused():
    runner = SimpleNamespace(model=TwoParts(norm=nn.BatchNorm1d(4)))
    with pytest.raises(ValueError, match=r'cannot freeze backbone.*running statistics'):
        HeadWarmUpHook().before_train(runner)


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match='must be >= 0, got -1'):
        HeadWarmUpHook(epochs=-1)
    with pytest.raises(ValueError, match="TwoParts has no part named 'neck'"):
        HeadWarmUpHook(part='neck').before_train(SimpleNamespace(model=TwoParts()))
