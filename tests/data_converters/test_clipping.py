import numpy as np
import pytest

from data_converters.clipping import clip_boxes
from data_converters.records import AnnotationError
from data_converters.report import Report

NAN = float('nan')


def clip(boxes, size_hw=(100, 200), n_good=1000, **options):
    """Clip a few boxes among many good ones; results of the few."""
    boxes = np.array([*boxes, *[(1, 2, 3, 4)] * n_good], dtype=float).reshape(-1, 4)
    size = np.tile(size_hw, (len(boxes), 1)).reshape(-1, 2)
    line = np.arange(2, 2 + len(boxes))
    report = Report()
    clipped, keep = clip_boxes(boxes, size, line, 'train.csv', report, **options)
    few = len(boxes) - n_good
    assert keep[few:].all()
    return clipped[:few].tolist(), keep[:few].tolist(), report


def test_inside_and_on_the_edge_is_untouched():
    boxes = [[0, 0, 200, 100], [5.5, 6.25, 7, 8]]
    clipped, keep, report = clip(boxes, n_good=0)
    assert clipped == boxes
    assert keep == [True, True]
    assert not report.clipped
    assert not report.dropped


def test_a_box_across_the_border_is_clipped_and_reported():
    clipped, keep, report = clip([(-3, 90, 20, 104.5)])
    assert clipped == [[0, 90, 20, 100]]
    assert keep == [True]
    assert report.clipped == [
        {
            'file': 'train.csv',
            'line': 2,
            'reason': 'box (-3, 90, 20, 104.5) in an image of 200 x 100 crosses the '
            'border',
        }
    ]


def test_no_area_is_dropped_and_reported():
    _, keep, report = clip([(5, 5, 5, 9), (210, 5, 220, 9), (1, 1, 2, 2)])
    assert keep == [False, False, True]
    assert [entry['line'] for entry in report.dropped] == [2, 3]
    assert 'has no area' in report.dropped[0]['reason']


@pytest.mark.parametrize(
    'boxes',
    [[(50, 50, 150, 350)], [(0, 0, 201.5, 50)] * 4],
    ids=['mostly-outside', 'several-across'],
)
def test_many_outside_means_wrong_sizes(boxes):
    with pytest.raises(
        AnnotationError, match=r'train\.csv row 2: .* wrong image sizes'
    ):
        clip(boxes, n_good=80)
    clip(boxes, n_good=80, max_outside=0.1)


def test_one_box_across_the_border_of_a_small_set_is_no_proof():
    _, keep, report = clip([(100, 50, 205, 80)], n_good=5)
    assert keep == [True]
    assert len(report.clipped) == 1


def test_rounding_says_nothing_about_the_sizes():
    clipped, _, report = clip([(100, 50, 200.75, 80)] * 50, n_good=0)
    assert clipped[0] == [100, 50, 200, 80]
    assert len(report.clipped) == 50


@pytest.mark.parametrize(
    ('box', 'message'),
    [
        ((1, NAN, 3, 4), r'row 2: box \(1, nan, 3, 4\) of a finding lacks'),
        ((5, 2, 3, 4), r'row 2: box \(5, 2, 3, 4\) has x_max < x_min'),
    ],
    ids=['nan', 'reversed'],
)
def test_an_impossible_box_stops_or_is_dropped(box, message):
    with pytest.raises(AnnotationError, match=message):
        clip([box])
    _, keep, report = clip([box], drop_invalid=True)
    assert keep == [False]
    assert report.dropped[0]['line'] == 2


def test_nothing():
    clipped, keep, _ = clip([], n_good=0)
    assert clipped == []
    assert keep == []
