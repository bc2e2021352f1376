"""A network whose evidence is known: occlusion finds it, and nothing where none is."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch

pytest.importorskip('pytorch_grad_cam')

from mmlung.cam_benchmark import occlusion
from mmlung.cam_benchmark.films import BoxedFilm


class Corner(torch.nn.Module):
    """Logits that are the mean of a corner, and its opposite."""

    cfg = SimpleNamespace(findings=('Mass', 'Nodule'))

    def forward(self, inputs, mode):
        corner = inputs[:, 0, 24:32, 48:64].mean((1, 2))
        return torch.stack([corner, -corner], dim=1)


@pytest.fixture
def film(tmp_path, monkeypatch):
    """A film of 64 x 128 px whose lower right corner is bright; input half as large."""
    pixels = np.zeros((64, 128), np.uint8)
    pixels[48:, 96:] = 200
    path = tmp_path / 'film.png'
    cv2.imwrite(str(path), pixels)

    def prepared(model, source):
        inputs = torch.from_numpy(cv2.resize(pixels, (64, 32)).astype(np.float32))
        return SimpleNamespace(
            inputs=inputs.expand(1, 3, -1, -1), pixels=pixels, scale_xy=(0.5, 0.5)
        )

    monkeypatch.setattr(occlusion, 'prepare', prepared)
    box = {'Mass': np.array([[96.0, 48, 128, 64]])}
    return BoxedFilm('film.png', path, (64, 128), None, box)


def test_the_map_lies_where_the_evidence_is(film):
    cam = occlusion.OcclusionMaps(Corner())(film, 'Mass')
    assert cam.shape == (64, 128)
    y, x = np.unravel_index(cam.argmax(), cam.shape)
    assert y >= 48
    assert x >= 96
    assert cam[:32].max() == 0
    assert cam[:, :64].max() == 0


class LowerRight(torch.nn.Module):
    """A logit that is the mean of the last eighth of both sides, of a turned input."""

    cfg = SimpleNamespace(findings=('Mass',))

    def __init__(self, turned):
        super().__init__()
        self.turned = turned

    def forward(self, inputs, mode):
        eighth = inputs.shape[-1] // 8
        inputs = inputs.flip((2, 3)) if self.turned else inputs
        return inputs[:, :1, -eighth:, -eighth:].mean((2, 3))


@pytest.mark.parametrize('corner', ['lower right', 'upper left'])
@pytest.mark.parametrize('side', [128, 224, 240, 280, 480, 500])
def test_cells_of_any_input_size_lie_right(tmp_path, monkeypatch, side, corner):
    turned = corner == 'upper left'
    pixels = np.zeros((160, 160), np.uint8)
    pixels[140:, 140:] = 200
    bright = cv2.resize(pixels, (side, side)).astype(np.float32)
    opened = SimpleNamespace(
        inputs=torch.from_numpy(bright).expand(1, 3, -1, -1),
        pixels=pixels,
        scale_xy=(side / 160, side / 160),
    )
    if turned:
        opened.inputs = opened.inputs.flip((2, 3))
    film = BoxedFilm('film.png', tmp_path / 'film.png', (160, 160), None, {})
    monkeypatch.setattr(occlusion, 'prepare', lambda model, source: opened)
    cam = occlusion.OcclusionMaps(LowerRight(turned))(film, 'Mass')
    cam = cam[::-1, ::-1] if turned else cam
    y, x = np.unravel_index(cam.argmax(), cam.shape)
    assert min(y, x) >= 140
    assert cam[151, 151] > 0.98  # the middle of the last cell
    assert cam[-1, -1] > 0.98
    assert cam[:100].max() == cam[:, :100].max() == 0  # farther than two cells


def test_evidence_against_the_finding_is_not_shown(film):
    assert not occlusion.OcclusionMaps(Corner())(film, 'Nodule').any()


def test_a_detector_is_refused():
    with pytest.raises(ValueError, match='a detector has none'):
        occlusion.OcclusionMaps(SimpleNamespace(bbox_head=object()))
