from types import SimpleNamespace

import numpy as np
import pytest

from data_converters.mimic_cxr.views import films_of_views
from data_converters.records import AnnotationError
from data_converters.report import Report

VIEWS = ('PA', 'AP', 'LATERAL', '', 'AP AXIAL', 'PA')


class Films(SimpleNamespace):
    def where(self, wanted):
        return self.view[wanted].tolist()


@pytest.fixture
def films():
    source = SimpleNamespace(path='metadata.csv.gz')
    return Films(view=np.array(VIEWS, dtype=object), source=source)


@pytest.mark.parametrize(
    ('views', 'taken'),
    [
        (['PA', 'AP'], ['PA', 'AP', 'PA']),
        (['AP'], ['AP']),
        (['AP AXIAL', 'LATERAL'], ['LATERAL', 'AP AXIAL']),
        (['ALL'], ['PA', 'AP', 'LATERAL', 'AP AXIAL', 'PA']),
    ],
    ids=lambda views: '+'.join(views),
)
def test_films_taken_and_left(films, views, taken):
    report = Report()
    assert films_of_views(films, views, report) == taken
    assert sum(report.counts.values()) == len(VIEWS) - len(taken)
    assert report.counts['films without a ViewPosition, never taken'] == 1


def test_frontal_may_lack_one_of_two(films):
    films.view = films.view[films.view != 'AP']
    assert films_of_views(films, ['PA', 'AP'], Report()) == ['PA', 'PA']


@pytest.mark.parametrize('views', [['PA', 'LL'], ['']], ids=['unknown', 'blank'])
def test_a_view_that_no_film_has(films, views):
    with pytest.raises(AnnotationError, match=r'no film has .*; there are PA \(2\)'):
        films_of_views(films, views, Report())
