# The shared runtime, with an average of the weights along the training.
_base_ = 'default_runtime.py'

default_hooks = dict(
    # Validation, checkpoints, best.pth and so every later test use the average: it stands
    # for the last tenth of the steps so far (gamma / (gamma + step) is each step's
    # share), whatever the batch size, and for 5000 steps at most. What a fixed .9998 or
    # .9999 would need a long training for, this gives a short one as well.
    # Off with `default_hooks=dict(ema=None)`.
    ema=dict(
        type='EMAHook', ema_type='MomentumAnnealingEMA', momentum=2e-4, gamma=10))
