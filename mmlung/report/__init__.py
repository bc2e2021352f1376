"""One offline HTML page of a test: numbers, curves, films, limits."""

from mmlung.report.page import write_report
from mmlung.report.sources import read_sources

__all__ = ['read_sources', 'write_report']
