"""What becomes of uncertain and blank label cells, for CheXpert and MIMIC-CXR alike.

Source: Irvin et al. 2019, doi:10.1609/aaai.v33i01.3301590 (CheXpert). A cell is 1
present, 0 absent, -1 uncertain; a blank one was not mentioned in the report.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmlung.findings import ABSENT
from mmlung.findings import CHEXPERT
from mmlung.findings import PRESENT
from mmlung.findings import UNKNOWN
from mmlung.findings import canonical_finding

UNCERTAIN = -1.0
"""Cell of a finding that the report mentions as uncertain."""

MEANINGS = {'unknown': UNKNOWN, 'present': PRESENT, 'absent': ABSENT}
"""What an uncertain or blank cell may become."""

NO_FINDING = 'No Finding'
"""It is 1 or blank in every table, so its blank is always 0."""

PRESETS: dict[str, dict[str, str]] = {
    'u-ignore': dict.fromkeys(CHEXPERT, 'unknown'),
    'u-ones': dict.fromkeys(CHEXPERT, 'present'),
    'u-zeros': dict.fromkeys(CHEXPERT, 'absent'),
    'u-mixed': {
        **dict.fromkeys(CHEXPERT, 'unknown'),
        'Atelectasis': 'present',
        'Edema': 'present',
    },
}
"""Name -> what -1 becomes, by finding.

u-ignore, u-ones and u-zeros are the paper's, for all findings alike. u-mixed takes the
paper's choice of each finding (best on its 200 validation studies, Table 3 and section
'Test Results') where labels can say it: U-Ones for Atelectasis (AUC 0.858) and Edema
(0.941). They cannot say U-MultiClass (Cardiomegaly 0.854, Pleural Effusion 0.936) or
U-SelfTrained (Consolidation 0.939); those, and the nine findings the paper did not
compare, stay unknown: U-SelfTrained starts from U-Ignore, and between the approaches
to Consolidation, Edema and Pleural Effusion the paper found no significant difference.
Only for Cardiomegaly was U-MultiClass significantly better than U-Ignore. (The paper's
text calls U-Zeros best for Consolidation, its Table 3 has 0.932 for it.)
"""


@dataclass(frozen=True)
class LabelPolicy:
    """What uncertain and blank cells become.

    Args:
        uncertain: finding -> unknown, present or absent, for each of the 14.
        blank: absent or unknown; No Finding's blank is always absent.
    """

    uncertain: Mapping[str, str]
    blank: str = 'absent'

    def __post_init__(self) -> None:
        missing = [name for name in CHEXPERT if name not in self.uncertain]
        odd = sorted({*self.uncertain.values()} - MEANINGS.keys())
        if missing or odd or self.blank not in ('absent', 'unknown'):
            raise ValueError(
                f'a label policy must say unknown, present or absent for all of '
                f'{", ".join(CHEXPERT)}, and absent or unknown for a blank; missing: '
                f'{missing}, got {odd}, blank {self.blank!r}'
            )

    def blank_of(self, finding: str) -> str:
        """What a blank cell of a finding becomes."""
        return 'absent' if finding == NO_FINDING else self.blank

    def as_json(self) -> dict[str, Any]:
        """For ``metainfo`` and the report; one word where all findings agree."""
        words = {*self.uncertain.values()}
        alike = words.pop() if len(words) == 1 else dict(self.uncertain)
        return {'uncertain': alike, 'blank': self.blank}


@dataclass(frozen=True)
class PolicyLabels:
    """Labels after a policy, and what it did.

    Args:
        labels: (N, C) of 1, 0 and NaN.
        unlabelled: (N,) rows whose cells are all blank: all of their labels are NaN.
        counts: finding -> cells of the labelled rows: how many were present, absent,
            uncertain and blank, and what the last two became.
    """

    labels: np.ndarray
    unlabelled: np.ndarray
    counts: dict[str, dict[str, int | str]]

    def as_json(self) -> dict[str, Any]:
        """For the report: ``rows``, ``unlabelled_rows`` and ``findings``."""
        return {
            'rows': len(self.labels),
            'unlabelled_rows': int(self.unlabelled.sum()),
            'findings': self.counts,
        }


def apply_policy(
    cells: np.ndarray, findings: Sequence[str], policy: LabelPolicy
) -> PolicyLabels:
    """Labels of rows of cells; rows with nothing but blanks stay unlabelled.

    Args:
        cells: (N, C) of 1, 0, -1 and NaN for a blank.
        findings: names of the columns, in any order.
        policy: what -1 and NaN become.

    Raises:
        ValueError: the shape is another one, or a cell is none of these.

    >>> policy = LabelPolicy(PRESETS['u-ones'])
    >>> apply_policy(np.array([[-1, np.nan]]), ['Edema', 'Fracture'], policy).labels
    array([[1., 0.]])
    """
    cells = np.asarray(cells, dtype=float)
    if cells.ndim != 2 or cells.shape[1] != len(findings):
        raise ValueError(
            f'cells must have shape (N, {len(findings)}), got {cells.shape}'
        )
    invalid = not_a_label(cells)
    if invalid.any():
        row, column = (int(i) for i in np.argwhere(invalid)[0])
        raise ValueError(
            f'a label must be 1, 0, -1 or blank, got {cells[row, column]:g} for '
            f'{findings[column]} (row {row} of the cells)'
        )
    blank, uncertain = np.isnan(cells), cells == UNCERTAIN
    unlabelled = blank.all(axis=1)
    becomes = [MEANINGS[policy.uncertain[name]] for name in findings]
    missing = [MEANINGS[policy.blank_of(name)] for name in findings]
    labels = np.where(uncertain, becomes, np.where(blank, missing, cells))
    labels[unlabelled] = UNKNOWN
    labelled = ~unlabelled
    sums = [
        (mask & labelled[:, None]).sum(axis=0).tolist()
        for mask in (cells == PRESENT, cells == ABSENT, uncertain, blank)
    ]
    counts: dict[str, dict[str, int | str]] = {
        name: {
            'present': present,
            'absent': absent,
            'uncertain': unsure,
            'uncertain_becomes': policy.uncertain[name],
            'blank': left,
            'blank_becomes': policy.blank_of(name),
        }
        for name, present, absent, unsure, left in zip(findings, *sums, strict=True)
    }
    return PolicyLabels(labels, unlabelled, counts)


def not_a_label(cells: np.ndarray) -> np.ndarray:
    """(N, C) mask of the cells that are none of 1, 0, -1 and NaN."""
    known = (cells == PRESENT) | (cells == ABSENT) | (cells == UNCERTAIN)
    return ~(known | np.isnan(cells))


def add_label_arguments(parser: argparse.ArgumentParser) -> None:
    """``--uncertain`` and ``--blank``; ``policy_of(args)`` makes a policy of them."""
    group = parser.add_argument_group('labels')
    group.add_argument(
        '--uncertain',
        type=_uncertain,
        nargs='+',
        action='extend',
        metavar='WORD',
        help='what -1 becomes: unknown (left out of training and scoring; the default, '
        'nothing is made up), present, absent; or a preset: u-ignore (unknown), '
        'u-ones (present), u-zeros (absent), u-mixed (present for Atelectasis and '
        'Edema, where the CheXpert paper chose U-Ones; what it chose for others no '
        'label can say, they stay unknown); with FINDING=WORD beside it or alone for '
        "single findings, as in --uncertain unknown Edema=present 'Pleural "
        "Effusion=absent'",
    )
    group.add_argument(
        '--blank',
        choices=('absent', 'unknown'),
        default='absent',
        help='what a blank, a finding that the report does not mention, becomes; No '
        "Finding's blank is always absent, and films with nothing but blanks stay "
        'unlabelled (default: %(default)s)',
    )


def policy_of(args: argparse.Namespace) -> LabelPolicy:
    """The policy that the command line asks for.

    Raises:
        argparse.ArgumentError: two words for all findings, or two for one.
    """
    words: list[str] = []
    singles: dict[str, str] = {}
    for value in args.uncertain or []:
        if isinstance(value, str):
            words.append(value)
        elif singles.setdefault(*value) != value[1]:
            raise argparse.ArgumentError(
                None,
                f'--uncertain: {value[0]} is both {singles[value[0]]} and {value[1]}',
            )
    if len({*words}) > 1:
        raise argparse.ArgumentError(
            None,
            f'--uncertain takes one word for all findings, got {" and ".join(words)}; '
            'write FINDING=WORD for single ones',
        )
    word = words[0] if words else 'unknown'
    table = PRESETS.get(word) or dict.fromkeys(CHEXPERT, word)
    return LabelPolicy({**table, **singles}, args.blank)


def _uncertain(text: str) -> str | tuple[str, str]:
    """A word or preset for all findings, or (finding, word)."""
    finding, equals, word = text.rpartition('=')
    if not equals:
        if word not in (*MEANINGS, *PRESETS):
            raise argparse.ArgumentTypeError(
                f'must be one of {", ".join((*MEANINGS, *PRESETS))}, or FINDING=WORD '
                f'such as Edema=present, got {text!r}'
            )
        return word
    if word not in MEANINGS:
        raise argparse.ArgumentTypeError(
            f'{text!r}: a finding must become one of {", ".join(MEANINGS)}'
        )
    try:
        return canonical_finding(finding, CHEXPERT, 'CheXpert'), word
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
