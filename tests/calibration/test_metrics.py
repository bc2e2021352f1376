import numpy as np
import pytest
from scipy.special import expit
from scipy.special import logit

from mmlung.calibration.classifier_file import Calibration
from mmlung.calibration.metrics import PREVALENCE
from mmlung.calibration.metrics import CalibratedTest
from mmlung.calibration.metrics import calibrated_test
from mmlung.calibration.metrics import calibration_lines
from mmlung.calibration.metrics import is_classifier
from mmlung.evaluation.cutoffs import RULES
from mmlung.evaluation.platt import Platt
from mmlung.evaluation.rates import at_threshold
from mmlung.evaluation.reliability import brier_score
from mmlung.evaluation.reliability import expected_calibration_error
from mmlung.result import Finding
from mmlung.result import ImageResult

FINDINGS = ['Mass', 'Nodule/Mass', 'Hernia']
CURVES = {
    'Mass': Platt(0.5, -1.0),
    'Nodule/Mass': Platt(unscaled='no present film'),
    'Hernia': Platt(2.0, 0.5),
}
THRESHOLDS = {'Mass': 0.4, 'Nodule/Mass': None, 'Hernia': 0.1}
TESTED = {'file': 'test.json', 'sha256': 'def'}


def films(n=60):
    rng = np.random.default_rng(0)
    score = rng.random((n, 3)).round(6)
    target = (rng.random((n, 3)) < score).astype(float)
    target[rng.random((n, 3)) < 0.1] = np.nan
    target[:, 2] = np.nan
    results = [
        ImageResult(
            f'{i}.png',
            (8, 8),
            tuple(
                Finding(f, float(s)) for f, s in zip(FINDINGS, score[i], strict=True)
            ),
            tuple(
                Finding(f, None if np.isnan(t) else float(t))
                for f, t in zip(FINDINGS, target[i], strict=True)
            ),
            f'p{i // 2}',
        )
        for i in range(n)
    ]
    return results, score, target


@pytest.fixture
def calibration(tmp_path):
    path = tmp_path / 'best.calibration.json'
    path.write_text('{}')
    rows = [
        {
            'finding': name,
            'thresholds': {
                rule: {
                    'score_thr': THRESHOLDS[name],
                    'probability_thr': THRESHOLDS[name],
                    'reason': None if THRESHOLDS[name] else 'no present film',
                }
                for rule in RULES
            },
        }
        for name in FINDINGS
    ]
    data = {'file': 'val.json', 'sha256': 'abc', 'split': 'val', 'images': 9}
    chosen = {name: thr for name, thr in THRESHOLDS.items() if thr}
    return Calibration(
        CURVES,
        dict.fromkeys(RULES, chosen),
        path,
        {'data': data, 'findings': rows},
        ('mind this',),
    )


def test_the_sections_are_those_of_the_pure_functions(calibration):
    results, score, target = films()
    sections = CalibratedTest(calibration, 20, 3).sections(results, FINDINGS, TESTED)
    section, points = sections['calibration'], sections['operating_points']
    probability = score.copy()
    probability[:, 0] = expit(0.5 * logit(score[:, 0]) - 1)
    for values, key in ((score, 'before'), (probability, 'after')):
        rows = section[key]['per_finding']
        assert list(rows) == FINDINGS
        for c, name in enumerate(FINDINGS[:2]):
            pair = values[:, c], target[:, c]
            assert rows[name]['ECE'] == pytest.approx(expected_calibration_error(*pair))
            assert rows[name]['Brier'] == pytest.approx(brier_score(*pair))
            assert {'ECE_low', 'ECE_high', 'Brier_low', 'Brier_high'} < set(rows[name])
        assert np.isnan(rows['Hernia']['ECE'])
        ece = [rows[name]['ECE'] for name in FINDINGS[:2]]
        assert section[key]['mean']['ECE'] == pytest.approx(np.mean(ece))
    assert (section['source'], section['bins']) == ('calibrated', 15)
    assert 'its interval lies too high' in section['ece_intervals']
    assert section['unscaled'] == {'Nodule/Mass': 'no present film'}
    assert points['note'] == PREVALENCE
    for rule, text in RULES.items():
        assert (points[rule]['rule'], points[rule]['findings']) == (text, 2)
        rows = points[rule]['per_finding']
        expected = at_threshold(score[:, 0], target[:, 0], 0.4)
        assert {key: rows['Mass'][key] for key in expected} == expected
        assert (rows['Mass']['score_thr'], rows['Mass']['reason']) == (0.4, None)
        assert rows['Mass']['ppv_low'] <= expected['ppv'] <= rows['Mass']['ppv_high']
        assert rows['Nodule/Mass']['reason'] == 'no present film'
        assert 'sensitivity' not in rows['Nodule/Mass']
        assert rows['Hernia']['tp'] == 0
        assert np.isnan(rows['Hernia']['sensitivity'])


def test_without_a_file_there_is_only_a_before():
    results, *_ = films()
    sections = CalibratedTest(Calibration(), 0, 0).sections(results, FINDINGS, TESTED)
    assert sections['operating_points'] is None
    assert sections['calibration']['after'] is None
    assert set(sections['calibration']['before']['mean']) == {'ECE', 'Brier'}
    lines = calibration_lines(sections)
    assert len(lines) == 1
    assert lines[0].startswith('calibration: mean ECE 0.')
    assert lines[0].endswith(', of the scores as they are')


def test_the_lines_say_before_and_after(calibration):
    results, *_ = films()
    sections = CalibratedTest(calibration, 0, 0).sections(results, FINDINGS, TESTED)
    first, second, note = calibration_lines(sections)
    assert first.count(' -> ') == 2
    assert first.endswith(
        '(Platt scaling on val.json, split: val, 9 images; best.calibration.json); '
        'scores stay as they are: Nodule/Mass (no present film)'
    )
    assert second.startswith("operating points: at Youden's, mean sensitivity 0.")
    assert second.endswith(PREVALENCE)
    assert note == 'note: mind this'
    assert calibration_lines({}) == []


def test_undefined_means_are_a_dash(calibration):
    sections = CalibratedTest(calibration, 0, 0).sections([], FINDINGS, TESTED)
    first, second, _ = calibration_lines(sections)
    assert 'mean ECE - -> -, mean Brier - -> -' in first
    assert 'mean sensitivity -, specificity -;' in second


def test_films_of_the_fit_make_optimistic_numbers(calibration):
    test = CalibratedTest(calibration, 0, 0)
    assert test.facts(TESTED)['notes'] == ['mind this']
    notes = test.facts({'sha256': 'abc'})['notes']
    assert 'calibrated on the very films that are tested here' in notes[1]


@pytest.mark.parametrize(
    ('scope', 'expected'),
    [('mmpretrain', True), ('mmdet', False), (None, False)],
    ids=str,
)
def test_the_scope_says_what_is_a_classifier(scope, expected):
    cfg = {'default_scope': scope, 'test_evaluator': {'bootstrap': 50, 'seed': 2}}
    assert is_classifier(cfg) is expected
    test = calibrated_test(cfg, 'none', 'auto', False)
    assert (test is not None) is expected
    if test:
        assert (test.bootstrap, test.seed) == (50, 2)


def test_resamples_are_those_of_the_evaluators():
    evaluators = [{'type': 'a'}, {'type': 'b', 'bootstrap': 10, 'cluster': 'image'}]
    cfg = {'default_scope': 'mmpretrain', 'test_evaluator': evaluators}
    test = calibrated_test(cfg, 'none', 'none', True)
    assert (test.bootstrap, test.seed, test.cluster) == (10, 0, 'image')


def test_films_can_be_resampled_instead_of_patients(calibration):
    results, *_ = films()

    def low(cluster):
        test = CalibratedTest(calibration, 20, 3, cluster)
        sections = test.sections(results, FINDINGS, TESTED)
        return sections['calibration']['before']['mean']['ECE_low']

    assert low('image') != low('patient')
