import base64
import io
import re

import cv2
import numpy as np
import pytest
from PIL import Image

from mmlung.report.films import FILM_PX
from mmlung.report.films import Drawn
from mmlung.report.films import around
from mmlung.report.films import film
from mmlung.result import Finding


@pytest.fixture
def path(tmp_path):
    """Dark but for a bright left edge; twice as wide as high."""
    pixels = np.zeros((640, 1280), np.uint8)
    pixels[:, :200] = 250
    pixels[0, 0] = 1
    cv2.imwrite(str(tmp_path / 'film.png'), pixels)
    return tmp_path / 'film.png'


def picture(markup):
    data = re.search(r'base64,([^"]+)"', markup).group(1)
    return Image.open(io.BytesIO(base64.b64decode(data)))


def test_small_and_not_mirrored(path):
    embedded = picture(film(path, 'a film'))
    assert embedded.size == (FILM_PX, FILM_PX // 2)
    pixels = np.asarray(embedded)
    assert pixels[:, 10].mean() > 240
    assert pixels[:, -10].mean() < 10
    assert not embedded.getexif()


def test_a_part_is_cut_out(path):
    pixels = np.asarray(picture(film(path, 'part', region=(0, 0, 200, 200))))
    assert pixels.mean() > 240


def test_boxes_are_scaled_and_labels_kept_apart(path):
    box = (400.0, 100.0, 600.0, 300.0)
    drawn = [
        Drawn(Finding(n, 1.0, box), 'truth') for n in ('Mass <', 'Nodule', 'Edema')
    ]
    markup = film(path, 'three', drawn)
    assert markup.count('<rect class="truth" x="100.0" y="25.0" width="50.0"') == 3
    lines = [
        float(y) for y in re.findall(r'<text class="truth" x="[^"]+" y="(.+?)"', markup)
    ]
    assert len(lines) == 3
    assert min(abs(a - b) for i, a in enumerate(lines) for b in lines[:i]) >= 13
    assert 'Mass &lt;</text>' in markup


@pytest.mark.parametrize('x1', [0.0, 500.0, 560.0, 1200.0])
def test_a_label_stays_on_the_film(path, x1):
    name = 'Aortic enlargement'
    drawn = [Drawn(Finding(name, 0.99, (x1, 100.0, x1 + 60, 160.0)), 'prediction')]
    markup = film(path, 'whole', drawn)
    x, anchor = re.search(r'<text [^>]*x="([^"]+)"[^>]*anchor="(\w+)"', markup).groups()
    width = 7 * len(f'{name} 0.99')
    start = float(x) - width if anchor == 'end' else float(x)
    assert 0 <= start <= FILM_PX - width


def test_a_box_outside_of_the_part_is_not_drawn(path):
    drawn = [Drawn(Finding('Mass', 0.5, (900.0, 100, 950, 150)), 'prediction')]
    assert '<rect' not in film(path, 'part', drawn, (0, 0, 300, 300))
    assert 'Mass 0.50</text>' in film(path, 'whole', drawn)


@pytest.mark.parametrize(
    ('box', 'expected'),
    [
        ((500, 500, 520, 520), (385, 385, 635, 635)),
        ((0, 0, 20, 20), (0, 0, 250, 250)),
        ((980, 980, 1000, 1000), (750, 750, 1000, 1000)),
        ((400, 400, 600, 500), (300, 250, 700, 650)),
        ((100, 100, 900, 300), None),
    ],
    ids=['small', 'top left', 'bottom right', 'wide', 'too large'],
)
def test_around(box, expected):
    assert around(box, (1000, 1000)) == expected
