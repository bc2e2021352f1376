"""Parts of models and of their training that upstream cannot say."""

from mmlung.models.head_warm_up import HeadWarmUpHook
from mmlung.models.losses import MaskUnknown
from mmlung.models.positive_weight import PositiveWeightHook
from mmlung.models.positive_weight import positive_weights

__all__ = ['HeadWarmUpHook', 'MaskUnknown', 'PositiveWeightHook', 'positive_weights']
