"""Findings of one DICOM film as DICOM: a structured report, and a marked copy."""

from mmlung.structured_report.capture import secondary_capture
from mmlung.structured_report.document import structured_report
from mmlung.structured_report.files import write_structured_report

__all__ = ['secondary_capture', 'structured_report', 'write_structured_report']
