import math

import pytest
from mmengine.optim import build_optim_wrapper
from mmpretrain.models import ConvNeXt
from mmpretrain.models import SwinTransformer
from torch import nn

from mmlung import registry  # noqa: F401 - makes the scope known

DECAY = 0.8
WRAPPER = {
    'type': 'OptimWrapper',
    'optimizer': {'type': 'AdamW', 'lr': 1e-4, 'weight_decay': 0.05},
    'constructor': 'mmlung.LayerDecayOptimWrapperConstructor',
    'paramwise_cfg': {
        'layer_decay_rate': DECAY,
        'norm_decay_mult': 0.0,
        'bias_decay_mult': 0.0,
        'custom_keys': {'relative_position_bias_table': {'decay_mult': 0.0}},
    },
}


class Detector(nn.Module):
    def __init__(self, backbone):
        super().__init__()
        self.backbone = backbone
        self.neck = nn.Conv2d(4, 4, 1)
        self.roi_head = nn.ModuleList([nn.Linear(2, 2)])


@pytest.fixture(scope='module')
def rates():
    """Name of each parameter to its (share of the full rate, weight decay)."""
    arch = {'embed_dims': 8, 'depths': [1, 2, 3, 1], 'num_heads': [1, 1, 2, 2]}
    model = Detector(SwinTransformer(arch, out_indices=(0, 1, 2, 3)))
    groups = build_optim_wrapper(model, WRAPPER).optimizer.param_groups
    name_of = {id(p): name for name, p in model.named_parameters()}
    assert len(groups) == len(name_of)
    return {
        name_of[id(parameter)]: (group['lr'] / 1e-4, group['weight_decay'])
        for group in groups
        for parameter in group['params']
    }


@pytest.mark.parametrize(
    ('name', 'power'),
    [
        ('neck.weight', 0),
        ('roi_head.0.weight', 0),
        ('backbone.norm3.weight', 0),
        ('backbone.stages.3.blocks.0.ffn.layers.1.weight', 1),
        ('backbone.stages.2.downsample.reduction.weight', 2),
        ('backbone.stages.2.blocks.2.attn.w_msa.qkv.weight', 2),
        ('backbone.stages.2.blocks.0.attn.w_msa.qkv.weight', 4),
        ('backbone.stages.0.blocks.0.attn.w_msa.proj.bias', 7),
        ('backbone.patch_embed.projection.weight', 8),
    ],
)
def test_the_rate_falls_with_the_distance_from_the_heads(rates, name, power):
    """Seven blocks make nine layers, stem and head included."""
    assert rates[name][0] == pytest.approx(DECAY**power)


@pytest.mark.parametrize(
    ('depths', 'n_layers'),
    [([1, 1, 4, 1], 8), ([1, 1, 27, 1], 14)],
    ids=['tiny', 'base'],
)
def test_the_layers_of_a_convnext(depths, n_layers):
    """Three blocks of the third stage are a layer; the last norm goes with the head."""
    model = Detector(ConvNeXt({'depths': depths, 'channels': [8, 8, 8, 8]}))
    groups = build_optim_wrapper(model, WRAPPER).optimizer.param_groups
    power = {
        group['param_name']: round(math.log(group['lr'] / 1e-4, DECAY))
        for group in groups
    }
    assert power['backbone.downsample_layers.0.0.weight'] == n_layers - 1
    assert power['backbone.stages.0.0.depthwise_conv.weight'] == n_layers - 2
    assert power['backbone.stages.2.0.depthwise_conv.weight'] == n_layers - 4
    assert power['backbone.stages.2.3.depthwise_conv.weight'] == n_layers - 5
    assert power['backbone.stages.3.0.depthwise_conv.weight'] == 1
    assert power['backbone.norm3.weight'] == power['neck.weight'] == 0
    decay = {group['param_name']: group['weight_decay'] for group in groups}
    assert decay['backbone.stages.3.0.norm.weight'] == 0
    assert decay['backbone.stages.3.0.pointwise_conv1.weight'] == 0.05


def test_no_decay_of_biases_norms_and_position_tables(rates):
    for name, (_, decay) in rates.items():
        if name.endswith('bias') or 'norm' in name or 'bias_table' in name:
            assert decay == 0, name
        else:
            assert decay == 0.05, name


def test_a_rate_of_one_is_the_same_for_all():
    cfg = WRAPPER | {'paramwise_cfg': {'layer_decay_rate': 1.0}}
    arch = {'embed_dims': 8, 'depths': [1, 1, 1, 1], 'num_heads': [1, 1, 1, 1]}
    groups = build_optim_wrapper(Detector(SwinTransformer(arch)), cfg).param_groups
    assert {group['lr'] for group in groups} == {1e-4}


def test_the_log_shows_the_full_rate():
    arch = {'embed_dims': 8, 'depths': [1, 1, 1, 1], 'num_heads': [1, 1, 1, 1]}
    wrapper = build_optim_wrapper(Detector(SwinTransformer(arch)), WRAPPER)
    assert wrapper.get_lr()['base_lr'] == [1e-4]


@pytest.mark.parametrize('model', [Detector(nn.Conv2d(1, 1, 1)), nn.Linear(1, 1)])
def test_a_backbone_without_depths_is_refused(model):
    with pytest.raises(TypeError, match=r'a backbone with get_layer_depth.*Default'):
        build_optim_wrapper(model, WRAPPER)
