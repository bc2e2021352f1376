import numpy as np
import pytest
from matplotlib.figure import Figure

from mmlung.evaluation.reliability import reliability_curve
from mmlung.evaluation.roc import roc_curve
from mmlung.figures import draw_reliability
from mmlung.figures import draw_roc

PNG = b'\x89PNG\r\n\x1a\n'


@pytest.fixture
def figures(monkeypatch):
    """The figures that were saved."""
    saved = []
    save = Figure.savefig
    monkeypatch.setattr(
        Figure,
        'savefig',
        lambda self, *args, **kwargs: (
            saved.append(self),
            save(self, *args, **kwargs),
        ),
    )
    return saved


def data(n=80, seed=0):
    rng = np.random.default_rng(seed)
    target = (rng.random(n) < 0.3).astype(float)
    return 1 / (1 + np.exp(-rng.normal(size=n) - target)), target


def test_a_panel_a_finding_with_what_it_rests_on(tmp_path, figures):
    score, target = data()
    curve = roc_curve(score, target, bootstrap=50)
    path = draw_roc({'Mass': curve, 'Edema': curve}, tmp_path / 'new' / 'roc.png', 'x')
    assert path.read_bytes().startswith(PNG)
    (figure,) = figures
    assert len(figure.axes) == 2
    axes = figure.axes[0]
    assert axes.get_title() == (
        f'Mass\nAUC {curve.auc:.3f} [{curve.auc_low:.3f}, {curve.auc_high:.3f}]\n'
        f'{int(target.sum())} positive of 80'
    )
    line = axes.lines[-1]
    assert (line.get_xdata()[0], line.get_ydata()[0]) == (0, 0)
    np.testing.assert_array_equal(line.get_ydata()[1:], curve.tpr)
    assert len(axes.collections) == 1  # the band
    assert figure.get_suptitle() == 'x'
    assert figure.get_facecolor()[:3] == (1, 1, 1)


def test_without_resamples_there_is_no_band(tmp_path, figures):
    draw_roc({'Mass': roc_curve(*data())}, tmp_path / 'roc.png')
    axes = figures[0].axes[0]
    assert not axes.collections
    assert '[' not in axes.get_title()


def test_an_undefined_curve_is_an_empty_panel(tmp_path, figures):
    score, target = data()
    draw_roc({'Hernia': roc_curve(score, target * 0)}, tmp_path / 'roc.png')
    axes = figures[0].axes[0]
    assert axes.get_title() == 'Hernia\nundefined: 0 positive of 80'
    assert len(axes.lines) == 1  # chance


@pytest.mark.parametrize('n', [1, 5, 6, 14])
def test_any_number_of_findings(tmp_path, n):
    curve = roc_curve(*data())
    path = draw_roc({f'F{i}': curve for i in range(n)}, tmp_path / 'roc.png')
    assert path.read_bytes().startswith(PNG)


def test_reliability_shows_every_bin(tmp_path, figures):
    curve = reliability_curve(*data(), n_bins=5)
    path = draw_reliability(
        {'Mass': curve, 'Edema': curve}, tmp_path / 'r.png', notes={'Mass': 'ECE 0.1'}
    )
    assert path.read_bytes().startswith(PNG)
    first, second = figures[0].axes
    assert (first.get_title(), second.get_title()) == ('Mass\nECE 0.1', 'Edema')
    dots = first.collections[0].get_offsets()
    np.testing.assert_allclose(dots, np.column_stack([curve.predicted, curve.observed]))


def test_rare_findings_are_shown_large(tmp_path, figures):
    score, target = np.linspace(0.01, 0.09, 200), np.zeros(200)
    target[::40] = 1
    draw_reliability(
        {'Hernia': reliability_curve(score, target, n_bins=3)}, tmp_path / 'r.png'
    )
    assert figures[0].axes[0].get_xlim()[1] == pytest.approx(0.102)


def test_no_known_film_is_an_empty_panel(tmp_path, figures):
    curve = reliability_curve(np.zeros(0), np.zeros(0))
    draw_reliability({'Hernia': curve}, tmp_path / 'r.png')
    assert figures[0].axes[0].get_xlim()[1] == pytest.approx(1.02)
