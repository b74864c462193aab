"""Expressions and names set as text, LaTeX and MathML: nothing is lost, no bracket is too many, what is written is well
formed.
"""

import math
import operator
import re
import xml.etree.ElementTree as ET

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import assume, given
from written import PLAIN, assert_balanced

from micrograd_kr import ops
from micrograd_kr.teacher.ask.expressions import Symbol, named_in, number, parts_of, simplified
from micrograd_kr.teacher.ask.formula import evaluate, read_formula
from micrograd_kr.teacher.derive import notation

NUMBERS = {"a": 0.7, "b": -1.3, "c1": 2.5, "E_o1": 0.4}


def symbols_of(numbers: dict[str, float]) -> dict[str, Symbol]:
    return {name: Symbol(name, value) for name, value in numbers.items()}


def expression(formula: str, **numbers: float):
    return evaluate(read_formula(formula), symbols_of(NUMBERS | numbers))


def read_back(text: str, numbers: dict[str, float] | None = None) -> float:
    """What a written expression comes to when it is read as a formula of an exercise."""
    return float(evaluate(read_formula(text.translate(PLAIN)), numbers or NUMBERS))


def formulas() -> st.SearchStrategy[str]:
    """Formulas of an exercise over the names of NUMBERS, with more brackets than they need."""
    leaves = st.sampled_from([*NUMBERS, "0.5", "1", "2", "3", "0.25", "-2", "-0.5", "1e-7"])

    def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        binary = st.builds("({}){}({})".format, inner, st.sampled_from(["+", "-", "*", "/", "**"]), inner)
        functions = st.sampled_from(["sigmoid", "tanh", "abs", "exp", "sin", "softplus", "relu", "sqrt"])
        return binary | st.builds("-({})".format, inner) | st.builds("{}({})".format, functions, inner)

    return st.recursive(leaves, larger, max_leaves=8)


# --- text -------------------------------------------------------------------------------------------------------------


@given(formula=formulas())
def test_text_read_back_as_a_formula_gives_the_same_number(formula: str) -> None:
    it = expression(formula)
    assume(math.isfinite(number(it)))
    assert read_back(notation.text(it)) == pytest.approx(number(it), rel=1e-9, abs=1e-12)


@given(formula=formulas())
def test_an_expression_in_numbers_comes_to_its_number(formula: str) -> None:
    it = expression(formula)
    assume(all(math.isfinite(number(each)) for each in (it, *parts_of(it))))  # nan⁰ is 1, but no number of a text
    text = notation.text(it, in_numbers=True)
    assert read_back(text, {"none": 0.0}) == pytest.approx(number(it), rel=1e-9, abs=1e-12)


@given(formula=formulas())
def test_what_is_simplified_comes_to_the_same_number_and_brings_in_no_name(formula: str) -> None:
    it = expression(formula)
    simpler = simplified(it)
    assume(math.isfinite(number(it)) and math.isfinite(number(simpler)))
    assert number(simpler) == pytest.approx(number(it), rel=1e-6, abs=1e-9)
    assert {each.name for each in named_in(simpler)} <= {each.name for each in named_in(it)}


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        ("a - (b - c1)", "a − (b − c1)"),
        ("(a - b) - c1", "a − b − c1"),
        ("a + (b + c1)", "a + b + c1"),
        ("a*(b*c1)", "a·b·c1"),
        ("a*(b + c1)", "a·(b + c1)"),
        ("(a*b)/c1", "a·b/c1"),
        ("a/(b*c1)", "a/(b·c1)"),
        ("a/(b/c1)", "a/(b/c1)"),
        ("(a/b)*c1", "a/b·c1"),
        ("-(a + b)", "−(a + b)"),
        ("-(a*b)", "−a·b"),
        ("a*(-b)", "a·(−b)"),
        ("a + -b", "a − b"),
        ("a - -b", "a + b"),
        ("-a + b", "−a + b"),
        ("(-a)**2", "(−a)²"),
        ("-(a**2)", "−a²"),
        ("(a + b)**2", "(a + b)²"),
        ("(a**2)**3", "(a²)³"),
        ("a**(-1)", "a**(−1)"),
        ("a**b", "a**b"),
        ("1/2*(a - b)**2", "½·(a − b)²"),
        ("sqrt(a + b)/max(a, b)", "sqrt(a + b)/max(a, b)"),
        ("leaky_relu(a)", "leaky_relu(a, 0.01)"),
        ("log(a + 1e-7)", "log(a + 1e−07)"),
    ],
)
def test_text_has_the_brackets_it_needs_and_no_others(formula: str, text: str) -> None:
    assert notation.text(expression(formula)) == text


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        ("-(1/2*(2*(a - b)))", "−(a − b)"),
        ("1 - a*a", "1 − a²"),
        ("a*(-1)*b*(-1)", "a·b"),
        ("a*b + b*a", "2·a·b"),
        ("a + b - a", "b"),
        ("2*(a - b)/4*3", "6·(a − b)/4"),
        ("-1*a/b", "−a/b"),
        ("a*(b + 0*c1)*3", "3·a·b"),
        ("-a*-b", "a·b"),
        ("a/2 + a/3", "5·a/6"),
        ("a/(-4)*b", "−a·b/4"),
    ],
)
def test_simplified_is_what_a_person_would_write(formula: str, text: str) -> None:
    assert notation.text(simplified(expression(formula))) == text


def test_the_sign_of_a_number_in_the_place_of_a_name_gets_its_brackets() -> None:
    it = expression("b - b*b + b**2", b=-1.3)
    assert notation.text(it, in_numbers=True) == "−1.3 − (−1.3) × (−1.3) + (−1.3)²"


def test_a_choice_names_all_its_cases_and_the_side_taken_is_known() -> None:
    slope = ops.relu.dx(1.0, None, Symbol("a", 0.7))
    assert notation.text(slope) == "{1 (a > 0), 0 (a ≤ 0)}"
    tie = ops.maximum.dx(1.0, None, Symbol("a", 0.7), Symbol("b", 0.9))
    assert notation.text(tie) == "{1 (a > b), ½ (a = b), 0 (a < b)}"
    left, sign, right = next(notation.taken(tie))
    assert (left.name, sign, right.name) == ("a", "<", "b")
    assert [sign for _, sign, _ in notation.taken(ops.absolute.dx(1.0, None, Symbol("b", -1.3)))] == ["<"]


RELATIONS = {">": operator.gt, "<": operator.lt, "=": operator.eq, "≥": operator.ge, "≤": operator.le, "≠": operator.ne}


def holding(text: str, numbers: dict[str, float]) -> list[float]:
    """The values of the cases of a choice whose conditions hold."""
    found = []
    for case in text.removeprefix("{").removesuffix("}").split(", "):
        value, left, sign, right = re.fullmatch(r"(.*) \((.*) ([<>=≤≥≠]) (.*)\)", case).groups()
        if RELATIONS[sign](read_back(left, numbers), read_back(right, numbers)):
            found.append(read_back(value, numbers))
    return found


@pytest.mark.parametrize("in_numbers", [False, True])
@pytest.mark.parametrize("a", [0.5, 2.0, 3.5])
@pytest.mark.parametrize("rule", [ops.maximum, ops.minimum, ops.relu, ops.leaky_relu], ids=lambda rule: rule.symbol)
def test_of_the_cases_of_a_choice_one_holds_and_it_has_the_value_that_was_chosen(
    rule: ops.Rule, a: float, in_numbers: bool
) -> None:
    numbers = {"a": a, "b": 2.0, "none": 0.0}
    x, y = Symbol("a", a), Symbol("b", 2.0)
    if rule.dy:
        slopes = [rule.dx(1.0, None, x, y), rule.dy(1.0, None, x, y)]
    else:
        slopes = [rule.dx(1.0, None, x - y, *[0.1] * (rule is ops.leaky_relu))]
    for slope in slopes:
        for each in (slope, simplified(slope)):
            assert holding(notation.text(each, in_numbers=in_numbers), numbers) == [number(slope)]


def test_a_choice_within_a_choice_that_compares_something_else_stays_within() -> None:
    a, b = Symbol("a", -1.0), Symbol("b", 0.0)
    it = ops.where(a > 0, 1.0, ops.where(b == 0, 2.0, 3.0))
    assert notation.text(it) == "{1 (a > 0), {2 (b = 0), 3 (b ≠ 0)} (a ≤ 0)}"


def test_the_hook_writes_every_number_and_knows_whose_it_is() -> None:
    asked = []

    def slot(name: str | None, value: float, tight: bool) -> str:
        asked.append((name, value, tight))
        return f"<{name}>"

    assert notation.text(expression("2*a - b*E_o1"), in_numbers=True, number=slot) == "<None> × <a> − <b> × <E_o1>"
    assert asked == [(None, 2.0, False), ("a", 0.7, True), ("b", -1.3, True), ("E_o1", 0.4, True)]


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0.08, 8, "0.08"),
        (0.60944600499, 8, "0.60944600"),
        (-0.5, 8, "−0.5"),
        (715.0, 8, "715"),
        (0.36787944, 2, "0.37"),
        (1.23456e-12, 4, "1.235e−12"),
        (1e300, 4, "1.000e+300"),
        (123456789012.34, 2, "123456789012.34"),
        (0.0, 8, "0"),
        (-0.0, 8, "0"),
        (math.inf, 8, "inf"),
    ],
)
def test_numbers_have_their_decimals_and_no_more(value: float, digits: int, text: str) -> None:
    assert notation.shown(value, digits) == text


def test_a_given_number_keeps_its_decimals_unless_they_are_very_many() -> None:
    write = notation.decimals(2, exact={"a"})
    assert [write("a", 0.123, False), write("b", 0.123, False), write("a", 0.1234567890123, False)] == [
        "0.123",
        "0.12",
        "0.12",
    ]


# --- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text", "latex"),
    [
        ("z1", "z1", "z_{1}"),
        ("W5+", "W5⁺", "W_{5}^{+}"),
        ("z1'", "z1′", "z_{1}'"),
        ("E_total", "E_total", "E_{total}"),
        ("target_o1", "target_o1", r"\mathit{target}_{o1}"),
        ("dE_total/dW5", "∂E_total/∂W5", r"\frac{\partial E_{total}}{\partial W_{5}}"),
        ("a_b_c", "a_b_c", "a_{b,c}"),
        ("입력1", "입력1", r"\text{입력}_{1}"),
        ("h_", "h_", r"\mathit{h\_}"),
    ],
)
def test_a_name_is_set_as_a_textbook_sets_it(name: str, text: str, latex: str) -> None:
    assert notation.quantity(name) == text
    assert notation.quantity(name, "latex") == latex


def test_a_name_in_mathml_has_its_subscript_and_its_mark() -> None:
    assert notation.quantity("W5+", "mathml") == "<msubsup><mi>W</mi><mn>5</mn><mo>+</mo></msubsup>"
    fraction = ET.fromstring(notation.quantity("dE_total/dW5", "mathml"))
    assert "".join(fraction.itertext()) == "∂Etotal∂W5"
    assert [each.tag for each in fraction] == ["mrow", "mrow"]


# --- LaTeX and MathML -------------------------------------------------------------------------------------------------

CHILDREN = {"mfrac": 2, "msub": 2, "msup": 2, "msubsup": 3, "mi": 0, "mn": 0, "mo": 0}
ELEMENTS = {*CHILDREN, "mrow", "msqrt", "mtable", "mtr", "mtd"}


def sloped(formula: str):
    """An expression with a choice and an option in it: the derivative of a relu."""
    it = expression(formula)
    return ops.relu.dx(it, None, ops.clip(it, (-1.0, 1.0))) if isinstance(it, Symbol) else it


@given(formula=formulas(), in_numbers=st.booleans())
def test_mathml_is_well_formed_and_of_core_elements_with_as_many_children_as_they_take(
    formula: str, in_numbers: bool
) -> None:
    tree = ET.fromstring(f"<math>{notation.written(sloped(formula), 'mathml', in_numbers=in_numbers)}</math>")
    for each in tree.iter():
        assert each.tag in ELEMENTS or each is tree
        assert len(each) == CHILDREN.get(each.tag, len(each))
        assert each.tag in ("mi", "mn", "mo") or not each.text, "text outside of a token is not shown"
        assert not each.tail


@given(formula=formulas(), in_numbers=st.booleans())
def test_latex_closes_what_it_opens(formula: str, in_numbers: bool) -> None:
    assert_balanced(notation.written(sloped(formula), "latex", in_numbers=in_numbers))


@given(formula=formulas())
def test_matplotlib_reads_the_latex(formula: str) -> None:
    mathtext = pytest.importorskip("matplotlib.mathtext")
    parsed = mathtext.MathTextParser("path").parse(f"${notation.written(expression(formula), 'latex')}$")
    assert parsed.width > 0


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "a & b", 'x" onload="'])
def test_markup_in_a_name_is_text_in_mathml(name: str) -> None:
    assert "".join(ET.fromstring(notation.written(Symbol(name, 1.0) * 2, "mathml")).itertext()) == f"{name}·2"


@pytest.mark.parametrize("name", [r"\input{x}", "50 % & $x$ #_{^~", "x}{y"])
def test_commands_in_a_name_are_text_in_latex(name: str) -> None:
    written = notation.written(Symbol(name, 1.0) * 2, "latex")
    assert_balanced(written)
    assert r"\input" not in written


def test_a_sum_of_thousands_of_terms_and_a_product_of_thousands_of_factors_need_no_recursion() -> None:
    total = product = Symbol("a", 1.0)
    for _ in range(5000):
        total, product = total + Symbol("b", 1.0), product * Symbol("b", 1.0)
    assert notation.text(total).count("+") == notation.text(product).count("·") == 5000


@pytest.mark.parametrize(
    ("taken", "text", "latex"),
    [
        (lambda x: x[0], "X[0]", "X_{0}"),
        (lambda x: x[1, 2], "X[1,2]", "X_{1,2}"),
        (lambda x: (x + 1.0)[0], "(X + 1)[0]", r"\left(X + 1\right)_{0}"),
    ],
)
def test_what_is_taken_out_of_an_array_is_spelled_as_in_an_exercise(taken, text, latex):
    expression = taken(Symbol("X", np.arange(6.0).reshape(2, 3)))
    assert notation.text(expression) == text
    assert notation.written(expression, "latex") == latex
    ET.fromstring(f"<math>{notation.written(expression, 'mathml')}</math>")


# --- numbers in the place of names ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("k", "form", "written"),
    [
        (1.0, "text", "1 − 0.9¹"),
        (3.0, "text", "1 − 0.9³"),
        (-1.0, "text", "1 − 0.9**(−1)"),
        (2.5, "text", "1 − 0.9**2.5"),
        (1.0, "latex", "1 - {0.9}^{1}"),
    ],
)
def test_a_name_in_an_exponent_becomes_a_raised_number(k, form, written):
    assert notation.written(expression("1 - 0.9**k", k=k), form, in_numbers=True) == written
    assert notation.text(expression("1 - 0.9**k", k=k)) == "1 − 0.9**k"


@pytest.mark.parametrize(("form", "written"), [("text", "axis = −1"), ("latex", "= -1"), ("mathml", "<mo>−</mo>")])
def test_the_last_axis_has_a_minus_sign(form, written):
    text = notation.written(ops.softmax(Symbol("z", np.ones((2, 2))), -1), form)
    assert written in text
    assert (form == "latex") == ("-1" in text)
