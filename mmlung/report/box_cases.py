"""Detected films sorted by what went right and wrong, and the IoU of every true box."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmlung.boxes import box_area
from mmlung.boxes import box_iou
from mmlung.boxes import match_greedy
from mmlung.boxes import match_optimal
from mmlung.report.cases import PER_GALLERY
from mmlung.report.cases import Case
from mmlung.report.cases import Gallery
from mmlung.report.films import Drawn
from mmlung.report.films import around
from mmlung.result import Finding
from mmlung.result import ImageResult

HIT_IOU = 0.4
"""A box is found from here on, as in AP40 and FROC."""
DEFAULT_THRESHOLD = 0.3
PER_FINDING = 2
"""Missed and false boxes of one finding that are shown before those of others."""

ScoreThr = float | Mapping[str, float] | None


@dataclass(frozen=True)
class Outcome:
    """What a detector did on one film, at the thresholds of the test.

    Attributes:
        result: of the film.
        kept: predictions at or above their threshold.
        missed: true boxes without a hit.
        false: kept predictions that hit nothing.
        iou: of each true box with its one-to-one match, 0 without one.
    """

    result: ImageResult
    kept: tuple[Finding, ...]
    missed: tuple[Finding, ...]
    false: tuple[Finding, ...]
    iou: dict[str, list[float]]

    @property
    def all_iou(self) -> list[float]:
        """Over the findings."""
        return [value for values in self.iou.values() for value in values]

    @property
    def drawn(self) -> tuple[Drawn, ...]:
        """Truth, and predictions over it."""
        true = (f for f in self.result.truth or () if f.box_xyxy)
        return (
            *(Drawn(f, 'truth') for f in true),
            *(Drawn(f, 'prediction') for f in self.kept),
        )


def outcomes(
    results: Sequence[ImageResult], findings: Sequence[str], score_thr: ScoreThr
) -> list[Outcome]:
    """What became of every true and every predicted box.

    Args:
        results: of a test; films without truth are left out.
        findings: the model's vocabulary; other true boxes are left out.
        score_thr: of all findings, or per finding.
    """
    known = [result for result in results if result.truth is not None]
    return [_outcome(result, findings, score_thr) for result in known]


def _outcome(
    result: ImageResult, findings: Sequence[str], score_thr: ScoreThr
) -> Outcome:
    kept: list[Finding] = []
    missed: list[Finding] = []
    false: list[Finding] = []
    iou: dict[str, list[float]] = {}
    for name in findings:
        true = [f for f in result.truth or () if f.name == name and f.box_xyxy]
        # Recorded scores have six digits.
        limit = round(threshold_of(name, score_thr), 6)
        pred = [
            f
            for f in result.findings
            if f.name == name and f.box_xyxy and (f.score or 0) >= limit
        ]
        overlap = box_iou(_boxes(pred), _boxes(true))
        rows, columns = match_optimal(overlap)
        values = np.zeros(len(true))
        values[columns] = overlap[rows, columns]
        iou[name] = values.tolist()
        hit = match_greedy(overlap, np.array([f.score for f in pred]), HIT_IOU)
        kept += pred
        missed += [f for m, f in enumerate(true) if m not in hit]
        false += [f for n, f in enumerate(pred) if hit[n] < 0]
    return Outcome(result, tuple(kept), tuple(missed), tuple(false), iou)


def threshold_of(name: str, score_thr: ScoreThr) -> float:
    """Least score of a finding that counts."""
    if isinstance(score_thr, Mapping):
        return score_thr.get(name, DEFAULT_THRESHOLD)
    return DEFAULT_THRESHOLD if score_thr is None else score_thr


def detected_cases(films: Sequence[Outcome]) -> dict[str, Gallery]:
    """Galleries of a detector.

    Best and worst go by the mean IoU of the film's true boxes, less false positives
    first where it is equal; missed by the size of the box, false positives by their
    score, no finding crowding out the others. One film stands once in a gallery.
    """
    boxed = [film for film in films if film.all_iou]
    found = [film for film in boxed if max(film.all_iou) > 0]
    best = sorted(found, key=lambda f: (-np.mean(f.all_iou), len(f.false)))
    worst = sorted(boxed, key=lambda f: (np.mean(f.all_iou), -_errors(f)))
    missed = [(box, film) for film in films for box in film.missed]
    missed.sort(key=lambda item: -float(box_area(_boxes([item[0]]))[0]))
    false = [(box, film) for film in films for box in film.false]
    false.sort(key=lambda item: -(item[0].score or 0))
    return {
        'Best': Gallery(
            'Films with the largest mean IoU of their true boxes.',
            [_whole(film) for film in best[:PER_GALLERY]],
        ),
        'Worst': Gallery(
            'Films with true boxes and the smallest mean IoU, most errors first.',
            [_whole(film) for film in worst[:PER_GALLERY]],
        ),
        'Missed': Gallery(
            f'True boxes that no prediction hits (IoU {HIT_IOU} or more), large ones '
            'first, each finding in turn.',
            _single(missed, 'missed'),
        ),
        'False positive': Gallery(
            f'Predictions that hit no true box (IoU {HIT_IOU} or more) of their '
            'finding, or one that is found already; highest scores first, each finding '
            'in turn.',
            _single(false, 'false positive'),
        ),
    }


def _errors(film: Outcome) -> int:
    return len(film.missed) + len(film.false)


def _whole(film: Outcome) -> Case:
    n_true, missed, false = len(film.all_iou), len(film.missed), len(film.false)
    title = f'Mean IoU {np.mean(film.all_iou):.2f}'
    boxes = 'box' if n_true == 1 else 'boxes'
    text = f'{n_true} true {boxes}, {missed} missed, {false} false positive.'
    return Case(film.result, title, text, film.drawn)


def _single(items: Sequence[tuple[Finding, Outcome]], what: str) -> list[Case]:
    cases: dict[str, Case] = {}
    for box, film in _varied(items):
        if len(cases) == PER_GALLERY:
            break
        assert box.box_xyxy is not None
        if what == 'missed':
            text = _nearest(box, film)
        else:
            healthy = not film.all_iou
            text = f'Score {box.score:.2f}. ' + (
                'The film has no true box.' if healthy else f'Truth: {_truth(film)}.'
            )
        region = around(box.box_xyxy, film.result.size_hw)
        case = Case(film.result, f'{box.name} {what}', text, film.drawn, region)
        cases.setdefault(film.result.image, case)
    return list(cases.values())


def _varied(
    items: Sequence[tuple[Finding, Outcome]],
) -> list[tuple[Finding, Outcome]]:
    """The same, but a finding's third and later boxes after all others."""
    seen: Counter[str] = Counter()
    early: list[tuple[Finding, Outcome]] = []
    late: list[tuple[Finding, Outcome]] = []
    for box, film in items:
        seen[box.name] += 1
        (early if seen[box.name] <= PER_FINDING else late).append((box, film))
    return early + late


def _nearest(box: Finding, film: Outcome) -> str:
    """What the predictions at the place of a missed box are."""
    assert box.box_xyxy is not None
    same = [f for f in film.result.findings if f.name == box.name and f.box_xyxy]
    overlap = box_iou(_boxes(same), _boxes([box]))[:, 0]
    near = [f for f, iou in zip(same, overlap, strict=True) if iou >= HIT_IOU]
    if not near:
        return f'No {box.name} box of any score lies here.'
    best = max(near, key=lambda f: f.score or 0)
    if best in film.kept:
        return f'A box of score {best.score:.3f} lies here, but hits another true box.'
    return f'The best box here has the score {best.score:.3f}, below its threshold.'


def _truth(film: Outcome) -> str:
    return ', '.join(sorted({f.name for f in film.result.truth or () if f.box_xyxy}))


def _boxes(items: Sequence[Finding]) -> np.ndarray:
    return np.array([item.box_xyxy for item in items], dtype=float).reshape(-1, 4)
