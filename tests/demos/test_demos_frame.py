"""What demos share: help in both languages, pictures whole or not at all, English where no font has Hangul."""

import re
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from demos_run import DEMOS, run

matplotlib = pytest.importorskip("matplotlib")


@pytest.fixture
def frame(monkeypatch):
    monkeypatch.syspath_prepend(str(DEMOS))
    import frame

    return frame


@pytest.fixture
def no_hangul(monkeypatch):
    """A machine whose only fonts are matplotlib's own."""
    fonts = matplotlib.font_manager.fontManager
    monkeypatch.setattr(fonts, "ttflist", [font for font in fonts.ttflist if "matplotlib" in font.fname])


@pytest.fixture
def demo(frame, monkeypatch, tmp_path):
    monkeypatch.setattr("sys.argv", ["demo.py", "--out", str(tmp_path / "new"), "--lang", "ko"])
    with matplotlib.rc_context():
        yield frame.start("A demo.")


@pytest.mark.parametrize("name", sorted(path.stem for path in DEMOS.glob("[0-9][0-9]_*.py")))
def test_help_says_in_both_languages_what_a_demo_shows(name, tmp_path, capsys, monkeypatch):
    if "sklearn" in (DEMOS / f"{name}.py").read_text("utf-8"):
        pytest.importorskip("sklearn")
    said = []
    monkeypatch.setattr("argparse.ArgumentParser._print_message", lambda self, text, file=None: said.append(text))
    with pytest.raises(SystemExit) as end:
        run(name, tmp_path, "--help")
    assert end.value.code == 0
    (text,) = said
    assert re.search("[가-힣]", text)
    assert all(option in text for option in ("--lang", "--out", "--seed"))


def test_without_a_hangul_font_pictures_are_english_and_one_line_says_why(no_hangul, demo, capsys):
    assert (demo.lang, demo.plot_lang) == ("ko", "en")
    assert demo.text("loss", "손실") == "손실"
    assert demo.label("loss", "손실") == "loss"


def test_the_line_that_says_why(no_hangul, frame, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["demo.py", "--lang", "ko"])
    with matplotlib.rc_context():
        frame.start("A demo.")
    assert capsys.readouterr().err.count("\n") == 1


def test_a_picture_is_written_whole_or_not_at_all(demo):
    def broken(file, **options):
        file.write(b"half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        demo.save(SimpleNamespace(savefig=broken), "picture.png")
    assert list(Path(demo.options.out).iterdir()) == []


STOPPED = """
import signal, sys
sys.path[:0] = [sys.argv.pop(1)]
import frame

frame.start("A demo.")
signal.raise_signal(signal.SIGINT)
"""


def test_ctrl_c_ends_a_demo_without_a_traceback(tmp_path):
    command = [sys.executable, "-c", STOPPED, str(DEMOS), "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGINT  # a shell says 130
    assert done.stderr.strip() == "Interrupted. · 중단되었습니다."
