"""Verdicts that a teacher would not dispute: what is right, what is rounding, what tells nothing, what is wrong."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import people
import pytest

import micrograd_kr as mk
from micrograd_kr.command import run
from micrograd_kr.teacher.ask.exercise import Exercise
from micrograd_kr.teacher.ask.file import load
from micrograd_kr.teacher.ask.messages import ExerciseError
from micrograd_kr.teacher.ask.number import hand
from micrograd_kr.teacher.ask.solution import solve
from micrograd_kr.teacher.check import sheet as checking
from micrograd_kr.teacher.check.diagnosis import check
from micrograd_kr.teacher.check.report import Report, Row, as_json
from micrograd_kr.teacher.check.rounding import Precision
from micrograd_kr.teacher.check.sheet import Judged, decimals_to_tell, in_float32

CHAPTER7 = load("chapter7")
UPDATED = [f"W{n}+" for n in range(1, 9)]
LANGUAGES = pytest.mark.parametrize("lang", ["en", "ko"])


def checked(hand: Mapping[str, str], exercise: Exercise = CHAPTER7, **options: bool) -> Report:
    return check(replace(exercise, hand=hand), **options)


def verdicts(report: Report) -> dict[str, str]:
    return {row.name: row.verdict for row in report.rows}


def notes(row: Row, lang: str = "en") -> list[str]:
    return [each.said.in_(lang) for each in row.notes]


def written(text: str, folder: Path) -> Exercise:
    file = folder / "exercise.toml"
    file.write_text(text, encoding="utf-8")
    return load(file)


# --- undecided --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", ["0", "1"])
def test_forty_times_0_or_1_tells_nothing(number: str) -> None:
    assert set(verdicts(checked(dict.fromkeys(CHAPTER7.hand, number))).values()) == {"undecided"}


def test_gradients_of_0_beside_right_numbers_tell_nothing() -> None:
    zeros = {name: "0" for name in CHAPTER7.hand if name.startswith("d") and name not in ("dz3/dW5", "dz1/dW1")}
    found = verdicts(checked({**CHAPTER7.hand, **zeros}))
    assert {name for name, verdict in found.items() if verdict == "undecided"} == set(zeros)
    assert Counter(found.values())["match"] == 40 - len(zeros)


def test_weights_that_were_not_updated_in_two_decimals_tell_nothing_or_are_wrong_beside_their_gradients() -> None:
    old = {f"{name}+": f"{number:g}" for name, number in CHAPTER7.parameters.items()}
    report = checked({**CHAPTER7.hand, **old})
    wrong = {row.name: row for row in report.wrong}
    assert set(wrong) == {"W1+", "W5+"}  # the only ones whose gradients the chapter writes down
    assert {row.name for row in report.undecided} == set(old) - set(wrong)
    assert notes(wrong["W1+"]) == ["this is the value before the update, and the gradient on the sheet changes it"]
    assert wrong["W1+"].causes == ()


def test_who_rounds_every_updated_weight_to_two_decimals_is_not_wrong_for_it() -> None:
    exact = solve(CHAPTER7)
    short = {name: f"{exact.value(name):.2f}" for name in UPDATED}
    gradients = {f"dE_total/dW{n}": f"{exact.value(f'dE_total/dW{n}'):.8f}" for n in range(1, 9)}
    found = verdicts(checked({**CHAPTER7.hand, **gradients, **short}))
    assert {found[name] for name in UPDATED} == {"match", "undecided"}


def test_without_their_gradients_none_is_wrong_for_it() -> None:
    old = {f"{name}+": f"{number:g}" for name, number in CHAPTER7.parameters.items() if name != "W5"}
    alone = {name: text for name, text in CHAPTER7.hand.items() if "/dW" not in name}
    assert {row.name for row in checked({**alone, **old}).undecided} == set(old)


@LANGUAGES
def test_how_many_decimals_would_tell_is_said_and_counted(lang: str) -> None:
    report = replace(checked({**CHAPTER7.hand, "W2+": "0.25", "dE_o1/dh1": "0"}), lang=lang)
    said = {
        "en": ["write at least 4", "write at least 2", "38 match, 0 rounding, 2 undecided, 0 wrong."],
        "ko": ["소수점 아래 4자리 이상", "소수점 아래 2자리 이상", "일치 38, 반올림 차이 0, 판정 불가 2, 틀림 0."],
    }
    assert all(each in str(report) for each in said[lang])


@pytest.mark.parametrize(("name", "coarse"), [("W2+", "0.25"), ("dE_total/dW1", "0.000"), ("z1'", "0.08"), ("h1", "1")])
def test_so_many_decimals_do_tell(name: str, coarse: str) -> None:
    def verdict(text: str) -> str:
        return verdicts(checked({**CHAPTER7.hand, name: text}))[name]

    row = next(row for row in checked({**CHAPTER7.hand, name: coarse}).rows if row.name == name)
    due = int(row.notes[0].said.gaps["due"])
    assert (row.verdict, verdict(f"{row.value:.{due}f}")) == ("undecided", "match")
    assert 10.0**-due < abs(row.value) <= 10.0 ** (2 - due) or name in ("W2+", "z1'")


@pytest.mark.parametrize(
    ("name", "number", "verdict"),
    [
        ("dE_total/dW1", "0.0008", "match"),  # 0 would be written 0.0000
        ("dE_total/dW1", "0.0009", "wrong"),
        ("W1+", "0.2996", "match"),  # 0.3 would be written 0.3000
        ("W1+", "0.300", "wrong"),
        ("dE_total/do1", "0", "undecided"),
        ("z1", "0.09", "wrong"),
    ],
)
def test_what_is_right_to_all_its_decimals_and_neither_0_nor_the_old_value_matches(name, number, verdict) -> None:
    assert verdicts(checked({**CHAPTER7.hand, name: number}))[name] == verdict


def test_a_number_worked_on_from_one_that_tells_nothing_is_not_excused_by_it() -> None:
    found = verdicts(checked({**CHAPTER7.hand, "dE_total/do1": "0", "dE_total/dW5": "0.02792286"}))
    assert found["dE_total/dW5"] == "wrong"


def test_of_zeros_left_out_no_more_decimals_are_asked_for_than_tell() -> None:
    tiny = Judged("a", hand("0"), 3e-9, "match", 0.0, 1e-8)
    assert decimals_to_tell(tiny, None) == 9
    assert (
        decimals_to_tell(tiny._replace(written=hand("1"), value=0.7, unit=1.0, verdict="rounding", error=4.0), None)
        == 1
    )
    assert decimals_to_tell(tiny._replace(value=0.0), None) == 0


def test_few_numbers_that_tell_nothing_make_no_habit() -> None:
    found = verdicts(checked({"z1": "0", "h1": "0.5209893116950989", "o1": "0.6094459891319275", "h2": "1"}))
    assert found == {"z1": "undecided", "h1": "wrong", "o1": "wrong", "h2": "undecided"}


def test_after_several_updates_a_number_is_told_from_the_one_before(tmp_path) -> None:
    exercise = written(
        'title = "m"\nloss = "E"\nlr = 0.5\nsteps = 2\n[given]\nx = 0.6\nt = 0.8\n[parameters]\nw = 0.7\nb = 0.1\n'
        '[forward]\nz = "w*x + b"\no = "sigmoid(z)"\nE = "1/2*(t - o)**2"\n[update]\nm = "0.9*m + g"\np = "p - lr*m"\n'
        '[hand]\nz = "0.52"\n"w+" = "0.7"\n"z\'" = "0.7121*0.6 + 0.1202 = 0.5475"\n'
        '"dE/dw@1" = "0"\n"w++" = "0.7346"\n"b++" = "0.1"\n"E@2" = "0.0120"\n',
        tmp_path,
    )
    found = {"z": "match", "w+": "undecided", "z'": "match", "dE/dw@1": "undecided", "w++": "match", "b++": "undecided"}
    assert verdicts(check(exercise)) == {**found, "E''": "match"}


def test_exit_status_json_and_every_table_know_of_it(capsys, tmp_path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('exercise = "chapter7"\n[hand]\nh1 = "1"\n', encoding="utf-8")
    assert run(["check", str(file), "--lang", "en"]) == 1
    assert "0 match, 0 rounding, 1 undecided, 0 wrong." in capsys.readouterr().out
    assert run(["check", str(file), "--json"]) == 1
    (row,) = json.loads(capsys.readouterr().out)["rows"]
    assert row["verdict"] == "undecided"
    assert row["notes"][0]["kind"] == "few decimals"


def test_the_engine_s_number_is_shown_with_the_decimals_that_tell() -> None:
    report = checked({"W1+": "0.3"})
    assert "0.2996" in str(report)


def test_entries_of_tensors_tell_nothing_either() -> None:
    w, x = mk.Value(np.array([[1.0, 2.0]]), "W"), mk.Value(np.array([[0.5], [0.25]]), "x")
    loss = (w @ x).sum()
    loss.label = "L"
    assert [row.verdict for row in mk.check({"dL/dW": [["0", "0.25"]]}, loss).rows] == ["undecided", "match"]


def test_a_rule_that_decides_everything_is_found_out(monkeypatch) -> None:
    monkeypatch.setattr(checking, "decimals_to_tell", lambda each, old: 0)
    assert "undecided" not in verdicts(checked(dict.fromkeys(CHAPTER7.hand, "0"))).values()


# --- match ------------------------------------------------------------------------------------------------------------


def test_right_to_all_its_decimals_but_fewer_than_the_sheet_s_is_a_match_with_the_remark() -> None:
    exact = solve(CHAPTER7)
    nine = {name: f"{exact.value(name):.9f}" for name in CHAPTER7.hand}
    report = checked({**nine, "W2+": "0.24919112"})
    row = next(row for row in report.rows if row.name == "W2+")
    assert (row.verdict, notes(row)) == ("match", ["fewer decimals than the other numbers"])
    assert set(verdicts(report).values()) == {"match"}


def test_whole_numbers_are_exact(tmp_path) -> None:
    exercise = written(
        'title = "e"\nloss = "e"\n[given]\na = 2\nb = 1\n[forward]\nc = "a + b"\ne = "c*(b + 1)"\n'
        '[hand]\nc = "3"\n"dc/da" = "1"\n"de/da" = "1*2 = 2"\n',
        tmp_path,
    )
    assert [(row.verdict, row.notes) for row in check(exercise).rows] == [("match", ())] * 3


def test_the_noise_of_floats_is_no_missing_decimal(tmp_path) -> None:
    exercise = written(
        'title = "l"\nloss = "ce"\n[given]\na = 0.1\nb = 0.05\nc = 0.6\n[forward]\n'
        'mse = "0.5*(a**2 + b**2 + (c - 1)**2 + b**2 + a**2 + a**2)"\nce = "-log(c + 1e-7)"\n'
        '[hand]\nmse = "0.0975"\nce = "0.51082545709933802"\n',
        tmp_path,
    )
    assert [(row.verdict, row.notes) for row in check(exercise).rows] == [("match", ())] * 2


# --- programs ---------------------------------------------------------------------------------------------------------


def in_32_bits() -> dict[str, str]:
    """The chapter worked in float32, as .item() prints it."""
    one = np.float32(1)
    x, w = np.float32([0.1, 0.2]), np.float32([0.3, 0.25, 0.4, 0.35, 0.45, 0.4, 0.7, 0.6])
    t, rate = np.float32([0.4, 0.6]), np.float32(0.5)

    def passed(w: np.ndarray, mark: str) -> dict[str, np.float32]:
        z1, z2 = w[0] * x[0] + w[1] * x[1], w[2] * x[0] + w[3] * x[1]
        h1, h2 = one / (one + np.exp(-z1)), one / (one + np.exp(-z2))
        z3, z4 = w[4] * h1 + w[5] * h2, w[6] * h1 + w[7] * h2
        o1, o2 = one / (one + np.exp(-z3)), one / (one + np.exp(-z4))
        e1, e2 = (t[0] - o1) ** 2 / 2, (t[1] - o2) ** 2 / 2
        named = {"z1": z1, "h1": h1, "z2": z2, "h2": h2, "z3": z3, "o1": o1, "z4": z4, "o2": o2}
        return {name + mark: each for name, each in {**named, "E_o1": e1, "E_o2": e2, "E_total": e1 + e2}.items()}

    p = passed(w, "")
    d1, d2 = (p["o1"] - t[0]) * p["o1"] * (one - p["o1"]), (p["o2"] - t[1]) * p["o2"] * (one - p["o2"])
    dh1, dh2 = w[4] * d1 + w[6] * d2, w[5] * d1 + w[7] * d2
    s1, s2 = dh1 * p["h1"] * (one - p["h1"]), dh2 * p["h2"] * (one - p["h2"])
    g = np.float32([s1 * x[0], s1 * x[1], s2 * x[0], s2 * x[1], d1 * p["h1"], d1 * p["h2"], d2 * p["h1"], d2 * p["h2"]])
    new = w - rate * g
    found = {**p, "dE_total/do1": p["o1"] - t[0], "dE_o1/dh1": w[4] * d1, "dE_total/dh1": dh1, "dE_total/dW5": g[4]}
    found |= {"dE_total/dW1": g[0], **{f"W{n + 1}+": each for n, each in enumerate(new)}, **passed(new, "'")}
    return {name: str(float(each)) for name, each in found.items()}


@LANGUAGES
def test_a_sheet_of_float32_numbers_is_called_so_once_and_no_cause_is_named(lang: str) -> None:
    report = replace(checked(in_32_bits()), lang=lang)
    said = {"en": "These are float32 numbers of a program;", "ko": "프로그램이 float32로 계산한 값들입니다."}
    assert len(report.wrong) > 30
    assert all((row.causes, row.notes) == ((), ()) for row in report.rows)
    assert str(report).count(said[lang]) == 1
    assert str(report).index(said[lang]) < str(report).index("z1")
    assert [each["kind"] for each in json.loads(as_json(report))["remarks"]] == ["float32"]


def test_judged_as_float32_they_are_rounding_and_a_mistake_is_still_wrong(capsys, tmp_path) -> None:
    numbers = in_32_bits()
    report = checked(numbers, float32=True)
    assert not report.wrong
    assert report.remarks == ()
    mistaken = {**numbers, "W5+": str(float(np.float32(0.45) + np.float32(0.5) * np.float32(0.025922855)))}
    (row,) = checked(mistaken, float32=True).wrong
    assert row.name == "W5+"
    assert row.causes
    file = tmp_path / "mine.toml"
    lines = "".join(f'"{name}" = "{text}"\n' for name, text in numbers.items())
    file.write_text(f'exercise = "chapter7"\n[hand]\n{lines}', encoding="utf-8")
    assert run(["check", str(file)]) == 1
    assert run(["check", str(file), "--float32"]) == 0
    assert not mk.check(file, float32=True).wrong


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_one_number_of_a_float32_program_is_called_so(lang: str, tmp_path) -> None:
    exercise = written(
        'title = "c"\nloss = "c"\n[given]\na = 152\nb = 185\nd = 180\ne = 196\nf = 142\n[forward]\n'
        'c = "(a*a + b*b + d*d + e*e + f*f)/5"\n[hand]\nc = "29661.800781"\n',
        tmp_path,
    )
    (row,) = check(exercise).rows
    assert row.verdict == "wrong"
    assert notes(row, lang) == [
        {"en": "this is the number in float32", "ko": "float32로 계산하면 이 값이 됩니다"}[lang]
    ]
    assert [row.verdict for row in check(exercise, float32=True).rows] == ["rounding"]


def test_a_number_that_float32_has_not_is_none_of_its() -> None:
    hands = {name: hand(text) for name, text in {"a": "29661.800782", "b": "29661.800781", "c": "0.52"}.items()}
    assert in_float32(hands) == {"b"}


def test_numbers_with_all_digits_of_a_python_float_match() -> None:
    exact = solve(CHAPTER7)
    printed = {name: repr(exact.value(name)) for name in CHAPTER7.hand}
    another_way = {"dE_total/do1": repr(0.6094460049966992 - 0.4), "W5+": repr(0.45 - 0.025922855603647404 / 2)}
    assert set(verdicts(checked({**printed, **another_way})).values()) == {"match"}


@LANGUAGES
@pytest.mark.parametrize(
    ("formula", "number", "step", "value"),
    [
        ("0.01*x**2 + 0.1*x", "0.1999999999990898", "1e-4", "0.2"),  # the central difference
        ("0.01*x**2 + 0.1*x", "0.20010000", "1e-2", "0.2"),
        ("x*x*x", "75.000150000", "1e-5", "75"),
        ("x**3", repr((5.00001**3 - 125) / 1e-5), "1e-5", "75"),
        ("x*x*x", "75.0001000", "1e-2", "75"),  # the central one again
    ],
)
def test_a_finite_difference_is_called_one_with_its_step(lang, formula, number, step, value, tmp_path) -> None:
    exercise = written(
        f'title = "f"\nloss = "f"\n[given]\nx = 5\n[forward]\nf = "{formula}"\n[hand]\n"df/dx" = "{number}"\n', tmp_path
    )
    (row,) = check(exercise).rows
    said = {
        "en": f"a finite difference with step {step}: the derivative is {value}",
        "ko": f"간격 {step}의 유한 차분입니다. 미분값은 {value}입니다",
    }
    assert (row.verdict, notes(row, lang), row.causes) == ("wrong", [said[lang]], ())


def test_of_a_quantity_in_between_too_and_a_mere_slip_is_no_difference() -> None:
    exact = solve(CHAPTER7)
    forward = {**{name: exact.before[name].data for name in CHAPTER7.positions}}
    h1, h2 = forward["h1"] + 1e-3, forward["h2"]
    o1, o2 = (1 / (1 + np.exp(-z)) for z in (0.45 * h1 + 0.4 * h2, 0.7 * h1 + 0.6 * h2))
    slope = ((0.4 - o1) ** 2 / 2 + (0.6 - o2) ** 2 / 2 - forward["E_total"]) / 1e-3
    report = checked({**CHAPTER7.hand, "dE_total/dh1": f"{slope:.10f}"})
    row = next(row for row in report.rows if row.name == "dE_total/dh1")
    assert notes(row) == ["a finite difference with step 1e-3: the derivative is 0.0324068109851"]
    slipped = checked({**CHAPTER7.hand, "dE_total/dh1": "0.03240691"})
    assert not any("difference" in text for row in slipped.rows for text in notes(row))


# --- what a person keeps ----------------------------------------------------------------------------------------------


def to_digits(value: Decimal, digits: int) -> str:
    """A number rounded to significant digits."""
    return f"{value:.{digits - value.adjusted() - 1}f}" if value else "0"


class ByDigits(people.Person):
    """Keeps significant digits where others keep decimals."""

    def rounded(self, value: Decimal) -> Decimal:
        unit = people.ONE.scaleb(value.adjusted() - self.style.decimals + 1) if value else people.ONE
        return value.quantize(unit, people.ROUNDINGS[self.style.rounding])


class FinerBack(people.Person):
    """Works the forward pass with few decimals and goes on with these numbers; gradients have three more."""

    finer = False

    def rounded(self, value: Decimal) -> Decimal:
        unit = people.ONE.scaleb(-self.style.decimals - (3 if self.finer else 0))
        return value.quantize(unit, people.ROUNDINGS[self.style.rounding])

    def back_to_outputs(self) -> None:
        self.finer = True
        super().back_to_outputs()

    def update(self) -> None:
        for name, value in self.net.parameters.items():
            self.finer = True
            step = self.scratch(self.product([self.net.lr, *self.factors(f"dE_total/d{name}")]))
            self.finer = False
            self.note(f"{name}+", value - step)


def sheets(kind: type[people.Person], decimals: Iterable[int], count: int) -> Iterable[people.Sheet]:
    """Honest people of a kind, in every style of rounding."""
    for number in range(count):
        rounding, carry = people.STYLES[number % len(people.STYLES)]
        drawn = people.sheet("kinds", number, rounding, carry, decimals=list(decimals)[number % 3], zeros="kept")
        person = kind(drawn.net, drawn.style, people.random.Random(number)).solve()
        wanted = [name for name in drawn.hand if name in person.written]
        yield replace(drawn, hand={name: f"{person.written[name]:f}" for name in wanted})


def wrong_in(sheets: Iterable[people.Sheet], folder: Path) -> dict[int, list[tuple[str, str, float]]]:
    found = {each.number: check(written(each.toml(), folder)).wrong for each in sheets}
    return {number: [(row.name, row.hand, row.value) for row in rows] for number, rows in found.items() if rows}


def test_who_keeps_significant_digits_is_judged_by_them(tmp_path) -> None:
    assert wrong_in(sheets(ByDigits, (4, 5, 6), people.number(90)), tmp_path) == {}


def test_by_decimals_they_would_be_wrong(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(
        checking,
        "_habit",
        lambda hands, values, gradients: checking.habit(Precision(10.0 ** -checking._decimals(hands, values).usual)),
    )
    assert wrong_in(sheets(ByDigits, (4, 5, 6), 30), tmp_path)


def test_who_goes_on_with_coarse_forward_numbers_is_not_wrong_for_finer_gradients(tmp_path) -> None:
    assert wrong_in(sheets(FinerBack, (4, 4, 5), people.number(90)), tmp_path) == {}


def test_significant_digits_make_a_slip_in_a_small_number_wrong() -> None:
    exact = solve(CHAPTER7)
    kept = {name: to_digits(Decimal(exact.value(name)), 4) for name in CHAPTER7.hand}
    assert set(verdicts(checked(kept)).values()) == {"match"}
    assert kept["dE_total/dW1"] == "0.0008089"
    assert verdicts(checked({**kept, "dE_total/dW1": "0.0008489"}))["dE_total/dW1"] == "wrong"


# --- names ------------------------------------------------------------------------------------------------------------


def test_what_is_worked_from_the_wrong_of_two_names_follows_from_it(tmp_path) -> None:
    exercise = written(
        'title = "b"\nloss = "E"\nlr = 0.5\n[given]\nx = 0.6\nt = 0.8\n[parameters]\nw = 0.7\nb = 0.1\n[forward]\n'
        'z = "w*x + b"\no = "sigmoid(z)"\nE = "1/2*(t - o)**2"\n[hand]\n"dE/do" = "-0.17285223"\n'
        '"dE/dz" = "-0.04041863"\n"dE/db" = "-0.02425118"\n"b+" = "0.11212559"\n',
        tmp_path,
    )
    assert {row.name: row.follows_from for row in check(exercise).wrong} == {"dE/db": None, "b+": "dE/db"}


def graph() -> mk.Value:
    w, x = mk.Value(np.array([[1.0, 2.0], [3.0, 4.0]]), "W"), mk.Value(np.array([[0.5, -1.0]]), "x")
    loss = ((x @ w) ** 2).sum()
    loss.label = "L"
    return loss


def test_entries_of_tensors_are_read_by_the_names_they_are_shown_by() -> None:
    whole = mk.check({"dL/dW": [["-2.5", "-3"], ["5", "6"]], "W+": [["1.25", "2.3"], ["2.5", "3.4"]]}, graph(), lr=0.1)
    for row in whole.rows:
        again = mk.check({row.name: row.hand}, graph(), lr=0.1).rows
        assert [(each.name, each.value) for each in again] == [(row.name, row.value)]
    (row,) = mk.check({"dL/dW[0,1]": "-3.1000"}, graph()).rows
    assert (row.verdict, row.value) == ("wrong", -3.0)


def test_an_entry_that_is_not_there_is_said_in_both_languages() -> None:
    with pytest.raises(ExerciseError, match=r"dL/dW\[0,7\]: there is no such entry, the shape is \(2, 2\)") as error:
        mk.check({"dL/dW[0,7]": "1"}, graph())
    assert "그런 원소가 없습니다" in error.value.korean
