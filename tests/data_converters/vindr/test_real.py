"""The real VinBigData table with the true sizes of its 15,000 films."""

import os
import subprocess
import sys
from collections import Counter
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from data_converters.__main__ import main
from data_converters.tables import read_table
from mmlung.boxes import fuse_boxes

from ..converted import Converted
from ..converted import children_seconds

# class: boxes, films by any reader, films by at least two
COUNTS = {
    'Aortic enlargement': (7162, 3067, 2346),
    'Atelectasis': (279, 186, 62),
    'Calcification': (960, 452, 177),
    'Cardiomegaly': (5427, 2300, 1817),
    'Consolidation': (556, 353, 121),
    'ILD': (1000, 386, 152),
    'Infiltration': (1247, 613, 245),
    'Lung Opacity': (2483, 1322, 547),
    'Nodule/Mass': (2580, 826, 405),
    'Other lesion': (2203, 1134, 362),
    'Pleural effusion': (2476, 1032, 634),
    'Pleural thickening': (4842, 1981, 882),
    'Pneumothorax': (226, 96, 58),
    'Pulmonary fibrosis': (4655, 1617, 1017),
}

UNION = ('--readers', 'union')


@pytest.fixture(scope='module')
def inputs(xrv_data, shared_data):
    return SimpleNamespace(
        annotations=xrv_data / 'vinbigdata-train.csv.gz',
        sizes=shared_data / 'vinbigdata' / 'train_meta.csv.gz',
    )


@pytest.fixture(scope='module')
def run(inputs, tmp_path_factory):
    """Convert with one choice of options, once, as a process of its own."""
    done = {}

    def run(*options):
        if options not in done:
            out = tmp_path_factory.mktemp('real') / 'out'
            args = ['vindr', '--annotations', inputs.annotations, '--out', out]
            args += ['--image-sizes', inputs.sizes, '--val-fraction', 0.1, *options]
            start = children_seconds()
            subprocess.run(
                [sys.executable, '-m', 'data_converters', *map(str, args)],
                cwd=Path(main.__code__.co_filename).parent.parent,
                env={**os.environ, 'OMP_NUM_THREADS': '1'},
                check=True,
                capture_output=True,
            )
            done[options] = Converted(out)
            done[options].seconds = children_seconds() - start
        return done[options]

    return run


def test_nothing_is_lost(run, inputs):
    files = run(*UNION)
    report = files.report
    assert report['rows_read'] == 67_914
    assert report['inputs'][1]['rows'] == 15_000
    assert (report['images'], report['healthy_images']) == (15_000, 10_606)
    assert (report['boxes_in'], report['boxes_out']) == (36_096, 36_096)
    assert not report['clipped'] + report['dropped'] + report['warnings']
    frame = read_table(inputs.annotations).frame.query("class_name != 'No finding'")
    columns = ['image_id', 'class_name', 'rad_id', 'x_min', 'y_min', 'x_max', 'y_max']
    expected = sorted(
        (image, name, tuple(map(float, corners)), (reader,))
        for image, name, reader, *corners in frame[columns].itertuples(index=False)
    )
    assert files.all_boxes('train', 'val') == expected


def test_true_sizes(run, inputs):
    sizes = read_table(inputs.sizes).frame.set_index('image_id')
    images = run(*UNION).images('train', 'val')
    assert len(images) == len(sizes) == 15_000
    for image_id, height, width in sizes.itertuples():
        image = images[image_id]
        assert (image['height'], image['width']) == (int(height), int(width))


def test_counts_of_every_finding(run):
    files = run(*UNION)
    classes = files['train']['info']['image_classes']
    images = files.images('train', 'val').values()
    votes = np.array([image['label_votes'] for image in images])
    label = np.array([image['gt_score'] for image in images])
    boxes = Counter(finding for _, finding, *_ in files.all_boxes('train', 'val'))
    for name, (n_boxes, any_reader, two_readers) in COUNTS.items():
        at = classes.index(name)
        assert boxes[name] == n_boxes
        assert (votes[:, at] >= 1).sum() == any_reader == label[:, at].sum()
        assert (votes[:, at] >= 2).sum() == two_readers
    assert {image['n_readers'] for image in images} == {3}
    assert (votes[:, classes.index('No finding')] == 3).sum() == 10_606


def test_fusion(run):
    """23,940 when boxes are taken in file order (test below); ours sorts them first."""
    files = run()
    boxes = files.all_boxes('train', 'val')
    assert files.report['boxes_out'] == len(boxes) == 23_899
    votes = Counter(len(readers) for *_, readers in boxes)
    assert votes == {1: 15_736, 2: 4_130, 3: 4_033}
    assert len(files.images('train', 'val')) == 15_000
    before = {(i, f) for i, f, *_ in run(*UNION).all_boxes('train', 'val')}
    assert {(i, f) for i, f, *_ in boxes} == before


def test_boxes_and_labels_of_two_readers(run):
    files, fused = run('--min-votes', 2), run()
    boxes = files.all_boxes('train', 'val')
    every = fused.all_boxes('train', 'val')
    assert boxes == [box for box in every if len(box[-1]) >= 2]
    assert len(boxes) == 8_163
    assert files.report['counts'] == {
        'fused boxes of fewer than 2 readers, left out': 15_736,
        'films whose boxes are all of fewer than 2 readers': 237,
    }
    classes = files['train']['info']['image_classes']
    images = files.images('train', 'val').values()
    positive = np.array([image['gt_score'] for image in images]).sum(axis=0)
    for name, (_, _, two_readers) in COUNTS.items():
        assert positive[classes.index(name)] == two_readers
    assert len(images) == 15_000


def test_majority_is_two_votes(run):
    assert run('--readers', 'majority')['val'] == run('--min-votes', 2)['val']


def test_agreement_of_the_readers(run):
    """Every box stands once as its reader's; healthy films have nothing to compare."""
    found = run().report['reader_agreement']
    assert (found['films'], found['films_with_boxes']) == (15_000, 4_394)
    for name, (n_boxes, *_) in COUNTS.items():
        assert found['per_finding'][name]['boxes'] == n_boxes
    heart, thickening = (
        found['per_finding'][n]['mIoU'] for n in ('Cardiomegaly', 'Pleural thickening')
    )
    assert (heart, thickening) == pytest.approx((0.565, 0.153), abs=0.001)
    assert found['per_reader']['R8']['films'] == 6_582


def test_folds(run):
    files = run('--folds', '5', '--no-agreement')
    held = [set(files.images(f'fold_{k}/val')) for k in range(5)]
    assert sum(map(len, held)) == len(set.union(*held)) == 15_000
    votes = np.array(
        [
            np.sum(
                [
                    np.array(image['label_votes']) > 0
                    for image in files.images(f'fold_{k}/val').values()
                ],
                axis=0,
            )
            for k in range(5)
        ]
    )
    np.testing.assert_allclose(votes / votes.sum(axis=0), 0.2, atol=0.01)


def test_fusion_in_file_order_gives_the_published_count(inputs):
    frame = read_table(inputs.annotations).frame.query("class_name != 'No finding'")
    groups = defaultdict(list)
    for image, name, _, reader, *corners in frame.itertuples(index=False):
        groups[image, name].append((reader, [float(c) for c in corners]))
    support = Counter()
    for members in groups.values():
        xyxy = np.array([corners for _, corners in members])
        fused, joined = fuse_boxes(xyxy, np.ones(len(xyxy)), 0.5)
        for k in range(len(fused)):
            support[len({members[i][0] for i in np.flatnonzero(joined == k)})] += 1
    assert support == {1: 15_777, 2: 4_172, 3: 3_991}


def test_fusion_agrees_with_ensemble_boxes(inputs):
    """The library sorts equal scores backwards, so it gets the boxes backwards."""
    library = pytest.importorskip('ensemble_boxes')
    frame = read_table(inputs.annotations).frame.query("class_name != 'No finding'")
    groups = defaultdict(list)
    for image, name, *_, x1, y1, x2, y2 in frame.itertuples(index=False):
        groups[image, name].append([float(x1), float(y1), float(x2), float(y2)])
    for corners in list(groups.values())[::20]:
        xyxy = np.array(corners)
        ours, _ = fuse_boxes(xyxy, np.ones(len(xyxy)), 0.5)
        theirs, *_ = library.weighted_boxes_fusion(
            [xyxy[::-1] / 4096],
            [np.ones(len(xyxy))],
            [np.zeros(len(xyxy))],
            iou_thr=0.5,
        )
        assert len(ours) == len(theirs)
        order, other = (np.lexsort(b.round(2).T) for b in (ours, theirs * 4096))
        np.testing.assert_allclose(ours[order], theirs[other] * 4096, atol=0.01)


def test_split_is_stratified(run):
    files = run(*UNION)
    train, val = files.images('train'), files.images('val')
    assert not set(train) & set(val)
    assert len(val) == pytest.approx(1500, abs=15)
    votes = {
        name: np.array([i['label_votes'] for i in part.values()]) > 0
        for name, part in (('train', train), ('val', val))
    }
    total = votes['train'].sum(axis=0) + votes['val'].sum(axis=0)
    np.testing.assert_allclose(votes['val'].sum(axis=0) / total, 0.1, atol=0.01)
    assert (files.out / 'val_list.txt').read_text().split() == list(val)


def test_split_does_not_depend_on_the_readers_option(run):
    assert set(run(*UNION).images('val')) == set(run().images('val'))


def test_exchanged_height_and_width_are_noticed(inputs, refuse, tmp_path):
    frame = read_table(inputs.sizes).frame
    frame.columns = ['image_id', 'dim1', 'dim0']
    frame.to_csv(tmp_path / 'sizes.csv', index=False)
    error = refuse(
        *('vindr', '--annotations', inputs.annotations),
        *('--image-sizes', tmp_path / 'sizes.csv'),
    )
    assert 'wrong image sizes' in error
    assert 'of 36,096 boxes' in error


def test_takes_seconds(run):
    """As a whole process, on one core."""
    assert run(*UNION).seconds < 6
