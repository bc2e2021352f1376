"""From a phantom Kaggle download to a submission and its score, in process."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmlung.cli import main
from mmlung.phantom import write_vindr
from mmlung.submission.kaggle_csv import read_submission

pytestmark = pytest.mark.slow

REPO = Path(__file__).resolve().parent.parent.parent
NOT_OF_THE_DEMO = [
    'Calcification', 'ILD', 'Infiltration', 'Lung Opacity', 'Other lesion',
    'Pleural thickening',
]  # fmt: skip
CONFIG = str(REPO / 'configs' / 'swin_vindr_demo.py')


@pytest.fixture(scope='module')
def download(tmp_path_factory):
    """The Kaggle release and its conversion."""
    folder = tmp_path_factory.mktemp('kaggle')
    raw, data = folder / 'raw', folder / 'data'
    write_vindr(raw, n_train=6, n_test=3, release='kaggle', size_range=(96, 128))
    argv = ['convert', 'vindr', '--root', str(raw), '--out', str(data)]
    assert main([*argv, '--val-fraction', '0.4']) == 0
    return folder


@pytest.fixture
def submit(download, random_detector, tmp_path):
    """(*flags, more options) -> exit code."""
    options = [f'data_root={download / "data"}', 'img_size=64']
    options.append('test_dataloader.num_workers=0')

    def call(*flags, more=(), checkpoint=random_detector):
        argv = ['submission', CONFIG, str(checkpoint), '--work-dir', str(tmp_path)]
        return main([*argv, *flags, '--cfg-options', *options, *more])

    return call


def test_a_submission_has_the_rows_that_kaggle_wants(
    submit, download, tmp_path, capsys
):
    assert submit() == 0
    out = capsys.readouterr().out
    images = read_submission(tmp_path / 'submission.csv')
    with (download / 'raw' / 'sample_submission.csv').open(newline='') as file:
        wanted = {row['image_id'] for row in csv.DictReader(file)}
    assert {image.image_id for image in images} == wanted
    assert len(images) == 3
    for image in images:
        assert image.boxes  # random weights see something everywhere
        highest = max(box.score for box in image.boxes)
        assert image.no_finding == pytest.approx(1 - highest, abs=2e-5)
        for box in image.boxes:
            assert max(box.box_xyxy) <= 128
    assert '3 images of test_unlabelled.json' in out
    assert 'never predicted: Calcification, ILD' in out
    assert f'submission: {tmp_path / "submission.csv"}' in out
    assert not list(tmp_path.glob('*.part'))


def test_a_submission_of_labelled_films_is_scored(submit, tmp_path, capsys):
    out_file = tmp_path / 'val.csv'
    on_val = ['test_dataloader.dataset.ann_file=val.json']
    assert submit('--score', '--out', str(out_file), more=on_val) == 0
    out = capsys.readouterr().out
    assert 'images of val.json' in out
    assert 'not scored' not in out
    assert len(read_submission(out_file)) == 2
    content = json.loads((tmp_path / 'val.score.json').read_text('utf-8'))
    assert content['images'] == 2
    assert content['metrics']['kaggle_AP'] is not None
    assert content['not_scored'] == {'boxes': {}, 'images_as_no_finding': 0}
    assert content['never_predicted'] == NOT_OF_THE_DEMO


def test_the_score_says_what_kaggle_lacks(submit, download, tmp_path, capsys):
    content = json.loads((download / 'data' / 'val.json').read_text('utf-8'))
    number = max(item['id'] for item in content['categories']) + 1
    content['categories'].append({'id': number, 'name': 'Edema'})
    content['categories'].append({'id': number + 1, 'name': 'Lung cyst'})
    image = content['images'][0]['id']
    content['annotations'] = [
        box | {'category_id': number if box['image_id'] == image else n}
        for box in content['annotations']
        for n in [box['category_id']]
    ]
    box = {'id': 10**6, 'image_id': image, 'category_id': number}
    box |= {'bbox': [1, 1, 9, 9], 'area': 81, 'iscrowd': 0}
    content['annotations'].append(box)
    n_edema = sum(b['category_id'] == number for b in content['annotations'])
    file = download / 'data' / 'as_physionet.json'
    file.write_text(json.dumps(content), encoding='utf-8')
    more = [f'test_dataloader.dataset.ann_file={file.name}']
    assert submit('--score', more=more) == 0
    out = capsys.readouterr().out
    assert f'Kaggle lacks (true boxes): Edema {n_edema}, Lung cyst 0' in out
    assert '1 images with such boxes alone count as No finding' in out
    written = json.loads((tmp_path / 'submission.score.json').read_text('utf-8'))
    assert written['not_scored']['boxes'] == {'Edema': n_edema, 'Lung cyst': 0}


def test_three_sizes_are_merged_in_a_submission(submit, tmp_path):
    assert submit('--out', str(tmp_path / 'once.csv')) == 0
    assert submit('--tta', '--out', str(tmp_path / 'three.csv')) == 0
    once, three = (read_submission(tmp_path / f'{n}.csv') for n in ('once', 'three'))
    assert [image.image_id for image in once] == [image.image_id for image in three]
    assert once != three
    for image in three:
        assert 0 < len(image.boxes) <= 100
        highest = max(box.score for box in image.boxes)
        assert image.no_finding == pytest.approx(1 - highest, abs=2e-5)
        assert max(max(box.box_xyxy) for box in image.boxes) <= 128


def test_two_processes_submit_what_one_does(
    submit, download, random_detector, tmp_path
):
    """Three films: the second process repeats one, which must not count."""
    assert submit('--out', str(tmp_path / 'one.csv')) == 0
    argv = ['-m', 'torch.distributed.run', '--nproc-per-node', '2', '--standalone']
    argv += [str(REPO / 'tools' / 'submission.py'), CONFIG, str(random_detector)]
    argv += ['--launcher', 'pytorch', '--work-dir', str(tmp_path)]
    argv += ['--out', str(tmp_path / 'two.csv'), '--cfg-options']
    argv += [f'data_root={download / "data"}', 'img_size=64']
    argv += ['test_dataloader.num_workers=0']
    env = {**os.environ, 'OMP_NUM_THREADS': '1', 'PYTHONPATH': str(REPO)}
    done = subprocess.run(
        [sys.executable, *argv],
        env=env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count('submission: ') == 1
    one, two = ((tmp_path / f'{n}.csv').read_text('utf-8') for n in ('one', 'two'))
    assert two == one


def test_user_errors_are_one_line(submit, capsys):
    assert submit('--score') == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert 'error: ' in line
    assert 'test_unlabelled.json has no labels' in line
    assert submit(checkpoint='absent.pth') == 2
    assert 'absent.pth does not exist' in capsys.readouterr().err
    with pytest.raises(SystemExit, match='2'):
        submit('--out', 'a.json')
    assert '--out must end in .csv, got a.json' in capsys.readouterr().err
