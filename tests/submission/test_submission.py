import json
from pathlib import Path

import pytest

from mmlung.config import load_config
from mmlung.findings import VINDR_KAGGLE
from mmlung.result import Finding
from mmlung.result import ImageResult
from mmlung.submission.kaggle_csv import read_submission
from mmlung.submission.kaggle_csv import submission_text
from mmlung.submission.predict import check_labelled
from mmlung.submission.predict import image_id_of
from mmlung.submission.predict import predict_submission
from mmlung.submission.predict import submitted_images
from mmlung.submission.score import not_scored
from mmlung.submission.score import score_submission

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'


def result(name='a.png', findings=(), size_hw=(100, 50)):
    return ImageResult(name, size_hw, tuple(findings))


def test_boxes_are_in_pixels_of_the_original_film():
    box = Finding('Cardiomegaly', 0.6, (10, 20, 30, 40))
    image = {'file_name': 'a.png', 'original_size_hw': [1000, 100]}
    (submitted,), left_out = submitted_images([result(findings=[box])], [image])
    assert submitted.boxes == (Finding('Cardiomegaly', 0.6, (20, 200, 60, 400)),)
    assert left_out == {}
    (submitted,), _ = submitted_images(
        [result(findings=[box])], [{'file_name': 'a.png'}]
    )
    assert submitted.boxes == (box,)


def test_no_finding_is_what_the_highest_box_leaves():
    boxes = [
        Finding('ILD', 0.25, (0, 0, 9, 9)),
        Finding('Edema', 0.9, (0, 0, 9, 9)),  # not one of Kaggle's
        Finding('ILD', 0.7, (10, 10, 10.01, 20)),  # nothing is left of it
    ]
    results = [result(findings=boxes), result('b.png')]
    images = [{'file_name': 'b.png'}, {'file_name': 'a.png', 'image_id': 'A'}]
    (healthy, abnormal), left_out = submitted_images(results, images)
    assert (healthy.image_id, healthy.no_finding, healthy.boxes) == ('b', 1.0, ())
    assert (abnormal.image_id, abnormal.no_finding) == ('A', 0.75)
    assert abnormal.boxes == (boxes[0],)
    assert left_out == {'Edema': 1, 'no area': 1}


def test_boxes_end_at_the_film():
    box = Finding('ILD', 0.5, (-3, 5, 60, 120))
    (submitted,), _ = submitted_images(
        [result(findings=[box])], [{'file_name': 'a.png'}]
    )
    assert submitted.boxes[0].box_xyxy == (0, 5, 50, 100)


def test_every_image_must_have_a_row_of_its_own():
    with pytest.raises(ValueError, match=r'b\.png was not predicted'):
        submitted_images([result()], [{'file_name': 'b.png'}])
    images = [{'file_name': 'x/a.png'}, {'file_name': 'y/a.png'}]
    results = [result('x/a.png'), result('y/a.png')]
    with pytest.raises(ValueError, match=r'two images are called a, second y/a\.png'):
        submitted_images(results, images)


def test_an_image_without_an_id_is_called_after_its_file():
    assert image_id_of({'file_name': 'test/00e1.dicom'}) == '00e1'
    assert image_id_of({'file_name': 'a.png', 'image_id': 'b'}) == 'b'


@pytest.fixture
def labelled(tmp_path):
    """A resized copy: films of 100 x 50 that were 1000 x 100; the last is healthy."""
    size = {'height': 100, 'width': 50, 'original_size_hw': [1000, 100]}
    content = {
        'info': {'ground_truth': 'consensus'},
        'categories': [
            {'id': 1, 'name': 'Edema'},
            {'id': 2, 'name': 'ILD'},
            {'id': 3, 'name': 'Cardiomegaly'},
        ],
        'images': [
            {'id': 7, 'file_name': 'a.png', **size},
            {'id': 8, 'file_name': 'b.png', **size},
            {'id': 9, 'file_name': 'c.png', **size},
        ],
        'annotations': [
            {'image_id': 7, 'category_id': 3, 'bbox': [10, 20, 20, 20]},
            {'image_id': 8, 'category_id': 2, 'bbox': [0, 0, 50, 50]},
            {'image_id': 8, 'category_id': 1, 'bbox': [0, 0, 50, 50]},
        ],
    }
    path = tmp_path / 'val.json'
    path.write_text(json.dumps(content), encoding='utf-8')
    return path


def submitted(tmp_path, a_box, a_name='Cardiomegaly'):
    """Read back from the file: what the score is really of."""
    results = [
        result('a.png', [Finding(a_name, 0.9, a_box)]),
        result('b.png', [Finding('ILD', 0.8, (0, 0, 50, 50))]),
        result('c.png'),
    ]
    images = [{'file_name': f'{n}.png', 'original_size_hw': [1000, 100]} for n in 'abc']
    path = tmp_path / 'submission.csv'
    path.write_text(submission_text(submitted_images(results, images)[0]))
    return read_submission(path)


def test_both_sides_are_scored_in_pixels_of_the_original_film(
    tmp_path, labelled, monkeypatch
):
    seen = []
    monkeypatch.setattr(
        'mmlung.submission.score.kaggle_ap', lambda *args: seen.append(args)
    )
    score_submission(submitted(tmp_path, (10, 20, 30, 40)), labelled, 7, 1)
    ((images, classes, no_finding, bootstrap, seed),) = seen
    assert (classes, bootstrap, seed) == (VINDR_KAGGLE, 7, 1)
    assert no_finding.tolist() == pytest.approx([0.1, 0.2, 1.0])
    cardiomegaly, ild = (VINDR_KAGGLE.index(n) for n in ('Cardiomegaly', 'ILD'))
    assert [i.path for i in images] == ['a', 'b', 'c']
    assert [i.gt_label.tolist() for i in images] == [[cardiomegaly], [ild], []]
    assert [i.gt_xyxy.tolist() for i in images] == [
        [[20, 200, 60, 400]],
        [[0, 0, 100, 500]],
        [],
    ]
    for image in images:
        assert image.pred_xyxy.tolist() == image.gt_xyxy.tolist()
        assert image.pred_label.tolist() == image.gt_label.tolist()


@pytest.mark.parametrize(
    ('a_box', 'a_name', 'mean'),
    [
        ((10, 20, 30, 40), 'Cardiomegaly', 1.0),
        ((30, 60, 50, 80), 'Cardiomegaly', 2 / 3),  # of three classes with boxes
        ((10, 20, 30, 40), 'Pneumothorax', 2 / 3),
    ],
    ids=['perfect', 'wrong-place', 'wrong-finding'],
)
def test_a_submission_is_scored_as_kaggle_does(tmp_path, labelled, a_box, a_name, mean):
    numbers = score_submission(submitted(tmp_path, a_box, a_name), labelled)
    assert numbers['kaggle_AP'] == pytest.approx(mean)
    assert numbers['kaggle_AP_findings'] == 3
    assert numbers['kaggle_AP/No finding'] == 1.0


def test_what_kaggle_lacks_is_counted(labelled):
    assert not_scored(labelled) == {'boxes': {'Edema': 1}, 'images_as_no_finding': 0}
    content = json.loads(labelled.read_text())
    content['categories'].append({'id': 4, 'name': 'Lung cyst'})
    content['annotations'][0]['category_id'] = 1
    labelled.write_text(json.dumps(content))
    unseen = not_scored(labelled)
    assert unseen['boxes'] == {'Edema': 2, 'Lung cyst': 0}
    assert unseen['images_as_no_finding'] == 1  # a.png, whose box is of Edema now


def test_the_score_is_of_the_same_images(tmp_path, labelled):
    images = submitted(tmp_path, (10, 20, 30, 40))
    with pytest.raises(ValueError, match=r"1 are missing \['a'\], 0 unknown"):
        score_submission(images[1:], labelled)


def test_images_without_labels_have_no_score(tmp_path):
    path = tmp_path / 'test_unlabelled.json'
    path.write_text('{"info": {"ground_truth": null}}')
    with pytest.raises(
        ValueError, match=r'test_unlabelled\.json has no labels.*val\.j'
    ):
        check_labelled(path)


@pytest.mark.parametrize(
    ('findings', 'drop', 'text'),
    [
        (['ILD', 'Edema'], False, 'not have: Edema. To leave.*--drop-other-findings'),
        (['Mass', 'Edema'], True, 'not have: Mass, Edema. All of them are'),
    ],
    ids=['some', 'all'],
)
def test_findings_that_kaggle_lacks_are_refused(findings, drop, text):
    cfg = load_config(CONFIGS / 'swin_vindr_demo.py', {'findings': findings})
    with pytest.raises(ValueError, match=text):
        predict_submission(cfg, 'absent.pth', drop_other_findings=drop)


def test_a_classifier_submits_nothing():
    cfg = load_config(CONFIGS / 'convnext_chestxray14_demo.py')
    with pytest.raises(
        ValueError, match=r'convnext_chestxray14_demo\.py is no detector'
    ):
        predict_submission(cfg, 'absent.pth')
