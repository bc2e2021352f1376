"""Command-line arguments that every converter has, and their checks."""

from __future__ import annotations

import argparse
from pathlib import Path

from .clipping import MAX_OUTSIDE


class OneLineParser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> None:  # type: ignore[override]
        """Say what is wrong in one line and leave with 2."""
        self.exit(2, f'error: {message} (see {self.prog} --help)\n')


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """Output folder, split, first try, and what to do with broken data."""
    group = parser.add_argument_group('output')
    group.add_argument(
        '--out',
        type=Path,
        required=True,
        help='folder to write into; an earlier conversion in it is replaced',
    )
    group.add_argument(
        '--images-root',
        type=Path,
        help='folder that the file names shall be relative to (default: the deepest '
        'folder that holds all images)',
    )
    group.add_argument(
        '--val-fraction',
        type=fraction,
        default=0.1,
        help='share of the training films for validation (default: %(default)s)',
    )
    group.add_argument(
        '--seed', type=int, default=0, help='of the split (default: %(default)s)'
    )
    group = parser.add_argument_group('input')
    group.add_argument(
        '--limit',
        type=positive,
        help='at most this many films of each official part, for a first try; films '
        'that are not there are passed over',
    )
    group.add_argument(
        '--drop-invalid',
        action='store_true',
        help='leave out broken rows and missing or unreadable images, listed in '
        'conversion_report.json, instead of stopping',
    )
    group.add_argument(
        '--max-outside',
        type=fraction,
        default=MAX_OUTSIDE,
        help='share of boxes that may leave their image before the sizes are taken for '
        'wrong (default: %(default)s)',
    )
    group.add_argument(
        '--workers',
        type=int,
        default=-1,
        help='threads that read image headers (default: one a core)',
    )


def fraction(text: str) -> float:
    """A number in [0, 1]."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f'must be a number in [0, 1], got {text!r}')
    return value


def positive(text: str) -> int:
    """A whole number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(
            f'must be a whole number of at least 1, got {text!r}'
        )
    return int(text)
