"""From a score to a probability: one logistic curve per finding (Platt scaling)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit
from scipy.special import logit

_EDGE = 5e-7
"""Half of a recorded score's last digit: 0 and 1 get a logit, and keep their rank."""
_GRADIENT_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Platt:
    """Probability = sigmoid(slope * logit(score) + intercept); rising, so ranks stay.

    The default changes nothing.
    """

    slope: float = 1.0
    intercept: float = 0.0
    unscaled: str | None = None
    """Why the scores stay as they are; None when the curve was fitted."""

    def probability(self, score: np.ndarray) -> np.ndarray:
        """Calibrated probabilities of scores of any shape, all in [0, 1].

        >>> Platt(slope=2.0, intercept=0.0).probability(np.array([0.5, 0.9])).round(3)
        array([0.5  , 0.988])
        """
        score = np.asarray(score, dtype=float)
        if (self.slope, self.intercept) == (1.0, 0.0):
            return score
        return expit(self.slope * _logit(score) + self.intercept)


def fit_platt(score: np.ndarray, target: np.ndarray, min_positives: int = 1) -> Platt:
    """The logistic curve that makes scores the likeliest probabilities of the labels.

    Args:
        score: (B,) in [0, 1].
        target: (B,) 1 present, 0 absent, NaN unknown (left out).
        min_positives: present films that a curve must rest on.

    Returns:
        The curve; or scores as they are, with the reason, when there are too few
        present films or no absent one, when a threshold separates both (the best slope
        would be infinite), or when the best slope is not positive.

    Source: Platt 1999, Advances in Large Margin Classifiers, 61-74, with its targets
    (N+ + 1) / (N+ + 2) and 1 / (N- + 2) in place of 1 and 0, which keep a curve from
    few films away from certainty. Different: the input is the logit of the score, so
    that an ideal score has slope 1 and intercept 0.

    >>> score = np.repeat([0.2, 0.8], 50)
    >>> fit_platt(score, np.tile([0.0] * 9 + [1.0], 10)).unscaled
    'the slope, 0.000, is not positive: a high score does not mean more risk'
    """
    present, absent = score[target == 1], score[target == 0]
    if len(present) == 0:
        return Platt(unscaled='no present film')
    if len(absent) == 0:
        return Platt(unscaled='no absent film')
    if len(present) < min_positives:
        return Platt(unscaled=f'only {len(present)} present')
    if min(present.min(), absent.min()) == max(present.max(), absent.max()):
        return Platt(unscaled='all scores are equal')
    if present.min() >= absent.max():
        return Platt(unscaled='a threshold separates present from absent: no slope')
    slope, intercept = _fit(_logit(present), _logit(absent))
    if slope < 5e-4:
        text = f'the slope, {abs(slope) if slope > -5e-4 else slope:.3f}, is not'
        return Platt(unscaled=f'{text} positive: a high score does not mean more risk')
    return Platt(slope, intercept)


def _logit(score: np.ndarray) -> np.ndarray:
    return logit(np.clip(score, _EDGE, 1 - _EDGE))


def _fit(present: np.ndarray, absent: np.ndarray) -> tuple[float, float]:
    """Slope and intercept from (N+,) and (N-,) logits: a convex problem."""
    n_present, n_absent = len(present), len(absent)
    inputs = np.vstack([np.append(present, absent), np.ones(n_present + n_absent)])
    wanted = np.repeat(
        [(n_present + 1) / (n_present + 2), 1 / (n_absent + 2)], [n_present, n_absent]
    )
    scale = min(n_present, n_absent)  # a rare finding's curvature is of its own size

    def loss(curve: np.ndarray) -> float:
        z = curve @ inputs
        return (np.logaddexp(0, z) - wanted * z).sum() / scale

    def gradient(curve: np.ndarray) -> np.ndarray:
        return inputs @ (expit(curve @ inputs) - wanted) / scale

    def hessian(curve: np.ndarray) -> np.ndarray:
        p = expit(curve @ inputs)
        return (inputs * (p * (1 - p))) @ inputs.T / scale

    start = np.array([0.0, np.log((n_present + 1) / (n_absent + 1))])
    found = minimize(
        loss,
        start,
        jac=gradient,
        hess=hessian,
        method='trust-exact',
        options={'gtol': _GRADIENT_TOLERANCE, 'maxiter': 200},
    )
    return float(found.x[0]), float(found.x[1])
