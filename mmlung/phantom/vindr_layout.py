"""A phantom download of VinDr-CXR: DICOM films, boxes of three readers, a consensus."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mmlung.findings import NO_FINDING
from mmlung.findings import VINDR_GLOBAL
from mmlung.findings import VINDR_KAGGLE
from mmlung.findings import VINDR_LOCAL
from mmlung.phantom.case import check_findings
from mmlung.phantom.case import check_side
from mmlung.phantom.case import draw_case
from mmlung.phantom.dicom_film import encode_dicom
from mmlung.phantom.layouts import PhantomFolder
from mmlung.phantom.layouts import csv_text
from mmlung.phantom.layouts import draw_all
from mmlung.phantom.lesions import Lesion
from mmlung.phantom.readers import read_film

VINDR_FINDINGS = (
    'Aortic enlargement',
    'Atelectasis',
    'Cardiomegaly',
    'Consolidation',
    'Nodule/Mass',
    'Pleural effusion',
    'Pneumothorax',
    'Pulmonary fibrosis',
)
"""What the phantom shows by default, of the release's findings."""

RELEASES = ('physionet', 'kaggle')
_GLOBAL_OF = {'Consolidation': 'Pneumonia', 'Nodule/Mass': 'Lung tumor'}


class _Job(NamedTuple):
    folder: Path
    split: str
    number: int
    seed: int
    release: str
    size_range: tuple[int, int]
    findings: tuple[str, ...]


class _Film(NamedTuple):
    image_id: str
    truth: tuple[Lesion, ...]
    readings: dict[str, list[Lesion]]


def write_vindr(
    out: str | Path,
    *,
    n_train: int,
    n_test: int,
    seed: int = 0,
    release: str = 'physionet',
    size_range: tuple[int, int] = (320, 448),
    findings: Sequence[str] = VINDR_FINDINGS,
    workers: int = 1,
    progress: bool = False,
) -> Path:
    """Write a phantom VinDr-CXR; the same arguments give the same bytes.

    ``release='physionet'``: ``train/*.dicom``, ``test/*.dicom`` and the four files of
    ``annotations/``; the boxes of the test part are exact. ``release='kaggle'``:
    ``train.csv`` with whole-number boxes, unlabelled ``test/``, and
    ``sample_submission.csv``. Films of both are the same.

    Args:
        out: a new or empty folder; a finished one with the same arguments is kept.
        n_train: films of the train part, each with three readers who disagree.
        n_test: films of the test part.
        seed: everything follows from it.
        release: 'physionet' or 'kaggle'.
        size_range: smallest and largest side in pixels.
        findings: what is drawn.
        workers: processes.
        progress: show a bar.

    Returns:
        ``out``.

    Raises:
        ValueError: an argument is out of range, or the folder holds something else.
    """
    if release not in RELEASES:
        raise ValueError(f'release must be one of {RELEASES}, got {release!r}')
    if n_train < 1 or n_test < 1:
        raise ValueError(
            f'n_train and n_test must be at least 1, got {n_train} and {n_test}'
        )
    if size_range[0] > size_range[1]:
        raise ValueError(f'size_range must be (low, high), got {size_range}')
    check_side(size_range[0])
    check_findings(findings)
    foreign = [name for name in findings if name not in VINDR_LOCAL]
    if foreign:
        raise ValueError(f'{foreign} are no findings of VinDr-CXR')
    arguments = {
        'n_train': n_train,
        'n_test': n_test,
        'seed': seed,
        'release': release,
        'size_range': size_range,
        'findings': findings,
    }
    folder = PhantomFolder(out, f'VinDr-CXR ({release})', arguments)
    if folder.finished:
        return folder.path
    for split in ('train', 'test'):
        (folder.path / split).mkdir(exist_ok=True)
    jobs = [
        _Job(folder.path, split, index, seed, release, size_range, tuple(findings))
        for split, count in (('train', n_train), ('test', n_test))
        for index in range(count)
    ]
    title = 'phantom VinDr-CXR' if progress else None
    films = draw_all(_write_film, jobs, workers, title)
    write = _write_physionet if release == 'physionet' else _write_kaggle
    write(folder, films[:n_train], films[n_train:], seed)
    folder.finish()
    return folder.path


def _write_film(job: _Job) -> _Film:
    part = ('train', 'test').index(job.split)
    rng = np.random.default_rng([job.seed, part, job.number])
    size_hw = _sample_size(rng, job.size_range)
    case = draw_case(rng, size_hw, job.findings)
    name = f'mmlung phantom VinDr-CXR, seed {job.seed}, {job.split} {job.number}'
    image_id = hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()
    path = job.folder / job.split / f'{image_id}.dicom'
    temporary = path.with_suffix('.part')
    temporary.write_bytes(encode_dicom(case.film, rng, image_id))
    temporary.replace(path)
    mixed = job.release == 'physionet'
    readings = read_film(rng, case.lesions, size_hw, job.findings, mixed)
    return _Film(image_id, case.lesions, readings)


def _sample_size(
    rng: np.random.Generator, size_range: tuple[int, int]
) -> tuple[int, int]:
    """(height, width): most films are higher than wide, as in VinDr-CXR."""
    low, high = size_range
    one = int(rng.integers(low, high + 1))
    other = max(low, round(one * rng.uniform(0.82, 0.98)))
    shape = rng.random()
    if shape < 0.25:
        return one, one
    return (one, other) if shape < 0.9 else (other, one)


def _write_physionet(
    folder: PhantomFolder, train: list[_Film], test: list[_Film], seed: int
) -> None:
    box_columns = ('class_name', 'x_min', 'y_min', 'x_max', 'y_max')
    labels = (*VINDR_LOCAL, *VINDR_GLOBAL)
    boxes, image_labels = [], []
    for film in train:
        for reader, lesions in film.readings.items():
            boxes += [(film.image_id, reader, *row) for row in _box_rows(lesions)]
            image_labels.append((film.image_id, reader, *_label_row(lesions)))
    text = csv_text(('image_id', 'rad_id', *box_columns), boxes)
    folder.write('annotations/annotations_train.csv', text)
    text = csv_text(('image_id', 'rad_id', *labels), image_labels)
    folder.write('annotations/image_labels_train.csv', text)
    truth = [(film.image_id, *row) for film in test for row in _box_rows(film.truth)]
    text = csv_text(('image_id', *box_columns), truth)
    folder.write('annotations/annotations_test.csv', text)
    # The release spells this label in two ways, one in each part.
    other = ['Other disease' if name == 'Other diseases' else name for name in labels]
    consensus = [(film.image_id, *_label_row(film.truth)) for film in test]
    text = csv_text(('image_id', *other), consensus)
    folder.write('annotations/image_labels_test.csv', text)


def _box_rows(lesions: Sequence[Lesion]) -> list[tuple[object, ...]]:
    if not lesions:
        return [(NO_FINDING, '', '', '', '')]
    return [(lesion.finding, *lesion.box_xyxy) for lesion in lesions]


def _label_row(lesions: Sequence[Lesion]) -> list[int]:
    present = {lesion.finding for lesion in lesions}
    present |= {_GLOBAL_OF.get(name, 'Other diseases') for name in present}
    present = present or {NO_FINDING}
    return [int(name in present) for name in (*VINDR_LOCAL, *VINDR_GLOBAL)]


def _write_kaggle(
    folder: PhantomFolder, train: list[_Film], test: list[_Film], seed: int
) -> None:
    rows: list[tuple[object, ...]] = []
    for film in train:
        for reader, lesions in film.readings.items():
            if not lesions:
                rows.append((film.image_id, NO_FINDING, 14, reader, '', '', '', ''))
            for lesion in lesions:
                x1, y1, x2, y2 = (float(int(edge)) for edge in lesion.box_xyxy)
                box = (x1, y1, max(x2, x1 + 1), max(y2, y1 + 1))
                number = VINDR_KAGGLE.index(lesion.finding)
                rows.append((film.image_id, lesion.finding, number, reader, *box))
    order = np.random.default_rng([seed, 2]).permutation(len(rows))
    header = (
        *('image_id', 'class_name', 'class_id', 'rad_id'),
        *('x_min', 'y_min', 'x_max', 'y_max'),
    )
    folder.write('train.csv', csv_text(header, [rows[i] for i in order]))
    submission = [(film.image_id, '14 1 0 0 1 1') for film in test]
    text = csv_text(('image_id', 'PredictionString'), submission)
    folder.write('sample_submission.csv', text)
