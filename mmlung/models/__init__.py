"""Parts of models that upstream cannot say."""

from mmlung.models.losses import MaskUnknown

__all__ = ['MaskUnknown']
