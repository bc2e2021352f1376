import json

import numpy as np
import pytest
from pycocotools.coco import COCO

from mmlung.datasets import detection
from mmlung.datasets.detection import ChestDetectionDataset
from mmlung.findings import VINDR_KAGGLE
from mmlung.registry import DATASETS

FINDINGS = ('Mass', 'Nodule', 'Edema')


@pytest.fixture
def folder(tmp_path, write_detection_data):
    return write_detection_data(tmp_path, FINDINGS, n=5)


@pytest.fixture
def said(monkeypatch):
    lines = []
    monkeypatch.setattr(detection, 'say', lines.append)
    return lines


def dataset(folder, findings=None, **kwargs):
    metainfo = None if findings is None else {'classes': findings}
    return ChestDetectionDataset(
        ann_file='train.json', data_root=str(folder), metainfo=metainfo, **kwargs
    )


def edit(folder, change):
    path = folder / 'train.json'
    content = json.loads(path.read_text('utf-8'))
    change(content)
    path.write_text(json.dumps(content), encoding='utf-8')


@pytest.mark.parametrize('test_mode', [False, True], ids=['train', 'test'])
def test_agrees_with_pycocotools(folder, test_mode):
    coco = COCO(folder / 'train.json')
    data = dataset(folder, test_mode=test_mode)
    assert len(data) == len(coco.getImgIds()) == 5
    for index, image in enumerate(coco.loadImgs(coco.getImgIds())):
        entry = data.get_data_info(index)
        assert entry['img_id'] == image['id']
        assert entry['img_path'] == str(folder / 'films' / image['file_name'])
        assert entry['file_name'] == image['file_name']
        assert (entry['height'], entry['width']) == (image['height'], image['width'])
        assert entry['patient_id'] == image['patient_id']
        expected = coco.loadAnns(coco.getAnnIds(image['id']))
        assert len(entry['instances']) == len(expected)
        for instance, annotation in zip(entry['instances'], expected, strict=True):
            x, y, w, h = annotation['bbox']
            assert instance['bbox'] == [x, y, x + w, y + h]
            name = FINDINGS[instance['bbox_label']]
            assert coco.loadCats(annotation['category_id'])[0]['name'] == name
            assert instance['ignore_flag'] == 0


def test_healthy_films_and_tiny_boxes_stay(folder):
    def shrink(content):
        content['annotations'][0]['bbox'] = [3.25, 4.5, 0.4, 0.5]

    edit(folder, shrink)
    data = dataset(folder, filter_cfg={'filter_empty_gt': True, 'min_size': 32})
    assert len(data) == 5
    assert data.get_data_info(0)['instances'] == []
    assert data.get_data_info(1)['instances'][0]['bbox'] == [3.25, 4.5, 3.65, 5.0]


def test_labels_follow_names_whatever_the_order(folder):
    plain = dataset(folder)
    turned = dataset(folder, FINDINGS[::-1])
    assert plain.metainfo['classes'] == FINDINGS
    assert turned.metainfo['classes'] == FINDINGS[::-1]
    for index in range(5):
        labels = [
            [i['bbox_label'] for i in data.get_data_info(index)['instances']]
            for data in (plain, turned)
        ]
        assert labels[0] == [2 - label for label in labels[1]]


def test_other_findings_are_left_out_and_counted(folder, said):
    data = dataset(folder, ['Nodule'])
    n_boxes = sum(len(data.get_data_info(i)['instances']) for i in range(5))
    assert n_boxes == 3
    assert len(data) == 5
    assert said == [
        f'{folder}/train.json: boxes of findings the model lacks: Mass 3, Edema 2'
    ]


def test_nothing_is_said_when_nothing_is_left_out(folder, said):
    dataset(folder)
    assert said == []


def test_a_crowd_is_ignored_not_dropped(folder):
    def mark(content):
        content['annotations'][0]['iscrowd'] = 1

    edit(folder, mark)
    assert dataset(folder).get_data_info(1)['instances'][0]['ignore_flag'] == 1


def test_the_head_of_the_file_is_kept(folder):
    meta = dataset(folder, FINDINGS).metainfo
    assert meta['dataset'] == 'tiny'
    assert meta['split'] == 'train'
    assert meta['ground_truth'] == 'drawn'


def test_image_labels_travel_with_nan_for_unknown(folder):
    def label(content):
        content['info']['image_classes'] = ['Mass', 'COPD']
        content['images'][0]['gt_score'] = [1, None]

    edit(folder, label)
    data = dataset(folder)
    np.testing.assert_array_equal(
        data.get_data_info(0)['gt_score'], np.array([1, np.nan], dtype=np.float32)
    )
    assert 'gt_score' not in data.get_data_info(1)
    assert data.metainfo['image_classes'] == ['Mass', 'COPD']


def test_a_release_without_patients_has_none(folder):
    def forget(content):
        for image in content['images']:
            del image['patient_id']

    edit(folder, forget)
    assert dataset(folder).get_data_info(0)['patient_id'] is None


def test_a_plain_coco_file_needs_only_the_folder(folder):
    edit(folder, lambda content: content.pop('info'))
    with pytest.raises(ValueError, match='records no images_root'):
        dataset(folder)
    assert len(dataset(folder, images_root=str(folder / 'films'))) == 5


def test_is_registered_and_names_its_converter(folder):
    with pytest.raises(FileNotFoundError, match='`mmlung convert vindr --help`'):
        DATASETS.build(
            {
                'type': 'mmlung.ChestDetectionDataset',
                'ann_file': 'absent.json',
                'data_root': str(folder),
                'converter': 'vindr',
            }
        )


def test_a_finding_that_the_file_lacks_stops(folder):
    with pytest.raises(ValueError, match='does not label: Hernia'):
        dataset(folder, ['Mass', 'Hernia'])


def test_a_file_without_boxes_stops(tmp_path, write_classification_data):
    with pytest.raises(
        ValueError, match='the keys images, categories, got metainfo, d'
    ):
        dataset(write_classification_data(tmp_path, FINDINGS))


def test_missing_films_stop(folder):
    (folder / 'films' / '0-1.png').unlink()
    with pytest.raises(FileNotFoundError, match=r'1 of 5 films.*0-1\.png'):
        dataset(folder)


def test_the_files_of_the_vindr_converter_have_all_14(tmp_path, write_detection_data):
    write_detection_data(tmp_path, VINDR_KAGGLE, n=3)
    assert dataset(tmp_path, list(VINDR_KAGGLE)).metainfo['classes'] == [*VINDR_KAGGLE]


def test_crowd_regions_are_trained_with_and_not_tested_on(folder):
    """A metric would count what is detected there as false."""

    def mark(content):
        content['annotations'][0]['iscrowd'] = 1

    edit(folder, mark)
    entries = [dataset(folder).get_data_info(i) for i in range(5)]
    flags = [box['ignore_flag'] for entry in entries for box in entry['instances']]
    assert sum(flags) == 1
    with pytest.raises(ValueError, match=r'train\.json: 1 boxes are crowd regions'):
        dataset(folder, test_mode=True)
    with pytest.raises(ValueError, match='neither as true nor as false'):
        dataset(folder, test_mode=True)
