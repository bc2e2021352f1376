import json
import math
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import data_converters
from data_converters.chexpert.rows import read_films
from data_converters.report import Report
from mmlung.findings import CHEXPERT

from ..converted import children_seconds

PRESENT_ABSENT_UNCERTAIN = {  # cells of the whole train.csv
    'No Finding': (22381, 0, 0),
    'Enlarged Cardiomediastinum': (10798, 21638, 12403),
    'Cardiomegaly': (27000, 11116, 8087),
    'Lung Opacity': (105581, 6599, 5598),
    'Lung Lesion': (9186, 1270, 1488),
    'Edema': (52246, 20726, 12984),
    'Consolidation': (14783, 28097, 27742),
    'Pneumonia': (6039, 2799, 18770),
    'Atelectasis': (33376, 1328, 33739),
    'Pneumothorax': (19448, 56341, 3145),
    'Pleural Effusion': (86187, 35396, 11628),
    'Pleural Other': (3523, 316, 2653),
    'Fracture': (9040, 2512, 642),
    'Support Devices': (116001, 6137, 1079),
}


@pytest.fixture(scope='module')
def real(xrv_data, tmp_path_factory):
    """The real train.csv, converted as a process of its own: its files and seconds."""
    out = tmp_path_factory.mktemp('real') / 'out'
    command = [sys.executable, '-m', 'data_converters', 'chexpert', '--no-images']
    command += ['--root', xrv_data, '--out', out]
    start = children_seconds()
    subprocess.run(
        list(map(str, command)),
        capture_output=True,
        check=True,
        cwd=Path(data_converters.__file__).parent.parent,
        env={**os.environ, 'PYTHONDONTWRITEBYTECODE': '1'},
    )
    seconds = children_seconds() - start
    parts = {path.stem: json.loads(path.read_text()) for path in out.glob('*.json')}
    return parts, seconds


def test_cells_of_the_real_table(xrv_data):
    films = read_films(xrv_data / 'chexpert_train.csv.gz', 'train', Report())
    found = {
        name: tuple(int((cells == value).sum()) for value in (1, 0, -1))
        for name, cells in zip(CHEXPERT, films.cells.T, strict=True)
    }
    assert found == PRESENT_ABSENT_UNCERTAIN
    assert len(films) == 223_414
    assert len({*films.patient}) == 64_540
    assert len({*zip(films.patient, films.study, strict=True)}) == 187_641
    views = {'AP': 161_590, 'PA': 29_420, 'LL': 16, 'RL': 1, 'LATERAL': 32_387}
    assert Counter(films.view) == views
    assert Counter(films.sex) == {'M': 132_636, 'F': 90_777, None: 1}
    ages = [age for age in films.age if age is not None]
    assert (len(ages), min(ages), max(ages)) == (223_411, 18, 90)
    assert int(np.isnan(films.cells).all(axis=1).sum()) == 12
    assert films.folder == 'CheXpert-v1.0-small/train/'


def test_frontal_films_by_default(real):
    parts, seconds = real
    assert seconds < 15  # 6 s on an idle core
    assert parts.keys() == {'train', 'val', 'conversion_report'}
    films = [e for name in ('train', 'val') for e in parts[name]['data_list']]
    assert len(films) == len({e['image_id'] for e in films}) == 161_590 + 29_420
    assert Counter(e['view'] for e in films) == {'AP': 161_590, 'PA': 29_420}
    assert {parts[name]['metainfo']['split_family'] for name in ('train', 'val')} == {
        'official'
    }
    report = parts['conversion_report']
    assert report['release'] == 'CheXpert-v1.0-small'
    start = 'films of chexpert_train.csv.gz left out by --views frontal: '
    left_out = {'lateral': 32_387, 'frontal LL': 16, 'frontal RL': 1}
    assert {start + kind: n for kind, n in left_out.items()}.items() <= (
        report['counts'].items()
    )


def test_labels_add_up_to_what_the_report_says(real):
    parts, _ = real
    scores = np.array(
        [e['gt_score'] for name in ('train', 'val') for e in parts[name]['data_list']],
        dtype=float,
    )
    made = parts['conversion_report']['label_policy']['files']['chexpert_train.csv.gz']
    assert made['unlabelled_rows'] == int(np.isnan(scores).all(axis=1).sum()) == 11
    for name, column in zip(CHEXPERT, scores.T, strict=True):
        cells = made['findings'][name]
        assert (column == 1).sum() == cells['present']
        assert (column == 0).sum() == cells['absent'] + cells['blank']
        assert np.isnan(column).sum() == cells['uncertain'] + 11
    assert made['findings']['Edema']['present'] == 49_674


def test_patients_are_not_torn(real):
    parts, _ = real
    patients = [
        {e['patient_id'] for e in parts[name]['data_list']} for name in ('train', 'val')
    ]
    assert not patients[0] & patients[1]
    sizes = [len(parts[name]['data_list']) for name in ('train', 'val')]
    assert math.isclose(sizes[1] / sum(sizes), 0.1, abs_tol=0.015)
