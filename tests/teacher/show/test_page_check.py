"""The page judges a person's numbers as `check` does, from what it is handed over."""

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import CHROMIUM

from micrograd_kr.teacher.ask.cell import read_cell
from micrograd_kr.teacher.ask.file import load
from micrograd_kr.teacher.ask.hand import with_hand
from micrograd_kr.teacher.ask.solution import solve
from micrograd_kr.teacher.check.diagnosis import check

pytest.importorskip("playwright.sync_api")
BENCH = Path(__file__).resolve().parents[2] / "bench"
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")

READ = """([text, name]) => {
  const reading = new Reading(data.check.reading);
  const sides = reading.sides(text, name);
  return [sides, sides.length ? reading.number(sides.at(-1)) : null];
}"""

CHAPTER = load("chapter7")
NUMBERS = (
    *("0.5", "-0.25", "−0.25", "0,5", "1,234.5", "1/3", "8/100", "12 %", "1.5×10^-3", "8.1e-4", "−.5", "+0.5", "12"),
    *(
        "≈ 0.52",
        "0.52 (rounded)",
        "약 0.52",
        "0.52..",
        "0.52…",
        "０.５",
        "z1 = 0.35",
        "½",
        "0.00340",
        "-0.0",
        "답: 0.5",
    ),
)
LEFT_OUT = ("", "?", "-", "모름", "x")
LINES = {
    "z1": "0.3*0.1 + 0.25*0.2 = 0.03 + 0.05 = 0.08",
    "h1": "σ(z1) = 0.51998934",
    "W5+": "W5 − lr·dE_total/dW5 = 0.43703857",
    "dE_total/dh1": "0.20944600×0.23802157×0.45 + 0.1 = 0.0324",
    "h2": "1/(1 + exp(-z2)) = 0.5",
    "z2": "0.3*0.1 + 0.05 = 0.09",
    "do1/dz3": "0.60944600*(1 - 0.60944600)",
    "E_o1": "(0.4 - 0.609446)^2/2 = 0.0438676/2 = 0.0219338",
}


@pytest.fixture(scope="module")
def bench() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCH))
        yield importlib.import_module("page")


@pytest.fixture(scope="module")
def shown(bench: Any) -> Iterator[Any]:
    with bench.tab() as shown:
        yield shown


@pytest.mark.parametrize("name", ["chapter7", "chapter7-misprints"])
def test_the_page_says_of_the_chapter_what_check_says(name: str, shown: Any, bench: Any, tmp_path: Path) -> None:
    exercise = load(name)
    text = bench.opened(shown, exercise, tmp_path)
    found = bench.compared(shown, exercise, check(exercise))
    assert (found.verdicts, found.first, found.rows) == ([], True, len(exercise.hand))
    assert len(text.encode()) <= bench.CHAPTER


def test_a_page_of_sixty_quantities_is_no_larger_than_it_may_be(bench: Any, tmp_path: Path) -> None:
    assert bench.of_sixty(tmp_path) <= bench.SIXTY


def test_sheets_of_all_sorts_of_people_are_judged_alike(shown: Any, bench: Any, tmp_path: Path) -> None:
    found = bench.sheets(shown, "some", 6, tmp_path, tmp_path / "kept")
    assert [each.verdicts for each in found] == [[]] * 6
    assert all(each.first for each in found)
    assert sum(each.wrong for each in found) > 0


FAULTS = {
    "a bound": "Errors.prototype.own = Errors.prototype.of; "
    "Errors.prototype.of = function (...of) { return 1.1 * this.own(...of); }; 0",
    "a sum's bound": "RunningError.prototype.ofSum = () => 0",
    "the order of factors": "Precision.prototype.roundedAway = () => 0",
    "a function": "RULES.sigmoid.of = Math.tanh",
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_fault_in_the_page_is_caught(fault: str, shown: Any, bench: Any, tmp_path: Path) -> None:
    bench.opened(shown, CHAPTER, tmp_path)
    assert not bench.compared(shown, CHAPTER, report := check(CHAPTER)).bounds
    shown.evaluate(fault)
    assert bench.compared(shown, CHAPTER, report).bounds


def test_what_people_type_is_read_alike(shown: Any, bench: Any, tmp_path: Path) -> None:
    bench.opened(shown, CHAPTER, tmp_path)
    for text in NUMBERS:
        sides, found = shown.evaluate(READ, [text, "z1"])
        cell = read_cell(text, "z1")
        assert len(sides) == len(cell.parts) + 1
        due = float(cell.result.number), cell.result.decimals, cell.result.unit
        assert (found["number"], found["decimals"], found["unit"]) == pytest.approx(due, rel=1e-15), text
    for text in LEFT_OUT:
        assert shown.evaluate(READ, [text, "z1"])[0] == []
        assert read_cell(text, "z1") is None


def test_what_cannot_be_read_is_left_to_check(shown: Any, bench: Any, tmp_path: Path) -> None:
    bench.opened(shown, CHAPTER, tmp_path)
    for text in ("1,234", "about half", "0.5 0.6", "2(0.5 + 0.1)", "nan", "1/0", "z99 + 1", "0.3*0.1 + = 0.08"):
        (row,) = shown.evaluate(bench.JUDGED, [["z1", text]])["rows"]
        assert row["verdict"] == "more", text


def test_worked_lines_are_judged_alike(shown: Any, bench: Any, tmp_path: Path) -> None:
    exercise = with_hand(CHAPTER, LINES)
    bench.opened(shown, CHAPTER, tmp_path)
    report = check(exercise)
    found = bench.compared(shown, exercise, report)
    assert (found.verdicts, found.first, found.rows) == ([], True, len(LINES))
    assert {row.verdict for row in report.rows} >= {"match", "wrong"}


MISTAKEN = {
    "h1": "0.51998934",
    "z3": "0.44498412",
    "o1": "0.60944600",
    "dE_total/do1": "-0.20944600",
    "W5+": "0.47384300",
    "E_o2": "0.05",
    "dE_total/do2": "-0.0684",
}


SLIPPED = {"z1": "0.08", "h1": "0.51989934", "z3": "0.44948412", "E_o1": "0.2193382", "W5+": "0.44"}
SLOPES = {name: solve(CHAPTER).gradients[name] for name in CHAPTER.parameters}
WITHOUT_RATE = {f"dE_total/d{name}": f"{gradient:.8f}" for name, gradient in SLOPES.items()}
WITHOUT_RATE |= {f"{name}+": f"{CHAPTER.parameters[name] - each:.8f}" for name, each in SLOPES.items()}
TOLD = {
    "mistakes": (MISTAKEN, "the factor"),
    "slips of a pen": (SLIPPED, "changed places"),
    "a broken rule": (WITHOUT_RATE, "the factor lr was left out"),
}


@pytest.mark.parametrize(("numbers", "said"), TOLD.values(), ids=TOLD)
def test_a_cause_is_told_in_the_words_of_check(
    numbers: dict[str, str], said: str, shown: Any, bench: Any, tmp_path: Path
) -> None:
    exercise = with_hand(CHAPTER, dict(CHAPTER.hand) | numbers)
    bench.opened(shown, exercise, tmp_path)
    found = bench.compared(shown, exercise, report := check(exercise))
    assert (found.causes, found.first) == ([], True)
    rows = shown.evaluate(bench.JUDGED, list(exercise.hand.items()))["rows"]
    told = [row["cause"]["said"] for row in rows if row.get("cause")]
    assert any(said in each["en"] for each in told), told
    shown.evaluate("sentenceOf = () => 'no such thing'; 0")
    assert bench.compared(shown, exercise, report).causes


def test_what_explains_a_number_best_is_what_check_names_first(shown: Any, bench: Any, tmp_path: Path) -> None:
    exercise = with_hand(CHAPTER, MISTAKEN)
    bench.opened(shown, exercise, tmp_path)
    report = check(exercise)
    assert not bench.compared(shown, exercise, report).causes
    shown.evaluate("withoutNoise = (mistakes, hits) => hits.toReversed(); 0")
    assert bench.compared(shown, exercise, report).causes


BIASED = """
title = "biased"
loss = "E"
lr = 0.5
[given]
x = 0.5129
t1 = 0.9713
t2 = 0.2717
[parameters]
w = 0.8137
v = 0.4472
b = 0.3391
c = 0.1291
[forward]
z1 = "w*x + b"
o1 = "z1"
z2 = "v*x + c"
o2 = "z2"
E_1 = "1/2*(t1 - o1)**2"
E_2 = "1/2*(t2 - o2)**2"
E = "E_1 + E_2"
[hand]
"o1" = "0.75644673"
"o2" = "0.35846888"
"E" = "0.02684538"
"dE/db" = "0.21485327"
"dE/dw" = "0.11019824"
"b+" = "0.23167336"
"dE/dv" = "0.04450376"
"dE/dc" = "0.08676888"
"c+" = "0.10684812"
"""


def test_a_quantity_with_several_names_is_called_in_its_row_as_check_calls_it(
    shown: Any, bench: Any, tmp_path: Path
) -> None:
    (file := tmp_path / "biased.toml").write_text(BIASED, "utf-8")
    bench.opened(shown, exercise := load(file), tmp_path)
    report = check(exercise)
    told = [str(row.causes[0].said) for row in report.read if row.causes]
    assert [text for text in told if "∂E/∂b = −(t1 − o1)" in text or "where ∂E/∂c is due" in text] == told
    compared = bench.compared(shown, exercise, report)
    assert (compared.causes, compared.named) == ([], len(told))
    shown.evaluate("asOnTheSheet = (_, name, sentence) => sentence; 0")
    assert len(bench.compared(shown, exercise, report).causes) == len(told) == 2
