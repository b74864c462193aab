"""Everything for every operation, over the table in `strategies`; then the conventions at kinks and extremes."""

import math
import operator
from collections.abc import Callable
from functools import partial
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import assume, given, settings
from strategies import TABLE, VALUE_FUNCTIONS, Case, Graph, Row, graphs, rules, slope_of

from micrograd_kr import Value, gradients, ops
from micrograd_kr.differences import gradcheck
from micrograd_kr.engine import maximum, minimum, where
from micrograd_kr.ops import Rule

LIGHT = settings(max_examples=6)
every_row = pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)


def applied(row: Row, case: Case) -> Callable[..., Value]:
    return lambda *inputs: row.call(*inputs, **case.options)


def values(case: Case) -> list[Value]:
    return [Value(each) for each in case.inputs]


def in_float32(case: Case) -> Case:
    """The same numbers, arrays in float32; scalars have no precision of their own."""

    def cast(each: Any) -> Any:
        return each.astype(np.float32) if isinstance(each, np.ndarray) and each.dtype == np.float64 else each

    return Case(tuple(map(cast, case.inputs)), {name: cast(each) for name, each in case.options.items()})


def weighted(out: Value) -> Value:
    """One number of a tensor, to which each of its entries contributes differently."""
    return (out * np.linspace(0.5, 1.5, out.size).reshape(out.shape).astype(out.dtype)).sum()


def rules_below(root: Value) -> set[Rule]:
    found, waiting = set(), [root]
    while waiting:
        node = waiting.pop()
        if node is not None and node.rule is not None:
            found.add(node.rule)
            waiting += node.x if isinstance(node.x, tuple) else (node.x, node.y)
    return found


# --- the table --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "rule"), rules())
def test_every_rule_has_a_row_that_runs_it(name: str, rule: Rule) -> None:
    rows = [row for row in TABLE if row.rule is rule]
    assert rows, f"ops.{name} has no row in strategies.TABLE: add one"
    for row in rows:
        assert rule in rules_below(applied(row, row.sample)(*values(row.sample)))


@every_row
@LIGHT
@given(data=st.data())
def test_an_operation_gives_numpys_numbers_and_its_derivatives_those_of_finite_differences(
    row: Row, data: st.DataObject
) -> None:
    case = data.draw(row.cases)
    out = applied(row, case)(*values(case))
    expected = row.formula(*case.inputs, **case.options)
    assert out.shape == np.shape(expected)
    np.testing.assert_allclose(out.data, expected, rtol=1e-13, atol=1e-14)
    for f in (applied(row, case), slope_of(applied(row, case))):
        assert gradcheck(f, *case.inputs).kinks == ()


@every_row
@LIGHT
@given(data=st.data())
def test_float32_stays_float32_in_result_and_gradients(row: Row, data: st.DataObject) -> None:
    double = data.draw(row.cases)
    single = in_float32(double)
    inputs, exact = values(single), values(double)
    out = applied(row, single)(*inputs)
    if out.ndim and any(each.ndim for each in inputs):
        assert out.dtype == np.float32
    weighted(out).backward()
    weighted(applied(row, double)(*exact)).backward()
    for low, high in zip(inputs, exact, strict=True):
        assert np.shape(low.grad) == low.shape
        assert getattr(low.grad, "dtype", np.float64) == low.dtype
        np.testing.assert_allclose(low.grad, high.grad, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("row", [row for row in TABLE if row.entrywise], ids=lambda row: row.name)
@LIGHT
@given(data=st.data())
def test_a_tensors_entries_are_what_the_scalars_give(row: Row, data: st.DataObject) -> None:
    case = data.draw(row.cases)
    inputs = values(case)
    out = applied(row, case)(*inputs)
    out.backward(np.ones(out.shape))
    sums = [np.zeros(each.shape) for each in inputs]
    spread = [np.broadcast_to(np.arange(each.size).reshape(each.shape), out.shape) for each in inputs]
    for entry in np.ndindex(out.shape):
        places = [int(each[entry]) for each in spread]
        scalars = [Value(float(np.ravel(each.data)[i])) for each, i in zip(inputs, places, strict=True)]
        one = applied(row, case)(*scalars)
        assert type(one.data) is float
        assert one.data == pytest.approx(float(np.asarray(out.data)[entry]), rel=1e-14, abs=1e-15)
        one.backward()
        for total, i, scalar in zip(sums, places, scalars, strict=True):
            assert type(scalar.grad) is float
            total.ravel()[i] += scalar.grad
    for each, total in zip(inputs, sums, strict=True):
        np.testing.assert_allclose(each.grad, total, rtol=1e-12, atol=1e-13)


@every_row
def test_a_number_in_a_values_place_changes_no_result_and_no_other_gradient(row: Row) -> None:
    inputs = values(row.sample)
    out = applied(row, row.sample)(*inputs)
    seed = np.ones(out.shape)
    out.backward(seed)
    for k, one in enumerate(inputs):
        mixed: list[Any] = [Value(each.data) if i == k else each.data for i, each in enumerate(inputs)]
        again = applied(row, row.sample)(*mixed)
        np.testing.assert_array_equal(again.data, out.data)
        again.backward(seed)
        np.testing.assert_array_equal(mixed[k].grad, one.grad)


@every_row
def test_nothing_is_written_into_inputs_results_or_the_gradient_given(row: Row) -> None:
    inputs = values(row.sample)
    before = [np.array(each.data) for each in inputs]
    out = applied(row, row.sample)(*inputs)
    result, seed = np.array(out.data), np.ones(out.shape)
    out.backward(seed)
    first = [np.array(each.grad) for each in inputs]
    out.backward(seed)
    for each, data, grad in zip(inputs, before, first, strict=True):
        np.testing.assert_array_equal(each.data, data)
        np.testing.assert_array_equal(each.grad, 2 * grad)
    np.testing.assert_array_equal(out.data, result)
    assert (seed == 1).all()


@settings(max_examples=40)
@given(graph=graphs())
def test_random_graphs_have_the_derivatives_of_finite_differences(graph: Graph) -> None:
    for f in (of_inputs := partial(graph, functions=VALUE_FUNCTIONS), slope_of(of_inputs)):
        assert gradcheck(f, *graph.inputs).kinks == ()


# --- extremes ---------------------------------------------------------------------------------------------------------

FAR = np.array([-1e4, -1000.0, -745.2, -100.0, -40.0, 0.0, 40.0, 100.0, 709.8, 1000.0, 1e4])
SATURATING: dict[str, tuple[Callable[..., Any], Callable[[Any], Any], Callable[[Any], Any]]] = {
    # the value and the slope, each in a form that loses nothing
    "sigmoid": (
        Value.sigmoid,
        lambda x: np.exp(-np.logaddexp(0, -x)),
        lambda x: np.exp(-np.logaddexp(0, -x) - np.logaddexp(0, x)),
    ),
    "logsigmoid": (Value.logsigmoid, lambda x: -np.logaddexp(0, -x), lambda x: np.exp(-np.logaddexp(0, x))),
    "softplus": (Value.softplus, lambda x: np.logaddexp(0, x), lambda x: np.exp(-np.logaddexp(0, -x))),
    "tanh": (Value.tanh, np.tanh, lambda x: 1 - np.tanh(x) ** 2),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", SATURATING)
def test_what_saturates_is_exact_and_silent_ten_thousand_from_zero(name: str, dtype: Any) -> None:
    function, value, slope = SATURATING[name]
    tolerance = 1e-6 if dtype is np.float32 else 1e-15
    x = Value(FAR.astype(dtype))
    out = function(x)
    (first,) = gradients(out.sum(), [x], create_graph=True)
    (second,) = gradients(first.sum(), [x])
    np.testing.assert_allclose(out.data, value(x.data), rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(first.data, slope(x.data), rtol=tolerance, atol=tolerance)
    assert np.isfinite(second).all()
    for each in FAR:
        scalar = Value(float(each))
        y = function(scalar)
        y.backward()
        assert y.data == pytest.approx(value(scalar.data), rel=1e-15, abs=1e-15)
        assert scalar.grad == pytest.approx(slope(scalar.data), rel=1e-15, abs=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [1.0, 1e4, -1e4])
def test_the_softmax_family_is_exact_and_silent_ten_thousand_from_zero(scale: float, dtype: Any) -> None:
    x = Value((np.array([[1.0, 0.0, -1.0], [1.0, 1.0, 1.0], [0.0, 0.0, -2.0]]) * scale).astype(dtype))
    shifted = x.data.astype(float) - x.data.max(axis=1, keepdims=True)
    expected = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
    near = {"rtol": 1e-6, "atol": 1e-6} if dtype is np.float32 else {"rtol": 1e-14, "atol": 1e-15}
    # Its slope is exp(x − out), as PyTorch has it, and at 10,000 `out` holds that many digits fewer behind the point.
    slope = {"rtol": np.finfo(dtype).eps * 1e4, "atol": near["atol"]}
    total, soft, log_soft = x.logsumexp(1), x.softmax(1), x.log_softmax(1)
    np.testing.assert_allclose(soft.data, expected, **near)
    np.testing.assert_allclose(total.data, x.data.max(axis=1) + np.log(np.exp(shifted).sum(axis=1)), **near)
    np.testing.assert_allclose(log_soft.data, shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)), **near)
    np.testing.assert_allclose(gradients(total.sum(), [x])[0], expected, **slope)
    weights = np.array([0.5, 1.0, 2.0])
    mean = (expected * weights).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(gradients((soft * weights).sum(), [x])[0], expected * (weights - mean), **near)
    np.testing.assert_allclose(gradients((log_soft * weights).sum(), [x])[0], weights - 3.5 * expected, **near)
    for out in (total, soft, log_soft):
        (first,) = gradients((out**2).sum(), [x], create_graph=True)
        assert np.isfinite(gradients(first.sum(), [x])[0]).all()


# --- kinks ------------------------------------------------------------------------------------------------------------

KINKS: list[tuple[str, Callable[..., Value], list[float], list[float], list[float]]] = [
    # what, at which numbers, the value there, the gradients
    ("relu at 0", Value.relu, [0.0], [0.0], [0.0]),
    ("relu at −0", Value.relu, [-0.0], [0.0], [0.0]),
    ("leaky_relu at 0", lambda x: x.leaky_relu(0.1), [0.0], [0.0], [0.1]),
    ("abs at 0", abs, [0.0], [0.0], [0.0]),
    ("sign at 0", Value.sign, [0.0], [0.0], [0.0]),
    ("sign elsewhere", Value.sign, [-2.0], [-1.0], [0.0]),
    ("step at 0", Value.step, [0.0], [0.0], [0.0]),
    ("step above 0", Value.step, [1e-300], [1.0], [0.0]),
    ("maximum of equals", maximum, [2.0, 2.0], [2.0], [0.5, 0.5]),
    ("minimum of equals", minimum, [2.0, 2.0], [2.0], [0.5, 0.5]),
    ("clip at its lower end", lambda x: x.clip(-1, 1), [-1.0], [-1.0], [0.0]),
    ("clip at its upper end", lambda x: x.clip(-1, 1), [1.0], [1.0], [0.0]),
    ("0 ** 0", lambda x: x**0, [0.0], [1.0], [0.0]),
    ("0.0 ** 0.0", operator.pow, [0.0, 0.0], [1.0], [0.0, 0.0]),
    ("0 ** 1", lambda x: x**1, [0.0], [0.0], [1.0]),
    ("0 ** 2", lambda x: x**2, [0.0], [0.0], [0.0]),
    ("0 ** ½", lambda x: x**0.5, [0.0], [0.0], [math.inf]),
    ("0 ** −1", lambda x: x**-1, [0.0], [math.inf], [-math.inf]),
    ("(−2) ** 3", lambda x: x**3, [-2.0], [-8.0], [12.0]),
    ("(−2) ** ½", lambda x: x**0.5, [-2.0], [math.nan], [math.nan]),
    ("√0", Value.sqrt, [0.0], [0.0], [math.inf]),
    ("log 0", Value.log, [0.0], [-math.inf], [math.inf]),
    ("x / x at 0", lambda x: x / x, [0.0], [math.nan], [math.nan]),
]
TENSOR_KINKS: list[tuple[str, Callable[..., Value], Any, Any, Any]] = [
    ("max of equals", Value.max, [1.0, 3.0, 3.0], 3.0, [0.0, 0.5, 0.5]),
    ("min of equals", Value.min, [1.0, 1.0, 1.0, 3.0], 1.0, [1 / 3, 1 / 3, 1 / 3, 0.0]),
    ("max over an axis", lambda x: x.max(1).sum(), [[2.0, 2.0], [0.0, 5.0]], 7.0, [[0.5, 0.5], [0.0, 1.0]]),
    ("min over an axis", lambda x: x.min(0).sum(), [[2.0, 2.0], [2.0, 5.0]], 4.0, [[0.5, 1.0], [0.5, 0.0]]),
    ("norm of zeros", Value.norm, [0.0, 0.0], 0.0, [0.0, 0.0]),
    ("norm over an axis", lambda x: x.norm(1).sum(), [[0.0, 0.0], [3.0, 4.0]], 5.0, [[0.0, 0.0], [0.6, 0.8]]),
]


@pytest.mark.parametrize(("f", "at", "value", "slopes"), [row[1:] for row in KINKS], ids=[row[0] for row in KINKS])
@pytest.mark.parametrize("shape", [(), (2,)], ids=["scalar", "tensor"])
@np.errstate(all="ignore")
def test_kinks_follow_the_table(
    f: Callable[..., Value], at: list[float], value: list[float], slopes: list[float], shape: tuple[int, ...]
) -> None:
    inputs = [Value(np.full(shape, each)) for each in at]
    out = f(*inputs)
    np.testing.assert_array_equal(out.data, np.full(shape, value[0]))
    out.backward(np.ones(shape))
    for each, slope in zip(inputs, slopes, strict=True):
        np.testing.assert_array_equal(each.grad, np.full(shape, slope))


@pytest.mark.parametrize(
    ("f", "at", "value", "slopes"), [row[1:] for row in TENSOR_KINKS], ids=[row[0] for row in TENSOR_KINKS]
)
def test_kinks_of_reductions_follow_the_table(f: Callable[..., Value], at: Any, value: float, slopes: Any) -> None:
    x = Value(at)
    out = f(x)
    assert out.data == value
    out.backward()
    np.testing.assert_allclose(x.grad, slopes, rtol=1e-15)


def test_the_second_derivatives_of_what_is_straight_are_zero_at_its_kink() -> None:
    for f in (Value.relu, abs, Value.sign, Value.step, lambda x: x.leaky_relu(0.1), lambda x: maximum(x, 0.0)):
        x = Value(0.0)
        (first,) = gradients(f(x), [x], create_graph=True)
        assert gradients(first, [x]) == [0.0]


# --- scalars ----------------------------------------------------------------------------------------------------------

any_float = st.floats(width=64) | st.sampled_from(
    [0.0, -0.0, 1.0, -1.0, math.inf, -math.inf, math.nan, 1e4, -1e4, 710.0]
)


def equal_numbers(first: float, second: float) -> bool:
    return first == pytest.approx(second, rel=1e-14, abs=5e-324, nan_ok=True)


@pytest.mark.parametrize(
    "rule", [row.rule for row in TABLE if row.entrywise and not row.sample.options], ids=lambda rule: rule.symbol
)
@settings(max_examples=30)
@given(x=any_float, y=any_float)
def test_scalars_give_numpys_answers_and_neither_raise_nor_warn(rule: Rule, x: float, y: float) -> None:
    assume(not (rule is ops.power and (x, y) == (-math.inf, 0.5)))  # ∞, but numpy takes the root and says nan
    inputs = (x, y) if rule.dy else (x,)
    out = rule(*map(Value, inputs))
    assert type(out.data) is float
    with np.errstate(all="ignore"):
        expected = float(rule.forward(*map(np.float64, inputs)))
    assert equal_numbers(out.data, expected), (out.data, expected)
    out.backward()


@pytest.mark.parametrize(
    ("f", "x", "expected"),
    [
        (lambda x: 1 / x, 0.0, math.inf),
        (lambda x: 1 / x, -0.0, -math.inf),
        (lambda x: x / x, 0.0, math.nan),
        (lambda x: x**-1, 0.0, math.inf),
        (lambda x: x**0, 0.0, 1.0),
        (lambda x: x**0.0, 0.0, 1.0),
        (lambda x: 0.0**x, 0.0, 1.0),
        (lambda x: x ** (1 / 3), -8.0, math.nan),
        (lambda x: x**2, 1e200, math.inf),
        (lambda x: x * x, 1e200, math.inf),
        (lambda x: x - x, math.inf, math.nan),
        (Value.exp, 1000.0, math.inf),
        (Value.exp, -1000.0, 0.0),
        (Value.expm1, 1000.0, math.inf),
        (Value.log, 0.0, -math.inf),
        (Value.log, -1.0, math.nan),
        (Value.log1p, -1.0, -math.inf),
        (Value.sqrt, -1.0, math.nan),
        (Value.sin, math.inf, math.nan),
        (Value.relu, math.nan, math.nan),
        (Value.sign, math.nan, math.nan),
        (lambda x: maximum(x, 0.0), math.nan, math.nan),
        (lambda x: minimum(0.0, x), math.nan, math.nan),
        (lambda x: where(x > 0, x, 0.0), math.nan, 0.0),
        (lambda x: x.clip(0, 1), math.nan, math.nan),
    ],
)
def test_what_python_or_math_refuse_is_inf_or_nan(f: Callable[..., Value], x: float, expected: float) -> None:
    value = Value(x)
    out = f(value)
    assert type(out.data) is float
    np.testing.assert_array_equal(out.data, expected)
    out.backward()
    assert type(value.grad) is float
