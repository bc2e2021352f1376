"""The phantom CheXpert: its tables beside the real one, and one step of a training."""

import json
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from mmlung.findings import CHEXPERT
from mmlung.phantom import write_chexpert
from mmlung.phantom.chexpert_layout import CHEXPERT_NAMES
from mmlung.phantom.chexpert_layout import UNCERTAIN_SHARE
from mmlung.phantom.chexpert_layout import mined_cells

REPO = Path(__file__).resolve().parent.parent.parent
N_TRAIN, N_VALID = 40, 12


@pytest.fixture(scope='module')
def small(tmp_path_factory):
    out = tmp_path_factory.mktemp('phantom') / 'c'
    return write_chexpert(out, n_train=N_TRAIN, n_valid=N_VALID, seed=1, size_px=96)


@pytest.fixture(scope='module')
def train(small):
    return pd.read_csv(small / 'train.csv')


@pytest.fixture(scope='module')
def real(xrv_data):
    return pd.read_csv(xrv_data / 'chexpert_train.csv.gz')


def test_columns_are_the_release_s(small, real):
    for name in ('train.csv', 'valid.csv'):
        assert list(pd.read_csv(small / name, nrows=1)) == list(real)


def test_paths_are_the_release_s(small, train, real):
    pattern = (
        r'CheXpert-v1\.0-small/train/patient\d{5}/study\d+/'
        r'view\d+_(?:frontal|lateral)\.jpg'
    )
    assert real['Path'].str.fullmatch(pattern).all()
    assert train['Path'].str.fullmatch(pattern).all()
    paths = [
        *train['Path'],
        *pd.read_csv(small / 'valid.csv')['Path'],
    ]
    files = {p.relative_to(small).as_posix() for p in small.rglob('*.jpg')}
    assert {path.partition('/')[2] for path in paths} == files


def test_studies_and_laterals(train):
    frontal = train['Frontal/Lateral'] == 'Frontal'
    assert frontal.sum() == N_TRAIN
    assert 0 < (~frontal).sum() < N_TRAIN / 2
    assert (frontal == train['Path'].str.contains('frontal')).all()
    assert train['AP/PA'].isna().equals(~frontal)
    study = train['Path'].str.rpartition('/')[0]
    labels = train[list(CHEXPERT)].fillna(9)
    assert (labels.groupby(study).nunique() == 1).all(axis=None)
    patient = train['Path'].str.extract(r'(patient\d+)')[0]
    assert (train.groupby(patient)[['Sex', 'Age']].nunique() == 1).all(axis=None)


def test_valid_has_zeros_and_ones_alone(small):
    labels = pd.read_csv(small / 'valid.csv')[list(CHEXPERT)]
    assert set(np.unique(labels.to_numpy())) == {0.0, 1.0}
    found = labels.drop(columns='No Finding').any(axis=1)
    assert (found != labels['No Finding'].astype(bool)).all()


def test_rates_of_uncertain_labels_are_the_release_s(real):
    for name, share in UNCERTAIN_SHARE.items():
        unsure, sure = ((real[name] == value).sum() for value in (-1, 1))
        assert share == pytest.approx(unsure / (unsure + sure), abs=0.006)


@pytest.mark.parametrize('name', CHEXPERT_NAMES.values())
def test_mined_cells(name):
    rng = np.random.default_rng(0)
    rows = pd.DataFrame([mined_cells(rng, {name}) for _ in range(2000)])
    rows.columns = list(CHEXPERT)
    counts = rows[name].value_counts(normalize=True)
    assert counts.get('-1.0', 0) == pytest.approx(UNCERTAIN_SHARE[name], abs=0.04)
    assert set(counts.index) <= {'1.0', '-1.0', ''}
    assert (rows == '').all(axis=1).mean() == pytest.approx(0.01, abs=0.01)
    assert not (rows['No Finding'] == '1.0').any()


def test_nothing_present_is_no_finding():
    rng = np.random.default_rng(0)
    rows = [mined_cells(rng, set()) for _ in range(300)]
    assert {row[0] for row in rows if any(row)} == {'1.0'}
    assert not any({'1.0', '-1.0'} & {*row[1:]} for row in rows)


def test_films(small):
    shapes = set()
    for path in small.rglob('*.jpg'):
        film = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert film.ndim == 2
        assert film.std() > 10
        shapes.add(film.shape)
    assert shapes <= {(96, 96), (96, 117), (117, 96)}
    assert len(shapes) > 1


def test_same_arguments_same_bytes(small, tmp_path):
    options = {'n_train': N_TRAIN, 'n_valid': N_VALID, 'seed': 1, 'size_px': 96}
    again = write_chexpert(tmp_path / 'again', workers=2, **options)
    for path in small.rglob('*'):
        if path.is_file():
            assert (again / path.relative_to(small)).read_bytes() == path.read_bytes()
    assert write_chexpert(small, **options) == small  # kept as it is
    with pytest.raises(ValueError, match='holds a phantom made with other arguments'):
        write_chexpert(small, **{**options, 'seed': 2})


@pytest.mark.parametrize(
    ('more', 'message'),
    [
        ({'n_train': 0}, 'n_train must be at least 1, got 0'),
        ({'n_valid': 0}, 'n_valid must be at least 1, got 0'),
        ({'size_px': 20}, 'at least 96 px'),
    ],
    ids=['train', 'valid', 'size'],
)
def test_arguments(tmp_path, more, message):
    with pytest.raises(ValueError, match=message):
        write_chexpert(tmp_path / 'c', **{'n_train': 1, 'n_valid': 1, **more})
    assert not (tmp_path / 'c').exists()


@pytest.mark.slow
def test_the_classifier_trains_on_it(small, tmp_path):
    from mmlung.cli import main

    data, work_dir = tmp_path / 'data', tmp_path / 'work'
    assert main(['convert', 'chexpert', '--root', str(small), '--out', str(data)]) == 0
    info = json.loads((data / 'train.json').read_text())['metainfo']
    assert info['synthetic'] is True
    base = REPO / 'configs' / 'convnext_chestxray14_demo.py'
    config = tmp_path / 'config.py'
    loaders = [f'{part}_dataloader' for part in ('train', 'val', 'test')]
    config.write_text(
        f'_base_ = {str(base)!r}\n'
        f'data_root = {str(data)!r}\n'
        f'findings = {[*CHEXPERT_NAMES.values()]}\n'
        'img_size = 64\nmax_epochs = 1\n'
        'default_hooks = dict(checkpoint=dict(save_best=None))\n'
        + ''.join(f'{name} = dict(num_workers=0)\n' for name in loaders)
    )
    assert main(['train', str(config), '--work-dir', str(work_dir)]) == 0
    assert list(work_dir.glob('*.pth'))
