"""Worked lines: each "=" by itself in the person's own numbers, then each part beside the quantity."""

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from random import Random

import pytest

from micrograd_kr.teacher.ask.file import load
from micrograd_kr.teacher.ask.number import hand
from micrograd_kr.teacher.ask.solution import solve
from micrograd_kr.teacher.check import slips, worked
from micrograd_kr.teacher.check.diagnosis import check
from micrograd_kr.teacher.check.report import Row
from micrograd_kr.teacher.check.sheet import Sheet
from micrograd_kr.teacher.derive.lines import Lines

CHAPTER7 = load("chapter7")
LANGUAGES = pytest.mark.parametrize("lang", ["en", "ko"])


def row_of(name: str, line: str, others: Mapping[str, str] = CHAPTER7.hand) -> Row:
    report = check(replace(CHAPTER7, hand={**others, name: line}))
    return next(row for row in report.rows if row.name == name)


def said(row: Row, lang: str = "en") -> list[str]:
    return [each.said.in_(lang) for each in (*row.notes, *row.causes)]


# --- arithmetic -------------------------------------------------------------------------------------------------------

SLIPS = [
    (
        "dE_total/dh1",
        "0.02243370 + 0.00997311 = 0.03241681",
        "the working is right and comes to 0.03240681, 0.03241681 was written",
        "풀이는 맞습니다. 계산하면 0.03240681인데 적힌 값은 0.03241681입니다",
    ),
    (
        "z1",
        "0.3*0.1 + 0.25*0.2 = 0.09",
        "the working is right and comes to 0.08, 0.09 was written",
        "풀이는 맞습니다. 계산하면 0.08인데 적힌 값은 0.09입니다",
    ),
    (
        "z1",
        "0.3*0.1 + 0.25*0.2 = 0.03 + 0.05 = 0.09",
        "0.03 + 0.05 is 0.08, not 0.09",
        "0.03 + 0.05: 계산하면 0.08입니다. 적힌 값은 0.09입니다",
    ),
    (
        "z1",
        "0.3*0.1 + 0.25*0.2 = 0.03 + 0.06 = 0.09",
        "0.25·0.2 is 0.05, not 0.06",
        "0.25·0.2: 계산하면 0.05입니다. 적힌 값은 0.06입니다",
    ),
    (
        "W1+",
        "0.3 - 0.5*0.00080888 = 0.3 - 0.0040444 = 0.2959556",
        "0.5·0.00080888 is 0.00040444, not 0.0040444",
        "0.5·0.00080888: 계산하면 0.00040444입니다. 적힌 값은 0.0040444입니다",
    ),
    (
        "z1",
        "0.3*0.1 + 0.25*0.2 = 0.04 + 0.06 = 0.10",
        "0.3*0.1 + 0.25*0.2 is 0.08, 0.04 + 0.06 is 0.1",
        "0.3*0.1 + 0.25*0.2: 계산하면 0.08입니다. 0.04 + 0.06: 계산하면 0.1입니다",
    ),
    (
        "dE_total/dW5",
        "0.20944600*0.23802157*0.51998934 = 0.02492286",
        "the working is right and comes to 0.02592285, 0.02492286 was written",
        "풀이는 맞습니다. 계산하면 0.02592285인데 적힌 값은 0.02492286입니다",
    ),
    (
        "dE_total/do1",
        "-1*(0.4 - 0.60944600) = -1*(-0.20954600) = 0.20954600",
        "−1*(0.4 − 0.60944600) is 0.209446, −1*(−0.20954600) is 0.209546",
        "−1*(0.4 − 0.60944600): 계산하면 0.209446입니다. −1*(−0.20954600): 계산하면 0.209546입니다",
    ),
]


@pytest.mark.parametrize(("name", "line", "english", "korean"), SLIPS)
def test_the_first_equals_sign_that_does_not_hold_is_named_and_no_cause_is_looked_for(name, line, english, korean):
    for others in (CHAPTER7.hand, {}):
        row = row_of(name, line, others)
        assert row.verdict == "wrong"
        assert said(row)[0] == english
        assert said(row, "ko")[0] == korean
        assert row.causes == ()


@LANGUAGES
def test_the_slip_stands_below_the_row(lang):
    report = check(replace(CHAPTER7, hand={"z1": "0.3*0.1 + 0.25*0.2 = 0.03 + 0.05 = 0.09"}))
    assert f"\n    {report.rows[0].notes[0].said.in_(lang)}\n" in str(replace(report, lang=lang))


def test_what_is_worked_on_from_a_slip_follows_from_it():
    hand = {**CHAPTER7.hand, "z1": "0.3*0.1 + 0.25*0.2 = 0.09", "h1": "0.52248482"}
    report = check(replace(CHAPTER7, hand=hand))
    assert {row.name: row.follows_from for row in report.wrong} == {"z1": None, "h1": "z1"}


def test_the_sum_of_a_published_softmax_net_is_a_slip_and_names_no_later_quantity(tmp_path):
    """z4 = 0.157 was printed as 0.185 by its author."""
    file = tmp_path / "a04.toml"
    file.write_text(
        'title = "softmax"\nloss = "z4"\n[given]\nx1 = 1\nx2 = 2\n[parameters]\nw8 = -0.1\nw10 = 0.2\nb2 = 0.1\n'
        '[forward]\na1 = "sigmoid(-0.3*x1)"\na2 = "sigmoid(0*x2)"\nz4 = "w8*a1 + w10*a2 + b2"\n'
        '[hand]\na1 = "0.426"\na2 = "0.5"\nz4 = "-0.1*(0.426) + 0.2*(0.5) + 0.1 = 0.185"\n',
        encoding="utf-8",
    )
    row = check(load(file)).rows[-1]
    assert said(row) == ["the working is right and comes to 0.157, 0.185 was written"]
    assert [part.remedy for part in row.parts or ()] == [None]


@pytest.mark.parametrize(
    "line",
    [
        "0.45 - 0.5*0.02592286 = 0.43703857",
        "0.45 - 0.5*0.02592286 = 0.45 - 0.01296143 = 0.43703857",
        "0.45 - 0.5*0.0259 = 0.437039",
        "W5 - lr*0.20944600*0.23802157*0.51998934 = 0.45 - 0.5*0.02592285 = 0.43703858",
    ],
)
def test_rounded_and_cut_off_numbers_in_between_hold(line):
    assert row_of("W5+", line).verdict in ("match", "rounding")


def honest_lines(draw: Random) -> dict[str, str]:
    """A neuron of the chapter's output, forward and back, each line in several parts, by a person of some habit."""
    decimals, cuts_off, carries = draw.randint(4, 8), draw.random() < 0.5, draw.random() < 0.5

    def written(value: float) -> str:
        whole = value * 10**decimals
        kept = math.trunc(whole + math.copysign(1e-9, whole)) if cuts_off else round(whole)
        text = f"{kept / 10**decimals:.{decimals}f}"
        return text.rstrip("0").rstrip(".") if kept and draw.random() < 0.2 else text

    def used(value: float) -> float:
        return value if carries else float(written(value))

    e, h2 = math.exp(-0.08), solve(CHAPTER7).value("h2")
    h1 = 1 / (1 + used(e))
    one, other = 0.45 * used(h1), 0.4 * used(h2)
    z3 = used(one) + used(other)
    o1 = 1 / (1 + used(ez := math.exp(-used(z3))))
    off = used(o1) - 0.4
    slope, squared = used(o1) * (1 - used(o1)), used(off) ** 2
    g = used(both := used(off) * used(slope)) * used(h1)
    step = 0.5 * used(g)
    w = written
    lines = {
        "h1": ["1/(1 + exp(-0.08))", f"1/(1 + {w(e)})", f"1/{w(1 + used(e))}", w(h1)],
        "z3": [f"0.45*{w(h1)} + 0.4*{w(h2)}", f"{w(one)} + {w(other)}", w(z3)],
        "o1": [f"1/(1 + exp(-{w(z3)}))", f"1/(1 + {w(ez)})", w(o1)],
        "E_o1": [f"0.5*(0.4 - {w(o1)})**2", f"0.5*({w(off)})**2", f"1/2*{w(squared)}", w(0.5 * used(squared))],
        "do1/dz3": [f"{w(o1)}*(1 - {w(o1)})", f"{w(o1)}*{w(1 - used(o1))}", w(slope)],
        "dE_total/do1": [f"-(0.4 - {w(o1)})", w(off)],
        "dE_total/dW5": [f"{w(off)}*{w(slope)}*{w(h1)}", f"{w(both)}*{w(h1)}", w(g)],
        "W5+": [f"0.45 - 0.5*{w(g)}", f"0.45 - {w(step)}", w(0.45 - used(step))],
    }
    return {
        name: " = ".join([*(part for part in parts if draw.random() < 0.8), result])
        for name, (*parts, result) in lines.items()
    }


def test_no_line_of_a_person_who_only_rounded_is_wrong() -> None:
    draw = Random(7)
    for _ in range(60):
        hand = honest_lines(draw)
        assert {row.verdict for row in check(replace(CHAPTER7, hand=hand)).rows} <= {"match", "rounding"}, hand


def test_a_part_of_such_a_line_that_is_moved_is_wrong() -> None:
    draw, found = Random(8), 0
    for _ in range(60):
        hand = honest_lines(draw)
        name = draw.choice([name for name, line in hand.items() if line.count("=") > 1])
        first, second, *others = hand[name].split(" = ")
        literal = max(re.findall(r"[0-9]\.[0-9]+", second), key=len)
        moved = f"{float(literal) + 50 * 10.0 ** -len(literal[2:]):.{len(literal[2:])}f}"
        line = " = ".join([first, second.replace(literal, moved), *others])
        found += row_of(name, line, hand).verdict == "wrong"
    assert found >= 57


def test_a_line_whose_arithmetic_is_never_looked_at_is_found_out(monkeypatch):
    monkeypatch.setattr(worked.WorkedLine, "_holds", lambda self, left, right: True)
    assert said(row_of("z1", "0.3*0.1 + 0.25*0.2 = 0.09")) != [SLIPS[1][2]]


# --- what a slip or a wrong part is, if it can be told ---------------------------------------------------------------

OF_A_PEN = [
    ("W1+", "0.3 - 0.5*0.00080888 = 0.3 - 0.0040444 = 0.2959556", "0.00040444 was written as 0.0040444, the decimal"),
    ("z1", "0.3*0.1 + 0.25*0.2 = 0.03 + 0.5 = 0.53", "0.05 was written as 0.5, the decimal point was moved"),
    ("dE_total/dh1", "0.02243370 + 0.00997311 = 0.03240618", "digits 7 and 8 after the point changed places"),
    ("dE_total/dh1", "0.02243370 + 0.00997311 = 0.0324061", "digit 7 after the point was left out"),
    ("W1+", "0.3 - 0.5*0.00080888 = 0.3 - 0.5*0.00088088 = 0.29955956", "digits 5 and 6 after the point changed"),
]


@pytest.mark.parametrize(("name", "line", "slip"), OF_A_PEN)
def test_a_slip_of_the_pen_within_a_worked_line_is_told(name, line, slip):
    row = row_of(name, line)
    assert [note.kind for note in row.notes] == ["arithmetic", "slip"]
    assert slip in said(row)[1]
    assert said(row, "ko")[1].startswith("옮겨 적다가 생긴 실수입니다: ")
    assert row.causes == ()


def test_a_number_that_was_copied_wrongly_from_one_part_into_the_next_is_named():
    row = row_of("W1+", "0.3 - 0.5*0.00080888 = 0.3 - 0.5*0.00096123 = 0.29951939")
    assert said(row) == ["0.00080888 stands before the equals sign, 0.00096123 behind it"]
    assert said(row, "ko") == ["등호 앞의 0.00080888 자리에 등호 뒤에는 0.00096123 값이 있습니다"]


def test_of_a_number_that_is_wrong_at_random_no_slip_is_told():
    random = Random("slips of no pen")
    told = [slips.between(random.random(), f"{random.random():.8f}") for _ in range(2_000)]
    assert told == [None] * 2_000
    assert slips.between(0.08, "0.09") is None  # any digit may stand for any other


OF_A_PART = [  # the number is right, or too short to tell, or there is a slip as well
    ("W1+", "0.3 - 0.00080888 = 0.3", "the factor lr was left out", "학습률 lr을 곱하지 않았습니다"),
    ("W1+", "0.3 - 0.00080888 = 0.2989", "the factor lr was left out", "학습률 lr을 곱하지 않았습니다"),
    ("W1+", "0.3 + 0.5*0.00080888 = 0.29959556", "W1 + lr·∂E_total/∂W1 was computed", "W1 + lr·∂E_total/∂W1"),
    ("dE_total/dW5", "0.20944600*0.51998934 = 0.02592286", "the factor ∂o1/∂z3 was left out", "∂o1/∂z3"),
    ("dE_total/dh1", "0.02243370 - 0.00997311 = 0.03240681", "∂E_o1/∂h1 − ∂E_o2/∂h1", "∂E_o1/∂h1 − ∂E_o2/∂h1"),
]


@pytest.mark.parametrize(("name", "line", "english", "korean"), OF_A_PART)
def test_a_cause_is_looked_for_in_a_wrong_part(name, line, english, korean):
    row = row_of(name, line)
    assert row.verdict == "wrong"
    assert english in row.causes[0].said.in_("en")
    assert korean in row.causes[0].said.in_("ko")


def test_of_a_part_that_is_wrong_at_random_no_cause_is_named():
    random = Random("parts")
    for _ in range(20):
        row = row_of("dE_total/dW5", f"{random.uniform(0.1, 0.9):.8f}*{random.uniform(0.1, 0.9):.8f} = 0.02592286")
        assert (row.verdict, row.causes) == ("wrong", ())


# --- the quantity -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "line", "remedies"),
    [
        ("z1", "0.3*0.1 + 0.23*0.2 = 0.08", ["0.23 → W2 = 0.25", "0.3 → W4 = 0.35"]),
        ("z1", "0.3*0.1 + 0.25*0.1 = 0.08", ["0.1 → x2 = 0.2", "0.25 → 1/2"]),
        ("W1+", "0.1 - 0.5*0.00080888 = 0.29959556", ["0.1 → W1 = 0.3"]),
        ("W5+", "0.45 - 0.5*0.20944600 = 0.43703857", ["0.20944600 → dE_total/dW5 = 0.02592286"]),
        ("z1'", "0.3*0.1 + 0.24919112*0.2 = 0.07979778", ["0.3 → W1+ = 0.29959556"]),
        ("W1+", "0.3 - 0.00080888 = 0.3", [None]),
    ],
)
def test_a_part_that_is_not_the_quantity_is_wrong_though_the_result_fits(name, line, remedies):
    row = row_of(name, line)
    assert row.verdict == "wrong"
    ((remedy, verdict),) = [(part.remedy, part.verdict) for part in row.parts or ()]
    assert verdict == "wrong"
    assert (remedy.split(" / ") if remedy else [None]) == remedies


def test_a_remedy_names_nothing_that_comes_later_and_three_at_most():
    solution = solve(replace(CHAPTER7, hand={**CHAPTER7.hand, "h1": "1/(1 + exp(-0.18)) = 0.51998934"}))
    line = worked.WorkedLine(Sheet(solution, Lines.of(solution)), "h1")
    known = {each.text for each, _ in line._candidates()}
    assert {"z1", "W1", "x1"} <= known
    assert known.isdisjoint({"h1", "z2", "h2", "z3", "o1", "E_total", "dE_total/dh1", "lr"})
    assert line.parts()[0].remedy == "0.18 → z1 = 0.08"


def test_a_part_worked_from_a_wrong_number_is_not_blamed():
    row = row_of("z3", "0.45*0.61998934 + 0.4*0.52747230 = 0.48998412", {**CHAPTER7.hand, "h1": "0.61998934"})
    assert row.follows_from == "h1"
    assert [part.verdict for part in row.parts or ()] == ["match"]


def test_that_only_the_working_is_wrong_is_said_of_worked_lines_alone():
    assert "working is not" in str(check(replace(CHAPTER7, hand={"z1": "0.3*0.1 + 0.23*0.2 = 0.08"})))
    report = str(check(replace(CHAPTER7, hand={"z1": "0.09"})))
    assert "The first wrong one: z1 = 0.09; the engine has 0.08." in report


def test_a_part_that_divides_by_0_is_said_to_be_infinite():
    row = row_of("W8+", "lr = (4.6/0)**0.5 = 12", {})
    assert said(row)[0] == "lr is 0.5, (4.6/0)**0.5 is inf"
    assert said(row, "ko")[0] == "lr: 계산하면 0.5입니다. (4.6/0)**0.5: 계산하면 inf입니다"


def test_a_number_that_has_lost_its_zeros_is_known_better_than_to_its_decimals():
    solution = solve(replace(CHAPTER7, hand={**CHAPTER7.hand, "h1": "sigmoid(z1) = 0.51998934"}))
    line = worked.WorkedLine(Sheet(solution, Lines.of(solution)), "h1")
    assert hand(CHAPTER7.hand["z1"]).decimals == 2
    assert line.named["z1"].unit == 0.0
