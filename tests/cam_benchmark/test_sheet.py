"""The best, the middle and the worst, and few maps without any shown twice."""

import pytest

pytest.importorskip('pytorch_grad_cam')

from mmlung.cam_benchmark.sheet import _ranked
from mmlung.evaluation import MapScore


def scores(energies):
    return [MapScore('Mass', 'p', 0, 0.1, e, 0, 0, (0.0,) * 7) for e in energies]


def test_rows_are_ranked_by_energy():
    rows = _ranked(scores([i / 20 for i in range(20)]))
    assert rows['best'] == [19, 18, 17, 16]
    assert rows['middle'] == [11, 10, 9, 8]
    assert rows['worst'] == [3, 2, 1, 0]


def test_a_map_of_zeros_is_the_worst():
    assert _ranked(scores([float('nan'), *[0.5] * 12]))['worst'][-1] == 0


def test_few_maps_are_shown_once_each():
    rows = _ranked(scores([0.1, 0.5, 0.3, 0.2, 0.4]))
    assert [index for row in rows.values() for index in row] == [1, 4, 2, 3, 0]
