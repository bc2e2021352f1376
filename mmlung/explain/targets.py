"""What a map explains: one number of what a network says of one film.

Only here is it known how a classifier or a detector is asked, by the interface that
MMPretrain's and MMDetection's models share; no class of theirs is named.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

_EPS = 1e-6
_NO_LIMIT = 1_000_000_000


@dataclass(frozen=True)
class FindingLogit:
    """A finding's logit, of a classifier's logits (C,)."""

    index: int

    def __call__(self, logits: torch.Tensor) -> torch.Tensor:
        """Scalar."""
        return logits[self.index]


@dataclass(frozen=True)
class BoxScore:
    """Log-odds of one predicted box's score, of a detector's instances.

    The log-odds rise with the score and have a slope where it is near 0 or 1.
    """

    index: int

    def __call__(self, instances: Any) -> torch.Tensor:
        """Scalar."""
        return _log_odds(instances.scores[self.index])


@dataclass(frozen=True)
class FindingAnywhere:
    """A finding anywhere on the film: a smooth maximum over all candidate boxes.

    Half the log of the sum of squared odds, over every proposal or anchor before any
    threshold or suppression: several boxes on one lesion share it, thousands of faint
    ones elsewhere hardly count, and it exists where no box is found.
    """

    label: int

    def __call__(self, instances: Any) -> torch.Tensor:
        """Scalar."""
        scores = instances.scores[instances.labels == self.label]
        return torch.logsumexp(2 * _log_odds(scores), dim=0) / 2


def _log_odds(score: torch.Tensor) -> torch.Tensor:
    return torch.special.logit(score.float(), eps=_EPS)


class ClassifierView(nn.Module):
    """A classifier as the grad-cam package wants it: input to logits (B, C)."""

    is_detector = False

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.explained = model

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Logits (B, C) of inputs (B, 3, H, W)."""
        return self.explained(inputs, mode='tensor')


class DetectorView(nn.Module):
    """A detector as the grad-cam package wants it: input to one entry an image.

    Args:
        model: the detector.
        sample: data sample of the one film.
        every_box: give all candidates, before threshold and suppression, where the
            model's own predictions are given otherwise.
    """

    is_detector = True

    def __init__(self, model: nn.Module, sample: Any, every_box: bool) -> None:
        super().__init__()
        self.explained = model
        self.sample = sample
        self.every_box = every_box

    def forward(self, inputs: torch.Tensor) -> list:
        """Instances with ``scores``, ``labels`` and ``bboxes`` of the film."""
        if self.every_box:
            with _every_candidate(self.explained):
                samples = self._predict(inputs)
        else:
            samples = self._predict(inputs)
        return [sample.pred_instances for sample in samples]

    def _predict(self, inputs: torch.Tensor) -> list:
        with _scores_with_slope(self.explained):
            return self.explained(inputs, [self.sample.clone()], mode='predict')


def is_detector(model: nn.Module) -> bool:
    """Whether a model predicts boxes: it then has a head for them."""
    return any(getattr(model, name, None) is not None for name in _BOX_HEADS)


_BOX_HEADS = ('roi_head', 'bbox_head')


@contextmanager
def _every_candidate(model: nn.Module) -> Iterator[None]:
    """Let a detector's last head keep every candidate box, whatever its score."""
    name = next(n for n in _BOX_HEADS if getattr(model, n, None) is not None)
    head = getattr(model, name)
    before = head.test_cfg
    # Dense heads have one per anchor and finding; nms=None leaves suppression out.
    head.test_cfg = type(before)(
        {**before, 'score_thr': 0.0, 'nms': None, 'max_per_img': _NO_LIMIT}
        | ({'nms_pre': _NO_LIMIT} if name == 'bbox_head' else {})
    )
    try:
        yield
    finally:
        head.test_cfg = before


@contextmanager
def _scores_with_slope(model: nn.Module) -> Iterator[None]:
    """Let a dense head (RetinaNet's kin) predict scores that keep their graph.

    Such heads detach their outputs before they decode them, so that a predicted score
    says nothing of the features it comes from. Only that step is undone; what the
    network itself detaches, such as the boxes that a cascade refines, stays so.
    """
    head = getattr(model, 'bbox_head', None)
    if head is None:
        yield
        return
    decode = head.predict_by_feat

    def with_slope(*args: Any, **kwargs: Any) -> Any:
        with _NoDetach():
            return decode(*args, **kwargs)

    head.predict_by_feat = with_slope
    try:
        yield
    finally:
        del head.predict_by_feat  # the class's own shows again


class _NoDetach(TorchFunctionMode):
    """Where gradients are on, ``detach`` gives the tensor itself."""

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        if func is torch.Tensor.detach and torch.is_grad_enabled():
            return args[0]
        return func(*args, **(kwargs or {}))
