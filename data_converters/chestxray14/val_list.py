"""A list of films that goes to val: the community's cut of ChestX-ray14's train_val."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Mapping
from pathlib import Path

from data_converters.records import AnnotationError
from data_converters.report import Report
from data_converters.tables import Source
from data_converters.tables import read_names
from mmlung.official_lists import film_stem

from .labels import FilmRow


def read_val_list(
    path: Path, train_val: Collection[str], report: Report
) -> tuple[frozenset[str], Source]:
    """Stems of a list of film names, one a line, all of the official train_val list.

    Raises:
        AnnotationError: it is empty, or names a film outside the train_val list.
    """
    names, source = read_names(path)
    report.add_input(source, 'val_list', annotations=False)
    stems = [film_stem(name) for name in names]
    if not stems:
        raise AnnotationError('has no name of a film', path)
    for line, (name, stem) in enumerate(zip(names, stems, strict=True), start=1):
        if stem not in train_val:
            raise AnnotationError(
                f'name {line} {name!r} is not in the official train_val list; only its '
                'films may go to val.',
                path,
            )
    return frozenset(stems), source


def cut_out_val(
    parts: Mapping[str, list[str]],
    val: Collection[str],
    rows: Mapping[str, FilmRow],
    path: Path,
    report: Report,
) -> dict[str, list[str]]:
    """The official parts with the films of the list apart from the rest of train_val.

    Patients on both sides are counted and told: the list is used as it is.

    Raises:
        AnnotationError: none of its films is there, or nothing is left to train on.
    """
    held = [stem for stem in parts['train_val_list'] if stem in val]
    train = [stem for stem in parts['train_val_list'] if stem not in val]
    if not held or not train:
        empty = 'val' if not held else 'train'
        raise AnnotationError(f'leaves no film for {empty}', path)
    patients = [{rows[stem].patient_id for stem in part} for part in (train, held)]
    both = patients[0] & patients[1]
    if both:
        report.count('patients in both train and val', len(both))
        films = sum(rows[stem].patient_id in both for stem in held)
        report.warn(
            f'{path.name} tears {len(both):,} patients apart (first: {min(both)}): '
            f'{films:,} of the {len(held):,} films of val are of patients who are also '
            'in train, so val flatters; the test films are of others'
        )
    return {'train': train, 'val': held, 'test': parts['test_list']}
