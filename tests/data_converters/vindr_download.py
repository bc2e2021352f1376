"""Small VinDr-CXR downloads, drawn for one test each."""

import csv
import gzip
from pathlib import Path

import cv2
import numpy as np
import pydicom
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian
from pydicom.uid import generate_uid

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


def append_rows(root: Path, *extra):
    """The Kaggle tables again, with further rows; gives the line of the last one."""
    rows = [*box_rows(), *extra]
    kaggle_release(root, rows, films=False)
    return 1 + len(rows)


FUSED_BOXES = [
    ('0000000000', 'Cardiomegaly', (10, 20, 110, 120), ('R8', 'R9', 'R10')),
    ('0000000000', 'Nodule/Mass', (150.5, 200.25, 160, 210), ('R9',)),
    ('0000000001', 'Pleural effusion', (0, 202.5, 50, 300), ('R9', 'R10')),
    ('0000000001', 'Pleural effusion', (150, 200, 200, 300), ('R10',)),
    ('0000000002', 'Aortic enlargement', (80, 60, 120, 100), ('R8',)),
    ('0000000002', 'Calcification', (80, 60, 120, 100), ('R8',)),
]
