"""Tokens as maps, and the layer that a map is read from."""

import pytest
import torch
from mmpretrain.models import SwinTransformer
from torch import nn

from mmlung.explain.layers import TokensToMap
from mmlung.explain.layers import find_layers
from mmlung.explain.layers import fine_layer
from mmlung.explain.layers import grid_of_tokens
from mmlung.explain.layers import layer_named
from mmlung.explain.layers import stride_of


@pytest.mark.parametrize(
    ('n', 'input_hw', 'grid'),
    [
        (49, (224, 224), (7, 7)),
        (6, (64, 96), (2, 3)),
        (6, (96, 64), (3, 2)),
        (8, (33, 100), (2, 4)),
        (1, (20, 20), (1, 1)),
    ],
)
def test_the_grid_of_tokens(n, input_hw, grid):
    assert grid_of_tokens(n, input_hw) == grid


def test_no_grid():
    with pytest.raises(ValueError, match='50 tokens are no grid of an input of 224 x'):
        grid_of_tokens(50, (224, 224))


def test_tokens_by_hand():
    # Two channels on two rows of three places.
    tokens = torch.tensor([[[1, 10], [2, 20], [3, 30], [4, 40], [5, 50], [6, 60]]])
    out = TokensToMap((64, 96))(tokens)
    assert out.tolist() == [[[[1, 2, 3], [4, 5, 6]], [[10, 20, 30], [40, 50, 60]]]]


def test_a_map_stays():
    features = torch.rand(1, 2, 3, 4)
    assert TokensToMap((99, 99))(features) is features


@pytest.mark.parametrize('hw', [(96, 160), (100, 70)], ids=['whole', 'padded'])
def test_the_tokens_of_a_real_swin_are_its_output(hw):
    torch.manual_seed(0)
    arch = {'embed_dims': 24, 'depths': [2, 2, 2, 2], 'num_heads': [2, 2, 2, 2]}
    swin = SwinTransformer(arch, img_size=224, pad_small_map=True)
    swin.eval()
    model = nn.Module()
    model.backbone = swin
    inputs = torch.rand(1, 3, *hw)
    kept = []
    name = list(find_layers(model, inputs).values())[-1]
    assert name == 'backbone.norm3'
    layer_named(model, name).register_forward_hook(lambda m, i, o: kept.append(o))
    with torch.no_grad():
        (wanted,) = swin(inputs)
    assert torch.equal(TokensToMap(hw)(kept[0]), wanted)


def test_strides():
    assert stride_of((7, 7), (224, 224)) == 32
    assert stride_of((3, 5), (96, 160)) == 32
    assert stride_of((6, 6), (224, 224)) is None


@pytest.mark.parametrize(
    ('side', 'name'),
    [(64, 'b'), (128, 'b'), (224, 'c'), (448, 'd'), (1024, 'd')],
)
def test_the_layer_that_is_fine_enough(side, name):
    found = {4: 'a', 8: 'b', 16: 'c', 32: 'd'}
    assert fine_layer(found, (side, 2 * side)) == name


def test_the_only_layer_is_fine_enough():
    assert fine_layer({32: 'd'}, (64, 64)) == 'd'
    assert fine_layer({4: 'embedding', 32: 'd'}, (64, 64)) == 'd'


def test_a_backbone_without_maps():
    model = nn.Module()
    model.backbone = nn.Sequential(nn.Flatten(), nn.Linear(48, 7))
    with pytest.raises(ValueError, match='no layer whose output is a map'):
        find_layers(model, torch.rand(1, 3, 4, 4))
