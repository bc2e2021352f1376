"""A phantom download of ChestX-ray14: PNG films, label file, official lists, boxes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from mmlung.findings import ALIASES
from mmlung.findings import CHESTXRAY14
from mmlung.findings import CHESTXRAY14_BOXES
from mmlung.findings import CHESTXRAY14_NO_FINDING
from mmlung.phantom.case import check_side
from mmlung.phantom.case import draw_case
from mmlung.phantom.layouts import PhantomFolder
from mmlung.phantom.layouts import draw_all
from mmlung.phantom.lesions import Lesion
from mmlung.phantom.outlines import sample_habitus

NIH_NAMES = {
    'Atelectasis': 'Atelectasis',
    'Cardiomegaly': 'Cardiomegaly',
    'Pleural effusion': 'Effusion',
    'Infiltration': 'Infiltration',
    'Mass': 'Mass',
    'Nodule': 'Nodule',
    'Pneumothorax': 'Pneumothorax',
    'Consolidation': 'Consolidation',
    'Pulmonary fibrosis': 'Fibrosis',
}
"""What can be drawn, to the names of ChestX-ray14; five of its findings cannot."""

TEST_SHARE = 0.2
BOX_SIDE_PX = 1024  # the films of the release, in whose pixels its boxes are
_BOX_NAMES = {canonical: name for name, canonical in ALIASES.items()}
_LABEL_HEADER = (
    'Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,'
    'View Position,OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]\n'
)
_BOX_HEADER = 'Image Index,Finding Label,Bbox [x,y,w,h],,,\n'
_ORIGINAL_SIZES_WH = ((2500, 2048), (2048, 2500), (2992, 2991), (2021, 2021))


class _Job(NamedTuple):
    folder: Path
    seed: int
    number: int
    patient: int
    film: int
    size_px: int


def write_chestxray14(
    out: str | Path,
    *,
    n_images: int,
    seed: int = 0,
    size_px: int = 320,
    workers: int = 1,
    progress: bool = False,
) -> Path:
    """Write a phantom ChestX-ray14; the same arguments give the same bytes.

    ``images/*.png`` (one in a hundred RGBA), ``Data_Entry_2017_v2020.csv``,
    ``train_val_list.txt`` and ``test_list.txt`` (split by patient),
    ``BBox_List_2017.csv`` with the boxes of the test list, in pixels of 1024-px films.
    Unlike the release, every finding of its eight names is boxed there.

    Args:
        out: a new or empty folder; a finished one with the same arguments is kept.
        n_images: films in all; a patient has one to six of them.
        seed: everything follows from it.
        size_px: side of the square films.
        workers: processes.
        progress: show a bar.

    Returns:
        ``out``.

    Raises:
        ValueError: an argument is out of range, or the folder holds something else.
    """
    if n_images < 10:
        raise ValueError(f'n_images must be at least 10 to be split, got {n_images}')
    check_side(size_px)
    arguments = {'n_images': n_images, 'seed': seed, 'size_px': size_px}
    folder = PhantomFolder(out, 'ChestX-ray14', arguments)
    if folder.finished:
        return folder.path
    (folder.path / 'images').mkdir(exist_ok=True)
    rng = np.random.default_rng([seed, 0])
    films = _sample_patients(rng, n_images)
    jobs = [
        _Job(folder.path, seed, index, patient, film, size_px)
        for index, (patient, film) in enumerate(films)
    ]
    title = 'phantom ChestX-ray14' if progress else None
    truths = draw_all(_write_film, jobs, workers, title)
    folder.write('Data_Entry_2017_v2020.csv', _label_file(films, truths, seed))
    test = _sample_test_patients(rng, films)
    names = [_name(*film) for film in films]
    for name, wanted in (('train_val_list.txt', False), ('test_list.txt', True)):
        part = [
            n for n, (p, _) in zip(names, films, strict=True) if (p in test) is wanted
        ]
        folder.write(name, '\n'.join(part))  # the release has no final newline
    boxed = [
        (name, truth)
        for name, (patient, _), truth in zip(names, films, truths, strict=True)
        if patient in test
    ]
    folder.write('BBox_List_2017.csv', _box_file(boxed, BOX_SIDE_PX / size_px))
    folder.finish()
    return folder.path


def _sample_patients(rng: np.random.Generator, n_images: int) -> list[tuple[int, int]]:
    """(patient, film) of every image: one to six films a patient."""
    films: list[tuple[int, int]] = []
    patient = 0
    while len(films) < n_images:
        patient += 1
        films += [(patient, film) for film in range(min(6, rng.geometric(0.45)))]
    return films[:n_images]


def _sample_test_patients(
    rng: np.random.Generator, films: list[tuple[int, int]]
) -> set[int]:
    test: set[int] = set()
    counts = np.bincount([patient for patient, _ in films])
    for patient in rng.permutation(np.arange(1, len(counts))):
        if counts[list(test)].sum() >= TEST_SHARE * len(films):
            break
        test.add(int(patient))
    return test


def _write_film(job: _Job) -> tuple[Lesion, ...]:
    body = sample_habitus(np.random.default_rng([job.seed, 1, job.patient]))
    rng = np.random.default_rng([job.seed, 2, job.number])
    case = draw_case(rng, (job.size_px, job.size_px), tuple(NIH_NAMES), body)
    grey = np.rint(case.film * 255).astype(np.uint8)
    if job.number % 100 == 7:  # some films of the release are RGBA
        grey = cv2.cvtColor(grey, cv2.COLOR_GRAY2BGRA)
    path = job.folder / 'images' / _name(job.patient, job.film)
    temporary = path.with_suffix('.part')
    temporary.write_bytes(cv2.imencode('.png', grey)[1].tobytes())
    temporary.replace(path)
    return case.lesions


def _name(patient: int, film: int) -> str:
    return f'{patient:08d}_{film:03d}.png'


def _label_file(
    films: list[tuple[int, int]], truths: Sequence[tuple[Lesion, ...]], seed: int
) -> str:
    lines = [_LABEL_HEADER]
    for (patient, film), lesions in zip(films, truths, strict=True):
        rng = np.random.default_rng([seed, 3, patient])
        age, gender = rng.integers(18, 90), rng.choice(['M', 'F'])
        late = int(rng.random() < 0.2)  # follow-ups do not always count as names do
        width, height = _ORIGINAL_SIZES_WH[rng.integers(len(_ORIGINAL_SIZES_WH))]
        present = {NIH_NAMES[lesion.finding] for lesion in lesions}
        labels = '|'.join(sorted(present, key=CHESTXRAY14.index))
        lines.append(
            f'{_name(patient, film)},{labels or CHESTXRAY14_NO_FINDING},{film + late},'
            f'{patient},{min(age + film // 2, 95)},{gender},PA,{width},{height},'
            '0.14300000000000002,0.14300000000000002\n'
        )
    return ''.join(lines)


def _box_file(boxed: list[tuple[str, tuple[Lesion, ...]]], scale: float) -> str:
    lines = [_BOX_HEADER]
    for image, lesions in boxed:
        for lesion in lesions:
            name = NIH_NAMES[lesion.finding]
            if name in CHESTXRAY14_BOXES:
                x1, y1, x2, y2 = (edge * scale for edge in lesion.box_xyxy)
                name = _BOX_NAMES.get(name, name)
                lines.append(f'{image},{name},{x1},{y1},{x2 - x1},{y2 - y1}\n')
    return ''.join(lines)
