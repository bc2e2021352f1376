import copy
import json
from pathlib import Path

import pytest
import torch

from mmlung.checkpoint import file_sha256
from mmlung.config import load_config
from mmlung.findings import CHEXPERT
from mmlung.provenance import METRICS_SCHEMA
from mmlung.scorecard.run import _set_thresholds
from mmlung.scorecard.run import _takes_thresholds
from mmlung.scorecard.run import check_findings_of
from mmlung.scorecard.run import run_test
from mmlung.scorecard.run import split_by_finding
from mmlung.scorecard.run import table
from mmlung.scorecard.table import TABLE_WIDTH
from mmlung.testing import use_findings_map
from mmlung.testing import use_study_level

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
FINDINGS = ['Mass', 'Nodule/Mass', 'Edema']
TINY = {
    'model.backbone.arch.channels': [8, 16, 32, 64],
    'model.backbone.arch.depths': [1, 1, 1, 1],
    'model.head.in_channels': 64,
    'findings': FINDINGS,
    'img_size': 32,
    'test_dataloader.num_workers': 0,
    'test_evaluator.bootstrap': 0,
}


def test_flat_keys_become_findings():
    numbers = {
        'AP40': 0.5,
        'AP40_low': 0.4,
        'AP40/Mass': 0.1,
        'AP40/Nodule/Mass': 0.2,
        'AP40/Nodule/Mass_low': 0.15,
        'AP40/Nodule/Mass_high': 0.25,
        'n_boxes/Edema': 3,
        'mIoU_findings': 2,
        'loss/other': 7,
    }
    assert split_by_finding(numbers, FINDINGS) == {
        'metrics': {'AP40': 0.5, 'AP40_low': 0.4, 'mIoU_findings': 2, 'loss/other': 7},
        'per_finding': {
            'Mass': {'AP40': 0.1},
            'Nodule/Mass': {'AP40': 0.2, 'AP40_low': 0.15, 'AP40_high': 0.25},
            'Edema': {'n_boxes': 3},
        },
    }


def test_a_finding_may_be_called_low():
    split = split_by_finding(
        {'AUC/Volume_low': 1, 'AUC/Volume_low_low': 0}, ['Volume_low']
    )
    assert split['per_finding'] == {'Volume_low': {'AUC': 1, 'AUC_low': 0}}


def test_no_numbers():
    assert split_by_finding({}, []) == {'metrics': {}, 'per_finding': {}}


@pytest.fixture
def metrics():
    return {
        'metrics': {'AP40': 0.51234, 'AP40_low': 0.4, 'AP40_high': 0.6, 'n_images': 7.0}
        | {'PQ': None, 'AP40_findings': 2.0, 'mIoU_boxes': 12.0},
        'per_finding': {
            'Mass': {'AP40': 0.25, 'AP40_low': 0.1, 'AP40_high': 0.3, 'n_boxes': 12.0},
            'Nodule/Mass': {'AP40': None, 'n_boxes': 0.0},
        },
        'data': {
            'split': 'val',
            'split_family': 'official',
            'images': 7,
            'dataset': 'vindr-cxr',
            'ground_truth': 'consensus',
        },
    }


def test_the_table_reads_as_a_table(metrics):
    lines = table(metrics).splitlines()
    assert lines[0].split() == ['finding', 'AP40', 'n_boxes']
    assert lines[1].split() == ['Mass', '0.250', '[0.100,', '0.300]', '12']
    assert lines[2].split() == ['Nodule/Mass', '-', '0']
    assert [line.split(None, 1) for line in lines[4:9]] == [
        ['AP40', '0.512 [0.400, 0.600]'],
        ['n_images', '7'],
        ['PQ', '-'],
        ['AP40_findings', '2'],
        ['mIoU_boxes', '12'],
    ]
    assert lines[-1] == (
        'split: val (official), 7 images of vindr-cxr, ground truth: consensus'
    )
    assert len({len(line) for line in lines[:3]}) == 1


def test_columns_with_intervals_stay_apart(metrics):
    interval = {'AP40_low': 0.1, 'AP40_high': 0.3, 'AP': 0.5, 'AP_low': 0.25}
    metrics['per_finding']['Mass'] = {'AP40': 0.2, **interval, 'AP_high': 0.75}
    assert '0.200 [0.100, 0.300]  0.500 [0.250, 0.750]' in table(metrics)


def test_wide_tables_continue_below(metrics):
    row = {f'{m}{end}': 0.5 for m in 'ABCDEF' for end in ('', '_low', '_high')}
    metrics['per_finding'] = dict.fromkeys(('Mass', 'Nodule/Mass'), row)
    lines = table(metrics).splitlines()
    assert max(map(len, lines)) <= TABLE_WIDTH
    assert [line.split()[1:] for line in lines if line.startswith('finding')] == [
        ['A', 'B', 'C', 'D'],
        ['E', 'F'],
    ]
    assert lines[3] == ''
    assert lines[5].split() == ['Mass', *['0.500', '[0.500,', '0.500]'] * 2]


def test_the_number_of_boxes_is_shown_once(metrics):
    metrics['per_finding'] = {
        name: {'n_boxes': n, 'mIoU_boxes': n, 'other_boxes': 1.0, 'n_masks': n}
        | {'score_thr': 0.2, 'mask_score_thr': 0.2}
        for name, n in (('Mass', 2.0), ('Edema', 1.0))
    }
    header, *_ = table(metrics).splitlines()
    shown = ['finding', 'n_boxes', 'other_boxes', 'n_masks', 'score_thr']
    assert header.split() == shown


def test_phantoms_are_called_phantoms(metrics):
    assert 'phantoms' not in table(metrics)
    metrics['data']['synthetic'] = True
    assert 'no number here says anything about patients' in table(metrics)


CALIBRATED = {
    'source': 'calibrated',
    'score_thr': {'Mass': 0.2, 'Nodule/Mass': 0.3},
    'file': 'best.thresholds.json',
    'data': {'file': 'val.json', 'split': 'val', 'images': 9},
    'fallback': {'Nodule/Mass': 'no detections'},
    'notes': ['mind this'],
}


@pytest.mark.parametrize(
    ('thresholds', 'lines'),
    [
        (None, []),
        (
            CALIBRATED,
            [
                'thresholds: per finding, calibrated on val.json (split: val, 9 images;'
                ' best.thresholds.json); not chosen but default: Nodule/Mass (no '
                'detections)',
                'note: mind this',
            ],
        ),
        (
            {'source': 'default', 'score_thr': 0.3, 'notes': []},
            ['thresholds: 0.3 for all findings, the default'],
        ),
        (
            {'source': 'config', 'score_thr': 0.2, 'notes': []},
            ['thresholds: as the config sets them'],
        ),
    ],
    ids=['classifier', 'calibrated', 'default', 'config'],
)
def test_the_table_names_the_thresholds(metrics, thresholds, lines):
    before = table(metrics).splitlines()
    metrics['thresholds'] = thresholds
    assert table(metrics).splitlines() == before + lines


def test_thresholds_of_the_config_stand():
    cfg = load_config(
        CONFIGS / 'swin_vindr_demo.py', {'test_evaluator.1.score_thr': 0.2}
    )
    chosen = _set_thresholds(cfg, 'none', 'auto', False)
    assert (chosen.source, chosen.score_thr) == ('config', 0.2)
    assert cfg.test_evaluator[1].score_thr == 0.2


def test_only_metrics_with_a_threshold_are_given_one():
    cfg = load_config(CONFIGS / 'swin_vindr_demo.py')
    names = [item.type for item in cfg.test_evaluator if _takes_thresholds(item)]
    assert names == ['mmlung.MeanIoU', 'mmlung.MaskIoU']
    classifier = load_config(CONFIGS / 'convnext_chestxray14_demo.py')
    assert _set_thresholds(classifier, 'none', 'auto', False) is None


def checkpoint(tmp_path, **meta):
    path = tmp_path / 'best.pth'
    torch.save({'meta': meta, 'state_dict': {}}, path)
    return str(path)


def test_a_checkpoint_of_the_same_findings_passes(tmp_path):
    check_findings_of(
        checkpoint(tmp_path, dataset_meta={'classes': FINDINGS}), FINDINGS
    )
    tupled = checkpoint(tmp_path, dataset_meta={'classes': tuple(FINDINGS)})
    check_findings_of(tupled, FINDINGS)
    check_findings_of(tupled, None)
    check_findings_of(checkpoint(tmp_path), FINDINGS)


@pytest.mark.parametrize(
    'trained', [FINDINGS[::-1], FINDINGS[:2]], ids=['order', 'fewer']
)
def test_a_checkpoint_of_other_findings_is_refused(tmp_path, trained):
    path = checkpoint(tmp_path, dataset_meta={'classes': trained})
    with pytest.raises(
        ValueError,
        match=rf'best\.pth was trained for {", ".join(trained)}, but the config asks '
        rf'for {", ".join(FINDINGS)}\..*`findings`',
    ):
        check_findings_of(path, FINDINGS)


@pytest.fixture
def cfg(tmp_path, write_classification_data):
    """A small classifier on four films, which is tested in a second."""
    folder = write_classification_data(tmp_path / 'data', FINDINGS)
    options = TINY | {'data_root': str(folder), 'work_dir': str(tmp_path / 'work')}
    return load_config(CONFIGS / 'convnext_chestxray14_demo.py', options)


def test_a_test_says_how_its_numbers_were_obtained(cfg, tmp_path):
    tested = run_test(cfg, 'none')
    metrics = tested.metrics
    assert metrics['schema'] == METRICS_SCHEMA
    assert metrics['checkpoint'] == {'file': None, 'sha256': None, 'untrained': True}
    data = metrics['data']
    assert (data['file'], data['images'], data['split']) == ('test.json', 4, 'test')
    assert data['sha256'] == file_sha256(tmp_path / 'data' / 'test.json')
    assert (data['split_family'], data['ground_truth']) == ('subset', 'drawn')
    assert metrics['seed'] == 0
    assert metrics['versions']['torch'] == torch.__version__.partition('+')[0]
    assert list(metrics['per_finding']) == FINDINGS
    assert metrics['per_finding']['Mass']['n_known'] == 3
    json.dumps(metrics, allow_nan=False)
    json.dumps(tested.predictions, allow_nan=False)
    assert tested.predictions['data'] == data
    assert [r.image for r in tested.results] == [
        *(f'2-{i}.png' for i in range(3)),
        '2-3.dicom',
    ]
    for result in tested.results:
        assert (tested.images_root / result.image).is_file()


def test_facts_of_the_films_become_subgroups(cfg, tmp_path):
    path = tmp_path / 'data' / 'test.json'
    content = json.loads(path.read_text())
    for number, item in enumerate(content['data_list']):
        facts = {'sex': 'FM'[number % 2], 'age': 30 + 20 * number, 'view': 'PA'}
        item.update(facts, study_id=f's{number}', PatientName='Doe')
    path.write_text(json.dumps(content))
    tested = run_test(copy.deepcopy(cfg), 'none')
    assert list(tested.metrics['subgroups']) == ['sex', 'age', 'view']
    assert tested.metrics['subgroups']['sex']['groups']['F']['images'] == 2
    assert 'by sex, mean AUC over' in table(tested.metrics)
    assert [r.age for r in tested.results] == [30, 50, 70, 90]
    assert [r.study_id for r in tested.results] == ['s0', 's1', 's2', 's3']
    assert 'Doe' not in json.dumps(tested.predictions)
    tested = run_test(cfg, 'none', subgroups=False)
    assert 'subgroups' not in tested.metrics


def test_the_auc_of_studies(cfg, tmp_path):
    path = tmp_path / 'data' / 'test.json'
    content = json.loads(path.read_text())
    for number, item in enumerate(content['data_list']):
        item['study_id'] = f's{number // 2}'
    path.write_text(json.dumps(content))
    use_study_level(cfg, 'mean')
    metrics = run_test(cfg, 'none').metrics
    assert metrics['metrics']['n_studies'] == 2
    (evaluator,) = metrics['evaluators']
    assert (evaluator['level'], evaluator['aggregate']) == ('study', 'mean')


def test_another_data_set_is_tested_on_the_shared_findings(cfg, tmp_path):
    path = tmp_path / 'data' / 'test.json'
    content = json.loads(path.read_text('utf-8'))
    content['metainfo'] |= {
        'classes': [FINDINGS[0], *CHEXPERT[5 : 5 + len(FINDINGS[1:])]]
    }
    path.write_text(json.dumps(content), encoding='utf-8')
    use_findings_map(cfg, [f'{FINDINGS[0]}={FINDINGS[0]}'])
    tested = run_test(cfg, 'none')
    mapping = tested.metrics['data']['findings_map']
    assert mapping['shared'] == {FINDINGS[0]: [FINDINGS[0]]}
    assert mapping['not_labelled_by_the_data'] == list(FINDINGS[1:])
    assert tested.metrics['metrics']['mAUC_findings'] <= 1
    assert 'findings mapped, 1 shared' in table(tested.metrics)


def test_boxes_have_no_findings_map():
    cfg = load_config(CONFIGS / 'swin_vindr_demo.py')
    with pytest.raises(ValueError, match='--map-findings needs a classifier'):
        use_findings_map(cfg, ['auto'])


def test_boxes_have_no_studies():
    detector = load_config(CONFIGS / 'swin_vindr_demo.py')
    with pytest.raises(ValueError, match=r'needs mmlung\.MeanAUC .* has mmlung\.'):
        use_study_level(detector)


def test_a_release_without_test_labels_is_tested_on_val(cfg, tmp_path, capsys):
    data = tmp_path / 'data'
    (data / 'test.json').rename(data / 'test_unlabelled.json')
    tested = run_test(cfg, 'none')
    assert tested.metrics['data']['split'] == 'val'
    assert tested.metrics['data']['file'] == 'val.json'
    assert 'split: val (subset)' in table(tested.metrics)
    assert 'test_unlabelled.json has no labels' in capsys.readouterr().out


def test_without_val_the_converter_is_named(cfg, tmp_path):
    data = tmp_path / 'data'
    (data / 'test.json').rename(data / 'test_unlabelled.json')
    (data / 'val.json').unlink()
    with pytest.raises(
        ValueError, match=r'no labels and there is no val\.json.*--val-f'
    ):
        run_test(cfg, 'none')


def test_a_checkpoint_of_another_network_is_refused(cfg, tmp_path):
    path = tmp_path / 'other.pth'
    torch.save({'state_dict': {'backbone.norm.weight': torch.ones(2)}}, path)
    with pytest.raises(
        ValueError, match=r'other\.pth does not fit the network of the config'
    ):
        run_test(cfg, str(path))


def test_missing_parts_are_said(cfg, tmp_path):
    with pytest.raises(FileNotFoundError, match=r'checkpoint \S*absent\.pth'):
        run_test(cfg, str(tmp_path / 'absent.pth'))
    cfg.pop('tta_model', None)
    with pytest.raises(ValueError, match='--tta needs tta_model and tta_pipeline'):
        run_test(cfg, 'none', tta=True)


def test_one_point_of_the_froc_curve_is_shown():
    row = {'CPM': 0.5, 'sensitivity@0.125': 0.1, 'sensitivity@1': 0.4}
    metrics = {
        'per_finding': {'Mass': row},
        'metrics': {**row, 'kaggle_boxes/No finding': 7.0},
        'data': {
            'split': 'test',
            'split_family': 'subset',
            'images': 3,
            'dataset': 'vindr-cxr',
            'ground_truth': 'consensus',
        },
    }
    lines = table(metrics).splitlines()
    assert lines[0].split() == ['finding', 'CPM', 'sensitivity@1']
    assert any(line.split() == ['sensitivity@0.125', '0.100'] for line in lines)
    assert any(line.endswith(' 7') for line in lines)
