"""Films of any file: DICOM in every coding, and ordinary pictures, as grey pixels."""

from mmlung.dicom.film import ChestImage
from mmlung.dicom.film import image_size_hw
from mmlung.dicom.film import read_image

__all__ = ['ChestImage', 'image_size_hw', 'read_image']
