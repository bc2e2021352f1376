"""Damaged files give a ValueError that names them, never anything else.

``MMLUNG_FUZZ=20000 pytest tests/dicom/test_fuzz.py`` is the longer round; it draws new
examples each time. What it found has become a test here or in test_dicom.py.
"""

import io
import logging
import os
import struct
import warnings
from pathlib import Path

import cv2
import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from pydicom import uid
from pydicom.data import get_testdata_file
from pydicom.datadict import dictionary_VR
from pydicom.encaps import encapsulate
from pydicom.tag import Tag

from mmlung.dicom import ChestImage
from mmlung.dicom import image_size_hw
from mmlung.dicom import read_image
from tests.dicom.test_film import encoded
from tests.dicom.test_film import film
from tests.dicom.test_film import lut
from tests.dicom.test_syntaxes import compressed
from tests.dicom.test_syntaxes import lossless_jpeg

ROUNDS = int(os.environ.get('MMLUNG_FUZZ', '0'))
FUZZ = settings(
    max_examples=ROUNDS or 60,
    derandomize=not ROUNDS,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
BUNDLED = [
    '693_J2KI.dcm',
    'CT_small.dcm',
    'ExplVR_BigEnd.dcm',
    'JPEGLSNearLossless_08.dcm',
    'JPEGLSNearLossless_16.dcm',
    'JPGExtended.dcm',
    'MR_small.dcm',
    'MR_small_RLE.dcm',
    'MR_small_bigendian.dcm',
    'MR_small_implicit.dcm',
    'MR_small_jp2klossless.dcm',
    'MR_small_jpeg_ls_lossless.dcm',
    'MR_truncated.dcm',
    'SC_rgb_jpeg_gdcm.dcm',
    'SC_rgb_small_odd_jpeg.dcm',
    'image_dfl.dcm',
    'liver_1frame.dcm',
    'meta_missing_tsyntax.dcm',
    'nested_priv_SQ.dcm',
    'no_meta.dcm',
    'rtdose_rle.dcm',
]


def _ours():
    """Films that pydicom does not bring: LUTs, windows, grey JPEG of both kinds."""
    stored = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    yield film(WindowCenter=[900, 2000], WindowWidth=[800, 300])
    yield film(WindowCenter=2000, WindowWidth=900, VOILUTFunction='SIGMOID')
    yield film(
        ModalityLUTSequence=lut(np.arange(4096) * 7, 0, 16),
        VOILUTSequence=lut(np.arange(9000), 0, 14),
    )
    frame = lossless_jpeg(stored, 12, 4)
    yield compressed(stored, uid.JPEGLossless, frame, 12)
    yield compressed(stored, uid.JPEGLosslessSV1, lossless_jpeg(stored, 12, 1), 12)


SEEDS = [Path(get_testdata_file(name, download=False)).read_bytes() for name in BUNDLED]
FILMS = [encoded(ds) for ds in _ours()]
PICTURES = [
    cv2.imencode(suffix, np.arange(240, dtype=dtype).reshape(12, 20) * 200)[1].tobytes()
    for suffix in ('.png', '.tiff', '.bmp', '.jpg')
    for dtype in (np.uint8, np.uint16)
    if dtype == np.uint8 or suffix in ('.png', '.tiff')
]
KEYWORDS = [
    'BitsAllocated',
    'BitsStored',
    'Columns',
    'HighBit',
    'ImagerPixelSpacing',
    'ModalityLUTSequence',
    'NumberOfFrames',
    'PhotometricInterpretation',
    'PixelData',
    'PixelPaddingValue',
    'PixelRepresentation',
    'PixelSpacing',
    'PlanarConfiguration',
    'PresentationLUTShape',
    'RescaleIntercept',
    'RescaleSlope',
    'Rows',
    'SOPClassUID',
    'SamplesPerPixel',
    'SpecificCharacterSet',
    'VOILUTFunction',
    'VOILUTSequence',
    'WindowCenter',
    'WindowWidth',
]
NUMBERS = ['0', '-1', '1e-320', '1e308', '-1e11', 'nan', 'inf', '2\\3', '', '0.5', 'x']


def check(data):
    """A picture, or a ValueError that names the file: whatever else escapes."""
    messages, image = [], None
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        try:
            image_size_hw(data)
        except ValueError as error:
            messages.append(str(error))
        try:
            image = read_image(data)
        except ValueError as error:
            messages.append(str(error))
    assert all(message.startswith(f'{len(data)} bytes: ') for message in messages)
    if image is None:
        return
    assert isinstance(image, ChestImage)
    assert image.pixels.dtype == np.uint8
    assert image.pixels.ndim == 2
    assert image.pixels.min() < image.pixels.max()


@pytest.fixture(autouse=True)
def _quiet_decoders():
    """Plug-ins that fail are logged with their traceback."""
    logger = logging.getLogger('pydicom')
    before, logger.disabled = logger.disabled, True
    yield
    logger.disabled = before


@st.composite
def damaged_bytes(draw):
    """Bytes changed, mostly in the header; cut off; a part lost or doubled."""
    data = bytearray(draw(st.sampled_from(SEEDS + FILMS + PICTURES)))
    ends = st.sampled_from([400, 2000, len(data)]).filter(lambda end: end > 0)
    for _ in range(draw(st.integers(0, 12))):
        position = draw(st.integers(0, min(draw(ends), len(data)) - 1))
        data[position] = draw(st.integers(0, 255))
    if draw(st.booleans()):
        start = draw(st.integers(0, len(data)))
        stop = min(start + draw(st.integers(1, 300)), len(data))
        data[start:stop] = data[start:stop] * draw(st.sampled_from([0, 2]))
    if draw(st.booleans()):
        del data[draw(st.integers(0, len(data))) :]
    return bytes(data)


@st.composite
def edited_tags(draw):
    """One to four tags of a film gone, or with any bytes or text as their value."""
    ds = pydicom.dcmread(io.BytesIO(draw(st.sampled_from(FILMS))))
    added = []
    for keyword in draw(st.lists(st.sampled_from(KEYWORDS), min_size=1, max_size=4)):
        value = draw(
            st.one_of(
                st.none(),
                st.binary(max_size=12),
                st.sampled_from(NUMBERS).map(str.encode),
                st.integers(0, 65535).map(lambda n: n.to_bytes(2, 'little')),
            )
        )
        if keyword in ds:
            del ds[keyword]
        if keyword == 'PixelData' and ds.file_meta.TransferSyntaxUID.is_compressed:
            ds.add_new(keyword, 'OB', encapsulate([value or b'\0']))
            ds[keyword].is_undefined_length = True
        elif value is not None:
            added.append(element(keyword, value))
    return encoded(ds) + b''.join(added)


def element(keyword, value):
    """A data element in explicit VR, little-endian; pydicom writes no wrong ones."""
    tag, kind = Tag(keyword), dictionary_VR(keyword).split(' ')[0]
    head = struct.pack('<HH2s', tag.group, tag.element, kind.encode())
    if kind in ('OB', 'OW', 'SQ', 'UN'):
        return head + struct.pack('<HI', 0, len(value)) + value
    return head + struct.pack('<H', len(value)) + value


@FUZZ
@given(damaged_bytes())
def test_damaged_bytes(data):
    check(data)


@FUZZ
@given(edited_tags())
def test_edited_tags(data):
    check(data)


@pytest.mark.parametrize('data', SEEDS + FILMS, ids=[*BUNDLED, *range(len(FILMS))])
def test_undamaged(data):
    check(data)
