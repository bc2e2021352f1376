"""A figure that is written whole or not at all."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure


def save_picture(figure: Figure, path: Path) -> None:
    """Write a PNG, its folder made if missing; matplotlib goes by the suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f'.{path.name}')
    figure.savefig(part, format='png')
    part.replace(path)
