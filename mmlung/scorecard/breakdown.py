"""What lies behind a classifier's mean AUC: groups of patients, and whole curves."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from mmlung.evaluation.recorded import clusters_of
from mmlung.evaluation.recorded import recorded_scores
from mmlung.evaluation.roc import RocCurve
from mmlung.evaluation.roc import roc_curve
from mmlung.evaluation.subgroups import age_band
from mmlung.evaluation.subgroups import subgroup_auc
from mmlung.result import ImageResult


def subgroups_of(
    results: Sequence[ImageResult],
    findings: Sequence[str],
    evaluators: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """The ``subgroups`` section of metrics.json; empty where there is none.

    Args:
        results: of the test; those of a detector have no image-level scores.
        findings: the model's vocabulary.
        evaluators: settings of the test's metrics; resamples, seed and least positives
            are those of ``mmlung.MeanAUC``.

    Returns:
        ``{'subgroups': {'sex': ..., 'age': ..., 'view': ...}}``, see
        :func:`mmlung.evaluation.subgroups.subgroup_auc`; attributes that are known of
        no film are left out.
    """
    settings = auc_settings(evaluators)
    if settings is None or not results:
        return {}
    attributes = {
        'sex': [result.sex for result in results],
        'age': [age_band(result.age) for result in results],
        'view': [result.view for result in results],
    }
    known = {name: values for name, values in attributes.items() if any(values)}
    if not known:
        return {}
    score, target = recorded_scores(results, findings)
    report = subgroup_auc(
        score,
        target,
        findings,
        known,
        clusters_of(results),
        settings.get('bootstrap', 0),
        settings.get('seed', 0),
        settings.get('min_positives', 1),
    )
    return {'subgroups': report}


def roc_curves_of(
    results: Sequence[ImageResult],
    findings: Sequence[str],
    evaluators: Sequence[Mapping[str, Any]],
) -> dict[str, RocCurve]:
    """ROC curve of each finding, film by film, with the band of the test's resamples.

    Args:
        results: of the test.
        findings: the model's vocabulary.
        evaluators: as in :func:`subgroups_of`; empty without ``mmlung.MeanAUC``.
    """
    settings = auc_settings(evaluators)
    if settings is None or not results:
        return {}
    score, target = recorded_scores(results, findings)
    resampling = settings.get('bootstrap', 0), settings.get('seed', 0)
    columns = zip(findings, score.T, target.T, strict=True)
    clusters = clusters_of(results)
    return {name: roc_curve(s, t, clusters, *resampling) for name, s, t in columns}


def auc_settings(evaluators: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Arguments of the test's ``mmlung.MeanAUC``; None where it has none."""
    found = [item for item in evaluators if item.get('type') == 'mmlung.MeanAUC']
    return found[0] if found else None


def subgroup_lines(metrics: Mapping[str, Any]) -> Iterable[str]:
    """One line a group: films, positives, mean AUC; and which group is worst."""
    for name, section in metrics.get('subgroups', {}).items():
        groups, compared = section['groups'], section['compared']
        yield ''
        yield f'by {name}, mean AUC over {len(compared)} findings that all groups have'
        for group, row in groups.items():
            positives = sum(row['findings'][f]['n_positive'] for f in compared)
            aside = '' if row['compared'] else '  (not compared)'
            yield (
                f'  {group:<10}{row["images"]:>8,} films {positives:>8,} positives  '
                f'{_value(row, "mAUC")}{aside}'
            )
        worst = section['worst']
        if worst is not None:
            yield (
                f'  worst: {worst["group"]}, {_value(worst, "gap")} below '
                f'{worst["best"]}'
            )


def _value(row: Mapping[str, Any], key: str) -> str:
    value, low, high = (row.get(f'{key}{end}') for end in ('', '_low', '_high'))
    if value is None:
        return '-'
    ends = '' if low is None or high is None else f' [{low:.3f}, {high:.3f}]'
    return f'{value:.3f}{ends}'
