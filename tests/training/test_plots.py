"""The plots show what the textbook's show, in Korean where a font has Hangul, else in English after one line."""

import builtins
from types import SimpleNamespace

import numpy as np
import pytest

from micrograd_kr import plots, said

HISTORY = SimpleNamespace(train_loss=(3.0, 2.0, 1.5, 1.4), valid_loss=(3.1, 2.2, 1.9, 2.0))


@pytest.fixture
def pyplot():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    yield pyplot
    pyplot.close("all")


@pytest.fixture
def no_hangul(monkeypatch, pyplot):
    """A machine whose only fonts are matplotlib's own."""
    from matplotlib.font_manager import fontManager

    own = [font for font in fontManager.ttflist if "matplotlib" in font.fname]
    monkeypatch.setattr(fontManager, "ttflist", own)


def lines(axes):
    return [(each.get_xdata(), each.get_ydata()) for each in axes.lines]


@pytest.mark.parametrize("plot_from", [0, 2])
def test_a_history_is_drawn_from_an_epoch_on_with_the_textbooks_size_title_and_labels(pyplot, plot_from):
    figure = plots.plot_history(HISTORY, plot_from=plot_from)
    (axes,) = figure.axes
    assert tuple(figure.get_size_inches()) == (6, 6)
    assert axes.get_title() == "Train/Valid Loss History"
    assert [each.get_text() for each in axes.get_legend().get_texts()] == ["train_cost", "valid_cost"]
    assert axes.xaxis.get_gridlines()[0].get_visible()
    for (x, y), losses in zip(lines(axes), (HISTORY.train_loss, HISTORY.valid_loss), strict=True):
        assert list(x) == list(range(plot_from, 4))
        assert list(y) == list(losses[plot_from:])


def test_a_history_without_validation_has_one_line(pyplot):
    assert len(plots.plot_history(SimpleNamespace(train_loss=(2.0, 1.0), valid_loss=())).axes[0].lines) == 1


@pytest.mark.parametrize(
    ("name", "title", "function", "upright"),
    [
        ("step", "Step Function", lambda x: (x >= 0) * 1.0, [1, 0]),
        ("sigmoid", "Sigmoid Function", lambda x: 1 / (1 + np.exp(-x)), [1, 0]),
        ("tanh", "Tanh Function", np.tanh, [1, -1]),
        ("relu", "Relu Function", lambda x: np.maximum(0, x), [5, 0]),
        ("leaky_relu", "Leaky ReLU Function", lambda x: np.maximum(0.1 * x, x), [5, 0]),
        ("softmax", "Softmax Function", lambda x: np.exp(x) / np.exp(x).sum(), None),
    ],
)
def test_a_curve_is_the_textbooks(pyplot, name, title, function, upright):
    (axes,) = plots.plot_curve(name).axes
    (x, y), *others = lines(axes)
    np.testing.assert_array_equal(x, np.arange(-5.0, 5.0, 0.1))
    np.testing.assert_allclose(y, function(x), atol=1e-15)
    assert axes.get_title() == title
    assert [list(y) for x, y in others if list(x) == [0, 0]] == ([upright] if upright else [])
    flat = [line.get_color() for line in axes.lines if list(line.get_ydata()) == [0, 0]]
    assert flat == (["orange"] if name == "tanh" else [])


def test_softmax_sums_to_1_and_is_largest_at_the_end(pyplot):
    ((_, y),) = lines(plots.plot_curve("softmax").axes[0])
    assert sum(y) == pytest.approx(1)
    assert max(y) == y[-1] == pytest.approx(0.0951669, abs=5e-8)


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "relu", "leaky_relu", "step"])
def test_a_derivative_is_the_slope_of_its_curve(pyplot, name):
    (axes,) = plots.plot_curve(name, derivative=True).axes
    (x, y), (_, slope) = lines(axes)[:2]
    smooth = np.abs(x) > 0.2
    np.testing.assert_allclose(
        slope[smooth], np.gradient(y, x)[smooth], atol=5e-3 if name in ("sigmoid", "tanh") else 1e-9
    )


def test_curves_stand_side_by_side_each_with_its_derivative(pyplot):
    figure = plots.plot_curves()
    assert [each.get_title() for each in figure.axes] == [
        "Sigmoid Function",
        "Tanh Function",
        "Relu Function",
        "Leaky ReLU Function",
    ]
    assert all(len(each.lines) >= 3 for each in figure.axes)


def test_what_is_no_curve_is_refused(pyplot):
    with pytest.raises(ValueError, match="expected one of step, sigmoid"):
        plots.plot_curve("sine")
    with pytest.raises(ValueError, match="softmax has a derivative for every pair"):
        plots.plot_curve("softmax", derivative=True)


def test_gradients_are_bars_on_a_logarithmic_scale(pyplot):
    (axes,) = plots.plot_gradients({"1": 1e-6, "2": 1e-2}).axes
    assert axes.get_yscale() == "log"
    assert [bar.get_height() for bar in axes.patches] == [1e-6, 1e-2]


def test_25_digits_stand_in_a_grid_under_their_labels_without_axes(pyplot):
    images = np.random.default_rng(0).random((30, 784))
    figure = plots.plot_images(images, range(30))
    assert tuple(figure.get_size_inches()) == (6, 8)
    assert [each.get_title() for each in figure.axes] == [str(i) for i in range(25)]
    assert not any(each.axison for each in figure.axes)
    np.testing.assert_array_equal(figure.axes[24].images[0].get_array(), images[24].reshape(28, 28))
    assert figure.axes[0].images[0].get_cmap().name == "gray"


@pytest.mark.parametrize("shape", [(28, 28), (784,), (28, 28, 1), (32, 32, 3)])
def test_one_image_is_shown_whatever_its_shape(pyplot, shape):
    figure = plots.plot_image(np.zeros(shape), 7)
    assert figure.axes[0].get_title() == "7"
    assert figure.axes[0].images[0].get_array().shape[:2] in ((28, 28), (32, 32))


def test_what_is_no_image_is_refused(pyplot):
    with pytest.raises(ValueError, match=r"expected an image .* got shape \(7,\)"):
        plots.plot_image(np.zeros(7))


@pytest.mark.usefixtures("no_hangul")
def test_without_a_font_for_hangul_plots_are_in_english_after_one_line_that_says_why(capsys):
    assert plots.language("ko") == "en"
    assert len(capsys.readouterr().err.splitlines()) == 1
    figure = plots.plot_history(HISTORY, lang="ko")
    assert figure.axes[0].get_title() == "Train/Valid Loss History"
    assert "no font with Hangul" in capsys.readouterr().err


def test_with_a_font_for_hangul_every_glyph_of_the_korean_plots_is_there(pyplot, tmp_path, capsys, monkeypatch):
    korean = said._korean()
    if plots.hangul_font() is None:  # a font of matplotlib's own stands in, so that the Korean words are drawn anyhow
        monkeypatch.setattr(plots, "hangul_font", lambda: "DejaVu Sans")
        monkeypatch.setattr(said, "_korean", lambda: {each: each for each in korean})
    figures = [
        plots.plot_history(HISTORY, lang="ko"),
        plots.plot_curves(lang="ko"),
        plots.plot_gradients({"1": 1e-6, "2": 1e-2}, lang="ko"),
    ]
    for figure in figures:
        figure.savefig(tmp_path / "plot.png")  # a glyph that is missing is a warning, and that an error
    assert figures[0].axes[0].get_title() == said.say("Train/Valid Loss History").in_("ko")
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("no_hangul")
def test_english_plots_ask_for_no_font(capsys):
    assert plots.language("en") == "en"
    assert capsys.readouterr().err == ""


def test_an_unknown_language_is_refused():
    with pytest.raises(ValueError, match="expected a language, 'en' or 'ko', got 'fr'"):
        plots.language("fr")


def test_without_matplotlib_the_error_says_what_brings_it(monkeypatch):
    real = builtins.__import__

    def absent(name, *args, **kwargs):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(ImportError, match=r'pip install "micrograd-kr\[demos\]"'):
        plots.plot_history(HISTORY)
