"""Match the boxes of all images once; each metric and resample reads the matches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmlung.boxes import box_iou
from mmlung.evaluation.detections import ImageDetections
from mmlung.evaluation.detections import count_true_boxes


@dataclass(frozen=True)
class BoxPool:
    """N detections and M true boxes of all I images, in flat arrays.

    Pairs are a detection and a true box of one finding in one image that overlap, or
    where the centre of the one lies in the other. They are sorted by falling score of
    the detection, then by falling IoU.
    """

    n_boxes: np.ndarray
    """(I, C) float, number of true boxes of each image and finding."""
    image: np.ndarray
    """(N,) int, image of each detection; detections are sorted by falling score."""
    label: np.ndarray
    """(N,) int, its finding."""
    score: np.ndarray
    """(N,) float, falling."""
    true_image: np.ndarray
    """(M,) int, image of each true box."""
    true_label: np.ndarray
    """(M,) int, its finding."""
    pair_pred: np.ndarray
    """(K,) int, detection of each pair."""
    pair_true: np.ndarray
    """(K,) int, its true box."""
    pair_iou: np.ndarray
    """(K,) float."""
    pair_centred: np.ndarray
    """(K,) bool: the centre of the detection lies in the true box."""


def pool_boxes(images: Sequence[ImageDetections], n_findings: int) -> BoxPool:
    """Rank the detections of all images, and pair them with the true boxes they touch.

    Equal scores keep the order of the images, and of the boxes in one.

    >>> box, label = np.array([[0.0, 0, 10, 10]]), np.array([0])
    >>> image = ImageDetections('a', 'a', box, np.array([0.9]), label, box, label)
    >>> pool_boxes([image], 1).pair_iou.tolist()
    [1.0]
    """
    n_preds = [len(image.pred_score) for image in images]
    score = _joined([image.pred_score for image in images], float)
    order = np.argsort(-score, kind='stable')
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))

    pairs = [(np.zeros(0, int), np.zeros(0, int), np.zeros(0), np.zeros(0, bool))]
    first_pred = first_true = 0
    for image in images:
        if len(image.gt_label) and len(image.pred_label):
            pred, true, iou, centred = _pairs_of(image)
            pairs.append((rank[pred + first_pred], true + first_true, iou, centred))
        first_pred += len(image.pred_label)
        first_true += len(image.gt_label)
    pred, true, iou, centred = (np.concatenate(p) for p in zip(*pairs, strict=True))
    by_rank = np.lexsort((-iou, pred))
    return BoxPool(
        n_boxes=count_true_boxes(images, n_findings),
        image=np.repeat(np.arange(len(images)), n_preds)[order],
        label=_joined([image.pred_label for image in images], int)[order],
        score=score[order],
        true_image=np.repeat(np.arange(len(images)), [len(i.gt_label) for i in images]),
        true_label=_joined([image.gt_label for image in images], int),
        pair_pred=pred[by_rank],
        pair_true=true[by_rank],
        pair_iou=iou[by_rank],
        pair_centred=centred[by_rank],
    )


def _joined(arrays: Sequence[np.ndarray], dtype: type) -> np.ndarray:
    return np.concatenate([np.zeros(0, dtype), *arrays])


def _pairs_of(image: ImageDetections) -> tuple[np.ndarray, ...]:
    """Detection, true box, IoU and centring of each pair of one image."""
    iou = box_iou(image.pred_xyxy, image.gt_xyxy)
    centre = (image.pred_xyxy[:, :2] + image.pred_xyxy[:, 2:])[:, None] / 2
    corners = image.gt_xyxy[:, :2], image.gt_xyxy[:, 2:]
    centred = ((corners[0] <= centre) & (centre < corners[1])).all(axis=2)
    same = image.pred_label[:, None] == image.gt_label
    pred, true = np.nonzero(same & ((iou > 0) | centred))
    return pred, true, iou[pred, true], centred[pred, true]


def first_come(pool: BoxPool, good: np.ndarray) -> np.ndarray:
    """(N,) whether each detection finds a true box; PASCAL VOC's rule.

    By falling score, each detection goes to the box it overlaps most among its good
    pairs, and is false when that one is already found: it has no second choice.

    Args:
        pool: of all images.
        good: (K,) bool, pairs that count as found.

    Source: as :func:`mmlung.boxes.match_greedy`, on all images and findings at once.
    """
    hit = np.zeros(len(pool.score), dtype=bool)
    pred, best = np.unique(pool.pair_pred[good], return_index=True)
    _, first = np.unique(pool.pair_true[good][best], return_index=True)
    hit[pred[first]] = True
    return hit


def best_free(pool: BoxPool, good: np.ndarray) -> np.ndarray:
    """(N,) whether each detection finds a true box; COCO's rule.

    By falling score, each detection takes the box it overlaps most among its good pairs
    whose box is still free.

    Args:
        pool: of all images.
        good: (K,) bool, pairs that count as found.

    Source: Lin et al. 2014, doi:10.1007/978-3-319-10602-1_48, and ``pycocotools``.
    """
    matched: set[int] = set()
    taken: set[int] = set()
    pairs = pool.pair_pred[good].tolist(), pool.pair_true[good].tolist()
    for pred, true in zip(*pairs, strict=True):
        if pred not in matched and true not in taken:
            matched.add(pred)
            taken.add(true)
    hit = np.zeros(len(pool.score), dtype=bool)
    hit[list(matched)] = True
    return hit


def place_in_finding(pool: BoxPool) -> np.ndarray:
    """(N,) place of each detection by score among those of its image and finding."""
    return _place(np.stack([pool.image, pool.label]))


def place_in_image(pool: BoxPool) -> np.ndarray:
    """(N,) place of each detection by score among all of its image."""
    return _place(pool.image[None])


def _place(keys: np.ndarray) -> np.ndarray:
    """(N,) place of each column of (K, N) keys among the columns equal to it."""
    order = np.lexsort(keys)  # stable: by falling score in each group
    starts = np.any(np.diff(keys[:, order], axis=1, prepend=-1), axis=0)
    index = np.arange(len(order))
    place = np.empty(len(order), dtype=int)
    place[order] = index - np.maximum.accumulate(np.where(starts, index, 0))
    return place
