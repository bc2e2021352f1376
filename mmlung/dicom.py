"""File or bytes to one grey picture (H, W) uint8, with the few tags we use."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import UID
from pydicom.uid import DeflatedExplicitVRLittleEndian
from pydicom.uid import ExplicitVRBigEndian
from pydicom.uid import ExplicitVRLittleEndian
from pydicom.uid import ImplicitVRLittleEndian

from mmlung._display import display_values
from mmlung._picture import decode_picture

_SIGNATURES = {
    b'\x89PNG\r\n\x1a\n': 'png',
    b'\xff\xd8\xff': 'jpeg',
    b'II*\0': 'tiff',
    b'MM\0*': 'tiff',
    b'BM': 'bmp',
}
_HEAD_BYTES = 132
# A data set without preamble starts with an element of group 0002 or 0008.
_BARE_STARTS = (b'\x02\x00', b'\x08\x00')
_DECODERS = {
    '1.2.840.10008.1.2.4.50': 'python-gdcm',
    '1.2.840.10008.1.2.4.51': 'python-gdcm',
    '1.2.840.10008.1.2.4.57': 'python-gdcm',
    '1.2.840.10008.1.2.4.70': 'python-gdcm',
    '1.2.840.10008.1.2.4.80': 'pyjpegls',
    '1.2.840.10008.1.2.4.81': 'pyjpegls',
    '1.2.840.10008.1.2.4.90': 'pylibjpeg pylibjpeg-openjpeg',
    '1.2.840.10008.1.2.4.91': 'pylibjpeg pylibjpeg-openjpeg',
    '1.2.840.10008.1.2.4.201': 'pylibjpeg pylibjpeg-openjpeg',
    '1.2.840.10008.1.2.4.202': 'pylibjpeg pylibjpeg-openjpeg',
    '1.2.840.10008.1.2.4.203': 'pylibjpeg pylibjpeg-openjpeg',
}


@dataclass(frozen=True)
class ChestImage:
    """One film as it is to be looked at: bone and heart bright, air dark.

    ``pixels`` is (H, W) uint8. ``pixel_spacing_mm`` is (row, column): PixelSpacing, or
    ImagerPixelSpacing (at the detector) where that is missing; None when the file
    gives neither. ``source_format`` is 'dicom', 'png', 'jpeg', 'tiff' or 'bmp'.
    """

    pixels: np.ndarray
    pixel_spacing_mm: tuple[float, float] | None
    source_format: str


def read_image(source: str | Path | bytes) -> ChestImage:
    """Picture of one film, from a path or from the bytes of a file.

    What the file is, is read from its content, never from its suffix. DICOM goes
    through modality LUT, VOI LUT or window (the first), inversion (MONOCHROME1), and
    the output range of the window becomes 0..255. An ordinary picture of 16 bits is
    scaled from the smallest of 8, 10, 12, 14 or 16 bits that holds its largest value,
    so that 12 bits in a 16-bit file are not black; alpha is dropped.

    Raises:
        ValueError: not a film: damaged, colour, several frames, constant, compressed
            without a decoder; the message names the file and the tag.
        FileNotFoundError: no such file.

    Source: DICOM PS3.3 C.11.1, C.11.2, C.7.6.3.1.2, PS3.4 N.2.
    """
    with _naming(source):
        kind = _format_of(source)
        if kind == 'dicom':
            return _read_dicom(_open_dicom(source))
        data = source if isinstance(source, bytes) else Path(source).read_bytes()
        pixels = decode_picture(data, kind)
        _check_varies(pixels, 'the image is constant')
        return ChestImage(pixels, None, kind)


def image_size_hw(path: str | Path | bytes) -> tuple[int, int]:
    """(height, width) from the header alone: no pixel is decoded.

    Raises:
        ValueError: not an image, or a DICOM file without Rows and Columns.
        FileNotFoundError: no such file.
    """
    with _naming(path):
        if _format_of(path) == 'dicom':
            tags = ['Rows', 'Columns']
            dataset = _open_dicom(path, stop_before_pixels=True, specific_tags=tags)
            _require_tags(dataset, tags)
            return int(dataset.Rows), int(dataset.Columns)
        from PIL import Image
        from PIL import UnidentifiedImageError

        try:
            with Image.open(_as_file(path)) as picture:
                return picture.height, picture.width
        except UnidentifiedImageError as error:
            raise ValueError('a truncated or damaged picture file') from error


def _read_dicom(dataset: Dataset) -> ChestImage:
    pixels = _decode_dicom(dataset)
    low, high = int(pixels.min()), int(pixels.max())
    if low == high:
        raise ValueError(f'the image is constant, every stored value is {low}')
    shown = np.rint(255 * display_values(pixels, dataset)).astype(np.uint8)
    picture = shown[pixels.view(f'u{pixels.dtype.itemsize}')]
    _check_varies(
        picture,
        'the image is constant after (0028,1050) WindowCenter '
        f'{dataset.get("WindowCenter")}, (0028,1051) WindowWidth '
        f'{dataset.get("WindowWidth")}; its stored values are {low} to {high}',
    )
    return ChestImage(picture, _spacing_mm(dataset), 'dicom')


def _decode_dicom(dataset: Dataset) -> np.ndarray:
    """(H, W) stored values: u1, i1, u2 or i2 in native byte order."""
    _check_header(dataset)
    _check_decoder(dataset.file_meta.TransferSyntaxUID)
    try:
        pixels = dataset.pixel_array
    except Exception as error:  # the decoders raise whatever they like
        raise ValueError(
            '(7FE0,0010) PixelData cannot be decoded, the file is truncated or '
            f'damaged: {error}'
        ) from error
    if pixels.shape != (dataset.Rows, dataset.Columns):
        raise ValueError(
            f'(0028,0010) Rows {dataset.Rows} and (0028,0011) Columns '
            f'{dataset.Columns} differ from the decoded shape {pixels.shape}'
        )
    return np.ascontiguousarray(pixels, pixels.dtype.newbyteorder('='))


def _check_header(dataset: Dataset) -> None:
    _require_tags(
        dataset,
        ['Rows', 'Columns', 'PhotometricInterpretation', 'BitsAllocated', 'BitsStored'],
    )
    if 'PixelData' not in dataset:
        raise ValueError(
            '(7FE0,0010) PixelData is missing: not an image, or an incomplete download'
        )
    samples = dataset.get('SamplesPerPixel', 1)
    if samples != 1:
        raise ValueError(
            f'(0028,0002) SamplesPerPixel must be 1 (a grey film), got {samples}'
        )
    frames = str(dataset.get('NumberOfFrames') or 1)
    if frames != '1':
        raise ValueError(
            f'(0028,0008) NumberOfFrames must be 1 (one film), got {frames}'
        )
    photometric = dataset.PhotometricInterpretation
    if photometric not in ('MONOCHROME1', 'MONOCHROME2'):
        raise ValueError(
            f'(0028,0004) PhotometricInterpretation {photometric!r} is not supported; '
            'a chest radiograph is MONOCHROME1 or MONOCHROME2'
        )
    if dataset.BitsAllocated not in (8, 16):
        raise ValueError(
            '(0028,0100) BitsAllocated must be 8 or 16 for a radiograph, got '
            f'{dataset.BitsAllocated}'
        )
    if 'TransferSyntaxUID' not in dataset.file_meta:
        raise ValueError(
            '(0002,0010) TransferSyntaxUID is missing: truncated or not a DICOM file'
        )


def _check_decoder(syntax: UID) -> None:
    """Refuse a compression that nothing installed can undo, before any decoding."""
    from pydicom.pixels import get_decoder

    if not syntax.is_compressed or syntax == DeflatedExplicitVRLittleEndian:
        return
    try:
        available = get_decoder(syntax).is_available
    except NotImplementedError:
        available = False
    if not available:
        package = _DECODERS.get(str(syntax))
        advice = f'Run: pip install {package}' if package else 'Decompress the file'
        raise ValueError(
            f'(0002,0010) TransferSyntaxUID {syntax} ({syntax.name}): no decoder is '
            f'installed. {advice}'
        )


def _format_of(source: str | Path | bytes) -> str:
    """'dicom' or a picture format, from the first bytes."""
    if isinstance(source, bytes):
        head = source[:_HEAD_BYTES]
    else:
        with Path(source).open('rb') as file:
            head = file.read(_HEAD_BYTES)
    if head[128:] == b'DICM' or head[:2] in _BARE_STARTS:
        return 'dicom'
    for signature, kind in _SIGNATURES.items():
        if head.startswith(signature):
            return kind
    raise ValueError(
        'not an image: expected DICOM, PNG, JPEG, TIFF or BMP, got a file that starts '
        f'with {head[:8]!r}'
    )


def _open_dicom(source: str | Path | bytes, **options: object) -> Dataset:
    """Data set of a DICOM file, or of a bare one (no preamble) that is one for sure.

    pydicom's ``force`` takes anything for DICOM. Here it serves only a file whose first
    element is of group 0002 or 0008 and which names what object it is.
    """
    try:
        return pydicom.dcmread(_as_file(source), **options)  # type: ignore[arg-type]
    except InvalidDicomError:
        pass
    except Exception as error:
        raise ValueError(f'truncated or damaged DICOM file: {error}') from error
    try:
        dataset = pydicom.dcmread(_as_file(source), force=True)
        known = 'SOPClassUID' in dataset and 'Rows' in dataset
    except Exception as error:
        raise ValueError(f'not a DICOM file: {error}') from error
    if not known:
        raise ValueError('not a DICOM file: no preamble, no (0008,0016) SOPClassUID')
    if 'TransferSyntaxUID' not in dataset.file_meta:  # then it is not compressed
        implicit, little = dataset.original_encoding
        plain = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        dataset.file_meta.TransferSyntaxUID = (
            ImplicitVRLittleEndian if implicit else plain
        )
    return dataset


def _require_tags(dataset: Dataset, keywords: list[str]) -> None:
    for keyword in keywords:
        if dataset.get(keyword) is None:
            tag = pydicom.datadict.tag_for_keyword(keyword) or 0
            raise ValueError(
                f'({tag >> 16:04X},{tag & 0xFFFF:04X}) {keyword} is missing: not an '
                'image, or an incomplete download'
            )


def _spacing_mm(dataset: Dataset) -> tuple[float, float] | None:
    for keyword in ('PixelSpacing', 'ImagerPixelSpacing'):
        spacing = dataset.get(keyword)
        if spacing and len(spacing) == 2 and min(spacing) > 0:
            return float(spacing[0]), float(spacing[1])
    return None


def _check_varies(pixels: np.ndarray, message: str) -> None:
    if pixels.min() == pixels.max():
        raise ValueError(message)


def _as_file(source: str | Path | bytes) -> io.BytesIO | Path:
    return io.BytesIO(source) if isinstance(source, bytes) else Path(source)


@contextmanager
def _naming(source: str | Path | bytes) -> Iterator[None]:
    """Puts the file's name in front of what is wrong with it."""
    try:
        yield
    except ValueError as error:
        name = f'{len(source)} bytes' if isinstance(source, bytes) else source
        raise ValueError(f'{name}: {error}') from error
