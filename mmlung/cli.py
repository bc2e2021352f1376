"""The `mmlung` console command, and what every tool's command line shares."""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
import traceback
from collections.abc import Callable
from functools import wraps
from pathlib import Path

import mmlung
from mmlung._pipe import quiet_when_unread

COMMANDS = {
    'doctor': 'what is installed, and what is missing',
    'convert': 'annotations of a data set to the files that training reads',
    'train': 'train a detector or a classifier',
    'calibrate': 'probabilities and score thresholds per finding, from validation',
    'test': 'benchmark numbers of a checkpoint',
    'predict': 'what a model finds in films of your own',
    'gradcam': 'where a model sees a finding, as maps over films',
    'report': 'one offline HTML file of a test, to read and to print',
    'compare': 'two models on the same films: difference, interval, p',
    'summarize': 'mean and spread over seeds or folds',
    'submission': "predictions on VinBigData's test films as Kaggle's CSV",
    'cam-benchmark': "a network's maps beside radiologists' boxes",
    'phantom': 'synthetic radiographs in the layout of a real data set',
}
_TOOLS = {
    'train': 'train.py',
    'calibrate': 'calibrate.py',
    'test': 'test.py',
    'predict': 'predict.py',
    'gradcam': 'gradcam.py',
    'report': 'report.py',
    'compare': 'compare.py',
    'summarize': 'summarize.py',
    'submission': 'submission.py',
    'cam-benchmark': 'cam_benchmark.py',
    'phantom': 'make_phantom.py',
}
# What a user can cause (OSError: files and network); anything else is a fault of ours
# and keeps its traceback.
_USER_ERRORS = (OSError, ValueError)

Main = Callable[[list[str] | None], int]


def home() -> Path:
    """Folder that holds configs/, tools/ and data_converters/: checkout or wheel."""
    package = Path(mmlung.__file__).resolve().parent
    wheel = package / '.mim'
    return wheel if wheel.is_dir() else package.parent


def one_line_errors(main: Main) -> Main:
    """Let a user's error end a tool with one line and exit code 2.

    The environment variable MMLUNG_DEBUG=1 keeps the traceback.
    """

    @wraps(main)
    def guarded(argv: list[str] | None = None) -> int:
        try:
            return quiet_when_unread(main)(argv)
        except _USER_ERRORS as error:
            if os.environ.get('MMLUNG_DEBUG'):
                traceback.print_exc()
            print(f'error: {_one_line(error)}', file=sys.stderr)
            return 2

    return guarded


def _one_line(error: Exception) -> str:
    text = str(error)
    if 'Original Traceback' in text:  # raised in a worker of torch's data loader
        text = text.rpartition(f'\n{type(error).__name__}: ')[2]
    return ' '.join(text.split())


@quiet_when_unread
def main(argv: list[str] | None = None) -> int:
    """Run one command; its own options follow it."""
    argv = sys.argv[1:] if argv is None else argv
    parser = argparse.ArgumentParser(
        prog='mmlung',
        description='Chest radiographs: convert annotations, train, test. Research '
        'software, not a medical device.',
        epilog='\n'.join(f'  {name:10s} {text}' for name, text in COMMANDS.items())
        + f'\n\nconfigs: {home() / "configs"}\n'
        'example: mmlung convert vindr --help',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--version', action='version', version=mmlung.__version__)
    parser.add_argument('command', choices=COMMANDS, metavar='COMMAND')
    if not argv:
        parser.print_help(sys.stderr)
        return 2
    args = parser.parse_args(argv[:1])
    rest = argv[1:]
    if args.command == 'doctor':
        from mmlung.doctor import main as doctor

        return doctor(rest)
    if args.command == 'convert':
        sys.path.insert(0, str(home()))
        from data_converters.__main__ import main as convert

        return convert(rest)
    return _run_tool(_TOOLS[args.command], rest)


def _run_tool(file_name: str, argv: list[str]) -> int:
    path = home() / 'tools' / file_name
    spec = importlib.util.spec_from_file_location(f'mmlung_tools_{path.stem}', path)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(f'{path} is missing from this installation')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main(argv)


if __name__ == '__main__':
    raise SystemExit(main())
