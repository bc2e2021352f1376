import itertools

import numpy as np
import pytest

from data_converters.records import Box
from data_converters.records import ImageRecord
from data_converters.vindr.fusion import fuse_readers
from data_converters.vindr.fusion import one_reader
from data_converters.vindr.fusion import reader_order


def film(*boxes):
    return ImageRecord('a', 'a.png', (1000, 1000), boxes)


def box(reader, xyxy, finding='ILD'):
    return Box(finding, tuple(map(float, xyxy)), (reader,))


def test_two_agree_and_one_does_not():
    fused = fuse_readers(
        film(
            box('R10', (0, 0, 100, 100)),
            box('R8', (10, 0, 110, 100)),
            box('R9', (500, 500, 600, 600)),
        )
    ).boxes
    assert [(b.xyxy, b.readers, b.votes) for b in fused] == [
        ((5, 0, 105, 100), ('R8', 'R10'), 2),
        ((500, 500, 600, 600), ('R9',), 1),
    ]


def test_a_reader_with_two_members_votes_once():
    fused = fuse_readers(
        film(
            box('R8', (0, 0, 100, 100)),
            box('R8', (2, 0, 102, 100)),
            box('R9', (4, 0, 104, 100)),
        )
    ).boxes
    assert [(b.xyxy, b.readers) for b in fused] == [((2, 0, 102, 100), ('R8', 'R9'))]


def test_both_lungs_stay_two_boxes():
    """One box per finding would lie between the lungs."""
    left, right = (0, 200, 50, 300), (150, 200, 200, 300)
    fused = fuse_readers(
        film(box('R8', left), box('R8', right), box('R9', left), box('R9', right))
    ).boxes
    assert {b.xyxy for b in fused} == {left, right}
    assert all(b.votes == 2 for b in fused)


def test_findings_are_fused_apart():
    same = (0, 0, 10, 10)
    fused = fuse_readers(
        film(box('R8', same), box('R8', same, 'Infiltration'), box('R9', same))
    ).boxes
    assert {(b.finding, b.votes) for b in fused} == {('ILD', 2), ('Infiltration', 1)}


@pytest.mark.parametrize(
    ('x', 'n'), [(100 / 3, 2), (33, 1)], ids=['just-0.5', 'just-above']
)
def test_the_threshold_is_strict(x, n):
    """Boxes of width 100 shifted by a third have IoU 1/2 exactly."""
    boxes = film(box('R8', (0, 0, 100, 100)), box('R9', (x, 0, 100 + x, 100)))
    assert len(fuse_readers(boxes, iou_thr=0.5).boxes) == n


def test_order_of_the_rows_does_not_matter():
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 60, (4, 2))
    boxes = [
        box(f'R{8 + i % 3}', (x, y, x + 100, y + 100))
        for i, (x, y) in enumerate(corners.tolist())
    ]
    results = {fuse_readers(film(*o)).boxes for o in itertools.permutations(boxes)}
    assert len(results) == 1


def test_a_healthy_film_stays_as_it_is():
    assert fuse_readers(film()) == film()


def test_one_reader():
    mine, other = box('R8', (0, 0, 1, 1)), box('R9', (0, 0, 1, 1))
    assert one_reader(film(mine, other), 'R8').boxes == (mine,)


def test_reader_order():
    names = ['R10', 'R9', 'R', '3', 'R8', 'A10']
    assert sorted(names, key=reader_order) == ['3', 'A10', 'R', 'R8', 'R9', 'R10']
