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
from mmlung.evaluation.detections import ImageDetections
from mmlung.evaluation.detections import read_detections
from mmlung.evaluation.froc import FROC
from mmlung.evaluation.froc import FrocCurve
from mmlung.evaluation.froc import froc
from mmlung.evaluation.froc import froc_curve
from mmlung.evaluation.kaggle_ap import KaggleAP
from mmlung.evaluation.kaggle_ap import kaggle_ap
from mmlung.evaluation.mask_iou import MaskIoU
from mmlung.evaluation.mask_iou import mask_iou
from mmlung.evaluation.mean_ap import MeanAP
from mmlung.evaluation.mean_ap import mean_ap
from mmlung.evaluation.mean_iou import MeanIoU
from mmlung.evaluation.mean_iou import mean_iou
from mmlung.evaluation.predictions import CollectPredictions

__all__ = [
    'FROC',
    'BestIoU',
    'CollectPredictions',
    'FrocCurve',
    'ImageDetections',
    'KaggleAP',
    'MaskIoU',
    'MeanAP',
    'MeanAUC',
    'MeanIoU',
    'best_iou',
    'binary_auc',
    'binary_auprc',
    'cluster_weights',
    'froc',
    'froc_curve',
    'kaggle_ap',
    'mask_iou',
    'mean_ap',
    'mean_auc',
    'mean_iou',
    'percentile_interval',
    'read_detections',
    'with_intervals',
]
