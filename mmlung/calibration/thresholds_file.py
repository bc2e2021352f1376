"""A detector's thresholds beside a checkpoint: the file, and whether it fits."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Any

from mmlung.checkpoint import file_sha256
from mmlung.evaluation.thresholds import FALLBACK

SCHEMA = 'mmlung.thresholds/1'
AUTO = 'auto'
"""Take the file beside the checkpoint when it fits."""
NO_FILE = 'none'
"""Take no file."""

TAKE_AGAIN = 'Run `mmlung calibrate` on this checkpoint again'


@dataclass(frozen=True)
class Thresholds:
    """The score thresholds that a test uses, and where they come from."""

    source: str
    """'calibrated', 'config' or 'default'."""
    score_thr: float | dict[str, float]
    """One for all findings, or one per finding."""
    file: Path | None = None
    content: Mapping[str, Any] | None = None
    """Of the file, when they are calibrated."""
    notes: tuple[str, ...] = field(default=())
    """What a reader of the numbers should know."""

    def to_json(self) -> dict[str, Any]:
        """For metrics.json and predictions.json."""
        head: dict[str, Any] = {'source': self.source, 'score_thr': self.score_thr}
        if self.content is not None and self.file is not None:
            head['file'] = self.file.name
            head['sha256'] = file_sha256(self.file)
            head['data'] = self.content['data']
            head['fallback'] = {
                row['finding']: row['fallback']
                for row in self.content['thresholds']
                if row['fallback']
            }
        return head | {'notes': list(self.notes)}


def thresholds_path(checkpoint: str | Path) -> Path:
    """File of a checkpoint's thresholds.

    >>> thresholds_path('work_dirs/swin_vindr/best.pth').name
    'best.thresholds.json'
    """
    return Path(checkpoint).with_suffix('.thresholds.json')


def read_thresholds(path: str | Path) -> dict[str, Any]:
    """Content of a file that ``tools/calibrate.py`` wrote.

    Raises:
        FileNotFoundError: it is not there.
        ValueError: it is no such file, or of another schema.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f'thresholds file {path} does not exist. `mmlung calibrate CONFIG '
            'CHECKPOINT` writes one beside the checkpoint.'
        )
    try:
        content = json.loads(path.read_bytes())
        if content['schema'] != SCHEMA:
            raise ValueError(f'its schema is {content["schema"]!r}')
        values = [float(row['score_thr']) for row in content['thresholds']]
        names = [row['finding'] for row in content['thresholds']]
        for row in content['thresholds']:
            row.setdefault('fallback', None)
        if not all(math.isfinite(v) and 0 <= v <= 1 for v in values):
            raise ValueError('a threshold lies outside [0, 1]')
        if len(set(names)) < len(names):
            raise ValueError('a finding stands there twice')
        str(content['checkpoint']['sha256'])
        str(content['data']['file'])
    except (KeyError, TypeError, ValueError) as error:
        what = f'{error} is missing' if isinstance(error, KeyError) else str(error)
        raise ValueError(
            f'{path} is no thresholds file of schema {SCHEMA} ({what}). {TAKE_AGAIN}.'
        ) from error
    return content


def choose_thresholds(
    checkpoint: str | None,
    findings: Sequence[str] | None,
    wanted: str = AUTO,
    conditions: Mapping[str, Any] | None = None,
) -> Thresholds:
    """The thresholds to test a checkpoint at.

    Args:
        checkpoint: its file; None for an untrained network.
        findings: of the model; None: not known, so not compared.
        wanted: ``'auto'``, ``'none'``, or a file, which must fit.
        conditions: how the model runs now (``img_size``, ``tta``); where the file was
            made otherwise, a note says so.

    Returns:
        The calibrated ones. Where there are none, or with ``'auto'`` the file beside
        the checkpoint does not fit (a note says why), the default for all findings.

    Raises:
        FileNotFoundError: the wanted file is not there.
        ValueError: the wanted file is of another checkpoint or other findings, or a
            file is damaged.
    """
    default = Thresholds('default', FALLBACK)
    if wanted == NO_FILE or (wanted == AUTO and checkpoint is None):
        return default
    path = thresholds_path(checkpoint or '') if wanted == AUTO else Path(wanted)
    if wanted == AUTO and not path.is_file():
        return default
    content = read_thresholds(path)
    names = [row['finding'] for row in content['thresholds']]
    # A note goes into metrics.json, which does not say where on a disk things are.
    shown = path.name if wanted == AUTO else str(path)
    wrong = misfit(shown, content, names, checkpoint, findings)
    if wrong and wanted != AUTO:
        raise ValueError(f'{wrong}. {TAKE_AGAIN}, or pass --thresholds none.')
    if wrong:
        note = f'{wrong}, so {FALLBACK} holds for all. {TAKE_AGAIN}.'
        return Thresholds('default', FALLBACK, notes=(note,))
    score_thr = {row['finding']: row['score_thr'] for row in content['thresholds']}
    notes = notes_on_conditions(path, content, conditions or {})
    return Thresholds('calibrated', score_thr, path, content, notes)


def notes_on_conditions(
    path: Path, content: Mapping[str, Any], conditions: Mapping[str, Any]
) -> tuple[str, ...]:
    """What differs between the making of a file and the test that uses it."""
    made_with = {**content.get('config', {}), **content}
    return tuple(
        f'{path.name} was made with {key} = {made_with.get(key)}, '
        f'and the test runs with {value}'
        for key, value in conditions.items()
        if made_with.get(key) != value
    )


def misfit(
    shown: str,
    content: Mapping[str, Any],
    names: Sequence[str],
    checkpoint: str | None,
    findings: Sequence[str] | None,
) -> str | None:
    """Why a calibrated file cannot be used for a checkpoint; None when it can.

    Args:
        shown: what the file is called in the text.
        content: of the file.
        names: its findings.
        checkpoint: that is tested; None for an untrained network.
        findings: of the model; None: not known, so not compared.
    """
    if checkpoint is None:
        return f'{shown} is of a checkpoint, and the network is untrained'
    made_for, now = content['checkpoint']['sha256'], file_sha256(checkpoint)
    if made_for != now:
        return (
            f'{shown} was made for another checkpoint (sha256 {made_for[:8]}..., but '
            f'{Path(checkpoint).name} has {now[:8]}...)'
        )
    if findings is not None and set(names) != set(findings):
        return (
            f'{shown} was made for the findings {", ".join(names)}, but the config has '
            f'{", ".join(findings)}'
        )
    return None
