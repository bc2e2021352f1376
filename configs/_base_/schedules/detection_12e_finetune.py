# detection_12e.py for pretrained weights: the nearer to the film, the slower a layer
# learns. Edges and textures that COCO or ImageNet taught still hold on radiographs; the
# heads are new.
_base_ = 'detection_12e.py'

optim_wrapper = dict(
    # Neck and heads learn at optimizer.lr, each block below at 0.8 of the next one's: of
    # Swin-T's 14 layers the stem learns at 1/18. 1.0 gives all layers the same rate.
    constructor='mmlung.LayerDecayOptimWrapperConstructor',
    paramwise_cfg=dict(layer_decay_rate=0.8))
param_scheduler = [
    # New heads send large gradients into good weights at first: 500 steps from next to
    # nothing to the full rate.
    dict(type='LinearLR', start_factor=0.001, by_epoch=False, begin=0, end=500),
    # No milestones to tune, and the average of the weights settles as the rate falls.
    # The end is a share of each layer's own rate: a fixed one would lie above the stem's.
    dict(
        type='CosineAnnealingLR',
        by_epoch=True,
        begin=0,
        end=_base_.max_epochs,
        T_max=_base_.max_epochs,
        eta_min_ratio=0.01,
        convert_to_iter_based=True)
]
