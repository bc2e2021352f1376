import numpy as np
import pytest

from mmlung.phantom.anatomy import draw_chest
from mmlung.phantom.lesions import DRAW
from mmlung.phantom.lesions import add_findings
from mmlung.phantom.outlines import heart_outline

SIZE_HW = (300, 290)
AIRY = ('Pneumothorax',)


def drawn(name, seed):
    """The chest with one finding, the change in density, and the box."""
    healthy = draw_chest(np.random.default_rng(seed), SIZE_HW).tissue
    rng = np.random.default_rng(seed)
    chest = draw_chest(rng, SIZE_HW)
    (lesion,) = add_findings(chest, rng, [name])
    assert lesion.finding == name
    change = chest.tissue - healthy
    return chest, (-change if name in AIRY else change), lesion.box_xyxy


@pytest.mark.parametrize('seed', range(8))
@pytest.mark.parametrize('name', DRAW)
def test_the_box_holds_the_finding_and_fits_it(name, seed):
    _, change, (x1, y1, x2, y2) = drawn(name, seed)
    visible = np.clip(change, 0, None)
    rows, columns = slice(int(y1), int(y2)), slice(int(x1), int(x2))
    outside = visible.copy()
    outside[rows, columns] = 0
    # The arch is boxed without the descending aorta, the heart down to the diaphragm.
    assert outside.sum() < 0.12 * visible.sum()
    # Each border of the box is reached: a tenth less on a side loses some of it.
    if name in ('Cardiomegaly', 'Aortic enlargement'):
        return  # their healthy part does not change
    inside = visible[rows, columns] > 0.03
    height, width = inside.shape
    assert inside[: max(2, height // 8)].any()
    assert inside[-max(2, height // 3) :].any()
    assert inside[:, : max(2, width // 8)].any()
    assert inside[:, -max(2, width // 8) :].any()


@pytest.mark.parametrize('seed', range(8))
@pytest.mark.parametrize('name', DRAW)
def test_findings_are_conspicuous_and_large(name, seed):
    _, change, (x1, y1, x2, y2) = drawn(name, seed)
    width, height = (x2 - x1) / SIZE_HW[1], (y2 - y1) / SIZE_HW[0]
    assert min(width, height) >= 0.05
    assert max(width, height) <= 0.75
    assert max(width, height) >= 0.09
    inside = change[int(y1) : int(y2), int(x1) : int(x2)]
    assert np.quantile(inside, 0.95) > 0.08


@pytest.mark.parametrize('name', DRAW)
def test_nothing_but_the_finding_changes(name):
    """No cue outside the box and its surroundings, so no shortcut."""
    _, change, (x1, y1, x2, y2) = drawn(name, 3)
    far = np.ones(SIZE_HW, bool)
    margin = 60 if name in ('Pneumothorax', 'Aortic enlargement') else 25
    far[
        max(0, int(y1) - margin) : int(y2) + margin,
        max(0, int(x1) - margin) : int(x2) + margin,
    ] = False
    far[:, int(x1) : int(x2)] &= name not in ('Pneumothorax',)  # the lung collapsed
    assert np.abs(change[far]).max() < 0.03


@pytest.mark.parametrize('seed', range(5))
def test_an_enlarged_heart_is_wider_than_any_healthy_one(seed):
    chest, _, (x1, _, x2, _) = drawn('Cardiomegaly', seed)
    widest = np.ptp(heart_outline(0.46, chest.habitus)[:, 0])
    x = chest.x[150]
    assert x[int(x2) - 1] - x[int(x1)] > 1.15 * widest


def test_both_of_a_pair_of_lungs_get_their_share():
    sides = []
    for seed in range(20):
        chest, _, (x1, y1, x2, y2) = drawn('Pleural effusion', seed)
        sides.append(chest.x[int((y1 + y2) / 2), int((x1 + x2) / 2)] > 0)
    assert 4 <= sum(sides) <= 16


@pytest.mark.parametrize('seed', range(10))
def test_three_findings_find_their_places(seed):
    rng = np.random.default_rng(seed)
    names = list(rng.choice(sorted(DRAW), 3, replace=False))
    chest = draw_chest(rng, SIZE_HW)
    lesions = add_findings(chest, rng, names)
    assert sorted(lesion.finding for lesion in lesions) == sorted(names)
    for lesion in lesions:
        x1, y1, x2, y2 = lesion.box_xyxy
        assert 0 <= x1 < x2 <= SIZE_HW[1]
        assert 0 <= y1 < y2 <= SIZE_HW[0]


def test_a_finding_without_a_free_place_is_left_out():
    rng = np.random.default_rng(0)
    names = ['Pneumothorax'] * 3
    lesions = add_findings(draw_chest(rng, SIZE_HW), rng, names)
    assert len(lesions) == 2  # one a side


def test_a_finding_without_air_around_it_is_left_out_without_a_trace():
    rng = np.random.default_rng(0)
    chest = draw_chest(rng, SIZE_HW)
    chest.lungs = {side: np.zeros_like(lung) for side, lung in chest.lungs.items()}
    before = chest.tissue.copy(), chest.bones.copy()
    assert add_findings(chest, rng, ['Atelectasis']) == []
    np.testing.assert_array_equal(chest.tissue, before[0])
    np.testing.assert_array_equal(chest.bones, before[1])
