import json

import numpy as np
import pytest

from mmlung.result import SCHEMA
from mmlung.result import Finding
from mmlung.result import ImageResult
from mmlung.result import read_predictions
from mmlung.result import without_nan

BOX = Finding('Mass', 0.75, (1.5, 2.0, 30.25, 40.0))


@pytest.mark.parametrize(
    'result',
    [
        ImageResult('a/b.png', (10, 20), (BOX,), (Finding('Mass', 1.0, (1, 2, 3, 4)),)),
        ImageResult('b.dicom', (10, 20), (), (), patient_id='7'),
        ImageResult(
            'c.png', (1, 1), (Finding('Edema', 0.5),), (Finding('Edema', None),)
        ),
        ImageResult('Zürich 7.png', (10, 20), (), None),
        ImageResult(
            'd.png',
            (10, 20),
            (Finding('Edema', 0.5, probability=0.125),),
            patient_id='7',
            study_id='s1',
            view='PA',
            sex='F',
            age=61,
        ),
        ImageResult('e.png', (1, 1), (Finding('Edema', 0.0, None, 0.0),), age=0),
    ],
    ids=['boxes', 'nothing', 'unknown-label', 'no-truth', 'all-facts', 'zeros'],
)
def test_json_round_trip(result):
    text = json.dumps(result.to_json(), allow_nan=False)
    back = ImageResult.from_json(json.loads(text))
    assert back == result
    assert hash(back) == hash(result)


def test_the_json_is_what_the_schema_says():
    result = ImageResult('a.png', (10, 20), (BOX,), patient_id='p1')
    assert json.loads(json.dumps(result.to_json())) == {
        'image': 'a.png',
        'size_hw': [10, 20],
        'findings': [
            {'name': 'Mass', 'score': 0.75, 'box_xyxy': [1.5, 2.0, 30.25, 40.0]}
        ],
        'truth': None,
        'patient_id': 'p1',
    }  # what is not known of the film takes no room
    known = ImageResult('a.png', (10, 20), (), study_id='s', view='AP', sex='M', age=0)
    assert known.to_json() == {
        'image': 'a.png',
        'size_hw': (10, 20),
        'findings': (),
        'truth': None,
        'patient_id': None,
        'study_id': 's',
        'view': 'AP',
        'sex': 'M',
        'age': 0,
    }
    assert SCHEMA == 'mmlung.predictions/1'


def test_a_file_of_the_first_version_is_read():
    old = {
        'image': 'a.png',
        'size_hw': [1, 2],
        'findings': [{'name': 'Edema', 'score': 0.5, 'box_xyxy': None}],
        'truth': None,
        'patient_id': '7',
    }
    result = ImageResult.from_json(old)
    assert result == ImageResult(
        'a.png', (1, 2), (Finding('Edema', 0.5),), patient_id='7'
    )
    assert result.study_id is result.view is result.sex is result.age is None


def test_nothing_to_see_is_not_no_truth():
    assert ImageResult('a.png', (1, 1), (), ()) != ImageResult('a.png', (1, 1), ())


@pytest.mark.parametrize('score', [-0.1, 1.1, float('nan'), float('inf')])
def test_scores_outside_are_refused(score):
    with pytest.raises(ValueError, match=rf"in \[0, 1\], got {score} for 'Mass'"):
        Finding('Mass', score)


def test_a_probability_outside_is_refused():
    with pytest.raises(
        ValueError, match=r'probability must lie in \[0, 1\], got 2 for'
    ):
        Finding('Mass', 0.5, probability=2)


@pytest.mark.parametrize('score', [0, 1, 0.5, None])
def test_scores_inside_pass(score):
    assert Finding('Mass', score).score == score


def test_nan_becomes_null_at_every_depth():
    nan, inf = float('nan'), float('inf')
    value = {
        'a': nan,
        'b': [1.5, -inf, {'c': (inf, 'nan', None, 3)}],
        'd': np.float64(2),
    }
    clean = without_nan(value)
    assert clean == {'a': None, 'b': [1.5, None, {'c': [None, 'nan', None, 3]}], 'd': 2}
    json.dumps(clean, allow_nan=False)
    assert np.isnan(value['a'])  # what was given is left alone


def write_predictions(folder, results, **head):
    content = {
        'schema': SCHEMA,
        'data': {'images': len(results)},
        'findings': ['Mass'],
        'images': [result.to_json() for result in results],
    }
    path = folder / 'predictions.json'
    path.write_text(json.dumps(content | head), encoding='utf-8')
    return path


@pytest.mark.parametrize('by_folder', [False, True], ids=['file', 'work-dir'])
def test_a_file_is_read_with_its_head(tmp_path, by_folder):
    results = (
        ImageResult('a.png', (1, 1), (Finding('Mass', 0.5),), age=3),
        ImageResult('b.png', (1, 1), ()),
    )
    path = write_predictions(tmp_path, results)
    read = read_predictions(tmp_path if by_folder else str(path))
    assert read.path == path
    assert read.results == results
    assert read.findings == ('Mass',)
    assert read.head == {'schema': SCHEMA, 'data': {'images': 2}}
    assert not read.has_boxes


@pytest.mark.parametrize(
    ('findings', 'truth'), [((BOX,), ()), ((), (BOX,))], ids=['predicted', 'true']
)
def test_boxes_make_a_detectors_file(tmp_path, findings, truth):
    result = ImageResult('a.png', (9, 9), findings, truth)
    assert read_predictions(write_predictions(tmp_path, [result])).has_boxes


def test_a_missing_file_names_the_tool(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r'predictions\.json does not exist.*`mmlung test'
    ):
        read_predictions(tmp_path)


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('{', 'is no predictions.json'),
        ('[]', 'got None'),
        ('{"schema": "mmlung.metrics/1"}', "got 'mmlung.metrics/1'"),
    ],
    ids=['no-json', 'no-object', 'other-schema'],
)
def test_another_file_is_refused(tmp_path, text, message):
    path = tmp_path / 'metrics.json'
    path.write_text(text)
    with pytest.raises(ValueError, match=rf'metrics\.json .*{message}'):
        read_predictions(path)
