from pathlib import Path

import pytest
import torch
from torch import nn
from torch.autograd.graph import saved_tensors_hooks

from benchmarks import detector_cost as cost

CONFIGS = Path(__file__).parents[2] / 'configs'


@pytest.mark.parametrize('device', ['cpu', 'meta'])
def test_what_autograd_keeps_is_counted_once(device):
    """A linear layer keeps its input, ReLU its output, and the next layer the same."""
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4)).to(device)
    kept = cost.Kept(model)
    with saved_tensors_hooks(kept.pack, lambda tensor: tensor):
        model(torch.zeros(32, 8, device=device))
    assert kept.n_bytes == 4 * 32 * (8 + 16)


def test_memory_and_time_by_hand():
    one = cost.Cost('x', 2, 10**9, step_flops=4 * 10**12, kept_bytes=2**30)
    assert one.memory_gib(0.5) == pytest.approx(20 * 10**9 / 2**30 + 1.5)
    assert one.epoch_minutes(films=600, tflops=10) == pytest.approx(2.0)
    row = cost.table([one], 600, 10, 0.5).splitlines()[-1]
    assert row == '| `x.py` | 1000 | 2 | 2.00 | 20.1 | 2 |'


def test_an_epoch_is_that_of_the_recipe():
    assert cost.VINDR_EPOCH == 5492
    names = {path.stem for path in cost.full_size_detectors()}
    assert {'swin_vindr', 'swin-b_vindr', 'swin_retinanet_vindr'} <= names
    assert not any('demo' in name for name in names)


def test_a_small_detector():
    """Twice the films, twice the work, but not twice the weights."""
    config = CONFIGS / 'swin_vindr_demo.py'
    one = cost.cost_of(config, img_size=64, batch_size=1)
    two = cost.cost_of(config, img_size=64, batch_size=2)
    assert one.parameters == two.parameters > 1e6
    assert two.step_flops == pytest.approx(2 * one.step_flops, rel=0.01)
    assert two.kept_bytes == pytest.approx(2 * one.kept_bytes, rel=0.1)


def test_a_classifier_is_refused(capsys):
    config = str(CONFIGS / 'convnext_chestxray14.py')
    assert cost.main([config]) == 2
    assert 'convnext_chestxray14.py is no detector' in capsys.readouterr().err
