import json

import numpy as np
import pytest

from mmlung.result import SCHEMA
from mmlung.result import Finding
from mmlung.result import ImageResult
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
    ],
    ids=['boxes', 'nothing', 'unknown-label', 'no-truth'],
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
    }
    assert SCHEMA == 'mmlung.predictions/1'


def test_nothing_to_see_is_not_no_truth():
    assert ImageResult('a.png', (1, 1), (), ()) != ImageResult('a.png', (1, 1), ())


@pytest.mark.parametrize('score', [-0.1, 1.1, float('nan'), float('inf')])
def test_scores_outside_are_refused(score):
    with pytest.raises(ValueError, match=rf"in \[0, 1\], got {score} for 'Mass'"):
        Finding('Mass', score)


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
