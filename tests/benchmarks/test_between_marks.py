from pathlib import Path

import pytest

from benchmarks import annotation_sources
from benchmarks import between_marks
from benchmarks import detectors_real_films
from benchmarks import real_films

RESULTS = Path(real_films.REPO) / 'docs/results.md'


def test_tables_go_between_the_marks(tmp_path):
    page = tmp_path / 'results.md'
    begin, end = between_marks.marks_of('a table')
    page.write_text(f'head\n{begin}\nold\n{end}\ntail\n')
    between_marks.write_between_marks('new', page, 'a table')
    assert page.read_text() == f'head\n{begin}\n\nnew\n\n{end}\ntail\n'


def test_a_page_without_marks_is_left_alone(tmp_path):
    page = tmp_path / 'results.md'
    page.write_text('no marks')
    with pytest.raises(ValueError, match='has no lines'):
        between_marks.write_between_marks('new', page, 'a table')
    assert page.read_text() == 'no marks'


@pytest.mark.parametrize(
    'script', [real_films, detectors_real_films, annotation_sources]
)
def test_docs_have_the_marks(script):
    between_marks.check_marks(RESULTS, script.TABLE)
