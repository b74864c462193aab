"""The contract of Value, point by point; its gradients, its errors, and what other engines are known to get wrong."""

import copy
import gc
import inspect
import math
import pickle
import re
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from timed import assert_quick

from micrograd_kr import ops, written
from micrograd_kr.anomalies import AnomalyError, anomaly
from micrograd_kr.engine import (
    UNSET,
    Value,
    concatenate,
    grad,
    gradients,
    maximum,
    minimum,
    no_grad,
    split,
    stack,
    where,
)

NUMBERS = st.floats(-1e3, 1e3, allow_subnormal=False)


def vector(*numbers, dtype=np.float64):
    return Value(np.array(numbers, dtype))


def same(a, b):
    """Equal, nan where nan is."""
    return (math.isnan(a) and math.isnan(b)) or a == b


# --- 1. data ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given", [3.0, 3, np.float64(3), np.float32(3), np.int64(3), np.uint8(3), np.array(3), np.array(3.0, np.float32)]
)
def test_a_scalar_is_a_python_float(given):
    assert type(Value(given).data) is float
    assert Value(given).data == 3.0


@pytest.mark.parametrize("given", [True, np.True_, np.array(True)])
def test_a_bool_is_the_float_one(given):
    assert type(Value(given).data) is float
    assert Value(given).data == 1.0


@pytest.mark.parametrize(
    ("given", "dtype"),
    [
        ([[1, 2], [3, 4]], np.float64),
        (([1.0, 2.0], (3, 4)), np.float64),
        ([True, False], np.float64),
        (np.array([1, 2]), np.float64),
        (np.array([1, 2], np.uint8), np.float64),
        (np.array([True, False]), np.float64),
        (np.array([1.0, 2.0]), np.float64),
        (np.array([1.0, 2.0], np.float32), np.float32),
        (np.array([1.0, 2.0], ">f8"), np.float64),
        (np.array([1.0, 2.0], ">f4"), np.float32),
        (np.array([1, 2], ">i4"), np.float64),
        (np.zeros((0, 3)), np.float64),
    ],
)
def test_a_tensor_is_an_array_of_float32_or_float64(given, dtype):
    data = Value(given).data
    assert type(data) is np.ndarray
    assert data.dtype == dtype
    assert data.dtype.isnative
    assert_array_equal(data, given)


def test_an_array_of_floats_is_not_copied():
    array = np.ones(3)
    assert Value(array).data is array


def test_an_array_of_a_subclass_is_taken_as_a_plain_array(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(6.0).reshape(2, 3))
    mapped = Value(np.load(tmp_path / "a.npy", mmap_mode="r"))
    assert type(mapped.data) is np.ndarray
    assert_array_equal(mapped.T[1].data, [1, 4])


@pytest.mark.parametrize(
    ("given", "came"),
    [
        (np.float16(1), "float16"),
        (np.ones(2, np.float16), "float16"),
        (np.longdouble(1), np.dtype(np.longdouble).name),
        (1j, "complex"),
        (np.complex64(1), "complex64"),
        ([1, 2j], "complex128"),
        (np.array([1, None]), "object"),
        ("1.0", "str"),
        (["a"], "<U1"),
        (None, "NoneType"),
        (object(), "object"),
        ({1.0}, "set"),
    ],
)
def test_what_is_no_real_number_is_a_type_error_that_says_what_came(given, came):
    with pytest.raises(TypeError, match=r"float32 or float64.*got " + came):
        Value(given)
    value = Value(1.0)
    with pytest.raises(TypeError, match="float32 or float64"):
        value.data = given
    assert value.data == 1.0


def test_a_value_of_a_value_and_a_list_of_values_say_what_to_do():
    with pytest.raises(TypeError, match=r"detach\(\)"):
        Value(Value(1.0))
    with pytest.raises(TypeError, match=r"stack\(values\)"):
        Value([Value(1.0), 2.0])


@pytest.mark.parametrize("other", [np.ones(2, np.float16), np.complex64(1), np.array([None, 1])])
def test_a_constant_that_is_no_real_number_is_a_type_error_too(other):
    for operation in (lambda: vector(1, 2) * other, lambda: other * vector(1, 2), lambda: maximum(vector(1, 2), other)):
        with pytest.raises(TypeError, match="float32 or float64"):
            operation()


@pytest.mark.parametrize("other", ["a", None, 1j, object()])
def test_an_operator_refuses_what_is_no_number(other):
    for operation in (lambda: Value(1.0) + other, lambda: other + Value(1.0), lambda: Value(1.0) @ other):
        with pytest.raises(TypeError):
            operation()


@pytest.mark.parametrize(
    "operation",
    [
        lambda v: v * 2.0,
        lambda v: 2 * v,
        lambda v: v**2,
        lambda v: v**0.5,
        lambda v: 1.0 / v,
        lambda v: v + np.float64(1),
        lambda v: np.float64(1) + v,
        lambda v: v - np.array(1.0),
        lambda v: v * Value(2.0),
        lambda v: Value(2.0) - v,
        lambda v: v / v.sum(),
        lambda v: v.mean() * v,
        lambda v: v @ v.T,
        lambda v: v.sigmoid().tanh().relu().leaky_relu(),
        lambda v: v.softmax().log(),
        lambda v: v.softplus().logsigmoid(),
        lambda v: v.step().clip(0.0, 1.0).sign().abs(),
        lambda v: v.var(axis=0).sqrt(),
        lambda v: v.norm(axis=0) + v.logsumexp(axis=1, keepdims=True),
        lambda v: maximum(v, 0.5),
        lambda v: where(v > 1, v, 0.0),
        lambda v: v[0, 1] * v,
        lambda v: stack([v, v * 3]),
        lambda v: v[[0, 0]].max(axis=0),
        lambda v: v * np.array([True, False]),
    ],
)
def test_float32_stays_float32_forward_and_backward(operation):
    v = Value(np.array([[1, 2], [3, 4]], np.float32))
    out = operation(v)
    assert out.data.dtype == np.float32
    out.sum().backward()
    assert v.grad.dtype == np.float32
    assert out.grad.dtype == np.float32


def test_integers_beside_values_become_floats():
    for out in (
        where([True, False], np.array([1, 2]), np.array([3, 4])),
        maximum(np.array([1, 2]), np.array([0, 5])),
        concatenate([np.array([1, 2]), np.array([3])]),
    ):
        assert out.data.dtype == np.float64
    assert (np.array([1, 2]) * Value(2)).data.dtype == np.float64


def test_a_result_without_axes_is_a_float():
    v = vector(1, 2, 3)
    for out in (v.sum(), v[1], v.max(), v @ v, v.norm(), v[:1].reshape(()), v[:1].squeeze(), v.mean(), v.var()):
        assert type(out.data) is float
        assert out.shape == ()


# --- 2. scalars give numpy's answers ----------------------------------------------------------------------------------

EDGES = [0.0, -0.0, 1.0, -1.0, -8.0, 1 / 3, 0.5, 1000.0, -1000.0, 1e308, -1e308, 5e-324, math.inf, -math.inf, math.nan]
UNARY = {
    "exp": np.exp, "log": np.log, "log1p": np.log1p, "expm1": np.expm1, "sqrt": np.sqrt, "sin": np.sin, "cos": np.cos,
    "tanh": np.tanh, "abs": np.abs, "sign": np.sign, "__neg__": np.negative, "relu": lambda x: np.maximum(x, 0),
    "log2": np.log2, "log10": np.log10,
}  # fmt: skip
BINARY = ["__add__", "__sub__", "__mul__", "__truediv__", "__pow__"]


@pytest.mark.parametrize("name", UNARY)
@pytest.mark.parametrize("x", EDGES)
def test_a_function_of_a_scalar_gives_numpys_answer(name, x):
    with np.errstate(all="ignore"):
        expected = float(UNARY[name](np.float64(x)))
    value = getattr(Value(x), name)().data
    assert type(value) is float
    assert same(value, expected) or math.isclose(value, expected, rel_tol=1e-15)


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize("x", EDGES)
def test_an_operator_on_scalars_gives_numpys_answer(name, x):
    for y in EDGES:
        with np.errstate(all="ignore"):
            expected = float(getattr(np.float64(x), name)(np.float64(y)))
        for out in (getattr(Value(x), name)(Value(y)), getattr(Value(x), name)(y)):
            assert type(out.data) is float
            assert same(out.data, expected) or math.isclose(out.data, expected, rel_tol=1e-15)


@pytest.mark.parametrize(
    "name", ["sum", "mean", "max", "min", "logsumexp", "norm", "var", "softplus", "sigmoid", "step"]
)
@pytest.mark.parametrize("x", [*EDGES, 1e200])
def test_other_operations_on_scalars_never_raise_nor_warn(name, x):
    v = Value(x)
    out = getattr(v, name)()
    assert type(out.data) is float
    out.backward()
    assert type(v.grad) is float


@pytest.mark.parametrize(
    ("operation", "x", "value", "slope"),
    [
        (lambda v: 1 / v, 0.0, math.inf, -math.inf),
        (lambda v: v**-1, 0.0, math.inf, -math.inf),
        (lambda v: v.exp(), 1000.0, math.inf, math.inf),
        (lambda v: v.log(), 0.0, -math.inf, math.inf),
        (lambda v: v ** (1 / 3), -8.0, math.nan, math.nan),
        (lambda v: v.sqrt(), 0.0, 0.0, math.inf),
        (lambda v: v**0.5, 0.0, 0.0, math.inf),
        (lambda v: v / v, 0.0, math.nan, math.nan),
        (lambda v: v * math.inf, 0.0, math.nan, math.inf),
        (lambda v: v**2, 1e200, math.inf, 2e200),
        (lambda v: (-v).exp().log(), 1000.0, -math.inf, math.nan),
    ],
)
def test_where_a_scalar_has_no_finite_answer_both_passes_give_numpys(operation, x, value, slope):
    v = Value(x)
    out = operation(v)
    out.backward()
    assert same(out.data, value)
    assert same(v.grad, slope)
    array = Value(np.array([x]))
    with np.errstate(all="ignore"):
        tensor = operation(array)
    tensor.sum().backward()
    assert same(tensor.data[0], value)
    assert same(array.grad[0], slope)


def test_numbers_too_large_for_exp_do_not_spoil_what_is_bounded():
    for x in (1e4, -1e4):
        v = Value(x)
        for out in (
            v.sigmoid(),
            v.softplus(),
            v.logsigmoid(),
            v.tanh(),
            vector(x, 0).logsumexp(),
            vector(x, 0).softmax(),
        ):
            assert np.isfinite(out.data).all()


# --- 3. recording -----------------------------------------------------------------------------------------------------


def test_values_are_recorded_and_constants_are_not_differentiated():
    w, x = vector(1, 2), np.array([3.0, 4.0])
    out = w * x
    assert (out.x, out.y) == (w, None)
    assert out.y_data is x
    out.sum().backward()
    assert_array_equal(w.grad, x)


def test_the_derivative_by_a_constant_is_never_computed(monkeypatch):
    counted = []

    def dx(g, out, x, y):
        counted.append("x")
        return g @ y.mT

    monkeypatch.setattr(ops.matmul, "dx", dx)
    weights = Value(np.ones((3, 2)))
    (np.ones((5, 3)) @ weights).sum().backward()
    assert counted == []
    (Value(np.ones((5, 3))) @ weights).sum().backward()
    assert counted == ["x"]


def test_no_grad_records_nothing():
    v = Value(2.0)
    with no_grad():
        outs = [v * v, v + 1, 3 - v, v.exp(), v.sum(), stack([v, v]), where(True, v, 0.0), np.exp(v)]
    assert all(each.rule is None and each.x is None and each.y is None for each in outs)
    assert outs[0].data == 4.0
    assert (v * v).rule is ops.mul


def test_no_grad_nests_ends_with_an_error_and_decorates():
    v = Value(2.0)
    with no_grad():
        with no_grad():
            pass
        assert (v * v).rule is None
    with pytest.raises(ZeroDivisionError), no_grad():
        raise ZeroDivisionError
    assert (v * v).rule is ops.mul

    @no_grad()
    def doubled(value):
        return value * 2

    assert doubled(v).rule is None
    assert doubled(v).data == 4.0
    assert (v * 2).rule is ops.mul


def test_no_grad_in_one_thread_does_not_stop_recording_in_another():
    entered, leave, v = threading.Event(), threading.Event(), Value(2.0)

    def quiet():
        with no_grad():
            entered.set()
            assert leave.wait(10)
            return (v * v).rule

    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(quiet)
        assert entered.wait(10)
        here = (v * v).rule
        leave.set()
        assert other.result() is None
    assert here is ops.mul


def test_many_threads_differentiate_at_once():
    def slope(k):
        x = vector(*range(1, 51))
        for _ in range(20):
            with no_grad():
                (x * k).sum()
            out = ((x * k).tanh() * x).sum()
        (found,) = gradients(out, [x])
        return found

    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(slope, range(24)))
    for k, found in enumerate(together):
        assert_array_equal(found, slope(k))


# --- 4. grad ----------------------------------------------------------------------------------------------------------


def test_a_gradient_not_computed_is_zero_told_apart_by_identity():
    v = Value(1.0)
    assert v.grad is UNSET
    assert (v * 2).grad is UNSET
    assert type(UNSET) is float
    assert UNSET == 0.0
    v.backward(0.0)
    assert v.grad == 0.0
    assert v.grad is not UNSET


def test_zero_grad_forgets_the_gradient():
    v = vector(1, 2)
    (v * v).sum().backward()
    v.zero_grad()
    assert v.grad is UNSET
    (v * v).sum().backward()
    assert_array_equal(v.grad, [2, 4])


@pytest.mark.parametrize("reset", [0, 0.0, None])
def test_a_gradient_set_to_zero_by_hand_is_added_to(reset):
    for v, expected in ((Value(3.0), 6.0), (vector(3, 4), [6, 8])):
        (v * v).sum().backward()
        v.grad = reset
        (v * v).sum().backward()
        assert_array_equal(v.grad, expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_gradient_has_the_shape_and_dtype_of_the_data(dtype):
    for shape in [(), (1,), (3,), (2, 1), (2, 3), (1, 1, 1)]:
        v = Value(np.ones(shape, dtype))
        ((v + np.ones((2, 3))) * 2.0).sum().backward()
        assert np.shape(v.grad) == v.shape
        if shape:
            assert v.grad.dtype == dtype
        else:
            assert type(v.grad) is float


def test_leaves_add_up_over_calls_and_inner_nodes_hold_the_last_gradient():
    x = Value(3.0)
    y = x * x
    (2 * y).backward()
    (5 * y).backward()
    assert x.grad == 12.0 + 30.0
    assert y.grad == 5.0


def test_a_second_backward_doubles_the_leaves():
    a, b = vector(0.1, 0.7), Value(0.3)
    hidden = (a * b + a).tanh()
    out = (hidden * hidden / (b + 2)).sum()
    out.backward()
    once = [np.copy(each.grad) for each in (a, b, hidden, out)]
    out.backward()
    for each, g in zip((a, b), once, strict=False):
        assert_array_equal(each.grad, 2 * g)
    for each, g in zip((hidden, out), once[2:], strict=True):
        assert_array_equal(each.grad, g)
    out.backward()
    assert_array_equal(a.grad, once[0] + once[0] + once[0])


def test_backward_on_a_leaf_is_its_own_gradient():
    v = Value(3.0)
    v.backward()
    assert v.grad == 1.0
    w, g = vector(1, 2), np.array([5.0, 6.0])
    w.backward(g)
    assert_array_equal(w.grad, g)
    assert not np.shares_memory(w.grad, g)


SHARING = {
    "plus": lambda a, b: a + b,
    "minus": lambda a, b: a - b,
    "a leaf twice": lambda a, b: a + a + b,
    "reshape": lambda a, b: a.reshape(-1) + b.reshape(-1),
    "transpose": lambda a, b: a.T + b.T,
    "squeeze": lambda a, b: (a.expand_dims(0) + b.expand_dims(0)).squeeze(0),
    "concatenate": lambda a, b: concatenate([a, b]),
    "stack": lambda a, b: stack([a, b, a]),
    "index": lambda a, b: a[:] + b[...],
    "broadcast": lambda a, b: a.broadcast_to((4, 2, 2)) + b,
    "where": lambda a, b: where([True, False], a, b),
    "sum": lambda a, b: a.sum() + b.sum(axis=0),
    "mean": lambda a, b: a.mean(axis=0, keepdims=True) + b.mean(),
    "relu": lambda a, b: a.relu() + b.leaky_relu(1.0),
    "clip": lambda a, b: a.clip() + b.abs(),
    "maximum": lambda a, b: maximum(a, b),
    "matmul": lambda a, b: a @ b,
}


@pytest.mark.parametrize("name", SHARING)
def test_a_leaf_owns_a_writeable_gradient_that_nothing_else_sees(name):
    a, b = Value(np.array([[1.0, 2.0], [3.0, 4.0]])), Value(np.array([[2.0, 1.0], [5.0, 3.0]]))
    out = SHARING[name](a, b)
    seed = np.ones(out.shape)
    out.backward(seed)
    kept = [seed, a.data, b.data, out.data, out.grad, b.grad]
    for other in kept:
        assert a.grad is not other
        assert not np.shares_memory(a.grad, other)
    inner = np.copy(out.grad)
    for leaf in (a, b):
        assert leaf.grad.flags.writeable
        leaf.grad *= -7.0
    assert_array_equal(out.grad, inner)
    assert_array_equal(seed, np.ones(out.shape))
    a.zero_grad()
    out.backward(seed)
    assert (a.grad >= 0).all()


@pytest.mark.parametrize("name", SHARING)
def test_no_two_computed_values_have_one_gradient(name):
    a, b = Value(np.array([[1.0, 2.0], [3.0, 4.0]])) + 0.0, Value(np.array([[2.0, 1.0], [5.0, 3.0]])) + 0.0
    out = SHARING[name](a, b)
    last = out + 1.0
    last.backward(np.ones(out.shape))
    found = [each.grad for each in (a, b, a.x, b.x, out, last)]
    for i, each in enumerate(found):
        assert not any(np.shares_memory(each, other) for other in found[:i])


def test_gradients_are_arrays_of_their_own():
    a, b = vector(1, 2), vector(3, 4)
    hidden = a + b
    found = gradients(hidden.sum(), [a, b, hidden, hidden])
    for i, each in enumerate(found):
        assert each.flags.writeable
        assert not any(np.shares_memory(each, other) for other in found[:i])


def test_a_gradient_that_was_taken_out_is_not_written_to_later():
    a, b = vector(1, 2), vector(3, 4)
    (a * b).sum().backward()
    b.grad = taken = a.grad
    (a * b).sum().backward()
    assert_array_equal(taken, [3, 4])
    assert_array_equal(a.grad, [6, 8])
    assert_array_equal(b.grad, [4, 6])


# --- 5. a node --------------------------------------------------------------------------------------------------------


def test_a_node_is_one_object_with_fixed_slots():
    v = Value(1.0)
    assert not hasattr(v, "__dict__")
    with pytest.raises(AttributeError):
        v.gradient = 1.0
    node = v * v + 1
    assert sys.getsizeof(node) <= 160


def test_an_ordinary_node_holds_no_container_and_no_closure():
    x, y = Value(2.0), vector(1, 2)
    for node in (x * x, x + 1, 2 - x, x.exp(), x**3, maximum(x, 0), x * y, y.tanh()):
        for slot in Value.__slots__:
            held = getattr(node, slot)
            assert isinstance(held, Value | float | np.ndarray | str | ops.Rule | None), (slot, held)


def test_the_inputs_of_a_node_are_its_values_and_constants_with_the_numbers_they_had():
    x, y = Value(3.0), vector(1, 2)
    assert (x * x).inputs() == [(x, 3.0), (x, 3.0)]
    assert (2 - x).inputs() == [(None, 2.0), (x, 3.0)]
    assert x.exp().inputs() == [(x, 3.0)]
    assert y.sum(axis=0).inputs()[0][0] is y  # the axis is no input
    assert len(y.sum(axis=0).inputs()) == 1
    assert [each for each, _ in concatenate([y, np.ones(2)]).inputs()] == [y, None]
    assert x.inputs() == []
    out = x * 2
    x.data = 7.0
    assert out.inputs() == [(x, 3.0), (None, 2.0)]


def test_both_edges_of_a_square_are_kept():
    x = Value(3.0)
    y = x * x
    assert y.x is x
    assert y.y is x
    y.backward()
    assert x.grad == 6.0


def test_a_scalar_graph_needs_few_bytes_for_a_node():
    gc.collect()
    gc.disable()
    try:
        before = sys.getallocatedblocks()
        x = y = Value(0.5)
        for _ in range(1000):
            y = y * 1.01
        blocks = sys.getallocatedblocks() - before
    finally:
        gc.enable()
    assert y.x is not x
    assert blocks <= 2 * 1000 + 100  # the node and its number


# --- 6. the walk ------------------------------------------------------------------------------------------------------


def test_the_gradient_of_a_sum_with_itself_counts_every_path():
    x = Value(1.0)
    ((x + x) + x).backward()
    assert x.grad == 3.0
    v = vector(1, 2)
    ((v + v) + v).sum().backward()
    assert_array_equal(v.grad, [3, 3])


def test_a_chain_of_200000_nodes_needs_no_recursion():
    limit = sys.getrecursionlimit()
    x = Value(1.0)
    y = x
    for _ in range(100_000):
        y = y * 0.5 + 1.0
    assert sys.getrecursionlimit() == limit
    y.backward()
    assert x.grad == 0.0  # 0.5 to the 100,000
    assert y.grad == 1.0
    del y  # freeing it must not recurse either


def test_a_chain_of_tensors_and_of_many_inputs_needs_no_recursion():
    v = vector(1, 2)
    out = v
    for _ in range(3000):
        out = concatenate([out[:1], out[1:]]) + 0.0
    out.sum().backward()
    assert_array_equal(v.grad, [1, 1])


def test_28_doublings_are_no_work():
    def doubled():
        x = Value(1.0)
        y = x
        for _ in range(28):
            y = y + y
        y.backward()
        return x.grad

    assert assert_quick(doubled, 0.1) == 2.0**28


@pytest.mark.parametrize(
    "join", [lambda y: concatenate([y, y])[:2], lambda y: where([True, False], y, y), lambda y: y.T @ y * y]
)
def test_doublings_of_every_kind_of_node_are_no_work(join):
    def doubled():
        x = vector(1, 1) * 0.5
        y = x
        for _ in range(40):
            y = join(y)
        y.sum().backward()
        return x.grad

    assert np.isfinite(assert_quick(doubled, 1.0)).all()


def test_each_node_is_visited_once(monkeypatch):
    visits = []

    def dx(g, out, x):
        visits.append(x)
        return g * out

    monkeypatch.setattr(ops.exp, "dx", dx)
    x = Value(0.1)
    y = x.exp()
    (y * y + y / (y + 1) + y.exp()).backward()
    assert sorted(visits) == sorted([0.1, y.data])


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ((3, 1), (2,)),
        ((2,), (3, 1)),
        ((), (3, 2)),
        ((3, 2), ()),
        ((1, 1), (4, 3, 2)),
        ((4, 1, 2), (3, 1)),
        ((1,), (1, 1)),
    ],
)
@pytest.mark.parametrize("operation", ["__add__", "__sub__", "__mul__", "__truediv__", "__pow__"])
def test_broadcasting_is_undone(left, right, operation):
    a, b = Value(np.full(left, 2.0)), Value(np.full(right, 3.0))
    out = getattr(a, operation)(b)
    out.sum().backward()
    x, y, shape = 2.0, 3.0, np.broadcast_shapes(left, right)
    by_a, by_b = {
        "__add__": (1, 1),
        "__sub__": (1, -1),
        "__mul__": (y, x),
        "__truediv__": (1 / y, -x / y**2),
        "__pow__": (y * x ** (y - 1), x**y * math.log(x)),
    }[operation]
    count = math.prod(shape)
    assert_allclose(a.grad, np.full(left, by_a * count / math.prod(left)), rtol=1e-14)
    assert_allclose(b.grad, np.full(right, by_b * count / math.prod(right)), rtol=1e-14)


def alive():
    return sum(type(each) is Value for each in gc.get_objects())


def uses_of_a_graph():
    v, w = vector(1, 2), Value(0.5)

    def build():
        return (concatenate([v * w, where([True, False], v, w)]).tanh()[[0, 0, 3]] ** 2).softmax().log().mean() * w

    def failing():
        with pytest.raises(ValueError, match="broadcast"):
            build() * v + np.ones(3)

    def watched():
        with anomaly():
            build().backward()

    return {
        "forward": build,
        "backward": lambda: build().backward(),
        "gradients": lambda: gradients(build(), [v, w]),
        "create_graph": lambda: gradients(gradients(build(), [v, w], create_graph=True)[1], [v]),
        "backward through gradients": lambda: gradients(build(), [w], create_graph=True)[0].backward(),
        "rebound": lambda: (build(), setattr(w, "data", w.data + 0.1), build())[0].backward(),
        "grad of grad": lambda: grad(grad(lambda x: (x * v).tanh().sum()))(0.3),
        "an error": failing,
        "anomaly": watched,
    }


@pytest.mark.parametrize("name", uses_of_a_graph())
def test_a_graph_is_freed_by_reference_counting_alone(name):
    use = uses_of_a_graph()[name]
    use()
    gc.collect()
    gc.disable()
    try:
        before = alive()
        use()
        assert alive() == before
    finally:
        gc.enable()


def test_a_graph_of_any_shape_gives_the_gradient_of_its_polynomial():
    @given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99), st.booleans()), min_size=1, max_size=12), NUMBERS)
    def check(steps, x):
        x /= 1e3
        value = Value(x)
        nodes, exact = [value], [np.polynomial.Polynomial([0, 1])]
        for i, j, product in steps:
            a, b = i % len(nodes), j % len(nodes)
            if product and (exact[a] * exact[b]).degree() > 40:
                continue
            nodes.append(nodes[a] * nodes[b] if product else nodes[a] + nodes[b])
            exact.append(exact[a] * exact[b] if product else exact[a] + exact[b])
        nodes[-1].backward()
        slope = exact[-1].deriv()
        (again,) = gradients(gradients(nodes[-1], [value], create_graph=True)[0], [value])
        # relative to the sum of the magnitudes of the terms, which is what rounding is relative to
        assert_allclose(
            value.grad, slope(x), rtol=0, atol=1e-12 * np.polynomial.Polynomial(abs(slope.coef))(abs(x)) + 1e-300
        )
        second = slope.deriv()
        assert_allclose(
            again, second(x), rtol=0, atol=1e-12 * np.polynomial.Polynomial(abs(second.coef))(abs(x)) + 1e-300
        )

    check()


# --- 7. a graph gives the gradient at the numbers it was computed from ------------------------------------------------


def rebind(value):
    value.data = value.data * 100.0 - 7.0


def net():
    """A small graph: its leaves, its inner nodes, its output."""
    a, b = Value(np.array([[0.3], [-0.2]]), "a"), Value(0.7, "b")
    hidden = (a * np.array([1.0, 2.0, 3.0]) + b).tanh()
    chosen = hidden[[0, 1, 0]]
    joined = concatenate([chosen.softmax(axis=0), hidden * b])
    out = (joined * joined).mean() / b
    return [a, b], [hidden, chosen, joined, out], out


@pytest.mark.parametrize("which", range(6))
def test_rebinding_the_data_of_any_node_changes_nothing(which):
    leaves, _, out = net()
    expected = gradients(out, leaves)
    leaves, inner, out = net()
    rebind([*leaves, *inner][which])
    for found, right in zip(gradients(out, leaves), expected, strict=True):
        assert_array_equal(found, right)
    out.backward()
    for leaf, right in zip(leaves, expected, strict=True):
        assert_array_equal(leaf.grad, right)


@pytest.mark.parametrize("which", range(6))
def test_rebinding_changes_nothing_in_gradients_of_gradients(which):
    def twice(rebound=None):
        leaves, inner, out = net()
        if rebound is not None:
            rebind([*leaves, *inner][rebound])
        first = gradients(out, leaves, create_graph=True)
        if rebound is not None:
            rebind([*leaves, *inner][rebound])
        second = gradients((first[0] * first[0]).sum() + first[1].tanh(), leaves)
        return [*(each.data for each in first), *second]

    for found, right in zip(twice(which), twice(), strict=True):
        assert_allclose(found, right, rtol=1e-14)


def test_the_idiom_of_an_update_in_place_leaves_a_scalar_graph_as_it_was():
    p = Value(3.0)
    loss = p * p
    loss.backward()
    p.data -= 0.1 * p.grad
    assert p.data == pytest.approx(2.4)
    p.zero_grad()
    loss.backward()
    assert p.grad == 6.0
    assert gradients(gradients(loss, [p], create_graph=True)[0], [p]) == [2.0]


def test_what_is_computed_later_uses_the_new_data():
    x = Value(3.0)
    y = x * 2
    y.data += 1.0
    z = y * y
    assert z.data == 49.0
    z.backward()
    assert x.grad == 28.0


def test_a_computed_value_whose_data_was_set_keeps_its_label_its_inputs_and_what_was_computed():
    x = Value(3.0, "x")
    y = x.exp()
    y.label = "y"
    first = y * 2
    for number in (1.0, 5.0):
        y.data = number
    assert (y.data, y.out, y.label, y._op, y._prev) == (5.0, math.exp(3), "y", "exp", (x,))
    y.label = "h"
    assert (y.label, y.out, x.out) == ("h", math.exp(3), 3.0)
    assert gradients(first, [x]) == gradients(y * 2, [x]) == [2 * math.exp(3)]
    assert gradients(gradients(y, [x], create_graph=True)[0], [x]) == [math.exp(3)]


def test_rebinding_to_another_shape_leaves_the_graph_as_it_was():
    w = vector(1, 2, 3)
    loss = (w * w).sum()
    w.data = np.zeros((2, 2))
    loss.backward()
    assert_array_equal(w.grad, [2, 4, 6])


def test_writing_into_an_entry_does_change_the_graph():
    w = vector(1, 2)
    loss = (w * w).sum()
    w.data[0] = 5.0
    assert_array_equal(gradients(loss, [w])[0], [10, 4])


WRITTEN = {
    "an input": lambda w: (w * w, w),
    "a second input": lambda w: (np.ones(2) * w, w),
    "one of several": lambda w: (concatenate([np.ones(2), w]), w),
    "what a view shows": lambda w: (w.expand_dims(0).T * 2.0, w),
    "an output": lambda w: ((out := w.exp()), out),
}


@pytest.mark.parametrize("walk", [Value.backward, lambda loss: gradients(loss, [loss]), lambda loss: loss.backward(3)])
@pytest.mark.parametrize("name", WRITTEN)
def test_a_graph_whose_array_was_written_to_in_place_refuses_to_be_walked(name, walk):
    w = vector(1, 2)
    out, written = WRITTEN[name](w)
    written.label = "W1"
    loss = out.sum()
    gradients(loss, [w])
    written.data -= 0.5
    with pytest.raises(RuntimeError, match=r"'W1' of shape \(2,\) was written to.*w\.data = w\.data - "):
        walk(loss)
    assert w.grad is UNSET


def test_two_losses_and_a_step_between_them_are_no_wrong_gradient():
    w = vector(1, 2)
    first, second = (w * w).sum(), (w**3).sum()
    first.backward()
    w.data = w.data - 0.1 * w.grad
    w.zero_grad()
    second.backward()
    assert_array_equal(w.grad, [3, 12])


def test_an_update_in_place_after_backward_trains_and_leaves_nothing_behind():
    w, x = Value(np.array([3.0, -2.0])), Value(np.array([1.0, 2.0]))
    for _ in range(60):
        loss = ((w * x - 1.0) ** 2).sum()
        w.zero_grad()
        loss.backward()
        w.data -= 0.1 * w.grad
    assert_allclose(w.data, [1.0, 0.5], atol=1e-4)
    del loss
    assert written.owners == {}


def test_of_parameters_that_share_one_array_only_the_part_written_to_is_refused():
    flat = np.arange(6.0)
    w, b = Value(flat[:3].reshape(3)), Value(flat[3:])
    of_w, of_b = (w * w).sum(), (b * b).sum()
    w.data -= 1.0
    of_b.backward()
    assert_array_equal(b.grad, [6, 8, 10])
    with pytest.raises(RuntimeError, match="was written to"):
        of_w.backward()
    del of_w, of_b
    assert written.owners == {}


def test_an_array_written_to_is_copied_where_it_is_used_again():
    start = np.array([1.0, 2.0])
    w = Value(start)
    w.data -= 1.0
    for again in (Value(start), Value(start[:1]), vector(1, 2) * start, w * start):
        (again * again).sum().backward()
    w.data = start
    (w * w).sum().backward()
    assert_array_equal(start, [0, 1])
    w.data = start
    assert Value(np.array([1.0])).data is not start


def test_under_no_grad_an_update_in_place_changes_the_leaf():
    for start in (3.0, np.array([3.0, 4.0], np.float32)):
        p = kept = Value(start)
        (p * p).sum().backward()
        with no_grad():
            p -= 0.25 * p.grad
            p += 1
            p *= np.float64(2)
            p /= 4.0
            p **= 2
        assert p is kept
        assert p.rule is None
        assert_allclose(p.data, ((np.asarray(start) / 2 + 1) / 2) ** 2)
        assert p.dtype == Value(start).dtype
    out = Value(2.0) * 3
    with no_grad():
        moved = out
        moved -= 1.0
    assert (out.data, moved.data) == (6.0, 5.0)
    with no_grad(), pytest.raises(ValueError, match=r"shape \(2,\).*to \(3, 2\)"):
        p += np.ones((3, 1))
    with no_grad(), pytest.raises(TypeError):
        p += "a"


def test_the_update_in_place_leaves_a_recorded_graph_as_it_was():
    w = vector(1, 2)
    loss = (w * w).sum()
    with no_grad():
        w -= 0.5
    assert_array_equal(gradients(loss, [w])[0], [2, 4])


def test_what_was_computed_under_no_grad_has_no_backward():
    v = vector(1, 2)
    with no_grad():
        outs = [(v * v).sum(), v.exp(), stack([v, v]), Value(2.0) * 3]
    for out in outs:
        with pytest.raises(RuntimeError, match="no_grad"):
            out.backward(np.ones(out.shape))
        with pytest.raises(RuntimeError, match="no_grad"):
            gradients(out.sum() if out.ndim else out, [v]) if not out.ndim else out.backward()
    (outs[1] * v).sum().backward()
    assert_array_equal(v.grad, np.exp([1, 2]))


def test_masked_arrays_are_refused():
    masked = np.ma.masked_array([1.0, 2.0], [True, False])
    for use in (lambda: Value(masked), lambda: vector(1, 2) * masked, lambda: setattr(vector(1, 2), "data", masked)):
        with pytest.raises(TypeError, match=r"masked.*\.filled\(0\)"):
            use()
    with pytest.raises(TypeError, match=r"\.data"):
        masked * vector(1, 2)


# --- 8. a rule is data ------------------------------------------------------------------------------------------------


def test_a_new_operation_is_one_rule():
    cube = ops.Rule("cube", lambda x: x**3, dx=lambda g, out, x: g * (3 * x**2))
    x = Value(2.0)
    y = cube(x)
    assert cube(2.0) == 8.0
    assert y.data == 8.0
    assert gradients(y, [x]) == [12.0]
    assert grad(grad(cube))(2.0) == 12.0
    assert grad(grad(grad(cube)))(np.float64(2.0)) == 6.0


def test_a_rule_records_only_when_an_argument_asks_for_it():
    assert type(ops.sigmoid(0.0)) is float
    assert type(ops.sigmoid(np.zeros(2))) is np.ndarray
    assert type(ops.sigmoid(Value(0.0))) is Value
    assert ops.maximum(1.0, Value(2.0)).rule is ops.maximum


@pytest.mark.parametrize("other", [2.0, 2, np.float64(2), Value(2.0)])
def test_comparisons_of_a_scalar_are_plain_bools_of_the_data(other):
    v = Value(2.0)
    expected = {"__eq__": True, "__ne__": False, "__lt__": False, "__le__": True, "__gt__": False, "__ge__": True}
    for name, answer in expected.items():
        assert getattr(v, name)(other) is answer
    assert (v == 3.0) is False
    assert (other == v) == True  # noqa: E712  (np.bool where numpy is asked first)


def test_comparisons_of_a_tensor_are_arrays_of_bools():
    v = vector(1, 2, 3)
    for answer in (v > 1.5, v > np.array([1.5, 1.5, 1.5]), np.array([1.5, 1.5, 1.5]) < v, v >= Value([1.5, 2, 3])):
        assert type(answer) is np.ndarray
        assert answer.dtype == bool
        assert_array_equal(answer, [False, True, True])
    assert_array_equal(v == vector(1, 0, 3), [True, False, True])
    assert_array_equal(v != 1, [False, True, True])


def test_the_hash_is_identity():
    a, b = Value(1.0), Value(1.0)
    assert a == b
    assert len({a, b, a}) == 2
    assert {a: 1}.get(b) is None
    assert len({vector(1, 2), vector(1, 2)}) == 2


# --- 9. gradients and grad --------------------------------------------------------------------------------------------


def quartic(x):
    return x**4 - 2 * x**2


def test_gradients_returns_a_list_and_touches_no_grad():
    a, b, c = Value(2.0), vector(1, 2), Value(9.0)
    hidden = a * b
    out = (hidden * hidden).sum()
    b.grad = np.array([7.0, 7.0])
    found = gradients(out, [a, b, hidden, out, c])
    assert isinstance(found, list)
    assert found[0] == 20.0
    assert_array_equal(found[1], [8, 16])
    assert_array_equal(found[2], [4, 8])
    assert found[3:] == [1.0, 0.0]
    gradients(out, [a, b], create_graph=True)
    assert all(each.grad is UNSET for each in (a, c, hidden, out))
    assert_array_equal(b.grad, [7, 7])


def test_gradients_by_what_was_not_used_are_zeros_of_its_shape_and_dtype():
    a, b, c = Value(2.0), Value(np.ones((2, 3), np.float32)), vector(1)
    found = gradients(a * a, [b, c, a])
    assert found[0].shape == (2, 3)
    assert found[0].dtype == np.float32
    assert not found[0].any()
    assert_array_equal(found[1], [0])
    assert found[2] == 4.0
    for each in gradients(a * a, [b, c], create_graph=True):
        assert isinstance(each, Value)


@pytest.mark.parametrize("single", [Value(2.0), Value([1.0, 2.0])])
def test_gradients_asks_for_a_list_of_inputs(single):
    with pytest.raises(TypeError, match="list"):
        gradients((single * single).sum(), single)


@pytest.mark.parametrize("inputs", [[2.0], [Value(1.0), np.ones(2)], ["x"]])
def test_gradients_asks_for_values(inputs):
    with pytest.raises(TypeError, match=r"expected Values.*got .*Value"):
        gradients(Value(1.0) * 2, inputs)


def test_the_first_and_second_derivative_of_the_quartic():
    assert grad(quartic)(2.0) == 24.0
    assert grad(grad(quartic))(2.0) == 44.0
    assert grad(grad(grad(quartic)))(2.0) == 48.0
    assert grad(grad(grad(grad(quartic))))(2.0) == 24.0
    assert grad(grad(grad(grad(grad(quartic)))))(2.0) == 0.0
    x = Value(2.0)
    (first,) = gradients(quartic(x), [x], create_graph=True)
    assert first.data == 24.0
    assert gradients(first, [x]) == [44.0]


def test_newtons_method_finds_the_minimum():
    slope, curvature, x = grad(quartic), grad(grad(quartic)), 2.0
    for _ in range(8):
        x -= slope(x) / curvature(x)
    assert x == pytest.approx(1.0, abs=1e-15)


def test_newtons_method_on_two_parameters_uses_a_hessian_row_by_row():
    p = vector(-1.0, 2.0)
    for _ in range(20):
        out = (1 - p[0]) ** 2 + 10 * (p[1] - p[0] ** 2) ** 2
        (g,) = gradients(out, [p], create_graph=True)
        hessian = np.stack([gradients(each, [p])[0] for each in g])
        p.data = p.data - np.linalg.solve(hessian, g.data)
    assert_allclose(p.data, [1, 1], atol=1e-12)


def test_grad_takes_and_gives_floats_arrays_or_values():
    f = grad(lambda x: (x * x).sum())
    assert type(f(3)) is float
    assert f(3) == 6.0
    assert_array_equal(f(np.array([1.0, 2.0])), [2, 4])
    assert_array_equal(f([1, 2]), [2, 4])
    x = Value(3.0)
    answer = f(x)
    assert isinstance(answer, Value)
    assert answer.data == 6.0
    assert x.grad is UNSET
    assert gradients(answer * answer, [x]) == [24.0]
    array = np.array([1.0, 2.0])
    assert f(array) is not array
    assert_array_equal(array, [1, 2])


def test_grad_differentiates_by_its_first_argument_only():
    f = grad(lambda x, y, *, scale=1.0: x * y * scale)
    assert f(2.0, 5.0) == 5.0
    assert f(2.0, 5.0, scale=3.0) == 15.0
    y = Value(5.0)
    assert f(2.0, y) == 5.0
    assert y.grad is UNSET


def test_a_gradient_keeps_what_depends_on_values_that_f_captured():
    w = Value(3.0)

    def u(t):
        return w * t**2

    (out,) = gradients((grad(u)(2.0) + u(2.0)) ** 2, [w])
    assert out == 384.0
    residual = grad(grad(u))(2.0) - 1.0
    assert gradients(residual, [w]) == [2.0]
    assert type(grad(lambda t: w + t**2)(2.0)) is float  # its gradient does not depend on w
    array = grad(lambda t: (w + t**2).sum())(np.ones(2))
    assert type(array) is np.ndarray
    assert type(grad(grad(grad(quartic)))(2.0)) is float
    with no_grad():
        assert type(grad(u)(2.0)) is float
        c = w * 2
    assert type(grad(lambda t: c * t)(2.0)) is float
    assert grad(lambda t: c)(2.0) == 0.0
    slopes = grad(lambda t: (t * w * t).sum())(np.array([1.0, 2.0]))
    assert_array_equal(gradients(slopes.sum(), [w])[0], 6.0)


def test_nested_gradients_do_not_confuse_their_variables():
    assert grad(lambda x: x * grad(lambda y: x + y)(1.0))(1.0) == 1.0
    assert grad(lambda x: x * grad(lambda y: x * y)(1.0))(3.0) == 6.0
    assert grad(lambda x: grad(lambda y: x**2 * y**3)(2.0))(5.0) == 120.0


def test_a_function_of_a_value_it_also_closes_over_is_differentiated_by_its_argument_alone():
    x = Value(3.0)
    assert grad(lambda z: x * z)(x).data == 3.0
    assert grad(lambda x: grad(lambda y: grad(lambda z: x * y * z * z)(y))(x))(2.0) == 16.0
    slope = grad(lambda z: x * z * z)(x)
    assert gradients(slope, [x]) == [12.0]  # 2·x·z at z = x is 2x²


def test_the_gradient_of_a_constant_function_is_zero():
    assert grad(lambda x: 3.0)(2.0) == 0.0
    assert grad(lambda x: x * 0 + 3.0)(2.0) == 0.0
    assert_array_equal(grad(lambda x: 3.0)(np.ones(2)), [0, 0])
    assert grad(grad(lambda x: 2 * x))(1.0) == 0.0


def test_grad_is_right_inside_no_grad():
    with no_grad():
        assert grad(quartic)(2.0) == 24.0
        assert grad(grad(quartic))(2.0) == 44.0


def test_grad_asks_for_a_scalar():
    with pytest.raises(ValueError, match=r"scalar.*\(2,\).*sum\(\)"):
        grad(lambda x: x * 2)(np.ones(2))


def test_backward_weighs_by_the_gradient_that_arrives():
    v = vector(1, 2, 3)
    (v * v).backward([1, 0, 10])
    assert_array_equal(v.grad, [2, 0, 60])
    x = Value(3.0)
    (x * x).backward(5)
    assert x.grad == 30.0
    (x * x).backward(Value(1.0))
    assert x.grad == 36.0
    w = Value(np.ones(2, np.float32))
    (w * w).backward(np.ones(2))
    assert w.grad.dtype == np.float32


def test_backward_of_one_entry_in_any_shape_needs_no_gradient():
    for shape in [(), (1,), (1, 1, 1)]:
        v = Value(np.full(shape, 3.0))
        (v * v).backward()
        assert_array_equal(v.grad, np.full(shape, 6.0))


def test_a_softmax_has_the_textbook_derivatives_to_third_order():
    x = vector(0.3, -1.2, 0.8, 0.1)
    p = np.exp(x.data) / np.exp(x.data).sum()
    eye = np.eye(4)
    first = gradients(x.logsumexp(), [x], create_graph=True)[0]
    assert_allclose(first.data, p, rtol=1e-14)
    hessian = [gradients(each, [x], create_graph=True)[0] for each in first]
    assert_allclose([row.data for row in hessian], np.diag(p) - np.outer(p, p), atol=1e-15)
    third = np.array([[gradients(each, [x])[0] for each in row] for row in hessian])
    diagonal = np.einsum("ij,jk,k->ijk", eye, eye, p)
    pairs = (
        np.einsum("ij,i,k->ijk", eye, p, p) + np.einsum("ik,i,j->ijk", eye, p, p) + np.einsum("jk,j,i->ijk", eye, p, p)
    )
    assert_allclose(third, diagonal - pairs + 2 * np.einsum("i,j,k->ijk", p, p, p), atol=1e-15)
    by_softmax = [gradients(each, [x])[0] for each in x.softmax()]
    assert_allclose(by_softmax, np.diag(p) - np.outer(p, p), atol=1e-15)


def test_broadcasting_has_right_derivatives_to_third_order():
    a, b = Value(np.array([[1.0], [2.0], [3.0]])), vector(0.5, -1.5)
    s, r = b.data.sum(), (b.data**3).sum()
    (first,) = gradients(((a * b) ** 3).sum(), [a], create_graph=True)
    assert_allclose(first.data, 3 * a.data**2 * r)
    (second,) = gradients(first.sum(), [a], create_graph=True)
    assert_allclose(second.data, 6 * a.data * r)
    third, mixed = gradients(second.sum(), [a, b])
    assert_allclose(third, np.full((3, 1), 6 * r))
    assert_allclose(mixed, 6 * a.data.sum() * 3 * b.data**2)
    assert s == -1.0


def test_indexing_has_right_derivatives_to_third_order():
    v, seen = vector(1, 2, 3), [0, 0, 2]  # the first entry twice
    (first,) = gradients((v[seen] ** 4).sum(), [v], create_graph=True)
    assert_allclose(first.data, [8, 0, 108])
    (second,) = gradients(first.sum(), [v], create_graph=True)
    assert_allclose(second.data, [24, 0, 108])
    (third,) = gradients(second[1:].sum() + second[0] * 2, [v])
    assert_allclose(third, [96, 0, 72])


@pytest.mark.parametrize(
    ("reduced", "second"),
    [
        (lambda v: v.sum() ** 2, lambda x: np.full((3, 3), 2.0)),
        (lambda v: v.mean() ** 2, lambda x: np.full((3, 3), 2 / 9)),
        (lambda v: v.sum().exp(), lambda x: np.full((3, 3), np.exp(x.sum()))),
        (lambda v: v.sum(axis=0, keepdims=True).exp().sum(), lambda x: np.full((3, 3), np.exp(x.sum()))),
        (lambda v: (v - v.mean()).exp().sum() * 0 + v.var(), lambda x: 2 / 3 * (np.eye(3) - 1 / 3)),
        (lambda v: v @ v, lambda x: 2 * np.eye(3)),
        (lambda v: (v.expand_dims(1) @ v.expand_dims(0)).sum(), lambda x: np.full((3, 3), 2.0)),
        (lambda v: v.norm(), lambda x: np.eye(3) / np.linalg.norm(x) - np.outer(x, x) / np.linalg.norm(x) ** 3),
        (lambda v: (v * v.sum()).sum(), lambda x: np.full((3, 3), 2.0)),
        (lambda v: (v.max() - v.min()) ** 2, lambda x: 2 * np.outer([-1, 1, 0], [-1, 1, 0])),
        (lambda v: concatenate([v, v]).sum() ** 2 / 4, lambda x: np.full((3, 3), 2.0)),
        (lambda v: stack(list(v)).sum() ** 2, lambda x: np.full((3, 3), 2.0)),
        (lambda v: (where([True, False, True], v, 0.0) ** 3).sum(), lambda x: np.diag(6 * x * [1, 0, 1])),
        (lambda v: (v.broadcast_to((2, 3)) ** 2).sum(), lambda x: 4 * np.eye(3)),
        (lambda v: (v.reshape(3, 1).T ** 2).sum(), lambda x: 2 * np.eye(3)),
        (lambda v: (v**v).sum(), lambda x: np.diag(x**x * ((np.log(x) + 1) ** 2 + 1 / x))),
        (lambda v: (maximum(v, 1.0) ** 2 + minimum(v, 1.0)).sum(), lambda x: np.diag(2.0 * (x > 1))),
    ],
)
def test_a_hessian_through_gradients_of_gradients_is_the_textbooks(reduced, second):
    v = vector(0.5, 2.0, 1.25)
    (g,) = gradients(reduced(v), [v], create_graph=True)
    hessian = [gradients(each, [v])[0] for each in g]
    assert_allclose(hessian, second(v.data), rtol=1e-12, atol=1e-13)
    direction = np.array([0.3, -0.7, 1.1])
    assert_allclose(gradients((g * direction).sum(), [v])[0], second(v.data) @ direction, rtol=1e-12, atol=1e-13)


def test_backward_through_gradients_fills_grad_once():
    x = Value(2.0)
    (slope,) = gradients(x**3, [x], create_graph=True)
    (slope * slope).backward()
    assert x.grad == 2 * 12.0 * 12.0
    assert slope.grad == 24.0


def test_detach_gives_a_leaf_that_no_gradient_goes_through():
    x = Value(3.0, "x")
    held = (x * x).detach()
    assert held.rule is None
    assert held.data == 9.0
    (held * x).backward()
    assert x.grad == 9.0
    assert x.detach().label == "x"


@pytest.mark.parametrize("value", [Value(2.5), Value([2.5]), Value([[2.5]])])
def test_item_and_float_give_the_one_number(value):
    assert type(value.item()) is float
    assert value.item() == float(value) == 2.5
    assert int(value) == 2


@pytest.mark.parametrize("exit", [float, math.exp, lambda v: np.zeros(2).__setitem__(0, v)])
def test_leaving_the_graph_through_a_float_warns_before_backward(exit):
    x = Value(0.5)
    for out in (x * 2, Value([0.5]) * 2):
        with pytest.warns(UserWarning, match=r"graph.*\.exp\(\).*\.item\(\).*\.detach\(\)"):
            exit(out)
        assert out.item() == int(out) == 1
        out.backward()
        exit(out)
    exit(x)
    exit(out.detach())
    with no_grad():
        exit(x * 2)
        quiet = x * 2
    exit(quiet)


def test_a_label_is_kept_and_may_be_set():
    v = Value(1.0, label="W1")
    assert v.label == "W1"
    out = v * 2
    assert out.label == ""
    out.label = "z1"
    assert "z1" in repr(out)


# --- 13. kinks -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "x", "value", "slope"),
    [
        (lambda v: v.relu(), 0.0, 0, 0),
        (lambda v: v.leaky_relu(0.1), 0.0, 0, 0.1),
        (lambda v: v.leaky_relu(), 0.0, 0, 0.01),
        (lambda v: v.abs(), 0.0, 0, 0),
        (lambda v: v.sign(), 0.0, 0, 0),
        (lambda v: v.sign(), 2.0, 1, 0),
        (lambda v: v.step(), 0.0, 0, 0),
        (lambda v: v.step(), 2.0, 1, 0),
        (lambda v: v.clip(0, 1), 0.0, 0, 0),
        (lambda v: v.clip(0, 1), 1.0, 1, 0),
        (lambda v: v.clip(0, 1), 0.5, 0.5, 1),
        (lambda v: v.clip(min=0.0), 3.0, 3, 1),
        (lambda v: v.clip(max=0.0), 3.0, 0, 0),
        (lambda v: maximum(v, 0), 0.0, 0, 0.5),
        (lambda v: maximum(0, v), 0.0, 0, 0.5),
        (lambda v: minimum(v, 0), 0.0, 0, 0.5),
        (lambda v: maximum(v, v), 2.0, 2, 1),
        (lambda v: v**0, 0.0, 1, 0),
        (lambda v: v**0.0, 2.0, 1, 0),
        (lambda v: v**1, 0.0, 0, 1),
        (lambda v: v**2, 0.0, 0, 0),
        (lambda v: v**3, -2.0, -8, 12),
        (lambda v: v**0.5, -2.0, math.nan, math.nan),
        (lambda v: 0**v, 0.0, 1, 0),
        (lambda v: 0**v, 2.0, 0, 0),
        (lambda v: v.norm(), 0.0, 0, 0),
    ],
)
def test_a_kink_follows_the_table_on_scalars_and_on_arrays(operation, x, value, slope):
    v = Value(x)
    out = operation(v)
    out.backward()
    assert same(out.data, value)
    assert same(v.grad, slope)
    for dtype in (np.float32, np.float64):
        array = Value(np.array([x, x], dtype))
        with np.errstate(all="ignore"):
            tensor = operation(array)
        tensor.sum().backward()
        assert_array_equal(tensor.data, np.full(tensor.shape, value, dtype))
        assert_array_equal(array.grad, np.array([slope, slope], dtype))


def test_zero_to_the_zero_has_no_gradient_by_either():
    a, b = Value(0.0), Value(0.0)
    (a**b).backward()
    assert (a.grad, b.grad) == (0.0, 0.0)


@pytest.mark.parametrize("name", ["max", "min"])
def test_ties_over_an_axis_share_the_gradient(name):
    v = Value(np.array([[1.0, 1.0, 1.0, 1.0], [2.0, 2.0, 2.0, 2.0]]))
    getattr(v, name)(axis=1).backward([1.0, 4.0])
    assert_array_equal(v.grad, [[0.25] * 4, [1.0] * 4])


# --- what Python does with a number -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Value(2.0), "Value(data=2., grad=not computed)"),
        (Value(1 / 3, "a"), "Value(data=0.33333333, grad=not computed, label='a')"),
        (Value([1.0, 2.5]), "Value(data=[1. , 2.5], grad=not computed)"),
        (Value(24.70408163265306), "Value(data=24.70408163, grad=not computed)"),
    ],
)
def test_repr_shows_label_and_data_rounded_as_numpy_rounds(value, shown):
    assert repr(value) == str(value) == f"{value}" == shown


def test_repr_shows_the_gradient_once_it_is_computed():
    x = Value(3.0, "x")
    (x * x).backward()
    assert repr(x) == "Value(data=3., grad=6., label='x')"
    x.backward(-6.0)
    assert "grad=0." in repr(x)
    x.zero_grad()
    assert "grad=not computed" in repr(x)


def test_a_gradient_of_none_counts_as_not_computed():
    v = Value(2.0)
    v.grad = None
    assert repr(v) == "Value(data=2., grad=not computed)"
    assert copy.copy(v).grad is UNSET
    out = v * v
    out.grad = None
    with pytest.warns(UserWarning, match="graph"):
        float(out)
    out.backward()
    assert (v.grad, out.grad) == (4.0, 1.0)


def test_repr_of_a_large_tensor_is_short():
    assert len(repr(Value(np.zeros((1000, 1000))))) < 600


def test_format_formats_scalars():
    assert f"{Value(math.pi):.4f}" == "3.1416"
    assert f"{Value(2.0):8.1e}|" == " 2.0e+00|"
    with pytest.raises(TypeError):
        f"{vector(1, 2):.2f}"


def test_bool_float_and_int_are_the_datas():
    assert bool(Value(0.0)) is False
    assert bool(Value(-0.5)) is True
    assert bool(Value([0.0])) is False
    assert float(Value(2.5)) == 2.5
    assert int(Value(-2.5)) == -2
    with pytest.raises(ValueError, match="ambiguous"):
        bool(vector(1, 2))
    for exit in (float, int, Value.item):
        with pytest.raises(TypeError, match=r"one number.*\(2,\).*sum\(\)"):
            exit(vector(1, 2))


def test_len_iteration_and_in_are_numpys():
    v = Value(np.array([[1.0, 2.0], [3.0, 4.0]]))
    assert len(v) == 2
    rows = list(v)
    assert all(isinstance(each, Value) for each in rows)
    a, b = rows[1]
    (a * b).backward()
    assert_array_equal(v.grad, [[0, 0], [4, 3]])
    assert 3.0 in v
    assert 5.0 not in v
    for operation in (len, iter, list):
        with pytest.raises(TypeError):
            operation(Value(1.0))


def test_in_place_operators_make_a_new_node():
    for v in (Value(3.0), vector(3, 4)):
        kept, before = v, np.copy(v.data)
        v += 1
        v -= 2
        v *= 3
        v /= 2
        v **= 2
        assert v is not kept
        assert_array_equal(kept.data, before)
        v.sum().backward()
        assert_allclose(kept.grad, 2 * (before - 1) * 1.5**2)


def test_a_value_added_to_a_list_extends_nothing_in_silence():
    for value in (Value(1.0), vector(1, 2)):
        for outputs in ([], [0.5, 1.0], [Value(1.0)]):
            before = list(outputs)
            with pytest.raises(TypeError, match=r"outputs\.append\(value\)"):
                outputs += value
            assert len(outputs) == len(before)


def test_in_place_matmul_makes_a_new_node():
    v = kept = Value(np.eye(2))
    v @= np.ones((2, 2))
    assert v is not kept
    assert_array_equal(kept.data, np.eye(2))


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))])
@pytest.mark.parametrize("data", [2.0, np.array([1.0, 2.0], np.float32)])
def test_a_leaf_copies_with_its_label_and_gradient(copied, data):
    v = Value(data, "W")
    twin = copied(v)
    assert twin is not v
    assert twin.label == "W"
    assert twin.grad is UNSET
    assert_array_equal(twin.data, v.data)
    (v * v).sum().backward()
    assert_array_equal(copied(v).grad, v.grad)


def test_a_deep_copy_shares_nothing():
    v = vector(1, 2)
    v.backward([1.0, 1.0])
    twin = copy.deepcopy(v)
    assert not np.shares_memory(twin.data, v.data)
    assert not np.shares_memory(twin.grad, v.grad)
    shared = copy.deepcopy([v, v])
    assert shared[0] is shared[1]


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickle.dumps])
def test_copying_a_graph_says_what_to_do_instead(copied):
    with pytest.raises(TypeError, match=r"leaf.*×.*detach\(\)"):
        copied(Value(2.0) * 3)


# --- anomaly ----------------------------------------------------------------------------------------------------------


def line():
    """The line of the caller."""
    frame = inspect.currentframe()
    return frame.f_back.f_lineno


def test_a_nan_in_the_forward_pass_is_found_where_it_is_made():
    w = Value(-1.0, "w1")
    here = line() + 2
    with anomaly(), pytest.raises(AnomalyError) as caught:
        w.log()
    message = str(caught.value)
    assert "forward" in message
    assert "log" in message
    assert "w1" in message
    assert f"{__file__}:{here}" in message


@pytest.mark.parametrize(
    "operation",
    [
        lambda: 1 / Value(0.0),
        lambda: Value(1e300) * 1e300,
        lambda: Value(0.0) ** -1,
        lambda: Value(-8.0) ** 0.5,
        lambda: Value([1.0, 0.0]) / np.array([1.0, 0.0]),
        lambda: Value([1000.0, 1.0]).exp(),
        lambda: np.log(Value([0.0])),
        lambda: stack([Value(1.0), Value(math.inf)]),
        lambda: where([True], Value([math.nan]), 0.0),
    ],
)
def test_inf_and_nan_of_any_operation_are_found_forward(operation):
    with np.errstate(all="ignore"), anomaly(), pytest.raises(AnomalyError, match="forward"):
        operation()


@pytest.mark.parametrize("zero", [0.0, np.array([0.0, 1.0])])
def test_an_inf_in_the_backward_pass_is_found_at_the_operation_that_made_it(zero):
    w = Value(zero, "w")
    with anomaly():
        here = line() + 1
        root = w.sqrt()
        root.label = "root"
        out = (root * 2).sum()
    with pytest.raises(AnomalyError) as caught:
        out.backward()
    message = str(caught.value)
    assert "backward" in message
    assert "√" in message
    assert "root" in message
    assert f"{__file__}:{here}" in message
    assert w.grad is UNSET
    with pytest.raises(AnomalyError):
        gradients(out, [w], create_graph=True)


@pytest.mark.parametrize(
    ("build", "write"),
    [
        (lambda w: w * w, lambda w, out: w.data.__setitem__(0, 9.0)),
        (lambda w: w.exp(), lambda w, out: out.data.__setitem__(0, 9.0)),
        (lambda w: concatenate([w, w]), lambda w, out: w.data.__setitem__(0, 9.0)),
        (lambda w: w.T * 2, lambda w, out: w.data.__imul__(2.0)),
    ],
)
def test_an_array_written_to_between_the_passes_is_found(build, write):
    w = Value(np.array([1.0, 2.0]), "w")
    with anomaly():
        here = line() + 1
        out = build(w)
        out.label = "here"
        total = out.sum()
    write(w, out)
    with pytest.raises(AnomalyError) as caught:
        total.backward()
    message = str(caught.value)
    assert "written" in message
    assert "test_engine.py:" in message
    assert here
    assert w.grad is UNSET


def test_an_array_written_to_is_named_with_operation_label_file_and_line():
    w = Value(np.array([1.0, 2.0]), "w")
    with anomaly():
        here = line() + 1
        squares = w * w
        squares.label = "squares"
        total = squares.sum()
    w.data[:] -= 0.5
    with pytest.raises(AnomalyError, match=r"written.*×") as caught:
        total.backward()
    message = str(caught.value)
    assert "squares" in message
    assert f"{__file__}:{here}" in message


def test_an_index_written_to_between_the_passes_is_found():
    w = Value(np.arange(6.0).reshape(3, 2))
    for key in (np.array([0, 1]), (np.array([0, 1]), 0)):
        with anomaly():
            out = w[key].sum()
        (key if isinstance(key, np.ndarray) else key[0])[0] = 2
        with pytest.raises(AnomalyError, match="written"):
            out.backward()


def test_anomaly_is_silent_where_nothing_is_wrong():
    w = vector(1, 2)
    with anomaly():
        out = ((w * 2).tanh().sum() + w[0]) * 3
        out.backward()
        w.data = w.data - 0.1 * w.grad  # another array
        out.backward()
    expected = vector(1, 2)
    (((expected * 2).tanh().sum() + expected[0]) * 3).backward()
    assert_allclose(w.grad, 2 * expected.grad)


def test_anomaly_ends_with_its_block_and_stays_in_its_thread():
    with anomaly(), ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: Value(0.0).log().data).result() == -math.inf
    assert Value(0.0).log().data == -math.inf
    with anomaly(), no_grad():
        assert (Value(2.0) * 3).rule is None
    assert isinstance(AnomalyError("x"), FloatingPointError)


# --- errors: what was expected, what came, what to do -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "kind", "said"),
    [
        (lambda: vector(1, 2).backward(), ValueError, [r"scalar", r"\(2,\)", r"\.sum\(\)", r"backward\(grad\)"]),
        (lambda: vector(1, 2).backward(1.0), ValueError, [r"expected", r"\(2,\)", r"got \(\)"]),
        (lambda: Value(1.0).backward([1.0]), ValueError, [r"expected", r"\(\)", r"got \(1,\)"]),
        (lambda: Value(1.0).backward("a"), TypeError, [r"expected", "str"]),
        (lambda: vector(1, 2) + np.ones(3), ValueError, [r"\+", "broadcast", r"\(2,\) and \(3,\)", "reshape"]),
        (lambda: vector(1, 2) * np.ones(3), ValueError, ["×", "broadcast", r"\(2,\) and \(3,\)"]),
        (lambda: np.ones(3) / vector(1, 2), ValueError, ["÷", "broadcast", r"\(3,\) and \(2,\)"]),
        (lambda: maximum(vector(1, 2), np.ones(3)), ValueError, ["max", "broadcast", r"\(2,\) and \(3,\)"]),
        (lambda: where([True, False], vector(1, 2, 3), 0), ValueError, ["where", r"\(3,\)"]),
        (lambda: Value(np.ones((2, 3))) @ Value(np.ones((2, 3))), ValueError, ["@", r"\(2, 3\) and \(2, 3\)", r"\.T"]),
        (lambda: np.ones((2, 3)) @ vector(1, 2), ValueError, ["@", r"\(2, 3\)", r"\.T"]),
        (lambda: Value(2.0) @ vector(1, 2), ValueError, ["@", r"\(\) and \(2,\)", r"\*"]),
        (lambda: vector(1, 2)[5], IndexError, ["index 5", r"\(2,\)", "out of bounds"]),
        (lambda: vector(1, 2)[0, 0], IndexError, [r"index \(0, 0\)", r"\(2,\)"]),
        (lambda: vector(1, 2)[[0, 7]], IndexError, ["7", r"\(2,\)"]),
        (lambda: vector(1, 2)[np.array([True])], IndexError, [r"\(2,\)"]),
        (lambda: Value(1.0)[0], IndexError, ["index 0", r"\(\)"]),
        (lambda: vector(1, 2).reshape(3), ValueError, ["reshape", r"\(2,\)", r"3"]),
        (lambda: vector(1, 2).sum(axis=1), ValueError, ["axis 1", r"\(2,\)"]),
        (lambda: vector(1, 2).broadcast_to((3,)), ValueError, [r"\(2,\)", r"\(3,\)"]),
        (lambda: concatenate([vector(1), Value([[1.0]])]), ValueError, ["concatenate", r"\(1,\) and \(1, 1\)"]),
        (lambda: np.asarray(vector(1, 2)), TypeError, ["graph", r"\.data"]),
        (lambda: np.mean([Value(1.0), Value(2.0)]), TypeError, [r"np\.stack\(values\)"]),
        (lambda: vector(1, 2).view(2, 1), AttributeError, ["'view'", "reshape"]),
        (lambda: vector(1, 2).unsqueeze(0), AttributeError, ["expand_dims"]),
        (lambda: vector(1, 2).clamp(0), AttributeError, ["clip"]),
        (lambda: vector(1, 2).dim(), AttributeError, ["ndim"]),
        (lambda: vector(1, 2).to("cuda"), AttributeError, ["leave it out"]),
        (lambda: setattr(vector(1, 2), "requires_grad", True), AttributeError, ["every Value records"]),
        (lambda: setattr(vector(1, 2), "name", "w"), AttributeError, [r"\.label"]),
        (lambda: vector(1, 2).foo, AttributeError, ["'Value' object has no attribute 'foo'"]),
        (lambda: vector(1, 2).sum(dim=0), TypeError, ["sum", "axis", "dim"]),
        (lambda: vector(1, 2).max(0, keepdim=True), TypeError, ["keepdims"]),
        (lambda: vector(1, 2).astype(np.float16), TypeError, ["float32 or float64", "float16"]),
    ],
)  # fmt: skip
def test_an_error_says_what_was_expected_what_came_and_what_to_do(operation, kind, said):
    with pytest.raises(kind) as caught:
        operation()
    for each in said:
        assert re.search(each, str(caught.value)), (each, str(caught.value))


def test_an_error_in_the_forward_pass_leaves_no_trace():
    v = vector(1, 2)
    with pytest.raises(ValueError, match="broadcast"):
        v + np.ones(3)
    (v + np.ones(2)).sum().backward()
    assert_array_equal(v.grad, [1, 1])


def test_an_error_in_the_backward_pass_sets_no_gradient():
    def dx(g, out, x):
        raise RuntimeError("broken on purpose")

    broken = ops.Rule("broken", lambda x: x, dx=dx)
    a, b = Value(1.0), Value(2.0)
    middle = broken(a)
    with pytest.raises(RuntimeError, match="on purpose"):
        (middle * b).backward()
    assert all(each.grad is UNSET for each in (a, b, middle))


# --- what peers get wrong ---------------------------------------------------------------------------------------------


def test_one_over_x_is_not_x():
    x = Value(4.0)
    y = 1.0 / x
    assert y.data == 0.25
    y.backward()
    assert x.grad == -1 / 16


@given(NUMBERS, NUMBERS)
def test_reflected_operators_keep_their_order(a, b):
    v = Value(b)
    assert (a - v).data == a - b
    assert (v - a).data == b - a
    with np.errstate(all="ignore"):
        assert same((a / v).data, float(np.divide(a, np.float64(b))))
        assert_allclose((a**v).data, np.power(np.float64(a), b), rtol=1e-14)
    assert_array_equal(([a, a] - vector(b, b)).data, [a - b] * 2)


def test_an_array_times_a_value_is_one_value():
    v = Value(2.0)
    out = np.array([1.0, 2.0]) * v
    assert isinstance(out, Value)
    assert_array_equal(out.data, [2, 4])
    out.sum().backward()
    assert v.grad == 3.0


def test_the_cross_entropy_of_a_certain_logit_is_finite():
    for z in (40.0, -40.0, 1e4, -1e4):
        v = Value(z)
        for target in (0.0, 1.0):
            loss = v.softplus() - target * v
            v.zero_grad()
            loss.backward()
            assert loss.data == pytest.approx(max(z, 0) - target * z, abs=1e-15)
            assert v.grad == pytest.approx((z > 0) - target, abs=1e-15)


def test_integers_given_get_gradients():
    x, w = Value(3), Value([1, 2])
    (x * w).sum().backward()
    assert x.grad == 3.0
    assert_array_equal(w.grad, [3.0, 3.0])


def test_a_column_times_a_row_differentiates():
    a, b = Value(np.ones((3, 1))), vector(2, 5)
    (a * b).sum().backward()
    assert_array_equal(a.grad, [[7], [7], [7]])
    assert_array_equal(b.grad, [3, 3])


def test_a_sum_of_a_thousand_values_and_depth_3000_are_nothing_special():
    values = [Value(float(i)) for i in range(1000)]
    total = sum(values)
    for _ in range(3000):
        total = total.tanh() if total.data > 1e9 else total + 0.0
    total.backward()
    assert total.data == 499500.0
    assert all(each.grad == 1.0 for each in values)


# --- what many programs use -------------------------------------------------------------------------------------------


def test_the_largest_and_the_smallest_are_found_by_number():
    v = Value(np.array([[1.0, 5.0], [4.0, 2.0]]))
    assert (v.argmax(), v.argmin()) == (1, 0)
    assert_array_equal(v.argmax(1), [1, 0])
    assert_array_equal(v.argmin(axis=0, keepdims=True), [[0, 1]])


def test_numbers_leave_the_graph_as_arrays_and_lists():
    v = vector(1, 2)
    copied = v.numpy()
    copied[0] = 9.0
    assert_array_equal(v.data, [1, 2])
    assert v.tolist() == [1.0, 2.0]
    assert Value(2.0).tolist() == 2.0
    assert Value(2.0).numpy().shape == ()


def test_astype_stays_in_the_graph():
    v = Value(np.array([1.0, 2.0]))
    out = v.astype(np.float32)
    assert out.dtype == np.float32
    (out * out).sum().backward()
    assert v.grad.dtype == np.float64
    assert_array_equal(v.grad, [2, 4])
    s = Value(2.0)
    assert s.astype("float32") is s


def test_flatten_and_ravel_make_a_vector():
    v = Value(np.arange(6.0).reshape(2, 3))
    for out in (v.flatten(), v.ravel()):
        assert_array_equal(out.data, np.arange(6.0))


@pytest.mark.parametrize("entries", [[0.0, 2.0, 3.0], [0.0, 0.0, 3.0], [2.0, 3.0, 5.0], [0.0], [2.0, 0.0], []])
def test_a_product_has_the_slope_of_its_other_entries_even_at_zero(entries):
    for dtype in (np.float32, np.float64):
        v = Value(np.array(entries, dtype))
        out = v.prod()
        assert out.data == math.prod(entries)
        others = [math.prod(entries[:i] + entries[i + 1 :]) for i in range(len(entries))]
        (slopes,) = gradients(out, [v], create_graph=True)
        assert_array_equal(slopes.data, others)
        if len(entries) > 1:
            again = gradients(slopes[0], [v])[0]
            assert_array_equal(again[1:], [math.prod(entries[1:i] + entries[i + 1 :]) for i in range(1, len(entries))])
    assert Value(3.0).prod().data == 3.0


@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2), (2, 1, 0)])
def test_a_product_over_any_axes_is_numpys(axis):
    data = np.random.default_rng(0).normal(size=(3, 4, 5))
    for keepdims in (False, True):
        assert_allclose(Value(data).prod(axis, keepdims=keepdims).data, np.prod(data, axis, keepdims=keepdims))
    assert_array_equal(Value(np.ones((2, 0, 3))).prod(1).data, np.ones((2, 3)))
    for wrong in (3, (0, 0)):
        with pytest.raises(ValueError, match=r"out of bounds|repeated"):
            Value(data).prod(wrong)


def test_a_spread_of_nothing_has_the_slope_zero():
    v = vector(2, 2)
    v.std().backward()
    assert_array_equal(v.grad, [0, 0])


def test_softmax_takes_pytorchs_dim():
    v = Value(np.arange(6.0).reshape(2, 3))
    assert_array_equal(v.softmax(dim=0).data, v.softmax(axis=0).data)
    assert_array_equal(v.log_softmax(dim=0).data, v.log_softmax(0).data)


# --- indexing and shapes, where gradients are easily lost ------------------------------------------------------------


# fmt: off
KEYS = [
    0, -1, np.int64(1), slice(None), slice(None, None, -1), slice(0, 0), None, Ellipsis, True, [], [True, False],
    (0, 1), (slice(None), 0), (None, 0), (Ellipsis, None, 1), [0, 0, 1], np.array([[0, 1], [1, 1]]), ([0, 1], [2, 2]),
    ([[0], [1]], [0, 2]), (0, [1, 1]), (slice(None), [1, 1, 0]), np.array([True, False]),
    (slice(None), np.array([True, False, True])),
]
PRODUCTS = [
    ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((2, 3), (3, 4)), ((5, 2, 3), (3, 4)), ((2, 3), (5, 3, 4)),
    ((5, 1, 2, 3), (4, 3, 2)), ((3,), (5, 3, 2)), ((5, 2, 3), (3,)),
]
# fmt: on


@pytest.mark.parametrize("key", KEYS)
def test_an_index_sends_every_gradient_back_to_where_it_came_from(key):
    data = np.arange(6.0).reshape(2, 3)
    v = Value(data)
    out = v[key]
    assert_array_equal(out.data, data[key])
    weights = np.arange(1.0, np.size(out.data) + 1).reshape(out.shape)
    (out * weights).sum().backward()
    expected = np.zeros(data.shape)
    np.add.at(expected, key, weights)
    assert_array_equal(v.grad, expected)


def test_a_scalar_is_indexed_as_numpys_are():
    v = Value(3.0)
    assert v[None].shape == (1,)
    assert v[...].data == 3.0
    v[None].backward([2.0])
    assert v.grad == 2.0
    for key in (..., (), None, (None, ...)):
        (slope,) = gradients((v[key] ** 3).sum(), [v], create_graph=True)
        assert gradients(slope, [v]) == [18.0]
        assert gradients(gradients(slope, [v], create_graph=True)[0], [v]) == [6.0]


@pytest.mark.parametrize(
    "axes", [(), (1, 0, 2), (2, 0, 1), (1, 2, 0), (0, -1, 1), (-1, 0, 1), (-1, -2, -3), (1, 2, -3)]
)
def test_transpose_sends_gradients_back_through_any_order_of_axes(axes):
    data = np.random.default_rng(0).normal(size=(3, 3, 3))
    weights = np.random.default_rng(1).normal(size=(3, 3, 3))
    v = Value(data)
    out = v.transpose(*axes)
    assert_array_equal(out.data, data.transpose(*axes))
    (out * weights).sum().backward()
    expected = np.empty((3, 3, 3))
    expected.transpose(*axes)[...] = weights
    assert_array_equal(v.grad, expected)


@pytest.mark.parametrize("axis", [0, 1, -1, -2])
def test_join_and_split_are_each_others_inverse(axis):
    v = Value(np.arange(24.0).reshape(4, 6))
    for parts in (2, [1, 3], [0, 2, 2]):
        pieces = split(v, parts, axis)
        assert_array_equal(concatenate(pieces, axis).data, v.data)
        v.zero_grad()
        sum((k + 1) * each.sum() for k, each in enumerate(pieces)).backward()
        expected = np.concatenate([np.full(each.shape, k + 1.0) for k, each in enumerate(pieces)], axis)
        assert_array_equal(v.grad, expected)


@pytest.mark.parametrize("axis", [0, -1, (0, 1), (1, 0), (2, 0), (-1, 0), (0, 1, 2), None])
@pytest.mark.parametrize("name", ["sum", "mean", "var", "max", "logsumexp", "norm"])
def test_a_reduction_over_any_axes_differentiates_as_its_parts_do(name, axis):
    data = np.random.default_rng(0).normal(size=(3, 3, 3))
    v = Value(data)
    out = getattr(v, name)(axis=axis)
    weights = np.arange(1.0, out.size + 1).reshape(out.shape)
    (out * weights).sum().backward()
    lost = tuple(range(3)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    for place in np.ndindex(out.shape):  # each entry of the result by itself, over all of its own numbers
        kept = iter(place)
        key = tuple(slice(None) if i in lost or i - 3 in lost else next(kept) for i in range(3))
        part = Value(data[key])
        getattr(part, name)().backward()
        assert_allclose(v.grad[key], weights[place] * part.grad, rtol=1e-12)


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_stack_makes_a_new_axis(axis):
    a, b = Value(np.ones((2, 3))), Value(np.zeros((2, 3)))
    out = stack([a, b, 2 * np.ones((2, 3))], axis)
    expected = np.stack([a.data, b.data, 2 * np.ones((2, 3))], axis)
    assert_array_equal(out.data, expected)
    out.backward(expected + 5)
    assert_array_equal(a.grad, np.full((2, 3), 6))
    assert_array_equal(b.grad, np.full((2, 3), 5))


def test_scalars_stack_into_a_vector():
    a, b = Value(2.0), Value(3.0)
    out = stack([a, b, 4.0])
    assert_array_equal(out.data, [2, 3, 4])
    (out**2).sum().backward()
    assert (a.grad, b.grad) == (4.0, 6.0)


@pytest.mark.parametrize(("left", "right"), PRODUCTS)
def test_matmul_differentiates_vectors_matrices_and_batches(left, right):
    generator = np.random.default_rng(0)
    a, b = Value(generator.normal(size=left)), Value(generator.normal(size=right))
    out = a @ b
    assert_allclose(out.data, a.data @ b.data)
    weights = generator.normal(size=out.shape) if out.shape else generator.normal()
    (out * weights).sum().backward()
    for value, move in ((a, lambda d: (a.data + d) @ b.data), (b, lambda d: a.data @ (b.data + d))):
        for place in np.ndindex(value.shape):  # matmul is linear: a difference is exact but for rounding
            nudge = np.zeros(value.shape)
            nudge[place] = 1.0
            assert_allclose(value.grad[place], ((move(nudge) - out.data) * weights).sum(), rtol=1e-10, atol=1e-12)


def test_a_number_to_the_power_of_bools_and_integers_differentiates():
    for exponents in (np.array([True, False]), np.array([3, 0]), np.array([3, 0], np.uint8)):
        v = vector(2, 5)
        (v**exponents).sum().backward()
        assert_array_equal(v.grad, exponents * v.data ** (exponents - 1.0))


@pytest.mark.parametrize(("first", "second"), [((), (3,)), ((3,), (2, 3)), ((2, 3), (1,)), ((1,), (2, 1))])
def test_a_mask_chooses_between_two_and_sends_the_gradient_to_the_chosen(first, second):
    a, b = Value(np.full(first, 2.0)), Value(np.full(second, 3.0))
    mask = np.array([[True, False, True], [False, False, True]])
    out = where(mask, a, b)
    out.sum().backward()
    assert_array_equal(out.data, np.where(mask, 2.0, 3.0))
    assert np.sum(a.grad) == 3.0
    assert np.sum(b.grad) == 3.0
    assert np.shape(a.grad) == first
    assert np.shape(b.grad) == second


def test_a_power_has_its_mixed_second_derivative_where_the_exponent_is_zero() -> None:
    x, y = Value(2.0), Value(0.0)
    (by_x,) = gradients(x**y, [x], create_graph=True)
    assert gradients(by_x, [y]) == [0.5]  # of y·x^(y−1): 1/x
