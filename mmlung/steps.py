"""Run commands one after another: resumable, with their progress in view."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_PROGRESS = re.compile(
    r'Epoch\((?P<mode>train|val|test)\)\s+(?:\[(?P<epoch>\d+)\])?'
    r'\[\s*(?P<done>\d+)/(?P<total>\d+)\]'
)
_SHOWN = ('eta', 'loss', 'AP40', 'mIoU', 'mAUC')
_LAST_LINES = 15


@dataclass(frozen=True)
class Step:
    """One command of a longer work.

    Attributes:
        name: unique, without blanks; the log is named after it.
        argv: what follows the Python interpreter.
        talkative: a training or test, of whose output only the progress is shown.
    """

    name: str
    argv: tuple[str, ...]
    talkative: bool = False


class StepFailed(RuntimeError):  # noqa: N818 - reads as what happened
    """A command did not end well; the text has its last lines."""


def run_steps(steps: Sequence[Step], work_dir: Path, cwd: Path) -> None:
    """Run the steps that are not done yet, in order.

    A step that ended well leaves a mark with its command line and is not run again,
    unless a step before it was. Whole outputs are kept in ``work_dir/logs``.

    Raises:
        ValueError: the folder holds results of other commands, which would be mixed
            with those of these steps.
        StepFailed: a command returned anything but 0; later steps were not run.
    """
    marks = work_dir / '.done'
    commands = [shlex.join(('python', *step.argv)) for step in steps]
    for step, command in zip(steps, commands, strict=True):
        before = _read(marks / f'{step.name}.json').get('command', command)
        if before != command:
            raise ValueError(
                f'{work_dir} holds results of another command ({before}). Name another '
                'folder with --out, or delete this one.'
            )
    marks.mkdir(parents=True, exist_ok=True)
    (work_dir / 'logs').mkdir(exist_ok=True)
    all_before = True
    for number, (step, command) in enumerate(
        zip(steps, commands, strict=True), start=1
    ):
        print(f'\n[{number}/{len(steps)}] {command}', flush=True)
        mark = marks / f'{step.name}.json'
        if all_before and _read(mark).get('done'):
            print(f'    done before (delete {mark} to do it again)')
            continue
        all_before = False
        seconds = _timed(
            step, command, mark, work_dir / 'logs' / f'{step.name}.log', cwd
        )
        print(f'    {seconds} s', flush=True)


def _timed(step: Step, command: str, mark: Path, log: Path, cwd: Path) -> int:
    """Run a step; seconds of an interrupted try count as well, when it is taken up."""
    earlier = _read(mark)
    spent = 0 if earlier.get('done') else earlier.get('seconds', 0)
    start, done = time.monotonic(), False
    try:
        _run(step, log, cwd)
        done = True
    finally:
        spent += round(time.monotonic() - start)
        content = {'command': command, 'seconds': spent, 'done': done}
        mark.write_text(json.dumps(content), encoding='utf-8')
    return spent


def seconds_of(step_name: str, work_dir: Path) -> int:
    """How long a step took, interrupted tries included, in seconds of wall time.

    Raises:
        KeyError: the step was not run in this folder.
    """
    return _read(work_dir / '.done' / f'{step_name}.json')['seconds']


def _read(mark: Path) -> dict:
    return json.loads(mark.read_text('utf-8')) if mark.is_file() else {}


def _run(step: Step, log: Path, cwd: Path) -> None:
    environment = {
        'PYTHONUNBUFFERED': '1',
        'TQDM_MININTERVAL': '5',  # each update of a progress bar is a line here
        **os.environ,
    }
    with (
        log.open('w', buffering=1, encoding='utf-8') as file,
        subprocess.Popen(
            [sys.executable, *step.argv],
            cwd=cwd,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors='replace',
        ) as process,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            file.write(line)
            shown = progress(line) if step.talkative else line.rstrip()
            if shown:
                print(f'    {shown}', flush=True)
    if process.returncode != 0:
        last = log.read_text(encoding='utf-8').splitlines()[-_LAST_LINES:]
        raise StepFailed(
            '\n'.join([*last, f'step {step.name} failed; its whole output is in {log}'])
        )


def progress(line: str) -> str | None:
    """Short form of a progress line of mmengine's log; None for any other line.

    >>> progress('Epoch(train)  [1][ 20/109]  lr: 2e-4  eta: 0:24:24  loss: 2.24')
    'train epoch 1, 20 of 109, eta 0:24:24, loss 2.24'
    """
    match = _PROGRESS.search(line)
    if match is None:
        return None
    epoch = f' epoch {match["epoch"]}' if match['epoch'] else ''
    parts = [f'{match["mode"]}{epoch}', f'{match["done"]} of {match["total"]}']
    for key in _SHOWN:
        value = re.search(rf'(?<!\S){key}: (\S+)', line)
        if value:
            parts.append(f'{key} {value[1]}')
    return ', '.join(parts)
