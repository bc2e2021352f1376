# ConvNeXt-T at 224 px on ChestX-ray14's 14 findings, official patient-wise split.
# The knobs data_root, images_root, img_size, findings and init_checkpoint may be set here,
# in a child, or by --cfg-options: mmlung.config spreads them to where they act.
_base_ = [
    '_base_/models/convnext-t.py',
    '_base_/datasets/chestxray14_classification.py',
    '_base_/schedules/classification_20e.py',
    '_base_/default_runtime.py',
]

# ImageNet-21k, then 1k. A local file works; None trains from scratch.
init_checkpoint = 'https://download.openmmlab.com/mmclassification/v0/convnext/convnext-tiny_in21k-pre_3rdparty_in1k_20221219-7501e534.pth'  # noqa: E501
init_part = 'backbone'
default_hooks = dict(checkpoint=dict(save_best='mAUC'))
