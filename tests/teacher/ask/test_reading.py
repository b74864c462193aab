"""What people type is read: functions, numbers, worked lines, and what is said where one cannot be read."""

import json
import math
import re
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from timed import assert_quick

from micrograd_kr.command import run
from micrograd_kr.engine import Value
from micrograd_kr.teacher.ask import latex
from micrograd_kr.teacher.ask.cell import read_cell
from micrograd_kr.teacher.ask.file import built_in, load
from micrograd_kr.teacher.ask.formula import evaluate, read_formula, read_worked
from micrograd_kr.teacher.ask.hand import with_hand
from micrograd_kr.teacher.ask.mending import hint
from micrograd_kr.teacher.ask.messages import ExerciseError
from micrograd_kr.teacher.ask.number import hand
from micrograd_kr.teacher.ask.solution import solve
from micrograd_kr.teacher.check.report import as_json
from micrograd_kr.teacher.check.results import Results
from micrograd_kr.teacher.check.sheet import Sheet
from micrograd_kr.teacher.derive import explanation, notation
from micrograd_kr.teacher.derive.lines import Lines
from micrograd_kr.teacher.show.page import page
from micrograd_kr.teacher.show.worksheet import worksheet
from micrograd_kr.teacher.verbs import check, draw, explain

CHAPTER7 = load("chapter7")

# --- functions --------------------------------------------------------------------------------------------------------


MISPRINTED = """
    Tanh tanh, LeakyReLU leaky_relu, tahn tanh, sigmoide sigmoid, sigmod sigmoid, ln log, σ sigmoid, sgn sign,
    LOG2 log2, sotfplus softplus
"""
OTHERS = """
    elu gelu selu celu silu prelu relu6 swish mish log1p lg expm1 exp2 sinh cosh asin atan arctan cbrt square
    hardtanh hardsigmoid logsigmoid softsign softmin log_softmin erf cot tan2 sqr floor
"""


@pytest.mark.parametrize(("typed", "meant"), [pair.split() for pair in MISPRINTED.split(",")])
def test_a_misprinted_function_is_answered_with_the_one_that_was_meant(typed, meant):
    with pytest.raises(ExerciseError) as info:
        read_formula(f"{typed}(z)")
    assert f", did you mean {meant}?" in str(info.value)
    assert f"({meant} 아닙니까?)" in info.value.korean


@pytest.mark.parametrize("other", OTHERS.split())
def test_a_function_that_does_not_exist_is_not_answered_with_one_that_changes_the_number(other):
    with pytest.raises(ExerciseError) as info:
        read_formula(f"{other}(z)")
    assert f'no such function "{other}"; there are ' in str(info.value)


# --- a cell -----------------------------------------------------------------------------------------------------------

NUMBERS = [  # typed, the digits that are read, their decimals
    ("0.08", "0.08", 2),
    ("0,5", "0.5", 1),
    ("0,030", "0.030", 3),
    ("1,234.5", "1234.5", 1),
    ("1,234,567", "1234567", 0),
    ("−0.5", "-0.5", 1),
    ("– 0.5", "-0.5", 1),
    ("−.5", "-.5", 1),
    ("+0.5", "+0.5", 1),
    ("１２．３０", "12.30", 2),
    ("０，５", "0.5", 1),
    ("0.519\u200989934", "0.51989934", 8),
    ("1\u202f234.5", "1234.5", 1),
    ("12 %", "0.12", 2),
    ("12.5%", "0.125", 3),
    ("1.5×10^-3", "1.5e-3", 4),
    ("1.5 · 10⁻³", "1.5e-3", 4),
    ("−1.5*10**(-3)", "-1.5e-3", 4),
    ("1.5e−3", "1.5e-3", 4),
    ("≈ 0.52", "0.52", 2),
    ("= 0.52", "0.52", 2),
    ("~0.52", "0.52", 2),
    ("약 0.52", "0.52", 2),
    ("about 0.520", "0.520", 3),
    ("0.52 (rounded)", "0.52", 2),
    ("0.52 (rounded to 2 decimals)", "0.52", 2),
    ("0.52 (2 decimals)", "0.52", 2),
    ("0.52 (반올림)", "0.52", 2),
    ("0.52(소수 셋째 자리에서 반올림)", "0.52", 2),
    ("1   (here z1 > 0)", "1", 0),
    ("0.52..", "0.52", 2),
    ("0.52...", "0.52", 2),
    ("0.52…", "0.52", 2),
    ("≈ −0,52… (반올림)", "-0.52", 2),
    ("0.52입니다", "0.52", 2),
    ("0.52 입니다.", "0.52", 2),
    ("0.52이다", "0.52", 2),
    ("0.52이 됩니다.", "0.52", 2),
    ("약 0.52 정도입니다", "0.52", 2),
    ("0.52쯤", "0.52", 2),
    ("0.52?", "0.52", 2),
    ("0.52.", "0.52", 2),
    ("0.52,", "0.52", 2),
    ("0.52。", "0.52", 2),
    ("0。52", "0.52", 2),
    ("0. 52", "0.52", 2),
    ("답: 0.52", "0.52", 2),
    ("정답： −0.52", "-0.52", 2),
    ("answer: 0.52", "0.52", 2),
    ("→ 0.52", "0.52", 2),
    ("=> 0.52", "0.52", 2),
    ("∴ 0.52", "0.52", 2),
    ("8x10^-3", "8e-3", 3),
    ("1.5 X 10⁻³", "1.5e-3", 4),
]
EXACT = ["1/3", "8/100", "-8/100", "½", "−½", "¼", "⅔", "1½", "11:100", "3÷4", "0.5*(1-0.5)", "10⁻²·2", "10⁻²", "√(2)"]
NOT_ANSWERED = [
    "",
    " ",
    "?",
    "??",
    "-",
    "—",
    "–",
    "−",
    "...",
    "…",
    "모름",
    "모르겠음",
    "x",
    "X",
    "×",
    "n/a",
    "0.3*0.1 = ?",
]


@pytest.mark.parametrize(("typed", "digits", "decimals"), NUMBERS)
def test_a_number_is_read_as_people_write_it_with_its_decimals(typed, digits, decimals):
    cell = read_cell(typed, "z1")
    assert cell is not None
    assert (cell.parts, cell.result) == ((), hand(digits))
    assert (hand(digits).number, hand(digits).decimals) == (Decimal(digits), decimals)
    assert hand(digits).unit == pytest.approx(10.0**-decimals)


@pytest.mark.parametrize("typed", NOT_ANSWERED)
def test_what_is_no_answer_is_a_blank(typed):
    exercise = with_hand(replace(CHAPTER7, hand={}, asked={}), {"z1": typed, "z2": "0.11"})
    assert (exercise.blanks, list(exercise.hand)) == (("z1",), ["z2"])
    assert exercise.unreadable == ()


def sheet(**cells: str):
    return with_hand(replace(CHAPTER7, hand={}, asked={}), cells)


@pytest.mark.parametrize("typed", EXACT)
def test_a_fraction_or_an_expression_of_exact_numbers_is_judged_by_nothing_but_a_floats_last_places(typed):
    (written,) = Results(solve(sheet(z1=typed))).hands.values()
    assert 0 < written.unit <= 1e-14
    assert math.isfinite(written.number)
    assert Decimal(written.text) == pytest.approx(written.number, abs=Decimal("1e-8"))


def test_an_exact_number_says_nothing_of_the_decimals_that_a_person_writes():
    exercise = sheet(z1="8/100", z2="11/100", h1="1/3", h2="0.5275", o1="0.6094", z3="0.4450", o2="1/7", z4="1/9")
    assert Sheet(solve(exercise), Lines.of(solve(exercise))).decimals.usual == 4
    assert [each.text for each in exercise.results] == ["0.5275", "0.6094", "0.4450"]


@pytest.mark.parametrize(
    ("cells", "verdict"),
    [
        ({"z1": "8/100"}, "match"),
        ({"z1": "8 %"}, "match"),
        ({"z1": "8/101"}, "wrong"),
        ({"z1": "0.3*0.1 + 0.25*0.2"}, "match"),
        ({"z1": "0.3*0.1 + 0.25*0.1"}, "wrong"),
        ({"z1": "0,3 × 0,1 + 0,25 × 0,2 = 0,08"}, "match"),
        ({"z1": "W1·x1 + W2·x2 ≈ 0.08"}, "match"),
        ({"z1": "풀이: 0.3x0.1+0.25X0.2 → 0.08"}, "match"),
        ({"z1": "0.3 x 0.1 + 0.25 x 0.2 => 0.08입니다."}, "match"),
        ({"z1": "0.3∗0.1﹢0.25∗0.2＝0.08"}, "match"),
        ({"z1": "0.3x0.1 + 0.25x0.1 = 0.08"}, "wrong"),
        ({"h1": "Sigmoid(0.08)"}, "match"),
        ({"h1": "시그모이드(z1)"}, "match"),
        ({"h1": "1/(1 + e⁻⁰·⁰⁸)"}, "match"),
        ({"h1": "1/(1 + 1/√1.17351087)"}, "match"),
        ({"h1": "𝜎(𝑧1)"}, "match"),
        ({"W5+": "W5 − η·∂E_total/∂W5"}, "match"),
        ({"W5`": "W5 − 학습률×∂E_total∕∂W5"}, "match"),
        ({"W5+": "W5 + α·∂E_total/∂W5"}, "wrong"),
        ({"z1": "W₁x₁"}, "unreadable"),
        ({"z1": "z1 = W₁ x₁ + W₂ x₂ = 0.08"}, "match"),
        ({"h1": "1/(1 + e^−0.08)"}, "match"),
        ({"h1": "σ(z1)"}, "match"),
        ({"h1": "tanh(z1)"}, "wrong"),
        ({"o1": "0.60944600", "do1/dz3": "o1(1 − o1)"}, "match"),
        ({"o1": "0.70944600", "do1/dz3": "o1(1 − o1)"}, "wrong"),
        ({"do1/dz3": "0.60944600*(1 - 0.60944600)"}, "match"),
        ({"dE_total/do1": "½·2·(target_o1 − o1)·(−1) = 0.20944600"}, "match"),
        ({"dE_total/do1": "½·2·(target_o1 − o1) = 0.20944600"}, "wrong"),
        ({"dE_total/dW5": "∂E_total/∂o1·∂o1/∂z3·∂z3/∂W5 = 0.02592286"}, "match"),
        ({"dE_total/dW5": "dE_total/do1*do1/dz3*dz3/dW6 = 0.02592286"}, "wrong"),
        ({"W5+": "W5 − lr·∂E_total/∂W5"}, "match"),
        ({"W5+": "W5 + lr·∂E_total/∂W5"}, "wrong"),
        ({"dE_total/dW5": "0.12592286", "W5+": "W5 - lr*dE_total/dW5 = 0.38703857"}, "wrong"),
        ({"W5+": "W5⁺ = W5 − lr·∂E_total/∂W5 = 0.45 − 0.5 × 0.02592286 = 0.43703857"}, "match"),
        ({"z3'": "W5⁺·h1′ + W6+*h2' = 0.43126996"}, "match"),
        ({"z3'": "W5*h1 + W6*h2 = 0.43126996"}, "match"),
        ({"E_o1": "1/2*(0.4 - o1)² = ½(target_o1 − o1)^2 = 0.02193381"}, "match"),
        ({"E_total": "1/0"}, "unreadable"),
    ],
)
def test_a_cell_is_judged_by_what_it_means(cells, verdict):
    assert check(sheet(**cells)).rows[-1].verdict == verdict


def test_a_number_that_was_left_to_be_worked_is_known_as_far_as_what_it_is_worked_from():
    found = Results(solve(sheet(**{"do1/dz3": "0.609*(1 - 0.609)", "W5+": "W5 - lr*0.0259"}))).hands
    assert found["do1/dz3"].unit == pytest.approx(1e-3)
    assert found["W5+"].unit == pytest.approx(0.5e-4)
    assert [each.verdict for each in check(sheet(**{"W5+": "W5 - lr*0.0259"})).rows] == ["match"]


def test_what_stands_around_a_number_is_none_of_its_decimals():
    """A float of a program has lost its zeros; they are put back as the other numbers have them."""
    z = Value(0.3, "w") * 0.3
    z.label = "z"
    y = z * 2
    y.label = "y"
    assert [row.hand for row in check({"z": "0.09 (rounded to 2 decimals)", "y": 0.2}, y).rows] == ["0.09", "0.20"]


# --- a worked line ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("½·2·(target_o1 − o1)·(−1)", ["target_o1", "o1"]),
        ("W5 − lr·∂E_total/∂W5", ["W5", "lr", "dE_total/dW5"]),
        ("dE_total / dW5 * 2", ["dE_total/dW5"]),
        ("W5⁺·h1′", ["W5+", "h1'"]),
        ("W5+*h1' + W6+", ["W5+", "h1'", "W6+"]),
        ("W5+ - 0.5 + (W6+)", ["W5+", "W6+"]),
        ("W5+h1", ["W5", "h1"]),
        ("W5 +h1", ["W5", "h1"]),
        ("W5⁺⁺ + z1''", ["W5++", "z1''"]),
        ("W₅·h₁²", ["W5", "h1"]),
        ("W[0,1]*dE/dW[0, 1]", ["W[0,1]", "dE/dW[0,1]"]),
        ("W5@2 − lr·∂E/∂W5@1", ["W5@2", "lr", "dE/dW5@1"]),
        ("E@100", ["E@100"]),
        ("2[a + b]", ["a", "b"]),
        ("{1 (z1 > 0), 0 (z1 ≤ 0)}", ["z1"]),
        ("오차 · 가중치₁", ["오차", "가중치1"]),
    ],
)
def test_the_names_of_a_worked_line_are_quantities_in_the_spelling_that_is_kept(typed, names):
    assert read_worked(typed).names == names


def test_numbers_that_are_called_as_derivatives_are_divided():
    assert read_worked("dd/dw", ["d", "dd", "dw"]).names == ["dd", "dw"]
    assert read_worked("dd/dw", ["d", "w", "dw"]).names == ["dd/dw"]
    assert read_worked("∂d/∂w", ["d", "dd", "dw"]).names == ["dd/dw"]


@pytest.mark.parametrize(
    ("typed", "z", "value"),
    [
        ("{1 (z > 0), 0 (z ≤ 0)}", 0.0, 0.0),
        ("{1 (z > 0), 0 (z ≤ 0)}", 0.1, 1.0),
        ("2·{1 (z ≥ 0), 0.3 (z < 0)}", 0.0, 2.0),
        ("2·{1 (z ≥ 0), 0.3 (z < 0)}", -1.0, 0.6),
        ("{1 (z > 2), ½ (z = 2), 0 (z < 2)}", 2.0, 0.5),
        ("{max(z, 3) (z ≠ 2), 7 (z = 2)}", 2.0, 7.0),
        ("{max(z, 3) (max(z, 0) ≠ 2), 7 (z = 2)}", 4.0, 4.0),
        ("1/(1 + e^−z)", 0.0, 0.5),
        ("ln(z) + σ(0,5 − 0,5)", 1.0, 0.5),
        ("3/1.5×10^-3 + z", 0.0, 0.002),
        ("1e−07·z", 1.0, 1e-07),
        ("z(z + 1)(z − 1)", 2.0, 6.0),
        ("1½z", 2.0, 3.0),
        ("12 % · z", 2.0, 0.24),
        ("1,234.5*z", 2.0, 2469.0),
        ("max(0,5) * z", 2.0, 10.0),
        ("z:4", 2.0, 0.5),
    ],
)
def test_an_expression_is_read_as_a_textbook_has_it(typed, z, value):
    assert evaluate(read_worked(typed, ["z"]), {"z": z}) == pytest.approx(value, rel=1e-15)


def sheets(cells):
    """Cells, of which several may have one name, on as few sheets as may be."""
    packed: list[dict[str, str]] = []
    for name, typed in cells:
        of_one = {name, re.sub(r"\[.*?\]", "", name)}  # an array and its entries do not stand on one sheet
        free = next((each for each in packed if of_one.isdisjoint(each)), None)
        if free is None:
            packed.append(free := {})
        free[name] = typed
    return packed


@pytest.mark.parametrize("name", built_in())
def test_what_the_tool_prints_it_reads(name):
    """Every line of an explanation, pasted into a sheet, its name in front or not."""
    exercise, explained = replace(load(name), hand={}, asked={}), explain(name)
    number = notation.decimals(8, "text", explained.exact)
    printed = []
    for line in explained.lines:
        text = explanation.line_text(line, number)
        remarks = [f"   ({each})" for lang in ("en", "ko") for each in explanation.TEXT.notes(line, lang, number)]
        forms = text, notation.subscripts(text), text.partition(" = ")[2], *map(text.__add__, remarks)
        printed += [(line.name, typed) for typed in forms]
    for cells in sheets(printed):
        for row in check(with_hand(exercise, cells)).rows:
            assert row.verdict in ("match", "rounding"), cells  # the numbers that are shown are rounded
            results = [line.value for line in explained.lines if line.name == row.name and line.in_numbers]
            assert not results or float(row.hand) == pytest.approx(results[0], abs=5e-8)


@pytest.mark.parametrize("name", built_in())
def test_the_latex_that_the_tool_prints_it_reads(name):
    """Every line of an explanation as LaTeX, alone or as a row of a set formula, its name for the key."""
    exercise, explained = replace(load(name), hand={}, asked={}), explain(name)
    number = notation.decimals(8, "latex", explained.exact)
    printed = []
    for line in explained.lines:
        key, sides = notation.quantity(line.name, "latex"), " = ".join(explanation.sides(line, "latex", number))
        printed += [(line.name, (key, sides)), (line.name, (f"${key}$", f"{key} &= {sides} \\\\"))]
    for cells in sheets(printed):
        report = check(with_hand(exercise, dict(cells.values())))
        assert {row.verdict for row in report.rows} <= {"match", "rounding"}, cells


LATEX = [  # typed, as it is read for chapter7
    (r"\frac{\partial E_{total}}{\partial W_5}", "∂E_total/∂W5"),
    (r"\dfrac{\mathrm{d}E_{\text{total}}}{\mathrm{d}W_5}", "dE_total/dW5"),
    (r"$W_5^+$", "W5⁺"),
    ("₩frac{₩partial E_{total}}{₩partial W_5}", "∂E_total/∂W5"),
    (r"W^{+}_{5}", "W5⁺"),
    (r"E'_{o1}", "E_o1'"),
    (r"z_3^{\prime}", "z3'"),
    ("W_5", "W5"),
    ("dE_total/dW_5", "dE_total/dW5"),
    ("E_o1", "E_o1"),
    (r"h_1 = \sigma(z_1) = \frac{1}{1+e^{-z_1}}", "h1 = σ(z1) = (1/(1+e**(-z1)))"),
    ("\frac{1}{2}(target_{o1} - o_1)^2", "(1/2)(target_o1 - o1)**2"),
    ("\tanh(z_1)", "tanh(z1)"),
    (r"\begin{aligned} z_1 &= W_1 x_1 + W_2 x_2 \\ &= 0.08 \end{aligned}", "z1 = W1 x1 + W2 x2 = 0.08"),
    (r"\begin{bmatrix} 0.1 & -0.3 \\ -0.5 & 0.6 \end{bmatrix}", "[[0.1, -0.3], [-0.5, 0.6]]"),
    (r"\begin{cases}1 & z_1 > 0 \\ 0 & z_1 \le 0\end{cases}", "{1 (z1 > 0), 0 (z1 ≤ 0)}"),
    (r"\frac{\partial E_{o1}}{\partial o_1}\frac{\partial o_1}{\partial z_3} h_1", "∂E_o1/∂o1 ∂o1/∂z3 h1"),
    (r"0{,}3 \times 10^{-3}", "0,3 × 10**(-3)"),
    (r"\left|z_1\right| \ge \tfrac12", "abs(z1) ≥ (1/2)"),
    (r"\eta \cdot 5\%", "eta · 5%"),
    (r"W_5^{} + z_{1}^{ }", "W5 + z1"),
]


@pytest.mark.parametrize(("typed", "read"), LATEX)
def test_latex_is_read_as_people_write_it(typed, read):
    assert latex.plain(typed, CHAPTER7.names) == read


def test_a_formula_that_lost_its_bars_in_copying_says_what_to_write():
    """As Chromium and Firefox put the MathML of an explanation on the clipboard."""
    for copied in ("∂\n𝐸\ntotal\n∂\n𝑊\n5\n=\n∂\n𝐸\ntotal\n∂\n𝑜\n1\n·\n0.1", "∂Etotal∂W5=∂Etotal∂o1·0.1"):
        for cells in ({"dE_total/dW5": copied}, {copied.partition("=")[0].strip(): "0.02592286"}):
            (unreadable,) = sheet(**cells).unreadable
            assert str(unreadable.why).startswith("the bars of fractions were lost in copying: write ∂E/∂W")
            assert "∂E/∂W" in unreadable.why.in_("ko")


@pytest.mark.parametrize("form", ["text", "latex"])
@pytest.mark.parametrize("name", ["purchase", "absolute"])
def test_a_changed_digit_in_what_the_tool_prints_is_caught(name, form):
    exercise, explained = replace(load(name), hand={}, asked={}), explain(name)
    for line in explained.lines:
        if line.in_numbers:
            *sides, result = explanation.sides(line, form)
            slipped = " = ".join([*sides, f"{float(result.replace('−', '-')) * 1.001 + 1e-4:.8f}"])
            cells = {notation.quantity(line.name, form): slipped}
            assert check(with_hand(exercise, cells)).rows[0].verdict == "wrong", slipped


XOR = replace(load("xor"), hand={}, asked={})
Z = [["0.1", "-0.3"], ["-0.5", "0.6"], ["0.9", "0.1"], ["0.3", "1"]]
WHOLE = [
    "[[0.1, −0.3], [−0.5, 0.6], [0.9, 0.1], [0.3, 1]]",
    "[[0.1 -0.3]\n [-0.5 0.6]\n [0.9 0.1]\n [0.3 1]]",
    "[0.1 -0.3; -0.5 0.6; 0.9 0.1; 0.3 1]",
    "array([[ 0.1, -0.3], [-0.5, 0.6], [ 0.9, 0.1], [ 0.3, 1]])",
    "tensor([[0.1, -0.3], [-0.5, 0.6], [0.9, 0.1], [0.3, 1]], grad_fn=<AddmmBackward0>)",
    "X·Wᵀ + b = [[0.1, −0.3], [−0.5, 0.6], [0.9, 0.1], [0.3, 1]]",
    "Z = X·Wᵀ + b = [[0.1, -0.3]; [-0.5, 0.6]; [0.9, 0.1]; [0.3, 1]]   (shape (4, 2))",
    "X @ W.T + [0.1, −0.3] = [[0.1, −0.3], [−0.5, 0.6], [0.9, 0.1], [0.3, 1]]",
]


@pytest.mark.parametrize("typed", WHOLE)
def test_numbers_of_a_whole_array_are_read_as_people_and_programs_write_them(typed):
    exercise = with_hand(XOR, {"Z": typed})
    assert exercise.unreadable == ()
    written = exercise.cells
    assert [[written[f"Z[{i},{j}]"].result.text for j in range(2)] for i in range(4)] == Z
    assert {row.verdict for row in check(exercise).rows} == {"match"}
    slipped = check(with_hand(XOR, {"Z": typed.replace("0.6", "0.7").replace("·", "@")})).rows
    assert [row.name for row in slipped if row.verdict == "wrong"] == ["Z[1,1]"]


@pytest.mark.parametrize(
    ("name", "typed", "wrong"),
    [
        ("Z", "X·Wᵀ + b", 0),
        ("Z", "X × W^T + b   (모양 (4, 2))", 0),
        ("Z", "X*W.T + b", 0),
        ("Z", "XWᵀ", 1),  # not read: a name of its own
        ("Z", "X Wᵀ + b", 0),
        ("Z", "X·W + b", 4),
        ("s", "H v + c", 0),
        ("dE/ds", "½(o − t)·o·(1 − o)", 0),  # entry by entry, as it is meant
        ("dE/ds", "0.5*(o - t)*o*(1 - o)", 0),
        ("dE/ds", "(o − t)⊙o⊙(1 − o)", 4),
        ("dE/dv", "Hᵀ(∂E/∂s)", 0),
        ("dE/dv", "∂E/∂s·H", 0),
        ("∂E/∂W", "(∂E/∂Z)ᵀ·X", 0),
        ("∂E/∂W", "(∂E/∂Z)ᵀ·H", 4),
        ("W⁺", "W − lr·∂E/∂W", 0),
        ("W⁺", "W + lr·∂E/∂W", 4),
        ("dE/dc", "sum(∂E/∂s, axis = 0) = 0.03544170", 0),
        ("dE/dc", "sum(∂E/∂s) = 0.13544170", 1),
        ("E", "mean((t − o)²)", 0),
        ("E", "mean(t − o)", 1),
        ("Z", "?", 0),
    ],
)
def test_a_formula_of_whole_arrays_is_judged_entry_by_entry(name, typed, wrong):
    verdicts = [row.verdict for row in check(with_hand(XOR, {name: typed})).rows]
    assert len(verdicts) - verdicts.count("match") == wrong, verdicts


BATCH = """\
title = "a batch"
loss = "L"
lr = 0.1
[given]
X = [[1, 2], [0, 1], [3, 1]]
T = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
[parameters]
W = [[0.2, -0.1], [0.4, 0.3], [-0.3, 0.5]]
b = [0.1, 0.2, -0.2]
g = [[0.5, 0.1, -0.2]]
[forward]
A = "relu(X @ W.T + b)"
Z = "A*g + A[:, 0:1]"
P = "softmax(Z)"
q = "log_softmax(Z, axis=0)"
m = "max(Z, axis=1)"
r = "X[:, 1] + X[0, 0]"
L = "-mean(sum(T*log(P), axis=1)) + 0.01*sum(W**2) + sum(q)/100 + sum(m*r) + dot(b, b)"
"""
UNNAMED = "array of|broadcast|scatter"  # what is printed of arrays without a name is for reading only


@pytest.mark.parametrize("form", ["text", "latex"])
def test_lines_of_arrays_with_axes_slices_and_cases_are_read(tmp_path, form):
    file = tmp_path / "batch.toml"
    file.write_text(BATCH, "utf-8")
    explained = explain(exercise := load(file))
    number, judged = notation.decimals(8, form, explained.exact), []
    for line in [line for section in explained.sections[:2] for line in section.lines]:
        text = " = ".join(explanation.sides(line, form, number))
        if not re.search(UNNAMED, text):
            notes = explanation.TEXT.notes(line, "ko", number)
            rows = check(with_hand(exercise, {line.name: f"{text}   ({notes[0]})" if notes else text})).rows
            judged.append(line.name)
            assert {row.verdict for row in rows} <= {"match", "rounding"}, text
    assert judged == ["A", "Z", "P", "q", "m", "r", "L", "dL/dm", "dL/dq", "dL/dg", "dL/dW", "W+", "b+", "g+"]


NOT_WHOLE = {  # of Z
    "[[0.1, -0.3], [-0.5, 0.6]]": ("shape (4, 2), got (2, 2)", "(4, 2)의 값이 필요합니다. 지금: (2, 2)"),
    "0.1": ("Z has the shape (4, 2): expected one of its numbers, Z[0,0]", "Z[0,0]"),
    "W·X": ("@ does not fit arrays of the shapes (2, 2), (4, 2)", "@"),
    "X·Wᵀ + B": ('unknown name "B"', '"B"'),
    "X·wᵀ": ("did you mean W", "W 아닙니까"),
    "X" + "·Wᵀ" * 60: ("write the numbers themselves", "처럼 값을 적거나"),  # which doubles with each, to 2⁶⁰
    "X·Wᵀ" + " + X·Wᵀ" * 60: ("write the numbers themselves, [[0.1, 0.2], [0.3, 0.4]]", "[[0.1, 0.2], [0.3, 0.4]]"),
}


@pytest.mark.parametrize("typed", NOT_WHOLE)
def test_what_is_no_array_of_the_shape_is_told_what_to_write(typed):
    (row,) = check(with_hand(XOR, {"Z": typed})).rows
    assert row.verdict == "unreadable"
    told = row.notes[0].said
    assert [part in told.in_(lang) for part, lang in zip(NOT_WHOLE[typed], ("en", "ko"), strict=True)] == [True] * 2, (
        told.in_("en") + told.in_("ko")
    )


def test_the_formulas_of_a_report_may_be_pasted_into_it():
    rows = check("chapter7").rows
    lines = {row.name: f"{row.formula} = {row.hand}" for row in rows}
    alone = {row.name: row.formula for row in rows if row.formula != notation.quantity(row.name)}
    for cells in (lines, alone):
        verdicts = {row.name: row.verdict for row in check(sheet(**cells)).rows}
        assert verdicts | {"z3'": "match"} == dict.fromkeys(cells, "match")  # z3' by a unit, from rounded numbers


# --- a sheet with lines that cannot be read ---------------------------------------------------------------------------

MIXED = """\
exercise = "chapter7"
[hand]
z1 = "0.08"
z2 = "0.12"
h1 = "0.5199893x"
"dE_total/dw9" = "1"
"de_total/dw5" = "0.0259"
"W₅⁺" = "0.43703857"
"W5+" = "0.43703857"
o1 = ["0.6"]
"""


def test_the_rest_of_a_sheet_is_judged_and_each_line_that_cannot_be_read_is_one_row(tmp_path, capsys):
    file = tmp_path / "kim.toml"
    file.write_text(MIXED, "utf-8")
    report = check(file)
    verdicts = {row.name: row.verdict for row in report.read}
    assert verdicts == {"z1": "match", "z2": "wrong", "W5+": "match"}
    assert [row.name for row in report.unreadable] == ["h1", "dE_total/dw9", "de_total/dw5", "W5+", "o1"]
    assert report.first_wrong.name == "z2"
    assert run(["check", str(file)]) == 1
    out = capsys.readouterr().out
    assert 'cannot be read: unknown name "e_total"; expected' in out
    assert "did you mean dE_total/dW5?" in out
    assert "2 match, 0 rounding, 1 wrong.\nCannot be read: 5." in out
    assert run(["check", str(file), "--lang", "ko"]) == 1
    out = capsys.readouterr().out
    assert "읽을 수 없습니다: 모르는 이름입니다" in out
    assert "혹시 dE_total/dW5 아닙니까?" in out
    assert "읽을 수 없는 줄: 5." in out


def test_a_sheet_of_which_nothing_but_one_line_cannot_be_read_is_no_success(tmp_path, capsys):
    file = tmp_path / "kim.toml"
    file.write_text('exercise = "chapter7"\n[hand]\nz1 = "0.08"\nz2 = "0.1.1"\n', "utf-8")
    assert run(["check", str(file)]) == 1
    file.write_text('exercise = "chapter7"\n[hand]\nz1 = "0.08"\nz2 = "0.11"\n', "utf-8")
    assert run(["check", str(file)]) == 0
    file.write_text('exercise = "chapter7"\n[hand\nz1 = "0.08"\n', "utf-8")
    assert run(["check", str(file)]) == 2
    capsys.readouterr()


def test_json_the_picture_the_page_and_the_worksheet_cope_with_lines_that_cannot_be_read(tmp_path):
    file = tmp_path / "kim.toml"
    file.write_text(MIXED, "utf-8")
    report = check(file)
    rows = {row["name"]: row for row in json.loads(as_json(report))["rows"] if row["verdict"] == "unreadable"}
    assert len(rows) == 5
    told = {"formula": "", "hand": "0.5199893x", "value": None, "difference": None, "parts": None, "causes": []}
    assert told.items() <= rows["h1"].items()
    assert rows["h1"]["notes"][0]["korean"].startswith("읽을 수 없습니다: ")
    assert "z₁" in draw(file).source
    assert "z₁" in draw(report, second=False).source
    assert "0.12" in page(load(file))
    assert len(worksheet(load(file)).lines) == 3


# --- anything at all --------------------------------------------------------------------------------------------------

SMALL = replace(load("absolute"), hand={}, asked={})
TYPED = st.text(alphabet="abdeEwp15.,:;+-−*/^×·½²⁻³⁺′'()[]{}<>≤=≈%@_ x약σ∂√\u2009…\\$&ᵀ⊙", max_size=40)


@settings(max_examples=100, deadline=None)
@given(st.one_of(TYPED, st.text(max_size=40)))
@example(typed="1-1")
def test_any_cell_is_read_or_noted(typed):
    exercise = with_hand(SMALL, {"p": typed, "r": "1.1"})
    assert exercise.hand["r"] == "1.1"
    report = check(exercise)
    assert {row.name for row in report.rows} | set(exercise.blanks) == {"p", "r"}
    assert (str(report) + str(replace(report, lang="ko"))).replace("\n", "").isprintable()


@settings(max_examples=100, deadline=None)
@given(TYPED)
def test_any_name_is_read_or_noted(typed):
    exercise = with_hand(SMALL, {typed: "1.1", "r": "1.1"})
    assert len(check(exercise).rows) == 2 - (typed == "r")


LONG = [
    *(
        "(<",
        "((",
        "{",
        "{(",
        "[",
        "W+",
        "d",
        "∂",
        "dW/",
        "1 ",
        "1,",
        "1,234",
        "0.5 ",
        "≈",
        "약",
        "10^",
        "²",
        "½",
        "=",
        "a ",
    ),
    *(
        "{1 (z1 > 0), ",
        "+",
        "W5⁺",
        "'",
        "1e",
        "..",
        "%",
        "@1",
        "W[0",
        "W[0,1]",
        "x1(",
        ")(",
        "(반",
        "0.5 (반",
        "\u2009",
        "/",
    ),
    *("\\frac{", "^{", "_{", "{a}", "\\begin{cases}", "\\text{", "x_1", "∂ ", "\\left", "$", "&="),
    *("b·", "b ", "b@b*", "\b"),  # products of whole arrays
]


@pytest.mark.parametrize("piece", LONG)
@pytest.mark.parametrize("start", ["", "0.5", "0.5 (", "{"])
def test_no_text_takes_long(piece, start):
    typed = (start + piece * 1_500)[:1_000]

    def read_everywhere():
        sheet(z1=typed, **{typed: "1"})
        with_hand(XOR, {"Z": typed, "E": f"X·{typed}", "b[0]": typed})
        for line in (typed, f"z1 = {typed}", f"{typed} = 1"):
            hint([line], 1, "")

    assert_quick(read_everywhere, 0.7)


def test_a_sheet_of_a_thousand_cells_is_read_quickly():
    lines = "W5 − lr·∂E_total/∂W5 = 0.45 − 0.5 × {:.8f} = 0.43703857"
    names = [f"d{of}/d{by}" for of in CHAPTER7.forward for by in CHAPTER7.positions]
    cells = {name: lines.format(i / 7) for i, name in enumerate(names) if name}
    exercise = assert_quick(lambda: sheet(**cells), 2e-3 * len(cells))
    assert len(exercise.hand) + len(exercise.unreadable) == len(cells)


# --- vectors, matrices and passes -------------------------------------------------------------------------------------

SOFTMAX = """\
title = "softmax with cross-entropy"
loss = "L"
lr = 0.5
steps = 2
[given]
x = [1.0, 2.0]
t = [0, 1, 0]
[parameters]
W = [[0.1, 0.2], [0.3, -0.1], [0.05, 0.4]]
b = [0.1, 0, -0.2]
[forward]
z = "W @ x + b"
y = "softmax(z)"
L = "-sum(t*log(y))"
[hand]
"""
OF_ARRAYS = [
    (
        'z = ["W[0,0]·x[0] + W[0,1]·x[1] + b[0] = 0.1×1 + 0.2×2 + 0.1 = 0.6", "0,1", "?"]',
        {"z[0]": "match", "z[1]": "match"},
    ),
    ('z = ["0.6", "x9", "0.65"]', {"z[0]": "match", "z[2]": "match", "z[1]": "unreadable"}),
    ('"y[1]" = "e^0.1/(e^0.6 + e^0.1 + e^0.65)"', {"y[1]": "match"}),
    ('"y[1]" = "softmax(0.6, 0.1, 0.65)[1] = 0.22820764"', {"y[1]": "match"}),
    ('"dL/dz[1]" = "y[1] − 1 = -0.77179236"', {"dL/dz[1]": "match"}),
    ('"dL/dW[1, 0]" = "∂L/∂z[1]·x[0]"', {"dL/dW[1,0]": "match"}),
    ('"W[1,0]⁺" = "W[1,0] − lr·∂L/∂W[1,0]"', {"W[1,0]+": "match"}),
    ('"W[1,0]@2" = "W[1,0]@1 − lr·∂L/∂W[1,0]@1"', {"W[1,0]++": "match"}),
    ('"W[1,0]++" = "W[1,0] − lr·∂L/∂W[1,0]"', {"W[1,0]++": "match"}),
    ('"W[1,0]++" = "W[1,0]+ - lr*dL\'/dW[1,0]"', {"W[1,0]++": "match"}),
    ('"W[1,0]++" = "W[1,0]@1 − lr·∂L/∂W[1,0]@0"', {"W[1,0]++": "wrong"}),
    ('"L@1" = "-ln(y[1])"', {"L'": "match"}),
    ('"w[1,0]+" = "0.6"', {"w[1,0]+": "unreadable"}),
    ('z = "0.6"', {"z": "unreadable"}),
]


@pytest.mark.parametrize(("line", "verdicts"), OF_ARRAYS)
def test_entries_and_passes_are_read_in_names_and_in_worked_lines(tmp_path, line, verdicts):
    file = tmp_path / "softmax.toml"
    file.write_text(SOFTMAX + line, "utf-8")
    assert {row.name: row.verdict for row in check(file).rows} == verdicts


def test_what_the_tool_prints_of_entries_and_passes_it_reads(tmp_path):
    file = tmp_path / "softmax.toml"
    file.write_text(SOFTMAX, "utf-8")
    exercise, explained = load(file), explain(file)
    printed = [
        (line.name, explanation.line_text(line))
        for line in explained.lines
        if "[" in explanation.line_text(line)  # not in matrices
    ]
    assert len(printed) > 50
    for cells in sheets(printed):
        rows = check(with_hand(exercise, cells)).rows
        assert {row.name: row.verdict for row in rows if row.verdict not in ("match", "rounding")} == {}
