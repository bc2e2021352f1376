"""What reading films costs while the network computes: the second table of predict.py.

Processor time stands beside wall time, as a busy machine makes processes wait.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np

from mmlung.inferencer import FilmSource
from mmlung.inferencer import Inferencer
from mmlung.inferencer import films_of
from mmlung.inferencer.decoding import prepared_films
from mmlung.phantom.dicom_film import encode_dicom


@dataclass(frozen=True)
class Cost:
    """Seconds of a piece of work."""

    wall: float
    own: float
    """Of this process on a processor."""
    workers: float
    """Of the processes that it started and that have ended."""


def cost_of(work: Callable[[], Any]) -> tuple[Cost, Any]:
    """What a piece of work costs, and what it gives."""
    before = (time.perf_counter(), *_processor_seconds())
    value = work()
    after = (time.perf_counter(), *_processor_seconds())
    return Cost(*(b - a for a, b in zip(before, after, strict=True))), value


def _processor_seconds() -> tuple[float, float]:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time(), children.ru_utime + children.ru_stime


def overlap(
    inferencer: Inferencer, films: Sequence[FilmSource], batch_size: int, workers: int
) -> dict[str, Cost]:
    """Cost of the network alone, of the reading alone, and of the whole run."""
    batches = [films[i : i + batch_size] for i in range(0, len(films), batch_size)]
    reading, prepared = cost_of(
        lambda: [
            list(prepared_films(b, inferencer._prepare, 0, batch_size)) for b in batches
        ]
    )
    network, _ = cost_of(lambda: [inferencer._predict(b) for b in prepared])
    whole, _ = cost_of(lambda: list(inferencer(films, batch_size, workers)))
    return {'network': network, 'reading': reading, 'whole': whole}


def larger(network: float, reading: float, workers: int) -> float:
    """What no run can undercut: the network, or the reading by so many workers."""
    return max(network, reading / workers)


def overlap_table(rounds: Sequence[Mapping[str, Cost]], workers: int) -> str:
    """The second table: wall time, and what each process computes of it."""
    lines = [
        '| seconds | network alone | reading alone | workers | whole run | '
        'whole / larger |',
        '|---|---|---|---|---|---|',
    ]
    spent: dict[str, Callable[[Cost], float]] = {
        'wall': lambda cost: cost.wall,
        'processor, the busiest process': lambda cost: larger(
            cost.own, cost.workers, workers
        ),
    }
    for name, of in spent.items():
        seen = [{part: of(cost) for part, cost in r.items()} for r in rounds]
        ratios = [
            s['whole'] / larger(s['network'], s['reading'], workers) for s in seen
        ]
        network, reading, whole = (
            median(s[part] for s in seen) for part in ('network', 'reading', 'whole')
        )
        lines.append(
            f'| {name} | {network:.1f} | {reading:.1f} | {workers} | {whole:.1f} | '
            f'{median(ratios):.2f} |'
        )
    return '\n'.join(lines)


def as_large_dicom(
    films: Sequence[FilmSource], size_px: int, folder: Path
) -> list[FilmSource]:
    """The films enlarged to a longer side of ``size_px`` and written as DICOM."""
    rng = np.random.default_rng(0)
    for number, film in enumerate(films):
        pixels = film.read()[0].pixels
        scale = size_px / max(pixels.shape)
        large = cv2.resize(
            pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC
        )
        data = encode_dicom(large / np.float32(255), rng, f'benchmark-{number}')
        (folder / f'{number:04d}.dcm').write_bytes(data)
    return list(films_of(folder))
