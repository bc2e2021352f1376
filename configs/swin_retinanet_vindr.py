# Swin-T + FPN + RetinaNet at 1024 px on VinDr-CXR's 14 findings of the Kaggle release.
_base_ = [
    '_base_/models/swin-t_fpn_retinanet.py',
    '_base_/datasets/vindr_detection_resampled.py',
    '_base_/schedules/detection_12e_finetune.py',
    '_base_/ema_runtime.py',
]

# ImageNet weights for the backbone: no COCO weights of Swin under RetinaNet exist.
init_checkpoint = 'https://download.openmmlab.com/mmclassification/v0/swin-transformer/swin_tiny_224_b16x64_300e_imagenet_20210616_090925-66df6be6.pth'  # noqa: E501
init_part = 'backbone'
default_hooks = dict(checkpoint=dict(save_best='AP40'))
# Kaggle's own score, of its findings and "No finding".
test_evaluator = [
    *_base_.test_evaluator, dict(type='mmlung.KaggleAP', bootstrap=1000)
]
