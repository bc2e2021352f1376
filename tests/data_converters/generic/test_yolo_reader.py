import os
import re
from pathlib import Path

import pytest
from PIL import Image

from data_converters.generic.yolo_labels import label_path

ROW = '0 0.5 0.5 0.25 0.5\n'
YAML = 'path: .\ntrain: images/train\nval: images/val\nnames: [Mass, Nodule]\n'


@pytest.fixture
def make(tmp_path):
    """Images of 40 x 20 with their label texts (None: no file), and a data.yaml."""

    def run(labels, yaml=YAML):
        root = tmp_path / 'yolo set'
        for name, text in labels.items():
            image = root / 'images' / name
            image.parent.mkdir(parents=True, exist_ok=True)
            Image.new('L', (40, 20)).save(image)
            if text is not None:
                label = label_path(image)
                label.parent.mkdir(parents=True, exist_ok=True)
                label.write_text(text)
        (root / 'data.yaml').write_text(yaml)
        return root / 'data.yaml'

    return run


def test_empty_absent_outlines_and_orphans(make, convert):
    outline = '1 0.1 0.2 0.5 0.25 0.3 0.9\n'
    data = make(
        {
            'train/a.b.png': ROW + '\n' + outline,
            'train/deep/a.b.png': '',
            'train/c.jpg': None,
            'val/a.b.png': '1.0 0.5 0.5 1 1\n',
        }
    )
    orphan = data.parent / 'labels/train/gone.txt'
    orphan.write_text(ROW)
    got = convert('yolo', '--data', data)
    names = ['train/a.b.png', 'train/c.jpg', 'train/deep/a.b.png']
    assert list(got.images('train')) == names
    boxes = [a['bbox'] for a in got['train']['annotations']]
    assert boxes[0] == pytest.approx([15, 5, 10, 10])
    assert boxes[1] == pytest.approx([4, 4, 16, 14])
    assert got['val']['annotations'][0]['bbox'] == [0, 0, 40, 20]
    assert got['val']['info']['split_family'] == 'given'
    counts = got.report['counts']
    assert counts['images with an empty label file'] == 1
    assert counts['images without a label file, taken as without a finding'] == 1
    assert counts['outlines, of which the box is kept'] == 1
    assert counts['label files without an image, left out'] == 1
    assert counts['films without a box'] == 2
    before = got['train']['info']['label_sha256']
    (data.parent / 'labels/val/a.b.txt').write_text('')
    after = convert('yolo', '--data', data)['train']['info']['label_sha256']
    assert before != after


@pytest.mark.parametrize(
    'yaml',
    [
        'train: images/train\nval: images/val\nnames: {0: Mass, 1: Nodule}\nnc: 2',
        'train: ../images/train\nvalid: [../images/val]\nnames: [Mass, Nodule]',
        'path: no/such\ntrain: train.txt\nval: images/val/b.png\nnames: [Mass, Nodule]',
        'path: ../yolo set\ntrain: [train.txt, train.txt]\nval: images/val\n'
        'names:\n  0: Mass\n  1: Nodule',
    ],
    ids=['map', 'roboflow', 'lists', 'path'],
)
def test_every_way_to_name_images(make, convert, yaml):
    data = make({'train/a.png': ROW, 'val/b.png': ROW * 2}, yaml)
    (data.parent / 'train.txt').write_text('./images/train/a.png\n\n')
    got = convert('yolo', '--data', data)
    assert list(got.images('train', 'val')) == ['train/a.png', 'val/b.png']
    assert len(got['val']['annotations']) == 2


def test_without_val_the_training_films_are_split(make, convert):
    labels = {f'train/{i}_{j}.png': ROW for i in range(4) for j in range(2)}
    data = make(labels, 'train: images/train\nnames: [Mass]\n')
    pattern = ('--patient-pattern', r'^(\d)', '--val-fraction', 0.25)
    got = convert('yolo', '--data', data, *pattern)
    assert (len(got['train']['images']), len(got['val']['images'])) == (6, 2)
    assert got['val']['info']['split_family'] == 'random-patient'


def test_rounding_at_the_border_is_no_clipping(make, convert):
    """Six decimals, as most tools write, put a box a hair over the border."""
    thirds = '0 0.833333 0.166667 0.333333 0.333333\n0 0.166666 0.5 0.333333 1.000000\n'
    got = convert('yolo', '--data', make({'train/a.png': thirds, 'val/b.png': ''}))
    assert got.report['n_clipped'] == 0
    assert got['train']['annotations'][1]['bbox'][0] == 0


@pytest.mark.parametrize(
    ('row', 'message'),
    [
        ('0 0.5 0.5 0.1', "must be 'class cx cy w h'.* got 4 numbers"),
        ('0 .5 .5 .1 .1 .9', r'got 6 numbers \(the sixth may be the score'),
        ('0 .5 .5 .1 x', 'must be numbers'),
        ('0 .5 .5 .1 nan', 'must be numbers'),
        ('2 .5 .5 .1 .1', r'class 2 is none of data.yaml \(0 Mass, 1 Nodule\)'),
        ('0.5 .5 .5 .1 .1', r'class 0.5 is none of'),
        ('0 20 10 5 5', 'must be shares of the image, 0 to 1, .* are these pixels'),
        ('0 .5 .5 -.1 .1', 'negative width'),
        ('0 .1 .1 .2 .2 .3 .3 .4', 'got 8 numbers'),
    ],
    ids=['short', 'score', 'text', 'nan', 'class', 'half', 'pixels', 'neg', 'odd'],
)
def test_a_malformed_row_stops_with_file_and_line(make, refuse, convert, row, message):
    data = make({'train/a.png': ROW + '\n' + row + '\n' + ROW, 'val/b.png': ''})
    error = refuse('yolo', '--data', data)
    where = rf'labels/train/a\.txt row 3: .*{message}'
    assert re.search(where, error), error
    got = convert('yolo', '--data', data, '--drop-invalid')
    assert (got.report['boxes_in'], got.report['boxes_out']) == (3, 2)
    assert got.report['dropped'][0]['line'] == 3


@pytest.mark.parametrize(
    ('yaml', 'message'),
    [
        ('[1, 2]', "must have 'names' and 'train'"),
        ('names: [a', 'is no readable YAML'),
        ('names: [a]', 'names no images'),
        ('names: {x: a}\ntrain: images', 'names must be a list or 0: name'),
        ('names: [a]\nnc: 2\ntrain: images', 'nc is 2, but names has 1'),
        ('names: [a]\ntrain: nowhere', "train: 'nowhere' is not there; looked for"),
        ('names: [a]\ntrain: list.txt', r"list\.txt row 2: image 'x.png' is not there"),
        ('names: [a]\ntrain: images\nval: images', 'is in two splits'),
    ],
    ids=['list', 'broken', 'empty', 'names', 'nc', 'place', 'listed', 'two-splits'],
)
def test_a_wrong_data_yaml_says_what(make, refuse, yaml, message):
    data = make({'train/a.png': ROW}, yaml)
    (data.parent / 'list.txt').write_text('./images/train/a.png\nx.png\n')
    error = refuse('yolo', '--data', data)
    assert re.search(message, error), error


def test_one_label_file_for_two_images_is_an_error(make, refuse):
    data = make({'train/a.png': ROW, 'train/a.jpg': ROW, 'val/b.png': ''})
    assert 'has the label file of another image' in refuse('yolo', '--data', data)


def test_no_label_file_at_all_is_an_error(make, refuse):
    data = make({'train/a.png': None, 'val/b.png': None})
    assert 'none of its 2 images has a label file' in refuse('yolo', '--data', data)


@pytest.mark.parametrize(
    'image',
    [
        '/d/images/train/a.b.png',
        '/d/images/train/images/x.png',
        '/d/no/x.tar.jpg',
        '/d/images/stem',
    ],
    ids=['usual', 'twice', 'beside', 'no-ending'],
)
def test_labels_lie_where_ultralytics_looks(image):
    """The rule as Ultralytics' documentation of img2label_paths states it."""
    images, labels = f'{os.sep}images{os.sep}', f'{os.sep}labels{os.sep}'
    rule = labels.join(image.rsplit(images, 1)).rsplit('.', 1)[0] + '.txt'
    assert str(label_path(Path(image))) == rule


def test_labelformat_loses_rows_that_we_report(make):
    """Why the reader is our own: rows and films go with no more than a log line."""
    module = pytest.importorskip('labelformat.formats.yolov8')
    outline = '1 0.1 0.2 0.5 0.25 0.3 0.9\n'
    data = make({'train/a.png': ROW + outline + '0 x\n', 'train/b.png': None})
    reader = module.YOLOv8ObjectDetectionInput(data, 'train')
    labels = list(reader.get_labels())
    assert [len(label.objects) for label in labels] == [1]
