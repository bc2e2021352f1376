"""Every command of the README and of docs/ is one that its tool understands."""

import importlib.util
import re
import shlex
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parent.parent
TEXT = (REPO / 'README.md').read_text(encoding='utf-8')
PAGES = [TEXT, *(p.read_text(encoding='utf-8') for p in (REPO / 'docs').glob('*.md'))]


def commands_of(page: str) -> list[str]:
    """Lines of code blocks, and the commands that stand in the text."""
    lines = [
        line.split('  #')[0].strip()
        for block in re.findall(r'```\n(.*?)```', page, re.DOTALL)
        for line in block.replace('\\\n', '').splitlines()
    ]
    inline = re.findall(r'`(mmlung \w+ [^`]+)`', page)
    return lines + [c for c in inline if '--' in c or '.py' in c]  # not a mere name


LINES = commands_of(TEXT)
WITH_CONFIG = (
    *('train', 'calibrate', 'test', 'submission'),
    *('predict', 'gradcam', 'cam-benchmark'),
)
COMMANDS = sorted(
    {' '.join(c.split()) for p in PAGES for c in commands_of(p) if 'mmlung ' in c[:7]}
)


def tool(name: str):
    spec = importlib.util.spec_from_file_location(name, REPO / 'tools' / f'{name}.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_first_two_commands_are_demo_and_test():
    makes = [line for line in LINES if line.startswith('make ')]
    assert makes[:2] == ['make demo', 'make test']
    targets = re.findall(r'^(\w+):', (REPO / 'Makefile').read_text(), re.MULTILINE)
    assert {'demo', 'test', 'setup'} <= set(targets)


def test_there_are_commands():
    assert len(COMMANDS) >= 7


@pytest.mark.parametrize('command', COMMANDS)
def test_its_tool_understands_it(command):
    _, name, *argv = shlex.split(command)
    if name == 'convert':
        from data_converters.__main__ import parse_args

        parse_args(argv)
    elif name in WITH_CONFIG:
        args = tool(name.replace('-', '_')).parse_args(argv)
        assert (REPO / args.config).is_file()
    elif name in ('compare', 'summarize', 'report'):
        tool(name).parse_args(argv)
    elif name == 'phantom':
        tool('make_phantom').parse_args(argv)
    else:
        assert name == 'doctor'


def test_the_configs_of_the_table_exist():
    table = TEXT[TEXT.index('## Configs') : TEXT.index('## Metrics')]
    rows = [line for line in table.splitlines() if line.startswith('|')]
    named = re.findall(r'`(\w[\w-]*\.py)`', '\n'.join(rows))
    assert set(named) == {path.name for path in (REPO / 'configs').glob('*.py')}
