import numpy as np
import pytest

from mmlung.phantom import VINDR_FINDINGS
from mmlung.phantom import draw_case
from mmlung.phantom.case import show


def test_share_of_healthy_films_and_number_of_findings():
    counts = [
        len(draw_case(np.random.default_rng(s), (96, 96), VINDR_FINDINGS).lesions)
        for s in range(150)
    ]
    shares = np.bincount(counts, minlength=4) / len(counts)
    assert len(shares) == 4
    assert shares[0] == pytest.approx(0.25, abs=0.09)
    assert (shares[1:] > 0.08).all()


def test_same_state_same_case():
    one, two = (
        draw_case(np.random.default_rng(4), (120, 110), VINDR_FINDINGS) for _ in 'ab'
    )
    np.testing.assert_array_equal(one.film, two.film)
    assert one.lesions == two.lesions


@pytest.mark.parametrize('size_hw', [(96, 96), (96, 130), (500, 400)])
@pytest.mark.parametrize('seed', range(4))
def test_any_size(size_hw, seed):
    rng = np.random.default_rng(seed)
    case = draw_case(rng, size_hw, VINDR_FINDINGS, healthy_share=0)
    assert case.film.shape == size_hw
    assert case.lesions
    picture = show(case)
    assert picture.shape == (*size_hw, 3)
    assert (picture.min(axis=2) != picture.max(axis=2)).any()  # boxes have a colour


def test_one_finding_to_draw_from():
    rng = np.random.default_rng(0)
    case = draw_case(rng, (100, 100), ['Mass'], healthy_share=0)
    assert [lesion.finding for lesion in case.lesions] == ['Mass']


@pytest.mark.parametrize(
    ('size_hw', 'findings', 'message'),
    [
        ((95, 400), ['Mass'], 'must be at least 96 px on each side, got 95'),
        ((200, 200), ['Mass', 'Cough'], r"findings must be some of .* got \['Cough'\]"),
        ((200, 200), [], 'findings must be some of .* got none'),
    ],
    ids=['small', 'unknown', 'none'],
)
def test_refused(size_hw, findings, message):
    with pytest.raises(ValueError, match=message):
        draw_case(np.random.default_rng(0), size_hw, findings)
