import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import mmlung
from mmlung._quiet import quiet_imports


def test_the_frameworks_are_silent_now_and_later():
    code = (
        'import mmlung\n'
        'from mmlung._quiet import quiet_imports\n'
        'with quiet_imports():\n'
        '    import mmdet, mmpretrain\n'
        'import mmdet.apis, mmdet.evaluation, mmpretrain.datasets\n'
    )
    done = subprocess.run(
        [sys.executable, '-c', code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(mmlung.__file__).parent.parent,
    )
    assert done.stdout == ''
    assert done.stderr == ''


def test_everything_else_passes(capsys):
    with quiet_imports():
        print('Could not import OneDL. Skipping OneDL datasets.')
        print('a line', end='')
        print(' in two parts')
        print('Could not import pydicom')
        print('no end', end='')
        print('Could not import OneDL')
    assert capsys.readouterr().out == (
        'a line in two parts\nCould not import pydicom\nno end'
    )


def test_other_warnings_pass():
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter('always')
        with quiet_imports():
            warnings.warn('faster_coco_eval is not installed, metrics', stacklevel=1)
            warnings.warn('something real', stacklevel=1)
    assert [str(warning.message) for warning in seen] == ['something real']


def test_an_error_passes_and_the_stream_comes_back():
    stream = sys.stdout
    with pytest.raises(ModuleNotFoundError), quiet_imports():
        import no_such_package  # noqa: F401
    assert sys.stdout is stream
