"""Whole detectors of MMDetection train and predict on the served ops."""

import pytest
import torch
from mmdet.registry import MODELS
from mmdet.testing import demo_mm_inputs
from mmdet.utils import register_all_modules
from mmengine.config import ConfigDict

from mmlung._quiet import quiet_imports

N_FINDINGS = 3
# Not 64 px: RetinaNet's last map would come from one of 1 x 1 by a stride of 2, and
# torch 2.14's bfloat16 gradient of that convolution is memory that nobody wrote.
SHAPE = (3, 96, 96)
NORMALIZED = {'type': 'BN', 'requires_grad': True}


def anchors(**options):
    return {'type': 'AnchorGenerator', 'ratios': [0.5, 1.0, 2.0], **options}


def coder(spread=1.0):
    return {
        'type': 'DeltaXYWHBBoxCoder',
        'target_means': [0.0] * 4,
        'target_stds': [0.1 * spread] * 2 + [0.2 * spread] * 2,
    }


def assigner(positive, negative):
    return {
        'type': 'MaxIoUAssigner',
        'pos_iou_thr': positive,
        'neg_iou_thr': negative,
        'min_pos_iou': negative,
        'ignore_iof_thr': -1,
    }


def body(channels=16, dcn=False, **neck):
    backbone = {
        'type': 'ResNet',
        'depth': 18,
        'base_channels': 8,
        'norm_cfg': NORMALIZED,
    }
    if dcn:
        backbone['depth'] = 50
        backbone['dcn'] = {'type': 'DCNv2', 'deform_groups': 1}
        backbone['stage_with_dcn'] = (False, False, True, True)
    widths = [8, 16, 32, 64] if not dcn else [32, 64, 128, 256]
    return {
        'data_preprocessor': {'type': 'DetDataPreprocessor', 'pad_size_divisor': 32},
        'backbone': backbone,
        'neck': {
            'type': 'FPN',
            'in_channels': widths,
            'out_channels': channels,
            'num_outs': 5,
            **neck,
        },
    }


def cascade_rcnn(nms=None, roi_layer=None, **options):
    nms = nms or {'type': 'nms', 'iou_threshold': 0.5}
    thresholds, spreads = (0.5, 0.6, 0.7), (1.0, 0.5, 0.33)
    head = {
        'type': 'Shared2FCBBoxHead',
        'in_channels': 16,
        'fc_out_channels': 32,
        'roi_feat_size': 7,
        'num_classes': N_FINDINGS,
        'reg_class_agnostic': True,
        'loss_cls': {'type': 'CrossEntropyLoss', 'loss_weight': 1.0},
        'loss_bbox': {'type': 'SmoothL1Loss', 'beta': 1.0},
    }
    sampler = {
        'type': 'RandomSampler',
        'num': 32,
        'pos_fraction': 0.25,
        'add_gt_as_proposals': True,
    }
    return {
        'type': 'CascadeRCNN',
        **body(**options),
        'rpn_head': {
            'type': 'RPNHead',
            'in_channels': 16,
            'feat_channels': 16,
            'anchor_generator': anchors(scales=[4], strides=[4, 8, 16, 32, 64]),
            'bbox_coder': coder(10.0),
            'loss_cls': {'type': 'CrossEntropyLoss', 'use_sigmoid': True},
            'loss_bbox': {'type': 'SmoothL1Loss', 'beta': 1 / 9},
        },
        'roi_head': {
            'type': 'CascadeRoIHead',
            'num_stages': 3,
            'stage_loss_weights': [1, 0.5, 0.25],
            'bbox_roi_extractor': {
                'type': 'SingleRoIExtractor',
                'roi_layer': roi_layer or {'type': 'RoIAlign', 'output_size': 7},
                'out_channels': 16,
                'featmap_strides': [4, 8, 16, 32],
            },
            'bbox_head': [{**head, 'bbox_coder': coder(s)} for s in spreads],
        },
        'train_cfg': {
            'rpn': {
                'assigner': assigner(0.7, 0.3),
                'sampler': {**sampler, 'add_gt_as_proposals': False},
                'allowed_border': 0,
                'pos_weight': -1,
            },
            'rpn_proposal': {
                'nms_pre': 100,
                'max_per_img': 50,
                'nms': {'type': 'nms', 'iou_threshold': 0.7},
                'min_bbox_size': 0,
            },
            'rcnn': [
                {'assigner': assigner(t, t), 'sampler': sampler, 'pos_weight': -1}
                for t in thresholds
            ],
        },
        'test_cfg': {
            'rpn': {
                'nms_pre': 100,
                'max_per_img': 50,
                'nms': {'type': 'nms', 'iou_threshold': 0.7},
                'min_bbox_size': 0,
            },
            'rcnn': {'score_thr': 0.01, 'nms': nms, 'max_per_img': 20},
        },
    }


def retinanet():
    return {
        'type': 'RetinaNet',
        **body(start_level=1, add_extra_convs='on_input'),
        'bbox_head': {
            'type': 'RetinaHead',
            'num_classes': N_FINDINGS,
            'in_channels': 16,
            'feat_channels': 16,
            'stacked_convs': 1,
            'anchor_generator': anchors(
                octave_base_scale=4, scales_per_octave=3, strides=[8, 16, 32, 64, 128]
            ),
            'bbox_coder': coder(10.0),
            'loss_cls': {'type': 'FocalLoss', 'use_sigmoid': True},
            'loss_bbox': {'type': 'L1Loss'},
        },
        'train_cfg': {
            'assigner': assigner(0.5, 0.4),
            'sampler': {'type': 'PseudoSampler'},
            'allowed_border': -1,
            'pos_weight': -1,
        },
        'test_cfg': {
            'nms_pre': 100,
            'min_bbox_size': 0,
            'score_thr': 0.0,
            'nms': {'type': 'nms', 'iou_threshold': 0.5},
            'max_per_img': 20,
        },
    }


DETECTORS = [
    pytest.param(cascade_rcnn(), id='cascade'),
    pytest.param(
        cascade_rcnn(nms={'type': 'soft_nms', 'iou_threshold': 0.5, 'min_score': 0.01}),
        id='cascade-soft-nms',
    ),
    pytest.param(
        cascade_rcnn(
            dcn=True,
            roi_layer={'type': 'RoIAlign', 'output_size': 7, 'pool_mode': 'max'},
        ),
        id='cascade-deform-conv-max-pooling',
    ),
    pytest.param(
        cascade_rcnn(roi_layer={'type': 'RoIPool', 'output_size': 7}),
        id='cascade-roi-pool',
    ),
    pytest.param(retinanet(), id='retinanet'),
]


@pytest.mark.parametrize('amp', [False, True], ids=['float32', 'bfloat16'])
@pytest.mark.parametrize('config', DETECTORS)
def test_it_learns_from_two_images_and_predicts(config, amp, device):
    with quiet_imports():
        register_all_modules(init_default_scope=True)
    torch.manual_seed(0)
    model = MODELS.build(ConfigDict(config)).to(device)
    inputs = demo_mm_inputs(
        2, image_shapes=[SHAPE] * 2, num_items=[2, 1], num_classes=N_FINDINGS
    )
    data = model.data_preprocessor(inputs, training=True)
    images, samples = data['inputs'], data['data_samples']
    with torch.autocast(device, torch.bfloat16, enabled=amp):
        losses = model.loss(images, samples)
    total, _ = model.parse_losses(losses)
    total.backward()
    assert total.isfinite()
    grads = [p.grad for p in model.parameters() if p.grad is not None]
    assert all(grad.isfinite().all() for grad in grads)
    assert any(grad.any() for grad in grads)

    model.eval()
    with torch.no_grad(), torch.autocast(device, torch.bfloat16, enabled=amp):
        results = model.predict(images, samples)
    assert len(results) == 2
    for result in results:
        found = result.pred_instances
        assert 0 < len(found) <= 20
        assert found.bboxes.shape == (len(found), 4)
        assert (found.labels < N_FINDINGS).all()
