import numpy as np
import pytest

from benchmarks import detectors_real_films as detectors
from mmlung.result import Finding
from mmlung.result import ImageResult


def run(ap40):
    keys = {key for _, key, _ in detectors.ROWS}
    row = dict.fromkeys(keys, 0.5) | {'AP40': ap40}
    return {'metrics': row, 'per_finding': {'Cardiomegaly': row}}


def test_the_table_has_mean_and_deviation_over_the_seeds():
    runs = {'cascade': [run(0.1), run(0.3)], 'retinanet': [run(None), run(0.2)]}
    table = detectors.comparison_table(runs)
    assert '| | Cascade R-CNN | RetinaNet |' in table
    assert '| AP40, mean of 8 findings | 0.200 ± 0.141 | undefined |' in table
    each = detectors.run_table(runs, [0, 7])
    assert '| RetinaNet | 7 | 0.200 | 0.500 | 0.500 |' in each


def test_predictions_become_what_the_metrics_take():
    box = (1.0, 2.0, 3.0, 4.0)
    result = ImageResult(
        'a.png', (9, 9), (Finding('Mass', 0.7, box),), (Finding('Nodule', 1.0, box),)
    )
    image = detectors.detections_of(result, ['Nodule', 'Mass'])
    assert image.pred_label.tolist() == [1]
    assert image.gt_label.tolist() == [0]
    np.testing.assert_array_equal(image.gt_xyxy, [box])
    empty = detectors.detections_of(ImageResult('b.png', (9, 9), ()), ['Mass'])
    assert empty.pred_xyxy.shape == (0, 4)


@pytest.mark.parametrize('only', [None, 'cascade'])
def test_every_run_is_trained_before_any_is_tested(tmp_path, only):
    argv = ['--data', str(tmp_path)] + (['--train-only', only] if only else [])
    steps = [s.name for s in detectors.plan(detectors.parse_args(argv))]
    assert steps[:2] == ['convert', 'cascade-0-train']
    assert len(steps) == (4 if only else 13)
    assert all(name.endswith('-test') for name in steps[7:])


def test_both_detectors_exist_and_differ_in_the_model_alone():
    from mmlung.config import load_config

    cascade, retinanet = (
        load_config(detectors.REPO / detector.config).to_dict()
        for detector in detectors.DETECTORS.values()
    )
    assert cascade.pop('model') != retinanet.pop('model')
    assert cascade == retinanet
