"""ChestX-ray14's official lists, and where they may be used."""

from __future__ import annotations

import argparse
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field

from data_converters.records import AnnotationError
from data_converters.report import Report
from data_converters.tables import read_names
from mmlung.official_lists import CHESTXRAY14_SHA256 as OFFICIAL_SHA256
from mmlung.official_lists import ENOUGH
from mmlung.official_lists import film_stem
from mmlung.official_lists import names_sha256

from .files import NihFiles
from .labels import FilmRow
from .val_list import cut_out_val
from .val_list import read_val_list


@dataclass(frozen=True)
class SplitPlan:
    """Films to convert and how they are split.

    Args:
        family: official, official-incomplete, subset or random.
        image_ids: films to convert, in the order of the label file.
        test: those of the official test list; None: a seeded split by patient.
        val: those of ``--val-list``; None: a seeded part of the official train_val.
        val_facts: of ``--val-list``, for train.json and val.json.
    """

    family: str
    image_ids: list[str]
    test: frozenset[str] | None
    val: frozenset[str] | None = None
    val_facts: dict[str, str] = field(default_factory=dict)


def read_official_lists(
    files: NihFiles, report: Report
) -> dict[str, frozenset[str]] | None:
    """Stems of both official lists; None when one is missing or another one."""
    lists = {}
    for role, sha256 in OFFICIAL_SHA256.items():
        path = getattr(files, role)
        if path is None:
            report.warn(f'no {role}.txt: the films are split by patient ("subset")')
            return None
        names, source = read_names(path)
        report.add_input(source, role, annotations=False)
        if names_sha256(names) != sha256:
            report.warn(
                f'{path.name} is not the official list ({len(names):,} names, another '
                'sha256): the films are split by patient ("subset")'
            )
            return None
        lists[role] = frozenset(map(film_stem, names))
    return lists


def plan_split(
    rows: Mapping[str, FilmRow],
    there: Collection[str],
    files: NihFiles,
    args: argparse.Namespace,
    report: Report,
) -> SplitPlan:
    """Official lists where they may be used, else a split by patient.

    Args:
        rows: stem -> row of the label file.
        there: stems whose image exists; all of them with ``--no-images``.
        files: among them the lists.
        args: the command line.
        report: gets what is left out, and why the lists are not used.

    Raises:
        AnnotationError: a patient is in both official lists, or ``--val-list`` cannot
            be used.
    """
    there = set(there)
    lists = None
    if args.split == 'official':
        read = read_official_lists(files, report)
        lists = _only_if_there(read, there, args, report)
    if lists is not None:
        return _official_plan(rows, there, lists, args, report)
    if args.val_list is not None:
        raise AnnotationError(
            'is a cut of the official train_val list, and the official lists are not '
            f'used: {report.warnings[-1]}. Leave out --val-list.',
            args.val_list,
        )
    left_out = len(rows) - len(there)
    if left_out:
        report.count('films of the label file without an image, left out', left_out)
    image_ids = [stem for stem in rows if stem in there]
    family = 'subset'
    if args.split == 'random':
        family = 'random'
        report.warn(
            'the films are split by patient at random, as --split random asks: no '
            'number on them may stand beside those on the official lists'
        )
    return SplitPlan(family, image_ids[: args.limit], None)


def _only_if_there(
    lists: Mapping[str, frozenset[str]] | None,
    there: Collection[str],
    args: argparse.Namespace,
    report: Report,
) -> Mapping[str, frozenset[str]] | None:
    """The lists, if nearly all of their films exist."""
    if lists is None or args.no_images:
        return lists
    official = lists['train_val_list'] | lists['test_list']
    share = len(official & set(there)) / len(official)
    if share >= ENOUGH:
        return lists
    report.warn(
        f'only {share:.1%} of the {len(official):,} official films are there: they '
        'are split by patient ("subset")'
    )
    return None


def _official_plan(
    rows: Mapping[str, FilmRow],
    there: Collection[str],
    lists: Mapping[str, frozenset[str]],
    args: argparse.Namespace,
    report: Report,
) -> SplitPlan:
    """The official lists, whole, with a few films missing, or the first of each."""
    missing = sorted((lists['train_val_list'] | lists['test_list']) - set(there))
    parts = {
        role: [stem for stem in rows if stem in lists[role] and stem in there]
        for role in OFFICIAL_SHA256
    }
    unlisted = len(rows.keys() - lists['train_val_list'] - lists['test_list'])
    if unlisted:
        report.count('films in no official list, left out', unlisted)
    both = set.intersection(*(_patients(rows, part) for part in parts.values()))
    if both:
        raise AnnotationError(
            f'{len(both):,} patients are in both official lists (first: {min(both)}): '
            'the Patient ID column of the label file is wrong.'
        )
    if missing:
        report.count('films of the official lists that are not there', len(missing))
    if args.limit is None:
        for stem in missing:
            report.drop('official lists', None, f'film {stem} is not there')
    val, val_facts = None, {}
    if args.val_list is not None:
        val, source = read_val_list(args.val_list, lists['train_val_list'], report)
        val_facts = {
            'val_list': source.path.name,
            'val_list_sha256': source.content_sha256,
        }
        parts = cut_out_val(parts, val, rows, args.val_list, report)
    family = 'official-incomplete' if missing else 'official'
    family = 'subset' if args.limit else family
    chosen = [stem for part in parts.values() for stem in part[: args.limit]]
    return SplitPlan(family, chosen, lists['test_list'], val, val_facts)


def _patients(rows: Mapping[str, FilmRow], stems: Iterable[str]) -> set[str]:
    return {rows[stem].patient_id for stem in stems}
