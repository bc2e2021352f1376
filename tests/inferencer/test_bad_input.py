"""What a user may hand over by mistake, each with what is said about it."""

import copy
import re
from pathlib import Path

import cv2
import numpy as np
import pydicom
import pytest
import torch

from mmlung.checkpoint import load_checkpoint
from mmlung.inferencer import Inferencer
from mmlung.result import FailedImage


def reason_of(inferencer, film):
    (result,) = inferencer([film])
    assert isinstance(result, FailedImage)
    return result.reason


def test_an_empty_folder(classifier, tmp_path):
    (tmp_path / 'notes.txt').write_text('no film')
    with pytest.raises(ValueError, match=r'holds no film: expected DICOM files or'):
        list(classifier(tmp_path))


def test_a_glob_that_matches_nothing(classifier, tmp_path):
    with pytest.raises(FileNotFoundError, match='no file matches'):
        list(classifier(tmp_path / '*.dcm'))


def test_a_text_file_named_dcm(classifier, tmp_path):
    path = tmp_path / 'a.dcm'
    path.write_text('Patient: ...')
    assert 'not an image: expected DICOM, PNG, JPEG' in reason_of(classifier, path)


@pytest.mark.parametrize(
    ('name', 'n_bytes', 'said'),
    [
        ('CT_small.dcm', 20_000, 'PixelData cannot be decoded, the file is truncated'),
        ('CT_small.dcm', 300, 'is missing: not an image, or an incomplete download'),
        ('CT_small.dcm', 140, 'truncated or damaged DICOM file|is missing'),
        ('CT_small.dcm', 0, 'not an image'),
        ('JPEG2000.dcm', 3000, 'PixelData|truncated'),
        ('MR_truncated.dcm', None, 'truncated or damaged'),
    ],
    ids=['pixels', 'header', 'preamble', 'empty', 'jpeg2000', 'as-bundled'],
)
def test_a_truncated_dicom_file(classifier, tmp_path, name, n_bytes, said):
    source = pydicom.data.get_testdata_file(name, download=False)
    if source is None:
        pytest.skip(f'pydicom does not bundle {name}')
    path = tmp_path / name
    path.write_bytes(Path(source).read_bytes()[:n_bytes])
    reason = reason_of(classifier, path)
    assert re.search(said, reason)
    assert 'bytes: ' not in reason[:20]


@pytest.mark.parametrize('suffix', ['.png', '.jpg'])
def test_a_colour_photo(classifier, tmp_path, suffix):
    path = tmp_path / f'photo{suffix}'
    photo = np.zeros((64, 80, 3), np.uint8)
    photo[:, :40] = (200, 90, 30)
    cv2.imwrite(str(path), photo)
    assert 'is grey, got a colour picture' in reason_of(classifier, path)
    assert 'is grey, got a colour picture' in reason_of(classifier, photo)


@pytest.mark.parametrize(
    ('array', 'said'),
    [
        (np.zeros((8, 8), np.float32), 'pixels must be uint8 or uint16, got float32'),
        (np.zeros((8, 8, 2), np.uint8), r'\(H, W, 1|3|4\), got \(8, 8, 2\)'),
        (np.zeros((0, 8), np.uint8), r'shape \(H, W\) or'),
        (np.full((8, 8), 7, np.uint8), 'the image is constant'),
    ],
    ids=['float', 'two-channels', 'empty', 'constant'],
)
def test_an_array_that_is_no_film(classifier, array, said):
    assert re.search(said, reason_of(classifier, array))


def test_something_else(classifier):
    with pytest.raises(ValueError, match='must be a path, folder, glob, array or'):
        list(classifier([3]))


def test_a_checkpoint_of_another_model(classifier_config, random_detector):
    cfg = copy.deepcopy(classifier_config)
    cfg.pop('findings')
    with pytest.raises(ValueError, match='does not fit the network of the config'):
        Inferencer(cfg, random_detector, device='cpu')


def test_a_checkpoint_of_other_findings(classifier_config, random_detector):
    with pytest.raises(ValueError, match='was trained for Aortic enlargement, '):
        Inferencer(classifier_config, random_detector, device='cpu')


def test_a_checkpoint_with_nan(classifier_config, random_classifier, tmp_path):
    content = load_checkpoint(random_classifier())
    content['state_dict']['head.fc.bias'][0] = float('nan')
    path = tmp_path / 'diverged.pth'
    torch.save(content, path)
    with pytest.raises(ValueError, match=r'NaN in 1 tensors, first head\.fc\.bias'):
        Inferencer(classifier_config, path, device='cpu')


def test_no_checkpoint(classifier_config, tmp_path):
    with pytest.raises(FileNotFoundError, match='does not exist'):
        Inferencer(classifier_config, tmp_path / 'none.pth', device='cpu')


def test_no_augmentation_in_the_config(classifier_config, random_classifier):
    cfg = copy.deepcopy(classifier_config)
    cfg.pop('tta_model')
    with pytest.raises(ValueError, match='needs tta_model and tta_pipeline'):
        Inferencer(cfg, random_classifier(), device='cpu', tta=True)


def test_a_pipeline_that_loads_nothing(classifier_config, random_classifier):
    cfg = copy.deepcopy(classifier_config)
    cfg.test_dataloader.dataset.pipeline = cfg.test_dataloader.dataset.pipeline[1:]
    with pytest.raises(ValueError, match=r'must start with mmlung\.LoadChestImage'):
        Inferencer(cfg, random_classifier(), device='cpu')


def test_nobody_says_the_findings(classifier_config, random_classifier, tmp_path):
    cfg = copy.deepcopy(classifier_config)
    cfg.pop('findings')
    path = tmp_path / 'bare.pth'
    torch.save(load_checkpoint(random_classifier())['state_dict'], path)
    with pytest.raises(ValueError, match='which findings the model has'):
        Inferencer(cfg, path, device='cpu')
