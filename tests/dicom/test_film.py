import io
import struct
from pathlib import Path

import cv2
import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.data import data_manager
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.pixels import apply_modality_lut
from pydicom.pixels import apply_voi_lut
from pydicom.uid import ExplicitVRBigEndian
from pydicom.uid import ExplicitVRLittleEndian
from pydicom.uid import ImplicitVRLittleEndian
from pydicom.uid import JPEG2000Lossless

from mmlung.dicom import image_size_hw
from mmlung.dicom import read_image

BUNDLED = Path(data_manager.DATA_ROOT) / 'test_files'


def film(stored=None, bits=12, photometric='MONOCHROME2', **tags):
    """A valid single-frame DICOM data set around ``stored`` (H, W)."""
    if stored is None:
        stored = np.arange(2**bits, dtype=np.uint16).reshape(-1, 64)
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID = '1.2.840.10008.5.1.4.1.1.1.1'
    ds.SOPInstanceUID = '1.2.3'
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = photometric
    ds.Rows, ds.Columns = stored.shape
    ds.BitsAllocated = 8 * stored.dtype.itemsize
    ds.BitsStored, ds.HighBit = bits, bits - 1
    ds.PixelRepresentation = int(stored.dtype.kind == 'i')
    ds.PixelData = stored.tobytes()
    ds['PixelData'].VR = 'OW'
    for name, value in tags.items():
        setattr(ds, name, value)
    return ds


def lut(entries, first, bits):
    item = Dataset()
    item.LUTDescriptor = [len(entries) % 65536, first, bits]
    item['LUTDescriptor'].VR = 'SS' if first < 0 else 'US'
    item.LUTData = np.asarray(entries, np.uint16).tobytes()
    item['LUTData'].VR = 'OW'
    return [item]


def encoded(ds):
    stream = io.BytesIO()
    ds.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def reference(ds):
    """pydicom's own functions, then the output range scaled to 0..255."""
    values = apply_modality_lut(ds.pixel_array, ds)
    if ds.get('VOILUTSequence'):
        values = np.rint(values).astype(np.int64)
        low, high = 0, 2 ** ds.VOILUTSequence[0].LUTDescriptor[2] - 1
    else:
        signed = ds.PixelRepresentation
        low = -(2 ** (ds.BitsStored - 1)) if signed else 0
        high = low + 2**ds.BitsStored - 1
        if ds.get('ModalityLUTSequence'):
            low, high = 0, 2 ** ds.ModalityLUTSequence[0].LUTDescriptor[2] - 1
        slope, intercept = ds.get('RescaleSlope'), ds.get('RescaleIntercept')
        if slope is not None and intercept is not None:
            low, high = (edge * slope + intercept for edge in (low, high))
    shown = apply_voi_lut(values, ds).astype(np.float64)
    if ds.PhotometricInterpretation == 'MONOCHROME1':
        shown = low + high - shown
    return np.clip((shown - low) / (high - low) * 255, 0, 255)


def bundled_films():
    """pydicom's own grey single frames that pydicom itself can decode."""
    for path in sorted(BUNDLED.rglob('*.dcm')):
        try:
            ds = pydicom.dcmread(path)
            grey = ds.PhotometricInterpretation.startswith('MONOCHROME')
            if grey and ds.BitsAllocated in (8, 16) and ds.pixel_array.ndim == 2:
                yield path
        except Exception:  # not for this test
            continue


FILMS = list(bundled_films())


def test_bundled_films_were_found():
    assert len(FILMS) == 16


@pytest.mark.parametrize('path', FILMS, ids=lambda path: path.stem)
def test_bundled_films_match_pydicom(path):
    ds = pydicom.dcmread(path)
    got = read_image(path)
    assert got.source_format == 'dicom'
    assert got.pixels.dtype == np.uint8
    assert got.pixels.shape == image_size_hw(path) == (ds.Rows, ds.Columns)
    if 'WindowWidth' in ds:
        assert np.abs(got.pixels - reference(ds)).max() <= 1
    else:  # order is kept, and the middle 99 % of the pixels use the whole range
        values = apply_modality_lut(ds.pixel_array, ds).ravel()
        ordered = got.pixels.ravel()[np.argsort(values, kind='stable')].astype(int)
        assert (np.diff(ordered) >= 0).all()


SYNTHETIC = {
    'linear-12-bit': film(WindowCenter=2000, WindowWidth=1500),
    'linear-14-bit': film(bits=14, WindowCenter=5000.5, WindowWidth=9000),
    'linear-16-bit': film(bits=16, WindowCenter=30000, WindowWidth=20001),
    '8-bit': film(
        np.arange(256, dtype=np.uint8).reshape(16, 16),
        bits=8,
        WindowCenter=128,
        WindowWidth=256,
    ),
    'first-of-several': film(WindowCenter=[900, 2000], WindowWidth=[800, 300]),
    'width-1': film(WindowCenter=2000, WindowWidth=1),
    'linear-exact': film(
        WindowCenter=2000, WindowWidth=0.5, VOILUTFunction='LINEAR_EXACT'
    ),
    'sigmoid': film(WindowCenter=2000, WindowWidth=900, VOILUTFunction='SIGMOID'),
    'narrow-sigmoid': film(WindowCenter=2000, WindowWidth=1, VOILUTFunction='SIGMOID'),
    'monochrome1': film(photometric='MONOCHROME1', WindowCenter=2000, WindowWidth=1500),
    'signed': film(
        np.arange(-2048, 2048, dtype=np.int16).reshape(64, 64),
        WindowCenter=-100,
        WindowWidth=700,
    ),
    'signed-16-bit': film(
        np.arange(-32768, 32768, dtype=np.int16).reshape(256, 256),
        bits=16,
        WindowCenter=-100,
        WindowWidth=40000,
    ),
    'signed-sigmoid': film(
        np.arange(-2048, 2048, dtype=np.int16).reshape(64, 64),
        WindowCenter=-100.5,
        WindowWidth=700,
        VOILUTFunction='SIGMOID',
    ),
    'signed-exact-slope-monochrome1': film(
        np.arange(-2048, 2048, dtype=np.int16).reshape(64, 64),
        photometric='MONOCHROME1',
        RescaleSlope=1.5,
        RescaleIntercept=-20,
        WindowCenter=300,
        WindowWidth=1001.5,
        VOILUTFunction='LINEAR_EXACT',
    ),
    'slope': film(
        RescaleSlope=0.5, RescaleIntercept=-300, WindowCenter=500, WindowWidth=900
    ),
    'voi-lut': film(VOILUTSequence=lut(np.arange(2000)[::-1] * 2, 700, 12)),
    'voi-lut-before-window': film(
        VOILUTSequence=lut(np.arange(4096) // 4, 0, 10),
        WindowCenter=10,
        WindowWidth=10,
    ),
    'voi-lut-after-slope': film(
        RescaleSlope=2,
        RescaleIntercept=-1000,
        VOILUTSequence=lut(np.arange(6000), -500, 14),
    ),
    'modality-lut': film(
        ModalityLUTSequence=lut(np.arange(4096) * 7 + 3, 0, 16),
        WindowCenter=9000,
        WindowWidth=12000,
    ),
    'voi-lut-monochrome1': film(
        photometric='MONOCHROME1', VOILUTSequence=lut(np.arange(4096), 0, 12)
    ),
}


@pytest.mark.parametrize('name', SYNTHETIC)
def test_synthetic_films_match_pydicom(name):
    ds = pydicom.dcmread(io.BytesIO(encoded(SYNTHETIC[name])))
    got = read_image(encoded(SYNTHETIC[name])).pixels
    assert np.abs(got - reference(ds)).max() <= 1
    assert np.abs(got - reference(ds)).mean() < 0.3  # rounded, not cut off


@pytest.mark.parametrize('bits', [8, 10, 12, 14, 16])
def test_the_window_not_the_data_sets_the_range(bits):
    stored = np.full((8, 8), 2 ** (bits - 1), np.uint16)
    stored[0, 0] -= 1
    ds = film(stored, bits, WindowCenter=2 ** (bits - 1), WindowWidth=2**bits)
    assert set(np.unique(read_image(encoded(ds)).pixels)) <= {127, 128}


def test_monochrome1_and_inverse_shape_together_invert_once():
    window = {'WindowCenter': 2048, 'WindowWidth': 4096}
    plain = read_image(encoded(film(**window))).pixels
    for photometric, shape in [
        ('MONOCHROME1', None),
        ('MONOCHROME1', 'INVERSE'),
        ('MONOCHROME2', 'INVERSE'),
    ]:
        ds = film(photometric=photometric, PresentationLUTShape=shape, **window)
        turned = read_image(encoded(ds)).pixels
        assert np.abs(turned.astype(int) - (255 - plain)).max() <= 1
        assert turned.min() == 0
        assert turned.max() == 255


@pytest.mark.parametrize('name', ['linear-12-bit', 'voi-lut', 'modality-lut'])
def test_big_endian(name):
    ds = pydicom.dcmread(io.BytesIO(encoded(SYNTHETIC[name])))
    plain = read_image(encoded(ds)).pixels
    ds.PixelData = ds.pixel_array.astype('>u2').tobytes()
    ds['PixelData'].VR = 'OW'
    for keyword in ('VOILUTSequence', 'ModalityLUTSequence'):
        for item in ds.get(keyword, []):
            item.LUTData = np.frombuffer(item.LUTData, '<u2').astype('>u2').tobytes()
            item['LUTData'].VR = 'OW'
    ds.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    stream = io.BytesIO()
    pydicom.dcmwrite(stream, ds, implicit_vr=False, little_endian=False)
    np.testing.assert_array_equal(read_image(stream.getvalue()).pixels, plain)


def test_eight_bit_lut_of_many_entries():
    """pydicom 3.0 wraps the index at 256 here."""
    ds = film(VOILUTSequence=lut(np.arange(4096) // 16, 0, 8))
    stored = np.arange(4096).reshape(-1, 64)
    np.testing.assert_array_equal(read_image(encoded(ds)).pixels, stored // 16)


def test_negative_slope_does_not_turn_the_window_over():
    ds = film(RescaleSlope=-1, RescaleIntercept=4095, WindowCenter=2048,
              WindowWidth=4096)  # fmt: skip
    pixels = read_image(encoded(ds)).pixels
    assert pixels.flat[0] == 255
    assert pixels.flat[-1] == 0


def test_without_window_outliers_do_not_own_the_range():
    stored = np.linspace(1000, 2000, 10000).astype(np.uint16).reshape(100, 100)
    stored[0, :5], stored[0, 5:10] = 0, 4095
    pixels = read_image(encoded(film(stored))).pixels
    low, high = np.percentile(stored, [0.5, 99.5])
    expected = np.clip((stored - low) / (high - low), 0, 1) * 255
    assert np.abs(pixels - expected).max() <= 1


def test_without_window_padding_does_not_count():
    stored = np.zeros((100, 100), np.uint16)
    stored[50:] = np.linspace(1000, 2000, 5000).astype(np.uint16).reshape(50, 100)
    pixels = read_image(encoded(film(stored, PixelPaddingValue=0))).pixels
    assert pixels[50:].min() == 0
    assert pixels[60, 0] < 60


def test_without_window_a_lone_mark_stays_visible():
    stored = np.full((100, 100), 7, np.uint16)
    stored[3, 4] = 900
    pixels = read_image(encoded(film(stored))).pixels
    assert pixels[3, 4] == 255
    assert (pixels == 0).sum() == 9999


@pytest.mark.parametrize('allocated', [np.uint8, np.uint16], ids=['in-8', 'in-16'])
def test_without_window_eight_bits_stay_as_they_are(allocated):
    stored = np.arange(50, 250, dtype=allocated).reshape(10, 20)
    pixels = read_image(encoded(film(stored, bits=8))).pixels
    np.testing.assert_array_equal(pixels, stored)


def test_jpeg2000_written_here():
    stored = (np.arange(4096, dtype=np.uint16).reshape(64, 64) * 7) % 4096
    ds = film(stored, WindowCenter=2048, WindowWidth=4096)
    plain = read_image(encoded(ds)).pixels
    ds.compress(JPEG2000Lossless, generate_instance_uid=False)
    np.testing.assert_array_equal(read_image(encoded(ds)).pixels, plain)


def test_spacing_falls_back_to_the_detector():
    window = {'WindowCenter': 2048, 'WindowWidth': 4096}
    spacing = [
        read_image(encoded(film(**window, **tags))).pixel_spacing_mm
        for tags in (
            {},
            {'PixelSpacing': [0.2, 0.1], 'ImagerPixelSpacing': [0.3, 0.3]},
            {'ImagerPixelSpacing': [0.3, 0.4]},
            {'PixelSpacing': [0, 0]},
        )
    ]
    assert spacing == [None, (0.2, 0.1), (0.3, 0.4), None]


def test_content_decides_not_the_suffix(tmp_path):
    dicom, png = tmp_path / 'a.png', tmp_path / 'b.dicom'
    dicom.write_bytes(encoded(film(WindowCenter=2048, WindowWidth=4096)))
    picture = np.arange(200, dtype=np.uint8).reshape(10, 20)
    png.write_bytes(cv2.imencode('.png', picture)[1].tobytes())
    assert read_image(dicom).source_format == 'dicom'
    assert image_size_hw(dicom) == (64, 64)
    assert read_image(str(png)).source_format == 'png'
    assert image_size_hw(png) == (10, 20)


@pytest.mark.parametrize(
    'syntax', [ExplicitVRLittleEndian, ImplicitVRLittleEndian], ids=lambda u: u.name
)
def test_dicom_without_preamble(syntax):
    ds = film(WindowCenter=2000, WindowWidth=1500)
    ds.file_meta.TransferSyntaxUID = syntax
    with_meta = encoded(ds)
    expected = read_image(with_meta).pixels
    del ds.file_meta
    stream = io.BytesIO()
    pydicom.dcmwrite(
        stream,
        ds,
        implicit_vr=syntax == ImplicitVRLittleEndian,
        little_endian=True,
        enforce_file_format=False,
    )
    for bare in (with_meta[132:], stream.getvalue()):
        assert bare[128:132] != b'DICM'
        np.testing.assert_array_equal(read_image(bare).pixels, expected)
        assert image_size_hw(bare) == (64, 64)


PICTURE = np.arange(0, 240, dtype=np.uint8).reshape(12, 20)


@pytest.mark.parametrize('suffix', ['.png', '.tiff', '.bmp'])
def test_eight_bit_pictures_are_exact(suffix):
    data = cv2.imencode(suffix, PICTURE)[1].tobytes()
    got = read_image(data)
    np.testing.assert_array_equal(got.pixels, PICTURE)
    assert got.pixel_spacing_mm is None
    assert image_size_hw(data) == (12, 20)


@pytest.mark.parametrize('mode', ['L', 'RGB'])
def test_jpeg(mode):
    stream = io.BytesIO()
    Image.fromarray(PICTURE).convert(mode).save(stream, 'JPEG', quality=95)
    got = read_image(stream.getvalue())
    assert got.source_format == 'jpeg'
    assert np.abs(got.pixels.astype(int) - PICTURE).max() <= 4


@pytest.mark.parametrize('suffix', ['.png', '.tiff'])
@pytest.mark.parametrize('bits', [8, 10, 12, 14, 16])
def test_sixteen_bits_are_scaled_not_cut(bits, suffix):
    values = np.linspace(0, 2**bits - 1, 600).astype(np.uint16).reshape(20, 30)
    pixels = read_image(cv2.imencode(suffix, values)[1].tobytes()).pixels
    expected = values / (2**bits - 1) * 255
    assert np.abs(pixels - expected).max() <= 0.5 + 1e-9


@pytest.mark.parametrize('mode', ['RGBA', 'RGB', 'LA', 'P'])
def test_grey_in_other_modes_is_taken_back(mode):
    image = Image.fromarray(PICTURE).convert(mode)
    if mode.endswith('A'):
        image.putalpha(Image.fromarray(PICTURE[::-1].copy()))
    stream = io.BytesIO()
    image.save(stream, 'PNG')
    np.testing.assert_array_equal(read_image(stream.getvalue()).pixels, PICTURE)


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_channels_may_differ_by_two_grey_levels(dtype):
    step = 1 if dtype == np.uint8 else 257
    grey = PICTURE.astype(dtype) * step
    colour = np.dstack([grey + 2 * step, grey, grey])
    data = cv2.imencode('.png', colour)[1].tobytes()
    assert np.abs(read_image(data).pixels.astype(int) - PICTURE).max() <= 2
    colour[3, 4, 0] = colour[3, 4, 1] + 3 * step
    with pytest.raises(ValueError, match='colour picture: its channels differ by up'):
        read_image(cv2.imencode('.png', colour)[1].tobytes())


@pytest.mark.parametrize('bits', [8, 16])
def test_tiff_in_which_white_is_zero(bits):
    film = Image.fromarray(PICTURE)
    if bits == 16:  # Pillow writes these as they are, those of 8 bits turned over
        film = Image.fromarray((255 - PICTURE).astype(np.uint16) * 257)
    stream = io.BytesIO()
    film.save(stream, 'TIFF', tiffinfo={262: 0})
    np.testing.assert_array_equal(read_image(stream.getvalue()).pixels, PICTURE)


def test_any_of_several_windows():
    ds = film(WindowCenter=[900, 2000], WindowWidth=[800, 300])
    for index in range(2):
        ds_one = film(
            WindowCenter=ds.WindowCenter[index], WindowWidth=ds.WindowWidth[index]
        )
        got = read_image(encoded(ds), window=index).pixels
        np.testing.assert_array_equal(got, read_image(encoded(ds_one)).pixels)
    with pytest.raises(ValueError, match=r'WindowCenter has 2 .* got window=2'):
        read_image(encoded(ds), window=2)
    luts = [*lut(np.arange(4096), 0, 12), *lut(np.arange(4096)[::-1], 0, 12)]
    second = read_image(encoded(film(VOILUTSequence=luts)), window=1).pixels
    assert second.flat[0] == 255
    with pytest.raises(ValueError, match=r'\(0028,3010\) VOILUTSequence has 2 to'):
        read_image(encoded(film(VOILUTSequence=luts)), window=-1)


def test_bits_above_those_stored_do_not_count():
    stored = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    for tags in ({'WindowCenter': 2000, 'WindowWidth': 1500}, {}):
        plain = read_image(encoded(film(stored, **tags))).pixels
        with_overlay = read_image(encoded(film(stored | 0x5000, **tags))).pixels
        np.testing.assert_array_equal(with_overlay, plain)


def test_signed_films_without_window():
    stored = np.arange(-2048, 2048, dtype=np.int16).reshape(64, 64)
    stored[0, :9] = -2048
    padded = film(stored, PixelPaddingValue=-2048)
    padded['PixelPaddingValue'].VR = 'SS'
    for ds in (film(stored), padded):
        pixels = read_image(encoded(ds)).pixels
        low, high = np.percentile(stored, [0.5, 99.5])
        expected = np.clip((stored - low) / (high - low), 0, 1) * 255
        assert np.abs(pixels - expected).max() <= 1.5


def broken(case):
    """A file that must be refused, as bytes."""
    ds = film(WindowCenter=2000, WindowWidth=1500)
    if case == 'rgb':
        ds.SamplesPerPixel, ds.PhotometricInterpretation = 3, 'RGB'
    elif case == 'frames':
        ds.NumberOfFrames = 2
    elif case == 'palette':
        ds.PhotometricInterpretation = 'PALETTE COLOR'
    elif case == 'no-pixels':
        del ds.PixelData
    elif case == 'no-rows':
        del ds.Rows
    elif case == 'bits':
        ds.BitsAllocated = ds.BitsStored = 32
    elif case == 'constant':
        ds.PixelData = bytes(len(ds.PixelData))
    elif case == 'constant-window':
        ds.WindowCenter, ds.WindowWidth = 20000, 10
    elif case == 'half-window':
        del ds.WindowWidth
    elif case == 'half-window-width':
        del ds.WindowCenter
    elif case == 'zero-width':
        ds.WindowWidth = 0
    elif case == 'zero-width-exact':
        ds.WindowWidth, ds.VOILUTFunction = 0, 'LINEAR_EXACT'
    elif case == 'function':
        ds.VOILUTFunction = 'CUBIC'
    elif case == 'short-lut':
        ds.VOILUTSequence = lut(np.arange(4096), 0, 12)
        ds.VOILUTSequence[0].LUTData = bytes(100)
    elif case == 'no-lut-data':
        ds.VOILUTSequence = lut(np.arange(4096), 0, 12)
        del ds.VOILUTSequence[0].LUTData
    elif case == 'bits-stored':
        ds.BitsStored = 17
    elif case == 'several-rows':
        ds.add_new('Rows', 'US', [64, 64])
    elif case == 'no-number':
        ds.add_new('WindowWidth', 'LO', 'wide')
    elif case == 'endless-number':
        ds.WindowWidth = '1e300'
    elif case == 'no-sequence':
        ds.add_new('VOILUTSequence', 'LO', 'text')
    elif case == 'lut-bits':
        ds.VOILUTSequence = lut(np.arange(4096), 0, 40)
    elif case == 'gigabytes':
        ds.Rows = ds.Columns = 65535
    elif case == 'private':
        data = encoded(ds)
        return data.replace(b'1.2.840.10008.1.2.1', b'1.2.840.99999.1.2.1')
    elif case == 'two-syntaxes':
        data = encoded(ds)
        return data.replace(b'1.2.840.10008.1.2.1\0', b'1.2.840\\10008.1.2.1\0')
    elif case == 'truncated':
        return encoded(ds)[:-1000]
    elif case == 'only-padding':
        del ds.WindowCenter, ds.WindowWidth
        ds.PixelData = struct.pack('<H', 9) * 4095 + struct.pack('<H', 5)
        ds.PixelPaddingValue = 5
    return encoded(ds)


@pytest.mark.parametrize(
    ('case', 'message'),
    [
        ('rgb', r'\(0028,0002\) SamplesPerPixel must be 1 \(a grey film\), got 3'),
        ('frames', r'\(0028,0008\) NumberOfFrames must be 1 \(one film\), got 2'),
        ('palette', r"\(0028,0004\) PhotometricInterpretation 'PALETTE COLOR' is not"),
        ('no-pixels', r'\(7FE0,0010\) PixelData is missing'),
        ('no-rows', r'\(0028,0010\) Rows is missing'),
        ('bits', r'\(0028,0100\) BitsAllocated must be 8 or 16 .* got 32'),
        ('constant', 'the image is constant, every stored value is 0'),
        ('constant-window', r'constant after \(0028,1050\) WindowCenter 20000'),
        ('half-window', r'\(0028,1050\) WindowCenter and \(0028,1051\) WindowWidth go'),
        ('half-window-width', 'WindowWidth go together, got none and 1500'),
        ('zero-width', r'\(0028,1051\) WindowWidth must be at least 1 for LINEAR, got'),
        ('zero-width-exact', 'WindowWidth must be above 0 for LINEAR_EXACT, got 0'),
        ('function', r"\(0028,1056\) VOILUTFunction must be LINEAR.* got 'CUBIC'"),
        ('short-lut', r'\(0028,3006\) LUTData must have 4096 entries .* got 100'),
        ('no-lut-data', r'a LUT needs \(0028,3006\) LUTData'),
        ('bits-stored', r'\(0028,0101\) BitsStored must be 1 to 16 .* got 17'),
        ('several-rows', r'\(0028,0010\) Rows must be one number, got 2 of them'),
        ('no-number', r"\(0028,1051\) WindowWidth must be a number, got 'wide'"),
        ('endless-number', r'\(0028,1051\) WindowWidth is no usable number'),
        ('no-sequence', r"\(0028,3010\) VOILUTSequence must be a .* got 'text'"),
        ('lut-bits', r'\(0028,3002\) LUTDescriptor must be .* got 4096, 0, 40'),
        ('gigabytes', r'\(0028,0010\) Rows 65535 and .* are no film'),
        ('private', r'\(0002,0010\) TransferSyntaxUID 1.2.840.99999.1.2.1 .*: not a'),
        ('two-syntaxes', r'\(0002,0010\) TransferSyntaxUID .*: not a transfer'),
        ('truncated', r'\(7FE0,0010\) PixelData cannot be decoded, the file is trunc'),
        ('only-padding', 'the image is constant: nothing but 9.0 beside padding'),
    ],
    ids=lambda value: value if '(' not in value and ' ' not in value else '',
)
def test_refused_dicom(case, message, tmp_path):
    path = tmp_path / 'film of a patient.dcm'
    path.write_bytes(broken(case))
    with pytest.raises(ValueError, match=message) as caught:
        read_image(path)
    assert str(caught.value).startswith(f'{path}: ')


@pytest.mark.parametrize('kept', [0.05, 0.3, 0.9])
def test_truncated_dicom(kept):
    data = encoded(film(WindowCenter=2000, WindowWidth=1500))
    with pytest.raises(ValueError, match=r'^\d+ bytes: .*(missing|truncated|damaged)'):
        read_image(data[: int(len(data) * kept)])


def test_missing_transfer_syntax():
    path = get_testdata_file('meta_missing_tsyntax.dcm')
    with pytest.raises(ValueError, match=r'meta_missing_tsyntax\.dcm: .* is missing'):
        read_image(path)


@pytest.mark.parametrize(
    ('data', 'message'),
    [
        (b'hello', r'not an image: expected DICOM, PNG, .*, got an unknown kind of'),
        (b'%PDF-1.7', 'got a PDF$'),
        (b'', 'got an empty file$'),
        (b'\x08\x00' * 500, 'not a DICOM file'),
        (b'\x89PNG\r\n\x1a\n', 'a truncated or damaged PNG file'),
        (cv2.imencode('.png', np.zeros((4, 4), np.uint8))[1].tobytes(), 'is constant'),
        (
            cv2.imencode('.tiff', np.arange(16, dtype=np.float32).reshape(4, 4))[
                1
            ].tobytes(),
            'pixels must have 8 or 16 bits, got float32',
        ),
    ],
    ids=[
        'text',
        'pdf',
        'empty',
        'dicom-like',
        'png-head',
        'constant-png',
        'float-tiff',
    ],
)
def test_refused_files(data, message):
    with pytest.raises(ValueError, match=message):
        read_image(data)


def test_refused_tiff_of_two_pages():
    stream = io.BytesIO()
    page = Image.fromarray(PICTURE)
    page.save(stream, 'TIFF', save_all=True, append_images=[page])
    with pytest.raises(ValueError, match=r'a TIFF must have 1 page .* got 2'):
        read_image(stream.getvalue())


@pytest.mark.parametrize(
    ('data', 'message'),
    [
        (b'plain text', 'not an image'),
        (b'\x89PNG\r\n\x1a\n', 'a truncated or damaged picture'),
        (broken('no-rows'), r'\(0028,0010\) Rows is missing'),
    ],
    ids=['text', 'png-head', 'no-rows'],
)
def test_size_of_what_is_no_image(data, message):
    with pytest.raises(ValueError, match=message):
        image_size_hw(data)


def test_missing_file(tmp_path):
    for read in (read_image, image_size_hw):
        with pytest.raises(FileNotFoundError, match=r'absent\.dicom'):
            read(tmp_path / 'absent.dicom')
