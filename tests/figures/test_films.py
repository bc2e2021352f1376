import cv2
import numpy as np
import pytest
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from mmlung.figures import PREDICTION_COLOUR
from mmlung.figures import TRUTH_COLOUR
from mmlung.figures import draw_contact_sheet
from mmlung.figures import draw_result
from mmlung.figures import draw_results
from mmlung.result import Finding
from mmlung.result import ImageResult

PNG = b'\x89PNG\r\n\x1a\n'


@pytest.fixture
def films(tmp_path):
    """Folder with a few films, one of them in a sub-folder."""
    folder = tmp_path / 'films'
    (folder / 'sub').mkdir(parents=True)
    film = np.linspace(60, 120, 40 * 60).reshape(40, 60).astype(np.uint8)
    for name in ('a.png', 'b.png', 'sub/c.jpg'):
        cv2.imwrite(str(folder / name), film)
    return folder


def detected(name='a.png', score=0.8, truth=((1, 2, 30, 35),)):
    return ImageResult(
        name,
        (40, 60),
        (Finding('Mass', score, (5, 6, 20, 25)), Finding('Edema', 0.1, (0, 0, 9, 9))),
        tuple(Finding('Mass', 1.0, box) for box in truth),
    )


def classified(name='a.png', present=1.0):
    return ImageResult(
        name,
        (40, 60),
        tuple(Finding(f'F{i}', i / 10) for i in range(6)),
        (Finding('F0', present), Finding('F1', 0.0), Finding('F2', None)),
    )


def drawn(result, films):
    axes = Figure().add_subplot()
    draw_result(axes, result, films)
    return axes


def test_boxes_lie_where_they_are_in_the_file(films):
    axes = drawn(detected(), films)
    assert axes.images[0].get_array().shape == (40, 60)
    boxes = {
        (patch.get_x(), patch.get_y(), patch.get_width(), patch.get_height())
        for patch in axes.patches
    }
    assert boxes == {(1, 2, 29, 33), (5, 6, 15, 19)}
    texts = {t.get_text(): t.get_bbox_patch().get_facecolor() for t in axes.texts}
    assert set(texts) == {'Mass', 'Mass 0.80'}
    assert texts['Mass'][:3] == to_rgba(TRUTH_COLOUR)[:3]
    assert texts['Mass 0.80'][:3] == to_rgba(PREDICTION_COLOUR)[:3]


def test_the_grey_range_is_the_files_own(films):
    image = drawn(detected(), films).images[0]
    assert image.get_clim() == (0, 255)
    assert image.get_cmap().name == 'gray'


@pytest.mark.parametrize(('score', 'n_boxes'), [(0.29, 1), (0.3, 2), (0.9, 2)])
def test_faint_boxes_are_not_drawn(films, score, n_boxes):
    assert len(drawn(detected(score=score), films).patches) == n_boxes


@pytest.mark.parametrize(
    ('score_thr', 'labels'),
    [
        (None, {'Mass', 'Mass 0.80'}),
        (0.9, {'Mass'}),
        (0.05, {'Mass', 'Mass 0.80', 'Edema 0.10'}),
        ({'Mass': 0.81, 'Edema': 0.1}, {'Mass', 'Edema 0.10'}),
        ({'Mass': 0.8000001}, {'Mass', 'Mass 0.80'}),  # scores have six digits
    ],
    ids=['default', 'high', 'low', 'per-finding', 'rounded'],
)
def test_each_finding_has_its_threshold(films, score_thr, labels):
    axes = Figure().add_subplot()
    draw_result(axes, detected(), films, score_thr)
    assert {text.get_text() for text in axes.texts} == labels


def test_a_film_without_anything_is_drawn(films):
    axes = drawn(ImageResult('a.png', (40, 60), (), None), films)
    assert len(axes.images) == 1
    assert not axes.patches
    assert not axes.texts


def test_scores_of_the_whole_film_are_text(films):
    texts = [text.get_text() for text in drawn(classified(), films).texts]
    assert texts == ['F0', 'F5 0.50\nF4 0.40\nF3 0.30\nF2 0.20']
    texts = [text.get_text() for text in drawn(classified(present=0.0), films).texts]
    assert texts[0] == 'no finding'


def test_one_picture_a_film_in_the_films_own_tree(films, tmp_path):
    results = [detected('a.png'), classified('sub/c.jpg')]
    paths = draw_results(results, films, tmp_path / 'out')
    assert paths == [tmp_path / 'out' / 'a.png', tmp_path / 'out' / 'sub' / 'c.png']
    for path in paths:
        assert path.read_bytes().startswith(PNG)
    written = [p for p in (tmp_path / 'out').rglob('*') if p.is_file()]
    assert sorted(written) == sorted(paths)  # no part of a picture stays behind


def test_a_long_name_is_shortened(films):
    name = 'x' * 40 + '.png'
    (films / name).write_bytes((films / 'a.png').read_bytes())
    title = drawn(detected(name), films).get_title()
    assert title == 'x' * 10 + '…' + 'x' * 8 + '.png'


@pytest.mark.parametrize(
    ('n_abnormal', 'n_healthy', 'n_films', 'expected'),
    [
        (20, 20, 12, (9, 3)),
        (2, 20, 12, (2, 10)),
        (20, 1, 12, (11, 1)),
        (1, 1, 12, (1, 1)),
    ],
    ids=['enough', 'few-abnormal', 'few-healthy', 'few'],
)
def test_the_contact_sheet_shows_both_kinds(
    films, tmp_path, monkeypatch, n_abnormal, n_healthy, n_films, expected
):
    shown = []
    monkeypatch.setattr(
        'mmlung.figures.films.draw_result',
        lambda axes, result, root, score_thr: shown.append(result),
    )
    results = [detected(f'{i}.png') for i in range(n_abnormal)]
    results += [detected(f'h{i}.png', truth=()) for i in range(n_healthy)]
    draw_contact_sheet(results, films, tmp_path / 'sheet.png', n_films)
    healthy = [result for result in shown if not result.truth]
    assert (len(shown) - len(healthy), len(healthy)) == expected
    assert len({result.image for result in shown}) == len(shown)


@pytest.mark.parametrize('n', [1, 2, 5])
def test_a_contact_sheet_is_a_picture(films, tmp_path, n):
    path = draw_contact_sheet([detected()] * n, films, tmp_path / 'new' / 'sheet.png')
    assert path.read_bytes().startswith(PNG)


def test_a_film_without_truth_is_shown(films, tmp_path):
    results = [ImageResult('a.png', (40, 60), ())]
    draw_contact_sheet(results, films, tmp_path / 'sheet.png')


def test_a_missing_film_is_named(films):
    with pytest.raises(FileNotFoundError, match=r'absent\.png'):
        drawn(detected('absent.png'), films)


def test_a_dollar_sign_is_no_mathematics(films, tmp_path):
    name = 'a$x_$.png'
    (films / name).write_bytes((films / 'a.png').read_bytes())
    boxed = Finding('Mass $x_$', 0.8, (5, 6, 20, 25))
    true = Finding('$^$', 1.0, (1, 2, 30, 35))
    results = [
        ImageResult(name, (40, 60), (boxed,), (true,)),
        ImageResult(name, (40, 60), (Finding('$_$', 0.5),), (Finding('$^$', 1.0),)),
    ]
    for path in draw_results(results, films, tmp_path / 'out'):
        assert path.read_bytes().startswith(PNG)


def test_the_list_of_findings_covers_nothing_of_the_film(films):
    figure = Figure(figsize=(7, 7.4), layout='constrained')
    axes = figure.add_subplot()
    draw_result(axes, classified(), films)
    figure.draw_without_rendering()
    bottom = axes.get_window_extent().y0
    boxes = [text.get_bbox_patch().get_window_extent() for text in axes.texts]
    assert all(0 <= box.y0 < box.y1 <= bottom for box in boxes)
    truth, found = boxes
    assert found.x1 < truth.x0
