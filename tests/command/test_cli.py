"""The command line: what it prints, what it writes and its exit status, in this process and from outside."""

import io
import json
import locale
import os
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

import micrograd_kr
from micrograd_kr import command as cli
from micrograd_kr.__main__ import main
from micrograd_kr.command import language
from micrograd_kr.teacher.ask.file import built_in, load, source_text
from micrograd_kr.teacher.derive import explanation
from micrograd_kr.teacher.show import nets
from micrograd_kr.teacher.show.worksheet import SHEETS

CHAPTER = load("chapter7")
EXERCISES = Path(micrograd_kr.__file__).parent / "teacher" / "exercises"
COMMANDS = {"check", "draw", "explain", "grade", "new", "page", "show", "worksheet"}


@pytest.fixture(autouse=True)
def english_in_an_empty_folder(tmp_path, monkeypatch):
    for name in ("LC_ALL", "LC_MESSAGES", "COLUMNS", "FORCE_COLOR", "NO_COLOR", "PYTHONIOENCODING"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "en_US.UTF-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def without_a_renderer(tmp_path, monkeypatch):
    """Neither Graphviz's dot nor pygraphviz, as on a machine where only the package was installed."""
    (tmp_path / "no programs here").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "no programs here"))
    monkeypatch.setitem(sys.modules, "pygraphviz", None)


def sheet(**hand):
    """A student's file with these numbers."""
    lines = [f'"{name}" = "{text}"' for name, text in hand.items()]
    path = Path("mine.toml")
    path.write_text("\n".join(['exercise = "chapter7"', "[hand]", *lines]), "utf-8")
    return str(path)


def outside(*arguments, **environment):
    """The command from outside, piped; standard output and error as bytes."""
    env = {**os.environ, "PYTHONUTF8": "0", **environment}
    return subprocess.run([sys.executable, "-m", "micrograd_kr", *arguments], env=env, capture_output=True, check=False)


def unusable(arguments, capsys):
    """What is said, on standard error and nowhere else, about arguments that end in status 2."""
    status = main(arguments)
    out, err = capsys.readouterr()
    assert (status, out) == (2, "")
    assert "Traceback" not in err
    return err


# --- check ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [["check"], ["check", "chapter7"]])
@pytest.mark.parametrize(
    ("lang", "summary"), [("en", "40 match, 0 rounding, 0 wrong."), ("ko", "일치 40, 반올림 차이 0, 틀림 0.")]
)
def test_the_chapter_s_forty_numbers_match(arguments, lang, summary, capsys):
    assert main([*arguments, "--lang", lang]) == 0
    out = capsys.readouterr().out
    assert summary in out.splitlines()
    assert all(re.search(rf"^{re.escape(name)} .*{re.escape(text)}", out, re.M) for name, text in CHAPTER.hand.items())
    assert [line.split()[0] for line in out.split("\n\n")[2].splitlines()[1:-1]] == [f"W{i}" for i in range(1, 9)]


@pytest.mark.parametrize("name", CHAPTER.hand)
def test_each_of_the_chapter_s_numbers_is_found_when_it_is_wrong(name, capsys):
    wrong = str(Decimal(CHAPTER.hand[name]) + 50 * Decimal("0.00000001"))
    assert main(["check", sheet(**{**CHAPTER.hand, name: wrong}), "--json"]) == 1
    verdicts = {row["name"]: row["verdict"] for row in json.loads(capsys.readouterr().out)["rows"]}
    assert verdicts[name] == "wrong"


def test_a_wrong_number_is_named_and_so_is_what_mends_a_worked_line(capsys):
    mine = sheet(z1="0.08", o1="0.60944700", **{"W1+": "0.1 - 0.5*0.00080888 = 0.29959556"})
    assert main(["check", mine]) == 1
    out = capsys.readouterr().out
    assert "1 match, 0 rounding, 2 wrong." in out
    assert "The first wrong one: o1 = 0.60944700; the engine has 0.60944600." in out
    assert re.search(
        r"^W1\+ .* wrong *\n    0\.1 - 0\.5\*0\.00080888 = 0\.09959556  wrong: 0\.1 → W1 = 0\.3$", out, re.M
    )


def test_the_chapter_s_misprints_are_found(capsys):
    assert main(["check", "chapter7-misprints"]) == 1
    out = capsys.readouterr().out
    assert "0.1 → W1 = 0.3" in out
    assert re.search(r"^dE_total/dW5 .* rounding *$", out, re.M)


@pytest.mark.parametrize("name", [name for name in built_in() if name != "chapter7-misprints"])
def test_nothing_is_wrong_in_the_other_built_in_exercises(name, capsys):
    assert main(["check", name]) == 0
    assert " 0 wrong." in capsys.readouterr().out


def test_blanks_are_counted_and_a_sheet_without_numbers_says_so(capsys):
    assert main(["check", sheet(z1="", z2="")]) == 0
    out = capsys.readouterr().out
    assert "No numbers to check" in out
    assert "Left blank: 2." in out


def test_digits_are_those_of_the_engine(capsys):
    assert main(["check", "--digits", "12"]) == 0
    assert re.search(r"^h1 .* 0\.51998934 +0\.519989340156 ", capsys.readouterr().out, re.M)


def test_json_holds_what_the_table_holds_and_the_status_is_the_same(capsys):
    assert main(["check", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["exercise"] == "chapter7"
    assert {row["name"]: row["hand"] for row in found["rows"]} == CHAPTER.hand
    updated = {row["name"]: row["value"] for row in found["rows"] if row["name"].endswith("+")}
    assert updated == {f"{each['name']}+": each["after"] for each in found["parameters"]}
    assert found["loss"]["after"] == pytest.approx(0.02323634, abs=5e-9)
    assert main(["check", "chapter7-misprints", "--json"]) == 1
    assert {row["verdict"] for row in json.loads(capsys.readouterr().out)["rows"]} == {"match", "rounding", "wrong"}


def test_several_exercises_get_a_table_each_and_the_worst_status(capsys):
    assert main(["check", "purchase", "chapter7"]) == 0
    out = capsys.readouterr().out
    assert re.findall("^── (.*)", out, re.M) == ["purchase", "chapter7"]
    assert out.count(" 0 wrong.") == 2
    assert main(["check", sheet(z1="0.09"), "chapter7"]) == 1
    assert re.findall("([0-9]) wrong[.]", capsys.readouterr().out) == ["1", "0"]


def test_of_several_exercises_one_that_cannot_be_used_is_said_and_the_others_are_checked(capsys):
    assert main(["check", "nowhere.toml", "chapter7", sheet(z1="0.09")]) == 2
    out, err = capsys.readouterr()
    assert re.findall("^── (.*)", out, re.M) == ["chapter7", "mine.toml"]
    assert "nowhere.toml: no such file" in err
    assert len(err.splitlines()) == 1
    assert main(["check", "nowhere.toml", "chapter7", "mine.toml", "--json"]) == 2
    missing, chapter, mine = json.loads(capsys.readouterr().out)
    assert missing is None
    assert (chapter["first_wrong"], mine["first_wrong"]) == (None, "z1")


# --- show -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [[], *([each] for each in built_in())])
def test_show_prints_the_file_byte_for_byte_and_the_file_can_be_checked(arguments, capfdbinary):
    assert main(["show", *arguments]) == 0
    shown = capfdbinary.readouterr().out
    assert shown == (EXERCISES / f"{(arguments or ['chapter7'])[0]}.toml").read_bytes()
    Path("start.toml").write_bytes(shown)
    assert load("start.toml").hand == load((arguments or ["chapter7"])[0]).hand


def test_show_list_names_every_built_in_exercise_with_its_title(capsys):
    assert main(["show", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["absolute", *load("absolute").title.split()]
    assert [line.split()[0] for line in lines] == built_in()


# --- draw, and no command at all --------------------------------------------------------------------------------------


def test_without_a_command_the_chapter_is_checked_and_drawn(capsys):
    assert main([]) == 0
    out = capsys.readouterr().out
    assert "40 match, 0 rounding, 0 wrong." in out
    written = [each.name for each in Path().iterdir()]
    assert len(written) == 1
    assert written[0] in ("chapter7.svg", "chapter7.dot")
    assert written[0] in out.splitlines()[-1]
    assert "0.43703857" in Path(written[0]).read_text("utf-8")


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_without_a_renderer_the_picture_is_text_and_two_ways_to_get_one_are_said(lang, capsys, without_a_renderer):
    assert main(["--lang", lang]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert "chapter7.dot" in last
    assert "https://graphviz.org/download/" in last
    assert 'pip install "pygraphviz>=2"' in last
    assert Path("chapter7.dot").read_text("utf-8").startswith("digraph")
    assert not Path("chapter7.svg").exists()


def test_draw_without_a_renderer_has_not_done_what_was_asked(capsys, without_a_renderer):
    assert main(["draw", "-o", "mine.svg"]) == 2
    assert "mine.dot" in capsys.readouterr().out
    assert not Path("mine.svg").exists()


def test_text_for_graphviz_needs_no_renderer(capsys, without_a_renderer):
    assert main(["draw", "purchase", "-o", "picture.dot"]) == 0
    assert "Wrote picture.dot" in capsys.readouterr().out
    assert "715" in Path("picture.dot").read_text("utf-8")


def test_a_picture_takes_the_name_of_the_sheet_and_a_wrong_number_does_not_keep_it_from_being_drawn(capsys):
    pytest.importorskip("pygraphviz")
    assert main(["draw", sheet(z1="0.09")]) == 0
    assert "Wrote mine.svg" in capsys.readouterr().out
    assert "0.09" in Path("mine.svg").read_text("utf-8")


def test_a_picture_is_written_whole_or_what_was_there_stays(capsys, monkeypatch):
    """A renderer that fails half way."""
    Path("bin").mkdir()
    Path("bin/dot").write_text(
        "#!/bin/sh\nwhile read -r line; do :; done\necho '<svg'\necho 'out of ink' >&2\nexit 1\n"
    )
    Path("bin/dot").chmod(0o755)
    Path("mine.svg").write_text("the old one")
    monkeypatch.setenv("PATH", str(Path("bin").resolve()))
    assert "out of ink" in unusable(["draw", "-o", "mine.svg", "--force"], capsys)
    assert Path("mine.svg").read_text() == "the old one"
    assert {each.name for each in Path().iterdir()} == {"bin", "mine.svg"}


def test_a_warning_about_a_picture_is_one_line_on_standard_error(capsys, monkeypatch):
    pytest.importorskip("pygraphviz")
    monkeypatch.setattr("micrograd_kr.drawing.has_korean_font", lambda: False)
    assert main(["draw", "-o", "picture.png", "--lang", "ko"]) == 0
    err = capsys.readouterr().err
    assert err.startswith("micrograd-kr: ")
    assert len(err.splitlines()) == 1
    assert Path("picture.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("arguments", [[], ["draw"], ["draw", "-o", "mine.dot"], ["page"]])
def test_what_we_made_is_made_again_and_said_to_be_replaced(arguments, capsys):
    assert main(arguments) == 0
    assert "replaced" not in capsys.readouterr().out
    assert main(arguments) == 0
    assert "It replaced the file that was there." in capsys.readouterr().out.splitlines()[-1]


@pytest.mark.parametrize("arguments", [["draw", "-o", "mine.dot"], ["page", "-o", "mine.html"]])
def test_a_persons_file_is_replaced_only_by_force(arguments, capsys):
    path = Path(arguments[-1])
    path.write_text("my own")
    assert "--force" in unusable(arguments, capsys)
    for forced in ([*arguments, "--force"], ["--force", *arguments]):
        assert path.read_text() == "my own"
        assert main(forced) == 0
        assert path.read_text("utf-8") != "my own"
        path.write_text("my own")


# --- what cannot be used ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["check", "chapter8"], "did you mean chapter7"),
        (["check", "purchas"], "did you mean purchase"),
        (["show", "purchas"], "did you mean purchase"),
        (["draw", "chapter8"], "did you mean chapter7"),
        (["check", "nowhere.toml"], "nowhere.toml"),
        (["check", "."], "expected"),
        (["check", ""], "expected|no built-in"),
        (["check", "--digits", "many"], "expected a whole number, 0 to 30, got 'many'"),
        (["check", "--digits", "-1"], "expected"),
        (["check", "--lang", "fr"], "fr"),
        (["check", "--side-by-side"], "unrecognized arguments: --side-by-side"),
        (["show", "chapter7", "purchase"], "unrecognized arguments: purchase"),
        (["grade"], "the following arguments are required: SHEET"),
        (["chapter7"], "invalid choice: 'chapter7'"),
        (["draw", "-o", "picture.jpg"], "picture.jpg"),
        (["draw", "-o", "no/such/folder/picture.dot"], "folder"),
        (["draw", "-o", "picture"], "picture"),
        (["page", "-o", "mine.toml"], "mine.toml: expected a file whose name ends in .html"),
        (["worksheet", "-o", "sheet.pdf"], "sheet.pdf: expected a file whose name ends in .md, .html, .toml"),
        (["worksheet", "--answers", "key"], "key: expected a file whose name ends in .md, .html, .toml"),
        (["new", "-o", "."], "expected a file whose name ends in .toml"),
        (["worksheet", "-o", "sheet.md", "--answers", "no/key.md"], "no/key.md: there is no folder no"),
        (["page", "a/net.toml", "b/net.toml"], "net.html: several exercises would have this one page"),
        (["page", "absolute", "purchase", "-o", "both.html"], "both.html: several exercises"),
        (["explain", "dE_total/dW9"], 'chapter7.toml: .*unknown name "W9".*did you mean dE_total/dW8'),
        (["explain", "data/net.toml"], "net.toml: no such file"),
    ],
)
def test_what_cannot_be_used_ends_in_status_2_with_one_clear_message(arguments, said, capsys):
    err = unusable(arguments, capsys)
    assert re.search(said, err)
    assert err.splitlines()[-1].startswith("micrograd-kr")
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("text", ["[hand", "exercise = 3", "\0", "é = "])
def test_a_file_that_cannot_be_used_is_named_with_the_reason_in_the_language_asked_for(lang, text, capsys):
    Path("mine.toml").write_text(text, "latin-1")
    err = unusable(["check", "mine.toml", "--lang", lang], capsys)
    assert "mine.toml" in err
    assert len(err.splitlines()) == 1
    assert bool(re.search("[가-힣]", err)) == (lang == "ko")


def test_an_interrupt_is_no_traceback(capsys, monkeypatch):
    def interrupted(_, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("micrograd_kr.check", interrupted)
    assert main(["check"]) == 130
    assert capsys.readouterr().err == ""


INTERRUPTED_AT = """import os, runpy, signal, sys
class Finder:
    def find_spec(name, *_):
        if name == {moment!r}:
            os.kill(os.getpid(), signal.SIGINT)
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.meta_path.insert(0, Finder)
sys.argv[1:] = ["check"]
"""
STARTS = {
    "module": "runpy.run_module('micrograd_kr', run_name='__main__', alter_sys=True)",
    "script": "from micrograd_kr.__main__ import main; sys.exit(main())",
}


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize(
    "moment",
    [
        "micrograd_kr.command",
        "argparse",
        "micrograd_kr.said",
        "numpy",
        "numpy._core.multiarray",
        "numpy.linalg",
        "micrograd_kr.engine",
        "micrograd_kr.teacher.check",
        "rich",
        "rich.console",
        "rich.table",
    ],
)
def test_an_interrupt_while_anything_is_loaded_is_no_traceback(start, moment):
    code = INTERRUPTED_AT.format(moment=moment) + STARTS[start]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (130, b"")


# --- language and help ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "environment", "lang"),
    [
        ([], {"LANG": "ko_KR.UTF-8"}, "ko"),
        ([], {"LANG": "en_US.UTF-8"}, "en"),
        ([], {"LC_ALL": "ko_KR.eucKR", "LANG": "en_US.UTF-8"}, "ko"),
        ([], {"LC_ALL": "C", "LC_MESSAGES": "ko_KR", "LANG": "ko_KR"}, "en"),
        ([], {"LC_ALL": "", "LC_MESSAGES": "ko", "LANG": "C"}, "ko"),
        ([], {"LANG": "de_DE"}, "en"),
        (["--lang", "en"], {"LANG": "ko_KR"}, "en"),
        (["check", "--lang", "ko"], {"LANG": "en_US"}, "ko"),
        (["--lang=ko", "check"], {"LANG": "C"}, "ko"),
        (["check", "--lang=en"], {"LC_ALL": "ko_KR"}, "en"),
        (["check", "--lang"], {"LANG": "ko_KR"}, "ko"),
    ],
)
def test_the_language_is_the_one_asked_for_or_else_the_locale_s(arguments, environment, lang):
    assert language(arguments, environment) == lang


@pytest.mark.parametrize(
    ("name", "lang"), [("Korean_Korea", "ko"), ("ko_KR", "ko"), ("English_United States", "en"), (None, "en")]
)
def test_where_the_environment_says_nothing_the_system_s_own_locale_does(name, lang, monkeypatch):
    monkeypatch.setattr(locale, "getlocale", lambda: (name, "949"))
    assert language([], {}) == lang


def test_a_console_without_hangul_is_spoken_to_in_english_unless_korean_is_asked_for(monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), "ascii"))
    assert language([], {"LANG": "ko_KR"}) == "en"
    assert language(["--lang", "ko"], {"LANG": "ko_KR"}) == "ko"


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("arguments", [[], *([each] for each in sorted(COMMANDS))])
def test_help_is_there_for_every_command_in_both_languages(arguments, lang, capsys):
    assert main([*arguments, "--help", "--lang", lang]) == 0
    out = capsys.readouterr().out
    assert bool(re.search("[가-힣]", out)) == (lang == "ko")
    assert arguments in ([], ["new"], ["grade"]) or all(name in "".join(out.split()) for name in built_in())


def test_the_examples_in_the_help_are_commands_that_parse(capsys):
    for lang in ("en", "ko"):
        parser = cli.parser_in(lang)
        found = [each.split() for each in re.findall(r"^  micrograd-kr((?: [^\s>]+)*)", parser.epilog, re.M)]
        assert {each[0] for each in found if each} == COMMANDS
        for arguments in found:
            parser.parse_args(arguments)


def test_what_can_be_chosen_is_all_that_there_is():
    commands = cli.parser_in("en")._subparsers._group_actions[0].choices

    def argument(command, name):
        return next(each for each in commands[command]._actions if name in each.option_strings)

    assert argument("explain", "--format").choices == list(explanation.FORMATS)
    assert argument("worksheet", "--format").choices == list(SHEETS.values())
    assert argument("new", "--loss").choices == list(nets.LOSSES)
    assert argument("new", "--update").choices == list(nets.UPDATES)
    assert argument("new", "--activation").help.startswith(", ".join(nets.ACTIVATIONS) + ", for all layers")


def test_the_version_is_the_package_s(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"micrograd-kr {micrograd_kr.__version__}\n"


# --- from outside -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("encoding", "says"), [("utf-8", "일치 40"), ("cp949", "일치 40"), ("ascii", "40 match")])
def test_on_a_korean_machine_nothing_raises_whatever_its_console_s_encoding(encoding, says):
    done = outside("check", LANG="ko_KR.UTF-8", PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr) == (0, b"")
    assert says in done.stdout.decode(encoding)
    assert b"\x1b" not in done.stdout


@pytest.mark.parametrize(
    "arguments", [["check", "--lang", "ko"], ["--help", "--lang", "ko"], ["show"], ["check", "없음.toml"]]
)
def test_nothing_raises_on_an_ascii_console_that_is_sent_hangul(arguments):
    done = outside(*arguments, PYTHONIOENCODING="ascii")
    assert done.returncode == (2 if "없음.toml" in arguments else 0)
    assert b"Traceback" not in done.stderr
    if arguments == ["show"]:
        assert done.stdout.decode("utf-8").splitlines() == source_text("chapter7").splitlines()
    else:
        assert (done.stdout + done.stderr).isascii()


def test_piped_output_is_plain_and_uncut_and_columns_narrow_it():
    piped, narrow = outside("check", FORCE_COLOR="1").stdout.decode(), outside("check", COLUMNS="80").stdout.decode()
    assert "\x1b" not in piped
    assert "∂E_total/∂o1" in piped
    assert "∂E_total/∂o1" not in narrow
    assert max(map(len, narrow.splitlines())) <= 80


def test_a_terminal_of_80_columns_is_filled_and_not_overrun():
    pty = pytest.importorskip("pty")  # where there are such terminals
    ours, theirs = pty.openpty()
    env = {**os.environ, "COLUMNS": "80", "TERM": "xterm-256color"}
    arguments = [sys.executable, "-m", "micrograd_kr", "check", sheet(z1="0.08", o1="0.71234567")]
    with subprocess.Popen(arguments, env=env, stdout=theirs, stdin=subprocess.DEVNULL) as process:
        os.close(theirs)
        said = b""
        while chunk := read(ours):
            said += chunk
    os.close(ours)
    text = said.decode("utf-8")
    assert process.returncode == 1
    assert "\x1b[1;31mo1" in text
    assert max(len(line) for line in re.sub(r"\x1b\[[\d;]*m", "", text).splitlines()) <= 80


def read(terminal):
    """What a terminal shows next; nothing once the program on it has ended."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""


def test_a_reader_that_goes_away_is_no_error_message():
    process = subprocess.Popen(
        [sys.executable, "-m", "micrograd_kr", "check"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdout.close()
    with process.stderr:
        assert process.stderr.read() == b""
    assert process.wait() == 141


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_a_full_disk_is_one_clear_message():
    arguments = [sys.executable, "-m", "micrograd_kr", "check", "--json"]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(arguments, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
@pytest.mark.parametrize(
    ("full", "arguments", "status"),
    [("stdout", ["--help"], 2), ("stderr", ["check"], 0), ("stderr", ["check", "no.toml"], 2), ("stderr", ["no"], 2)],
)
def test_the_status_is_right_where_one_stream_is_full(full, arguments, status):
    with open("/dev/full", "wb") as device:
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, full: device}
        done = subprocess.run([sys.executable, "-m", "micrograd_kr", *arguments], **streams, check=False)
    assert done.returncode == status
    assert b"Traceback" not in (done.stdout or b"") + (done.stderr or b"")


def test_the_version_loads_five_modules_of_ours_at_most():
    code = "import sys, runpy\ntry: runpy.run_module('micrograd_kr', run_name='__main__', alter_sys=True)\n"
    code += "except SystemExit: print(*[each for each in sys.modules if each.startswith('micrograd_kr')])"
    done = subprocess.run([sys.executable, "-c", code, "--version"], capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()[-1].split()) <= 5


def test_starting_up_and_json_load_neither_rich_nor_graphviz():
    code = "import sys; from micrograd_kr.__main__ import main; main(['check', '--json']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"rich", "graphviz", "pygraphviz"} & set(done.stdout.splitlines()[-1].split())
