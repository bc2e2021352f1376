"""AUC of groups of patients and of views, and where a model does worst."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import numpy as np

from mmlung.evaluation.bootstrap import cluster_index
from mmlung.evaluation.bootstrap import mean_defined
from mmlung.evaluation.bootstrap import with_intervals
from mmlung.evaluation.ranking import Ranking
from mmlung.evaluation.ranking import of_one_cluster
from mmlung.evaluation.ranking import rank
from mmlung.result import without_nan

AGE_BANDS = ('<40', '40-60', '>60')
UNKNOWN = 'unknown'
_OLDEST = 120


def age_band(age: float | None) -> str | None:
    """Band of an age in years: below 40, 40 to 60 with both ends, above 60.

    None for an unknown age and for one that nobody has (below 0, above 120), which
    ChestX-ray14's first label file has.

    >>> [age_band(age) for age in (39, 40, 60, 61, 411, None)]
    ['<40', '40-60', '40-60', '>60', None, None]
    """
    if age is None or not 0 <= age <= _OLDEST:
        return None
    return AGE_BANDS[int(age >= 40) + int(age > 60)]


def subgroup_auc(
    score: np.ndarray,
    target: np.ndarray,
    classes: Sequence[str],
    attributes: Mapping[str, Sequence[str | None]],
    clusters: Sequence[str] | None = None,
    bootstrap: int = 0,
    seed: int = 0,
    min_positives: int = 1,
) -> dict[str, Any]:
    """AUC per group of each attribute, averaged over findings that all groups share.

    A mean over other findings is no comparison, so a group's ``mAUC`` is over those
    that have ``min_positives`` present ones, and an absent one, in every group.
    Images whose attribute is not known are the group ``'unknown'``. It, and a group
    where no finding at all has ``min_positives``, are shown, but take no part in that.

    Args:
        score: (B, C) any monotone scores.
        target: (B, C) 1 present, 0 absent, NaN unknown.
        classes: (C,) names of the findings.
        attributes: name to (B,) groups, such as ``{'sex': ['F', None, ...]}``; None and
            '' are unknown.
        clusters: (B,) what is resampled as one, the patient as a rule; None: the image.
        bootstrap: number of resamples for the intervals; 0 for none.
        seed: of the resampling.
        min_positives: least number of present ones in each group.

    Returns:
        Plain data, None for what is undefined. Per attribute: ``compared``, names of
        the findings in the means; ``groups``, per group its ``images``, whether it is
        ``compared``, its ``mAUC`` and per finding ``AUC``, ``n_positive``, ``n_known``;
        ``worst``, None with fewer than two groups to compare, or the ``group`` with the
        lowest mean, the ``best`` one, and the ``gap`` between the two. With resamples,
        ``<key>_low`` and ``<key>_high`` beside each. Which groups are worst and best
        was seen in the same images, so with many groups a gap is found where there is
        none.

    Raises:
        ValueError: an attribute has another length than the scores.
    """
    for name, values in attributes.items():
        if len(values) != len(score):
            raise ValueError(
                f'attribute {name!r} must have one value per image ({len(score)}), got '
                f'{len(values)}.'
            )
    names, cluster = cluster_index(clusters, len(score))
    report = {}
    for name, values in attributes.items():
        split = _Split(
            score, target, cluster, len(names), values, max(1, min_positives)
        )
        numbers = with_intervals(split.statistic, names, bootstrap, seed)
        report[name] = without_nan(split.report(numbers, classes))
    return report


class _Split:
    """The images of one attribute's groups; weights are those of the clusters."""

    def __init__(
        self,
        score: np.ndarray,
        target: np.ndarray,
        cluster: np.ndarray,
        n_clusters: int,
        values: Sequence[str | None],
        min_positives: int,
    ) -> None:
        group = np.array([str(v) if v not in (None, '') else UNKNOWN for v in values])
        self.images = {name: group == name for name in _in_order(group.tolist())}
        self.positive = {
            g: (target[i] == 1).sum(axis=0) for g, i in self.images.items()
        }
        self.known = {
            g: (~np.isnan(target[i])).sum(axis=0) for g, i in self.images.items()
        }
        enough = {
            g: (self.positive[g] >= min_positives) & (self.positive[g] < self.known[g])
            for g in self.images
        }
        self.no_spread = {
            g: [of_one_cluster(t, cluster[i]) for t in target[i].T]
            for g, i in self.images.items()
        }
        self.compared = [g for g in self.images if g != UNKNOWN and enough[g].any()]
        self.shared = np.full(target.shape[1], bool(self.compared))
        for g in self.compared:
            self.shared &= enough[g]
        self.rankings: dict[str, list[Ranking]] = {
            g: [
                rank(s[i], t[i], cluster[i], n_clusters)
                for s, t in zip(score.T, target.T, strict=True)
            ]
            for g, i in self.images.items()
        }
        self.worst, self.best = self._extremes(np.ones((n_clusters, 1)))

    def _extremes(self, ones: np.ndarray) -> tuple[str | None, str | None]:
        means = {g: float(self._areas(g, ones)[1][0]) for g in self.compared}
        if len(means) < 2 or not self.shared.any():
            return None, None
        return min(means, key=means.__getitem__), max(means, key=means.__getitem__)

    def _areas(self, group: str, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(C, R) AUCs and their (R,) mean; unknown images may lack a shared finding."""
        areas = np.array(
            [ranking.areas(weights)[0] for ranking in self.rankings[group]]
        )
        shared = areas[self.shared]
        mean = mean_defined(shared)
        complete = (self.positive[group] > 0) & (
            self.positive[group] < self.known[group]
        )
        if not complete[self.shared].all():
            mean[:] = np.nan
        return areas, mean

    def statistic(self, weights: np.ndarray) -> dict[str, np.ndarray]:
        numbers, means = {}, {}
        for group in self.images:
            areas, means[group] = self._areas(group, weights)
            numbers[f'{group}/mAUC'] = means[group]
            numbers |= {f'{group}/{c}': area for c, area in enumerate(areas)}
        if self.worst is not None and self.best is not None:
            numbers['gap'] = means[self.best] - means[self.worst]
        return numbers

    def _auc(
        self, numbers: Mapping[str, float], group: str, c: int
    ) -> dict[str, float]:
        """AUC of a finding; no interval where its films are of one patient."""
        row = _numbers(numbers, f'{group}/{c}', 'AUC')
        if self.no_spread[group][c]:
            row |= dict.fromkeys(row.keys() - {'AUC'}, float('nan'))
        return row

    def report(
        self, numbers: Mapping[str, float], classes: Sequence[str]
    ) -> dict[str, Any]:
        """What :func:`subgroup_auc` says of one attribute."""
        groups = {}
        for group, images in self.images.items():
            groups[group] = {
                'images': int(images.sum()),
                'compared': group in self.compared,
                **_numbers(numbers, f'{group}/mAUC', 'mAUC'),
                'findings': {
                    name: {
                        **self._auc(numbers, group, c),
                        'n_positive': int(self.positive[group][c]),
                        'n_known': int(self.known[group][c]),
                    }
                    for c, name in enumerate(classes)
                },
            }
        worst = None
        if self.worst is not None:
            worst = {'group': self.worst, 'best': self.best}
            worst |= _numbers(numbers, 'gap', 'gap')
        return {
            'compared': [n for n, s in zip(classes, self.shared, strict=True) if s],
            'groups': groups,
            'worst': worst,
        }


def _numbers(numbers: Mapping[str, float], key: str, name: str) -> dict[str, Any]:
    """A value and, where there are, the ends of its interval, under another name."""
    suffixes = [s for s in ('', '_low', '_high') if f'{key}{s}' in numbers]
    return {f'{name}{s}': numbers[f'{key}{s}'] for s in suffixes}


def _in_order(groups: Sequence[str]) -> list[str]:
    """Ages by age, all else by name, unknown last."""

    def key(name: str) -> tuple:
        band = AGE_BANDS.index(name) if name in AGE_BANDS else -1
        return name == UNKNOWN, band, name

    return sorted(set(groups), key=key)
