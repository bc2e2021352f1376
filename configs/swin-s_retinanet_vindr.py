# swin_retinanet_vindr.py with Swin-S.
_base_ = 'swin_retinanet_vindr.py'

init_checkpoint = 'https://download.openmmlab.com/mmclassification/v0/swin-transformer/swin_small_224_b16x64_300e_imagenet_20210615_110219-7f9d988b.pth'  # noqa: E501
model = dict(backbone=dict(arch='small'))
# 26 layers where Swin-T has 14: the stem's rate is 1/14, much as there.
optim_wrapper = dict(paramwise_cfg=dict(layer_decay_rate=0.9))
