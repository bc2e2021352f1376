"""Every config: named by the rule, loaded, built, and stepped through on tiny films."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.evaluator import BaseMetric
from mmengine.evaluator import Evaluator
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.runner import CheckpointLoader
from mmengine.runner import Runner

from mmlung import findings
from mmlung.checkpoint import load_checkpoint
from mmlung.checkpoint import use_safe_loading
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
    'mimic-to-chestxray14': findings.CHESTXRAY14,
    'mimic': findings.CHEXPERT,
    'chexpert': findings.CHEXPERT,
}
OF_VARIANT = {('vindr', '22findings'): findings.VINDR_LOCAL}
# {backbone}[-{size}][_{head}]_{dataset}[_{variant}], a demo's variants after it
NAME = re.compile(
    r'(?P<backbone>swin|convnext|convnextv2|vit|resnet)(-[a-z0-9]+)?'
    r'(_(?P<head>retinanet|multitask|csra))?'
    rf'_(?P<dataset>{"|".join(sorted(VOCABULARY, key=len, reverse=True))})'
    r'(_(?P<variant>demo_[a-z0-9-]+|[a-z0-9-]+))?'
)
EVERY_LEAF = pytest.mark.parametrize('path', LEAVES, ids=lambda path: path.stem)
EVERY_FILE = pytest.mark.parametrize(
    'path', ALL, ids=lambda path: str(path.relative_to(CONFIGS))
)
CONVERTERS = ('vindr', 'chestxray14', 'chexpert', 'mimic-cxr')
LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
FULL_SIZE = [
    path
    for path in LEAVES
    if re.fullmatch(r'swin.*_(vindr(_22findings)?|chestxray14-boxes)', path.stem)
]
EVERY_FULL_SIZE = pytest.mark.parametrize('path', FULL_SIZE, ids=lambda path: path.stem)


def is_demo(path):
    return re.search(r'_demo(_|$)', path.stem) is not None


@cache
def loaded(path):
    """The config as it is; only to be read."""
    return load_config(path)


def test_the_promised_configs_are_there():
    assert {
        'swin_vindr',
        'swin_vindr_demo',
        'swin-s_vindr',
        'swin-b_vindr',
        'swin_vindr_22findings',
        'swin_retinanet_vindr',
        'swin-s_retinanet_vindr',
        'swin_retinanet_vindr_22findings',
        'swin_chestxray14-boxes',
        'convnext_chestxray14',
        'convnext_chestxray14_demo',
        'convnext_chestxray14_demo_asl',
        'convnext_csra_chestxray14_demo',
        'convnext_chexpert',
        'convnext_mimic',
        'convnextv2-b_chestxray14_512px',
        'convnextv2-b_mimic',
        'convnextv2-b_mimic-to-chestxray14',
    } <= {path.stem for path in LEAVES}


@EVERY_LEAF
def test_the_name_follows_the_rule(path):
    assert NAME.fullmatch(path.stem)


@EVERY_LEAF
def test_the_findings_are_the_data_sets_own(path):
    name = NAME.fullmatch(path.stem)
    official = VOCABULARY[name['dataset']]
    official = OF_VARIANT.get((name['dataset'], name['variant']), official)
    chosen = tuple(loaded(path).findings)
    if is_demo(path):
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


KAGGLE_CONFIGS = {
    'swin_vindr', 'swin-s_vindr', 'swin-b_vindr', 'swin_retinanet_vindr',
    'swin-s_retinanet_vindr',
}  # fmt: skip


@EVERY_LEAF
def test_a_detector_is_tested_with_every_metric_that_fits(path):
    cfg = loaded(path)
    if cfg.default_scope != 'mmdet':
        pytest.skip('no detector')
    assert all(metric.bootstrap == 1000 for metric in cfg.test_evaluator)
    names = [metric.type.partition('.')[2] for metric in cfg.test_evaluator]
    kaggle = ['KaggleAP'] if path.stem in KAGGLE_CONFIGS else []
    assert names == ['MeanAP', 'MeanIoU', 'MaskIoU', 'FROC', 'BestIoU', *kaggle]
    assert bool(kaggle) == (tuple(cfg.findings) == findings.VINDR_KAGGLE)


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
        assert cfg[name].dataset.converter in CONVERTERS


@EVERY_LEAF
def test_weights_are_pinned_or_none(path):
    url = loaded(path).init_checkpoint
    if is_demo(path):
        assert url is None
    elif '-to-' in path.stem:
        first = path.stem.partition('-to-')[0]
        assert url == f'work_dirs/{first}/best.pth'
        assert path.with_name(f'{first}.py') in LEAVES
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


@EVERY_FULL_SIZE
def test_the_recipe_of_fine_tuning(path):
    cfg = loaded(path)
    ema = cfg.default_hooks.ema
    assert (ema.type, ema.ema_type) == ('EMAHook', 'MomentumAnnealingEMA')
    assert cfg.optim_wrapper.constructor == 'mmlung.LayerDecayOptimWrapperConstructor'
    assert cfg.optim_wrapper.optimizer.type == 'AdamW'
    warm_up, cosine = cfg.param_scheduler
    assert warm_up.type == 'LinearLR'
    assert (cosine.type, cosine.eta_min_ratio) == ('CosineAnnealingLR', 0.01)
    test_cfg = cfg.model.test_cfg.get('rcnn', cfg.model.test_cfg)
    assert (test_cfg.score_thr, test_cfg.nms.iou_threshold) == (0.001, 0.5)
    steps = [step.type for step in cfg.train_dataloader.dataset.pipeline]
    assert {'RandomAffine', 'mmlung.RandomExposure'} <= set(steps)
    assert 'RandomFlip' not in steps
    sampler = cfg.train_dataloader.sampler
    if 'vindr' in path.stem:
        assert sampler.type == 'mmlung.HealthyRatioSampler'
        assert (sampler.healthy_per_abnormal, sampler.oversample_thr) == (0.25, None)


HEAD_FIRST = [path for path in LEAVES if path.stem.startswith('convnextv2-b')]


class TwoParts(BaseModel):
    def __init__(self):
        super().__init__()
        self.backbone = torch.nn.Linear(1, 1)
        self.head = torch.nn.Linear(1, 1)

    def forward(self, inputs, mode):
        return {'loss': self.head(self.backbone(torch.stack(inputs))).sum()}


class Rates(Hook):
    """Rates of head and backbone, and the backbone's weight, after each epoch."""

    priority = 'VERY_HIGH'  # before the schedulers step

    def __init__(self):
        self.head, self.backbone, self.weights = [], [], []

    def after_train_iter(self, runner, *args, **kwargs):
        if self.is_last_train_iter(runner) or self.end_of_epoch(
            runner.train_dataloader, kwargs['batch_idx']
        ):
            groups = runner.optim_wrapper.param_groups
            rate = {id(p): group['lr'] for group in groups for p in group['params']}
            self.head.append(rate[id(runner.model.head.weight)])
            self.backbone.append(rate[id(runner.model.backbone.weight)])
            self.weights.append(runner.model.backbone.weight.item())


@pytest.mark.parametrize('path', HEAD_FIRST[:1], ids=lambda path: path.stem)
def test_first_the_head_alone_then_both(path, tmp_path):
    """Three epochs at 1e-3, the backbone frozen; then 1e-4 and 1e-5, falling."""
    cfg = load_config(path, {'max_epochs': 8})
    (warm_up,) = [h for h in cfg.custom_hooks if h.type == 'mmlung.HeadWarmUpHook']
    rates = Rates()
    model = TwoParts()
    first = model.backbone.weight.item()
    Runner(
        model,
        str(tmp_path),
        train_dataloader={
            'batch_size': 1,
            'num_workers': 0,
            'dataset': [{'inputs': torch.ones(1)}] * 70,  # 200 steps of warm-up
            'sampler': {'type': 'DefaultSampler', 'shuffle': False},
        },
        train_cfg=cfg.train_cfg,
        optim_wrapper=cfg.optim_wrapper,
        param_scheduler=cfg.param_scheduler,
        default_hooks={'checkpoint': None, 'logger': None},
        custom_hooks=[warm_up, rates],
        default_scope='mmpretrain',
        experiment_name=path.stem,
        log_level='WARNING',
    ).train()
    assert rates.weights[:3] == [first] * 3
    assert len(set(rates.weights[2:])) == len(rates.weights[2:]) == 6
    head = rates.head
    assert head[2] == pytest.approx(1e-3)
    assert head[3] == pytest.approx(0.9e-4, rel=0.03)  # a fifth of the cosine
    assert head[3:] == sorted(head[3:], reverse=True)
    assert head[-1] == pytest.approx(1e-6, rel=0.1)
    assert rates.backbone[3:] == pytest.approx([rate / 10 for rate in head[3:]])


@pytest.mark.parametrize('path', HEAD_FIRST, ids=lambda path: path.stem)
def test_the_head_is_warmed_up_as_long_as_its_schedule_says(path):
    cfg = loaded(path)
    (warm_up,) = [h for h in cfg.custom_hooks if h.type == 'mmlung.HeadWarmUpHook']
    _, step, cosine = cfg.param_scheduler
    assert [warm_up.epochs] == step.milestones == [cosine.begin] == [3]
    assert cfg.find_unused_parameters
    assert cfg.default_hooks.ema.momentum == 1e-4


@pytest.mark.parametrize('path', HEAD_FIRST, ids=lambda path: path.stem)
def test_a_training_that_ends_before_its_second_phase_is_refused(path):
    with pytest.raises(ValueError, match=r'max_epochs must be greater than 3.*got 3'):
        load_config(path, {'max_epochs': 3})
    cosine = load_config(path, {'max_epochs': 4}).param_scheduler[-1]
    assert (cosine.begin, cosine.end, cosine.T_max) == (3, 4, 1)


class Line(BaseModel):
    """One weight that learns to be 1; its validation tells the weight."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(3))

    def forward(self, inputs, mode):
        if mode == 'loss':
            return {
                'loss': (self.weight * torch.stack(inputs).mean() - 1).square().sum()
            }
        return [self.weight.detach().clone()]


class Weight(BaseMetric):
    def process(self, data_batch, data_samples):
        self.results += data_samples

    def compute_metrics(self, results):
        return {'AP40': float(results[0][0])}


class Watch(Hook):
    """The weights after each step, and what the validations saw."""

    def __init__(self):
        self.steps = []
        self.validated = []

    def after_train_iter(self, runner, *args, **kwargs):
        self.steps.append(runner.model.weight.detach().clone())

    def after_val_epoch(self, runner, metrics=None):
        self.validated.append(metrics['AP40'])


def runner_of_line(work_dir, max_epochs, watch, **kwargs):
    """A tiny training with the hooks of a config."""
    cfg = loaded(CONFIGS / 'swin_retinanet_vindr.py')
    loader = {
        'batch_size': 1,
        'num_workers': 0,
        'sampler': {'type': 'DefaultSampler', 'shuffle': False},
        'dataset': [{'inputs': torch.ones(1)}] * 5,
    }
    held_out = loader | {'dataset': loader['dataset'][:1]}
    return Runner(
        Line(),
        str(work_dir),
        train_dataloader=loader,
        val_dataloader=held_out,
        test_dataloader=held_out,
        train_cfg={'by_epoch': True, 'max_epochs': max_epochs, 'val_interval': 1},
        val_cfg={},
        val_evaluator=Evaluator(Weight()),
        test_cfg={},
        test_evaluator=Evaluator(Weight()),
        optim_wrapper={'optimizer': {'type': 'SGD', 'lr': 0.05}},
        default_hooks=cfg.default_hooks,
        custom_hooks=[{'type': 'mmlung.PlainCheckpointHook'}, watch],
        default_scope='mmdet',
        experiment_name=f'{work_dir.name}-{max_epochs}',
        log_level='WARNING',
        **kwargs,
    )


def trained_line(*args, **kwargs):
    """What was watched along a training."""
    watch = Watch()
    runner_of_line(*args, watch=watch, **kwargs).train()
    return watch


def average(steps):
    """The definition: each step's share is gamma / (gamma + step)."""
    mean = steps[0]
    for number, weight in enumerate(steps[1:], start=1):
        mean = mean + (weight - mean) * max(2e-4, 10 / (10 + number))
    return mean


def test_validation_and_best_checkpoint_hold_the_average(tmp_path):
    watch = trained_line(tmp_path, max_epochs=3)
    means = [average(watch.steps[:n]) for n in (5, 10, 15)]
    assert watch.validated == pytest.approx([float(mean[0]) for mean in means])
    (best,) = tmp_path.glob('best_AP40_epoch_3.pth')
    checkpoint = load_checkpoint(best)  # without pickle
    torch.testing.assert_close(checkpoint['state_dict']['weight'], means[-1])
    assert not torch.allclose(means[-1], watch.steps[-1])
    latest = load_checkpoint(tmp_path / 'epoch_3.pth')
    torch.testing.assert_close(latest['state_dict']['weight'], means[-1])
    kept = latest['ema_state_dict']['module.weight']  # to go on from
    torch.testing.assert_close(kept, watch.steps[-1])


def test_a_test_of_the_checkpoint_tests_the_average(tmp_path):
    watch = trained_line(tmp_path, max_epochs=2)
    best = tmp_path / 'best_AP40_epoch_2.pth'
    tested = runner_of_line(tmp_path / 't', 2, Watch(), load_from=str(best)).test()
    assert tested['AP40'] == pytest.approx(float(average(watch.steps)[0]))


@pytest.mark.parametrize('bare', [True, False], ids=['bare', 'checkpoint'])
def test_an_average_starts_from_given_weights(tmp_path, monkeypatch, bare):
    """A bare state dict has no 'state_dict', which mmengine's hook asks for."""
    monkeypatch.setattr(CheckpointLoader, '_schemes', {})
    use_safe_loading()
    weights = {'weight': torch.full((3,), 7.0)}
    path = tmp_path / 'init.pth'
    torch.save(weights if bare else {'state_dict': weights}, path)
    watch = trained_line(tmp_path / 'run', max_epochs=1, load_from=str(path))
    assert 5 < float(watch.steps[0][0]) < 9
    assert watch.validated == pytest.approx([float(average(watch.steps)[0])])


def test_a_resumed_average_goes_on(tmp_path):
    whole = trained_line(tmp_path / 'whole', max_epochs=3)
    trained_line(tmp_path / 'cut', max_epochs=2)
    resumed = trained_line(
        tmp_path / 'cut',
        max_epochs=3,
        resume=True,
        load_from=str(tmp_path / 'cut' / 'epoch_2.pth'),
    )
    assert resumed.validated == whole.validated[-1:]
    torch.testing.assert_close(resumed.steps, whole.steps[-5:])


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
        if path.stem.startswith('convnextv2'):  # a base network takes seconds
            arch = {'depths': [1, 1, 4, 1], 'channels': [8, 16, 32, 64]}
            arch['_delete_'] = True
            options['model.backbone.arch'] = arch
            options['model.head.in_channels'] = 64
        if 'roi_head' in loaded(path).model:  # a thousand proposals take seconds
            for stage in range(3):
                options[f'model.train_cfg.rcnn.{stage}.sampler.num'] = 32
            for part in ('train_cfg.rpn_proposal', 'test_cfg.rpn'):
                options[f'model.{part}.max_per_img'] = 50
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
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    wrapper.step()
    moved = {name for name, p in model.named_parameters() if (p != before[name]).any()}
    assert len(moved) > 0.9 * len(touched)
    if path in FULL_SIZE:
        check_layer_rates(wrapper.optimizer.param_groups)

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


def check_layer_rates(groups):
    """The stem learns at about a sixteenth of the rate, whatever the depth."""
    rates = {group['param_name']: group['lr'] for group in groups}
    assert max(rates.values()) == 1e-4
    stem = rates['backbone.patch_embed.projection.weight']
    assert stem == min(rates.values()) == pytest.approx(1e-4 / 16, rel=0.15)
    assert {rate for name, rate in rates.items() if 'backbone' not in name} == {1e-4}


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
