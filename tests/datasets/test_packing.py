import numpy as np
import pytest
import torch
from mmdet.datasets.transforms import PackDetInputs
from mmdet.structures.bbox import HorizontalBoxes

from mmlung.datasets.packing import PackChestInputs
from mmlung.registry import TRANSFORMS


@pytest.fixture
def sample():
    return {
        'img_id': 7,
        'img_path': '/films/a.png',
        'file_name': 'a.png',
        'patient_id': 'p1',
        'ori_shape': (40, 60),
        'img_shape': (20, 30),
        'scale_factor': (0.5, 0.5),
        'img': np.arange(600, dtype=np.uint8).reshape(20, 30),
        'gt_bboxes': HorizontalBoxes(torch.tensor([[1.0, 2, 9, 8], [0, 0, 5, 5]])),
        'gt_bboxes_labels': np.array([3, 0]),
        'gt_ignore_flags': np.array([False, True]),
    }


def test_three_equal_channels_without_a_copy(sample):
    inputs = PackChestInputs()(sample)['inputs']
    assert inputs.shape == (3, 20, 30)
    assert inputs.dtype == torch.uint8
    for channel in inputs:
        np.testing.assert_array_equal(channel, sample['img'])
    assert inputs.stride(0) == 0
    assert inputs.untyped_storage().nbytes() == 600


def test_a_flipped_view_packs_too(sample):
    sample['img'] = sample['img'][:, ::-1]
    inputs = PackChestInputs()(sample)['inputs']
    np.testing.assert_array_equal(inputs[2], sample['img'])


def test_the_rest_is_upstreams(sample):
    ours = PackChestInputs()(dict(sample))['data_samples']
    theirs = PackDetInputs()(dict(sample))['data_samples']
    for part in ('gt_instances', 'ignored_instances'):
        for key in ('bboxes', 'labels'):
            mine, other = getattr(ours, part)[key], getattr(theirs, part)[key]
            mine, other = (getattr(t, 'tensor', t) for t in (mine, other))
            assert torch.equal(mine, other)
    for key in ('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor'):
        assert ours.metainfo[key] == theirs.metainfo[key]


def test_name_and_patient_travel(sample):
    meta = PackChestInputs()(sample)['data_samples'].metainfo
    assert (meta['file_name'], meta['patient_id']) == ('a.png', 'p1')
    pack = TRANSFORMS.build(
        {'type': 'mmlung.PackChestInputs', 'meta_keys': ('img_id',)}
    )
    assert set(pack(sample)['data_samples'].metainfo) == {'img_id'}


def test_labels_of_the_image_are_optional(sample):
    assert 'gt_score' not in PackChestInputs()(dict(sample))['data_samples']
    sample['gt_score'] = np.array([1, 0, np.nan], dtype=np.float32)
    score = PackChestInputs()(sample)['data_samples'].gt_score
    assert score.dtype == torch.float32
    np.testing.assert_array_equal(score, sample['gt_score'])


def test_a_sample_may_have_no_boxes(sample):
    sample['gt_bboxes'] = HorizontalBoxes(torch.zeros(0, 4))
    sample['gt_bboxes_labels'] = np.zeros(0, dtype=int)
    sample['gt_ignore_flags'] = np.zeros(0, dtype=bool)
    packed = PackChestInputs()(sample)['data_samples']
    assert packed.gt_instances.bboxes.shape == (0, 4)
