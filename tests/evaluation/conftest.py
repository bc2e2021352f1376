"""Random detections that resemble a detector's: near hits, doubles, strays."""

import numpy as np
import pytest

from mmlung.evaluation import ImageDetections

CLASSES = ('Atelectasis', 'Nodule/Mass', 'Pleural_Thickening', 'Hernia')
SIZE_PX = 400


def _random_boxes(rng, n):
    corner = rng.uniform(0, SIZE_PX / 2, (n, 2))
    return np.hstack([corner, corner + rng.uniform(20, SIZE_PX / 2, (n, 2))])


def _random_image(rng, name, patient, labels):
    n_true = rng.integers(0, 4)
    gt_xyxy = _random_boxes(rng, n_true)
    gt_label = rng.choice(labels, n_true)
    copies = rng.integers(0, 3, n_true)
    near = np.repeat(gt_xyxy, copies, axis=0)
    near = near + rng.uniform(-9, 9, near.shape)  # the least side is 20: none inverts
    n_stray = rng.integers(0, 5)
    pred_xyxy = np.vstack([near, _random_boxes(rng, n_stray)])
    pred_label = np.append(np.repeat(gt_label, copies), rng.choice(labels, n_stray))
    order = rng.permutation(len(pred_xyxy))
    return ImageDetections(
        path=name,
        cluster=f'patient {patient}',
        pred_xyxy=pred_xyxy[order],
        pred_score=rng.uniform(size=len(pred_xyxy)),
        pred_label=pred_label[order].astype(int),
        gt_xyxy=gt_xyxy,
        gt_label=gt_label.astype(int),
    )


@pytest.fixture
def classes():
    return CLASSES


@pytest.fixture
def random_images():
    """(seed, n) -> n images of n // 2 patients; the last finding is never true."""

    def make(seed, n=40):
        rng = np.random.default_rng(seed)
        labels = np.arange(len(CLASSES) - 1)
        return [
            _random_image(rng, f'{i:03}.png', rng.integers(max(1, n // 2)), labels)
            for i in range(n)
        ]

    return make


@pytest.fixture
def one_finding():
    """(pred_xyxy, pred_score, gt_xyxy) -> one image with one finding."""

    def make(pred_xyxy=(), pred_score=(), gt_xyxy=(), name='a.png'):
        return ImageDetections(
            path=name,
            cluster=f'image {name}',
            pred_xyxy=np.array(pred_xyxy, dtype=float).reshape(-1, 4),
            pred_score=np.array(pred_score, dtype=float),
            pred_label=np.zeros(len(pred_xyxy), dtype=int),
            gt_xyxy=np.array(gt_xyxy, dtype=float).reshape(-1, 4),
            gt_label=np.zeros(len(gt_xyxy), dtype=int),
        )

    return make


@pytest.fixture
def as_sample():
    """Image -> the dict that mmengine's evaluator hands to a metric."""
    import torch
    from mmdet.structures import DetDataSample
    from mmengine.structures import InstanceData

    def convert(image, size_hw=(2 * SIZE_PX, 2 * SIZE_PX), **meta):
        sample = DetDataSample(
            metainfo={'img_path': image.path, 'ori_shape': size_hw, **meta}
        )
        sample.pred_instances = InstanceData(
            bboxes=torch.tensor(image.pred_xyxy),
            scores=torch.tensor(image.pred_score),
            labels=torch.tensor(image.pred_label),
        )
        sample.gt_instances = InstanceData(
            bboxes=torch.tensor(image.gt_xyxy), labels=torch.tensor(image.gt_label)
        )
        return sample.to_dict()

    return convert
