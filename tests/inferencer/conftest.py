"""Models that have learnt nothing, and films of several kinds."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from mmlung.config import load_config

REPO = Path(__file__).resolve().parent.parent.parent
DETECTOR = REPO / 'configs' / 'swin_vindr_demo.py'
CLASSIFIER = REPO / 'configs' / 'convnext_chestxray14_demo.py'


def _draw(size_hw, seed=0):
    coarse = np.random.default_rng(seed).integers(30, 220, (6, 5), dtype=np.uint8)
    return cv2.resize(coarse, size_hw[::-1], interpolation=cv2.INTER_CUBIC)


@pytest.fixture(scope='session')
def draw_film():
    """(size_hw, seed) -> a film with shapes, (H, W) uint8."""
    return _draw


@pytest.fixture(scope='session')
def detector_config():
    return load_config(DETECTOR, {'img_size': 64})


@pytest.fixture(scope='session')
def classifier_config():
    return load_config(CLASSIFIER, {'img_size': 64})


@pytest.fixture(scope='session')
def random_classifier(tmp_path_factory, classifier_config):
    """(seed) -> a checkpoint of the small classifier that has learnt nothing."""
    import copy

    import torch
    from mmengine.registry import MODELS
    from mmengine.registry import DefaultScope

    folder = tmp_path_factory.mktemp('classifiers')

    def make(seed=0):
        path = folder / f'{seed}.pth'
        if path.is_file():
            return path
        torch.manual_seed(seed)
        settings = copy.deepcopy(classifier_config.model)
        with DefaultScope.overwrite_default_scope('mmpretrain'):
            model = MODELS.build(settings)
        state = model.state_dict()
        state['head.fc.weight'].mul_(30)  # so that films differ
        meta = {'dataset_meta': {'classes': list(classifier_config.findings)}}
        torch.save({'meta': meta, 'state_dict': state}, path)
        return path

    return make


@pytest.fixture(scope='session')
def classifier(classifier_config, random_classifier):
    from mmlung.inferencer import Inferencer

    return Inferencer(classifier_config, random_classifier(), device='cpu')


@pytest.fixture(scope='session')
def detector(detector_config, random_detector):
    from mmlung.inferencer import Inferencer

    return Inferencer(detector_config, random_detector, device='cpu')


@pytest.fixture
def films(tmp_path):
    """Folder of three PNG films of two sizes."""
    folder = tmp_path / 'films'
    folder.mkdir()
    for seed, size_hw in enumerate(((80, 64), (64, 80), (80, 64))):
        cv2.imwrite(str(folder / f'{seed}.png'), _draw(size_hw, seed))
    return folder
