"""mmlung before mmcv: its finder serves ``mmcv._ext`` where nothing is compiled."""

import numpy as np
import pytest
import torch

import mmlung  # noqa: F401

CPU_AND_GPU = ['cpu', pytest.param('cuda', marks=pytest.mark.gpu)]


@pytest.fixture(scope='package', autouse=True)
def _one_thread():
    """The tensors are tiny: threads only wait for one another on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


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
            [0, 3.13, 4.07, 31.29, 22.83],
            [1, 10.31, 1.77, 15.19, 38.23],
            [1, -6.41, -9.29, 12.37, 7.53],
            [0, 30.11, 28.19, 55.43, 61.61],
            [0, 90.17, 90.31, 120.71, 130.03],
            [1, 11.0, 12.0, 11.0, 12.0],
        ]
    )
