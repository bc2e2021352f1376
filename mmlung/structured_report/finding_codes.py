"""Codes of the findings that data sets name, and our own scheme for the rest."""

from __future__ import annotations

from pydicom.sr.coding import Code

PRIVATE_SCHEME = '99MMLUNG'
"""Private coding scheme: the plain name of a finding is its code."""

_LONGEST_MEANING = 64  # of VR LO

_ATELECTASIS = Code('46621007', 'SCT', 'Atelectasis')
_CARDIOMEGALY = Code('8186001', 'SCT', 'Cardiomegaly')
_CONSOLIDATION = Code('95436008', 'SCT', 'Lung consolidation')
_EFFUSION = Code('60046008', 'SCT', 'Pleural effusion')
_FIBROSIS = Code('51615001', 'SCT', 'Fibrosis of lung')
_INFILTRATE = Code('112121', 'DCM', 'Infiltrate')
_OPACITY = Code('112001', 'DCM', 'Opacity')

FINDING_CODES = {
    'Atelectasis': _ATELECTASIS,
    'COPD': Code('13645005', 'SCT', 'Chronic obstructive pulmonary disease'),
    'Calcification': Code('112063', 'DCM', 'Abnormal calcifications'),
    'Cardiomegaly': _CARDIOMEGALY,
    'Clavicle fracture': Code('58150001', 'SCT', 'Fracture of clavicle'),
    'Consolidation': _CONSOLIDATION,
    'Edema': Code('19242006', 'SCT', 'Pulmonary edema'),
    'Effusion': _EFFUSION,
    'Emphysema': Code('87433001', 'SCT', 'Pulmonary emphysema'),
    'Fibrosis': _FIBROSIS,
    'Fracture': Code('125605004', 'SCT', 'Fracture of bone'),
    'ILD': Code('233703007', 'SCT', 'Interstitial lung disease'),
    'Infiltration': _INFILTRATE,
    'Lung Opacity': _OPACITY,
    'Lung tumor': Code('126713003', 'SCT', 'Neoplasm of lung'),
    'Mass': Code('4147007', 'SCT', 'Mass'),
    'Nodule': Code('27925004', 'SCT', 'Nodule'),
    'Pleural Effusion': _EFFUSION,
    'Pleural effusion': _EFFUSION,
    'Pneumonia': Code('233604007', 'SCT', 'Pneumonia'),
    'Pneumothorax': Code('36118008', 'SCT', 'Pneumothorax'),
    'Pulmonary fibrosis': _FIBROSIS,
    'Rib fracture': Code('33737001', 'SCT', 'Fracture of rib'),
    'Tuberculosis': Code('56717001', 'SCT', 'Tuberculosis'),
}
"""Only codes that could be checked, and only where they mean what the data set means.

Those of DCM, and of SCT 60046008, 36118008, 19242006, 27925004 and 4147007, are in the
dictionary of DICOM PS3.16 that pydicom carries; the others of SCT have the same
meaning in at least two independent public code tables. Without a code on purpose:
unions (``Nodule/Mass``), rests (``Other lesion``), and what no table names alike
(``Pleural thickening``, ``Aortic enlargement``, ``Hernia``, ``Support Devices``, ...).
"""


def finding_code(name: str) -> Code:
    """Code of a finding: SNOMED CT or DICOM, else the plain name in our own scheme.

    >>> finding_code('Pneumothorax').value
    '36118008'
    >>> finding_code('Aortic enlargement').scheme_designator
    '99MMLUNG'
    """
    return FINDING_CODES.get(name) or private_code(name, name)


def private_code(value: str, meaning: str) -> Code:
    """A code of :data:`PRIVATE_SCHEME`, fit for DICOM: no backslash, 64 characters."""
    return Code(_fitting(value), PRIVATE_SCHEME, _fitting(meaning))


def _fitting(text: str) -> str:
    plain = ' '.join(text.replace('\\', '/').split())
    return plain[:_LONGEST_MEANING] or 'unnamed'
