"""tools/gradcam.py: pages, maps and gradcam.json, resumable, bad films skipped."""

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from pydicom.data import get_testdata_file

from mmlung.cli import main
from mmlung.config import load_config
from mmlung.explain import load_model

CONFIG = 'configs/convnext_chestxray14_demo.py'
DETECTOR = 'configs/swin_vindr_demo.py'


@pytest.fixture
def films(tmp_path):
    folder = tmp_path / 'films of today'
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name, hw in (('a.png', (90, 150)), ('b.png', (120, 80))):
        cv2.imwrite(str(folder / name), rng.integers(0, 255, hw, dtype=np.uint8))
    return folder


def test_pages_and_maps_of_a_folder(films, tmp_path, capsys):
    (films / 'c.dcm').write_text('no film')
    out = tmp_path / 'out'
    argv = ['gradcam', CONFIG, 'none', str(films), '--out', str(out), '--save-maps']
    assert main(argv) == 1
    said = capsys.readouterr()
    assert '1 of 3 films were skipped' in said.err
    content = json.loads((out / 'gradcam.json').read_text())
    assert content['schema'] == 'mmlung.maps/1'
    assert content['method'] == 'hirescam'
    assert content['checkpoint'] == {'file': 'none', 'sha256': None}
    assert [image['image'] for image in content['images']] == ['a.png', 'b.png']
    assert content['failed'][0]['image'] == 'c.dcm'
    assert content['config'] == 'convnext_chestxray14_demo.py'
    assert str(tmp_path) not in json.dumps(content)  # no place of this machine
    for image, hw in zip(content['images'], ((90, 150), (120, 80)), strict=True):
        assert len(image['maps']) == 3
        probabilities = [m['probability'] for m in image['maps']]
        assert probabilities == sorted(probabilities, reverse=True)
        for entry in image['maps']:
            assert entry['target'] == 'logit'
            values = np.load(out / entry['map'])
            assert values.shape == hw
            assert values.dtype == np.float16
            assert cv2.imread(str(out / entry['figure'])) is not None
    assert not list(out.rglob('*.part'))


def test_a_second_run_goes_on(films, tmp_path):
    out = tmp_path / 'out'
    argv = ['gradcam', CONFIG, 'none', str(films / '*.png'), '--out', str(out)]
    argv += ['--finding', 'Hernia']
    assert main(argv) == 0
    kept, redrawn = sorted((out / 'figures').rglob('*.png'))
    os.utime(kept, (1, 1))
    redrawn.unlink()
    assert main(argv) == 0
    assert kept.stat().st_mtime == 1
    assert redrawn.is_file()


def test_another_run_is_not_mixed_in(films, tmp_path, capsys):
    argv = ['gradcam', CONFIG, 'none', str(films / 'a.png'), '--out', str(tmp_path)]
    assert main([*argv, '--finding', 'Hernia']) == 0
    argv += ['--finding', 'Hernia', '--method', 'layercam']
    assert main(argv) == 2
    assert 'holds maps of another run: its method is' in capsys.readouterr().err
    assert main([*argv, '--overwrite']) == 0
    content = json.loads((tmp_path / 'gradcam.json').read_text())
    assert content['method'] == 'layercam'


def test_a_detector(films, tmp_path):
    argv = ['gradcam', DETECTOR, 'none', str(films / 'a.png'), '--out', str(tmp_path)]
    assert main([*argv, '--finding', 'Nodule/Mass', '--save-maps', 'float32']) == 0
    (image,) = json.loads((tmp_path / 'gradcam.json').read_text())['images']
    (entry,) = image['maps']
    assert entry['target'] == 'anywhere'
    assert entry['map'].endswith('Nodule-Mass.npy')
    assert np.load(tmp_path / entry['map']).dtype == np.float32


@pytest.mark.parametrize(
    ('extra', 'message'),
    [
        (['--finding', 'Hernai'], "unknown finding 'Hernai'"),
        (['--finding', 'top0'], 'K of at least 1'),
        (['--method', 'cam'], "unknown method 'cam'"),
        (['--layer', 'backbone.x'], "no layer 'backbone.x'"),
    ],
)
def test_what_cannot_be_asked(films, tmp_path, capsys, extra, message):
    argv = ['gradcam', CONFIG, 'none', str(films), '--out', str(tmp_path / 'out')]
    assert main([*argv, *extra]) == 2
    assert message in capsys.readouterr().err


def saved(path, cfg, break_it=None):
    """Checkpoint of an untrained network, as a training writes it."""
    model = load_model(load_config(cfg), 'none', 'cpu')
    state = model.state_dict()
    if break_it:
        state = {key: value * float('nan') for key, value in state.items()}
    torch.save({'state_dict': state, 'meta': {}}, path)
    return str(path)


def test_only_the_name_of_the_checkpoint_is_kept(films, tmp_path):
    path = saved(tmp_path / 'mine.pth', CONFIG)
    out = tmp_path / 'out'
    argv = ['gradcam', CONFIG, path, str(films / 'a.png'), '--out', str(out)]
    argv += ['--cfg-options', f'data_root={tmp_path}/films/']
    assert main(argv) == 0
    text = (out / 'gradcam.json').read_text()
    content = json.loads(text)
    assert content['checkpoint']['file'] == 'mine.pth'
    assert len(content['checkpoint']['sha256']) == 64
    assert str(tmp_path) not in text


def test_weights_that_are_no_numbers(films, tmp_path, capsys):
    path = saved(tmp_path / 'nan.pth', CONFIG, break_it=True)
    argv = ['gradcam', CONFIG, path, str(films), '--out', str(tmp_path / 'out')]
    assert main(argv) == 2
    assert 'the training diverged' in capsys.readouterr().err


def test_a_checkpoint_of_another_network(films, tmp_path, capsys):
    path = saved(tmp_path / 'detector.pth', DETECTOR)
    out = tmp_path / 'out'
    assert main(['gradcam', CONFIG, path, str(films), '--out', str(out)]) == 2
    assert 'does not fit the network of the config' in capsys.readouterr().err


def test_a_checkpoint_for_other_findings(films, tmp_path, capsys):
    path = tmp_path / 'other.pth'
    meta = {'dataset_meta': {'classes': ['Fracture', 'Nodule']}}
    torch.save({'state_dict': {}, 'meta': meta}, path)
    out = tmp_path / 'out'
    assert main(['gradcam', CONFIG, str(path), str(films), '--out', str(out)]) == 2
    assert 'findings' in capsys.readouterr().err


def test_no_film_at_all(tmp_path, capsys):
    (tmp_path / 'empty').mkdir()
    argv = ['gradcam', CONFIG, 'none', str(tmp_path / 'empty')]
    assert main([*argv, '--out', str(tmp_path / 'out')]) == 2
    assert 'empty' in capsys.readouterr().err


def test_what_is_no_film_is_named_and_the_rest_goes_on(films, tmp_path, capsys):
    (films / 'text.dcm').write_text('no film')
    whole = Path(get_testdata_file('CT_small.dcm')).read_bytes()
    (films / 'cut.dcm').write_bytes(whole[: len(whole) // 2])
    rng = np.random.default_rng(0)
    photo = rng.integers(0, 255, (40, 50, 3), dtype=np.uint8)
    cv2.imwrite(str(films / 'photo.png'), photo)
    out = tmp_path / 'out'
    argv = ['gradcam', CONFIG, 'none', str(films), '--out', str(out)]
    assert main([*argv, '--finding', 'Hernia']) == 1
    content = json.loads((out / 'gradcam.json').read_text())
    assert [i['image'] for i in content['images']] == ['a.png', 'b.png']
    reasons = {f['image']: f['reason'] for f in content['failed']}
    assert set(reasons) == {'text.dcm', 'cut.dcm', 'photo.png'}
    assert 'colour' in reasons['photo.png']
    assert all('\n' not in reason for reason in reasons.values())
    assert str(tmp_path) not in json.dumps(content)


def test_another_film_of_the_same_name_is_drawn_again(films, tmp_path):
    out = tmp_path / 'out'
    argv = ['gradcam', CONFIG, 'none', str(films / 'a.png'), '--out', str(out)]
    argv += ['--finding', 'Hernia']
    assert main(argv) == 0
    before = (out / 'figures' / 'a.png.png').read_bytes()
    rng = np.random.default_rng(5)
    cv2.imwrite(str(films / 'a.png'), rng.integers(0, 255, (90, 150), dtype=np.uint8))
    assert main(argv) == 0
    assert (out / 'figures' / 'a.png.png').read_bytes() != before


def test_another_config_of_the_same_name_is_another_run(films, tmp_path, capsys):
    out = tmp_path / 'out'
    argv = ['gradcam', CONFIG, 'none', str(films / 'a.png'), '--out', str(out)]
    argv += ['--finding', 'Hernia', '--cfg-options']
    assert main([*argv, 'img_size=96']) == 0
    assert main([*argv, 'img_size=128']) == 2
    assert 'holds maps of another run: its config_sha256' in capsys.readouterr().err


def test_films_that_differ_in_their_suffix_alone_stay_apart(tmp_path):
    folder, out = tmp_path / 'films', tmp_path / 'out'
    folder.mkdir()
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 255, (60, 60), dtype=np.uint8)
    cv2.imwrite(str(folder / 'a.png'), pixels)
    cv2.imwrite(str(folder / 'a.bmp'), pixels)
    argv = ['gradcam', CONFIG, 'none', str(folder), '--out', str(out), '--save-maps']
    assert main([*argv, '--finding', 'Hernia']) == 0
    images = json.loads((out / 'gradcam.json').read_text())['images']
    for key in ('figure', 'map'):
        assert len({image['maps'][0][key] for image in images}) == 2


def test_outputs_beside_the_films_are_no_films(films, capsys):
    argv = ['gradcam', CONFIG, 'none', str(films), '--out', str(films / 'maps')]
    argv += ['--finding', 'Hernia']
    assert main(argv) == 0
    assert main(argv) == 0
    assert '2 films' in capsys.readouterr().out


def test_a_name_with_dollars_is_drawn_as_it_is(films, tmp_path):
    (films / 'a.png').rename(films / r'a$\x$.png')
    argv = ['gradcam', CONFIG, 'none', str(films), '--out', str(tmp_path / 'out')]
    assert main([*argv, '--finding', 'Hernia']) == 0
