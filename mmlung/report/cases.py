"""Which classified films a reader should see: best, worst, missed, false positive."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

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


@dataclass(frozen=True)
class Gallery:
    """Films of one kind."""

    how: str
    """How they were chosen."""
    cases: list[Case]


def youden_thresholds(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Finding to the least score that is called present; empty without any.

    Args:
        metrics: content of metrics.json.
    """
    rule = (metrics.get('operating_points') or {}).get('youden') or {}
    rows = rule.get('per_finding', {}).items()
    found = {name: row.get('score_thr') for name, row in rows}
    return {name: value for name, value in found.items() if value is not None}


def classified_cases(
    results: Sequence[ImageResult], score_thr: Mapping[str, float] | None = None
) -> dict[str, Gallery]:
    """Galleries of a classifier.

    Best are films all of whose findings rank high; worst have the largest mean log
    loss. Missed are present findings that are called absent, false positives the
    reverse, by the rank of a score among all films of its finding, since a rare
    finding's scores are all low. A finding is called present from its threshold on;
    without one, in the upper half of the films. One film stands once in a gallery.

    Args:
        results: of a test, those without truth are left out.
        score_thr: per finding; those without are called by rank.
    """
    films = [_Film.of(result) for result in results if result.truth is not None]
    losses = [film for film in films if film.losses]
    called = _Called(films, score_thr or {})
    abnormal = [(called.lowest(film), film) for film in losses if film.present]
    abnormal.sort(key=lambda item: (-item[0], item[1].loss))
    missed, false = called.wrong(1), called.wrong(0)
    rule = (
        'A finding is called present from its Youden threshold on; without one, in the '
        'upper half of the films.'
        if score_thr
        else 'No thresholds are set: the upper half of the films is called present.'
    )
    return {
        'Best': Gallery(
            'Films with findings all of which rank high among the tested films.',
            [_by_loss(film, rank) for rank, film in abnormal[:PER_GALLERY]],
        ),
        'Worst': Gallery(
            'Films with the largest mean log loss over their labels.',
            [_by_loss(f) for f in sorted(losses, key=lambda f: -f.loss)[:PER_GALLERY]],
        ),
        'Missed': Gallery(
            f'Findings that are there and called absent, lowest ranks first. {rule}',
            _by_rank(sorted(missed, key=lambda item: item[0]), 'missed'),
        ),
        'False positive': Gallery(
            f'Findings called present that are not there, highest ranks first. {rule}',
            _by_rank(sorted(false, key=lambda item: -item[0]), 'false positive'),
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


class _Called:
    """Ranks of scores, and which findings are called present.

    A rank is the share of the films with a lower score; equal ones count half.
    """

    def __init__(self, films: Sequence[_Film], score_thr: Mapping[str, float]) -> None:
        scores: dict[str, list[float]] = {}
        for film in films:
            for name, value in film.score.items():
                scores.setdefault(name, []).append(value)
        self.films = films
        self.score_thr = score_thr
        self.ordered = {name: np.sort(values) for name, values in scores.items()}

    def rank(self, film: _Film, name: str) -> float:
        ordered, value = self.ordered[name], film.score[name]
        ends = [np.searchsorted(ordered, value, side) for side in ('left', 'right')]
        return float(np.mean(ends)) / len(ordered)

    def lowest(self, film: _Film) -> float:
        """Rank of the present finding that ranks lowest."""
        ranks = [self.rank(film, name) for name in film.present if name in film.score]
        return min(ranks, default=0.0)

    def wrong(self, state: int) -> list[tuple[float, str, _Film]]:
        """Rank, name and film of findings of a state that are called the other."""
        found = []
        for film in self.films:
            for name, true in film.state.items():
                if true != state or name not in film.score:
                    continue
                rank = self.rank(film, name)
                limit = self.score_thr.get(name)
                present = rank >= 0.5 if limit is None else film.score[name] >= limit
                if present != (state == 1):
                    found.append((rank, name, film))
        return found


def _by_loss(film: _Film, rank: float | None = None) -> Case:
    text = f'Predicted: {film.highest}. Mean log loss {film.loss:.3f}.'
    if rank is not None:
        text += f' Every finding higher than on {int(100 * rank)} % of the films.'
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
