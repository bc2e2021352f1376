"""Packing of a sample for a detector, where the grey image becomes three channels."""

from __future__ import annotations

import torch
from mmdet.datasets.transforms import PackDetInputs

from mmlung.registry import TRANSFORMS


@TRANSFORMS.register_module()
class PackChestInputs(PackDetInputs):
    """``mmdet.PackDetInputs`` for a grey film, with labels of the whole image.

    Upstream's preprocessor wants three channels and its packing knows no image-level
    labels. The three channels are one memory: they cost nothing until they are
    normalised.

    Required: img (H, W). Optional: gt_score (C,), NaN unknown; and what upstream takes.
    """

    def __init__(
        self,
        meta_keys: tuple[str, ...] = (
            'img_id',
            'img_path',
            'file_name',
            'patient_id',
            'ori_shape',
            'img_shape',
            'scale_factor',
            'flip',
            'flip_direction',
        ),
    ) -> None:
        super().__init__(meta_keys=meta_keys)

    def transform(self, results: dict) -> dict:
        """Sample to ``inputs`` (3, H, W) uint8 and ``data_samples``."""
        packed = super().transform(results)
        if 'inputs' in packed:
            packed['inputs'] = packed['inputs'].expand(3, -1, -1)
        if 'gt_score' in results:
            packed['data_samples'].gt_score = torch.as_tensor(results['gt_score'])
        return packed
