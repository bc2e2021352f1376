# RetinaNet of MMDetection on MMPretrain's Swin-T. `num_classes` follows the knob
# `findings` of the leaf (mmlung.config spreads it).
_base_ = 'mmdet::_base_/models/retinanet_r50_fpn.py'
default_scope = 'mmdet'

model = dict(
    data_preprocessor=dict(bgr_to_rgb=False),
    backbone=dict(
        _delete_=True,
        type='mmpretrain.SwinTransformer',
        arch='tiny',
        img_size=224,
        drop_path_rate=0.2,
        out_indices=(1, 2, 3),
        pad_small_map=True,
        init_cfg=None),
    neck=dict(in_channels=[192, 384, 768], start_level=0),
    bbox_head=dict(num_classes=14),
    test_cfg=dict(score_thr=0.001))
