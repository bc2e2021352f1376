"""Every map of a set of films scored, line by line into a file that can be resumed."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from mmlung.cam_benchmark.films import BoxedFilm
from mmlung.evaluation.cam_boxes import BoxRule
from mmlung.evaluation.cam_score import MapScore
from mmlung.evaluation.cam_score import score_map
from mmlung.result import without_nan

MapOf = Callable[[BoxedFilm, str], np.ndarray]
"""(film, finding) -> (H, W) map aligned to the film."""


def score_films(
    films: Sequence[BoxedFilm],
    findings: Sequence[str],
    map_of: MapOf,
    store: Path,
    settings: Mapping[str, Any],
    rule: BoxRule,
    tolerance_px: float = 0.0,
) -> Iterator[MapScore]:
    """Score the map of each boxed finding of each film, and keep what is done.

    Args:
        films: with boxes.
        findings: boxes of others are left out.
        map_of: makes a map; asked only for what the store does not hold.
        store: JSON lines: the settings, then a line a map. What another setting wrote
            is replaced; a last line that was cut short is made again.
        settings: what the scores depend on, such as checkpoint and method.
        rule: how boxes are read from a map.
        tolerance_px: of the pointing game.

    Yields:
        One score a map, in the order of the films.
    """
    head = {**settings, **asdict(rule), 'tolerance_px': tolerance_px}
    done = _read(store, head)
    with store.open('a', encoding='utf-8', newline='\n') as lines:
        for film in films:
            for finding in (name for name in findings if name in film.boxes):
                score = done.get((film.name, finding))
                if score is None:
                    score = score_map(
                        map_of(film, finding),
                        film.boxes[finding],
                        finding,
                        film.cluster,
                        rule,
                        tolerance_px,
                    )
                    line = {'film': film.name, **without_nan(asdict(score))}
                    lines.write(json.dumps(line) + '\n')
                    lines.flush()
                yield score


def films_sha256(films: Sequence[BoxedFilm]) -> str:
    """Digest of all that scores take from films: path, size, patient and boxes."""
    facts = [
        (
            film.name,
            str(film.path.resolve()),
            film.size_hw,
            film.cluster,
            {finding: boxes.tolist() for finding, boxes in film.boxes.items()},
        )
        for film in films
    ]
    text = json.dumps(facts, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _read(store: Path, head: dict[str, Any]) -> dict[tuple[str, str], MapScore]:
    """What is done, if with these settings; the store is left ready to go on."""
    store.parent.mkdir(parents=True, exist_ok=True)
    text = store.read_text(encoding='utf-8') if store.is_file() else ''
    lines = text.split('\n')[:-1]  # what stands after the last line break was cut short
    if not lines or json.loads(lines[0]) != head:
        lines = [json.dumps(head)]
    part = store.with_name(f'{store.name}.part')
    part.write_text('\n'.join(lines) + '\n', encoding='utf-8', newline='\n')
    os.replace(part, store)  # noqa: PTH105 - the atomic form on every system
    rows = [json.loads(line) for line in lines[1:]]
    return {(row['film'], row['finding']): _score_of(row) for row in rows}


def _score_of(row: dict[str, Any]) -> MapScore:
    values = {key: value for key, value in row.items() if key != 'film'}
    if values['energy'] is None:
        values['energy'] = float('nan')
    return MapScore(**{**values, 'chance': tuple(values['chance'])})
