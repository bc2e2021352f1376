import json

import pytest
import torch

from mmlung.atomic import write_json
from mmlung.calibration.thresholds_file import SCHEMA
from mmlung.calibration.thresholds_file import choose_thresholds
from mmlung.calibration.thresholds_file import read_thresholds
from mmlung.calibration.thresholds_file import thresholds_path
from mmlung.checkpoint import file_sha256

FINDINGS = ['Mass', 'Nodule/Mass']


@pytest.fixture
def checkpoint(tmp_path):
    path = tmp_path / 'best.pth'
    torch.save({'state_dict': {}}, path)
    return path


@pytest.fixture
def content(checkpoint):
    return {
        'schema': SCHEMA,
        'checkpoint': {'file': 'best.pth', 'sha256': file_sha256(checkpoint)},
        'config': {'img_size': 64},
        'tta': False,
        'data': {'file': 'val.json', 'sha256': 'abc', 'split': 'val', 'images': 4},
        'thresholds': [
            {'finding': 'Mass', 'score_thr': 0.25, 'fallback': None},
            {'finding': 'Nodule/Mass', 'score_thr': 0.3, 'fallback': 'no detections'},
        ],
    }


@pytest.fixture
def written(checkpoint, content):
    path = thresholds_path(checkpoint)
    write_json(path, content)
    return path


def test_the_file_beside_the_checkpoint_is_taken(checkpoint, written):
    chosen = choose_thresholds(str(checkpoint), FINDINGS)
    assert chosen.source == 'calibrated'
    assert chosen.score_thr == {'Mass': 0.25, 'Nodule/Mass': 0.3}
    assert chosen.to_json() == {
        'source': 'calibrated',
        'score_thr': {'Mass': 0.25, 'Nodule/Mass': 0.3},
        'file': 'best.thresholds.json',
        'sha256': file_sha256(written),
        'data': {'file': 'val.json', 'sha256': 'abc', 'split': 'val', 'images': 4},
        'fallback': {'Nodule/Mass': 'no detections'},
        'notes': [],
    }
    # The findings may come in another order: they are matched by name.
    assert choose_thresholds(str(checkpoint), FINDINGS[::-1]).source == 'calibrated'
    assert choose_thresholds(str(checkpoint), None).source == 'calibrated'


def test_without_a_file_the_default_holds(checkpoint):
    chosen = choose_thresholds(str(checkpoint), FINDINGS)
    assert chosen.to_json() == {'source': 'default', 'score_thr': 0.3, 'notes': []}
    assert choose_thresholds(None, FINDINGS).source == 'default'


def test_a_file_can_be_left_aside(checkpoint, written):
    assert choose_thresholds(str(checkpoint), FINDINGS, 'none').source == 'default'


def test_a_named_file_is_taken(checkpoint, written, tmp_path):
    moved = written.rename(tmp_path / 'other name.json')
    chosen = choose_thresholds(str(checkpoint), FINDINGS, str(moved))
    assert (chosen.source, chosen.file) == ('calibrated', moved)


MISFITS = pytest.mark.parametrize(
    ('change', 'text'),
    [
        (
            lambda c: c['checkpoint'].update(sha256='f' * 64),
            r'made for another checkpoint \(sha256 ffffffff\.\.\., but best\.pth has',
        ),
        (
            lambda c: c['thresholds'].pop(),
            'made for the findings Mass, but the config has Mass, Nodule/Mass',
        ),
    ],
    ids=['checkpoint', 'findings'],
)


@MISFITS
def test_a_misfit_is_said_and_the_default_holds(checkpoint, content, change, text):
    change(content)
    write_json(thresholds_path(checkpoint), content)
    chosen = choose_thresholds(str(checkpoint), FINDINGS)
    assert (chosen.source, chosen.score_thr) == ('default', 0.3)
    (note,) = chosen.notes
    with pytest.raises(ValueError, match=text):
        raise ValueError(note)
    assert 'so 0.3 holds for all. Run `mmlung calibrate`' in note


@MISFITS
def test_a_named_misfit_is_refused(checkpoint, content, tmp_path, change, text):
    change(content)
    write_json(tmp_path / 'mine.json', content)
    with pytest.raises(ValueError, match=rf'mine\.json was {text}.*--thresholds none'):
        choose_thresholds(str(checkpoint), FINDINGS, str(tmp_path / 'mine.json'))


def test_an_untrained_network_has_no_thresholds(written):
    with pytest.raises(ValueError, match='of a checkpoint, and the network is untrain'):
        choose_thresholds(None, FINDINGS, str(written))


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
    chosen = choose_thresholds(str(checkpoint), FINDINGS, conditions=conditions)
    assert chosen.source == 'calibrated'
    assert [note in n for n in chosen.notes] == ([True] if note else [])


def test_a_missing_file_is_said(checkpoint, tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r'absent\.json does not.*calibrate CON'
    ):
        choose_thresholds(str(checkpoint), FINDINGS, str(tmp_path / 'absent.json'))


@pytest.mark.parametrize(
    ('change', 'text'),
    [
        (lambda c: c.update(schema='mmlung.metrics/1'), "schema is 'mmlung.metrics/1'"),
        (lambda c: c.pop('schema'), "'schema' is missing"),
        (lambda c: c.pop('data'), "'data' is missing"),
        (lambda c: c['thresholds'][0].pop('score_thr'), "'score_thr' is missing"),
        (lambda c: c['thresholds'][0].update(score_thr=1.5), r'outside \[0, 1\]'),
        (lambda c: c['thresholds'][0].update(score_thr='x'), 'could not convert'),
        (lambda c: c['thresholds'][1].update(finding='Mass'), 'a finding stands there'),
        (lambda c: c.update(thresholds=3), 'not iterable'),
    ],
    ids=['schema', 'no-schema', 'data', 'value', 'range', 'text', 'twice', 'number'],
)
def test_a_damaged_file_is_refused(written, content, change, text):
    change(content)
    write_json(written, content)
    with pytest.raises(ValueError, match=rf'best\.thresholds\.json is no thr.*{text}'):
        read_thresholds(written)


def test_no_json_is_refused(tmp_path):
    path = tmp_path / 'a.json'
    for text in ('{', '[]', json.dumps('x')):
        path.write_text(text)
        with pytest.raises(
            ValueError, match=r'a\.json is no thresholds file of schema'
        ):
            read_thresholds(path)
