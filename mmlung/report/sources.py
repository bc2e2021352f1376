"""The files a report is made from, read and checked against one another."""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmlung.result import FILE_NAME
from mmlung.result import Predictions
from mmlung.result import read_predictions

METRICS_SCHEMA = 'mmlung.metrics/1'
MAPS_SCHEMA = 'mmlung.maps/1'
MAPS_NAME = 'gradcam.json'
MAPS_FOLDER = 'maps'
"""Of a work dir, where maps are looked for."""


@dataclass(frozen=True)
class Maps:
    """What ``mmlung gradcam`` wrote: a folder of figures and their list."""

    folder: Path
    content: Mapping[str, Any]


@dataclass(frozen=True)
class Sources:
    """All that a report may show.

    Attributes:
        work_dir: of the test; the training's logs are looked for there.
        metrics: content of metrics.json.
        predictions: of the same test; None where there is no file.
        maps: None where there are none.
        maps_left_out: why those of the work dir are not shown.
        images_root: folder of the films; None where it is not known.
        with_images: whether films may be embedded at all.
    """

    work_dir: Path
    metrics: Mapping[str, Any]
    predictions: Predictions | None = None
    maps: Maps | None = None
    images_root: Path | None = None
    with_images: bool = True
    maps_left_out: str | None = None

    @property
    def data(self) -> Mapping[str, Any]:
        """What was tested on."""
        return self.metrics['data']

    @property
    def is_detector(self) -> bool:
        """Whether the model gives boxes."""
        return self.metrics['config'].get('default_scope') == 'mmdet'

    @property
    def no_films(self) -> str | None:
        """Why films are not embedded; None where they are."""
        if not self.with_images:
            return 'Films are left out of this report (--no-images).'
        if self.images_root is None:
            return (
                'Films are left out: their folder is not known. Give it with '
                '--images-root DIR.'
            )
        return None


def read_sources(
    work_dir: Path,
    maps: Path | None = None,
    images_root: Path | None = None,
    predictions: Path | None = None,
    with_images: bool = True,
) -> Sources:
    """Read what a test left in its work dir.

    Args:
        work_dir: of ``mmlung test``.
        maps: folder of ``mmlung gradcam``; None takes the work dir's ``maps``, if they
            are there and of the tested checkpoint.
        images_root: folder that the films' names start from; None takes the one that
            the tested annotation file records, if both are still there.
        predictions: another place than the work dir's predictions.json.
        with_images: whether films may be embedded.

    Raises:
        FileNotFoundError: metrics.json, a named file or a named folder is missing.
        ValueError: a file is damaged, of another schema, or of another test.
    """
    metrics = _read_metrics(work_dir)
    if predictions is None and not (work_dir / FILE_NAME).is_file():
        results = None
    else:
        results = _read_predictions(predictions or work_dir)
        _check_same_test(metrics, results)
    if images_root is not None and not images_root.is_dir():
        raise FileNotFoundError(f'images folder {images_root} does not exist')
    root = images_root or _recorded_images_root(work_dir, metrics['data'])
    found, left_out = _find_maps(work_dir, maps, metrics)
    return Sources(work_dir, metrics, results, found, root, with_images, left_out)


def _read_metrics(work_dir: Path) -> dict[str, Any]:
    path = work_dir / 'metrics.json'
    if work_dir.is_file():
        raise ValueError(
            f'{work_dir} is a file: give the work dir of `mmlung test`, a folder'
        )
    if not path.is_file():
        raise FileNotFoundError(
            f'{path} does not exist. `mmlung test CONFIG CHECKPOINT --work-dir '
            f'{work_dir}` writes it.'
        )
    content = _read_json(path, METRICS_SCHEMA)
    missing = [
        key
        for key in ('config', 'checkpoint', 'data', 'metrics', 'per_finding')
        if not isinstance(content.get(key), dict)
    ]
    if missing:
        raise ValueError(f'{path} lacks {", ".join(missing)}: test the model again')
    per_finding = content['per_finding']
    rows = {'metrics': content['metrics']}
    rows |= {f'per_finding {name!r}': row for name, row in per_finding.items()}
    for where, row in rows.items():
        values = row.values() if isinstance(row, dict) else [row]
        wrong = [v for v in values if not isinstance(v, int | float | None)]
        if wrong:
            raise ValueError(
                f'{path} is damaged: {where} must hold numbers, got {wrong[0]!r}. Test '
                'the model again.'
            )
    return content


def _read_predictions(path: Path) -> Predictions:
    try:
        return read_predictions(path)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f'{path} is damaged: an image is not as `mmlung test` writes it '
            f'({error!r}). Test the model again.'
        ) from error


def _find_maps(
    work_dir: Path, folder: Path | None, metrics: Mapping[str, Any]
) -> tuple[Maps | None, str | None]:
    """Maps of the tested checkpoint, or why those in the work dir are left out."""
    if folder is not None:
        return _read_maps(folder, metrics), None
    folder = work_dir / MAPS_FOLDER
    if not (folder / MAPS_NAME).is_file():
        return None, None
    try:
        return _read_maps(folder, metrics), None
    except ValueError as error:  # nobody asked for these: the page says why not
        return None, str(error).replace(str(folder), MAPS_FOLDER)


def _read_maps(folder: Path, metrics: Mapping[str, Any]) -> Maps:
    path = folder / MAPS_NAME
    if not path.is_file():
        raise FileNotFoundError(
            f'{path} does not exist. `mmlung gradcam CONFIG CHECKPOINT IMAGES --out '
            f'{folder}` writes it.'
        )
    content = _read_json(path, MAPS_SCHEMA)
    try:
        for image in content['images']:
            [(image['image'], m['finding'], m['figure']) for m in image['maps']]
    except (KeyError, TypeError) as error:
        raise ValueError(
            f'{path} is damaged: an image is not as `mmlung gradcam` writes it '
            f'({error!r}). Make the maps again.'
        ) from error
    made = (content.get('checkpoint') or {}).get('sha256')
    tested = metrics['checkpoint'].get('sha256')
    if made and tested and made != tested:
        raise ValueError(
            f'{path} was made with another checkpoint (sha256 {made[:12]}) than the '
            f'one that was tested ({tested[:12]}). Make the maps of the tested one.'
        )
    return Maps(folder, content)


def _read_json(path: Path, schema: str) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
    except ValueError as error:  # JSON and UTF-8 alike
        raise ValueError(f'{path} is damaged: {error}') from error
    found = content.get('schema') if isinstance(content, dict) else None
    if found != schema:
        raise ValueError(f'{path} must have the schema {schema!r}, got {found!r}')
    return content


def _check_same_test(metrics: Mapping[str, Any], results: Predictions) -> None:
    for key in ('checkpoint', 'data'):
        ours = metrics[key].get('sha256')
        theirs = (results.head.get(key) or {}).get('sha256')
        if ours != theirs:
            raise ValueError(
                f'{results.path} and metrics.json are of different tests: the sha256 '
                f'of {key} is {_short(theirs)} and {_short(ours)}. Test again, or give '
                'the file that belongs to it with --predictions.'
            )


def _short(sha256: str | None) -> str:
    return 'none' if sha256 is None else sha256[:12]


def _recorded_images_root(work_dir: Path, data: Mapping[str, Any]) -> Path | None:
    """Images folder of the very annotation file that was tested, if it is there.

    The dumped config is read, not run: only its plain ``images_root`` and
    ``data_root`` count.
    """
    for config in sorted(work_dir.glob('*.py')):
        knobs = _plain_strings(config)
        file = Path(knobs.get('data_root', '')) / str(data.get('file'))
        if not file.is_file() or _sha256(file) != data.get('sha256'):
            continue
        content = json.loads(file.read_text(encoding='utf-8'))
        info = content.get('metainfo', content.get('info', {}))
        recorded = knobs.get('images_root') or info.get('images_root')
        folder = None if recorded is None else file.parent / recorded
        if folder is not None and folder.is_dir():
            return folder
    return None


def _plain_strings(config: Path) -> dict[str, str]:
    """Module-level names of a dumped config that stand for a string."""
    try:
        tree = ast.parse(config.read_text(encoding='utf-8'))
    except (SyntaxError, ValueError):  # no config of ours
        return {}
    return {
        statement.targets[0].id: statement.value.value
        for statement in tree.body
        if isinstance(statement, ast.Assign)
        and isinstance(statement.targets[0], ast.Name)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    }


def _sha256(path: Path) -> str:
    with path.open('rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest()
