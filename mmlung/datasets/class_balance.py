"""Every film in an epoch, those with rare findings more than once."""

from __future__ import annotations

from typing import Any

import numpy as np

from mmlung.datasets.sampling import DrawnSampler
from mmlung.datasets.sampling import draw_epoch
from mmlung.datasets.sampling import repeat_factors
from mmlung.datasets.source import say
from mmlung.registry import DATA_SAMPLERS


@DATA_SAMPLERS.register_module()
class ClassBalancedSampler(DrawnSampler):
    """Shuffled films, those with rare findings repeated, redrawn each epoch.

    A film comes ``floor`` or ``ceil`` of its repeat factor times in an epoch (see
    :func:`repeat_factors`); one without findings comes once. An unknown label counts as
    none: it neither makes a finding common nor a film wanted.

    Args:
        dataset: gives ``get_data_info(index)`` with ``gt_score``, (C,) 1 present,
            0 absent, NaN unknown.
        oversample_thr: share of the films with findings below which a finding is rare.
        seed: the same in all processes; None draws one and shares it.

    Raises:
        ValueError: ``oversample_thr`` is out of range, the data set has no labels, or
            there are more processes than films.
    """

    def __init__(
        self, dataset: Any, oversample_thr: float = 0.1, seed: int | None = None
    ) -> None:
        if not 0 <= oversample_thr <= 1:
            raise ValueError(f'oversample_thr must lie in [0, 1], got {oversample_thr}')
        super().__init__(dataset, seed)
        self.repeats = repeat_factors(_present(dataset), oversample_thr)
        n_shown = self._share_out()
        say(
            f'an epoch shows {n_shown} films, drawn from {len(self.repeats)}; those '
            f'with rare findings come up to {self.repeats.max():.1f} times'
        )

    def _draw(self) -> np.ndarray:
        nothing_apart = np.zeros(len(self.repeats), dtype=bool)
        return draw_epoch(nothing_apart, self.repeats, None, self.seed, self.epoch)


def _present(dataset: Any) -> list[set[int]]:
    """Findings that each film is known to have, by number."""
    infos = [dataset.get_data_info(index) for index in range(len(dataset))]
    if not infos or any('gt_score' not in info for info in infos):
        raise ValueError(
            'ClassBalancedSampler needs films with gt_score, got '
            f'{len(infos)} of {type(dataset).__name__}. Use DefaultSampler or, for '
            'boxes, mmlung.HealthyRatioSampler.'
        )
    return [set(np.flatnonzero(info['gt_score'] == 1).tolist()) for info in infos]
