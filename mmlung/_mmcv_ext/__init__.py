"""Ops of mmcv's compiled module ``mmcv._ext``, over torch and torchvision.

Names, argument order and outputs written in place are those of the compiled module,
so that ``mmcv.ops`` works on it unchanged. An op that is not here is refused when it
is called, since mmcv asks for the name of every op while it is imported.
"""

from collections.abc import Callable
from typing import NoReturn

from mmlung._mmcv_ext.attention import ms_deform_attn_backward
from mmlung._mmcv_ext.attention import ms_deform_attn_forward
from mmlung._mmcv_ext.deform_conv import deform_conv_backward_input
from mmlung._mmcv_ext.deform_conv import deform_conv_backward_parameters
from mmlung._mmcv_ext.deform_conv import deform_conv_forward
from mmlung._mmcv_ext.deform_conv import modulated_deform_conv_backward
from mmlung._mmcv_ext.deform_conv import modulated_deform_conv_forward
from mmlung._mmcv_ext.focal_loss import sigmoid_focal_loss_backward
from mmlung._mmcv_ext.focal_loss import sigmoid_focal_loss_forward
from mmlung._mmcv_ext.focal_loss import softmax_focal_loss_backward
from mmlung._mmcv_ext.focal_loss import softmax_focal_loss_forward
from mmlung._mmcv_ext.info import get_compiler_version
from mmlung._mmcv_ext.info import get_compiling_cuda_version
from mmlung._mmcv_ext.nms import nms
from mmlung._mmcv_ext.nms import nms_match
from mmlung._mmcv_ext.nms import softnms
from mmlung._mmcv_ext.overlaps import bbox_overlaps
from mmlung._mmcv_ext.overlaps import box_iou_rotated
from mmlung._mmcv_ext.roi_align import roi_align_backward
from mmlung._mmcv_ext.roi_align import roi_align_forward
from mmlung._mmcv_ext.roi_pool import roi_pool_backward
from mmlung._mmcv_ext.roi_pool import roi_pool_forward

__all__ = [
    'bbox_overlaps',
    'box_iou_rotated',
    'deform_conv_backward_input',
    'deform_conv_backward_parameters',
    'deform_conv_forward',
    'get_compiler_version',
    'get_compiling_cuda_version',
    'modulated_deform_conv_backward',
    'modulated_deform_conv_forward',
    'ms_deform_attn_backward',
    'ms_deform_attn_forward',
    'nms',
    'nms_match',
    'roi_align_backward',
    'roi_align_forward',
    'roi_pool_backward',
    'roi_pool_forward',
    'sigmoid_focal_loss_backward',
    'sigmoid_focal_loss_forward',
    'softmax_focal_loss_backward',
    'softmax_focal_loss_forward',
    'softnms',
]

_COMPILE = (
    'MMCV_WITH_OPS=1 pip install --no-build-isolation --no-binary onedl-mmcv '
    '--force-reinstall --no-deps onedl-mmcv'
)


def __getattr__(name: str) -> Callable[..., NoReturn]:
    """Stand-in for an op that is not served: it says so when it is called."""
    if name.startswith('_'):
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')

    def refuse(*args: object, **kwargs: object) -> NoReturn:
        raise NotImplementedError(
            f"mmcv's op {name!r} needs a compiler; mmlung serves these without one: "
            f'{", ".join(__all__)}. Compile mmcv, and mmlung gives way to it '
            f'({_COMPILE}), or open an issue that asks for the op.'
        )

    refuse.__name__ = refuse.__qualname__ = name
    return refuse
