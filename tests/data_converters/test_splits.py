import numpy as np
import pytest

from data_converters.records import ImageRecord
from data_converters.splits import assign_groups
from data_converters.splits import fold_records
from data_converters.splits import split_records


def random_records(seed, n=2000, n_patients=600):
    """Films of patients who have few or many, with rare and common findings."""
    rng = np.random.default_rng(seed)
    patients = (n_patients * rng.random(n) ** 2).astype(int)
    frequent = np.array([0.4, 0.1, 0.05, 0.02])
    sick = rng.random((n_patients, 4)) < frequent * 1.5
    labels = sick[patients] & (rng.random((n, 4)) < 0.6)
    return [
        ImageRecord(f'{i:05d}', f'{i}.png', labels=tuple(row), patient_id=str(p))
        for i, (row, p) in enumerate(
            zip(labels.astype(float).tolist(), patients, strict=True)
        )
    ]


@pytest.mark.parametrize('seed', range(3))
def test_shares_of_images_and_findings_and_no_torn_patient(seed):
    records = random_records(seed)
    fractions = {'train': 0.7, 'val': 0.1, 'test': 0.2}
    parts = split_records(records, fractions, seed)
    everything = np.array([r.labels for r in records]).sum(axis=0)
    patients = {k: {r.patient_id for r in part} for k, part in parts.items()}
    assert not patients['train'] & patients['val']
    assert not patients['test'] & (patients['train'] | patients['val'])
    assert sorted(r.image_id for p in parts.values() for r in p) == [
        r.image_id for r in records
    ]
    for name, share in fractions.items():
        assert len(parts[name]) / len(records) == pytest.approx(share, abs=0.01)
        found = np.array([r.labels for r in parts[name]]).sum(axis=0)
        np.testing.assert_allclose(found / everything, share, atol=0.03)


def test_better_than_chance():
    records = random_records(0)
    everything = np.array([r.labels for r in records]).sum(axis=0)

    def error(part):
        found = np.array([r.labels for r in part]).sum(axis=0)
        return np.abs(found / everything - 0.1).max()

    ours = error(split_records(records, {'train': 0.9, 'val': 0.1}, 0)['val'])
    rng = np.random.default_rng(0)
    patients = sorted({r.patient_id for r in records})
    chance = []
    for _ in range(20):
        chosen = set(rng.permutation(patients)[: len(patients) // 10])
        chance.append(error([r for r in records if r.patient_id in chosen]))
    assert ours < min(chance)


def test_order_of_the_records_does_not_matter():
    records = random_records(1, n=300, n_patients=80)
    fractions = {'train': 0.8, 'val': 0.2}
    parts = split_records(records, fractions, 3)
    turned = split_records(records[::-1], fractions, 3)
    assert turned['val'][::-1] == parts['val']


def test_the_seed_matters():
    records = random_records(1, n=300, n_patients=80)
    fractions = {'train': 0.8, 'val': 0.2}
    again = split_records(records, fractions, 3)['val']
    assert split_records(records, fractions, 3)['val'] == again
    assert split_records(records, fractions, 4)['val'] != again


@pytest.mark.parametrize(
    ('fractions', 'sizes'),
    [
        ({'train': 1.0, 'val': 0.0}, [300, 0]),
        ({'train': 0.0, 'val': 0.0, 'test': 1.0}, [0, 0, 300]),
    ],
    ids=['no-val', 'all-test'],
)
def test_a_share_of_nothing_gets_nothing(fractions, sizes):
    parts = split_records(random_records(2, n=300), fractions, 0)
    assert [len(part) for part in parts.values()] == sizes


def test_no_records():
    assert split_records([], {'train': 0.9, 'val': 0.1}, 0) == {'train': [], 'val': []}


def test_healthy_films_are_shared_out():
    counts, sizes = np.zeros((50, 3), int), np.ones(50, int)
    part = assign_groups(counts, sizes, np.array([0.8, 0.2]), 0)
    assert np.bincount(part).tolist() == [40, 10]


@pytest.mark.parametrize(
    ('n', 'fractions', 'sizes'),
    [
        (10, (0.9, 0.1), [9, 1]),
        (20, (0.9, 0.1), [18, 2]),
        (20, (0.72, 0.08, 0.2), [15, 1, 4]),
        (30, (0.5, 0.5), [15, 15]),
        (3, (0.9, 0.05, 0.05), [1, 1, 1]),
        (2, (0.9, 0.1), [1, 1]),
        (1, (0.9, 0.1), [1, 0]),
    ],
)
@pytest.mark.parametrize('seed', range(3))
def test_findings_of_one_film_each_do_not_all_go_to_the_largest_part(
    n, fractions, sizes, seed
):
    counts = np.eye(n, dtype=int)
    part = assign_groups(counts, np.ones(n, int), np.array(fractions), seed)
    assert np.bincount(part, minlength=len(fractions)).tolist() == sizes


def test_an_empty_part_gets_the_group_that_fits_it_best():
    """Rarest findings first: the small groups are placed before the large one."""
    counts, sizes = np.diag([14, 1, 1]), np.array([14, 1, 1])
    part = assign_groups(counts, sizes, np.array([0.95, 0.05]), 0)
    assert np.bincount(part, weights=sizes).tolist() == [15, 1]


@pytest.mark.parametrize('seed', range(100))
def test_any_set_of_films(seed):
    """No part is empty, and none is far from its share."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, rng.integers(2, 10), rng.integers(0, 40))
    counts = rng.integers(0, sizes[:, None] + 1, (len(sizes), 3)) * rng.integers(0, 2)
    weights = rng.integers(1, 20, rng.integers(1, 5))
    shares = weights / weights.sum()
    part = assign_groups(counts, sizes, shares, seed)
    assert len(part) == len(sizes)
    if len(sizes) >= len(shares):
        assert set(part.tolist()) == set(range(len(shares)))
    images = np.bincount(part, weights=sizes, minlength=len(shares))
    slack = sizes.max(initial=0) + 0.1 * shares.min() * sizes.sum()
    assert np.abs(images - shares * sizes.sum()).max() <= len(shares) * slack


def test_shares_add_up():
    with pytest.raises(ValueError, match='must add up to 1'):
        split_records([], {'train': 0.9, 'val': 0.2}, 0)


@pytest.mark.parametrize('n_folds', [2, 5])
def test_every_film_is_validated_on_once(n_folds):
    records = random_records(0)
    folds = fold_records(records, n_folds, seed=1)
    assert len(folds) == n_folds
    held = [r.image_id for fold in folds for r in fold['val']]
    assert sorted(held) == [r.image_id for r in records]
    everything = np.array([r.labels for r in records]).sum(axis=0)
    for fold in folds:
        assert len(fold['train']) + len(fold['val']) == len(records)
        patients = [{r.patient_id for r in fold[name]} for name in ('train', 'val')]
        assert not patients[0] & patients[1]
        found = np.array([r.labels for r in fold['val']]).sum(axis=0)
        np.testing.assert_allclose(
            found / everything, 1 / n_folds, atol=0.1
        )  # some have dozens of films


def test_folds_depend_on_the_seed_alone():
    records = random_records(0, n=200, n_patients=60)

    def folds(seed):
        return [
            [r.image_id for r in fold['val']] for fold in fold_records(records, 5, seed)
        ]

    assert folds(0) == folds(0) != folds(1)


@pytest.mark.parametrize('n_folds', [1, 4])
def test_impossible_folds(n_folds):
    records = random_records(0, n=30, n_patients=3)
    with pytest.raises(ValueError, match=r'between 2 and the number of pat.*, 3; got'):
        fold_records(records, n_folds, seed=0)
