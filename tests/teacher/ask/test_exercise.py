"""Reading exercises: what a file becomes, and what is said about one that cannot be used."""

import math
import os
import pickle
import re
import threading
import warnings
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from meanwhile import at_the_end, longer
from spoken import sentences
from timed import assert_quick

from micrograd_kr.engine import Value, gradients
from micrograd_kr.teacher.ask import exercise as module
from micrograd_kr.teacher.ask import register
from micrograd_kr.teacher.ask.exercise import parse_name
from micrograd_kr.teacher.ask.file import built_in, load, source_text
from micrograd_kr.teacher.ask.formula import FUNCTIONS, Literal, evaluate, leaves, read_formula
from micrograd_kr.teacher.ask.messages import ExerciseError
from micrograd_kr.teacher.ask.quantity import Quantity
from micrograd_kr.teacher.ask.solution import forward, solve

EXERCISE = """\
title = "하나의 뉴런"
loss = "E"
lr = 0.5
[given]
x1 = 0.1
t = 1
[parameters]
W1 = 0.3
[forward]
z1 = "W1*x1"
h1 = "sigmoid(z1)"
E = "1/2*(t - h1)**2"
[hand]
z1 = "0.030"
"dE/dh1" = "-0.4925"
"W1+" = "0.3061"
"z1'" = "0.0306"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("exercises")


def read(folder: Path, text: str | bytes, name: str = "my.toml"):
    """The exercise of a file with this text."""
    path = folder / name
    path.write_bytes(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text)
    return load(path)


def changed(*pairs: str) -> str:
    """The small exercise with some of its text replaced: old, new, old, new …"""
    text = EXERCISE
    for old, new in zip(pairs[::2], pairs[1::2], strict=True):
        assert old in text
        text = text.replace(old, new, 1)
    return text


# --- what a file becomes ----------------------------------------------------------------------------------------------


def test_a_file_becomes_its_names_numbers_and_formulas_in_order(folder):
    exercise = read(folder, EXERCISE)
    assert (exercise.name, exercise.source, exercise.title) == ("my", "my.toml", "하나의 뉴런")
    assert (exercise.loss, exercise.lr) == ("E", 0.5)
    assert (exercise.given, exercise.parameters) == ({"x1": 0.1, "t": 1.0}, {"W1": 0.3})
    assert [(name, formula.text) for name, formula in exercise.forward.items()] == [
        ("z1", "W1*x1"),
        ("h1", "sigmoid(z1)"),
        ("E", "1/2*(t - h1)**2"),
    ]
    assert exercise.hand == {"z1": "0.030", "dE/dh1": "-0.4925", "W1+": "0.3061", "z1'": "0.0306"}
    assert list(exercise.positions) == ["x1", "t", "W1", "z1", "h1", "E"]


def test_every_number_is_a_float(folder):
    exercise = read(folder, EXERCISE)
    assert all(
        type(number) is float for number in (*exercise.given.values(), *exercise.parameters.values(), exercise.lr)
    )
    found = [leaf for each in exercise.forward.values() for leaf in leaves(each)]
    constants = [leaf.number for leaf in found if isinstance(leaf.name, Literal)]
    assert constants
    assert all(type(constant) is float for constant in constants)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("0.0300", "0.0300"),
        ("3.00e-2", "3.00e-2"),
        ("0", "0"),
        ("-7", "-7"),
        ("+0.50", "+0.50"),
        ("1_000.50", "1000.50"),
    ],
)
def test_a_number_without_quotes_keeps_its_zeros(folder, written, kept):
    assert read(folder, changed('z1 = "0.030"', f"z1 = {written}")).hand["z1"] == kept


@pytest.mark.parametrize(
    "written",
    ["0.08", "-0.0810", "+1", "8.", ".5", "8.1e-4", "x1 = 0.1", "W1*x1 = 0.3*0.1 = 0.03", "0.3 - lr*0.1 = 0.25"],
)
def test_a_hand_number_is_a_number_or_a_worked_line_that_ends_in_one(folder, written):
    assert read(folder, changed('"0.030"', f'"{written}"')).hand["z1"] == written


def test_an_empty_hand_number_is_a_blank(folder):
    exercise = read(folder, changed('"0.030"', '""', '"0.0306"', '" "'))
    assert exercise.blanks == ("z1", "z1'")
    assert list(exercise.hand) == ["dE/dh1", "W1+"]


def test_lr_parameters_and_hand_may_be_left_out(folder):
    exercise = read(folder, 'title = "t"\nloss = "y"\n[given]\nx = 3\n[forward]\ny = "x*x"')
    assert (exercise.lr, exercise.parameters, exercise.hand) == (None, {}, {})
    solution = solve(exercise)
    assert (solution.value("dy/dx"), solution.updated, solution.after) == (6.0, {}, None)


@pytest.mark.parametrize("text", ["\ufeff" + EXERCISE, EXERCISE.replace("\n", "\r\n"), EXERCISE + "\n\n# 끝"])
def test_a_byte_order_mark_and_windows_line_ends_change_nothing(folder, text):
    assert read(folder, text) == read(folder, EXERCISE)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "cp949"])
def test_a_file_is_read_in_the_encodings_of_notepad_and_powershell(folder, encoding):
    mark = "\ufeff" if encoding.endswith("e") else ""
    contents = (mark + EXERCISE).replace("\n", "\r\n").encode(encoding)
    assert read(folder, contents) == read(folder, EXERCISE)


def test_quotes_that_a_phone_has_bent_are_read_and_those_within_quotes_stay(folder):
    bent = re.sub(r'"([^"\n]*)"', r"“\1”", EXERCISE).replace("“z1'”", "“z1’”").replace("“W1*x1”", "‘W1*x1’")
    assert bent.count("“") > 5
    assert read(folder, bent) == read(folder, EXERCISE)
    assert read(folder, changed("하나의", "“하나”의")).title == "“하나”의 뉴런"


def test_names_may_be_hangul_however_they_are_typed(folder):
    decomposed = "\u1100\u1161"  # 가, as some systems type it: two letters
    text = (
        'title = "t"\nloss = "오차"\n[given]\n"가" = 2\n"나" = 3\n[forward]\n"오차" = "_*나"\n[hand]\n"d오차/d_" = "3"'
    )
    text = text.replace("_", decomposed)
    exercise = read(folder, text)
    assert list(exercise.hand) == ["d오차/d가"]
    assert solve(exercise).value("d오차/d가") == 3.0


# --- formulas ---------------------------------------------------------------------------------------------------------

NAMES = {"a": 0.7, "b": -1.3, "W1": 2.0}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1/2*(a - b)**2", 2.0),
        ("-a**2", -0.49),
        ("+a - -b", -0.6),
        ("2*a + 3*b/W1 - 1e-3", -0.551),
        ("W1**3**2", 512.0),
        ("sigmoid(a)", 1 / (1 + math.exp(-0.7))),
        ("tanh(b)", math.tanh(-1.3)),
        ("relu(b) + relu(a)", 0.7),
        ("leaky_relu(b)", -0.013),
        ("leaky_relu(b, 0.1)", -0.13),
        ("softplus(b)", math.log1p(math.exp(-1.3))),
        ("step(a) + step(b)", 1.0),
        ("exp(b)", math.exp(-1.3)),
        ("log(W1)", math.log(2)),
        ("log2(W1)", 1.0),
        ("log10(W1)", math.log10(2)),
        ("sqrt(W1)", math.sqrt(2)),
        ("sign(b)", -1.0),
        ("tan(a)", math.tan(0.7)),
        ("abs(b)", 1.3),
        ("sin(a) + cos(b)", math.sin(0.7) + math.cos(-1.3)),
        ("max(a, b) - min(a, b)", 2.0),
        ("max(0.1*b, b)", -0.13),
        ("  a  +\n\t b ", -0.6),
    ],
)
def test_a_formula_computes_the_same_on_floats_and_on_values(text, expected):
    formula = read_formula(text)
    floats = evaluate(formula, NAMES)
    values = evaluate(formula, {name: Value(number) for name, number in NAMES.items()})
    assert type(floats) is float
    assert floats == values.data == pytest.approx(expected, rel=1e-15)


def test_every_function_has_a_row_above():
    rows = test_a_formula_computes_the_same_on_floats_and_on_values.pytestmark[0].args[1]
    assert {name for name in FUNCTIONS if any(f"{name}(" in text for text, _ in rows)} == set(FUNCTIONS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("9**9**9**9", math.inf), ("1/0", math.inf), ("0/0", math.nan), ("(0-8)**(1/3)", math.nan), ("log(0)", -math.inf)],
)
def test_constants_are_computed_as_numpy_computes_floats(text, expected):
    assert evaluate(read_formula(text), {}) == pytest.approx(expected, nan_ok=True)


def test_the_names_of_a_formula_come_once_and_in_order():
    assert read_formula("b*sigmoid(a) + b + 가*W1").names == ["b", "a", "가", "W1"]


def test_a_literal_in_a_formula_can_be_read_with_its_zeros():
    formula = read_formula("가중치 *  0.60944600 ")
    assert [str(leaf.name) for leaf in leaves(formula)] == ["가중치", "0.60944600"]


NUMBER = st.floats(0.001, 1000).map(repr)
EXPRESSION = st.recursive(
    st.one_of(NUMBER, st.sampled_from(list(NAMES))),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/"]), inner).map(lambda parts: f"({' '.join(parts)})"),
        inner.map(lambda each: f"-{each}"),
        inner.map(lambda each: f"tanh({each})"),
        inner.map(lambda each: f"({each})**2"),
    ),
    max_leaves=12,
)


@given(EXPRESSION)
def test_a_formula_means_what_it_means_in_python(text):
    try:
        expected = eval(text, {"tanh": math.tanh, **NAMES})  # the text is made here, of seven kinds of part
    except (ZeroDivisionError, OverflowError):
        return
    assert evaluate(read_formula(text), NAMES) == pytest.approx(expected, rel=1e-12, nan_ok=True)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("W1*x^2", "W1*x**2"),
        ("W1×x", "W1*x"),
        ("W1·x", "W1*x"),
        ("W1 − x", "W1 - x"),
        ("W₁*x₁", "W1*x1"),
        ("x²", "x**2"),
        ("½*(t-o)**2", "(1/2)*(t-o)**2"),
        ("2x", "2*x"),
        ("1/2(t-o)**2", "1/2*(t-o)**2"),
        ("(a+b)(a-b)", "(a+b)*(a-b)"),
        ("(a+b) c", "(a+b)*c"),
        ("W1 x1", "W1*x1"),
        ("0,5*x", "0.5*x"),
        ("１２*x", "12*x"),
        ("（a＋b）＾2", "(a+b)**2"),
        ("2[a + b]", "2*(a + b)"),
        ("a÷b", "a/b"),
        ("σ(z)", "sigmoid(z)"),
        ("√(z)", "sqrt(z)"),
        ("a + " * 40 + "b²", "a + " * 40 + "b**2"),
    ],
)
def test_a_textbooks_way_of_writing_is_answered_with_what_is_meant(typed, meant):
    with pytest.raises(ExerciseError) as info:
        read_formula(typed)
    assert f'did you mean "{meant}"?' in str(info.value)
    assert f'혹시 "{meant}" 아닙니까?' in info.value.korean


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "().__class__",
        "a.b",
        "a[0]",
        "lambda: 0",
        "f'{a}'",
        "'a'*9",
        "[a for a in b]",
        "a if b else a",
        "a < b",
        "a and b",
        "a := 1",
        "a; b",
        "a # b",
        "True",
        "None",
        "1_000",
        "0x10",
        "1j",
        "max(*a)",
        "max(**a)",
        "sigmoid(x=a)",
        "max(a)(b)",
        "eval(a)",
        "a, b",
        "()",
        "",
        "*",
        "a b\x00",
        "\ud800",
        "1e400",
        "1e99999999999999999999",
        "9" * 400,
        "nan()",
        "a @ b",
        "a // b",
        "a % b",
        "~a",
        "not a",
        "await a",
        "...",
        "1..real",
        "007",
        "(" * 400 + "a" + ")" * 400,
        "-" * 900 + "a",
        "a**" * 300 + "a",
        "a+" * 200 + "a",
        "sin(" * 200 + "a" + ")" * 200,
        "a" * 1001,
        "\\",
        "`a`",
        "$a",
    ],
)
def test_what_is_no_formula_is_refused_quickly_and_runs_nothing(text):
    def refused():
        with warnings.catch_warnings(action="error"), pytest.raises(ExerciseError):
            read_formula(text)

    assert_quick(refused, 1)


def test_brackets_that_only_stand_around_are_no_depth():
    assert evaluate(read_formula("(" * 90 + "a" + ")" * 90), NAMES) == 0.7
    assert evaluate(read_formula("+".join(["a"] * 100)), NAMES) == pytest.approx(70)


# --- names ------------------------------------------------------------------------------------------------------------

TANGLED = """\
title = "names that look like derivatives"
loss = "E_total"
lr = 1
[given]
d = 2
d_x = 3
[parameters]
dw = 0.5
[forward]
dd = "dw*d"
E_total = "dd*d_x"
"""


@pytest.mark.parametrize(
    ("text", "expected", "value"),
    [
        ("d", Quantity("d"), 2),
        ("dd", Quantity("dd"), 1),
        ("ddd/ddw", Quantity("dd", "dw"), 2),
        ("ddd/dd", Quantity("dd", "d"), 0.5),
        ("dE_total/dd_x", Quantity("E_total", "d_x"), 1),
        ("dE_total / d dd", Quantity("E_total", "dd"), 3),
        ("∂E_total/∂dw", Quantity("E_total", "dw"), 6),
        ("dE_total/dE_total", Quantity("E_total", "E_total"), 1),
        ("dw+", Quantity("dw", step=1, is_parameter=True), -5.5),
        ("dw⁺", Quantity("dw", step=1, is_parameter=True), -5.5),
        ("dd'", Quantity("dd", step=1), -11),
        ("E_total′", Quantity("E_total", step=1), -33),
        ("E_total’", Quantity("E_total", step=1), -33),
    ],
)
def test_a_name_is_read_whatever_letters_it_is_made_of(folder, text, expected, value):
    exercise = read(folder, TANGLED)
    assert parse_name(exercise, text) == expected
    assert solve(exercise).value(text) == value


# --- quantities -------------------------------------------------------------------------------------------------------


def test_every_quantity_is_a_labelled_value_that_was_recorded(folder):
    exercise = read(folder, EXERCISE)
    values = forward(exercise)
    assert [value.label for value in values.values()] == list(values) == list(exercise.positions)
    assert all((value.rule is None) == (name not in exercise.forward) for name, value in values.items())


def test_a_line_that_only_renames_makes_a_node_of_its_own(folder):
    exercise = read(folder, 'title = "t"\nloss = "c"\n[given]\nx = 3\n[forward]\na = "x"\nb = "+a"\nc = "a*b"\n')
    values = forward(exercise)
    assert len(set(values.values())) == 4
    assert (values["x"].label, values["a"].label, values["b"].label) == ("x", "a", "b")
    assert gradients(values["c"], [values["x"], values["a"], values["b"]]) == [6.0, 6.0, 3.0]


def test_a_line_of_numbers_alone_is_a_value_too(folder):
    values = forward(read(folder, 'title = "t"\nloss = "y"\n[given]\nx = 3\n[forward]\nhalf = "1/2"\ny = "half*x"\n'))
    assert (values["half"].data, values["half"].label, values["y"].data) == (0.5, "half", 1.5)


def test_other_parameters_take_the_place_of_the_exercises_own(folder):
    exercise = read(folder, EXERCISE)
    assert forward(exercise, {"W1": 2.0})["z1"].data == pytest.approx(0.2)
    assert exercise.parameters == {"W1": 0.3}
    with pytest.raises(ExerciseError, match=r"unknown name \"W2\", did you mean W1\?"):
        forward(exercise, {"W2": 2.0})


def test_a_solution_is_one_step_of_gradient_descent(folder):
    solution = solve(read(folder, EXERCISE))
    h = 1 / (1 + math.exp(-0.03))
    slope = (h - 1) * h * (1 - h) * 0.1
    assert solution.gradients["W1"] == solution.value("dE/dW1") == pytest.approx(slope, rel=1e-14)
    assert solution.updated == {"W1": pytest.approx(0.3 - 0.5 * slope, rel=1e-14)}
    assert solution.value("z1'") == pytest.approx(0.1 * solution.updated["W1"], rel=1e-14)
    assert set(solution.gradients) == {"x1", "t", "W1", "z1", "h1", "E"}


def test_what_a_quantity_does_not_depend_on_has_gradient_zero(folder):
    assert solve(read(folder, EXERCISE)).value("dz1/dt") == 0.0


def test_a_gradient_that_is_infinite_is_an_error(folder):
    exercise = read(folder, 'title = "t"\nloss = "y"\n[given]\nx = 0\n[forward]\ny = "sqrt(x)"\n')
    with pytest.raises(ExerciseError, match=r'my\.toml: "dy/dx": comes to inf, expected a finite number'):
        solve(exercise).value("dy/dx")


def test_the_names_in_a_worked_line_of_the_second_pass_are_those_of_the_second_pass(folder):
    solution = solve(read(folder, EXERCISE))
    assert (
        solution.numbers("z1")
        == solution.numbers("W1+")
        == {name: v.data for name, v in solution.before.items()} | {"lr": 0.5}
    )
    assert solution.numbers("z1'")["W1"] == solution.updated["W1"]


# --- what is said about a file that cannot be used --------------------------------------------------------------------

ERRORS = [
    # formulas
    (changed("W1*x1", "W1*x2"), ["[forward] z1", 'unknown name "x2", did you mean x1?']),
    (changed("W1*x1", "W1x1"), ["[forward] z1", 'unknown name "W1x1", did you mean W1*x1?']),
    (changed("W1*x1", "lr*x1"), ["[forward] z1", 'unknown name "lr"']),
    (changed("W1*x1", "W1*h1"), ["[forward] z1", "h1 is used before it stands: put the line h1 above"]),
    (changed("W1*x1", "W1*z1"), ["[forward] z1", "uses itself", "above z1"]),
    (changed("W1*x1", "W1*sigmoid"), ["[forward] z1", "sigmoid is a function", "sigmoid(z1)"]),
    (changed("sigmoid(z1)", "sigmoide(z1)"), ["[forward] h1", 'no such function "sigmoide", did you mean sigmoid?']),
    (changed("sigmoid(z1)", "ln(z1)"), ["[forward] h1", 'no such function "ln", did you mean log?', "softplus"]),
    (changed("sigmoid(z1)", "z1(W1)"), ["[forward] h1", 'no such function "z1"', "a product is written with *"]),
    (changed("sigmoid(z1)", "sigmoid(z1, 2)"), ["[forward] h1", "wrong number of arguments: sigmoid takes 1, got 2"]),
    (changed("sigmoid(z1)", "leaky_relu()"), ["[forward] h1", "leaky_relu takes 1 or 2, got 0"]),
    (changed("sigmoid(z1)", "max(z1)"), ["[forward] h1", "expected an array, or several numbers: max(z1, z2)"]),
    (changed("sigmoid(z1)", "leaky_relu(z1, x1)"), ["[forward] h1", "plain number as the slope", "max(a*z1, z1)"]),
    (changed("W1*x1", "+" + "W1*x1 +" * 200), ["[forward] z1", "too long", "at most 1,000 characters"]),
    (changed("W1*x1", "-" * 200 + "W1"), ["[forward] z1", "too deeply nested", "several lines"]),
    (changed("W1*x1", "x1" * 800), ["z1", "too long", "at most 1,000"]),
    (changed("W1*x1", "W1**"), ["[forward] z1", "expected a formula", '"W1**"']),
    (changed("W1*x1", "W1.x1"), ["[forward] z1", 'got "." in "W1.x1"']),
    (changed("W1*x1", "lambda: W1"), ["[forward] z1", 'got "lambda"']),
    (changed("W1*x1", "0.5if"), ["[forward] z1", 'got "if"']),
    (changed("W1*x1", "1e9999"), ["[forward] z1", "expected an operator before"]),
    (changed("W1*x1", "W1, x1"), ["[forward] z1", "expected numbers, names", "leaky_relu"]),
    (changed("W1*x1", "W1*" + "9" * 310), ["[forward] z1", "expected a finite number"]),
    (changed("W1*x1", "W1^2"), ["[forward] z1", 'got "^" in "W1^2"; did you mean "W1**2"?']),
    (changed('"W1*x1"', "0.5"), ["[forward] z1", "expected a formula in quotes", "got a number"]),
    (changed('"W1*x1"', "[1]"), ["[forward] z1", "expected a formula in quotes", "got a list"]),
    (changed("W1*x1", "log(x1 - x1)"), ["[forward] z1", "comes to -inf", "finite"]),
    (changed("W1*x1", "W1*x1*0 + 9**9**9"), ["[forward] z1", "comes to inf"]),
    (
        changed("lr = 0.5", "lr = 1e308", "1/2*(t - h1)**2", "t*W1*z1*h1*1e9"),
        ["[forward] z1'", "comes to", "lower lr"],
    ),
    # names
    (changed("z1 = ", "x1 = "), ["[forward] x1", "defined twice, before in [given]"]),
    (changed("W1 = ", "x1 = "), ["[parameters] x1", "defined twice, before in [given]"]),
    (changed("h1 = ", "W1 = "), ["[forward] W1", "defined twice, before in [parameters]"]),
    (changed("h1 = ", "z1 = "), ["not TOML", '"z1" is defined twice; keep one']),
    (changed("t = 1", "x1 = 1"), ["not TOML", '"x1" is defined twice', "line 6"]),
    (changed("[parameters]", "[given]"), ["not TOML", "defined twice", "line 7"]),
    (changed("t = 1", '"ｘ1" = 1'), ["[given] ｘ1", "defined twice"]),
    (changed("t = 1", "max = 1"), ["[given] max", "another name: max is a function's"]),
    (changed("t = 1", "lr = 1"), ["[given] lr", "another name: lr is"]),
    (changed("t = 1", "lambda = 1"), ["[given] lambda", "another name: lambda is"]),
    (changed("t = 1", "1t = 1"), ["[given] 1t", "no digit first"]),
    (changed("t = 1", '"W₁" = 1'), ["[given] W₁", "W1 would do"]),
    (changed("t = 1", '"W 1" = 1'), ["[given] W 1", "W_1 would do"]),
    (changed("t = 1", '"z1\'" = 1'), ["[given] z1'", "belong in [hand]"]),
    (changed("t = 1", f"{'t' * 61} = 1"), ["[given] ttt", "too long", "at most 60"]),
    (changed("t = 1", "t.u = 1"), ["[given] t", "expected a number", "a table"]),
    # numbers
    (changed("x1 = 0.1", 'x1 = "0.1"'), ["[given] x1", "without quotes", '"0.1"']),
    (changed("x1 = 0.1", "x1 = true"), ["[given] x1", "expected a number", "true or false"]),
    (changed("x1 = 0.1", "x1 = 1979-05-27"), ["[given] x1", "a date"]),
    (changed("x1 = 0.1", "x1 = 1e400"), ["[given] x1", "finite"]),
    (changed("x1 = 0.1", "x1 = -inf"), ["[given] x1", "finite"]),
    (changed("x1 = 0.1", "x1 = nan"), ["[given] x1", "finite"]),
    (changed("W1 = 0.3", f"W1 = 0x{'f' * 300}"), ["[parameters] W1", "finite"]),
    (changed("W1 = 0.3", f"W1 = 1{'0' * 900}"), ["[parameters] W1", "finite"]),
    (changed("lr = 0.5", "lr = 0"), ["lr: expected a number above 0, got 0"]),
    (changed("lr = 0.5", 'lr = "0.5"'), ["lr", "without quotes"]),
    (changed("lr = 0.5", "lr = nan"), ["lr", "finite"]),
    # lines and tables
    (changed('title = "하나의 뉴런"', ""), ['missing line title = "…"']),
    (changed('title = "하나의 뉴런"', "title = 7"), ["title: expected title", "got a number"]),
    (changed('loss = "E"', ""), ['missing line loss = "…"']),
    (changed('loss = "E"', 'loss = "E1"'), ["loss: expected the name of a line in [forward]", '"E1"']),
    (changed('loss = "E"', 'loss = "h"'), ['got "h", did you mean h1?']),
    (changed('loss = "E"', 'loss = "W1"'), ["loss: expected the name of a line in [forward]"]),
    (changed("[given]", "[givn]"), ['unknown part "givn", did you mean given?']),
    (changed("lr = 0.5", "learning_rate = 0.5"), ['unknown part "learning_rate", did you mean lr?']),
    (changed("lr = 0.5", "alpha = 0.5"), ['unknown part "alpha", did you mean lr?']),
    (changed("[given]\nx1 = 0.1\nt = 1\n", ""), ["missing table [given]"]),
    (changed("[given]\nx1 = 0.1\nt = 1\n", "given = 3\n"), ["given: expected [given], got a number"]),
    (EXERCISE.split("[forward]")[0], ["missing table [forward]"]),
    (EXERCISE.split("z1 =")[0], ["[forward]: expected at least one formula"]),
    ('[hand]\nz1 = "0.08"', ['numbers without an exercise: write exercise = "chapter7"']),
    # what is no TOML; what is meant by a line: MENDED
    (changed("t = 1", "t = 1\x00"), ["not TOML", "line 6"]),
    (b"%PDF-1.7\n\xff\xff", ["not UTF-8", "line 2", "save the file again"]),
    (changed("t = 1", f"t = {'[' * 1400}"), ["not TOML", "too deeply nested"]),
    (changed("t = 1", f"t = 1{'0' * 1400}"), ["[given] t", "finite"]),
    # arrays
    (changed("t = 1", "t = []"), ["[given] t", "a vector, [0.1, 0.2], or a matrix"]),
    (changed("t = 1", "t = [[1], [1, 2]]"), ["[given] t", "rows of one length"]),
    (changed("t = 1", "t = [[1, [2]]]"), ["[given] t", "expected a number, got a list"]),
    (changed("W1 = 0.3", "W1 = [1, 2]"), ["loss", "E has the shape (2,)", "its sum or mean"]),
    (changed("W1 = 0.3", "W1 = [1, 2]", "W1*x1", "W1 @ [x1]"), ["[forward] z1", "expected numbers, names"]),
    (
        changed("x1 = 0.1", "x1 = [1, 2, 3]", "W1 = 0.3", "W1 = [1, 2]"),
        ["[forward] z1", "× does not fit", "(2,), (3,)"],
    ),
    (changed("W1*x1", "W1[x1]"), ["[forward] z1", "whole numbers in square brackets"]),
    (changed("W1*x1", "W1[0]"), ["[forward] z1", "[0] does not fit arrays of the shapes ()"]),
    (changed("W1*x1", f"W1[{10**19}]"), ["[forward] z1", f"[{10**19}] does not fit arrays of the shapes ()"]),
    (  # each product doubles what is written out
        changed("x1 = 0.1", "x1 = [1, 2]", "W1*x1", "dot(x1*" * 30 + "dot(x1, x1)" + ", x1)" * 30),
        [
            "[forward] z1",
            "names and operations where each of its numbers is written out; expected at most 50,000 in all",
        ],
    ),
    (  # before they are unrolled
        changed("x1 = 0.1", "x1 = [\n" + f"{[0.1] * 40},\n" * 40 + "]", "W1*x1", "sum(" + "@".join(["x1"] * 90) + ")"),
        ["[forward] z1", "grows to 128,000 names and operations"],
    ),
    (changed("x1 = 0.1", "x1 = [\n" + "0.1,\n" * 900 + "]", "W1*x1", "max(x1)"), ["[forward] z1", "too deeply nested"]),
    (
        changed("x1 = 0.1", "x1 = [1, 2]", "W1*x1", f"sum(x1, axis={10**19})"),
        ["[forward] z1", "sum does not fit arrays of the shapes (2,)"],
    ),
    (changed("x1 = 0.1", "x1 = [1, 2]", "W1*x1", "sum(x1, W1, 1)"), ["[forward] z1", "as in sum(X, axis=0)"]),
    (
        changed("t = 1", f"t = {[[1]] * 60}", "W1*x1", "t @ t.T"),
        ["[forward] z1", "grows to 3,600", "the shape (60, 60)"],
    ),
    (
        changed("t = 1", f"t = {[[1]] * 60}", "W1*x1", "t + t.T"),
        ["[forward] z1", "grows to 3,600", "the shape (60, 60)"],
    ),
    # steps
    (changed("lr = 0.5", "lr = 0.5\nsteps = 0"), ["steps", "a whole number from 1"]),
    (changed("lr = 0.5", "steps = 2"), ["steps", "lr is missing"]),
    (changed("lr = 0.5", "lr = 0.5\nsteps = 100_000"), ["steps", "200,000 numbers in all steps"]),
    (
        changed("lr = 0.5", "lr = 0.5\nsteps = 5_000", "W1*x1", "W1*x1" + " + W1*x1" * 90),
        ["steps", "500,000 names and operations in all steps"],
    ),
    (changed("[hand]", '[update]\nm = "g"\n[hand]'), ["[update]", 'a line p = "p - lr*g"']),
    (changed("[hand]", '[update]\np = "p - lr*q"\n[hand]'), ["[update] p", 'unknown name "q"']),
    (changed("[hand]", '[update]\nlr = "p"\n[hand]'), ["[update] lr", "the name of a state such as m"]),
    # too long
    (EXERCISE + "#" * 100_000, ["my.toml: too long", "100 kB"]),
    (EXERCISE + "\n" * 3_000, ["too long", "3,000 lines"]),
    (EXERCISE + f'h2 = "{"1 + " * 400}1"', ['"h2"', "too long", "at most 1,000"]),
    (
        changed("t = 1", "\n".join(f"t{i} = 1" for i in range(2000))),
        ["[given] t1999", "grows to 1 numbers", "2,000 in all"],
    ),
    (EXERCISE + "\n".join(f'"dE/dx{i}" = "1"' for i in range(1000)), ["[hand]", "too long", "1,000 numbers"]),
]


# Lines that are no TOML, each with the reason and with the line that mends it.
MENDED = [
    (changed('"W1+"', "W1+"), 16, "stands in quotes", '"W1+" = "0.3061"'),
    (changed('"z1\'"', "z1'"), 17, "stands in quotes", '"z1\'" = "0.0306"'),
    (changed('"dE/dh1"', "dE/dh1"), 15, "stands in quotes", '"dE/dh1" = "-0.4925"'),
    (changed('z1 = "0.030"', r'z1 = "W_1 \cdot x_1"'), 14, "stands in single quotes", r"z1 = 'W_1 \cdot x_1'"),
    (changed('z1 = "0.030"', r"z_1' &= W_1 \cdot x_1"), 14, "stands in single quotes", r"'z_1′' = 'W_1 \cdot x_1'"),
    (changed('z1 = "0.030"', "z1 ＝ 0.03"), 14, "in their narrow form", "z1 = 0.03"),
    (changed("[hand]", "［hand］"), 13, "in their narrow form", "[hand]"),
    (changed('z1 = "0.030"', "z1 → 0.03"), 14, "= stands between", "z1 = 0.03"),
    (changed('z1 = "0.030"', "z1 ≈ 0.03"), 14, "= stands between", "z1 = 0.03"),
    (changed('z1 = "0.030"', "z1 0.03"), 14, "= stands between", "z1 = 0.03"),
    (changed('z1 = "0.030"', "z1 ="), 14, "stand in quotes", 'z1 = ""'),
    (changed('z1 = "0.030"', 'z1 = "0.03";'), 14, "a remark begins with #", 'z1 = "0.03"'),
    (changed("t = 1", "t = 1\n정답 = 1"), 7, "stands in quotes", '"정답" = 1'),
    (changed("t = 1", "t = 1\nα = 0.1"), 7, "stands in quotes", '"α" = 0.1'),
    (changed("lr = 0.5", "α = 0.1"), 3, "the learning rate is called lr", "lr = 0.1"),
    (changed("lr = 0.5", "learning rate = 1/10"), 3, "the learning rate is called lr", "lr = 0.1"),
    (changed("lr = 0.5", "lr = 0.1 // half"), 3, "a remark begins with #", "lr = 0.1  # half"),
    (changed('"W1*x1"', '"W1*x1"; net'), 10, "a remark begins with #", 'z1 = "W1*x1"  # net'),
    (changed("lr = 0.5", "lr = 1/2"), 3, "a number is written in digits", "lr = 0.5"),
    (changed("x1 = 0.1", "x1 = 1/3"), 5, "a number is written in digits", "x1 = 0.3333333333333333"),
    (changed("x1 = 0.1", "x1 = 1/3 # a third"), 5, "in digits", "x1 = 0.3333333333333333 # a third"),
    (changed("x1 = 0.1", "x1 = .1"), 5, "a point between them", "x1 = 0.1"),
    (changed("x1 = 0.1", "x1 = 0,1"), 5, "a point between them", "x1 = 0.1"),
    (changed("x1 = 0.1", "x1 = 12 %"), 5, "in digits", "x1 = 0.12"),
    (changed("x1 = 0.1", "x1 = −0.1"), 5, "in digits", "x1 = -0.1"),
    (changed("x1 = 0.1", "x1: 2"), 5, "= stands between a name and its value", "x1 = 2"),
    (changed("x1 = 0.1", "x1: 1/4"), 5, "= stands between a name and its value", "x1 = 0.25"),
    (changed('"dE/dh1" =', '"dE/dh1":'), 15, "= stands between", '"dE/dh1" = "-0.4925"'),
    (changed('"W1*x1"', "W1*x1"), 10, "formulas stand in quotes", 'z1 = "W1*x1"'),
    (changed('"W1*x1"', "W1*x1 # the sum"), 10, "formulas stand in quotes", 'z1 = "W1*x1" # the sum'),
    (changed('z1 = "0.030"', "z1 = 3/100"), 14, "formulas stand in quotes", 'z1 = "3/100"'),
    (changed('"하나의 뉴런"', "하나의 뉴런"), 1, "text and formulas stand in quotes", 'title = "하나의 뉴런"'),
    (changed('"W1*x1"', "“W1*x1"), 10, "straight quotes", 'z1 = "W1*x1"'),
    (changed('"W1*x1"', '"W1*x1'), 10, "a quotation mark is missing", 'z1 = "W1*x1"'),
    (changed('"W1*x1"', 'W1*x1"'), 10, "a quotation mark is missing", 'z1 = "W1*x1"'),
    (changed('"dE/dh1"', 'dE/dh1"'), 15, "a quotation mark is missing", '"dE/dh1" = "-0.4925"'),
    (changed('"dE/dh1"', '"dE/dh1'), 15, "a quotation mark is missing", '"dE/dh1" = "-0.4925"'),
    (changed("[hand]", "[hand"), 13, "in brackets", "[hand]"),
]


@pytest.mark.parametrize(("text", "number", "reason", "mended"), MENDED)
def test_a_line_that_is_no_toml_is_answered_with_the_one_that_mends_it(folder, text, number, reason, mended):
    said = complaint(folder, text, number)
    assert f"line {number}" in str(said)
    assert reason in str(said)
    assert str(said).endswith(f"; write {mended}")
    assert said.in_("ko").endswith(f"이렇게 쓰세요: {mended}")
    lines = text.split("\n")
    lines[number - 1] = mended
    read(folder, "\n".join(lines))


def complaint(folder, text, number):
    """What is said of the one line of a file that is no TOML: of one in [hand] a note, of another an error."""
    if "[hand]" not in text.split("\n")[: number - 1]:
        return error_of(folder, text).said
    (noted,) = read(folder, text).unreadable
    assert noted.name in EXERCISE or noted.name == "z_1′"
    return noted.why


def test_a_damaged_line_of_hand_costs_that_line_but_many_are_no_sheet(folder):
    damaged = changed('"dE/dh1" = "-0.4925"', '"dE/dh1" = "-0.4925') + "감사합니다\n"
    exercise = read(folder, damaged)
    assert [each.name for each in exercise.unreadable] == ["dE/dh1", "감사합니다"]
    assert list(exercise.hand) == ["z1", "W1+", "z1'"]
    assert "not TOML" in str(error_of(folder, EXERCISE + "?\n" * 2))  # one name twice
    many = "".join(f'z{i} = "\n' for i in range(30))
    assert "line 18" in str(error_of(folder, EXERCISE + many))


# Lines of [hand] that cannot be read: they are noted, the rest of the sheet is read.
UNREADABLE = [
    (changed('"0.030"', "[]"), ["z1", "a list"]),
    (changed('"0.3061"', '"softmax(x1, t) = 0.3"'), ["W1+", "one number, got an array of the shape (2,)"]),
    (changed("W1 = 0.3", "W1 = [1, 2]", "W1*x1", "W1[0]*x1"), ["W1+", "W1+ has the shape (2,)", "W1[0]+"]),
    (
        changed("x1 = 0.1", "x1 = [1, 2]", "W1*x1", "W1*x1[1]", "dE/dh1", "dE/dx1").replace('"-0.4925"', '["1"]'),
        ["dE/dx1", "of the shape (2,), got (1,)"],
    ),
    (changed('"0.3061"', '"x1 @ x1 = 0.3"'), ["W1+", "@ does not fit"]),
    (
        changed("x1 = 0.1", "x1 = [1, 2]", "W1*x1", "W1*x1[1]", '"0.3061"', '"x1 = 0.3"'),
        ["W1+", "expected one number, got an array of the shape (2,)"],
    ),
    (
        changed("x1 = 0.1", "x1 = [1, 2]", "W1*x1", "W1*x1[1]", '"0.3061"', '"x1[:0] + 1 = 0.3"'),
        ["W1+", "expected one number, got an array of the shape (0,)"],
    ),
    (
        changed("x1 = 0.1", "x1 = [1, 2]", "W1*x1", "W1*x1[1]", '"0.3061"', f'"{"sum(x1) + " * 80}x1[0]"'),
        ["W1+", "each of its numbers is worked in more than 1,000 characters"],
    ),
    (changed('z1 = "0.030"', 'z2 = "0.030"'), ["z2", 'unknown name "z2", did you mean z1?']),
    (changed('"dE/dh1"', '"dE/dh2"'), ["dE/dh2", 'unknown name "h2"; expected a name', "did you mean dE/dh1?"]),
    (changed('"0.030"', '"W1x1"'), ["z1", 'unknown name "W1x1", did you mean W1*x1?']),
    (changed('"W1+"', '"W1_new"'), ["W1_new", "did you mean W1+?"]),
    (changed('"W1+"', '"new_W1"'), ["new_W1", "did you mean W1+?"]),
    (changed('"z1\'"', '"z1(새)"'), ["z1(새)", "did you mean z1'?"]),
    (changed('"dE/dh1"', '"dF/dh1"'), ["dF/dh1", 'unknown name "F"']),
    (changed('"dE/dh1"', '"E/h1"'), ["E/h1", "as in dE/dW", "did you mean dE/dh1?"]),
    (changed('"dE/dh1"', '"dh1/dE"'), ["dh1/dE", "did you mean dE/dh1?"]),
    (changed('"dE/dh1"', '"dW1/dx1"'), ["dW1/dx1", "what [forward] computes, which W1 is not"]),
    (changed('"0.030"', "[]"), ["z1", "a list"]),
    (changed('"0.3061"', '"softmax(x1, t) = 0.3"'), ["W1+", "one number, got an array of the shape (2,)"]),
    (
        changed("x1 = 0.1", "x1 = [1, 2]", "W1*x1", "W1*x1[0]", '"dE/dh1"', '"dE/dx1"'),
        ["dE/dx1", "x1 has the shape (2,)", "x1[0]"],
    ),
    (
        changed("x1 = 0.1", "x1 = [1, 2]", "W1*x1", "W1*x1[0]", '"dE/dh1" = "-0.4925"', '"dE/dx1" = ["1"]'),
        ["dE/dx1", "expected numbers of the shape (2,), got (1,)"],
    ),
    (changed('"0.3061"', '"x1 @ x1 = 0.3"'), ["W1+", "@ does not fit"]),
    (changed('"dE/dh1"', "\"dE''/dh1''\""), ["dE''/dh1''", "comes after more updates than steps = 1"]),
    (changed('"dE/dh1"', '"E@x"'), ["E@x", "the number of a pass behind @"]),
    (changed('"W1+"', '"x1+"'), ["x1+", "what is given stays"]),
    (changed('"W1+"', '"z1+"'), ["z1+", "z' of one of [forward]", "did you mean z1'?"]),
    (changed('"z1\'"', '"W1\'"'), ["W1'", "defined twice"]),
    (changed('"dE/dh1"', '"de/dw1"'), ["de/dw1", 'unknown name "e"', "did you mean dE/dW1?"]),
    (changed('"dE/dh1"', '"W₁⁺"'), ["W1+", "defined twice, before in [hand]"]),
    (changed('"0.030"', '"∂E∂W1 · 0.1"'), ["z1", "the bars of fractions were lost in copying"]),
    (changed('"W1+"', '"∂E/∂h1"'), ["∂E/∂h1", "defined twice, before in [hand]"]),
    (changed('"W1+"', '""'), ["", 'unknown name ""']),
    (changed("lr = 0.5", ""), ["W1+", "lr is missing", "lr = 0.5"]),
    (changed("lr = 0.5", "", '"W1+"', '"dE/dW1"'), ["z1'", "lr is missing"]),
    (changed('"0.030"', '"abc"'), ["z1", "expected a number", '"abc"', "0.3 - 0.5*0.1 = 0.25"]),
    (changed('"0.030"', '"0.3*x9 = 0.03"'), ["z1", 'unknown name "x9"']),
    (changed('"0.030"', '"elu(x1)"'), ["z1", 'no such function "elu"; there are']),
    (changed('"0.030"', '"1,234"'), ["z1", "1,234 may be 1.234 or 1234"]),
    (changed('"0.030"', '"0.3 0.1"'), ["z1", 'did you mean "0.3*0.1"?']),
    (changed('"0.030"', '"{x1 (0.03), 0 (z1 < 0)}"'), ["z1", "expected cases such as {1 (z1 > 0), 0 (z1 < 0)}"]),
    (changed('"0.030"', '"{1 (z1 2), 0 (z1 < 0)}"'), ["z1", "expected cases such as {1 (z1 > 0), 0 (z1 < 0)}"]),
    (changed('"0.030"', f'"{"1" * 1100}"'), ["z1", "too long"]),
    (changed('"0.030"', '"1e400"'), ["z1", "finite"]),
    (changed('"0.030"', '"1e99999999999999999999"'), ["z1", "expected an operator before"]),
    (changed('"0.030"', "nan"), ["z1", "expected a number"]),
    (changed('"0.030"', "1e-99999999999999999999"), ["z1", "expected a number"]),
    (changed('"0.030"', "true"), ["z1", "expected a number", "true or false"]),
    (changed('"0.030"', "{}"), ["z1", "a table"]),
    (changed('"0.030"', f"0x{'f' * 400}"), ["z1", "finite"]),
]


def error_of(folder: Path, text: str | bytes) -> ExerciseError:
    with pytest.raises(ExerciseError) as info:
        solve(read(folder, text))
    return info.value


@pytest.mark.parametrize(("text", "words"), ERRORS, ids=[f"{i}: {words[-1]}" for i, (_, words) in enumerate(ERRORS)])
def test_an_error_names_the_file_and_the_line_and_says_what_was_expected(folder, text, words):
    error = error_of(folder, text)
    assert str(error).startswith("my.toml: ")
    for each in words:
        assert each in str(error), str(error)
    assert error.korean.startswith("my.toml: ")
    assert re.search("[가-힣]", error.korean)
    assert "\n" not in str(error) + error.korean


@pytest.mark.parametrize(("text", "words"), UNREADABLE)
def test_a_line_that_cannot_be_read_is_noted_and_the_rest_is_read(folder, text, words):
    exercise = read(folder, text)
    name, why = exercise.unreadable[0].name, exercise.unreadable[0].why
    assert name == words[0]
    for each in words[1:]:
        assert each in str(why), str(why)
    assert re.search("[가-힣]", why.in_("ko"))
    assert "\n" not in str(why) + why.in_("ko")
    assert len(exercise.hand) + len(exercise.unreadable) == 4
    assert exercise.blanks == ()
    solve(exercise)


def student_errors(folder: Path) -> list[ExerciseError]:
    """The errors of files that name other files, and of paths and names that lead nowhere."""
    errors = [error_of(folder, f"exercise = {named!r}\n[hand]\n") for named in ("chapter8", "/etc/passwd")]
    for path in (folder / "nothing.toml", folder, os.devnull, "chapter8"):
        with pytest.raises(ExerciseError) as info:
            load(path)
        errors.append(info.value)
    return errors


def changed_meanwhile(folder: Path, monkeypatch: pytest.MonkeyPatch) -> ExerciseError:
    """The error of a file that is written to while it is read."""
    (path := folder / "meanwhile.toml").write_text("[given]\n", "utf-8")
    with monkeypatch.context() as patch:
        at_the_end(patch, longer, path)
        with pytest.raises(ExerciseError) as info:
            load(path)
    return info.value


def test_every_message_is_said_somewhere_above(folder, monkeypatch):
    said = [str(changed_meanwhile(folder, monkeypatch))]
    said += [str(complaint(folder, text, number)) for text, number, *_ in MENDED]
    said += [str(error_of(folder, text)) for text, _ in ERRORS] + [str(error) for error in student_errors(folder)]
    said += [str(each.why) for text, _ in UNREADABLE for each in read(folder, text).unreadable]
    files = sorted(
        {*Path(module.__file__).parent.glob("*.py")} - {Path(register.__file__)}
    )  # which lists of names have
    messages = {each for file in files for each in sentences(file.read_text("utf-8"))}
    patterns = {each: re.sub(r"\\\{[^}]+\\\}", ".*", re.escape(each)) for each in messages}
    assert len(messages) > 60
    assert [each for each, pattern in patterns.items() if not any(re.search(pattern, one) for one in said)] == []
    assert {character for each in messages for character in each if not character.isascii()} <= {"…", "∂"}


def test_an_error_can_be_passed_between_processes(folder):
    error = error_of(folder, "")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.korean) == (str(error), error.korean)


def test_text_from_a_file_reaches_a_message_only_in_printable_characters(folder):
    error = error_of(folder, changed("W1*x1", "W1 \\u001b[31m \\u202e x1", 'loss = "E"', 'loss = "E\\u0007"'))
    assert (str(error) + error.korean).isprintable()
    title = read(folder, changed("하나의 뉴런", "\\u001b[2J하나")).title
    assert title.isprintable()


# --- built-in exercises and students' files ---------------------------------------------------------------------------


def test_a_built_in_exercise_goes_by_its_name():
    assert load("chapter7").source == "chapter7.toml"
    assert "chapter7" in built_in()
    assert 'loss = "E_total"' in source_text("chapter7")
    for call in (load, source_text):
        with pytest.raises(
            ExerciseError, match=r"no built-in exercise \"chapter8\", did you mean chapter7\?; there are absolute"
        ):
            call("chapter8")


def test_a_students_file_puts_its_numbers_in_the_place_of_the_exercises_own(folder):
    exercise = read(folder, 'exercise = "chapter7"\n[hand]\nz1 = "0.09"\n"W5+" = 0.437\nz2 = ""\n', "kim.toml")
    assert (exercise.name, exercise.source) == ("chapter7", "kim.toml")
    assert exercise.hand == {"z1": "0.09", "W5+": "0.437"}
    assert exercise.blanks == ("z2",)
    assert exercise.forward == load("chapter7").forward


def test_a_students_file_may_name_a_file_in_its_own_folder_or_below(tmp_path):
    (tmp_path / "week3").mkdir()
    (tmp_path / "week3" / "net.toml").write_text(EXERCISE, "utf-8")
    exercise = read(tmp_path, 'exercise = "week3/net.toml"\n[hand]\nh1 = "0.5"\n', "kim.toml")
    assert (exercise.name, exercise.source, exercise.hand) == ("net", "kim.toml", {"h1": "0.5"})


@pytest.mark.parametrize(
    "named",
    ["../net.toml", "/etc/hosts.toml", "week3/../../net.toml", "net", "net.txt", "", "a\\u0000.toml", "loop.toml"],
)
def test_a_students_file_names_nothing_outside_its_folder(tmp_path, named):
    (tmp_path / "net.toml").write_text(EXERCISE, "utf-8")
    (tmp_path / "student").mkdir()
    (tmp_path / "student" / "loop.toml").symlink_to(tmp_path / "net.toml")
    with pytest.raises(
        ExerciseError,
        match=r"^kim\.toml: exercise: expected a built-in exercise \(.*\) or a \.toml file in this folder",
    ):
        read(tmp_path / "student", f'exercise = "{named}"\n[hand]\n', "kim.toml")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('exercise = "chapter7"', ["missing table [hand]"]),
        ('exercise = "chapter7"\nlr = 0.1\n[hand]', ['unknown part "lr"', "exercise, hand"]),
        ("exercise = 7\n[hand]", ["exercise: expected", "a number"]),
        ('name = 7\nexercise = "chapter7"\n[hand]', ['name: expected name = "…", got a number']),
        ('seed = "7"\nexercise = "chapter7"\n[hand]', ["seed: expected seed = 7, got text"]),
        ('nmae = "Kim"\nexercise = "chapter7"\n[hand]', ['unknown part "nmae", did you mean name?']),
        ('exercise = "chapter-7"\n[hand]', ['"chapter-7", did you mean chapter7?']),
        ('exercise = "nothing.toml"\n[hand]', ["kim.toml: nothing.toml: no such file"]),
        ('exercise = "kim.toml"\n[hand]', ["kim.toml: kim.toml: unknown part", "exercise"]),
    ],
)
def test_an_error_in_a_students_file_names_it(tmp_path, text, words):
    with pytest.raises(ExerciseError) as info:
        read(tmp_path, text, "kim.toml")
    assert str(info.value).startswith("kim.toml: ")
    for each in words:
        assert each in str(info.value), str(info.value)


def test_a_file_says_whose_it_is_and_with_which_seed_its_numbers_were_drawn(tmp_path):
    drawn = read(tmp_path, f'name = "the key"\nseed = 7\n{EXERCISE}', "net7.toml")
    assert (drawn.student, drawn.seed) == ("the key", 7)
    answered = read(tmp_path, 'name = " 김하늘\\u001b[2J "\nexercise = "net7.toml"\n[hand]\n', "kim.toml")
    assert (answered.student, answered.seed) == ("김하늘\\x1b[2J", 7)
    other = read(tmp_path, 'seed = 0\nexercise = "net7.toml"\n[hand]\n', "lee.toml")
    assert (other.student, other.seed) == ("", 0)
    assert (load("chapter7").student, load("chapter7").seed) == ("", None)


def test_paths_that_are_no_ordinary_files_are_errors(tmp_path):
    loop = tmp_path / "loop.toml"
    loop.symlink_to(loop)
    for path in (
        tmp_path,
        tmp_path / "nothing.toml",
        loop,
        tmp_path / ("x" * 300),
        "a\0b.toml",
        tmp_path / "\udc80.toml",
        Path("/dev/zero"),
    ):
        with pytest.raises(ExerciseError) as info:
            load(path)
        assert str(info.value).isprintable()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")
def test_a_fifo_is_an_error_and_does_not_wait(tmp_path):
    os.mkfifo(tmp_path / "pipe.toml")
    said: list[str] = []

    def attempt() -> None:
        try:
            load(tmp_path / "pipe.toml")
        except ExerciseError as error:
            said.append(str(error))

    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(10)
    assert said == ["pipe.toml: expected a text file, cannot read it: not an ordinary file"]


def test_a_link_to_a_file_is_as_good_as_the_file(tmp_path):
    (tmp_path / "net.toml").write_text(EXERCISE, "utf-8")
    (tmp_path / "link.toml").symlink_to(tmp_path / "net.toml")
    assert load(tmp_path / "link.toml").name == "link"


# --- hostile files ----------------------------------------------------------------------------------------------------

DOTTED = ".".join("a" * 700)
CHAIN = "\n".join(f'y{i} = "{"+".join([f"y{i - 1}"] * 50)}"' for i in range(1, 200))
HOSTILE = {
    "one key of 50,000 parts": ".".join("a" * 49_000) + " = 1",
    "keys of 700 parts": "\n".join(f"b{i}.{DOTTED} = 1" for i in range(60)),
    "a deep table with many keys": f"[{DOTTED}]\n" + "\n".join(f"k{i}.a = 1" for i in range(2_900)),
    "tables in tables": "a = " + "{a = " * 280 + "1" + "}" * 280,
    "lists in lists": "a = " + "[" * 1_400,
    "a long integer": "a = " + "9" * 1_400,
    "a long hexadecimal integer": "a = 0x" + "f" * 1_400,
    "a long string": 'title = """' + ("x" * 1_400 + "\n") * 60 + '"""',
    "arrays of tables": "[[a]]\n" * 2_900,
    "values that grow at each of 200 lines": f'title = "t"\nloss = "y199"\n[given]\ny0 = 1\n[forward]\n{CHAIN}\n',
    "a formula of exponents": changed("W1*x1", "9**" * 90 + "9"),
    "unquoted operators": changed("W1 = 0.3", f"W1{'+' * 1_300} = 0.3"),
    "nothing": "",
    "binary": bytes(range(256)) * 100,
    "zeros": bytes(10_000),
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_is_an_error_within_seconds(folder, text):
    error = assert_quick(lambda: error_of(folder, text), 5)
    assert str(error).startswith("my.toml: ")
    assert len(str(error)) < 1_000


def test_a_large_exercise_is_worked_within_seconds(folder):
    lines = "\n".join(f'y{i} = "{" + ".join([f"sin(y{i - 1})/12"] * 10)}"' for i in range(1, 250))
    hand = "\n".join(f'"dy{i}/dy0" = "0"' for i in range(1, 250))
    text = f'title = "t"\nloss = "y249"\nlr = 0.1\n[given]\n[parameters]\ny0 = 1\n[forward]\n{lines}\n[hand]\n{hand}\n'
    assert 30_000 < len(text) < 100_000

    def worked():
        exercise = read(folder, text)
        solution = solve(exercise)
        return [solution.value(name) for name in exercise.hand]

    assert all(map(math.isfinite, assert_quick(worked, 20)))
