"""pydicom plug-in for JPEG Extended of 12 bits, which GDCM reads but pydicom 3 refuses.

GDCM takes the decoder of the allocated bits, 16, prints a complaint, and then the one
of 12 bits. Told 12 at once, it finds it in silence.
"""

from __future__ import annotations

from pydicom.pixels.decoders.base import DecodeRunner
from pydicom.uid import JPEGExtended12Bit

try:
    import gdcm
except ImportError:
    gdcm = None

DECODER_DEPENDENCIES = {JPEGExtended12Bit: ('python-gdcm>=3.0.24',)}
_PRECISION = 12


def is_available(uid: str) -> bool:
    """Whether this plug-in can decode the transfer syntax."""
    return gdcm is not None and uid in DECODER_DEPENDENCIES


def decode_frame(source: bytes, runner: DecodeRunner) -> bytes:
    """One grey frame: little-endian words of 16 bits, row by row."""
    if runner.samples_per_pixel != 1 or runner.bits_allocated != 16:
        raise ValueError('JPEG of 12 bits must be grey, in words of 16 bits')
    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(source)
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())
    grey = gdcm.PhotometricInterpretation.MONOCHROME2
    syntax = gdcm.TransferSyntax.GetTSType(str(runner.transfer_syntax))
    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((runner.columns, runner.rows, 1))
    image.SetDataElement(element)
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(grey))
    image.SetTransferSyntax(gdcm.TransferSyntax(syntax))
    image.SetPixelFormat(gdcm.PixelFormat(1, _PRECISION, _PRECISION, 11, 0))
    text = image.GetBuffer()
    if text is None:
        raise ValueError('GDCM cannot decode the frame')
    return text.encode('utf-8', 'surrogateescape')  # char* comes as str
