# configs/swin_vindr.py made small: learns from scratch in minutes on two CPU cores, so
# without the recipe for pretrained weights.
_base_ = [
    '_base_/models/swin-t_fpn_cascade-rcnn.py',
    '_base_/datasets/vindr_detection.py',
    '_base_/schedules/detection_12e.py',
    '_base_/default_runtime.py',
]

img_size = 224  # a step at 1024 px takes minutes on a CPU
findings = [  # those that the phantoms show
    'Aortic enlargement', 'Atelectasis', 'Cardiomegaly', 'Consolidation', 'Nodule/Mass',
    'Pleural effusion', 'Pneumothorax', 'Pulmonary fibrosis'
]
init_checkpoint = None  # no download, and no weights exist for this size
init_part = 'model'
max_epochs = 12


model = dict(
    # No ImageNet weights, so no ImageNet statistics.
    data_preprocessor=dict(mean=[127.5] * 3, std=[64.0] * 3),
    backbone=dict(
        # Half of Swin-T's width and depth: a fifth of its time.
        arch=dict(
            _delete_=True, embed_dims=48, depths=[2, 2, 2, 2], num_heads=[2, 4, 8, 16]),
        img_size=224,
        drop_path_rate=0.0),  # minutes of training do not overfit
    neck=dict(in_channels=[48, 96, 192, 384], out_channels=96),
    rpn_head=dict(in_channels=96, feat_channels=96),
    roi_head=dict(
        # Two samples a side of a cell: cheap on a CPU, and enough for smooth features.
        bbox_roi_extractor=dict(out_channels=96, roi_layer=dict(sampling_ratio=2)),
        bbox_head=[
            dict(head, in_channels=96, fc_out_channels=256, num_classes=len(findings))
            for head in _base_.model.roi_head.bbox_head
        ]),
    train_cfg=dict(
        # A phantom has at most a few lesions: fewer proposals find them as well.
        rpn_proposal=dict(nms_pre=500, max_per_img=200),
        rcnn=[
            dict(stage, sampler=dict(stage.sampler, num=64))
            for stage in _base_.model.train_cfg.rcnn
        ]),
    test_cfg=dict(rpn=dict(nms_pre=500, max_per_img=200)))

optim_wrapper = dict(optimizer=dict(lr=5e-4))  # from scratch, where fine-tuning takes 1e-4
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=50),
    dict(
        type='CosineAnnealingLR',
        by_epoch=True,
        begin=0,
        end=max_epochs,
        T_max=max_epochs,
        eta_min=1e-5,
        convert_to_iter_based=True)
]
# One validation half-way and one at the end: each costs a tenth of an epoch.
train_cfg = dict(max_epochs=max_epochs, val_interval=max_epochs // 2)
train_dataloader = dict(batch_size=4, num_workers=2)
val_dataloader = dict(batch_size=4, num_workers=2)
test_dataloader = dict(batch_size=4, num_workers=2)
default_hooks = dict(
    logger=dict(interval=20), checkpoint=dict(save_best='AP40'))
