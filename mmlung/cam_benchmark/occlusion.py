"""The map that needs no gradient: what a finding's logit loses when a place is greyed.

It asks the network itself, so that it tells a map that misses the boxes because the
network looks elsewhere from one that misses what the network looks at.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import torch

from mmlung.cam_benchmark.films import BoxedFilm
from mmlung.cam_benchmark.films import check_size
from mmlung.explain.film import prepare
from mmlung.explain.film import to_film
from mmlung.explain.state import left_as_found
from mmlung.explain.targets import ClassifierView
from mmlung.explain.targets import is_detector

_CELLS = 8
"""Places along the shorter side; a patch covers two by two of them."""
_BATCH = 16


class OcclusionMaps:
    """Occlusion maps of one classifier.

    Args:
        model: as :func:`mmlung.explain.load_model` gives it.

    Raises:
        ValueError: the model is a detector.

    Source: Zeiler and Fergus 2014, doi:10.1007/978-3-319-10590-1_53, section 4.2.
    """

    def __init__(self, model: Any) -> None:
        if is_detector(model):
            raise ValueError(
                'occlusion asks for a logit of the whole film, and a detector has '
                'none. Leave occlusion out of --method.'
            )
        self._model = model
        self._findings = tuple(model.cfg.findings)

    def __call__(self, film: BoxedFilm, finding: str) -> np.ndarray:
        """(H, W) map in [0, 1]; zeros where greying never lowers the logit."""
        opened = prepare(self._model, film.path)
        label = self._findings.index(finding)
        with left_as_found(self._model), torch.no_grad():
            view = ClassifierView(self._model)
            whole = view(opened.inputs)[0, label]
            coarse = _mean_loss(view, opened.inputs, label, float(whole))
        height, width = opened.inputs.shape[-2:]
        # Cells are no power of two wide, as a layer's are: placed here, not by to_film.
        at_input = cv2.resize(coarse.clip(min=0), (width, height))
        cam = to_film(at_input, opened)
        check_size(film, (cam.shape[0], cam.shape[1]))
        return cam


def _mean_loss(
    view: ClassifierView, inputs: torch.Tensor, label: int, whole: float
) -> np.ndarray:
    """(h, w): of each place the mean loss of logit over the patches that cover it."""
    sides = inputs.shape[-2:]
    rows, columns = (max(1, round(_CELLS * side / min(sides))) for side in sides)
    total, times = np.zeros((rows, columns)), np.zeros((rows, columns))
    patches = list(_patches(rows, columns))
    y, x = (
        np.linspace(0, side, n + 1).round().astype(int)
        for side, n in zip(sides, (rows, columns), strict=True)
    )
    grey = inputs.mean()
    for start in range(0, len(patches), _BATCH):
        batch = patches[start : start + _BATCH]
        greyed = inputs.repeat(len(batch), 1, 1, 1)
        for one, (top, bottom, left, right) in zip(greyed, batch, strict=True):
            one[:, y[top] : y[bottom], x[left] : x[right]] = grey
        losses = (whole - view(greyed)[:, label]).tolist()
        for loss, (top, bottom, left, right) in zip(losses, batch, strict=True):
            total[top:bottom, left:right] += loss
            times[top:bottom, left:right] += 1
    return total / times


def _patches(rows: int, columns: int) -> Iterator[tuple[int, int, int, int]]:
    """Top, bottom, left and right of patches in places; those at a border are cut."""
    for top in range(-1, rows):
        for left in range(-1, columns):
            yield max(top, 0), min(top + 2, rows), max(left, 0), min(left + 2, columns)
