"""Published numbers, each with the split it holds for and how far it can be trusted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MARKS = {
    'P': "from the paper or the authors' repository",
    'S': 'compiled by others',
    'H': "a single run's model card that states its split",
    'D': "derived from the authors' public files",
}


@dataclass(frozen=True)
class Anchor:
    """One published number.

    Attributes:
        name: of the model, as its authors call it.
        value: of the metric.
        mark: key of :data:`MARKS`.
        note: what a reader must know before comparing.
    """

    name: str
    value: float
    mark: str
    note: str = ''


@dataclass(frozen=True)
class Anchors:
    """Published numbers of one metric on the test part of one official split."""

    dataset: str
    metric: str
    ground_truth: str | None
    what: str
    rows: tuple[Anchor, ...]
    n_findings: int | None = None
    """The mean must be over as many; None: does not matter."""


CHOSEN_ON_TEST = 'picked its best epoch on the test part'
PUBLISHED = (
    Anchors(
        'chestxray14',
        'mAUC',
        None,
        'Mean AUC of the 14 findings, official patient-wise split of ChestX-ray14 '
        '(25,596 test films)',
        (
            Anchor('Wang 2017', 0.745, 'S'),
            Anchor('Yao 2018', 0.761, 'S'),
            Anchor('ConvNeXt-S, 384 px', 0.8015, 'H'),
            Anchor('Baltruschat 2019', 0.806, 'S'),
            Anchor('DNetLoc', 0.807, 'S'),
            Anchor('SwinCheX, Swin-L, 224 px', 0.810, 'S'),
            Anchor('Swin-B from ImageNet, 224 px', 0.8173, 'P', '± 0.0014'),
            Anchor('Swin-T, 320 px', 0.8184, 'H'),
            Anchor('ConvNeXtV2-B, 512 px', 0.825, 'S'),
            Anchor('Medical-MAE, ViT-B', 0.830, 'D', CHOSEN_ON_TEST),
            Anchor('Swin-B, SimMIM on 926k radiographs', 0.8304, 'P'),
            Anchor('Ark-6', 0.8305, 'P', '± 0.0009; strongest clean protocol'),
            Anchor('Foundation X', 0.8335, 'P'),
            Anchor('EVA-X-B', 0.835, 'D', CHOSEN_ON_TEST),
        ),
        n_findings=14,
    ),
    Anchors(
        'vindr-cxr',
        'sensitivity@1',
        'consensus',
        'Lesion sensitivity at one false positive per scan, official consensus test '
        'part of VinDr-CXR (3,000 films)',
        (
            Anchor(
                "VinDr's own system",
                0.802,
                'P',
                'its findings and its rule of a hit may differ from ours',
            ),
        ),
    ),
)

OFFICIAL = 'official'


def anchors_for(metrics: Mapping[str, Any]) -> tuple[Anchors | None, str]:
    """Published numbers that may stand beside a test, or why none may.

    Args:
        metrics: content of metrics.json.

    Returns:
        The numbers, or None; and one sentence.
    """
    data = metrics['data']
    family, dataset = data.get('split_family'), data.get('dataset')
    if data.get('synthetic'):
        return None, (
            'No published number stands here: these films are synthetic phantoms.'
        )
    if family != OFFICIAL:
        return None, (
            f'No published number stands here: the split family is {family!r}, and '
            'numbers of another split, however close they look, are not comparable '
            '(on ChestX-ray14 a random split alone is worth 2.5 to 4 points of AUC).'
        )
    if data.get('split') != 'test':
        return None, (
            f'No published number stands here: the part {data.get("split")!r} was '
            'tested, and published numbers are of the test part.'
        )
    rows = [item for item in PUBLISHED if item.dataset == dataset]
    for item in rows:
        if item.metric in metrics['metrics'] and _comparable(item, metrics):
            return item, 'Numbers of the same official split alone stand here.'
    return None, (
        'No published number stands here: none is known to us for this data set, this '
        'metric, this ground truth and all of its findings.'
    )


def _comparable(item: Anchors, metrics: Mapping[str, Any]) -> bool:
    data = metrics['data']
    if item.ground_truth not in (None, data.get('ground_truth')):
        return False
    by_study = any(e.get('level') == 'study' for e in metrics.get('evaluators') or ())
    if data.get('findings_map') or by_study:
        return False
    averaged = metrics['metrics'].get(f'{item.metric}_findings')
    return item.n_findings in (None, averaged)
