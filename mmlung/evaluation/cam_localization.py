"""Whether class activation maps point at the boxes that radiologists drew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mmlung.evaluation.bootstrap import ResampledMetric
from mmlung.evaluation.bootstrap import Statistic
from mmlung.evaluation.bootstrap import mean_defined
from mmlung.evaluation.bootstrap import ratio
from mmlung.evaluation.bootstrap import with_intervals
from mmlung.evaluation.cam_boxes import BoxRule
from mmlung.evaluation.cam_score import THRESHOLDS
from mmlung.evaluation.cam_score import MapScore
from mmlung.evaluation.cam_score import score_map
from mmlung.evaluation.detections import as_floats
from mmlung.evaluation.detections import cluster_of
from mmlung.registry import METRICS


def cam_localization(
    scores: Sequence[MapScore],
    findings: Sequence[str],
    bootstrap: int = 0,
    seed: int = 0,
) -> dict[str, float]:
    """How well maps localise, pooled over all maps and as the mean of the findings.

    Args:
        scores: one a map, of :func:`score_map`.
        findings: (C,) names; maps of others are an error.
        bootstrap: number of resamples of patients for the intervals; 0 for none.
        seed: of the resampling.

    Returns:
        For each key pooled over maps, ``<key>_macro`` the mean of the findings, and
        ``<key>/<finding>``: ``CAM_pointing``, ``CAM_random_pixel`` (its chance),
        ``CAM_pointing_gain`` (their difference), ``CAM_energy``, and for each threshold
        ``CAM_IoU@T``, ``CAM_IoBB@T`` (share of maps that exceed T) and
        ``CAM_IoU_chance@T`` (the same for boxes of the same sizes placed at random).
        What has nothing to rest on is NaN; ``CAM_maps``, ``CAM_energy_maps`` (those
        that are not zero everywhere) and ``CAM_maps/<finding>`` count. With resamples,
        ``<key>_low`` and ``<key>_high``.

    Raises:
        ValueError: a map is of a finding that is not listed.
    """
    position = {name: c for c, name in enumerate(findings)}
    strange = sorted({score.finding for score in scores} - set(position))
    if strange:
        raise ValueError(f'maps of {", ".join(strange)}, which are not in findings')
    label = np.array([position[score.finding] for score in scores], dtype=int)
    statistic = _statistic(_columns(scores), label, findings)
    report = with_intervals(statistic, [s.cluster for s in scores], bootstrap, seed)
    counts = np.bincount(label, minlength=len(findings))
    report['CAM_maps'] = float(len(scores))
    report['CAM_energy_maps'] = float(sum(not np.isnan(s.energy) for s in scores))
    named = zip(findings, counts, strict=True)
    return report | {f'CAM_maps/{name}': float(count) for name, count in named}


def _columns(scores: Sequence[MapScore]) -> dict[str, np.ndarray]:
    """Each quantity of each map, (I,); NaN where a map does not define it."""
    pointing = np.array([s.pointing for s in scores])
    random_pixel = np.array([s.random_pixel for s in scores])
    iou, iobb = (np.array([getattr(s, k) for s in scores]) for k in ('iou', 'iobb'))
    chance = np.array([s.chance for s in scores]).reshape(-1, len(THRESHOLDS))
    columns = {
        'CAM_pointing': pointing,
        'CAM_random_pixel': random_pixel,
        'CAM_pointing_gain': pointing - random_pixel,
        'CAM_energy': np.array([s.energy for s in scores]),
    }
    for t, threshold in enumerate(THRESHOLDS):
        columns[f'CAM_IoU@{threshold}'] = (iou > threshold).astype(float)
        columns[f'CAM_IoBB@{threshold}'] = (iobb > threshold).astype(float)
        columns[f'CAM_IoU_chance@{threshold}'] = chance[:, t]
    return columns


def _statistic(
    columns: dict[str, np.ndarray], label: np.ndarray, findings: Sequence[str]
) -> Statistic:
    of_finding = (label == np.arange(len(findings))[:, None]).astype(float)

    def statistic(weights: np.ndarray) -> dict[str, np.ndarray]:
        report = {}
        for key, column in columns.items():
            known = of_finding * ~np.isnan(column)
            sums, n = (known * np.nan_to_num(column)) @ weights, known @ weights
            per_finding = ratio(sums, n)
            report[key] = ratio(sums.sum(axis=0), n.sum(axis=0))
            report[f'{key}_macro'] = mean_defined(per_finding)
            for c, name in enumerate(findings):
                report[f'{key}/{name}'] = per_finding[c]
        return report

    return statistic


@METRICS.register_module()
class CamLocalization(ResampledMetric):
    """Localisation by the maps that a model puts into its samples.

    A sample carries ``pred_cams``, {finding: (H, W) map of the original image}, beside
    ``gt_instances``; findings without a true box on the film are not judged. A map
    needs a backward pass, which a test loop does not make: ``tools/cam_benchmark.py``
    computes maps of any model. This class is for models whose forward pass gives them.

    Args:
        share: of the maximum, see :class:`BoxRule`.
        regions: see :class:`BoxRule`.
        tolerance_px: see :func:`score_map`.
        **kwargs: of :class:`ResampledMetric`: bootstrap, seed, prefix, ...
    """

    def __init__(
        self,
        share: float = 0.2,
        regions: str = 'largest',
        tolerance_px: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.rule = BoxRule(share, regions)
        self.tolerance_px = tolerance_px

    def process(self, data_batch: object, data_samples: Sequence[dict]) -> None:
        """Score the maps of each film; one entry a film, as mmengine counts them.

        Raises:
            ValueError: a film has no map of a finding that is boxed on it.
        """
        for sample in data_samples:
            boxes = as_floats(sample['gt_instances']['bboxes']).reshape(-1, 4)
            labels = as_floats(sample['gt_instances']['labels']).astype(int)
            self.results.append(
                [
                    score_map(
                        self._map_of(sample, self.classes[label]),
                        boxes[labels == label],
                        self.classes[label],
                        cluster_of(sample, self.cluster),
                        self.rule,
                        self.tolerance_px,
                    )
                    for label in np.unique(labels).tolist()
                ]
            )

    def _map_of(self, sample: dict, finding: str) -> np.ndarray:
        cams = sample.get('pred_cams', {})
        if finding not in cams:
            raise ValueError(
                f'{sample.get("img_path")} has a box of {finding} but no map of it in '
                f'pred_cams, which has {", ".join(cams) or "none"}. Maps of a model '
                'that makes none in its forward pass: tools/cam_benchmark.py.'
            )
        return as_floats(cams[finding])

    def compute_metrics(self, results: list[list[MapScore]]) -> dict[str, float]:
        """Metrics over all films; see :func:`cam_localization`."""
        scores = [score for film in results for score in film]
        return cam_localization(scores, self.classes, self.bootstrap, self.seed)
