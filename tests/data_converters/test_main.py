import shlex
import subprocess
import sys

import pytest

from data_converters.__main__ import READERS
from data_converters.__main__ import main
from data_converters.__main__ import parse_args


def test_help_names_every_reader_and_gives_examples(capsys):
    with pytest.raises(SystemExit) as left:
        main(['--help'])
    assert left.value.code == 0
    assert 'vindr' in capsys.readouterr().out
    with pytest.raises(SystemExit) as left:
        main(['vindr', '--help'])
    assert left.value.code == 0
    printed = capsys.readouterr().out
    assert 'python -m data_converters vindr --root' in printed


def test_nothing_prints_help(capsys):
    with pytest.raises(SystemExit) as left:
        main([])
    assert left.value.code == 2
    printed = capsys.readouterr()
    assert 'usage: python -m data_converters' in printed.out
    assert 'vindr' in printed.out
    assert not printed.err


@pytest.mark.parametrize(
    ('argv', 'message'),
    [
        (['vinder'], "invalid choice: 'vinder'"),
        (['vindr'], '--out'),
        (['vindr', '--out', 'x', '--val-fraction', '1.5'], 'must be a number in'),
        (['vindr', '--out', 'x', '--val-fraction', 'ten'], 'must be a number in'),
        (['vindr', '--out', 'x', '--limit', '0'], 'a whole number of at least 1'),
        (['vindr', '--out', 'x', '--workers', '0'], 'a whole number of at least 1'),
        (['vindr', '--out', 'x', '--seed', '-1'], 'a whole number of at least 0'),
        (['vindr', '--out', ''], 'must name a folder, got an empty name'),
        (['chestxray14', '--root', 'x', '--out', 'x', '--healthy', '²'], 'a whole n'),
        (['vindr', '--out', 'x', '--min-votes', '0'], 'a whole number of at least 1'),
        (['vindr', '--out', 'x', '--readers', 'mean'], "invalid choice: 'mean'"),
    ],
    ids=[
        'name',
        'out',
        'fraction',
        'no-number',
        'limit',
        'workers',
        'seed',
        'no-out',
        'digit',
        'votes',
        'readers',
    ],
)
def test_a_wrong_command_line_is_one_line(capsys, argv, message):
    with pytest.raises(SystemExit) as left:
        main(argv)
    assert left.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith('error: ')
    assert message in error
    assert error.count('\n') == 1


@pytest.mark.parametrize(
    ('typed', 'program'),
    [
        ('/venv/bin/mmlung', 'mmlung convert'),
        ('/repo/mmlung/cli.py', 'mmlung convert'),
        ('/repo/data_converters/__main__.py', 'python -m data_converters'),
    ],
)
@pytest.mark.parametrize('name', READERS)
def test_examples_can_be_typed(capsys, monkeypatch, typed, program, name):
    """Each example of the help is a command line that the reader understands."""
    monkeypatch.setattr(sys, 'argv', [typed])
    with pytest.raises(SystemExit):
        main([name, '--help'])
    printed = capsys.readouterr().out.replace('\\\n', ' ')
    lines = [shlex.split(line) for line in printed.splitlines() if '--out data' in line]
    assert len(lines) >= 3
    for line in lines:
        words = program.split()
        assert line[: len(words) + 1] == [*words, name]
        parse_args(line[len(words) :])


def test_an_error_of_the_system_is_one_line(tmp_path, capsys, monkeypatch):
    def full(*_):
        raise OSError(28, 'No space left on device', str(tmp_path / 'out'))

    monkeypatch.setattr('data_converters.__main__.check_out', full)
    argv = ['vindr', '--annotations', str(tmp_path), '--out', str(tmp_path / 'out')]
    assert main(argv) == 2
    error = capsys.readouterr().err
    assert error == f'error: {tmp_path}/out: No space left on device\n'


def test_start_is_light():
    """Help must not wait for pandas, SciPy, torch or anything of OpenMMLab."""
    code = (
        'import sys; from data_converters.__main__ import main\n'
        'try: main(["vindr", "--help"])\n'
        'except SystemExit: pass\n'
        'heavy = {"pandas", "scipy", "torch", "mmengine", "mmcv", "pydicom", "cv2"}\n'
        'print("heavy:", sorted(heavy & set(sys.modules)))'
    )
    done = subprocess.run(
        [sys.executable, '-c', code], capture_output=True, text=True, check=True
    )
    assert done.stdout.endswith('heavy: []\n')
