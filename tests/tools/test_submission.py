"""From a phantom Kaggle download to a submission and its score, in process."""

import csv
from pathlib import Path

import pytest

from mmlung.cli import main
from mmlung.kaggle_csv import read_submission
from mmlung.phantom import write_vindr

pytestmark = pytest.mark.slow

REPO = Path(__file__).resolve().parent.parent.parent
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
    assert 'images of val.json' in capsys.readouterr().out
    assert len(read_submission(out_file)) == 2


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
