from pathlib import Path

import pytest

from mmlung.calibration.calibrate import calibrate
from mmlung.calibration.calibrate import thresholds_table
from mmlung.config import load_config

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
CONTENT = {
    'rule': 'score with the best F1',
    'fallback_score_thr': 0.3,
    'data': {
        'file': 'val.json',
        'split': 'val',
        'split_family': 'official',
        'images': 71,
        'dataset': 'vindr-cxr',
        'ground_truth': 'consensus',
    },
    'thresholds': [
        {'finding': 'Mass', 'score_thr': 0.1, 'f1': 0.5, 'hits': 2, 'detections': 3}
        | {'boxes': 5, 'fallback': None},
        {'finding': 'ILD', 'score_thr': 0.42, 'f1': 0.6, 'hits': 9, 'detections': 15}
        | {'boxes': 15, 'fallback': None},
        {'finding': 'Nodule', 'score_thr': 0.3, 'f1': None, 'hits': 0, 'detections': 0}
        | {'boxes': 0, 'fallback': 'no true boxes'},
    ],
}


def test_the_table_says_what_each_threshold_rests_on():
    lines = thresholds_table(CONTENT).splitlines()
    assert lines[0].split() == [
        'finding',
        *['threshold', 'F1', 'hits', 'detections', 'boxes'],
    ]
    assert lines[1].split() == ['Mass', '0.100', '0.500', '2', '3', '5']
    assert lines[3].split(None, 6) == [
        *['Nodule', '0.300', '-', '0', '0', '0'],
        'fallback: no true boxes',
    ]
    assert len(lines[0]) == len(lines[1])
    assert lines[5:] == [
        '2 of 3 thresholds chosen, score with the best F1; 1 stay at 0.3',
        'split: val (official), 71 images of vindr-cxr (val.json), ground truth: '
        'consensus',
        'resting on fewer than 5 hits, so largely chance: Mass (--min-hits 5 leaves '
        'them at the default)',
    ]


DETECTOR, CLASSIFIER = 'swin_vindr_demo.py', 'convnext_chestxray14_demo.py'


@pytest.mark.parametrize(
    ('config', 'checkpoint', 'options', 'text'),
    [
        (DETECTOR, 'none', {}, 'nothing to calibrate in an untrained network'),
        (CLASSIFIER, 'none', {}, 'nothing to calibrate in an untrained network'),
        (CLASSIFIER, 'a.pth', {'min_hits': 2}, '--min-hits is for detectors'),
        (DETECTOR, 'a.pth', {'min_positives': 2}, '--min-positives is for classif'),
    ],
    ids=['untrained', 'untrained-classifier', 'hits', 'positives'],
)
def test_what_cannot_be_calibrated_is_said(config, checkpoint, options, text):
    with pytest.raises(ValueError, match=text):
        calibrate(load_config(CONFIGS / config), checkpoint, **options)


def test_the_scope_says_what_a_config_is():
    cfg = load_config(CONFIGS / CLASSIFIER, {'default_scope': 'mmselfsup'})
    with pytest.raises(ValueError, match=r"neither a detector nor.*got 'mmselfsup'"):
        calibrate(cfg, 'a.pth')


@pytest.mark.parametrize('config', [DETECTOR, CLASSIFIER], ids=['boxes', 'labels'])
@pytest.mark.parametrize(
    ('val', 'test', 'text'),
    [
        ('test.json', 'test.json', 'validation and test are the same annotations'),
        ('test.json', 'val.json', r'test\.json says that it is a test part'),
    ],
    ids=['same', 'test'],
)
def test_the_test_part_is_never_looked_at(
    tmp_path, write_detection_data, write_classification_data, config, val, test, text
):
    write = write_detection_data if config == DETECTOR else write_classification_data
    write(tmp_path, ['Cardiomegaly'], n=2)
    cfg = load_config(
        CONFIGS / config,
        {
            'data_root': str(tmp_path),
            'val_dataloader.dataset.ann_file': val,
            'test_dataloader.dataset.ann_file': test,
        },
    )
    with pytest.raises(ValueError, match=text):
        calibrate(cfg, 'absent.pth')
