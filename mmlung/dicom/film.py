"""File or bytes to one grey picture (H, W) uint8, with the few tags we use."""

from __future__ import annotations

import io
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import ExplicitVRBigEndian
from pydicom.uid import ExplicitVRLittleEndian
from pydicom.uid import ImplicitVRLittleEndian

from mmlung.dicom.decoding import decode_words
from mmlung.dicom.display import display_values
from mmlung.dicom.display import look_up
from mmlung.dicom.picture import decode_picture
from mmlung.dicom.tags import read_number
from mmlung.dicom.tags import read_numbers
from mmlung.dicom.tags import read_tag
from mmlung.dicom.tags import tag_name

_SIGNATURES = {
    b'\x89PNG\r\n\x1a\n': 'png',
    b'\xff\xd8\xff': 'jpeg',
    b'II*\0': 'tiff',
    b'MM\0*': 'tiff',
    b'BM': 'bmp',
}
# What else people hand over, told by name: a message that quoted an unknown file's
# bytes could quote a patient's name.
_OTHER_FILES = {
    b'%PDF': 'a PDF',
    b'PK': 'a ZIP archive',
    b'\x1f\x8b': 'a gzip archive',
    b'GIF8': 'a GIF',
    b'RIFF': 'a WebP or another RIFF file',
    b'\0\0\0\x0cjP  ': 'a JPEG 2000 file',
    b'\x93NUMPY': 'a NumPy array',
}
_HEAD_BYTES = 132
# A data set without preamble starts with an element of group 0002 or 0008.
_BARE_STARTS = (b'\x02\x00', b'\x08\x00')


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


def read_image(source: str | Path | bytes, *, window: int = 0) -> ChestImage:
    """Picture of one film, from a path or from the bytes of a file.

    What the file is, is read from its content, never from its suffix. DICOM goes
    through modality LUT, VOI LUT or window, inversion (MONOCHROME1, or INVERSE as
    PresentationLUTShape, or both: once), and the output range of the window becomes
    0..255. An ordinary picture of 16 bits is scaled from the smallest of 8, 10, 12, 14
    or 16 bits that holds its largest value, so that 12 bits in a 16-bit file are not
    black; alpha is dropped.

    Args:
        source: the file.
        window: which of a DICOM file's windows or VOI LUTs. The first is what the
            sender's station shows; the standard ranks them no further. A film without
            any has none to choose from.

    Raises:
        ValueError: not a film: damaged, colour, several frames, constant, compressed
            without a decoder; the message names the file and the tag.
        FileNotFoundError: no such file.

    Source: DICOM PS3.3 C.11.1, C.11.2, C.7.6.3.1.2, PS3.4 N.2.
    """
    with _naming(source):
        kind = _format_of(source)
        if kind == 'dicom':
            return _read_dicom(_open_dicom(source), window)
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
            rows, columns = (int(read_number(dataset, tag)) for tag in tags)
            return rows, columns
        from PIL import Image

        try:
            with Image.open(_as_file(path)) as picture:
                return picture.height, picture.width
        except Exception as error:  # Pillow raises whatever it likes
            raise ValueError('a truncated or damaged picture file') from error


def read_tags(path: str | Path, keywords: Sequence[str]) -> Dataset | None:
    """These tags of a DICOM file, be it bare (no preamble); None of a picture.

    Values are not decoded before they are asked for.

    Raises:
        ValueError: not an image.
        FileNotFoundError: no such file.
    """
    with _naming(path):
        if _format_of(path) != 'dicom':
            return None
        options = {'stop_before_pixels': True, 'specific_tags': list(keywords)}
        return _open_dicom(path, **options)


def _read_dicom(dataset: Dataset, window: int) -> ChestImage:
    _check_header(dataset)
    words = decode_words(dataset)
    low, high = int(words.min()), int(words.max())
    if low == high:
        raise ValueError(f'the image is constant, every stored value is {low}')
    shown = np.rint(255 * display_values(words, dataset, window)).astype(np.uint8)
    picture = look_up(words, shown)
    _check_varies(
        picture,
        f'the image is constant after {tag_name("WindowCenter")} '
        f'{dataset.get("WindowCenter")}, {tag_name("WindowWidth")} '
        f'{dataset.get("WindowWidth")}; its stored values are {low} to {high}',
    )
    return ChestImage(picture, _spacing_mm(dataset), 'dicom')


def _check_header(dataset: Dataset) -> None:
    for keyword in ('Rows', 'Columns', 'BitsAllocated', 'BitsStored'):
        read_number(dataset, keyword)
    if 'PixelData' not in dataset:
        raise ValueError(
            f'{tag_name("PixelData")} is missing: not an image, or an incomplete '
            'download'
        )
    samples = read_number(dataset, 'SamplesPerPixel', 1)
    if samples != 1:
        raise ValueError(
            f'{tag_name("SamplesPerPixel")} must be 1 (a grey film), got {samples:g}'
        )
    frames = read_number(dataset, 'NumberOfFrames', 1)
    if frames not in (0, 1):
        raise ValueError(
            f'{tag_name("NumberOfFrames")} must be 1 (one film), got {frames:g}'
        )
    photometric = read_tag(dataset, 'PhotometricInterpretation')
    if photometric not in ('MONOCHROME1', 'MONOCHROME2'):
        raise ValueError(
            f'{tag_name("PhotometricInterpretation")} {photometric!r} is not '
            'supported; a chest radiograph is MONOCHROME1 or MONOCHROME2'
        )
    allocated = read_number(dataset, 'BitsAllocated')
    if allocated not in (8, 16):
        raise ValueError(
            f'{tag_name("BitsAllocated")} must be 8 or 16 for a radiograph, got '
            f'{allocated:g}'
        )
    stored = read_number(dataset, 'BitsStored')
    if not 1 <= stored <= allocated:
        raise ValueError(
            f'{tag_name("BitsStored")} must be 1 to {allocated:g} (BitsAllocated), got '
            f'{stored:g}'
        )
    if read_tag(dataset.file_meta, 'TransferSyntaxUID') is None:
        raise ValueError(
            f'{tag_name("TransferSyntaxUID")} is missing: truncated or not a DICOM file'
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
    known = (name for start, name in _OTHER_FILES.items() if head.startswith(start))
    found = next(known, 'an unknown kind of file' if head else 'an empty file')
    raise ValueError(
        f'not an image: expected DICOM, PNG, JPEG, TIFF or BMP, got {found}'
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


def _spacing_mm(dataset: Dataset) -> tuple[float, float] | None:
    for keyword in ('PixelSpacing', 'ImagerPixelSpacing'):
        spacing = read_numbers(dataset, keyword)
        if len(spacing) == 2 and min(spacing) > 0:
            return spacing[0], spacing[1]
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
