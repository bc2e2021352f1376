"""A small MIMIC-CXR-JPG download, drawn for one test."""

import gzip

import cv2
import numpy as np

from mmlung.findings import CHEXPERT

LABELS = sorted(CHEXPERT)
OPACITY = {'Lung Opacity': 'Airspace Opacity'}
TEST_LABELS = [OPACITY.get(name, name) for name in LABELS]
META = 'dicom_id,subject_id,study_id,ViewPosition,Rows,Columns,StudyDate,StudyTime'
VIEWS = (('PA', 'LATERAL'), ('AP',), ('PA', 'LL'), ('',))
VALUES = ('1.0', '0.0', '-1.0', '')


def dicom_id(number):
    return '-'.join(f'{number:08x}' for _ in range(5))


def name(subject, study, dicom, suffix='.jpg'):
    return f'p{str(subject)[:2]}/p{subject}/s{study}/{dicom}{suffix}'


def draw(path, height=40, width=32):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((height, width), 90, dtype=np.uint8))
    return path


def write(path, lines, end='\n'):
    data = ('\n'.join(lines) + end).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == '.gz' else data)
    return path


def lines_of(path):
    data = path.read_bytes()
    data = gzip.decompress(data) if path.suffix == '.gz' else data
    return data.decode().splitlines()


def mend(path, change):
    """Write a table again, each line as ``change(number, line)`` gives it or not."""
    lines = (change(i, line) for i, line in enumerate(lines_of(path), start=1))
    return write(path, [line for line in lines if line is not None])


def table(root, role):
    return root / f'mimic-cxr-2.0.0-{role}.csv.gz'


def cells_of(study, columns=LABELS):
    return [VALUES[(study + i) % 4] for i, _ in enumerate(columns)]


def studies(n_train=12, n_validate=4, n_test=4):
    """(part, subject, study): two studies a patient."""
    parts = ['train'] * n_train + ['validate'] * n_validate + ['test'] * n_test
    return [
        (part, 10000000 + 1000000 * (i // 2 % 3) + i // 2, 50000000 + i)
        for i, part in enumerate(parts)
    ]


def release(root, films=True):
    """20 studies; of four one is a PA with LATERAL, an AP, a PA with LL, and no view.

    The last study of train has no row in the label tables, the one before is blank.
    """
    root.mkdir(parents=True)
    meta, split, labels = [META], ['dicom_id,study_id,subject_id,split'], []
    number = 0
    for i, (part, subject, study) in enumerate(studies()):
        for view in VIEWS[i % 4]:
            number += 1
            dicom = dicom_id(number)
            date = f'2150{1 + i % 12:02d}01,{i:06d}.123'
            meta.append(f'{dicom},{subject},{study},{view},40,32,{date}')
            split.append(f'{dicom},{study},{subject},{part}')
            if films:
                draw(root / 'files' / name(subject, study, dicom))
        cells = [''] * 14 if i == 10 else cells_of(study)
        if i != 9:
            labels.append(','.join((str(subject), str(study), *cells)))
    write(table(root, 'metadata'), meta)
    write(table(root, 'split'), split)
    header = ','.join(('subject_id', 'study_id', *LABELS))
    write(table(root, 'chexpert'), [header, *labels])
    swapped = [line.replace('-1.0', '0.0') for line in labels]
    write(table(root, 'negbio'), [header, *swapped])
    return root


def add_test_labels(root, chosen=(50000016, 50000017)):
    """The radiologist's: -1, blank, 1 and 0 in turn, from Atelectasis."""
    rows = [','.join((str(study), *cells_of(2))) for study in chosen]
    header = ','.join(('study_id', *TEST_LABELS))
    return write(root / 'mimic-cxr-2.1.0-test-set-labeled.csv', [header, *rows])
