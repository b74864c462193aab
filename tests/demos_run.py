"""Runs a demo as a person does, and gives what it computed, printed and drew."""

import contextlib
import io
import runpy
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

DEMOS = Path(__file__).resolve().parents[1] / "demos"


class Run(NamedTuple):
    """names: the script's variables. text: what it printed. pictures: by file name."""

    names: dict[str, Any]
    text: str
    pictures: dict[str, Path]


def run(name: str, out: Path, *arguments: str) -> Run:
    """Run demos/NAME.py with --out OUT and more arguments. Pictures that are blank or have glyphs missing fail."""
    matplotlib = pytest.importorskip("matplotlib")
    printed = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(printed), matplotlib.rc_context():
        patch.setattr(sys, "argv", [f"{name}.py", "--out", str(out), *arguments])
        patch.syspath_prepend(str(DEMOS))
        names = runpy.run_path(str(DEMOS / f"{name}.py"), run_name="__main__")
        matplotlib.pyplot.close("all")
    pictures = {path.name: path for path in sorted(out.iterdir())}
    for path in pictures.values():
        if path.suffix == ".png":
            shades = matplotlib.image.imread(path)[..., :3]
            assert float(shades.max()) - float(shades.min()) > 0.2, f"{path.name} is blank"
    return Run(names, printed.getvalue(), pictures)
