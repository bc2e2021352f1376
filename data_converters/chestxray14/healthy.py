"""Healthy films of ChestX-ray14 to go with those that have boxes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np

from data_converters.report import Report

from .labels import FilmRow


def choose_healthy(
    candidates: Mapping[str, FilmRow], number: int, seed: int, report: Report
) -> list[str]:
    """Stems of ``number`` 'No Finding' films, of as many patients as possible.

    Args:
        candidates: stem -> row of the films that may be taken.
        number: how many; 0 for none.
        seed: of the choice.
        report: is warned when there are fewer.
    """
    healthy = sorted(stem for stem, row in candidates.items() if row.healthy)
    if len(healthy) < number:
        report.warn(
            f'{len(healthy):,} healthy films are there, --healthy asks {number:,}'
        )
    shuffled = np.random.default_rng(seed).permutation(healthy).tolist()
    met: Counter[str] = Counter()
    turn = {}  # a patient's second film comes after every patient's first
    for stem in shuffled:
        turn[stem] = met[candidates[stem].patient_id]
        met[candidates[stem].patient_id] += 1
    return sorted(shuffled, key=turn.__getitem__)[:number]
