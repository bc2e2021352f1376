import numpy as np
import pytest

from mmlung.datasets import ClassBalancedSampler
from mmlung.datasets import class_balance
from mmlung.datasets import sampling

NAN = float('nan')


class Films:
    """Of 100 films, 60 have finding 0, 4 finding 1 (one of them both), 36 nothing."""

    def __init__(self, labels=None):
        self.labels = np.zeros((100, 3), dtype=np.float32) if labels is None else labels
        if labels is None:
            self.labels[:60, 0] = 1
            self.labels[59:63, 1] = 1
            self.labels[:, 2] = NAN

    def __len__(self):
        return len(self.labels)

    def get_data_info(self, index):
        return {'gt_score': self.labels[index]}


def counts(sampler, epoch):
    sampler.set_epoch(epoch)
    return np.bincount(list(sampler), minlength=100)


def test_rare_findings_come_more_often_and_the_others_once():
    sampler = ClassBalancedSampler(Films(), oversample_thr=0.5, seed=0)
    factor = np.sqrt(0.5 / (4 / 63))  # of the films with findings
    shown = np.array([counts(sampler, epoch) for epoch in range(200)])
    rare = shown[:, 59:63]
    assert set(np.unique(rare)) == {int(factor), int(factor) + 1}
    assert rare.mean() == pytest.approx(factor, abs=0.3)
    others = np.delete(shown, np.s_[59:63], axis=1)
    assert (others == 1).all()
    assert (shown.sum(axis=1) == len(sampler)).all()


def test_nothing_is_rare():
    sampler = ClassBalancedSampler(Films(), oversample_thr=0.0, seed=0)
    assert (counts(sampler, 3) == 1).all()


def test_unknown_labels_want_no_film():
    labels = np.full((100, 3), NAN, dtype=np.float32)
    sampler = ClassBalancedSampler(Films(labels), oversample_thr=1.0, seed=0)
    assert (counts(sampler, 0) == 1).all()


def test_an_epoch_depends_on_seed_and_epoch_alone():
    def order(seed, epoch):
        sampler = ClassBalancedSampler(Films(), oversample_thr=0.5, seed=seed)
        sampler.set_epoch(epoch)
        return list(sampler)

    assert order(0, 5) == order(0, 5)
    assert order(0, 5) != order(0, 6)
    assert order(0, 5) != order(1, 5)


def test_processes_share_an_epoch_without_a_draw_twice(monkeypatch):
    whole = ClassBalancedSampler(Films(), oversample_thr=0.5, seed=0)
    parts = []
    for rank in range(3):
        monkeypatch.setattr(sampling, 'get_dist_info', lambda rank=rank: (rank, 3))
        parts.append(ClassBalancedSampler(Films(), oversample_thr=0.5, seed=0))
    assert {len(part) for part in parts} == {len(whole) // 3}
    together = [list(part) for part in parts]
    woven = [index for step in zip(*together, strict=True) for index in step]
    assert woven == list(whole)[: len(woven)]


def test_the_log_says_what_an_epoch_shows(monkeypatch):
    said = []
    monkeypatch.setattr(class_balance, 'say', said.append)
    sampler = ClassBalancedSampler(Films(), oversample_thr=0.5, seed=0)
    assert said == [
        f'an epoch shows {len(sampler)} films, drawn from 100; those with rare '
        'findings come up to 2.8 times'
    ]


@pytest.mark.parametrize('share', [-0.1, 1.5])
def test_a_share_out_of_range_is_refused(share):
    with pytest.raises(ValueError, match=r'oversample_thr must lie in \[0, 1\]'):
        ClassBalancedSampler(Films(), oversample_thr=share)


def test_boxes_are_refused():
    class Boxes(Films):
        def get_data_info(self, index):
            return {'instances': []}

    with pytest.raises(ValueError, match=r'needs films with gt_score.*HealthyRatio'):
        ClassBalancedSampler(Boxes(), seed=0)


def test_more_processes_than_films(monkeypatch):
    monkeypatch.setattr(sampling, 'get_dist_info', lambda: (0, 500))
    with pytest.raises(ValueError, match='too few for 500 processes'):
        ClassBalancedSampler(Films(), seed=0)
