"""Bytes of an ordinary picture file to one grey channel of 8 bits."""

from __future__ import annotations

import io

import cv2
import numpy as np

from mmlung.dicom.png import decode_grey_png

_STORED_BITS = (8, 10, 12, 14, 16)
_GREY_TOLERANCE = 2  # of 255: the rounding of JPEG's colour space


def decode_picture(data: bytes, kind: str) -> np.ndarray:
    """Grey picture (H, W) uint8 of a PNG, JPEG, TIFF or BMP file, not rotated.

    Sixteen bits are scaled from the smallest of 8, 10, 12, 14 or 16 bits that holds the
    largest value: 12 bits in a 16-bit file must not come out black, and a film whose
    brightest pixel lies below a quarter of its range is not met. Alpha is dropped. A
    grey film that was stored in colour (channels within 2 grey levels) is taken back.

    Raises:
        ValueError: damaged, several pages, other than 8 or 16 bits, or in colour.
    """
    if kind == 'png' and (grey := decode_grey_png(data)) is not None:
        return grey
    white_is_zero = kind == 'tiff' and _tiff_white_is_zero(data)
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:  # such as a size that memory does not hold
        raise ValueError(f'a damaged {kind.upper()} file: {error.err}') from error
    if image is None:
        raise ValueError(f'a truncated or damaged {kind.upper()} file')
    if image.dtype not in (np.uint8, np.uint16):
        raise ValueError(f'pixels must have 8 or 16 bits, got {image.dtype}')
    grey8 = to_grey8(image[..., :3] if image.ndim == 3 else image)
    # OpenCV turns WhiteIsZero over in files of 8 bits, not in those of 16.
    return 255 - grey8 if white_is_zero and image.dtype == np.uint16 else grey8


def to_grey8(image: np.ndarray) -> np.ndarray:
    """One channel of 8 bits; a grey film that was stored as colour is taken back.

    Args:
        image: (H, W) or (H, W, 3) uint8 or uint16.

    Raises:
        ValueError: the channels differ by more than rounding: a colour picture.
    """
    largest = 255
    if image.dtype == np.uint16:
        bits = int(image.max()).bit_length()
        largest = 2 ** next(n for n in _STORED_BITS if n >= bits) - 1
    if image.ndim == 3:
        spread = int((image.max(axis=2) - image.min(axis=2)).max()) * 255 / largest
        if spread > _GREY_TOLERANCE:
            raise ValueError(
                'a chest radiograph is grey, got a colour picture: its channels differ '
                f'by up to {spread:.0f} of 255 grey levels'
            )
        image = image[..., image.shape[2] // 2]
    if largest == 255:
        return np.ascontiguousarray(image, np.uint8)
    return np.rint(image * (255 / largest)).astype(np.uint8)


def _tiff_white_is_zero(data: bytes) -> bool:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data)) as picture:
            pages = getattr(picture, 'n_frames', 1)
            photometric = picture.tag_v2.get(262)  # type: ignore[attr-defined]
    except Exception as error:  # Pillow raises whatever it likes
        raise ValueError(f'a truncated or damaged TIFF file: {error}') from error
    if pages != 1:
        raise ValueError(f'a TIFF must have 1 page (one film), got {pages}')
    return photometric == 0
