# ConvNeXt-T at 320 px on the 14 labels of CheXpert, official split.
# Aimed at 0.9037, ConvNeXt-B at 768 px on the 5 labels of the 500-study test: Atelectasis,
# Cardiomegaly, Consolidation, Edema, Pleural Effusion. State the policy of the uncertain
# labels with every result: it decides up to 2.3 points.
# Cost: 15 GiB for 64 films (4 GiB with model.backbone.with_cp=True), 12 minutes an epoch
# at 15 TFLOP/s; estimated by benchmarks/classifier_cost.py.
_base_ = [
    '_base_/models/convnext-t.py',
    '_base_/datasets/chexpert_classification.py',
    '_base_/schedules/classification_20e_finetune.py',
    '_base_/ema_runtime.py',
]

img_size = 320
max_epochs = 10  # of 191,000 frontal films
# ImageNet-21k, then 1k. A local file works; None trains from scratch.
init_checkpoint = 'https://download.openmmlab.com/mmclassification/v0/convnext/convnext-tiny_in21k-pre_3rdparty_in1k_20221219-7501e534.pth'  # noqa: E501
init_part = 'backbone'
default_hooks = dict(checkpoint=dict(save_best='mAUC'))
