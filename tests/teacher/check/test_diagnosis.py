"""The diagnosis: the first wrong number, what follows from it, and causes that are proved by recomputing."""

import random
import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from timed import assert_quick

from micrograd_kr import Value
from micrograd_kr.engine import inputs_first
from micrograd_kr.said import say
from micrograd_kr.teacher.ask.exercise import Exercise
from micrograd_kr.teacher.ask.file import load
from micrograd_kr.teacher.ask.formula import evaluate
from micrograd_kr.teacher.ask.messages import ExerciseError
from micrograd_kr.teacher.ask.solution import forward, solve
from micrograd_kr.teacher.check import diagnosis
from micrograd_kr.teacher.check.causes import KINDS, SENTENCES
from micrograd_kr.teacher.check.diagnosis import check
from micrograd_kr.teacher.check.report import Cause, Report, Row
from micrograd_kr.teacher.check.sheet import Sheet
from micrograd_kr.teacher.check.slips import OF_A_PEN, meant, misread
from micrograd_kr.teacher.derive.lines import Lines

CHAPTER7 = load("chapter7")
EXACT = check(CHAPTER7)


def with_numbers(**numbers: str) -> Report:
    return check(replace(CHAPTER7, hand={**CHAPTER7.hand, **numbers}))


def row(report: Report, name: str) -> Row:
    return next(each for each in report.rows if each.name == name)


def written(text: str, folder: Path) -> Report:
    file = folder / "exercise.toml"
    file.write_text(text, encoding="utf-8")
    return check(load(file))


# --- first wrong, and what follows ------------------------------------------------------------------------------------


def test_where_nothing_is_wrong_there_is_no_first_wrong_number() -> None:
    assert EXACT.first_wrong is None
    assert not any(each.causes or each.follows_from or each.notes for each in EXACT.rows)


def carried_on(**wrong: float) -> dict[str, str]:
    """The chapter's forward pass as it comes out for who has some wrong numbers and works on with them."""
    numbers = {**CHAPTER7.given, **CHAPTER7.parameters}
    for name, formula in CHAPTER7.forward.items():
        numbers[name] = wrong[name] if name in wrong else evaluate(formula, numbers)
    return {name: f"{numbers[name]:.8f}" for name in CHAPTER7.forward}


def test_what_is_worked_from_a_wrong_number_follows_from_it() -> None:
    report = check(replace(CHAPTER7, hand=carried_on(h1=0.53)))
    assert report.first_wrong is not None
    assert report.first_wrong.name == "h1"
    following = {each.name for each in report.wrong if each.follows_from == "h1"}
    assert following == {"z3", "o1", "z4", "o2", "E_o1", "E_o2", "E_total"}


def test_two_mistakes_are_two_roots_and_a_number_worked_right_from_a_wrong_one_is_none() -> None:
    report = check(replace(CHAPTER7, hand=carried_on(h1=0.53, o2=0.7)))
    assert [each.name for each in report.roots] == ["h1", "o2"]
    assert row(report, "E_o2").follows_from == "o2"
    assert row(report, "E_o1").follows_from == "h1"


def test_after_a_slip_of_the_pen_the_right_number_is_used_on() -> None:
    report = with_numbers(o1="0.60944060")
    assert [each.name for each in report.wrong] == ["o1"]


def test_the_file_s_order_decides_nothing() -> None:
    sheet = carried_on(h1=0.53)
    report = check(replace(CHAPTER7, hand=dict(reversed(sheet.items()))))
    assert report.first_wrong is not None
    assert report.first_wrong.name == "h1"


def test_equal_derivatives_under_two_names_are_one_mistake() -> None:
    report = with_numbers(**{"dE_total/do1": "-0.20944600", "dE_o1/do1": "-0.20944600"})
    assert len(report.roots) == 1
    assert {each.name for each in report.wrong} == {"dE_total/do1", "dE_o1/do1"}


def test_a_wrong_working_of_a_right_number_is_the_first_wrong_one() -> None:
    report = check(load("chapter7-misprints"))
    assert [each.name for each in report.roots] == ["E_total", "W1+"]
    assert not any(each.causes for each in report.rows)


# --- causes -----------------------------------------------------------------------------------------------------------

O1, O2, H1, H2 = 0.6094460049967882, 0.6638449096978557, 0.5199893401555818, 0.5274723043445937
DO1, SLOPE = O1 - 0.4, O1 * (1 - O1)


@pytest.mark.parametrize(
    ("name", "value", "kinds", "says"),
    [
        ("dE_total/do1", -DO1, {"sign", "minus one", "exchanged"}, "the factor −1 was left out, or target_o1 and o1"),
        ("E_o1", DO1**2, {"half"}, "the factor ½ was left out"),
        ("dE_total/do1", DO1 * 2, {"half"}, "the factor ½"),
        ("dE_total/do1", DO1 / 2, {"two"}, "the factor 2"),
        ("E_o1", -DO1 / 2, {"power"}, "target_o1 − o1 was used where (target_o1 − o1)² is due"),
        ("do1/dz3", O1, {"derivative", "factor"}, "o1 was used where its derivative is due, o1·(1 − o1)"),
        ("do1/dz3", O1 * (1 + O1), {"plus for minus"}, None),
        ("dE_total/dW5", DO1 * H1, {"factor"}, "the factor ∂o1/∂z3 was left out"),
        ("dE_total/dW5", DO1 * SLOPE * H2, {"index"}, "h2 was used where h1 is due"),
        ("dE_o1/dh1", DO1 * SLOPE * H1, {"operand"}, "h1 was used where W5 is due"),
        ("dE_o1/dh1", DO1 * SLOPE * 0.437038572198, {"updated"}, "W5⁺ was used where W5 is due"),
        ("dE_total/dh1", 0.022433700310, {"term"}, "the term ∂E_o2/∂h1 was left out"),
        ("dE_total/dh1", 0.03170787, {"updated"}, "W5⁺ and W7⁺ were used where W5 and W7 are due, everywhere"),
        ("z3", 0.45 * H2 + 0.4 * H1, {"exchanged"}, "were exchanged"),
        ("W5+", 0.45 + 0.5 * 0.025922855604, {"plus for minus"}, "W5 + lr·∂E_total/∂W5"),
        ("W5+", 0.45 - 0.025922855604, {"lr"}, "the factor lr was left out"),
        ("z3'", 0.45 * 0.519938866042 + 0.4 * 0.527428057734, {"old"}, "W5 and W6 were used where W5⁺ and W6⁺ are due"),
        ("z3'", 0.437038572198 * H1 + 0.386852049336 * H2, {"old"}, "h1 and h2 were used where h1′ and h2′ are due"),
        (
            "h2",
            0.52742730,
            {"digits"},
            "0.52747230 was written as 0.52742730, digits 5 and 6 after the point changed places",
        ),
        ("z3", 0.45 * 0.52 + 0.4 * H2, {"rounded"}, "h1 was rounded too early, to 2 decimals"),
        ("z3", 0.45 * 0.5 + 0.4 * H2, {"rounded"}, "h1 was rounded too early, to 1 decimal ("),
        ("o1", 0.609, {"rounded"}, "o1 was rounded too early, to 3 decimals"),
        ("o1", 6.0944600, {"point"}, "0.609446000 was written as 6.09446000, the decimal point was moved"),
        ("do1/dz3", 1 - O1**2, {"slope"}, "1 − o1² was used where o1·(1 − o1) is due"),
        ("W6+", 0.437038572198, {"copied"}, "W5⁺ was written in place of W6⁺"),
    ],
)
def test_the_mistake_is_named_with_what_was_done_and_what_is_due(
    name: str, value: float, kinds: set[str], says: str | None
) -> None:
    found = row(with_numbers(**{name: f"{value:.8f}"}), name)
    (cause,) = found.causes
    assert kinds <= {cause.kind, *cause.also}
    assert says is None or says in str(cause.said)
    assert cause.value == pytest.approx(value, abs=1e-8)
    assert re.search(r" \(\S+ = .+\)$", str(cause.said))


def test_what_was_done_at_several_places_is_said_in_the_plural() -> None:
    dh1 = DO1 * O1 * 0.45 + (O2 - 0.6) * O2 * 0.7
    sheet = {"o1": f"{O1:.8f}", "o2": f"{O2:.8f}", "dE_total/dh1": f"{dh1:.8f}"}
    ((cause,),) = (each.causes for each in check(replace(CHAPTER7, hand=sheet)).wrong)
    assert str(cause.said) == (
        "o1 and o2 were used where their derivatives are due, ∂o1/∂z3 and ∂o2/∂z4, everywhere, "
        "or the factors 1 − o1 and 1 − o2 were left out, everywhere (∂o1/∂z3 = o1·(1 − o1))"
    )
    assert cause.said.in_("ko") == (
        "모든 곳에서 미분 ∂o1/∂z3, ∂o2/∂z4 자리에 미분하지 않은 o1, o2 값을 썼습니다. "
        "또는 모든 곳에서 곱할 인수가 빠졌습니다: 1 − o1, 1 − o2 (∂o1/∂z3 = o1·(1 − o1))"
    )


def test_lr_twice_is_told_from_a_factor_two_where_lr_is_no_half() -> None:
    exercise = replace(CHAPTER7, lr=0.1, hand={"W5+": f"{0.45 - 0.01 * 0.025922855604:.8f}"})
    (cause,) = check(exercise).rows[0].causes
    assert cause.kind == "lr twice"


def test_a_mistake_in_a_number_that_is_not_on_the_sheet_is_named_there_and_carried_on() -> None:
    wrong_slope = DO1 * O1
    sheet = {"o1": "0.60944600", "dE_total/dW5": f"{wrong_slope * H1:.8f}", "dE_total/dW6": f"{wrong_slope * H2:.8f}"}
    report = check(replace(CHAPTER7, hand=sheet))
    assert report.first_wrong is not None
    assert (report.first_wrong.causes[0].kind, report.first_wrong.causes[0].place) == ("derivative", "do1/dz3")
    assert row(report, "dE_total/dW6").follows_from == "dE_total/dW5"


def test_roots_of_one_cause_name_one_another() -> None:
    report = with_numbers(**{"dh1/dz1": f"{H1:.8f}", "dh2/dz2": f"{H2:.8f}"})
    assert row(report, "dh1/dz1").causes[0].same_at == ("dh2/dz2",)
    assert row(report, "dh2/dz2").causes[0].same_at == ("dh1/dz1",)


@pytest.mark.parametrize(("wrong", "same"), [("0.2037", ()), ("0.6103", ("z1",))])
def test_another_term_left_out_is_another_mistake(wrong: str, same: tuple[str, ...]) -> None:
    x = Value(1.0, "x")
    z1 = Value(0.3071, "W1") * x + Value(0.1052, "b1")
    z2 = Value(0.6103, "W2") * x + Value(0.2037, "b2")
    z1.label, z2.label = "z1", "z2"
    second = check({"z1": "0.3071", "z2": wrong}, z1 * z2).rows[1]
    assert [(cause.kind, cause.same_at) for cause in second.causes] == [("term", same)]


def test_a_number_that_no_mistake_explains_says_so_in_both_languages() -> None:
    found = row(with_numbers(o1="0.71234567"), "o1")
    assert not found.causes
    assert [(str(note.said), note.said.in_("ko")) for note in found.notes] == [
        ("no cause found", "원인을 찾지 못했습니다")
    ]


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("dE_total/dW5", "0.02592246"),  # last digits wrong; ∂E_total/∂o1, right on the sheet, was blamed
        ("z3", "0.44498417"),
        ("W6+", "0.38685199"),
        ("W1+", "0.29959566"),  # h1 was blamed
    ],
)
def test_a_number_off_in_its_last_digits_is_put_down_to_no_misconception(name: str, written: str) -> None:
    found = row(with_numbers(**{name: written}), name)
    assert {(cause.kind in OF_A_PEN, cause.place) for cause in found.causes} <= {(True, name)}
    said = [(str(note.said), note.said.in_("ko")) for note in found.notes]
    assert said[0] == (
        "the last digits differ: perhaps a slip in writing or in arithmetic",
        "끝자리가 다릅니다. 옮겨 적거나 계산하는 중에 생긴 실수 같습니다",
    )


MEAN_OVER_PATHS = {"dE_total/dh1": "0.01620341", "dE_total/dW1": "0.00040444", "W1+": "0.29979778"}


def test_where_a_pen_may_have_slipped_anywhere_only_the_last_digits_are_told() -> None:
    """A digit of W5⁺, of W6⁺ or of h2′ misread, all of which are right on the sheet, comes to this number."""
    found = row(with_numbers(**{"z3'": "0.43127012"}), "z3'")
    assert found.causes == ()
    assert [note.kind for note in found.notes] == ["last digits"]


def test_what_stands_right_on_the_sheet_is_not_blamed() -> None:
    blamed = with_numbers(**MEAN_OVER_PATHS).roots
    assert [(each.name, {cause.place for cause in each.causes}) for each in blamed] == [
        ("dE_total/dh1", {"dE_total/dh1"})
    ]
    alone = replace(CHAPTER7, hand={"dE_total/dh1": f"{0.03240681098510368 * 2:.8f}"})  # ∂E_total/∂o1 is not on it
    assert check(alone).rows[0].causes[0].place == "dE_total/do1"


def test_a_mistake_is_sure_only_where_chance_would_seldom_meet_it() -> None:
    """Moved by 20 units h1 is what o1 misread would make of it, too; moved by 20,000 it is so no more."""
    for written, is_sure in ("0.51998984", False), ("0.51498934", True):
        found = row(with_numbers(h1=written), "h1")
        assert found.causes[0].kind in OF_A_PEN
        assert ("few digits" not in {note.kind for note in found.notes}) == is_sure


def test_too_few_digits_to_be_sure_are_said() -> None:
    assert "few digits" in {note.kind for note in row(with_numbers(z1="0.05"), "z1").notes}
    assert "few digits" not in {note.kind for note in row(with_numbers(h2="0.52742730"), "h2").notes}


def test_a_search_that_takes_too_long_is_cut_short_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis, "ALL_WORK", 10)
    found = row(with_numbers(o1="0.71234567"), "o1")
    assert "capped" in {note.kind for note in found.notes}


def test_who_spends_the_budget_leaves_a_share_to_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    last = {"dE_total/dW1": "0.00080888", "W1+": "0.29919112"}
    unexplained = {
        name: f"0.7{n}34567" for n, name in enumerate(["o1", "o2", "dE_o1/dh1", "dE_o2/dh1", "dE_total/dh2"])
    }
    monkeypatch.setattr(diagnosis, "ALL_WORK", 15_000)
    report = check(replace(CHAPTER7, hand=carried_on() | unexplained | last))
    assert "capped" in {note.kind for each in report.wrong for note in each.notes}
    assert row(report, "W1+").causes[0].kind == "lr"


def deep(tmp_path: Path, formulas: int, wrong: bool) -> Exercise:
    """A chain with numbers for its lines and for its derivatives by every weight, and by half the lines."""
    draw = random.Random(1)
    start = {"x": 0.3} | {f"w{n}": round(draw.uniform(-1, 1), 2) for n in range(1, formulas)}
    lines = {f"y{n}": f"tanh(w{n}*{f'y{n - 1}' if n > 1 else 'x'} + 0.1)" for n in range(1, formulas)}
    lines["E"] = f"1/2*(y{formulas - 1} - 1)**2"
    text = 'title = "deep"\nloss = "E"\n[given]\n[parameters]\n' + "".join(f"{k} = {v}\n" for k, v in start.items())
    text += "[forward]\n" + "".join(f'{name} = "{formula}"\n' for name, formula in lines.items())
    file = tmp_path / "deep.toml"
    file.write_text(text, encoding="utf-8")
    exercise = load(file)
    solution = solve(exercise)
    names = [*lines, *(f"dE/dw{n}" for n in range(1, formulas)), *(f"dE/dy{n}" for n in range(formulas // 2, formulas))]
    off = {name: draw.uniform(1.01, 1.3) if wrong else 1.0 for name in names}
    return replace(exercise, hand={name: f"{solution.value(name) * off[name]:.8f}" for name in names})


@pytest.mark.parametrize(("formulas", "wrong"), [(120, False), (120, True), (11, True)])
def test_a_large_sheet_takes_seconds_and_says_where_it_looked_no_further(
    formulas: int, wrong: bool, tmp_path: Path
) -> None:
    exercise = deep(tmp_path, formulas, wrong)
    report = assert_quick(lambda: check(exercise), 9)  # some two; it was 12 for the small one, 46 for the others
    assert len(report.rows) > 2.4 * formulas - 2
    notes = {note.kind for each in report.rows for note in each.notes}
    assert ("capped" in notes) == wrong


def test_a_long_chain_is_no_trouble(tmp_path: Path) -> None:
    lines = "\n".join(f'y{n} = "sin(y{n - 1})"' for n in range(1, 160))
    start = f'title = "t"\nloss = "y159"\nlr = 0.1\n[given]\n[parameters]\ny0 = 1\n[forward]\n{lines}\n[hand]\n'
    report = written(start + '"y159" = "0.10123457"\n"dy159/dy0" = "0.12345678"\n"y159\'" = "0.08612345"\n', tmp_path)
    assert [each.verdict for each in report.rows] == ["wrong"] * 3


@pytest.mark.parametrize(
    "numbers",
    [
        {"o": "1.000000", "dE/do": "-5.000000", "E": "1"},
        {"z": "1.030000", "o": "0.736916", "b+": "710", "E'": "-0.0"},
    ],
)
def test_wrong_numbers_of_any_size_are_no_trouble(numbers: dict[str, str]) -> None:
    w, b, x, t = Value(0.8, "w"), Value(0.63, "b"), Value(0.5, "x"), Value(1.0, "t")
    z = w * x + b
    o = z.sigmoid()
    loss = -(t * o.log() + (1 - t) * (1 - o).log())
    z.label, o.label, loss.label = "z", "o", "E"
    assert check(numbers, loss, lr=0.3).first_wrong is not None


def test_an_enormous_number_is_no_trouble() -> None:
    report = check(replace(CHAPTER7, hand={"h1": "1e300", "E_o2'": "0.5"}))
    assert [each.name for each in report.roots] == ["h1", "E_o2'"]


def test_every_kind_of_mistake_has_a_sentence_in_both_languages() -> None:
    assert set(SENTENCES) == set(KINDS)
    for said in SENTENCES.values():
        gaps = set(re.findall(r"{due}|{done}|{at}|{because}", said.text))
        assert gaps == set(re.findall(r"{\w+}", said.template("ko")))


@pytest.mark.parametrize(
    ("text", "kind", "found"),
    [
        ("0.123", "digits", ["0.213", "0.132", "0.321"]),
        ("-0.11", "digits", []),
        ("12.5", "digits", ["21.5"]),
        ("8.12e-4", "digits", ["8.21e-4"]),
        ("0.64", "look-alike", ["0.04", "0.69"]),
        ("0.123", "left out", ["0.23", "0.13", "0.12"]),
        ("0.122", "doubled", ["0.1122", "0.1222"]),
        ("0.5", "left out", []),
        ("0.5", "point", ["0.005", "0.05", "5", "50"]),
    ],
)
def test_a_number_is_misread_in_every_way_a_pen_slips(text: str, kind: str, found: list[str]) -> None:
    slips = [slip for slip in misread(text) if slip.kind == kind]
    assert sorted(Decimal(slip.written) for slip in slips) == sorted(map(Decimal, found))


@pytest.mark.parametrize("text", ["0.52747231", "12.503", "-0.0441"])
def test_what_was_meant_is_found_again(text: str) -> None:
    decimals = len(text.partition(".")[2])
    for slip in misread(text):
        assert text in {each.meant for each in meant(slip.written, decimals)}, slip


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("0.51998984", "digit 7 after the point is wrong"),
        ("0.51989934", "digits 4 and 5 after the point changed places"),
        ("0.5199834", "digit 6 after the point was left out"),
        ("0.519989934", "digit 6 after the point was written twice"),
        ("5.1998934", "the decimal point was moved"),
    ],
)
def test_a_slip_of_the_pen_is_told_with_its_digit(written: str, says: str) -> None:
    found = row(with_numbers(h1=written), "h1").causes
    assert str(found[0].said).startswith(f"a slip in writing: 0.51998934 was written as {written}, {says}")
    assert found[0].said.in_("ko").startswith(f"옮겨 적다가 생긴 실수입니다: 0.51998934 대신 {written}, ")


# --- corner cases -----------------------------------------------------------------------------------------------------

RELU = """
title = "relu"
loss = "E"
lr = 0.5
[given]
x = 0.0
t = 1.0
[parameters]
w = 0.5
[forward]
z = "w*x"
h = "{function}(z)"
E = "1/2*(t - h)**2"
[hand]
"""


def test_the_derivative_of_the_other_case_gets_a_sentence_of_its_own(tmp_path: Path) -> None:
    dead = RELU.format(function="relu").replace("x = 0.0", "x = -1.25")
    (cause,) = written(dead + 'z = "-0.6250"\n"dh/dz" = "1.0000"\n', tmp_path).rows[1].causes
    assert str(cause.said) == (
        "the wrong branch was taken: since z < 0, 0 is due, not 1 (∂h/∂z = {1 (z > 0), 0 (z ≤ 0)})"
    )
    assert cause.said.in_("ko").startswith("조건을 잘못 골랐습니다. z < 0이므로 1 대신 0 값을 씁니다")


@pytest.mark.parametrize(
    ("number", "says"), [("0.424612", "b and a were exchanged"), ("0.814103", "the factor a was left out")]
)
def test_mistakes_in_a_quotient(number: str, says: str) -> None:
    a, b = Value(0.345678, "a"), Value(0.814103, "b")
    (found,) = check({"loss": number}, b / a).rows
    assert says in str(found.causes[0].said)


def test_the_formula_beside_a_lost_minus_sign_is_written_as_in_a_textbook(tmp_path: Path) -> None:
    entropy = 'title = "entropy"\nloss = "E"\n[given]\nt = 0.3\n[parameters]\nz = 0.42\n[forward]\no = "sigmoid(z)"\n'
    entropy += 'E = "-(t*log(o) + (1 - t)*log(1 - o))"\n[hand]\n"dE/do" = "2.26248713"\n'
    (cause,) = written(entropy, tmp_path).rows[0].causes
    assert str(cause.said) == (
        "the factor −1 was left out, or −t/o has the wrong sign (∂E/∂o = −t/o + (1 − t)/(1 − o))"
    )


def test_the_logarithm_to_base_ten_is_recognised() -> None:
    o = Value(0.7369, "o")
    (found,) = check({"loss": "0.1326"}, -o.log()).rows
    assert str(found.causes[0].said).startswith("log10(o) was used where log(o) is due")


def test_a_term_that_rounds_to_nothing_was_left_out_not_rounded() -> None:
    recurrent = load("recurrent")
    (cause,) = row(check(replace(recurrent, hand={**recurrent.hand, "dE/du": "-0.198420"})), "dE/du").causes
    assert (cause.kind, cause.also) == ("term", ())


def test_at_zero_the_other_side_s_derivative_gets_a_sentence_of_its_own(tmp_path: Path) -> None:
    report = written(RELU.format(function="relu") + '"dh/dz" = "1"\n"dE/dz" = "-1"\n', tmp_path)
    (cause,) = report.rows[0].causes
    assert str(cause.said).startswith("at 0 the derivative is taken as 0, not 1")
    assert report.rows[1].follows_from == "dh/dz"


def test_a_mistake_that_is_multiplied_by_zero_is_not_seen(tmp_path: Path) -> None:
    report = written(RELU.format(function="sigmoid") + 'z = "0"\n"dE/dw" = "0"\n"w+" = "0.5"\n', tmp_path)
    assert {each.verdict for each in report.rows} == {"match"}


def test_a_number_smaller_than_its_rounding_says_that_it_tells_nothing(tmp_path: Path) -> None:
    saturated = RELU.format(function="sigmoid").replace("x = 0.0", "x = 24.0")
    report = written(saturated + 'z = "12.0000"\n"dh/dz" = "0.0000"\n', tmp_path)
    assert [note.kind for note in report.rows[1].notes] == ["few decimals"]


def test_a_number_with_fewer_decimals_than_the_others_is_remarked_on() -> None:
    assert [note.kind for note in row(with_numbers(**{"z1'": "0.0798"}), "z1'").notes] == ["fewer decimals"]


def test_the_form_of_a_constant_is_the_constant() -> None:
    (cause,) = row(with_numbers(**{"dE_total/dE_o1": "-1"}), "dE_total/dE_o1").causes
    assert cause.kind == "sign"


# --- from Python ------------------------------------------------------------------------------------------------------


def graph() -> Value:
    return forward(CHAPTER7)["E_total"]


@pytest.mark.parametrize("change", [{}, {"dE_total/dh1": "0.03170787"}, {"o1": "0.6", "W5+": "0.46296143"}])
def test_a_graph_of_labelled_values_gets_the_verdicts_and_causes_of_the_file(change: dict[str, str]) -> None:
    hand = {**CHAPTER7.hand, **change}
    file, python = check(replace(CHAPTER7, hand=hand)), check(hand, graph(), lr=0.5)

    def found(report: Report) -> list[tuple]:
        causes = [[(cause.kind, cause.place, cause.also) for cause in each.causes] for each in report.rows]
        rows = [(each.name, each.hand, each.verdict, each.follows_from, each.notes) for each in report.rows]
        return [*rows, *causes]

    assert found(file) == found(python)
    assert [each.bound for each in python.rows] == pytest.approx([each.bound for each in file.rows], rel=1e-9)


def test_a_graph_is_checked_at_the_numbers_that_it_was_computed_from() -> None:
    loss, before = graph(), check(CHAPTER7.hand, graph(), lr=0.5)
    for each in inputs_first(loss):
        if each.rule is None:
            each.data = each.data + 1.0
    after = check(CHAPTER7.hand, loss, lr=0.5)
    assert [(each.name, each.value, each.verdict) for each in after.rows] == [
        (each.name, each.value, each.verdict) for each in before.rows
    ]


def test_floats_have_lost_their_zeros_and_text_has_not() -> None:
    floats = {name: float(text) for name, text in CHAPTER7.hand.items()}
    assert {each.verdict for each in check(floats, graph(), lr=0.5).rows} == {"match"}
    assert check(floats | {"h1": 0.52}, graph(), lr=0.5).first_wrong is not None
    assert check(CHAPTER7.hand | {"h1": "0.52"}, graph(), lr=0.5).first_wrong is None


def test_a_worked_line_of_a_graph_is_judged_part_by_part() -> None:
    (found,) = check({"W1+": "0.1 - 0.5*0.00080888 = 0.29959556"}, graph(), lr=0.5).rows
    assert [part.remedy for part in found.parts or ()] == ["0.1 → W1 = 0.3"]


def test_an_update_is_checked_for_the_parameters_that_are_named() -> None:
    x, w = Value(2.0, "x"), Value(3.0, "w")
    loss = w * x * x
    loss.label = "E"
    assert check({"w+": "1", "E'": "4"}, loss, lr=0.5).wrong == ()
    assert [each.name for each in check({"E'": "4"}, loss, lr=0.5).wrong] == ["E'"]
    assert check({"E'": "4"}, loss, lr=0.5, parameters=[w]).wrong == ()


@pytest.mark.parametrize(
    ("numbers", "options", "says"),
    [
        ({"q": "1"}, {}, "unknown name"),
        ({"W5+": "1"}, {}, "lr is missing"),
        ({"z1": "one"}, {}, "expected a number"),
        ({"z1": float("nan")}, {}, "expected a number"),
        ({"W5+": "1"}, {"lr": 0.5, "parameters": ["o1"]}, "labelled leaves"),
    ],
)
def test_what_a_graph_has_no_such_thing_for_is_said(numbers: dict, options: dict, says: str) -> None:
    with pytest.raises(ExerciseError, match=says):
        check(numbers, graph(), **options)


def test_a_number_below_all_floats_is_wrong_and_no_trouble() -> None:
    assert check({"z1": "1e-400"}, graph()).wrong


@pytest.mark.parametrize(
    ("labels", "says"), [("aa", "each label once"), (["a", "lr"], "such as W1"), (["a", "b c"], "such as W1")]
)
def test_labels_have_to_be_names(labels: str, says: str) -> None:
    one, other = (Value(2.0, label) for label in labels)
    with pytest.raises(ExerciseError, match=says):
        check({"a": "2"}, one * other)


def test_numbers_without_their_graph_are_refused() -> None:
    with pytest.raises(ExerciseError, match="expected the loss"):
        check({"z1": "0.08"})


def test_the_numbers_of_tensors_get_a_verdict_for_each_entry() -> None:
    w, x = Value(np.array([[0.3, 0.25], [0.4, 0.35]]), "W"), Value(np.array([0.1, 0.2]), "x")
    z = w @ x
    z.label = "z"
    loss = (z * z).sum()
    loss.label = "E"
    numbers = {
        "z": ["0.08", "0.11"],
        "dE/dW": [[0.016, 0.032], [0.022, 0.050]],
        "W+": [["0.292", "0.234"], ["0.389", "0.328"]],
        "E'": "0.0164",
    }
    report = check(numbers, loss, lr=0.5)
    assert [each.name for each in report.wrong] == ["dE/dW[1, 1]"]
    assert not any(each.causes for each in report.rows)
    assert [each.name for each in check({"z": [1, 0.11], "E": 0.02}, loss).wrong] == ["z[0]"]
    with pytest.raises(ExerciseError, match="shape"):
        check({"z": ["0.08"]}, loss)
    for no_number in ("0.08 + 0.11", "", float("nan")):
        with pytest.raises(ExerciseError, match=r"z\[0\]: expected a number"):
            check({"z": [no_number, "0.11"]}, loss)
    with pytest.raises(ExerciseError, match="unknown name"):
        check({"q": "1"}, loss)


@pytest.mark.parametrize("written", [None, [0.5], {}])
def test_what_is_no_number_is_an_error_for_a_graph_too(written) -> None:
    z = Value(0.5, "w") * 2
    z.label = "z"
    with pytest.raises(ExerciseError, match="expected a number, or its text, got"):
        check({"z": written}, z)


# --- rules that are broken --------------------------------------------------------------------------------------------


def updates(rule: Callable[[str], float], decimals: int = 8) -> Report:
    """The chapter's sheet with all weights updated by another rule."""
    return with_numbers(**{f"W{n}+": f"{rule(f'W{n}'):.{decimals}f}" for n in range(1, 9)})


def test_one_mistake_at_all_updates_is_one_cause_and_said_once() -> None:
    report = updates(lambda weight: CHAPTER7.parameters[weight])
    causes = [each.causes for each in report.roots]
    assert {(len(each), each[0].kind, len(each[0].same_at)) for each in causes} == {(1, "term", 7)}
    said = {row.name: [str(each) for each in report.explained(row)] for row in report.roots}
    (cause,) = said.pop("W5+")
    assert cause.startswith("the term −lr·∂E_total/∂W5 was left out (W5⁺ = ")
    assert cause.endswith("; the same at W6+, W7+, W8+, W1+, W2+, W3+, W4+")
    assert {each for (each,) in said.values()} == {"the same mistake as at W5+"}


def test_rows_that_are_wrong_alike_have_one_story_although_one_has_fewer_names_for_it() -> None:
    """At W3+ the search is cut short before a lost −1 is tried, which comes to the same."""
    solution = solve(CHAPTER7)
    hand = {name: f"{solution.value(name):.4f}" for name in ("o1", "o2", "E_total")}
    for n in (5, 6, 7, 8, 1, 2, 3):
        hand[f"W{n}+"] = f"{CHAPTER7.parameters[f'W{n}'] + 0.5 * solution.gradients[f'W{n}']:.4f}"
    first, *others = check(replace(CHAPTER7, hand=hand)).roots
    plus, minus = (f"W5 {sign} lr·∂E_total/∂W5" for sign in "+−")
    (cause, *_) = first.causes
    assert str(cause.said).startswith(f"{plus} was computed instead of {minus} (W5⁺ = {minus})")
    assert cause.same_at == tuple(row.name for row in others) == ("W6+", "W7+", "W8+", "W1+", "W2+", "W3+")


def test_each_name_of_a_cause_stands_with_its_own_line() -> None:
    """lr is ½, and 2 stands in the derivative of the error."""
    halved = {f"W{n}+": CHAPTER7.parameters[f"W{n}"] - 0.25 * solve(CHAPTER7).gradients[f"W{n}"] for n in (5, 6)}
    hand = {"dE_o1/dW6": "0.02629590"} | {name: f"{number:.8f}" for name, number in halved.items()}
    (cause,) = row(check(replace(CHAPTER7, hand=hand)), "W5+").causes
    twice, two = "(W5⁺ = W5 − lr·∂E_total/∂W5)", "(∂E_total/∂o1 = −½·2·(target_o1 − o1))"
    assert str(cause.said) == f"it was multiplied by lr twice {twice}, or the factor 2 was left out {two}"


def test_a_cause_is_named_only_if_it_holds_for_all_rows_of_a_broken_rule() -> None:
    """At 4 decimals each alone would have another story."""
    report = updates(lambda weight: CHAPTER7.parameters[weight] + 0.0031, decimals=4)
    assert len(report.roots) == 8
    assert not any(each.causes for each in report.roots)


def test_a_rule_that_is_broken_alike_is_sure_although_each_row_alone_is_not() -> None:
    gradients = solve(CHAPTER7).gradients
    report = updates(lambda weight: CHAPTER7.parameters[weight] + 0.5 * gradients[weight], decimals=6)
    assert {(each.causes[0].kind, each.notes) for each in report.roots} == {("plus for minus", ())}


def test_two_causes_are_shown_and_all_on_demand() -> None:
    causes = (Cause("two", "h1", 0.53, say("the factor 2 was left out")),) * 3
    found = replace(row(EXACT, "h1"), causes=causes)
    report = replace(EXACT, rows=(found,))
    assert len(list(report.explained(found))) == 2
    assert len(list(replace(report, all_causes=True).explained(found))) == 3


def test_who_does_not_write_a_derivative_is_told_of_the_loss_s() -> None:
    (cause,) = row(with_numbers(**{"W6+": "0.41314795"}), "W6+").causes  # ∂E_total/∂W6 is not on the chapter's sheet
    assert "lr·∂E_total/∂W6" in str(cause.said)


def test_nobody_is_said_to_have_divided_by_weights_that_add_up_to_nothing(tmp_path: Path) -> None:
    """tanh of it would be 1, a number like any other; its running error has none."""
    exercise = """title = "a neuron"
loss = "E"
lr = 0.05
[given]
x1 = 1.1
x2 = 0.1
t = 0.3
[parameters]
W1 = -0.4
W2 = 0.4
W3 = 0.8
[forward]
z = "W1*x1 + W2*x2"
h = "tanh(z)"
E = "1/2*(t - W3*h)**2"
[hand]
"W3+" = "0.8250"
"""
    (found,) = written(exercise, tmp_path).rows
    assert found.verdict == "wrong"
    assert "normalised" not in {cause.kind for cause in found.causes}


def test_an_update_is_by_the_loss_s_derivative_in_the_second_pass_too() -> None:
    """Although ∂E_o1/∂W6 stands on the sheet, and W6⁺ does not."""
    value, wrong = solve(CHAPTER7).value, CHAPTER7.parameters["W6"] + 0.5 * solve(CHAPTER7).gradients["W6"]
    names = "dE_o1/dW6", "h1'", "h2'"
    z = value("W5+") * value("h1'") + wrong * value("h2'")
    hand = {each: f"{value(each):.8f}" for each in names} | {"z3'": f"{z:.8f}"}
    (cause,) = row(check(replace(CHAPTER7, hand=hand)), "z3'").causes
    done = "W6 + lr·∂E_total/∂W6 was computed instead of W6 − lr·∂E_total/∂W6"
    assert str(cause.said) == f"{done} (W6⁺ = W6 − lr·∂E_total/∂W6)"


def test_who_leaves_a_term_out_is_not_told_of_decimals_that_were_lost() -> None:
    (cause,) = check(replace(CHAPTER7, hand={"W1+": "0.300000"})).rows[0].causes
    assert (cause.kind, cause.also) == ("term", ())
    assert "rounded" not in str(cause.said)


# --- the budget -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("formulas", [11, 60, 120])
def test_one_budget_holds_for_all_work_on_a_sheet(formulas: int, tmp_path: Path) -> None:
    solution = solve(deep(tmp_path, formulas, wrong=True))
    sheet = Sheet(solution, Lines.of(solution))
    found = diagnosis.Diagnosis(sheet)
    for name in sheet.judged:
        found.of(name)
    spent = diagnosis.ALL_WORK - found.work_left
    assert diagnosis.ALL_WORK < spent < 3 * diagnosis.ALL_WORK  # its own, the least shares, and what was begun


# --- the likelier first -----------------------------------------------------------------------------------------------


def test_a_forgotten_lr_comes_before_a_forgotten_half() -> None:
    """lr is ½: the same number, and a ½ is left out everywhere by few."""
    causes = check(replace(CHAPTER7, hand={"W1+": "0.29919112"})).rows[0].causes
    assert str(causes[0].said).startswith("the factor lr was left out")


def test_a_common_mistake_in_the_number_s_own_line_is_named_beside_one_elsewhere_that_comes_to_the_same() -> None:
    """x2 is twice x1: nobody can tell whether a ½ was left out or x2 taken for x1. A digit misread is no such thing."""
    (cause,) = check(replace(CHAPTER7, hand={"dE_total/dW1": "0.00161775"})).rows[0].causes
    half, index = "(∂E_total/∂o1 = −½·2·(target_o1 − o1))", "(∂E_total/∂W1 = ∂E_total/∂z1·x1)"
    assert str(cause.said) == f"the factor ½ was left out, everywhere {half}, or x2 was used where x1 is due {index}"
    korean = f"모든 곳에서 ½을 곱하지 않았습니다 {half}. 또는 x1 자리에 x2 값을 썼습니다 {index}"
    assert cause.said.in_("ko") == korean
    assert (cause.kind, cause.also) == ("half", ("index",))


def test_what_a_cause_says_gives_the_number_at_its_decimals() -> None:
    """A turned sign gives 0.6052."""
    causes = check(replace(CHAPTER7, hand={"o1": "0.6054"})).rows[0].causes
    assert causes
    assert {f"{cause.value:.4f}" for cause in causes} == {"0.6054"}


def test_what_was_not_worked_again_is_one_thing_and_no_list_of_all_that_went_into_it() -> None:
    (cause,) = check(replace(CHAPTER7, hand={"E_total'": "0.02397190"})).rows[0].causes
    assert "the old weights were used" in str(cause.said)
    assert "업데이트하기 전의 가중치를 썼습니다" in cause.said.in_("ko")
    assert len(str(cause.said)) < 160


@pytest.mark.parametrize("written", ["-1e308", "1e308", "1.7e308"])
def test_a_number_off_by_more_units_than_a_float_counts_is_wrong_like_any_other(written: str) -> None:
    exercise = load("recurrent-vectors")
    report = check(replace(exercise, hand={"dE/db[1]": written}))
    assert [each.verdict for each in report.rows] == ["wrong"]


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("dE/dp", "2*W[0,0]*lr - leaky_relu(-107) = h1[1]/0.0112 = 0.491555"),
        ("dE/db[1]", "sigmoid((-9.28)**9**9**9) = -0.00194/x[1]"),
    ],
)
def test_a_line_with_a_slope_by_choice_or_a_part_that_is_infinite_is_wrong_like_any_other(
    name: str, written: str
) -> None:
    exercise = load("recurrent-vectors")
    report = check(replace(exercise, hand={name: written}))
    assert [each.verdict for each in report.rows] == ["wrong"]
