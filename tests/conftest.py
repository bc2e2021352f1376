"""Fixtures that every test may use."""

import importlib.util
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parent.parent


@pytest.fixture(scope='session')
def shared_data() -> Path:
    """Folder of real radiographs and reference outputs, outside the repository."""
    folder = REPO.parent / 'shared' / 'data'
    if not folder.is_dir():
        pytest.skip('needs the real films and reference outputs of ../shared/data')
    return folder


@pytest.fixture(scope='session')
def xrv_data() -> Path:
    """Folder of the real annotation CSVs that torchxrayvision carries."""
    spec = importlib.util.find_spec('torchxrayvision')
    if spec is None or spec.origin is None:
        pytest.skip('needs the annotation files of torchxrayvision: pip install .[test]')
    return Path(spec.origin).parent / 'data'


@pytest.fixture(autouse=True)
def _default_scope():
    """mmengine's default scope is global state: every test starts without one."""
    yield
    try:
        from mmengine.registry import DefaultScope
    except ImportError:
        return
    DefaultScope._instance_dict.clear()


def pytest_collection_modifyitems(items):
    """Skip what needs a GPU where there is none."""
    if not any('gpu' in item.keywords for item in items):
        return
    import torch

    if not torch.cuda.is_available():
        skip = pytest.mark.skip(reason='needs a CUDA device')
        for item in items:
            if 'gpu' in item.keywords:
                item.add_marker(skip)
