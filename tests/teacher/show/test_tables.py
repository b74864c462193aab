"""Tables: every number stands there, in columns that line up, on any console; JSON: the documented schema."""

import html
import json
import math
import re
import unicodedata
from dataclasses import replace
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from micrograd_kr import Value, check, explain, printed
from micrograd_kr.printed import displayable
from micrograd_kr.said import say
from micrograd_kr.teacher.ask.file import load
from micrograd_kr.teacher.check.report import WORKING, Cause, Note, Part, Report, Row, Step, as_json, decimal
from micrograd_kr.teacher.derive import explanation as derivation

LANGUAGES = pytest.mark.parametrize("lang", ["en", "ko"])
ENCODINGS = ["utf-8", "cp949", "ascii", "latin-1"]

FINE = Row("z1", "W1*x1 + W2*x2", "0.08", 0.08, 0.0, 1e-8, "match")
CLOSE = Row("dE/dW1", "∂E/∂W1", "0.02592285", 0.025922855604, 5.6e-9, 2.5e-8, "rounding")
FOLLOWING = Row("dE/do1", "∂E/∂o1", "0.2", 0.209446, 0.009446, 1e-8, "wrong", follows_from="o1")
CAUSE = Cause("sign", "o1", -0.6, say("{due} {has} the wrong sign{s}", s="", due="o1", has="has"), same_at=("o2", "o3"))
UNSURE = Note("few digits", say("the cause is not certain: another mistake may come to this number, too"))
OFF = Row(
    "o1", "sigmoid(z3)", "-0.60944700", 0.6094460049, 1.2188930049, 2.6e-8, "wrong", causes=(CAUSE,), notes=(UNSURE,)
)
PARTS = (
    Part("0.1 - 0.5*0.00080888", 0.09959556, "wrong", "0.1 → W1 = 0.3"),
    Part("0.3 - 0.00040444", 0.29959556, "match"),
)
WORKED = Row("W1+", "W1 − lr·∂E/∂W1", "0.29959556", 0.2995955623, 2.3e-9, 4e-8, "wrong", parts=PARTS, notes=(WORKING,))
ROWS = (FINE, CLOSE, OFF, FOLLOWING, WORKED)
STEPS = (Step("W1", 0.3, 0.00080888, 0.29959556), Step("무게", -12.0, 0.0025, -12.00125))
REPORT = Report("mine", ROWS, STEPS, (0.0239719, 0.02323634))
CHAPTER = load("chapter7")
LEFT_BLANK = {name: text for name, text in CHAPTER.hand.items() if name not in ("z1", "z2")}
ASKED = replace(CHAPTER, title="제7장", hand=LEFT_BLANK)


def as_text(report, width=None, encoding="utf-8", terminal=False, **settings):
    """A report as the command line prints it."""
    return printed.as_text(replace(report, **settings), width, encoding, terminal)


def graph():
    w, b = Value(0.7, "w"), Value(0.1, "b")
    o = (w * 0.6 + b).sigmoid()
    o.label = "o"
    loss = (0.8 - o) ** 2 / 2
    loss.label = "E"
    return loss


def tables(text):
    """The lines of both tables of a text, which a blank line ends, without the indented ones that explain a row."""
    blocks = [block.splitlines() for block in text.split("\n\n")]
    return [[line for line in block if not line.startswith("    ")] for block in blocks[:2]]


# --- numbers and characters -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "like", "digits", "shown"),
    [
        (0.6094460049, "0.60944600", None, "0.60944600"),
        (0.6094460049, "0.6", None, "0.6"),
        (0.6094460049, "0.6", 10, "0.6094460049"),
        (715.0000000000001, "715", None, "715"),
        (0.00080887538, "8.1e-4", None, "8.1e-04"),
        (0.00080887538, "8.1e-4", 6, "0.000809"),
        (0.0056, "1E-3", None, "6e-03"),
        (-1e-12, "0.00", None, "0.00"),
        (1.5e300, "0.25", None, "1.50e+300"),
        (1.5e300, "0.25", 30, "1.500000000000000e+300"),
        (math.inf, "0.1", None, "inf"),
        (math.nan, "0.1", None, "nan"),
    ],
)
def test_a_number_is_shown_with_the_decimals_of_the_hand_s_or_with_those_asked_for(value, like, digits, shown):
    assert decimal(value, like, digits) == shown


@given(st.text(), st.sampled_from(ENCODINGS))
def test_text_is_made_of_what_the_console_can_show_and_stays_on_its_line(text, encoding):
    shown = displayable(text, encoding)
    shown.encode(encoding)
    assert shown.isprintable()


@pytest.mark.parametrize(
    ("text", "encoding", "shown"),
    [
        ("∂E/∂W − 양", "utf-8", "∂E/∂W − 양"),
        ("∂E/∂W − 양", "cp949", "∂E/∂W - 양"),
        ("lr·∂E/∂W × ½ → …", "ascii", "lr*dE/dW * 1/2 -> ..."),
        ("양", "ascii", "\\uc591"),
        ("\x1b[31m\n", "utf-8", "\\x1b[31m\\n"),
        ("\udc80", "utf-8", "\\udc80"),
    ],
)
def test_what_a_console_lacks_is_written_another_way(text, encoding, shown):
    assert displayable(text, encoding) == shown


# --- tables -----------------------------------------------------------------------------------------------------------


@LANGUAGES
@pytest.mark.parametrize("width", [None, 120, 80, 60])
@pytest.mark.parametrize("report", [REPORT, replace(check(load("chapter7")), asked=None)], ids=["made", "chapter7"])
def test_every_row_of_a_table_is_equally_wide_in_cells_hangul_or_not(lang, width, report):
    for table in tables(as_text(report, lang=lang, width=width)):
        assert len(table) > 2
        assert len({cell_len(line) for line in table}) == 1
        assert cell_len(table[0]) <= (width or math.inf)


def test_decimal_points_stand_in_one_column():
    header, *rows = tables(as_text(REPORT, width=50))[0]
    assert "difference" not in header
    assert len({row.index(".", row.index(".") + 1) for row in rows}) == 1
    assert len({row.index(".") for row in rows}) == 1


@LANGUAGES
def test_the_heading_of_a_column_of_numbers_ends_where_the_longest_numbers_end(lang):
    def end(line, text):
        return cell_len(line[: line.index(text) + len(text)])

    header, _, row, *_ = tables(as_text(REPORT, lang=lang))[0]
    assert end(header, say("hand").in_(lang)) == end(row, CLOSE.hand)
    assert end(header, say("engine").in_(lang)) == end(row, decimal(CLOSE.value, CLOSE.hand))


@LANGUAGES
def test_where_it_is_narrow_formulas_go_first_then_differences_and_never_a_number_or_a_verdict(lang):
    seen = []
    for width in range(140, 20, -3):
        header, *rows = tables(as_text(REPORT, lang=lang, width=width))[0]
        kept = [say(each).in_(lang) for each in ("quantity", "formula", "hand", "engine", "difference", "verdict")]
        seen += [[each for each in kept if each in header]]
        for row, line in zip(ROWS, rows, strict=True):
            for shown in (row.name, row.hand, decimal(row.value, row.hand), say(row.verdict).in_(lang)):
                assert shown in line
    dropped = [[each for each in kept if each not in columns] for columns in seen]
    assert list(dict.fromkeys(map(tuple, dropped))) == [
        (),
        (say("formula").in_(lang),),
        (say("formula").in_(lang), say("difference").in_(lang)),
    ]


def test_the_chapter_s_table_loses_its_formulas_at_80_columns_and_keeps_them_where_lines_may_be_long():
    report = check(load("chapter7"))
    assert "∂E_total/∂o1" in as_text(report)
    assert "∂E_total/∂o1" not in as_text(report, width=80)
    assert "dE_total/do1" in as_text(report, width=80)
    assert max(map(cell_len, as_text(report, width=80).splitlines())) <= 80


def test_long_text_goes_on_in_the_next_line_and_none_of_it_is_lost():
    formula = " + ".join(f"W{i}*x{i}" for i in range(60))
    text = as_text(Report("long", (Row("z", formula, "0.1", 0.1, 0.0, 0.1, "match"),), (), (0.1, None)))
    assert re.sub(r"\s|z|0\.1|0|match", "", formula) in re.sub(r"\s|z|0\.1|0|match", "", text)
    assert max(map(len, text.splitlines())) < 120


@LANGUAGES
@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("terminal", [False, True])
def test_every_console_can_show_a_table(lang, encoding, terminal):
    text = as_text(REPORT, asked=ASKED, lang=lang, encoding=encoding, terminal=terminal, width=100)
    assert text.encode(encoding)


@LANGUAGES
def test_without_a_terminal_a_table_is_plain_text_whatever_the_environment_says(lang, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    text = as_text(REPORT, lang=lang)
    assert "\x1b" not in text
    assert not [each for each in text if unicodedata.name(each, "").startswith("BOX DRAWINGS")]
    assert "…" not in text


def test_a_terminal_shows_wrong_numbers_in_red_and_no_colour_where_none_is_wanted(monkeypatch):
    for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    red = [line for line in as_text(REPORT, terminal=True).splitlines() if "\x1b[1;31m" in line]
    assert [line for line in red if "-0.60944700" in line]
    assert not [line for line in red if "0.02592285" in line]
    monkeypatch.setenv("NO_COLOR", "1")
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", as_text(REPORT, terminal=True))
    assert as_text(REPORT, terminal=True).count("wrong") == as_text(REPORT).count("wrong") > 3


@LANGUAGES
def test_what_explains_a_row_stands_right_below_it(lang):
    lines = as_text(REPORT, lang=lang, width=80).splitlines()
    rows = {line.split()[0]: i for i, line in enumerate(lines) if line and not line.startswith(" ")}
    below = lines[rows["W1+"] + 1]
    assert below.split() == f"0.1 - 0.5*0.00080888 = 0.09959556 {say('wrong').in_(lang)}: 0.1 → W1 = 0.3".split()
    assert "o1" in lines[rows["dE/do1"] + 1]
    assert rows["dE/dW1"] + 1 == rows["o1"]
    first, unsure, cause = (line.strip() for line in lines[rows["o1"] + 1 : rows["dE/do1"]])
    assert (first, unsure) == (say("the first wrong number").in_(lang), UNSURE.said.in_(lang))
    assert cause.startswith(CAUSE.said.in_(lang))
    assert cause.endswith("o2, o3")


def test_a_wrong_part_that_nothing_mends_is_shown_without_a_remedy():
    row = Row("W1+", "", "0.30", 0.3, 0.0, 0.1, "wrong", parts=(Part("0.7 - 0.5*0.1", 0.65, "wrong", None),))
    lines = as_text(Report("mine", (row,), (), (0.1, None))).splitlines()
    assert [line.strip() for line in lines if "0.65" in line] == ["0.7 - 0.5*0.1 = 0.65  wrong"]


def test_a_wrong_part_has_the_decimals_that_show_it():
    row = Row("z1", "", "0.08", 0.08, 0.0, 0.01, "wrong", parts=(Part("0.3*0.1 + 0.23*0.2", 0.076, "wrong", None),))
    lines = as_text(Report("mine", (row,), (), (0.1, None))).splitlines()
    assert "0.3*0.1 + 0.23*0.2 = 0.076  wrong" in map(str.strip, lines)


@pytest.mark.parametrize(
    ("lang", "rows", "summary"),
    [
        ("en", (FINE, CLOSE), "1 match, 1 rounding, 0 wrong."),
        ("ko", (FINE, CLOSE), "일치 1, 반올림 차이 1, 틀림 0."),
        ("en", (FINE, OFF), "The first wrong one: o1 = −0.60944700; the engine has 0.60944600."),
        ("ko", (FINE, OFF), "처음 틀린 값: o1 = −0.60944700. 엔진의 값은 0.60944600."),
        ("en", (FOLLOWING, OFF), "The first wrong one: o1 = −0.60944700; the engine has 0.60944600."),
        ("en", (WORKED,), "The first wrong one: W1+ = 0.29959556; the number is right, its working is not."),
        ("en", (), "No numbers to check: write yours in a [hand] table."),
        ("ko", (), "확인할 값이 없습니다. [hand] 표에 손으로 계산한 값을 쓰세요."),
    ],
)
def test_the_summary_counts_the_verdicts_and_names_the_first_wrong_number(lang, rows, summary):
    assert summary in as_text(Report("mine", rows, STEPS, (0.1, 0.05)), lang=lang).splitlines()


def test_the_number_of_blanks_is_said():
    assert "Left blank: 2." in as_text(REPORT, asked=ASKED)
    assert "Left blank" not in as_text(REPORT)


def test_each_parameter_stands_before_the_step_with_its_gradient_and_after_it_and_then_the_loss():
    header, *rows = tables(as_text(REPORT))[1]
    assert header.split() == ["parameter", "before", "gradient", "after"]
    assert [row.split() for row in rows] == [
        ["W1", "0.3", "0.00080888", "0.29959556"],
        ["무게", "-12", "0.00250000", "-12.00125000"],
        ["loss", "0.02397190", "0.02323634"],
    ]


def test_without_a_learning_rate_there_is_no_after():
    text = as_text(Report("mine", (FINE,), (Step("W1", 0.3, 0.25, None),), (0.5, None)))
    assert [line.split() for line in tables(text)[1]] == [
        ["parameter", "before", "gradient"],
        ["W1", "0.3", "0.2500"],
        ["loss", "0.5000"],
    ]


def test_digits_set_the_decimals_of_the_engine_s_numbers_and_leave_the_hand_s():
    text = as_text(REPORT, digits=3)
    assert re.search(r"0\.02592285 +0\.026 ", text)
    assert re.search(r"0\.3 +0\.001 +0\.300", text)


# --- print, and notebooks ---------------------------------------------------------------------------------------------


@LANGUAGES
def test_a_report_prints_as_its_tables_and_a_notebook_shows_them(lang):
    report = check({"o": "0.6271", "E": "0.01"}, graph(), lang=lang)
    lines = str(report).splitlines()
    assert lines == [line.rstrip() for line in as_text(report).splitlines()]
    assert lines[0].split()[0] == say("quantity").in_(lang)
    assert report._repr_html_() == f"<pre>{html.escape(str(report))}</pre>"
    assert say("wrong").in_(lang) in report._repr_html_()


@LANGUAGES
def test_in_a_terminal_a_report_takes_its_width_and_its_colours(lang, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    report, page = check("chapter7", lang=lang), StringIO()
    Console(file=page, width=70, force_terminal=True, legacy_windows=False, _environ={}).print(report)
    assert max(cell_len(line) for line in re.sub(r"\x1b\[[\d;]*m", "", page.getvalue()).splitlines()) <= 70
    assert "∂E_total/∂o1" not in page.getvalue()
    assert "\x1b[1m" in page.getvalue()
    assert "∂E_total/∂o1" in str(report)
    monkeypatch.setenv("COLUMNS", "70")
    assert max(map(cell_len, str(report).splitlines())) <= 70


def test_on_a_console_too_narrow_for_them_the_columns_of_a_report_are_folded_not_cut():
    page = StringIO()
    Console(file=page, width=30).print(REPORT)
    assert max(map(cell_len, page.getvalue().splitlines())) <= 30
    assert "…" not in page.getvalue()


@LANGUAGES
def test_an_explanation_prints_in_its_language_and_fits_its_console(lang):
    explanation = explain("chapter7", "W5+", lang=lang)
    page = StringIO()
    Console(file=page, width=50).print(explanation)
    assert str(explanation) == derivation.as_text(explanation, lang=lang)
    assert max(map(cell_len, page.getvalue().splitlines())) <= 50
    assert page.getvalue() == derivation.as_text(explanation, lang=lang, width=50)
    assert f'lang="{lang}"' in explanation._repr_html_()


# --- JSON -------------------------------------------------------------------------------------------------------------


def test_json_has_the_documented_keys_in_order_and_every_number_in_full():
    found = json.loads(as_json(REPORT))
    assert list(found) == ["exercise", "first_wrong", "rows", "parameters", "loss", "remarks"]
    assert found["first_wrong"] == "o1"
    row_keys = ["name", "formula", "hand", "value", "difference", "verdict", "parts", "follows_from", "causes", "notes"]
    assert {tuple(row) for row in found["rows"]} == {tuple(row_keys)}
    assert [(row["name"], row["hand"], row["value"]) for row in found["rows"]] == [
        (row.name, row.hand, row.value) for row in ROWS
    ]
    assert found["rows"][0]["parts"] is None
    assert found["rows"][2]["causes"] == [
        {
            "kind": "sign",
            "place": "o1",
            "value": -0.6,
            "english": "o1 has the wrong sign",
            "korean": "o1의 부호가 틀렸습니다",
            "also": [],
            "throughout": False,
            "same_at": ["o2", "o3"],
        }
    ]
    assert found["rows"][2]["notes"] == [
        {"kind": "few digits", "english": str(UNSURE.said), "korean": UNSURE.said.in_("ko")}
    ]
    assert found["rows"][3]["follows_from"] == "o1"
    assert found["rows"][4]["parts"][0] == {
        "text": "0.1 - 0.5*0.00080888",
        "value": 0.09959556,
        "verdict": "wrong",
        "remedy": "0.1 → W1 = 0.3",
    }
    assert found["parameters"][0] == {"name": "W1", "before": 0.3, "gradient": 0.00080888, "after": 0.29959556}
    assert found["loss"] == {"before": 0.0239719, "after": 0.02323634}


def test_json_is_ascii_and_holds_null_for_what_json_has_no_number():
    row = Row("z", "", "1", math.inf, math.inf, 1.0, "wrong", parts=(Part("1/0", math.nan, "wrong", None),))
    text = as_json(Report("나", (row,), (Step("w", 1.0, math.nan, None),), (math.inf, None)))
    assert text.isascii()
    found = json.loads(text, parse_constant=pytest.fail)
    assert found["exercise"] == "나"
    assert found["rows"][0]["value"] is found["rows"][0]["parts"][0]["value"] is found["loss"]["before"] is None
