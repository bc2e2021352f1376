"""Codes of the findings that data sets name, and our own scheme for the rest."""

from __future__ import annotations

from pydicom.sr.coding import Code

PRIVATE_SCHEME = '99MMLUNG'
"""Private coding scheme: the plain name of a finding is its code."""

_LONGEST_MEANING = 64  # of VR LO

_EFFUSION = Code('60046008', 'SCT', 'Pleural effusion')

FINDING_CODES = {
    'Calcification': Code('112063', 'DCM', 'Abnormal calcifications'),
    'Edema': Code('19242006', 'SCT', 'Pulmonary edema'),
    'Effusion': _EFFUSION,
    'Fibrosis': Code('112674009', 'SCT', 'Fibrosis'),
    'Infiltration': Code('112121', 'DCM', 'Infiltrate'),
    'Lung Opacity': Code('112001', 'DCM', 'Opacity'),
    'Mass': Code('4147007', 'SCT', 'Mass'),
    'Nodule': Code('27925004', 'SCT', 'Nodule'),
    'Pleural Effusion': _EFFUSION,
    'Pleural effusion': _EFFUSION,
    'Pneumothorax': Code('36118008', 'SCT', 'Pneumothorax'),
}
"""Only codes that pydicom's dictionary of DICOM PS3.16 has under that meaning.

Every other finding is in our own scheme, even where SNOMED CT surely has a concept
(``Atelectasis``, ``Pneumonia``, ...): PS3.16 does not list it, and a wrong number in a
report is worse than none. ``Cardiomegaly`` is left out as the dictionary gives its
number, 287272002, a second meaning (enlarged septal foramen of heart). Unions
(``Nodule/Mass``) and rests (``Other lesion``) have no single code anywhere. Map our
scheme to the codes of your archive where you need them.
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
