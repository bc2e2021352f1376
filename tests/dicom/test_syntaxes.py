import base64
import io
import logging
import struct
from types import SimpleNamespace

import cv2
import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom import uid
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate
from pydicom.encaps import generate_frames
from pydicom.pixels import get_decoder

from mmlung.dicom import read_image
from mmlung.dicom.codestream import coded_size_hw
from mmlung.dicom.decoding import _PLUGINS
from mmlung.dicom.decoding import decode_words
from mmlung.dicom.decoding import find_plugin
from mmlung.dicom.jpeg_extended import decode_frame
from tests.dicom.test_film import encoded
from tests.dicom.test_film import film

RNG = np.random.default_rng(0)
EVERY_VALUE = RNG.permutation(2**16).astype(np.uint16).reshape(256, 256)


def bundled(name):
    return pydicom.dcmread(get_testdata_file(name, download=False))


def compressed(stored, syntax, frame, bits, **tags):
    """A film whose pixel data are an encoded frame."""
    ds = film(stored, bits, **tags)
    ds.file_meta.TransferSyntaxUID = syntax
    ds.PixelData = encapsulate([frame])
    ds['PixelData'].VR = 'OB'
    ds['PixelData'].is_undefined_length = True
    return ds


def decoded(ds):
    return decode_words(pydicom.dcmread(io.BytesIO(encoded(ds))))


def segment(marker, body):
    return struct.pack('>BBH', 0xFF, marker, len(body) + 2) + body


def lossless_jpeg(stored, bits, predictor):
    """The standard written down: one code of 5 bits for each of 17 categories.

    Source: ITU-T T.81 H.1 (predictors, differences), F.1.2.1 (their categories).
    """
    wide = np.pad(stored.astype(np.int64), ((1, 0), (1, 0)))
    left, above, corner = wide[1:, :-1], wide[:-1, 1:], wide[:-1, :-1]
    predicted = [
        left,
        above,
        corner,
        left + above - corner,
        left + (above - corner) // 2,
        above + (left - corner) // 2,
        (left + above) // 2,
    ][predictor - 1].copy()
    predicted[0], predicted[:, 0] = left[0], above[:, 0]
    predicted[0, 0] = 2 ** (bits - 1)
    bitstream = []
    for difference in (stored - predicted).ravel().tolist():
        modulo = (difference + 2**15) % 2**16 - 2**15
        category = 16 if modulo == -(2**15) else abs(modulo).bit_length()
        bitstream.append(f'{category:05b}')
        if 0 < category < 16:
            extra = modulo if modulo > 0 else modulo + 2**category - 1
            bitstream.append(f'{extra:0{category}b}')
    text = ''.join(bitstream)
    text += '1' * (-len(text) % 8)
    scan = int(text, 2).to_bytes(len(text) // 8, 'big').replace(b'\xff', b'\xff\0')
    height, width = stored.shape
    return (
        b'\xff\xd8'
        + segment(0xC3, struct.pack('>BHHBBBB', bits, height, width, 1, 1, 0x11, 0))
        + segment(0xC4, bytes([0, 0, 0, 0, 0, 17, *[0] * 11, *range(17)]))
        + segment(0xDA, bytes([1, 1, 0, predictor, 0, 0]))
        + scan
        + b'\xff\xd9'
    )


@pytest.mark.parametrize('bits', [8, 12, 16])
@pytest.mark.parametrize(
    ('syntax', 'predictor'),
    [(uid.JPEGLosslessSV1, 1), *((uid.JPEGLossless, n) for n in range(1, 8))],
    ids=lambda value: value if isinstance(value, int) else value[-3:],
)
def test_jpeg_lossless(syntax, predictor, bits):
    stored = EVERY_VALUE[:40, :50] >> (16 - bits)
    stored = stored.astype(np.uint8 if bits == 8 else np.uint16)
    frame = lossless_jpeg(stored, bits, predictor)
    words = decoded(compressed(stored, syntax, frame, bits))
    np.testing.assert_array_equal(words, stored)


MR_SMALL = [
    'MR_small.dcm',
    'MR_small_RLE.dcm',
    'MR_small_bigendian.dcm',
    'MR_small_expb.dcm',
    'MR_small_implicit.dcm',
    'MR_small_jp2klossless.dcm',
    'MR_small_jpeg_ls_lossless.dcm',
    'MR_small_padded.dcm',
]


@pytest.mark.parametrize('name', MR_SMALL)
@pytest.mark.filterwarnings('ignore:The pixel data is 8320 bytes long')
def test_one_picture_in_eight_codings(name):
    plain = bundled('MR_small.dcm')
    stored = np.frombuffer(plain.PixelData, '<u2').reshape(64, 64)
    np.testing.assert_array_equal(decode_words(bundled(name)), stored)


def test_deflated():
    ds = film(WindowCenter=2000, WindowWidth=1500)
    plain = decoded(ds)
    ds.file_meta.TransferSyntaxUID = uid.DeflatedExplicitVRLittleEndian
    np.testing.assert_array_equal(decoded(ds), plain)
    dfl = bundled('image_dfl.dcm')
    stored = np.frombuffer(dfl.PixelData, np.uint8).reshape(512, 512)
    np.testing.assert_array_equal(decode_words(dfl), stored)


@pytest.mark.parametrize('syntax', [uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit])
def test_jpeg_of_eight_bits(syntax):
    stored = cv2.GaussianBlur((EVERY_VALUE >> 8).astype(np.uint8), (0, 0), 3)
    stream = io.BytesIO()
    Image.fromarray(stored).save(stream, 'JPEG', quality=95)
    reference = cv2.imdecode(np.frombuffer(stream.getvalue(), np.uint8), 0)
    words = decoded(compressed(stored, syntax, stream.getvalue(), 8))
    assert np.abs(words.astype(int) - reference).max() <= 1
    assert np.abs(words.astype(int) - stored).max() <= 8


@pytest.mark.parametrize('name', ['JPEG-lossy.dcm', 'JPGExtended.dcm'])
def test_jpeg_of_twelve_bits(name, capfd):
    """The figures are those of libjpeg-turbo 3 (imagecodecs 2026.3.6)."""
    words = decode_words(bundled(name))
    assert words.shape == (1024, 256)
    assert (words.min(), words.max(), words.sum()) == (0, 264, 3767007)
    assert 'precision' not in capfd.readouterr().err


def test_pydicom_itself_still_names_the_other_plugins():
    find_plugin(uid.JPEGExtended12Bit, 12)
    find_plugin(uid.JPEGExtended12Bit, 12)
    available = get_decoder(uid.JPEGExtended12Bit).available_plugins
    assert available.count('mmlung') == 1
    assert {'gdcm', 'pillow'} <= set(available)
    ds = bundled('SC_rgb_jpeg.dcm')  # colour is none of ours, and unharmed
    assert ds.pixel_array.shape == (256, 256, 3)


@pytest.mark.parametrize(
    ('name', 'unit'),
    [('JPEGLSNearLossless_08.dcm', 1), ('JPEGLSNearLossless_16.dcm', 257)],
)
def test_jpeg_ls_near_lossless(name, unit):
    """Steps of 5 or 10 rows, as pydicom's own tests have them."""
    words = decode_words(bundled(name))
    decoder = get_decoder(bundled(name).file_meta.TransferSyntaxUID)
    for plugin in ('gdcm', 'pyjpegls'):
        if plugin in decoder.available_plugins:
            other, _ = decoder.as_array(bundled(name), decoding_plugin=plugin)
            np.testing.assert_array_equal(words, other)
    assert (words == words[:, :1]).all()
    assert words[0, 0] == 0 or words[0, 0] // unit == 255


@pytest.mark.parametrize(
    'name', ['693_J2KI.dcm', 'JPEG2000.dcm', 'J2K_pixelrep_mismatch.dcm']
)
def test_jpeg_2000_by_another_decoder(name):
    """Pillow has its own OpenJPEG; cv2 another one."""
    ds = bundled(name)
    other, _ = get_decoder(ds.file_meta.TransferSyntaxUID).as_array(
        ds, decoding_plugin='pillow'
    )
    low_bits = 2**ds.BitsStored - 1
    words = decode_words(ds)
    np.testing.assert_array_equal(words & low_bits, other.astype(np.uint16) & low_bits)


@pytest.mark.parametrize('syntax', [uid.JPEG2000Lossless, uid.RLELossless])
@pytest.mark.parametrize('kind', [np.uint16, np.int16])
def test_lossless_codings_give_the_picture_of_the_plain_film(syntax, kind):
    stored = EVERY_VALUE.view(kind)
    ds = film(stored, 16, WindowCenter=9000, WindowWidth=30000)
    plain = read_image(encoded(ds)).pixels
    ds.compress(syntax, generate_instance_uid=False)
    np.testing.assert_array_equal(read_image(encoded(ds)).pixels, plain)


HTJ2K_FRAME = base64.b64decode(
    '/0//UQApQAAAAAAIAAAACAAAAAAAAAAAAAAACAAAAAgAAAAAAAAAAAABDwEB/1AACAACAAAACf9S'
    'AAwAAgABAAEEBEAB/1wAByCIiIiI/2QAFwABT3BlbkpQSCBWZXIgMC4yNi4zLv+QAAoAAAAAAHEA'
    'Af+TwAAunP95H+UD8aP0A/IJeUG+Iv9BHkMfoj+jH5HXyEvyN/kA9ZdCADG4AMAALbgABWQAAnD/'
    'Y3/8/3/zH/9//3//f/9zP/9/AIdshQCbeAD++8//fwJPZZgBdwD/f2AKB3UA/9k='
)
"""By another encoder, OpenJPH 0.26.3, through imagecodecs 2026.3.6: lossless."""


@pytest.mark.parametrize(
    'syntax', [uid.HTJ2KLossless, uid.HTJ2KLosslessRPCL, uid.HTJ2K]
)
def test_high_throughput_jpeg_2000(syntax):
    stored = (np.arange(64, dtype=np.uint16) * 1023 % 4096).reshape(8, 8)
    words = decoded(compressed(stored, syntax, HTJ2K_FRAME, 12))
    np.testing.assert_array_equal(words, stored)


def test_every_coding_has_a_decoder():
    for syntax in _PLUGINS:
        for bits in (8, 12):
            assert find_plugin(syntax, bits)


@pytest.mark.parametrize(
    ('syntax', 'bits', 'package'),
    [
        (uid.JPEGBaseline8Bit, 8, 'pillow'),
        (uid.JPEGExtended12Bit, 8, 'pillow'),
        (uid.JPEGExtended12Bit, 12, 'python-gdcm'),
        (uid.JPEGLosslessSV1, 16, 'python-gdcm'),
        (uid.JPEGLSLossless, 16, 'python-gdcm'),
        (uid.JPEG2000, 16, 'pylibjpeg pylibjpeg-openjpeg'),
        (uid.HTJ2K, 16, 'pylibjpeg pylibjpeg-openjpeg'),
    ],
    ids=lambda value: getattr(value, 'keyword', None),
)
def test_compression_without_decoder_is_named_with_the_cure(
    monkeypatch, syntax, bits, package
):
    none = SimpleNamespace(
        available_plugins=(), missing_dependencies=['mmlung - requires python-gdcm']
    )
    monkeypatch.setattr('mmlung.dicom.decoding.get_decoder', lambda syntax: none)
    stored = np.zeros((64, 64), np.uint8 if bits == 8 else np.uint16)
    ds = compressed(stored, syntax, b'\xff\xd8\xff\xd9', bits)
    with pytest.raises(ValueError, match='no decoder is installed') as caught:
        read_image(encoded(ds))
    message = str(caught.value)
    assert f'(0002,0010) TransferSyntaxUID {syntax} ({syntax.name})' in message
    assert message.endswith(f'Run: pip install {package}')


@pytest.mark.parametrize(
    'syntax',
    [
        uid.MPEG2MPML,
        uid.JPEG2000MC,
        uid.SMPTEST211020UncompressedProgressiveActiveVideo,
    ],
)
def test_codings_that_no_film_has(syntax):
    ds = compressed(EVERY_VALUE, syntax, bytes(100), 16)
    with pytest.raises(ValueError, match=r'TransferSyntaxUID .*: not supported'):
        read_image(encoded(ds))


@pytest.mark.parametrize(
    'name', ['JPGExtended.dcm', 'MR_small_RLE.dcm', '693_J2KI.dcm']
)
def test_damaged_frames(name, caplog):
    caplog.set_level(logging.CRITICAL)
    ds = bundled(name)
    frame = next(generate_frames(ds.PixelData, number_of_frames=1))
    ds.PixelData = encapsulate([frame[: len(frame) // 8]])
    with pytest.raises(ValueError, match=r'\(7FE0,0010\) PixelData cannot be decoded'):
        read_image(encoded(ds))


def codestreams():
    stored = np.arange(64 * 32, dtype=np.uint16).reshape(64, 32)
    small = (stored >> 3).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(small).save(stream, 'JPEG')
    yield 'baseline', uid.JPEGBaseline8Bit, stream.getvalue(), small, 8
    frame = lossless_jpeg(stored, 12, 1)
    yield 'lossless', uid.JPEGLosslessSV1, frame, stored, 12
    for syntax in (uid.JPEG2000Lossless, uid.JPEGLSLossless):
        ds = film(stored)
        ds.compress(syntax, generate_instance_uid=False)
        frame = next(generate_frames(ds.PixelData, number_of_frames=1))
        yield syntax.keyword, syntax, frame, stored, 12
    stream = io.BytesIO()
    Image.fromarray(stored).save(stream, 'JPEG2000')
    yield 'in a JP2 file', uid.JPEG2000Lossless, stream.getvalue(), stored, 12


@pytest.mark.parametrize('name', [row[0] for row in codestreams()])
def test_rows_and_columns_are_those_of_the_codestream(name):
    rows = {row[0]: row[1:] for row in codestreams()}
    syntax, frame, stored, bits = rows[name]
    assert coded_size_hw(frame) == (64, 32)
    np.testing.assert_array_equal(
        decoded(compressed(stored, syntax, frame, bits)).shape, (64, 32)
    )
    swapped = compressed(stored.reshape(32, 64), syntax, frame, bits)
    with pytest.raises(ValueError, match=r'Rows 32 and .* Columns 64 differ .*64, 32'):
        read_image(encoded(swapped))


@pytest.mark.parametrize(
    'frame',
    [
        b'',
        b'\xff\xd8',
        b'\xff\xd8\xff\xff\xff\xc0',
        b'\xff\xd8\xff\xc0\0\x0b\x0c\0\0\0\x20\0\0\0',
        b'\xff\x4f\xff\x51',
        b'\0\0\0\x0cjP  ihdr\0',
        bytes(100),
    ],
)
def test_codestreams_without_a_size(frame):
    assert coded_size_hw(frame) is None


def test_the_plugin_refuses_colour():
    runner = SimpleNamespace(samples_per_pixel=3, bits_allocated=16)
    with pytest.raises(ValueError, match='JPEG of 12 bits must be grey, in words'):
        decode_frame(b'', runner)
