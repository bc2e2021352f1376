"""Scores survive a cut, and are made again when a setting differs."""

from pathlib import Path

import numpy as np
import pytest

from mmlung.cam_benchmark.films import BoxedFilm
from mmlung.cam_benchmark.scoring import score_films
from mmlung.evaluation.cam_boxes import BoxRule
from mmlung.evaluation.cam_score import score_map

FILMS = [
    BoxedFilm(
        f'{i}.png',
        Path(f'{i}.png'),
        (16, 16),
        str(i // 2),
        {name: np.array([[i, 2.0, i + 5, 9]]) for name in names},
    )
    for i, names in enumerate((['Mass', 'Hernia'], ['Nodule', 'Mass'], ['Mass']))
]


class Maker:
    """Maps from random numbers; counts what it was asked for."""

    def __init__(self):
        self.asked = []

    def __call__(self, film, finding):
        self.asked.append((film.name, finding))
        if finding == 'Nodule':
            return np.zeros(film.size_hw)
        return np.random.default_rng(len(film.name)).random(film.size_hw)


def run(store, maker, settings=None, rule=None):
    found = ['Mass', 'Nodule']
    settings = settings or {'method': 'gradcam'}
    return list(score_films(FILMS, found, maker, store, settings, rule or BoxRule()))


def plain(scores):
    return [repr(score) for score in scores]  # NaN is not equal to itself


def test_every_boxed_finding_is_scored_once(tmp_path):
    maker, store = Maker(), tmp_path / 'sub' / 'scores.jsonl'
    scores = run(store, maker)
    keys = [
        ('0.png', 'Mass'),
        ('1.png', 'Mass'),
        ('1.png', 'Nodule'),
        ('2.png', 'Mass'),
    ]
    assert maker.asked == keys
    first = FILMS[0]
    assert scores[0] == score_map(
        Maker()(first, 'Mass'), first.boxes['Mass'], 'Mass', 'patient 0'
    )
    assert np.isnan(scores[2].energy)


def test_a_second_run_asks_for_nothing(tmp_path):
    store = tmp_path / 'scores.jsonl'
    scores, again = run(store, Maker()), Maker()
    assert plain(run(store, again)) == plain(scores)
    assert again.asked == []


@pytest.mark.parametrize('cut', [1, 40, 0.5], ids=['a byte', 'half a line', 'half'])
def test_a_cut_file_goes_on_where_it_stopped(tmp_path, cut):
    store = tmp_path / 'scores.jsonl'
    scores = run(store, Maker())
    whole = store.read_bytes()
    keep = len(whole) - cut if cut >= 1 else int(len(whole) * cut)
    store.write_bytes(whole[:keep])
    again = Maker()
    assert plain(run(store, again)) == plain(scores)
    assert 1 <= len(again.asked) < 4
    assert store.read_bytes() == whole


@pytest.mark.parametrize(
    'change',
    [{'settings': {'method': 'layercam'}}, {'rule': BoxRule(0.5)}],
    ids=['method', 'rule'],
)
def test_other_settings_start_anew(tmp_path, change):
    store = tmp_path / 'scores.jsonl'
    run(store, Maker())
    again = Maker()
    run(store, again, **change)
    assert len(again.asked) == 4
    assert len(store.read_text().splitlines()) == 5
