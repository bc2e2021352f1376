"""Which finding of a data set means what a model trained on another calls otherwise."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

SAME = (
    ('Effusion', 'Pleural effusion', 'Pleural Effusion'),
    ('Pleural_Thickening', 'Pleural thickening', 'Pleural Thickening'),
    ('Infiltration', 'Infiltrate'),
)
"""Names of one and the same finding in different data sets: those, and equal names."""

APPROXIMATE = (
    ('Fibrosis', 'Pulmonary fibrosis'),
    ('Nodule/Mass', 'Nodule', 'Mass', 'Lung Lesion'),
    ('Fracture', 'Rib fracture', 'Clavicle fracture'),
)
"""Names that are near, but do not mean the same: taken only when asked for by name."""

ONE_SET_ONLY = (
    'No Finding',
    'No finding',
    'Lung Opacity',
    'Other lesion',
    'Other diseases',
    'Pleural Other',
)
"""Names whose meaning is their data set's: the healthy ones mean "none of OUR
findings", ``Lung Opacity`` is another concept in VinDr-CXR, RSNA and CheXpert."""

AUTO = 'auto'
_UNION = '+'


@dataclass(frozen=True)
class FindingsMap:
    """Findings of a model beside what a file labels.

    ``sources`` has, for each finding of the model that the file labels, the names in
    the file (several are a union). ``unlabelled`` are the model's other findings, which
    no film of the file is known to have or not to have. ``unused`` are the file's.
    """

    sources: dict[str, tuple[str, ...]]
    unlabelled: tuple[str, ...]
    unused: tuple[str, ...]
    near: dict[str, tuple[str, ...]]
    """Unlabelled findings for which the file has an approximate name."""

    def to_json(self) -> dict:
        """For the head of ``metrics.json``."""
        return {
            'shared': {name: list(names) for name, names in self.sources.items()},
            'not_labelled_by_the_data': list(self.unlabelled),
            'not_a_finding_of_the_model': list(self.unused),
        }


def map_findings(
    model: Sequence[str],
    file: Sequence[str],
    wanted: str | Mapping[str, str | Sequence[str]],
    same_vocabulary: bool = False,
) -> FindingsMap:
    """Match findings by what they mean.

    A healthy label is never matched between sets of different vocabularies: in each it
    means "none of our findings", so that the same film is healthy in one and not in the
    other. Name it in ``wanted`` if you want it none the less.

    Args:
        model: its findings.
        file: the findings that a file labels.
        wanted: ``'auto'`` for equal names and those of ``SAME``; or model's name to the
            file's name, or names for their union, and nothing beside.
        same_vocabulary: the file is of the data set that the model knows, or of one
            with the very same list (CheXpert, MIMIC-CXR), so that every name means the
            same, a healthy one included.

    Raises:
        ValueError: nothing is shared, or ``wanted`` has a name that is not there.

    >>> map_findings(['Effusion', 'Hernia'], ['Pleural Effusion'], 'auto').sources
    {'Effusion': ('Pleural Effusion',)}
    """
    if wanted == AUTO:
        sources: dict[str, tuple[str, ...]] = {}
        for name in model:
            found = [o for o in file if _mean_the_same(name, o, same_vocabulary)]
            if found:
                sources[name] = (name if name in found else found[0],)
    else:
        if isinstance(wanted, str):
            raise ValueError(
                f"map_findings must be 'auto' or model's name to file's name, got "
                f'{wanted!r}'
            )
        asked: dict[str, tuple[str, ...]] = {
            name: (others,) if isinstance(others, str) else tuple(others)
            for name, others in wanted.items()
        }
        for name, others in asked.items():
            _check_known([name], model, 'the model')
            _check_known(others, file, 'the file')
        sources = {name: asked[name] for name in model if name in asked}
    if not sources:
        raise ValueError(
            'the model and the file share no finding. The model has: '
            f'{", ".join(model)}. The file labels: {", ".join(file)}. Name pairs that '
            'mean the same with --map-findings MODEL=FILE ...'
        )
    used = {other for others in sources.values() for other in others}
    unlabelled = tuple(name for name in model if name not in sources)
    near = {name: tuple(o for o in file if _near(name, o)) for name in unlabelled}
    return FindingsMap(
        sources,
        unlabelled,
        tuple(name for name in file if name not in used),
        {name: others for name, others in near.items() if others},
    )


def parse_pairs(words: Sequence[str]) -> str | dict[str, tuple[str, ...]] | None:
    """``--map-findings`` of a command line: none, auto, or pairs.

    Raises:
        ValueError: a word is no pair, or a finding of the model has two.

    >>> parse_pairs(['Fibrosis=Pulmonary fibrosis', 'Nodule/Mass=Nodule+Mass'])
    {'Fibrosis': ('Pulmonary fibrosis',), 'Nodule/Mass': ('Nodule', 'Mass')}
    """
    if list(words) in (['none'], []):
        return None
    if list(words) == [AUTO]:
        return AUTO
    pairs: dict[str, tuple[str, ...]] = {}
    for word in words:
        name, equals, others = word.partition('=')
        names = tuple(other.strip() for other in others.split(_UNION))
        name = name.strip()
        if not equals or not name or not all(names):
            raise ValueError(
                f'--map-findings takes none, auto, or pairs MODEL=FILE '
                f'(MODEL=FILE+FILE for a union), got {word!r}'
            )
        if name in pairs:
            raise ValueError(
                f'--map-findings names {name!r} twice; a union is {name}=A+B'
            )
        pairs[name] = names
    return pairs


def mapping_lines(mapping: Mapping[str, Any] | None) -> list[str]:
    """What a test over another data set compared, from :meth:`FindingsMap.to_json`."""
    if not mapping:
        return []
    shared = mapping['shared']
    pairs = ', '.join(f'{name} = {" + ".join(o)}' for name, o in shared.items())
    lines = [f'findings mapped, {len(shared)} shared: {pairs}']
    for key, words in (
        ('not_labelled_by_the_data', 'not labelled by the data, so not measured'),
        ('not_a_finding_of_the_model', 'labelled, but no finding of the model'),
    ):
        if mapping[key]:
            lines.append(f'{words}: {", ".join(mapping[key])}')
    return lines


def _mean_the_same(name: str, other: str, same_vocabulary: bool) -> bool:
    if name == other:
        return same_vocabulary or name not in ONE_SET_ONLY
    return any(name in group and other in group for group in SAME)


def _near(name: str, other: str) -> bool:
    return any(name in group and other in group for group in APPROXIMATE)


def _check_known(names: Sequence[str], known: Sequence[str], whose: str) -> None:
    for name in names:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f' Did you mean {close[0]!r}?' if close else ''
            raise ValueError(
                f'--map-findings: {whose} has no finding {name!r}.{hint} Known: '
                f'{", ".join(known)}.'
            )
