import json
from dataclasses import replace

import numpy as np
import pytest

from benchmarks import classifier_tables as tables
from benchmarks import classifiers_real_films as classifiers
from mmlung.config import load_config

from .test_fold_auc import films


def steps(tmp_path, *more):
    args = classifiers.parse_args(['--data', str(tmp_path), *more])
    return [step.name for step in classifiers.plan(args)]


def test_every_run_is_trained_once_then_calibrated_then_tested(tmp_path):
    names = steps(tmp_path)
    runs = len(classifiers.all_runs())
    assert runs == 5 + 2 + 3 * 3  # folds, more seeds of the first, three variants
    assert len(names) == len(set(names)) == 1 + 3 * runs
    kinds = [name.rpartition('-')[2] for name in names[1:]]
    assert kinds == ['train'] * runs + ['calibrate'] * runs + ['test'] * runs


def test_processes_share_the_trainings(tmp_path):
    parts = [steps(tmp_path, '--share', f'{i}/2') for i in range(2)]
    assert parts[0][0] == parts[1][0] == 'convert'
    trained = {name for part in parts for name in part[1:]}
    assert trained == {n for n in steps(tmp_path) if n.endswith('-train')}
    with pytest.raises(SystemExit):
        classifiers.parse_args(['--data', str(tmp_path), '--share', '2/2'])


def test_the_variants_differ_in_what_they_are_named_after():
    base, asl, csra, large = (
        load_config(
            classifiers.REPO / config, {'img_size': img_size, 'init_checkpoint': None}
        )
        for config, img_size in classifiers.VARIANTS.values()
    )
    assert asl.model.head.loss.loss.type == 'AsymmetricLoss'
    assert csra.model.head.type == 'CSRAClsHead'
    assert base.model == large.model
    assert base.img_size < large.img_size
    for other in (asl, csra):
        assert other.optim_wrapper == base.optim_wrapper
        assert other.train_dataloader == base.train_dataloader


def test_a_model_that_knows_the_source_alone(tmp_path):
    source = np.array(['a'] * 30 + ['b'] * 30)
    copies = {f'{i}': source[i] for i in range(60)}
    all_films = replace(films(), fold=np.zeros(60, int))
    rows = [
        {'img_path': f'{i}.png', 'gt_score': [float(i < 30), 0.0]} for i in range(60)
    ]
    content = {'metainfo': {'classes': ['Mass', 'Nodule']}, 'data_list': rows}
    (tmp_path / 'train.json').write_text(json.dumps(content))
    score = tables._score_of_the_copy(all_films, source, copies, [tmp_path])
    np.testing.assert_array_equal(score[:30], [[1, 0]] * 30)
    np.testing.assert_array_equal(score[30:], 0)


def test_calibration_is_averaged_over_folds():
    def metrics(value):
        rate = dict.fromkeys(('sensitivity', 'specificity', 'ppv', 'npv'), value)
        mean = {'mean': {'ECE': value, 'Brier': value}}
        return {
            'calibration': {'before': mean, 'after': mean, 'unscaled': {'Mass': 'few'}},
            'operating_points': {
                'note': '',
                'youden': {'rule': 'largest sum', 'mean': rate},
            },
            'per_finding': {'Mass': {}, 'Nodule': {}},
        }

    text = tables.calibration_table([metrics(0.1), metrics(0.3)])
    assert '| ECE | 0.200 ± 0.141 | 0.200 ± 0.141 |' in text
    assert '| largest sum | 0.200 ± 0.141' in text
    assert 'Left unscaled: 2 of 4' in text
