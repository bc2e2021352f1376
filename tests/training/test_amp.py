import pytest
import torch
from mmengine.config import ConfigDict

from mmlung.registry import OPTIM_WRAPPERS
from mmlung.running import use_amp
from mmlung.training.amp import CpuAmpOptimWrapper
from mmlung.training.amp import cpu_has_fast_bfloat16


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('flags : fpu sse2 avx512f avx512_bf16 fma', True),
        ('flags : fpu amx_bf16 amx_tile', True),
        ('flags : fpu sse2 avx2 avx512f', False),
        ('', False),
    ],
    ids=['avx512', 'amx', 'neither', 'empty'],
)
def test_reads_the_flags_of_the_cpu(tmp_path, text, expected):
    cpuinfo = tmp_path / 'cpuinfo'
    cpuinfo.write_text(text, encoding='utf-8')
    assert cpu_has_fast_bfloat16(cpuinfo) is expected


def test_a_system_without_cpuinfo_has_none(tmp_path):
    assert cpu_has_fast_bfloat16(tmp_path / 'absent') is False


def test_forward_is_in_bfloat16_and_weights_stay_in_float32():
    model = torch.nn.Linear(64, 4)
    before = model.weight.detach().clone()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    wrapper = OPTIM_WRAPPERS.build(
        {'type': 'mmlung.CpuAmpOptimWrapper', 'optimizer': optimizer}
    )
    assert isinstance(wrapper, CpuAmpOptimWrapper)
    with wrapper.optim_context(model):
        output = model(torch.ones(2, 64))
        assert output.dtype == torch.bfloat16
    wrapper.update_params(output.float().pow(2).mean())
    assert model.weight.dtype == torch.float32
    assert not torch.equal(model.weight, before)
    assert not torch.is_autocast_enabled('cpu')


def test_autocast_ends_when_the_step_fails():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    wrapper = CpuAmpOptimWrapper(optimizer=optimizer)
    with pytest.raises(RuntimeError, match='boom'), wrapper.optim_context(None):
        raise RuntimeError('boom')
    assert not torch.is_autocast_enabled('cpu')


@pytest.fixture
def cfg():
    return ConfigDict(optim_wrapper={'type': 'OptimWrapper', 'optimizer': {}})


@pytest.mark.parametrize(
    ('has_gpu', 'has_bfloat16', 'expected'),
    [
        (True, False, 'AmpOptimWrapper'),
        (False, True, 'mmlung.CpuAmpOptimWrapper'),
        (False, False, 'OptimWrapper'),
    ],
    ids=['gpu', 'fast-cpu', 'other-cpu'],
)
def test_amp_is_what_the_device_can(monkeypatch, cfg, has_gpu, has_bfloat16, expected):
    monkeypatch.setattr('torch.cuda.is_available', lambda: has_gpu)
    monkeypatch.setattr('mmlung.running.cpu_has_fast_bfloat16', lambda: has_bfloat16)
    warning = use_amp(cfg)
    assert cfg.optim_wrapper.type == expected
    assert (warning is None) == (has_gpu or has_bfloat16)
    if has_gpu:
        assert cfg.optim_wrapper.loss_scale == 'dynamic'
    if warning:
        assert 'no bfloat16 arithmetic' in warning
        assert 'full precision' in warning
