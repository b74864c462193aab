"""Worksheets for a class: a sheet and a file for each student, without answers; one key; all files or none."""

import json
import os
import re
from html import unescape
from pathlib import Path

import pytest

from micrograd_kr import files
from micrograd_kr.__main__ import main
from micrograd_kr.files import FileError, write_all
from micrograd_kr.teacher.ask.file import load
from micrograd_kr.teacher.ask.register import MOST, listed_in, stems
from micrograd_kr.teacher.show.handout import seeds_in, students
from micrograd_kr.teacher.show.worksheet import worksheet

NAMES = "이름,학번\n김하늘,1\n이도윤,2\n김하늘,3\n"


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")


def saved(text: str, name: str = "students.csv", encoding: str = "utf-8") -> Path:
    Path(name).write_text(text, encoding)
    return Path(name)


def here() -> list[str]:
    return sorted(str(path) for path in Path().rglob("*"))


def said(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """What stands on standard error after a command that ends in status 2 and has written nothing."""
    before = here()
    try:
        status = main(arguments)
    except SystemExit as error:
        status = error.code
    assert (status, here()) == (2, before)
    return capsys.readouterr().err


# --- the files --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_each_seed_has_a_sheet_and_a_file_without_answers_and_the_class_one_key(lang, capsys):
    assert main(["worksheet", "chapter7", "--seeds", "8-10", "-o", "class", "--lang", lang]) == 0
    stems = ["08", "09", "10"]
    assert here() == sorted(
        ["class", "class/key.html", *(f"class/{s}{end}" for s in stems for end in (".html", ".toml", "-page.html"))]
    )
    out = capsys.readouterr().out
    assert "class/key.html" in out
    assert re.search("[가-힣]", out) if lang == "ko" else "Wrote 3 sheets into class" in out
    key = unescape(Path("class/key.html").read_text("utf-8")).replace("−", "-")
    for stem in stems:
        sheet = worksheet(load("chapter7"), seed=int(stem))
        long = [line.answer for line in sheet.lines if len(line.answer) > 6]
        assert len(long) > 30
        for end in ("html", "toml"):
            text = unescape(Path(f"class/{stem}.{end}").read_text("utf-8")).replace("−", "-")
            assert [each for each in long if each in text] == []
        assert [each for each in long if each not in key] == []
        filled = load(f"class/{stem}.toml")
        assert (filled.student, filled.seed, filled.hand, len(filled.blanks)) == ("", int(stem), {}, 40)
        assert (filled.given, filled.parameters) == (sheet.exercise.given, sheet.exercise.parameters)


def test_the_page_of_a_student_hides_what_is_blank_on_the_sheet_and_knows_what_stands_there():
    arguments = ["worksheet", "chapter7", "--seeds", "8", "--hide", "gradients", "-o", "class"]
    assert main(arguments) == 0
    data = json.loads(re.search(r'id="data">(.*?)</script>', Path("class/8-page.html").read_text("utf-8"), re.S)[1])
    sheet = worksheet(load("chapter7"), seed=8, hide=["gradients"])
    assert data["practice"]
    assert dict(data["numbers"]) == {**sheet.exercise.given, **sheet.exercise.parameters}
    typed = {each["name"]: each["text"] for each in data["asked"] if each["isOwn"]}
    assert typed == {line.name: "" if line.blank else line.answer for line in sheet.lines}
    assert {"", *typed.values()} > {""}


@pytest.mark.parametrize(("lang", "why"), [("en", "and no page, since"), ("ko", "페이지는 만들지 않았습니다")])
def test_a_class_gets_no_pages_of_a_net_that_nobody_steps_through_and_that_is_said(lang, why, monkeypatch, capsys):
    monkeypatch.setattr("micrograd_kr.teacher.show.handout.MOST_ON_A_PAGE", 10)
    assert main(["worksheet", "straight-line", "--seeds", "1", "-o", "class", "--lang", lang]) == 0
    assert here() == ["class", "class/1.html", "class/1.toml", "class/key.html"]
    assert why in capsys.readouterr().out


def test_one_seed_is_one_sheet_whoever_else_is_in_the_class():
    assert main(["worksheet", "xor", "--seeds", "7", "-o", "one"]) == 0
    assert main(["worksheet", "xor", "--seeds", "3,7", "-o", "two"]) == 0
    for name in ("7.html", "7.toml"):
        assert Path("one", name).read_bytes() == Path("two", name).read_bytes()


def test_each_name_stands_on_its_sheet_in_its_file_and_on_the_key():
    saved(NAMES)
    assert main(["worksheet", "--names", "students.csv", "--seeds", "21-40", "-o", "class", "--lang", "ko"]) == 0
    found = {stem: load(f"class/{stem}.toml") for stem in ("김하늘", "이도윤", "김하늘-2")}
    assert {stem: (each.student, each.id, each.seed) for stem, each in found.items()} == {
        "김하늘": ("김하늘", "1", 21),
        "이도윤": ("이도윤", "2", 22),
        "김하늘-2": ("김하늘", "3", 23),
    }
    assert "<span>이도윤 2</span>" in Path("class/이도윤.html").read_text("utf-8")
    key = Path("class/key.html").read_text("utf-8")
    assert re.findall(r"<p>(.+ \(.+\))</p>", key) == ["김하늘 1 (시드 21)", "이도윤 2 (시드 22)", "김하늘 3 (시드 23)"]
    assert key.count("<article>") == 3
    assert key.count("<!DOCTYPE html>") == 1


def test_the_key_may_lie_elsewhere_and_sheets_have_another_form():
    arguments = ["worksheet", "purchase", "--seeds", "1,2", "--format", "markdown", "-o", "class", "--answers", "k.md"]
    assert main(arguments) == 0
    pages = ["class/1-page.html", "class/2-page.html"]
    assert here() == sorted(["class", "class/1.md", "class/1.toml", "class/2.md", "class/2.toml", "k.md", *pages])
    assert re.findall(r"^# Answer key: |^ ?\(seed \d\)", Path("k.md").read_text("utf-8"), re.M) == [
        "# Answer key: ",
        " (seed 1)",
        "# Answer key: ",
        " (seed 2)",
    ]


def test_the_key_may_have_another_name_in_the_folder():
    assert main(["worksheet", "purchase", "--seeds", "1", "-o", "class", "--answers", "class/all.md"]) == 0
    assert here() == ["class", "class/1-page.html", "class/1.html", "class/1.toml", "class/all.md"]


# --- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["김하늘", "김하늘", "김하늘"], ["김하늘", "김하늘-2", "김하늘-3"]),
        (["Ana", "ana", "ANA-2"], ["Ana", "ana-2", "ANA-2-2"]),  # one file on Windows
        (["नेहा शर्मा", "محمد", "Ζωή", "李明", "\u1100\u1161"], ["नेहा शर्मा", "محمد", "Ζωή", "李明", "가"]),
        (["../../etc/passwd", "a/b\\c:d", "..", "", "."], ["_.._etc_passwd", "a_b_c_d", "_", "_-2", "_-3"]),
        (["con", "NUL.txt", "key", "-rf"], ["con_", "NUL.txt_", "key_", "rf"]),
        (["O'Brien, Pat", "a\nb\x1b"], ["O_Brien_ Pat", "a_b_"]),
        (["Kim", "Kim-page"], ["Kim", "Kim-page-2"]),  # Kim-page.html is Kim's
    ],
)
def test_a_name_becomes_a_safe_name_of_a_file_and_no_two_the_same(names, expected):
    assert stems(names) == expected


def test_a_long_name_makes_a_name_that_file_systems_take():
    (stem,) = stems(["𠀀" * 300])
    assert len(f"{stem}-500.toml".encode()) < 255


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949", "utf-16"])
@pytest.mark.parametrize(
    ("text", "names"),
    [
        (NAMES, ["김하늘", "이도윤", "김하늘"]),
        ("김하늘\r\n\r\n이도윤\r\n", ["김하늘", "이도윤"]),
        ("no;Name\n1;김하늘\n2;이도윤\n", ["김하늘", "이도윤"]),
        ('학번\t이름\n1\t"김\n하늘"\n', ["김 하늘"]),
        ("First name,Last name,Email\n하늘,김,a@b.c\n", ["하늘 김"]),
        ('"Kim, Haneul"\n', ["Kim, Haneul"]),
    ],
)
def test_names_are_read_as_spreadsheets_and_moodle_write_them(text, names, encoding):
    assert [each.name for each in listed_in(saved(text, encoding=encoding))] == names


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        (NAMES, ["1", "2", "3"]),
        ("First name,Last name,ID number,Email address\n하늘,김,2026,a@b.c\n", ["2026"]),
        ("Email address;Full name\na@b.c;김하늘\n;이도윤\n", ["a@b.c", ""]),
        ("김하늘,2026\n", [""]),  # nothing says that it is one
    ],
)
def test_an_id_is_read_beside_a_name_where_a_column_is_called_so(text, ids):
    assert [each.id for each in listed_in(saved(text))] == ids


@pytest.mark.parametrize(
    ("text", "seeds", "error", "korean"),
    [
        ("", [], "expected names, one a line", "이름이 필요"),
        ("name\n", [], "expected names, one a line", "이름이 필요"),
        ("a\nb\nc\n", ["--seeds", "1-2"], "expected a seed for each of 3 names, got 2: --seeds 1-3", "시드가 하나씩"),
        ("a\n" * (MOST + 1), [], f"expected at most {MOST} names", "까지"),
    ],
)
def test_names_that_cannot_be_used_are_refused_with_what_to_do(text, seeds, error, korean, capsys):
    saved(text)
    arguments = ["worksheet", "--names", "students.csv", *seeds, "-o", "class", "--lang"]
    assert error in said([*arguments, "en"], capsys)
    assert korean in said([*arguments, "ko"], capsys)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--seeds", "1-3"], "the sheets of a class need a folder: -o FOLDER"),
        (["--seeds", "3-1", "-o", "c"], "as in 1-30 or 1,4,9; got 3-1"),
        (["--seeds", "1-1000", "-o", "c"], f"at most {MOST} seeds"),
        (["--seeds", "1,1", "-o", "c"], "expected each seed once"),
        (["--seeds", "x", "-o", "c"], "got x"),
        (["--seeds", "1-3", "--seed", "1", "-o", "c"], "not both"),
        (["--names", "none.csv", "-o", "c"], "none.csv: expected a text file, cannot read it"),
        (["--seeds", "1-3", "-o", "c", "--answers", "k.toml"], "k.toml: expected a file whose name ends in .md, .html"),
        (["--seeds", "1-3", "-o", "c", "--answers", "c/1.html"], "1.html: the answers need a file of their own"),
        (["--seeds", "1-3", "-o", "no/c"], "there is no folder no; make it first"),
    ],
)
def test_what_a_class_cannot_be_made_with_is_refused_in_both_languages(arguments, error, capsys):
    assert error in said(["worksheet", *arguments, "--lang", "en"], capsys)
    assert re.search("[가-힣]{2}", said(["worksheet", *arguments, "--lang", "ko"], capsys))


def test_seeds_are_ranges_and_lists():
    assert seeds_in("1-3, 7,12-13") == [1, 2, 3, 7, 12, 13]
    assert [each.stem for each in students([], [7, 12])] == ["07", "12"]


# --- whole or not at all ----------------------------------------------------------------------------------------------


def test_a_file_that_is_there_stays_unless_it_is_to_be_written_over(capsys):
    Path("class").mkdir()
    saved("mine", "class/2.toml")
    arguments = ["worksheet", "purchase", "--seeds", "1-3", "-o", "class"]
    assert "2.toml is there already; --force" in said([*arguments, "--lang", "en"], capsys)
    assert here() == ["class", "class/2.toml"]
    assert main([*arguments, "--force"]) == 0
    assert len(here()) == 1 + 3 * 3 + 1
    assert Path("class/2.toml").read_text("utf-8") != "mine"


def test_where_one_seed_has_no_comfortable_numbers_nothing_is_written_and_it_is_said_which(capsys):
    saved('title = "t"\nloss = "E"\n[given]\nx = 0.7\n[forward]\nE = "sigmoid(x + 9)"\n', "hard.toml")
    assert "seed 4: no comfortable numbers" in said(
        ["worksheet", "hard.toml", "--seeds", "4-6", "-o", "class", "--lang", "en"], capsys
    )


@pytest.mark.parametrize("is_there", [True, False])
def test_files_of_a_folder_are_written_all_or_none(is_there, monkeypatch):
    if is_there:
        Path("f").mkdir()
    put = files.put

    def full(path, contents):
        if contents == b"3":
            raise OSError(28, "No space left on device")
        put(path, contents)

    monkeypatch.setattr(files, "put", full)
    with pytest.raises(FileError, match="No space left"):
        write_all("f", {"1": b"1", "2": b"2", "3": b"3"})
    assert here() == ["f"] * is_there
    write_all("f", {"1": b"1", "2": b"2"})
    assert here() == ["f", "f/1", "f/2"]
    assert os.listdir() == ["f"]
