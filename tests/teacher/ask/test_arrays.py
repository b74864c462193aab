"""Exercises with vectors, matrices and several updates: what is unrolled comes to what numpy and plain Python say.

A formula of an exercise is one of numpy's, so numpy is asked directly: the text itself is run with numpy's functions.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from micrograd_kr.engine import gradients
from micrograd_kr.teacher.ask.arrays import entry
from micrograd_kr.teacher.ask.exercise import Exercise, parse_name
from micrograd_kr.teacher.ask.file import load
from micrograd_kr.teacher.ask.messages import ExerciseError
from micrograd_kr.teacher.ask.solution import solve
from micrograd_kr.teacher.derive.explanation import as_latex, as_text, explain_exercise
from micrograd_kr.teacher.derive.sections import tensors
from micrograd_kr.teacher.show.page import page
from micrograd_kr.teacher.show.picture import draw_exercise
from micrograd_kr.teacher.show.worksheet import as_text as sheet_text
from micrograd_kr.teacher.show.worksheet import worksheet

IN_ARRAYS = ["xor", "straight-line", "softmax", "recurrent-vectors"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("arrays")


def read(folder: Path, text: str) -> Exercise:
    path = folder / "my.toml"
    path.write_text(text, "utf-8")
    return load(path)


# --- random formulas --------------------------------------------------------------------------------------------------


def softmax(x: Any, axis: int = -1) -> Any:
    weights = np.exp(x - np.max(x, axis, keepdims=True))
    return weights / weights.sum(axis, keepdims=True)


NUMPY = {
    "sum": np.sum,
    "mean": np.mean,
    "max": lambda *of, axis=None: np.maximum(*of) if len(of) > 1 else np.max(of[0], axis),
    "min": lambda *of, axis=None: np.minimum(*of) if len(of) > 1 else np.min(of[0], axis),
    "softmax": softmax,
    "log_softmax": lambda x, axis=-1: np.log(softmax(x, axis)),
    "dot": np.matmul,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softplus": lambda x: np.log(1 + np.exp(x)),
    "relu": lambda x: np.maximum(x, 0),
} | {name: getattr(np, name) for name in ("tanh", "exp", "log", "sqrt", "abs", "sin", "cos")}

OF_ANY = ["{x} + {y}", "{x} - {y}", "{x}*{y}", "{x}/(3 + {y}**2)", "-{x}", "{x}**2", "2*{x} - 0.5", "max({x}, {y})"]
OF_ANY += ["min({x}, {y})", "sigmoid({x})", "tanh({x})", "exp(0.1*{x})", "log(9 + {x}**2)", "sqrt(1 + {x}**2)"]
OF_ANY += ["softplus({x})", "relu({x})", "abs({x})", "sin({x}) + cos({y})", "{x}.T"]
OF_ARRAYS = ["{x} @ {y}", "{x}.T @ {y}", "dot({x}, {y})", "sum({x})", "sum({x}, 0)", "mean({x})", "mean({x}, axis=-1)"]
OF_ARRAYS += ["max({x})", "min({x}, axis=0)", "softmax({x})", "softmax({x}, axis=0)", "log_softmax({x})"]
OF_ARRAYS += ["{x}[0]", "{x}[-1]*{y}", "{x}[:, 0]", "{x}[0, -1] + {y}", "{x}[::-1]", "sum({x}*{x}, 0) - {x}[0]"]
SHAPES = [(), (1,), (2,), (3,), (2, 2), (2, 3), (3, 2), (1, 3), (3, 1), (3, 3)]


@dataclass(frozen=True)
class Net:
    """Arrays to start from and lines of formulas on them, the last the loss; numpy's own results of each."""

    start: dict[str, Any]
    lines: dict[str, str]
    values: dict[str, Any]

    def toml(self) -> str:
        start = "\n".join(f"{name} = {np.asarray(each).tolist()}" for name, each in self.start.items())
        lines = "\n".join(f'{name} = "{text}"' for name, text in self.lines.items())
        return f'title = "random"\nloss = "E"\nlr = 0.001\n[given]\n[parameters]\n{start}\n[forward]\n{lines}\n'

    def worked(self, start: dict[str, Any]) -> dict[str, Any]:
        values = dict(start)
        for name, text in self.lines.items():
            values[name] = np.asarray(eval(text, {**NUMPY, **values}))
        return values


def result(text: str, values: dict[str, Any]) -> Any:
    """What numpy makes of a formula; None for shapes that do not fit together."""
    try:
        return np.asarray(eval(text, {**NUMPY, **values}))
    except (ValueError, IndexError):
        return None


@st.composite
def nets(draw: st.DrawFn) -> Net:
    """Up to five lines, each on arrays or numbers that stand above it, some of them one formula within another."""
    numbers = st.integers(-96, 95).map(lambda k: (2 * k + 1) / 128)
    start: dict[str, Any] = {}
    for name in "abc":
        shape = draw(st.sampled_from(SHAPES))
        size = math.prod(shape)
        start[name] = np.array(draw(st.lists(numbers, min_size=size, max_size=size, unique=True))).reshape(shape)
    values, lines = dict(start), dict[str, str]()
    for i in range(draw(st.integers(1, 5))):
        operands = []
        for _ in "xy":
            operand = draw(st.sampled_from([*values]))
            if draw(st.booleans()):
                inner = draw(st.sampled_from(OF_ANY)).format(x=operand, y=draw(st.sampled_from([*values])))
                operand = f"({inner})" if result(inner, values) is not None else operand
            operands.append(operand)
        fitting = OF_ANY + (OF_ARRAYS if np.ndim(result(operands[0], values)) else [])
        text = draw(st.sampled_from(fitting)).format(x=operands[0], y=operands[1])
        found = result(text, values)
        if found is not None and found.size and np.abs(found).max() < 100:
            lines[f"l{i}"], values[f"l{i}"] = text, found
    assume(lines)
    last = list(lines)[-1]
    lines["E"] = f"mean(sin({last}))" if values[last].ndim else f"sin({last})"
    net = Net(start, lines, values)
    return Net(start, lines, net.worked(start))


@given(net=nets())
def test_every_entry_of_random_formulas_is_numpys(net: Net, folder: Path) -> None:
    exercise = read(folder, net.toml())
    values = solve(exercise).before
    for name, array in net.values.items():
        assert exercise.shapes.get(name, ()) == array.shape, net.lines
        for at in np.ndindex(array.shape):
            expected = pytest.approx(float(array[at]), rel=1e-11, abs=1e-13)
            assert values[entry(name, at)].data == expected, net.lines


@given(net=nets())
def test_gradients_of_random_formulas_are_the_differences_and_those_of_the_engine_in_arrays(net: Net, folder) -> None:
    exercise = read(folder, net.toml())
    slopes, whole_of = solve(exercise).gradients, tensors(exercise)
    whole = dict(zip(net.start, gradients(whole_of["E"], [whole_of[name] for name in net.start]), strict=True))
    step, here = 1e-5, float(net.worked(net.start)["E"])
    for name, array in net.start.items():
        for at in np.ndindex(array.shape):
            moved = []
            for sign in (1, -1):
                other = array.copy()
                other[at] += sign * step
                moved.append(float(net.worked({**net.start, name: other})["E"]))
            found = slopes[entry(name, at)]
            ahead, behind = (moved[0] - here) / step, (here - moved[1]) / step
            if ahead == pytest.approx(behind, rel=1e-2, abs=1e-3):  # else there is a kink, where max takes either
                assert found == pytest.approx((ahead + behind) / 2, rel=1e-4, abs=1e-6), (net.lines, name, at)
            assert found == pytest.approx(float(np.asarray(whole[name])[at]), rel=1e-9, abs=1e-12), (net.lines, name)


@given(
    shapes=st.tuples(st.sampled_from(SHAPES[1:]), st.sampled_from(SHAPES[1:])),
    text=st.sampled_from(["a + b", "a @ b", "a*b.T", "dot(a.T, b)", "a[1]", "a[:, 2]", "a[1, 1]", "sum(a, 1)"]),
)
def test_what_does_not_fit_for_numpy_is_an_error_that_names_the_line(shapes, text, folder) -> None:
    a, b = (np.arange(math.prod(shape)).reshape(shape) + 0.5 for shape in shapes)
    found = result(text, {"a": a, "b": b})
    loss = "sum(z)" if found is None or found.ndim else "z"
    net = Net({"a": a, "b": b}, {"z": text, "E": loss}, {})
    if found is None:
        with pytest.raises(ExerciseError, match=r"\[forward\] z: .* does not fit arrays of the shapes? "):
            read(folder, net.toml())
    else:
        assert read(folder, net.toml()).shapes.get("z", ()) == found.shape


# --- names ------------------------------------------------------------------------------------------------------------

SMALL = """\
title = "small"
loss = "E"
lr = 0.1
steps = 3
[given]
x = [0.5, -0.25]
t = [0.5, 0.75]
[parameters]
W = [[0.5, 0.25], [-0.75, 1.5]]
b = 0.125
[forward]
z = "W @ x + b"
E = "sum((z - t)**2)"
"""


@pytest.mark.parametrize(
    "alike",
    [
        ["W[0,1]+", "W[0,1]@1", "W[0, 1]⁺", "W[0,1]+@1"],
        ["W[0,1]++", "W[0,1]@2", "W[0,1]⁺⁺", "W[0,1]+@2"],
        ["b+@3", "b@3", "b+++"],
        ["z[1]'", "z[1]@1", "z[1]′"],
        ["z[1]''", "z[1]@2", "z[1]′′", "z[1]''@2"],
        ["E@3", "E'''"],
        ["dE/dW[1,0]@1", "dE'/dW[1,0]", "dE/dW[1,0]'", "dE'/dW[1,0]'", "∂E′/∂W[1,0]", "dE/dW[1,0]+"],
        ["dE/db@2", "dE''/db''", "dE''/db", "∂E/∂b @ 2"],
        ["dz[0]/dW[0,1]", "∂z[0]/∂W[0,1]", "dz[0]/dW[0,1]@0"],
    ],
)
def test_names_of_one_quantity_in_one_pass_are_read_alike(alike, folder):
    exercise = read(folder, SMALL)
    assert len({parse_name(exercise, name) for name in alike}) == 1
    lines = "\n".join(f'"{name}" = "1"' for name in alike)
    written = read(folder, f"{SMALL}[hand]\n{lines}\n")
    assert len(written.hand) == 1
    assert [each.name for each in written.unreadable] == alike[1:]  # defined twice


def test_passes_are_different_quantities(folder):
    exercise = read(folder, SMALL)
    for name in ("E", "b", "z[0]", "dE/db", "W[1,1]"):
        assert len({solve(exercise).value(f"{name}@{k}") for k in range(4)}) == 4


# --- updates ----------------------------------------------------------------------------------------------------------

LINE = """\
title = "line"
loss = "E"
lr = 0.1
steps = 5
[given]
x = [1.5, -0.5]
y = [3, 0.25]
decay = 0.05
[parameters]
w = 0.5
b = 0.25
[forward]
h = "w*x + b"
E = "mean((h - y)**2)"
[update]
"""
State = dict[str, float]
Change = Callable[[float, float, int, State], float]


def momentum(p: float, g: float, k: int, state: State) -> float:
    state["m"] = 0.9 * state.get("m", 0.0) + g
    return p - 0.1 * state["m"]


def nesterov(p: float, g: float, k: int, state: State) -> float:
    state["m"] = 0.9 * state.get("m", 0.0) + g
    return p - 0.1 * (g + 0.9 * state["m"])


def adam(p: float, g: float, k: int, state: State) -> float:
    state["m"] = 0.9 * state.get("m", 0.0) + 0.1 * g
    state["v"] = 0.99 * state.get("v", 0.0) + 0.01 * g * g
    return p - 0.1 * (state["m"] / (1 - 0.9**k)) / (math.sqrt(state["v"] / (1 - 0.99**k)) + 1e-8)


def adagrad(p: float, g: float, k: int, state: State) -> float:
    state["s"] = state.get("s", 0.0) + g * g
    return p - 0.1 * g / math.sqrt(state["s"] + 1e-6)


UPDATES: dict[str, tuple[str, Change]] = {
    "gradient descent": ('p = "p - lr*g"', lambda p, g, k, state: p - 0.1 * g),
    "momentum": ('m = "0.9*m + g"\np = "p - lr*m"', momentum),
    "Nesterov": ('m = "0.9*m + g"\np = "p - lr*(g + 0.9*m)"', nesterov),
    "Adam": (
        'm = "0.9*m + 0.1*g"\nv = "0.99*v + 0.01*g**2"\np = "p - lr*(m/(1 - 0.9**k))/(sqrt(v/(1 - 0.99**k)) + 1e-8)"',
        adam,
    ),
    "AdaGrad": ('s = "s + g**2"\np = "p - lr*g/sqrt(s + 1e-6)"', adagrad),
    "weight decay": ('p = "p - lr*(g + decay*p)"', lambda p, g, k, state: p - 0.1 * (g + 0.05 * p)),
    "ascent": ('p = "p + lr*g"', lambda p, g, k, state: p + 0.1 * g),
    "clipped": ('p = "p - lr*max(min(g, 0.5), -0.5)"', lambda p, g, k, state: p - 0.1 * max(min(g, 0.5), -0.5)),
    "a falling rate": ('p = "p - lr/(1 + decay*k)*g"', lambda p, g, k, state: p - 0.1 / (1 + 0.05 * k) * g),
    "the sign": ('p = "p - lr*g/abs(g)"', lambda p, g, k, state: p - 0.1 * math.copysign(1, g)),
    "before the state": ('p = "p - lr*m"\nm = "g"', lambda p, g, k, state: p - 0.1 * state.pop("m", 0.0)),
}


@pytest.mark.parametrize("rule", UPDATES)
def test_each_rule_of_update_does_what_plain_python_does_over_five_steps(rule, folder):
    lines, change = UPDATES[rule]
    solution = solve(read(folder, LINE + lines))
    w, b = 0.5, 0.25
    states: dict[str, State] = {"w": {}, "b": {}}
    for k in range(6):
        errors = [(w * x + b - y, x) for x, y in ((1.5, 3), (-0.5, 0.25))]
        slopes = {"w": sum(e * x for e, x in errors), "b": sum(e for e, _ in errors)}  # of the mean of two squares
        expected = {f"E@{k}": sum(e * e for e, _ in errors) / 2, f"w@{k}": w, f"b@{k}": b}
        expected |= {f"dE/d{name}@{k}": slope for name, slope in slopes.items()}
        expected |= {f"{line}_{name}@{k}": each for name, state in states.items() for line, each in state.items()}
        for name, number in expected.items():
            assert solution.value(name) == pytest.approx(number, rel=1e-12, abs=1e-14), (rule, name)
        w, b = (change(p, slopes[name], k + 1, states[name]) for name, p in (("w", w), ("b", b)))
        if rule == "before the state":
            states = {name: {"m": slopes[name]} for name in states}


def test_a_matrix_with_momentum_does_what_numpy_does(folder):
    solution = solve(read(folder, SMALL + '[update]\nm = "0.5*m + g"\np = "p - lr*m"\n'))
    x, t, W, b = np.array([0.5, -0.25]), np.array([0.5, 0.75]), np.array([[0.5, 0.25], [-0.75, 1.5]]), 0.125
    m_W, m_b = np.zeros((2, 2)), 0.0
    for k in range(1, 4):
        delta = 2 * (W @ x + b - t)
        m_W, m_b = 0.5 * m_W + np.outer(delta, x), 0.5 * m_b + delta.sum()
        W, b = W - 0.1 * m_W, b - 0.1 * m_b
        for at in np.ndindex(2, 2):
            assert solution.value(entry("W", at) + f"+@{k}") == pytest.approx(W[at], rel=1e-13)
            assert solution.value(entry("m_W", at) + f"@{k}") == pytest.approx(m_W[at], rel=1e-13)
        assert solution.value(f"b@{k}") == pytest.approx(b, rel=1e-13)


# --- whole arrays by hand ---------------------------------------------------------------------------------------------


def test_a_whole_array_in_hand_is_its_entries_and_some_may_be_blank(folder):
    lines = """\
[hand]
z = ["0.3125", ""]
"W+" = [[0.5, "0.5 - 0.1*0 = 0.5"], ["", "1.5"]]
"dE/dW@2" = [[1, 2], [3, 4]]
"z''" = ["1", "2"]
"m_W@2" = [["1", "2"], ["3", "4"]]
"""
    exercise = read(folder, SMALL + '[update]\nm = "g"\np = "p - lr*m"\n' + lines)
    assert exercise.hand == {
        "z[0]": "0.3125",
        "W[0,0]+": "0.5",
        "W[0,1]+": "0.5 - 0.1*0 = 0.5",
        "W[1,1]+": "1.5",
        "dE/dW[0,0]@2": "1",
        "dE/dW[0,1]@2": "2",
        "dE/dW[1,0]@2": "3",
        "dE/dW[1,1]@2": "4",
        "z[0]''": "1",
        "z[1]''": "2",
        "m_W[0,0]++": "1",
        "m_W[0,1]++": "2",
        "m_W[1,0]++": "3",
        "m_W[1,1]++": "4",
    }
    assert exercise.blanks == ("z[1]", "W[1,0]+")


@pytest.mark.parametrize(
    ("line", "name", "why"),
    [
        ('z = ["1"]', "z", "expected numbers of the shape (2,), got (1,)"),
        ('"W+" = ["1", "2", "3", "4"]', "W+", "expected numbers of the shape (2, 2), got (4,)"),
        ('"dE/dW" = [["1"], ["2", "3"]]', "dE/dW", "expected numbers of the shape (2, 2), got (2,)"),
        ('E = ["1"]', "E", "expected a number, got a list"),
        ('z = "1"', "z", "z has the shape (2,): expected one of its numbers, z[0]"),
        ('"z[2]" = "1"', "z[2]", "z has the shape (2,): expected one of its numbers, z[0]"),
        ('"E@4" = "1"', "E@4", "E@4 comes after more updates than steps = 3"),
        ('"E@" = "1"', "E@", "expected the number of a pass"),
        ('"x+" = ["1", "2"]', "x+", "expected W+ of a name of [parameters]"),
    ],
)
def test_an_array_that_does_not_fit_is_one_line_that_says_what_was_expected(line, name, why, folder):
    exercise = read(folder, f"{SMALL}[hand]\n{line}\nb = 0.125\n")
    assert exercise.hand == {"b": "0.125"}
    assert exercise.unreadable[0].name == name
    assert str(exercise.unreadable[0].why).startswith(why)


# --- limits -----------------------------------------------------------------------------------------------------------


def rows(count: int, size: int) -> str:
    """A matrix, a line for each row."""
    return "[\n" + f"{[0.5] * size},\n" * count + "]"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            SMALL.replace("b = 0.125", f"b = 0.125\nV = {rows(45, 45)}"),
            r"\[parameters\] V: grows to 2,025 numbers.*2,000",
        ),
        (
            SMALL.replace("b = 0.125", f"b = 0.125\nV = {rows(40, 1)}\nU = {rows(1, 50)}").replace(
                "[forward]", '[forward]\nP = "V @ U"'
            ),
            r"\[forward\] P: grows to 2,000 numbers, of the shape \(40, 50\).*2,000",
        ),
        (SMALL.replace("steps = 3", "steps = 20_000"), r"steps: .*200,000 numbers in all steps"),
    ],
)
def test_what_grows_too_large_is_refused_by_the_line_where_it_does(text, message, folder):
    with pytest.raises(ExerciseError, match=message):
        read(folder, text)


def test_what_is_just_within_the_limits_is_read(folder):
    lines = SMALL.replace("b = 0.125", f"b = 0.125\nV = {rows(45, 44)}")
    assert len(read(folder, lines).positions) == 45 * 44 + 12


# --- what is made of them ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*IN_ARRAYS, "momentum", "adam"])
def test_explanation_picture_page_and_key_are_made_of_each(name):
    exercise = load(name)
    explanation = explain_exercise(exercise)
    for lang in ("en", "ko"):
        assert any(line.strip().startswith(exercise.loss) for line in as_text(explanation, lang=lang).splitlines())
        assert as_latex(explanation, lang=lang)
        key = sheet_text(worksheet(exercise), "markdown", lang=lang, answers=True)
        assert all(number.lstrip("-") in key for number in exercise.hand.values())
    assert draw_exercise(exercise).source.startswith("digraph")
    assert exercise.title.split(" · ")[0] in page(exercise)


@pytest.mark.parametrize("seed", [None, 5])
@pytest.mark.parametrize("name", [*IN_ARRAYS, "momentum", "adam"])
def test_a_worksheet_of_arrays_loads_again_and_is_the_same_exercise(name, seed, folder):
    exercise = load(name)
    sheet = worksheet(exercise, seed=seed)
    text = sheet_text(sheet, "toml")
    again = read(folder, text)
    assert (again.given, again.parameters) == (sheet.exercise.given, sheet.exercise.parameters)
    assert (again.shapes, again.written, again.forward) == (exercise.shapes, exercise.written, exercise.forward)
    assert (again.steps, again.update, again.lr) == (exercise.steps, exercise.update, exercise.lr)
    asks_for_updates = any(line.asked.step for line in sheet.lines)
    assert ("steps = " in text) == (exercise.steps > 1)
    assert ("[update]" in text) == (asks_for_updates or not exercise.is_usual)
    assert ([*again.asked], again.hand) == ([*exercise.asked], {})
    for array in {*exercise.shapes} - {*exercise.forward} - {each.partition("_")[2] for each in exercise.shapes}:
        assert (f"\n{array} = [" in text) == (array in exercise.whole({**exercise.given, **exercise.parameters}))
