"""What gives an answer away is left out where it is to be, and nothing else is."""

import json
import re
from dataclasses import replace
from pathlib import Path

import careless
import pytest

from micrograd_kr.__main__ import main
from micrograd_kr.teacher.ask.file import load
from micrograd_kr.teacher.ask.solution import solve
from micrograd_kr.teacher.check.diagnosis import check
from micrograd_kr.teacher.check.report import Report, as_json
from micrograd_kr.teacher.check.withheld import without_answers
from micrograd_kr.teacher.show.worksheet import as_text, worksheet

CHAPTER = load("chapter7")
RIGHT = ("match", "rounding")
KINDS = (*careless.KINDS, *careless.MISCONCEPTIONS)


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def saved(text: str, name: str = "sheet.toml") -> str:
    Path(name).write_text(text, "utf-8")
    return name


def told(report: Report, text: str) -> list[str]:
    """The numbers of what is wrong that a text about the report has, in the decimals of the hand's; but not those that
    a person has written, with the wrong sign, or for another quantity that comes to the same.
    """
    own = " ".join([*report.asked.hand.values(), *(f"{row.value:.8f}" for row in report.rows if row.verdict in RIGHT)])
    found = []
    for row in report.rows:
        decimals = len(row.hand.partition(".")[2])
        number = f"{abs(row.value):.{decimals}f}"
        is_sought = row.verdict in ("wrong", "undecided") and decimals > 2 and number not in own
        if is_sought and re.search(rf"(?<![\d.]){number}(?!\d)", text):
            found.append(f"{row.name} = {number}")
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_no_number_of_the_engine_of_what_is_wrong_is_told(kind):
    given_away = 0
    for number in range(2):
        exercise = load(saved(careless.planted("withheld", number, kind, decimals=8).toml()))
        report = check(exercise)
        silent = without_answers(report)
        right = {row.name for row in report.rows} - {row.name for row in report.wrong}
        for text in (*(str(replace(silent, lang=lang)) for lang in ("en", "ko")), as_json(silent)):
            assert told(report, text) == []
            assert all(name in text for name in right)
        given_away += len(told(report, str(report)))
        assert [(row.name, row.verdict, row.follows_from) for row in silent.rows] == [
            (row.name, row.verdict, row.follows_from) for row in report.rows
        ]
        assert [[cause.kind for cause in row.causes] for row in silent.rows] == [
            [cause.kind for cause in row.causes] for row in report.rows
        ]
    assert given_away


@pytest.mark.parametrize(
    ("name", "written", "said", "never"),
    [
        ("dE_total/dh1", "0.02243370 + 0.00997311 = 0.03241681", "the working is right and comes to …", "0.0324068"),
        ("dE_total/dW5", "0.02592268", "a slip in writing (", "changed places"),
        ("W6+", "0.4 - 0.5*0.0262959 = 0.38865205", "comes to …, 0.38865205", "0.386852"),
        ("dE_total/dW1", "0.00161775", "x2 was used where x1 is due", "0.00080888"),
        ("z2'", "0.11000000", "W3 and W4 were used where W3⁺ and W4⁺ are due", "0.1098"),
    ],
)
def test_what_was_done_is_still_said(name, written, said, never):
    report = without_answers(check(replace(CHAPTER, hand={**CHAPTER.hand, name: written})))
    text = str(report)
    assert said in " ".join(text.split())
    assert never not in "".join(each for each in text.splitlines() if written not in each)
    assert re.search(rf"^The first wrong one: {re.escape(name)} = [^;]+\.$", text, re.M)


def test_what_is_given_or_rightly_written_stays_in_sentences():
    hand = {"W1+": "0.1 - 0.5*0.00080888 = 0.09959556", "dE_total/dW1": "0.00080888"}
    text = str(without_answers(check(replace(CHAPTER, hand=hand))))
    assert "0.1 → W1 = 0.3" in text
    assert "0.2995" not in text


# --- the step ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cells", [{}, {"z1": ""}, {"z1": "?", "h1": "0.51998934"}, {"z1": "so much", "h1": "0.51998934"}]
)
@pytest.mark.parametrize("lang", ["en", "ko"])
def test_to_who_has_still_something_to_work_the_step_is_not_shown(cells, lang, capsys):
    hand = "".join(f'{name} = "{text}"\n' for name, text in cells.items())
    main(["check", saved(f'exercise = "chapter7"\n[hand]\n{hand}'), "--lang", lang])
    out = capsys.readouterr().out
    solution = solve(CHAPTER)
    numbers = [*solution.gradients.values(), *solution.updated.values(), solution.value("E_total")]
    assert [each for each in numbers if 0 < abs(each) != 1 and f"{each:.8f}" in out] == []
    main(["check", "sheet.toml", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert (found["parameters"], found["loss"]) == ([], {"before": None, "after": None})


def test_with_everything_worked_the_step_is_shown(capsys):
    assert main(["check", "--lang", "en"]) == 0
    assert re.search(r"^loss +0\.02397190 +0\.02323634 *$", capsys.readouterr().out, re.M)


@pytest.mark.parametrize(
    ("lang", "sentence"), [("en", "The first wrong one: z1 = 0.09."), ("ko", "처음 틀린 값: z1 = 0.09.")]
)
def test_the_command_hides_the_answers_and_says_the_rest(lang, sentence, capsys):
    saved('exercise = "chapter7"\n[hand]\nz1 = "0.09"\n')
    assert main(["check", "sheet.toml", "--no-answers", "--lang", lang]) == 1
    out = capsys.readouterr().out
    assert sentence in out
    assert "0.08" not in out
    assert main(["check", "sheet.toml", "--lang", lang]) == 1
    assert "0.08" in capsys.readouterr().out


# --- the sheet to start from ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["chapter7", "softmax", "momentum"])
def test_a_blank_sheet_has_the_exercise_and_no_answer(name, capsysbinary):
    assert main(["show", name, "--blank"]) == 0
    blank, exercise = load(saved(capsysbinary.readouterr().out.decode())), load(name)
    assert (blank.hand, [*blank.asked]) == ({}, [*exercise.asked])
    assert (blank.forward, blank.given, blank.parameters) == (exercise.forward, exercise.given, exercise.parameters)
    assert main(["show", "sheet.toml", "--blank"]) == 0
    assert load(saved(capsysbinary.readouterr().out.decode(), "again.toml")).asked == blank.asked


def test_who_deletes_a_line_of_a_drawn_sheet_is_not_told_the_step(capsys):
    key = as_text(worksheet(CHAPTER, seed=3), "toml", answers=True)
    assert main(["check", saved(key), "--lang", "en"]) == 0
    assert "loss" in capsys.readouterr().out
    assert main(["check", saved(re.sub(r'"W5\+" = .*\n', "", key)), "--lang", "en"]) == 0
    out = capsys.readouterr().out
    assert "loss" not in out
    assert json.loads(as_json(check(load("sheet.toml"))))["parameters"] == []
