"""tools/gradcam.py: pages, maps and gradcam.json, resumable, bad films skipped."""

import json
import os

import cv2
import numpy as np
import pytest

from mmlung.cli import main

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
    assert content['method'] == 'gradcam'
    assert content['checkpoint'] == {'file': 'none', 'sha256': None}
    assert [image['image'] for image in content['images']] == ['a.png', 'b.png']
    assert content['failed'][0]['image'] == 'c.dcm'
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
    assert main([*argv, '--finding', 'Hernia', '--method', 'layercam']) == 2
    assert 'holds maps of another run: its method is' in capsys.readouterr().err


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
