"""Several processes that share the films, each with its own GPU where there is one."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

import torch
from torch import distributed

_PATIENCE = timedelta(days=7)
"""Processes wait for each other once, at the end: the slowest may be hours behind."""


def join(launcher: str) -> tuple[int, int]:
    """Join the other processes; no tensor travels, so gloo serves GPUs as well.

    Args:
        launcher: ``'none'``, ``'pytorch'``, ``'slurm'`` or ``'mpi'``.

    Returns:
        This process's number and how many there are.

    Raises:
        ValueError: slurm or mpi without GPUs, or pytorch without torchrun.
    """
    if launcher == 'none':
        return 0, 1
    if launcher == 'pytorch':
        if 'RANK' not in os.environ:
            raise ValueError(
                '--launcher pytorch needs torchrun, for example '
                'torchrun --nproc-per-node 2 tools/predict.py ... --launcher pytorch'
            )
        if not distributed.is_initialized():
            distributed.init_process_group('gloo', timeout=_PATIENCE)
        if torch.cuda.is_available():
            torch.cuda.set_device(
                int(os.environ['LOCAL_RANK']) % torch.cuda.device_count()
            )
    else:
        if not torch.cuda.is_available():
            raise ValueError(
                f'--launcher {launcher} needs GPUs. On CPUs start the processes with '
                'torchrun and pass --launcher pytorch.'
            )
        from mmengine.dist import init_dist

        init_dist(launcher, backend='gloo')
    return distributed.get_rank(), distributed.get_world_size()


def gathered(items: list[Any]) -> list[Any]:
    """The items of all processes, once all have come here."""
    if not distributed.is_initialized():
        return items
    everyone: list[list[Any]] = [[] for _ in range(distributed.get_world_size())]
    distributed.all_gather_object(everyone, items)
    return [item for part in everyone for item in part]
