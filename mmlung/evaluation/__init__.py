"""Metrics of boxes and of image-level findings: pure NumPy under thin classes."""

from mmlung.evaluation.auc import MeanAUC
from mmlung.evaluation.auc import binary_auc
from mmlung.evaluation.auc import binary_auprc
from mmlung.evaluation.auc import mean_auc
from mmlung.evaluation.best_iou import BestIoU
from mmlung.evaluation.best_iou import best_iou
from mmlung.evaluation.bootstrap import cluster_weights
from mmlung.evaluation.bootstrap import percentile_interval
from mmlung.evaluation.bootstrap import with_intervals
from mmlung.evaluation.cam_boxes import BoxRule
from mmlung.evaluation.cam_localization import CamLocalization
from mmlung.evaluation.cam_localization import cam_localization
from mmlung.evaluation.cam_score import MapScore
from mmlung.evaluation.cam_score import score_map
from mmlung.evaluation.cutoffs import Cutoff
from mmlung.evaluation.cutoffs import operating_thresholds
from mmlung.evaluation.delong import DeLongAUC
from mmlung.evaluation.delong import DeLongTest
from mmlung.evaluation.delong import delong_auc
from mmlung.evaluation.delong import delong_covariance
from mmlung.evaluation.delong import delong_test
from mmlung.evaluation.detections import ImageDetections
from mmlung.evaluation.detections import read_detections
from mmlung.evaluation.froc import FROC
from mmlung.evaluation.froc import FrocCurve
from mmlung.evaluation.froc import froc
from mmlung.evaluation.froc import froc_curve
from mmlung.evaluation.image_scores import ScoredImage
from mmlung.evaluation.image_scores import read_scores
from mmlung.evaluation.kaggle_ap import KaggleAP
from mmlung.evaluation.kaggle_ap import kaggle_ap
from mmlung.evaluation.mask_iou import MaskIoU
from mmlung.evaluation.mask_iou import mask_iou
from mmlung.evaluation.mean_ap import MeanAP
from mmlung.evaluation.mean_ap import mean_ap
from mmlung.evaluation.mean_iou import MeanIoU
from mmlung.evaluation.mean_iou import mean_iou
from mmlung.evaluation.platt import Platt
from mmlung.evaluation.platt import fit_platt
from mmlung.evaluation.predictions import CollectPredictions
from mmlung.evaluation.rates import at_threshold
from mmlung.evaluation.rates import rates_at
from mmlung.evaluation.reliability import ReliabilityCurve
from mmlung.evaluation.reliability import brier_score
from mmlung.evaluation.reliability import calibration_errors
from mmlung.evaluation.reliability import expected_calibration_error
from mmlung.evaluation.reliability import reliability_curve
from mmlung.evaluation.roc import PrCurve
from mmlung.evaluation.roc import RocCurve
from mmlung.evaluation.roc import pr_curve
from mmlung.evaluation.roc import roc_curve
from mmlung.evaluation.study_level import count_conflicts
from mmlung.evaluation.study_level import pool_studies
from mmlung.evaluation.subgroups import age_band
from mmlung.evaluation.subgroups import subgroup_auc

__all__ = [
    'FROC',
    'BestIoU',
    'BoxRule',
    'CamLocalization',
    'CollectPredictions',
    'Cutoff',
    'DeLongAUC',
    'DeLongTest',
    'FrocCurve',
    'ImageDetections',
    'KaggleAP',
    'MapScore',
    'MaskIoU',
    'MeanAP',
    'MeanAUC',
    'MeanIoU',
    'Platt',
    'PrCurve',
    'ReliabilityCurve',
    'RocCurve',
    'ScoredImage',
    'age_band',
    'at_threshold',
    'best_iou',
    'binary_auc',
    'binary_auprc',
    'brier_score',
    'calibration_errors',
    'cam_localization',
    'cluster_weights',
    'count_conflicts',
    'delong_auc',
    'delong_covariance',
    'delong_test',
    'expected_calibration_error',
    'fit_platt',
    'froc',
    'froc_curve',
    'kaggle_ap',
    'mask_iou',
    'mean_ap',
    'mean_auc',
    'mean_iou',
    'operating_thresholds',
    'percentile_interval',
    'pool_studies',
    'pr_curve',
    'rates_at',
    'read_detections',
    'read_scores',
    'reliability_curve',
    'roc_curve',
    'score_map',
    'subgroup_auc',
    'with_intervals',
]
