import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mmlung.comparison.compare import compare
from mmlung.comparison.compare_table import comparison_table
from mmlung.evaluation.auc import mean_auc
from mmlung.evaluation.delong import delong_test
from mmlung.evaluation.mean_ap import mean_ap
from mmlung.evaluation.paired import holm
from mmlung.evaluation.recorded import clusters_of
from mmlung.evaluation.recorded import recorded_detections
from mmlung.evaluation.recorded import recorded_scores
from mmlung.result import Finding
from mmlung.result import ImageResult
from mmlung.result import Predictions

NAMES = ('Mass', 'Edema', 'Hernia')
HEAD = {
    'evaluators': [{'type': 'mmlung.MeanAUC', 'min_positives': 20}],
    'data': {'dataset': 'drawn', 'split': 'test', 'split_family': 'subset'},
    'config': {'file': 'x.py'},
    'training_seed': 1,
}


def classifier(skill, seed=0, n=240, name='a.json', patients=True):
    """Three films a patient; Hernia is rare; ``skill`` is the gain of a finding."""
    truth = np.random.default_rng(0).random((n, 3)) < (0.3, 0.4, 0.05)
    rng = np.random.default_rng(seed)
    score = rng.normal(size=(n, 3)) + truth * skill
    score = 1 / (1 + np.exp(-score))
    results = tuple(
        ImageResult(
            f'{i}.png',
            (9, 9),
            tuple(Finding(f, float(v)) for f, v in zip(NAMES, score[i], strict=True)),
            tuple(Finding(f, float(v)) for f, v in zip(NAMES, truth[i], strict=True)),
            patient_id=f'p{i // 3}' if patients else None,
        )
        for i in range(n)
    )
    return Predictions(Path(name), HEAD, NAMES, results)


def detector(hit, name='a.json', n=40):
    """Every film has one box of Mass; a share of ``hit`` is found."""
    rng = np.random.default_rng(0)
    results = []
    for i in range(n):
        box = (1.0, 1.0, 5.0, 6.0) if rng.random() < hit else (20.0, 20.0, 30.0, 30.0)
        results.append(
            ImageResult(
                f'{i}.png',
                (40, 40),
                (Finding('Mass', 0.6, box),),
                (Finding('Mass', 1.0, (1, 1, 5, 6)),),
                patient_id=f'p{i}',
            )
        )
    head = {'thresholds': {'score_thr': {'Mass': 0.5, 'Edema': 0.3}}}
    return Predictions(Path(name), head, ('Mass', 'Edema'), tuple(results))


def test_the_values_are_those_of_the_metrics():
    a, b = classifier((1, 0, 1)), classifier((1, 2, 1), seed=5)
    report = compare(a, b, bootstrap=50)
    for key, predictions in (('a', a), ('b', b)):
        arrays = recorded_scores(predictions.results, NAMES)
        expected = mean_auc(*arrays, NAMES, 20)
        assert report['overall']['mAUC'][key] == pytest.approx(expected['mAUC'])
        for name in NAMES:
            value = report['per_finding'][name]['AUC'][key]
            assert value == pytest.approx(expected[f'AUC/{name}'])
    assert report['kind'] == 'classifier'
    assert (report['films'], report['clusters'], report['resampled']) == (
        240,
        80,
        'patients',
    )


def test_delong_of_patients_stands_beside_the_bootstrap():
    a, b = classifier((1, 0, 1)), classifier((1, 2, 1), seed=5)
    rows = compare(a, b, bootstrap=50)['per_finding']
    scores = [recorded_scores(p.results, NAMES) for p in (a, b)]
    p = [
        delong_test(
            scores[1][0][:, c], scores[0][0][:, c], scores[0][1][:, c],
            clusters_of(a.results),
        ).p
        for c in range(3)
    ]  # fmt: skip
    assert [rows[n]['AUC']['p_delong'] for n in NAMES] == pytest.approx(p)
    corrected = [rows[n]['AUC']['p_delong_holm'] for n in NAMES]
    assert corrected == pytest.approx(holm(p).tolist())


def test_a_planted_difference_is_found_where_it_is():
    report = compare(classifier((1, 0, 1)), classifier((1, 2, 1), seed=5))
    planted = report['per_finding']['Edema']['AUC']
    assert planted['low'] > 0.2
    assert planted['p_holm'] < 0.01
    assert planted['p_delong_holm'] < 0.01
    same = report['per_finding']['Mass']['AUC']
    assert same['low'] < 0 < same['high']
    assert same['p_holm'] > 0.05


def test_a_model_does_not_differ_from_itself():
    a = classifier((1, 1, 1))
    report = compare(a, a, bootstrap=100)
    for value in (report['overall']['mAUC'], report['per_finding']['Edema']['AUC']):
        assert [value[k] for k in ('difference', 'low', 'high', 'p')] == [0, 0, 0, 1]
    assert report['per_finding']['Edema']['AUC']['p_delong'] == 1


def test_rare_findings_and_unknown_patients_are_noted():
    notes = ' '.join(compare(classifier((1, 1, 1)), classifier((1, 1, 1)))['notes'])
    assert 'fewer than 20 patients with (or without) Hernia (' in notes
    assert 'at least 0.002 with 1000 resamples' in notes
    few = classifier((1, 1, 1), n=30, patients=False)
    report = compare(few, few, bootstrap=9)
    assert report['resampled'] == 'images'
    assert 'patients of the films are not known' in report['notes'][0]
    few = classifier((1, 1, 1), n=30)
    assert 'only 10 patients' in compare(few, few, bootstrap=9)['notes'][0]


def test_boxes_are_compared_by_the_box_metrics():
    a, b = detector(0.3), detector(0.9, 'b.json')
    report = compare(a, b, bootstrap=200)
    assert report['kind'] == 'detector'
    assert list(report['overall']) == ['AP40', 'mIoU', 'CPM']
    for key, predictions in (('a', a), ('b', b)):
        images = recorded_detections(predictions.results, a.findings)
        expected = mean_ap(images, a.findings)['AP40']
        assert report['overall']['AP40'][key] == pytest.approx(expected)
    assert report['per_finding']['Mass']['AP40']['p_holm'] < 0.02
    assert report['per_finding']['Edema']['AP40']['p'] is None
    assert report['per_finding']['Mass']['n_boxes'] == 40
    json.dumps(report, allow_nan=False)


def test_each_detector_counts_at_its_own_thresholds():
    a = detector(0.9)
    strict = {'thresholds': {'score_thr': 0.7}}
    report = compare(a, replace(a, head=strict), bootstrap=9)
    assert report['overall']['mIoU']['a'] > 0.5
    assert report['overall']['mIoU']['b'] == 0
    assert report['overall']['AP40']['difference'] == 0


def test_the_table_of_classifiers():
    report = compare(classifier((1, 0, 1)), classifier((1, 2, 1), 5, name='b.json'))
    text = comparison_table(report)
    lines = text.splitlines()
    assert lines[0] == 'A: a.json (config x.py, training seed 1)'
    assert lines[2] == '240 films of 80 patients (drawn, test, subset)'
    assert lines[4].split()[-5:] == ['p', '(Holm)', 'p', 'DeLong', '(Holm)']
    row = next(line for line in lines if line.startswith('Edema'))
    value = report['per_finding']['Edema']['AUC']
    assert f'{value["difference"]:+.3f} [{value["low"]:+.3f}, ' in row
    assert '0.002' in row
    assert row.endswith(f'{report["per_finding"]["Edema"]["n_positive"]} positive')
    assert 'note: ' in text


def test_the_table_of_detectors():
    a = detector(0.9)
    text = comparison_table(compare(a, a, bootstrap=9))
    assert 'AP40 of' in text
    assert 'DeLong' not in text
    assert '40 boxes' in text
    assert 'own score thresholds' in text


def test_the_table_says_what_was_left_out():
    a = classifier((1, 1, 1))
    head = {'data': {'synthetic': True}}
    short = replace(a, results=a.results[:200], head=head)
    text = comparison_table(compare(short, a, common=True, bootstrap=9))
    assert '200 films of 67 patients; left out, in one file only: 40 films' in text
    assert 'says anything about patients' in text
