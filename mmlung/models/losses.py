"""A wrapper that leaves unknown labels out of any element-wise loss."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from mmlung.registry import MODELS


@MODELS.register_module()
class MaskUnknown(nn.Module):
    """Mean of a loss over the known labels; an unknown one gives no gradient at all.

    Args:
        loss: config of an element-wise loss of mmpretrain that takes
            ``reduction_override`` (binary cross-entropy, asymmetric, focal).

    Source: the partial-label loss of Durand et al. 2019, doi:10.1109/CVPR.2019.00074,
    without its weighting: every known label counts the same.
    """

    def __init__(self, loss: dict) -> None:
        super().__init__()
        self.loss = MODELS.build(loss)

    def forward(
        self, cls_score: torch.Tensor, target: torch.Tensor, **kwargs: Any
    ) -> torch.Tensor:
        """Loss of logits against targets, both (B, C); NaN marks an unknown target.

        Computed in float32 whatever the logits are: a sigmoid of bfloat16 is 1 from a
        logit of 6 on, and a loss of it 0.

        Returns a scalar; 0 (with a graph) when nothing in the batch is known. The
        heads' ``avg_factor`` is the batch size and does not fit a mean over labels:
        ignored.
        """
        known = ~target.isnan()
        # The unknown are taken out before the loss, not multiplied by 0 after it:
        # 0 * inf would be NaN.
        safe_score = torch.where(known, cls_score.float(), 0.0)
        element = self._elementwise(safe_score, target.nan_to_num(0.0))
        element = torch.where(known, element, 0.0)
        return element.sum() / known.sum().clamp(min=1)

    def _elementwise(self, score: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """(B, C) losses; one column goes in twice, or upstream takes it for indices."""
        n_findings = score.shape[1]
        if n_findings == 1:
            score, target = score.expand(-1, 2), target.expand(-1, 2)
        element = self.loss(score, target, reduction_override='none')
        return element[:, :n_findings]
