"""Sanity check of maps: whether shuffling what the network learnt changes them."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from importlib.util import find_spec

import numpy as np
import torch
from scipy.stats import spearmanr
from torch import nn

_SSIM_WINDOW = 7


def blocks_from_the_head(
    model: nn.Module, run: Callable[[], object], depth: int = 3
) -> list[str]:
    """Parts of a network that have weights, the last to run first.

    Args:
        model: any.
        run: runs the model once on any film.
        depth: a part is named by so many steps of its dotted name: 3 gives the stages
            of a backbone, 2 the backbone as one.

    Returns:
        Names of parts that ran; a part ran last when its last layer did.
    """
    names = {module: name for name, module in model.named_modules()}
    order: list[str] = []
    handles = [
        module.register_forward_hook(lambda m, *_: order.append(names[m]))
        for module in names
        if any(True for _ in module.parameters(recurse=False))
    ]
    try:
        with torch.no_grad():
            run()
    finally:
        for handle in handles:
            handle.remove()
    parts = ['.'.join(name.split('.')[:depth]) for name in reversed(order)]
    return list(dict.fromkeys(parts))


def shuffle_from_the_head(
    model: nn.Module, blocks: list[str], seed: int = 0
) -> Iterator[str]:
    """Shuffle the weights of one part after the other, in place; each stays shuffled.

    Every tensor keeps its values and loses their order, so that sizes of activations
    stay plausible (Adebayo et al. draw new values, the weights' initial distribution).

    Args:
        model: it is changed: give a copy.
        blocks: of :func:`blocks_from_the_head`.
        seed: of the order.

    Yields:
        The name of the part that was just shuffled.

    Source: Adebayo et al. 2018, "Sanity Checks for Saliency Maps", NeurIPS,
    arXiv:1810.03292, section 3.1, cascading randomization.
    """
    generator = torch.Generator().manual_seed(seed)
    for name in blocks:
        with torch.no_grad():
            for parameter in model.get_submodule(name).parameters():
                order = torch.randperm(parameter.numel(), generator=generator)
                shuffled = parameter.flatten()[order.to(parameter.device)]
                parameter.copy_(shuffled.reshape(parameter.shape))
        yield name


def map_similarity(cam: np.ndarray, other: np.ndarray) -> dict[str, float]:
    """How alike two (H, W) maps in [0, 1] are.

    Returns:
        ``spearman``, the rank correlation of their pixels, NaN where a map is constant;
        and, where scikit-image is installed, ``ssim``, the structural similarity with a
        window of 7 px, NaN for maps smaller than that.

    Raises:
        ValueError: the maps have different shapes.

    >>> round(map_similarity(np.eye(3), np.eye(3))['spearman'], 6)
    1.0
    """
    if cam.shape != other.shape:
        raise ValueError(f'maps must have one shape, got {cam.shape} and {other.shape}')
    constant = np.ptp(cam) == 0 or np.ptp(other) == 0
    rank = np.nan if constant else spearmanr(cam.ravel(), other.ravel()).statistic
    report: dict[str, float] = {'spearman': float(rank)}
    if find_spec('skimage') is not None:
        report['ssim'] = float(_ssim(cam, other))
    return report


def _ssim(cam: np.ndarray, other: np.ndarray) -> float:
    from skimage.metrics import structural_similarity

    if min(cam.shape) < _SSIM_WINDOW:
        return float('nan')
    return structural_similarity(cam, other, data_range=1.0, win_size=_SSIM_WINDOW)
