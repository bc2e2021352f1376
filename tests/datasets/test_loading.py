import cv2
import mmpretrain.datasets.transforms  # noqa: F401
import numpy as np
import pydicom
import pytest
from mmdet.registry import TRANSFORMS as MMDET_TRANSFORMS
from mmpretrain.registry import TRANSFORMS as MMPRETRAIN_TRANSFORMS
from pydicom.data import get_testdata_file

from mmlung.datasets.loading import LoadChestImage
from mmlung.dicom import read_image


@pytest.fixture
def png(tmp_path):
    path = tmp_path / 'film.png'
    film = np.arange(40 * 60, dtype=np.uint8).reshape(40, 60)
    cv2.imwrite(str(path), film)
    return path, film


def test_sets_what_the_pipeline_needs(png):
    path, film = png
    sample = LoadChestImage()({'img_path': str(path), 'img_id': 7})
    np.testing.assert_array_equal(sample['img'], film)
    assert sample['img_shape'] == sample['ori_shape'] == (40, 60)
    assert sample['pixel_spacing_mm'] is None
    assert sample['img_id'] == 7


def test_reads_dicom_with_its_spacing():
    path = get_testdata_file('CT_small.dcm')
    sample = LoadChestImage()({'img_path': path})
    np.testing.assert_array_equal(sample['img'], read_image(path).pixels)
    spacing = [float(mm) for mm in pydicom.dcmread(path).PixelSpacing]
    assert list(sample['pixel_spacing_mm']) == spacing


def test_the_film_stays_two_dimensional_through_mmdet_transforms(png):
    path, film = png
    sample = LoadChestImage()({'img_path': str(path)})
    for step in (
        {'type': 'Resize', 'scale': (30, 20), 'keep_ratio': True},
        {'type': 'RandomFlip', 'prob': 1.0},
        {'type': 'Pad', 'size_divisor': 32},
    ):
        sample = MMDET_TRANSFORMS.build(step)(sample)
    assert sample['img'].shape == (32, 32)
    assert sample['img'].dtype == np.uint8
    assert sample['img_shape'] == (32, 32)
    assert sample['ori_shape'] == (40, 60)
    small = cv2.resize(film, (30, 20), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_array_equal(sample['img'][:20, :30], small[:, ::-1])


def test_the_film_stays_two_dimensional_through_mmpretrain_transforms(png):
    sample = LoadChestImage()({'img_path': str(png[0])})
    for step in (
        {'type': 'RandomResizedCrop', 'scale': 24},
        {'type': 'RandomFlip', 'prob': 0.5, 'direction': 'horizontal'},
        {'type': 'ResizeEdge', 'scale': 32, 'edge': 'short'},
        {'type': 'CenterCrop', 'crop_size': 28},
    ):
        sample = MMPRETRAIN_TRANSFORMS.build(step)(sample)
    assert sample['img'].shape == (28, 28)


def test_error_names_the_file(tmp_path):
    path = tmp_path / 'broken.png'
    path.write_bytes(b'\x89PNG\r\n\x1a\n' + bytes(40))
    with pytest.raises(ValueError, match=r'broken\.png: a truncated or damaged PNG'):
        LoadChestImage()({'img_path': str(path)})
    with pytest.raises(FileNotFoundError, match='absent'):
        LoadChestImage()({'img_path': str(tmp_path / 'absent.dicom')})


def test_boxes_of_another_size_of_film_are_refused(png):
    path, film = png
    height, width = film.shape
    sample = {'img_path': str(path), 'height': height, 'width': width, 'instances': []}
    assert LoadChestImage()(dict(sample))['img'].shape == (height, width)
    with pytest.raises(ValueError, match=r'boxes were converted for \d+ x'):
        LoadChestImage()(sample | {'height': 2 * height})
