"""A small detector over three phantoms: the boxes are those of mmdet's inferencer."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from mmlung.config import load_config
from mmlung.phantom.case import draw_case

CONFIG = Path(__file__).parents[2] / 'configs' / 'swin_vindr_demo.py'
BENCHMARKS = Path(__file__).parents[2] / 'benchmarks'


@pytest.fixture
def predict(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from benchmarks import predict

    return predict


@pytest.fixture
def phantoms(tmp_path):
    folder = tmp_path / 'films'
    folder.mkdir()
    findings = load_config(CONFIG).findings
    for seed, size_hw in enumerate(((120, 96), (96, 120), (120, 96))):
        case = draw_case(np.random.default_rng(seed), size_hw, tuple(findings))
        film = np.rint(np.clip(case.film, 0, 1) * 255).astype(np.uint8)
        cv2.imwrite(str(folder / f'{seed}.png'), film)
    return folder


@pytest.mark.filterwarnings('ignore')  # of mmdet's visualizer
def test_boxes_are_those_of_mmdet(predict, phantoms, random_detector, capsys):
    flags = ['--films', '3', '--dicom-px', '200', '--cfg-options', 'img_size=64']
    assert predict.main([str(CONFIG), str(random_detector), str(phantoms), *flags]) == 0
    said = capsys.readouterr().out
    assert '| mmdet DetInferencer |' in said
    (line,) = [line for line in said.splitlines() if 'boxes with a score' in line]
    assert int(line.split()[0]) > 0
    assert '| wall |' in said


def test_too_few_films(predict, phantoms, random_detector, capsys):
    assert predict.main([str(CONFIG), str(random_detector), str(phantoms)]) == 2
    assert '--films 100, but there are 3' in capsys.readouterr().err


def boxes(score, x1):
    return [(np.array([1]), np.array([score]), np.array([[x1, 0.0, 9.0, 9.0]]))]


def test_differences_by_hand(predict):
    apart = predict.greatest_difference(boxes(0.5, 1.0), boxes(0.50005, 1.005))
    assert apart.corner_px == pytest.approx(0.005)
    assert apart.score == pytest.approx(5e-5)
    assert apart.n_boxes == 1
    low = predict.greatest_difference(boxes(0.05, 1.0), boxes(0.04, 5.0))
    assert low.n_boxes == 0  # below the cut


@pytest.mark.parametrize(
    ('theirs', 'said'),
    [
        (boxes(0.4, 1.0), 'film 0: only mmlung has 1 0.5000'),
        (boxes(0.5, 1.1), 'boxes differ by 0.100 px, more than 0.01 px'),
    ],
    ids=['score', 'corner'],
)
def test_other_boxes_stop_it(predict, theirs, said):
    with pytest.raises(ValueError, match=said):
        predict.greatest_difference(boxes(0.5, 1.0), theirs)


def test_the_busiest_process_counts(predict):
    import reading_overlap as reading

    costs = {
        'network': reading.Cost(10.0, 8.0, 0.0),
        'reading': reading.Cost(6.0, 4.0, 0.0),
        'whole': reading.Cost(11.0, 8.4, 4.2),
    }
    rows = reading.overlap_table([costs], workers=2).splitlines()[2:]
    assert rows == [
        '| wall | 10.0 | 6.0 | 2 | 11.0 | 1.10 |',
        '| processor, the busiest process | 8.0 | 4.0 | 2 | 8.4 | 1.05 |',
    ]
