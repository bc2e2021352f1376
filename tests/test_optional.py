import sys

import pytest

from mmlung._optional import require


def test_a_present_module_is_returned():
    assert require('json.decoder', extra='test') is sys.modules['json.decoder']


@pytest.mark.parametrize('module', ['no_such_package', 'no_such_package.part'])
def test_an_absent_package_names_the_extra(module):
    expected = (
        r'needs the package no_such_package, which is not installed\. '
        r'Install it with: pip install "mmlung\[sr\]"'
    )
    with pytest.raises(ImportError, match=expected) as error:
        require(module, extra='sr')
    assert error.value.name == module


def test_a_package_whose_own_requirement_is_absent_is_called_broken(
    tmp_path, monkeypatch
):
    (tmp_path / 'half_there.py').write_text('import no_such_requirement\n')
    monkeypatch.syspath_prepend(tmp_path)
    expected = r'half_there is installed but cannot be imported: .*no_such_requirement'
    with pytest.raises(ImportError, match=expected) as error:
        require('half_there', extra='sr')
    assert 'pip install --upgrade "mmlung[sr]"' in str(error.value)


def test_an_error_inside_the_package_passes(tmp_path, monkeypatch):
    (tmp_path / 'faulty_here.py').write_text('1 / 0\n')
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ZeroDivisionError):
        require('faulty_here', extra='sr')
