import hashlib
import os
import pickle
from collections import OrderedDict

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader
from mmengine.runner import LogProcessor

from mmlung import checkpoint
from mmlung.checkpoint import PlainCheckpointHook
from mmlung.checkpoint import fetch
from mmlung.checkpoint import file_sha256
from mmlung.checkpoint import load_checkpoint
from mmlung.checkpoint import use_safe_loading

UPSTREAM = 'https://download.openmmlab.com/mmdetection/'


class Command:
    """Pickles to a call of os.system that leaves a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f'touch {self.path}',)


class Attribute:
    """Pickles to a call of getattr, which mmengine allows."""

    def __reduce__(self):
        return getattr, ('text', 'upper')


@pytest.fixture(autouse=True)
def _schemes_and_trust():
    """mmengine's table of loaders and our list of releases are global."""
    schemes, trusted = CheckpointLoader._schemes.copy(), checkpoint._trusted.copy()
    yield
    CheckpointLoader._schemes = schemes
    checkpoint._trusted.clear()
    checkpoint._trusted.update(trusted)


@pytest.fixture
def cache(monkeypatch, tmp_path):
    """Torch's cache in tmp_path, and a download that copies ``content`` there."""
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'torch'))
    calls = []

    def use(content):
        def download(url, path, digest):
            calls.append((url, digest))
            with open(path, 'wb') as file:  # noqa: PTH123 - as torch does
                file.write(content)

        monkeypatch.setattr(torch.hub, 'download_url_to_file', download)
        return calls

    return use


@pytest.mark.parametrize('zipped', [True, False], ids=['zip', 'legacy'])
def test_plain_content_comes_back(tmp_path, zipped):
    path = tmp_path / 'best.pth'
    content = {
        'state_dict': {'weight': torch.arange(6.0).reshape(2, 3)},
        'meta': {
            'classes': ('Mass', 'Nodule'),
            'epoch': 3,
            'cfg': 'text',
            'none': None,
        },
        'scalars': [np.float64(0.5), np.float32(1.5), np.int64(7), np.bool_(True)],
    }
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    loaded = load_checkpoint(path)
    assert torch.equal(loaded['state_dict'].pop('weight'), torch.arange(6.0).view(2, 3))
    assert loaded['meta'] == content['meta']
    assert loaded['scalars'] == content['scalars']
    assert load_checkpoint(str(path))['scalars'] == content['scalars']


@pytest.mark.parametrize('zipped', [True, False], ids=['zip', 'legacy'])
@pytest.mark.parametrize(
    ('kind', 'named'),
    [
        ('command', r'it asks for (posix|nt)\.system'),
        ('attribute', 'it asks for getattr'),
    ],
)
def test_code_is_refused_and_named(tmp_path, kind, named, zipped):
    path, trace = tmp_path / 'crafted.pth', tmp_path / 'trace'
    content = Command(trace) if kind == 'command' else Attribute()
    torch.save({'meta': content}, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(ValueError, match=rf'crafted\.pth was not loaded.*\({named}\)'):
        load_checkpoint(path)
    assert not trace.exists()


def test_a_history_of_mmengine_is_refused(tmp_path):
    torch.save({'message_hub': HistoryBuffer()}, tmp_path / 'a.pth')
    with pytest.raises(ValueError, match=r'it asks for mmengine\S*HistoryBuffer'):
        load_checkpoint(tmp_path / 'a.pth')


@pytest.mark.parametrize(
    'content',
    [
        b'',
        b'hello',
        b'{"meta": 1}',
        b'PK\x03\x04' + bytes(80),
        pickle.dumps({'a': 1}),
        pickle.dumps({'a': 1}, protocol=2)[:-3],
    ],
    ids=['empty', 'text', 'json', 'zip-header', 'pickle', 'cut-pickle'],
)
def test_damaged_files_are_refused(tmp_path, content, recwarn):
    path = tmp_path / 'bad.pth'
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r'bad\.pth was not loaded: it is damaged, or'):
        load_checkpoint(path)
    assert not recwarn.list


@pytest.mark.parametrize('seed', range(3))
@pytest.mark.parametrize('zipped', [True, False], ids=['zip', 'legacy'])
def test_flipped_bytes_give_one_kind_of_error(tmp_path, zipped, seed):
    path = tmp_path / 'flipped.pth'
    torch.save(
        {'a': torch.zeros(3), 'b': [1]}, path, _use_new_zipfile_serialization=zipped
    )
    whole, rng = path.read_bytes(), np.random.default_rng(seed)
    for _ in range(60):
        content = bytearray(whole)
        for at in rng.integers(len(content), size=3):
            content[at] = rng.integers(256)
        path.write_bytes(content)
        try:
            load_checkpoint(path)
        except ValueError as error:
            assert 'flipped.pth' in str(error)  # noqa: PT017 - some flips are harmless


@pytest.mark.parametrize('content', [torch.zeros(2), [1, 2]], ids=['tensor', 'list'])
def test_what_is_no_dictionary_is_no_checkpoint(tmp_path, content):
    torch.save(content, tmp_path / 'a.pth')
    with pytest.raises(ValueError, match=r'a\.pth is no checkpoint.*got (Tensor|list)'):
        load_checkpoint(tmp_path / 'a.pth')


def test_missing_file(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r'absent\.pth does not exist.*train\.py'
    ):
        load_checkpoint(tmp_path / 'absent.pth')


def test_the_list_of_what_torch_allows_is_left_as_it_was(tmp_path):
    torch.serialization.add_safe_globals([HistoryBuffer])
    before = set(torch.serialization.get_safe_globals())
    torch.save({'history': HistoryBuffer()}, tmp_path / 'a.pth')
    with pytest.raises(ValueError, match='HistoryBuffer'):  # whatever others allowed
        load_checkpoint(tmp_path / 'a.pth')
    assert set(torch.serialization.get_safe_globals()) == before
    torch.serialization.clear_safe_globals()
    torch.serialization.add_safe_globals(list(before - {HistoryBuffer}))


def test_mmengine_loads_through_ours(tmp_path, cache):
    path, trace = tmp_path / 'crafted.pth', tmp_path / 'trace'
    torch.save({'meta': Command(trace)}, path)
    use_safe_loading()
    with pytest.raises(ValueError, match='was not loaded'):
        CheckpointLoader.load_checkpoint(str(path))
    cache(path.read_bytes())
    with pytest.raises(ValueError, match='was not loaded'):
        CheckpointLoader.load_checkpoint('https://example.org/crafted.pth')
    assert not trace.exists()
    torch.save({'a': 1}, path)
    assert CheckpointLoader.load_checkpoint(str(path)) == {'a': 1}


def test_a_url_is_fetched_once(cache, tmp_path):
    calls = cache(b'weights')
    digest = hashlib.sha256(b'weights').hexdigest()[:8]
    url = f'{UPSTREAM}swin-{digest}.pth'
    path = fetch(url)
    assert path == tmp_path / 'torch' / 'hub' / 'checkpoints' / f'swin-{digest}.pth'
    assert path.read_bytes() == b'weights'
    assert fetch(url) == path
    assert calls == [(url, digest)]


def test_a_cached_file_of_another_digest_is_fetched_again(cache):
    calls = cache(b'weights')
    digest = hashlib.sha256(b'weights').hexdigest()[:8]
    path = fetch(f'{UPSTREAM}swin-{digest}.pth')
    path.write_bytes(b'something else')
    assert fetch(f'{UPSTREAM}swin-{digest}.pth').read_bytes() == b'weights'
    assert len(calls) == 2


ENV_INFO = """sys.platform: linux
Python: 3.7.3
GPU 0,1: Tesla V100-SXM2-32GB
MMCV: 1.3.9
MMDetection: 2.16.0+1376e77"""
OPTIMIZER = {
    'state': {0: {'step': 5, 'exp_avg': torch.zeros(2), 'exp_avg_sq': torch.zeros(2)}},
    'param_groups': [{'lr': 1e-4, 'betas': (0.9, 0.999), 'params': [0]}],
}


def state_dict_of(module):
    """Weights with the versions that torch hangs on a state dict."""
    state = OrderedDict(module.state_dict())
    state._metadata = OrderedDict({'': {'version': 1}})
    return state


def upstream(kind):
    """What upstream's releases hold, era by era; the weights are ours.

    MMDetection 2 and mmcls wrote meta and weights; MMPretrain 1 and MMDetection 3, of
    mmengine, add a message hub, which in some releases still has its history.
    """
    norm = state_dict_of(torch.nn.BatchNorm1d(2))
    if kind == 'swin':  # Microsoft's release, as mmcls first converted it
        return {'model': norm, 'max_accuracy': 81.2, 'epoch': 299}
    meta = {
        'env_info': ENV_INFO,
        'config': "model = dict(type='MaskRCNN')\n",
        'seed': 0,
        'exp_name': 'mask_rcnn.py',
        'mmdet_version': '2.16.0+1376e77',
        'mmcv_version': '1.3.9',
        'CLASSES': ('person', 'bicycle'),
        'PALETTE': [(220, 20, 60), (119, 11, 32)],
        'epoch': 36,
        'iter': 263844,
        'hook_msgs': {'last_ckpt': 'work_dirs/epoch_35.pth', 'best_score': 0.416},
        'time': 'Mon Aug 20 16:50:06 2021',
    }
    if kind == 'mmdet2':
        return {'meta': meta, 'state_dict': norm, 'optimizer': OPTIMIZER}
    hub = {
        'log_scalars': OrderedDict(),
        'runtime_info': OrderedDict(
            epoch=np.int64(11), loss=np.float64(0.4), best_score=np.float32(0.5)
        ),
        'resumed_keys': OrderedDict(epoch=True, loss=True),
    }
    if kind == 'mmengine-history':
        hub['log_scalars']['train/loss'] = HistoryBuffer([0.5], [1])
    return {
        'meta': meta | {'cfg': 'x = 1', 'dataset_meta': {'classes': ('person',)}},
        'state_dict': norm,
        'message_hub': hub,
        'ema_state_dict': OrderedDict({'steps': torch.tensor(3)}),
        'param_schedulers': [{'last_step': 3, '_global_step': 4, 'verbose': False}],
    }


@pytest.mark.parametrize('zipped', [True, False], ids=['zip', 'legacy'])
@pytest.mark.parametrize('kind', ['swin', 'mmdet2', 'mmengine'])
def test_what_upstream_releases_needs_no_pickle(tmp_path, kind, zipped):
    content = upstream(kind)
    path = tmp_path / 'mirror.pth'  # of unknown origin, so nothing is trusted
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    loaded = load_checkpoint(path)
    assert loaded.keys() == content.keys()
    assert loaded.get('meta') == content.get('meta')
    key = 'model' if kind == 'swin' else 'state_dict'
    norm = torch.nn.BatchNorm1d(2)
    norm.load_state_dict(loaded[key])
    assert isinstance(loaded[key], OrderedDict)
    hub = loaded.get('message_hub', {})
    assert hub == content.get('message_hub', {})


@pytest.mark.parametrize('era', [b'numpy.core', b'numpy._core'], ids=['one', 'two'])
def test_scalars_of_either_numpy_load(tmp_path, era):
    path = tmp_path / 'epoch_1.pth'
    content = {'score': np.float64(0.25), 'epoch': np.int64(7)}
    torch.save(content, path, _use_new_zipfile_serialization=False)
    written = path.read_bytes()
    assert b'cnumpy' in written
    plain = written.replace(b'numpy._core', b'numpy.core')
    path.write_bytes(plain.replace(b'numpy.core', era))
    assert load_checkpoint(path) == content


def test_a_release_with_history_loads_from_upstream_alone(cache, tmp_path):
    path = tmp_path / 'mirror.pth'
    torch.save(upstream('mmengine-history'), path)
    with pytest.raises(ValueError, match=r'it asks for mmengine\S*HistoryBuffer'):
        load_checkpoint(path)
    digest = file_sha256(path)[:8]
    cache(path.read_bytes())
    release = fetch(f'{UPSTREAM}swin-{digest}.pth')
    assert load_checkpoint(release)['state_dict'].keys() == (
        torch.nn.BatchNorm1d(2).state_dict().keys()
    )


def with_history(tmp_path):
    torch.save({'history': HistoryBuffer([0.5], [1])}, tmp_path / 'history.pth')
    content = (tmp_path / 'history.pth').read_bytes()
    return content, hashlib.sha256(content).hexdigest()[:8]


def test_a_release_of_upstream_may_hold_more_than_weights(cache, tmp_path):
    content, digest = with_history(tmp_path)
    cache(content)
    path = fetch(f'{UPSTREAM}swin-{digest}.pth')
    assert isinstance(load_checkpoint(path)['history'], HistoryBuffer)


@pytest.mark.parametrize('case', ['another-host', 'look-alike', 'no-digest', 'local'])
def test_nothing_else_may(cache, tmp_path, case):
    content, digest = with_history(tmp_path)
    cache(content)
    path = fetch(
        {
            'another-host': f'https://example.org/swin-{digest}.pth',
            'look-alike': f'https://download.openmmlab.com.example.org/a-{digest}.pth',
            'no-digest': f'{UPSTREAM}swin.pth',
            'local': str(tmp_path / 'history.pth'),
        }[case]
    )
    with pytest.raises(ValueError, match=r'it asks for \S*HistoryBuffer'):
        load_checkpoint(path)


@pytest.mark.parametrize(
    'error',
    [OSError('no route'), RuntimeError('invalid hash value\n(expected "1")')],
    ids=['network', 'digest'],
)
def test_a_failed_download_is_one_sentence(monkeypatch, tmp_path, error):
    def fail(*args, **kwargs):
        raise error

    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    monkeypatch.setattr(torch.hub, 'download_url_to_file', fail)
    with pytest.raises(ConnectionError, match=r'\((no route|invalid hash value)\)\. W'):
        fetch(f'{UPSTREAM}swin-00000000.pth')


def test_a_local_file_is_taken_as_it_is(tmp_path):
    path = tmp_path / 'mine.pth'
    path.touch()
    assert fetch(str(path)) == path
    with pytest.raises(FileNotFoundError, match=r'init_checkpoint \S*absent\.pth'):
        fetch(str(tmp_path / 'absent.pth'))


def test_sha256_of_a_file(tmp_path):
    path = tmp_path / 'a'
    path.write_bytes(b'abc')  # FIPS 180-4, first example
    assert file_sha256(path) == (
        'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
    )


def small_runner(work_dir):
    """Runner of a one-layer model that logs, validates nothing, and saves."""
    from mmengine.model import BaseModel
    from mmengine.runner import Runner

    class Line(BaseModel):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(1, 1)

        def forward(self, inputs, mode='tensor'):
            return {'loss': (self.layer(torch.stack(inputs)) ** 2).mean()}

    data = torch.utils.data.DataLoader(
        [{'inputs': torch.ones(1)}] * 4,
        batch_size=2,
        collate_fn=lambda items: {'inputs': [item['inputs'] for item in items]},
    )
    return Runner(
        Line(),
        work_dir=str(work_dir),
        train_dataloader=data,
        train_cfg={'by_epoch': True, 'max_epochs': 1},
        optim_wrapper={'optimizer': {'type': 'SGD', 'lr': 0.1}},
        custom_hooks=[PlainCheckpointHook()],
        experiment_name=work_dir.name,
    )


def test_a_checkpoint_of_a_run_loads_and_resumes(tmp_path):
    use_safe_loading()
    runner = small_runner(tmp_path / 'first')
    runner.train()
    history = runner.message_hub.log_scalars['train/loss'].data
    path = tmp_path / 'first' / 'epoch_1.pth'
    saved = load_checkpoint(path)
    assert saved['message_hub']['log_scalars'] == {}
    assert saved['meta']['epoch'] == 1
    other = small_runner(tmp_path / 'second')
    other.resume(str(path))
    assert (other.epoch, other.iter) == (1, 2)
    assert torch.equal(other.model.layer.weight, runner.model.layer.weight)
    resumed = other.message_hub.log_scalars['train/loss'].data
    np.testing.assert_array_equal(history, resumed)


def test_a_checkpoint_keeps_as_much_history_as_the_log_looks_back_on():
    class OfTheRun:
        log_processor = LogProcessor(window_size=3)

    hub = {'log_scalars': {'loss': HistoryBuffer(np.arange(5.0), np.ones(5, int))}}
    checkpoint = {'message_hub': hub}
    PlainCheckpointHook().before_save_checkpoint(OfTheRun, checkpoint)
    assert checkpoint['log_history'] == {'loss': [[2.0, 3.0, 4.0], [1, 1, 1]]}
    PlainCheckpointHook().after_load_checkpoint(OfTheRun, checkpoint)
    assert hub['log_scalars']['loss'].mean(3) == 3.0


@pytest.mark.parametrize('content', [{}, {'message_hub': {'log_scalars': {}}}])
def test_checkpoints_of_others_have_no_such_history(content):
    before = repr(content)
    PlainCheckpointHook().after_load_checkpoint(None, content)
    assert repr(content) == before


def test_a_file_loads_with_pickle_only_when_it_is_trusted(tmp_path, monkeypatch):
    path = tmp_path / 'upstream.pth'
    torch.save({'state_dict': {}, 'meta': {'of': Attribute()}}, path)
    with pytest.raises(ValueError, match=r'--trust-checkpoint FILE loads it'):
        checkpoint.load_checkpoint(path)
    monkeypatch.chdir(tmp_path)
    checkpoint.trust('upstream.pth')
    assert checkpoint.load_checkpoint(path)['state_dict'] == {}


def test_a_bare_state_dict_is_a_checkpoint(tmp_path):
    weights = torch.nn.Linear(2, 1).state_dict()
    torch.save(weights, tmp_path / 'bare.pth')
    loaded = load_checkpoint(tmp_path / 'bare.pth')
    assert list(loaded) == ['state_dict']
    torch.testing.assert_close(dict(loaded['state_dict']), dict(weights))
    torch.save({}, tmp_path / 'empty.pth')
    assert load_checkpoint(tmp_path / 'empty.pth') == {}
