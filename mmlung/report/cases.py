"""Which classified films a reader should see: best, worst, missed, false positive."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmlung.report.films import Drawn
from mmlung.report.films import Region
from mmlung.result import Finding
from mmlung.result import ImageResult

PER_GALLERY = 6
_LEAST = 1e-6
"""Scores are recorded with six digits: none is surer than this."""


@dataclass(frozen=True)
class Case:
    """One film to show.

    Attributes:
        result: of the film.
        title: what is to be seen.
        text: the numbers behind it.
        drawn: boxes over it.
        region: part that is shown enlarged beside the film.
    """

    result: ImageResult
    title: str
    text: str
    drawn: tuple[Drawn, ...] = ()
    region: Region | None = None


def classified_cases(results: Sequence[ImageResult]) -> dict[str, list[Case]]:
    """Galleries of a classifier.

    Best and worst go by the film's mean log loss over the known findings; best are
    films with a finding. Missed and false positive go by the rank of a score among all
    films of its finding, since a rare finding's scores are all low. One film stands
    once in a gallery.

    Args:
        results: of a test, those without truth are left out.
    """
    films = [_Film.of(result) for result in results if result.truth is not None]
    losses = [film for film in films if film.losses]
    abnormal = [film for film in losses if film.present]
    ranks = _ranks(films)
    present: list[tuple[float, str, _Film]] = []
    absent: list[tuple[float, str, _Film]] = []
    for film in films:
        for name, state in film.state.items():
            if name in film.score and state is not None:
                rank = ranks[name](film.score[name])
                (present if state == 1 else absent).append((rank, name, film))
    return {
        'Best': [_by_loss(f) for f in sorted(abnormal, key=lambda f: f.loss)][
            :PER_GALLERY
        ],
        'Worst': [_by_loss(f) for f in sorted(losses, key=lambda f: -f.loss)][
            :PER_GALLERY
        ],
        'Missed': _by_rank(sorted(present, key=lambda item: item[0]), 'missed'),
        'False positive': _by_rank(
            sorted(absent, key=lambda item: -item[0]), 'false positive'
        ),
    }


@dataclass(frozen=True)
class _Film:
    result: ImageResult
    score: dict[str, float]
    state: dict[str, float | None]

    @classmethod
    def of(cls, result: ImageResult) -> _Film:
        score = {f.name: f.score for f in result.findings if f.score is not None}
        return cls(result, score, {f.name: f.score for f in result.truth or ()})

    @property
    def present(self) -> list[str]:
        return [name for name, state in self.state.items() if state == 1]

    @property
    def losses(self) -> list[float]:
        known = [
            (self.score[name], state)
            for name, state in self.state.items()
            if state is not None and name in self.score
        ]
        return [-float(np.log(max(s if t == 1 else 1 - s, _LEAST))) for s, t in known]

    @property
    def loss(self) -> float:
        return float(np.mean(self.losses))

    @property
    def highest(self) -> str:
        """The three findings of highest score, with their numbers."""
        top = sorted(self.result.findings, key=lambda f: -(f.score or 0))[:3]
        return ', '.join(f'{f.name} {_chance(f)}' for f in top)

    @property
    def truth(self) -> str:
        return ', '.join(self.present) or 'no finding'


def _chance(finding: Finding) -> str:
    value = finding.score if finding.probability is None else finding.probability
    return '-' if value is None else f'{value:.2f}'


def _ranks(films: Sequence[_Film]) -> dict[str, Callable[[float], float]]:
    """Finding -> share of the films with a lower score; equal ones count half."""
    scores: dict[str, list[float]] = {}
    for film in films:
        for name, value in film.score.items():
            scores.setdefault(name, []).append(value)

    def rank_among(ordered: np.ndarray) -> Callable[[float], float]:
        def rank(value: float) -> float:
            ends = [np.searchsorted(ordered, value, s) for s in ('left', 'right')]
            return float(np.mean(ends)) / len(ordered)

        return rank

    return {name: rank_among(np.sort(values)) for name, values in scores.items()}


def _by_loss(film: _Film) -> Case:
    text = f'Predicted: {film.highest}. Mean log loss {film.loss:.3f}.'
    return Case(film.result, f'Truth: {film.truth}', text)


def _by_rank(items: Sequence[tuple[float, str, _Film]], what: str) -> list[Case]:
    cases: dict[str, Case] = {}
    for rank, name, film in items:
        if len(cases) == PER_GALLERY:
            break
        finding = next(f for f in film.result.findings if f.name == name)
        text = (
            f'{name} {_chance(finding)}, higher than on {100 * rank:.0f} % of the '
            f'films. Truth: {film.truth}. Predicted: {film.highest}.'
        )
        cases.setdefault(film.result.image, Case(film.result, f'{name} {what}', text))
    return list(cases.values())
