"""Pictures of curves, of images and of a run, in matplotlib; Korean where a font has Hangul.

    figure = plot_history(history)
    figure.savefig("history.png")

Each function gives a matplotlib Figure, made by pyplot: `plt.show()` shows it.
"""

import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from micrograd_kr import ops
from micrograd_kr.engine import Value

WORDS = {
    "en": {
        "history": "Train/Valid Loss History",
        "train": "train_cost",
        "valid": "valid_cost",
        "step": "Step Function",
        "sigmoid": "Sigmoid Function",
        "tanh": "Tanh Function",
        "relu": "Relu Function",
        "leaky_relu": "Leaky ReLU Function",
        "softmax": "Softmax Function",
        "derivative": "derivative",
        "gradients": "Vanishing Gradient",
        "layer": "layer, from the input to the output",
        "size": "mean |gradient| of its weights",
    },
    "ko": {
        "history": "훈련/검증 손실 기록",
        "train": "훈련 손실",
        "valid": "검증 손실",
        "step": "계단 함수",
        "sigmoid": "시그모이드 함수",
        "tanh": "하이퍼볼릭탄젠트 함수",
        "relu": "렐루 함수",
        "leaky_relu": "리키 렐루 함수",
        "softmax": "소프트맥스 함수",
        "derivative": "도함수",
        "gradients": "기울기 소실",
        "layer": "층, 입력에서 출력으로",
        "size": "가중치 기울기의 평균 크기",
    },
}
HANGUL_FONTS = re.compile(
    r"nanum|malgun|apple sd gothic|applegothic|cjk|noto (sans|serif) kr|source han|pretendard|spoqa|"
    r"baekmuk|un ?(dotum|batang|gungseo)|gulim|dotum|batang",
    re.IGNORECASE,
)
X = tuple(np.arange(-5.0, 5.0, 0.1).tolist())  # where the curves are computed


class Curve(NamedTuple):
    """A function drawn over X, a dotted upright at 0 from one height to another, and whether y = 0 is marked."""

    function: Callable[[Any], Any]
    upright: tuple[float, float] | None = None
    axis: bool = False


CURVES = {
    "step": Curve(lambda x: np.heaviside(x, 1.0), (1.0, 0.0)),
    "sigmoid": Curve(ops.sigmoid, (1.0, 0.0)),
    "tanh": Curve(ops.tanh, (1.0, -1.0), axis=True),
    "relu": Curve(ops.relu, (5.0, 0.0)),
    "leaky_relu": Curve(lambda x: ops.leaky_relu(x, 0.1), (5.0, 0.0)),
    "softmax": Curve(lambda x: ops.softmax(x, -1)),
}


# --- matplotlib and fonts ---------------------------------------------------------------------------------------------


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
        if HANGUL_FONTS.search(font.name) and font.weight in (400, "normal", "regular", "book"):
            try:
                found = get_font(font.fname).get_char_index(ord("가"))
            except (OSError, RuntimeError):  # uninstalled since matplotlib listed it, or damaged
                continue
            if found:
                return str(font.name)
    return None


def language(lang: str) -> str:
    """The language plots can be in: "ko" where a font has Hangul, else "en" after one line that says why.

    A program with many plots asks once and passes the answer on.
    """
    if lang not in WORDS:
        raise ValueError(f"lang needs one of {', '.join(WORDS)}, got {lang!r}")
    if lang == "ko" and hangul_font() is None:
        print(
            "한글 글꼴이 없어 그림을 영어로 그립니다 · plots are in English: no font with Hangul was found "
            "(install one, such as NanumGothic)",
            file=sys.stderr,
        )
        return "en"
    return lang


@contextmanager
def _drawing(lang: str) -> Iterator[tuple[Any, Mapping[str, str]]]:
    """pyplot with a font for the language, and the words in it."""
    pyplot, lang = _pyplot(), language(lang)
    # A Korean font often lacks −, which the next one has.
    fonts = [hangul_font(), "DejaVu Sans"] if lang == "ko" else ["DejaVu Sans"]
    with pyplot.rc_context({"font.family": fonts}):
        yield pyplot, WORDS[lang]


# --- plots ------------------------------------------------------------------------------------------------------------


def plot_history(history: Any, *, plot_from: int = 0, lang: str = "en") -> Any:
    """The training and the validation loss of each epoch from `plot_from` on.

    history: what `fit` returns, or anything with train_loss and valid_loss; an empty one of them is left out.
    """
    with _drawing(lang) as (pyplot, words):
        figure, axes = pyplot.subplots(figsize=(6, 6))
        for name, losses in (("train", history.train_loss), ("valid", history.valid_loss)):
            if losses:
                axes.plot(range(plot_from, len(losses)), losses[plot_from:], label=words[name])
        axes.set_title(words["history"])
        axes.xaxis.get_major_locator().set_params(integer=True)  # there is no half an epoch
        axes.grid(True)
        if axes.lines:
            axes.legend()
        figure.tight_layout()
    return figure


def plot_curve(name: str, *, derivative: bool = False, lang: str = "en") -> Any:
    """One of CURVES over X: the step function, sigmoid, tanh, relu, leaky_relu (slope 0.1) or softmax.

    Softmax is that of the 100 numbers of X together. derivative: its derivative too, not for softmax.
    """
    with _drawing(lang) as (pyplot, words):
        figure, axes = pyplot.subplots()
        _curve(axes, name, derivative, words)
    return figure


def plot_curves(names: Sequence[str] = ("sigmoid", "tanh", "relu", "leaky_relu"), *, lang: str = "en") -> Any:
    """Curves side by side, each with its derivative."""
    with _drawing(lang) as (pyplot, words):
        figure, row = pyplot.subplots(1, len(names), figsize=(3.5 * len(names), 3.5), squeeze=False)
        for axes, name in zip(row[0], names, strict=True):
            _curve(axes, name, True, words)
        figure.tight_layout()
    return figure


def _curve(axes: Any, name: str, derivative: bool, words: Mapping[str, str]) -> None:
    if name not in CURVES:
        raise ValueError(f"expected one of {', '.join(CURVES)}, got {name!r}")
    curve, x = CURVES[name], np.array(X)
    axes.plot(x, curve.function(x))
    if derivative:
        axes.plot(x, _slope(name), "--", color="C3", label=words["derivative"])
        axes.legend()
    if curve.upright:
        axes.plot([0, 0], list(curve.upright), ":")
    if curve.axis:
        axes.axhline(y=0, color="orange", linestyle="--")
    axes.set_title(words[name])


def _slope(name: str) -> Any:
    """The derivative over X, by the engine; 0 for the step function."""
    if name == "softmax":
        raise ValueError("softmax has a derivative for every pair of its numbers, which is no curve: leave it out")
    if name == "step":
        return np.zeros(len(X))
    x = Value(np.array(X))
    CURVES[name].function(x).sum().backward()
    return x.grad


def plot_gradients(sizes: Mapping[str, float], *, lang: str = "en") -> Any:
    """How large the gradient of each layer is, from the input to the output, on a logarithmic scale."""
    with _drawing(lang) as (pyplot, words):
        figure, axes = pyplot.subplots()
        axes.bar(list(sizes), list(sizes.values()))
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:.0e}")  # the usual 10⁻⁶ needs a − that few Korean fonts have
        axes.yaxis.set_minor_formatter("")
        axes.set(title=words["gradients"], xlabel=words["layer"], ylabel=words["size"])
        figure.tight_layout()
    return figure


def plot_image(image: Any, label: Any = "") -> Any:
    """One image: (h, w) or a row of h·h in grey, (h, w, 3) in colour."""
    with _drawing("en") as (pyplot, _):
        figure, axes = pyplot.subplots()
        axes.imshow(_picture(image), cmap="gray")
        axes.set_title(str(label))
    return figure


def plot_images(images: Any, labels: Sequence[Any], *, rows: int = 5, columns: int = 5, lang: str = "en") -> Any:
    """The first rows × columns images in a grid, each under its label."""
    with _drawing(lang) as (pyplot, _):
        figure, grid = pyplot.subplots(rows, columns, figsize=(6, 8), squeeze=False)
        for axes in grid.flat:
            axes.axis("off")
        for axes, image, label in zip(grid.flat, images, labels, strict=False):
            axes.imshow(_picture(image), cmap="gray")
            axes.set_title(str(label))
        figure.tight_layout()
    return figure


def _picture(image: Any) -> Any:
    """An image as imshow takes it, from a row of pixels too."""
    image = np.asarray(image)
    side = round(image.size**0.5)
    if image.ndim == 1 and side * side == image.size:
        return image.reshape(side, side)
    image = image[..., 0] if image.ndim == 3 and image.shape[-1] == 1 else image
    if image.ndim == 2 or (image.ndim == 3 and image.shape[-1] == 3):
        return image
    raise ValueError(f"expected an image (h, w), (h, w, 3) or a row of h·h pixels, got shape {image.shape}")
