"""A small ChestX-ray14 download, drawn for one test."""

import json

import cv2
import numpy as np

from data_converters.__main__ import main
from mmlung.findings import CHESTXRAY14_BOXES

HEADER = (
    'Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,'
    'View Position,OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]'
)


N_BOXES = 21  # of the small download


BOX_HEADER = 'Image Index,Finding Label,Bbox [x,y,w,h],,,'


FINDINGS = ('Mass', 'Infiltration', 'Effusion', 'Hernia')


CLASSIFICATION = ('train', 'val', 'test')


DETECTION = ('boxes_train', 'boxes_val', 'boxes_test')


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


def release(root):
    """20 patients, 40 films of 64 px, boxes on 21 of them."""
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


def convert(root, out, *options):
    """The JSON files of a conversion, by stem."""
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
