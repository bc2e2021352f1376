import pytest

from mmlung.inferencer.run import caption
from mmlung.result import Finding
from mmlung.result import ImageResult

BOX = (1.0, 2.0, 30.0, 40.0)


@pytest.mark.parametrize(
    ('findings', 'said'),
    [
        ([Finding('Mass', 0.2)], 'four highest findings, with their score, not calib'),
        ([Finding('Mass', 0.2, probability=0.1)], 'with their calibrated probability'),
        ([Finding('Mass', 0.4, BOX, threshold=0.3)], 'boxes that reach their thresh'),
        ([Finding('Mass', 0.2, BOX, threshold=0.3)], 'no box reaches its threshold'),
        ([], 'no box reaches its threshold'),
    ],
    ids=['score', 'probability', 'box', 'low-box', 'nothing'],
)
def test_a_picture_says_what_it_shows(findings, said):
    text = caption(ImageResult('film.png', (64, 64), tuple(findings)))
    assert said in text
    assert 'not a medical device' in text
