"""Folds for cross-validation: the option, the folders, and what goes into each."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

from .arguments import positive
from .records import ImageRecord
from .splits import fold_records
from .splits import split_records

FOLDER = 'fold_{}/'
"""Where the files of a fold go: a folder, which is a data_root of its own."""


def add_folds_argument(parser: argparse.ArgumentParser, text: str) -> None:
    """``--folds K``; ``text`` says what a fold holds in this data set."""
    group = parser.add_argument_group('cross-validation')
    group.add_argument('--folds', type=folds, metavar='K', help=text)


def folds(text: str) -> int:
    """A number of folds."""
    number = positive(text)
    if number < 2:
        raise argparse.ArgumentTypeError(f'must be at least 2, got {text!r}')
    return number


def train_val_folds(
    records: Sequence[ImageRecord],
    n_folds: int,
    seed: int,
    strata: np.ndarray | None = None,
) -> dict[str, dict[str, list[ImageRecord]]]:
    """Folder -> ``train`` and ``val``: the test part is another one, set apart before.

    Args:
        records: films, each in the ``val`` of exactly one fold.
        n_folds: from the command line.
        seed: see ``split_records``.
        strata: see ``split_records``.

    Raises:
        argparse.ArgumentError: there are fewer patients (or films) than folds.
    """
    try:
        parts = fold_records(records, n_folds, seed, strata)
    except ValueError as error:
        raise argparse.ArgumentError(None, f'--folds: {error}') from error
    return {FOLDER.format(k): part for k, part in enumerate(parts)}


def train_val_test_folds(
    records: Sequence[ImageRecord],
    n_folds: int,
    val_share: float,
    seed: int,
    strata: np.ndarray,
) -> dict[str, dict[str, list[ImageRecord]]]:
    """Folder -> ``train``, ``val`` and ``test``: for data without a test part.

    Args:
        records: films, each in the ``test`` of exactly one fold.
        n_folds: from the command line.
        val_share: of the films outside ``test``, to choose the epoch by; its patients
            are in neither of the other two.
        seed: see ``split_records``.
        strata: (N, C) what to balance, see ``split_records``.

    Raises:
        argparse.ArgumentError: there are fewer patients (or films) than folds.
    """
    row = {record.image_id: i for i, record in enumerate(records)}
    shares = {'train': 1 - val_share, 'val': val_share}
    found = {}
    for folder, part in train_val_folds(records, n_folds, seed, strata).items():
        own = strata[[row[record.image_id] for record in part['train']]]
        inner = split_records(part['train'], shares, seed, own)
        found[folder] = {**inner, 'test': part['val']}
    return found


def fold_facts(folder: str, n_folds: int | None) -> dict[str, int]:
    """What the files of a folder say of their fold; nothing where there are none.

    >>> fold_facts('fold_3/', 5), fold_facts('', None)
    ({'fold': 3, 'folds': 5}, {})
    """
    if not folder or n_folds is None:
        return {}
    return {'fold': int(folder.strip('/').rpartition('_')[2]), 'folds': n_folds}
