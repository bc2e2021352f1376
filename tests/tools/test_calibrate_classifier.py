"""A classifier's probabilities from validation to test, with random weights."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from mmlung.calibration.classifier_file import calibration_path
from mmlung.calibration.classifier_file import read_calibration
from mmlung.checkpoint import file_sha256
from mmlung.cli import main
from mmlung.config import load_config
from mmlung.evaluation.auc import binary_auc
from mmlung.evaluation.cutoffs import RULES
from mmlung.evaluation.rates import at_threshold
from mmlung.evaluation.recorded import recorded_scores
from mmlung.result import ImageResult

REPO = Path(__file__).resolve().parent.parent.parent
pytestmark = pytest.mark.slow

CONFIG = str(REPO / 'configs' / 'convnext_chestxray14_demo.py')
FINDINGS = ['Mass', 'Nodule/Mass', 'Edema']
N_FILMS = 13
OPTIONS = {
    'img_size': 64,
    'findings': FINDINGS,
    'model.backbone.arch.channels': [8, 16, 32, 64],
    'model.backbone.arch.depths': [1, 1, 1, 1],
    'model.head.in_channels': 64,
    'val_dataloader.num_workers': 0,
    'test_dataloader.num_workers': 0,
    'test_evaluator.bootstrap': 20,
}


@pytest.fixture(scope='module')
def data(tmp_path_factory, write_classification_data):
    folder = tmp_path_factory.mktemp('calibrate-classifier') / 'data'
    return write_classification_data(folder, FINDINGS, n=N_FILMS)


@pytest.fixture(scope='module')
def weights(tmp_path_factory):
    """A small classifier that has learnt nothing."""
    import torch
    from mmengine.registry import MODELS
    from mmengine.registry import DefaultScope
    from mmengine.registry import init_default_scope

    cfg = load_config(CONFIG, dict(OPTIONS))
    init_default_scope('mmpretrain')
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    with torch.no_grad():
        model.head.fc.weight.mul_(300)  # scores that differ from film to film
    DefaultScope._instance_dict.clear()
    path = tmp_path_factory.mktemp('weights') / 'random.pth'
    meta = {'dataset_meta': {'classes': FINDINGS}}
    torch.save({'meta': meta, 'state_dict': model.state_dict()}, path)
    return path


@pytest.fixture
def run(tmp_path, data, weights):
    """A checkpoint of its own, and (command, *flags) -> exit code."""
    checkpoint = tmp_path / 'best.pth'
    checkpoint.write_bytes(weights.read_bytes())
    options = [f'{key}={json.dumps(value)}' for key, value in OPTIONS.items()]
    options = [option.replace(' ', '') for option in options] + [f'data_root={data}']

    def call(command, *flags, more=()):
        argv = [command, CONFIG, str(checkpoint), '--work-dir', str(tmp_path / 'work')]
        return main([*argv, *flags, '--cfg-options', *options, *more])

    return SimpleNamespace(
        call=call,
        checkpoint=checkpoint,
        file=calibration_path(checkpoint),
        data=data,
        options=options,
        work=tmp_path / 'work',
    )


def read(path):
    return json.loads(path.read_text('utf-8'))


def test_a_calibration_reaches_the_numbers(run, capsys):
    assert run.call('test') == 0
    before = read(run.work / 'metrics.json')
    assert 'of the scores as they are' in capsys.readouterr().out
    assert before['calibration']['source'] == 'none'
    assert before['operating_points'] is None

    assert run.call('calibrate') == 0
    out = capsys.readouterr().out
    content = read(run.file)
    assert content['checkpoint'] == {
        'file': 'best.pth',
        'sha256': file_sha256(run.checkpoint),
    }
    assert content['data']['sha256'] == file_sha256(run.data / 'val.json')
    assert (content['tta'], content['config']['img_size']) == (False, 64)
    assert [row['finding'] for row in content['findings']] == FINDINGS
    assert all(0 < row['positives'] < row['known'] for row in content['findings'])
    assert 'split: val (subset), 13 images of tiny (val.json)' in out
    assert f'calibration: {run.file}' in out

    # What random weights may not choose.
    content['findings'][0] |= {'slope': 0.5, 'intercept': -1.0, 'unscaled': None}
    content['findings'][0]['thresholds']['youden'] |= {'score_thr': 0.4, 'reason': None}
    run.file.write_text(json.dumps(content), encoding='utf-8')
    assert run.call('test') == 0
    out = capsys.readouterr().out
    after = read(run.work / 'metrics.json')
    head = after['calibration']
    assert (head['source'], head['file']) == ('calibrated', 'best.calibration.json')
    assert head['sha256'] == file_sha256(run.file)
    assert head['data'] == content['data']
    assert head['before'] == before['calibration']['before']
    assert head['after']['per_finding']['Mass'] != head['before']['per_finding']['Mass']
    assert {'ECE_low', 'ECE_high', 'Brier_low'} < set(head['after']['mean'])
    # The curves rise: no AUC moves.
    assert after['metrics'] == before['metrics']
    assert after['per_finding'] == before['per_finding']

    predictions = read(run.work / 'predictions.json')
    assert predictions['calibration']['sha256'] == head['sha256']
    results = [ImageResult.from_json(image) for image in predictions['images']]
    score, target = recorded_scores(results, FINDINGS)
    mass = [result.findings[0] for result in results]
    probability = [f.probability for f in mass]
    assert None not in probability
    assert binary_auc(np.array(probability), target[:, 0]) == binary_auc(
        score[:, 0], target[:, 0]
    )
    assert set(after['operating_points']) == {'note', *RULES}
    row = after['operating_points']['youden']['per_finding']['Mass']
    expected = at_threshold(score[:, 0], target[:, 0], 0.4)
    assert {key: row[key] for key in expected} == pytest.approx(
        {key: None if v != v else v for key, v in expected.items()}
    )
    assert 'calibration: mean ECE ' in out
    assert "operating points: at Youden's, mean sensitivity" in out

    assert run.call('test', '--calibration', 'none') == 0
    assert read(run.work / 'metrics.json')['calibration'] == before['calibration']
    plain = read(run.work / 'predictions.json')['images'][0]['findings'][0]
    assert 'probability' not in plain


def test_films_that_were_fitted_are_said_to_be(run, capsys):
    assert run.call('calibrate') == 0
    assert run.call('test', more=['test_dataloader.dataset.ann_file=val.json']) == 0
    assert 'note: the scores were calibrated on the very films' in (
        capsys.readouterr().out
    )


def test_findings_with_few_present_films_stay_as_they_are(run, capsys):
    assert run.call('calibrate', '--min-positives', '1000') == 0
    calibration = read_calibration(run.file)
    assert all('present' in curve.unscaled for curve in calibration.curves.values())
    assert run.call('test') == 0
    assert 'scores stay as they are: Mass (only' in capsys.readouterr().out
    metrics = read(run.work / 'metrics.json')
    assert metrics['calibration']['after'] == metrics['calibration']['before']
    rows = metrics['operating_points']['youden']['per_finding']
    assert all(row['score_thr'] is None and row['reason'] for row in rows.values())


def test_test_time_augmentation_is_part_of_what_was_calibrated(run, capsys):
    assert run.call('calibrate') == 0
    plain = read(run.file)
    assert run.call('calibrate', '--tta') == 0
    averaged = read(run.file)
    assert averaged['tta'] is True
    assert averaged['findings'] != plain['findings']
    capsys.readouterr()
    assert run.call('test') == 0
    note = 'calibration.json was made with tta = True, and the test runs with False'
    assert note in capsys.readouterr().err
    assert note in read(run.work / 'metrics.json')['calibration']['notes'][0]
    assert run.call('test', '--tta') == 0
    assert read(run.work / 'metrics.json')['calibration']['notes'] == []


def error_of(capsys, code):
    assert code == 2
    return capsys.readouterr().err.splitlines()[-1]


def test_user_errors_are_one_line(run, capsys):
    line = error_of(
        capsys,
        run.call('calibrate', more=['val_dataloader.dataset.ann_file=test.json']),
    )
    assert 'error: validation and test are the same annotations' in line
    assert not run.file.exists()
    line = error_of(capsys, run.call('test', '--thresholds', 'absent.json'))
    assert 'calibration file absent.json does not exist' in line
    line = error_of(capsys, run.call('calibrate', '--min-hits', '2'))
    assert '--min-hits is for detectors' in line


def test_a_file_of_another_checkpoint_is_not_used(run, capsys):
    assert run.call('calibrate') == 0
    content = read(run.file)
    content['checkpoint']['sha256'] = '0' * 64
    run.file.write_text(json.dumps(content), encoding='utf-8')
    assert run.call('test') == 0
    note = 'was made for another checkpoint (sha256 00000000...'
    out, err = capsys.readouterr()
    assert note in out
    assert 'warning: ' in err
    assert read(run.work / 'metrics.json')['calibration']['source'] == 'none'
    assert note in error_of(capsys, run.call('test', '--thresholds', str(run.file)))
