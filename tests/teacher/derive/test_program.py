"""A graph written out as a program comes to the engine's numbers, on floats and on a batch, and runs by itself."""

import inspect
import math
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import example, given, settings

import micrograd_kr as mk
from micrograd_kr import Value, ops
from micrograd_kr.__main__ import main
from micrograd_kr.engine import gradients, maximum, minimum, where
from micrograd_kr.nn import MLP
from micrograd_kr.teacher.ask.file import built_in, load
from micrograd_kr.teacher.ask.solution import solve
from micrograd_kr.teacher.derive.program import compile, program

CHAPTER = solve(load("chapter7"))
LOSS = CHAPTER.before["E_total"]
GIVEN = [CHAPTER.before[name] for name in CHAPTER.exercise.given]

# Every operation there is of one or two scalars, at numbers where it has a derivative.
OPERATIONS: dict[str, Callable[..., Any]] = {
    "+": lambda x, y: x + y,
    "−": lambda x, y: x - y,
    "×": lambda x, y: x * y,
    "÷": lambda x, y: x / (y * y + 1),
    "neg": lambda x, y: -x,
    "**": lambda x, y: (x * x + 0.5) ** y,
    "√": lambda x, y: (x * x + 1).sqrt(),
    "exp": lambda x, y: (-x * x).exp(),
    "log": lambda x, y: (x * x + 1).log(),
    "log2": lambda x, y: (x * x + 1).log2(),
    "log10": lambda x, y: (x * x + 1).log10(),
    "log1p": lambda x, y: (x * x).log1p(),
    "expm1": lambda x, y: (-x * x).expm1(),
    "abs": lambda x, y: x.abs(),
    "sign": lambda x, y: x.sign() * y,
    "sin": lambda x, y: x.sin(),
    "cos": lambda x, y: x.cos(),
    "tan": lambda x, y: (x.sin() / 2).tan(),
    "tanh": lambda x, y: x.tanh(),
    "sigmoid": lambda x, y: x.sigmoid(),
    "softplus": lambda x, y: x.softplus(),
    "logsigmoid": lambda x, y: x.logsigmoid(),
    "relu": lambda x, y: x.relu(),
    "leaky_relu": lambda x, y: x.leaky_relu(0.1),
    "step": lambda x, y: x.step() * y,
    "clip": lambda x, y: x.clip(-0.5, 0.75),
    "max": lambda x, y: maximum(x, y),
    "min": lambda x, y: minimum(x, y),
    "where": lambda x, y: where(True, x, y),
    "=": lambda x, y: ops.identity(x),
}
# Of arrays, or of what was broadcast and what is no number.
OF_ARRAYS = {"@", "mean", "Σ", "var", "norm", "logsumexp", "softmax", "log_softmax", "reshape", "astype", "transpose"}
OF_ARRAYS |= {"broadcast", "concatenate", "[ ]", "scatter", "fit", "tilt"}

ENTRIES = st.integers(-24, 23).map(lambda k: (2 * k + 1) / 16)
STEPS = st.tuples(st.sampled_from(list(OPERATIONS)), st.integers(0, 9), st.integers(0, 9))


def loss_of(leaves: list[Value], steps: list[tuple[str, int, int]]) -> Value:
    """A graph in which anything may be used several times."""
    known: list[Any] = list(leaves)
    for name, i, j in steps:
        made = OPERATIONS[name](known[i % len(known)], known[j % len(known)])
        if len(known) % 2 and made.rule:
            made.label = f"h{len(known)}"
        known.append(made)
    last: Value = known[-1] * known[-2] + sum(leaves) * 0.5
    return last


def recorded(leaves: list[Value], steps: list[tuple[str, int, int]], numbers: list[float]) -> tuple[float, list[float]]:
    again = [Value(each) for each in numbers]
    out = loss_of(again, steps)
    out.backward()
    return out.item(), [float(each.grad) for each in again]


def close(found: Any, due: Any) -> None:
    np.testing.assert_allclose(found, due, rtol=1e-9, atol=1e-9)


def test_every_operation_of_scalars_is_tried() -> None:
    symbols = {each.symbol for each in vars(ops).values() if isinstance(each, ops.Rule)}
    assert symbols == OPERATIONS.keys() | OF_ARRAYS


@pytest.mark.parametrize("name", OPERATIONS)
@settings(max_examples=25)
@given(numbers=st.tuples(ENTRIES, ENTRIES), others=st.lists(st.tuples(ENTRIES, ENTRIES), min_size=1, max_size=4))
def test_an_operation_comes_to_the_engines_numbers(
    name: str, numbers: tuple[float, ...], others: list[tuple[float, ...]]
) -> None:
    steps = [(name, 0, 1)]
    leaves = [Value(each) for each in numbers]
    step = compile(loss_of(leaves, steps))
    for at in (numbers, *others):
        for leaf, number in zip(leaves, at, strict=True):
            leaf.data = number
            leaf.zero_grad()
        due = recorded(leaves, steps, list(at))
        close(step(), due[0])
        close([each.grad for each in leaves], due[1])


@given(
    numbers=st.lists(ENTRIES, min_size=2, max_size=4),
    steps=st.lists(STEPS, min_size=1, max_size=12),
    samples=st.lists(st.tuples(ENTRIES, ENTRIES), min_size=1, max_size=4),
)
def test_a_graph_comes_to_the_engines_numbers_alone_and_in_a_batch(
    numbers: list[float], steps: list[tuple[str, int, int]], samples: list[tuple[float, float]]
) -> None:
    leaves = [Value(each, f"x{i}") for i, each in enumerate(numbers)]
    step = compile(loss_of(leaves, steps), leaves[:2])
    rest = leaves[2:]
    due = [recorded(leaves, steps, [*sample, *numbers[2:]]) for sample in samples]
    for sample, (out, _) in zip(samples, due, strict=True):
        close(step(*sample), out)
    close([each.grad for each in rest], np.sum([slopes[2:] for _, slopes in due], axis=0))
    for each in rest:
        each.zero_grad()
    first, second = zip(*samples, strict=True)
    close(step(np.array(first), list(second)), [out for out, _ in due])
    close([each.grad for each in rest], np.sum([slopes[2:] for _, slopes in due], axis=0))


def test_a_wrong_derivative_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    leaves, steps = [Value(0.5), Value(-0.25)], [("tanh", 0, 1)]
    due = recorded(leaves, steps, [0.5, -0.25])
    step = compile(loss_of(leaves, steps))
    good = step._on_floats
    monkeypatch.setattr(
        step, "_on_floats", lambda *given: (good(*given)[0], [each * 1.001 for each in good(*given)[1]])
    )
    step()
    with pytest.raises(AssertionError):
        close([each.grad for each in leaves], due[1])


EDGES: dict[str, tuple[Callable[..., Any], list[tuple[float, float]]]] = {
    "a difference through leaky_relu": (lambda x, y: (x - y).leaky_relu(0.1), [(2.0, 5.0), (5.0, 2.0)]),
    "a sum through relu and step": (lambda x, y: (x + y).relu() * (x + y).step(), [(2.0, -5.0), (2.0, 1.0)]),
    "a clip with one end": (lambda x, y: (x * y).clip(0.0), [(2.0, -1.0), (2.0, 1.0)]),
    "a power of nought": (lambda x, y: x**0 * y + x**1, [(2.0, 3.0), (0.0, 3.0)]),
    "a root of less than nought": (lambda x, y: abs(x**0.5) * y, [(4.0, 2.0), (-1.0, 2.0)]),
    "a power of a negative number": (lambda x, y: (-2) ** x * y, [(2.0, 1.0), (2.5, 1.0)]),
    "the larger of a number and nan": (lambda x, y: maximum(x, y) + minimum(x, y), [(1.0, math.nan), (math.nan, 1.0)]),
    "the sign of nan": (lambda x, y: x.sign() * y + x.abs(), [(math.nan, 1.0), (-3.0, 1.0)]),
    "large whole constants": (lambda x, y: (((x.relu() * 999999).relu() * 999999) * 999999).relu() * y, [(1.0, 2.0)]),
    "a quotient by nought": (lambda x, y: x / 0 + y, [(1.0, 2.0)]),
    "a constant infinity": (lambda x, y: minimum(x, math.inf) * y + maximum(x, -math.inf), [(1.0, 2.0)]),
    "minus nought": (lambda x, y: y / maximum(x, -0.0), [(-1.0, 1.0), (2.0, 1.0)]),
    "one divided by nought": (lambda x, y: y.log() + x.clip(0.0), [(1.0, 0.0)]),
}


@pytest.mark.parametrize("which", EDGES)
def test_at_an_edge_a_program_comes_to_the_engines_numbers(which: str) -> None:
    f, points = EDGES[which]

    def slopes(at: tuple[float, float]) -> tuple[float, float]:
        x, y = map(Value, at)
        with np.errstate(all="ignore"):
            (out := f(x, y)).backward()
        return out.item(), float(y.grad)

    x, y = Value(0.5), Value(0.25)
    step = compile(f(x, y), [x])
    for at in points:
        y.data, y.grad = at[1], 0.0
        np.testing.assert_array_equal((step(at[0]), y.grad), slopes(at))
        y.grad = 0.0
        np.testing.assert_array_equal((step([at[0]])[0], y.grad), slopes(at))


def test_a_batch_of_none_adds_nothing() -> None:
    x, w = Value(1.0), Value(math.inf)
    assert compile(x * w + w, [x])(np.zeros(0)).shape == (0,)
    assert w.grad == 0.0


# --- how it reads -----------------------------------------------------------------------------------------------------

TEXT = """\
from math import exp


def sigmoid(x):
    return (1 if x >= 0 else exp(x)) / (1 + exp(-abs(x)))


def program(x1, x2, target_o1, target_o2, W1, W2, W3, W4, W5, W6, W7, W8):
    z1 = W1 * x1 + W2 * x2
    h1 = sigmoid(z1)
    z2 = W3 * x1 + W4 * x2
    h2 = sigmoid(z2)
    z3 = W5 * h1 + W6 * h2
    o1 = sigmoid(z3)
    E_o1 = 0.5 * (target_o1 - o1) ** 2
    z4 = W7 * h1 + W8 * h2
    o2 = sigmoid(z4)
    E_o2 = 0.5 * (target_o2 - o2) ** 2
    E_total = E_o1 + E_o2
    # backward
    dE_total_dE_o2 = 1
    dE_total_do2 = -(target_o2 - o2)
    dE_total_dz4 = dE_total_do2 * (o2 * (1 - o2))
    dE_total_dW8 = dE_total_dz4 * h2
    dE_total_dW7 = dE_total_dz4 * h1
    dE_total_dE_o1 = 1
    dE_total_do1 = -(target_o1 - o1)
    dE_total_dz3 = dE_total_do1 * (o1 * (1 - o1))
    dE_total_dW6 = dE_total_dz3 * h2
    dE_total_dh2 = dE_total_dz4 * W8 + dE_total_dz3 * W6
    dE_total_dz2 = dE_total_dh2 * (h2 * (1 - h2))
    dE_total_dW4 = dE_total_dz2 * x2
    dE_total_dW3 = dE_total_dz2 * x1
    dE_total_dW5 = dE_total_dz3 * h1
    dE_total_dh1 = dE_total_dz4 * W7 + dE_total_dz3 * W5
    dE_total_dz1 = dE_total_dh1 * (h1 * (1 - h1))
    dE_total_dW2 = dE_total_dz1 * x2
    dE_total_dW1 = dE_total_dz1 * x1
    return E_total, (dE_total_dW1, dE_total_dW2, dE_total_dW3, dE_total_dW4, dE_total_dW5,
        dE_total_dW6, dE_total_dW7, dE_total_dW8)
"""


def test_the_chapters_example_reads_like_the_chapter() -> None:
    assert mk.program(LOSS, GIVEN) == TEXT.rstrip()


def test_the_program_runs_by_itself() -> None:
    numbers = ", ".join(repr(each) for each in (CHAPTER.exercise.given | CHAPTER.exercise.parameters).values())
    code = f"{program(LOSS, GIVEN)}\nprint(*program({numbers})[1])\n"
    alone = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)
    slopes = dict(zip(CHAPTER.exercise.parameters, map(float, alone.stdout.split()), strict=True))
    assert slopes == pytest.approx({name: CHAPTER.gradients[name] for name in slopes}, rel=1e-14)


@pytest.mark.parametrize("name", built_in())
def test_the_program_of_an_exercise_comes_to_its_numbers(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["program", name]) == 0
    exec(text := capsys.readouterr().out, found := dict[str, Any]())
    assert text == mk.program(name) + "\n"
    solution = solve(load(name))
    leaves = {re.sub(r"\W", "_", each).strip("_"): each for each in solution.before}
    names = [leaves[each] for each in inspect.signature(found["program"]).parameters]
    out, slopes = found["program"](*(solution.before[each].data for each in names))
    assert out == pytest.approx(solution.before[solution.exercise.loss].item(), rel=1e-13)
    by = names[len(names) - len(slopes) :]
    assert set(by) == {each for each in names if each in (solution.exercise.parameters or solution.exercise.given)}
    due = gradients(solution.before[solution.exercise.loss], [solution.before[each] for each in by])
    assert slopes == pytest.approx(due, rel=1e-12)


def test_the_program_of_a_softmax_without_a_logarithm_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["new", "--layers", "2-2-2", "--activation", "sigmoid,softmax", "-o", "net.toml"]) == 0
    exec(mk.program("net.toml"), found := dict[str, Any]())
    solution = solve(load("net.toml"))
    numbers = [solution.before[each].data for each in inspect.signature(found["program"]).parameters]
    assert found["program"](*numbers)[0] == pytest.approx(solution.before[solution.exercise.loss].item(), rel=1e-13)


def test_an_entry_of_a_softmax_is_called_by_its_name() -> None:
    assert mk.program("softmax").count("softmax(z_0, z_1, z_2, ") == 3


def test_what_math_lacks_is_written_out() -> None:
    x = Value(0.3, "x")
    for made in (x.sigmoid(), x.softplus(), x.logsigmoid(), x.sign(), x.relu(), x.clip(-1, 1), x.log2() + x.exp()):
        found: dict[str, Any] = {}
        exec(program(made * x), found)  # nothing but what it imports
        assert found["program"](0.3)[0] == pytest.approx((made * x).item(), rel=1e-15)


def test_labels_become_names_and_no_name_stands_for_two() -> None:
    leaves = [
        Value(float(i + 1), label) for i, label in enumerate(["w₂₁⁽²⁾", "w₂₁⁽²⁾", "lambda", "exp", "2x", "가중치", ""])
    ]
    loss = sum(leaves).exp()
    loss.label = "loss/1"
    text = program(loss)
    assert "def program(w21_2, w21_2_2, lambda_2, exp_2, p_2x, 가중치, p1):" in text
    found: dict[str, Any] = {}
    exec(text, found)
    assert found["program"](1.0, 0.5, 0.1, 0.2, 0.3, 0.4, 0.5)[0] == pytest.approx(math.exp(3.0))


@example(labels=["a" * 90, "b" * 81, "__debug__"])
@given(labels=st.lists(st.text(max_size=4), min_size=3, max_size=3))
def test_any_label_makes_a_program_that_runs(labels: list[str]) -> None:
    leaves = [Value(float(i), label) for i, label in enumerate(labels)]
    loss = leaves[0] * leaves[1].tanh() + leaves[2]
    exec(program(loss, leaves[:2]), found := dict[str, Any]())
    assert found["program"](0.0, 1.0, 2.0) == (loss.item(), (1.0,))


def test_a_name_that_is_made_up_is_no_label() -> None:
    x = Value(2.0, "x")
    inner = (x + 1).exp()
    outer = inner.tanh()
    outer.label = "v1"
    text = program(outer * inner, [x])
    assert "v2 = exp(x + 1)" in text
    assert "v1 = tanh(v2)" in text


def test_what_comes_to_nothing_has_a_gradient_of_nought() -> None:
    x, w = Value(2.0, "x"), Value(3.0, "w")
    x.grad = None
    step = compile(where(True, 1.0, x) + x * 0.0 + w)
    assert (step(), x.grad, w.grad) == (4.0, 0.0, 1.0)


def test_a_minus_stands_once() -> None:
    x, y = Value(2.0, "x"), Value(3.0, "y")
    text = program(x.exp() / y - 2 * y + (1 - y) ** 3)
    assert "    dy = -3 * (1 - y) ** 2 - 2 - v2 / y\n" in text


def test_an_operation_without_a_name_is_worked_once() -> None:
    x, w = Value(0.3, "x"), Value(0.7, "w")
    inner = (x * w).tanh()
    text = program(inner * inner + inner.exp(), [x])
    assert text.count("tanh(") == text.count("exp(") == 1
    long = x
    for _ in range(3000):
        long = long + w
    found: dict[str, Any] = {}
    exec(program(long, [x]), found)
    assert found["program"](0.0, 1.0) == (3000.0, (3000,))


# --- how it runs ------------------------------------------------------------------------------------------------------


def test_a_net_of_scalars_trains_alike() -> None:
    model, other = MLP(2, [4, 1]), MLP(2, [4, 1])
    other.load_state_dict(model.state_dict())
    x, t = [Value(0.1), Value(0.2)], Value(0.3)
    step = mk.compile((other(x) - t) ** 2, [*x, t])
    draw = np.random.default_rng(0)
    for _ in range(20):
        sample, target = draw.normal(size=2).tolist(), 0.5
        loss = (model(sample) - target) ** 2
        loss.backward()
        assert step(*sample, target) == pytest.approx(loss.item(), rel=1e-13)
        for net in (model, other):
            for p in net.parameters():
                p.data -= 0.05 * p.grad
                p.zero_grad()
    assert [p.data for p in other.parameters()] == pytest.approx([p.data for p in model.parameters()], rel=1e-12)


def test_gradients_add_up_until_zero_grad_and_the_shape_of_the_batch_is_kept() -> None:
    x, w = Value(2.0), Value(3.0)
    step = compile(x * w, [x])
    assert (step(2), w.grad) == (6.0, 2.0)
    assert step(np.array([[1.0, 2.0], [3.0, 4.0]])).tolist() == [[3.0, 6.0], [9.0, 12.0]]
    assert w.grad == 12.0
    assert step(np.zeros((0, 3))).shape == (0, 3)
    assert w.grad == 12.0


def test_a_loss_of_nought_is_a_float() -> None:
    x, w = Value(2.0), Value(-1.0)
    step = compile((x * w).relu(), [x])
    assert (type(step(1.0)), type(step(-1.0)), type(w.grad)) == (float, float, float)


def test_a_gradient_that_is_the_same_for_each_sample_counts_for_each() -> None:
    x, b = Value(2.0), Value(3.0)
    compile(x + b, [x])(np.zeros(5))
    assert b.grad == 5.0


@pytest.mark.parametrize("at", [0.0, 1000.0, -1.0, math.inf, math.nan])
def test_where_python_raises_numpy_answers_as_in_the_engine(at: float) -> None:
    x, w = Value(1.0), Value(2.0)

    def loss(x: Value) -> Value:
        return (w / x).log() + x.exp() * w

    step = compile(loss(x), [x])
    with np.errstate(all="raise"):
        found = step(at), w.grad
        w.zero_grad()
        (due := loss(Value(at))).backward()
    np.testing.assert_array_equal(found, (due.item(), w.grad))


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (lambda: compile(Value(1.0)), ValueError, "got a leaf"),
        (lambda: compile(Value([1.0, 2.0]).sum()), TypeError, r"graph of scalars, got a tensor, of shape \(2,\)"),
        (lambda: compile(Value(1.0).sum()), TypeError, "operations of scalars, got Σ"),
        (lambda: compile(Value(1.0).reshape(())), TypeError, "operations of scalars, got reshape"),
        (lambda: compile(Value(1.0).max()), TypeError, "operations of scalars, got max"),
        (lambda: compile(3.0), TypeError, "expected Values, a loss and a list of inputs, got float"),
        (lambda: compile((x := Value(1.0)) * x, x), TypeError, r"got one Value: write \[x\]"),
        (lambda: compile((x := Value(1.0)) * x, [x, x]), ValueError, "each once; got one twice"),
        (lambda: compile((x := Value(1.0)) * x, [Value(1.0)]), ValueError, "among the leaves of the loss"),
        (lambda: compile((x := Value(1.0)) * x, [x * x]), ValueError, "one that is computed"),
        (lambda: compile((x := Value(1.0, "x")) * x, [x])(), TypeError, r"each of the inputs \(x\), got 0"),
        (lambda: compile((x := Value(1.0)) * x, [x])("1"), TypeError, "expected real numbers"),
    ],
)
def test_what_cannot_be_a_program_is_refused(make: Callable[[], Any], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        make()


def test_arrays_have_one_shape_and_leaves_stay_scalars() -> None:
    x, y, w = Value(1.0), Value(1.0), Value(1.0, "w")
    step = compile(x * y * w, [x, y])
    with pytest.raises(ValueError, match=r"one shape, an entry for each sample; got \[\(2,\), \(3,\)\]"):
        step(np.zeros(2), np.zeros(3))
    w.data = np.ones(3)
    for numbers in ((1.0, 1.0), (np.ones(3), 1.0)):
        with pytest.raises(ValueError, match=r"scalar in the leaf 'w', as when it was compiled; got shape \(3,\)"):
            step(*numbers)
