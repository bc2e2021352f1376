# swin_vindr.py with Swin-S: twice the backbone, the size that COCO weights exist for.
_base_ = 'swin_vindr.py'

init_checkpoint = 'https://download.openmmlab.com/mmdetection/v2.0/swin/mask_rcnn_swin-s-p4-w7_fpn_fp16_ms-crop-3x_coco/mask_rcnn_swin-s-p4-w7_fpn_fp16_ms-crop-3x_coco_20210903_104808-b92c91f1.pth'  # noqa: E501
model = dict(backbone=dict(arch='small'))
# 26 layers where Swin-T has 14: the stem's rate is 1/14, much as there.
optim_wrapper = dict(paramwise_cfg=dict(layer_decay_rate=0.9))
