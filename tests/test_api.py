"""Public names, frozen: to remove or rename one is a decision, taken here as well."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest
from mmengine.registry import DATASETS
from mmengine.registry import HOOKS
from mmengine.registry import METRICS
from mmengine.registry import MODELS
from mmengine.registry import OPTIM_WRAPPERS
from mmengine.registry import TRANSFORMS

from mmlung import registry
from mmlung.cli import COMMANDS

REPO = Path(__file__).resolve().parent.parent

REGISTERED = {
    'MODELS': {'MaskUnknown'},
    'DATASETS': {'ChestClassificationDataset', 'ChestDetectionDataset'},
    'DATA_SAMPLERS': {'ClassBalancedSampler', 'HealthyRatioSampler'},
    'TRANSFORMS': {'LoadChestImage', 'PackChestInputs', 'RandomExposure'},
    'METRICS': {
        'BestIoU',
        'CamLocalization',
        'CollectPredictions',
        'FROC',
        'KaggleAP',
        'MaskIoU',
        'MeanAP',
        'MeanAUC',
        'MeanIoU',
    },
    'HOOKS': {
        'HeadWarmUpHook',
        'PlainCheckpointHook',
        'PositiveWeightHook',
        'ResumeExactly',
    },
    'OPTIM_WRAPPERS': {'CpuAmpOptimWrapper'},
    'OPTIM_WRAPPER_CONSTRUCTORS': {'LayerDecayOptimWrapperConstructor'},
}
EXPORTED = {
    'mmlung.structured_report': {
        'secondary_capture',
        'structured_report',
        'write_structured_report',
    },
    'mmlung.datasets': {
        'ChestClassificationDataset',
        'ChestDetectionDataset',
        'ClassBalancedSampler',
        'HealthyRatioSampler',
        'LoadChestImage',
        'PackChestInputs',
        'RandomExposure',
        'draw_epoch',
        'repeat_factors',
    },
    'mmlung.explain': {
        'METHODS',
        'Explainer',
        'Explanation',
        'OpenedFilm',
        'explain',
        'load_model',
    },
    'mmlung.inferencer': {'FilmSource', 'Inferencer', 'films_of'},
    'mmlung.report': {
        'gaps',
        'holds_films',
        'read_sources',
        'shown_films',
        'write_report',
    },
    'mmlung.models': {'MaskUnknown'},
    'mmlung.dicom': {'ChestImage', 'image_size_hw', 'read_image'},
    'mmlung.evaluation': {
        'BoxRule',
        'CamLocalization',
        'MapScore',
        'cam_localization',
        'score_map',
        'Cutoff',
        'operating_thresholds',
        'Platt',
        'fit_platt',
        'at_threshold',
        'rates_at',
        'ReliabilityCurve',
        'brier_score',
        'calibration_errors',
        'expected_calibration_error',
        'reliability_curve',
        'FROC',
        'BestIoU',
        'CollectPredictions',
        'DeLongAUC',
        'DeLongTest',
        'FrocCurve',
        'ImageDetections',
        'KaggleAP',
        'MaskIoU',
        'MeanAP',
        'MeanAUC',
        'MeanIoU',
        'PrCurve',
        'RocCurve',
        'ScoredImage',
        'age_band',
        'best_iou',
        'binary_auc',
        'binary_auprc',
        'cluster_weights',
        'count_conflicts',
        'delong_auc',
        'delong_covariance',
        'delong_test',
        'froc',
        'froc_curve',
        'kaggle_ap',
        'mask_iou',
        'mean_ap',
        'mean_auc',
        'mean_iou',
        'percentile_interval',
        'pool_studies',
        'pr_curve',
        'read_detections',
        'read_scores',
        'roc_curve',
        'subgroup_auc',
        'with_intervals',
    },
    'mmlung.phantom': {
        'VINDR_FINDINGS',
        'Case',
        'Lesion',
        'draw_case',
        'write_chestxray14',
        'write_chexpert',
        'write_mimic_cxr',
        'write_vindr',
    },
}
OFFERED = {
    'mmlung.boxes': {'box_iou', 'fuse_boxes', 'match_greedy', 'match_optimal'},
    'mmlung.training.positive_weight': {'positive_weights'},
    'mmlung.findings': {
        'ABSENT',
        'CHESTXRAY14',
        'CHESTXRAY14_BOXES',
        'PRESENT',
        'UNKNOWN',
        'VINDR_GLOBAL',
        'VINDR_KAGGLE',
        'VINDR_LOCAL',
        'canonical_finding',
    },
    'mmlung.result': {
        'FailedImage',
        'Finding',
        'ImageResult',
        'MadeBy',
        'ModelFiles',
        'SCHEMA',
        'read_predictions',
    },
    'mmlung.comparison.compare': {'compare'},
    'mmlung.comparison.pairing': {'pair_up'},
    'mmlung.comparison.summary': {'summarize'},
    'mmlung.comparison.pooling': {'pool_predictions', 'pooled_auc'},
    'mmlung.config': {'load_config', 'spread_init_checkpoint', 'spread_knobs'},
    'mmlung.checkpoint': {'fetch', 'load_checkpoint', 'trust', 'use_safe_loading'},
    'mmlung.running': {'build_runner', 'config_of'},
    'mmlung.scorecard.run': {'Scorecard', 'run_test', 'table', 'write_json'},
    'mmlung.calibration.calibrate': {'calibrate', 'thresholds_table'},
    'mmlung.calibration.classifier_file': {
        'Calibration',
        'choose_calibration',
        'read_calibration',
    },
    'mmlung.calibration.thresholds_file': {'choose_thresholds', 'read_thresholds'},
    'mmlung.submission.kaggle_csv': {
        'SubmittedImage',
        'read_submission',
        'submission_text',
    },
    'mmlung.submission.predict': {'Submission', 'predict_submission'},
    'mmlung.submission.score': {'score_submission'},
    'mmlung.figures': {
        'draw_contact_sheet',
        'draw_curves',
        'draw_reliability',
        'draw_results',
        'draw_roc',
    },
}


@pytest.mark.parametrize('name', REGISTERED)
def test_registered_names(name):
    own = getattr(registry, name)
    own.import_from_location()
    assert set(own.module_dict) == REGISTERED[name]


def test_the_registries_are_all_frozen():
    registries = {
        name
        for name, value in vars(registry).items()
        if isinstance(value, registry.Registry) and not name.startswith('MMENGINE_')
    }
    assert registries == set(REGISTERED)


@pytest.mark.parametrize('module', EXPORTED)
def test_exported_names(module):
    exported = importlib.import_module(module)
    assert set(exported.__all__) == EXPORTED[module]
    for name in exported.__all__:
        assert hasattr(exported, name)


@pytest.mark.parametrize('module', OFFERED)
def test_offered_names(module):
    names = set(dir(importlib.import_module(module)))
    assert OFFERED[module] <= names, f'gone: {OFFERED[module] - names}'


def test_commands():
    assert set(COMMANDS) == {
        'doctor',
        'convert',
        'train',
        'calibrate',
        'test',
        'predict',
        'gradcam',
        'report',
        'compare',
        'summarize',
        'submission',
        'phantom',
        'cam-benchmark',
    }


@pytest.mark.parametrize(
    ('root', 'name'),
    [
        (MODELS, 'MaskUnknown'),
        (DATASETS, 'ChestDetectionDataset'),
        (TRANSFORMS, 'LoadChestImage'),
        (METRICS, 'MeanAP'),
        (HOOKS, 'PlainCheckpointHook'),
        (OPTIM_WRAPPERS, 'CpuAmpOptimWrapper'),
    ],
    ids=lambda value: getattr(value, 'name', value),
)
def test_a_config_finds_ours_by_the_scope(root, name):
    assert root.get(f'mmlung.{name}').__name__ == name


def test_the_scope_is_enough_in_a_fresh_process():
    code = (
        'import mmlung\n'
        'from mmengine.registry import MODELS, TRANSFORMS, DefaultScope\n'
        'DefaultScope.get_instance("x", scope_name="mmdet")\n'
        'import mmdet\n'
        'print(MODELS.get("mmlung.MaskUnknown"))\n'
        'print(TRANSFORMS.get("mmlung.RandomExposure"))'
    )
    done = subprocess.run(
        [sys.executable, '-c', code],
        cwd=REPO,
        capture_output=True,
        text=True,
        check=True,
    )
    assert 'MaskUnknown' in done.stdout
    assert 'RandomExposure' in done.stdout
