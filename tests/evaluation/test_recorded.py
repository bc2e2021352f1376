import numpy as np
import pytest

from mmlung.evaluation.recorded import clusters_of
from mmlung.evaluation.recorded import recorded_detections
from mmlung.evaluation.recorded import recorded_scores
from mmlung.result import Finding
from mmlung.result import ImageResult


def film(image='a.png', findings=(), truth=(), **facts):
    return ImageResult(image, (9, 9), tuple(findings), truth, **facts)


def test_scores_and_labels_by_name():
    result = film(
        findings=[Finding('Mass', 0.25), Finding('Edema', 0.5)],
        truth=(Finding('Edema', None), Finding('Mass', 1.0)),
    )
    score, target = recorded_scores([result], ['Edema', 'Mass'])
    np.testing.assert_array_equal(score, [[0.5, 0.25]])
    np.testing.assert_array_equal(target, [[np.nan, 1]])


def test_no_films_have_no_rows():
    score, target = recorded_scores([], ['Edema', 'Mass'])
    assert score.shape == target.shape == (0, 2)
    assert recorded_detections([], ['Mass']) == []


def test_boxes_by_name():
    result = film(
        findings=[
            Finding('Mass', 0.25, (1, 2, 3, 4)),
            Finding('ILD', 0.5, (0, 0, 1, 1)),
        ],
        truth=(Finding('Edema', 1.0, (5, 6, 7, 8)), Finding('ILD', 1.0, (0, 0, 1, 1))),
        patient_id='7',
    )
    (image,) = recorded_detections([result], ['Edema', 'Mass'])
    assert (image.path, image.cluster) == ('a.png', 'patient 7')
    np.testing.assert_array_equal(image.pred_xyxy, [[1, 2, 3, 4]])
    np.testing.assert_array_equal(image.gt_xyxy, [[5, 6, 7, 8]])
    assert image.pred_label.tolist() == [1]
    assert image.pred_score.tolist() == [0.25]
    assert image.gt_label.tolist() == [0]


def test_a_healthy_film_has_no_boxes():
    (image,) = recorded_detections([film()], ['Mass'])
    assert image.pred_xyxy.shape == image.gt_xyxy.shape == (0, 4)
    assert image.pred_label.dtype == int


def test_films_without_a_patient_stand_alone():
    films = [film('a.png', patient_id='7'), film('b.png'), film('c.png', patient_id='')]
    assert clusters_of(films) == ['patient 7', 'image b.png', 'image c.png']


@pytest.mark.parametrize('read', [recorded_scores, recorded_detections])
def test_films_without_truth_are_refused(read):
    with pytest.raises(ValueError, match=r'a\.png has no truth'):
        read([film(truth=None)], ['Mass'])


def test_a_missing_finding_is_named():
    result = film(findings=[Finding('Mass', 0.1)], truth=(Finding('Mass', 1.0),))
    with pytest.raises(ValueError, match=r'a\.png has no score or label of Edema\.'):
        recorded_scores([result], ['Mass', 'Edema'])
