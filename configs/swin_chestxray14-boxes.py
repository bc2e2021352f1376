# Swin-T + FPN + Cascade R-CNN on the 8 findings of ChestX-ray14's boxes.
_base_ = [
    '_base_/models/swin-t_fpn_cascade-rcnn.py',
    '_base_/datasets/chestxray14-boxes_detection.py',
    '_base_/schedules/detection_12e_finetune.py',
    '_base_/ema_runtime.py',
]

img_size = 1024  # the release's own size
init_checkpoint = 'https://download.openmmlab.com/mmdetection/v2.0/swin/mask_rcnn_swin-t-p4-w7_fpn_fp16_ms-crop-3x_coco/mask_rcnn_swin-t-p4-w7_fpn_fp16_ms-crop-3x_coco_20210908_165006-90a4008c.pth'  # noqa: E501
init_part = 'model'
model = dict(
    roi_head=dict(
        bbox_head=[
            dict(head, num_classes=8) for head in _base_.model.roi_head.bbox_head
        ]))
# Films without any box of the 984 are healthy or not asked about: how many there are is
# chosen once, by --healthy of the converter, and an epoch shows all of them.
default_hooks = dict(checkpoint=dict(save_best='AP40'))
