"""Which films an epoch shows: few of the many healthy, more of the rare findings."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.dist import get_dist_info
from mmengine.dist import sync_random_seed
from torch.utils.data import Sampler

from mmlung.datasets.source import say
from mmlung.registry import DATA_SAMPLERS

_HEALTHY_STREAM = 1
"""Keeps the draw of healthy films apart from that of the others, under one seed."""


def repeat_factors(
    findings_of: Sequence[Collection[int]], oversample_thr: float
) -> np.ndarray:
    """(N,) how often an epoch should show each film, so that rare findings are seen.

    A finding c on a share f(c) of the films with findings asks for
    ``max(1, sqrt(oversample_thr / f(c)))``; a film takes the largest of its findings'.

    Args:
        findings_of: labels of each film's boxes; empty for a healthy film, which counts
            neither here (its factor is 1) nor in f(c).
        oversample_thr: share below which a finding is rare; 0 repeats nothing.

    Source: Gupta et al. 2019, doi:10.1109/CVPR.2019.00550 (LVIS), where f(c) is a share
    of all images: here the share of healthy films is a choice of its own.

    >>> repeat_factors([{0}, {0}, {0}, {0, 1}, set()], oversample_thr=1.0).tolist()
    [1.0, 1.0, 1.0, 2.0, 1.0]
    """
    labels = [label for film in findings_of for label in set(film)]
    n_films = sum(bool(film) for film in findings_of)
    present, counts = np.unique(np.array(labels, dtype=int), return_counts=True)
    wanted = np.maximum(1, np.sqrt(oversample_thr * n_films / np.maximum(counts, 1)))
    factor_of = dict(zip(present.tolist(), wanted.tolist(), strict=True))
    return np.array(
        [max((factor_of[label] for label in film), default=1.0) for film in findings_of]
    )


def draw_epoch(
    is_healthy: np.ndarray,
    repeats: np.ndarray,
    healthy_per_abnormal: float | None,
    seed: int,
    epoch: int,
) -> np.ndarray:
    """Indices of the films that an epoch shows, in the order in which it shows them.

    Every abnormal film comes ``floor`` or ``ceil`` of its repeats times, on average
    that often (less one draw in all); the healthy ones take turns, so none comes again
    before all have been shown. The number of films is the same in every epoch.

    Args:
        is_healthy: (N,) bool.
        repeats: (N,) at least 1; those of healthy films do not count.
        healthy_per_abnormal: healthy films for each abnormal one shown; None shows all.
        seed: of the training.
        epoch: from 0.
    """
    abnormal = np.flatnonzero(~is_healthy)
    healthy = np.flatnonzero(is_healthy)
    rng = np.random.default_rng((seed, epoch))
    drawn = abnormal[_draw_repeats(repeats[abnormal], rng)]
    n_healthy = len(healthy)
    if healthy_per_abnormal is not None and n_healthy:
        n_healthy = round(healthy_per_abnormal * len(drawn))
    taken = healthy[_take_turns(len(healthy), n_healthy, seed, epoch)]
    return rng.permutation(np.concatenate([drawn, taken]))


def _draw_repeats(repeats: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Positions, each floor or ceil of its repeats times; their number is fixed.

    The fractions are drawn by systematic sampling: a comb with one random offset over
    their sum, in random order so that neighbours are not tied together. The comb has a
    tooth for each whole of the sum, so it is never finer than a fraction.
    """
    whole = np.floor(repeats).astype(int)
    order = rng.permutation(len(repeats))
    ends = np.cumsum((repeats - whole)[order])
    n_extra = int(ends[-1]) if len(ends) else 0
    teeth = (np.arange(n_extra) + rng.random()) * (ends[-1] / max(n_extra, 1))
    found = np.searchsorted(ends, teeth, side='right')
    extra = order[np.minimum(found, len(order) - 1)]  # rounding may pass the last end
    return np.concatenate([np.repeat(np.arange(len(repeats)), whole), extra])


def _take_turns(n: int, n_taken: int, seed: int, epoch: int) -> np.ndarray:
    """Positions of this epoch's part of an endless row of shuffled rounds."""
    if n_taken == 0:
        return np.empty(0, dtype=int)
    first = epoch * n_taken
    rounds = range(first // n, (first + n_taken - 1) // n + 1)
    row = np.concatenate(
        [
            np.random.default_rng((seed, i, _HEALTHY_STREAM)).permutation(n)
            for i in rounds
        ]
    )
    start = first - rounds[0] * n
    return row[start : start + n_taken]


class DrawnSampler(Sampler):
    """An epoch's films are drawn from (seed, epoch) alone; each process takes a part.

    So a resumed training goes on with what it would have seen. Up to one film fewer
    than there are processes is left out of an epoch, so that the parts are of equal
    length and share no draw.
    """

    def __init__(self, dataset: Any, seed: int | None) -> None:
        self.rank, self.world_size = get_dist_info()
        self.dataset = dataset
        self.seed = sync_random_seed() if seed is None else seed
        self.epoch = 0
        self.num_samples = 0

    def _draw(self) -> np.ndarray:
        """Indices that all processes together show in ``self.epoch``."""
        raise NotImplementedError

    def _share_out(self) -> int:
        """Set the length of each process's part; returns the films of an epoch."""
        n_shown = len(self._draw())
        self.num_samples = n_shown // self.world_size
        if not self.num_samples:
            raise ValueError(
                f'an epoch shows {n_shown} films, too few for {self.world_size} '
                'processes. Start fewer.'
            )
        return n_shown

    def __iter__(self) -> Iterator[int]:
        """Indices of this process."""
        drawn = self._draw()[: self.num_samples * self.world_size]
        return iter(drawn[self.rank :: self.world_size].tolist())

    def __len__(self) -> int:
        """Number of films that this process sees in an epoch."""
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch to draw; mmengine's loop calls this before each."""
        self.epoch = epoch


@DATA_SAMPLERS.register_module()
class HealthyRatioSampler(DrawnSampler):
    """Shuffled films with a chosen share of healthy ones, redrawn each epoch.

    A film is healthy when it has no box of the model's findings. The draw depends on
    seed and epoch alone, so a resumed training goes on with what it would have seen,
    and each process of a distributed one takes its own part.

    Args:
        dataset: gives ``get_data_info(index)`` with ``instances``, as every data set of
            MMDetection and its wrappers do.
        healthy_per_abnormal: healthy films for each abnormal one; None shows them all.
        oversample_thr: share of the abnormal films below which a finding is rare, and
            its films are repeated (see :func:`repeat_factors`); None repeats none.
        seed: the same in all processes; None draws one and shares it.

    Raises:
        ValueError: an argument is out of range, the data set has no boxes at all, or
            there are more processes than films.
    """

    def __init__(
        self,
        dataset: Any,
        healthy_per_abnormal: float | None = 0.25,
        oversample_thr: float | None = None,
        seed: int | None = None,
    ) -> None:
        if healthy_per_abnormal is not None and healthy_per_abnormal < 0:
            raise ValueError(
                f'healthy_per_abnormal must be at least 0, got {healthy_per_abnormal}'
            )
        if oversample_thr is not None and not 0 <= oversample_thr <= 1:
            raise ValueError(f'oversample_thr must lie in [0, 1], got {oversample_thr}')
        super().__init__(dataset, seed)
        self.healthy_per_abnormal = healthy_per_abnormal
        findings_of = _findings_of(dataset)
        self.is_healthy = np.array([not film for film in findings_of], dtype=bool)
        self.repeats = repeat_factors(findings_of, oversample_thr or 0.0)
        self._check_counts()

    def _check_counts(self) -> None:
        n_films, n_healthy = len(self.is_healthy), int(self.is_healthy.sum())
        if n_films == n_healthy:
            raise ValueError(
                f'none of the {n_films} films has a box of the findings of the model: '
                'there is nothing to learn. Check the knob `findings` and ann_file.'
            )
        n_shown = self._share_out()
        say(
            f'an epoch shows {n_shown} films, drawn from {n_films - n_healthy} abnormal'
            f' and {n_healthy} healthy ones'
        )

    def _draw(self) -> np.ndarray:
        return draw_epoch(
            self.is_healthy,
            self.repeats,
            self.healthy_per_abnormal,
            self.seed,
            self.epoch,
        )


def _findings_of(dataset: Any) -> list[set[int]]:
    """Labels of each film's boxes."""
    infos = [dataset.get_data_info(index) for index in range(len(dataset))]
    if any('instances' not in info for info in infos):
        raise ValueError(
            f'HealthyRatioSampler needs a data set with boxes, got '
            f'{type(dataset).__name__} without `instances`. Use DefaultSampler for it.'
        )
    return [{box['bbox_label'] for box in info['instances']} for info in infos]
