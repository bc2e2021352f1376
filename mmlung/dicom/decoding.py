"""Pixel data of a DICOM film to the words that it stores, in every transfer syntax.

Decoders are pydicom's plug-ins, all freely licensed: pylibjpeg and pylibjpeg-openjpeg
(MIT) for JPEG 2000, Pillow (MIT-CMU) for JPEG of 8 bits, python-gdcm (Apache-2.0; the
GDCM inside is BSD-3-Clause, its parts BSD, MIT, zlib or IJG) for the rest. The often
named pylibjpeg-libjpeg is GPL-3 and not needed.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.pixels import get_decoder
from pydicom.pixels import pixel_array

from mmlung.dicom.codestream import coded_size_hw
from mmlung.dicom.tags import read_number
from mmlung.dicom.tags import read_tag
from mmlung.dicom.tags import tag_name

# Plug-ins in order of preference, and what to install where there is none of them.
_OPENJPEG = (('pylibjpeg', 'gdcm'), 'pylibjpeg pylibjpeg-openjpeg')
_GDCM = (('gdcm', 'pylibjpeg'), 'python-gdcm')
_JPEG_LS = (('pyjpegls', 'gdcm', 'pylibjpeg'), 'python-gdcm')
_JPEG_8_BITS = (('pillow', 'gdcm', 'pylibjpeg'), 'pillow')
_JPEG_12_BITS = (('mmlung', 'pylibjpeg'), 'python-gdcm')
_PLUGINS = {
    uid.JPEGBaseline8Bit: _JPEG_8_BITS,
    uid.JPEGExtended12Bit: _JPEG_8_BITS,
    uid.JPEGLossless: _GDCM,
    uid.JPEGLosslessSV1: _GDCM,
    uid.JPEGLSLossless: _JPEG_LS,
    uid.JPEGLSNearLossless: _JPEG_LS,
    uid.JPEG2000Lossless: _OPENJPEG,
    uid.JPEG2000: _OPENJPEG,
    uid.HTJ2KLossless: _OPENJPEG,
    uid.HTJ2KLosslessRPCL: _OPENJPEG,
    uid.HTJ2K: _OPENJPEG,
    uid.RLELossless: (('pylibjpeg', 'pydicom'), 'pydicom'),
}
_LARGEST_FILM = 2**28
"""Pixels; above, a damaged header asks for gigabytes."""
_REGISTERING = threading.Lock()


def decode_words(dataset: Dataset) -> np.ndarray:
    """(H, W) words of a grey frame as stored, uint8 or uint16 in native byte order.

    Bits above BitsStored are left as they are (overlays may live there), and signed
    values are in two's complement. The array may be read-only.

    Raises:
        ValueError: pixels truncated or damaged, or no decoder for the compression.
    """
    rows, columns = (int(read_number(dataset, name)) for name in ('Rows', 'Columns'))
    if not 0 < rows * columns <= _LARGEST_FILM:
        raise ValueError(
            f'{tag_name("Rows")} {rows} and {tag_name("Columns")} {columns} are no film'
        )
    syntax = uid.UID(str(read_tag(dataset.file_meta, 'TransferSyntaxUID')))
    plugin = find_plugin(syntax, int(read_number(dataset, 'BitsStored')))
    with _naming_damage():
        size_hw = _coded_size_hw(dataset) if plugin else None
    _check_size(rows, columns, size_hw)
    with _naming_damage():
        words = pixel_array(
            dataset, decoding_plugin=plugin, view_only=True, correct_unused_bits=False
        )
    _check_size(rows, columns, words.shape)
    words = np.ascontiguousarray(words, words.dtype.newbyteorder('='))
    return words.view(f'u{words.dtype.itemsize}')


def find_plugin(syntax: uid.UID, bits_stored: int) -> str:
    """Name of the plug-in that decodes a compression, '' where none is needed.

    Raises:
        ValueError: nothing installed can; the message has the UID, its name and the
            command that helps.
    """
    if syntax.is_private or not syntax.is_transfer_syntax:
        raise ValueError(f'{_named(syntax)}: not a transfer syntax of the standard')
    if not syntax.is_compressed:
        return ''
    if syntax not in _PLUGINS:
        raise ValueError(f'{_named(syntax)}: not supported. Decompress the file')
    wanted, package = _PLUGINS[syntax]
    if syntax == uid.JPEGExtended12Bit and bits_stored > 8:
        _register_jpeg_extended()
        wanted, package = _JPEG_12_BITS
    available = get_decoder(syntax).available_plugins
    for plugin in wanted:
        if plugin in available:
            return plugin
    raise ValueError(
        f'{_named(syntax)}: no decoder is installed. Run: pip install {package}'
    )


def _coded_size_hw(dataset: Dataset) -> tuple[int, ...] | None:
    frame = next(generate_frames(dataset.PixelData, number_of_frames=1))
    return coded_size_hw(frame)


def _check_size(rows: int, columns: int, size_hw: tuple[int, ...] | None) -> None:
    if size_hw is not None and size_hw != (rows, columns):
        raise ValueError(
            f'{tag_name("Rows")} {rows} and {tag_name("Columns")} {columns} differ '
            f'from the size of the pixel data, {size_hw}'
        )


@contextmanager
def _naming_damage() -> Iterator[None]:
    try:
        yield
    except Exception as error:  # the decoders raise whatever they like
        raise ValueError(
            f'{tag_name("PixelData")} cannot be decoded, the file is truncated or '
            f'damaged: {error}'
        ) from error


@functools.cache
def _register_jpeg_extended() -> None:
    decoder = get_decoder(uid.JPEGExtended12Bit)
    with _REGISTERING:
        known = (*decoder.available_plugins, *decoder.missing_dependencies)
        if not any(name.startswith('mmlung') for name in known):
            decoder.add_plugin('mmlung', ('mmlung.dicom.jpeg_extended', 'decode_frame'))


def _named(syntax: uid.UID) -> str:
    return f'{tag_name("TransferSyntaxUID")} {syntax} ({syntax.name})'
