"""Trainings that are killed, resumed, and spread over two processes."""

import json
import os
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from mmlung.checkpoint import load_checkpoint
from mmlung.config import load_config

pytestmark = pytest.mark.slow

REPO = Path(__file__).resolve().parent.parent.parent
CONFIG = REPO / 'configs' / 'swin_vindr_demo.py'
TOOLS = REPO / 'tools'
N_FILMS = 18
BATCHES = 9  # of an epoch, two films each over all processes
ENVIRONMENT = os.environ | {
    'OMP_NUM_THREADS': '1',
    'PYTHONPATH': str(REPO),
    'PYTHON': sys.executable,
    'CUDA_VISIBLE_DEVICES': '',
}


@pytest.fixture(scope='module')
def data(tmp_path_factory, write_detection_data):
    """Films and boxes to train on."""
    folder = tmp_path_factory.mktemp('data')
    return write_detection_data(folder, load_config(CONFIG).findings, n=N_FILMS)


def options(data, n_processes):
    """Drop-path, augmentation (the config's) and persistent workers."""
    return [
        '--cfg-options',
        f'data_root={data}',
        'img_size=64',
        'max_epochs=2',
        'model.backbone.drop_path_rate=0.5',
        f'train_dataloader.batch_size={2 // n_processes}',
        'train_dataloader.num_workers=2',
        'train_dataloader.persistent_workers=True',
        'val_dataloader.num_workers=0',
        'test_dataloader.num_workers=0',
        'default_hooks.logger.interval=1',
        'optim_wrapper.optimizer.lr=1e-4',
    ]


CASES = {
    'one-process-by-epoch': SimpleNamespace(processes=1, first=BATCHES, more=[]),
    'two-processes-mid-epoch': SimpleNamespace(
        processes=2,
        first=BATCHES + 2,
        more=[
            'default_hooks.checkpoint.by_epoch=False',
            f'default_hooks.checkpoint.interval={BATCHES + 2}',
        ],
    ),
}


def command(case, data, work_dir, *flags):
    start = [sys.executable, TOOLS / 'train.py', CONFIG]
    if case.processes > 1:
        start = [TOOLS / 'dist_train.sh', CONFIG, case.processes]
    arguments = ['--work-dir', work_dir, '--no-validate', *flags]
    arguments += [*options(data, case.processes), *case.more]
    return [str(word) for word in (*start, *arguments)]


def losses(work_dir):
    """Logged losses by step, of all runs of the folder; later ones overwrite."""
    found = {}
    for path in sorted(work_dir.glob('*/vis_data/scalars.json')):
        for line in path.read_text('utf-8').splitlines():
            record = json.loads(line) if line.endswith('}') else {}
            if 'loss' in record:
                parts = {key: record[key] for key in record if 'loss' in key}
                found[record['step']] = parts | {'iter': record['iter']}
    return found


def kill_at(step, words, work_dir):
    """SIGKILL of the whole group of processes once a step is logged."""
    process = subprocess.Popen(
        words,
        env=ENVIRONMENT,
        cwd=work_dir.parent,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        end = time.monotonic() + 300
        while max(losses(work_dir), default=0) < step:
            assert process.poll() is None, 'ended before it was killed'
            assert time.monotonic() < end, 'too slow'
            time.sleep(0.02)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def run(words, cwd):
    done = subprocess.run(
        words, env=ENVIRONMENT, cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.parametrize('name', CASES)
def test_killed_and_resumed_is_uninterrupted(name, data, tmp_path):
    case = CASES[name]
    whole, cut = tmp_path / 'whole', tmp_path / 'cut'
    run(command(case, data, whole), tmp_path)
    uninterrupted = losses(whole)
    assert sorted(uninterrupted) == list(range(1, 2 * BATCHES + 1))

    kill_at(case.first + 3, command(case, data, cut), cut)
    before = losses(cut)
    assert case.first + 3 <= max(before) < 2 * BATCHES
    last = load_checkpoint((cut / 'last_checkpoint').read_text())
    assert last['meta']['iter'] == case.first
    run(command(case, data, cut, '--resume'), tmp_path)
    assert losses(cut) == uninterrupted
    assert before == {step: uninterrupted[step] for step in before}

    ends = [load_checkpoint(path / 'best.pth')['state_dict'] for path in (whole, cut)]
    assert all(torch.equal(ends[0][key], ends[1][key]) for key in ends[0])
    logs = [path.read_text('utf-8') for path in cut.glob('*/*.log')]
    assert len(logs) == 2
    assert not any('paramwise_options' in log for log in logs)


def test_two_processes_train_and_test(data, tmp_path):
    """From another folder; testing gives the numbers of one process."""
    case = SimpleNamespace(processes=2, more=['max_epochs=1', *ODD])
    out = run(command(case, data, tmp_path / 'work'), tmp_path)
    assert out.count('checkpoint: ') == 1  # one process reports
    best = tmp_path / 'work' / 'best.pth'
    words = [TOOLS / 'dist_test.sh', CONFIG, best, 2]
    both = tmp_path / 'both'
    run([*map(str, words), '--work-dir', str(both), *options(data, 2), *ODD], tmp_path)
    words = [sys.executable, TOOLS / 'test.py', CONFIG, best]
    one = tmp_path / 'one'
    run([*map(str, words), '--work-dir', str(one), *options(data, 2), *ODD], tmp_path)
    metrics = [json.loads((path / 'metrics.json').read_text()) for path in (one, both)]
    assert metrics[0]['data']['images'] == N_FILMS - 1
    numbers = [pop_numbers(content) for content in metrics]
    assert numbers[1] == pytest.approx(numbers[0], abs=1e-6)
    assert metrics[0] == metrics[1]
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {'work', 'one', 'both'}


ODD = ['test_dataloader.dataset.indices=17']
"""An odd number of films: two processes pad it, and the padding must not count."""


def pop_numbers(content):
    """Defined metrics by name, taken out of the content of metrics.json."""
    numbers = content.pop('metrics')
    for finding, row in content.pop('per_finding').items():
        numbers |= {f'{finding}/{key}': value for key, value in row.items()}
    return {key: value for key, value in numbers.items() if value is not None}


@pytest.mark.parametrize(
    ('script', 'words', 'usage'),
    [
        ('dist_train.sh', ['config.py'], 'CONFIG GPUS'),
        ('dist_test.sh', ['config.py', '8'], 'CONFIG CHECKPOINT GPUS'),
        ('slurm_train.sh', ['a', 'b', 'c'], 'PARTITION JOB_NAME CONFIG WORK_DIR'),
    ],
)
def test_too_few_arguments_show_the_order(script, words, usage, tmp_path):
    done = subprocess.run(
        [TOOLS / script, *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert f'usage: {TOOLS / script} {usage}' in done.stderr


@pytest.fixture
def recorder(tmp_path):
    """A command that writes down its arguments, and how to read them."""
    program = tmp_path / 'bin' / 'srun'
    program.parent.mkdir()
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    program.chmod(0o755)
    path = {'PATH': f'{program.parent}:{os.environ["PATH"]}', 'PYTHON': str(program)}

    def call(script, *words, **more):
        done = subprocess.run(
            [TOOLS / script, *words],
            env=os.environ | path | more,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.splitlines()

    return call


def test_slurm_gets_one_task_a_gpu(recorder):
    words = recorder(
        'slurm_train.sh',
        *('part', 'job', 'a config.py', 'work', '--resume', '--amp'),
        GPUS='16',
        SRUN_ARGS='--qos high --time 2:00:00',
    )
    pairs = dict(pairwise(words))
    assert (pairs['-p'], pairs['--job-name']) == ('part', 'job')
    assert (pairs['--ntasks'], pairs['--ntasks-per-node']) == ('16', '8')
    assert (pairs['--gres'], pairs['--qos']) == ('gpu:8', 'high')
    assert words[-8:] == [
        str(TOOLS / 'train.py'),
        'a config.py',
        *('--work-dir', 'work', '--launcher', 'slurm', '--resume', '--amp'),
    ]


def test_slurm_with_few_gpus_takes_one_node(recorder):
    words = recorder('slurm_train.sh', 'part', 'job', 'c.py', 'work', GPUS='2')
    assert words[words.index('--ntasks-per-node') + 1] == '2'


def test_one_machine_needs_no_address_and_several_share_one(recorder):
    words = recorder('dist_train.sh', 'c.py', '2', '--amp')
    assert words[2] == '--standalone'
    tail = [str(TOOLS / 'train.py'), 'c.py', '--launcher', 'pytorch', '--amp']
    assert words[3:] == ['--nproc_per_node', '2', *tail]
    words = recorder(
        'dist_train.sh', 'c.py', '8', NNODES='2', NODE_RANK='1', MASTER_ADDR='host'
    )
    pairs = dict(pairwise(words))
    assert (pairs['--nnodes'], pairs['--node_rank']) == ('2', '1')
    assert (pairs['--master_addr'], pairs['--master_port']) == ('host', '29500')
    words = recorder('dist_test.sh', 'c.py', 'best.pth', '2', PORT='29501')
    assert words[words.index('--master_port') + 1] == '29501'
    tail = [str(TOOLS / 'test.py'), 'c.py', 'best.pth', '--launcher', 'pytorch']
    assert words[-5:] == tail
