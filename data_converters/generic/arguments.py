"""Command-line arguments that the generic formats COCO, YOLO and CSV share."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from data_converters.arguments import fraction

from .renaming import renaming


def add_generic_arguments(parser: argparse.ArgumentParser, images: bool = True) -> None:
    """Images, findings, patients and the split.

    Args:
        parser: gets the arguments.
        images: whether the images are named apart from the annotations.
    """
    group = parser.add_argument_group('images and findings')
    if images:
        group.add_argument(
            '--images', type=Path, help='folder of the images, however deep below it'
        )
        group.add_argument(
            '--no-images',
            action='store_true',
            help='before the images have arrived: take sizes and names from the file',
        )
    group.add_argument(
        '--findings',
        nargs='+',
        default=[],
        metavar='NAME',
        help='the findings, in this order, or vindr, vindr-kaggle, chestxray14 for '
        'those of the data set; any other in the file is an error (default: those of '
        'the file)',
    )
    group.add_argument(
        '--rename',
        nargs='+',
        action='extend',
        type=renaming,
        default=[],
        metavar='OLD=NEW',
        help='rename findings; several may become one, and an empty NEW leaves a '
        'finding out, counted',
    )
    group.add_argument(
        '--dataset-name', help='recorded in the files (default: what the file says)'
    )
    group = parser.add_argument_group('split, where the annotations do not give one')
    group.add_argument(
        '--test-fraction',
        type=fraction,
        default=0.0,
        help='share of the films for testing (default: %(default)s)',
    )
    group.add_argument(
        '--patient-pattern',
        type=_pattern,
        metavar='REGEX',
        help='finds the patient in a file name, as its first group, so that no patient '
        r"is torn apart: '^(\d+)_' for 00000003_001.png",
    )


def _pattern(text: str) -> re.Pattern[str]:
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(
            f'must be a regular expression, got {text!r}: {error}'
        ) from error
    if pattern.groups < 1:
        raise argparse.ArgumentTypeError(
            f'must have a group (...) that is the patient, got {text!r}'
        )
    return pattern
