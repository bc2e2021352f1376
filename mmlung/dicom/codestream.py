"""Size that a compressed frame itself has, which need not be the header's."""

from __future__ import annotations

import struct

_NO_SIZE = {0xC4, 0xC8, 0xCC}
"""Tables, a reserved one, arithmetic conditioning: among the frame headers of JPEG."""
_JPEG_LS_FRAME = 0xF7
_ALONE = {0x01, *range(0xD0, 0xDA)}
"""Markers without a length."""


def coded_size_hw(frame: bytes) -> tuple[int, int] | None:
    """(height, width) of a frame in JPEG, JPEG-LS or JPEG 2000; None of any other.

    A header whose Rows and Columns are swapped has the right number of pixels, and some
    decoders ask for no more.

    Source: ITU-T T.81 B.2.2 (JPEG), T.87 C.2.2 (JPEG-LS), T.800 A.5.1 and I.5.3.1.
    """
    if frame.startswith(b'\xff\xd8'):
        return _jpeg_size_hw(frame)
    if frame.startswith(b'\xff\x4f\xff\x51') and len(frame) >= 24:
        right, bottom, left, top = struct.unpack_from('>4I', frame, 8)
        return bottom - top, right - left
    if frame[4:8] == b'jP  ':  # wrapped as a file, which DICOM forbids and some do
        box = frame.find(b'ihdr', 0, 200)
        if box >= 0 and len(frame) >= box + 12:
            height, width = struct.unpack_from('>2I', frame, box + 4)
            return height, width
    return None


def _jpeg_size_hw(frame: bytes) -> tuple[int, int] | None:
    position = 2
    while position + 9 <= len(frame) and frame[position] == 0xFF:
        marker = frame[position + 1]
        if marker == 0xFF or marker in _ALONE:  # a fill byte, or nothing behind it
            position += 1 if marker == 0xFF else 2
            continue
        if marker == _JPEG_LS_FRAME or (
            0xC0 <= marker <= 0xCF and marker not in _NO_SIZE
        ):
            height, width = struct.unpack_from('>2H', frame, position + 5)
            return (height, width) if height else None  # 0: behind the first scan
        position += 2 + struct.unpack_from('>H', frame, position + 2)[0]
    return None
