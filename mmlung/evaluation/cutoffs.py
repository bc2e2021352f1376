"""Score thresholds of a classifier by three rules, chosen on validation films."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

RULES = {
    'youden': 'largest sensitivity + specificity',
    'sensitivity90': 'highest threshold with a sensitivity of at least 90 %',
    'specificity95': 'lowest threshold with a specificity of at least 95 %',
}
_SENSITIVITY = 0.90
_SPECIFICITY = 0.95
_ROUNDING = 1e-12
"""9 of 10 are 90 %, whatever floating point makes of it."""


@dataclass(frozen=True)
class Cutoff:
    """One threshold: a film with this score or more counts as positive."""

    score_thr: float | None
    """None when the rule gives none."""
    reason: str | None = None
    """Why it gives none."""


def operating_thresholds(
    score: np.ndarray, target: np.ndarray, min_positives: int = 1
) -> dict[str, Cutoff]:
    """The thresholds of one finding by each rule of :data:`RULES`.

    A threshold is one of the films' scores, so equal scores are called alike. Of
    several equally good ones Youden's rule takes the highest.

    Args:
        score: (B,) any monotone score.
        target: (B,) 1 present, 0 absent, NaN unknown (left out).
        min_positives: present films that a threshold must rest on.

    Returns:
        ``{rule: cutoff}``.

    Source: Youden 1950,
    doi:10.1002/1097-0142(1950)3:1<32::AID-CNCR2820030106>3.0.CO;2-3.

    >>> cutoffs = operating_thresholds(np.array([0.9, 0.4, 0.2]), np.array([1.0, 1, 0]))
    >>> [cutoffs[rule].score_thr for rule in RULES]
    [0.4, 0.4, 0.4]
    """
    present, absent = np.sort(score[target == 1]), np.sort(score[target == 0])
    reason = None
    if len(present) == 0:
        reason = 'no present film'
    elif len(present) < min_positives:
        reason = f'only {len(present)} present'
    elif len(absent) == 0:
        reason = 'no absent film'
    if reason:
        return dict.fromkeys(RULES, Cutoff(None, reason))
    levels = np.unique(np.append(present, absent))
    sensitivity = 1 - np.searchsorted(present, levels, side='left') / len(present)
    specificity = np.searchsorted(absent, levels, side='left') / len(absent)
    return {
        'youden': _youden(levels, sensitivity + specificity),
        'sensitivity90': _last(levels[sensitivity >= _SENSITIVITY - _ROUNDING]),
        'specificity95': _first(levels[specificity >= _SPECIFICITY - _ROUNDING]),
    }


def _youden(levels: np.ndarray, total: np.ndarray) -> Cutoff:
    best = total.max()
    if best <= 1 + _ROUNDING:  # what calling every film positive gives
        return Cutoff(None, 'no threshold is better than chance')
    return Cutoff(float(levels[total >= best - _ROUNDING][-1]))


def _last(levels: np.ndarray) -> Cutoff:
    return Cutoff(float(levels[-1]))  # the lowest score finds all


def _first(levels: np.ndarray) -> Cutoff:
    if len(levels) == 0:
        return Cutoff(None, 'the highest score has more than 5 % of the absent')
    return Cutoff(float(levels[0]))
