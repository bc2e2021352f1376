"""Importing mmlung is light and silent, and a compiled mmcv always wins."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import mmlung

REPO = Path(mmlung.__file__).parent.parent


def run(code, *path):
    """Standard output of a fresh interpreter; warnings are errors."""
    search = [str(p) for p in (*path, REPO)]
    preamble = f'import sys; sys.path[:0] = {search!r}\n'
    command = [sys.executable, '-W', 'error', '-c', preamble + code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, '')
    return done.stdout


def test_importing_loads_no_framework_and_says_nothing():
    out = run(
        'before = set(sys.modules)\n'
        'import mmlung\n'
        'print(sorted({m.partition(".")[0] for m in set(sys.modules) - before}))\n'
    )
    loaded = set(eval(out))
    third_party = loaded - sys.stdlib_module_names - {'mmlung'}
    assert third_party == set()


def finders():
    return [getattr(finder, '__name__', '') for finder in sys.meta_path]


def test_the_finder_is_the_last_and_only_one():
    assert finders().count('_MmcvExtFallback') == 1
    importlib.reload(mmlung)
    assert finders().count('_MmcvExtFallback') == 1
    out = run('import mmlung; print(sys.meta_path[-1].__name__)')
    assert out == '_MmcvExtFallback\n'


@pytest.mark.parametrize('name', ['mmcv', 'mmcv.ops', 'torch', 'mmcv._ext2'])
def test_the_finder_answers_for_one_name_only(name):
    (finder,) = (f for f in sys.meta_path if f.__class__ is type and is_ours(f))
    assert finder.find_spec(name) is None
    assert finder.find_spec('mmcv._ext').has_location


def is_ours(finder):
    return finder.__name__ == '_MmcvExtFallback'


WHOSE = 'import mmlung, mmcv._ext; print(mmcv._ext.__file__, mmcv._ext.nms)'


@pytest.fixture
def mmcv_folder(tmp_path):
    """A stand-in for mmcv without compiled ops."""
    (tmp_path / 'mmcv').mkdir()
    (tmp_path / 'mmcv' / '__init__.py').touch()
    return tmp_path


def test_a_compiled_module_wins(mmcv_folder):
    (mmcv_folder / 'mmcv' / '_ext.py').write_text('nms = "compiled"\n')
    file, op = run(WHOSE, mmcv_folder).split()
    assert Path(file) == mmcv_folder / 'mmcv' / '_ext.py'
    assert op == 'compiled'


def test_without_one_ours_serves(mmcv_folder):
    out = run(WHOSE, mmcv_folder)
    assert out.startswith(str(REPO / 'mmlung' / '_mmcv_ext'))
    assert '<function nms' in out


def test_without_mmcv_its_absence_is_what_is_reported():
    code = (
        'import mmlung\n'
        'sys.path = [p for p in sys.path if "site-packages" not in p]\n'
        'try:\n'
        '    import mmcv._ext\n'
        'except ModuleNotFoundError as error:\n'
        '    print(error.name)\n'
    )
    assert run(code) == 'mmcv\n'
