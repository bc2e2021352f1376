"""Half-precision tensors are computed in float32, as torchvision's autocast does."""

import torch
from torch import Tensor


def widened(tensor: Tensor) -> Tensor:
    """The tensor itself, or a float32 copy of a float16 or bfloat16 one.

    torchvision has no bfloat16 kernels and no float16 NMS on CPU, and box areas
    beyond 65,504 px overflow in float16.
    """
    if tensor.dtype in (torch.float16, torch.bfloat16):
        return tensor.float()
    return tensor
