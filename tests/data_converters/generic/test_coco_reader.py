import json
import re

import pytest

CATEGORIES = [{'id': 3, 'name': 'Mass'}, {'id': 90, 'name': 'Nodule '}]
IMAGES = [
    {'id': 'a1', 'file_name': 'train2017/a.png', 'width': 60, 'height': 50},
    {'id': 7, 'file_name': 'b.png', 'width': 60.0, 'height': 50},
]
BOX = {'id': 5, 'image_id': 7, 'category_id': 90, 'bbox': [1.25, 2, 3.5, 4]}


def content(**changes):
    base = {'images': IMAGES, 'annotations': [BOX], 'categories': CATEGORIES}
    return {k: v for k, v in {**base, **changes}.items() if v is not None}


@pytest.fixture
def write(tmp_path):
    def run(data, name='boxes.json'):
        path = tmp_path / 'given' / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(data if isinstance(data, str) else json.dumps(data))
        return path

    return run


def test_gaps_floats_outlines_and_crowds(write, convert):
    outline = {**BOX, 'segmentation': [[1, 2, 3, 4, 5, 6]], 'iscrowd': 1}
    path = write(content(annotations=[BOX, outline, {**BOX, 'bbox': [0, 0, 0, 5]}]))
    got = convert('coco', '--annotations', path, '--no-images', '--val-fraction', 0)
    data = got['train']
    assert [c['name'] for c in data['categories']] == ['Mass', 'Nodule']
    assert [i['file_name'] for i in data['images']] == ['train2017/a.png', 'b.png']
    assert [a['bbox'] for a in data['annotations']] == [[1.25, 2, 3.5, 4]] * 2
    assert [a['iscrowd'] for a in data['annotations']] == [0, 1]
    assert {a['category_id'] for a in data['annotations']} == {2}
    counts = got.report['counts']
    assert counts['annotations with an outline, of which the box is kept'] == 1
    assert counts['crowd regions (iscrowd)'] == 1
    assert counts['films without a box'] == 1
    assert (got.report['boxes_in'], got.report['boxes_out']) == (3, 2)
    assert got.report['dropped'][0]['line'] == 3
    assert 'has no area' in got.report['dropped'][0]['reason']


def test_files_of_splits(write, convert):
    def one(name):
        return write(content(images=[{**IMAGES[1], 'file_name': name}]), f'{name}.json')

    got = convert(
        'coco', '--no-images', '--annotations', one('a'), one('b'),
        '--val-annotations', one('c'), '--test-annotations', one('d'),
    )  # fmt: skip
    names = {s: list(got.images(s)) for s in ('train', 'val', 'test')}
    assert names == {'train': ['a', 'b'], 'val': ['c'], 'test': ['d']}
    families = [got[s]['info']['split_family'] for s in names]
    assert families == ['random-image', 'given', 'given']
    assert got['val']['info']['label_files'] == [f'{n}.json' for n in 'abcd']


def test_a_file_without_annotations_is_unlabelled_films(write, convert):
    got = convert(
        'coco', '--test-annotations', write(content(annotations=None)), '--no-images',
        '--annotations', write(content(images=[{**IMAGES[0], 'file_name': 'z'}],
                                       annotations=[]), 'z.json'),
    )  # fmt: skip
    assert len(got['test']['images']) == 2
    assert got['test']['info']['ground_truth'] is None
    assert got['train']['info']['ground_truth'] == 'given'


@pytest.mark.parametrize(
    ('data', 'message'),
    [
        ('[{"image_id": 1}]', r'boxes\.json: is a list, as COCO results'),
        ('{"images": [', r'boxes\.json: is no readable JSON'),
        ({'data_list': []}, 'image-level labels without boxes'),
        (content(categories=None), "has no list 'categories'"),
        (content(categories=[{'id': 1}]), 'category without id and name'),
        (
            content(categories=[*CATEGORIES, {'id': 3, 'name': 'x'}]),
            "category id 3 is 'Mass' and 'x'",
        ),
        (content(images=[{'id': 7}]), r'images\[0\] must have id and file_name'),
        (content(images=[IMAGES[1]] * 2), 'image id 7 is there twice: b.png and b.png'),
        (
            content(images=[IMAGES[1], {**IMAGES[1], 'id': 8}]),
            "1 images are there more than once .first: 'b.png'",
        ),
        (
            content(images=[{**IMAGES[1], 'width': 0.5}]),
            'must have a width and a height in whole pixels, got 0.5 x 50',
        ),
        (
            content(images=[{'id': 7, 'file_name': 'b.png'}]),
            'does not give the size of 1 of 1 images .*--images',
        ),
        (
            content(annotations=[BOX, {**BOX, 'image_id': 9}]),
            r'boxes\.json row 2: of annotations: image_id 9 is none of the images',
        ),
        (
            content(annotations=[{**BOX, 'category_id': 4}]),
            r'category_id 4 is none of the categories \(3 Mass, 90 Nodule\)',
        ),
        (content(annotations=[{**BOX, 'image_id': [7]}]), 'must be numbers or names'),
        (
            content(annotations=[{**BOX, 'bbox': [1, 2, 3]}]),
            r'bbox must be \[x, y, width, height\] in pixels, got \[1, 2, 3\]',
        ),
        (content(annotations=[{**BOX, 'bbox': [1, 2, float('nan'), 1]}]), 'bbox must'),
        (content(annotations=[{**BOX, 'bbox': [1, 2, -3, 1]}]), 'negative width'),
        (
            content(annotations=[{**BOX, 'bbox': [30, 2, 90, 10]}]),
            r'boxes\.json row 1: box \(30, 2, 120, 12\) leaves its image of 60 x 50',
        ),
        (content(info={'image_classes': ['A']},
                 images=[{**IMAGES[1], 'gt_score': [1, 0]}]), 'gt_score has 2 labels'),
    ],
    ids=[
        'results', 'broken', 'labels', 'no-categories', 'category', 'category-twice',
        'image', 'image-twice', 'name-twice', 'size', 'no-size', 'no-image',
        'no-category', 'unhashable', 'short-box', 'nan', 'negative', 'outside',
        'scores',
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(write, refuse, data, message):
    path = write(data)
    error = refuse('coco', '--annotations', path, '--no-images')
    assert re.search(message, error), error


def test_drop_invalid_leaves_rows_out_and_says_which(write, convert):
    wrong = [{**BOX, 'image_id': 9}, {**BOX, 'category_id': 4}, {**BOX, 'bbox': None}]
    got = convert(
        'coco', '--annotations', write(content(annotations=[*wrong, BOX])),
        '--no-images', '--drop-invalid', '--val-fraction', 0,
    )  # fmt: skip
    assert (got.report['boxes_in'], got.report['boxes_out']) == (4, 1)
    assert [entry['line'] for entry in got.report['dropped']] == [1, 2, 3]


def test_without_images_it_asks_for_them(write, refuse):
    error = refuse('coco', '--annotations', write(content()))
    assert 'Name their folder with --images, or pass --no-images' in error
    lost = {'images_root': '../gone', 'split': 'train'}
    error = refuse('coco', '--annotations', write(content(info=lost)))
    assert 'no such folder of images. Name it with --images' in error


def test_resized_images_scale_the_boxes(write, convert, tmp_path):
    from PIL import Image

    (tmp_path / 'given').mkdir()
    for name in ('a', 'b'):
        Image.new('L', (30, 100)).save(tmp_path / 'given' / f'{name}.jpg')
    path = write(content())
    got = convert(
        'coco', '--annotations', path, '--images', path.parent, '--val-fraction', 0
    )
    image = got['train']['images'][1]
    assert (image['file_name'], image['width'], image['height']) == ('b.jpg', 30, 100)
    assert image['original_size_hw'] == [50, 60]
    assert got['train']['annotations'][0]['bbox'] == [0.625, 4, 1.75, 8]
    name = 'images of another size than annotated, boxes scaled'
    assert got.report['counts'][name] == 2


def test_exchanged_sides_are_an_error(write, refuse, tmp_path):
    from PIL import Image

    (tmp_path / 'given').mkdir()
    for name in ('a', 'b'):
        Image.new('L', (50, 60)).save(tmp_path / 'given' / f'{name}.png')
    path = write(content())
    error = refuse('coco', '--annotations', path, '--images', path.parent)
    assert 'as 60 x 50 (width x height), and the file is 50 x 60' in error


@pytest.mark.parametrize(
    ('name', 'n_boxes', 'n_films', 'without'),
    [('chestxdet13', 499, 191, 39), ('rsna_opacity', 347, 795, 562)],
)
def test_real_files(shared_data, convert, name, n_boxes, n_films, without):
    nih = shared_data / 'nih'
    got = convert(
        'coco', '--annotations', nih / f'coco_{name}.json', '--images', nih / 'images',
        '--patient-pattern', r'^(\d+)_',
    )  # fmt: skip
    assert got.report['images'] == n_films
    assert got.report['boxes_in'] == got.report['boxes_out'] == n_boxes
    assert got.report['n_clipped'] == got.report['n_dropped'] == 0
    assert got.report['counts']['films without a box'] == without
