import numpy as np
import pytest

from mmlung.phantom.anatomy import draw_chest
from mmlung.phantom.anatomy import expose
from mmlung.phantom.outlines import heart_outline
from mmlung.phantom.outlines import sample_habitus
from mmlung.phantom.outlines import smooth


@pytest.fixture(params=range(6), ids=lambda seed: f'seed-{seed}')
def rng(request):
    return np.random.default_rng(request.param)


def centre_px(mask):
    rows, columns = np.indices(mask.shape)
    return (columns * mask).sum() / mask.sum(), (rows * mask).sum() / mask.sum()


def test_lungs_are_dark_and_the_middle_is_bright(rng):
    chest = draw_chest(rng, (300, 280))
    film = expose(chest, rng)
    lungs = np.maximum(chest.lungs['right'], chest.lungs['left']) > 0.9
    middle = (np.abs(chest.x) < 0.1) & (np.abs(chest.y) < 0.8)
    belly = (np.abs(chest.x) < 0.8) & (chest.y > 1.0)
    assert film[lungs].mean() + 0.15 < film[middle].mean()
    assert film[lungs].mean() + 0.15 < film[belly].mean()
    assert 0.15 < lungs.mean() < 0.45


def test_the_patient_faces_the_viewer(rng):
    chest = draw_chest(rng, (300, 300))
    right, left = (centre_px(chest.lungs[side]) for side in ('right', 'left'))
    assert right[0] < 150 < left[0]
    habitus = chest.habitus
    assert habitus.right_dome < habitus.left_dome  # y points down: right is higher
    heart = heart_outline(habitus.heart, habitus)
    assert heart[:, 0].max() > 2 * -heart[:, 0].min()  # two thirds lie on the left
    stomach = (chest.y > habitus.left_dome + 0.15) & (chest.y < habitus.left_dome + 0.3)
    sides = (
        chest.tissue[stomach & (np.abs(chest.x - side * 0.5) < 0.15)].min()
        for side in (-1, 1)
    )
    assert next(sides) > next(sides) + 0.05  # the gastric bubble is on the left


def test_heart_is_as_wide_as_asked(rng):
    habitus = sample_habitus(rng)
    assert 0.40 <= habitus.heart <= 0.46
    for ratio in (0.40, 0.46, 0.56, 0.66):
        width = np.ptp(heart_outline(ratio, habitus)[:, 0])
        assert width / 2 == pytest.approx(ratio, abs=0.015)  # the thorax is 2 wide


def test_film_is_in_range_and_varies():
    films = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        films.append(expose(draw_chest(rng, (200, 180)), rng))
    for film in films:
        assert film.shape == (200, 180)
        assert film.dtype == np.float32
        assert film.min() >= 0
        assert film.max() <= 1
        assert film.std() > 0.1
    means = [film.mean() for film in films]
    assert np.ptp(means) > 0.02


def test_same_state_same_film():
    def draw():
        rng = np.random.default_rng(5)
        return expose(draw_chest(rng, (150, 150)), rng)

    np.testing.assert_array_equal(draw(), draw())


def test_one_body_in_two_films_is_another_pose():
    body = sample_habitus(np.random.default_rng(0))
    chests = [draw_chest(np.random.default_rng(s), (200, 200), body) for s in (1, 2)]
    assert chests[0].habitus is chests[1].habitus
    assert np.abs(chests[0].x - chests[1].x).max() > 0.01


@pytest.mark.parametrize('closed', [True, False])
def test_smooth_passes_through_its_points(closed):
    points = [(0.0, 0.0), (1.0, 0.2), (1.2, 1.0), (0.1, 0.9)]
    curve = smooth(points, closed)
    for point in points:
        assert np.abs(curve - point).sum(axis=1).min() < 1e-12
    assert np.allclose(curve[-1], points[-1]) is not closed
