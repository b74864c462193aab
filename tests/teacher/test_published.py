"""Worked examples that people published, facts and numbers only: what the check says of each.

Each number of the engine in them was confirmed with 50 digits by an independent program. A file NAME_arrays holds the
same numbers with vectors, matrices, sums, means and softmax; the same quantity has the same verdict in both. Which
numbers are wrong, and why, is what the tables here say; all others match or are rounding.
"""

from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from micrograd_kr.said import say
from micrograd_kr.teacher.ask.file import load
from micrograd_kr.teacher.check.diagnosis import check
from micrograd_kr.teacher.check.report import Report
from micrograd_kr.teacher.show.worksheet import as_text, worksheet

FOLDER = Path(__file__).parent / "published"
FILES = sorted(path.stem for path in FOLDER.glob("*.toml"))
IN_ARRAYS = [name for name in FILES if name.endswith("_arrays")]

# All others match or are rounding.
WRONG = {
    "a04_softmax": ["z4", "y1", "y2", "L"],
    "a04_softmax_arrays": ["s[1]", "y[0]", "y[1]", "L"],
    "a17_missing_weights": ["dO/dw1"],
    "a17_missing_weights_arrays": ["dO/dw1"],
    "a20b_multi": ["cost"],
    "a20b_multi_arrays": ["cost"],
    "a34_index": ["dL/dw8", "dL/dw9"],
    "a34_index_arrays": ["dL/dW2[0,1]", "dL/dW2[1,0]"],
    "a38_differences": ["df/dx"],
    "a39_forward_difference": ["df/dx", "df/dy"],
}


@cache
def checked(name: str) -> Report:
    return check(load(FOLDER / f"{name}.toml"))


def said(name: str, lang: str = "en") -> str:
    """What a person reads, without line breaks."""
    return " ".join(str(replace(checked(name), lang=lang)).split())


# --- verdicts ---------------------------------------------------------------------------------------------------------


def test_all_nineteen_are_here_and_those_with_vectors_in_both_forms():
    assert len(FILES) - len(IN_ARRAYS) == 19
    assert {name.removesuffix("_arrays") for name in IN_ARRAYS} <= {*FILES}
    for name in FILES:
        assert bool(load(FOLDER / f"{name}.toml").shapes) == (name in IN_ARRAYS)


@pytest.mark.parametrize("name", FILES)
def test_the_numbers_that_are_wrong_are_wrong_and_no_other_is(name):
    report = checked(name)
    assert [row.name for row in report.wrong] == WRONG.get(name, [])
    assert {row.verdict for row in report.rows} <= {"match", "rounding", "wrong"}


@pytest.mark.parametrize("name", IN_ARRAYS)
def test_a_quantity_has_the_same_verdict_in_both_forms(name):
    def verdicts(of: str) -> Counter[tuple[str, str, str]]:
        return Counter((row.hand, f"{row.value:.9g}", row.verdict) for row in checked(of).rows)

    more = verdicts(name) - verdicts(name.removesuffix("_arrays"))
    assert not verdicts(name.removesuffix("_arrays")) - verdicts(name)
    # what could not be written down without several updates
    assert more == ({("0.048171", "0.0481705756", "match"): 1} if name == "a20_linreg_arrays" else {})


@pytest.mark.parametrize("name", ["a03_neuron_arrays", "a07_simplenet_arrays", "a20_linreg_arrays", "a26_bce_arrays"])
def test_a_number_moved_in_a_published_example_would_be_found(name):
    exercise = load(FOLDER / f"{name}.toml")
    for quantity in list(exercise.hand)[1::3]:
        text = exercise.hand[quantity].rpartition("=")[2].strip()
        moved = {**exercise.hand, quantity: f"{float(text) + 0.0432:.8f}"}
        assert quantity in [row.name for row in check(replace(exercise, hand=moved)).wrong]


# --- what is said -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "phrases", "never"),
    [
        ("a04_softmax", ["0.157, 0.185 was written"], ["transposed", "0.426 →", "no cause"]),
        ("a04_softmax_arrays", ["0.157, 0.185 was written"], ["transposed", "0.426 →", "no cause"]),
        ("a12_graph", ["10 match"], ["too few decimals", "fewer decimals"]),
        ("a17_missing_weights", ["w2, w3, w4 and w5 were left out"], ["no cause"]),
        ("a17_missing_weights_arrays", ["left out", "w[0]", "w[1]", "v[0]", "v[1]"], ["no cause"]),
        ("a20b_multi", ["this is the number in float32"], ["no cause"]),
        ("a20b_multi_arrays", ["this is the number in float32"], ["no cause"]),
        ("a34_index", ["transposed", "this is ∂L/∂w9", "at dL/dw8"], ["no cause", "w4 was used"]),
        ("a34_index_arrays", ["transposed", "this is ∂L/∂W2[1,0]"], ["no cause", "W1[1,0] was used"]),
        ("a37_losses", ["2 match"], ["fewer decimals"]),
        ("a37_losses_arrays", ["2 match"], ["fewer decimals"]),
        ("a38_differences", ["finite difference with step 1e-4", "the derivative is 0.2"], ["no cause"]),
        (
            "a39_forward_difference",
            ["finite difference with step 1e-4", "the derivative is 24", "the derivative is 10"],
            ["no cause"],
        ),
    ],
)
def test_what_is_due_is_said(name, phrases, never):
    text = said(name)
    assert [each for each in phrases if each not in text] == []
    assert [each for each in never if each in text] == []


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("a17_missing_weights", "w2"),
        ("a20b_multi", "float32"),
        ("a34_index", "∂L/∂w9"),
        ("a38_differences", "1e-4"),
    ],
)
def test_a_cause_is_said_in_korean_with_the_same_numbers(name, number):
    text = said(name, "ko")
    assert number in text
    assert say("no cause found").in_("ko") not in text


# --- worksheets -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FILES)
def test_a_worksheet_is_made_of_each_and_loads_again(name, tmp_path):
    exercise = load(FOLDER / f"{name}.toml")
    sheet = worksheet(exercise)
    assert [line.name for line in sheet.lines] == list(exercise.hand)
    assert all(as_text(sheet, form, answers=True) for form in ("markdown", "html"))
    path = tmp_path / "sheet.toml"
    path.write_text(as_text(sheet, "toml"), "utf-8")
    blank = load(path)
    assert (blank.hand, [*blank.asked]) == ({}, [*exercise.hand])
    assert (blank.given, blank.parameters, blank.shapes) == (exercise.given, exercise.parameters, exercise.shapes)
    assert (blank.forward, blank.written) == (exercise.forward, exercise.written)
    assert (blank.steps, blank.update) == (exercise.steps, exercise.update)


@pytest.mark.parametrize("name", FILES)
def test_a_worksheet_with_other_numbers_is_made_of_each(name):
    exercise = load(FOLDER / f"{name}.toml")
    sheet = worksheet(exercise, seed=3)
    assert sheet.exercise.shapes == exercise.shapes
    old, new = ({**each.given, **each.parameters} for each in (exercise, sheet.exercise))
    assert old != new or {*old.values()} <= {0.0, 1.0}  # yes and no stay
    assert [line.name for line in sheet.lines] == list(exercise.hand)
