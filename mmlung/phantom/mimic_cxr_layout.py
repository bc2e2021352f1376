"""A phantom MIMIC-CXR-JPG, or MIMIC-CXR with DICOM files: tables and films."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from mmlung.findings import CHEXPERT
from mmlung.phantom.case import check_side
from mmlung.phantom.case import draw_case
from mmlung.phantom.chexpert_layout import CHEXPERT_NAMES
from mmlung.phantom.chexpert_layout import mined_cells
from mmlung.phantom.chexpert_layout import silhouette
from mmlung.phantom.dicom_film import encode_dicom
from mmlung.phantom.layouts import PhantomFolder
from mmlung.phantom.layouts import csv_text
from mmlung.phantom.layouts import draw_all
from mmlung.phantom.outlines import sample_habitus

FORMATS = ('jpg', 'dicom')
DATASET = 'MIMIC-CXR-JPG 2.1.0'

METADATA = (
    'dicom_id',
    'subject_id',
    'study_id',
    'PerformedProcedureStepDescription',
    'ViewPosition',
    'Rows',
    'Columns',
    'StudyDate',
    'StudyTime',
    'ProcedureCodeSequence_CodeMeaning',
    'ViewCodeSequence_CodeMeaning',
    'PatientOrientationCodeSequence_CodeMeaning',
)
"""Columns of the release's metadata table."""

LABELS = tuple(sorted(CHEXPERT))
"""Columns of its label tables: alphabetical."""

TEST_LABELS = tuple('Airspace Opacity' if n == 'Lung Opacity' else n for n in LABELS)
"""Columns of the radiologist's table of 2.1.0, in the order of the other tables."""

_VIEWS = ((('PA', 'LATERAL'), 0.35), (('PA', 'LL'), 0.1), (('AP',), 0.5), (('',), 0.05))
_NO_ROW_SHARE = 0.02  # of the studies; 8 of the release's 227,835
_RADIOLOGIST_SHARE = 0.5  # of the test studies; 687 of the release's 3,269


class _Study(NamedTuple):
    folder: Path
    seed: int
    size_px: int
    form: str
    part: str
    subject: int
    study: int

    @property
    def path(self) -> str:
        """Its folder below the download."""
        subject = f'p{self.subject}'
        return f'files/{subject[:3]}/{subject}/s{self.study}'


class _Drawn(NamedTuple):
    """Rows of the metadata, and CheXpert names of what the study shows."""

    rows: list[dict[str, object]]
    present: set[str]


def write_mimic_cxr(
    out: str | Path,
    *,
    n_train: int,
    n_validate: int,
    n_test: int,
    form: str = 'jpg',
    seed: int = 0,
    size_px: int = 320,
    workers: int = 1,
    progress: bool = False,
) -> Path:
    """Write a phantom MIMIC-CXR-JPG 2.1.0; the same arguments give the same bytes.

    Metadata, the split, two labelings with 1, 0, -1 and mostly blanks, and for half of
    the test studies what a radiologist saw. A study is a PA with a lateral, an AP, or
    a film without a ``ViewPosition``; some studies have no row in the label tables.

    Args:
        out: a new or empty folder; a finished one with the same arguments is kept.
        n_train: studies of ``train``; a patient has one to five of them.
        n_validate: studies of ``validate``.
        n_test: studies of ``test``.
        form: jpg, histogram equalised as the release is; or dicom.
        seed: everything follows from it.
        size_px: shorter side of the films, which are of several shapes.
        workers: processes.
        progress: show a bar.

    Returns:
        ``out``.

    Raises:
        ValueError: an argument is out of range, or the folder holds something else.
    """
    numbers = {'train': n_train, 'validate': n_validate, 'test': n_test}
    for name, number in numbers.items():
        if number < 1:
            raise ValueError(f'n_{name} must be at least 1, got {number}')
    if form not in FORMATS:
        raise ValueError(f'form must be one of {FORMATS}, got {form!r}')
    check_side(size_px)
    arguments = {**numbers, 'form': form, 'seed': seed, 'size_px': size_px}
    folder = PhantomFolder(out, DATASET, arguments)
    if folder.finished:
        return folder.path
    studies = [
        _Study(folder.path, seed, size_px, form, *who) for who in _who(seed, numbers)
    ]
    title = 'phantom MIMIC-CXR' if progress else None
    drawn = draw_all(_write_study, studies, workers, title)
    for name, table in _tables(studies, drawn).items():
        packed = name.endswith('.gz')
        data = table.encode()
        folder.write(name, gzip.compress(data, mtime=0) if packed else data)
    folder.finish()
    return folder.path


def _who(seed: int, numbers: dict[str, int]) -> list[tuple[str, int, int]]:
    """(part, subject, study) of every study; numbers are random, as in the release."""
    rng = np.random.default_rng([seed, 0])
    total = sum(numbers.values())
    subjects = rng.choice(9_999_999, total, replace=False) + 10_000_001
    studies = rng.choice(9_999_999, total, replace=False) + 50_000_001
    found: list[tuple[str, int, int]] = []
    for part, number in numbers.items():
        end = len(found) + number
        while len(found) < end:
            subject = int(subjects[len(found)])
            for _ in range(min(5, int(rng.geometric(0.35)), end - len(found))):
                found.append((part, subject, int(studies[len(found)])))
    return found


def _write_study(study: _Study) -> _Drawn:
    body = sample_habitus(np.random.default_rng([study.seed, 1, study.subject]))
    rng = np.random.default_rng([study.seed, 2, study.study])
    longer = round(study.size_px * rng.choice([1.0, 1.2, 1.22]))
    size_hw = (study.size_px, longer) if rng.random() < 0.4 else (longer, study.size_px)
    case = draw_case(rng, size_hw, tuple(CHEXPERT_NAMES), body)
    views = _VIEWS[rng.choice(len(_VIEWS), p=[share for _, share in _VIEWS])][0]
    date = (
        f'{rng.integers(2110, 2200)}{rng.integers(1, 13):02d}{rng.integers(1, 29):02d}'
    )
    clock = (
        f'{rng.integers(86400) // 3600:02d}{rng.integers(60):02d}{rng.integers(60):02d}'
    )
    rows = []
    for view in views:
        lateral = view in ('LATERAL', 'LL')
        film = silhouette(rng, size_hw) if lateral else case.film
        dicom = '-'.join(f'{word:08x}' for word in rng.integers(2**32, size=5))
        _save(study, dicom, film, rng)
        rows.append(
            {
                'dicom_id': dicom,
                'subject_id': study.subject,
                'study_id': study.study,
                'PerformedProcedureStepDescription': 'CHEST (PA AND LAT)'
                if len(views) > 1
                else 'CHEST (PORTABLE AP)',
                'ViewPosition': view,
                'Rows': size_hw[0],
                'Columns': size_hw[1],
                'StudyDate': date,
                'StudyTime': f'{clock}.{rng.integers(1000):03d}',
            }
        )
    return _Drawn(rows, {CHEXPERT_NAMES[lesion.finding] for lesion in case.lesions})


def _save(
    study: _Study, dicom: str, film: np.ndarray, rng: np.random.Generator
) -> None:
    grey = cv2.equalizeHist(np.rint(np.clip(film, 0, 1) * 255).astype(np.uint8))
    if study.form == 'dicom':
        name = f'{dicom}.dcm'
        data = encode_dicom(film, rng, dicom, f'seed {study.seed} {study.path}')
    else:
        quality = [cv2.IMWRITE_JPEG_QUALITY, 95]
        name, data = f'{dicom}.jpg', cv2.imencode('.jpg', grey, quality)[1].tobytes()
    path = study.folder / study.path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix('.part')
    temporary.write_bytes(data)
    temporary.replace(path)


def _tables(studies: Sequence[_Study], drawn: Sequence[_Drawn]) -> dict[str, str]:
    """File name -> CSV text of each table of the release."""
    films = [row for one in drawn for row in one.rows]
    metadata = [[row.get(name, '') for name in METADATA] for row in films]
    split = [
        [row['dicom_id'], row['study_id'], row['subject_id'], study.part]
        for study, one in zip(studies, drawn, strict=True)
        for row in one.rows
    ]
    made = {
        'metadata': csv_text(METADATA, metadata),
        'split': csv_text(('dicom_id', 'study_id', 'subject_id', 'split'), split),
    }
    for lot, labeler in enumerate(('chexpert', 'negbio')):
        rows = []
        for study, one in zip(studies, drawn, strict=True):
            rng = np.random.default_rng([study.seed, 3 + lot, study.study])
            cells = dict(zip(CHEXPERT, mined_cells(rng, one.present), strict=True))
            if np.random.default_rng([study.seed, 5, study.study]).random() >= (
                _NO_ROW_SHARE
            ):
                own = [cells[name] for name in LABELS]
                rows.append([study.subject, study.study, *own])
        made[labeler] = csv_text(('subject_id', 'study_id', *LABELS), rows)
    named = {f'mimic-cxr-2.0.0-{name}.csv.gz': text for name, text in made.items()}
    test = csv_text(('study_id', *TEST_LABELS), _seen(studies, drawn))
    return {**named, 'mimic-cxr-2.1.0-test-set-labeled.csv': test}


def _seen(studies: Sequence[_Study], drawn: Sequence[_Drawn]) -> list[list[object]]:
    """The radiologist's rows: what the films show, blank where there is nothing."""
    rows: list[list[object]] = []
    for study, one in zip(studies, drawn, strict=True):
        rng = np.random.default_rng([study.seed, 6, study.study])
        if study.part != 'test' or rng.random() >= _RADIOLOGIST_SHARE:
            continue
        present = one.present or {'No Finding'}
        rows.append([study.study, *('1.0' if n in present else '' for n in LABELS)])
    return rows
