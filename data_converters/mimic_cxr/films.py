"""MIMIC-CXR's films: which are there, of what kind, and their records."""

from __future__ import annotations

import argparse
import os
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from data_converters.image_index import common_folder
from data_converters.image_index import is_image
from data_converters.image_index import name_below
from data_converters.image_index import require_sizes
from data_converters.records import AnnotationError
from data_converters.records import ImageRecord
from data_converters.report import Report

from .rows import FilmTable
from .studies import FilmLabels

SIZES = ('files', 'metadata')
_SUFFIXES = ('.jpg', '.dcm')  # of JPG and DICOM release; other ones are of mirrors


def find_films(
    films: FilmTable, patients: Mapping[str, Path], images_root: Path | None
) -> tuple[Path, Path, list[str | None]]:
    """The file of each film, whatever its suffix; each study is looked into once.

    Args:
        films: wanted ones.
        patients: p10000032 -> its folder.
        images_root: ``--images-root``; by default the folder of p10 to p19.

    Returns:
        Folder to record, the folder that names are relative to (another one if the
        films will move to the former), (N,) names, None for a film that is not there.
    """
    base = _films_folder(patients)
    root = base
    if images_root is not None:
        root = images_root
        inside = base.absolute().is_relative_to(images_root.absolute())
        base = images_root if inside else base
    starts = {name: name_below(base, folder) for name, folder in patients.items()}
    inside_of: dict[str, dict[str, str]] = {}
    names: list[str | None] = []
    rows = zip(films.subject_id, films.study_id, films.dicom_id, strict=True)
    for subject, study, dicom in rows:
        patient = f'p{subject}'
        start = starts.get(patient)
        if start is None:
            names.append(None)
            continue
        if study not in inside_of:
            inside_of[study] = _images_in(f'{patients[patient]}/s{study}')
        file = inside_of[study].get(dicom)
        names.append(None if file is None else f'{start}/s{study}/{file}')
    return root, base, names


def names_in_release(films: FilmTable, suffix: str = '.jpg') -> list[str | None]:
    """Such as p10/p10000032/s50414267/02aa804e-....jpg, of films not looked at."""
    rows = zip(films.subject_id, films.study_id, films.dicom_id, strict=True)
    return [
        f'p{subject[:2]}/p{subject}/s{study}/{dicom}{suffix}'
        for subject, study, dicom in rows
    ]


def kind_of(names: Collection[str]) -> str:
    """``dicom`` or ``image``.

    Raises:
        AnnotationError: both, which differ in their grey values.
    """
    dicoms = sum(name.endswith('.dcm') for name in names)
    if 0 < dicoms < len(names):
        raise AnnotationError(
            f'{dicoms:,} of {len(names):,} films are DICOM files, the others are not: '
            "the JPG release's films are histogram equalised, so they must not be "
            'mixed. Name the folder of one kind with --images.'
        )
    return 'dicom' if dicoms else 'image'


def film_sizes(
    films: FilmTable,
    base: Path,
    names: Iterable[str],
    args: argparse.Namespace,
    report: Report,
) -> np.ndarray:
    """(N, 2) pixels of the files on disk; 0 for one that cannot be read."""
    if args.sizes == 'metadata':
        return films.size_hw
    paths = {i: base / name for i, name in zip(films.dicom_id, names, strict=True)}
    found = require_sizes(paths, report, args.workers, args.drop_invalid)
    return np.array([found.get(i, (0, 0)) for i in films.dicom_id]).reshape(-1, 2)


def film_records(
    films: FilmTable,
    names: Iterable[str],
    sizes_hw: np.ndarray,
    labels: FilmLabels,
    people: Mapping[str, list],
) -> list[ImageRecord]:
    """A record a film.

    Args:
        films: those to convert.
        names: of their files.
        sizes_hw: (N, 2) pixels of the files, 0 where unknown.
        labels: of the films.
        people: 'sex' and 'age' -> a value a film, where they are known.
    """
    nobody: list = [None] * len(films)
    rows = zip(
        films.dicom_id,
        names,
        sizes_hw.tolist(),
        labels.labels,
        films.subject_id,
        films.study_id,
        films.view,
        people.get('sex', nobody),
        people.get('age', nobody),
        _spacings(films, sizes_hw),
        labels.line,
        strict=True,
    )
    return [
        ImageRecord(
            image_id=dicom,
            file_name=name,
            size_hw=(height, width) if height and width else None,
            labels=own,
            patient_id=subject,
            study_id=study,
            view=view,
            sex=sex,
            age=age,
            spacing=spacing,
            row=line,
        )
        for dicom, name, (height, width), own, *who, spacing, line in rows
        for subject, study, view, sex, age in [who]
    ]


def _spacings(
    films: FilmTable, sizes_hw: np.ndarray
) -> list[tuple[float, float] | None]:
    """Pixel sizes of the files in mm: those of a smaller copy are larger."""
    known = np.isfinite(films.spacing).all(axis=1)
    if not known.any():
        return [None] * len(films)
    both = np.minimum(films.size_hw, sizes_hw).min(axis=1, keepdims=True) > 0
    scale = np.where(both, films.size_hw / np.maximum(sizes_hw, 1), 1.0)
    scaled = np.round(films.spacing * scale, 6).tolist()
    return [
        (down, right) if is_known else None
        for (down, right), is_known in zip(scaled, known, strict=True)
    ]


def _films_folder(patients: Mapping[str, Path]) -> Path:
    """The folder that holds p10 to p19, or else the deepest that holds all patients."""
    groups = {folder.parent for folder in patients.values()}
    above = {group.parent for group in groups}
    starts = {name[:3] for name in patients}
    if len(above) == 1 and {group.name for group in groups} == starts:
        return above.pop()
    return common_folder(patients.values())


def _images_in(study: str) -> dict[str, str]:
    """Stem -> name of the images of a study; of two a JPEG is taken before a DICOM."""
    try:
        with os.scandir(study) as entries:
            names = [entry.name for entry in entries]
    except FileNotFoundError:
        return {}
    found = {name[: name.rfind('.')]: name for name in names if is_image(name)}
    for suffix in _SUFFIXES[::-1]:
        found |= {n.removesuffix(suffix): n for n in names if n.endswith(suffix)}
    return found
