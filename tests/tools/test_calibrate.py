"""Thresholds from validation to test, in process, with a network of random weights."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from mmlung.calibration.thresholds_file import SCHEMA
from mmlung.calibration.thresholds_file import read_thresholds
from mmlung.calibration.thresholds_file import thresholds_path
from mmlung.checkpoint import file_sha256
from mmlung.cli import main
from mmlung.config import load_config

REPO = Path(__file__).resolve().parent.parent.parent
pytestmark = pytest.mark.slow

CONFIG = str(REPO / 'configs' / 'swin_vindr_demo.py')


@pytest.fixture(scope='module')
def data(tmp_path_factory, write_detection_data):
    folder = tmp_path_factory.mktemp('calibrate') / 'data'
    write_detection_data(folder, load_config(CONFIG).findings)
    return folder


@pytest.fixture
def run(tmp_path, data, random_detector):
    """A checkpoint of its own, and (command, *flags) -> exit code."""
    checkpoint = tmp_path / 'best.pth'
    checkpoint.write_bytes(random_detector.read_bytes())
    options = [f'data_root={data}', 'img_size=64', 'test_dataloader.num_workers=0']
    options += ['val_dataloader.num_workers=0', 'test_evaluator.1.bootstrap=0']
    options += ['test_evaluator.0.bootstrap=0']

    def call(command, *flags, options=options, more=(), config=CONFIG):
        argv = [command, config, str(checkpoint), '--work-dir', str(tmp_path / 'work')]
        return main([*argv, *flags, '--cfg-options', *options, *more])

    return SimpleNamespace(
        call=call,
        checkpoint=checkpoint,
        thresholds=thresholds_path(checkpoint),
        data=data,
        work=tmp_path / 'work',
    )


def read(path):
    return json.loads(path.read_text('utf-8'))


def test_calibrated_thresholds_reach_the_numbers(run, capsys):
    assert run.call('calibrate') == 0
    out = capsys.readouterr().out
    content = read_thresholds(run.thresholds)
    assert content['checkpoint'] == {
        'file': 'best.pth',
        'sha256': file_sha256(run.checkpoint),
    }
    assert content['data']['file'] == 'val.json'
    assert content['data']['sha256'] == file_sha256(run.data / 'val.json')
    assert (content['data']['split'], content['tta']) == ('val', False)
    assert content['config']['img_size'] == 64
    findings = [row['finding'] for row in content['thresholds']]
    assert findings == list(load_config(CONFIG).findings)
    assert sum(row['boxes'] for row in content['thresholds']) == 6
    assert 'split: val (subset), 4 images of tiny (val.json), ground truth: dr' in out
    for name in findings:
        assert name in out

    content['thresholds'][0]['score_thr'] = 0.0  # what random weights never choose
    content['thresholds'][0]['fallback'] = None
    run.thresholds.write_text(json.dumps(content), encoding='utf-8')
    assert run.call('test', more=['test_dataloader.dataset.ann_file=val.json']) == 0
    out = capsys.readouterr().out
    metrics = read(run.work / 'metrics.json')
    head = metrics['thresholds']
    assert (head['source'], head['file']) == ('calibrated', 'best.thresholds.json')
    assert head['sha256'] == file_sha256(run.thresholds)
    assert head['data'] == content['data']
    assert read(run.work / 'predictions.json')['thresholds'] == head
    for row in content['thresholds']:
        name = row['finding']
        assert head['score_thr'][name] == row['score_thr']
        assert metrics['per_finding'][name]['score_thr'] == row['score_thr']
    assert metrics['metrics']['fp_per_image'] > 1
    assert (
        'thresholds: per finding, calibrated on val.json (split: val, 4 images' in out
    )
    assert 'note: the thresholds were chosen on the very films that are tested' in out

    assert run.call('test', '--thresholds', 'none') == 0
    assert 'thresholds: 0.3 for all findings, the default' in capsys.readouterr().out
    metrics = read(run.work / 'metrics.json')
    assert metrics['thresholds'] == {'source': 'default', 'score_thr': 0.3, 'notes': []}
    assert metrics['metrics']['score_thr'] == 0.3
    assert metrics['metrics']['fp_per_image'] < 1


def test_thresholds_of_another_checkpoint_are_not_used(run, capsys):
    rows = [
        {'finding': name, 'score_thr': 0.0, 'fallback': None}
        for name in load_config(CONFIG).findings
    ]
    content = {
        'schema': SCHEMA,
        'checkpoint': {'sha256': '0' * 64},
        'data': {'file': 'val.json'},
        'thresholds': rows,
    }
    run.thresholds.write_text(json.dumps(content), encoding='utf-8')
    assert run.call('test') == 0
    out, err = capsys.readouterr()
    note = 'best.thresholds.json was made for another checkpoint (sha256 00000000...'
    assert 'warning: ' in err
    assert note in err
    assert 'thresholds: 0.3 for all findings, the default\nnote: ' in out
    assert note in out
    metrics = read(run.work / 'metrics.json')
    assert metrics['thresholds']['source'] == 'default'
    assert note in metrics['thresholds']['notes'][0]
    assert run.call('test', '--thresholds', str(run.thresholds)) == 2
    assert note in capsys.readouterr().err


def test_a_threshold_that_rests_on_too_few_hits_stays_at_the_default(run, capsys):
    assert run.call('calibrate', '--min-hits', '1000') == 0
    content = read_thresholds(run.thresholds)
    assert content['min_hits'] == 1000
    assert {row['score_thr'] for row in content['thresholds']} == {0.3}
    assert run.call('test') == 0
    out = capsys.readouterr().out
    head = read(run.work / 'metrics.json')['thresholds']
    assert head['source'] == 'calibrated'
    assert set(head['score_thr'].values()) == {0.3}
    assert list(head['fallback']) == [r['finding'] for r in content['thresholds']]
    assert 'not chosen but default: Aortic enlargement (' in out


def test_test_time_augmentation_is_part_of_what_was_calibrated(run, capsys):
    assert run.call('calibrate', '--tta') == 0
    assert read_thresholds(run.thresholds)['tta'] is True
    capsys.readouterr()
    assert run.call('test') == 0
    note = 'best.thresholds.json was made with tta = True, and the test runs with False'
    assert note in capsys.readouterr().err
    assert read(run.work / 'metrics.json')['thresholds']['notes'] == [note]


def error_of(capsys, code):
    assert code == 2
    return capsys.readouterr().err.splitlines()[-1]


def test_user_errors_are_one_line(run, capsys, tmp_path):
    line = error_of(
        capsys,
        run.call('calibrate', more=['val_dataloader.dataset.ann_file=test.json']),
    )
    assert 'error: validation and test are the same annotations' in line
    assert not run.thresholds.exists()
    line = error_of(capsys, run.call('test', '--thresholds', 'absent.json'))
    assert 'thresholds file absent.json does not exist' in line
    line = error_of(capsys, main(['calibrate', CONFIG, 'none']))
    assert 'nothing to calibrate in an untrained network' in line
    line = error_of(capsys, main(['calibrate', CONFIG, 'absent.pth']))
    assert 'absent.pth does not exist' in line
    line = error_of(capsys, run.call('calibrate', more=['findings=["Mass"]']))
    assert 'was trained for Aortic enlargement' in line
    line = error_of(capsys, run.call('calibrate', '--min-positives', '2'))
    assert '--min-positives is for classifiers' in line


def test_out_must_be_json(capsys):
    with pytest.raises(SystemExit, match='2'):
        main(['calibrate', CONFIG, 'best.pth', '--out', 'a.txt'])
    assert '--out must end in .json, got a.txt' in capsys.readouterr().err
    with pytest.raises(SystemExit, match='2'):
        main(['calibrate', CONFIG, 'best.pth', '--min-hits', '0'])
    assert '--min-hits must be at least 1, got 0' in capsys.readouterr().err
    with pytest.raises(SystemExit, match='2'):
        main(['calibrate', CONFIG, 'best.pth', '--min-positives', '0'])
    assert '--min-positives must be at least 1, got 0' in capsys.readouterr().err
