import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import mmlung
from mmlung._pipe import UNREAD
from mmlung._pipe import quiet_when_unread
from mmlung.cli import one_line_errors

REPO = Path(mmlung.__file__).resolve().parent.parent
LONG = """
import sys
from {module} import {decorator}

@{decorator}
def main(argv=None):
    for i in range(100_000):
        print(i)
    return 0

sys.exit(main())
"""


def run_unread(*argv):
    """(exit code, stderr) of a Python program whose reader goes after one line."""
    env = {**os.environ, 'PYTHONPATH': str(REPO)}
    process = subprocess.Popen(
        [sys.executable, *argv],
        env=env,
        cwd=REPO,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    process.stdout.readline()
    process.stdout.close()
    process.stdin.close()  # what waits for it goes on
    error = process.stderr.read()
    process.stderr.close()
    return process.wait(timeout=60), error


@pytest.mark.parametrize(
    ('module', 'decorator'),
    [('mmlung._pipe', 'quiet_when_unread'), ('mmlung.cli', 'one_line_errors')],
    ids=['plain', 'tool'],
)
def test_a_program_ends_quietly(module, decorator):
    code = LONG.format(module=module, decorator=decorator)
    assert run_unread('-c', code) == (UNREAD, '')


def test_a_short_output_ends_quietly_too():
    """It lies in the buffer until the end."""
    code = (
        'import sys\nfrom mmlung._pipe import quiet_when_unread\n'
        'print("first", flush=True)\nsys.stdin.readline()\n'
        'main = quiet_when_unread(lambda argv: print("last") or 0)\n'
        'sys.exit(main([]))'
    )
    assert run_unread('-c', code) == (UNREAD, '')


def test_a_conversion_ends_quietly_and_is_written(tmp_path):
    films, out = tmp_path / 'films', tmp_path / 'out'
    films.mkdir()
    Image.new('L', (20, 20)).save(films / 'a.png')
    head = 'image,finding,xmin,ymin,xmax,ymax,image_width,image_height,split\n'
    (films / 'boxes.csv').write_text(head + 'a.png,Nodule,1,1,9,9,20,20,train\n')
    argv = ['csv', '--annotations', str(films / 'boxes.csv'), '--images', str(films)]
    argv += ['--out', str(out)]
    code = (
        'import sys\nprint("first", flush=True)\nsys.stdin.readline()\n'
        'from data_converters.__main__ import main\n'
        f'sys.exit(main({argv}))'
    )
    assert run_unread('-c', code) == (UNREAD, '')
    assert (out / 'conversion_report.json').is_file()


@pytest.mark.parametrize('wrap', [quiet_when_unread, one_line_errors])
def test_another_broken_pipe_is_an_error(wrap, capsys):
    @wrap
    def tool(argv=None):
        raise BrokenPipeError(32, 'a worker is gone')

    if wrap is one_line_errors:
        assert tool([]) == 2
        assert 'a worker is gone' in capsys.readouterr().err
    else:
        with pytest.raises(BrokenPipeError, match='a worker is gone'):
            tool([])


def test_exit_codes_pass():
    assert quiet_when_unread(lambda argv: 3)([]) == 3
    with pytest.raises(SystemExit, match='2'):
        quiet_when_unread(lambda argv: sys.exit(2))([])
