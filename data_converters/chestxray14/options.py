"""Command line of ChestX-ray14: files of a download, and how they are split."""

from __future__ import annotations

import argparse
from pathlib import Path

from data_converters.arguments import fraction
from data_converters.arguments import whole
from data_converters.cross_validation import add_folds_argument


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Files of a download, and how they are split."""
    group = parser.add_argument_group('ChestX-ray14 files')
    group.add_argument(
        '--root',
        type=Path,
        required=True,
        help='folder of a download: Data_Entry_2017*.csv, BBox_List_2017.csv, '
        'train_val_list.txt, test_list.txt; films of any suffix in images/, '
        'images_001/ to images_012/, or beside the tables',
    )
    for option, what in (
        ('--labels', 'Data_Entry_2017.csv or Data_Entry_2017_v2020.csv'),
        ('--boxes', 'BBox_List_2017.csv'),
        ('--train-val-list', 'train_val_list.txt'),
        ('--test-list', 'test_list.txt'),
    ):
        group.add_argument(option, type=Path, help=f'{what}, if not below the root')
    group.add_argument(
        '--images', type=Path, nargs='+', help='folders of films, if not below the root'
    )
    group.add_argument(
        '--no-images',
        action='store_true',
        help='convert the annotations alone, as if all films of the label file were '
        'there, 1024 x 1024',
    )
    group = parser.add_argument_group('split and films')
    group.add_argument(
        '--split',
        choices=('official', 'random'),
        default='official',
        help='official: by the official lists where they apply, else a subset split by '
        'patient; random: never by the lists, but by patient into 70 %% train, 10 %% '
        'val and 20 %% test (--val-fraction, --test-fraction, both of all films), '
        'named random in every file (default: %(default)s)',
    )
    group.add_argument(
        '--val-list',
        type=Path,
        metavar='FILE',
        help='names of films, one a line, that go to val: a published cut of the '
        'official train_val list, all of whose other films are train. It may tear '
        'patients apart, which is counted; by default val is a seeded part by patient',
    )
    group.add_argument(
        '--test-fraction',
        type=fraction,
        default=0.2,
        help='share of the films for testing, where the official lists are not used; 1 '
        'makes all of them test (default: %(default)s)',
    )
    group.add_argument(
        '--healthy',
        type=whole,
        default=0,
        metavar='N',
        help="add N films labelled 'No Finding' to boxes_*.json (default: %(default)s)",
    )
    add_folds_argument(
        parser,
        'in the place of one split: the folders fold_0 to fold_K-1, each a data_root '
        'of its own with train.json, val.json, test.json and boxes_*.json, by patient '
        'and stratified over the findings. Without the official lists every film is in '
        'the test.json of exactly one fold, and val.json (--val-fraction) is drawn '
        'from what is left to train on; --test-fraction does not count. With them '
        'every fold keeps the official test, and every film of the official train_val '
        'list is in the val.json of exactly one fold; neither share counts, and the '
        'films with boxes, all of the official test list, have folds of their own',
    )


def check_split_options(args: argparse.Namespace) -> None:
    """Options that contradict one another are an error, not ignored.

    Raises:
        argparse.ArgumentError: two of them cannot go together.
    """
    if args.val_list is not None and args.folds:
        raise argparse.ArgumentError(
            None, '--val-list names one val, --folds K of them: leave out one'
        )
    if args.split != 'random':
        return
    for option in ('val_list', 'train_val_list', 'test_list'):
        if getattr(args, option) is not None:
            name = option.replace('_', '-')
            raise argparse.ArgumentError(
                None, f'--split random uses no list: leave out --{name}'
            )
    if args.test_fraction + args.val_fraction > 1:
        raise argparse.ArgumentError(
            None,
            '--split random: --test-fraction and --val-fraction are of all films and '
            f'must not exceed 1 together, got {args.test_fraction} and '
            f'{args.val_fraction}',
        )
