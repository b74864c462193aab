"""What every demo shares: its options, its two languages and its pictures.

    demo = start(__doc__)                          # --lang, --out, --seed; in a notebook their defaults
    demo.say("the loss", "손실")                   # prints one of the two
    axes.set_title(demo.label("loss", "손실"))     # in a picture: English where no font has Hangul
    demo.save(figure, "03_xor_one_layer.png")      # writes it into --out and says where it is
    demo.render(draw(y), "04_feed_forward.png")    # the same for the picture of a graph

Text in a picture goes through `label`: Hangul without a font for it comes out as boxes.
"""

import argparse
import io
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib import pyplot

from micrograd_kr import files
from micrograd_kr.parallel import ranks
from micrograd_kr.plots import hangul_font, language


@dataclass(frozen=True)
class Demo:
    """The options of one run; `lang` is that of the text, `plot_lang` that of the pictures."""

    options: argparse.Namespace
    plot_lang: str

    @property
    def lang(self) -> str:
        return str(self.options.lang)

    def text(self, english: str, korean: str) -> str:
        return korean if self.lang == "ko" else english

    def label(self, english: str, korean: str) -> str:
        return korean if self.plot_lang == "ko" else english

    def say(self, english: str, korean: str) -> None:
        print(self.text(english, korean))

    def save(self, figure: Any, name: str) -> Path:
        """Write a figure into --out, whole or not at all; a notebook shows it, too."""
        path = Path(self.options.out) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        drawn = io.BytesIO()
        figure.savefig(drawn, dpi=150, format=path.suffix[1:])
        files.put(path, drawn.getvalue())
        if not in_a_notebook():
            pyplot.close(figure)
        print(path)
        return path

    def render(self, dot: Any, name: str) -> Path:
        """Write the picture of a graph into --out; where nothing renders it, as text, and say what to install."""
        from micrograd_kr.drawing import RendererMissing, render

        path = Path(self.options.out) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            path = render(dot, path)
        except RendererMissing as missing:
            path = missing.path
            self.say(
                'No Graphviz to draw the picture: pip install "micrograd-kr[draw]". As text it is in:',
                '그림을 그릴 Graphviz가 없습니다. pip install "micrograd-kr[draw]"로 설치하세요. 텍스트로 저장한 파일:',
            )
        print(path)
        return path


def in_a_notebook() -> bool:
    return "ipykernel" in sys.modules


def options(doc: str | None) -> argparse.ArgumentParser:
    """The options that every demo has; a demo with more adds them and gives the parser to `start`."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lang", choices=("en", "ko"), default="en", help="language of text and pictures (en)")
    parser.add_argument("--out", default=".", metavar="FOLDER", help="where the pictures go (the present folder)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of everything random (0)")
    return parser


def start(parser: argparse.ArgumentParser | str | None) -> Demo:
    """Read the command line, and choose a font that has what is written; under mpiexec rank 0 alone prints it."""
    ranks()
    if not isinstance(parser, argparse.ArgumentParser):
        parser = options(parser)
    found = parser.parse_args([] if in_a_notebook() else None)
    sys.excepthook = _stopped if sys.excepthook is sys.__excepthook__ else sys.excepthook
    plot_lang = language(found.lang)
    if not in_a_notebook():
        pyplot.switch_backend("agg")  # pictures are files, also where a display is
    if plot_lang == "ko":
        pyplot.rcParams["font.family"] = [hangul_font(), "DejaVu Sans"]
    return Demo(found, plot_lang)


def _stopped(kind: Any, error: BaseException, traceback: Any) -> None:
    """Ctrl-C ends a demo with a word, and with the exit code that Python gives it; all else as usual."""
    if issubclass(kind, KeyboardInterrupt):
        print("\nInterrupted. · 중단되었습니다.", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, traceback)
