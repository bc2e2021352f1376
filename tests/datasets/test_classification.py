import gzip
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


MODEL = ['Effusion', 'Mass', 'Lung Opacity']
OTHER_SET = ('Pleural Effusion', 'Lung Opacity', 'Nodule', 'Edema')


@pytest.fixture
def other_set(tmp_path, write_classification_data):
    return write_classification_data(tmp_path / 'other', OTHER_SET, n=4)


def test_only_what_means_the_same_is_mapped(other_set, said):
    labels = dataset(other_set)
    data = dataset(other_set, MODEL, map_findings='auto')
    assert data.metainfo['classes'] == MODEL
    assert data.metainfo['findings_map'] == {
        'shared': {'Effusion': ['Pleural Effusion']},
        'not_labelled_by_the_data': ['Mass', 'Lung Opacity'],
        'not_a_finding_of_the_model': ['Lung Opacity', 'Nodule', 'Edema'],
    }
    for index in range(4):
        expected = [labels.get_data_info(index)['gt_score'][0], np.nan, np.nan]
        np.testing.assert_array_equal(
            data.get_data_info(index)['gt_score'], np.array(expected, np.float32)
        )
    assert 'Effusion = Pleural Effusion' in said[-1]
    assert 'not labelled, so unknown: Mass, Lung Opacity' in said[-1]


def test_a_union_is_present_if_any_is_and_unknown_unless_all_are_known():
    pairs = [(a, b) for a in (1, 0, np.nan) for b in (1, 0, np.nan)]
    np.testing.assert_array_equal(
        classification._union(np.array(pairs, np.float32)),
        [1, 1, 1, 1, 0, np.nan, 1, np.nan, np.nan],
    )


def test_explicit_pairs_and_unions(other_set):
    pairs = {'Mass': ['Nodule', 'Edema'], 'Lung Opacity': 'Lung Opacity'}
    data = dataset(other_set, MODEL, map_findings=pairs)
    assert data.metainfo['findings_map']['not_labelled_by_the_data'] == ['Effusion']
    for index in range(4):
        whole = dataset(other_set).get_data_info(index)['gt_score']
        score = data.get_data_info(index)['gt_score']
        assert np.isnan(score[0])
        np.testing.assert_array_equal(
            score[1:2], classification._union(whole[None, 2:])
        )
        np.testing.assert_array_equal(score[2], whole[1])


def test_the_same_set_under_auto_is_as_strict_reads_it(folder):
    strict = dataset(folder, list(FINDINGS))
    mapped = dataset(folder, list(FINDINGS), map_findings='auto')
    for index in range(4):
        np.testing.assert_array_equal(
            strict.get_data_info(index)['gt_score'],
            mapped.get_data_info(index)['gt_score'],
        )
    assert 'findings_map' not in strict.metainfo


def test_nothing_shared_is_refused(other_set):
    with pytest.raises(ValueError, match='share no finding'):
        dataset(other_set, ['Hernia'], map_findings='auto')


@pytest.fixture
def official(tmp_path, shared_data, monkeypatch):
    """A test part that claims to be official, with all names of the real list."""
    monkeypatch.setattr(classification, 'check_films', lambda *_: None)
    path = shared_data / 'nih' / 'test_list.txt.gz'
    names = gzip.decompress(path.read_bytes()).decode().split()
    items = [{'img_path': f'images/{n}', 'gt_score': [0]} for n in names]

    def write(family='official', keep=slice(None), **info):
        metainfo = {
            'classes': ['Mass'],
            'dataset': 'chestxray14',
            'images_root': '.',
            'split': 'test',
            'split_family': family,
        }
        content = {'metainfo': metainfo | info, 'data_list': items[keep]}
        (tmp_path / 'train.json').write_text(json.dumps(content), encoding='utf-8')
        return tmp_path

    return write


def test_the_official_list_is_known_by_its_films(official, said):
    data = dataset(official())
    assert data.metainfo['split_family'] == 'official'
    assert said == []
    assert dataset(official('subset')).metainfo['split_family'] == 'official'
    assert "'official' by the 25,596 films that are read, 'subset'" in said[-1]


def test_an_edited_file_or_a_part_is_not_official(official, said):
    edited = dataset(official(keep=slice(1, None)))
    assert edited.metainfo['split_family'] == 'official-incomplete'
    assert "'official-incomplete' by the 25,595 films" in said[-1]
    part = dataset(official(), indices=100)
    assert part.metainfo['split_family'] == 'subset'
    whole = dataset(official())
    assert whole.get_subset(100).metainfo['split_family'] == 'subset'
    assert whole.metainfo['split_family'] == 'official'


def test_other_parts_and_sets_are_what_the_file_says(official):
    keep = slice(0, 10)
    for info in ({'split': 'train'}, {'dataset': 'vindr'}):
        data = dataset(official(keep=keep, **info))
        assert data.metainfo['split_family'] == 'official'
