"""The grade command: a class in, tables, a gradebook, JSON and a page out; and what is said where that cannot be."""

import csv
import io
import json
import os
import re
import subprocess
import sys
from functools import partial
from html.parser import HTMLParser
from pathlib import Path

import pupils
import pytest
from browsing import CHROMIUM, chromium

from micrograd_kr.__main__ import main
from micrograd_kr.teacher.grade import desks, table
from micrograd_kr.teacher.grade.paper import judged

WRONG = '"dE_total/dh1" = "0.03170787"\n"dE_total/dW1" = "0.00079143"\n'
NAMES = ["김하늘", "O’Brien, Seán", "محمد", '"Bobby" <b>tables</b>', "=1+1", "-2", "@x", "山田\\u0007花子", "김하늘"]


@pytest.fixture(autouse=True)
def english_in_an_empty_folder(tmp_path, monkeypatch):
    for name in ("LC_ALL", "LC_MESSAGES", "COLUMNS", "FORCE_COLOR", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "en_US.UTF-8")
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch):
    """Other processes are slow to start: tests/teacher/grade/test_desks.py has them, and the last of these here."""
    monkeypatch.setattr(desks, "all_judged", lambda files: enumerate(judged(*each) for each in files))


def paper(place, name="", hand='z1 = "0.08"\n' + WRONG, head='exercise = "chapter7"'):
    path = Path(place)
    path.parent.mkdir(parents=True, exist_ok=True)
    said = f"name = {json.dumps(name, ensure_ascii=False)}\n".replace("\\\\u", "\\u") if name else ""
    path.write_text(f"{said}{head}\n[hand]\n{hand}", "utf-8")


def a_class(*names):
    for n, name in enumerate(names, 1):
        paper(f"class/{n}.toml", name)


def refused(arguments, capsys):
    status = main(["grade", *arguments])
    out, err = capsys.readouterr()
    assert (status, out) == (2, "")
    assert len(err.splitlines()) == 1
    return err


# --- the tables -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lang", "said"),
    [
        ("en", ["Papers: 2. Mean: 67 %. Numbers asked: 3.", "made by  mistake", "W⁺ was used where W is due"]),
        ("ko", ["답안 2개. 평균 67 %. 채점한 값 3개.", "사람 수  실수", "W 자리에 W⁺ 값을 썼습니다"]),
    ],
)
def test_a_class_is_a_table_with_the_first_wrong_numbers_and_the_misconceptions(lang, said, capsys):
    a_class("김하늘", "이서준")
    assert main(["grade", "class", "--lang", lang]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    for each in said:
        assert each in out
    assert re.search(r"^김하늘 +2/3 +1 +1 +1 +· *$", out, re.M)  # an older rich fills the line
    assert "\n    dE_total/dh1 = 0.03170787: " in out
    assert "김하늘: ∂E_total/∂h1; 이서준: ∂E_total/∂h1" in out


def test_the_marks_may_be_others(capsys):
    a_class("Kim")
    assert main(["grade", "class", "--marks", "2,0.5,0"]) == 0
    assert re.search(r"^Kim +2\.5/6 ", capsys.readouterr().out, re.M)
    assert "--marks: expected three numbers" in refused(["class", "--marks", "1"], capsys)


def test_the_sheet_that_was_handed_out_says_what_is_asked_and_one_that_is_none_is_refused(capsys):
    a_class("Kim")
    assert main(["grade", "class", "--sheet", "chapter7"]) == 0
    assert re.search(r"^Kim +2/40 +1 +1 +1 +37 *$", capsys.readouterr().out, re.M)
    assert "did you mean chapter7" in refused(["class", "--sheet", "chapter8"], capsys)


def test_files_and_folders_may_be_mixed_and_each_file_counts_once(capsys):
    a_class("Kim", "Lee")
    paper("more/deep/3.toml", "Park")
    assert main(["grade", "class/1.toml", "class", "more", "--json"]) == 0
    (course,) = json.loads(capsys.readouterr().out)["courses"]
    assert [each["student"] for each in course["papers"]] == ["Kim", "Lee", "Park"]


def test_the_files_of_a_folder_come_in_the_order_people_expect(capsys):
    for n in (10, 9, 1, 2):
        paper(f"class/{n}.toml")
    assert main(["grade", "class", "--json"]) == 0
    (course,) = json.loads(capsys.readouterr().out)["courses"]
    assert [each["student"] for each in course["papers"]] == ["1", "2", "9", "10"]


# --- what cannot be used ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lang", "said"), [("en", "class: expected students' files, .toml"), ("ko", "class: 학생의 파일(.toml)")]
)
def test_an_empty_folder_and_one_of_other_files_say_what_is_expected(lang, said, capsys):
    Path("class").mkdir()
    assert said in refused(["class", "--lang", lang], capsys)
    Path("class/notes.txt").write_text("x")
    err = refused(["class", "--lang", lang], capsys)
    assert said in err
    assert "notes.txt" in err


def test_other_files_beside_the_papers_are_left_aside_and_named(capsys):
    a_class("Kim")
    for each in "abcd":
        Path(f"class/{each}.pdf").write_bytes(b"%PDF")
    assert main(["grade", "class"]) == 0
    Path("class/1.html").write_text("the sheet of 1.toml")
    assert main(["grade", "class"]) == 0
    assert "Left aside in class, as no .toml: a.pdf, b.pdf, c.pdf, d.pdf\n" in capsys.readouterr().out


def test_a_file_that_notepad_has_given_a_second_ending_is_a_paper(capsys):
    paper("class/Kim.toml.txt")
    paper("class/Lee.TOML.TXT")
    assert main(["grade", "class", "--json"]) == 0
    papers = json.loads(capsys.readouterr().out)["courses"][0]["papers"]
    assert [each["student"] for each in papers] == ["Kim", "Lee"]


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_each_damaged_file_costs_one_row_with_its_error(lang, capsys):
    a_class("Kim")
    paper("class/deep/f.toml", head='exercise = "chapter8"')
    damaged = {"a": b"[hand", "b": b"\xff\xfe", "c": b"PK\x03\x04" * 9, "d": b"", "e": b'exercise = "chapter8"\n[hand]'}
    for name, contents in damaged.items():
        Path(f"class/{name}.toml").write_bytes(contents)
    assert main(["grade", "class", "--lang", lang]) == 1
    out = capsys.readouterr().out
    assert re.search("^Kim +2/3", out, re.M)
    assert re.search("^deep/f.toml: exercise: ", out, re.M)
    assert re.findall(r"^([a-z])\.toml: ", out, re.M) == list(damaged)
    assert main(["grade", "class", "--csv", "--lang", lang]) == 1
    rows = read_back(capsys.readouterr().out)
    assert [(row["student"], bool(row["error"]), row["points"]) for row in rows[1:]] == [
        (name, True, "") for name in [*"abcd", "deep/f", "e"]
    ]
    assert bool(re.search("[가-힣]", rows[1]["error"])) == (lang == "ko")


def test_where_no_file_can_be_used_the_status_is_2(capsys):
    assert main(["grade", "gone.toml"]) == 2
    assert "gone.toml: no such file" in capsys.readouterr().out


def test_a_place_that_cannot_be_written_to_is_refused_before_anything_is_judged(capsys):
    a_class("Kim")
    Path("mine.csv").write_text("my own")
    assert "mine.csv is there already" in refused(["class", "-o", "class.html", "-o", "mine.csv"], capsys)
    assert "ends in .html, .csv, .json" in refused(["class", "-o", "class.pdf"], capsys)
    assert Path("mine.csv").read_text() == "my own"
    assert not Path("class.html").exists()


@pytest.mark.parametrize(("lang", "said"), [("en", "the sheet of its seed, 2"), ("ko", "시드 2 연습지와 다릅니다")])
def test_a_sheet_whose_numbers_were_changed_is_named_by_its_seed(lang, said, capsys):
    assert main(["worksheet", "purchase", "--seeds", "1-3", "-o", "class"]) == 0
    assert main(["grade", "class", "--sheet", "purchase", "--lang", lang]) == 0
    assert said not in capsys.readouterr().out
    sheet = Path("class/2.toml")
    sheet.write_text(re.sub(r"(?<=\[given\]\n)(\w+ = ).*", r"\g<1>1", sheet.read_text("utf-8")), "utf-8")
    assert main(["grade", "class", "--sheet", "purchase", "--lang", lang]) == 0
    out = capsys.readouterr().out
    assert [line for line in out.splitlines() if said in line and line.startswith("2.toml")]


# --- the gradebook ----------------------------------------------------------------------------------------------------


def read_back(text):
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def test_a_csv_without_its_mark_is_noticed():
    with pytest.raises(AssertionError):
        read_back("student,points\r\nKim,2\r\n")


def test_the_csv_is_utf_8_with_a_mark_and_has_a_line_for_each_student_of_any_name(capsysbinary):
    a_class(*NAMES)
    assert main(["grade", "class", "-o", "marks.csv"]) == 0
    assert main(["grade", "class", "--csv"]) == 0
    written = Path("marks.csv").read_bytes()
    assert written.startswith(b"\xef\xbb\xbfstudent,id,points,")
    assert written in capsysbinary.readouterr().out
    with Path("marks.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    shown = [*NAMES[:4], "'=1+1", "'-2", "'@x", "山田\\x07花子", "김하늘"]
    assert [row["student"] for row in rows] == shown
    assert {row["points"] for row in rows} == {"2"}
    first = rows[0]
    assert (first["of"], first["percent"], first["first_wrong"]) == ("3", "66.67", "dE_total/dh1 = 0.03170787")
    assert (first["right"], first["follows"], first["wrong"], first["blank"]) == ("1", "1", "1", "0")
    assert first["cause"].startswith("W5⁺ and W7⁺ were used where W5 and W7 are due")
    assert first["file"] == "1.toml"


@pytest.mark.parametrize(("lang", "said"), [("en", "not handed in"), ("ko", "내지 않음")])
def test_the_list_of_a_class_gives_each_paper_an_id_and_those_without_a_paper_a_line(lang, said, capsys):
    Path("all.csv").write_text("name,ID number\n김하늘,11\n김하늘,12\nKim,13\nLee,14\nPark,=15\nChoi,16\n", "utf-8")
    chapter7 = 'exercise = "chapter7"'
    paper("class/a.toml", "김하늘", head=f'id = "12"\n{chapter7}')  # by the ID
    paper("class/b.toml", "Kim")  # by the name
    paper("class/Lee.toml", "이")  # by the file that was handed out
    paper("class/김하늘.toml", "김하늘")
    paper("class/guest.toml", "Guest")
    Path("class/Choi.toml").write_text("[hand", "utf-8")
    assert main(["grade", "class", "--names", "all.csv", "--csv", "--lang", lang]) == 1
    rows = read_back(capsys.readouterr().out)
    assert {row["file"]: row["id"] for row in rows if row["file"]} == {
        "a.toml": "12",
        "b.toml": "13",
        "Lee.toml": "14",
        "김하늘.toml": "11",
        "guest.toml": "",
        "Choi.toml": "16",
    }
    assert [row for row in rows if not row["file"]] == [
        dict.fromkeys(rows[0], "") | {"student": "Park", "id": "'=15", "error": said}
    ]
    assert main(["grade", "class", "--names", "all.csv", "--lang", lang]) == 1
    out = capsys.readouterr().out
    assert "Park =15" in out
    assert "김하늘 (11)" in out
    assert "Several papers" not in out


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_the_columns_are_documented_in_the_help_and_where_they_are_written(lang, capsys):
    assert main(["grade", "--help", "--lang", lang]) == 0
    words = set(re.findall(r"\w+", capsys.readouterr().out))
    assert set(table.COLUMNS) <= words
    assert set(table.COLUMNS) <= set(re.findall(r"\w+", table.__doc__))


def test_json_has_every_answer_and_both_languages(capsys):
    a_class("Kim", "Lee")
    paper("class/3.toml", "Park", 'z1 = "zz"\n')
    assert main(["grade", "class", "--json"]) == 0
    (course,) = json.loads(capsys.readouterr().out)["courses"]
    assert [each["points"] for each in course["papers"]] == [2, 2, 0]
    assert course["papers"][0]["answers"]["dE_total/dW1"] == {
        "outcome": "follows",
        "hand": "0.00079143",
        "due": "0.00080888",
        "follows": "dE_total/dh1",
    }
    assert course["papers"][2]["look_at"] == ["z1"]
    (misconception,) = course["misconceptions"]
    assert set(misconception["said"]) == {"en", "ko"}
    assert [each["file"] for each in misconception["made"]] == ["1.toml", "2.toml"]
    assert course["quantities"]["dE_total/dh1"]["wrong"] == 2


# --- the page ---------------------------------------------------------------------------------------------------------


class Reader(HTMLParser):
    """Elements and text of a page, and whether it is well formed."""

    VOID = ("meta", "rect")

    def __init__(self, page):
        super().__init__()
        self.open, self.tags, self.texts, self.addresses = [], set(), [], []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.addresses += [value for name, value in attributes if name in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def test_the_page_is_one_file_with_everything_in_both_languages_and_a_name_is_text(capsys):
    a_class(*NAMES)
    Path("class/bad.toml").write_text("[hand", "utf-8")
    assert main(["grade", "class", "-o", "class.html"]) == 1
    assert capsys.readouterr().out.endswith("Wrote class.html.\n")
    page = Path("class.html").read_text("utf-8")
    read = Reader(page)
    text = "\n".join(read.texts)
    assert read.addresses == []
    assert "://" not in page
    assert "tables" not in read.tags
    for each in NAMES[:4]:
        assert each in text
    for each in (
        "W⁺ was used where W is due",
        "W 자리에 W⁺ 값을 썼습니다",
        "∂E_total/∂h1 = 0.03170787",
        "0.03240681",
        "bad.toml: not TOML",
    ):
        assert each in text
    assert main(["grade", "class", "-o", "class.html"]) == 1  # what we made is made again
    assert "It replaced the file that was there." in capsys.readouterr().out


@pytest.mark.parametrize(("lang", "same"), [("en", "the same mistake"), ("ko", "같은 실수")])
def test_numbers_without_a_cause_are_not_called_one_mistake(lang, same):
    paper("class/1.toml", hand='z1 = "0.73912345"\nz2 = "0.44412345"\n')
    paper("class/2.toml")
    assert main(["grade", "class", "-o", "class.html", "--lang", lang]) == 0
    page = Path("class.html").read_text("utf-8")
    assert "z2 = 0.44412345" in page
    assert same not in page


def test_a_page_that_takes_a_name_for_markup_is_noticed():
    with pytest.raises(AssertionError):
        Reader("<p><bdi>a</p>")


@pytest.fixture(scope="module")
def browser():
    pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("no Chromium here")
    with chromium() as browser:
        yield browser


@pytest.mark.parametrize(("width", "scheme", "lang"), [(390, "dark", "ko"), (1280, "light", "en")])
def test_the_page_fits_a_phone_and_a_desk_in_both_languages_and_colours(browser, width, scheme, lang):
    a_class(*NAMES)
    main(["grade", "class", "-o", "class.html", "--lang", lang])
    page = browser.new_page(viewport={"width": width, "height": 844}, color_scheme=scheme)
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda message: troubles.append(message.text))
    page.on("request", lambda request: request.url.startswith("file:") or troubles.append(request.url))
    page.goto(Path("class.html").resolve().as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") == width
    colours = page.evaluate("getComputedStyle(document.body).backgroundColor")
    shown = {"en": "What went wrong", "ko": "무엇을 틀렸나"}
    assert shown[lang] in page.inner_text("main")
    page.click("#language")
    page.click("#theme")
    other = page.inner_text("main")
    assert shown[lang] not in other
    assert shown["en" if lang == "ko" else "ko"] in other
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != colours
    page.click("details:has(bdi) > summary >> nth=0")
    assert "∂E_total/∂W1" in page.inner_text("details[open]")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert troubles == []
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_has_nothing_that_axe_objects_to(browser, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    a_class(*NAMES)
    main(["grade", "class", "-o", "class.html"])
    context = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme=scheme, bypass_csp=True)
    page = context.new_page()
    page.goto(Path("class.html").resolve().as_uri())
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    found = axe.run(page)
    assert found.violations_count == 0, found.generate_report()
    context.close()


# --- thirty -----------------------------------------------------------------------------------------------------------


def graded_outside(*arguments):
    command = [sys.executable, "-m", "micrograd_kr", "grade", *arguments]
    return subprocess.run(command, env=os.environ, capture_output=True, check=False)


@pytest.mark.skipif(os.name != "posix", reason="this system does not tell what other processes took")
def test_thirty_sheets_of_chapter7_take_less_than_15_seconds_of_two_processors():
    import resource

    Path("class").mkdir()
    those = pupils.papers(Path("class"))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = graded_outside("class", "-o", "marks.csv", "-o", "class.html")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert (done.returncode, done.stderr) == (0, b"")
    rows = read_back(Path("marks.csv").read_text("utf-8"))
    assert [row["student"] for row in rows] == [each.name for each in those]
    assert Path("class.html").stat().st_size < 400_000
    # Whoever else is at work makes it take longer, but not more: 30 s of work are 15 s of two.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 30


@pytest.mark.skipif(os.name != "posix", reason="this system has no pseudo-terminals")
def test_there_is_a_bar_on_a_terminal_and_only_there():
    import pty

    a_class("Kim", "Lee")
    assert graded_outside("class").stderr == b""
    terminal, other_end = pty.openpty()
    command = [sys.executable, "-m", "micrograd_kr", "grade", "class"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=other_end, env={**os.environ, "TERM": "xterm"}
    ) as run:
        os.close(other_end)
        shown = b"".join(iter(partial(read, terminal), b"")).decode()
        printed = run.stdout.read()
    os.close(terminal)
    assert "2/2" in shown
    assert b"Kim" in printed
    assert "Kim" not in shown


def read(terminal):
    try:
        return os.read(terminal, 4096)
    except OSError:  # how Linux says that nobody will write any more
        return b""
