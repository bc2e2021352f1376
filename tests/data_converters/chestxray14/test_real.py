import gzip
import itertools
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
from ..nih_download import stems_of

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

    assert films['00000013_024']['spacing'] == [0.336, 0.4102]  # of 2500 x 2048, 0.168
    assert all(min(film['spacing']) > 0.1 for film in films.values())
    assert sorted(film['row'] for film in films.values()) == list(range(2, 112122))


@pytest.fixture
def convert_real(xrv_data, tmp_path):
    """Convert the real label file and boxes without films, in this process."""

    def run(*options):
        return convert(xrv_data, tmp_path / 'out', '--no-images', *options)

    return run


@pytest.fixture(scope='module')
def lists(shared_data):
    folder = shared_data / 'nih'
    return [
        *('--train-val-list', str(folder / 'train_val_list.txt.gz')),
        *('--test-list', str(folder / 'test_list.txt.gz')),
    ]


def per_finding(parts, *names):
    """Films with each finding in some files together, as the report counts them."""
    rows = {part['file']: part['per_finding'] for part in parts}
    return [sum(rows[f'{n}.json'][f] for n in names) for f in CHESTXRAY14]


def test_real_val_list(convert_real, shared_data, lists, tmp_path):
    """Every eighth film, as a cut by film has it: it tears 6,528 patients apart."""
    packed = (shared_data / 'nih' / 'train_val_list.txt.gz').read_bytes()
    names = gzip.decompress(packed).decode().split()
    path = tmp_path / 'val_list.txt'
    path.write_text('\n'.join(names[7::8]))
    parts = convert_real(*lists, '--val-list', str(path))
    assert {family(parts[name]) for name in CLASSIFICATION} == {'official'}
    assert stems_of(parts['val']) == {name[:12] for name in names[7::8]}
    assert len(parts['train']['data_list']) == 86524 - 10815
    assert names_sha256(stems_of(parts['test'])) == OFFICIAL_SHA256['test_list']
    report = parts['conversion_report']
    both = per_finding(report['parts'], 'train', 'val')
    assert both == [TABLE_OF_COUNTS[name][1] for name in CHESTXRAY14]
    torn = {name[:8] for name in names[7::8]}
    torn &= {name[:8] for i, name in enumerate(names) if i % 8 != 7}
    assert report['counts'] == {'patients in both train and val': len(torn)}
    (warning,) = report['warnings']
    assert 'tears 6,528 patients apart' in warning


def test_real_random_split(convert_real):
    parts = convert_real('--split', 'random')
    sizes = [len(parts[name]['data_list']) for name in CLASSIFICATION]
    assert sizes == [78484, 11212, 22424]
    groups = [patients_of(parts[name]) for name in CLASSIFICATION]
    assert len(set.union(*groups)) == sum(map(len, groups)) == 30805
    report = parts.pop('conversion_report')
    assert {family(part) for part in parts.values()} == {'random'}
    whole = per_finding(report['parts'], *CLASSIFICATION)
    assert whole == [TABLE_OF_COUNTS[name][0] for name in CHESTXRAY14]
    held = per_finding(report['parts'], 'test')
    assert held == pytest.approx([n / 5 for n in whole], abs=2)


def test_real_folds(convert_real, lists, tmp_path):
    """Inside the train_val list; the official test stays test in each of them."""
    report = convert_real(*lists, '--folds', '2')['conversion_report']
    parts = report['parts']
    for k in range(2):
        folder = f'fold_{k}'
        both = per_finding(parts, f'{folder}/train', f'{folder}/val')
        assert both == [TABLE_OF_COUNTS[name][1] for name in CHESTXRAY14]
        test = per_finding(parts, f'{folder}/test')
        assert test == [TABLE_OF_COUNTS[name][2] for name in CHESTXRAY14]
        val = per_finding(parts, f'{folder}/val')
        assert val == pytest.approx([n / 2 for n in both], abs=2)
    families = {(p['task'], p['split_family']) for p in parts}
    assert families == {('classification', 'official'), ('detection', 'subset')}
    assert (report['images'], report['boxes_out']) == (112120, 984)
    vals = [
        (tmp_path / 'out' / f'fold_{k}' / 'val_list.txt').read_text().split()
        for k in range(2)
    ]
    assert len(set(itertools.chain(*vals))) == sum(map(len, vals)) == 86524
    patients = [{name[:8] for name in val} for val in vals]
    assert sum(map(len, patients)) == 28008


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


def test_folds_of_real_films(shared_data, tmp_path):
    """No official lists apply: every film is in the test part of one fold."""
    out = tmp_path / 'out'
    convert(shared_data / 'nih', out, '--folds', '5')
    held, boxed = [], []
    for k in range(5):
        parts = {
            name: json.loads((out / f'fold_{k}' / f'{name}.json').read_text())
            for name in (*CLASSIFICATION, *DETECTION)
        }
        assert {family(part) for part in parts.values()} == {'subset'}
        groups = [
            patients_of(parts[name]) | patients_of(parts[f'boxes_{name}'])
            for name in CLASSIFICATION
        ]
        assert sum(map(len, groups)) == 1844
        assert stems_of(parts['boxes_test']) <= stems_of(parts['test'])
        score = np.array([film['gt_score'] for film in parts['test']['data_list']])
        assert score.sum(axis=0).min() >= 5, 'a finding that no AUC can be told of'
        held += stems_of(parts['test'])
        boxed += stems_of(parts['boxes_test'])
    assert len(held) == len(set(held)) == 2804
    assert len(boxed) == len(set(boxed)) == 699
