"""One offline HTML page of a test: numbers, curves, films, limits."""

from mmlung.report.gaps import gaps
from mmlung.report.page import holds_films
from mmlung.report.page import shown_films
from mmlung.report.page import write_report
from mmlung.report.sources import read_sources

__all__ = ['gaps', 'holds_films', 'read_sources', 'shown_films', 'write_report']
