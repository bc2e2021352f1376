"""Films that were drawn, not taken of anybody: known by a file beside them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

MARKER = 'SYNTHETIC.txt'
"""What ``mmlung phantom`` leaves in every folder that it fills."""

_LEVELS = 2  # how far above a folder the marker may lie: beside train/, say


def is_synthetic(paths: Iterable[Path]) -> bool:
    """Whether the marker lies in the folder of a path, or up to two levels above it."""
    for path in {path.absolute() for path in paths}:
        folder = path.parent if path.is_file() else path
        if any((f / MARKER).is_file() for f in (folder, *folder.parents[:_LEVELS])):
            return True
    return False
