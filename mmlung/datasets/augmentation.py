"""Augmentation that upstream has for colour images only."""

from __future__ import annotations

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness

from mmlung.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomExposure(BaseTransform):
    """Brightness and contrast of a grey film, as exposure and windowing vary.

    Upstream's ``ColorTransform``, ``Contrast`` and ``PhotoMetricDistortion`` expect
    three channels.

    Args:
        brightness: largest shift, as a share of the grey range.
        contrast: largest relative change of the contrast around mid-grey.

    Required and modified: img (H, W) uint8.

    Raises:
        ValueError: a share is not in [0, 1).
    """

    def __init__(self, brightness: float = 0.1, contrast: float = 0.1) -> None:
        for name, value in (('brightness', brightness), ('contrast', contrast)):
            if not 0 <= value < 1:
                raise ValueError(f'{name} must lie in [0, 1), got {value}')
        self.brightness = brightness
        self.contrast = contrast

    @cache_randomness
    def _draw(self) -> tuple[float, float]:
        shift, factor = np.random.uniform(-1, 1, size=2)
        return 255 * self.brightness * shift, 1 + self.contrast * factor

    def transform(self, results: dict) -> dict:
        """Apply one drawn exposure through a table of 256 grey levels."""
        shift, factor = self._draw()
        levels = (np.arange(256) - 127.5) * factor + 127.5 + shift
        table = levels.round().clip(0, 255).astype(np.uint8)
        results['img'] = cv2.LUT(results['img'], table)
        return results
