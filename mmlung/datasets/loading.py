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
        ValueError: the film cannot be read, or its boxes are for a film of another
            size; the message names the file.
        FileNotFoundError: no such file.
    """

    def transform(self, results: dict) -> dict:
        """Add the film to the sample."""
        film = read_image(results['img_path'])
        _check_size(results, film.pixels.shape)
        results['img'] = film.pixels
        results['img_shape'] = results['ori_shape'] = film.pixels.shape
        results['pixel_spacing_mm'] = film.pixel_spacing_mm
        return results


def _check_size(results: dict, size_hw: tuple[int, ...]) -> None:
    """Boxes are in pixels of the film that the annotations describe."""
    said = (results.get('height'), results.get('width'))
    if 'instances' in results and None not in said and said != tuple(size_hw):
        raise ValueError(
            f'{results["img_path"]} is {size_hw[0]} x {size_hw[1]} pixels (height x '
            f'width), but its boxes were converted for {said[0]} x {said[1]}. Convert '
            'again with --images naming these films.'
        )
