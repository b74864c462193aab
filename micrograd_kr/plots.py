"""Pictures of curves, of images and of a run, in matplotlib; Korean where a font has Hangul.

    figure = plot_history(history)
    figure.savefig("history.png")

Each function gives a matplotlib Figure, made by pyplot: `plt.show()` shows it.
"""

import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import numpy as np

from micrograd_kr import ops
from micrograd_kr.engine import Value, gradients
from micrograd_kr.said import Said, check_language, say

# Parts of the names of fonts that may have Hangul; each found is asked for it.
HANGUL_FONTS = "(?i)nanum|malgun|gothic|cjk|kr|source han|dotum|batang|gungseo|gulim|pretendard|spoqa|baekmuk"
X = tuple(np.arange(-5.0, 5.0, 0.1).tolist())  # where the curves are computed


class Curve(NamedTuple):
    """A function drawn over X, a dotted upright at 0 from one height to another; below 0, y = 0 is marked."""

    title: Said
    function: Callable[[Any], Any]
    upright: tuple[float, float] | None = None


CURVES = {
    "step": Curve(say("Step Function"), lambda x: 1.0 - ops.heaviside(-x), (1.0, 0.0)),
    "sigmoid": Curve(say("Sigmoid Function"), ops.sigmoid, (1.0, 0.0)),
    "tanh": Curve(say("Tanh Function"), ops.tanh, (1.0, -1.0)),
    "relu": Curve(say("Relu Function"), ops.relu, (5.0, 0.0)),
    "leaky_relu": Curve(say("Leaky ReLU Function"), lambda x: ops.leaky_relu(x, 0.1), (5.0, 0.0)),
    "softmax": Curve(say("Softmax Function"), lambda x: ops.softmax(x, -1)),
}


def _pyplot() -> Any:
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError('plots need matplotlib: pip install "micrograd-kr[demos]"') from error
    return pyplot


def hangul_font() -> str | None:
    """The name of a font on this machine that has Hangul, None where there is none."""
    _pyplot()
    from matplotlib.font_manager import fontManager, get_font

    for font in sorted(fontManager.ttflist, key=lambda font: ("gothic" not in font.name.lower(), font.name)):
        if re.search(HANGUL_FONTS, font.name) and font.weight in (400, "normal", "regular", "book"):
            with suppress(OSError, RuntimeError):  # uninstalled since matplotlib listed it, or damaged
                if get_font(font.fname).get_char_index(ord("가")):
                    return str(font.name)
    return None


def language(lang: str) -> str:
    """The language plots can be in: "ko" where a font has Hangul, else "en" after one line that says why.

    A program with many plots asks once and passes the answer on.
    """
    check_language(lang)
    if lang == "ko" and hangul_font() is None:
        why = say("plots are in English: no font with Hangul was found (install one, such as NanumGothic)")
        print(f"{why.in_('ko')} · {why}", file=sys.stderr)
        return "en"
    return lang


@contextmanager
def _figure(lang: str, rows: int = 1, columns: int = 1, **options: Any) -> Iterator[tuple[Any, Any, Any]]:
    """A figure with a font for the language, its axes one after the other, and what turns words into it."""
    pyplot, lang = _pyplot(), language(lang)
    fonts = [hangul_font()] * (lang == "ko") + ["DejaVu Sans"]  # a Korean font often lacks −, which the next one has
    with pyplot.rc_context({"font.family": fonts}):
        figure, grid = pyplot.subplots(rows, columns, squeeze=False, **options)
        yield figure, grid.flat, lambda said: said.in_(lang)


def plot_history(history: Any, *, plot_from: int = 0, lang: str = "en") -> Any:
    """The training and the validation loss of each epoch from `plot_from` on.

    history: what `fit` returns, or anything with train_loss and valid_loss; an empty one of them is left out.
    """
    with _figure(lang, figsize=(6, 6), layout="tight") as (figure, (axes,), says):
        for said, losses in ((say("train_cost"), history.train_loss), (say("valid_cost"), history.valid_loss)):
            if losses:
                axes.plot(range(plot_from, len(losses)), losses[plot_from:], label=says(said))
                axes.legend()
        axes.set_title(says(say("Train/Valid Loss History")))
        axes.xaxis.get_major_locator().set_params(integer=True)  # there is no half an epoch
        axes.grid(True)
    return figure


def plot_curve(name: str, *, derivative: bool = False, lang: str = "en") -> Any:
    """One of CURVES over X: the step function, sigmoid, tanh, relu, leaky_relu (slope 0.1) or softmax.

    Softmax is that of the 100 numbers of X together. derivative: its derivative too, not for softmax.
    """
    return _curves([name], derivative, lang)


def plot_curves(names: Sequence[str] = ("sigmoid", "tanh", "relu", "leaky_relu"), *, lang: str = "en") -> Any:
    """Curves side by side, each with its derivative."""
    return _curves(names, True, lang, figsize=(3.5 * len(names), 3.5), layout="tight")


def _curves(names: Sequence[str], derivative: bool, lang: str, **options: Any) -> Any:
    for name in names:
        if name not in CURVES:
            raise ValueError(f"expected one of {', '.join(CURVES)}, got {name!r}")
        if derivative and name == "softmax":
            raise ValueError("softmax has a derivative for every pair of its numbers, which is no curve: leave it out")
    with _figure(lang, 1, len(names), **options) as (figure, row, says):
        for axes, name in zip(row, names, strict=True):
            title, function, upright = CURVES[name]
            x = Value(np.array(X))
            y = function(x)
            axes.plot(X, y.data)
            if derivative:
                axes.plot(X, *gradients(y.sum(), [x]), "--", color="C3", label=says(say("derivative")))
                axes.legend()
            if upright:
                axes.plot([0, 0], list(upright), ":")
                if min(upright) < 0:
                    axes.axhline(y=0, color="orange", linestyle="--")
            axes.set_title(says(title))
    return figure


def plot_gradients(sizes: Mapping[str, float], *, lang: str = "en") -> Any:
    """How large the gradient of each layer is, from the input to the output, on a logarithmic scale."""
    with _figure(lang, layout="tight") as (figure, (axes,), says):
        axes.bar(list(sizes), list(sizes.values()))
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:.0e}")  # the usual 10⁻⁶ needs a − that few Korean fonts have
        axes.yaxis.set_minor_formatter("")
        axes.set_title(says(say("Vanishing Gradient")))
        axes.set_xlabel(says(say("layer, from the input to the output")))
        axes.set_ylabel(says(say("mean |gradient| of its weights")))
    return figure


def plot_image(image: Any, label: Any = "") -> Any:
    """One image: (h, w) or a row of h·h in grey, (h, w, 3) in colour."""
    return _images([image], [label])


def plot_images(images: Any, labels: Sequence[Any], *, rows: int = 5, columns: int = 5, lang: str = "en") -> Any:
    """The first rows × columns images in a grid, each under its label."""
    figure = _images(images, labels, lang, rows, columns, figsize=(6, 8), layout="tight")
    for axes in figure.axes:
        axes.axis("off")
    return figure


def _images(images: Any, labels: Sequence[Any], lang: str = "en", *shape: int, **options: Any) -> Any:
    """Images, also those that are rows of pixels, each under its label."""
    with _figure(lang, *shape, **options) as (figure, grid, _):
        for axes, image, label in zip(grid, map(np.asarray, images), labels, strict=False):
            side = round(image.size**0.5)
            if image.ndim == 1 and side * side == image.size:
                image = image.reshape(side, side)
            if image.ndim != 2 and (image.ndim != 3 or image.shape[-1] not in (1, 3)):
                raise ValueError(f"expected an image (h, w), (h, w, 3) or a row of h·h pixels, got shape {image.shape}")
            axes.imshow(image, cmap="gray")  # which takes (h, w, 1), too
            axes.set_title(str(label))
    return figure
