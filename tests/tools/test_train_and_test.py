"""From converted files to numbers in process: train, resume, test, for both tasks."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from mmlung.checkpoint import file_sha256
from mmlung.checkpoint import load_checkpoint
from mmlung.cli import main
from mmlung.config import load_config
from mmlung.result import ImageResult

pytestmark = pytest.mark.slow

REPO = Path(__file__).resolve().parent.parent.parent
KINDS = {
    'detector': ('swin_vindr_demo.py', ('AP40', 'mIoU', 'PQ'), ('AP40', 'mIoU')),
    'classifier': ('convnext_chestxray14_demo.py', ('mAUC',), ('AUC', 'AUPRC')),
}
BOTH = pytest.mark.parametrize('kind', KINDS)
PNG = b'\x89PNG\r\n\x1a\n'
N_TEST = 7
"""Odd: two processes pad it, and the padding must not count."""


@pytest.fixture(scope='module')
def trained(tmp_path_factory, write_detection_data, write_classification_data):
    """(kind) -> a training of one epoch, done once: config, options, folders."""
    runs = {}

    def run(kind):
        if kind not in runs:
            runs[kind] = _train(tmp_path_factory.mktemp(kind), kind)
        return runs[kind]

    def _train(folder, kind):
        config = str(REPO / 'configs' / KINDS[kind][0])
        write = {
            'detector': write_detection_data,
            'classifier': write_classification_data,
        }[kind]
        findings = load_config(config).findings
        write(folder / 'data', findings, n=N_TEST)
        options = [f'data_root={folder / "data"}', 'img_size=64', 'max_epochs=1']
        for loader in ('train', 'val', 'test'):
            options.append(f'{loader}_dataloader.num_workers=0')
        work_dir = folder / 'work'
        argv = ['train', config, '--work-dir', str(work_dir), '--cfg-options', *options]
        assert main(argv) == 0
        return SimpleNamespace(
            config=config,
            options=options,
            findings=findings,
            data=folder / 'data',
            work_dir=work_dir,
            checkpoint=work_dir / 'best.pth',
        )

    return run


def read(path):
    """A JSON file of ours: an object, without NaN."""

    def refuse(constant):
        raise AssertionError(f'{path} holds {constant}')

    content = json.loads(path.read_text('utf-8'), parse_constant=refuse)
    assert isinstance(content, dict)
    return content


def run_test(run, out, *flags, checkpoint=None):
    return main(
        ['test', run.config, str(checkpoint or run.checkpoint), '--work-dir', str(out)]
        + [*flags, '--cfg-options', *run.options]
    )


@BOTH
def test_training_leaves_what_the_next_step_needs(trained, kind):
    run = trained(kind)
    for name in ('epoch_1.pth', 'last_checkpoint', Path(run.config).name):
        assert (run.work_dir / name).is_file()
    assert (run.work_dir / 'curves.png').read_bytes().startswith(PNG)
    saved = load_checkpoint(run.checkpoint)  # without pickle
    assert list(saved['meta']['dataset_meta']['classes']) == list(run.findings)
    assert saved['meta']['epoch'] == 1
    (best,) = run.work_dir.glob('best_*.pth')
    assert file_sha256(best) == file_sha256(run.checkpoint)
    assert not list(run.work_dir.glob('*.part'))


@pytest.fixture(scope='module')
def tested(trained, tmp_path_factory):
    """(kind) -> folder with the test of that training, done once, and its output."""
    folders = {}

    def run(kind, capsys):
        if kind not in folders:
            folder = tmp_path_factory.mktemp(f'test-{kind}')
            capsys.readouterr()
            flags = ('--show-dir', str(folder / 'pictures'))
            assert run_test(trained(kind), folder, *flags) == 0
            folders[kind] = folder, capsys.readouterr().out
        return folders[kind]

    return run


@BOTH
def test_three_sizes_are_averaged_at_test_time(trained, tested, kind, tmp_path, capsys):
    assert run_test(trained(kind), tmp_path, '--tta') == 0
    assert read(tmp_path / 'metrics.json')['tta'] is True
    once, _ = tested(kind, capsys)
    plain, averaged = (read(d / 'predictions.json') for d in (once, tmp_path))
    assert [i['image'] for i in plain['images']] == [
        i['image'] for i in averaged['images']
    ]
    assert plain['images'] != averaged['images']
    assert [i['truth'] for i in plain['images']] == [
        i['truth'] for i in averaged['images']
    ]


@BOTH
def test_testing_writes_numbers_and_where_they_come_from(trained, tested, kind, capsys):
    run = trained(kind)
    folder, out = tested(kind, capsys)
    _, headline, per_finding = KINDS[kind]
    metrics = read(folder / 'metrics.json')
    assert metrics['schema'] == 'mmlung.metrics/1'
    assert metrics['checkpoint'] == {
        'file': 'best.pth',
        'sha256': file_sha256(run.checkpoint),
        'untrained': False,
    }
    data = metrics['data']
    assert (data['images'], data['split'], data['split_family']) == (
        7,
        'test',
        'subset',
    )
    assert data['sha256'] == file_sha256(run.data / data['file'])
    for key in headline:
        assert {key, f'{key}_low', f'{key}_high'} <= set(metrics['metrics'])
    assert list(metrics['per_finding']) == list(run.findings)
    for row in metrics['per_finding'].values():
        assert {*per_finding} <= set(row)
    assert metrics['seed'] == 0
    assert 'onedl-mmengine' in metrics['versions']

    predictions = read(folder / 'predictions.json')
    assert predictions['schema'] == 'mmlung.predictions/1'
    assert predictions['checkpoint'] == metrics['checkpoint']
    assert predictions['data'] == data
    assert predictions['findings'] == list(run.findings)
    results = [ImageResult.from_json(image) for image in predictions['images']]
    assert [result.image for result in results] == film_names(run)
    assert all(result.truth is not None for result in results)
    assert {result.patient_id for result in results} == {'p0', 'p1', 'p2', 'p3'}
    assert {result.size_hw for result in results} == {(72, 64), (64, 80)}

    assert (folder / 'contact_sheet.png').read_bytes().startswith(PNG)
    assert (folder / 'roc.png').is_file() == (kind == 'classifier')
    assert ('ROC curves: ' in out) == (kind == 'classifier')
    drawn = {path.stem for path in (folder / 'pictures').glob('*.png')}
    assert drawn == {Path(name).stem for name in film_names(run)}

    table = out[out.index('\nfinding ') :]
    for name in [*run.findings, *headline]:
        assert name in table
    assert 'split: test (subset), 7 images of tiny, ground truth: drawn' in table


def film_names(run):
    content = json.loads((run.data / 'test.json').read_text('utf-8'))
    items = content.get('images') or content['data_list']
    return [item.get('file_name') or item['img_path'] for item in items]


def test_a_number_that_is_not_defined_is_null(trained, tmp_path):
    assert run_test(trained('detector'), tmp_path, checkpoint='none') == 0
    metrics = read(tmp_path / 'metrics.json')
    assert metrics['metrics']['mIoU_TP50'] is None  # nothing was found


@BOTH
def test_the_untrained_network_is_the_floor(trained, kind, tmp_path):
    run = trained(kind)
    out = tmp_path / 'elsewhere' / 'floor.json'
    assert run_test(run, tmp_path, '--out', str(out), checkpoint='none') == 0
    metrics = read(tmp_path / 'metrics.json')
    assert metrics['checkpoint'] == {'file': None, 'sha256': None, 'untrained': True}
    assert len(read(out)['images']) == N_TEST
    assert not (tmp_path / 'predictions.json').exists()


@BOTH
def test_the_same_checkpoint_gives_the_same_numbers(
    trained, tested, kind, tmp_path, capsys
):
    folder, _ = tested(kind, capsys)
    assert run_test(trained(kind), tmp_path) == 0
    for name in ('metrics.json', 'predictions.json'):
        assert read(tmp_path / name) == read(folder / name)


def logged_epochs(work_dir):
    """Epochs of each run in the folder, by the time it started."""
    logs = sorted(work_dir.glob('*/vis_data/scalars.json'))
    epochs = []
    for log in logs:
        lines = [json.loads(line) for line in log.read_text('utf-8').splitlines()]
        epochs.append({line['epoch'] for line in lines if 'loss' in line})
    return epochs


def train(run, work_dir, *flags, options=()):
    argv = ['train', run.config, '--work-dir', str(work_dir), *flags]
    return main([*argv, '--cfg-options', *run.options, *options])


@BOTH
def test_resuming_goes_on_where_it_stopped(trained, kind, tmp_path):
    run = trained(kind)
    assert train(run, tmp_path, '--resume') == 0  # nothing there yet: from the start
    assert train(run, tmp_path, '--resume', options=['max_epochs=2']) == 0
    assert sorted(logged_epochs(tmp_path), key=max) == [{1}, {2}]
    assert load_checkpoint(tmp_path / 'epoch_2.pth')['meta']['epoch'] == 2
    assert (tmp_path / 'best.pth').is_file()


def test_resuming_from_a_named_checkpoint(trained, tmp_path):
    run = trained('classifier')
    flags = ('--resume', str(run.work_dir / 'epoch_1.pth'))
    assert train(run, tmp_path, *flags, options=['max_epochs=2']) == 0
    assert logged_epochs(tmp_path) == [{2}]


def test_without_validation_the_last_checkpoint_is_the_best(trained, tmp_path):
    run = trained('classifier')
    (run.data / 'val.json').rename(run.data / 'hidden')
    try:
        assert train(run, tmp_path, '--no-validate') == 0
    finally:
        (run.data / 'hidden').rename(run.data / 'val.json')
    assert file_sha256(tmp_path / 'best.pth') == file_sha256(tmp_path / 'epoch_1.pth')
    assert not list(tmp_path.glob('best_*.pth'))


@BOTH
def test_amp_trains_in_bfloat16_on_a_cpu_that_has_it(
    trained, kind, tmp_path, monkeypatch
):
    monkeypatch.setattr('mmlung.running.cpu_has_fast_bfloat16', lambda: True)
    monkeypatch.setattr('torch.cuda.is_available', lambda: False)
    assert train(trained(kind), tmp_path, '--amp', '--no-validate') == 0
    (copy,) = tmp_path.glob('*.py')
    assert "type='mmlung.CpuAmpOptimWrapper'" in copy.read_text('utf-8')
    state = load_checkpoint(tmp_path / 'best.pth')['state_dict']
    assert {str(value.dtype) for value in state.values()} <= {
        'torch.float32',
        'torch.int64',
    }


def test_amp_on_another_cpu_warns_and_goes_on(trained, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr('mmlung.running.cpu_has_fast_bfloat16', lambda: False)
    monkeypatch.setattr('torch.cuda.is_available', lambda: False)
    assert train(trained('classifier'), tmp_path, '--amp', '--no-validate') == 0
    assert 'warning: --amp: this CPU has no bfloat16' in capsys.readouterr().err


def test_the_learning_rate_scales_with_the_batch(trained, tmp_path):
    run = trained('classifier')
    assert train(run, tmp_path, '--auto-scale-lr', '--no-validate') == 0
    (log,) = tmp_path.glob('*/*.log')
    # 16 films a batch here, 64 in the recipe.
    assert 'Scaling the original LR by 0.25' in log.read_text('utf-8')


def test_the_untrained_network_does_not_overwrite_the_trained_one(
    trained, tmp_path, monkeypatch
):
    run = trained('classifier')
    monkeypatch.chdir(tmp_path)
    assert main(['test', run.config, 'none', '--cfg-options', *run.options]) == 0
    (metrics,) = tmp_path.glob('work_dirs/*/**/metrics.json')
    assert metrics.parent.name == 'untrained'
    assert read(metrics)['checkpoint']['untrained'] is True


def error_of(capsys, argv):
    capsys.readouterr()
    assert main(argv) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith('error: ')
    return last


def test_user_errors_are_one_line(trained, tmp_path, capsys):
    run = trained('classifier')
    work = ['--work-dir', str(tmp_path)]
    options = ['--cfg-options', *run.options]
    absent = str(tmp_path / 'absent')

    line = error_of(capsys, ['train', f'{absent}.py', *work])
    assert 'absent.py does not exist' in line
    line = error_of(
        capsys, ['train', run.config, *work, *options, f'data_root={absent}']
    )
    assert 'absent/train.json does not exist' in line
    assert '`mmlung convert chestxray14 --help`' in line
    vindr = str(REPO / 'configs' / 'swin_vindr_demo.py')
    line = error_of(
        capsys, ['test', vindr, 'none', *work, '--cfg-options', f'data_root={absent}']
    )
    assert '`mmlung convert vindr --help`' in line
    line = error_of(capsys, ['test', run.config, f'{absent}.pth', *work, *options])
    assert 'checkpoint' in line
    assert 'absent.pth does not exist' in line
    line = error_of(
        capsys, ['train', run.config, *work, '--resume', f'{absent}.pth', *options]
    )
    assert 'absent.pth does not exist' in line
    line = error_of(
        capsys,
        ['test', run.config, str(run.checkpoint), *work, *options, 'findings=["Mass"]'],
    )
    assert 'was trained for Atelectasis' in line
    line = error_of(capsys, ['train', run.config, *work, *options, 'img_size=8'])
    assert 'img_size must be' in line


def test_a_predictions_file_must_be_json(trained, tmp_path, capsys):
    with pytest.raises(SystemExit, match='2'):
        run_test(trained('classifier'), tmp_path, '--out', 'predictions.pkl')
    assert '--out must end in .json, got predictions.pkl' in capsys.readouterr().err


@BOTH
def test_two_processes_give_the_numbers_of_one(trained, tested, kind, tmp_path, capsys):
    run = trained(kind)
    folder, _ = tested(kind, capsys)
    command = [sys.executable, '-m', 'torch.distributed.run', '--standalone']
    command += ['--nproc_per_node=2', 'tools/test.py', run.config]
    command += [str(run.checkpoint), '--work-dir', str(tmp_path)]
    command += ['--launcher', 'pytorch', '--cfg-options', *run.options]
    environment = os.environ | {'OMP_NUM_THREADS': '1', 'PYTHONPATH': str(REPO)}
    done = subprocess.run(
        command, cwd=REPO, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    one, two = (read(path / 'metrics.json') for path in (folder, tmp_path))
    assert close(one.pop('metrics'), two.pop('metrics'))
    assert close(one.pop('per_finding'), two.pop('per_finding'))
    assert one == two
    names = [
        [image['image'] for image in read(path / 'predictions.json')['images']]
        for path in (folder, tmp_path)
    ]
    assert names[0] == names[1]
    assert done.stdout.count('\nmetrics: ') == 1  # one process reports


def close(a, b):
    """Equal up to the order of additions."""
    if isinstance(a, dict):
        return set(a) == set(b) and all(close(a[key], b[key]) for key in a)
    return a is b is None or a == pytest.approx(b, abs=1e-6)
