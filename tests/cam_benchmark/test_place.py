"""The map of places is the share of other films' boxes, at any size of film."""

from pathlib import Path

import numpy as np

from mmlung.cam_benchmark.films import BoxedFilm
from mmlung.cam_benchmark.place import PlacePrior


def film(boxes, size_hw=(128, 256)):
    boxes = {name: np.array(of, dtype=float) for name, of in boxes.items()}
    return BoxedFilm('a', Path('a'), size_hw, None, boxes)


def test_most_often_boxed_is_highest():
    prior = PlacePrior(
        [film({'Mass': [[0, 0, 128, 128]]}), film({'Mass': [[0, 0, 64, 64]]})]
    )
    cam = prior.map_of(film({}), 'Mass')
    assert cam.shape == (128, 256)
    expected = np.zeros((128, 256))
    expected[:, :128] = 0.5
    expected[:64, :64] = 1
    np.testing.assert_array_equal(cam, expected)


def test_other_sizes_of_film_share_places():
    prior = PlacePrior([film({'Mass': [[0, 0, 32, 32]]}, (64, 64))])
    cam = prior.map_of(film({}, (100, 50)), 'Mass')
    assert cam[:50, :25].all()
    assert cam.sum() == 50 * 25


def test_a_finding_never_seen_has_no_place():
    assert not PlacePrior([]).map_of(film({}), 'Mass').any()
