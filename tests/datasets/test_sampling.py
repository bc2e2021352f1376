"""The draw against its definition; the sampler as mmengine's loaders use it."""

import json
from collections import Counter

import numpy as np
import pytest
import torch
from mmengine.dataset import ConcatDataset
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

from mmlung.datasets import ChestDetectionDataset
from mmlung.datasets import HealthyRatioSampler
from mmlung.datasets import draw_epoch
from mmlung.datasets import repeat_factors
from mmlung.datasets import sampling

FINDINGS = ('Mass', 'Nodule', 'Edema')
QUARTER = pytest.mark.parametrize('ratio', [0.0, 0.25, 1.0, 7.0])


class Films:
    """Stands in for a data set: labels of each film's boxes."""

    def __init__(self, findings_of):
        self.findings_of = findings_of

    def __len__(self):
        return len(self.findings_of)

    def get_data_info(self, index):
        boxes = [{'bbox_label': label} for label in self.findings_of[index]]
        return {'instances': boxes, 'width': 10 + index % 3, 'height': 11}


def films(n_abnormal, n_healthy):
    return Films([[i % 3] for i in range(n_abnormal)] + [[]] * n_healthy)


@pytest.fixture
def processes(monkeypatch):
    """(rank, world_size) of the samplers that are built from here on."""

    def be(rank, world_size):
        monkeypatch.setattr(sampling, 'get_dist_info', lambda: (rank, world_size))

    return be


def lvis_by_definition(findings_of, threshold):
    abnormal = [set(film) for film in findings_of if film]
    factors = []
    for film in findings_of:
        of_findings = [1.0]
        for label in film:
            share = sum(label in other for other in abnormal) / len(abnormal)
            of_findings.append(max(1, (threshold / share) ** 0.5))
        factors.append(max(of_findings))
    return factors


@pytest.mark.parametrize('seed', range(3))
@pytest.mark.parametrize('threshold', [0, 0.05, 0.5, 1])
def test_repeat_factors_are_those_of_lvis(seed, threshold):
    rng = np.random.default_rng(seed)
    common = [0.6, 0.3, 0.05, 0.01]
    findings_of = [set(np.flatnonzero(rng.random(4) < common)) for _ in range(300)]
    expected = lvis_by_definition(findings_of, threshold)
    assert repeat_factors(findings_of, threshold) == pytest.approx(expected)


def test_repeat_factors_without_films_or_findings():
    assert repeat_factors([], 0.5).shape == (0,)
    assert repeat_factors([set(), set()], 0.5).tolist() == [1, 1]


@QUARTER
@pytest.mark.parametrize('n_healthy', [0, 3, 500])
def test_the_ratio_is_kept(ratio, n_healthy):
    is_healthy = np.array([False] * 40 + [True] * n_healthy)
    drawn = draw_epoch(is_healthy, np.ones(len(is_healthy)), ratio, seed=0, epoch=0)
    count = Counter(is_healthy[drawn].tolist())
    assert count[False] == 40
    assert sorted(drawn[~is_healthy[drawn]]) == list(range(40))
    assert count[True] == (round(40 * ratio) if n_healthy else 0)
    often = Counter(drawn[is_healthy[drawn]].tolist())
    if n_healthy == 500:
        assert set(often.values()) <= {1}


def test_none_shows_every_film_once():
    is_healthy = np.arange(30) % 3 == 0
    drawn = draw_epoch(is_healthy, np.ones(30), None, seed=1, epoch=2)
    assert sorted(drawn) == list(range(30))
    assert list(drawn) != sorted(drawn)


def test_healthy_films_take_turns():
    """Ten epochs of 10 of 100 healthy films show each once, in another order each."""
    is_healthy = np.array([False] * 40 + [True] * 100)
    epochs = [draw_epoch(is_healthy, np.ones(140), 0.25, 3, e) for e in range(20)]
    shown = [set(drawn[is_healthy[drawn]]) for drawn in epochs]
    assert set().union(*shown[:10]) == set(range(40, 140))
    assert sum(map(len, shown[:10])) == 100
    assert shown[0] != shown[10]
    orders = {tuple(drawn[~is_healthy[drawn]]) for drawn in epochs}
    assert len(orders) == 20


def test_the_draw_is_that_of_seed_and_epoch():
    is_healthy = np.arange(60) % 2 == 0
    repeats = np.full(60, 1.5)

    def draw(seed, epoch):
        return draw_epoch(is_healthy, repeats, 0.5, seed, epoch).tolist()

    assert draw(4, 7) == draw(4, 7)
    assert len({tuple(draw(seed, epoch)) for seed in (0, 1) for epoch in (0, 1)}) == 4


@pytest.mark.parametrize('top', [1.0, 1.001, 2.7, 9.0])
def test_repeats_are_kept_on_average_and_never_far(top):
    repeats = np.random.default_rng(0).uniform(1, top, size=50)
    abnormal = np.zeros(50, dtype=bool)
    counts = np.array(
        [
            np.bincount(draw_epoch(abnormal, repeats, 0.25, 0, epoch), minlength=50)
            for epoch in range(2000)
        ]
    )
    assert (counts >= np.floor(repeats)).all()
    assert (counts <= np.ceil(repeats)).all()
    assert len(set(counts.sum(axis=1))) == 1
    assert repeats.sum() - 1 <= counts[0].sum() <= repeats.sum()
    assert np.abs(counts.mean(axis=0) - repeats).max() < 0.05


def test_the_sampler_draws_what_the_function_draws():
    sampler = HealthyRatioSampler(films(40, 100), oversample_thr=0.5, seed=6)
    sampler.set_epoch(3)
    is_healthy = np.array([False] * 40 + [True] * 100)
    repeats = repeat_factors(sampler.dataset.findings_of, 0.5)
    assert list(sampler) == draw_epoch(is_healthy, repeats, 0.25, 6, 3).tolist()
    assert len(sampler) == len(list(sampler)) > 50


@pytest.mark.parametrize('world_size', [2, 3, 8])
def test_processes_share_an_epoch_without_overlap(processes, world_size):
    def parts(epoch):
        for rank in range(world_size):
            processes(rank, world_size)
            sampler = HealthyRatioSampler(films(41, 100), seed=2)
            sampler.set_epoch(epoch)
            assert len(sampler) == len(list(sampler))
            yield list(sampler)

    processes(0, 1)
    whole = HealthyRatioSampler(films(41, 100), seed=2)
    whole.set_epoch(1)
    drawn = [index for part in parts(1) for index in part]
    assert len(set(drawn)) == len(drawn) == 51 // world_size * world_size
    assert set(drawn) <= set(whole)


def test_a_resumed_training_goes_on_with_the_same_films():
    sampler = HealthyRatioSampler(films(40, 100), seed=0)
    told = []
    for epoch in range(4):
        sampler.set_epoch(epoch)
        told.append(list(sampler))
    resumed = HealthyRatioSampler(films(40, 100), seed=0)
    resumed.set_epoch(2)
    assert list(resumed) == told[2]


@pytest.fixture
def dataset(tmp_path, write_detection_data):
    return ChestDetectionDataset(
        ann_file='train.json',
        data_root=str(write_detection_data(tmp_path, FINDINGS, n=9)),
        metainfo={'classes': FINDINGS},
    )


def loader_of(dataset, **sampler):
    init_default_scope('mmdet')
    return Runner.build_dataloader(
        {
            'batch_size': 2,
            'num_workers': 0,
            'sampler': {'type': 'mmlung.HealthyRatioSampler'} | sampler,
            'batch_sampler': {'type': 'AspectRatioBatchSampler'},
            'collate_fn': {'type': 'pseudo_collate'},
            'dataset': dataset,
        },
        seed=11,
    )


def test_under_the_aspect_ratio_batches_of_mmdet(dataset):
    """One film of nine is healthy: 8 + 8 / 4 = 10 draws, the healthy one twice."""
    loader = loader_of(dataset)
    assert loader.batch_sampler.sampler.seed == 11
    batches = list(loader.batch_sampler)
    assert len(batches) == len(loader) == 5
    shown = Counter(index for batch in batches for index in batch)
    assert shown == {0: 2} | dict.fromkeys(range(1, 9), 1)


def test_healthy_is_a_film_without_a_finding_of_the_model(dataset, tmp_path):
    path = tmp_path / 'train.json'
    content = json.loads(path.read_text('utf-8'))
    mass_only = ChestDetectionDataset(
        ann_file='train.json', data_root=str(tmp_path), metainfo={'classes': ['Mass']}
    )
    with_mass = {a['image_id'] for a in content['annotations'] if a['category_id'] == 1}
    healthy = HealthyRatioSampler(mass_only, seed=0).is_healthy
    ids = [image['id'] for image in content['images']]
    assert healthy.tolist() == [image_id not in with_mass for image_id in ids]


def test_joined_data_sets(dataset):
    sampler = HealthyRatioSampler(ConcatDataset([dataset, dataset]), seed=0)
    assert sampler.is_healthy.tolist() == ([True] + [False] * 8) * 2


def test_the_epoch_is_told_by_mmengines_hook(dataset):
    from mmengine.hooks import DistSamplerSeedHook

    class Loop:
        dataloader = loader_of(dataset)

    class AtEpochThree:
        train_loop = Loop
        epoch = 3

    DistSamplerSeedHook().before_train_epoch(AtEpochThree)
    assert Loop.dataloader.batch_sampler.sampler.epoch == 3


def test_the_counts_are_said(monkeypatch):
    lines = []
    monkeypatch.setattr(sampling, 'say', lines.append)
    HealthyRatioSampler(films(40, 100), seed=0)
    assert lines == [
        'an epoch shows 50 films, drawn from 40 abnormal and 100 healthy ones'
    ]


def test_messages(processes):
    with pytest.raises(ValueError, match=r'healthy_per_abnormal must be .* got -1'):
        HealthyRatioSampler(films(4, 4), healthy_per_abnormal=-1)
    with pytest.raises(ValueError, match=r'oversample_thr must lie in \[0, 1\], got 2'):
        HealthyRatioSampler(films(4, 4), oversample_thr=2)
    with pytest.raises(ValueError, match=r'none of the 4 films .*knob `findings`'):
        HealthyRatioSampler(films(0, 4), seed=0)
    with pytest.raises(ValueError, match='data set with boxes, got WithoutBoxes'):
        HealthyRatioSampler(WithoutBoxes(torch.zeros(3)), seed=0)
    processes(0, 8)
    with pytest.raises(ValueError, match='shows 5 films, too few for 8 processes'):
        HealthyRatioSampler(films(4, 4), seed=0)


class WithoutBoxes(torch.utils.data.TensorDataset):
    def get_data_info(self, index):
        return {'img_path': str(index)}
