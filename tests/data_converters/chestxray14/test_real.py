import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import data_converters
from data_converters.chestxray14.split import OFFICIAL_SHA256
from data_converters.chestxray14.split import names_sha256
from mmlung.findings import CHESTXRAY14
from mmlung.findings import CHESTXRAY14_BOXES

from ..converted import children_seconds
from ..nih_download import CLASSIFICATION
from ..nih_download import DETECTION
from ..nih_download import convert
from ..nih_download import family
from ..nih_download import patients_of

TABLE_OF_COUNTS = {  # of the v2020 file: in all, train_val, test
    'Infiltration': (19894, 13782, 6112),
    'Effusion': (13317, 8659, 4658),
    'Atelectasis': (11559, 8280, 3279),
    'Nodule': (6331, 4708, 1623),
    'Mass': (5782, 4034, 1748),
    'Pneumothorax': (5302, 2637, 2665),
    'Consolidation': (4667, 2852, 1815),
    'Pleural_Thickening': (3385, 2242, 1143),
    'Cardiomegaly': (2776, 1707, 1069),
    'Emphysema': (2516, 1423, 1093),
    'Edema': (2303, 1378, 925),
    'Fibrosis': (1686, 1251, 435),
    'Pneumonia': (1431, 876, 555),
    'Hernia': (227, 141, 86),
}


@pytest.fixture(scope='module')
def real(xrv_data, shared_data, tmp_path_factory):
    """The real label file, lists and boxes, converted as a process of its own."""
    out = tmp_path_factory.mktemp('real') / 'out'
    lists = shared_data / 'nih'
    command = [sys.executable, '-m', 'data_converters', 'chestxray14', '--no-images']
    command += ['--root', xrv_data, '--healthy', '500', '--out', out]
    command += ['--train-val-list', lists / 'train_val_list.txt.gz']
    command += ['--test-list', lists / 'test_list.txt.gz']
    start = children_seconds()
    repository = Path(data_converters.__file__).parent.parent
    done = subprocess.run(
        list(map(str, command)),
        capture_output=True,
        text=True,
        check=True,
        cwd=repository,
        env={**os.environ, 'PYTHONDONTWRITEBYTECODE': '1'},
    )
    seconds = children_seconds() - start
    parts = {path.stem: json.loads(path.read_text()) for path in out.glob('*.json')}
    return parts, done.stdout, seconds, out


def test_real_label_file_on_the_official_lists(real):
    parts, stdout, seconds, out = real
    assert seconds < 10  # 4 s on an idle core
    sizes = {name: len(parts[name]['data_list']) for name in CLASSIFICATION}
    assert sizes['test'] == 25596
    assert sizes['train'] + sizes['val'] == 86524
    assert sizes['val'] == pytest.approx(8652, abs=30)
    assert {family(parts[name]) for name in CLASSIFICATION} == {'official'}
    metainfo = parts['test']['metainfo']
    assert metainfo['classes'] == list(CHESTXRAY14)
    assert metainfo['dataset'] == 'chestxray14'
    assert metainfo['split'] == 'test'
    assert metainfo['release'] == 'Data_Entry_2017_v2020'
    assert metainfo['label_sha256'].startswith('dc1d2df67fdc1c5a')
    assert 'version v2020, 112,120 films, sha256 dc1d2df67fdc1c5a' in stdout
    names = (out / 'test_list.txt').read_text().split()
    assert names_sha256(names) == OFFICIAL_SHA256['test_list']


def test_real_label_counts(real):
    parts = real[0]
    count = {
        name: np.sum([film['gt_score'] for film in parts[name]['data_list']], axis=0)
        for name in CLASSIFICATION
    }
    train_val = count['train'] + count['val']
    for i, name in enumerate(CHESTXRAY14):
        found = (train_val[i] + count['test'][i], train_val[i], count['test'][i])
        assert found == TABLE_OF_COUNTS[name], name
    healthy = sum(not any(film['gt_score']) for film in parts['test']['data_list'])
    assert healthy == 9861


def test_real_patients_are_not_torn(real):
    parts = real[0]
    train, val, test = (patients_of(parts[name]) for name in CLASSIFICATION)
    assert len(train | val) == 28008
    assert len(test) == 2797
    assert not train & val
    assert not (train | val) & test
    boxes_train, boxes_val, boxes_test = (patients_of(parts[n]) for n in DETECTION)
    assert not boxes_train & boxes_val
    assert not (boxes_train | boxes_val) & boxes_test
    assert boxes_train | boxes_val | boxes_test <= test


def test_real_boxes(real):
    parts = real[0]
    boxes = [a for name in DETECTION for a in parts[name]['annotations']]
    counts = np.bincount([a['category_id'] for a in boxes])[1:]
    assert counts.tolist() == [180, 146, 153, 123, 85, 79, 120, 98]
    images = [image for name in DETECTION for image in parts[name]['images']]
    assert len(images) == 880 + 500
    assert {(i['height'], i['width']) for i in images} == {(1024, 1024)}
    for name in DETECTION:
        assert [c['name'] for c in parts[name]['categories']] == list(CHESTXRAY14_BOXES)
        assert family(parts[name]) == 'subset'
        assert 'asked for' in parts[name]['info']['note']
    shares = [len(parts[name]['annotations']) / 984 for name in DETECTION]
    assert shares == pytest.approx([0.72, 0.08, 0.2], abs=0.02)
    assert not parts['conversion_report']['warnings']
    assert parts['conversion_report']['boxes_in'] == 984


def test_real_metadata(real):
    films = {
        film['image_id']: film
        for name in CLASSIFICATION
        for film in real[0][name]['data_list']
    }
    first = films['00000001_000']
    assert (first['age'], first['sex'], first['view']) == (57, 'M', 'PA')
    assert first['patient_id'] == '1'
    assert sum(film['sex'] == 'M' for film in films.values()) == 63340
    assert sum(film['view'] == 'PA' for film in films.values()) == 67310
    assert {film['age'] for film in films.values()} <= set(range(96))


def test_real_lists_are_the_official_ones(shared_data):
    for role, sha256 in OFFICIAL_SHA256.items():
        packed = (shared_data / 'nih' / f'{role}.txt.gz').read_bytes()
        assert names_sha256(gzip.decompress(packed).decode().split()) == sha256


def test_real_films(shared_data, tmp_path):
    folder = shared_data / 'nih'
    out = tmp_path / 'out'
    parts = convert(folder, out, '--healthy', '300')
    films = [film for name in CLASSIFICATION for film in parts[name]['data_list']]
    assert len(films) == 2804
    assert len({film['patient_id'] for film in films}) == 1844
    assert len(parts['test']['data_list']) == pytest.approx(561, abs=3)
    assert {family(parts[name]) for name in CLASSIFICATION} == {'subset'}
    boxes = [a for name in DETECTION for a in parts[name]['annotations']]
    assert len(boxes) == 774
    images = [image for name in DETECTION for image in parts[name]['images']]
    assert len(images) == 699 + 300
    assert {(image['height'], image['width']) for image in images} == {(512, 512)}
    root = out / parts['boxes_test']['info']['images_root']
    assert all((root / image['file_name']).is_file() for image in images)
    # one split serves both tasks: no patient crosses over
    for name in CLASSIFICATION:
        other = [n for n in CLASSIFICATION if n != name]
        own = patients_of(parts[name]) | patients_of(parts[f'boxes_{name}'])
        for n in other:
            assert not own & (patients_of(parts[n]) | patients_of(parts[f'boxes_{n}']))
    (warning,) = parts['conversion_report']['warnings']
    assert 'only 2.5% of the 112,120 official films are there' in warning


def test_real_box_is_scaled_to_the_film(shared_data, tmp_path):
    parts = convert(shared_data / 'nih', tmp_path / 'out')
    bbox = next(
        annotation['bbox']
        for name in DETECTION
        for annotation in parts[name]['annotations']
        if parts[name]['images'][annotation['image_id'] - 1]['image_id']
        == '00014716_007'
    )
    release = [686.101694915254, 131.543498411017, 185.491525423729, 313.491525423729]
    assert bbox == pytest.approx([value / 2 for value in release])
