"""Synthetic chest radiographs with known findings, in the layouts of real data sets."""

from mmlung.phantom.case import Case
from mmlung.phantom.case import draw_case
from mmlung.phantom.chestxray14_layout import write_chestxray14
from mmlung.phantom.chexpert_layout import write_chexpert
from mmlung.phantom.lesions import Lesion
from mmlung.phantom.mimic_cxr_layout import write_mimic_cxr
from mmlung.phantom.vindr_layout import VINDR_FINDINGS
from mmlung.phantom.vindr_layout import write_vindr

__all__ = [
    'VINDR_FINDINGS',
    'Case',
    'Lesion',
    'draw_case',
    'write_chestxray14',
    'write_chexpert',
    'write_mimic_cxr',
    'write_vindr',
]
