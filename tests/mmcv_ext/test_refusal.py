"""What is not served is refused by name; nothing is silently ignored."""

import importlib
import importlib.util
import inspect
from pathlib import Path

import mmcv._ext
import mmcv.ops
import pytest
import torch
from mmcv.ops.info import get_compiler_version
from mmcv.ops.info import get_compiling_cuda_version
from mmengine.utils.dl_utils.misc import mmcv_full_available

import mmlung._mmcv_ext


def test_an_op_that_is_not_served_says_its_name_and_what_to_do():
    features, masks = torch.zeros(1, 2, 4, 4), torch.zeros(1, 25, 8, 8)
    with pytest.raises(NotImplementedError, match=r"mmcv's op 'carafe_forward'") as e:
        mmcv.ops.carafe(features, masks, 5, 1, 2)
    assert 'MMCV_WITH_OPS=1 pip install' in str(e.value)
    assert 'roi_align_forward' in str(e.value)


def test_special_names_are_not_ops():
    with pytest.raises(AttributeError, match='__wrapped__'):
        _ = mmcv._ext.__wrapped__
    assert inspect.unwrap(mmcv._ext) is mmcv._ext
    assert not hasattr(mmcv._ext, '_private')


def test_the_module_is_a_real_one():
    spec = importlib.util.find_spec('mmcv._ext')
    assert mmcv._ext.__spec__.name == 'mmcv._ext'
    assert Path(spec.origin) == Path(mmlung._mmcv_ext.__file__)
    assert mmcv_full_available()


def test_every_name_that_mmcv_asks_for_is_there():
    for path in Path(mmcv.ops.__file__).parent.glob('*.py'):
        importlib.import_module(f'mmcv.ops.{path.stem}')
    missing = [
        name for name in mmlung._mmcv_ext.__all__ if not hasattr(mmcv._ext, name)
    ]
    assert missing == []


def test_the_environment_report_says_that_nothing_was_compiled():
    assert get_compiler_version().startswith('none (ops served by mmlung')
    assert get_compiling_cuda_version() == 'not available'
