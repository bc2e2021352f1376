"""Loading of a film, DICOM or ordinary picture, as one grey channel."""

from __future__ import annotations

from mmcv.transforms import BaseTransform

from mmlung.dicom import read_image
from mmlung.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadChestImage(BaseTransform):
    """Read a DICOM or ordinary picture as (H, W) uint8.

    It stands where ``LoadImageFromFile`` stands, in the pipelines of MMDetection and of
    MMPretrain. The film stays one channel until it is packed or preprocessed. What the
    file is, is read from its content (VinDr-CXR ends in .dicom, MIMIC-CXR in .dcm).

    Required: ``img_path``.
    Sets: ``img``, ``img_shape`` and ``ori_shape`` (h, w), ``pixel_spacing_mm`` (row,
    column) or None.

    Raises:
        ValueError: the film cannot be read; the message names the file.
        FileNotFoundError: no such file.
    """

    def transform(self, results: dict) -> dict:
        """Add the film to the sample."""
        film = read_image(results['img_path'])
        results['img'] = film.pixels
        results['img_shape'] = results['ori_shape'] = film.pixels.shape
        results['pixel_spacing_mm'] = film.pixel_spacing_mm
        return results
