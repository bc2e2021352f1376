"""Data sets and transforms for chest radiographs."""

from mmlung.datasets.augmentation import RandomExposure
from mmlung.datasets.classification import ChestClassificationDataset
from mmlung.datasets.detection import ChestDetectionDataset
from mmlung.datasets.loading import LoadChestImage
from mmlung.datasets.packing import PackChestInputs

__all__ = [
    'ChestClassificationDataset',
    'ChestDetectionDataset',
    'LoadChestImage',
    'PackChestInputs',
    'RandomExposure',
]
