"""numpy's functions on Values: what has a rule stays in the graph, what has none says so, and nothing is lost."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from micrograd_kr.engine import Value, gradients

UFUNCS = [
    (np.exp, 0.3), (np.log, 0.3), (np.log1p, 0.3), (np.expm1, 0.3), (np.sqrt, 0.3), (np.abs, -0.3), (np.absolute, -0.3),
    (np.sign, -0.3), (np.sin, 0.3), (np.cos, 0.3), (np.tanh, 0.3), (np.negative, 0.3), (np.square, -0.3),
    (np.reciprocal, 0.3), (np.positive, 0.3), (np.log2, 0.3), (np.log10, 0.3),
]  # fmt: skip
BINARY = [np.add, np.subtract, np.multiply, np.divide, np.true_divide, np.power, np.maximum, np.minimum]
MATRIX = np.array([[0.5, 2.0, 1.5], [3.0, 0.25, 1.0]])
FUNCTIONS = {
    "sum": lambda np_, v: np_.sum(v),
    "sum over an axis": lambda np_, v: np_.sum(v, axis=0, keepdims=True),
    "sum, axis by position": lambda np_, v: np_.sum(v, 1),
    "mean": lambda np_, v: np_.mean(v, axis=(0, 1)),
    "var": lambda np_, v: np_.var(v, axis=1, ddof=1),
    "max": lambda np_, v: np_.max(v, axis=-1),
    "min": lambda np_, v: np_.min(v),
    "amax": lambda np_, v: np_.amax(v, axis=0),
    "amin": lambda np_, v: np_.amin(v),
    "clip": lambda np_, v: np_.clip(v, 0.4, 2.5),
    "norm": lambda np_, v: np_.linalg.norm(v, axis=1),
    "norm of all": lambda np_, v: np_.linalg.norm(v),
    "reshape": lambda np_, v: np_.reshape(v, (3, 2)),
    "reshape to a row": lambda np_, v: np_.reshape(v, -1),
    "transpose": lambda np_, v: np_.transpose(v),
    "transpose by axes": lambda np_, v: np_.transpose(v, (1, 0)),
    "transpose by negative axes": lambda np_, v: np_.transpose(v, (-1, 0)),
    "swapaxes": lambda np_, v: np_.swapaxes(v, 0, 1),
    "squeeze": lambda np_, v: np_.squeeze(v[None], axis=0),
    "expand_dims": lambda np_, v: np_.expand_dims(v, axis=1),
    "broadcast_to": lambda np_, v: np_.broadcast_to(v, (4, 2, 3)),
    "concatenate": lambda np_, v: np_.concatenate([v, MATRIX, v], axis=1),
    "concatenate flat": lambda np_, v: np_.concatenate([v, v[0:1]], axis=None),
    "stack": lambda np_, v: np_.stack([MATRIX, v], axis=-1),
    "split": lambda np_, v: np_.split(v, 3, axis=1)[1],
    "where": lambda np_, v: np_.where(MATRIX > 1, v, 0.0),
    "where of a comparison": lambda np_, v: np_.where(v > 1.2, v, v * 2),
    "matmul": lambda np_, v: np_.matmul(v, MATRIX.T),
    "array @ value": lambda np_, v: MATRIX.T @ v,
    "value @ array": lambda np_, v: v @ MATRIX.T,
    "array * value": lambda np_, v: np.array([1, 2, 3]) * v,
    "array - value": lambda np_, v: np.array([1, 2, 3]) - v,
    "array / value": lambda np_, v: np.array([1, 2, 3]) / v,
    "array ** value": lambda np_, v: np.array([1, 2, 3]) ** v,
    "numpy scalar * value": lambda np_, v: np.float64(2) * v,
    "numpy scalar - value": lambda np_, v: np.float32(2) - v,
    "integer scalar / value": lambda np_, v: np.int64(2) / v,
    "a list - value": lambda np_, v: [1, 2, 3] - v,
    "a tuple + value": lambda np_, v: (1, 2, 3) + v,  # noqa: RUF005  (no tuple of four)
    "tan": lambda np_, v: np_.tan(v / 4),
    "std": lambda np_, v: np_.std(v, axis=1, ddof=1),
    "prod": lambda np_, v: np_.prod(v),
    "prod over an axis": lambda np_, v: np_.prod(v, axis=0, keepdims=True),
    "ravel": lambda np_, v: np_.ravel(v),
    "dot with a vector": lambda np_, v: np_.dot(v, [1.0, 2.0, 3.0]),
    "dot with a matrix": lambda np_, v: np_.dot(MATRIX.T, v),
    "dot with a number": lambda np_, v: np_.dot(2.0, v),
    "dot of a stack": lambda np_, v: np_.dot(np.ones((2, 2, 2)), v),
    "outer": lambda np_, v: np_.outer(v, [1.0, 2.0]),
    "outer, second": lambda np_, v: np_.outer([1.0, 2.0], v[0]),
    "hstack": lambda np_, v: np_.hstack([v, MATRIX]),
    "hstack of vectors": lambda np_, v: np_.hstack([v[0], 2.0, v[1, 1:]]),
    "hstack of scalars": lambda np_, v: np_.hstack([v[0, 0], 2.0]),
    "vstack": lambda np_, v: np_.vstack([v, v[0], MATRIX]),
    "axes by name": lambda np_, v: np_.transpose(v, axes=(1, 0)),
    "a_min and a_max": lambda np_, v: np_.clip(v, a_min=0.4, a_max=2.5),
    "min and max": lambda np_, v: (
        np_.clip(v, min=0.4, max=2.5) if np_ is np and np.__version__ >= "2.1" else v.clip(0.4, 2.5)
    ),
    "shape by name": lambda np_, v: np_.broadcast_to(v, shape=(4, 2, 3)),
    "sections by name": lambda np_, v: np_.split(v, indices_or_sections=3, axis=1)[2],
    "keepdims": lambda np_, v: np_.mean(v, axis=1, keepdims=True),
}


def by_differences(f, data, step=1e-6):
    """The gradient of the sum of f's entries, weighted 1, 2, 3, …, by central differences."""
    slope = np.zeros(data.shape)
    for place in np.ndindex(data.shape):
        nudge = np.zeros(data.shape)
        nudge[place] = step
        slope[place] = (weighted(f(data + nudge)) - weighted(f(data - nudge))) / (2 * step)
    return slope


def weighted(out):
    return (out * np.arange(1.0, np.size(out) + 1).reshape(np.shape(out))).sum()


@pytest.mark.parametrize(("ufunc", "x"), UFUNCS)
def test_a_ufunc_stays_in_the_graph(ufunc, x):
    for data in (x, np.array([x, 2 * x])):
        v = Value(data)
        out = ufunc(v)
        assert isinstance(out, Value)
        assert_allclose(out.data, ufunc(data), rtol=1e-15)
        out.sum().backward()
        assert_allclose(v.grad, (ufunc(data + 1e-6) - ufunc(data - 1e-6)) / 2e-6, rtol=1e-6)


@pytest.mark.parametrize("ufunc", BINARY)
@pytest.mark.parametrize("other", [2, 2.5, np.float64(2.5), np.array([1, 3]), np.array([[1.5], [2.5]])])
def test_a_binary_ufunc_stays_in_the_graph_on_either_side(ufunc, other):
    data = np.array([0.5, 2.25])
    for f in (lambda v: ufunc(v, other), lambda v: ufunc(other, v)):
        v = Value(data)
        out = f(v)
        assert isinstance(out, Value)
        assert_allclose(out.data, f(data), rtol=1e-15)
        weighted(out).backward()
        assert_allclose(v.grad, by_differences(f, data), rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("ufunc", BINARY)
def test_a_ufunc_of_two_values_reaches_both(ufunc):
    a, b = Value(2.0), Value(np.array([1.5, 3.0]))
    out = ufunc(a, b)
    assert_allclose(out.data, ufunc(2.0, b.data))
    assert {out.x, out.y} == {a, b}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_of_numpy_stays_in_the_graph(name):
    f = FUNCTIONS[name]
    v = Value(MATRIX.copy())
    out = f(np, v)
    assert isinstance(out, Value)
    expected = f(np, MATRIX)
    assert out.shape == np.shape(expected)
    assert_allclose(out.data, expected, rtol=1e-15)
    weighted(out).backward()
    assert_allclose(v.grad, by_differences(lambda data: f(np, data), MATRIX), rtol=1e-7, atol=1e-8)


def test_gradients_of_gradients_go_through_numpys_functions():
    v = Value([0.5, 2.0])
    (slope,) = gradients(np.sum(np.exp(np.array([1.0, 3.0]) * v)), [v], create_graph=True)
    (second,) = gradients(np.sum(slope), [v])
    assert_allclose(second, [np.exp(0.5), 9 * np.exp(6.0)])


def test_questions_about_a_value_are_answered_with_plain_numbers():
    v = Value(MATRIX)
    assert np.shape(v) == (2, 3)
    assert np.ndim(v) == 2
    assert np.size(v) == 6
    assert np.argmax(v) == 3
    assert_array_equal(np.argmin(v, axis=1), [0, 1])
    for question in (np.isnan, np.isfinite, np.isinf):
        assert_array_equal(question(v), question(MATRIX))
    for question in (np.greater, np.less_equal, np.equal, np.not_equal):
        assert_array_equal(question(v, 1.0), question(MATRIX, 1.0))
        assert_array_equal(question(MATRIX, v), question(MATRIX, MATRIX))


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("arctan", lambda v: np.arctan(v)),
        ("floor", lambda v: np.floor(v)),
        ("hypot", lambda v: np.hypot(v, 1.0)),
        ("hypot", lambda v: np.hypot(np.ones(2), v)),
        ("dot", lambda v: np.dot(np.ones((2, 2)), v * np.ones((3, 2, 2)))),
        ("std", lambda v: np.std(v, where=np.array([True, False]))),
        ("prod", lambda v: np.prod(v, initial=2.0)),
        ("argmax", lambda v: np.argmax(v, out=np.zeros(()))),
        ("einsum", lambda v: np.einsum("i,i->", v, v)),
        ("sort", lambda v: np.sort(v)),
        ("cumsum", lambda v: np.cumsum(v)),
        ("fft", lambda v: np.fft.fft(v)),
        ("inv", lambda v: np.linalg.inv(v)),
        ("zeros_like", lambda v: np.zeros_like(v)),
        ("add.reduce", lambda v: np.add.reduce(v)),
        ("multiply.outer", lambda v: np.multiply.outer(v, v)),
        ("add.at", lambda v: np.add.at(np.ones(2), [0], v)),
        ("exp with out", lambda v: np.exp(v, out=np.ones(2))),
        ("exp with where", lambda v: np.exp(v, where=np.array([True, False]))),
        ("add with out", lambda v: np.add(np.ones(2), v, out=np.ones(2))),
        ("sum", lambda v: np.sum(v, dtype=np.float32)),
        ("sum", lambda v: np.sum(v, 0, np.float32)),
        ("mean", lambda v: np.mean(v, where=np.array([True, False]))),
        ("max", lambda v: np.max(v, initial=0.0)),
        ("var", lambda v: np.var(v, 0, np.float64)),
        ("norm", lambda v: np.linalg.norm(v, 1)),
        ("norm", lambda v: np.linalg.norm(v, ord=np.inf)),
        ("norm", lambda v: np.linalg.norm(v[None], "fro")),
    ],
)
def test_a_numpy_function_without_a_rule_is_a_type_error_that_names_it(name, call):
    with pytest.raises(TypeError, match=rf"{name}.*rule.*\.data"):
        call(Value([1.0, 2.0]))


@pytest.mark.parametrize(
    "convert",
    [
        np.asarray,
        np.array,
        np.asanyarray,
        lambda v: np.array([v, v]),
        lambda v: np.ones(2)[v],
        lambda v: np.sum([v, v]),
    ],
)
def test_a_value_never_turns_into_an_array_silently(convert):
    for v in (Value(1.0), Value([1.0, 2.0])):
        with pytest.raises((TypeError, IndexError)) as caught:
            convert(v)
        assert "Value" in str(caught.value) or "valid indices" in str(caught.value)


def test_an_array_of_numbers_does_not_take_a_value_in():
    array = np.zeros(2)
    with pytest.raises(TypeError, match=r"numpy\.add with out"):
        array += Value([1.0, 2.0])
    with pytest.raises(TypeError, match=r"\.data"):
        array[:] = Value([1.0, 2.0])
    assert_array_equal(array, [0, 0])


def test_the_deliberate_exits_are_float_item_and_data():
    v = Value(np.array([2.5]))
    assert (float(v), v.item()) == (2.5, 2.5)
    assert v.data is v.data
    assert isinstance(np.asarray(v.data), np.ndarray)
