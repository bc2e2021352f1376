import builtins
import io

import cv2
import numpy as np
import pytest
from PIL import Image

from mmlung.dicom.picture import decode_picture
from mmlung.dicom.png import decode_grey_png

kornia_rs = pytest.importorskip('kornia_rs')


def film(size_hw=(37, 53), seed=0):
    rng = np.random.default_rng(seed)
    smooth = cv2.GaussianBlur(rng.normal(size=size_hw), (0, 0), 3)
    smooth = (smooth - smooth.min()) / np.ptp(smooth)
    return np.rint(215 * smooth + rng.integers(0, 40, size_hw)).astype(np.uint8)


def png(picture, **options):
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, 'png', **options)
    return stream.getvalue()


@pytest.mark.parametrize('size_hw', [(1, 1), (1, 300), (300, 1), (37, 53), (256, 256)])
@pytest.mark.parametrize('level', [0, 1, 9], ids=lambda n: f'level-{n}')
def test_the_same_pixels_as_pillow(size_hw, level):
    picture = film(size_hw) if min(size_hw) > 1 else np.full(size_hw, 7, np.uint8)
    np.testing.assert_array_equal(
        decode_grey_png(png(picture, compress_level=level)), picture
    )


@pytest.mark.parametrize('kind', range(5), ids=['none', 'sub', 'up', 'mean', 'paeth'])
def test_every_filter_of_the_format(kind):
    """Written by OpenCV, which takes one filter for all rows when asked."""
    filters = (
        cv2.IMWRITE_PNG_FILTER_NONE,
        cv2.IMWRITE_PNG_FILTER_SUB,
        cv2.IMWRITE_PNG_FILTER_UP,
        cv2.IMWRITE_PNG_FILTER_AVG,
        cv2.IMWRITE_PNG_FILTER_PAETH,
    )
    picture = film()
    data = cv2.imencode('.png', picture, [cv2.IMWRITE_PNG_FILTER, filters[kind]])[1]
    np.testing.assert_array_equal(decode_grey_png(data.tobytes()), picture)


@pytest.mark.parametrize(
    'data',
    [
        png(np.dstack([film()] * 3)),
        png(film().astype(np.uint16) * 16),
        png(film(), transparency=5),
        png(film() > 100),
        png(np.dstack([film(), film()])),
        b'',
        b'\x89PNG\r\n\x1a\n',
    ],
    ids=['colour', '16-bit', 'tRNS', '1-bit', 'alpha', 'empty', 'head'],
)
def test_other_files_are_left_to_the_general_decoder(data):
    assert decode_grey_png(data) is None


def test_damage_anywhere_is_never_read():
    whole = png(film())
    rng = np.random.default_rng(0)
    for at in rng.choice(np.arange(8, len(whole)), 200, replace=False):
        broken = bytearray(whole)
        broken[at] ^= 1 << int(rng.integers(8))
        assert decode_grey_png(bytes(broken)) is None
    for n_bytes in rng.integers(0, len(whole), 50):
        assert decode_grey_png(whole[:n_bytes]) is None


def test_without_the_package_the_picture_is_the_same(monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith('kornia_rs'):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    data = png(film())
    expected = decode_picture(data, 'png')
    monkeypatch.setattr(builtins, '__import__', without)
    assert decode_grey_png(data) is None
    np.testing.assert_array_equal(decode_picture(data, 'png'), expected)
