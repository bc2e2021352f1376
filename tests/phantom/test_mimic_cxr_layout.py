"""The phantom MIMIC-CXR-JPG: its tables, and from there to one step of a training."""

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from data_converters.__main__ import main as convert
from mmlung.dicom import read_image
from mmlung.findings import CHEXPERT
from mmlung.phantom import write_mimic_cxr
from mmlung.phantom.chexpert_layout import CHEXPERT_NAMES
from mmlung.phantom.mimic_cxr_layout import LABELS
from mmlung.phantom.mimic_cxr_layout import METADATA
from mmlung.phantom.mimic_cxr_layout import TEST_LABELS

REPO = Path(__file__).resolve().parent.parent.parent
NUMBERS = {'n_train': 24, 'n_validate': 6, 'n_test': 10}
OPTIONS = {**NUMBERS, 'seed': 3, 'size_px': 96}
IDS = ['subject_id', 'study_id']


@pytest.fixture(scope='module')
def small(tmp_path_factory):
    return write_mimic_cxr(tmp_path_factory.mktemp('phantom') / 'm', **OPTIONS)


@pytest.fixture(scope='module')
def dicom(tmp_path_factory):
    return write_mimic_cxr(
        tmp_path_factory.mktemp('phantom') / 'd',
        **{**OPTIONS, 'n_train': 3, 'n_validate': 1, 'n_test': 2, 'form': 'dicom'},
    )


def read(root, role):
    return pd.read_csv(root / f'mimic-cxr-2.0.0-{role}.csv.gz')


def test_columns_are_the_release_s(small):
    assert list(read(small, 'metadata')) == list(METADATA)
    assert list(read(small, 'split')) == ['dicom_id', 'study_id', 'subject_id', 'split']
    for labeler in ('chexpert', 'negbio'):
        assert list(read(small, labeler)) == [*IDS, *sorted(CHEXPERT)]
    test = pd.read_csv(small / 'mimic-cxr-2.1.0-test-set-labeled.csv')
    assert list(test) == ['study_id', *TEST_LABELS]
    assert TEST_LABELS.index('Airspace Opacity') == LABELS.index('Lung Opacity')


def test_films_lie_where_the_release_has_them(small, dicom):
    pattern = r'files/p1\d/p1\d{7}/s5\d{7}/[0-9a-f]{8}(-[0-9a-f]{8}){4}\.'
    for root, suffix in ((small, 'jpg'), (dicom, 'dcm')):
        metadata = read(root, 'metadata')
        wanted = {
            f'files/p{str(row.subject_id)[:2]}/p{row.subject_id}/s{row.study_id}/'
            f'{row.dicom_id}.{suffix}'
            for row in metadata.itertuples()
        }
        films = {p.relative_to(root).as_posix() for p in root.rglob(f'*.{suffix}')}
        assert films == wanted
        assert all(re.fullmatch(pattern + suffix, name) for name in films)


def test_studies_views_and_split(small):
    metadata, split = read(small, 'metadata'), read(small, 'split')
    assert metadata['dicom_id'].is_unique
    assert {'PA', 'AP', 'LATERAL'} <= set(metadata['ViewPosition'].dropna())
    assert metadata['ViewPosition'].isna().any()
    by_part = split.groupby('split')['study_id'].nunique().to_dict()
    assert by_part == {'train': 24, 'validate': 6, 'test': 10}
    assert (split.groupby('subject_id')['split'].nunique() == 1).all()
    assert split.groupby('subject_id')['study_id'].nunique().max() > 1
    assert set(split['dicom_id']) == set(metadata['dicom_id'])


def test_labels_have_every_kind_of_cell(small):
    chexpert, negbio = (read(small, name) for name in ('chexpert', 'negbio'))
    assert chexpert[IDS].equals(negbio[IDS])
    assert not chexpert[[*LABELS]].equals(negbio[[*LABELS]])
    cells = chexpert[[*LABELS]].to_numpy()
    assert {-1.0, 0.0, 1.0} == set(np.unique(cells[~np.isnan(cells)]))
    assert np.isnan(cells).mean() > 0.5
    test = pd.read_csv(small / 'mimic-cxr-2.1.0-test-set-labeled.csv')
    assert 0 < len(test) < 10
    split = read(small, 'split').set_index('study_id')['split']
    assert (split.loc[test['study_id']] == 'test').all()


def test_sizes_are_the_films(small, dicom):
    for row in read(small, 'metadata').itertuples():
        path = next(small.rglob(f'{row.dicom_id}.jpg'))
        film = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert film.shape == (row.Rows, row.Columns)
        assert film.std() > 10
    row = next(read(dicom, 'metadata').itertuples())
    image = read_image(next(dicom.rglob(f'{row.dicom_id}.dcm')))
    assert image.pixels.shape[:2] == (row.Rows, row.Columns)


def test_same_arguments_same_bytes(small, tmp_path):
    again = write_mimic_cxr(tmp_path / 'again', workers=2, **OPTIONS)
    for path in small.rglob('*'):
        if path.is_file():
            assert (again / path.relative_to(small)).read_bytes() == path.read_bytes()
    assert write_mimic_cxr(small, **OPTIONS) == small  # kept as it is
    with pytest.raises(ValueError, match='holds a phantom made with other arguments'):
        write_mimic_cxr(small, **{**OPTIONS, 'seed': 2})


@pytest.mark.parametrize(
    ('more', 'message'),
    [
        ({'n_train': 0}, 'n_train must be at least 1, got 0'),
        ({'n_test': 0}, 'n_test must be at least 1, got 0'),
        ({'form': 'png'}, "form must be one of .*, got 'png'"),
        ({'size_px': 20}, 'at least 96 px'),
    ],
    ids=['train', 'test', 'form', 'size'],
)
def test_arguments(tmp_path, more, message):
    with pytest.raises(ValueError, match=message):
        write_mimic_cxr(tmp_path / 'm', **{**NUMBERS, **more})
    assert not (tmp_path / 'm').exists()


def test_the_data_set_reads_it(small, tmp_path):
    from mmlung.datasets import ChestClassificationDataset

    assert convert(['mimic-cxr', '--root', f'{small}', '--out', f'{tmp_path}/d']) == 0
    films = ChestClassificationDataset(ann_file=f'{tmp_path}/d/train.json')
    assert films.metainfo['classes'] == CHEXPERT
    frontal = read(small, 'metadata').merge(read(small, 'split'))
    frontal = frontal[frontal['ViewPosition'].isin(['PA', 'AP'])]
    assert len(films) == (frontal['split'] == 'train').sum()
    scores = np.array([film['gt_score'] for film in films])
    assert np.isnan(scores).any()
    assert set(np.unique(scores[~np.isnan(scores)])) == {0.0, 1.0}


@pytest.mark.slow
def test_the_classifier_trains_on_it(small, tmp_path):
    from mmlung.cli import main

    data, work_dir = tmp_path / 'data', tmp_path / 'work'
    assert main(['convert', 'mimic-cxr', '--root', str(small), '--out', str(data)]) == 0
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
