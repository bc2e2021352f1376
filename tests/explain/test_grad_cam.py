"""Maps of networks whose right answer is known, and of the real configs' networks."""

import copy

import mmdet  # noqa: F401
import mmpretrain  # noqa: F401
import numpy as np
import pytest
import torch

from mmlung.config import load_config
from mmlung.explain import METHODS
from mmlung.explain import Explainer
from mmlung.explain import explain
from mmlung.explain import load_model
from tests.explain.networks import Classifier

PLACES = {
    'top left': (slice(0, 24), slice(0, 40)),
    'top right': (slice(0, 24), slice(120, 160)),
    'bottom left': (slice(72, 96), slice(0, 40)),
}


def film_with(place, size_hw=(96, 160), inside=255, outside=100):
    film = np.full(size_hw, outside, np.uint8)
    film[place] = inside
    return film


@pytest.mark.parametrize('tokens', [False, True], ids=['map', 'tokens'])
@pytest.mark.parametrize('place', PLACES.values(), ids=PLACES)
@pytest.mark.parametrize('method', METHODS)
def test_the_map_lies_on_what_the_network_sees(method, place, tokens):
    # 96 x 160 becomes 32 x 32: the bright block is two cells of four by four.
    found = explain(Classifier(tokens), film_with(place), 'Bright', method)
    assert found.map.shape == (96, 160)
    assert found.map.dtype == np.float32
    assert found.map.max() == 1
    assert found.map.min() >= 0
    peak = np.unravel_index(found.map.argmax(), found.map.shape)
    assert place[0].start <= peak[0] < place[0].stop
    assert place[1].start <= peak[1] < place[1].stop
    assert found.target == 'logit'


@pytest.mark.parametrize('method', ['gradcam', 'gradcam++', 'layercam', 'scorecam'])
def test_the_other_finding_has_the_other_map(method):
    place = PLACES['bottom left']
    film = film_with(place, inside=10, outside=200)
    found = explain(Classifier(), film, 'Dark', method)
    peak = np.unravel_index(found.map.argmax(), found.map.shape)
    assert place[0].start <= peak[0] < place[0].stop
    assert place[1].start <= peak[1] < place[1].stop


@pytest.mark.parametrize('method', METHODS)
def test_a_mirrored_film_has_the_mirrored_map(method):
    model = Classifier(scale=(64, 32))
    film = film_with(PLACES['top left'], (64, 128))
    here = explain(model, film, 'Bright', method).map
    there = explain(model, film[:, ::-1].copy(), 'Bright', method).map
    np.testing.assert_allclose(here[:, ::-1], there, atol=1e-4)
    assert here[:, :64].sum() > 2 * here[:, 64:].sum()


def test_grad_cam_by_hand():
    model = Classifier()
    film = film_with(PLACES['top left'], (32, 32))
    film[:] = 0
    film[:8, :8], film[8:16, 24:] = 255, 191
    # ReLU(mean - 0.5) is 0.5 and 0.249 at two cells of 4 x 4, of equal weight.
    cell = explain(model, film, 'Bright').map[4::8, 4::8]
    # Cell centres lie at pixel 3.5, 1/16 of a cell from here.
    raw = np.zeros((4, 4))
    raw[0, 0], raw[1, 3] = 0.5, 191 / 255 - 0.5
    assert np.unravel_index(cell.argmax(), cell.shape) == (0, 0)
    assert cell[1, 3] / cell[0, 0] == pytest.approx(raw[1, 3] / raw[0, 0], rel=0.15)
    assert cell[3, 0] == 0


def test_a_zero_map_is_said():
    found = explain(Classifier(), np.full((32, 32), 20, np.uint8), 'Bright')
    assert found.is_zero
    assert not found.map.any()


def test_the_probability_is_the_sigmoid():
    found = explain(Classifier(), np.full((32, 32), 255, np.uint8), 'Bright')
    assert found.probability == pytest.approx(1 / (1 + np.exp(-4 * 0.5)), rel=1e-5)


@pytest.mark.parametrize('method', METHODS)
def test_the_model_is_left_as_it_was(method):
    model = Classifier()
    model.train()
    model.backbone.relu.eval()
    model.head.weight.requires_grad_(False)
    grad = torch.ones_like(model.backbone.squares.conv.weight)
    model.backbone.squares.conv.weight.grad = grad
    before = copy.deepcopy(model.state_dict())
    explain(model, film_with(PLACES['top left']), 'Bright', method)
    assert model.training
    assert not model.backbone.relu.training
    assert [p.requires_grad for p in model.parameters()] == [True, True, False]
    assert model.backbone.squares.conv.weight.grad is grad
    assert torch.equal(grad, torch.ones_like(grad))
    assert model.head.weight.grad is None
    assert not any(m._forward_hooks or m._backward_hooks for m in model.modules())
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])


def test_it_is_left_as_it_was_after_an_error():
    model = Classifier()
    model.train()
    with torch.no_grad():
        model.head.weight.fill_(float('nan'))
    with pytest.raises(ValueError, match='array: the network gives NaN'):
        explain(model, film_with(PLACES['top left']), 'Bright')
    assert model.training
    assert not any(m._forward_hooks for m in model.modules())


def test_what_cannot_be_asked():
    film = film_with(PLACES['top left'])
    with pytest.raises(ValueError, match=r"unknown finding 'Dim'\. Known: Bright"):
        explain(Classifier(), film, 'Dim')
    with pytest.raises(ValueError, match=r"unknown method 'cam'\. Known: gradcam"):
        explain(Classifier(), film, 'Bright', 'cam')
    with pytest.raises(ValueError, match='target of a classifier must be one of logit'):
        explain(Classifier(), film, 'Bright', target='box')
    with pytest.raises(ValueError, match=r"no layer 'backbone\.x'\. Known"):
        explain(Classifier(), film, 'Bright', layer='backbone.x')
    with pytest.raises(ValueError, match=r'must be \(H, W\) uint8, got \(96'):
        explain(Classifier(), film.astype(float), 'Bright')


def test_a_pipeline_that_cuts_is_refused():
    model = Classifier()
    steps = model.cfg.test_dataloader.dataset.pipeline
    steps.insert(2, {'type': 'CenterCrop', 'crop_size': 16})
    with pytest.raises(ValueError, match='cuts the film: 32 x 32 pixels'):
        explain(model, film_with(PLACES['top left']), 'Bright')


def real(config):
    from mmengine.registry import DefaultScope

    with DefaultScope.overwrite_default_scope(None):
        torch.manual_seed(0)
        return load_model(load_config(config), 'none', 'cpu')


@pytest.fixture(scope='module')
def detectors():
    return {
        name: real(f'configs/{name}.py')
        for name in ('swin_vindr_demo', 'swin_retinanet_chestxray14-boxes_demo')
    }


@pytest.mark.parametrize(
    'name', ['swin_vindr_demo', 'swin_retinanet_chestxray14-boxes_demo']
)
@pytest.mark.parametrize('method', [None, 'gradcam', 'gradcam++', 'eigencam'])
def test_a_detector_has_maps_without_boxes(detectors, name, method):
    model = detectors[name]
    rng = np.random.default_rng(0)
    film = rng.integers(0, 255, (90, 150), dtype=np.uint8)
    head = getattr(model, 'roi_head', None) or model.bbox_head
    before, modes = head.test_cfg, [m.training for m in model.modules()]
    explainer = Explainer(model, method)
    found = explainer.explain(film, 'Cardiomegaly')
    assert found.target == 'anywhere'  # untrained: no box reaches the threshold
    assert found.map.shape == (90, 150)
    assert 0 < found.probability < 0.3
    if method is None:
        assert explainer.method == 'layercam'
        assert not found.is_zero
    assert head.test_cfg is before
    assert [m.training for m in model.modules()] == modes
    assert all(p.grad is None and p.requires_grad for p in model.parameters())


@pytest.mark.parametrize(
    'name', ['swin_vindr_demo', 'swin_retinanet_chestxray14-boxes_demo']
)
def test_a_box_of_a_detector(detectors, name):
    model = detectors[name]
    film = np.random.default_rng(0).integers(0, 255, (90, 150), dtype=np.uint8)
    explainer = Explainer(model, score_thr=0.0)
    opened = explainer.open(film)
    best = max(opened.boxes, key=lambda box: box.score)
    found = explainer.explain(opened, best.name)
    assert found.target == 'box'
    assert found.box_xyxy == best.box_xyxy
    assert found.map.shape == (90, 150)
    assert not found.is_zero
    assert 'predict_by_feat' not in vars(getattr(model, 'bbox_head', model))
    absent = set(explainer.findings) - {box.name for box in opened.boxes}
    for name in sorted(absent)[:1]:
        with pytest.raises(ValueError, match="its map is target='anywhere'"):
            explainer.explain(opened, name, 'box')


@pytest.mark.parametrize('cut', ['soft_nms', 'no_grad'])
def test_scores_without_gradients_are_said(detectors, cut, monkeypatch):
    model = detectors['swin_retinanet_chestxray14-boxes_demo']
    film = np.random.default_rng(0).integers(0, 255, (90, 150), dtype=np.uint8)
    explainer = Explainer(model, score_thr=0.0)
    opened = explainer.open(film)
    if cut == 'no_grad':
        monkeypatch.setattr(model, 'predict', torch.no_grad()(model.predict))
    else:
        cfg = model.bbox_head.test_cfg
        soft = type(cfg)({**cfg, 'nms': {'type': 'soft_nms'}})
        monkeypatch.setattr(model.bbox_head, 'test_cfg', soft)
    with pytest.raises(ValueError, match='the score has no gradient at'):
        explainer.explain(opened, opened.boxes[0].name, 'box')


def test_scorecam_is_refused_on_a_detector(detectors):
    with pytest.raises(ValueError, match='once per channel of the layer'):
        Explainer(detectors['swin_vindr_demo'], 'scorecam')


@pytest.mark.parametrize(
    ('config', 'layer'),
    [
        ('convnext_chestxray14_demo', 'backbone.stages.3'),
        ('convnext_csra_chestxray14_demo', 'backbone.norm3'),
    ],
)
def test_the_layer_of_a_classifier(config, layer):
    explainer = Explainer(real(f'configs/{config}.py'), 'gradcam')
    film = np.random.default_rng(0).integers(0, 255, (90, 150), dtype=np.uint8)
    found = explainer.explain(film, 'Cardiomegaly')
    assert explainer._layers == (layer,)
    assert found.map.shape == (90, 150)


def test_a_classifier_is_read_where_places_are_still_places():
    explainer = Explainer(real('configs/convnext_chestxray14_demo.py'))
    film = np.random.default_rng(0).integers(0, 255, (90, 150), dtype=np.uint8)
    assert explainer.method == 'hirescam'
    assert explainer._layers_for(explainer.open(film).film) == ('backbone.stages.1',)
    assert not explainer.explain(film, 'Cardiomegaly').is_zero


def ways(film):
    """A map by what a wrong program could do to it."""
    return {
        'as it is': film,
        'mirrored': film[:, ::-1],
        'upside down': film[::-1],
        'transposed': film.T,
    }


def test_a_turned_map_would_be_found_out():
    # What the tests above say of a peak fails for every other lie of the map.
    place = (slice(0, 24), slice(40, 72))
    found = explain(Classifier(scale=(96, 96)), film_with(place, (96, 96)), 'Bright')
    inside = {}
    for way, turned in ways(found.map).items():
        row, column = np.unravel_index(turned.argmax(), turned.shape)
        inside[way] = (
            place[0].start <= row < place[0].stop
            and place[1].start <= column < place[1].stop
        )
    # Mirroring keeps the middle third: it is told apart by the corners' places.
    assert inside['as it is']
    assert not inside['upside down']
    assert not inside['transposed']
    for corner in PLACES.values():
        mirrored = explain(Classifier(), film_with(corner), 'Bright').map[:, ::-1]
        column = np.unravel_index(mirrored.argmax(), mirrored.shape)[1]
        assert not corner[1].start <= column < corner[1].stop
