"""Whether one model is better than another on the same films, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from mmlung.comparison.pairing import Pair
from mmlung.comparison.pairing import pair_up
from mmlung.evaluation.bootstrap import Statistic
from mmlung.evaluation.bootstrap import cluster_index
from mmlung.evaluation.bootstrap import mean_defined
from mmlung.evaluation.delong import delong_test
from mmlung.evaluation.froc import froc_statistic
from mmlung.evaluation.mean_ap import ap_statistic
from mmlung.evaluation.mean_iou import iou_statistic
from mmlung.evaluation.mean_iou import overlap_counts
from mmlung.evaluation.paired import Difference
from mmlung.evaluation.paired import holm
from mmlung.evaluation.paired import paired_differences
from mmlung.evaluation.ranking import rank
from mmlung.evaluation.recorded import clusters_of
from mmlung.evaluation.recorded import recorded_detections
from mmlung.evaluation.recorded import recorded_scores
from mmlung.result import Predictions
from mmlung.result import without_nan

SCHEMA = 'mmlung.comparison/1'
FEW_PATIENTS = 20
"""Below it, resamples are no image of new patients, and p is a hint."""

_METRICS = {'mmlung.MeanAUC', 'mmlung.MeanAP', 'mmlung.MeanIoU', 'mmlung.FROC'}


def compare(
    a: Predictions,
    b: Predictions,
    common: bool = False,
    bootstrap: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """Differences of two models on the same films, ready for JSON.

    A classifier is compared by AUC, a detector by AP40, mIoU and CPM, with the settings
    (least positives, least boxes, IoU of a hit) of the first model's metrics.

    Args:
        a: of the first model.
        b: of the second; differences are ``b - a``.
        common: compare on the films and findings that both have.
        bootstrap: number of resamples of patients.
        seed: of the resampling.

    Returns:
        ``overall`` and ``per_finding``, of each metric: ``a``, ``b``, ``difference``,
        its ``low`` and ``high`` and ``p``; per finding ``p_holm`` as well, over all
        findings, and DeLong's p of an AUC, of patients too. What was compared, and
        ``notes`` on how far p can be trusted.

    Raises:
        ValueError: the two files are not of the same films, see :func:`pair_up`.
    """
    pair = pair_up(a, b, common)
    clusters = clusters_of(pair.a)
    settings = {key: _settings(p.head) for key, p in (('a', a), ('b', b))}
    if pair.has_boxes:
        overall, rows = _detectors(pair, clusters, settings, bootstrap, seed)
    else:
        overall, rows = _classifiers(pair, clusters, settings['a'], bootstrap, seed)
    by_patient = any(result.patient_id for result in pair.a)
    report: dict[str, Any] = {
        'schema': SCHEMA,
        'kind': 'detector' if pair.has_boxes else 'classifier',
        'a': _origin(a),
        'b': _origin(b),
        'films': len(pair.a),
        'left_out': pair.left_out,
        'resampled': 'patients' if by_patient else 'images',
        'clusters': len(set(clusters)),
        'bootstrap': bootstrap,
        'seed': seed,
        'overall': {key: asdict(value) for key, value in overall.items()},
        'per_finding': rows,
    }
    report['notes'] = list(_notes(report))
    return without_nan(report)


def auc_statistic(
    score: np.ndarray,
    target: np.ndarray,
    clusters: Sequence[str],
    classes: Sequence[str],
    min_positives: int = 1,
) -> Statistic:
    """``mAUC`` and ``AUC/<finding>`` as a function of the weights of the clusters.

    Args:
        score: (B, C).
        target: (B, C) 1 present, 0 absent, NaN unknown.
        clusters: (B,) name of each film's cluster; the weights are those of the
            distinct names in their sorted order.
        classes: (C,) names of the findings.
        min_positives: findings with fewer present ones are not averaged.
    """
    names, cluster = cluster_index(clusters, len(score))
    columns = zip(score.T, target.T, strict=True)
    rankings = [rank(s, t, cluster, len(names)) for s, t in columns]
    n_positive, n_known = (target == 1).sum(axis=0), (~np.isnan(target)).sum(axis=0)
    averaged = (n_positive >= max(1, min_positives)) & (n_positive < n_known)

    def statistic(weights: np.ndarray) -> dict[str, np.ndarray]:
        auc = np.array([ranking.areas(weights)[0] for ranking in rankings])
        named = zip(classes, auc, strict=True)
        return {'mAUC': mean_defined(auc[averaged])} | {f'AUC/{n}': v for n, v in named}

    return statistic


def _classifiers(
    pair: Pair,
    clusters: Sequence[str],
    settings: Mapping[str, Any],
    bootstrap: int,
    seed: int,
) -> tuple[dict[str, Difference], dict[str, Any]]:
    scores = [recorded_scores(results, pair.findings) for results in (pair.a, pair.b)]
    least = settings.get('MeanAUC', {}).get('min_positives', 1)
    a, b = [
        auc_statistic(score, target, clusters, pair.findings, least)
        for score, target in scores
    ]
    names, _ = cluster_index(clusters, len(clusters))
    found = paired_differences(a, b, names, bootstrap, seed)
    target = scores[0][1]
    rows = _rows(pair.findings, 'AUC', found)
    columns = zip(scores[0][0].T, scores[1][0].T, target.T, strict=True)
    p = [delong_test(two, one, t, clusters).p for one, two, t in columns]
    for row, each, corrected in zip(rows.values(), p, holm(p), strict=True):
        row['AUC'] |= {'p_delong': each, 'p_delong_holm': float(corrected)}
    for row, labels in zip(rows.values(), target.T, strict=True):
        row['n_positive'] = int((labels == 1).sum())
        row['n_known'] = int((labels == labels).sum())
        row['positive_clusters'] = _count_clusters(clusters, labels == 1)
        row['negative_clusters'] = _count_clusters(clusters, labels == 0)
    return {'mAUC': found['mAUC']}, rows


def _detectors(
    pair: Pair,
    clusters: Sequence[str],
    settings: Mapping[str, Mapping[str, Any]],
    bootstrap: int,
    seed: int,
) -> tuple[dict[str, Difference], dict[str, Any]]:
    images = {
        key: recorded_detections(results, pair.findings)
        for key, results in (('a', pair.a), ('b', pair.b))
    }
    froc = settings['a'].get('FROC', {})
    hit = {key: froc[key] for key in ('iou_thr', 'centre_inside') if key in froc}
    least = settings['a'].get('MeanAP', {}).get('min_boxes', 1)

    def merged(key: str) -> Statistic:
        counts = overlap_counts(
            images[key], pair.findings, _score_thr(settings[key], pair.findings)
        )
        parts = (
            ap_statistic(images[key], pair.findings, least),
            iou_statistic(counts, pair.findings),
            froc_statistic(images[key], pair.findings, **hit),
        )
        wanted = {'AP40', 'mIoU', 'CPM'}
        return lambda weights: {
            name: value
            for part in parts
            for name, value in part(weights).items()
            if name.partition('/')[0] in wanted
        }

    found = paired_differences(merged('a'), merged('b'), clusters, bootstrap, seed)
    rows = _rows(pair.findings, 'AP40', found)
    for index, row in enumerate(rows.values()):
        boxes = np.array([(i.gt_label == index).sum() for i in images['a']])
        row['n_boxes'] = int(boxes.sum())
        row['positive_clusters'] = _count_clusters(clusters, boxes > 0)
    return {key: found[key] for key in ('AP40', 'mIoU', 'CPM')}, rows


def _rows(
    findings: Sequence[str], metric: str, found: Mapping[str, Difference]
) -> dict[str, Any]:
    """One metric of each finding, with Holm's correction over all of them."""
    values = [found[f'{metric}/{name}'] for name in findings]
    corrected = holm([value.p for value in values])
    return {
        name: {metric: asdict(value) | {'p_holm': float(p)}}
        for name, value, p in zip(findings, values, corrected, strict=True)
    }


def _count_clusters(clusters: Sequence[str], chosen: np.ndarray) -> int:
    return len({c for c, is_chosen in zip(clusters, chosen, strict=True) if is_chosen})


def _settings(head: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of our metrics in a test, and the score thresholds it counted at."""
    found = {
        item['type'].removeprefix('mmlung.'): item
        for item in head.get('evaluators') or []
        if item.get('type') in _METRICS
    }
    return found | {'thresholds': head.get('thresholds')}


def _score_thr(
    settings: Mapping[str, Any], findings: Sequence[str]
) -> float | dict[str, float]:
    score_thr = (settings['thresholds'] or {}).get('score_thr', 0.3)
    if isinstance(score_thr, Mapping):
        return {name: score_thr[name] for name in findings}
    return score_thr


def _origin(predictions: Predictions) -> dict[str, Any]:
    kept = ('config', 'checkpoint', 'data', 'tta', 'training_seed', 'thresholds')
    head = predictions.head
    return {'file': str(predictions.path)} | {key: head.get(key) for key in kept}


def _notes(report: Mapping[str, Any]) -> Iterable[str]:
    """What to know before a p is believed."""
    unit = report['resampled']
    if unit == 'images':
        yield (
            'the patients of the films are not known: films count as independent, and '
            'p is too small where a patient has several'
        )
    if report['clusters'] < FEW_PATIENTS:
        yield f'only {report["clusters"]} {unit}: intervals and p are a hint at best'
    few = [
        f'{name} ({_least_clusters(row)})'
        for name, row in report['per_finding'].items()
        if 0 < _least_clusters(row) < FEW_PATIENTS
    ]
    if few:
        yield (
            f'fewer than {FEW_PATIENTS} {unit} with (or without) {", ".join(few)}: '
            'their intervals are too narrow and p too small'
        )
    if report['bootstrap']:
        yield (
            f'p is twice the smaller share of resamples beyond 0, at least '
            f'{2 / (report["bootstrap"] + 1):.2g} with {report["bootstrap"]} resamples'
        )


def _least_clusters(row: Mapping[str, Any]) -> int:
    return min(row['positive_clusters'], row.get('negative_clusters', FEW_PATIENTS))
