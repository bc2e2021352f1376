"""Predictions of folds put together: every film once, each by a model of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmlung.evaluation.auc import mean_auc
from mmlung.evaluation.recorded import clusters_of
from mmlung.evaluation.recorded import recorded_scores
from mmlung.result import SCHEMA
from mmlung.result import Predictions
from mmlung.result import without_nan

WARNING = (
    'the pooled AUC ranks scores of different models against one another, whose scales '
    'may differ: it can lie below every fold. The mean over the folds is beside it.'
)


def pool_predictions(folds: Sequence[Predictions]) -> dict[str, Any]:
    """One predictions.json of the disjoint test films of several folds.

    Raises:
        ValueError: a film or a patient is in two folds; the findings differ; a fold is
            of a detector.
    """
    first = folds[0]
    film_of: dict[str, Predictions] = {}
    patient_of: dict[str, Predictions] = {}
    for fold in folds:
        if fold.has_boxes:
            raise ValueError(f'{fold.path} holds boxes: only scores can be pooled.')
        if fold.findings != first.findings:
            raise ValueError(
                f'{fold.path} has other findings than {first.path}: '
                f'{", ".join(fold.findings)}.'
            )
        _check_new(fold, 'films', [r.image for r in fold.results], film_of)
        patients = {r.patient_id for r in fold.results if r.patient_id}
        _check_new(fold, 'patients', sorted(patients), patient_of)
    return {
        'schema': SCHEMA,
        'pooled': [
            {'file': str(f.path), 'images': len(f.results)}
            | {key: f.head.get(key) for key in ('checkpoint', 'data', 'training_seed')}
            for f in folds
        ],
        'config': first.head.get('config'),
        'evaluators': first.head.get('evaluators'),
        'note': WARNING,
        'findings': list(first.findings),
        'images': [result.to_json() for fold in folds for result in fold.results],
    }


def pooled_auc(
    folds: Sequence[Predictions], bootstrap: int = 1000, seed: int = 0
) -> dict[str, float | None]:
    """AUC with intervals over the patients of all folds; see :func:`mean_auc`.

    Args:
        folds: as :func:`pool_predictions` lets pass.
        bootstrap: number of resamples.
        seed: of the resampling.
    """
    results = [result for fold in folds for result in fold.results]
    score, target = recorded_scores(results, folds[0].findings)
    least = max(_min_positives(fold) for fold in folds)
    numbers = mean_auc(
        score, target, folds[0].findings, least, clusters_of(results), bootstrap, seed
    )
    return without_nan(numbers)


def _min_positives(fold: Predictions) -> int:
    items = fold.head.get('evaluators') or []
    return max([item.get('min_positives', 1) for item in items], default=1)


def _check_new(
    fold: Predictions, what: str, names: Sequence[str], seen: dict[str, Predictions]
) -> None:
    twice = [name for name in names if name in seen]
    if twice:
        raise ValueError(
            f'{len(twice)} {what} of {fold.path} are in another fold as well, the '
            f'first is {twice[0]} (in {seen[twice[0]].path}): the test parts of folds '
            'must be disjoint.'
        )
    seen.update(dict.fromkeys(names, fold))
