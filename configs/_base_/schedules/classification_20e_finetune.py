# classification_20e.py for pretrained weights: the nearer to the film, the slower a layer
# learns. Edges and textures that ImageNet taught still hold on radiographs; the head is
# new.
_base_ = 'classification_20e.py'

optim_wrapper = dict(
    # The head learns at optimizer.lr, each layer below at 0.8 of the next one's: of
    # ConvNeXt-T's 8 layers the stem learns at 1/5. 1.0 gives all layers the same rate.
    constructor='mmlung.LayerDecayOptimWrapperConstructor',
    paramwise_cfg=dict(layer_decay_rate=0.8))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, by_epoch=False, begin=0, end=500),
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
