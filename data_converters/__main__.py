"""Convert annotations of a data set: python -m data_converters NAME --out DIR ..."""

from __future__ import annotations

import argparse
import re
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from mmlung._pipe import quiet_when_unread

from .arguments import OneLineParser
from .arguments import add_common_arguments
from .arguments import check_out
from .arguments import named_paths
from .conversion import write_conversion
from .records import AnnotationError
from .records import one_line
from .report import Report
from .report import summary
from .synthetic import is_synthetic
from .writing import Target
from .writing import add_writing_arguments
from .writing import short_list

READERS = {
    'vindr': 'VinDr-CXR (PhysioNet) and VinBigData (Kaggle): boxes of several readers',
    'chestxray14': 'NIH ChestX-ray14: 14 image-level findings, boxes of 8',
    'chexpert': 'CheXpert and CheXpert-small: 14 image-level findings',
    'mimic-cxr': 'MIMIC-CXR-JPG and MIMIC-CXR: 14 image-level findings',
    'coco': 'COCO files of your own, and what a conversion wrote',
    'yolo': "YOLO data sets in Ultralytics' layout",
    'csv': 'tables of boxes, whatever their columns are called',
}
"""Name -> what it reads. Its module, ``<name>/reader.py`` as a rule, is imported when
it is asked for; it has EXAMPLES, ``add_arguments(parser)`` and
``convert(args, report) -> Conversion``."""

MODULES = {name: f'generic.{name}_reader' for name in ('coco', 'yolo', 'csv')}
"""Name -> module, where it is another one."""


def parse_args(argv: list[str]) -> tuple[argparse.Namespace, ModuleType]:
    """Arguments, and the reader module they are for."""
    program = _program()
    names = '\n'.join(f'  {name:<14}{what}' for name, what in READERS.items())
    top = OneLineParser(
        prog=program,
        description='Annotations of a data set to COCO and MMEngine JSON, or with '
        f'--to to YOLO or CSV.\n\n{names}',
        epilog=f'{program} NAME --help says more, with examples.',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument('name', choices=READERS, metavar='NAME', help='of the data set')
    if not argv:
        top.print_help()
        top.exit(2)
    name = top.parse_args(argv[:1]).name
    reader = import_module(f'.{_module(name)}', __package__)
    parser = OneLineParser(
        prog=f'{program} {name}',
        description=reader.__doc__,
        epilog=reader.EXAMPLES.format(program=f'{program} {name}'),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    reader.add_arguments(parser)
    add_common_arguments(parser)
    add_writing_arguments(parser)
    return parser.parse_args(argv[1:]), reader


@quiet_when_unread
def main(argv: list[str] | None = None) -> int:
    """Run a conversion; 0 when it is written, 2 when the user has to do something."""
    args, reader = parse_args(sys.argv[1:] if argv is None else argv)
    report = Report(options={name: _plain(value) for name, value in vars(args).items()})
    try:
        inputs = named_paths(args)
        check_out(args.out, inputs)
        conversion = reader.convert(args, report)  # read -> check -> fuse -> split
        sources = (*inputs, conversion.label_source.path, conversion.images_root)
        synthetic = conversion.synthetic or is_synthetic(sources)
        conversion = replace(conversion, synthetic=synthetic)
        target = Target(args.to, args.images_as)
        written = write_conversion(conversion, report, args.out, target)
    except BrokenPipeError:
        raise
    except (AnnotationError, argparse.ArgumentError, OSError, ImportError) as error:
        for line in getattr(error, 'details', ()):
            print(line)
        print(f'error: {one_line(error)}', file=sys.stderr)
        return 2
    print(summary(written))
    print(f'written to {args.out}: {", ".join(short_list(written["files"]))}')
    return 0


def _module(name: str) -> str:
    return MODULES.get(name, f'{name.replace("-", "_")}.reader')


def _program() -> str:
    """The command as it was typed, so that the examples of its help can be."""
    typed = Path(sys.argv[0])
    console = typed.stem == 'mmlung' or typed.parts[-2:] == ('mmlung', 'cli.py')
    return 'mmlung convert' if console else 'python -m data_converters'


def _plain(value: Any) -> Any:
    """An option as JSON holds it."""
    if isinstance(value, list):
        return [_plain(v) for v in value]
    if isinstance(value, tuple):  # NAME=COLUMN
        return '='.join(value)
    if isinstance(value, re.Pattern):
        return value.pattern
    return value if isinstance(value, int | float | str | None) else str(value)


if __name__ == '__main__':
    raise SystemExit(main())
