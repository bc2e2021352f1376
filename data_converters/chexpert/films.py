"""CheXpert's films: those of the wanted views that are there, and their records."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from data_converters.image_index import images_root
from data_converters.image_index import is_image
from data_converters.image_index import name_below
from data_converters.image_index import require_sizes
from data_converters.records import AnnotationError
from data_converters.records import ImageRecord
from data_converters.report import Report

from .rows import FilmTable

VIEWS = ('frontal', 'lateral', 'all')


def films_of_views(films: FilmTable, views: str, report: Report) -> FilmTable:
    """Films of the wanted views; every kind that is left out is counted.

    A frontal film is one called so whose ``AP/PA`` is AP, PA or blank. The release
    calls 17 films frontal whose ``AP/PA`` is LL or RL, which is neither.
    """
    blank = np.array([view is None for view in films.view], dtype=bool)
    odd = films.frontal & ~blank & ~np.isin(films.view, ('AP', 'PA'))
    wanted = {
        'frontal': films.frontal & ~odd,
        'lateral': ~films.frontal,
        'all': np.ones(len(films), dtype=bool),
    }[views]
    name = films.source.path.name
    kinds = Counter(
        ('frontal' if frontal else 'lateral') + f' {view or "AP/PA blank"}'
        for frontal, view in zip(
            films.frontal[~wanted], films.view[~wanted], strict=True
        )
    )
    for kind, number in kinds.most_common():
        kind = kind.replace('lateral LATERAL', 'lateral')
        report.count(f'films of {name} left out by --views {views}: {kind}', number)
    if (blank & wanted).any():
        report.count(
            f'frontal films of {name} whose AP/PA is blank, kept',
            int((blank & wanted).sum()),
        )
    return films.where(wanted)


def films_there(
    films: FilmTable, patients: Mapping[str, Path]
) -> tuple[FilmTable, list[Path]]:
    """The films whose file exists, whatever its suffix, and the files."""
    indices, paths = [], []
    rows = zip(films.patient, films.study, films.path, films.stem, strict=True)
    for i, (patient, study, path, stem) in enumerate(rows):
        folder = patients.get(patient.lower())
        if folder is None:
            continue
        file = folder / study / path.rpartition('/')[2]
        found = file if file.is_file() else _another_suffix(file.parent, stem)
        if found is not None:
            indices.append(i)
            paths.append(found)
    return films.where(np.array(indices, dtype=int)), paths


def film_records(
    films: Mapping[str, FilmTable],
    paths: Mapping[str, list[Path]] | None,
    labels: Mapping[str, np.ndarray],
    args: argparse.Namespace,
    report: Report,
) -> tuple[dict[str, list[ImageRecord]], Path]:
    """Records by role, and the images root to record.

    Args:
        films: role -> films.
        paths: role -> their files; None: they are not looked at.
        labels: role -> (N, 14) of 1, 0 and NaN.
        args: the command line.
        report: gets unreadable images that are left out.
    """
    ids = {role: image_ids(own) for role, own in films.items()}
    sizes: dict[str, tuple[int, int]] = {}
    if paths is None:
        beside = next(iter(films.values())).source.path.parent
        root = args.images_root or (args.images or [beside])[0]
        names = {
            role: [folder_in_release(own) + path for path in own.path]
            for role, own in films.items()
        }
    else:
        every = {
            i: path
            for role in films
            for i, path in zip(ids[role], paths[role], strict=True)
        }
        sizes = require_sizes(every, report, args.workers, args.drop_invalid)
        root, base = images_root(every.values(), args.images_root)
        names = {
            role: [name_below(base, path) for path in own]
            for role, own in paths.items()
        }
    return {
        role: _records(own, ids[role], names[role], labels[role], sizes, paths is None)
        for role, own in films.items()
    }, root


def image_ids(films: FilmTable) -> list[str]:
    """Such as patient00001_study1_view1_frontal: it may be the name of a file."""
    triples = zip(films.patient, films.study, films.stem, strict=True)
    return [f'{patient}_{study}_{stem}' for patient, study, stem in triples]


def folder_in_release(films: FilmTable) -> str:
    """'train/' of CheXpert-v1.0-small/train/: paths from the folder of the tables."""
    parts = [part for part in films.folder.split('/') if part]
    return f'{parts[-1]}/' if parts else ''


def check_found(films: FilmTable, n_there: int, patients: Mapping[str, Path]) -> None:
    """Stop where there is nothing to train on.

    Raises:
        AnnotationError: no film of a table is there.
    """
    if n_there:
        return
    if not len(films):
        raise AnnotationError('has no film of the wanted views', films.source.path)
    raise AnnotationError(
        f'none of its {len(films):,} films (first: {films.folder}{films.path[0]}) is '
        f'among the folders of {len(patients):,} patients found. Name the folder that '
        'holds them with --images, or pass --no-images.',
        films.source.path,
    )


def _records(
    films: FilmTable,
    ids: list[str],
    names: list[str],
    labels: np.ndarray,
    sizes: Mapping[str, tuple[int, int]],
    all_there: bool,
) -> list[ImageRecord]:
    columns = (films.patient, films.study, films.view, films.sex, films.age, films.line)
    rows = zip(ids, names, labels.tolist(), *columns, strict=True)
    return [
        ImageRecord(
            image_id=image_id,
            file_name=name,
            size_hw=sizes.get(image_id),
            labels=tuple(own),
            patient_id=patient,
            study_id=f'{patient}_{study}',
            view=view,
            sex=sex,
            age=age,
            row=int(line),
        )
        for image_id, name, own, patient, study, view, sex, age, line in rows
        if all_there or image_id in sizes
    ]


def _another_suffix(folder: Path, stem: str) -> Path | None:
    """An image of the same stem: mirrors save films as PNG, say."""
    fitting = (p for p in sorted(folder.glob(f'{stem}.*')) if is_image(p.name))
    return next(fitting, None)
