# classification_20e.py in two phases: 3 epochs of the head alone at 1e-3, then the head at
# 1e-4 and the backbone at 1e-5. Needs mmlung.HeadWarmUpHook(epochs=3) among the hooks,
# which freezes the backbone: a new head's first gradients would spoil good weights.
_base_ = 'classification_20e.py'

optim_wrapper = dict(
    optimizer=dict(lr=1e-3, weight_decay=0.01),
    paramwise_cfg=dict(custom_keys={'backbone': dict(lr_mult=0.1)}))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=200),
    dict(type='MultiStepLR', by_epoch=True, milestones=[3], gamma=0.1),
    dict(
        type='CosineAnnealingLR',
        by_epoch=True,
        begin=3,
        end=_base_.max_epochs,
        T_max=_base_.max_epochs - 3,
        eta_min_ratio=0.001,  # of 1e-3: a hundredth of the second phase's rate
        convert_to_iter_based=True)
]
# The frozen backbone gets no gradient, which distributed training must be told.
find_unused_parameters = True
