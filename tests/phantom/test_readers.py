import numpy as np
import pytest

from mmlung.boxes import box_iou
from mmlung.phantom.lesions import Lesion
from mmlung.phantom.readers import read_film

TRUTH = (
    Lesion('Cardiomegaly', (100.0, 150.0, 260.0, 260.0)),
    Lesion('Nodule/Mass', (0.0, 40.0, 40.0, 80.0)),
)
FINDINGS = ('Cardiomegaly', 'Nodule/Mass', 'Consolidation')


def readings(count, lesions=TRUTH, mixed=True):
    return [
        read_film(np.random.default_rng(seed), lesions, (300, 280), FINDINGS, mixed)
        for seed in range(count)
    ]


def test_three_distinct_readers_in_order():
    seen = set()
    for film in readings(200):
        assert len(film) == 3
        assert list(film) == sorted(film, key=lambda name: int(name[1:]))
        seen |= set(film)
    assert {'R8', 'R9', 'R10'} < seen <= {f'R{number}' for number in range(1, 18)}


def test_they_disagree_but_not_much():
    ious, misses, extra, total = [], 0, 0, 0
    for film in readings(200):
        for drawn in film.values():
            total += 1
            names = [lesion.finding for lesion in drawn]
            misses += 'Cardiomegaly' not in names
            extra += len(drawn) > 2 or 'Consolidation' in names
            for lesion in drawn[:1]:
                if lesion.finding == 'Cardiomegaly':
                    pair = np.array([lesion.box_xyxy]), np.array([TRUTH[0].box_xyxy])
                    ious.append(box_iou(*pair)[0, 0])
    assert 0.03 < misses / total < 0.12
    assert 0.005 < extra / total < 0.1
    assert 0.75 < np.median(ious) < 0.95
    assert np.mean(np.array(ious) < 0.999) > 0.99


def test_no_box_leaves_the_film_or_is_empty():
    for film in readings(200):
        for drawn in film.values():
            for lesion in drawn:
                x1, y1, x2, y2 = lesion.box_xyxy
                assert 0 <= x1 < x2 <= 280
                assert 0 <= y1 < y2 <= 300


@pytest.mark.parametrize('lesions', [(), TRUTH[:1], TRUTH], ids=len)
def test_without_mixing_all_readers_see_something_or_none_does(lesions):
    for film in readings(200, lesions, mixed=False):
        assert {bool(drawn) for drawn in film.values()} == {bool(lesions)}


def test_with_mixing_some_films_are_contested():
    contested = [
        len({bool(drawn) for drawn in film.values()}) == 2
        for film in readings(200, TRUTH[:1], mixed=True)
    ]
    assert 0 < sum(contested) < 100
