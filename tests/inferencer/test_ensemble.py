import pytest

from mmlung.inferencer.ensemble import fused_boxes
from mmlung.inferencer.ensemble import mean_scores
from mmlung.result import Finding
from mmlung.result import ImageResult


def result(*findings):
    return ImageResult('x.png', (100, 100), findings)


def test_the_mean_goes_by_name():
    a = result(Finding('Mass', 0.2, probability=0.1), Finding('Edema', 0.6))
    b = result(Finding('Edema', 0.2), Finding('Mass', 0.4, probability=0.3))
    mean = mean_scores([a, b])
    assert mean.findings == (
        Finding('Mass', 0.3, probability=0.2),
        Finding('Edema', 0.4),
    )


def test_a_probability_of_one_model_alone_is_none_of_the_ensemble():
    a = result(Finding('Mass', 0.2, probability=0.1))
    assert mean_scores([a, result(Finding('Mass', 0.4))]).findings == (
        Finding('Mass', 0.3),
    )


def test_boxes_are_fused_by_hand():
    a = result(
        Finding('Mass', 0.6, (0, 0, 10, 10)), Finding('Edema', 0.3, (0, 0, 5, 5))
    )
    b = result(Finding('Mass', 0.2, (0, 0, 14, 10)))
    fused = fused_boxes([a, b])
    mass, edema = fused.findings
    assert mass.name == 'Mass'
    # Found by both: (0.6 * 10 + 0.2 * 14) / 0.8 and the mean score.
    assert mass.box_xyxy == pytest.approx((0, 0, 11, 10))
    assert mass.score == pytest.approx(0.4)
    # Found by one of two: half of its score.
    assert edema == Finding('Edema', 0.15, (0, 0, 5, 5))


def test_equal_models_change_nothing():
    a = result(
        Finding('Mass', 0.6, (0, 0, 10, 10)), Finding('Mass', 0.2, (50, 0, 60, 9))
    )
    assert fused_boxes([a, a]) == a


@pytest.mark.parametrize('members', [2, 3])
def test_no_boxes_at_all(members):
    assert fused_boxes([result()] * members).findings == ()


def test_a_box_of_score_zero_has_no_weight():
    zero = result(Finding('Mass', 0.0, (0, 0, 10, 10)))
    assert fused_boxes([zero, result()]).findings == ()
