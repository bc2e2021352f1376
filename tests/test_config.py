from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmlung.config import load_config
from mmlung.config import spread_init_checkpoint
from mmlung.config import spread_knobs

CONFIGS = Path(__file__).resolve().parent.parent / 'configs'
CASCADE = CONFIGS / 'swin_vindr.py'
RETINANET = CONFIGS / 'swin_retinanet_vindr.py'
CLASSIFIER = CONFIGS / 'convnext_chestxray14.py'
LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
EVERY_KIND = pytest.mark.parametrize(
    'parent',
    [CASCADE, RETINANET, CLASSIFIER],
    ids=['cascade', 'retinanet', 'classifier'],
)


def child(tmp_path, parent, text):
    """A user's config that inherits one of ours by its path."""
    path = tmp_path / 'mine.py'
    path.write_text(f'_base_ = {str(parent)!r}\n{text}\n', encoding='utf-8')
    return path


def set_in_child(tmp_path, parent, **knobs):
    text = '\n'.join(f'{key} = {value!r}' for key, value in knobs.items())
    return load_config(child(tmp_path, parent, text))


def set_by_option(tmp_path, parent, **knobs):
    return load_config(parent, knobs)


HOWEVER_SET = pytest.mark.parametrize('load', [set_in_child, set_by_option])


def sizes(cfg):
    steps = [step for name in LOADERS for step in cfg[name].dataset.pipeline]
    steps += [*cfg.train_pipeline, *cfg.test_pipeline]
    return {tuple(step.scale) for step in steps if 'scale' in step}


def num_classes(node):
    if isinstance(node, list):
        return [n for item in node for n in num_classes(item)]
    if isinstance(node, dict):
        own = [node['num_classes']] if 'num_classes' in node else []
        return own + [n for item in node.values() for n in num_classes(item)]
    return []


@EVERY_KIND
@HOWEVER_SET
def test_findings_reach_heads_and_data_sets(tmp_path, parent, load):
    cfg = load(tmp_path, parent, findings=['Mass', 'Nodule'])
    for name in LOADERS:
        assert cfg[name].dataset.metainfo == {'classes': ['Mass', 'Nodule']}
    heads = num_classes(cfg.model)
    assert set(heads) == {2}
    assert len(heads) == (3 if parent == CASCADE else 1)


@EVERY_KIND
@HOWEVER_SET
def test_img_size_reaches_every_pipeline(tmp_path, parent, load):
    assert sizes(load(tmp_path, parent, img_size=96)) == {(96, 96)}


@EVERY_KIND
@HOWEVER_SET
def test_folders_reach_every_loader(tmp_path, parent, load):
    cfg = load(tmp_path, parent, data_root='elsewhere', images_root='films')
    for name in LOADERS:
        assert cfg[name].dataset.data_root == 'elsewhere'
        assert cfg[name].dataset.images_root == 'films'


@EVERY_KIND
@HOWEVER_SET
def test_max_epochs_reaches_loop_and_schedule(tmp_path, parent, load):
    cfg = load(tmp_path, parent, max_epochs=3)
    warm_up, cosine = cfg.param_scheduler
    assert cfg.train_cfg.max_epochs == cosine.end == cosine.T_max == 3
    assert cfg.train_cfg.val_interval <= 3
    assert warm_up.end == 500  # iterations


def test_a_short_training_is_still_validated():
    cfg = load_config(CONFIGS / 'swin_vindr_demo.py', {'max_epochs': 1})
    assert cfg.train_cfg.val_interval == 1


def test_a_loop_that_counts_iterations_has_no_epochs(tmp_path):
    text = (
        "train_cfg = dict(_delete_=True, type='IterBasedTrainLoop', max_iters=9)\n"
        "param_scheduler = [dict(type='ConstantLR', factor=1.0)]"
    )
    cfg = load_config(child(tmp_path, CASCADE, text))
    assert cfg.train_cfg == {'type': 'IterBasedTrainLoop', 'max_iters': 9}
    assert cfg.param_scheduler == [{'type': 'ConstantLR', 'factor': 1.0}]


def test_a_single_schedule_may_stand_without_a_list():
    cosine = {'type': 'CosineAnnealingLR', 'by_epoch': True, 'begin': 1, 'T_max': 8}
    cfg = Config({'max_epochs': 3, 'param_scheduler': cosine})
    spread_knobs(cfg)
    assert (cfg.param_scheduler.end, cfg.param_scheduler.T_max) == (3, 2)


def test_the_environment_variable_is_the_parent_of_all_data(monkeypatch):
    monkeypatch.setenv('MMLUNG_DATA', '/mnt/films')
    dataset = load_config(CASCADE).train_dataloader.dataset
    assert dataset.data_root == '/mnt/films/vindr-cxr/'


def test_options_beat_the_child(tmp_path):
    path = child(tmp_path, CASCADE, "img_size = 64\nfindings = ['Mass']")
    cfg = load_config(path, {'img_size': 128})
    assert sizes(cfg) == {(128, 128)}
    assert set(num_classes(cfg.model)) == {1}


def test_an_option_that_names_one_place_beats_the_knob():
    cfg = load_config(
        CASCADE,
        {
            'data_root': 'mine',
            'test_dataloader.dataset.data_root': 'theirs',
            'train_cfg.max_epochs': 5,
            'model.roi_head.bbox_head.0.num_classes': 7,
        },
    )
    assert cfg.val_dataloader.dataset.data_root == 'mine'
    assert cfg.test_dataloader.dataset.data_root == 'theirs'
    assert cfg.train_cfg.max_epochs == 5
    assert num_classes(cfg.model) == [7, 14, 14]


def test_knobs_reach_what_wrappers_hold():
    inner = {'type': 'D', 'pipeline': [{'type': 'Resize', 'scale': (1, 1)}]}
    tta = {
        'type': 'TestTimeAug',
        'transforms': [
            [{'type': 'Resize', 'scale': (1, 1)}, {'type': 'mmdet.Pad', 'size': 1}],
            [{'type': 'Pack'}],
        ],
    }
    crop = {'type': 'mmcv.CenterCrop', 'crop_size': 1}
    cfg = Config(
        {
            'img_size': 64,
            'data_root': 'mine',
            'train_dataloader': {
                'dataset': {'type': 'RepeatDataset', 'times': 2, 'dataset': inner}
            },
            'tta_pipeline': [{'type': 'RandomApply', 'transforms': [crop]}, tta],
        }
    )
    spread_knobs(cfg)
    dataset = cfg.train_dataloader.dataset
    assert 'data_root' not in dataset
    assert dataset.dataset.data_root == 'mine'
    assert dataset.dataset.pipeline[0].scale == (64, 64)
    random_apply, tta = cfg.tta_pipeline
    assert random_apply.transforms[0].crop_size == (64, 64)
    assert tta.transforms[0][0].scale == tta.transforms[0][1].size == (64, 64)


def test_knobs_reach_data_sets_that_are_joined():
    """Each keeps the folder that it names: the films of two releases lie apart."""
    resize = {'type': 'Resize', 'scale': (1, 1)}
    own = {'type': 'D', 'data_root': 'theirs', 'pipeline': [resize]}
    repeated = {'type': 'RepeatDataset', 'times': 2, 'dataset': {'type': 'E'}}
    cfg = Config(
        {
            'img_size': 64,
            'data_root': 'mine',
            'findings': ['Mass'],
            'train_dataloader': {
                'dataset': {'type': 'ConcatDataset', 'datasets': [own, repeated]}
            },
        }
    )
    spread_knobs(cfg)
    joined = cfg.train_dataloader.dataset
    assert set(joined) == {'type', 'datasets'}
    theirs, mine = joined.datasets[0], joined.datasets[1].dataset
    assert theirs.data_root == 'theirs'
    assert theirs.pipeline[0].scale == (64, 64)
    assert mine.data_root == 'mine'
    assert theirs.metainfo == mine.metainfo == {'classes': ['Mass']}


@pytest.mark.parametrize('load', [set_in_child, set_by_option])
def test_a_hook_that_is_none_is_switched_off(tmp_path, load):
    hooks = {'ema': None, 'logger': None}
    if load is set_by_option:
        cfg = load_config(RETINANET, {f'default_hooks.{name}': None for name in hooks})
    else:
        cfg = load(tmp_path, RETINANET, default_hooks=hooks)
    assert 'ema' in load_config(RETINANET).default_hooks
    assert 'ema' not in cfg.default_hooks
    assert cfg.default_hooks.logger is None  # mmengine's own, which it takes out itself
    assert cfg.default_hooks.checkpoint.save_best == 'AP40'


def test_a_config_without_knobs_passes_unchanged():
    content = {
        'model': {'type': 'M', 'num_classes': 80},
        'train_dataloader': {'dataset': {'type': 'D', 'data_root': 'coco'}},
        'val_dataloader': None,
        'train_cfg': {'max_epochs': 4},
    }
    cfg = Config(content)
    spread_knobs(cfg)
    assert cfg.to_dict() == content


@pytest.mark.parametrize(
    ('n_workers', 'n_cores', 'expected'),
    [(0, 8, 0), (4, 2, 2), (2, 8, 2), (4, None, 1)],
)
def test_workers_fit_the_machine(monkeypatch, n_workers, n_cores, expected):
    monkeypatch.setattr('os.cpu_count', lambda: n_cores)
    cfg = load_config(CASCADE, {'train_dataloader.num_workers': n_workers})
    assert cfg.train_dataloader.num_workers == expected
    assert cfg.train_dataloader.persistent_workers == (expected > 0)


def test_initial_weights_of_a_whole_model(tmp_path):
    weights = tmp_path / 'coco.pth'
    weights.touch()
    cfg = load_config(CASCADE, {'init_checkpoint': str(weights)})
    spread_init_checkpoint(cfg)
    assert cfg.load_from == str(weights)
    assert cfg.model.backbone.init_cfg is None


@pytest.mark.parametrize(
    'parent', [RETINANET, CLASSIFIER], ids=['detector', 'classifier']
)
def test_initial_weights_of_a_backbone(tmp_path, parent):
    weights = tmp_path / 'imagenet.pth'
    weights.touch()
    cfg = load_config(parent, {'init_checkpoint': str(weights)})
    spread_init_checkpoint(cfg)
    assert cfg.load_from is None
    assert cfg.model.backbone.init_cfg == {
        'type': 'Pretrained',
        'checkpoint': str(weights),
        'prefix': 'backbone.',
    }


def test_none_trains_from_scratch():
    cfg = load_config(CASCADE, {'init_checkpoint': None})
    spread_init_checkpoint(cfg)
    assert cfg.load_from is None
    assert cfg.model.backbone.init_cfg is None


def test_without_a_network_the_way_on_is_told(monkeypatch, tmp_path):
    def offline(*args, **kwargs):
        raise OSError('<urlopen error Name or service not known>')

    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    monkeypatch.setattr(torch.hub, 'download_url_to_file', offline)
    cfg = load_config(CASCADE)
    with pytest.raises(
        ConnectionError,
        match=r'weights https://\S+pth could not be downloaded \(<urlopen error Name '
        r'or service not known>\).*init_checkpoint=FILE.*init_checkpoint=None',
    ):
        spread_init_checkpoint(cfg)


def test_messages(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'absent\.py does not exist.*configs/'):
        load_config(tmp_path / 'absent.py')
    cfg = load_config(CASCADE, {'init_part': 'neck', 'init_checkpoint': 'x.pth'})
    with pytest.raises(ValueError, match=r"'model' or 'backbone', got 'neck'"):
        spread_init_checkpoint(cfg)
    cfg = load_config(CASCADE, {'init_checkpoint': str(tmp_path / 'absent.pth')})
    with pytest.raises(FileNotFoundError, match=r'absent\.pth does not exist.*=None'):
        spread_init_checkpoint(cfg)


@pytest.mark.parametrize(
    ('knob', 'value', 'message'),
    [
        ('findings', [], 'distinct names, at least one'),
        ('findings', 'Mas', "a list of distinct names, at least one; got 'Mas'"),
        ('findings', 5, 'a list of distinct names, at least one; got 5'),
        ('findings', ['Mass', 'Mass'], r"distinct names.*'Mass', 'Mass'"),
        ('img_size', 16, 'img_size must be a whole number >= 32, got 16'),
        ('img_size', 224.5, 'img_size must be a whole number >= 32, got 224.5'),
        ('img_size', '224', "img_size must be a whole number >= 32, got '224'"),
        ('max_epochs', 0, 'max_epochs must be a whole number >= 1, got 0'),
        ('max_epochs', 1.5, 'max_epochs must be a whole number >= 1, got 1.5'),
    ],
)
def test_impossible_knobs_are_refused(knob, value, message):
    with pytest.raises(ValueError, match=message):
        spread_knobs(Config({knob: value}))
