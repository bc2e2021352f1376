import gzip
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

import data_converters
from data_converters.__main__ import main
from data_converters.chestxray14_boxes import read_boxes
from data_converters.chestxray14_labels import parse_age
from data_converters.chestxray14_labels import read_labels
from data_converters.chestxray14_split import OFFICIAL_SHA256
from data_converters.chestxray14_split import names_sha256
from data_converters.records import AnnotationError
from data_converters.report import Report
from mmlung.findings import CHESTXRAY14
from mmlung.findings import CHESTXRAY14_BOXES

HEADER = (
    'Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,'
    'View Position,OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]'
)
N_BOXES = 21  # of the small download
BOX_HEADER = 'Image Index,Finding Label,Bbox [x,y,w,h],,,'
FINDINGS = ('Mass', 'Infiltration', 'Effusion', 'Hernia')
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


def row(name, labels, age='57', sex='M', view='PA', patient=None):
    patient = str(int(name.split('_')[0])) if patient is None else patient
    return f'{name},{labels},0,{patient},{age},{sex},{view},2682,2749,0.143,0.143'


def write(path, lines, newline='\n', end='\n'):
    path.write_bytes((newline.join(lines) + end).encode())
    return path


def draw(path, size_wh=(64, 64), value=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    film = np.full(size_wh[::-1], 90, dtype=np.uint8)
    film[0, 0] = value
    cv2.imwrite(str(path), film)


def patients(n, films_each=2):
    """Rows of a small label file: a few findings in turn, every third film healthy."""
    rows = []
    for patient in range(1, n + 1):
        for film in range(films_each):
            i = patient * films_each + film
            label = 'No Finding' if i % 3 == 0 else FINDINGS[i % len(FINDINGS)]
            rows.append(row(f'{patient:08d}_{film:03d}.png', label))
    return rows


@pytest.fixture
def nih(tmp_path):
    """A small download: 20 patients, 40 films of 64 px, boxes on 21 films."""
    root = tmp_path / 'chest x-ray 14'
    root.mkdir()
    rows = patients(20)
    write(root / 'Data_Entry_2017_v2020.csv', [HEADER, *rows])
    boxes = []
    for line in rows:
        name, label = line.split(',')[:2]
        draw(root / 'images' / name)
        if label in CHESTXRAY14_BOXES:
            label = 'Infiltrate' if label == 'Infiltration' else label
            boxes.append(f'{name},{label},256.0,128.0,512.0,256.0')
    write(root / 'BBox_List_2017.csv', [BOX_HEADER, *boxes])
    return root


@pytest.fixture
def official(monkeypatch, nih):
    """The small download with lists that count as the official ones."""
    stems = [line.split('.')[0] for line in patients(20)]
    lists = {'train_val_list': stems[:30], 'test_list': stems[30:]}
    for role, part in lists.items():
        write(nih / f'{role}.txt', [f'{stem}.png' for stem in part], end='')
        monkeypatch.setitem(OFFICIAL_SHA256, role, names_sha256(part))
    return nih


def convert(root, out, *options):
    assert main(['chestxray14', '--root', str(root), '--out', str(out), *options]) == 0
    return {
        path.stem: json.loads(path.read_text()) for path in sorted(out.glob('*.json'))
    }


def stems_of(part):
    films = part['images'] if 'images' in part else part['data_list']
    return {film['image_id'] for film in films}


def patients_of(part):
    films = part['images'] if 'images' in part else part['data_list']
    return {film['patient_id'] for film in films}


def family(part):
    return part.get('info', part.get('metainfo'))['split_family']


CLASSIFICATION = ('train', 'val', 'test')
DETECTION = ('boxes_train', 'boxes_val', 'boxes_test')


# ---------------------------------------------------------------- the real files


@pytest.fixture(scope='module')
def real(xrv_data, shared_data, tmp_path_factory):
    """The real label file, lists and boxes, converted as a process of its own."""
    out = tmp_path_factory.mktemp('real') / 'out'
    lists = shared_data / 'nih'
    command = [sys.executable, '-m', 'data_converters', 'chestxray14', '--no-images']
    command += ['--root', xrv_data, '--healthy', '500', '--out', out]
    command += ['--train-val-list', lists / 'train_val_list.txt.gz']
    command += ['--test-list', lists / 'test_list.txt.gz']
    start = time.perf_counter()
    repository = Path(data_converters.__file__).parent.parent
    done = subprocess.run(
        list(map(str, command)),
        capture_output=True,
        text=True,
        check=True,
        cwd=repository,
        env={**os.environ, 'PYTHONDONTWRITEBYTECODE': '1'},
    )
    seconds = time.perf_counter() - start
    parts = {path.stem: json.loads(path.read_text()) for path in out.glob('*.json')}
    return parts, done.stdout, seconds, out


def test_real_label_file_on_the_official_lists(real):
    parts, stdout, seconds, out = real
    assert seconds < 20  # 4 s on an idle core
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


# ---------------------------------------------------------------- the split


def test_official_lists_are_used_when_every_film_is_there(official, tmp_path):
    parts = convert(official, tmp_path / 'out')
    assert {family(parts[name]) for name in CLASSIFICATION} == {'official'}
    assert len(parts['test']['data_list']) == 10
    assert len(parts['train']['data_list']) + len(parts['val']['data_list']) == 30
    assert not patients_of(parts['train']) & patients_of(parts['val'])
    assert {family(parts[name]) for name in DETECTION if name in parts} == {'subset'}


def test_a_missing_film_makes_it_incomplete(official, tmp_path, monkeypatch):
    monkeypatch.setattr('data_converters.chestxray14_split.ENOUGH', 0.9)
    (official / 'images' / '00000002_001.png').unlink()
    parts = convert(official, tmp_path / 'out')
    assert {family(parts[name]) for name in CLASSIFICATION} == {'official-incomplete'}
    report = parts['conversion_report']
    assert report['counts']['films of the official lists that are not there'] == 1
    assert report['dropped'] == [
        {
            'file': 'official lists',
            'line': None,
            'reason': 'film 00000002_001 is not there',
        }
    ]


def test_an_unreadable_film_makes_it_incomplete(official, tmp_path, capsys):
    (official / 'images' / '00000002_001.png').write_bytes(b'\x89PNG\r\n\x1a\n cut')
    command = ['chestxray14', '--root', str(official), '--out', str(tmp_path / 'out')]
    assert main(command) == 2
    assert '1 of 40 images cannot be read' in capsys.readouterr().err
    parts = convert(official, tmp_path / 'out', '--drop-invalid')
    assert {family(parts[name]) for name in CLASSIFICATION} == {'official-incomplete'}
    assert sum(len(parts[name]['data_list']) for name in CLASSIFICATION) == 39


def test_too_few_films_make_a_subset(official, tmp_path):
    (official / 'images' / '00000002_001.png').unlink()
    parts = convert(official, tmp_path / 'out')
    assert {family(parts[name]) for name in CLASSIFICATION} == {'subset'}
    report = parts['conversion_report']
    assert report['warnings'] == [
        'only 97.5% of the 40 official films are there: they are split by patient '
        '("subset")'
    ]
    name = 'films of the label file without an image, left out'
    assert report['counts'][name] == 1


@pytest.mark.parametrize('change', ['missing', 'edited'])
def test_other_lists_make_a_subset(official, tmp_path, change):
    if change == 'missing':
        (official / 'test_list.txt').unlink()
        reason = 'no test_list.txt'
    else:
        write(official / 'test_list.txt', ['00000020_000.png'])
        reason = 'test_list.txt is not the official list (1 names, another sha256)'
    parts = convert(official, tmp_path / 'out', '--no-images')
    assert {family(parts[name]) for name in CLASSIFICATION} == {'subset'}
    (warning,) = parts['conversion_report']['warnings']
    assert warning.startswith(reason)


def test_line_ends_and_gzip_of_the_lists_do_not_matter(official, tmp_path):
    for role in OFFICIAL_SHA256:
        path = official / f'{role}.txt'
        names = path.read_text().split()
        packed = '\r\n'.join([*names[::-1], '']).encode()
        (official / f'{role}.txt.gz').write_bytes(gzip.compress(packed))
        path.unlink()
    parts = convert(official, tmp_path / 'out')
    assert family(parts['test']) == 'official'


def test_real_lists_are_the_official_ones(shared_data):
    for role, sha256 in OFFICIAL_SHA256.items():
        packed = (shared_data / 'nih' / f'{role}.txt.gz').read_bytes()
        assert names_sha256(gzip.decompress(packed).decode().split()) == sha256


def test_subset_is_by_patient_and_follows_the_seed(nih, tmp_path):
    first = convert(nih, tmp_path / 'a', '--test-fraction', '0.3')
    again = convert(nih, tmp_path / 'b', '--test-fraction', '0.3')
    other = convert(nih, tmp_path / 'c', '--test-fraction', '0.3', '--seed', '1')
    groups = [patients_of(first[name]) for name in CLASSIFICATION]
    assert len(set.union(*groups)) == sum(map(len, groups)) == 20
    assert 8 <= len(first['test']['data_list']) <= 14
    assert stems_of(first['test']) == stems_of(again['test'])
    assert stems_of(first['test']) != stems_of(other['test'])


def test_all_films_may_be_test(nih, tmp_path):
    parts = convert(nih, tmp_path / 'out', '--test-fraction', '1')
    assert {'test', 'boxes_test'} == set(parts) - {'conversion_report'}
    assert len(parts['test']['data_list']) == 40
    assert len(parts['boxes_test']['annotations']) == N_BOXES


@pytest.mark.parametrize('options', [[], ['--no-images']], ids=['films', 'no-images'])
def test_limit_takes_some_of_each_official_part(official, tmp_path, options):
    parts = convert(official, tmp_path / 'out', '--limit', '4', *options)
    assert {family(parts[name]) for name in CLASSIFICATION if name in parts} == {
        'subset'
    }
    assert len(parts['test']['data_list']) == 4
    others = [parts[name]['data_list'] for name in ('train', 'val') if name in parts]
    assert sum(map(len, others)) == 4
    boxed = [parts[name]['images'] for name in DETECTION if name in parts]
    assert sum(map(len, boxed)) == 4


def test_limit_of_a_subset(nih, tmp_path):
    parts = convert(nih, tmp_path / 'out', '--limit', '10')
    films = [parts[name]['data_list'] for name in CLASSIFICATION if name in parts]
    assert sum(map(len, films)) == 10


def test_a_patient_in_both_official_lists_stops(official, tmp_path, capsys):
    rows = patients(20)
    rows[-1] = row('00000020_001.png', 'Mass', patient='1')
    write(official / 'Data_Entry_2017_v2020.csv', [HEADER, *rows])
    command = ['chestxray14', '--root', str(official), '--out', str(tmp_path / 'out')]
    assert main(command) == 2
    assert '1 patients are in both official lists (first: 1)' in capsys.readouterr().err


# ---------------------------------------------------------------- healthy films


def test_healthy_films_spread_over_the_parts_by_patient(nih, tmp_path):
    options = ('--healthy', '10', '--test-fraction', '0.4', '--val-fraction', '0.2')
    parts = convert(nih, tmp_path / 'out', *options)
    healthy = {}
    for name in DETECTION:
        boxed = {a['image_id'] for a in parts[name]['annotations']}
        films = [i for i in parts[name]['images'] if i['id'] not in boxed]
        assert all(not any(film['gt_score']) for film in films)
        healthy[name] = [film['patient_id'] for film in films]
    assert sum(map(len, healthy.values())) == 10
    patients = {patient for part in healthy.values() for patient in part}
    assert len(patients) == 10  # a second film of a patient comes after all the first
    assert len(healthy['boxes_test']) in (3, 4, 5)
    groups = [patients_of(parts[name]) for name in DETECTION]
    assert len(set.union(*groups)) == sum(map(len, groups))


def test_more_healthy_films_than_there_are(nih, tmp_path):
    parts = convert(nih, tmp_path / 'out', '--healthy', '99')
    (warning,) = [w for w in parts['conversion_report']['warnings'] if 'health' in w]
    assert warning == '13 healthy films are there, --healthy asks 99'


def test_healthy_films_beside_the_official_lists_are_test_films(official, tmp_path):
    parts = convert(official, tmp_path / 'out', '--healthy', '3')
    healthy = {
        image['image_id']
        for name in DETECTION
        for image in parts.get(name, {'images': []})['images']
        if not any(image['gt_score'])
    }
    assert len(healthy) == 3
    assert healthy <= stems_of(parts['test'])


@pytest.mark.parametrize('number', ['-1', 'x'])
def test_healthy_must_be_a_number(nih, tmp_path, capsys, number):
    with pytest.raises(SystemExit):
        convert(nih, tmp_path / 'out', '--healthy', number)
    assert 'must be a whole number' in capsys.readouterr().err


def test_healthy_needs_the_box_file(nih, tmp_path, capsys):
    (nih / 'BBox_List_2017.csv').unlink()
    command = ['chestxray14', '--root', str(nih), '--out', str(tmp_path / 'out')]
    assert main([*command, '--healthy', '3']) == 2
    assert '--healthy needs BBox_List_2017.csv' in capsys.readouterr().err
    parts = convert(nih, tmp_path / 'out')
    assert set(parts) == {*CLASSIFICATION, 'conversion_report'}
    warnings = parts['conversion_report']['warnings']
    assert 'no BBox_List_2017.csv: boxes_*.json are not written' in warnings


# ---------------------------------------------------------------- the films


@pytest.mark.parametrize('layout', ['flat', 'kaggle', 'jpeg', 'mixed'])
def test_films_are_found_in_any_layout(nih, tmp_path, layout):
    films = sorted((nih / 'images').iterdir())
    for i, path in enumerate(films):
        folder = {
            'flat': nih,
            'kaggle': nih / f'images_{i % 12 + 1:03d}' / 'images',
            'jpeg': nih / 'images',
            'mixed': nih / ('images' if i % 2 else 'images_001'),
        }[layout]
        suffix = '.jpeg' if layout == 'jpeg' else '.png'
        folder.mkdir(parents=True, exist_ok=True)
        path.rename(folder / f'{path.stem}{suffix}')
    out = tmp_path / 'out'
    parts = convert(nih, out)
    root = out / parts['test']['metainfo']['images_root']
    names = [f['img_path'] for n in CLASSIFICATION for f in parts[n]['data_list']]
    assert len(names) == 40
    assert all((root / name).is_file() for name in names)


def test_a_film_twice_must_be_the_same(nih, tmp_path, capsys):
    draw(nih / 'images_001' / '00000001_000.png')
    assert len(convert(nih, tmp_path / 'a')['test']['data_list'])
    draw(nih / 'images_002' / '00000001_000.jpg', value=255)
    command = ['chestxray14', '--root', str(nih), '--out', str(tmp_path / 'b')]
    assert main(command) == 2
    assert 'two different images are called 00000001_000' in capsys.readouterr().err


def test_films_without_a_row_are_counted(nih, tmp_path):
    draw(nih / 'images' / '00000099_000.png')
    parts = convert(nih, tmp_path / 'out')
    counts = parts['conversion_report']['counts']
    assert counts == {'images without a row in the label file, left out': 1}


def test_no_film_at_all_stops(nih, tmp_path, capsys):
    (nih / 'images').rename(tmp_path / 'films')
    command = ['chestxray14', '--root', str(nih), '--out', str(tmp_path / 'out')]
    assert main(command) == 2
    assert 'none of its 40 films (first: 00000001_000)' in capsys.readouterr().err
    parts = convert(nih, tmp_path / 'out', '--images', str(tmp_path / 'films'))
    assert parts['test']['data_list']


def test_boxes_of_missing_films_are_left_out_and_counted(nih, tmp_path):
    boxes = (nih / 'BBox_List_2017.csv').read_text().splitlines()
    (nih / 'images' / boxes[1].split(',')[0]).unlink()
    parts = convert(nih, tmp_path / 'out')
    report = parts['conversion_report']
    assert report['counts']['boxes of films that are not there, left out'] == 1
    assert report['boxes_in'] == report['boxes_out'] == N_BOXES - 1


def test_boxes_are_scaled_per_axis(nih, tmp_path):
    for path in (nih / 'images').iterdir():
        draw(path, size_wh=(512, 256))
    parts = convert(nih, tmp_path / 'out', '--test-fraction', '1')
    assert {tuple(a['bbox']) for a in parts['boxes_test']['annotations']} == {
        (128.0, 32.0, 256.0, 64.0)
    }
    image = parts['boxes_test']['images'][0]
    assert (image['height'], image['width']) == (256, 512)
    assert image['original_size_hw'] == [1024, 1024]


def test_a_box_across_the_border_is_clipped_and_reported(nih, tmp_path):
    path = nih / 'BBox_List_2017.csv'
    lines = path.read_text().splitlines()
    lines[1] = lines[1].replace('256.0,128.0,512.0,256.0', '900,900,124.5,100')
    write(path, lines)
    parts = convert(nih, tmp_path / 'out', '--no-images', '--test-fraction', '1')
    (clipped,) = parts['conversion_report']['clipped']
    assert (clipped['file'], clipped['line']) == ('BBox_List_2017.csv', 2)
    bboxes = [a['bbox'] for a in parts['boxes_test']['annotations']]
    assert [900, 900, 124, 100] in bboxes


def test_images_root_may_be_elsewhere(nih, tmp_path):
    there = tmp_path / 'mounted'
    parts = convert(nih, tmp_path / 'out', '--images-root', str(there))
    assert parts['test']['metainfo']['images_root'] == '../mounted'
    parts = convert(nih, tmp_path / 'out', '--images-root', str(nih))
    assert parts['test']['metainfo']['images_root'] == '../chest x-ray 14'
    assert parts['test']['data_list'][0]['img_path'].startswith('images/')


# ---------------------------------------------------------------- the tables


def read(tmp_path, rows, header=HEADER, **options):
    report = Report()
    path = write(tmp_path / 'Data_Entry.csv', [header, *rows])
    return read_labels(path, report, **options), report


def test_older_label_file_ends_with_a_comma(tmp_path):
    rows = [row('00000001_000.png', 'Mass|Nodule', age='058Y') + ',']
    labels, _ = read(tmp_path, rows, header=HEADER + ',')
    assert labels.version == '2017'
    film = labels.rows['00000001_000']
    assert [n for n, v in zip(CHESTXRAY14, film.labels, strict=True) if v] == [
        'Mass',
        'Nodule',
    ]
    assert film.age == 58


def test_older_label_file_names_the_release(nih, tmp_path, capsys):
    lines = (nih / 'Data_Entry_2017_v2020.csv').read_text().splitlines()
    (nih / 'Data_Entry_2017_v2020.csv').unlink()
    write(nih / 'Data_Entry_2017.csv', [f'{line},' for line in lines], newline='\r\n')
    parts = convert(nih, tmp_path / 'out')
    assert parts['test']['metainfo']['release'] == 'Data_Entry_2017'
    assert 'Data_Entry_2017.csv, version 2017, 40 films' in capsys.readouterr().out


def test_of_two_label_files_the_newer_is_used(nih, tmp_path):
    lines = (nih / 'Data_Entry_2017_v2020.csv').read_text().splitlines()
    write(nih / 'Data_Entry_2017.csv', [f'{line},' for line in lines])
    parts = convert(nih, tmp_path / 'out')
    assert parts['test']['metainfo']['label_file'] == 'Data_Entry_2017_v2020.csv'
    warnings = parts['conversion_report']['warnings']
    assert (
        'Data_Entry_2017_v2020.csv is used, Data_Entry_2017.csv is not' in warnings[0]
    )


def test_columns_are_found_by_name(tmp_path):
    header = 'Patient Sex,Patient ID,Finding Labels,\ufeffImage Index'.replace(
        '\ufeff', ''
    )
    labels, report = read(
        tmp_path, ['F,0000012, Hernia , 00000012_003.png'], header=header
    )
    film = labels.rows['00000012_003']
    assert (film.sex, film.view, film.age) == ('F', None, None)
    assert film.patient_id == '0000012'
    assert film.labels[-1] == 1
    assert not report.warnings


def test_order_of_labels_does_not_matter_and_aliases_are_known(tmp_path):
    rows = [
        row('00000001_000.png', 'Nodule|Infiltrate'),
        row('00000002_000.png', 'Infiltration|Nodule'),
        row('00000003_000.png', 'No Finding'),
    ]
    labels, _ = read(tmp_path, rows)
    first, second, healthy = labels.rows.values()
    assert first.labels == second.labels
    assert sum(first.labels) == 2
    assert healthy.healthy
    assert not first.healthy


@pytest.mark.parametrize(
    ('text', 'age'),
    [
        ('57', 57),
        ('058Y', 58),
        ('006M', 0.5),
        ('026W', 0.5),
        ('073D', 0.2),
        ('0', 0),
        ('120', 120),
        ('121', None),
        ('411', None),
        ('Y', None),
        ('', None),
        ('5 7', None),
        ('-3', None),
        ('57.5', None),
    ],
)
def test_ages(text, age):
    assert parse_age(text) == age


def test_impossible_ages_are_left_out_and_the_films_stay(tmp_path):
    rows = [
        row('00000001_000.png', 'Mass', age='414'),
        row('00000002_000.png', 'Mass', age=''),
        row('00000003_000.png', 'Mass', age='148'),
    ]
    labels, report = read(tmp_path, rows)
    assert [film.age for film in labels.rows.values()] == [None, None, None]
    (warning,) = report.warnings
    assert warning.startswith('2 ages are no age up to 120 years and left out')
    assert "(first: '414', Data_Entry.csv row 2)" in warning


def test_patient_that_contradicts_the_name_is_told(tmp_path):
    rows = [
        row('00000001_000.png', 'Mass', patient='2'),
        row('00000002_000.png', 'Mass'),
    ]
    _, report = read(tmp_path, rows)
    assert report.warnings == [
        'Patient ID differs from the name of 1 films (first: 00000001_000, patient 2); '
        'the split goes by Patient ID'
    ]


@pytest.mark.parametrize(
    ('labels', 'message'),
    [
        ('Masse', r"row 3: unknown finding 'Masse' .* Did you mean 'Mass'\?"),
        ('Mass|', r"row 3: unknown finding ''"),
        ('', r"row 3: unknown finding ''"),
        ('Mass|No Finding', r"row 3: 'Mass\|No Finding' is both a finding and none"),
    ],
    ids=['unknown', 'blank-part', 'blank', 'contradiction'],
)
def test_labels_that_cannot_be_read_stop_or_are_dropped(tmp_path, labels, message):
    rows = [row('00000001_000.png', 'Mass'), row('00000002_000.png', labels)]
    with pytest.raises(AnnotationError, match=message):
        read(tmp_path, rows)
    file, report = read(tmp_path, rows, drop_invalid=True)
    assert list(file.rows) == ['00000001_000']
    assert [drop['line'] for drop in report.dropped] == [3]


def test_a_film_with_two_rows_stops(tmp_path):
    rows = [row('00000001_000.png', 'Mass'), row('00000001_000.png', 'Nodule')]
    with pytest.raises(AnnotationError, match=r'row 3: film 00000001_000 has a second'):
        read(tmp_path, rows)


def test_a_row_without_name_stops(tmp_path):
    with pytest.raises(AnnotationError, match=r'row 3: Image Index is empty'):
        read(tmp_path, [row('00000001_000.png', 'Mass'), ',Mass,0,1,1,M,PA,1,1,1,1'])


def test_a_missing_column_stops(tmp_path):
    header = HEADER.replace('Finding Labels', 'Labels')
    with pytest.raises(AnnotationError, match=r"\['Finding Labels'\] are missing"):
        read(tmp_path, [row('00000001_000.png', 'Mass')], header=header)


@pytest.mark.parametrize(
    ('header', 'newline'),
    [
        ('Image Index,Finding Label,Bbox [x,y,w,h],,,', '\n'),
        ('Image Index,Finding Label,Bbox [x,y,w,h]', '\r\n'),
    ],
    ids=['nine-names', 'six-names'],
)
def test_both_box_headers(tmp_path, header, newline):
    path = write(
        tmp_path / 'BBox.csv',
        [header, '00000001_000.png,Infiltrate,10.5,20,30,40.25'],
        newline,
    )
    boxes = read_boxes(path, Report())
    assert boxes.image_id.tolist() == ['00000001_000']
    assert boxes.finding.tolist() == ['Infiltration']
    assert boxes.xyxy.tolist() == [[10.5, 20, 40.5, 60.25]]
    assert boxes.line.tolist() == [2]


def test_a_repeated_box_is_dropped_and_reported(tmp_path):
    line = '00000001_000.png,Mass,10,20,30,40'
    path = write(tmp_path / 'BBox.csv', [BOX_HEADER, line, line])
    report = Report()
    assert len(read_boxes(path, report).xyxy) == 1
    assert report.dropped == [
        {'file': 'BBox.csv', 'line': 3, 'reason': 'repeats an earlier row'}
    ]


@pytest.mark.parametrize(
    ('lines', 'message'),
    [
        ([BOX_HEADER, 'a.png,Hernia,1,2,3,4'], r"row 2: unknown finding 'Hernia'"),
        ([BOX_HEADER, 'a.png,Mass,1,x,3,4'], r"row 2: y must be a number, got 'x'"),
        (
            ['Image Index,Finding Label,x,y', 'a.png,Mass,1,2'],
            r'must begin with the six',
        ),
    ],
    ids=['finding', 'number', 'columns'],
)
def test_boxes_that_cannot_be_read_stop(tmp_path, lines, message):
    with pytest.raises(AnnotationError, match=message):
        read_boxes(write(tmp_path / 'BBox.csv', lines), Report())


def test_a_box_without_its_label_is_told(nih, tmp_path):
    path = nih / 'BBox_List_2017.csv'
    rows = [row('00000001_000.png', 'Hernia'), *patients(20)[1:]]
    write(path, [BOX_HEADER, '00000001_000.png,Nodule,1,1,99,99'])
    write(nih / 'Data_Entry_2017_v2020.csv', [HEADER, *rows])
    warnings = convert(nih, tmp_path / 'out')['conversion_report']['warnings']
    assert (
        '1 boxes show a finding that the label file does not give their film '
        '(first: 00000001_000 Nodule)'
    ) in warnings


# ---------------------------------------------------------------- files and folders


def test_no_label_file_stops(nih, tmp_path, capsys):
    (nih / 'Data_Entry_2017_v2020.csv').rename(nih / 'labels.csv')
    command = ['chestxray14', '--root', str(nih), '--out', str(tmp_path / 'out')]
    assert main(command) == 2
    assert 'no label file Data_Entry_2017*.csv was found' in capsys.readouterr().err
    parts = convert(nih, tmp_path / 'out', '--labels', str(nih / 'labels.csv'))
    assert len(parts['train']['data_list'])


def test_no_root_stops(tmp_path, capsys):
    command = ['chestxray14', '--root', str(tmp_path / 'none'), '--out', str(tmp_path)]
    assert main(command) == 2
    assert 'no such folder' in capsys.readouterr().err


def test_two_box_files_stop(nih, tmp_path, capsys):
    write(nih / 'BBox_List_other.csv', [BOX_HEADER, '00000001_000.png,Mass,1,1,9,9'])
    command = ['chestxray14', '--root', str(nih), '--out', str(tmp_path / 'out')]
    assert main(command) == 2
    assert 'all fit --boxes. Name the one to use' in capsys.readouterr().err


def test_an_earlier_conversion_inside_the_root_is_no_input(official, tmp_path):
    first = convert(official, official / 'converted', '--val-fraction', '0.3')
    again = convert(official, official / 'converted', '--val-fraction', '0.3')
    assert family(again['test']) == 'official'
    assert first['train']['data_list'] == again['train']['data_list']


def test_no_torch_is_imported(nih, tmp_path):
    code = (
        'import sys; from data_converters.__main__ import main; '
        f"assert main(['chestxray14', '--root', {str(nih)!r}, "
        f"'--out', {str(tmp_path / 'out')!r}]) == 0; "
        "print({'torch', 'mmengine', 'mmcv', 'mmdet'} & set(sys.modules))"
    )
    repository = Path(data_converters.__file__).parent.parent
    done = subprocess.run(
        [sys.executable, '-c', code],
        capture_output=True,
        text=True,
        check=True,
        cwd=repository,
    )
    assert done.stdout.splitlines()[-1] == 'set()'
