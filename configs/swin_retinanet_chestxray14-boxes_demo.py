# RetinaNet in the place of Cascade R-CNN in swin_chestxray14-boxes_demo.py: the same small
# backbone, image size and learning rates, so that the two can be compared.
_base_ = 'swin_vindr_demo.py'

data_root = '{{$MMLUNG_DATA:data}}/chestxray14/'
findings = [
    'Atelectasis', 'Cardiomegaly', 'Effusion', 'Infiltration', 'Mass', 'Nodule',
    'Pneumonia', 'Pneumothorax'
]
max_epochs = 10

_dataset = dict(converter='chestxray14')
train_dataloader = dict(dataset=dict(_dataset, ann_file='boxes_train.json'))
val_dataloader = dict(dataset=dict(_dataset, ann_file='boxes_val.json'))
test_dataloader = dict(dataset=dict(_dataset, ann_file='boxes_test.json'))
del _dataset

_small = _base_.model
model = dict(
    _delete_=True,
    type='RetinaNet',
    data_preprocessor=_small.data_preprocessor,
    backbone=dict(_small.backbone, out_indices=(1, 2, 3)),
    neck=dict(
        type='FPN',
        in_channels=_small.neck.in_channels[1:],
        out_channels=_small.neck.out_channels,
        add_extra_convs='on_input',
        num_outs=5),
    bbox_head=dict(
        type='RetinaHead',
        num_classes=len(findings),
        in_channels=_small.neck.out_channels,
        feat_channels=_small.neck.out_channels,
        stacked_convs=4,
        anchor_generator=dict(
            type='AnchorGenerator',
            octave_base_scale=4,
            scales_per_octave=3,
            ratios=[0.5, 1.0, 2.0],
            strides=[8, 16, 32, 64, 128]),
        bbox_coder=dict(
            type='DeltaXYWHBBoxCoder',
            target_means=[0.0] * 4,
            target_stds=[1.0] * 4),
        loss_cls=dict(
            type='FocalLoss', use_sigmoid=True, gamma=2.0, alpha=0.25, loss_weight=1.0),
        loss_bbox=dict(type='L1Loss', loss_weight=1.0)),
    train_cfg=dict(
        assigner=dict(
            type='MaxIoUAssigner',
            pos_iou_thr=0.5,
            neg_iou_thr=0.4,
            min_pos_iou=0,
            ignore_iof_thr=-1),
        # Focal loss wants every anchor.
        sampler=dict(type='PseudoSampler'),
        allowed_border=-1,
        pos_weight=-1,
        debug=False),
    test_cfg=dict(
        nms_pre=1000,
        min_bbox_size=0,
        score_thr=0.001,
        nms=dict(type='nms', iou_threshold=0.5),
        max_per_img=100))
del _small
