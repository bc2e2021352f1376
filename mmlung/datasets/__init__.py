"""Data sets and transforms for chest radiographs."""

from mmlung.datasets.augmentation import RandomExposure
from mmlung.datasets.class_balance import ClassBalancedSampler
from mmlung.datasets.classification import ChestClassificationDataset
from mmlung.datasets.detection import ChestDetectionDataset
from mmlung.datasets.loading import LoadChestImage
from mmlung.datasets.packing import PackChestInputs
from mmlung.datasets.sampling import HealthyRatioSampler
from mmlung.datasets.sampling import draw_epoch
from mmlung.datasets.sampling import repeat_factors

__all__ = [
    'ChestClassificationDataset',
    'ChestDetectionDataset',
    'ClassBalancedSampler',
    'HealthyRatioSampler',
    'LoadChestImage',
    'PackChestInputs',
    'RandomExposure',
    'draw_epoch',
    'repeat_factors',
]
