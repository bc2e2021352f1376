"""ChestX-ray14's official lists, or a split by patient; healthy films for detection."""

from __future__ import annotations

import argparse
import hashlib
from collections import Counter
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from data_converters.records import AnnotationError
from data_converters.records import Box
from data_converters.records import ImageRecord
from data_converters.report import Report
from data_converters.splits import split_records
from data_converters.tables import read_names
from mmlung.findings import CHESTXRAY14_BOXES

from .files import NihFiles
from .labels import FilmRow

OFFICIAL_SHA256 = {
    'train_val_list': (
        'f5ca42650c3529e46ba2b4399869027d2ff2ddac9a5e55b5fa64530fcb4dd4be'
    ),
    'test_list': '7519b7296cb0f58e5d2f4818372950411b04f1f243580c4132d001746535d931',
}
"""sha256 of the sorted stems, one a line: the line ends of a copy do not matter."""

ENOUGH = 0.99
"""Share of the official films that must exist for the official lists to be used."""

Split = dict[str, list[ImageRecord]]


@dataclass(frozen=True)
class SplitPlan:
    """Films to convert and how they are split.

    Args:
        family: official, official-incomplete or subset.
        image_ids: films to convert, in the order of the label file.
        test: those of the official test list; None: a seeded split by patient.
    """

    family: str
    image_ids: list[str]
    test: frozenset[str] | None


def names_sha256(names: Iterable[str]) -> str:
    """sha256 of the names without suffix, sorted, one a line.

    >>> names_sha256(['b.png', 'a.jpg']) == names_sha256(['a', 'b'])
    True
    """
    stems = sorted(name.rpartition('.')[0] or name for name in names)
    return hashlib.sha256('\n'.join(stems).encode()).hexdigest()


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
        lists[role] = frozenset(name.rpartition('.')[0] or name for name in names)
    return lists


def plan_split(
    rows: Mapping[str, FilmRow],
    there: Collection[str],
    lists: Mapping[str, frozenset[str]] | None,
    args: argparse.Namespace,
    report: Report,
) -> SplitPlan:
    """Official lists where they may be used, else a split by patient.

    Args:
        rows: stem -> row of the label file.
        there: stems whose image exists; all of them with ``--no-images``.
        lists: the official lists.
        args: the command line.
        report: gets what is left out, and why the lists are not used.
    """
    there = set(there)
    if lists is not None:
        official = lists['train_val_list'] | lists['test_list']
        missing = [stem for stem in sorted(official) if stem not in there]
        share = 1 - len(missing) / len(official)
        if args.no_images or share >= ENOUGH:
            return _official_plan(rows, lists, missing, args.limit, report)
        report.warn(
            f'only {share:.1%} of the {len(official):,} official films are there: they '
            'are split by patient ("subset")'
        )
    left_out = len(rows) - len(there)
    if left_out:
        report.count('films of the label file without an image, left out', left_out)
    image_ids = [stem for stem in rows if stem in there]
    return SplitPlan('subset', image_ids[: args.limit], None)


def _official_plan(
    rows: Mapping[str, FilmRow],
    lists: Mapping[str, frozenset[str]],
    missing: Sequence[str],
    limit: int | None,
    report: Report,
) -> SplitPlan:
    """The official lists, whole, with a few films missing, or the first of each."""
    absent = set(missing)
    parts = [
        [stem for stem in rows if stem in lists[role] and stem not in absent]
        for role in OFFICIAL_SHA256
    ]
    unlisted = len(rows.keys() - lists['train_val_list'] - lists['test_list'])
    if unlisted:
        report.count('films in no official list, left out', unlisted)
    patients = [{rows[stem].patient_id for stem in part} for part in parts]
    both = patients[0] & patients[1]
    if both:
        raise AnnotationError(
            f'{len(both):,} patients are in both official lists (first: {min(both)}): '
            'the Patient ID column of the label file is wrong.'
        )
    if missing:
        report.count('films of the official lists that are not there', len(missing))
    if limit is None:
        for stem in missing:
            report.drop('official lists', None, f'film {stem} is not there')
    family = 'official-incomplete' if missing else 'official'
    chosen = [stem for part in parts for stem in part[:limit]]
    return SplitPlan('subset' if limit else family, chosen, lists['test_list'])


def choose_healthy(
    candidates: Mapping[str, FilmRow], number: int, seed: int, report: Report
) -> list[str]:
    """Stems of ``number`` 'No Finding' films, of as many patients as possible.

    Args:
        candidates: stem -> row of the films that may be taken.
        number: how many; 0 for none.
        seed: of the choice.
        report: is warned when there are fewer.
    """
    healthy = sorted(stem for stem, row in candidates.items() if row.healthy)
    if len(healthy) < number:
        report.warn(
            f'{len(healthy):,} healthy films are there, --healthy asks {number:,}'
        )
    shuffled = np.random.default_rng(seed).permutation(healthy).tolist()
    met: Counter[str] = Counter()
    turn = {}  # a patient's second film comes after every patient's first
    for stem in shuffled:
        turn[stem] = met[candidates[stem].patient_id]
        met[candidates[stem].patient_id] += 1
    return sorted(shuffled, key=turn.__getitem__)[:number]


def split_films(
    records: Mapping[str, ImageRecord],
    boxes: Mapping[str, tuple[Box, ...]],
    boxed: Collection[str],
    plan: SplitPlan,
    args: argparse.Namespace,
) -> tuple[Split, Split]:
    """Films for classification and films for detection, each as train, val and test.

    Without the official lists one split serves both, so that a classifier never trains
    on a patient that the detector is tested on. Where that leaves a part without films
    for detection, because they are few, their patients are split first.

    Args:
        records: stem -> film, without boxes.
        boxes: stem -> its boxes.
        boxed: films for detection: those with boxes and the healthy ones.
        plan: from ``plan_split``.
        args: the command line.
    """
    labelled = {stem for stem in plan.image_ids if stem in records}
    test_share, val_share = args.test_fraction, args.val_fraction
    shares = {
        'train': (1 - test_share) * (1 - val_share),
        'val': (1 - test_share) * val_share,
        'test': test_share,
    }

    def split(stems: Iterable[str], shares: Mapping[str, float]) -> Split:
        films = [records[stem] for stem in stems]
        strata = _strata(films, boxes, boxed)
        return split_records(films, shares, args.seed, strata)

    if plan.test is None:
        joint = split(records, shares)
        if _some_part_without(boxed, joint, shares):
            patients = {records[stem].group for stem in boxed}
            own = [s for s, film in records.items() if film.group in patients]
            rest = [s for s in records if records[s].group not in patients]
            joint = _together(records, split(own, shares), split(rest, shares))
        classification = {
            name: [film for film in films if film.image_id in labelled]
            for name, films in joint.items()
        }
    else:
        joint = split([stem for stem in records if stem in boxed], shares)
        known = [stem for stem in records if stem in labelled]
        classification = {
            **split(
                [stem for stem in known if stem not in plan.test],
                {'train': 1 - val_share, 'val': val_share},
            ),
            'test': [records[stem] for stem in known if stem in plan.test],
        }
    detection = {
        name: [film for film in films if film.image_id in boxed]
        for name, films in joint.items()
    }
    return classification, detection


def _some_part_without(
    boxed: Collection[str], parts: Split, shares: Mapping[str, float]
) -> bool:
    """Whether a few films for detection all fell into some of the parts."""
    return bool(boxed) and any(
        shares[name] > 0 and not any(film.image_id in boxed for film in films)
        for name, films in parts.items()
    )


def _together(records: Mapping[str, ImageRecord], first: Split, second: Split) -> Split:
    """Two splits of different films as one, in the order of the records."""
    place = {stem: i for i, stem in enumerate(records)}
    return {
        name: sorted(first[name] + second[name], key=lambda f: place[f.image_id])
        for name in first
    }


def _strata(
    films: Sequence[ImageRecord],
    boxes: Mapping[str, tuple[Box, ...]],
    boxed: Collection[str],
) -> np.ndarray:
    """(N, 14 + 8 + 1) what to balance: labels, boxed findings, healthy films."""
    column = {name: i for i, name in enumerate(CHESTXRAY14_BOXES)}
    strata = np.zeros((len(films), len(column) + 1), dtype=int)
    for row, film in zip(strata, films, strict=True):
        own = boxes.get(film.image_id, ())
        row[[column[box.finding] for box in own]] = 1
        row[-1] = film.image_id in boxed and not own
    labels = np.array([film.labels for film in films], dtype=int)
    return np.hstack([labels.reshape(len(films), -1), strata])
