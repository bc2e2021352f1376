"""ChestX-ray14's films to train, val and test, for labels and boxes alike."""

from __future__ import annotations

import argparse
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from data_converters.cross_validation import train_val_folds
from data_converters.cross_validation import train_val_test_folds
from data_converters.records import Box
from data_converters.records import ImageRecord
from data_converters.splits import split_records
from mmlung.findings import CHESTXRAY14_BOXES

from .split import SplitPlan

Split = dict[str, list[ImageRecord]]
"""Name of a part -> its films."""

Folders = dict[str, Split]
"""Folder, '' or that of a fold -> its parts."""


@dataclass(frozen=True)
class Partition:
    """Films as they are split, folder by folder.

    Args:
        records: stem -> film, without boxes.
        boxes: stem -> its boxes.
        boxed: films for detection: those with boxes and the healthy ones.
        args: the command line.
    """

    records: Mapping[str, ImageRecord]
    boxes: Mapping[str, tuple[Box, ...]]
    boxed: Collection[str]
    args: argparse.Namespace

    def labelled_and_boxed(self, plan: SplitPlan) -> tuple[Folders, Folders]:
        """Films for classification and films for detection, train, val and test each.

        Without the official lists one split serves both, so that a classifier never
        trains on a patient that the detector is tested on. Beside them the films with
        boxes, which are all official test films, are split among themselves.
        """
        labelled = {stem for stem in plan.image_ids if stem in self.records}
        if plan.test is None:
            joint = self._split_by_patient()
            classification = _only(joint, labelled)
        else:
            joint = self._split([s for s in self.records if s in self.boxed])
            known = [stem for stem in self.records if stem in labelled]
            classification = self._inside_official(known, plan)
        return classification, _only(joint, self.boxed)

    def _inside_official(self, stems: Sequence[str], plan: SplitPlan) -> Folders:
        """Train and val inside the official train_val list; its test list as it is."""
        test = plan.test or ()
        films = [self.records[stem] for stem in stems if stem not in test]
        held = [self.records[stem] for stem in stems if stem in test]
        strata, seed = self._strata(films), self.args.seed
        if plan.val is not None:
            train = [film for film in films if film.image_id not in plan.val]
            val = [film for film in films if film.image_id in plan.val]
            folds = {'': {'train': train, 'val': val}}
        elif self.args.folds:
            folds = train_val_folds(films, self.args.folds, seed, strata)
        else:
            share = self.args.val_fraction
            shares = {'train': 1 - share, 'val': share}
            folds = {'': split_records(films, shares, seed, strata)}
        return {folder: {**split, 'test': held} for folder, split in folds.items()}

    def _split_by_patient(self) -> Folders:
        """All films; where a part would get none for detection, those come first.

        Films for detection may be few. Their patients are then split by themselves,
        the others too, and the parts put together.
        """
        joint = self._split(self.records)
        if not self._some_part_without_boxes(joint):
            return joint
        patients = {self.records[stem].group for stem in self.boxed}
        if len(patients) < (self.args.folds or 1):
            return joint
        own = [s for s, film in self.records.items() if film.group in patients]
        rest = [s for s, film in self.records.items() if film.group not in patients]
        if len({self.records[s].group for s in rest}) < (self.args.folds or 1):
            return joint
        first, second = self._split(own), self._split(rest)
        place = {stem: i for i, stem in enumerate(self.records)}
        return {
            folder: {
                name: sorted(
                    films + second[folder][name], key=lambda f: place[f.image_id]
                )
                for name, films in split.items()
            }
            for folder, split in first.items()
        }

    def _split(self, stems: Iterable[str]) -> Folders:
        """Train, val and test by patient, once or fold by fold."""
        films = [self.records[stem] for stem in stems]
        strata, args = self._strata(films), self.args
        if not films:
            return {}
        if args.folds:
            share = args.val_fraction
            return train_val_test_folds(films, args.folds, share, args.seed, strata)
        return {'': split_records(films, self._shares, args.seed, strata)}

    @property
    def _shares(self) -> dict[str, float]:
        """Shares of all films; ``--split random`` takes both fractions of them all."""
        test, val = self.args.test_fraction, self.args.val_fraction
        if self.args.split == 'random':
            return {'train': 1 - test - val, 'val': val, 'test': test}
        return {'train': (1 - test) * (1 - val), 'val': (1 - test) * val, 'test': test}

    def _some_part_without_boxes(self, folders: Folders) -> bool:
        """Whether a few films for detection all fell into some of the parts."""
        shares = {**self._shares, 'test': self.args.test_fraction or self.args.folds}
        return bool(self.boxed) and any(
            shares[name] and not any(film.image_id in self.boxed for film in films)
            for split in folders.values()
            for name, films in split.items()
        )

    def _strata(self, films: Sequence[ImageRecord]) -> np.ndarray:
        """(N, 14 + 8 + 1) what to balance: labels, boxed findings, healthy films."""
        column = {name: i for i, name in enumerate(CHESTXRAY14_BOXES)}
        strata = np.zeros((len(films), len(column) + 1), dtype=int)
        for row, film in zip(strata, films, strict=True):
            own = self.boxes.get(film.image_id, ())
            row[[column[box.finding] for box in own]] = 1
            row[-1] = film.image_id in self.boxed and not own
        labels = np.array([film.labels for film in films], dtype=int)
        return np.hstack([labels.reshape(len(films), -1), strata])


def _only(folders: Folders, stems: Collection[str]) -> Folders:
    """The films among the given ones."""
    return {
        folder: {
            name: [film for film in films if film.image_id in stems]
            for name, films in split.items()
        }
        for folder, split in folders.items()
    }
