"""From scores and labels of images to those of the studies they belong to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

AGGREGATES = ('max', 'mean')


def pool_studies(
    score: np.ndarray,
    target: np.ndarray,
    studies: Sequence[str],
    aggregate: str = 'max',
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One row a study, in the order of their first images.

    A finding is present in a study when it is present in one of its images, absent when
    it is absent in all, and unknown otherwise. Where the release labels whole studies,
    its images agree and this changes nothing; :func:`count_conflicts` tells.

    Args:
        score: (B, C) of the images.
        target: (B, C) 1 present, 0 absent, NaN unknown.
        studies: (B,) name of each image's study.
        aggregate: ``'max'`` takes the most suspicious image, ``'mean'`` the average.

    Returns:
        (S, C) scores, (S, C) labels, and (S,) index of each study's first image.

    Raises:
        ValueError: ``aggregate`` is neither.

    >>> score, target = np.array([[0.1], [0.9], [0.2]]), np.array([[0.0], [0.0], [1.0]])
    >>> pooled = pool_studies(score, target, ['a', 'b', 'a'])
    >>> pooled[0].ravel().tolist(), pooled[1].ravel().tolist()
    ([0.2, 0.9], [1.0, 0.0])
    """
    if aggregate not in AGGREGATES:
        raise ValueError(f'aggregate must be one of {AGGREGATES}, got {aggregate!r}.')
    study, first, n_studies = _numbered(studies)
    label = np.zeros((n_studies, target.shape[1]))
    label[_in_any_image(np.isnan(target), study, n_studies)] = np.nan
    label[_in_any_image(target == 1, study, n_studies)] = 1
    if aggregate == 'max':
        pooled = np.full(label.shape, -np.inf)
        np.maximum.at(pooled, study, score)
    else:
        pooled = np.zeros(label.shape)
        np.add.at(pooled, study, score)
        pooled /= np.bincount(study, minlength=n_studies)[:, None]
    return pooled, label, first


def count_conflicts(target: np.ndarray, studies: Sequence[str]) -> int:
    """Number of studies with a finding present in one image and absent in another.

    To be expected where images are labelled (not every view shows a finding), and a
    mistake in the annotations where studies are.

    >>> count_conflicts(np.array([[1.0], [0.0], [np.nan]]), ['a', 'a', 'a'])
    1
    """
    study, _, n_studies = _numbered(studies)
    present = _in_any_image(target == 1, study, n_studies)
    absent = _in_any_image(target == 0, study, n_studies)
    return int((present & absent).any(axis=1).sum())


def _in_any_image(images: np.ndarray, study: np.ndarray, n_studies: int) -> np.ndarray:
    """(S, C) whether (B, C) holds for one of a study's images at least."""
    found = np.zeros((n_studies, images.shape[1]), dtype=bool)
    np.logical_or.at(found, study, images)
    return found


def _numbered(studies: Sequence[str]) -> tuple[np.ndarray, np.ndarray, int]:
    """(B,) number of each image's study by first appearance; (S,) first images; S."""
    _, first, study = np.unique(
        np.asarray(studies, dtype=str), return_index=True, return_inverse=True
    )
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return rank[study], first[order], len(first)
