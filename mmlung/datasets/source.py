"""What both kinds of data set ask of an annotation file before they trust it."""

from __future__ import annotations

import json
import logging
import random
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.logging import print_log

_FILMS_LOOKED_FOR = 100
"""Enough to notice a wrong folder at once, few enough for a network drive."""


def read_annotations(
    path: str | Path, converter: str | None, keys: Sequence[str] = ()
) -> dict[str, Any]:
    """The JSON object that a converter wrote.

    Args:
        path: of the file.
        converter: that writes it.
        keys: what the object must have.

    Raises:
        FileNotFoundError: it is not there; the text names the command that makes it.
        ValueError: it is not JSON, not a JSON object, or lacks a key.
    """
    path = Path(path)
    if not path.is_file():
        command = f'mmlung convert {converter or "DATASET"} --help'
        raise FileNotFoundError(
            f'annotation file {path} does not exist. Convert the data set first '
            f'(`{command}` tells how), or point to it with --cfg-options data_root=DIR.'
        )
    try:
        content = json.loads(path.read_bytes())
    except ValueError as error:
        raise ValueError(
            f'{path} is damaged or no JSON file ({error}). Convert the data set again.'
        ) from error
    if not isinstance(content, dict):
        raise ValueError(
            f'{path} must hold a JSON object, got {type(content).__name__}. '
            'Convert the data set again.'
        )
    if not set(keys) <= set(content):
        raise ValueError(
            f'{path} must have the keys {", ".join(keys)}, got '
            f'{", ".join(content) or "none"}. Is it the file of another task?'
        )
    return content


def images_folder(
    info: Mapping[str, Any], ann_file: str | Path, images_root: str | None
) -> Path:
    """Folder that the file names of an annotation file are relative to.

    Args:
        info: the file's head, which records ``images_root``.
        ann_file: where the file lies; a relative folder starts there.
        images_root: the user's own folder, which wins when given.

    Raises:
        FileNotFoundError: the folder is not there.
        ValueError: neither the file nor the user names one.
    """
    recorded = images_root or info.get('images_root')
    if not recorded:
        raise ValueError(
            f'{ann_file} records no images_root. Give the images folder with '
            '--cfg-options images_root=DIR.'
        )
    folder = Path(recorded)
    if not images_root:
        folder = Path(ann_file).parent / folder
    if not folder.is_dir():
        raise FileNotFoundError(
            f'images folder {folder} (from {ann_file}) does not exist. If the films '
            'lie elsewhere, pass --cfg-options images_root=DIR.'
        )
    return folder


def check_films(paths: Sequence[str], ann_file: str | Path) -> None:
    """Look for 100 films, drawn at random but always the same ones.

    Raises:
        ValueError: there is no film at all.
        FileNotFoundError: some are missing; the text counts them and names the first.
    """
    if not paths:
        raise ValueError(
            f'{ann_file} lists no films. Convert again with a larger --val-fraction or '
            '--test-fraction; tools/train.py --no-validate needs no val.json.'
        )
    drawn = random.Random(0).sample(list(paths), min(_FILMS_LOOKED_FOR, len(paths)))
    missing = [path for path in drawn if not Path(path).is_file()]
    if missing:
        raise FileNotFoundError(
            f'{len(missing)} of {len(drawn)} films of {ann_file} that were looked for '
            f'do not exist, first {missing[0]}. If the films lie elsewhere, pass '
            '--cfg-options images_root=DIR; if the download is incomplete, finish it.'
        )


def check_findings(
    wanted: Sequence[str], offered: Sequence[str], ann_file: str | Path
) -> list[str]:
    """Findings of the file that the model does not have, to be left out.

    Raises:
        ValueError: the model has a finding that the file does not label.
    """
    unlabelled = [name for name in wanted if name not in offered]
    if unlabelled:
        raise ValueError(
            f'the model has findings that {ann_file} does not label: '
            f'{", ".join(unlabelled)}. It labels: {", ".join(offered)}. Set the '
            'knob `findings` to a part of those.'
        )
    return [name for name in offered if name not in wanted]


def say(message: str) -> None:
    """Log what a user should know about the data."""
    print_log(message, logger='current', level=logging.INFO)
