"""mmlung before mmcv: its finder serves ``mmcv._ext`` where nothing is compiled."""

import numpy as np
import pytest
import torch

import mmlung  # noqa: F401

CPU_AND_GPU = ['cpu', pytest.param('cuda', marks=pytest.mark.gpu)]


@pytest.fixture(params=CPU_AND_GPU)
def device(request):
    return request.param


@pytest.fixture(scope='session')
def golden(shared_data):
    """Inputs and outputs of the compiled ops of onedl-mmcv 2.3.6, as tensors."""
    with np.load(shared_data / 'mmcv_ops_golden.npz') as file:
        return {name: torch.from_numpy(file[name]) for name in file.files}


@pytest.fixture
def boxes():
    """(40, 4) boxes with many overlaps, and (40,) distinct scores."""
    generator = torch.Generator().manual_seed(3)
    near = torch.rand(40, 2, generator=generator) * 20
    size = torch.rand(40, 2, generator=generator) * 20 + 1
    score = torch.randperm(40, generator=generator) / 40 + 0.01
    return torch.cat([near, near + size], dim=1), score


@pytest.fixture
def regions():
    """(6, 5) regions on two 40-px images: inside, across borders, outside, no area."""
    return torch.tensor(
        [
            [0, 3.0, 4.0, 31.0, 22.0],
            [1, 10.3, 1.7, 15.1, 38.2],
            [1, -6.0, -9.0, 12.0, 7.0],
            [0, 30.0, 28.0, 55.0, 61.0],
            [0, 90.0, 90.0, 120.0, 130.0],
            [1, 11.0, 12.0, 11.0, 12.0],
        ]
    )
