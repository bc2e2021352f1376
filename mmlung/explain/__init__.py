"""Where a network looks: maps of findings over films, for classifier and detector."""

from mmlung.explain.explanation import Explanation
from mmlung.explain.explanation import OpenedFilm
from mmlung.explain.grad_cam import Explainer
from mmlung.explain.grad_cam import explain
from mmlung.explain.loading import load_model
from mmlung.explain.methods import METHODS

__all__ = [
    'METHODS',
    'Explainer',
    'Explanation',
    'OpenedFilm',
    'explain',
    'load_model',
]
