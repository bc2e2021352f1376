# Swin-T + FPN + Cascade R-CNN at 1024 px on VinDr-CXR's 14 findings of the Kaggle release.
# The knobs data_root, images_root, img_size, findings and init_checkpoint may be set here,
# in a child, or by --cfg-options: mmlung.config spreads them to where they act.
_base_ = [
    '_base_/models/swin-t_fpn_cascade-rcnn.py',
    # The recipe, each knob with its reason, lies in these three.
    '_base_/datasets/vindr_detection_resampled.py',
    '_base_/schedules/detection_12e_finetune.py',
    '_base_/ema_runtime.py',
]

# Mask R-CNN Swin-T trained on COCO: backbone, FPN and RPN are taken, the cascade's heads
# start fresh (the log lists them). A local file works; None trains from scratch.
init_checkpoint = 'https://download.openmmlab.com/mmdetection/v2.0/swin/mask_rcnn_swin-t-p4-w7_fpn_fp16_ms-crop-3x_coco/mask_rcnn_swin-t-p4-w7_fpn_fp16_ms-crop-3x_coco_20210908_165006-90a4008c.pth'  # noqa: E501
init_part = 'model'  # what init_checkpoint holds: the whole 'model', or its 'backbone'
default_hooks = dict(checkpoint=dict(save_best='AP40'))
# Kaggle's own score, of its findings and "No finding".
test_evaluator = [
    *_base_.test_evaluator, dict(type='mmlung.KaggleAP', bootstrap=1000)
]
