# configs/convnext_chestxray14.py made small: learns from scratch in minutes on two CPU
# cores.
_base_ = 'convnext_chestxray14.py'

img_size = 128  # a third of the pixels of 224 px
init_checkpoint = None  # no download, and no weights exist for this size
max_epochs = 12

model = dict(
    backbone=dict(
        # A third of ConvNeXt-T's width and half of its depth: a twentieth of its time.
        arch=dict(
            _delete_=True, depths=[2, 2, 4, 2], channels=[32, 64, 128, 256]),
        drop_path_rate=0.05),
    head=dict(in_channels=256))
# No ImageNet weights, so no ImageNet statistics.
data_preprocessor = dict(mean=[127.5] * 3, std=[64.0] * 3)

optim_wrapper = dict(optimizer=dict(lr=1e-3))  # from scratch, where fine-tuning takes 1e-4
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
train_cfg = dict(max_epochs=max_epochs, val_interval=2)
train_dataloader = dict(batch_size=16, num_workers=2)
val_dataloader = dict(num_workers=2)
test_dataloader = dict(num_workers=2)
default_hooks = dict(logger=dict(interval=20))
