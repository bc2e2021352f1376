import argparse
import logging
from pathlib import Path

import pytest
from mmengine.config import ConfigDict

from mmlung import running
from mmlung.running import add_runner_arguments
from mmlung.running import build_runner
from mmlung.running import config_of

CONFIG = Path(__file__).resolve().parent.parent / 'configs' / 'convnext_chestxray14.py'


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    monkeypatch.setenv('LOCAL_RANK', '0')  # restored afterwards, whatever sets it


def config_from(*argv):
    parser = argparse.ArgumentParser()
    parser.add_argument('config')
    add_runner_arguments(parser)
    return config_of(parser.parse_args([str(CONFIG), *argv]))


def test_the_command_line_becomes_a_config():
    cfg = config_from(
        '--launcher=pytorch',
        '--work-dir=here',
        '--cfg-options',
        'findings=["Mass","Nodule"]',
        'img_size=96',
        'init_checkpoint=None',
        'optim_wrapper.optimizer.lr=0.5',
    )
    assert (cfg.launcher, cfg.work_dir) == ('pytorch', 'here')
    assert cfg.model.head.num_classes == 2
    assert cfg.train_dataloader.dataset.metainfo.classes == ['Mass', 'Nodule']
    assert cfg.img_size == 96
    assert cfg.init_checkpoint is None
    assert cfg.optim_wrapper.optimizer.lr == 0.5


def test_results_go_to_a_folder_named_after_the_config():
    assert Path(config_from().work_dir) == Path('work_dirs', 'convnext_chestxray14')
    assert config_from('--cfg-options', 'work_dir=mine').work_dir == 'mine'
    both = config_from('--work-dir=flag', '--cfg-options', 'work_dir=mine')
    assert both.work_dir == 'flag'


@pytest.mark.parametrize('flag', ['--local_rank', '--local-rank'])
def test_the_rank_of_old_launchers_is_taken(monkeypatch, flag):
    import os

    monkeypatch.delenv('LOCAL_RANK')
    config_from(f'{flag}=3')
    assert os.environ['LOCAL_RANK'] == '3'
    config_from(f'{flag}=1')  # the launcher's own variable wins
    assert os.environ['LOCAL_RANK'] == '3'


@pytest.mark.parametrize('launcher', ['slurm', 'mpi'])
def test_launchers_that_need_gpus_say_so(monkeypatch, launcher):
    monkeypatch.setattr('torch.cuda.is_available', lambda: False)
    with pytest.raises(
        ValueError, match=rf'--launcher {launcher} needs GPUs.*torchrun'
    ):
        build_runner(ConfigDict(launcher=launcher))


@pytest.mark.parametrize(
    ('evaluator', 'expected'),
    [
        ({'type': 'A'}, ['gpu']),
        ([{'type': 'A'}, {'type': 'B', 'collect_device': 'cpu'}], ['gpu', 'cpu']),
        (None, []),
    ],
    ids=['one', 'two', 'none'],
)
def test_processes_gather_results_without_a_folder(evaluator, expected):
    cfg = ConfigDict(val_evaluator=evaluator)
    running._gather_without_files(cfg)
    metrics = cfg.val_evaluator or []
    metrics = metrics if isinstance(metrics, list) else [metrics]
    assert [metric['collect_device'] for metric in metrics] == expected


@pytest.mark.parametrize(
    ('text', 'kept'),
    [
        ('paramwise_options -- backbone.norm.bias:lr=0.1', False),
        ('Checkpoints will be saved to here.', True),
    ],
    ids=['parameter', 'other'],
)
def test_the_log_has_no_line_for_each_parameter(text, kept):
    record = logging.LogRecord('a', logging.INFO, 'a.py', 1, text, (), None)
    assert running._says_more_than_one_parameter(record) is kept
