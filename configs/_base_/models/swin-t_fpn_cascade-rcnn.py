# Cascade R-CNN of MMDetection on MMPretrain's Swin-T. `num_classes` follows the knob
# `findings` of the leaf (mmlung.config spreads it).
_base_ = 'mmdet::_base_/models/cascade-rcnn_r50_fpn.py'
default_scope = 'mmdet'

model = dict(
    data_preprocessor=dict(
        # ImageNet statistics: what the pretrained weights expect. The three channels
        # are equal, so their order does not matter.
        bgr_to_rgb=False),
    backbone=dict(
        _delete_=True,
        type='mmpretrain.SwinTransformer',
        arch='tiny',
        # Nothing depends on it without an absolute position table; maps of any size are
        # padded to whole windows.
        img_size=224,
        drop_path_rate=0.2,
        out_indices=(0, 1, 2, 3),
        pad_small_map=True,
        init_cfg=None),
    neck=dict(in_channels=[96, 192, 384, 768]),
    roi_head=dict(
        bbox_head=[
            dict(head, num_classes=14) for head in _base_.model.roi_head.bbox_head
        ]),
    test_cfg=dict(
        # AP and FROC need the whole curve: keep faint boxes.
        rcnn=dict(score_thr=0.001, max_per_img=100)))
