import json

import pytest

from data_converters.classification import classification_object
from data_converters.coco import coco_object
from data_converters.records import Box
from data_converters.records import ImageRecord

NAN = float('nan')
RECORDS = [
    ImageRecord('h', 'train/a weird name.x.png', (30, 20), labels=(0.0, NAN)),
    ImageRecord(
        's',
        's.dicom',
        (300, 200),
        boxes=(
            Box('Nodule/Mass', (1.5, 2.25, 4.0, 8.0), ('R8', 'R10')),
            Box('ILD', (0, 0, 200, 300)),
        ),
        labels=(1.0, 1.0),
        votes=(2, None),
        n_readers=3,
        patient_id='007',
        study_id='1',
        view='PA',
        sex='F',
        age=61,
        spacing=(0.14, 0.15),
        row=7,
        original_size_hw=(3000, 2000),
    ),
]
FINDINGS = ('ILD', 'Nodule/Mass', 'Hernia')


def test_every_field_of_a_coco_object():
    assert coco_object(RECORDS, FINDINGS, {'dataset': 'x'}) == {
        'info': {'dataset': 'x'},
        'images': [
            {
                'id': 1,
                'file_name': 'train/a weird name.x.png',
                'height': 30,
                'width': 20,
                'image_id': 'h',
                'gt_score': [0, None],
            },
            {
                'id': 2,
                'file_name': 's.dicom',
                'height': 300,
                'width': 200,
                'image_id': 's',
                'patient_id': '007',
                'study_id': '1',
                'view': 'PA',
                'sex': 'F',
                'age': 61,
                'spacing': [0.14, 0.15],
                'row': 7,
                'gt_score': [1, 1],
                'label_votes': [2, None],
                'n_readers': 3,
                'original_size_hw': [3000, 2000],
            },
        ],
        'annotations': [
            {
                'id': 1,
                'image_id': 2,
                'category_id': 2,
                'bbox': [1.5, 2.25, 2.5, 5.75],
                'area': 14.375,
                'iscrowd': 0,
                'readers': ['R8', 'R10'],
                'votes': 2,
            },
            {
                'id': 2,
                'image_id': 2,
                'category_id': 1,
                'bbox': [0, 0, 200, 300],
                'area': 60000,
                'iscrowd': 0,
            },
        ],
        'categories': [
            {'id': 1, 'name': 'ILD', 'supercategory': 'finding'},
            {'id': 2, 'name': 'Nodule/Mass', 'supercategory': 'finding'},
            {'id': 3, 'name': 'Hernia', 'supercategory': 'finding'},
        ],
    }


def test_pycocotools_reads_it(tmp_path):
    coco_module = pytest.importorskip('pycocotools.coco')
    path = tmp_path / 'train.json'
    path.write_text(json.dumps(coco_object(RECORDS, FINDINGS, {}), allow_nan=False))
    coco = coco_module.COCO(path)
    assert coco.getImgIds() == [1, 2]
    assert coco.getAnnIds(imgIds=[2]) == [1, 2]


def test_coco_needs_a_size():
    with pytest.raises(ValueError, match='image a needs a size'):
        coco_object([ImageRecord('a', 'a.png')], FINDINGS, {})


def test_classification_object():
    result = classification_object(RECORDS, ('A', 'B'), {'dataset': 'x'})
    assert result['metainfo'] == {'classes': ['A', 'B'], 'dataset': 'x'}
    first, second = result['data_list']
    assert first == {
        'img_path': 'train/a weird name.x.png',
        'image_id': 'h',
        'gt_score': [0, None],
        'height': 30,
        'width': 20,
    }
    assert second['patient_id'] == '007'
    json.dumps(result, allow_nan=False)
