import numpy as np
import pytest

from mmlung.datasets.augmentation import RandomExposure
from mmlung.registry import TRANSFORMS

LEVELS = np.arange(256, dtype=np.uint8).reshape(16, 16)


def by_definition(img, brightness, contrast, draw):
    """Pixel by pixel, as the class says it."""
    shift, factor = 255 * brightness * draw[0], 1 + contrast * draw[1]
    out = (img.astype(float) - 127.5) * factor + 127.5 + shift
    return np.clip(np.round(out), 0, 255).astype(np.uint8)


@pytest.mark.parametrize('seed', range(5))
def test_matches_the_definition(seed):
    draw = np.random.RandomState(seed).uniform(-1, 1, size=2)
    np.random.seed(seed)
    out = RandomExposure(0.2, 0.3)({'img': LEVELS.copy()})['img']
    np.testing.assert_array_equal(out, by_definition(LEVELS, 0.2, 0.3, draw))


def test_nothing_changes_without_shares():
    out = RandomExposure(0, 0)({'img': LEVELS.copy(), 'img_id': 3})
    np.testing.assert_array_equal(out['img'], LEVELS)
    assert out['img_id'] == 3


def test_stays_within_its_bounds_and_keeps_the_order_of_greys():
    step = TRANSFORMS.build(
        {'type': 'mmlung.RandomExposure', 'brightness': 0.1, 'contrast': 0.0}
    )
    np.random.seed(0)
    shifts = []
    for _ in range(200):
        out = step({'img': LEVELS.copy()})['img'].astype(int).ravel()
        assert (np.diff(out) >= 0).all()
        shifts.append(out[128] - 128)
    assert -26 <= min(shifts) < -15
    assert 15 < max(shifts) <= 26


def test_shape_and_type_stay():
    img = np.zeros((3, 5), dtype=np.uint8)
    out = RandomExposure()({'img': img})['img']
    assert out.shape == (3, 5)
    assert out.dtype == np.uint8


@pytest.mark.parametrize('name', ['brightness', 'contrast'])
@pytest.mark.parametrize('value', [-0.1, 1.0, 2])
def test_impossible_shares_are_refused(name, value):
    with pytest.raises(ValueError, match=rf'{name} must lie in \[0, 1\), got {value}'):
        RandomExposure(**{name: value})
