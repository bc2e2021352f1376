"""Seeded multi-label stratified splits that never tear a patient apart."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence

import numpy as np

from .records import ImageRecord

_SLACK = 0.1  # of the smallest part, which another may take for a better balance
_ROUNDING = 1e-9  # of images: 10 - 0.9 * 10 is not quite 1


def split_records(
    records: Sequence[ImageRecord],
    fractions: Mapping[str, float],
    seed: int,
    strata: np.ndarray | None = None,
) -> dict[str, list[ImageRecord]]:
    """Split by ``ImageRecord.group`` so that each part has its share of every finding.

    The result depends on the set of records and the seed, not on the records' order.

    Args:
        records: films; each keeps its place in the order inside its part.
        fractions: name of a part -> its share; together 1.
        seed: of the generator that orders the groups.
        strata: (N, C) what to balance, above 0 present; by default ``labels``.

    Raises:
        ValueError: the shares are negative or do not add up to 1.
    """
    shares = np.array(list(fractions.values()), dtype=float)
    if (shares < 0).any() or abs(shares.sum() - 1) > 1e-9:
        raise ValueError(f'shares of a split must add up to 1, got {dict(fractions)}')
    present = _strata_of(records) if strata is None else np.asarray(strata) > 0
    groups, group_of = np.unique([r.group for r in records], return_inverse=True)
    counts = np.zeros((len(groups), present.shape[1]), dtype=int)
    np.add.at(counts, group_of, present.astype(int))
    sizes = np.bincount(group_of, minlength=len(groups))
    part_of = assign_groups(counts, sizes, shares, seed)[group_of]
    return {
        name: [records[i] for i in np.flatnonzero(part_of == part)]
        for part, name in enumerate(fractions)
    }


def fold_records(
    records: Sequence[ImageRecord],
    n_folds: int,
    seed: int,
    strata: np.ndarray | None = None,
) -> list[dict[str, list[ImageRecord]]]:
    """Folds for cross-validation: every film is in the ``val`` of exactly one.

    Args:
        records: films, see ``split_records``.
        n_folds: at least 2.
        seed: see ``split_records``.
        strata: see ``split_records``.

    Returns:
        ``train`` and ``val`` of each fold, in the order of ``records``.

    Raises:
        ValueError: there are fewer groups (patients, or films) than folds.
    """
    groups = {record.group for record in records}
    if not 2 <= n_folds <= len(groups):
        raise ValueError(
            f'the number of folds must lie between 2 and the number of patients or '
            f'films, {len(groups):,}; got {n_folds}'
        )
    shares = {str(k): 1 / n_folds for k in range(n_folds)}
    parts = split_records(records, shares, seed, strata)
    folds = []
    for val in parts.values():
        held = {record.image_id for record in val}
        train = [record for record in records if record.image_id not in held]
        folds.append({'train': train, 'val': val})
    return folds


def assign_groups(
    counts: np.ndarray, sizes: np.ndarray, shares: np.ndarray, seed: int
) -> np.ndarray:
    """(G,) index of the part of each group, by iterative stratification.

    The rarest finding among the groups not yet placed goes first; each of its groups
    goes, the largest first, to the part that misses most of that finding, then to the
    one that misses most images. Groups without a finding fill up the parts.

    Args:
        counts: (G, C) images of each group with each finding.
        sizes: (G,) images of each group.
        shares: (P,) share of each part, together 1.
        seed: orders groups of equal size.

    Source: Sechidis et al. 2011, doi:10.1007/978-3-642-23808-6_10. Differences: whole
    groups in the place of single examples; a part that has its images gets few more
    while another misses some (where every finding is rare, the largest part would take
    all); no part with a share stays empty when there are as many groups as parts.
    """
    n_groups = len(counts)
    shuffled = np.random.default_rng(seed).permutation(n_groups)
    order = shuffled[np.argsort(-sizes[shuffled], kind='stable')]
    missing_images = (shares * sizes.sum()).tolist()
    missing = (counts.sum(axis=0)[:, None] * shares).tolist()  # C x P
    open_images = counts.sum(axis=0)
    findings_of = _indices_by_row(counts > 0)
    allowed = np.flatnonzero(shares > 0).tolist()
    slack = _SLACK * shares[allowed].min() * sizes.sum() if n_groups else 0
    part_of = np.full(n_groups, -1)

    def place(group: int, wish: list[float]) -> None:
        room = min(_ROUNDING, sizes[group] - slack)
        wanting = [p for p in allowed if missing_images[p] > room] or allowed
        part = max(wanting, key=lambda p: (wish[p], missing_images[p]))
        part_of[group] = part
        missing_images[part] -= sizes[group]
        for finding in findings_of[group]:
            missing[finding][part] -= counts[group, finding]

    while (open_images > 0).any():
        rarest = int(np.where(open_images > 0, open_images, np.inf).argmin())
        members = order[(part_of[order] < 0) & (counts[order, rarest] > 0)]
        for group in members.tolist():
            place(group, missing[rarest])
        open_images = open_images - counts[members].sum(axis=0)
    for group in order[part_of[order] < 0].tolist():
        place(group, missing_images)
    _fill_empty(part_of, order, sizes, shares)
    return part_of


def _indices_by_row(present: np.ndarray) -> list[list[int]]:
    """Columns that are set in each row of a (G, C) mask."""
    rows, columns = np.nonzero(present)
    found: list[list[int]] = [[] for _ in range(len(present))]
    for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
        found[row].append(column)
    return found


def _fill_empty(
    part_of: np.ndarray, order: np.ndarray, sizes: np.ndarray, shares: np.ndarray
) -> None:
    """Give a part that got nothing the group that fits it best, in place.

    It comes from a part that has others; the last that were placed are asked first.
    """
    for part in np.flatnonzero(shares > 0).tolist():
        n_groups = np.bincount(part_of, minlength=len(shares))
        spare = [g for g in order[::-1].tolist() if n_groups[part_of[g]] > 1]
        if n_groups[part] == 0 and spare:
            wanted = shares[part] * sizes.sum()
            part_of[min(spare, key=lambda g: abs(sizes[g] - wanted))] = part


def _strata_of(records: Sequence[ImageRecord]) -> np.ndarray:
    """(N, C) labels that are present; unknown ones are not."""
    labels = np.array([r.labels for r in records], dtype=float)
    return np.atleast_2d(labels) == 1 if len(records) else np.zeros((0, 0), bool)
