import json

import cv2
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mmlung.figures import draw_curves
from mmlung.figures import draw_froc

PNG = b'\x89PNG\r\n\x1a\n'


def write_log(folder, entries):
    (folder / 'vis_data').mkdir(parents=True)
    lines = ''.join(json.dumps(entry) + '\n' for entry in entries)
    (folder / 'vis_data' / 'scalars.json').write_text(lines, encoding='utf-8')


def test_curves_of_a_training(tmp_path, monkeypatch):
    figures = []
    save = Figure.savefig
    monkeypatch.setattr(
        Figure,
        'savefig',
        lambda self, *args, **kwargs: (
            figures.append(self),
            save(self, *args, **kwargs),
        ),
    )
    write_log(
        tmp_path / 'log',
        [
            {'loss': 2.0, 'lr': 1e-3, 'epoch': 1, 'iter': 10, 'step': 10},
            {'loss': float('nan'), 'lr': 1e-4, 'epoch': 1, 'iter': 20, 'step': 20},
            {'AP40': 0.25, 'mIoU': 0.5, 'step': 1},
        ],
    )
    path = draw_curves(tmp_path)
    assert path == tmp_path / 'curves.png'
    assert path.read_bytes().startswith(PNG)
    (figure,) = figures
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ['loss', 'AP40 on validation', 'mIoU on validation', 'lr']
    assert [axes.get_xlabel() for axes in figure.axes] == [
        'iteration',
        'epoch',
        'epoch',
        'iteration',
    ]
    np.testing.assert_array_equal(figure.axes[0].lines[0].get_xdata(), [10, 20])


@pytest.mark.parametrize('entries', [None, [], [{'time': 1.0}]])
def test_a_run_that_logged_nothing_has_no_curves(tmp_path, entries):
    if entries is not None:
        write_log(tmp_path / 'log', entries)
    assert draw_curves(tmp_path) is None
    assert not (tmp_path / 'curves.png').exists()


def test_the_curves_of_a_resumed_training_are_joined(tmp_path, monkeypatch):
    axes = []
    plot = Axes.plot
    monkeypatch.setattr(
        Axes,
        'plot',
        lambda self, x, y, **k: (axes.append((x, y)), plot(self, x, y, **k)),
    )
    write_log(
        tmp_path / '20260101_1', [{'loss': 3.0, 'step': 1}, {'loss': 9.0, 'step': 2}]
    )
    write_log(
        tmp_path / '20260101_2', [{'loss': 2.0, 'step': 2}, {'loss': 1.0, 'step': 3}]
    )
    draw_curves(tmp_path)
    assert axes == [([1, 2, 3], [3.0, 2.0, 1.0])]


def test_froc_curves_of_one_family_share_a_colour(tmp_path):
    rate = np.array([0.0, 0.5, 2.0])
    curves = {
        f'{name}, seed {seed}': (rate, np.array([0.0, 0.3, 0.6]) * height)
        for name, height in (('Cascade', 1.0), ('Retina', 0.5))
        for seed in (0, 1)
    }
    path = draw_froc(curves, tmp_path / 'froc.png')
    pixels = cv2.imread(str(path))
    assert pixels.std() > 10
