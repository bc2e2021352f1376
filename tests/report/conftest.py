"""Work dirs as a test leaves them: a classifier's and a detector's, films included."""

import json
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest

from mmlung.result import SCHEMA

CLASSES = ('Mass', 'Nodule <&"')
SHA = 'a' * 64


class Page(HTMLParser):
    """What is in a page: tags with attributes, text, ids, headings, open tags."""

    VOID = frozenset({'meta', 'img', 'br', 'path', 'line', 'rect', 'circle'})

    def __init__(self, text):
        super().__init__()
        self.tags, self.text, self.stack, self.unbalanced = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if not self.stack or self.stack.pop() != tag:
            self.unbalanced.append(tag)

    def handle_data(self, data):
        if 'style' not in self.stack:
            self.text.append(data)

    @property
    def words(self):
        return ' '.join(' '.join(self.text).split())

    def of(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


def head(scope, **data):
    known = {
        'dataset': 'chestxray14',
        'release': 'Data_Entry_2017_v2020',
        'split': 'test',
        'split_family': 'subset',
        'ground_truth': 'text-mined',
        'file': 'test.json',
        'sha256': SHA,
        'images': 8,
        'label_file': 'labels.csv',
        'label_sha256': 'b' * 64,
        'synthetic': None,
        'note': None,
    }
    return {
        'mmlung': '0.1.0',
        'config': {'file': 'tiny_demo.py', 'default_scope': scope, 'img_size': 64},
        'checkpoint': {'file': 'best.pth', 'sha256': SHA, 'untrained': False},
        'data': known | data,
        'evaluators': [],
        'resampled': 'patients',
        'versions': {'numpy': '2.2.6'},
        'training_epochs': 3,
        'training_seed': 0,
        'thresholds': {'source': 'default', 'score_thr': 0.3, 'notes': []},
    }


def with_ends(**values):
    ends = {f'{k}_low': v - 0.01 for k, v in values.items()}
    return values | ends | {f'{k}_high': v + 0.01 for k, v in values.items()}


def write(folder, top, metrics, images):
    folder.mkdir(parents=True, exist_ok=True)
    content = {'schema': 'mmlung.metrics/1', **top, **metrics}
    (folder / 'metrics.json').write_text(json.dumps(content))
    predictions = {'schema': SCHEMA, **top, 'findings': CLASSES, 'images': images}
    (folder / 'predictions.json').write_text(json.dumps(predictions))
    films = folder / 'films'
    films.mkdir(exist_ok=True)
    rng = np.random.default_rng(0)
    for image in images:
        pixels = rng.integers(0, 255, (60, 80), dtype=np.uint8)
        cv2.imwrite(str(films / image['image']), pixels)
    return folder


def finding(name, score, box=None, **more):
    return {'name': name, 'score': score, 'box_xyxy': box, **more}


def rates(**more):
    row = with_ends(sensitivity=0.71, specificity=0.62, ppv=0.5, npv=0.8)
    return row | {'tp': 2.0, 'fn': 1.0, 'fp': 1.0, 'tn': 4.0, **more}


@pytest.fixture
def classifier(tmp_path):
    """Eight films of four patients, scores and calibrated probabilities."""
    images = [
        {
            'image': f'film <{i}> & co.png',
            'size_hw': [60, 80],
            'findings': [
                finding(name, (i + 1) / 10, probability=(i + 1) / 12)
                for name in CLASSES
            ],
            'truth': [
                finding(name, float((i + c) % 2)) for c, name in enumerate(CLASSES)
            ],
            'patient_id': f'patient{i // 2}',
        }
        for i in range(8)
    ]
    row = with_ends(AUC=0.7123, AUPRC=0.3456) | {'n_positive': 4.0, 'n_known': 8.0}
    errors = {
        'mean': with_ends(ECE=0.0812, Brier=0.2),
        'per_finding': {name: with_ends(ECE=0.0711, Brier=0.3) for name in CLASSES},
    }
    rule = {
        'rule': 'largest sensitivity + specificity',
        'mean': with_ends(sensitivity=0.71),
        'per_finding': {name: rates(probability_thr=0.234) for name in CLASSES},
    }
    group = {'images': 4, 'compared': True, **with_ends(mAUC=0.66)}
    group['findings'] = {name: {**row} for name in CLASSES}
    metrics = {
        'metrics': with_ends(mAUC=0.7891, mAUPRC=0.4321) | {'mAUC_findings': 2.0},
        'per_finding': dict.fromkeys(CLASSES, row),
        'calibration': {
            'source': 'calibrated',
            'file': 'best.calibration.json',
            'data': {'file': 'val.json', 'split': 'val', 'images': 5},
            'unscaled': {},
            'notes': [],
            'before': errors,
            'after': errors,
        },
        'operating_points': {'note': 'PPV holds here only', 'youden': rule},
        'subgroups': {
            'sex': {
                'compared': list(CLASSES),
                'groups': {'F': group, 'M': group},
                'worst': {'group': 'M', 'best': 'F', **with_ends(gap=0.05)},
            }
        },
    }
    return write(tmp_path / 'cls', head('mmpretrain'), metrics, images)


@pytest.fixture
def detector(tmp_path):
    """A hit, a miss with a low box, a false positive, and a healthy film."""
    mass, nodule = CLASSES
    box, away = [10.0, 10, 30, 30], [50.0, 40, 60, 50]
    films = [
        ([finding(mass, 0.9, box)], [finding(mass, 1.0, box)]),
        ([finding(mass, 0.1, box)], [finding(mass, 1.0, box)]),
        ([finding(nodule, 0.8, away)], []),
        ([], []),
    ]
    images = [
        {
            'image': f'{i}.png',
            'size_hw': [60, 80],
            'findings': predicted,
            'truth': truth,
            'patient_id': f'p{i}',
        }
        for i, (predicted, truth) in enumerate(films)
    ]
    froc = {f'sensitivity@{r:g}': 0.5 for r in (0.125, 0.25, 0.5, 1, 2, 4, 8)}
    row = with_ends(AP40=0.4567, mIoU=0.5, CPM=0.5, **froc)
    row |= {'n_boxes': 2.0, 'FROC_boxes': 2.0}
    metrics = {
        'metrics': {**row, 'mIoU_boxes': 2.0, 'n_images': 4.0, 'score_thr': 0.3},
        'per_finding': {mass: row, nodule: {'AP40': None, 'n_boxes': 0.0}},
    }
    return write(
        tmp_path / 'det', head('mmdet', ground_truth='reader'), metrics, images
    )


@pytest.fixture
def rewrite():
    """Change a JSON file of a work dir in place."""

    def change(path, edit):
        content = json.loads(path.read_text())
        edit(content)
        path.write_text(json.dumps(content))

    return change
