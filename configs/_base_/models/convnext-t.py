# ConvNeXt-T of MMPretrain with one sigmoid a finding. `num_classes` follows the knob
# `findings` of the leaf (mmlung.config spreads it).
default_scope = 'mmpretrain'

# Grey statistics of ImageNet, three times: one grey channel comes in and broadcasts to
# three here, at the last moment.
data_preprocessor = dict(
    mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=False)

model = dict(
    type='ImageClassifier',
    backbone=dict(
        type='ConvNeXt', arch='tiny', drop_path_rate=0.2, init_cfg=None),
    head=dict(
        type='MultiLabelLinearClsHead',
        num_classes=14,
        in_channels=768,
        loss=dict(
            type='mmlung.MaskUnknown',
            loss=dict(type='CrossEntropyLoss', use_sigmoid=True))))
