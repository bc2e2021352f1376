import subprocess
import sys
from pathlib import Path

import pytest

import data_converters

from ..nih_download import CLASSIFICATION
from ..nih_download import convert
from ..nih_download import write


def test_older_label_file_names_the_release(nih, tmp_path, capsys):
    lines = (nih / 'Data_Entry_2017_v2020.csv').read_text().splitlines()
    (nih / 'Data_Entry_2017_v2020.csv').unlink()
    write(nih / 'Data_Entry_2017.csv', [f'{line},' for line in lines], newline='\r\n')
    parts = convert(nih, tmp_path / 'out')
    assert parts['test']['metainfo']['release'] == 'Data_Entry_2017'
    assert 'Data_Entry_2017.csv, version 2017, 40 films' in capsys.readouterr().out


@pytest.mark.parametrize('number', ['-1', 'x'])
def test_healthy_must_be_a_number(nih, tmp_path, capsys, number):
    with pytest.raises(SystemExit):
        convert(nih, tmp_path / 'out', '--healthy', number)
    assert 'must be a whole number' in capsys.readouterr().err


def test_healthy_needs_the_box_file(nih, tmp_path, refuse):
    (nih / 'BBox_List_2017.csv').unlink()
    error = refuse('chestxray14', '--root', nih, '--healthy', 3)
    assert '--healthy needs BBox_List_2017.csv' in error
    parts = convert(nih, tmp_path / 'out')
    assert set(parts) == {*CLASSIFICATION, 'conversion_report'}
    warnings = parts['conversion_report']['warnings']
    assert 'no BBox_List_2017.csv: boxes_*.json are not written' in warnings


def test_no_torch_is_imported(nih, tmp_path):
    code = (
        'import sys; from data_converters.__main__ import main; '
        f"assert main(['chestxray14', '--root', {str(nih)!r}, "
        f"'--out', {str(tmp_path / 'out')!r}]) == 0; "
        "print({'torch', 'mmengine', 'mmcv', 'mmdet'} & set(sys.modules))"
    )
    repository = Path(data_converters.__file__).parent.parent
    done = subprocess.run(
        [sys.executable, '-c', code],
        capture_output=True,
        text=True,
        check=True,
        cwd=repository,
    )
    assert done.stdout.splitlines()[-1] == 'set()'
