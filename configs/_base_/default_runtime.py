# Runtime that every config shares. `default_scope` is set beside the model.
custom_imports = dict(imports=['mmlung'], allow_failed_imports=False)

default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=50),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(type='CheckpointHook', interval=1, max_keep_ckpts=2, rule='greater'),
    sampler_seed=dict(type='DistSamplerSeedHook'))
# Ours: checkpoints that load without pickle, and a training that is killed and resumed
# takes the same steps as one that is not.
custom_hooks = [
    dict(type='mmlung.PlainCheckpointHook'),
    dict(type='mmlung.ResumeExactly')
]

env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'))
visualizer = dict(
    type='mmengine.Visualizer', vis_backends=[dict(type='LocalVisBackend')])
log_processor = dict(type='LogProcessor', window_size=50, by_epoch=True)
log_level = 'INFO'
randomness = dict(seed=0)
load_from = None
resume = False
