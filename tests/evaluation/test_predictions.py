import json

import pytest
import torch
from mmdet.structures import DetDataSample
from mmdet.structures.bbox import HorizontalBoxes
from mmengine.evaluator import Evaluator
from mmengine.structures import InstanceData
from mmpretrain.structures import DataSample

from mmlung.evaluation.predictions import CollectPredictions
from mmlung.registry import METRICS
from mmlung.result import Finding
from mmlung.result import ImageResult

META = {'classes': ('Mass', 'Nodule/Mass', 'Edema')}


def collected(samples, **kwargs):
    metric = METRICS.build({'type': 'mmlung.CollectPredictions', **kwargs})
    assert isinstance(metric, CollectPredictions)
    metric.dataset_meta = META
    metric.process({}, [sample.to_dict() for sample in samples])
    assert metric.evaluate(len(samples)) == {}
    return metric.collected


def detected(scores, labels, boxes, truth=None, **meta):
    sample = DetDataSample(
        metainfo={'img_path': '/films/sub/a.png', 'ori_shape': (40, 60), **meta}
    )
    sample.pred_instances = InstanceData(
        bboxes=torch.tensor(boxes).reshape(-1, 4),
        scores=torch.tensor(scores),
        labels=torch.tensor(labels, dtype=torch.long),
    )
    if truth is not None:
        sample.gt_instances = InstanceData(
            bboxes=HorizontalBoxes(torch.tensor(truth).reshape(-1, 4)),
            labels=torch.arange(len(truth)),
        )
    return sample


def test_boxes_by_falling_score_beside_the_truth():
    boxes = [[0.0, 0, 10, 10], [1.006, 2, 3.333333, 4], [5, 5, 6, 6]]
    sample = detected(
        [0.25, 0.87654321, 0.25],
        [0, 2, 1],
        boxes,
        truth=[[1.0, 2, 3, 4]],
        file_name='sub/a.png',
        patient_id='p1',
    )
    assert collected([sample]) == [
        ImageResult(
            image='sub/a.png',
            size_hw=(40, 60),
            findings=(
                Finding('Edema', 0.876543, (1.01, 2, 3.33, 4)),
                Finding('Mass', 0.25, (0, 0, 10, 10)),  # a tie keeps its order
                Finding('Nodule/Mass', 0.25, (5, 5, 6, 6)),
            ),
            truth=(Finding('Mass', 1.0, (1, 2, 3, 4)),),
            patient_id='p1',
        )
    ]


def test_a_healthy_film_without_detections_is_a_result():
    (result,) = collected([detected([], [], [], truth=[])])
    assert (result.findings, result.truth) == ((), ())
    assert (result.image, result.patient_id) == ('a.png', None)


def test_no_annotations_are_no_truth():
    (result,) = collected([detected([], [], [])])
    assert result.truth is None


def test_scores_of_a_classifier_with_unknown_truth():
    sample = DataSample(metainfo={'img_path': '/films/a.png', 'ori_shape': (8, 9)})
    sample.set_pred_score(torch.tensor([0.1, 0.9, 0.5]))
    sample.set_gt_score(torch.tensor([1.0, float('nan'), 0.0]))
    (result,) = collected([sample])
    names = META['classes']
    assert result.findings == tuple(
        Finding(name, score) for name, score in zip(names, (0.1, 0.9, 0.5), strict=True)
    )
    assert result.truth == tuple(
        Finding(name, score)
        for name, score in zip(names, (1.0, None, 0.0), strict=True)
    )
    json.dumps(result.to_json(), allow_nan=False)


def classified(**meta):
    sample = DataSample(
        metainfo={'img_path': '/films/a.png', 'ori_shape': (8, 9), **meta}
    )
    return sample.set_pred_score(torch.tensor([0.1, 0.9, 0.5]))


def test_the_facts_of_a_film_are_kept():
    facts = {'patient_id': 'p', 'study_id': 's', 'view': 'PA', 'sex': 'F', 'age': 61}
    (result,) = collected([classified(**facts)])
    assert {key: getattr(result, key) for key in facts} == facts
    (result,) = collected([classified()])
    assert {getattr(result, key) for key in facts} == {None}


@pytest.mark.parametrize(
    ('given', 'kept'),
    [
        ({'age': 61.0}, {'age': 61}),
        ({'age': float('nan')}, {'age': None}),
        ({'age': None}, {'age': None}),
        ({'patient_id': 7, 'study_id': 8}, {'patient_id': '7', 'study_id': '8'}),
        ({'patient_id': ''}, {'patient_id': ''}),
    ],
    ids=['float', 'nan', 'none', 'numbers', 'empty'],
)
def test_facts_have_one_type(given, kept):
    (result,) = collected([classified(**given)])
    assert {key: getattr(result, key) for key in kept} == kept
    json.dumps(result.to_json(), allow_nan=False)


def test_names_of_a_dicom_header_are_not_kept():
    (result,) = collected([classified(PatientName='Doe', PatientID='12', study='x')])
    assert not {'Doe', '12', 'x'} & {result.patient_id, result.study_id}
    assert 'Doe' not in json.dumps(result.to_json())


def test_a_classifier_without_labels():
    sample = DataSample(metainfo={'img_path': '/films/a.png', 'ori_shape': (8, 9)})
    sample.set_pred_score(torch.tensor([0.1, 0.9, 0.5]))
    assert collected([sample])[0].truth is None


def test_half_precision_is_read():
    sample = detected([0.5], [0], [[1.0, 2, 3, 4]])
    sample.pred_instances = sample.pred_instances.to(torch.bfloat16)
    assert collected([sample])[0].findings == (Finding('Mass', 0.5, (1, 2, 3, 4)),)


def test_one_result_an_image_whatever_the_batches():
    samples = [
        detected([0.1 * i], [0], [[0.0, 0, 1, 1]], file_name=f'{i}.png')
        for i in range(5)
    ]
    metric = CollectPredictions()
    evaluator = Evaluator(metric)
    evaluator.dataset_meta = META
    evaluator.process(samples[:2], {})
    evaluator.process(samples[2:], {})
    assert evaluator.evaluate(5) == {}
    assert [result.image for result in metric.collected] == [
        f'{i}.png' for i in range(5)
    ]


def test_padding_of_the_last_batch_is_cut():
    samples = [detected([], [], [], file_name=f'{i}.png') for i in range(3)]
    metric = CollectPredictions()
    metric.dataset_meta = META
    metric.process({}, [sample.to_dict() for sample in [*samples, samples[0]]])
    metric.evaluate(3)
    assert [result.image for result in metric.collected] == ['0.png', '1.png', '2.png']


def test_a_score_that_is_no_number_is_refused():
    with pytest.raises(ValueError, match="got nan for 'Mass'"):
        collected([detected([float('nan')], [0], [[0.0, 0, 1, 1]])])
