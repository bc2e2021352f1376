# First of two stages: ConvNeXtV2-B on MIMIC-CXR-JPG, for its backbone. The second is
# convnextv2-b_mimic-to-chestxray14.py. At 384 px: the films are many, not the pixels.
# Aimed beyond 0.8335, DenseNet-121's mean AUC of the 14 labels with uncertain as absent.
# Cost: 35 GiB for 32 films (6 GiB with model.backbone.with_cp=True), 74 minutes an epoch
# at 15 TFLOP/s; estimated by benchmarks/classifier_cost.py.
_base_ = [
    '_base_/models/convnextv2-b_csra.py',
    '_base_/datasets/mimic_classification.py',
    '_base_/schedules/classification_20e_head-first.py',
    '_base_/ema_runtime.py',
]

img_size = 384
max_epochs = 8  # of 247,000 films
init_checkpoint = 'https://download.openmmlab.com/mmclassification/v0/convnext-v2/convnext-v2-base_fcmae-in21k-pre_3rdparty_in1k-384px_20230104-379425cc.pth'  # noqa: E501
init_part = 'backbone'
train_dataloader = dict(batch_size=32, num_workers=8)
auto_scale_lr = dict(base_batch_size=32)
custom_hooks = [*_base_.custom_hooks, dict(type='mmlung.HeadWarmUpHook', epochs=3)]
default_hooks = dict(ema=dict(momentum=1e-4), checkpoint=dict(save_best='mAUC'))
