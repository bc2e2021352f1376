"""The whole benchmark on drawn films, untrained: resumed, drawn, shuffled."""

import json

import cv2
import numpy as np
import pytest

pytest.importorskip('pytorch_grad_cam')

from mmlung.cam_benchmark.films import read_boxed_films
from mmlung.cam_benchmark.run import Fold
from mmlung.cam_benchmark.run import Settings
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
