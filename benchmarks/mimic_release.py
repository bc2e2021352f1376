"""Tables of the size of MIMIC-CXR-JPG 2.0.0, drawn by lot: nobody's films."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmlung.findings import CHEXPERT

if TYPE_CHECKING:
    import pandas as pd

IMAGES = {'train': 368_960, 'validate': 2_991, 'test': 5_159}
STUDIES = {'train': 222_758, 'validate': 1_808, 'test': 3_269}
PATIENTS = {'train': 64_586, 'validate': 500, 'test': 293}
"""Of the release."""

VIEWS = {
    'AP': 0.39,
    'PA': 0.255,
    'LATERAL': 0.22,
    'LL': 0.09,
    '': 0.04,
    'LPO': 0.005,
}
"""Shares of ``ViewPosition``: two films in three are frontal, as in the release."""

CELLS = {
    'No Finding': (0.089, 0, 0),
    'Enlarged Cardiomediastinum': (0.048, 0.080, 0.054),
    'Cardiomegaly': (0.123, 0.041, 0.035),
    'Lung Opacity': (0.494, 0.026, 0.023),
    'Lung Lesion': (0.037, 0.004, 0.006),
    'Edema': (0.261, 0.083, 0.062),
    'Consolidation': (0.068, 0.102, 0.128),
    'Pneumonia': (0.024, 0.010, 0.083),
    'Atelectasis': (0.156, 0.005, 0.157),
    'Pneumothorax': (0.092, 0.251, 0.014),
    'Pleural Effusion': (0.403, 0.132, 0.050),
    'Pleural Other': (0.013, 0.001, 0.009),
    'Fracture': (0.039, 0.010, 0.003),
    'Support Devices': (0.564, 0.028, 0.005),
}
"""Shares of 1, 0 and -1: those of CheXpert's train.csv, whose labeler is the same."""

_SILENT = 2_414  # studies with nothing but blanks
_NO_ROW = 8
_DESCRIPTIONS = ('CHEST (PA AND LAT)', 'CHEST (PORTABLE AP)', 'CHEST (SINGLE VIEW)')


def write_release(root: Path, scale: float = 1.0, seed: int = 0) -> Path:
    """Metadata, split and CheXpert table, gzipped; no films.

    Args:
        root: folder to write into.
        scale: share of the release's images, studies and patients.
        seed: everything follows from it.
    """
    root.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    numbers = [
        {part: max(1, round(scale * number)) for part, number in counts.items()}
        for counts in (IMAGES, STUDIES, PATIENTS)
    ]
    films = _films(rng, *numbers)
    _save(root, 'split', films[['dicom_id', 'study_id', 'subject_id', 'split']])
    _save(root, 'metadata', _metadata(rng, films))
    studies = films[['subject_id', 'study_id']].drop_duplicates()
    _save(root, 'chexpert', _labels(rng, studies, scale))
    return root


def lay_films(root: Path) -> None:
    """An empty file for each film of the metadata."""
    import pandas as pd

    table = pd.read_csv(root / _name('metadata'), usecols=[0, 1, 2], dtype=str)
    rows = zip(table['dicom_id'], table['subject_id'], table['study_id'], strict=True)
    made = ''
    for dicom, subject, study in rows:
        folder = f'{root}/files/p{subject[:2]}/p{subject}/s{study}'
        if folder != made:
            Path(folder).mkdir(parents=True, exist_ok=True)
            made = folder
        Path(folder, f'{dicom}.jpg').touch()


def _films(
    rng: np.random.Generator,
    images: dict[str, int],
    studies: dict[str, int],
    patients: dict[str, int],
) -> pd.DataFrame:
    """Films of every part: each study has one at least, each patient a study."""
    import pandas as pd

    parts = []
    for part, n_images in images.items():
        study = _owners(rng, n_images, studies[part])
        subject = _owners(rng, studies[part], patients[part])
        parts.append(pd.DataFrame({'split': part, 'study': study}))
        parts[-1]['subject'] = subject[study]
    films = pd.concat(parts, ignore_index=True)
    for name, start in (('study', 50_000_000), ('subject', 10_000_000)):
        place = films.groupby(['split', name], sort=False).ngroup().to_numpy()
        ids = start + rng.choice(9_999_999, place.max() + 1, replace=False)
        films[f'{name}_id'] = ids[place]
    words = rng.integers(2**32, size=(len(films), 5)).tolist()
    films['dicom_id'] = ['-'.join(f'{word:08x}' for word in row) for row in words]
    return films.sort_values(['subject_id', 'study_id'], ignore_index=True)


def _owners(rng: np.random.Generator, n_items: int, n_owners: int) -> np.ndarray:
    """(n_items,) owner of each item, by lot; every owner has one at least."""
    rest = rng.integers(n_owners, size=max(0, n_items - n_owners))
    return np.sort(np.concatenate([np.arange(n_owners), rest]))


def _metadata(rng: np.random.Generator, films: pd.DataFrame) -> pd.DataFrame:
    n_films = len(films)
    table = films[['dicom_id', 'subject_id', 'study_id']].copy()
    table['PerformedProcedureStepDescription'] = rng.choice(_DESCRIPTIONS, n_films)
    table['ViewPosition'] = rng.choice([*VIEWS], n_films, p=[*VIEWS.values()])
    table['Rows'] = rng.choice([3056, 2544, 2022], n_films)
    table['Columns'] = rng.choice([2544, 3056, 1736], n_films)
    table['StudyDate'] = rng.integers(2110, 2200, n_films) * 10_000 + 101
    table['StudyTime'] = rng.integers(235_959, size=n_films) + 0.218
    for name in ('Procedure', 'View', 'PatientOrientation'):
        words = ['postero-anterior', 'antero-posterior', '']
        table[f'{name}CodeSequence_CodeMeaning'] = rng.choice(words, n_films)
    return table


def _labels(
    rng: np.random.Generator, studies: pd.DataFrame, scale: float
) -> pd.DataFrame:
    table = studies.iloc[: len(studies) - _NO_ROW].copy()
    for name in sorted(CHEXPERT):
        shares = CELLS[name]
        cells = ['1.0', '0.0', '-1.0', '']
        table[name] = rng.choice(cells, len(table), p=[*shares, 1 - sum(shares)])
    silent = rng.choice(len(table), round(scale * _SILENT), replace=False)
    table.iloc[silent, 2:] = ''
    return table


def _name(role: str) -> str:
    return f'mimic-cxr-2.0.0-{role}.csv.gz'


def _save(root: Path, role: str, table: pd.DataFrame) -> None:
    packing = {'method': 'gzip', 'compresslevel': 1, 'mtime': 0}
    table.to_csv(root / _name(role), index=False, compression=packing)
