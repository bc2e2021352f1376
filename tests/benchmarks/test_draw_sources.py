import numpy as np
import pytest

from benchmarks import draw_sources as sources
from mmlung.result import Finding
from mmlung.result import ImageResult

BOX = np.array([[10.0, 10, 30, 30]])
FAR = np.array([[60.0, 60, 80, 80]])


def test_near_boxes_share_a_label_and_each_is_drawn():
    of_film = {'Mass': BOX, 'Nodule': BOX + 2, 'Hernia': FAR}
    labels = [name for name, _ in sources.labels_of(of_film, below=True)]
    assert labels == ['Mass, Nodule', '', 'Hernia']


def test_films_of_several_sources_are_drawn(shared_data, tmp_path):
    stem = '00000004_000'
    result = ImageResult(
        f'{stem}.jpg', (512, 512), (Finding('Mass', 0.9, (10, 10, 60, 60)),)
    )
    every = {'official': {stem: {'Mass': BOX}}, 'RSNA': {stem: {'Lung Opacity': FAR}}}
    path = tmp_path / 'sources.png'
    images = shared_data / 'nih/images'
    assert sources.draw_sources(every, [result], images, path, 0.3) == 1
    assert path.stat().st_size > 10_000
    with pytest.raises(ValueError, match='no film has an official box'):
        sources.draw_sources({'official': {}}, [result], images, path, 0.3)
