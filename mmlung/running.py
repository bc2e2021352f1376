"""From a config and command-line flags to a Runner, the same for train and test."""

from __future__ import annotations

import argparse
import copy
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from mmlung.checkpoint import trust
from mmlung.checkpoint import use_safe_loading
from mmlung.config import load_config
from mmlung.training.amp import cpu_has_fast_bfloat16

if TYPE_CHECKING:
    from mmengine.config import Config
    from mmengine.runner import Runner


def add_runner_arguments(parser: argparse.ArgumentParser) -> None:
    """OpenMMLab's flags that training and testing share."""
    from mmengine.config import DictAction

    parser.add_argument(
        '--work-dir', help='where results go (default: work_dirs/CONFIG_NAME)'
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        metavar='KEY=VALUE',
        help='override settings of the config, for example data_root=data/mine '
        'img_size=512 train_dataloader.batch_size=4',
    )
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='job launcher (default: %(default)s)',
    )
    parser.add_argument(
        '--trust-checkpoint',
        nargs='+',
        default=[],
        metavar='FILE',
        help='load these files even if they hold more than weights: they can run code '
        'on this machine, so know where they come from',
    )
    parser.add_argument(
        '--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS
    )


def config_of(args: argparse.Namespace) -> Config:
    """Config of the command line, with work dir and launcher set."""
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    for path in args.trust_checkpoint:
        trust(path)
    cfg = load_config(args.config, args.cfg_options)
    cfg.launcher = args.launcher
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        cfg.work_dir = str(Path('work_dirs') / Path(args.config).stem)
    return cfg


def use_amp(cfg: Config) -> str | None:
    """Train in mixed precision where the device can, in place.

    Returns:
        A warning when the device cannot, and nothing was changed; else None.
    """
    if torch.cuda.is_available():
        cfg.optim_wrapper.type = 'AmpOptimWrapper'
        cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')
    elif cpu_has_fast_bfloat16():
        cfg.optim_wrapper.type = 'mmlung.CpuAmpOptimWrapper'
    else:
        return (
            '--amp: this CPU has no bfloat16 arithmetic (AVX512_BF16 or AMX), which '
            'would be slower than full precision: training in full precision'
        )
    return None


def build_runner(cfg: Config) -> Runner:
    """Runner of the config; checkpoints load without pickle from here on.

    Raises:
        ValueError: several processes were asked for in a way that needs GPUs.
    """
    from mmengine.registry import RUNNERS
    from mmengine.runner import Runner

    use_safe_loading()
    if cfg.get('launcher', 'none') != 'none':
        cfg = copy.deepcopy(cfg)  # where it runs is no part of what was measured
        _gather_without_files(cfg)
        if not torch.cuda.is_available():
            _join_processes_on_cpus(cfg)
    runner = RUNNERS.build(cfg) if 'runner_type' in cfg else Runner.from_cfg(cfg)
    runner.logger.addFilter(_says_more_than_one_parameter)
    return runner


def _says_more_than_one_parameter(record: logging.LogRecord) -> bool:
    """Keep out what mmengine logs of each single parameter, hundreds of lines."""
    return not record.getMessage().startswith('paramwise_options -- ')


def _gather_without_files(cfg: Config) -> None:
    """Let the metrics' results travel between the processes directly.

    By default mmengine has each process write them to ``.dist_test`` in the current
    folder, which all machines must share, and leaves that folder behind.
    """
    for name in ('val_evaluator', 'test_evaluator'):
        metrics = cfg.get(name) or []
        for metric in metrics if isinstance(metrics, list | tuple) else [metrics]:
            metric.setdefault('collect_device', 'gpu')  # the name of mmengine's way


def _join_processes_on_cpus(cfg: Config) -> None:
    """Join the other processes over gloo; mmengine insists on a GPU for that."""
    if cfg.launcher != 'pytorch':
        raise ValueError(
            f'--launcher {cfg.launcher} needs GPUs. On CPUs start the processes with '
            'torchrun and pass --launcher pytorch.'
        )
    if not torch.distributed.is_initialized():
        torch.distributed.init_process_group('gloo')
    wrapper = {
        'type': 'MMDistributedDataParallel',
        'device_ids': None,  # mmengine's default names a GPU
        'broadcast_buffers': False,
        'find_unused_parameters': cfg.get('find_unused_parameters', False),
    }
    cfg.setdefault('model_wrapper_cfg', wrapper)
