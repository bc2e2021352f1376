"""A small CheXpert download, drawn for one test."""

import cv2
import numpy as np

from mmlung.findings import CHEXPERT

HEADER = ','.join(('Path', 'Sex', 'Age', 'Frontal/Lateral', 'AP/PA', *CHEXPERT))


def row(path, cells=None, sex='Female', age='68', ap_pa='AP'):
    """A line of train.csv; ``cells`` are finding -> text, the others are blank."""
    cells = {'Edema': '1.0'} if cells is None else cells
    side = 'Frontal' if 'frontal' in path else 'Lateral'
    labels = [cells.get(name, '') for name in CHEXPERT]
    return ','.join((path, sex, age, side, ap_pa, *labels))


def film(patient, study=1, view='view1_frontal', part='train', prefix='CheXpert-v1.0'):
    return f'{prefix}/{part}/patient{patient:05d}/study{study}/{view}.jpg'


def write(path, lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('\n'.join(lines) + '\n')
    return path


def draw(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((32, 40), 90, dtype=np.uint8))
    return path


def release(root, n_train=20, prefix='CheXpert-v1.0'):
    """20 patients for training (a lateral of every other one), 4 of valid.csv."""
    root.mkdir(parents=True)
    values = ('1.0', '0.0', '-1.0', '')
    train = []
    for patient in range(1, n_train + 1):
        cells = {name: values[(patient + i) % 4] for i, name in enumerate(CHEXPERT[1:])}
        name = film(patient, prefix=prefix)
        train.append(row(name, cells, ap_pa='AP' if patient % 3 else 'PA'))
        draw(root / name.partition('/')[2])
        if patient % 2 == 0:
            name = film(patient, view='view2_lateral', prefix=prefix)
            train.append(row(name, cells, ap_pa=''))
            draw(root / name.partition('/')[2])
    write(root / 'train.csv', [HEADER, *train])
    valid = []
    for patient in range(64541, 64545):
        name = film(patient, part='valid', prefix=prefix)
        cells = {name: f'{(patient + i) % 2}.0' for i, name in enumerate(CHEXPERT)}
        valid.append(row(name, cells))
        draw(root / name.partition('/')[2])
    write(root / 'valid.csv', [HEADER, *valid])
    return root


def add_test(root, n=3):
    """The published test labels: no sex, age or view, no folder of the release."""
    lines = [','.join(('Path', *CHEXPERT))]
    for patient in range(64741, 64741 + n):
        name = f'test/patient{patient}/study1/view1_frontal.jpg'
        lines.append(','.join((name, *['0.0'] * 13, '1.0')))
        draw(root / name)
    return write(root / 'test.csv', lines)
