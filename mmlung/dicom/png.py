"""The common PNG of a film, 8-bit grey, decoded two to three times as fast.

ChestX-ray14's PNG films, and those that most converters write, are plain 8-bit grey.
Half of what a training worker does is inflating them, and kornia-rs (Rust's ``png``)
does it in 40 % of libpng's time, to the very same pixels.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np

_SIGNATURE_BYTES = 8
_GREY_8_BITS = (8, 0, 0, 0, 0)
"""Depth, colour type, compression, filter, interlace."""
_MAX_PIXELS = 2**30
"""OpenCV's own limit: what is larger is left to it, to be refused."""


def decode_grey_png(data: bytes) -> np.ndarray | None:
    """Pixels (H, W) uint8 of an intact, plain PNG of 8-bit grey.

    Args:
        data: the whole file.

    Returns:
        None for any other file, a damaged one included, and where kornia-rs is not
        installed: it is for another decoder to read or to refuse.
    """
    try:
        from kornia_rs.io import decode_image_png_u8
    except ImportError:
        return None
    size_hw = _plain_size_hw(data)
    if size_hw is None:
        return None
    try:
        return decode_image_png_u8(data, size_hw, 'mono')[..., 0]
    except Exception:  # what it raises for a damaged file has no class of its own
        return None


def _plain_size_hw(data: bytes) -> tuple[int, int] | None:
    """(height, width), when all chunks are whole and the pixels are plain grey."""
    size_hw = None
    at = _SIGNATURE_BYTES
    while at + 12 <= len(data):
        length, kind = struct.unpack_from('>I4s', data, at)
        end = at + 8 + length
        if end + 4 > len(data):
            return None
        (crc,) = struct.unpack_from('>I', data, end)
        if zlib.crc32(memoryview(data)[at + 4 : end]) != crc or kind == b'tRNS':
            return None
        if kind == b'IHDR' and length == 13:
            width, height, *coding = struct.unpack_from('>II5B', data, at + 8)
            if tuple(coding) != _GREY_8_BITS or not 0 < width * height <= _MAX_PIXELS:
                return None
            size_hw = height, width
        if kind == b'IEND':
            return size_hw
        at = end + 4
    return None
