import json
import random
import warnings

import numpy as np
import pytest
import torch
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner

from mmlung.checkpoint import PlainCheckpointHook
from mmlung.checkpoint import load_checkpoint
from mmlung.checkpoint import use_safe_loading
from mmlung.training.resume import ResumeExactly
from mmlung.training.resume import SeededBatches
from mmlung.training.resume import seed_by

N_FILMS = 11
BATCH = 2
STEPS = 6  # an epoch, its last batch smaller


class Films(torch.utils.data.Dataset):
    """Films whose augmentation draws from all three generators."""

    metainfo = {'classes': ('Mass',)}

    def __len__(self):
        return N_FILMS

    def __getitem__(self, index):
        drawn = random.random() + np.random.rand() + torch.rand(()).item()
        return {'inputs': torch.tensor([float(index), drawn])}


class Line(BaseModel):
    """One layer behind dropout, as drop-path draws."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(2, 8)

    def forward(self, inputs, mode='tensor'):
        inputs = torch.stack(inputs)
        out = torch.dropout(self.layer(inputs), 0.5, self.training)
        loss = (out**2).mean() + 0.1 * random.random() * np.random.rand()
        return {'loss': loss, 'seen': inputs.sum().detach()}


class Steps(Hook):
    """Losses by step; stops at ``until`` as a kill would: nothing else is called."""

    class KilledError(Exception):
        pass

    def __init__(self, until=None):
        self.losses, self.places, self.until = {}, {}, until

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.losses[runner.iter] = (float(outputs['loss']), float(outputs['seen']))
        self.places[runner.iter] = batch_idx
        if runner.iter == self.until:
            raise self.KilledError


class DrawsInBetween(Hook):
    """Draws random numbers wherever a hook may, as a validation does."""

    def __init__(self):
        self.drawn = []

    def _draw(self, *args, **kwargs):
        self.drawn.append((random.random(), np.random.rand(), torch.rand(()).item()))

    before_train = after_train_epoch = after_train_iter = _draw


@pytest.fixture(autouse=True)
def _loading():
    from mmengine.runner import CheckpointLoader

    schemes = CheckpointLoader._schemes.copy()
    use_safe_loading()
    yield
    CheckpointLoader._schemes = schemes


_count = iter(range(10**6))


def train(
    folder,
    until=None,
    workers=0,
    loop='epoch',
    every=None,
    seed=0,
    batch=BATCH,
    resume=False,
    extra=(),
    sampler='DefaultSampler',
    exact=True,
):
    """Train three epochs, or until a step; returns the hook with the losses."""
    torch.manual_seed(0)  # of the initial weights
    steps = Steps(until)
    by_epoch = loop == 'epoch'
    runner = Runner(
        Line(),
        work_dir=str(folder),
        train_dataloader={
            'batch_size': batch,
            'num_workers': workers,
            'persistent_workers': workers > 0,
            'sampler': {'type': sampler, 'shuffle': True},
            'dataset': Films(),
        },
        train_cfg={'by_epoch': True, 'max_epochs': 3}
        if by_epoch
        else {'by_epoch': False, 'max_iters': 3 * STEPS},
        optim_wrapper={
            'type': 'OptimWrapper',
            'optimizer': {'type': 'AdamW', 'lr': 0.1},
        },
        param_scheduler={'type': 'ExponentialLR', 'gamma': 0.9, 'by_epoch': by_epoch},
        default_hooks={
            'checkpoint': {
                'type': 'CheckpointHook',
                'by_epoch': every is None,
                'interval': every or 1,
            },
            'logger': {'type': 'LoggerHook', 'interval': 1},
        },
        custom_hooks=[
            *([ResumeExactly()] if exact else []),
            PlainCheckpointHook(),
            {'type': 'EMAHook'},
            *extra,
            steps,
        ],
        randomness={'seed': seed},
        resume=resume,
        experiment_name=f'{folder.name}-{next(_count)}',
        log_level='WARNING',
        visualizer={
            'type': 'Visualizer',
            'vis_backends': [{'type': 'LocalVisBackend'}],
        },
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            runner.train()
    except Steps.KilledError:
        pass
    steps.runner = runner
    return steps


def weights(steps):
    return {
        name: value.clone() for name, value in steps.runner.model.state_dict().items()
    }


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def logged(folder):
    """The smoothed losses of the log by step; a later run overwrites an earlier one."""
    losses = {}
    for path in sorted(folder.glob('*/vis_data/scalars.json')):
        for line in path.read_text('utf-8').splitlines():
            record = json.loads(line)
            losses[record['step']] = record['loss']
    return losses


WAYS = [
    pytest.param({}, id='by-epoch'),
    pytest.param({'every': 4}, id='mid-epoch'),
    pytest.param({'every': STEPS}, id='at-the-last-step-of-an-epoch'),
    pytest.param({'workers': 2}, id='two-workers'),
    pytest.param({'workers': 2, 'every': 4}, id='two-workers-mid-epoch'),
    pytest.param({'loop': 'iter', 'every': 4}, id='endless-loop'),
    pytest.param(
        {'loop': 'iter', 'every': 4, 'sampler': 'InfiniteSampler'},
        id='endless-sampler',
    ),
    pytest.param(
        {'loop': 'iter', 'every': 4, 'sampler': 'InfiniteSampler', 'workers': 2},
        id='endless-sampler-two-workers',
    ),
]


@pytest.mark.parametrize('how', WAYS)
def test_killed_and_resumed_is_uninterrupted(tmp_path, monkeypatch, how):
    monkeypatch.setattr('time.sleep', lambda seconds: None)  # mmengine's, at an end
    whole = train(tmp_path / 'whole', **how)
    assert list(whole.losses) == list(range(3 * STEPS))
    cut = train(tmp_path / 'cut', until=STEPS + 3, **how)
    resumed = train(tmp_path / 'cut', resume=True, **how)
    every = how.get('every', STEPS)
    first = (STEPS + 3) // every * every
    assert list(resumed.losses) == list(range(first, 3 * STEPS))
    assert cut.losses | resumed.losses == whole.losses
    assert cut.places | resumed.places == whole.places
    assert same(weights(whole), weights(resumed))
    if how.get('loop') != 'iter':
        assert logged(tmp_path / 'cut') == logged(tmp_path / 'whole')
    ends = [
        load_checkpoint((tmp_path / name / 'last_checkpoint').read_text())
        for name in ('whole', 'cut')
    ]
    for part in ('state_dict', 'ema_state_dict'):
        assert same(*(end[part] for end in ends))


def test_without_it_the_losses_differ(tmp_path):
    whole = train(tmp_path / 'whole', exact=False)
    train(tmp_path / 'cut', until=STEPS + 3, exact=False)
    resumed = train(tmp_path / 'cut', resume=True, exact=False)
    assert any(resumed.losses[step] != whole.losses[step] for step in resumed.losses)


def test_the_number_of_workers_does_not_matter(tmp_path):
    runs = [train(tmp_path / str(n), workers=n) for n in (0, 1, 2)]
    assert runs[0].losses == runs[1].losses == runs[2].losses


def test_what_others_draw_does_not_matter(tmp_path):
    hook = DrawsInBetween()
    assert train(tmp_path / 'a', extra=[hook]).losses == train(tmp_path / 'b').losses
    assert len(set(hook.drawn)) > 3 * STEPS  # nor does it repeat itself


def test_an_unset_seed_is_resumed(tmp_path):
    cut = train(tmp_path, until=STEPS + 3, seed=None)
    again = train(tmp_path, resume=True, seed=None)
    step = STEPS + 2
    assert again.losses[step] == cut.losses[step]
    other = train(tmp_path / 'other', seed=None)
    assert other.losses[step] != cut.losses[step]


def test_every_film_is_drawn_anew(tmp_path):
    seen = [pair[1] for pair in train(tmp_path).losses.values()]
    assert len(set(seen)) == len(seen)


@pytest.mark.parametrize(
    ('changed', 'message'),
    [
        ({'batch': 3}, 'batches_per_epoch: 6 -> 4'),
        ({'exact_before': False}, None),
    ],
    ids=['batch-size', 'older-checkpoint'],
)
def test_a_changed_training_starts_its_epoch_anew(tmp_path, changed, message):
    exact_before = changed.pop('exact_before', True)
    train(tmp_path, until=STEPS + 3, every=4, exact=exact_before)
    resumed = train(tmp_path, resume=True, **changed)
    assert min(resumed.places.values()) == 0
    assert resumed.places[8] == 0
    log = ''.join(path.read_text('utf-8') for path in tmp_path.glob('*/*.log'))
    assert ('goes other ways' in log) == (message is not None)
    assert message is None or message in log


def test_loading_weights_is_no_resume(tmp_path):
    train(tmp_path / 'a', until=STEPS + 3, every=4)
    steps = train(tmp_path / 'b')
    hook = ResumeExactly()
    hook.after_load_checkpoint(
        steps.runner, load_checkpoint(tmp_path / 'a' / 'iter_8.pth')
    )
    steps.runner.train_loop._iter = 0
    assert hook._steps_to_skip(steps.runner) == 0


def test_data_without_indices_is_refused():
    class Stream(torch.utils.data.IterableDataset):
        def __iter__(self):
            yield from range(3)

    class Loop:
        dataloader = torch.utils.data.DataLoader(Stream(), batch_size=None)

    class Started:
        train_loop = Loop

    with pytest.raises(
        ValueError, match=r'Stream is loaded without batches of indices'
    ):
        ResumeExactly().before_train(Started)


def drawn():
    return random.random(), np.random.rand(), torch.rand(()).item()


def test_seeds_follow_from_the_position():
    positions = [(0,), (1,), (0, 1), (1, 1), (0, 0, 1), (2**40, 7)]
    streams = []
    for position in positions:
        seed_by(*position)
        streams.append(drawn())
        seed_by(*position)
        assert drawn() == streams[-1]
    for numbers in zip(*streams, strict=True):
        assert len(set(numbers)) == len(positions)


def test_neighbouring_positions_are_not_correlated():
    first = []
    for step in range(2000):
        seed_by(0, 0, step, 1)
        first.append(drawn())
    first = np.array(first)
    assert first.mean(0) == pytest.approx([0.5] * 3, abs=0.03)  # 4.6 standard errors
    lagged = np.corrcoef(np.hstack([first[:-1], first[1:]]).T)
    assert np.abs(lagged - np.eye(6)).max() < 0.1  # as independent draws have it


def test_ranks_draw_different_numbers():
    batches = [[0, 1], [2, 3]]
    numbers = set()
    for rank in (0, 1):
        for batch in SeededBatches(batches, seed=5, rank=rank):
            numbers |= {drawn() for _ in batch}
    assert len(numbers) == 8


def test_batches_are_those_of_the_sampler_below():
    sampler = torch.utils.data.BatchSampler(range(5), 2, drop_last=False)
    seeded = SeededBatches(sampler, seed=0, rank=0)
    assert [list(batch) for batch in seeded] == [[0, 1], [2, 3], [4]]
    assert seeded.step == 3
    assert len(seeded) == 3
    assert (seeded.batch_size, seeded.sampler) == (2, range(5))
    seeded.skip = 2
    assert [list(batch) for batch in seeded] == [[4]]
    assert [list(batch) for batch in seeded] == [[0, 1], [2, 3], [4]]
    with pytest.raises(AttributeError, match='_absent'):
        _ = seeded._absent
