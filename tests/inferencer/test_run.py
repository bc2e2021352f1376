import io

import cv2
import numpy as np
import pydicom
import pytest

from mmlung.inferencer import FilmSource
from mmlung.inferencer.outputs import identifiers_of
from mmlung.inferencer.run import Options
from mmlung.inferencer.run import caption
from mmlung.inferencer.run import draw
from mmlung.inferencer.run import run
from mmlung.phantom.dicom_film import encode_dicom
from mmlung.result import Finding
from mmlung.result import ImageResult

BOX = (1.0, 2.0, 30.0, 40.0)


@pytest.mark.parametrize(
    ('findings', 'said'),
    [
        ([Finding('Mass', 0.2)], 'four highest findings, with their score, not calib'),
        ([Finding('Mass', 0.2, probability=0.1)], 'with their calibrated probability'),
        ([Finding('Mass', 0.4, BOX, threshold=0.3)], 'boxes that reach their thresh'),
        ([Finding('Mass', 0.2, BOX, threshold=0.3)], 'no box reaches its threshold'),
        ([], 'no box was found'),
    ],
    ids=['score', 'probability', 'box', 'low-box', 'nothing'],
)
def test_a_picture_says_what_it_shows(findings, said):
    text = caption(ImageResult('film.png', (64, 64), tuple(findings)))
    assert said in text
    assert 'not a medical device' in text


@pytest.fixture
def one_film(tmp_path, draw_film):
    """A film of a name that matplotlib would take for mathematics."""
    path = tmp_path / 'films' / 'a$x_$.png'
    path.parent.mkdir()
    cv2.imwrite(str(path), draw_film((64, 64)))
    return FilmSource(path.name, path)


def picture_of(out, film):
    return out / 'figures' / f'{film.name}.png'


def test_a_picture_is_titled_by_the_result_and_not_by_a_links_target(
    tmp_path, one_film, monkeypatch
):
    link = tmp_path / 'case1.png'
    link.symlink_to(one_film.data)
    figures = []
    monkeypatch.setattr(
        'mmlung.figures.picture.save_picture',
        lambda figure, path: figures.append(figure),
    )
    draw(ImageResult('case1.png', (64, 64), ()), link, tmp_path / 'out.png')
    assert figures[0].axes[0].get_title() == 'case1.png'


def test_pictures_that_an_earlier_run_did_not_draw(classifier, tmp_path, one_film):
    out = tmp_path / 'out'
    first = run(classifier, [one_film], out, Options(quiet=True))
    assert (first.predicted, first.undrawn) == (1, ())
    assert not picture_of(out, one_film).exists()
    second = run(classifier, [one_film], out, Options(show=True, quiet=True))
    assert (second.predicted, second.skipped, second.undrawn) == (0, 1, ())
    drawn = picture_of(out, one_film).stat().st_mtime_ns
    run(classifier, [one_film], out, Options(show=True, quiet=True))
    assert picture_of(out, one_film).stat().st_mtime_ns == drawn
    run(classifier, [one_film], out, Options(overwrite=True, quiet=True))
    run(classifier, [one_film], out, Options(show=True, quiet=True))
    assert picture_of(out, one_film).stat().st_mtime_ns > drawn  # it was of old scores


def test_a_film_that_cannot_be_drawn_ends_no_run(
    classifier, tmp_path, one_film, monkeypatch
):
    def gone(*args):
        raise FileNotFoundError(2, 'No such file or directory', str(one_film.data))

    monkeypatch.setattr('mmlung.inferencer.run.draw', gone)
    done = run(classifier, [one_film], tmp_path, Options(show=True, quiet=True))
    assert (done.predicted, done.failed) == (1, ())
    assert [film.reason for film in done.undrawn] == [
        'no picture: No such file or directory'
    ]


def test_an_error_of_the_system_tells_no_path(tmp_path, classifier):
    folder = tmp_path / 'Smith_John.png'
    folder.mkdir()
    (failed,) = classifier([FilmSource('1.png', folder)])
    assert failed.reason == 'Is a directory'


def test_identifiers_of_a_film_without_preamble(tmp_path, one_film, recwarn):
    rng = np.random.default_rng(0)
    dataset = pydicom.dcmread(io.BytesIO(encode_dicom(rng.random((32, 32)), rng, 'x')))
    dataset.PatientName = 'Doe^Jane'
    dataset.PatientID = 'p' * 80  # longer than DICOM allows: pydicom would quote it
    path = tmp_path / 'bare.dcm'
    recwarn.clear()
    del dataset.preamble
    stream = io.BytesIO()
    pydicom.dcmwrite(stream, dataset, enforce_file_format=True)
    for content in (stream.getvalue(), stream.getvalue()[132:]):
        path.write_bytes(content)
        kept = identifiers_of(path)
        assert kept['PatientName'] == 'Doe^Jane'
        assert kept['PatientID'] == 'p' * 80
        assert kept['SOPInstanceUID'] == dataset.SOPInstanceUID
    assert identifiers_of(one_film.data) == {}
    assert not recwarn.list
