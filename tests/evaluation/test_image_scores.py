import numpy as np
import pytest

from mmlung.evaluation import MeanAUC
from mmlung.evaluation import mean_auc
from mmlung.evaluation import read_scores


def detector_sample(pred=(), gt=(), **fields):
    """Sample with (label, score) predicted and labels of true boxes."""
    labels, scores = zip(*pred, strict=True) if pred else ((), ())
    return {
        'img_path': 'f.png',
        'pred_instances': {'labels': list(labels), 'scores': list(scores)},
        'gt_instances': {'labels': list(gt)},
        **fields,
    }


CLASSES = ('Mass', 'Effusion', 'Nodule')


def test_the_best_box_is_the_score_of_a_finding():
    sample = detector_sample([(2, 0.3), (0, 0.2), (2, 0.8)], [2, 2, 1])
    image = read_scores(sample, CLASSES)
    assert image.score.tolist() == [0.2, 0, 0.8]
    assert image.target.tolist() == [0, 1, 1]
    assert (image.cluster, image.study) == ('image f.png', None)


def test_a_healthy_film_without_boxes():
    image = read_scores(detector_sample(), CLASSES)
    assert image.score.tolist() == image.target.tolist() == [0, 0, 0]


def test_labels_of_the_image_are_matched_by_name():
    names = ('No finding', 'Nodule', 'Mass')
    sample = detector_sample([(1, 0.5)], [0, 1], gt_score=[1, np.nan, 0])
    image = read_scores(sample, CLASSES, image_classes=names)
    np.testing.assert_array_equal(image.target, [0, 1, np.nan])
    assert read_scores(sample, CLASSES).target.tolist() == [1, 1, 0]


def test_a_classifying_detector_is_judged_by_its_image_head():
    sample = detector_sample([(1, 0.5)], [1], pred_score=[0.1, 0.2, 0.3])
    sample['gt_score'] = [1, 0, 1]
    image = read_scores(sample, CLASSES)
    assert image.score.tolist() == [0.1, 0.2, 0.3]
    assert image.target.tolist() == [1, 0, 1]


def test_study_and_patient():
    sample = detector_sample(patient_id='7', study_id=3)
    image = read_scores(sample, CLASSES)
    assert (image.cluster, image.study) == ('patient 7', '7/3')
    assert read_scores(detector_sample(study_id='3'), CLASSES).study == '3'


def test_metric_of_a_detector(random_images, as_sample, classes):
    images = random_images(3, n=60)
    metric = MeanAUC(bootstrap=10)
    metric.dataset_meta = {'classes': classes}
    metric.process(None, [as_sample(image) for image in images])
    score = np.zeros((60, 4))
    target = np.zeros((60, 4))
    for i, image in enumerate(images):
        for label, value in zip(image.pred_label, image.pred_score, strict=True):
            score[i, label] = max(score[i, label], value)
        target[i, image.gt_label] = 1
    clusters = [f'image {image.path}' for image in images]
    expected = mean_auc(score, target, classes, clusters=clusters, bootstrap=10)
    report = metric.evaluate(60)
    assert report == pytest.approx(expected, nan_ok=True)
    assert report['mAUC_findings'] == 3
    assert np.isnan(report['AUC/Hernia'])


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'gt_instances': {}}, r'f\.png carries no gt_instances'),
        ({'gt_instances': {'labels': [3]}}, r'labels must lie in 0 to 2 .* 3 to 3'),
        (
            {'pred_instances': {'labels': [-1], 'scores': [1]}},
            r'labels must lie in 0 to 2 .* -1 to -1',
        ),
        ({'gt_score': [1]}, r'gt_score must have shape \(2,\).* got \(1,\)'),
        (
            {'pred_instances': {'labels': [1], 'scores': [np.nan]}},
            'pred_score must be finite',
        ),
    ],
    ids=['no-truth', 'true-label', 'predicted-label', 'length', 'diverged'],
)
def test_wrong_samples_stop(change, message):
    with pytest.raises(ValueError, match=message):
        read_scores(detector_sample() | change, CLASSES, image_classes=('A', 'Mass'))
