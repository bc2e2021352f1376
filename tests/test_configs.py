"""Every config: named by the rule, loaded, built, and stepped through on tiny films."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

from mmlung import findings
from mmlung.config import load_config
from mmlung.datasets import ChestClassificationDataset
from mmlung.datasets import ChestDetectionDataset
from mmlung.registry import MODELS

CONFIGS = Path(__file__).resolve().parent.parent / 'configs'
LEAVES = sorted(CONFIGS.glob('*.py'))
ALL = sorted(CONFIGS.rglob('*.py'))
VOCABULARY = {
    'vindr': findings.VINDR_KAGGLE,
    'chestxray14': findings.CHESTXRAY14,
    'chestxray14-boxes': findings.CHESTXRAY14_BOXES,
}
# {backbone}[-{size}][_{head}]_{dataset}[_{variant}]
NAME = re.compile(
    r'(?P<backbone>swin|convnext|vit|resnet)(-[a-z0-9]+)?'
    r'(_(?P<head>retinanet|multitask))?'
    rf'_(?P<dataset>{"|".join(sorted(VOCABULARY, key=len, reverse=True))})'
    r'(_(?P<variant>[a-z0-9-]+))?'
)
EVERY_LEAF = pytest.mark.parametrize('path', LEAVES, ids=lambda path: path.stem)
EVERY_FILE = pytest.mark.parametrize(
    'path', ALL, ids=lambda path: str(path.relative_to(CONFIGS))
)
LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')


@cache
def loaded(path):
    """The config as it is; only to be read."""
    return load_config(path)


def test_the_promised_configs_are_there():
    assert {
        'swin_vindr',
        'swin_vindr_demo',
        'swin_retinanet_vindr',
        'swin_chestxray14-boxes',
        'convnext_chestxray14',
        'convnext_chestxray14_demo',
    } <= {path.stem for path in LEAVES}


@EVERY_LEAF
def test_the_name_follows_the_rule(path):
    assert NAME.fullmatch(path.stem)


@EVERY_LEAF
def test_the_findings_are_the_data_sets_own(path):
    official = VOCABULARY[NAME.fullmatch(path.stem)['dataset']]
    chosen = tuple(loaded(path).findings)
    if path.stem.endswith('_demo'):
        assert chosen == tuple(name for name in official if name in chosen)
    else:
        assert chosen == official


def own_bases(path):
    """Those files of ours that a config inherits from."""
    for node in ast.parse(path.read_text('utf-8')).body:
        if isinstance(node, ast.Assign) and node.targets[0].id == '_base_':
            bases = ast.literal_eval(node.value)
            bases = [bases] if isinstance(bases, str) else bases
            return [path.parent / base for base in bases if '::' not in base]
    return []


def depth(path):
    return max((1 + depth(base) for base in own_bases(path)), default=0)


@EVERY_LEAF
def test_inheritance_is_shallow(path):
    assert depth(path) <= 3


@EVERY_FILE
def test_a_config_says_what_it_is_and_names_no_place(path):
    text = path.read_text('utf-8')
    assert text.startswith('# ')
    strings = [
        node.value
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    absolute = [s for s in strings if s.startswith(('/', '~', 'C:'))]
    assert not absolute
    roots = [s for s in strings if 'MMLUNG_DATA' in s]
    assert all(re.fullmatch(r'\{\{\$MMLUNG_DATA:data\}\}/[\w-]+/', s) for s in roots)


@EVERY_LEAF
def test_ours_is_visible_at_a_glance(path):
    """Types of ours are written mmlung.X; the scope is that of the host framework."""
    cfg = loaded(path)
    assert cfg.default_scope in ('mmdet', 'mmpretrain')
    assert cfg.custom_imports.imports == ['mmlung']
    for name in LOADERS:
        assert cfg[name].dataset.type.startswith('mmlung.')
        assert cfg[name].dataset.converter in ('vindr', 'chestxray14')


@EVERY_LEAF
def test_weights_are_pinned_or_none(path):
    url = loaded(path).init_checkpoint
    if path.stem.endswith('_demo'):
        assert url is None
    else:
        assert re.fullmatch(
            r'https://download\.openmmlab\.com/\S+-[0-9a-f]{8}\.pth', url
        )


@EVERY_LEAF
def test_a_dumped_config_is_the_same_config(path, tmp_path):
    """The copy in the work dir can be used in place of the original."""
    cfg = loaded(path)
    cfg.dump(tmp_path / 'copy.py')
    assert load_config(tmp_path / 'copy.py').to_dict() == cfg.to_dict()
    assert Config.fromfile(tmp_path / 'copy.py').to_dict() == cfg.to_dict()


@pytest.fixture
def small(tmp_path, write_detection_data, write_classification_data):
    """(path) -> the config on tiny films of its own findings, at 64 px."""

    def make(path):
        detects = loaded(path).default_scope == 'mmdet'
        write = write_detection_data if detects else write_classification_data
        write(tmp_path, loaded(path).findings)
        options = {'data_root': str(tmp_path), 'img_size': 64, 'init_checkpoint': None}
        for name in LOADERS:
            options[f'{name}.num_workers'] = 0
            options[f'{name}.batch_size'] = 2
        cfg = load_config(path, options)
        init_default_scope(cfg.default_scope)
        return cfg

    return make


@EVERY_LEAF
def test_trains_and_predicts(path, small):
    cfg = small(path)
    torch.manual_seed(0)
    model = MODELS.build(cfg.model | preprocessor_of(cfg))
    batch = next(iter(Runner.build_dataloader(cfg.train_dataloader, seed=0)))
    losses = model(**model.data_preprocessor(batch, training=True), mode='loss')
    loss, parsed = model.parse_losses(losses)
    assert torch.isfinite(loss)
    assert all(torch.isfinite(value).all() for value in parsed.values())
    loss.backward()
    touched = [p.grad is not None for p in model.parameters() if p.requires_grad]
    assert sum(touched) > 0.9 * len(touched)

    cfg.test_dataloader.dataset.indices = 2  # films: each takes seconds
    loader = Runner.build_dataloader(cfg.test_dataloader, seed=0)
    evaluator = Evaluator(cfg.val_evaluator)
    evaluator.dataset_meta = loader.dataset.metainfo
    model.eval()
    (batch,) = loader
    with torch.no_grad():
        samples = model.test_step(batch)
    assert len(samples) == 2
    for sample in samples:
        check_prediction(cfg, sample)
    evaluator.process(data_samples=samples, data_batch=batch)
    numbers = evaluator.evaluate(2)
    assert cfg.default_hooks.checkpoint.save_best in numbers
    assert set(cfg.findings) <= {key.partition('/')[2] for key in numbers}


def preprocessor_of(cfg):
    """mmpretrain keeps it beside the model, and its Runner puts it in."""
    if 'data_preprocessor' not in cfg:
        return {}
    scope = 'mmpretrain.ClsDataPreprocessor'
    return {'data_preprocessor': {'type': scope} | cfg.data_preprocessor}


def check_prediction(cfg, sample):
    """In pixels of the original film, with the truth beside it."""
    height, width = sample.ori_shape
    assert {height, width} <= {64, 72, 80}
    assert sample.file_name
    assert sample.patient_id == 'p0'
    if cfg.default_scope == 'mmdet':
        boxes = sample.pred_instances.bboxes
        assert (boxes >= 0).all()
        assert (boxes <= torch.tensor([width, height, width, height])).all()
        truth = sample.gt_instances.bboxes
        truth = getattr(truth, 'tensor', truth)
        assert {tuple(box) for box in truth.tolist()} <= {
            (8, 12, 26, 42),
            (28, 12, 54, 42),
        }
    else:
        assert sample.pred_score.shape == sample.gt_score.shape == (len(cfg.findings),)
        assert sample.gt_score.isnan().any()


@EVERY_LEAF
def test_the_pipelines_give_what_the_models_take(path, small):
    cfg = small(path)
    detects = cfg.default_scope == 'mmdet'
    for part in LOADERS:
        dataset = Runner.build_dataloader(cfg[part], seed=0).dataset
        kind = ChestDetectionDataset if detects else ChestClassificationDataset
        assert isinstance(dataset, kind)
        assert list(dataset.metainfo['classes']) == list(cfg.findings)
        samples = list(dataset)
        assert len(samples) == 4  # the healthy film is there
        for sample in samples:
            inputs = sample['inputs']
            assert inputs.dtype == torch.uint8
            assert inputs.shape[0] == (3 if detects else 1)
            assert max(inputs.shape[1:]) == 64
            assert sample['data_samples'].img_shape == tuple(inputs.shape[1:])
        if detects and part != 'train_dataloader':  # there, a box may be moved out
            truth = [sample['data_samples'].gt_instances for sample in samples]
            assert [len(boxes) for boxes in truth] == [0, 2, 2, 2]
