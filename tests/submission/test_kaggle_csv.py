import numpy as np
import pytest

from mmlung.findings import VINDR_KAGGLE
from mmlung.result import Finding
from mmlung.submission.kaggle_csv import SubmittedImage
from mmlung.submission.kaggle_csv import is_writable
from mmlung.submission.kaggle_csv import read_submission
from mmlung.submission.kaggle_csv import submission_text

SAMPLE = """image_id,PredictionString
002a34c58c5b758217ed1f584ccbcfe9,14 1 0 0 1 1
004f33259ee4aef671c2b95d54e4be68,14 1 0 0 1 1
"""


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / 'submission.csv'
        path.write_text(text, encoding='utf-8')
        return path

    return write


def test_kaggles_sample_is_read_and_written(write):
    images = read_submission(write(SAMPLE))
    assert [i.image_id[:6] for i in images] == ['002a34', '004f33']
    assert {(i.boxes, i.no_finding) for i in images} == {((), 1.0)}
    assert submission_text(images) == SAMPLE


@pytest.mark.parametrize(('number', 'name'), list(enumerate(VINDR_KAGGLE)))
def test_classes_have_kaggles_numbers(number, name):
    image = SubmittedImage('a', (Finding(name, 0.25, (1, 2, 3.5, 4)),), 0.75)
    assert submission_text([image]).splitlines()[1] == (
        f'a,{number} 0.25 1 2 3.5 4 14 0.75 0 0 1 1'
    )


@pytest.mark.parametrize(
    ('score', 'text'),
    [(1.0, '1'), (0.0, '0'), (0.1, '0.1'), (0.0000001, '0'), (0.999999, '1')],
)
def test_numbers_are_short(score, text):
    line = submission_text([SubmittedImage('a', (), score)]).splitlines()[1]
    assert line == f'a,14 {text} 0 0 1 1'


def random_images(rng, n=30):
    images = []
    for i in range(n):
        boxes = []
        for _ in range(rng.integers(0, 6)):
            x1, y1 = rng.uniform(0, 3000, 2).round(1)
            size = rng.uniform(0.2, 300, 2)
            boxes.append(
                Finding(
                    str(rng.choice(VINDR_KAGGLE)),
                    round(float(rng.uniform()), 5),
                    (
                        x1,
                        y1,
                        round(float(x1 + size[0]), 1),
                        round(float(y1 + size[1]), 1),
                    ),
                )
            )
        score = round(float(rng.uniform()), 5)
        images.append(SubmittedImage(f'name, "{i}" ü', tuple(boxes), score))
    return images


@pytest.mark.parametrize('seed', range(3))
def test_what_is_written_is_read(write, seed):
    images = random_images(np.random.default_rng(seed))
    assert read_submission(write(submission_text(images))) == images


@pytest.mark.parametrize(
    ('box', 'there'),
    [((1, 1, 1.2, 1.2), True), ((1, 1, 1.04, 9), False), (None, False)],
    ids=['small', 'gone', 'none'],
)
def test_boxes_that_rounding_closes_are_known(box, there):
    assert is_writable(Finding('ILD', 0.5, box)) is there


@pytest.mark.parametrize(
    'finding',
    [Finding('Mass', 0.5, (0, 0, 1, 1)), Finding('ILD', 0.5)],
    ids=['name', 'no-box'],
)
def test_only_kaggles_findings_are_written(finding):
    with pytest.raises(ValueError, match='image a: a submission holds boxes of Aortic'):
        submission_text([SubmittedImage('a', (finding,), 0.5)])


GOOD = '14 1 0 0 1 1'


@pytest.mark.parametrize(
    ('row', 'text'),
    [
        ('a', r"expected image_id,PredictionString, got \['a'\]"),
        (f',{GOOD}', 'expected image_id,PredictionString'),
        (f'a,{GOOD},1', 'expected image_id,PredictionString'),
        (f'a,3 0.5 1 2 3 {GOOD}', 'six numbers.*got 11 numbers'),
        (f'a,15 0.5 1 2 3 4 {GOOD}', 'class must be a whole number from 0 to 14'),
        (f'a,3.0 0.5 1 2 3 4 {GOOD}', "image a: '3.0 0.5 1 2 3 4': the class must be"),
        (f'a,3 1.5 1 2 3 4 {GOOD}', r'score must lie in \[0, 1\]'),
        (f'a,3 nan 1 2 3 4 {GOOD}', 'score must lie in'),
        (f'a,3 x 1 2 3 4 {GOOD}', 'could not convert string to float'),
        (f'a,3 0.5 3 2 3 4 {GOOD}', 'x_min < x_max'),
        (f'a,3 0.5 1 2 3 inf {GOOD}', 'x_min < x_max'),
        (f'a,3 0.5 -1 2 3 4 {GOOD}', '0 <= x_min'),
        ('a,14 1 0 0 2 2', 'box of class 14 must be 0 0 1 1'),
        ('a,', r'class 14 \(No finding\) must stand there once, found 0 times'),
        (f'a,{GOOD} {GOOD}', 'found 2 times'),
        (f'first,{GOOD}', 'image first stands there twice'),
    ],
)
def test_a_wrong_row_is_named(write, row, text):
    path = write(f'image_id,PredictionString\nfirst,{GOOD}\n{row}\n')
    with pytest.raises(ValueError, match=rf'submission\.csv, line 3: .*{text}'):
        read_submission(path)


@pytest.mark.parametrize('text', ['', 'image_id,label\n'], ids=['empty', 'other'])
def test_a_wrong_header_is_named(write, text):
    with pytest.raises(ValueError, match='line 1: the header must be image_id,Pred'):
        read_submission(write(text))


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'absent\.csv does not exist'):
        read_submission(tmp_path / 'absent.csv')
