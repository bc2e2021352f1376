"""Files that are written whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file, its folder made if missing; lines end in a newline."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f'{path.name}.part')
    part.write_text(text, encoding='utf-8', newline='\n')
    os.replace(part, path)  # noqa: PTH105 - the atomic form on every system


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file.

    Raises:
        ValueError: the content holds NaN or infinity, which JSON does not have.
    """
    text = json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False)
    write_text(path, text + '\n')
