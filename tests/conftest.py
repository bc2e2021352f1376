"""Fixtures that every test may use."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

REPO = Path(__file__).resolve().parent.parent


@pytest.fixture(scope='session')
def shared_data() -> Path:
    """Folder of real radiographs and reference outputs, outside the repository."""
    folder = REPO.parent / 'shared' / 'data'
    if not folder.is_dir():
        pytest.skip('needs the real films and reference outputs of ../shared/data')
    return folder


@pytest.fixture(scope='session')
def xrv_data() -> Path:
    """Folder of the real annotation CSVs that torchxrayvision carries."""
    spec = importlib.util.find_spec('torchxrayvision')
    if spec is None or spec.origin is None:
        pytest.skip('needs the files of torchxrayvision: pip install .[test]')
    return Path(spec.origin).parent / 'data'


@pytest.fixture(scope='session', autouse=True)
def _one_thread():
    """Tiny tensors gain nothing from threads, and the machine may be shared."""
    if importlib.util.find_spec('torch') is None:
        return
    import torch

    torch.set_num_threads(1)


def _write_films(folder, n, seed):
    """Small films (PNG, the last one a DICOM), of two sizes: their names and sizes."""
    import cv2

    from mmlung.phantom.dicom_film import encode_dicom

    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    films = []
    for number in range(n):
        size_hw = (64, 80) if number % 2 else (72, 64)
        film = rng.integers(40, 200, size_hw, dtype=np.uint8)
        name = f'{seed}-{number}.png'
        if number == n - 1:
            name = f'{seed}-{number}.dicom'
            (folder / name).write_bytes(encode_dicom(film / 255, rng, name))
        else:
            cv2.imwrite(str(folder / name), film)
        films.append((name, size_hw))
    return films


@pytest.fixture(scope='session')
def write_detection_data():
    """(folder, findings, n) -> folder, with COCO files as a converter writes them.

    The films lie in ``folder/films``; the first of each part is healthy, each other one
    has two boxes, of findings that take turns. Every part exists under two names:
    ``train.json`` and ``boxes_train.json``.
    """

    def write(folder, findings, n=4):
        for seed, split in enumerate(('train', 'val', 'test')):
            images, annotations = [], []
            for number, (name, (height, width)) in enumerate(
                _write_films(folder / 'films', n, seed)
            ):
                images.append(
                    {
                        'id': number + 1,
                        'file_name': name,
                        'height': height,
                        'width': width,
                        'patient_id': f'p{number // 2}',
                    }
                )
                for side in (0, 1) if number else ():
                    box = [8 + 20 * side, 12, 18 + 8 * side, 30]
                    annotations.append(
                        {
                            'id': len(annotations) + 1,
                            'image_id': number + 1,
                            'category_id': len(annotations) % len(findings) + 1,
                            'bbox': box,
                            'area': box[2] * box[3],
                            'iscrowd': 0,
                        }
                    )
            content = {
                'info': {
                    'dataset': 'tiny',
                    'images_root': 'films',
                    'split': split,
                    'split_family': 'subset',
                    'ground_truth': 'drawn',
                    'synthetic': True,
                },
                'images': images,
                'annotations': annotations,
                'categories': [
                    {'id': i, 'name': name} for i, name in enumerate(findings, start=1)
                ],
            }
            for name in (f'{split}.json', f'boxes_{split}.json'):
                (folder / name).write_text(json.dumps(content), encoding='utf-8')
        return folder

    return write


@pytest.fixture(scope='session')
def write_classification_data():
    """(folder, findings, n) -> folder, with label files as a converter writes them.

    The films lie in ``folder/films``; labels take turns over 1, 0 and null.
    """

    def write(folder, findings, n=4):
        for seed, split in enumerate(('train', 'val', 'test')):
            films = _write_films(folder / 'films', n, seed)
            content = {
                'metainfo': {
                    'classes': list(findings),
                    'dataset': 'tiny',
                    'images_root': 'films',
                    'split': split,
                    'split_family': 'subset',
                    'ground_truth': 'drawn',
                },
                'data_list': [
                    {
                        'img_path': name,
                        'gt_score': [
                            (1, 0, None)[(number + c) % 3] for c in range(len(findings))
                        ],
                        'patient_id': f'p{number // 2}',
                    }
                    for number, (name, _) in enumerate(films)
                ],
            }
            path = folder / f'{split}.json'
            path.write_text(json.dumps(content), encoding='utf-8')
        return folder

    return write


@pytest.fixture(scope='session')
def random_detector(tmp_path_factory):
    """A checkpoint of configs/swin_vindr_demo.py that has learnt nothing."""
    import torch
    from mmengine.registry import MODELS
    from mmengine.registry import DefaultScope
    from mmengine.registry import init_default_scope

    from mmlung.config import load_config

    cfg = load_config(REPO / 'configs' / 'swin_vindr_demo.py', {'img_size': 64})
    init_default_scope('mmdet')
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    DefaultScope._instance_dict.clear()
    path = tmp_path_factory.mktemp('weights') / 'random.pth'
    meta = {'dataset_meta': {'classes': list(cfg.findings)}}
    torch.save({'meta': meta, 'state_dict': model.state_dict()}, path)
    return path


@pytest.fixture(autouse=True)
def _default_scope():
    """mmengine's default scope is global state: every test starts without one."""
    yield
    try:
        from mmengine.registry import DefaultScope
    except ImportError:
        return
    DefaultScope._instance_dict.clear()


def pytest_collection_modifyitems(items):
    """Skip what needs a GPU where there is none."""
    items = [item for item in items if item.get_closest_marker('gpu')]
    if not items:
        return
    import torch

    if not torch.cuda.is_available():
        skip = pytest.mark.skip(reason='needs a CUDA device')
        for item in items:
            item.add_marker(skip)
