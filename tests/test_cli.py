import subprocess
import sys
from pathlib import Path

import pytest

import mmlung
from mmlung import cli
from mmlung.cli import COMMANDS
from mmlung.cli import main
from mmlung.cli import one_line_errors

REPO = Path(mmlung.__file__).resolve().parent.parent


@pytest.mark.parametrize(
    ('error', 'line'),
    [
        (FileNotFoundError('no film.png here'), 'error: no film.png here'),
        (ValueError('two\n  lines\tof text'), 'error: two lines of text'),
        (ConnectionError('no network'), 'error: no network'),
        (
            PermissionError(13, 'Permission denied', '/a'),
            'error: [Errno 13] Permission',
        ),
    ],
    ids=['missing', 'value', 'network', 'permission'],
)
def test_a_user_error_is_one_line_and_exit_code_2(capsys, error, line):
    @one_line_errors
    def tool(argv=None):
        raise error

    assert tool([]) == 2
    out, err = capsys.readouterr()
    assert out == ''
    assert err.startswith(line)
    assert err.count('\n') == 1


def test_an_error_in_a_worker_is_its_own_text(capsys):
    from torch.utils.data import DataLoader

    class Broken:
        def __len__(self):
            return 1

        def __getitem__(self, index):
            raise ValueError('a.png: a truncated PNG.\nCopy it again.')

    @one_line_errors
    def tool(argv=None):
        return len(list(DataLoader(Broken(), num_workers=1)))

    assert tool([]) == 2
    assert capsys.readouterr().err == 'error: a.png: a truncated PNG. Copy it again.\n'


def test_a_fault_of_ours_keeps_its_traceback():
    @one_line_errors
    def tool(argv=None):
        raise KeyError('x')

    with pytest.raises(KeyError):
        tool([])


def test_a_success_passes_with_its_arguments(capsys):
    @one_line_errors
    def tool(argv=None):
        """What it does."""
        return len(argv)

    assert tool(['a', 'b']) == 2
    assert tool.__doc__ == 'What it does.'
    assert capsys.readouterr().err == ''


def test_debugging_shows_the_traceback(capsys, monkeypatch):
    @one_line_errors
    def tool(argv=None):
        raise ValueError('wrong')

    monkeypatch.setenv('MMLUNG_DEBUG', '1')
    assert tool([]) == 2
    err = capsys.readouterr().err
    assert 'Traceback' in err
    assert err.endswith('error: wrong\n')


@pytest.mark.parametrize('command', COMMANDS)
def test_every_command_explains_itself(capsys, command):
    with pytest.raises(SystemExit, match='0'):
        main([command, '--help'])
    out = capsys.readouterr().out
    assert out.startswith('usage: ')
    assert len(out.splitlines()) > 3


@pytest.mark.parametrize('command', ['train', 'test'])
def test_openmmlabs_flags_are_there(capsys, command):
    with pytest.raises(SystemExit, match='0'):
        main([command, '--help'])
    out = capsys.readouterr().out
    shared = ['--work-dir', '--cfg-options', '--launcher']
    own = {
        'train': ['--resume', '--amp', '--auto-scale-lr', '--no-validate'],
        'test': ['--out', '--show-dir', '--tta'],
    }
    for flag in [*shared, *own[command]]:
        assert flag in out


def test_the_commands_are_listed(capsys):
    with pytest.raises(SystemExit, match='0'):
        main(['--help'])
    out = capsys.readouterr().out
    for command, text in COMMANDS.items():
        assert f'{command:10s} {text}' in out
    assert str(REPO / 'configs') in out
    assert 'not a medical device' in ' '.join(out.split())


def test_version(capsys):
    with pytest.raises(SystemExit, match='0'):
        main(['--version'])
    assert capsys.readouterr().out.strip() == mmlung.__version__


def test_an_unknown_command_is_refused(capsys):
    with pytest.raises(SystemExit, match='2'):
        main(['tarin'])
    assert 'COMMAND' in capsys.readouterr().err


def test_without_a_command_the_list_is_shown(capsys):
    assert main([]) == 2
    said = capsys.readouterr().err
    assert all(command in said for command in COMMANDS)


def test_arguments_go_to_the_command(capsys):
    assert main(['train', 'absent.py']) == 2
    assert capsys.readouterr().err.startswith('error: config absent.py does not exist')


def test_arguments_default_to_the_command_line(monkeypatch, capsys):
    monkeypatch.setattr(sys, 'argv', ['mmlung', '--version'])
    with pytest.raises(SystemExit, match='0'):
        main()
    assert capsys.readouterr().out.strip() == mmlung.__version__


def test_home_is_the_checkout_or_what_the_wheel_brought(monkeypatch, tmp_path):
    assert cli.home() == REPO
    package = tmp_path / 'site-packages' / 'mmlung'
    (package / '.mim' / 'tools').mkdir(parents=True)
    monkeypatch.setattr(mmlung, '__file__', str(package / '__init__.py'))
    assert cli.home() == package / '.mim'


def test_an_incomplete_installation_is_said(monkeypatch, tmp_path, capsys):
    package = tmp_path / 'mmlung'
    (package / '.mim').mkdir(parents=True)
    monkeypatch.setattr(mmlung, '__file__', str(package / '__init__.py'))
    with pytest.raises(FileNotFoundError, match=r'train\.py'):
        main(['train'])


def test_the_command_starts_without_a_framework():
    code = (
        'import sys\nfrom mmlung.cli import main\n'
        'try:\n    main(["--help"])\nexcept SystemExit:\n    pass\n'
        'print(sorted({"torch", "mmengine", "mmcv"} & set(sys.modules)))'
    )
    done = subprocess.run(
        [sys.executable, '-c', code],
        cwd=REPO,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == '[]'
