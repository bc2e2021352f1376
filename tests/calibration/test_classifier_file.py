import numpy as np
import pytest
import torch

from mmlung.atomic import write_json
from mmlung.calibration.classifier_file import CALIBRATION_SCHEMA
from mmlung.calibration.classifier_file import Calibration
from mmlung.calibration.classifier_file import calibration_path
from mmlung.calibration.classifier_file import choose_calibration
from mmlung.calibration.classifier_file import read_calibration
from mmlung.checkpoint import file_sha256
from mmlung.evaluation.cutoffs import RULES
from mmlung.evaluation.platt import Platt
from mmlung.result import Finding
from mmlung.result import ImageResult

FINDINGS = ['Mass', 'Nodule/Mass']


def row(name, slope, intercept, unscaled, score_thr):
    entry = {'score_thr': score_thr, 'probability_thr': score_thr, 'reason': None}
    return {
        'finding': name,
        'slope': slope,
        'intercept': intercept,
        'unscaled': unscaled,
        'thresholds': {rule: dict(entry) for rule in RULES},
    }


@pytest.fixture
def checkpoint(tmp_path):
    path = tmp_path / 'best.pth'
    torch.save({'state_dict': {}}, path)
    return path


@pytest.fixture
def content(checkpoint):
    return {
        'schema': CALIBRATION_SCHEMA,
        'checkpoint': {'file': 'best.pth', 'sha256': file_sha256(checkpoint)},
        'config': {'img_size': 64},
        'tta': False,
        'data': {'file': 'val.json', 'sha256': 'abc', 'split': 'val', 'images': 4},
        'findings': [
            row('Mass', 2.0, -1.0, None, 0.25),
            row('Nodule/Mass', 1.0, 0.0, 'no present film', None),
        ],
    }


@pytest.fixture
def written(checkpoint, content):
    path = calibration_path(checkpoint)
    write_json(path, content)
    return path


def test_the_file_beside_the_checkpoint_is_taken(checkpoint, written):
    chosen = choose_calibration(str(checkpoint), FINDINGS)
    assert chosen.curves['Mass'] == Platt(2.0, -1.0)
    assert chosen.score_thresholds == {rule: {'Mass': 0.25} for rule in RULES}
    assert chosen.to_json() == {
        'source': 'calibrated',
        'file': 'best.calibration.json',
        'sha256': file_sha256(written),
        'data': {'file': 'val.json', 'sha256': 'abc', 'split': 'val', 'images': 4},
        'unscaled': {'Nodule/Mass': 'no present film'},
        'notes': [],
    }
    assert choose_calibration(str(checkpoint), FINDINGS[::-1]).file == written


@pytest.mark.parametrize('wanted', ['auto', 'none'])
def test_without_a_file_scores_stay(checkpoint, wanted):
    chosen = choose_calibration(str(checkpoint), FINDINGS, wanted)
    assert chosen.to_json() == {'source': 'none', 'notes': []}
    score = np.array([[0.25, 0.5]])
    assert chosen.probability(score, FINDINGS).tolist() == score.tolist()
    assert choose_calibration(None, FINDINGS).file is None


def test_a_file_can_be_left_aside_or_named(checkpoint, written, tmp_path):
    assert choose_calibration(str(checkpoint), FINDINGS, 'none').file is None
    moved = written.rename(tmp_path / 'other name.json')
    assert choose_calibration(str(checkpoint), FINDINGS, str(moved)).file == moved


def test_probabilities_are_by_name_and_beside_the_scores(checkpoint, written):
    chosen = choose_calibration(str(checkpoint), FINDINGS)
    expected = round(float(Platt(2.0, -1.0).probability(np.array(0.5))), 6)
    results = [
        ImageResult(
            'a.png', (8, 8), (Finding('Nodule/Mass', 0.5), Finding('Mass', 0.5))
        ),
        ImageResult('b.png', (8, 8), (Finding('Edema', 0.5),), (Finding('Mass', 1.0),)),
    ]
    applied = chosen.apply(results)
    assert [f.probability for f in applied[0].findings] == [None, expected]
    assert [f.score for f in applied[0].findings] == [0.5, 0.5]
    assert applied[1] == results[1]
    columns = chosen.probability(np.array([[0.5, 0.5]]), ['Nodule/Mass', 'Mass'])
    assert columns.round(6).tolist() == [[0.5, expected]]
    assert Calibration().apply(results) == results
    assert chosen.apply([]) == []


MISFITS = pytest.mark.parametrize(
    ('change', 'text'),
    [
        (
            lambda c: c['checkpoint'].update(sha256='f' * 64),
            r'made for another checkpoint \(sha256 ffffffff\.\.\., but best\.pth has',
        ),
        (
            lambda c: c['findings'].pop(),
            'made for the findings Mass, but the config has Mass, Nodule/Mass',
        ),
    ],
    ids=['checkpoint', 'findings'],
)


@MISFITS
def test_a_misfit_is_said_and_scores_stay(checkpoint, content, change, text):
    change(content)
    write_json(calibration_path(checkpoint), content)
    chosen = choose_calibration(str(checkpoint), FINDINGS)
    assert chosen.curves == {}
    (note,) = chosen.notes
    with pytest.raises(ValueError, match=text):
        raise ValueError(note)
    assert 'so scores stay as is. Run `mmlung calibrate`' in note


@MISFITS
def test_a_named_misfit_is_refused(checkpoint, content, tmp_path, change, text):
    change(content)
    write_json(tmp_path / 'mine.json', content)
    with pytest.raises(ValueError, match=rf'mine\.json was {text}.*--thresholds none'):
        choose_calibration(str(checkpoint), FINDINGS, str(tmp_path / 'mine.json'))


@pytest.mark.parametrize(
    ('conditions', 'note'),
    [
        ({'img_size': 64, 'tta': False}, None),
        ({'img_size': 96}, 'img_size = 64, and the test runs with 96'),
        ({'tta': True}, 'tta = False, and the test runs with True'),
    ],
    ids=['same', 'size', 'tta'],
)
def test_other_conditions_are_noted(checkpoint, written, conditions, note):
    chosen = choose_calibration(str(checkpoint), FINDINGS, conditions=conditions)
    assert chosen.file == written
    assert [note in n for n in chosen.notes] == ([True] if note else [])


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r'calibration file .*absent\.json does not exist'
    ):
        read_calibration(tmp_path / 'absent.json')


def first_rule(content):
    return content['findings'][0]['thresholds']['youden']


@pytest.mark.parametrize(
    ('change', 'text'),
    [
        (lambda c: c.update(schema='mmlung.thresholds/1'), 'schema is .*thresholds/1'),
        (lambda c: c.pop('schema'), "'schema' is missing"),
        (lambda c: c.pop('data'), "'data' is missing"),
        (lambda c: c['findings'][0].update(slope=-1), 'Mass must have a positive slo'),
        (lambda c: c['findings'][0].update(slope=0), 'must have a positive slope'),
        (lambda c: c['findings'][0].update(slope='x'), 'could not convert'),
        (lambda c: c['findings'][1].update(finding='Mass'), 'a finding stands there'),
        (lambda c: first_rule(c).update(score_thr=1.5), r'outside \[0, 1\]'),
        (lambda c: c['findings'][0]['thresholds'].pop('youden'), "'youden' is miss"),
        (lambda c: c.update(findings=3), 'not iterable'),
    ],
    ids=['schema', 'no-schema', 'data', 'falling', 'flat', 'text', 'twice', 'range']
    + ['rule', 'number'],
)
def test_a_damaged_file_is_refused(written, content, change, text):
    change(content)
    write_json(written, content)
    with pytest.raises(ValueError, match=rf'calibration\.json is no calib.*{text}'):
        read_calibration(written)
