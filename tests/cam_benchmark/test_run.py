"""The whole benchmark on drawn films, untrained: resumed, drawn, shuffled."""

import dataclasses
import json

import cv2
import numpy as np
import pytest

pytest.importorskip('pytorch_grad_cam')

from mmlung.cam_benchmark.films import read_boxed_films
from mmlung.cam_benchmark.run import Fold
from mmlung.cam_benchmark.run import Settings
from mmlung.cam_benchmark.run import _other_films
from mmlung.cam_benchmark.run import has_places
from mmlung.cam_benchmark.run import score_folds
from mmlung.cam_benchmark.sanity import ANOTHER_FILM
from mmlung.cam_benchmark.sanity import randomisation_check
from mmlung.cam_benchmark.sanity import sanity_table
from mmlung.cli import home
from mmlung.cli import main
from mmlung.config import load_config

CONFIG = str(home() / 'configs' / 'convnext_chestxray14_demo.py')
SETTINGS = Settings(findings=['Mass', 'Nodule'], device='cpu')


@pytest.fixture
def boxes_files(tmp_path):
    """Two boxes files of two films each, 96 x 128 px."""
    rng = np.random.default_rng(0)
    paths = []
    for fold in range(2):
        names = [f'{fold}_{i}.png' for i in range(2)]
        for name in names:
            cv2.imwrite(str(tmp_path / name), rng.integers(0, 255, (96, 128), np.uint8))
        content = {
            'info': {'images_root': str(tmp_path), 'dataset': 'drawn', 'fold': fold},
            'images': [
                {'id': i, 'file_name': name, 'height': 96, 'width': 128}
                for i, name in enumerate(names)
            ],
            'annotations': [
                {'id': i, 'image_id': i, 'category_id': i, 'bbox': [10, 10, 30, 40]}
                for i in range(2)
            ],
            'categories': [{'id': 0, 'name': 'Mass'}, {'id': 1, 'name': 'Nodule'}],
        }
        paths.append(tmp_path / f'boxes {fold}.json')
        paths[-1].write_text(json.dumps(content))
    return paths


@pytest.fixture
def cfg():
    return load_config(CONFIG, {'img_size': 64})


@pytest.fixture
def folds(boxes_files):
    return [Fold('none', read_boxed_films(path)[0]) for path in boxes_files]


def test_every_kind_of_map_is_scored_and_resumed(cfg, folds, tmp_path, monkeypatch):
    scores = score_folds(cfg, folds, SETTINGS, tmp_path / 'parts')
    assert list(scores) == ['hirescam', 'hirescam, untrained', 'place']
    assert {len(of_kind) for of_kind in scores.values()} == {4}
    # The checkpoint is the untrained network, so both are the same maps.
    assert repr(scores['hirescam']) == repr(scores['hirescam, untrained'])
    assert all(score.pointing > 0.9 for score in scores['place'])

    def no_network(*_):
        raise AssertionError('nothing is left to be made')

    monkeypatch.setattr('mmlung.cam_benchmark.run.open_network', no_network)
    again = score_folds(cfg, folds, SETTINGS, tmp_path / 'parts')
    assert repr(again) == repr(scores)


def with_box(fold, finding, box):
    first, *others = fold.films
    boxes = {**first.boxes, finding: np.array([box], dtype=float)}
    return Fold(fold.checkpoint, [dataclasses.replace(first, boxes=boxes), *others])


def elsewhere(fold):
    films = [
        dataclasses.replace(film, path=film.path.with_name('copy ' + film.name))
        for film in fold.films
    ]
    for old, new in zip(fold.films, films, strict=True):
        new.path.write_bytes(old.path.read_bytes())
    return Fold(fold.checkpoint, films)


@pytest.mark.parametrize(
    ('change', 'remade'),
    [
        (lambda fold: with_box(fold, 'Mass', [50, 50, 60, 60]), 2),
        (lambda fold: with_box(fold, 'Nodule', [50, 50, 60, 60]), 3),
        (elsewhere, 2),
    ],
    ids=['a box', 'a finding', 'the folder of films'],
)
def test_other_boxes_or_films_are_scored_anew(
    cfg, folds, tmp_path, monkeypatch, change, remade
):
    from mmlung.cam_benchmark import run

    settings = dataclasses.replace(SETTINGS, untrained=False)
    store = tmp_path / 'parts'
    score_folds(cfg, folds, settings, store)
    asked = []
    explained = run.map_of_film
    monkeypatch.setattr(
        run, 'map_of_film', lambda *args: asked.append(args[1]) or explained(*args)
    )
    places = (store / 'place-1.jsonl').read_text()
    changed = [change(folds[0]), folds[1]]
    scores = score_folds(cfg, changed, settings, store)
    assert len(asked) == remade  # the other fold's are kept
    assert repr(scores) == repr(score_folds(cfg, changed, settings, tmp_path / 'new'))
    assert (store / 'place-1.jsonl').read_text() != places


@pytest.mark.parametrize('name', ['MAPS_VERSION', 'mmlung.__version__'])
def test_another_version_of_maps_is_scored_anew(
    cfg, folds, tmp_path, monkeypatch, name
):
    settings = dataclasses.replace(SETTINGS, untrained=False)
    score_folds(cfg, folds, settings, tmp_path)
    head = (tmp_path / 'hirescam-0.jsonl').read_text().splitlines()[0]
    monkeypatch.setattr(f'mmlung.cam_benchmark.run.{name}', '9')
    score_folds(cfg, folds, settings, tmp_path)
    assert (tmp_path / 'hirescam-0.jsonl').read_text().splitlines()[0] != head


def test_scores_of_the_old_form_are_not_reused(cfg, folds, tmp_path):
    old = {'kind': 'place', 'fold': 0, 'films': [[f.name for f in folds[0].films]]}
    line = {'film': folds[0].films[0].name, 'finding': 'Mass', 'pointing': 0}
    store = tmp_path / 'place-0.jsonl'
    store.write_text(f'{json.dumps(old)}\n{json.dumps(line)}\n')
    scores = score_folds(cfg, folds, SETTINGS, tmp_path)
    assert scores['place'][0].pointing > 0.9


def test_places_come_from_films_of_other_patients(folds):
    first, second = folds
    seeds = [first, first, second, second]
    assert _other_films(seeds, 0) == list(second.films)
    same = [dataclasses.replace(film, patient_id='7') for film in first.films[:1]]
    mixed = [dataclasses.replace(second.films[0], patient_id='7'), second.films[1]]
    pair = [Fold('none', same), Fold('none', mixed)]
    assert _other_films(pair, 0) == [second.films[1]]
    assert _other_films(pair, 1) == []
    assert has_places(seeds)
    assert not has_places(pair)
    assert not has_places([first, first])


def test_two_seeds_on_one_fold_have_no_places(boxes_files, tmp_path, capsys):
    argv = [CONFIG, 'none', 'none', '--boxes', *[str(boxes_files[0])] * 2]
    argv += ['--device', 'cpu', '--cfg-options', 'img_size=64', '--bootstrap', '20']
    assert tool([*argv, '--out', str(tmp_path / 'cam.json')]) == 0
    assert 'no row of places' in capsys.readouterr().out
    assert 'place' not in json.loads((tmp_path / 'cam.json').read_text())['reports']


def test_shuffling_needs_two_films(boxes_files, tmp_path, capsys):
    content = json.loads(boxes_files[0].read_text())
    content['annotations'] = content['annotations'][:1]
    boxes_files[0].write_text(json.dumps(content))
    out = tmp_path / 'cam.json'
    argv = [CONFIG, 'none', '--boxes', str(boxes_files[0]), '--randomise', '2']
    assert tool([*argv, '--out', str(out)]) == 2
    assert 'at least 2 films with a judged box' in capsys.readouterr().err
    assert not out.with_suffix('.parts').exists()  # refused before the work


def test_boxes_for_films_of_another_size_are_refused(cfg, folds, tmp_path):
    cv2.imwrite(str(folds[0].films[0].path), np.eye(48, 64, dtype=np.uint8) * 255)
    with pytest.raises(ValueError, match=r'48 x 64 pixels .* made for 96 x 128'):
        score_folds(cfg, folds, SETTINGS, tmp_path / 'parts')


def test_shuffling_goes_from_the_head_down(cfg, folds):
    films = [*folds[0].films, *folds[1].films]
    rows = randomisation_check(cfg, Fold('none', films), 'gradcam', SETTINGS, 3)
    names = [row['shuffled'] for row in rows]
    assert names[:2] == [ANOTHER_FILM, 'head.fc']
    assert names.index('backbone.stages.3') < names.index('backbone.stages.0')
    assert names[-1].startswith('backbone.downsample_layers.0')
    for row in rows:
        assert row['maps'] + row['zero'] >= 3
        assert np.isnan(row['spearman']) or -1 <= row['spearman'] <= 1
    text = sanity_table(rows)
    assert len(text.splitlines()) == len(rows) + 2
    assert text.startswith('| shuffled down to | spearman |')


def tool(argv):
    return main(['cam-benchmark', *argv])


def test_the_tool_writes_numbers_and_a_picture(boxes_files, tmp_path, capsys):
    out, picture = tmp_path / 'cam.json', tmp_path / 'sheet.png'
    argv = [
        CONFIG,
        'none',
        'none',
        '--boxes',
        *map(str, boxes_files),
        '--device',
        'cpu',
    ]
    argv += ['--method', 'gradcam', 'layercam@backbone.stages.1', 'occlusion']
    argv += ['--cfg-options', 'img_size=64', '--bootstrap', '20']
    argv += ['--out', str(out), '--show', str(picture), '--randomise', '2']
    assert tool(argv) == 0
    printed = capsys.readouterr().out
    assert 'All 4 maps pooled' in printed
    assert 'unseen: not checked' in printed
    assert 'Maps of gradcam, weights shuffled' in printed
    content = json.loads(out.read_text())
    assert content['schema'] == 'mmlung.cam_benchmark/1'
    assert content['reports']['place']['CAM_pointing'] > 0.9
    assert content['reports']['occlusion']['CAM_maps'] == 4
    assert content['data'][1]['fold'] == 1
    assert content['settings']['rule'] == {'share': 0.2, 'regions': 'largest'}
    assert cv2.imread(str(picture)).size


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['--method', 'nocam'], 'unknown method nocam. Known: gradcam'),
        (['--method', 'gradcam@nowhere'], "the model has no layer 'nowhere'"),
        (['--method', 'occlusion'], 'must begin with a method of maps'),
        (['--share', '2'], 'share of the maximum must lie in'),
        (['--cfg-options', "findings=['Hernia']"], 'no finding of the model is boxed'),
        (['--images-root', 'gone'], 'does not exist; --images-root'),
    ],
    ids=['method', 'layer', 'occlusion', 'share', 'findings', 'images'],
)
def test_messages(boxes_files, tmp_path, capsys, options, message):
    argv = [CONFIG, 'none', '--boxes', str(boxes_files[0]), *options]
    assert tool([*argv, '--out', str(tmp_path / 'cam.json')]) == 2
    assert message in capsys.readouterr().err


def test_one_boxes_file_a_checkpoint(boxes_files, capsys):
    with pytest.raises(SystemExit):
        tool([CONFIG, 'none', '--boxes', *map(str, boxes_files)])
    assert 'got 1 checkpoints and 2 files' in capsys.readouterr().err
