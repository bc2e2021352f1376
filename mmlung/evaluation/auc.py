"""Areas under the ROC and precision-recall curves; unknown labels do not count."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mmlung.evaluation.bootstrap import ResampledMetric
from mmlung.evaluation.bootstrap import cluster_index
from mmlung.evaluation.bootstrap import mean_defined
from mmlung.evaluation.bootstrap import with_intervals
from mmlung.evaluation.delong import delong_auc
from mmlung.evaluation.image_scores import ScoredImage
from mmlung.evaluation.image_scores import read_scores
from mmlung.evaluation.ranking import of_one_cluster
from mmlung.evaluation.ranking import rank
from mmlung.evaluation.study_level import AGGREGATES
from mmlung.evaluation.study_level import count_conflicts
from mmlung.evaluation.study_level import pool_studies
from mmlung.registry import METRICS


def binary_auc(score: np.ndarray, target: np.ndarray) -> float:
    """Chance that a present finding outscores an absent one; ties count half.

    Args:
        score: (B,) any monotone score.
        target: (B,) 1 present, 0 absent, NaN unknown (left out).

    Returns:
        A value in [0, 1]; NaN when only one class is known.

    Source: Hanley and McNeil 1982, doi:10.1148/radiology.143.1.7063747.

    >>> binary_auc(np.array([0.9, 0.5, 0.1]), np.array([1, np.nan, 0]))
    1.0
    """
    return float(weighted_areas(score, target, np.ones((len(score), 1)))[0][0])


def binary_auprc(score: np.ndarray, target: np.ndarray) -> float:
    """Average precision of a ranking: the step-wise area under precision and recall.

    Args:
        score: (B,) any monotone score; equal ones are one operating point.
        target: (B,) 1 present, 0 absent, NaN unknown (left out).

    Returns:
        A value in (0, 1]; the share of present ones for a random score. NaN when only
        one class is known (scikit-learn gives 0 without a present one).

    >>> round(binary_auprc(np.array([0.9, 0.8, 0.1]), np.array([0.0, 1, 0])), 3)
    0.5
    """
    return float(weighted_areas(score, target, np.ones((len(score), 1)))[1][0])


def weighted_areas(
    score: np.ndarray, target: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """AUC and AUPRC of one finding under R weightings of the images.

    Args:
        score: (B,) finite.
        target: (B,) 1 present, 0 absent, NaN unknown.
        weights: (B, R) how often each image counts.

    Returns:
        Two (R,) arrays; NaN where one class has no weight.
    """
    return rank(score, target).areas(weights)


def mean_auc(
    score: np.ndarray,
    target: np.ndarray,
    classes: Sequence[str],
    min_positives: int = 1,
    clusters: Sequence[str] | None = None,
    bootstrap: int = 0,
    seed: int = 0,
) -> dict[str, float]:
    """AUC and AUPRC per finding and on average.

    Args:
        score: (B, C) any monotone scores.
        target: (B, C) 1 present, 0 absent, NaN unknown (left out).
        classes: (C,) names of the findings.
        min_positives: findings with fewer present ones are shown, but not averaged.
        clusters: (B,) what is resampled as one, the patient as a rule; None: the image.
        bootstrap: number of resamples for the intervals; 0 for none.
        seed: of the resampling.

    Returns:
        ``mAUC`` and ``mAUPRC``, means over the ``mAUC_findings`` findings that are
        defined and have ``min_positives``; per finding ``AUC/<finding>``,
        ``AUPRC/<finding>`` (NaN when one class only is known), ``n_positive/<finding>``
        and ``n_known/<finding>``. With resamples, ``<key>_low`` and ``<key>_high``, and
        ``n_positive_clusters/<finding>``: how many patients the present ones are of. A
        resample's mean leaves out the findings that it happens to leave undefined. An
        interval is NaN where all present or all absent ones are of one cluster, since
        resampling clusters then shows no spread. A
        second opinion that does not resample is ``AUC_delong/<finding>_low`` and
        ``_high``, see :func:`mmlung.evaluation.delong_auc`.

    >>> report = mean_auc(np.array([[0.9], [0.2]]), np.array([[1.0], [0]]), ['Edema'])
    >>> report['mAUC'], report['n_positive/Edema']
    (1.0, 1.0)
    """
    n_positive, n_known = (target == 1).sum(axis=0), (~np.isnan(target)).sum(axis=0)
    averaged = (n_positive >= max(1, min_positives)) & (n_positive < n_known)

    names, cluster = cluster_index(clusters, len(score))
    rankings = [
        rank(s, t, cluster, len(names)) for s, t in zip(score.T, target.T, strict=True)
    ]

    def statistic(weights: np.ndarray) -> dict[str, np.ndarray]:
        areas = np.array([ranking.areas(weights) for ranking in rankings])
        report = {'mAUC': areas[averaged, 0], 'mAUPRC': areas[averaged, 1]}
        report = {key: mean_defined(values) for key, values in report.items()}
        report |= {f'AUC/{name}': areas[c, 0] for c, name in enumerate(classes)}
        return report | {f'AUPRC/{name}': areas[c, 1] for c, name in enumerate(classes)}

    report = with_intervals(statistic, names, bootstrap, seed)
    if bootstrap:
        report |= _delong_intervals(score, target, classes, clusters)
        report |= _too_few_clusters(target, cluster, classes)
    report['mAUC_findings'] = float(averaged.sum())
    for key, counts in {'n_positive': n_positive, 'n_known': n_known}.items():
        report |= {
            f'{key}/{n}': float(count) for n, count in zip(classes, counts, strict=True)
        }
    return report


def _too_few_clusters(
    target: np.ndarray, cluster: np.ndarray, classes: Sequence[str]
) -> dict[str, float]:
    """Number of clusters with each finding; NaN for intervals that rest on one."""
    report = {}
    for name, column in zip(classes, target.T, strict=True):
        present = np.unique(cluster[column == 1])
        report[f'n_positive_clusters/{name}'] = float(len(present))
        if of_one_cluster(column, cluster):
            report |= {
                f'{key}/{name}_{end}': float('nan')
                for key in ('AUC', 'AUPRC')
                for end in ('low', 'high')
            }
    return report


def _delong_intervals(
    score: np.ndarray,
    target: np.ndarray,
    classes: Sequence[str],
    clusters: Sequence[str] | None,
) -> dict[str, float]:
    report = {}
    for name, s, t in zip(classes, score.T, target.T, strict=True):
        result = delong_auc(s, t, clusters)
        report[f'AUC_delong/{name}_low'] = result.low
        report[f'AUC_delong/{name}_high'] = result.high
    return report


@METRICS.register_module()
class MeanAUC(ResampledMetric):
    """Mean AUC over findings, of a classifier or of a detector.

    Reads ``pred_score`` and ``gt_score``, each (C,), or boxes, see
    :func:`mmlung.evaluation.read_scores`.

    Args:
        min_positives: findings with fewer present ones are shown, but not averaged; 20
            keeps rare findings of a small set out of the mean.
        level: ``'image'``, or ``'study'`` to pool the images of each ``study_id``, see
            :func:`mmlung.evaluation.pool_studies`. Then ``n_studies`` and
            ``n_study_conflicts``, studies whose images disagree, are reported too.
        aggregate: score of a study from those of its images, ``'max'`` or ``'mean'``.
        **kwargs: of :class:`ResampledMetric`: bootstrap, seed, prefix, ...

    Raises:
        ValueError: ``level`` or ``aggregate`` is unknown; an image has no study; on
            ChestX-ray14's official test set, a finding is undefined.
    """

    def __init__(
        self,
        min_positives: int = 1,
        level: str = 'image',
        aggregate: str = 'max',
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if level not in ('image', 'study'):
            raise ValueError(f"level must be 'image' or 'study', got {level!r}.")
        if aggregate not in AGGREGATES:
            raise ValueError(
                f'aggregate must be one of {AGGREGATES}, got {aggregate!r}.'
            )
        self.min_positives = min_positives
        self.level = level
        self.aggregate = aggregate

    def process(self, data_batch: object, data_samples: Sequence[dict]) -> None:
        """Keep the scores and labels of each image."""
        labelled = self.dataset_meta.get('image_classes')
        for sample in data_samples:
            image = read_scores(sample, self.classes, self.cluster, labelled)
            if self.level == 'study' and image.study is None:
                raise ValueError(
                    f'{image.path} has no study_id, so it cannot be pooled by study. '
                    "Use level='image', or convert the data set again and list "
                    'study_id in the meta_keys of the packing.'
                )
            self.results.append(image)

    def compute_metrics(self, results: list[ScoredImage]) -> dict[str, float]:
        """Metrics over all images or studies; see :func:`mean_auc`."""
        shape = -1, len(self.classes)
        score = np.array([image.score for image in results]).reshape(shape)
        target = np.array([image.target for image in results]).reshape(shape)
        clusters = [image.cluster for image in results]
        pooled = {}
        if self.level == 'study':
            studies = [str(image.study) for image in results]
            conflicts = count_conflicts(target, studies)
            score, target, first = pool_studies(score, target, studies, self.aggregate)
            clusters = [clusters[i] for i in first]
            pooled['n_studies'] = float(len(first))
            pooled['n_study_conflicts'] = float(conflicts)
        report = mean_auc(
            score,
            target,
            self.classes,
            self.min_positives,
            clusters,
            self.bootstrap,
            self.seed,
        )
        mapped = self.dataset_meta.get('findings_map')  # then some are not labelled
        if is_official_test(self.dataset_meta) and not mapped:
            _check_all_defined(report, self.classes)
        return report | pooled


def is_official_test(meta: dict) -> bool:
    """Whether ``dataset_meta`` is that of ChestX-ray14's official test set."""
    official = {'dataset': 'chestxray14', 'split': 'test', 'split_family': 'official'}
    return all(meta.get(key) == value for key, value in official.items())


def _check_all_defined(report: dict[str, float], classes: Sequence[str]) -> None:
    undefined = [name for name in classes if np.isnan(report[f'AUC/{name}'])]
    if undefined:
        raise ValueError(
            "on ChestX-ray14's official test set the AUC of every finding must be "
            f'defined, but {", ".join(undefined)} had no known positive or no known '
            'negative. Test on all of its images, or convert a part of them, which is '
            "named 'official-incomplete'."
        )
