import json

import pytest

from mmlung.cli import main
from tests.report.conftest import classifier  # noqa: F401


def test_writes_the_report(classifier, capsys):  # noqa: F811
    argv = ['report', str(classifier), '--images-root', str(classifier / 'films')]
    assert main(argv) == 0
    text = (classifier / 'report.html').read_text('utf-8')
    assert '<svg' in text
    assert 'data:image/jpeg' in text
    assert f'report: {classifier / "report.html"} (' in capsys.readouterr().out


def test_no_images_and_another_place(classifier, tmp_path, capsys):  # noqa: F811
    out = tmp_path / 'new' / 'r.html'
    assert main(['report', str(classifier), '--no-images', '--out', str(out)]) == 0
    assert 'data:image' not in out.read_text('utf-8')
    assert 'folder is not known' not in capsys.readouterr().out


def test_says_that_films_are_missing(classifier, capsys):  # noqa: F811
    assert main(['report', str(classifier)]) == 0
    said = capsys.readouterr()
    line = next(s for s in said.out.splitlines() if s.startswith('left out: '))
    assert 'no films (give their folder: --images-root DIR)' in line
    assert (
        f'no maps (`mmlung gradcam CONFIG CHECKPOINT FILMS --out {classifier}' in line
    )
    assert 'no calibration' not in line
    assert 'data use agreement' not in said.err  # nothing is embedded


def test_warns_of_films_and_says_which_are_gone(classifier, capsys):  # noqa: F811
    films = sorted((classifier / 'films').iterdir())
    argv = ['report', str(classifier), '--images-root', str(classifier / 'films')]
    assert main(argv) == 0
    assert 'data use agreement may forbid sharing' in capsys.readouterr().err
    films[0].unlink()
    assert main(argv) == 0
    assert '1 of 8 films are gone, such as film <0>' in capsys.readouterr().out


def test_metrics_alone(classifier):  # noqa: F811
    (classifier / 'predictions.json').unlink()
    assert main(['report', str(classifier)]) == 0
    # One line names what is missing and the command that brings it.


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['--maps', 'nowhere'], 'error: nowhere/gradcam.json does not exist'),
        (['--images-root', 'nowhere'], 'error: images folder nowhere does not exist'),
        (['--predictions', 'no.json'], 'error: no.json does not exist'),
    ],
    ids=['maps', 'images', 'predictions'],
)
def test_errors_are_one_line(classifier, options, message, capsys):  # noqa: F811
    assert main(['report', str(classifier), *options]) == 2
    err = capsys.readouterr().err
    assert err.startswith(message)
    assert err.count('\n') == 1


def test_an_empty_work_dir(tmp_path, capsys):
    assert main(['report', str(tmp_path)]) == 2
    assert 'metrics.json does not exist' in capsys.readouterr().err


def test_out_must_be_html(capsys):
    with pytest.raises(SystemExit, match='2'):
        main(['report', 'x', '--out', 'r.pdf'])
    assert '--out must end in .html, got r.pdf' in capsys.readouterr().err


def test_metrics_json_is_left_alone(classifier):  # noqa: F811
    before = (classifier / 'metrics.json').read_bytes()
    assert main(['report', str(classifier), '--no-images']) == 0
    assert (classifier / 'metrics.json').read_bytes() == before
    assert json.loads(before)['schema'] == 'mmlung.metrics/1'
