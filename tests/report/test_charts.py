import re

import numpy as np
import pytest

from mmlung.report.charts import Axis
from mmlung.report.charts import Series
from mmlung.report.charts import chart
from mmlung.report.charts import unit_axis


def points(svg):
    path = re.search(r'class="curve [^"]*" d="M([^"]*)"', svg).group(1)
    return [tuple(map(float, pair.split())) for pair in path.split('L')]


def drawn(x, y, kind='line', x_axis=None):
    series = [Series(np.array(x), np.array(y), kind)]
    axis = x_axis or unit_axis('x')
    return chart('a chart', axis, unit_axis('y'), series, (158, 148))


def test_places():
    assert points(drawn([0, 1], [0, 1])) == [(46.0, 108.0), (146.0, 8.0)]


def test_steps_hold_their_height():
    assert points(drawn([0, 0.5], [0.0, 1.0], 'step')) == [
        (46.0, 108.0),
        (96.0, 108.0),
        (96.0, 8.0),
    ]


def test_logarithmic_axis():
    axis = Axis('x', 0.125, 8, [], log=True)
    assert points(drawn([1.0], [0.0], x_axis=axis)) == [(96.0, 108.0)]


def test_nan_is_left_out_and_nothing_is_nothing():
    assert points(drawn([0, 0.5, 1], [0, np.nan, 1])) == [(46.0, 108.0), (146.0, 8.0)]
    assert 'class="curve' not in drawn([0.0], [np.nan])


@pytest.mark.parametrize('kind', ['dots', 'bars', 'band'])
def test_other_kinds_draw(kind):
    ends = np.array([0.2]), np.array([0.9])
    series = Series(np.array([0.5]), np.array([0.5]), kind, 'one', *ends, width=0.1)
    svg = chart('a <chart>', unit_axis('x & y'), unit_axis('y'), [series])
    assert {'dots': '<circle', 'bars': '<rect', 'band': 'class="band one"'}[kind] in svg
    assert 'aria-label="a &lt;chart&gt;"' in svg
    assert 'x &amp; y</text>' in svg
