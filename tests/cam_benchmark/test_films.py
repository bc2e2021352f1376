"""Films with boxes read back, and films that a model was trained on refused."""

import json

import numpy as np
import pytest
import torch

from mmlung.cam_benchmark.films import BoxedFilm
from mmlung.cam_benchmark.films import check_unseen
from mmlung.cam_benchmark.films import read_boxed_films
from mmlung.cam_benchmark.films import trained_on


def coco(root, **changes):
    return {
        'info': {'images_root': str(root), 'split': 'test'},
        'images': [
            {'id': 1, 'file_name': 'a.png', 'height': 8, 'width': 10},
            {'id': 2, 'file_name': 'healthy.png', 'height': 8, 'width': 10},
            {'id': 3, 'file_name': 'b.png', 'height': 8, 'width': 10}
            | {'patient_id': '7'},
        ],
        'annotations': [
            {'id': 1, 'image_id': 1, 'category_id': 2, 'bbox': [1, 2, 3, 4]},
            {'id': 2, 'image_id': 1, 'category_id': 1, 'bbox': [0, 0, 1, 1]},
            {'id': 3, 'image_id': 1, 'category_id': 2, 'bbox': [5, 5, 2, 2]},
            {'id': 4, 'image_id': 3, 'category_id': 1, 'bbox': [0, 0, 1, 1]},
        ],
        'categories': [{'id': 1, 'name': 'Mass'}, {'id': 2, 'name': 'Nodule'}],
    } | changes


def write(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_boxes_are_gathered_by_film_and_finding(tmp_path):
    (tmp_path / 'a.png').touch()
    films, info = read_boxed_films(write(tmp_path / 'boxes.json', coco(tmp_path)))
    assert [film.name for film in films] == ['a.png', 'b.png']
    assert films[0].boxes['Nodule'].tolist() == [[1, 2, 4, 6], [5, 5, 7, 7]]
    assert films[0].boxes['Mass'].tolist() == [[0, 0, 1, 1]]
    assert [film.cluster for film in films] == ['image a.png', 'patient 7']
    assert films[0].size_hw == (8, 10)
    assert info['split'] == 'test'


def test_images_root_wins_over_the_file(tmp_path):
    path = write(tmp_path / 'boxes.json', coco('/gone'))
    folder = tmp_path / 'films here'
    folder.mkdir()
    (folder / 'a.png').touch()
    assert read_boxed_films(path, folder)[0][0].path == folder / 'a.png'
    with pytest.raises(
        FileNotFoundError, match=r'a\.png does not exist; --images-root'
    ):
        read_boxed_films(path)


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ('{', 'is no JSON'),
        ('[]', 'must hold a JSON object, got list'),
        ({'images': []}, "is no COCO file of boxes: it lacks 'categories'"),
        (coco('x', annotations=[]), 'has no box'),
        (
            coco('x', images=[{'id': 1, 'file_name': 'a.png', 'width': 10}]),
            r'boxes\.json: image a\.png has no height',
        ),
        (coco('x', images=[{'id': 1, 'height': 8}]), 'image 1 has no file_name'),
        (
            coco('x', annotations=[{'image_id': 1, 'category_id': 1, 'bbox': [1, 2]}]),
            'is no COCO file of boxes: not enough values',
        ),
    ],
    ids=['broken', 'list', 'no coco', 'no box', 'no height', 'no name', 'half a box'],
)
def test_messages(tmp_path, content, message):
    with pytest.raises(ValueError, match=message):
        read_boxed_films(write(tmp_path / 'boxes.json', content))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'boxes\.json does not exist'):
        read_boxed_films(tmp_path / 'boxes.json')


def film(name='a.png', patient='7'):
    return BoxedFilm(name, name, (8, 8), patient, {'Mass': np.array([[0, 0, 1, 1.0]])})


@pytest.mark.parametrize(
    ('entry', 'message'),
    [
        ({'img_path': 'sub/a.jpg', 'patient_id': '9'}, '1 films with boxes are in'),
        (
            {'img_path': 'c.png', 'patient_id': '7'},
            '1 films with boxes are of patients',
        ),
    ],
    ids=['film', 'patient'],
)
def test_seen_films_are_refused(tmp_path, entry, message):
    path = write(tmp_path / 'train.json', {'data_list': [entry]})
    with pytest.raises(ValueError, match=message):
        check_unseen([film('x.png', '1'), film()], [path])


@pytest.mark.parametrize(
    ('entry', 'message'),
    [
        ({'file_name': 'sub/a.dicom'}, '1 films with boxes are in'),
        ({'img_path': 'a.png'}, '1 films with boxes are in'),
        ({'file_name': 'c.dicom', 'patient_id': '7'}, 'are of patients in'),
    ],
    ids=['film', 'img_path', 'patient'],
)
def test_films_seen_by_a_detector_are_refused(tmp_path, entry, message):
    content = {'images': [entry], 'annotations': [], 'categories': []}
    path = write(tmp_path / 'train.json', content)
    with pytest.raises(ValueError, match=message):
        check_unseen([film()], [path])
    check_unseen([film('x.png', '1')], [path])


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ({'info': {}}, r'train\.json lists no films: .* found info'),
        ({'images': [{'id': 1}]}, r'train\.json has a film without img_path'),
    ],
    ids=['no films', 'no name'],
)
def test_training_files_of_no_known_form(tmp_path, content, message):
    path = write(tmp_path / 'train.json', content)
    with pytest.raises(ValueError, match=message):
        check_unseen([film()], [path])


def test_unseen_films_pass(tmp_path):
    entries = [{'img_path': 'c.png', 'patient_id': None}, {'img_path': 'd.png'}]
    path = write(tmp_path / 'train.json', {'data_list': entries})
    check_unseen([film(), film('b.png', None)], [path])


def test_training_files_come_from_the_checkpoint(tmp_path):
    write(tmp_path / 'train.json', {'data_list': []})
    cfg = f'a = dict(b=1)\ndata_root = {str(tmp_path)!r}\nraise SystemExit(1)\n'
    path = tmp_path / 'best.pth'
    torch.save({'state_dict': {}, 'meta': {'cfg': cfg}}, path)
    assert trained_on(path) == [tmp_path / 'train.json']


@pytest.mark.parametrize('cfg', ['', 'data_root = (', 'data_root = None', 'x = 1'])
def test_a_checkpoint_may_not_say(tmp_path, cfg):
    path = tmp_path / 'best.pth'
    torch.save({'state_dict': {}, 'meta': {'cfg': cfg}}, path)
    assert trained_on(path) == []
