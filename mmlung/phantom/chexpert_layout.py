"""A phantom CheXpert-v1.0-small: tables, and JPEG films by patient and study."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from mmlung.findings import CHEXPERT
from mmlung.phantom.case import check_side
from mmlung.phantom.case import draw_case
from mmlung.phantom.layouts import PhantomFolder
from mmlung.phantom.layouts import csv_text
from mmlung.phantom.layouts import draw_all
from mmlung.phantom.lesions import Lesion
from mmlung.phantom.outlines import sample_habitus

CHEXPERT_NAMES = {
    'Cardiomegaly': 'Cardiomegaly',
    'Infiltration': 'Lung Opacity',
    'Nodule/Mass': 'Lung Lesion',
    'Consolidation': 'Consolidation',
    'Atelectasis': 'Atelectasis',
    'Pneumothorax': 'Pneumothorax',
    'Pleural effusion': 'Pleural Effusion',
}
"""What can be drawn, to the names of CheXpert; six of its findings cannot."""

UNCERTAIN_SHARE = {
    'Cardiomegaly': 0.23,
    'Lung Opacity': 0.05,
    'Lung Lesion': 0.14,
    'Consolidation': 0.65,
    'Atelectasis': 0.50,
    'Pneumothorax': 0.14,
    'Pleural Effusion': 0.12,
}
"""Of a finding's mentions that are not negative, how many the release has as -1."""

DENIED_SHARE = {
    'Cardiomegaly': 0.06,
    'Lung Opacity': 0.06,
    'Lung Lesion': 0.01,
    'Consolidation': 0.15,
    'Atelectasis': 0.01,
    'Pneumothorax': 0.28,
    'Pleural Effusion': 0.28,
}
"""Of the films without a finding, on how many the release has a 0, not a blank."""

FOLDER = 'CheXpert-v1.0-small'
_FIRST_VALID = 64_541  # the first patient of the release's valid.csv
_LATERAL_SHARE = 0.17  # of the studies
_SILENT_SHARE = 0.01  # studies without a label; far fewer in the release
_HEADER = ('Path', 'Sex', 'Age', 'Frontal/Lateral', 'AP/PA', *CHEXPERT)


class _Study(NamedTuple):
    folder: Path
    seed: int
    size_px: int
    part: str
    patient: int
    study: int
    lateral: bool

    @property
    def path(self) -> str:
        """Folder of the study below the download."""
        return f'{self.part}/patient{self.patient:05d}/study{self.study}'


def write_chexpert(
    out: str | Path,
    *,
    n_train: int,
    n_valid: int,
    seed: int = 0,
    size_px: int = 320,
    workers: int = 1,
    progress: bool = False,
) -> Path:
    """Write a phantom CheXpert-v1.0-small; the same arguments give the same bytes.

    ``train.csv`` with labels as a labeler mines them: 1, 0, -1 and mostly blanks, at
    about the release's rates; ``valid.csv`` with 0 and 1 alone, which are the truth.
    One study in six has a lateral too, a plain silhouette that shows no finding.

    Args:
        out: a new or empty folder; a finished one with the same arguments is kept.
        n_train: studies of ``train``; a patient has one to five of them.
        n_valid: studies of ``valid``, each of another patient.
        seed: everything follows from it.
        size_px: shorter side of the films, which are of several shapes.
        workers: processes.
        progress: show a bar.

    Returns:
        ``out``.

    Raises:
        ValueError: an argument is out of range, or the folder holds something else.
    """
    for name, number in (('n_train', n_train), ('n_valid', n_valid)):
        if number < 1:
            raise ValueError(f'{name} must be at least 1, got {number}')
    check_side(size_px)
    arguments = {'n_train': n_train, 'n_valid': n_valid}
    arguments |= {'seed': seed, 'size_px': size_px}
    folder = PhantomFolder(out, FOLDER, arguments)
    if folder.finished:
        return folder.path
    rng = np.random.default_rng([seed, 0])
    parts = {
        'train': _train_numbers(rng, n_train),
        'valid': [(_FIRST_VALID + i, 1) for i in range(n_valid)],
    }
    title = 'phantom CheXpert' if progress else None
    for part, numbers in parts.items():
        studies = [
            _Study(folder.path, seed, size_px, part, *number, lateral)
            for number, lateral in zip(
                numbers, rng.random(len(numbers)) < _LATERAL_SHARE, strict=True
            )
        ]
        truths = draw_all(_write_study, studies, workers, title)
        rows = [
            row
            for study, lesions in zip(studies, truths, strict=True)
            for row in _rows(study, lesions)
        ]
        folder.write(f'{part}.csv', csv_text(_HEADER, rows))
    folder.finish()
    return folder.path


def _train_numbers(rng: np.random.Generator, n_studies: int) -> list[tuple[int, int]]:
    """(patient, study) of every study; their numbers have gaps, as in the release."""
    numbers: list[tuple[int, int]] = []
    patient = 0
    while len(numbers) < n_studies:
        patient += 1
        own = rng.choice(8, min(5, int(rng.geometric(0.35))), replace=False) + 1
        numbers += [(patient, int(study)) for study in sorted(own)]
    return numbers[:n_studies]


def _write_study(study: _Study) -> tuple[Lesion, ...]:
    body = sample_habitus(np.random.default_rng([study.seed, 1, study.patient]))
    rng = np.random.default_rng([study.seed, 2, study.patient, study.study])
    longer = round(study.size_px * rng.choice([1.0, 1.0, 1.22]))
    size_hw = (study.size_px, longer) if rng.random() < 0.8 else (longer, study.size_px)
    case = draw_case(rng, size_hw, tuple(CHEXPERT_NAMES), body)
    _save(study, 'view1_frontal', case.film)
    if study.lateral:
        _save(study, 'view2_lateral', silhouette(rng, size_hw))
    return case.lesions


def silhouette(rng: np.random.Generator, size_hw: tuple[int, int]) -> np.ndarray:
    """A lateral, as (H, W) in [0, 1]: wall, lungs, spine and heart, no finding."""
    height, width = size_hw
    film = np.full(size_hw, 0.08, dtype=np.float32)
    middle = (width // 2, height // 2)
    for centre, axes, grey in (
        (middle, (0.36, 0.52), 0.55),
        (middle, (0.30, 0.45), 0.25),
        ((round(0.72 * width), middle[1]), (0.06, 0.55), 0.75),
        ((round(0.38 * width), round(0.62 * height)), (0.13, 0.16), 0.60),
    ):
        size = (round(axes[0] * width), round(axes[1] * height))
        cv2.ellipse(film, centre, size, 0, 0, 360, grey, -1)
    blurred = cv2.GaussianBlur(film, (0, 0), 0.02 * width)
    return np.clip(blurred + rng.normal(0, 0.02, size_hw), 0, 1)


def _save(study: _Study, view: str, film: np.ndarray) -> None:
    path = study.folder / study.path / f'{view}.jpg'
    path.parent.mkdir(parents=True, exist_ok=True)
    grey = np.rint(film * 255).astype(np.uint8)
    temporary = path.with_suffix('.part')
    temporary.write_bytes(
        cv2.imencode('.jpg', grey, [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes()
    )
    temporary.replace(path)


def _rows(study: _Study, lesions: Sequence[Lesion]) -> list[list[object]]:
    """A row a film; all films of a study have its labels."""
    person = np.random.default_rng([study.seed, 3, study.patient])
    rng = np.random.default_rng([study.seed, 4, study.patient, study.study])
    who = [person.choice(['Male', 'Female']), int(person.integers(18, 91))]
    present = {CHEXPERT_NAMES[lesion.finding] for lesion in lesions}
    mined = study.part == 'train'
    cells = mined_cells(rng, present) if mined else _true_cells(present)
    start = f'{FOLDER}/{study.path}'
    view = 'PA' if rng.random() < 0.15 else 'AP'
    rows = [[f'{start}/view1_frontal.jpg', *who, 'Frontal', view, *cells]]
    if study.lateral:
        rows.append([f'{start}/view2_lateral.jpg', *who, 'Lateral', '', *cells])
    return rows


def _true_cells(present: set[str]) -> list[str]:
    """What radiologists see: 1.0 or 0.0 for each of the 14."""
    seen = present or {CHEXPERT[0]}
    return ['1.0' if name in seen else '0.0' for name in CHEXPERT]


def mined_cells(rng: np.random.Generator, present: set[str]) -> list[str]:
    """What a labeler finds in a report: '1.0', '0.0', '-1.0' or '' for each of the 14.

    No Finding is 1.0 where nothing is present or uncertain, else blank.

    Args:
        rng: draws which mentions are uncertain, and what is not mentioned.
        present: CheXpert names of what the film shows.
    """
    cells = dict.fromkeys(CHEXPERT, '')
    silent = rng.random() < _SILENT_SHARE
    for name in UNCERTAIN_SHARE:
        draw = rng.random()
        if name in present:
            cells[name] = '-1.0' if draw < UNCERTAIN_SHARE[name] else '1.0'
        else:
            cells[name] = '0.0' if draw < DENIED_SHARE[name] else ''
    if silent:
        return [''] * len(CHEXPERT)
    if not {'1.0', '-1.0'} & {*cells.values()}:
        cells[CHEXPERT[0]] = '1.0'
    return list(cells.values())
