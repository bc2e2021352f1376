# swin_vindr.py with Swin-B. Where 1024 px do not fit the GPU, --amp or
# model.backbone.with_cp=True (slower) make room.
_base_ = 'swin_vindr.py'

# ImageNet-22k, then 1k: no COCO weights of Swin-B exist here, so neck and heads are new.
init_checkpoint = 'https://download.openmmlab.com/mmclassification/v0/swin-transformer/convert/swin_base_patch4_window7_224_22kto1k-f967f799.pth'  # noqa: E501
init_part = 'backbone'
model = dict(
    backbone=dict(arch='base', drop_path_rate=0.3),  # three times Swin-T overfits sooner
    neck=dict(in_channels=[128, 256, 512, 1024]))
# 26 layers where Swin-T has 14: the stem's rate is 1/14, much as there.
optim_wrapper = dict(paramwise_cfg=dict(layer_decay_rate=0.9))
