import json

import numpy as np

from benchmarks import annotation_sources as sources

BOX = np.array([[10.0, 10, 30, 30]])
FAR = np.array([[60.0, 60, 80, 80]])


def test_an_unmatched_box_counts_zero():
    first = {'a': {'Nodule': np.vstack([BOX, FAR])}, 'b': {'Nodule': BOX}}
    second = {'a': {'Spot': BOX}, 'b': {}, 'c': {'Spot': BOX}}
    pair = sources.agreement(first, second, 'Nodule', 'Spot')
    assert (pair.films, pair.both, pair.boxes) == (2, 1, (2, 1))
    assert (pair.mean_iou, pair.hits40) == (0.5, 0.5)


def test_without_shared_films_agreement_is_undefined():
    pair = sources.agreement({'a': {'Mass': BOX}}, {'b': {}}, 'Mass', 'Mass')
    assert pair.films == 0
    assert np.isnan(pair.mean_iou)


def test_official_boxes_are_scaled_to_the_film(tmp_path):
    path = tmp_path / 'BBox_List_2017.csv'
    path.write_text(
        'Image Index,Finding Label,Bbox [x,y,w,h],,,\n'
        '1_0.png,Infiltrate,100.0,200.0,300.0,400.0\n'
    )
    boxes = sources.read_official(path, 512)
    assert boxes['1_0']['Infiltration'].tolist() == [[50, 100, 200, 300]]


def test_a_film_without_box_stays_a_film(tmp_path):
    path = tmp_path / 'coco.json'
    content = {
        'images': [{'id': 1, 'file_name': 'a.jpg'}, {'id': 2, 'file_name': 'b.jpg'}],
        'categories': [{'id': 5, 'name': 'Mass'}],
        'annotations': [{'image_id': 2, 'category_id': 5, 'bbox': [1, 2, 3, 4]}],
    }
    path.write_text(json.dumps(content))
    boxes = sources.read_coco(path)
    assert boxes['a'] == {}
    assert boxes['b']['Mass'].tolist() == [[1, 2, 4, 6]]


def test_the_shared_films_give_the_known_counts(shared_data, capsys):
    assert sources.main(['--data', str(shared_data / 'nih')]) == 0
    text = capsys.readouterr().out
    assert 'lie on 103 films that RSNA read too; on 50 of them' in text
    assert '61 films have official boxes and were read for ChestX-Det' in text


def test_a_missing_folder_is_one_line(tmp_path, capsys):
    assert sources.main(['--data', str(tmp_path / 'none')]) == 2
    assert 'is no folder; --data names the download' in capsys.readouterr().err
