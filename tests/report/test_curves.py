"""The curves that a report draws, against the very metrics of the test."""

import numpy as np
import pytest

from mmlung.curves import measure_curves
from mmlung.evaluation.auc import mean_auc
from mmlung.evaluation.froc import FP_PER_IMAGE
from mmlung.evaluation.froc import froc
from mmlung.evaluation.recorded import clusters_of
from mmlung.evaluation.recorded import recorded_detections
from mmlung.evaluation.recorded import recorded_scores
from mmlung.evaluation.reliability import expected_calibration_error
from mmlung.evaluation.study_level import pool_studies
from mmlung.result import Finding
from mmlung.result import ImageResult
from mmlung.result import Predictions

NAMES = ('Mass', 'Edema')


def predictions(tmp_path, results, scope, *evaluators):
    head = {'config': {'default_scope': scope}, 'evaluators': list(evaluators)}
    return Predictions(tmp_path / 'predictions.json', head, NAMES, tuple(results))


def classified(n=60, study=True):
    rng = np.random.default_rng(0)
    films = []
    for i in range(n):
        truth = rng.integers(0, 2, 2)
        score = np.round((truth * 0.3 + rng.random(2)) / 1.3, 6)
        found = tuple(
            Finding(name, float(s), probability=float(s) / 2)
            for name, s in zip(NAMES, score, strict=True)
        )
        true = tuple(Finding(n, float(t)) for n, t in zip(NAMES, truth, strict=True))
        patient, visit = f'{i // 4}', f'{i % 4 // 2}' if study else None
        films.append(
            ImageResult(f'{i}.png', (9, 9), found, true, patient, study_id=visit)
        )
    return films


def detected(n=40):
    rng = np.random.default_rng(1)
    films = []
    for i in range(n):
        boxes = []
        for _ in range(rng.integers(0, 3)):
            x, y = rng.integers(0, 60, 2)
            name = NAMES[rng.integers(2)]
            boxes.append((name, (float(x), float(y), x + 20.0, y + 20.0)))
        true = tuple(Finding(name, 1.0, box) for name, box in boxes)
        moved = [
            (name, tuple(side + float(rng.integers(-6, 7)) for side in box))
            for name, box in boxes
        ]
        stray = [('Mass', (70.0, 70.0, 90.0, 90.0))] * int(rng.integers(0, 2))
        found = tuple(
            Finding(name, round(float(rng.random()), 6), box)
            for name, box in moved + stray
        )
        films.append(ImageResult(f'{i}.png', (100, 100), found, true, f'p{i // 2}'))
    return films


def test_areas_are_those_of_the_test(tmp_path):
    films = classified()
    curves = measure_curves(predictions(tmp_path, films, 'mmpretrain'), 50, 3)
    score, target = recorded_scores(films, NAMES)
    report = mean_auc(
        score, target, NAMES, clusters=clusters_of(films), bootstrap=50, seed=3
    )
    for name in NAMES:
        roc, pr = curves.roc[name], curves.pr[name]
        for end in ('', '_low', '_high'):
            assert getattr(roc, f'auc{end}') == pytest.approx(
                report[f'AUC/{name}{end}']
            )
            value = report[f'AUPRC/{name}{end}']
            assert getattr(pr, f'auprc{end}') == pytest.approx(value)
        # The lines that are drawn have these areas, but for the grid.
        assert np.trapezoid(roc.tpr, roc.fpr) == pytest.approx(roc.auc, abs=0.01)
        assert np.trapezoid(pr.precision, pr.recall) == pytest.approx(
            pr.auprc, abs=0.02
        )
    assert curves.unit == 'film'


def test_before_is_of_scores_and_after_of_probabilities(tmp_path):
    films = classified()
    curves = measure_curves(predictions(tmp_path, films, 'mmpretrain'), 0)
    score, target = recorded_scores(films, NAMES)
    for c, name in enumerate(NAMES):
        for curve, values in (
            (curves.before[name], score[:, c]),
            (curves.after[name], score[:, c] / 2),
        ):
            gap = np.abs(curve.predicted - curve.observed) @ curve.count
            expected = expected_calibration_error(values, target[:, c])
            assert gap / curve.count.sum() == pytest.approx(expected)


def test_curves_are_over_studies_where_the_auc_is(tmp_path):
    films = classified()
    auc = {'type': 'mmlung.MeanAUC', 'level': 'study', 'aggregate': 'mean'}
    curves = measure_curves(predictions(tmp_path, films, 'mmpretrain', auc), 0)
    score, target = recorded_scores(films, NAMES)
    studies = [f'{f.patient_id}/{f.study_id}' for f in films]
    score, target, _ = pool_studies(score, target, studies, 'mean')
    report = mean_auc(score, target, NAMES)
    assert curves.unit == 'study'
    assert curves.roc['Mass'].auc == report['AUC/Mass']
    assert curves.roc['Mass'].n_known == 30
    assert curves.before['Mass'].count.sum() == 60  # ECE is over films in any case


def test_films_without_a_study(tmp_path):
    auc = {'type': 'mmlung.MeanAUC', 'level': 'study'}
    with pytest.raises(ValueError, match=r'names no study of 0.png, but its AUC'):
        measure_curves(
            predictions(tmp_path, classified(study=False), 'mmpretrain', auc)
        )


@pytest.mark.parametrize(
    'hit',
    [{}, {'iou_thr': 0.7}, {'centre_inside': True}],
    ids=['IoU 0.4', 'IoU 0.7', 'centre'],
)
def test_froc_passes_through_the_points_of_the_test(tmp_path, hit):
    films = detected()
    evaluator = {'type': 'mmlung.FROC', **hit}
    curves = measure_curves(predictions(tmp_path, films, 'mmdet', evaluator))
    report = froc(recorded_detections(films, NAMES), NAMES, **hit)
    drawn = {'': curves.all_findings, **{f'/{n}': c for n, c in curves.froc.items()}}
    for suffix, curve in drawn.items():
        assert curve.n_boxes == report[f'FROC_boxes{suffix}']
        for rate in FP_PER_IMAGE:
            at = curve.sensitivity[curve.fp_per_image <= rate].max()
            assert at == pytest.approx(report[f'sensitivity@{rate:g}{suffix}'])


def test_a_detector_that_found_nothing_on_healthy_films(tmp_path):
    films = [ImageResult('a.png', (9, 9), (), ())]
    curves = measure_curves(predictions(tmp_path, films, 'mmdet'))
    assert curves.roc == {}
    assert curves.all_findings.n_boxes == 0
