import json

import numpy as np
import pytest

from mmlung.datasets import classification
from mmlung.datasets.classification import ChestClassificationDataset
from mmlung.registry import DATASETS

FINDINGS = ('Mass', 'Nodule', 'Edema', 'Hernia')


@pytest.fixture
def folder(tmp_path, write_classification_data):
    return write_classification_data(tmp_path, FINDINGS, n=4)


@pytest.fixture
def content(folder):
    return json.loads((folder / 'train.json').read_text('utf-8'))


@pytest.fixture
def said(monkeypatch):
    lines = []
    monkeypatch.setattr(classification, 'say', lines.append)
    return lines


def dataset(folder, findings=None, **kwargs):
    metainfo = None if findings is None else {'classes': findings}
    return ChestClassificationDataset(
        ann_file='train.json', data_root=str(folder), metainfo=metainfo, **kwargs
    )


def test_gives_what_the_file_says_with_nan_for_null(folder, content):
    data = dataset(folder)
    assert len(data) == 4
    assert data.metainfo['classes'] == FINDINGS
    for index, item in enumerate(content['data_list']):
        entry = data.get_data_info(index)
        assert entry['img_path'] == str(folder / 'films' / item['img_path'])
        assert entry['file_name'] == item['img_path']
        assert entry['patient_id'] == item['patient_id']
        assert entry['gt_score'].dtype == np.float32
        expected = [np.nan if v is None else v for v in item['gt_score']]
        np.testing.assert_array_equal(entry['gt_score'], expected)


def test_findings_are_matched_by_name(folder, said):
    whole = dataset(folder)
    part = dataset(folder, ['Hernia', 'Mass'])
    assert part.metainfo['classes'] == ['Hernia', 'Mass']
    for index in range(4):
        expected = whole.get_data_info(index)['gt_score'][[3, 0]]
        np.testing.assert_array_equal(part.get_data_info(index)['gt_score'], expected)
    assert said == [f'{folder}/train.json: findings the model lacks: Nodule, Edema']


def test_the_head_of_the_file_is_kept_and_the_findings_are_the_models(folder):
    meta = dataset(folder, ['Edema']).metainfo
    assert meta['classes'] == ['Edema']
    assert meta['split_family'] == 'subset'


def test_other_keys_of_an_item_travel(folder, content):
    content['data_list'][0] |= {'view': 'PA', 'age': 61}
    (folder / 'train.json').write_text(json.dumps(content), encoding='utf-8')
    entry = dataset(folder).get_data_info(0)
    assert (entry['view'], entry['age']) == ('PA', 61)


def test_a_file_without_films_is_refused(folder, content):
    content['data_list'] = []
    (folder / 'train.json').write_text(json.dumps(content), encoding='utf-8')
    with pytest.raises(ValueError, match=r'train\.json lists no films'):
        dataset(folder)


def test_messages(folder, tmp_path_factory, write_detection_data):
    other = write_detection_data(tmp_path_factory.mktemp('boxes'), FINDINGS)
    with pytest.raises(
        ValueError, match='the keys metainfo, data_list, got info, images'
    ):
        dataset(other)
    with pytest.raises(ValueError, match='does not label: Fibrosis'):
        dataset(folder, ['Fibrosis'])
    with pytest.raises(FileNotFoundError, match=r'images folder \S*absent'):
        dataset(folder, images_root=str(folder / 'absent'))
    with pytest.raises(FileNotFoundError, match='`mmlung convert chestxray14 --help`'):
        DATASETS.build(
            {
                'type': 'mmlung.ChestClassificationDataset',
                'ann_file': 'absent.json',
                'data_root': str(folder),
                'converter': 'chestxray14',
            }
        )
    (folder / 'films' / '0-0.png').unlink()
    with pytest.raises(FileNotFoundError, match='1 of 4 films'):
        dataset(folder)
