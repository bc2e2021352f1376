"""Mixed precision on CPUs: bfloat16 through ``torch.autocast``.

mmengine's ``AmpOptimWrapper`` asserts a GPU; bfloat16 needs no loss scaling, so a plain
wrapper with an autocast context is all that a CPU wants.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from mmengine.optim import OptimWrapper

from mmlung.registry import OPTIM_WRAPPERS

_FAST_FLAGS = ('avx512_bf16', 'amx_bf16')


@OPTIM_WRAPPERS.register_module()
class CpuAmpOptimWrapper(OptimWrapper):
    """Optimizer wrapper whose forward pass runs in bfloat16 where that is safe."""

    @contextmanager
    def optim_context(self, model: torch.nn.Module) -> Iterator[None]:
        """Autocast to bfloat16 around the forward pass of one step."""
        with super().optim_context(model), torch.autocast('cpu', torch.bfloat16):
            yield


def cpu_has_fast_bfloat16(cpuinfo: Path = Path('/proc/cpuinfo')) -> bool:
    """Whether this CPU multiplies bfloat16 natively (AVX512_BF16 or AMX).

    Without that, PyTorch emulates it, which is slower than full precision. Systems
    without ``/proc/cpuinfo`` count as not having it.
    """
    if not cpuinfo.is_file():
        return False
    flags = cpuinfo.read_text(encoding='utf-8', errors='replace')
    return any(flag in flags for flag in _FAST_FLAGS)
