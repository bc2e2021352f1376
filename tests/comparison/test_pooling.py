from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mmlung.comparison.pooling import pool_predictions
from mmlung.comparison.pooling import pooled_auc
from mmlung.evaluation.auc import mean_auc
from mmlung.result import Finding
from mmlung.result import ImageResult
from mmlung.result import Predictions

HEAD = {'evaluators': [{'type': 'mmlung.MeanAUC', 'min_positives': 2}], 'config': None}


def fold(number, labels, scores, finding='Mass'):
    results = tuple(
        ImageResult(
            f'{number}-{i}.png',
            (9, 9),
            (Finding(finding, score),),
            (Finding(finding, label),),
            patient_id=f'{number}-{i // 2}',
        )
        for i, (label, score) in enumerate(zip(labels, scores, strict=True))
    )
    return Predictions(Path(f'fold{number}.json'), HEAD, (finding,), results)


FOLDS = [
    fold(0, (1.0, 0.0, 1.0, None), (0.9, 0.1, 0.3, 0.2)),
    fold(1, (1.0, 0.0, 0.0, 0.0), (0.4, 0.8, 0.2, 0.1)),
]


def test_the_auc_is_that_of_all_films():
    score = np.array([0.9, 0.1, 0.3, 0.2, 0.4, 0.8, 0.2, 0.1])[:, None]
    target = np.array([1, 0, 1, np.nan, 1, 0, 0, 0])[:, None]
    patients = ['0-0', '0-0', '0-1', '0-1', '1-0', '1-0', '1-1', '1-1']
    expected = mean_auc(score, target, ['Mass'], 2, patients, 50)
    assert pooled_auc(FOLDS, bootstrap=50) == pytest.approx(expected, nan_ok=True)


def test_the_pooled_file_is_a_predictions_file():
    pooled = pool_predictions(FOLDS)
    assert pooled['schema'] == 'mmlung.predictions/1'
    assert [ImageResult.from_json(i) for i in pooled['images']] == [
        *FOLDS[0].results,
        *FOLDS[1].results,
    ]
    assert [p['file'] for p in pooled['pooled']] == ['fold0.json', 'fold1.json']
    assert 'different models' in pooled['note']


def test_a_shared_film_is_named():
    with pytest.raises(
        ValueError, match=r'4 films of fold0\.json .* the first is 0-0\.png \(in fold0'
    ):
        pool_predictions([FOLDS[0], FOLDS[0]])


def test_a_shared_patient_is_named():
    odd = replace(FOLDS[1], results=(replace(FOLDS[1].results[0], patient_id='0-1'),))
    with pytest.raises(ValueError, match=r'1 patients of fold1\.json .* is 0-1'):
        pool_predictions([FOLDS[0], odd])


def test_other_findings_and_boxes_are_refused():
    with pytest.raises(ValueError, match=r'fold2\.json has other findings than fold0'):
        pool_predictions([FOLDS[0], fold(2, (1.0,), (0.5,), 'Edema')])
    boxes = ImageResult('a', (9, 9), (Finding('Mass', 0.5, (0, 0, 1, 1)),), ())
    with pytest.raises(ValueError, match='holds boxes'):
        pool_predictions([replace(FOLDS[0], results=(boxes,))])
