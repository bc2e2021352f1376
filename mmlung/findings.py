"""Each dataset's findings in official order, the names they share, and label states.

A label is 1 present, 0 absent, NaN unknown, in memory; in files, ``null`` is unknown.

Sources: VinDr-CXR (Nguyen et al. 2022, doi:10.1038/s41597-022-01498-w), ChestX-ray14
(Wang et al. 2017, doi:10.1109/CVPR.2017.369), CheXpert (Irvin et al. 2019,
doi:10.1609/aaai.v33i01.3301590).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

PRESENT = 1.0
ABSENT = 0.0
UNKNOWN = float('nan')

NO_FINDING = 'No finding'
"""VinDr's word for a film without any finding; never a category of its own."""

VINDR_LOCAL = (
    'Aortic enlargement',
    'Atelectasis',
    'Calcification',
    'Cardiomegaly',
    'Clavicle fracture',
    'Consolidation',
    'Edema',
    'Emphysema',
    'Enlarged PA',
    'ILD',
    'Infiltration',
    'Lung Opacity',
    'Lung cavity',
    'Lung cyst',
    'Mediastinal shift',
    'Nodule/Mass',
    'Pleural effusion',
    'Pleural thickening',
    'Pneumothorax',
    'Pulmonary fibrosis',
    'Rib fracture',
    'Other lesion',
)
"""The 22 findings of the PhysioNet release that are drawn as boxes."""

VINDR_GLOBAL = (
    'COPD',
    'Lung tumor',
    'Pneumonia',
    'Tuberculosis',
    'Other diseases',
    NO_FINDING,
)
"""The 6 image-level labels of the PhysioNet release; they never have boxes."""

VINDR_KAGGLE = (
    'Aortic enlargement',
    'Atelectasis',
    'Calcification',
    'Cardiomegaly',
    'Consolidation',
    'ILD',
    'Infiltration',
    'Lung Opacity',
    'Nodule/Mass',
    'Other lesion',
    'Pleural effusion',
    'Pleural thickening',
    'Pneumothorax',
    'Pulmonary fibrosis',
)
"""The 14 findings of the Kaggle release, in the order of its class_id 0 to 13."""

CHESTXRAY14 = (
    'Atelectasis',
    'Cardiomegaly',
    'Effusion',
    'Infiltration',
    'Mass',
    'Nodule',
    'Pneumonia',
    'Pneumothorax',
    'Consolidation',
    'Edema',
    'Emphysema',
    'Fibrosis',
    'Pleural_Thickening',
    'Hernia',
)
"""The 14 findings of ChestX-ray14, in the order of its README."""

CHESTXRAY14_NO_FINDING = 'No Finding'
"""ChestX-ray14's word for none of the 14: not the same as a normal film."""

CHESTXRAY14_BOXES = CHESTXRAY14[:8]
"""The 8 findings of ChestX-ray14's BBox_List_2017.csv."""

CHEXPERT = (
    'No Finding',
    'Enlarged Cardiomediastinum',
    'Cardiomegaly',
    'Lung Opacity',
    'Lung Lesion',
    'Edema',
    'Consolidation',
    'Pneumonia',
    'Atelectasis',
    'Pneumothorax',
    'Pleural Effusion',
    'Pleural Other',
    'Fracture',
    'Support Devices',
)
"""The 14 observations of CheXpert, in its order; MIMIC-CXR's tables hold the same."""

ALIASES = {
    'Other disease': 'Other diseases',  # VinDr's test file against its train file
    'Infiltrate': 'Infiltration',  # ChestX-ray14's box file against its label file
}
"""Spellings of the same finding inside one release, to the canonical one."""


def canonical_finding(name: str, vocabulary: Iterable[str], dataset: str) -> str:
    """Name of a finding as the vocabulary spells it.

    Args:
        name: as found in a file; blanks around it do not count, aliases are resolved.
        vocabulary: the names that the dataset allows.
        dataset: what to call the vocabulary in an error.

    Raises:
        ValueError: the name is not in the vocabulary; the text offers the nearest one.

    >>> canonical_finding(' Infiltrate', CHESTXRAY14, 'ChestX-ray14')
    'Infiltration'
    """
    known = tuple(vocabulary)
    stripped = name.strip()
    stripped = ALIASES.get(stripped, stripped)
    if stripped in known:
        return stripped
    near = difflib.get_close_matches(stripped, known, n=1)
    hint = f' Did you mean {near[0]!r}?' if near else ''
    raise ValueError(
        f'unknown finding {name!r} in {dataset}.{hint} Known: {", ".join(known)}.'
    )
