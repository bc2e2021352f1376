from dataclasses import replace
from pathlib import Path

import pytest

from mmlung.comparison.pairing import pair_up
from mmlung.result import Finding
from mmlung.result import ImageResult
from mmlung.result import Predictions


def film(name, score=0.5, truth=(1.0, 0.0), patient='p'):
    names = ('Mass', 'Edema')
    return ImageResult(
        name,
        (9, 9),
        tuple(Finding(n, score) for n in names),
        tuple(Finding(n, t) for n, t in zip(names, truth, strict=True)),
        patient_id=patient,
    )


def file(*films, name='a.json', findings=('Mass', 'Edema')):
    return Predictions(Path(name), {}, findings, films)


A = file(film('1'), film('2', truth=(None, 1.0)), film('3'))


def test_the_order_of_films_and_findings_does_not_matter():
    turned = [
        replace(r, truth=r.truth[::-1], findings=r.findings[::-1])
        for r in A.results[::-1]
    ]
    pair = pair_up(A, file(*turned, findings=('Edema', 'Mass')))
    assert [r.image for r in pair.b] == [r.image for r in pair.a] == ['1', '2', '3']
    assert pair.findings == ('Mass', 'Edema')
    assert pair.left_out == {'films': 0, 'findings': 0}
    assert not pair.has_boxes


def test_other_films_are_counted_and_the_first_is_named():
    with pytest.raises(
        ValueError,
        match=r'a\.json and b\.json must have the same films, but 3 are in one of them '
        r'only, the first is 2; 1 are shared\. --common',
    ):
        pair_up(A, file(film('1'), film('9'), name='b.json'))


def test_shared_films_on_request():
    pair = pair_up(A, file(film('3'), film('9'), film('1')), common=True)
    assert [r.image for r in pair.a] == [r.image for r in pair.b] == ['1', '3']
    assert pair.left_out == {'films': 2, 'findings': 0}


def test_shared_findings_on_request():
    other = file(*A.results, findings=('Edema', 'ILD'), name='b.json')
    with pytest.raises(ValueError, match='the same findings, but 2 are in one'):
        pair_up(A, other)
    pair = pair_up(A, other, common=True)
    assert pair.findings == ('Edema',)
    assert pair.left_out == {'films': 0, 'findings': 2}


@pytest.mark.parametrize('common', [False, True])
def test_another_truth_is_an_error_even_on_shared_films(common):
    other = file(film('1'), film('2'), film('3', truth=(0.0, 0.0)), name='work/b.json')
    with pytest.raises(
        ValueError,
        match=r'the truth differs between a\.json and work/b\.json on 2 of 3 films, '
        r'the first is 2\. Test both',
    ):
        pair_up(A, other, common)


def test_other_patients_are_an_error():
    other = file(*(replace(r, patient_id='q') for r in A.results))
    with pytest.raises(ValueError, match=r'the patient differs .* on 3 of 3 films'):
        pair_up(A, other)


def test_nothing_shared():
    with pytest.raises(ValueError, match=r'share no films'):
        pair_up(A, file(film('9')), common=True)


def test_a_film_twice():
    with pytest.raises(ValueError, match=r'a\.json has the film 1 twice'):
        pair_up(A, file(film('1'), film('1')))


def test_films_without_truth():
    unlabelled = file(*(replace(r, truth=None) for r in A.results))
    with pytest.raises(ValueError, match=r'3 films of a\.json have no truth, .* is 1:'):
        pair_up(unlabelled, unlabelled)


def boxes(*truth):
    found = (Finding('Mass', 0.5, (0, 0, 1, 1)),)
    true = tuple(Finding('Mass', 1.0, box) for box in truth)
    return file(ImageResult('1', (9, 9), found, true))


def test_the_order_of_boxes_does_not_matter():
    one, two = (0.0, 0.0, 1.0, 1.0), (2.0, 2.0, 3.0, 3.0)
    assert pair_up(boxes(one, two), boxes(two, one)).has_boxes
    with pytest.raises(ValueError, match='the truth differs'):
        pair_up(boxes(one, two), boxes(one))


def test_a_detector_is_no_classifier():
    with pytest.raises(ValueError, match='only two detectors or two classifiers'):
        pair_up(A, boxes())
