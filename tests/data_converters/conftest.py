"""Small VinDr-CXR downloads, drawn for one test each."""

import csv
import gzip
import json
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian
from pydicom.uid import generate_uid

from data_converters.__main__ import main

LABELS = (
    'Aortic enlargement',
    'Atelectasis',
    'Calcification',
    'Cardiomegaly',
    'Clavicle fracture',
    'Consolidation',
    'Edema',
    'Emphysema',
    'Enlarged PA',
    'ILD',
    'Infiltration',
    'Lung Opacity',
    'Lung cavity',
    'Lung cyst',
    'Mediastinal shift',
    'Nodule/Mass',
    'Pleural effusion',
    'Pleural thickening',
    'Pneumothorax',
    'Pulmonary fibrosis',
    'Rib fracture',
    'Other lesion',
    'COPD',
    'Lung tumor',
    'Pneumonia',
    'Tuberculosis',
    'Other diseases',
    'No finding',
)

SIZE_HW = (300, 200)


def write_dicom(path: Path, size_hw=SIZE_HW):
    """A film without contents, complete as a file."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = '1.2.840.10008.5.1.4.1.1.1.1'
    meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset = pydicom.Dataset()
    dataset.file_meta = meta
    dataset.SOPClassUID = meta.MediaStorageSOPClassUID
    dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    dataset.Rows, dataset.Columns = size_hw
    dataset.SamplesPerPixel, dataset.PixelRepresentation = 1, 0
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PhotometricInterpretation = 7, 'MONOCHROME2'
    dataset.PixelData = bytes(size_hw[0] * size_hw[1])
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)


def write_png(path: Path, size_hw=SIZE_HW):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.zeros(size_hw, np.uint8))


def write_csv(path: Path, header, rows):
    """CSV, gzipped when the name says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    opener = gzip.open if path.suffix == '.gz' else open
    with opener(path, 'wt', newline='', encoding='utf-8') as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def image_ids(prefix: str, n: int) -> list[str]:
    """Ids of digits alone, with leading zeros: hostile to a reader that guesses."""
    return [f'{prefix}{i:07d}' for i in range(n)]


TRAIN_IDS = image_ids('000', 20)
TEST_IDS = image_ids('1e1', 4)

# (image, class, reader, box); the other films are healthy for R8, R9 and R10
BOXES = [
    (0, 'Cardiomegaly', 'R8', (10, 20, 110, 120)),
    (0, 'Cardiomegaly', 'R9', (12, 20, 112, 120)),
    (0, 'Nodule/Mass', 'R9', (150.5, 200.25, 160, 210)),
    (0, 'Cardiomegaly', 'R10', (8, 20, 108, 120)),
    (1, 'Pleural effusion', 'R10', (0, 200, 50, 300)),
    (1, 'Pleural effusion', 'R10', (150, 200, 200, 300)),
    (1, 'Pleural effusion', 'R9', (0, 205, 50, 300)),
    (2, 'Aortic enlargement', 'R8', (80, 60, 120, 100)),
    (2, 'Calcification', 'R8', (80, 60, 120, 100)),
]


def box_rows(boxes=BOXES, image_ids=TRAIN_IDS, readers=('R8', 'R9', 'R10')):
    """(image_id, rad_id, class_name, four corners), 'No finding' where nothing is."""
    rows = [(image_ids[i], reader, name, *box) for i, name, reader, box in boxes]
    seen = {(row[0], row[1]) for row in rows}
    rows += [
        (image_id, reader, 'No finding', '', '', '', '')
        for image_id in image_ids
        for reader in readers
        if (image_id, reader) not in seen
    ]
    return rows


CORNERS = ('x_min', 'y_min', 'x_max', 'y_max')


def kaggle_release(root: Path, rows=None, films=True):
    """VinBigData: train.csv, train/, test/ without labels."""
    order = ('Aortic enlargement', '', 'Calcification', 'Cardiomegaly')
    rows = box_rows() if rows is None else rows
    write_csv(
        root / 'train.csv',
        ('image_id', 'class_name', 'class_id', 'rad_id', *CORNERS),
        [(i, n, order.index(n) if n in order else 14, r, *b) for i, r, n, *b in rows],
    )
    if films:
        for image_id in TRAIN_IDS:
            write_dicom(root / 'train' / f'{image_id}.dicom')
        for image_id in TEST_IDS:
            write_dicom(root / 'test' / f'{image_id}.dicom')
    return root


def label_rows(rows, ids, readers=('R8', 'R9', 'R10')):
    """28 labels for each film and reader, from the boxes; Pneumonia on film 1 by R9."""
    drawn = {(image_id, reader, name) for image_id, reader, name, *_ in rows}
    return [
        (
            image_id,
            *((reader,) if reader else ()),
            *(
                int(
                    (image_id, reader, name) in drawn
                    or (image_id, reader, name) == (ids[1], 'R9', 'Pneumonia')
                )
                for name in LABELS
            ),
        )
        for image_id in ids
        for reader in readers
    ]


def physionet_release(root: Path, flat=False):
    """VinDr-CXR 1.0.0: annotations/, train/, test/."""
    tables = root if flat else root / 'annotations'
    rows = box_rows()
    header = ('image_id', 'rad_id', 'class_name', *CORNERS)
    write_csv(tables / 'annotations_train.csv', header, rows)
    write_csv(
        tables / 'image_labels_train.csv',
        ('image_id', 'rad_id', *LABELS),
        label_rows(rows, TRAIN_IDS),
    )
    boxes = [(0, 'Rib fracture', '', (20, 20, 60, 60.5))]
    rows = box_rows(boxes, TEST_IDS, readers=('',))
    write_csv(
        tables / 'annotations_test.csv',
        ('image_id', 'class_name', *CORNERS),
        [(i, name, *box) for i, _, name, *box in rows],
    )
    names = [n if n != 'Other diseases' else 'Other disease' for n in LABELS]
    write_csv(
        tables / 'image_labels_test.csv',
        ('image_id', *names),
        label_rows(rows, TEST_IDS, readers=('',)),
    )
    for part, ids in (('train', TRAIN_IDS), ('test', TEST_IDS)):
        for image_id in ids:
            write_dicom(root / part / f'{image_id}.dicom')
    return root


class Converted:
    """Files of a conversion, opened when asked for."""

    def __init__(self, out: Path):
        self.out = out
        self.report = self['conversion_report']

    def __getitem__(self, name):
        return json.loads((self.out / f'{name}.json').read_text())

    def files(self):
        return {path.name for path in self.out.iterdir()}

    def all_boxes(self, *names):
        """(image_id, finding, xyxy, readers) of all files, sorted."""
        found = []
        for name in names:
            data = self[name]
            image = {i['id']: i['image_id'] for i in data['images']}
            category = {c['id']: c['name'] for c in data['categories']}
            for a in data['annotations']:
                x, y, w, h = a['bbox']
                readers = tuple(a.get('readers', ()))
                found.append(
                    (
                        image[a['image_id']],
                        category[a['category_id']],
                        (x, y, x + w, y + h),
                        readers,
                    )
                )
        return sorted(found)

    def images(self, *names):
        return {i['image_id']: i for name in names for i in self[name]['images']}


@pytest.fixture
def convert(tmp_path, capsys):
    """Run a conversion into tmp_path/out; gives its files."""

    def run(*args, out=None):
        out = out or tmp_path / 'out'
        code = main([*map(str, args), '--out', str(out)])
        captured = capsys.readouterr()
        assert code == 0, captured.err
        converted = Converted(out)
        converted.printed = captured.out
        return converted

    return run


@pytest.fixture
def refuse(tmp_path, capsys):
    """Run a conversion that must fail; gives the one line on stderr."""

    def run(*args, out=None):
        out = out or tmp_path / 'out'
        before = _contents(tmp_path)
        code = main([*map(str, args), '--out', str(out)])
        captured = capsys.readouterr()
        assert code == 2
        assert captured.err.count('\n') == 1
        assert _contents(tmp_path) == before, 'a failed conversion must leave no trace'
        run.printed = captured.out
        return captured.err

    return run


def _contents(folder):
    return {p: p.read_bytes() if p.is_file() else None for p in folder.rglob('*')}


@pytest.fixture(scope='session')
def release_files():
    """The builders of this module."""
    return SimpleNamespace(**{k: v for k, v in globals().items() if k[0] != '_'})
