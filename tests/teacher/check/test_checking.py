"""The check: verdicts by the rounding of the worked form, worked lines judged part by part."""

import math
import warnings
from dataclasses import replace
from decimal import Decimal

import pytest

from micrograd_kr.teacher.ask.exercise import Exercise
from micrograd_kr.teacher.ask.expressions import Symbol, names_in, number
from micrograd_kr.teacher.ask.file import load
from micrograd_kr.teacher.ask.messages import ExerciseError
from micrograd_kr.teacher.ask.number import distance, hand
from micrograd_kr.teacher.ask.solution import solve
from micrograd_kr.teacher.check import rounding
from micrograd_kr.teacher.check.causes import is_written
from micrograd_kr.teacher.check.diagnosis import Diagnosis, Finding, _notes, check
from micrograd_kr.teacher.check.forms import Forms
from micrograd_kr.teacher.check.rounding import Errors, Precision, habit
from micrograd_kr.teacher.check.sheet import Decimals, Judged, Sheet, _decimals, _judged, _judged_coarse
from micrograd_kr.teacher.check.worked import WorkedLine
from micrograd_kr.teacher.derive.lines import Lines

CHAPTER7 = load("chapter7")


def sheet_of(solution):
    return Sheet(solution, Lines.of(solution))


def verdicts(exercise: Exercise, **numbers: str) -> dict[str, str]:
    return {row.name: row.verdict for row in check(replace(exercise, hand={**exercise.hand, **numbers})).rows}


def written(text: str, folder) -> Exercise:
    file = folder / "exercise.toml"
    file.write_text(text, encoding="utf-8")
    return load(file)


def test_all_forty_numbers_of_the_chapter_match() -> None:
    report = check(CHAPTER7)
    assert [row.verdict for row in report.rows] == ["match"] * 40
    assert report.loss == pytest.approx((0.023971900751730026, 0.023236338872291772), abs=1e-15)
    assert [step.name for step in report.parameters] == [f"W{n}" for n in range(1, 9)]
    assert report.parameters[4].after == pytest.approx(0.4370385721981763, abs=1e-15)


def test_the_chapters_own_trap_the_updated_weights_in_step_two_is_wrong() -> None:
    assert verdicts(CHAPTER7, **{"dE_total/dh1": "0.03170787"})["dE_total/dh1"] == "wrong"
    assert verdicts(CHAPTER7, **{"W1+": "0.29960428"})["W1+"] == "wrong"


@pytest.mark.parametrize(
    ("number_", "verdict"),
    [("0.08", "match"), ("0.08000000", "match"), ("0.09", "wrong"), ("0.0800001", "wrong"), ("0.08000001", "wrong")],
)
def test_numbers_worked_from_exact_ones_have_no_rounding_to_hide_behind(number_: str, verdict: str) -> None:
    assert verdicts(CHAPTER7, z1=number_)["z1"] == verdict


def test_a_number_cut_off_instead_of_rounded_is_rounding() -> None:
    assert verdicts(CHAPTER7, h2="0.52747231")["h2"] == "rounding"
    assert verdicts(CHAPTER7, h2="0.52747234")["h2"] == "wrong"


@pytest.mark.parametrize(
    ("o", "verdict"), [("1.00000000", "match"), ("0.99999999", "rounding"), ("0.99999979", "wrong")]
)
def test_a_function_that_saturates_may_be_cut_off_though_a_float_has_its_limit(o: str, verdict: str, tmp_path) -> None:
    exercise = written(
        f'title = "s"\nloss = "o"\n[given]\nx = 56\n[forward]\no = "sigmoid(x)"\n[hand]\no = "{o}"', tmp_path
    )
    assert [row.verdict for row in check(exercise).rows] == [verdict]


def test_a_number_with_fewer_decimals_is_judged_by_its_own() -> None:
    assert verdicts(CHAPTER7, **{"z1'": "0.0798"})["z1'"] == "match"
    assert verdicts(CHAPTER7, **{"z1'": "0.0790"})["z1'"] == "wrong"


def test_a_number_without_decimals_is_not_excused_by_units_of_one() -> None:
    assert verdicts(CHAPTER7, **{"dE_total/do1": "2"})["dE_total/do1"] == "wrong"


def test_who_works_on_with_rounded_numbers_is_not_wrong_for_it() -> None:
    sheet = {"z1": "0.08", "h1": "0.5200", "z2": "0.11", "h2": "0.5275", "z3": "0.4450", "o1": "0.6095"}
    assert check(replace(CHAPTER7, hand=sheet)).rows[5].verdict == "rounding"


def test_the_sheets_numbers_may_stand_in_any_order() -> None:
    backwards = dict(reversed(CHAPTER7.hand.items()))
    report = check(replace(CHAPTER7, hand=backwards))
    assert [row.name for row in report.rows] == list(backwards)
    assert {row.verdict for row in report.rows} == {"match"}


# --- worked lines -----------------------------------------------------------------------------------------------------


def test_the_misprints_of_the_chapter_are_found_and_the_operand_that_mends_one_is_named() -> None:
    rows = {row.name: row for row in check(load("chapter7-misprints")).rows}
    assert {name for name, row in rows.items() if row.verdict == "wrong"} == {"W1+", "E_total"}
    assert [part.remedy for part in rows["W1+"].parts or ()] == ["0.1 → W1 = 0.3"]
    assert {name for name, row in rows.items() if row.verdict == "rounding"} == {"dE_total/dW5", "z3'"}


@pytest.mark.parametrize(
    ("text", "verdict", "remedy"),
    [
        ("0.45 - 0.5*0.02592286 = 0.43703857", "match", None),
        ("0.45 + 0.5*0.02592286 = 0.43703857", "wrong", None),
        ("0.4 - 0.5*0.02592286 = 0.43703857", "wrong", "0.4 → W5 = 0.45"),
        ("W5 - lr*0.02592286 = 0.43703857", "match", None),
        ("0.45 - 0.01296143 = 0.43703857", "match", None),
        ("0.45 - 0.5*0.02592286 = 0.45 - 0.01296143 = 0.43703857", "match", None),
        ("0.45 - 0.5*0.02592286 = 0.45 - 0.02592286 = 0.43703857", "wrong", None),
        ("1/0 = 0.43703857", "wrong", None),
    ],
)
def test_a_worked_line_is_judged_part_by_part(text: str, verdict: str, remedy: str | None) -> None:
    (row,) = check(replace(CHAPTER7, hand={"W5+": text})).rows
    assert row.verdict == verdict
    assert row.parts is not None
    assert [part.remedy for part in row.parts if part.remedy] == ([remedy] if remedy else [])


def test_names_in_a_worked_line_stand_for_the_sheets_own_numbers() -> None:
    sheet = {"h1": "0.51998934", "h2": "0.52747230", "z3": "0.45*h1 + 0.4*h2 = 0.44498412"}
    assert check(replace(CHAPTER7, hand=sheet)).rows[2].verdict == "match"
    slipped = sheet | {"h1": "0.61998934"}
    assert check(replace(CHAPTER7, hand=slipped)).rows[2].verdict == "wrong"


def test_names_in_a_line_of_the_second_pass_stand_for_its_numbers() -> None:
    sheet = CHAPTER7.hand | {"z1'": "W1*x1 + W2*x2 = 0.07979778"}
    assert verdicts(replace(CHAPTER7, hand=sheet))["z1'"] == "match"


# --- worked forms -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["chapter7", "recurrent", "purchase", "absolute", "sigmoid-neuron"])
def test_every_form_of_every_number_comes_to_the_engines(name: str) -> None:
    exercise = load(name)
    solution = solve(exercise)
    forms = Forms(solution, Lines.of(solution))
    keys = {each: forms.key(each) for each in exercise.hand}
    sheet = dict.fromkeys(keys.values(), 0.0)
    for each, key in keys.items():
        if key and forms.expansion(key) is not None:
            for form in (*forms.of(key, sheet), *forms.of(key, sheet, named=True)):
                assert number(form) == pytest.approx(solution.value(each), rel=1e-12, abs=1e-15)


def test_derivatives_that_are_one_number_have_one_name() -> None:
    forms = Forms(solution := solve(CHAPTER7), Lines.of(solution))
    assert forms.gradient("E_total", "o1").name == forms.gradient("E_o1", "o1").name
    assert forms.gradient("E_total", "E_o1") == 1.0
    assert forms.gradient("E_total", "h1").name != forms.gradient("E_o1", "h1").name
    assert forms.gradient("z1", "W8") == 0.0


def test_at_a_kink_that_rounding_may_cross_either_side_is_excused(tmp_path) -> None:
    text = """
title = "kink"
loss = "E"
lr = 0.5
[given]
x = 0.3333
[parameters]
w = 1.0
[forward]
a = "x*x"
z = "w*a - 0.11108889"
h = "relu(z)"
E = "3*h"
[hand]
z = "{z}"
"dE/dz" = "3"
"""
    near = {row.name: row for row in check(written(text.format(z="0.0000"), tmp_path)).rows}
    far = {row.name: row for row in check(written(text.format(z="0.0000").replace("0.11108889", "0.2"), tmp_path)).rows}
    assert near["dE/dz"].bound >= 3
    assert near["dE/dz"].verdict == "rounding"
    assert far["dE/dz"].verdict == "wrong"


def test_an_exercise_too_large_to_check_says_so(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(rounding, "STEPS", 50)
    with pytest.raises(ExerciseError, match="too large to check") as error:
        check(CHAPTER7)
    assert "너무 커서" in error.value.korean


def test_a_long_chain_needs_no_recursion(tmp_path) -> None:
    lines = "\n".join(f'y{n} = "sin(y{n - 1})"' for n in range(1, 400))
    text = f'title = "t"\nloss = "y399"\nlr = 0.1\n[given]\n[parameters]\ny0 = 1\n[forward]\n{lines}\n[hand]\n'
    exercise = written(text + '"dy399/dy0" = "0.0005"\n"y399\'" = "0.086"\n', tmp_path)
    assert len(check(exercise).rows) == 2


@pytest.mark.parametrize(
    ("text", "decimals"), [("0.08", 2), ("0.80", 2), ("12", 0), ("8.1e-4", 5), ("1e3", 0), ("-0.5", 1)]
)
def test_decimals_are_counted_as_written(text: str, decimals: int) -> None:
    assert hand(text).decimals == decimals


@pytest.mark.parametrize(("formula", "number_"), [("abs(0.5*x)", "1.4"), ("relu(0.5*x)", "1.9")])
def test_a_function_of_exact_numbers_has_no_rounding_to_hide_behind(formula: str, number_: str, tmp_path) -> None:
    exercise = written(
        f'title = "s"\nloss = "o"\n[given]\nx = 2\n[forward]\no = "{formula}"\n[hand]\no = "{number_}"', tmp_path
    )
    assert verdicts(exercise)["o"] == "wrong"


def test_the_bound_of_a_sigmoid_counts_its_exponential_once_and_the_sum_below_it_once(tmp_path) -> None:
    exercise = written(
        'title = "s"\nloss = "o"\n[given]\nx = 0\n[forward]\no = "sigmoid(x + 1)"\n[hand]\no = "0.7311"', tmp_path
    )
    (row,) = check(exercise).rows
    assert row.bound == pytest.approx((1 + 2 * row.value**2) * 1e-4)


def test_four_rounded_numbers_of_forty_two_do_not_tell_how_many_decimals_are_usual() -> None:
    texts = [*["1"] * 37, "0.12345", *["0.33"] * 4]
    sheet = {f"x{n}": hand(text) for n, text in enumerate(texts)}
    values = {name: 1 / 3 if each.decimals == 2 else float(each.number) for name, each in sheet.items()}
    assert _decimals(sheet, values).usual == 5


@pytest.mark.parametrize(("number_", "verdict"), [("0.7", "rounding"), ("-0.7", "wrong"), ("0.9", "wrong")])
def test_a_coarse_number_is_excused_only_when_it_is_cut_off_towards_zero(number_: str, verdict: str) -> None:
    assert _judged_coarse(hand(number_), 0.78, 0.0, 0.1) == verdict


def test_a_zero_is_cut_off_from_what_is_smaller_than_one() -> None:
    assert _judged_coarse(hand("0"), 0.78, 0.0, 1.0) == "rounding"


def test_coarse_steps_are_believed_only_of_who_often_writes_so_few_decimals() -> None:
    sheet = sheet_of(solve(CHAPTER7))
    value = sheet.judged["o1"].value
    coarse = hand(f"{value + 0.0012:.3f}")
    never, often = (
        _judged(Errors(sheet.forms), "o1", coarse, value, habit(Precision(1e-8)), Decimals(8, habits)).error
        for habits in (frozenset(), frozenset({3}))
    )
    assert often > 1000 * never > 0


def test_lr_in_a_worked_line_is_exact() -> None:
    sheet = sheet_of(solve(replace(CHAPTER7, lr=0.123, hand={"W1+": "0.29959556"})))
    assert 0.123 in WorkedLine(sheet, "W1+").exact


def test_every_search_for_causes_is_taken_from_the_work_that_is_left() -> None:
    diagnosis = Diagnosis(sheet_of(solve(replace(CHAPTER7, hand={"z1": "0.09"}))))
    before = diagnosis.work_left
    diagnosis.of("z1")
    assert diagnosis.work_left < before


def test_a_number_right_to_four_units_of_a_float_had_not_to_be_rounded() -> None:
    text = str(Decimal(1 + 4 * math.ulp(1.0)))
    sheet = {name: hand(text) for name in "abc"}
    assert _decimals(sheet, dict.fromkeys(sheet, 1.0)).habits == frozenset()


def test_only_a_coarse_number_is_worked_on_with_as_it_stands() -> None:
    """Who carried everything had an exact number behind one that strays; of a coarse one nothing more is known."""
    solution = solve(replace(CHAPTER7, hand={**CHAPTER7.hand, "z3'": "0.43126994", "o1": "0.609"}))
    sheet = sheet_of(solution)
    assert (sheet.judged["o1"].verdict, sheet.judged["z3'"].verdict) == ("match", "rounding")
    diagnosis = Diagnosis(sheet)
    for name in sheet.judged:
        diagnosis.of(name)
    assert diagnosis.known.numbers["o1"][0] == 0.609
    strays = Diagnosis(sheet_of(solve(replace(CHAPTER7, hand={**CHAPTER7.hand, "z3'": "0.43126994"}))))
    for name in strays.sheet.judged:
        strays.of(name)
    assert strays.known.numbers["z3'"][0] == strays.sheet.judged["z3'"].value


def test_who_cuts_off_writes_a_number_that_needs_no_rounding_as_it_is() -> None:
    assert is_written(hand("0.25000000"), 0.25, 1e-8, cuts_off=True)
    assert is_written(hand("0.25000000"), 0.25000000999, 1e-8, cuts_off=True)
    assert not is_written(hand("0.25000000"), 0.24999999, 1e-8, cuts_off=True)


def test_a_derivative_may_be_worked_through_what_every_path_goes_through() -> None:
    forms = Forms(solution := solve(CHAPTER7), Lines.of(solution))
    key = forms.key("dE_total/dW1")
    through = [set(names_in(form)) for form in forms.of(key, {forms.key("dE_total/dh1"): 0.0})]
    assert {"dE_total/dh1", "dh1/dW1"} in through
    assert len(list(forms.of(key, {forms.key("dE_total/do1"): 0.0}))) == 2


def test_the_error_of_a_quotient_by_what_rounding_makes_0_is_infinite_and_warns_of_nothing() -> None:
    quotient = Symbol("x", 1.0) / Symbol("y", 0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert rounding._moved(quotient, (1.0, 0.5), 1, 0.5) == math.inf


def test_one_unit_of_the_usual_decimals_off_is_no_matter_of_fewer_decimals() -> None:
    judged = Judged("a", hand("0.1"), 0.11, "match", 0.0, 0.01)
    assert distance(judged.written, judged.value) == 0.01
    assert list(_notes(judged, Finding(), 2)) == []
