"""A config and a checkpoint to a network that can be explained."""

from __future__ import annotations

import copy
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.registry import MODELS
from mmengine.registry import DefaultScope
from mmengine.registry import init_default_scope
from torch import nn

from mmlung.checkpoint import fill_network
from mmlung.provenance import UNTRAINED
from mmlung.testing import check_findings_of


def load_model(
    cfg: Config, checkpoint: str | Path, device: str | None = None
) -> nn.Module:
    """Network of a config with a checkpoint's weights, and ``cfg`` as an attribute.

    Args:
        cfg: loaded by :func:`mmlung.config.load_config`.
        checkpoint: file, or ``'none'`` for the untrained network.
        device: such as ``'cpu'`` or ``'cuda:0'``; the first GPU by default, if any.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the checkpoint is of another network or for other findings, or
            needs pickle to load.
    """
    trained = str(checkpoint) != UNTRAINED
    if trained:
        check_findings_of(str(checkpoint), cfg.get('findings'))
    init_default_scope(cfg.default_scope)
    settings = copy.deepcopy(cfg.model)  # models change what they are built from
    if 'data_preprocessor' in cfg:
        settings.setdefault('data_preprocessor', copy.deepcopy(cfg.data_preprocessor))
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        model = MODELS.build(settings)
    if trained:
        fill_network(model, checkpoint)
    else:
        model.init_weights()
    model.cfg = cfg
    model.to(device or ('cuda' if torch.cuda.is_available() else 'cpu'))
    model.eval()  # not chained: SwinTransformer.eval() returns None
    return model
