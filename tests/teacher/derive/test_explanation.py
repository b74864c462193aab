"""What is explained is what is computed: the printed factors, multiplied and added, give the gradient."""

import io
import random
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from dataclasses import replace
from itertools import chain
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import people
import pytest
import strategies
from hypothesis import given, settings
from rich.cells import cell_len
from written import PLAIN, assert_balanced

from micrograd_kr import Value, explain, gradients, nn, no_grad, ops
from micrograd_kr.__main__ import main
from micrograd_kr.teacher.ask import expressions as symbols
from micrograd_kr.teacher.ask.exercise import Exercise
from micrograd_kr.teacher.ask.file import built_in, load
from micrograd_kr.teacher.ask.formula import Formula, evaluate, read_formula
from micrograd_kr.teacher.ask.messages import ExerciseError
from micrograd_kr.teacher.ask.quantity import Quantity
from micrograd_kr.teacher.ask.solution import solve
from micrograd_kr.teacher.derive import labelled as graphs
from micrograd_kr.teacher.derive import notation
from micrograd_kr.teacher.derive.chain import FACTORS, Derivation
from micrograd_kr.teacher.derive.explanation import (
    FORMATS,
    TEXT,
    Explanation,
    as_latex,
    as_markdown,
    as_mathml,
    as_text,
    decimals_of,
    explain_exercise,
    line_text,
)

CHAPTER = load("chapter7")


def exact(name: str | None, value: float, tight: bool) -> str:
    """Every digit of a number, so that what is printed can be worked again."""
    return f"({value!r})" if tight and value < 0 else repr(value)


def worked(text: str) -> float:
    """What printed numbers come to."""
    return float(evaluate(read_formula(text.translate(PLAIN)), {}))


def assert_every_line_comes_to_its_value(explanation: Explanation) -> None:
    """But for what stands in matrices, which no formula of numbers says."""
    in_numbers = (each for each in explanation.sections if "in matrices" not in str(each.title))
    for line in chain.from_iterable(each.lines for each in in_numbers):
        if line.in_numbers and line.sides:
            text = notation.text(line.sides[-1], in_numbers=True, number=exact)
            chosen = "{" in text or "sign(" in text  # no formula of an exercise
            value = symbols.number(line.sides[-1]) if chosen else worked(text)
            assert value == pytest.approx(line.value, rel=1e-9, abs=1e-14), line_text(line)


def shown(explanation: Explanation, name: str, kinds: str = "") -> str:
    """What is printed of a quantity, of all its lines or of those of some kinds."""
    return "\n".join(
        line_text(line, notation.decimals(8, exact=explanation.exact))
        for line in explanation.lines
        if line.name == name and (not kinds or line.kind in kinds.split())
    )


# --- the chapter ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CHAPTER.hand)
def test_each_of_the_forty_printed_numbers_stands_at_its_quantity(name: str) -> None:
    whole = explain_exercise(CHAPTER)
    assert shown(whole, name).endswith(f" = {CHAPTER.hand[name]}") or name == "dz3/dW5"
    assert shown(explain_exercise(CHAPTER, name), name).endswith(f" = {CHAPTER.hand[name]}")


def test_the_steps_back_are_the_chapters_in_the_chapters_order() -> None:
    forward, first, second, again = explain_exercise(CHAPTER).sections
    assert [line.name for line in forward.lines] == list(CHAPTER.forward)
    assert [line.name for line in again.lines] == [f"{name}'" for name in CHAPTER.forward]
    assert str(first.title) == "Backpropagation, step 1: W5, W6, W7, W8"
    assert str(second.title) == "Backpropagation, step 2: W1, W2, W3, W4"
    assert [line_text(line, notation.decimals(8, exact=CHAPTER.parameters)) for line in first.lines[:6]] == [
        "∂E_total/∂W5 = ∂E_total/∂o1·∂o1/∂z3·∂z3/∂W5",
        "∂E_total/∂o1 = ∂E_o1/∂o1 = −½·2·(target_o1 − o1) = −(target_o1 − o1) = −(0.4 − 0.60944600) = 0.20944600",
        "∂o1/∂z3 = o1·(1 − o1) = 0.60944600 × (1 − 0.60944600) = 0.23802157",
        "∂z3/∂W5 = h1 = 0.51998934",
        "∂E_total/∂W5 = 0.20944600 × 0.23802157 × 0.51998934 = 0.02592286",
        "W5⁺ = W5 − lr·∂E_total/∂W5 = 0.45 − 0.5 × 0.02592286 = 0.43703857",
    ]
    assert [line_text(line, notation.decimals(8, exact=CHAPTER.parameters)) for line in second.lines[:13]] == [
        "∂E_total/∂W1 = ∂E_total/∂h1·∂h1/∂z1·∂z1/∂W1",
        "∂E_total/∂h1 = ∂E_o1/∂h1 + ∂E_o2/∂h1",
        "∂E_o1/∂h1 = ∂E_o1/∂o1·∂o1/∂z3·∂z3/∂h1 = −(target_o1 − o1)·o1·(1 − o1)·W5",
        "∂z3/∂h1 = W5 = 0.45",
        "∂E_o1/∂h1 = 0.20944600 × 0.23802157 × 0.45 = 0.02243370",
        "∂E_o2/∂h1 = ∂E_o2/∂o2·∂o2/∂z4·∂z4/∂h1 = −(target_o2 − o2)·o2·(1 − o2)·W7",
        "∂z4/∂h1 = W7 = 0.7",
        "∂E_o2/∂h1 = 0.06384491 × 0.22315485 × 0.7 = 0.00997311",
        "∂E_total/∂h1 = 0.02243370 + 0.00997311 = 0.03240681",
        "∂h1/∂z1 = h1·(1 − h1) = 0.51998934 × (1 − 0.51998934) = 0.24960043",
        "∂z1/∂W1 = x1 = 0.1",
        "∂E_total/∂W1 = 0.03240681 × 0.24960043 × 0.1 = 0.00080888",
        "W1⁺ = W1 − lr·∂E_total/∂W1 = 0.3 − 0.5 × 0.00080888 = 0.29959556",
    ]


def test_a_derivative_is_written_out_once_and_then_used() -> None:
    lines = [line.name for line in explain_exercise(CHAPTER).lines if line.in_numbers]
    assert len(lines) == len(set(lines))


def test_a_quantity_asked_for_comes_last_and_a_given_one_is_its_number() -> None:
    for name in [*CHAPTER.hand, "x1", "dE_total/dE_total", "dE_total/dx1", "dz3/dx2", "dz4/dW1"]:
        explanation = explain_exercise(CHAPTER, name)
        assert explanation.lines[-1].name == name
        assert explanation.lines[-1].value == pytest.approx(solve(CHAPTER).value(name), rel=1e-12)


def test_what_does_not_depend_on_a_quantity_has_the_derivative_zero() -> None:
    assert shown(explain_exercise(CHAPTER, "dz4/dW5"), "dz4/dW5") == "∂z4/∂W5 = 0"


def test_an_unknown_quantity_says_so() -> None:
    with pytest.raises(ExerciseError, match="did you mean W8"):
        explain_exercise(CHAPTER, "W9+")


# --- random exercises -------------------------------------------------------------------------------------------------


def assert_gives_the_gradients(exercise: Exercise) -> None:
    solution, explanation = solve(exercise), explain_exercise(exercise)
    assert_every_line_comes_to_its_value(explanation)
    last = {line.name: line.value for line in explanation.lines if line.in_numbers}
    for name in exercise.parameters or exercise.given:
        slope = solution.gradients[name]
        assert last[f"d{exercise.loss}/d{name}"] == pytest.approx(slope, rel=1e-9, abs=1e-12)
    for step in solution.shown[1:]:
        for name in (*exercise.parameters, *exercise.forward):
            quantity = Quantity(name, step=step, is_parameter=name in exercise.parameters)
            assert last[str(quantity)] == pytest.approx(solution.value(quantity), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("name", built_in())
def test_the_printed_factors_of_a_built_in_exercise_give_its_gradients(name: str) -> None:
    assert_gives_the_gradients(load(name))


@given(seed=st.integers(0, 10**6))
def test_the_printed_factors_of_a_random_net_give_its_gradients(seed: int, tmp_path_factory) -> None:
    path = tmp_path_factory.mktemp("net") / "net.toml"
    path.write_text(people.draw_net(random.Random(seed)).toml(), "utf-8")
    assert_gives_the_gradients(load(path))


STEPS = [
    "{0}*{1}",
    "{0} + {1}",
    "{0} - 2*{1}",
    "{0}/(2 + {1}**2)",
    "sigmoid({0})*{1}",
    "tanh({0} + {1})",
    "{0}",
    "-{1}",
]
STEPS += ["max({0}, {1})", "relu({0})", "abs({0} - {1})", "1/2*({0} - {1})**2", "{0}*{0}", "leaky_relu({1}, 0.1)"]


@st.composite
def exercises(draw: st.DrawFn) -> Exercise:
    """Lines that use any two of what stands above them: ways part and meet, go past each other and end nowhere."""
    numbers = st.floats(-1.5, 1.5).filter(lambda x: abs(x) > 0.01)
    parameters = {"w1": draw(numbers), "w2": draw(numbers), "w3": draw(numbers)}
    names, forward = list(parameters), {}
    for i in range(draw(st.integers(1, 8))):
        one, two = draw(st.sampled_from(names[-4:])), draw(st.sampled_from(names))
        forward[f"l{i}"] = read_formula(draw(st.sampled_from(STEPS)).format(one, two))
        names.append(f"l{i}")
    return Exercise("random", "random", names[-1], 0.1, {}, parameters, forward, {}, "random.toml")


@given(exercise=exercises())
def test_the_printed_factors_of_random_lines_give_their_gradients(exercise: Exercise) -> None:
    assert_gives_the_gradients(exercise)


@settings(max_examples=30)
@given(exercise=exercises())
def test_every_derivative_of_random_lines_can_be_asked_for(exercise: Exercise) -> None:
    solution = solve(exercise)
    for of in exercise.forward:
        for by in [*exercise.parameters, *exercise.forward]:
            if exercise.positions[by] <= exercise.positions[of]:
                explanation = explain_exercise(exercise, f"d{of}/d{by}")
                assert explanation.lines[-1].value == pytest.approx(solution.value(f"d{of}/d{by}"), rel=1e-9, abs=1e-12)
                assert_every_line_comes_to_its_value(explanation)


def test_a_factor_that_is_forgotten_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    factors = Derivation._factors
    monkeypatch.setattr(
        Derivation, "_factors", lambda self, a, path: factors(self, a, path)[:-1] or factors(self, a, path)
    )
    with pytest.raises(AssertionError):
        assert_gives_the_gradients(CHAPTER)


# --- graphs -----------------------------------------------------------------------------------------------------------


def test_a_graph_of_labelled_values_is_explained_as_an_exercise_is() -> None:
    w, x = Value(0.5, "w"), Value(2.0, "x")
    z = w * x
    z.label = "z"
    loss = 0.5 * (z - 3) ** 2
    loss.label = "E"
    assert str(explain(loss, w, lr=0.1)).splitlines() == [
        "  Chain rule",
        "    ∂E/∂w = ∂E/∂z·∂z/∂w",
        "  Upstream gradient",
        "    ∂E/∂z = ½·2·(z − 3) = z − 3 = 1 − 3 = −2",
        "  Local derivative",
        "    ∂z/∂w = x = 2",
        "  Product",
        "    ∂E/∂w = −2 × 2 = −4",
        "  Update (lr: the learning rate)",
        "    w⁺ = w − lr·∂E/∂w = 0.5 − 0.1 × (−4) = 0.9",
    ]
    assert explain(loss, "w", lr=0.1) == explain(loss, w, lr=0.1)


def test_it_explains_the_numbers_of_the_pass_not_those_set_later() -> None:
    w = Value(3.0, "w")
    loss = w * w
    loss.label = "E"
    w.data = 100.0
    assert [line.value for line in explain(loss, w, lr=0.5).lines] == [6.0, 0.0]


def test_where_ways_go_past_each_other_the_lines_own_derivative_is_written_by_its_formula() -> None:
    z = Value(0.5, "z")
    h = z.tanh()
    h.label = "h"
    loss = z * h
    loss.label = "E"
    assert shown(explain(loss, z), "dE/dz", "sum") == "∂E/∂z = h + ∂E/∂h·(1 − h²)"


@pytest.mark.parametrize(
    ("f", "note", "formula"),
    [
        (lambda a: a.relu(), "a > 0", "{1 (a > 0), 0 (a ≤ 0)}"),
        (lambda a: (-a).relu(), "−a < 0", "−{1 (−a > 0), 0 (−a ≤ 0)}"),
        (lambda a: abs(a), "a > 0", "sign(a)"),
        (lambda a: ops.maximum(a, 2.0), "a < 2", "{1 (a > 2), ½ (a = 2), 0 (a < 2)}"),
        (lambda a: ops.maximum(2.0, a), "a < 2", "{1 (a > 2), ½ (a = 2), 0 (a < 2)}"),
        (lambda a: (a * 4 - 2).relu(), "4·a − 2 = 0", "{1 (4·a − 2 > 0), 0 (4·a − 2 ≤ 0)}"),
    ],
)
def test_the_side_of_a_kink_is_said(f, note: str, formula: str) -> None:
    a = Value(0.5, "a")
    out = f(a)
    out.label = "out"
    line = explain(out, a).lines[-1]
    assert TEXT.notes(line, "en", notation.decimals(8)) == [f"here {note}"]
    assert formula in line_text(line)
    assert f"(here {note})" in as_text(explain(out, a))
    assert f"(여기서 {note})" in as_text(explain(out, a), lang="ko")


@pytest.mark.parametrize(
    ("label", "other", "match"),
    [
        ("", "w", "with a label"),
        ("E", "a/b", "without /"),
        ("E", "a\n", "without /"),
        ("E", "E", "once"),
        ("E", "", "'w'"),
    ],
)
def test_labels_that_name_no_quantity_are_refused(label: str, other: str, match: str) -> None:
    loss = Value(1.0, other) * 2
    loss.label = label
    with pytest.raises(ValueError, match=match):
        explain(loss, "w")


def test_what_nothing_was_recorded_of_is_refused() -> None:
    w = Value(1.0, "w")
    with no_grad():
        loss = w * 2
    loss.label = "E"
    for leaf in (w, loss):
        for work in (explain, graphs.named):
            with pytest.raises(ValueError, match="no_grad"):
                work(leaf)


def test_a_loss_that_is_no_scalar_is_refused() -> None:
    loss = Value([1.0, 2.0], "w") * 2
    loss.label = "E"
    with pytest.raises(ValueError, match=r"scalar loss.*\(2,\).*\.sum\(\)"):
        explain(loss)


def test_a_value_of_another_graph_is_refused_though_its_label_is_the_same() -> None:
    loss = Value(1.0, "w") * 2
    loss.label = "E"
    with pytest.raises(ValueError, match="expected what the loss is computed from"):
        explain(loss, Value(1.0, "w"))
    with pytest.raises(ValueError, match=r"w with w\.label = 'w', got ''; there: w, E"):
        explain(loss, Value(1.0))


def test_the_parameters_are_listed_in_the_order_in_which_they_are_written() -> None:
    w1, w2, w3, w4 = (Value(0.5, f"W{i}") for i in range(1, 5))
    loss = (w1 * 2 + w2 * 3).tanh() * (w3 * 2 + w4 * 3).tanh()
    loss.label = "E"
    assert explain(loss).sections[-1].title.gaps["names"] == "W1, W2, W3, W4"


def test_a_parameter_without_a_label_is_refused() -> None:
    w = Value(1.0)
    loss = w * 2
    loss.label = "E"
    with pytest.raises(ValueError, match=r"w\.label"):
        explain(loss, w)


# --- size -------------------------------------------------------------------------------------------------------------


def symbols_made(monkeypatch: pytest.MonkeyPatch, work) -> tuple[Explanation, int]:
    """An explanation, and how many symbols were made for it."""
    count, make = [0], symbols.Symbol.__init__

    def counted(self, *args, **kwargs) -> None:
        count[0] += 1
        make(self, *args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(symbols.Symbol, "__init__", counted)
        explanation = work()
    return explanation, count[0]


def doubled(times: int, labelled: bool) -> tuple[Value, Value]:
    first = out = Value(1.0, "a")
    for i in range(times):
        out = out + out
        out.label = f"b{i}" if labelled else ""
    out.label = "E"
    return out, first


@pytest.mark.parametrize("labelled", [True, False])
def test_twenty_eight_doublings_take_lines_not_paths(labelled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    explanation, made = symbols_made(monkeypatch, lambda: explain(*doubled(28, labelled)))
    assert explanation.lines[-1].value == 2.0**28
    assert len([line for line in explanation.lines if line.kind in ("upstream", "local")]) <= 28
    assert made < 2000


def test_ways_that_part_and_meet_again_take_lines_not_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    first = out = Value(0.5, "a")
    for i in range(28):
        left, right = out * 0.5, out.tanh()
        left.label, right.label = f"l{i}", f"r{i}"
        out = left + right
        out.label = f"s{i}"
    explanation, made = symbols_made(monkeypatch, lambda: explain(out, first))
    assert explanation.lines[-1].value == pytest.approx(gradients(out, [first])[0], rel=1e-12)
    assert len(explanation.lines) < 28 * 10
    assert made < 28 * 100


def test_a_chain_of_five_thousand_lines_needs_no_recursion_and_no_more_than_its_length(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    w, out = Value(0.9, "w"), Value(0.5, "h")
    start = out
    for i in range(5000):
        out = (out * w).tanh()
        out.label = f"h{i}"
    explanation, made = symbols_made(monkeypatch, lambda: explain(out, w, start))
    found = {line.name: line.value for line in explanation.lines if line.in_numbers}
    slopes = gradients(out, [w, start])
    assert [found["dh4999/dw"], found["dh4999/dh"]] == pytest.approx(slopes, rel=1e-9)
    assert made < 5000 * 60
    assert line_text(explanation.lines[0]).count("+") == 4999
    assert max(len(list(symbols.names_in(line.sides))) for line in explanation.lines if line.kind == "chain") <= FACTORS


def test_a_long_formula_is_given_names_in_between() -> None:
    a = out = Value(0.5, "a")
    for _ in range(300):
        out = (out * 0.99).tanh()
    out.label = "E"
    explanation = explain(out, a)
    assert explanation.lines[-1].value == pytest.approx(gradients(out, [a])[0], rel=1e-12)
    assert "∂t2/∂t1" in str(explanation)
    assert max(map(cell_len, map(line_text, explanation.lines))) < 1000


# --- tensors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("row", strategies.TABLE, ids=lambda row: row.name)
def test_the_gradients_of_tensors_are_the_engines_for_every_rule(row: strategies.Row, weighted: bool) -> None:
    inputs = [Value(each, f"x{i}") for i, each in enumerate(row.sample.inputs)]
    out = row.call(*inputs, **row.sample.options)
    weights = np.arange(1.0, out.data.size + 1 if out.shape else 2.0).reshape(out.shape)
    loss = (out * weights).sum() if weighted else 2 * out.mean()
    loss.label = "E"
    found = {line.name: line.value for line in explain(loss).lines}
    for value, slope in zip(inputs, gradients(loss, inputs), strict=True):
        name = f"dE/d{value.label}"
        if name in found:
            np.testing.assert_allclose(found[name], slope, rtol=1e-9, atol=1e-12)
        else:
            assert not np.any(slope)
    FORMATS["latex"](explain(loss))
    ET.fromstring(as_mathml(explain(loss)))


@pytest.mark.parametrize(
    "f",
    [
        lambda x, v, s: (x + s).mean(),
        lambda x, v, s: ((x - v).mean() + v).sum(axis=0, keepdims=True).mean(),
        lambda x, v, s: (2 * (x - x.mean(axis=1, keepdims=True)) / v.mean()).sum(axis=(0, 1)) * s,
        lambda x, v, s: ((v - v + 3) * x.sum(axis=1, keepdims=True)).relu().mean() + s,
        lambda x, v, s: -(s / (x * s).max(axis=0)).mean() - v.clip(0, 1).sum(),
    ],
)
def test_a_gradient_that_was_left_to_broadcasting_counts_every_entry(f) -> None:
    inputs = [Value([[0.5, 1.0, 2.0], [0.25, 3.0, 0.75]], "x"), Value([0.5, 2.0, 1.5], "v"), Value(0.75, "s")]
    loss = f(*inputs) * 1
    loss.label = "E"
    found = {line.name: line.value for line in explain(loss).lines}
    for value, slope in zip(inputs, gradients(loss, inputs), strict=True):
        np.testing.assert_allclose(found.get(f"dE/d{value.label}", 0.0) + 0 * value.data, slope, rtol=1e-9, atol=1e-12)


def test_a_layers_gradient_is_a_transposed_product_with_its_shapes() -> None:
    x, t = Value(np.ones((4, 3)), "x"), Value(np.zeros((4, 2)), "t")
    w = Value(np.full((2, 3), 0.5), "W")
    y = x @ w.T
    y.label = "y"
    loss = 0.5 * ((y - t) ** 2).sum()
    loss.label = "E"
    text = as_text(explain(loss, w, lr=0.1))
    assert "∂E/∂y = ½·2·(y − t) = y − t   (shape (4, 2))" in text
    assert "(∂E/∂y)ᵀ·x   (shape (2, 4)·(4, 3) → (2, 3))" in text
    assert "W⁺ = W − lr·∂E/∂W   (shape (2, 3))" in text


def test_the_sign_and_the_factor_of_an_array_without_a_name_are_kept() -> None:
    w, x, t = Value(2.0, "w"), np.array([1.0, 2.0]), np.array([2.0, 5.0])
    error = w * x - t
    error.label = "e"
    loss = (4 * t * error).mean()
    loss.label = "E"
    text = as_text(explain(loss, w), width=None)
    assert "e = w·array of shape (2,) − array of shape (2,) " in text
    assert "∂E/∂e = ½·array of shape (2,) " in text
    loss = ((error - t) ** 2).mean()
    loss.label = "E"
    assert "∂E/∂e = ½·2·(e − array of shape (2,)) = e − array of shape (2,) " in as_text(explain(loss, w), width=None)


def test_the_slope_of_a_cross_entropy_is_the_softmax_less_the_classes() -> None:
    x = Value([[1.0, 2.0], [3.0, 1.0]], "x")
    layer = nn.Linear(2, 2)
    layer.weight.label, layer.bias.label = "W", "b"
    z = layer(x)
    z.label = "z"
    loss = nn.CrossEntropyLoss()(z, np.array([0, 1]))
    loss.label = "E"
    text = as_text(explain(loss))
    assert "z = x·Wᵀ + b" in text
    assert "E = mean(−sum(array of shape (2, 2)⊙log_softmax(z, axis = 1), axis = 1))" in text
    assert "∂E/∂z = ½·(softmax(z, axis = 1) − array of shape (2, 2))" in text


def test_an_array_without_a_name_is_cut_short_and_says_so() -> None:
    w = Value(np.ones(3), "w")
    loss = (w * np.array([1.0, 2.0, 3.0])).sum()
    loss.label = "E"
    assert "array of shape (3,)" in as_text(explain(loss, w))


# --- how it is set ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("name", built_in())
def test_text_fits_its_width(name: str, lang: str) -> None:
    explanation = explain_exercise(load(name))
    for width in (80, 40):
        text = as_text(replace(explanation, title=""), lang=lang, width=width)
        assert max(map(cell_len, text.splitlines())) <= width


def test_the_words_are_those_of_the_textbook_in_both_languages() -> None:
    whole = explain_exercise(CHAPTER)
    korean, english = as_text(whole, lang="ko"), as_text(whole)
    for word in (
        "순전파",
        "역전파 1단계",
        "역전파 2단계",
        "연쇄 법칙",
        "국소 미분",
        "출력 쪽에서 온 기울기",
        "학습률",
        "업데이트",
    ):
        assert word in korean
    for word in ("Forward pass", "Backpropagation, step 2", "Chain rule", "Local derivative", "Upstream gradient"):
        assert word in english
    assert not re.search("[가-힣]", english.replace(CHAPTER.title, ""))


def test_every_format_can_have_the_numbers_written_by_its_reader() -> None:
    whole = explain_exercise(CHAPTER, "W5+")
    names = set()

    def slot(name: str | None, value: float, tight: bool) -> str:
        names.add(name)
        return "<mn>slot</mn>"

    for write in (as_text, as_markdown, as_latex, as_mathml):
        assert not re.search(r"0\.\d\d", write(whole, number=slot))
    assert names >= {None, "lr", "W5", "o1", "target_o1", "h1", "dE_total/do1", "dE_total/dW5", "W5+"}


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("name", built_in())
def test_mathml_and_latex_are_well_formed(name: str, lang: str) -> None:
    explanation = explain_exercise(load(name))
    tree = ET.fromstring(as_mathml(explanation, lang=lang))
    assert tree.tag == "section"
    assert len(tree.findall("math")) == len(explanation.lines)
    latex = FORMATS["latex"](explanation, lang=lang)
    assert_balanced(latex)
    assert latex.count(r"\begin{align*}") == latex.count(r"\end{align*}") > 0
    assert as_markdown(explanation, lang=lang).count("$$") == 2 * len(explanation.lines)


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="there is no pdflatex here")
def test_latex_compiles(tmp_path: Path) -> None:
    a, b = Value(0.5, "a_1"), Value(-2.0, r"50 % & \x_y^z~#{}$")
    h = ops.maximum((a * b).relu() ** 2 - abs(b) / 3, a**b).sqrt()
    h.label = "h"
    loss = h.exp() * 1e-9 + a.sigmoid().log()
    loss.label = "E_total"
    assert_compiles(FORMATS["latex"](explain(loss, lr=0.1)), tmp_path)


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="there is no pdflatex here")
@pytest.mark.parametrize("lang", ["en", "ko"])
def test_the_chapters_latex_compiles_hangul_and_all(lang: str, tmp_path: Path) -> None:
    assert_compiles(FORMATS["latex"](explain_exercise(load("chapter7")), lang=lang), tmp_path)


def assert_compiles(latex: str, folder: Path) -> None:
    (folder / "it.tex").write_text(latex, "utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "it.tex"]
    made = subprocess.run(command, cwd=folder, capture_output=True, timeout=120, check=False)
    assert made.returncode == 0, made.stdout.decode(errors="replace")[-2000:]


def test_a_title_with_markup_is_text() -> None:
    hostile = Explanation("<script>$\\input{x}*a*", (), frozenset())
    assert "<script>" not in as_mathml(hostile)
    assert r"\input" not in as_latex(hostile)
    assert as_markdown(hostile) == "# \\<script\\>\\$\\\\input\\{x\\}\\*a\\*\n"


def test_a_notebook_shows_it_as_mathml() -> None:
    assert "<math" in explain_exercise(CHAPTER, "W5+")._repr_html_()


def test_the_decimals_are_those_of_the_hand_numbers_within_reason() -> None:
    assert {name: decimals_of(load(name)) for name in ("chapter7", "recurrent", "sigmoid-neuron")} == {
        "chapter7": 8,
        "recurrent": 6,
        "sigmoid-neuron": 4,
    }


def test_a_line_that_only_renames_is_its_other_name() -> None:
    forward = {"a": Formula("x", read_formula("x").expression), "b": read_formula("a*2")}
    exercise = Exercise("r", "r", "b", None, {"x": 1.5}, {}, forward, {}, "r.toml")
    assert line_text(explain_exercise(exercise).lines[0]) == "a = x = 1.5"


# --- the command ------------------------------------------------------------------------------------------------------


def test_the_command_explains_a_quantity_of_chapter7_without_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "W5+", "--lang", "en"]) == 0
    short = capsys.readouterr().out
    assert main(["explain", "chapter7", "W5+", "--lang", "en"]) == 0
    assert capsys.readouterr().out == short
    assert "W5⁺ = W5 − lr·∂E_total/∂W5 = 0.45 − 0.5 × 0.02592286 = 0.43703857" in short


@pytest.mark.parametrize(
    ("form", "sign"), [("text", "∂E"), ("markdown", "$$"), ("latex", r"\documentclass"), ("mathml", "<math")]
)
def test_the_command_writes_every_format(form: str, sign: str, monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.TextIOWrapper(io.BytesIO(), "utf-8")
    monkeypatch.setattr("sys.stdout", out)
    assert main(["explain", "recurrent", "--format", form, "--lang", "ko", "--digits", "3"]) == 0
    out.flush()
    written = out.buffer.getvalue().decode()
    assert sign in written
    assert "0.520" in written
    assert "0.5203" not in written


def test_the_command_says_what_it_cannot_explain(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "chapter8", "--lang", "en"]) == 2
    assert "did you mean chapter7" in capsys.readouterr().err
    assert main(["explain", "chapter7", "W9", "--lang", "en"]) == 2
    assert "did you mean W8" in capsys.readouterr().err
