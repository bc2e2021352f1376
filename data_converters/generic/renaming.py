"""Names of findings: renamed, left out, and held against a vocabulary."""

from __future__ import annotations

import argparse
import difflib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace

import numpy as np

from data_converters.records import AnnotationError
from data_converters.report import Report
from mmlung import findings as vocabularies

from .annotated import Annotations
from .annotated import Film

VOCABULARIES = {
    'vindr': vocabularies.VINDR_LOCAL,
    'vindr-kaggle': vocabularies.VINDR_KAGGLE,
    'chestxray14': vocabularies.CHESTXRAY14,
}


@dataclass(frozen=True)
class Renaming:
    """One OLD=NEW of the command line; ``new`` is empty for a finding to leave out."""

    old: str
    new: str

    def __str__(self) -> str:
        return f'{self.old}={self.new}'


def renaming(text: str) -> Renaming:
    """Read ``OLD=NEW``; the last ``=`` counts."""
    old, equals, new = text.rpartition('=')
    if not equals or not old.strip():
        raise argparse.ArgumentTypeError(f'must be OLD=NEW, got {text!r}')
    return Renaming(old.strip(), new.strip())


def wanted_findings(names: Sequence[str]) -> tuple[str, ...]:
    """``--findings``: one name of a vocabulary, or the findings themselves.

    Raises:
        AnnotationError: a finding is given twice.
    """
    chosen = tuple(names)
    if len(chosen) == 1:
        chosen = VOCABULARIES.get(chosen[0], chosen)
    if len(set(chosen)) < len(chosen):
        raise AnnotationError(f'--findings must be distinct, got {list(chosen)}')
    return chosen


def rename(
    annotations: Annotations,
    renamings: Sequence[Renaming],
    wanted: Sequence[str],
    report: Report,
) -> Annotations:
    """Annotations under the names that the user wants.

    Args:
        annotations: findings as the file names them.
        renamings: several may have the same new name.
        wanted: findings in their order; empty takes those of the file.
        report: gets the number of boxes left out.

    Raises:
        AnnotationError: an old name is not there, or a finding is none of ``wanted``.
    """
    new_of = _new_names(annotations, renamings, report)
    found = annotations.boxes.finding
    names = np.array([new_of[name] for name in found], dtype=object)
    kept = tuple(dict.fromkeys(filter(None, map(new_of.get, annotations.findings))))
    if wanted:
        _check_wanted(kept, names, wanted)
        kept = tuple(wanted)
    left_out = Counter(found[names == ''].tolist())
    for name, number in left_out.items():
        report.count(f'boxes of {name}, left out by --rename', number)
    film = annotations.boxes.film
    bare = np.setdiff1d(film[names == ''], film[names != ''])
    if len(bare):
        report.count('films that have no other box than those', len(bare))
    boxes = replace(annotations.boxes, finding=names).where(names != '')
    return replace(
        _rename_classes(annotations, new_of), boxes=boxes, findings=tuple(kept)
    )


def _new_names(
    annotations: Annotations, renamings: Sequence[Renaming], report: Report
) -> dict[str, str]:
    """Every name in the files -> its new one."""
    known = dict.fromkeys((*annotations.findings, *annotations.image_classes))
    new_of = {name: name for name in known}
    for item in renamings:
        if item.old not in known:
            near = difflib.get_close_matches(item.old, known, n=1)
            hint = f' Did you mean {near[0]!r}?' if near else ''
            raise AnnotationError(
                f'--rename {item.old}={item.new}: there is no finding {item.old!r}.'
                f'{hint} Found: {", ".join(known)}.'
            )
        new_of[item.old] = item.new
    return new_of


def _check_wanted(
    kept: Sequence[str], names: np.ndarray, wanted: Sequence[str]
) -> None:
    """Every finding is wanted; a category without boxes may be missing."""
    counts = Counter(names.tolist())
    strange = [name for name in kept if name not in wanted and counts[name]]
    if not strange:
        return
    near = difflib.get_close_matches(strange[0], wanted, n=1, cutoff=0.4)
    new = near[0] if near else 'NEW'
    raise AnnotationError(
        f'unknown findings {", ".join(strange)}. Known (--findings): '
        f"{', '.join(wanted)}. Rename each: --rename '{strange[0]}={new}', or leave "
        f"its {counts[strange[0]]:,} boxes out: --rename '{strange[0]}='."
    )


def _rename_classes(annotations: Annotations, new_of: dict[str, str]) -> Annotations:
    """Image-level labels under the same names.

    Of labels that become one it is present with any, and unknown with any unknown.
    """
    old = annotations.image_classes
    classes = tuple(dict.fromkeys(filter(None, (new_of[name] for name in old))))
    if classes == old:
        return annotations
    columns = [[i for i, n in enumerate(old) if new_of[n] == c] for c in classes]
    films = [_with_labels(film, columns) for film in annotations.films]
    return replace(annotations, films=films, image_classes=classes)


def _with_labels(film: Film, columns: list[list[int]]) -> Film:
    labels = film.facts.get('labels', ())
    if not labels:
        return film
    merged = [_any([labels[i] for i in own]) for own in columns]
    votes = film.facts.get('votes')
    if votes is not None:  # readers of merged findings may be the same or others
        votes = tuple(votes[own[0]] if len(own) == 1 else None for own in columns)
    return replace(film, facts={**film.facts, 'labels': tuple(merged), 'votes': votes})


def _any(labels: list[float]) -> float:
    if 1 in labels:
        return 1.0
    return next((label for label in labels if label != label), 0.0)
