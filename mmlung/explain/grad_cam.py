"""Where on a film a network sees a finding: maps by the grad-cam package."""

from __future__ import annotations

import io
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from mmlung.explain.explanation import Explanation
from mmlung.explain.explanation import OpenedFilm
from mmlung.explain.film import Film
from mmlung.explain.film import prepare
from mmlung.explain.film import to_film
from mmlung.explain.layers import TokensToMap
from mmlung.explain.layers import find_layers
from mmlung.explain.layers import fine_layer
from mmlung.explain.layers import layer_named
from mmlung.explain.methods import AT_EVERY_PLACE
from mmlung.explain.methods import method_named
from mmlung.explain.pooled_norm import pooled_norms_held
from mmlung.explain.slope import Reached
from mmlung.explain.slope import graph_from
from mmlung.explain.slope import no_slope
from mmlung.explain.state import left_as_found
from mmlung.explain.targets import BoxScore
from mmlung.explain.targets import ClassifierView
from mmlung.explain.targets import DetectorView
from mmlung.explain.targets import FindingAnywhere
from mmlung.explain.targets import FindingLogit
from mmlung.explain.targets import is_detector
from mmlung.result import Finding

_DETECTOR_STRIDE = 16
SCORE_THR = 0.3
"""A detector's box is explained from this score on, the finding anywhere below it."""


class Explainer:
    """Maps of one network; between calls the network is as it was found.

    Args:
        model: as :func:`mmlung.explain.load_model` gives it.
        method: one of :data:`mmlung.explain.METHODS`; by default HiResCAM for a
            classifier and LayerCAM for a detector. Grad-CAM averages the slope over
            the film: its maps of boxes, which depend on few places, are mostly zero,
            and its maps of small classifiers lie beside the findings
            (``benchmarks/cam_real_films.py``).
        layer: dotted name of the layer to read; by default the backbone's last that
            still knows where things are, for HiResCAM and LayerCAM of a classifier the
            last of at least 14 places a side. A detector is read one stage earlier,
            at a stride of 16, unless the box depends on the last stage alone.
        score_thr: of boxes that are explained as such.

    Raises:
        ValueError: unknown method, Score-CAM on a detector, no such layer.
    """

    def __init__(
        self,
        model: Any,
        method: str | None = None,
        layer: str | None = None,
        score_thr: float = SCORE_THR,
    ) -> None:
        self.model = model
        self.is_detector = is_detector(model)
        self.method = method or ('layercam' if self.is_detector else 'hirescam')
        self.layer = layer
        self._layers: tuple[str, ...] = () if layer is None else (layer,)
        self.score_thr = score_thr
        self.findings = tuple(model.cfg.findings)
        self._method = method_named(self.method, self.is_detector)
        if layer is not None:
            layer_named(model, layer)

    def open(self, source: str | Path | np.ndarray) -> OpenedFilm:
        """Read a film and run the network on it once.

        Raises:
            ValueError: no film, or the network says NaN.
            FileNotFoundError: no such file.
        """
        film = prepare(self.model, source)
        with left_as_found(self.model), torch.no_grad():
            if not self.is_detector:
                logits = ClassifierView(self.model)(film.inputs)[0]
                _refuse_nan(logits, film)
                values = logits.float().sigmoid().tolist()
                return OpenedFilm(film, dict(zip(self.findings, values, strict=True)))
            every = DetectorView(self.model, film.sample, True)(film.inputs)[0]
            found = DetectorView(self.model, film.sample, False)(film.inputs)[0]
        if len(every.scores) == 0:  # NaN is above no threshold
            raise ValueError(
                f'{film.name}: the network gives no score that is a number'
            )
        _refuse_nan(every.scores, film)
        best = {
            name: _highest(every, label) for label, name in enumerate(self.findings)
        }
        boxes = [
            Finding(self.findings[label], score, tuple(box))
            for label, score, box in zip(
                found.labels.tolist(),
                found.scores.tolist(),
                found.bboxes.tolist(),
                strict=True,
            )
        ]
        return OpenedFilm(film, best, tuple(boxes))

    def explain(
        self,
        source: str | Path | np.ndarray | OpenedFilm,
        finding: str,
        target: str | None = None,
    ) -> Explanation:
        """Map of one finding on one film.

        Args:
            source: path, pixels (H, W) uint8, or a film that :meth:`open` gave.
            finding: a name of the model's vocabulary.
            target: ``'logit'`` of a classifier; of a detector ``'box'``, the finding's
                highest-scoring one, or ``'anywhere'``; by default a box that reaches
                ``score_thr``, else anywhere.

        Raises:
            ValueError: unknown finding or target, no such box, no film, or NaN.
            FileNotFoundError: no such file.
        """
        if finding not in self.findings:
            raise ValueError(
                f'unknown finding {finding!r}. Known: {", ".join(self.findings)}.'
            )
        opened = source if isinstance(source, OpenedFilm) else self.open(source)
        target, box = self._choose(opened, finding, target)
        label = self.findings.index(finding)
        view: nn.Module
        aim: FindingLogit | BoxScore | FindingAnywhere
        if target == 'logit':
            view, aim = ClassifierView(self.model), FindingLogit(label)
        elif target == 'box':
            assert box is not None
            view = DetectorView(self.model, opened.film.sample, False)
            aim = BoxScore(box)
        else:
            view = DetectorView(self.model, opened.film.sample, True)
            aim = FindingAnywhere(label)
        coarse = self._map(opened.film, view, aim)
        return Explanation(
            finding,
            to_film(coarse, opened.film),
            opened.probabilities[finding],
            target,
            None if box is None else opened.boxes[box].box_xyxy,
        )

    def _choose(
        self, opened: OpenedFilm, finding: str, target: str | None
    ) -> tuple[str, int | None]:
        """Target, and the index of the explained box among the predictions."""
        allowed = ('box', 'anywhere') if self.is_detector else ('logit',)
        if target is not None and target not in allowed:
            kind = 'detector' if self.is_detector else 'classifier'
            raise ValueError(
                f'target of a {kind} must be one of {", ".join(allowed)}, got '
                f'{target!r}'
            )
        if not self.is_detector:
            return 'logit', None
        if target == 'anywhere':
            return target, None
        own = [i for i, box in enumerate(opened.boxes) if box.name == finding]
        best = max(own, key=lambda i: opened.boxes[i].score or 0, default=None)
        if target == 'box':
            if best is None:
                raise ValueError(
                    f'{opened.film.name}: no box of {finding!r} was found; its map is '
                    "target='anywhere'"
                )
            return target, best
        if best is not None and (opened.boxes[best].score or 0) >= self.score_thr:
            return 'box', best
        return 'anywhere', None

    def _map(self, film: Film, view: nn.Module, aim: Any) -> np.ndarray:
        """The layer's map (h, w), finite and not negative."""
        *_, last = names = self._layers_for(film)
        for name in names:
            coarse = self._map_of(name, film, view, aim, name == last)
            if coarse.any():
                break
        return coarse

    def _layers_for(self, film: Film) -> tuple[str, ...]:
        """Layers to read: the first whose map is not zero counts."""
        if not self._layers:
            with left_as_found(self.model):
                found = find_layers(self.model, film.inputs)
            *earlier, last = found.values()
            if not self.is_detector and self.method in AT_EVERY_PLACE:
                height, width = film.inputs.shape[-2:]
                return (fine_layer(found, (height, width)),)  # films differ in size
            at_16 = found.get(_DETECTOR_STRIDE) if self.is_detector else None
            self._layers = (at_16, last) if at_16 in earlier else (last,)
        return self._layers

    def _map_of(
        self, name: str, film: Film, view: nn.Module, aim: Any, is_last: bool
    ) -> np.ndarray:
        layer = layer_named(self.model, name)
        to_map = TokensToMap((film.inputs.shape[-2], film.inputs.shape[-1]))
        with (
            left_as_found(self.model),
            graph_from(layer) as tap,
            pooled_norms_held(self.model),
            torch.enable_grad(),
        ):
            cam = self._method(view, [layer], reshape_transform=to_map)
            try:
                with redirect_stderr(io.StringIO()):  # Score-CAM's own progress bar
                    reached = Reached(aim, tap, name, is_last)
                    coarse = cam(film.inputs, [reached])[0]
                _refuse_nan(cam.activations_and_grads.activations[0], film)
            except NotImplementedError as error:  # backward of an op that has none
                raise ValueError(no_slope(name)) from error
            finally:
                cam.activations_and_grads.release()
        _refuse_nan(torch.from_numpy(np.asarray(coarse)), film)
        return np.asarray(coarse)


def explain(
    model: Any,
    film: str | Path | np.ndarray,
    finding: str,
    method: str | None = None,
    target: str | None = None,
    layer: str | None = None,
) -> Explanation:
    """Map of one finding on one film; see :class:`Explainer` for several.

    Args:
        model: as :func:`mmlung.explain.load_model` gives it; left as it was found.
        film: path, or pixels (H, W) uint8.
        finding: a name of the model's vocabulary.
        method: as :class:`Explainer` takes it.
        target: as :meth:`Explainer.explain` takes it.
        layer: as :class:`Explainer` takes it.
    """
    return Explainer(model, method, layer).explain(film, finding, target)


def _highest(instances: Any, label: int) -> float:
    own = instances.scores[instances.labels == label]
    return float(own.max()) if len(own) else 0.0


def _refuse_nan(values: torch.Tensor, film: Film) -> None:
    if torch.isnan(values).any():
        raise ValueError(
            f'{film.name}: the network gives NaN, so there is nothing to explain. '
            'Check the weights, and the film.'
        )
