"""Checkpoints without pickle: fetch, load, save, and say what a file is.

mmengine's allow-list for ``weights_only`` contains ``getattr``, and it falls back to
full pickle when a file does not load; so a downloaded checkpoint can run code. Here a
file loads with tensors, plain containers and NumPy scalars only.
"""

from __future__ import annotations

import hashlib
import re
import warnings
from http.client import HTTPException
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader
from mmengine.runner import load_state_dict

from mmlung.registry import HOOKS

_UPSTREAM = 'https://download.openmmlab.com/'
_scalar = np.float64(0).__reduce__()[0]  # NumPy's own constructor of scalars
_NUMPY_SCALARS: list[Any] = [
    np.dtype,
    # Under the names that NumPy 1 and 2 write, whichever of them reads.
    (_scalar, 'numpy.core.multiarray.scalar'),
    (_scalar, 'numpy._core.multiarray.scalar'),
    *(type(np.dtype(kind)) for kind in ('f4', 'f8', 'i4', 'i8', 'u1', '?')),
]

_HISTORY = 'log_history'
"""Where our checkpoints keep the logger's last values: {name: [values, counts]}."""

_trusted: set[Path] = set()
"""Upstream's releases whose name pins their digest, and what a user vouches for."""


def load_checkpoint(path: str | Path, map_location: Any = 'cpu') -> dict:
    """Checkpoint as a dictionary, loaded without pickle.

    A bare state dict, as ``torch.save(model.state_dict(), FILE)`` leaves it, comes as
    ``state_dict`` of a checkpoint: what hooks such as mmengine's EMAHook look for.

    Upstream's own releases, fetched by :func:`fetch` under a name that pins their
    digest, and files given to :func:`trust` are the exceptions: they may hold more than
    weights.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file needs pickle to load, or is no checkpoint.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(
            f'checkpoint {path} does not exist. Train one with tools/train.py, or name '
            'a file that exists.'
        )
    try:
        checkpoint = _load_plain(path, map_location)
    except (OSError, MemoryError):
        raise
    except Exception as error:  # what a damaged file raises can be anything
        if path.resolve() not in _trusted:
            raise ValueError(
                f'checkpoint {path} was not loaded: it is damaged, or holds more than '
                f'weights and could run code on this machine ({_cause(error)}). '
                'Take one that tools/train.py wrote; if you know where this one '
                'comes from, --trust-checkpoint FILE loads it all the same.'
            ) from error
        checkpoint = torch.load(path, map_location=map_location, weights_only=False)
    if not isinstance(checkpoint, dict):
        raise ValueError(
            f'{path} is no checkpoint: it must hold a dictionary, got '
            f'{type(checkpoint).__name__}. Take one that tools/train.py wrote.'
        )
    if checkpoint and all(isinstance(v, torch.Tensor) for v in checkpoint.values()):
        return {'state_dict': checkpoint}
    return checkpoint


def fill_network(model: torch.nn.Module, path: str | Path) -> None:
    """Give a network the weights of a checkpoint: all of them, and all that it has.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the checkpoint is of another network, holds NaN, or needs pickle.
    """
    content = load_checkpoint(path)
    try:
        load_state_dict(model, content.get('state_dict', {}), strict=True)
    except RuntimeError as error:
        raise misfit(path, error) from error
    wrong = [name for name, value in model.state_dict().items() if value.isnan().any()]
    if wrong:
        raise ValueError(
            f'{path} holds NaN in {len(wrong)} tensors, first {wrong[0]}: the '
            'training diverged. Take an earlier checkpoint.'
        )


def misfit(path: str | Path, error: Exception) -> ValueError:
    """What to tell of a checkpoint whose tensors are not those of the network."""
    return ValueError(
        f'{path} does not fit the network of the config; use the config that it was '
        f'trained with. {" ".join(str(error).split())[:300]}'
    )


def trust(path: str | Path) -> None:
    """Let a file load with pickle, which can run any code: its origin must be known."""
    _trusted.add(Path(path).expanduser().resolve())


def _load_plain(path: Path, map_location: Any) -> Any:
    """Load with NumPy's scalars alone on torch's list of what is allowed."""
    allowed = torch.serialization.get_safe_globals()
    torch.serialization.clear_safe_globals()
    try:
        with (
            torch.serialization.safe_globals(_NUMPY_SCALARS),
            warnings.catch_warnings(),
        ):
            warnings.filterwarnings('ignore', 'Detected pickle protocol')
            return torch.load(path, map_location=map_location, weights_only=True)
    finally:
        torch.serialization.clear_safe_globals()
        torch.serialization.add_safe_globals(allowed)


def use_safe_loading() -> None:
    """Make mmengine load files and URLs through :func:`load_checkpoint`."""
    for prefixes, loader in (
        ('', _load_from_local_without_pickle),
        (('http://', 'https://'), _load_from_http_without_pickle),
    ):
        CheckpointLoader.register_scheme(prefixes=prefixes, loader=loader, force=True)


def _load_from_local_without_pickle(filename: str, map_location: Any = None) -> dict:
    return load_checkpoint(filename, map_location)


def _load_from_http_without_pickle(filename: str, map_location: Any = None) -> dict:
    return load_checkpoint(fetch(filename), map_location)


def _cause(error: Exception) -> str:
    """What torch objected to, out of a page of advice to switch the check off."""
    text = str(error)
    if asked := re.search(r'GLOBAL ([\w.]+)', text):
        return f'it asks for {asked.group(1)}'
    detail = re.search(r'WeightsUnpickler error:\s*([^\n]+)', text)
    line = detail.group(1) if detail else text.partition('\n')[0].partition('. ')[0]
    return f'{type(error).__name__}: {line[:120]}'


def fetch(url_or_path: str) -> Path:
    """Local file of a checkpoint; a URL is downloaded once into torch's cache.

    Raises:
        FileNotFoundError: the local file does not exist.
        ConnectionError: the download failed; the text says how to go on without it.
    """
    if not re.match(r'https?://', url_or_path):
        path = Path(url_or_path).expanduser()
        if not path.is_file():
            raise FileNotFoundError(
                f'init_checkpoint {path} does not exist. Name a file that does, or '
                'train from scratch with --cfg-options init_checkpoint=None.'
            )
        return path
    name = url_or_path.rsplit('/', 1)[-1]
    cached = Path(torch.hub.get_dir()) / 'checkpoints' / name
    pinned = re.search(r'-([0-9a-f]{8})\.pth$', name)
    digest = pinned.group(1) if pinned else None
    if not (cached.is_file() and file_sha256(cached).startswith(digest or '')):
        _download(url_or_path, cached, digest)
    if digest and url_or_path.startswith(_UPSTREAM):
        trust(cached)
    return cached


def _download(url: str, cached: Path, digest: str | None) -> None:
    cached.parent.mkdir(parents=True, exist_ok=True)
    try:
        torch.hub.download_url_to_file(url, str(cached), digest)
    except (OSError, RuntimeError, HTTPException) as error:
        raise ConnectionError(
            f'the pretrained weights {url} could not be downloaded '
            f'({str(error).partition(chr(10))[0]}). Without a network, download them '
            'elsewhere and pass --cfg-options init_checkpoint=FILE, or train from '
            'scratch with --cfg-options init_checkpoint=None.'
        ) from error


def file_sha256(path: str | Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes."""
    with Path(path).open('rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest()


@HOOKS.register_module()
class PlainCheckpointHook(Hook):
    """Write the logger's history as plain numbers, so that a checkpoint loads safely.

    Only the last values go into the file, as many as the log's smoothing looks back
    on (``log_processor.window_size``): a resumed run logs what the first would have.
    """

    def before_save_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        """Called by the runner with the dictionary that it is about to write."""
        histories = checkpoint['message_hub']['log_scalars']
        window = runner.log_processor.window_size
        checkpoint[_HISTORY] = {
            name: [column[-window:].tolist() for column in history.data]
            for name, history in histories.items()
        }
        checkpoint['message_hub']['log_scalars'] = {}

    def after_load_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        """Give the logger its history back, if the runner goes on to resume."""
        histories = checkpoint.get(_HISTORY, {})
        if histories:
            checkpoint['message_hub']['log_scalars'] = {
                name: HistoryBuffer(*columns) for name, columns in histories.items()
            }
