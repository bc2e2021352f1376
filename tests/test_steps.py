import json
from pathlib import Path

import pytest

from mmlung.steps import Step
from mmlung.steps import StepFailed
from mmlung.steps import progress
from mmlung.steps import run_steps
from mmlung.steps import seconds_of

LOG_LINE = (
    '11/24 06:20:50 - mmengine - INFO - Epoch(train)  [4][100/109]  base_lr: 3.8e-04 '
    'lr: 3.8e-04  eta: 0:14:09  time: 1.01  data_time: 0.009  grad_norm: 5.9  '
    'loss: 0.8021  loss_rpn_cls: 0.0639'
)


def say(text: str, name: str = 'say') -> Step:
    return Step(name, ('-c', f'print({text!r}); open("ran", "a").write("x")'))


def test_steps_run_in_order_and_keep_their_output(tmp_path, capsys):
    run_steps([say('one', 'first'), say('two', 'second')], tmp_path / 'out', tmp_path)
    shown = capsys.readouterr().out
    assert shown.index('one') < shown.index('two')
    assert (tmp_path / 'out/logs/second.log').read_text() == 'two\n'


def test_a_finished_step_is_not_run_again(tmp_path, capsys):
    for _ in range(2):
        run_steps([say('one')], tmp_path / 'out', tmp_path)
    assert (tmp_path / 'ran').read_text() == 'x'
    assert 'done before' in capsys.readouterr().out


def test_results_of_another_command_are_not_mixed_in(tmp_path):
    run_steps([say('one')], tmp_path / 'out', tmp_path)
    with pytest.raises(ValueError, match=r'holds results of another command.*--out'):
        run_steps([say('other')], tmp_path / 'out', tmp_path)
    assert (tmp_path / 'ran').read_text() == 'x'


def test_what_follows_a_step_that_is_run_again_is_run_again(tmp_path):
    steps = [say('one', 'first'), say('two', 'second')]
    run_steps(steps, tmp_path / 'out', tmp_path)
    (tmp_path / 'out/.done/first.json').unlink()
    run_steps(steps, tmp_path / 'out', tmp_path)
    assert (tmp_path / 'ran').read_text() == 'xxxx'


def test_the_time_of_an_interrupted_try_counts(tmp_path):
    (tmp_path / '.done').mkdir()
    command = 'python -c pass'
    content = {'command': command, 'seconds': 100, 'done': False}
    (tmp_path / '.done/s.json').write_text(json.dumps(content))
    run_steps([Step('s', ('-c', 'pass'))], tmp_path, tmp_path)
    assert seconds_of('s', tmp_path) >= 100


def test_a_failed_step_stops_and_shows_its_last_lines(tmp_path):
    steps = [Step('bad', ('-c', 'print("before"); raise SystemExit(3)')), say('after')]
    with pytest.raises(StepFailed, match=r'(?s)before.*step bad failed.*bad\.log'):
        run_steps(steps, tmp_path / 'out', tmp_path)
    assert not (tmp_path / 'ran').exists()
    with pytest.raises(StepFailed):  # it is tried again
        run_steps(steps, tmp_path / 'out', tmp_path)


def test_a_talkative_step_shows_its_progress_alone(tmp_path, capsys):
    step = Step('train', ('-c', f'print("noise"); print({LOG_LINE!r})'), talkative=True)
    run_steps([step], tmp_path / 'out', tmp_path)
    lines = capsys.readouterr().out.splitlines()
    assert '    train epoch 4, 100 of 109, eta 0:14:09, loss 0.8021' in lines
    assert '    noise' not in lines
    assert 'noise' in (tmp_path / 'out/logs/train.log').read_text()


def test_the_time_of_a_step_is_kept(tmp_path):
    run_steps([say('one')], tmp_path, tmp_path)
    assert seconds_of('say', tmp_path) >= 0
    with pytest.raises(KeyError):
        seconds_of('other', tmp_path)


@pytest.mark.parametrize(
    ('line', 'expected'),
    [
        ('', None),
        ('INFO - paramwise_options -- head.bias:weight_decay=0.0', None),
        (LOG_LINE, 'train epoch 4, 100 of 109, eta 0:14:09, loss 0.8021'),
        (
            'Epoch(val) [2][5/5]    AP40: 0.61  AP50: 0.5',
            'val epoch 2, 5 of 5, AP40 0.61',
        ),
        ('Epoch(test) [9/9]    mAUC: 0.57', 'test, 9 of 9, mAUC 0.57'),
    ],
    ids=['empty', 'noise', 'train', 'val', 'test'],
)
def test_progress(line, expected):
    assert progress(line) == expected


def test_a_path_with_blanks_is_quoted(tmp_path, capsys):
    run_steps([Step('s', ('-c', 'pass', 'a b'))], tmp_path, Path.cwd())
    assert "pass 'a b'" in capsys.readouterr().out
