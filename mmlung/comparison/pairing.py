"""Two predictions.json of the same test films, film by film."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mmlung.result import ImageResult
from mmlung.result import Predictions


@dataclass(frozen=True)
class Pair:
    """Results of two models on the same films, in the same order."""

    findings: tuple[str, ...]
    """That both have, in the order of the first."""
    a: tuple[ImageResult, ...]
    b: tuple[ImageResult, ...]
    has_boxes: bool
    left_out: dict[str, int]
    """Films and findings that only one of the two has."""


def pair_up(a: Predictions, b: Predictions, common: bool = False) -> Pair:
    """Bring the films of two files into one order, and check that they are the same.

    Args:
        a: of the first model.
        b: of the second one.
        common: keep the films and findings that both have, where they would otherwise
            have to be the same.

    Raises:
        ValueError: the films, the findings, the patients or the truth differ; one file
            has boxes and the other has none; a film occurs twice; nothing is shared.
    """
    if a.has_boxes != b.has_boxes:
        boxes, scores = (a, b) if a.has_boxes else (b, a)
        raise ValueError(
            f'{boxes.path} holds boxes and {scores.path} scores of whole films: only '
            'two detectors or two classifiers can be compared.'
        )
    findings = _shared(a, b, 'findings', a.findings, b.findings, common)
    films_a, films_b = _by_name(a), _by_name(b)
    names = _shared(a, b, 'films', tuple(films_a), tuple(films_b), common)
    pair = Pair(
        findings=findings,
        a=tuple(films_a[name] for name in names),
        b=tuple(films_b[name] for name in names),
        has_boxes=a.has_boxes,
        left_out={
            'films': len(films_a.keys() ^ films_b.keys()),
            'findings': len(set(a.findings) ^ set(b.findings)),
        },
    )
    _check_equal(pair, a, b, 'truth', lambda result: _truth(result, findings))
    _check_equal(pair, a, b, 'patient', lambda result: result.patient_id)
    unlabelled = [result.image for result in pair.a if result.truth is None]
    if unlabelled:
        raise ValueError(
            f'{len(unlabelled)} films of {a.path} have no truth, the first is '
            f'{unlabelled[0]}: without labels there is nothing to compare with.'
        )
    return pair


def _by_name(predictions: Predictions) -> dict[str, ImageResult]:
    films: dict[str, ImageResult] = {}
    for result in predictions.results:
        if result.image in films:
            raise ValueError(f'{predictions.path} has the film {result.image} twice.')
        films[result.image] = result
    return films


def _shared(
    a: Predictions,
    b: Predictions,
    what: str,
    names_a: tuple[str, ...],
    names_b: tuple[str, ...],
    common: bool,
) -> tuple[str, ...]:
    """Names in both, in the order of the first; all of them unless ``common``."""
    in_a, in_b = set(names_a), set(names_b)
    odd = [name for name in names_a if name not in in_b]
    odd += [name for name in names_b if name not in in_a]
    shared = tuple(name for name in names_a if name in in_b)
    if not shared:
        raise ValueError(f'{a.path} and {b.path} share no {what}.')
    if odd and not common:
        raise ValueError(
            f'{a.path} and {b.path} must have the same {what}, but {len(odd)} are in '
            f'one of them only, the first is {odd[0]}; {len(shared)} are shared. '
            f'--common compares on the shared {what}.'
        )
    return shared


def _check_equal(
    pair: Pair,
    a: Predictions,
    b: Predictions,
    what: str,
    of: Callable[[ImageResult], Any],
) -> None:
    both = zip(pair.a, pair.b, strict=True)
    differ = [one.image for one, other in both if of(one) != of(other)]
    if differ:
        raise ValueError(
            f'the {what} differs between {a.path} and {b.path} on {len(differ)} of '
            f'{len(pair.a)} films, the first is {differ[0]}. Test both models on the '
            'same annotation file.'
        )


def _truth(result: ImageResult, findings: tuple[str, ...]) -> list | None:
    """Labels and boxes of some findings, whatever their order."""
    if result.truth is None:
        return None
    kept = set(findings)
    return sorted(
        (f.name, -1.0 if f.score is None else f.score, f.box_xyxy or ())
        for f in result.truth
        if f.name in kept
    )
