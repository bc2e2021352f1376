"""Command-line arguments that every converter has, and their checks."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable
from pathlib import Path

from .clipping import MAX_OUTSIDE
from .image_index import is_image
from .records import AnnotationError


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
        type=_folder,
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
        '--seed', type=whole, default=0, help='of the split (default: %(default)s)'
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
        type=positive,
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


def whole(text: str) -> int:
    """A whole number of at least 0."""
    return _number(text, 0)


def positive(text: str) -> int:
    """A whole number of at least 1."""
    return _number(text, 1)


def named_paths(args: argparse.Namespace) -> list[Path]:
    """Files and folders that the command line names to be read.

    Raises:
        FileNotFoundError: one is not there.
    """
    paths: list[Path] = []
    for name, value in vars(args).items():
        values = value if isinstance(value, list) else [value]
        if name not in ('out', 'images_root'):
            paths += [value for value in values if isinstance(value, Path)]
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(f'{path}: no such file or folder')
    return paths


def check_out(out: Path, inputs: Iterable[Path]) -> None:
    """The folder to write into can be one: known before minutes are spent on reading.

    Args:
        out: may exist or not.
        inputs: files and folders that are read.

    Raises:
        AnnotationError: it is a file, must not be written, or lies among the images.
    """
    if out.exists() and not out.is_dir():
        raise AnnotationError('is a file; --out must be a folder', out)
    above = [out.absolute(), *out.absolute().parents]
    there = next(folder for folder in above if folder.exists())
    if not there.is_dir():
        raise AnnotationError(f'cannot be made, {there} is a file', out)
    if not os.access(there, os.W_OK | os.X_OK):
        raise AnnotationError(f'cannot be written: no permission for {there}', out)
    for folder in above:
        read = any(folder.is_relative_to(path.absolute()) for path in inputs)
        if (
            read
            and folder.is_dir()
            and any(is_image(path.name) for path in folder.iterdir())
        ):
            raise AnnotationError(
                f'lies among the images of {folder}. Choose another --out.', out
            )


def _folder(text: str) -> Path:
    if not text.strip():
        raise argparse.ArgumentTypeError('must name a folder, got an empty name')
    return Path(text)


def _number(text: str, least: int) -> int:
    if not (text.isascii() and text.isdecimal()) or int(text) < least:
        raise argparse.ArgumentTypeError(
            f'must be a whole number of at least {least}, got {text!r}'
        )
    return int(text)
