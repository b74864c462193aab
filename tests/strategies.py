"""The table of operations, one row each, and the numbers, shapes and graphs that hypothesis draws for them.

Numbers are odd multiples of 1/128 (of 1/256 for a second input): float32 holds them exactly, two inputs are
never equal, and none lies on a kink, since kinks are at multiples of ½ here.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, NamedTuple

import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np

from micrograd_kr import Value, gradients, ops
from micrograd_kr.engine import concatenate, maximum, minimum, split, stack, where
from micrograd_kr.nn import layers
from micrograd_kr.ops import Rule


class Case(NamedTuple):
    """What an operation is called with: floats and float64 arrays, then options that are not differentiated."""

    inputs: tuple[Any, ...]
    options: Mapping[str, Any] = {}


@dataclass(frozen=True)
class Row:
    """An operation: its rule, how it is called on Values, numpy's or the textbook's own formula, what it is tried on.

    sample: one fixed case, where the checker is checked. entrywise: a tensor's result is that of its entries.
    """

    name: str
    rule: Rule
    call: Callable[..., Any]
    formula: Callable[..., Any]
    cases: st.SearchStrategy[Case]
    sample: Case
    entrywise: bool = False


# --- numbers and tensors ----------------------------------------------------------------------------------------------


def numbers(low: float, high: float, grain: int = 128) -> st.SearchStrategy[float]:
    """Odd multiples of 1/grain between two bounds."""
    return st.integers(int(low * grain / 2), int(high * grain / 2) - 1).map(lambda k: (2 * k + 1) / grain)


@st.composite
def tensors(
    draw: st.DrawFn,
    shape: st.SearchStrategy[tuple[int, ...]] | tuple[int, ...],
    elements: st.SearchStrategy[float],
    unique: bool = False,
) -> Any:
    """A float for the shape (), else an array."""
    drawn = shape if isinstance(shape, tuple) else draw(shape)
    array = draw(hnp.arrays(np.float64, drawn, elements=elements, unique=unique))
    return array if array.ndim else float(array)


def fixed(shape: tuple[int, ...], low: float = -3.0, high: float = 3.0, grain: int = 128) -> Any:
    """A tensor between two bounds, always the same, no two entries alike (multiples of the golden ratio)."""
    spread = np.arange(1, 1 + np.prod(shape, dtype=int)) * 0.6180339887498949 % 1
    return ((2 * np.floor((low + (high - low) * spread) * grain / 2) + 1) / grain).reshape(shape)


def slope_of(f: Callable[..., Value]) -> Callable[..., Value]:
    """The gradient of f by all its inputs as one number, with weights so that nothing cancels: its own gradient is made
    of all second derivatives. It keeps all inputs in its graph, whether the gradient depends on them or not.
    """

    def slope(*inputs: Value) -> Value:
        out = f(*inputs)
        found = gradients((out * fixed(out.shape, 0.5, 1.5)).sum(), inputs, create_graph=True)
        weighted = [(each * fixed(each.shape, 0.5, 1.5)).sum() for each in found]
        return sum(weighted, sum(0.0 * each.sum() for each in inputs))

    return slope


def shapes(min_dims: int = 0, max_dims: int = 3) -> st.SearchStrategy[tuple[int, ...]]:
    return hnp.array_shapes(min_dims=min_dims, max_dims=max_dims, max_side=3)


_any = numbers(-3, 3)
_second = numbers(-3, 3, 256)


# --- kinds of operations ----------------------------------------------------------------------------------------------


def _entrywise(
    name: str,
    rule: Rule,
    call: Callable[..., Any],
    formula: Callable[..., Any],
    low: float = -3,
    high: float = 3,
    **options: Sequence[Any],
) -> Row:
    drawn = st.fixed_dictionaries({key: st.sampled_from(list(choices)) for key, choices in options.items()})
    cases = st.builds(Case, st.tuples(tensors(shapes(), numbers(low, high))), drawn)
    sample = Case((fixed((2, 3), low, high),), {key: choices[0] for key, choices in options.items()})
    return Row(name, rule, call, formula, cases, sample, entrywise=True)


@st.composite
def _pairs(draw: st.DrawFn, x: st.SearchStrategy[float], y: st.SearchStrategy[float]) -> Case:
    both = draw(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3)).input_shapes
    return Case((draw(tensors(both[0], x)), draw(tensors(both[1], y))))


def _broadcasting(
    name: str,
    rule: Rule,
    call: Callable[..., Any],
    formula: Callable[..., Any],
    x: tuple[float, float] = (-3, 3),
    y: tuple[float, float] = (-3, 3),
) -> Row:
    sample = Case((fixed((2, 3), *x), fixed((3,), *y, grain=256)))
    return Row(name, rule, call, formula, _pairs(numbers(*x), numbers(*y, 256)), sample, entrywise=True)


@st.composite
def _wheres(draw: st.DrawFn) -> Case:
    found = draw(hnp.mutually_broadcastable_shapes(num_shapes=3, max_dims=2, max_side=3))
    mask = draw(hnp.arrays(bool, found.input_shapes[2]))
    return Case(tuple(draw(tensors(each, _any)) for each in found.input_shapes[:2]), {"mask": mask})


@st.composite
def _products(draw: st.DrawFn) -> Case:
    found = draw(hnp.mutually_broadcastable_shapes(signature=np.matmul.signature, max_dims=1, max_side=3))
    return Case(tuple(draw(tensors(each, _any)) for each in found.input_shapes))


@st.composite
def _reduced(draw: st.DrawFn, unique: bool, ddof: bool) -> Case:
    x = draw(tensors(shapes(), _any, unique=unique))
    axes = hnp.valid_tuple_axes(np.ndim(x))
    axis = draw(st.none() | axes | (st.integers(-np.ndim(x), np.ndim(x) - 1) if np.ndim(x) else st.none()))
    options = {"axis": axis, "keepdims": draw(st.booleans())}
    if ddof:
        count = np.size(x) // max(np.size(np.sum(x, axis=axis)), 1)
        options["ddof"] = draw(st.integers(0, min(count - 1, 1)))
    return Case((x,), options)


def _reduction(name: str, rule: Rule, formula: Callable[..., Any], unique: bool = False, ddof: bool = False) -> Row:
    sample = Case((fixed((2, 3)),), {"axis": 1, "keepdims": False} | ({"ddof": 1} if ddof else {}))
    return Row(name, rule, getattr(Value, name), formula, _reduced(unique, ddof), sample)


@st.composite
def _with_axis(draw: st.DrawFn) -> Case:
    x = draw(tensors(shapes(1), _any))
    return Case((x,), {"axis": draw(st.integers(-x.ndim, x.ndim - 1))})


@st.composite
def _reshaped(draw: st.DrawFn) -> Case:
    x = draw(tensors(shapes(1), _any))
    halves = [(x.size // n, n) for n in range(1, x.size + 1) if x.size % n == 0]
    return Case((x,), {"shape": draw(st.sampled_from([*halves, (-1,), (x.size,), (1, *x.shape), x.shape[::-1]]))})


@st.composite
def _ordered(draw: st.DrawFn) -> Case:
    x = draw(tensors(shapes(1), _any))
    return Case((x,), {"axes": tuple(draw(st.permutations(range(x.ndim))))})


@st.composite
def _widened(draw: st.DrawFn) -> Case:
    shape = draw(shapes(0, 2))
    wide = draw(hnp.broadcastable_shapes(shape, min_dims=len(shape), max_dims=3, max_side=3))
    return Case((draw(tensors(shape, _any)),), {"shape": np.broadcast_shapes(shape, wide)})


@st.composite
def _lines(draw: st.DrawFn, joined: bool) -> Case:
    """Two or three tensors to join: along an axis they have, of any length there, or as they are along a new one."""
    shape = draw(shapes(1 if joined else 0, 2))
    axis = draw(st.integers(-len(shape), len(shape) - 1) if joined else st.integers(-len(shape) - 1, len(shape)))
    inputs = []
    for _ in range(draw(st.integers(2, 3))):
        own = list(shape)
        if joined:
            own[axis] = draw(st.integers(1, 3))
        inputs.append(draw(tensors(tuple(own), _any)))
    return Case(tuple(inputs), {"axis": axis})


@st.composite
def _divided(draw: st.DrawFn) -> Case:
    x = draw(tensors(shapes(1, 2), _any))
    axis = draw(st.integers(-x.ndim, x.ndim - 1))
    n = x.shape[axis]
    parts = draw(st.sampled_from([1, n]) | st.lists(st.integers(0, n), max_size=2).map(sorted))
    return Case((x,), {"parts": parts, "axis": axis})


def keys(shape: tuple[int, ...]) -> st.SearchStrategy[Any]:
    """Indices that fit a shape: integers, slices, ..., None, integer arrays with repetitions, masks."""
    return (
        hnp.basic_indices(shape, allow_newaxis=True, max_dims=4)
        | hnp.integer_array_indices(shape, result_shape=hnp.array_shapes(max_dims=2, max_side=3))
        | hnp.arrays(bool, shape)
        | st.lists(st.integers(-shape[0], shape[0] - 1), min_size=1, max_size=4)
    )


@st.composite
def _indexed(draw: st.DrawFn, backwards: bool) -> Case:
    shape = draw(shapes(1))
    key = draw(keys(shape))
    if not backwards:
        return Case((draw(tensors(shape, _any)),), {"key": key})
    return Case((draw(tensors(np.shape(np.zeros(shape)[key]), _any)),), {"key": key, "shape": shape})


@st.composite
def _fitted(draw: st.DrawFn) -> Case:
    like = draw(shapes(0, 2))
    wide = np.broadcast_shapes(like, draw(hnp.broadcastable_shapes(like, max_dims=3, max_side=3)))
    return Case((draw(tensors(wide, _any)),), {"like": np.zeros(like) if like else 0.0})


@st.composite
def _layers(draw: st.DrawFn, bias: bool) -> Case:
    """Rows, or a stack of them, weights (out, in) and a bias."""
    inputs, outputs = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    given = [(*draw(shapes(1, 2)), inputs), (outputs, inputs), (outputs,)][: 2 + bias]
    return Case(tuple(draw(tensors(each, _any)) for each in given))


@st.composite
def _masked(draw: st.DrawFn) -> Case:
    shape = draw(shapes(1, 2))
    options = {"mask": draw(hnp.arrays(bool, shape)), "slope": draw(st.sampled_from([0.01, 0.3, 0.0, 1.0, -0.5, 2.0]))}
    return Case((draw(tensors(shape, _any)),), options)


@st.composite
def _classified(draw: st.DrawFn) -> Case:
    """One sample, a batch, or a batch with more axes; the classes are on the second axis, or the only one."""
    shape = draw(shapes(1))
    classes = draw(hnp.arrays(np.int64, (*shape[:1], *shape[2:])[len(shape) == 1 :], elements=st.integers(0, 99)))
    return Case((draw(tensors(shape, _any)),), {"classes": classes % shape[min(len(shape) - 1, 1)]})


def _minus_log_softmax_at(x: Any, classes: Any) -> Any:
    axis = min(x.ndim - 1, 1)
    chosen = np.moveaxis(np.eye(x.shape[axis], dtype=bool)[classes], -1, axis)
    return -np.log(_soft(x, axis)).sum(axis, where=chosen)


def _sums_at(places: Any, g: Any, shape: tuple[int, ...]) -> Any:
    """Zeros of a shape, with each number of g added at its place (counted in C order)."""
    return np.bincount(np.ravel(places), np.ravel(g), minlength=int(np.prod(shape))).reshape(shape)


def _scattered(g: Any, key: Any, shape: tuple[int, ...]) -> Any:
    return _sums_at(np.arange(np.prod(shape)).reshape(shape)[key], g, shape)


def _summed_to(g: Any, like: Any) -> Any:
    shape = np.shape(like)
    return _sums_at(np.broadcast_to(np.arange(np.prod(shape, dtype=int)).reshape(shape), np.shape(g)), g, shape)


def _log_sum_exp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    return np.log(np.sum(np.exp(x), axis=axis, keepdims=keepdims))


def _norm(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    return np.sqrt(np.sum(np.square(x), axis=axis, keepdims=keepdims))


def _soft(x: Any, axis: int) -> Any:
    return np.exp(x) / np.exp(x).sum(axis=axis, keepdims=True)


def _slanted(x: Any, slope: float) -> Any:
    return np.where(x > 0, x, slope * x)


def _heaviside(x: Any) -> Any:
    return np.heaviside(x, 0.0)


# --- the table --------------------------------------------------------------------------------------------------------

TABLE: tuple[Row, ...] = (
    _broadcasting("add", ops.add, operator.add, np.add),
    _broadcasting("sub", ops.sub, operator.sub, np.subtract),
    _broadcasting("mul", ops.mul, operator.mul, np.multiply),
    _broadcasting("div", ops.div, operator.truediv, np.true_divide, y=(0.5, 3)),
    _broadcasting("div by a negative", ops.div, operator.truediv, np.true_divide, y=(-3, -0.5)),
    _entrywise("number minus", ops.sub, lambda x, c: c - x, lambda x, c: c - x, c=(2.0, 1)),
    _entrywise("number over", ops.div, lambda x, c: c / x, lambda x, c: c / x, 0.5, 3, c=(2.0, 1)),
    _entrywise("neg", ops.neg, operator.neg, np.negative),
    _entrywise("same", ops.identity, ops.identity, np.positive),
    _broadcasting("power", ops.power, operator.pow, np.power, x=(0.25, 3), y=(-2, 2)),
    _entrywise(
        "power of a number", ops.power, lambda x, n: x**n, lambda x, n: np.power(x, float(n)), n=(3, 2, 1, 0, 2.0)
    ),
    _entrywise("root of a number", ops.power, lambda x, n: x**n, lambda x, n: x**n, 0.25, 3, n=(0.5, -1.5, -1)),
    _entrywise("number to a power", ops.power, lambda x, c: c**x, lambda x, c: c**x, c=(2.5, 2, 0.5)),
    Row("matmul", ops.matmul, operator.matmul, np.matmul, _products(), Case((fixed((2, 2)), fixed((2, 2), grain=256)))),
    _entrywise("exp", ops.exp, Value.exp, np.exp),
    _entrywise("log", ops.log, Value.log, np.log, 0.25, 5),
    _entrywise("log2", ops.log2, Value.log2, np.log2, 0.25, 5),
    _entrywise("log10", ops.log10, Value.log10, np.log10, 0.25, 5),
    _entrywise("log1p", ops.log1p, Value.log1p, np.log1p, -0.75, 4),
    _entrywise("expm1", ops.expm1, Value.expm1, np.expm1, -3, 2),
    _entrywise("sqrt", ops.sqrt, Value.sqrt, np.sqrt, 0.25, 5),
    _entrywise("abs", ops.absolute, abs, np.abs),
    _entrywise("sign", ops.sign, Value.sign, np.sign),
    _entrywise("sin", ops.sin, Value.sin, np.sin),
    _entrywise("cos", ops.cos, Value.cos, np.cos),
    _entrywise("tan", ops.tan, Value.tan, np.tan, -1.25, 1.25),
    _entrywise("tanh", ops.tanh, Value.tanh, np.tanh),
    _entrywise("sigmoid", ops.sigmoid, Value.sigmoid, lambda x: 1 / (1 + np.exp(-x))),
    _entrywise("logsigmoid", ops.logsigmoid, Value.logsigmoid, lambda x: -np.log(1 + np.exp(-x))),
    _entrywise("softplus", ops.softplus, Value.softplus, lambda x: np.log(1 + np.exp(x))),
    _entrywise("relu", ops.relu, Value.relu, lambda x: x * (x > 0)),
    _entrywise("leaky_relu", ops.leaky_relu, Value.leaky_relu, _slanted, slope=(0.01, 0.0, 0.5, 1.0, 2.0, -0.5)),
    _entrywise("step", ops.heaviside, Value.step, _heaviside),
    _entrywise("clip", ops.clip, Value.clip, np.clip, min=(-1.0, None, -0.5), max=(1.5, None, 0)),
    _broadcasting("maximum", ops.maximum, maximum, np.maximum),
    _broadcasting("minimum", ops.minimum, minimum, np.minimum),
    Row(
        "where",
        ops.where_,
        lambda x, y, mask: where(mask, x, y),
        lambda x, y, mask: np.where(mask, x, y),
        _wheres(),
        Case((fixed((2, 3)), fixed((3,), grain=256)), {"mask": np.array([[True, False, True], [False, False, True]])}),
    ),
    _reduction("sum", ops.sum_, np.sum),
    _reduction("mean", ops.mean, np.mean),
    _reduction("var", ops.var, np.var, ddof=True),
    _reduction("std", ops.norm, np.std, unique=True, ddof=True),
    _reduction("prod", ops.mul, np.prod),
    _reduction("max", ops.amax, np.max, unique=True),
    _reduction("min", ops.amin, np.min, unique=True),
    _reduction("logsumexp", ops.logsumexp, _log_sum_exp),
    _reduction("norm", ops.norm, _norm),
    Row("softmax", ops.softmax, Value.softmax, _soft, _with_axis(), Case((fixed((2, 3)),), {"axis": -1})),
    Row(
        "log_softmax",
        ops.log_softmax,
        Value.log_softmax,
        lambda x, axis: np.log(_soft(x, axis)),
        _with_axis(),
        Case((fixed((2, 3)),), {"axis": 0}),
    ),
    Row(
        "reshape",
        ops.reshape,
        lambda x, shape: x.reshape(shape),
        np.reshape,
        _reshaped(),
        Case((fixed((2, 3)),), {"shape": (3, 2)}),
    ),
    Row(
        "transpose",
        ops.transpose,
        lambda x, axes: x.transpose(axes),
        np.transpose,
        _ordered(),
        Case((fixed((2, 1, 3)),), {"axes": (1, 2, 0)}),
    ),
    Row(
        "astype",
        ops.astype,
        lambda x: x.astype(x.dtype),
        np.array,
        tensors(shapes(1), _any).map(lambda x: Case((x,))),
        Case((fixed((2, 3)),)),
    ),
    Row(
        "T",
        ops.transpose,
        lambda x: x.T,
        lambda x: np.asarray(x).T,
        tensors(shapes(), _any).map(lambda x: Case((x,))),
        Case((fixed((2, 3)),)),
    ),
    Row(
        "swapaxes",
        ops.transpose,
        lambda x, axis: x.swapaxes(axis, 0),
        lambda x, axis: np.swapaxes(x, axis, 0),
        _with_axis(),
        Case((fixed((2, 3)),), {"axis": 1}),
    ),
    Row(
        "squeeze",
        ops.reshape,
        Value.squeeze,
        np.squeeze,
        tensors(shapes(1), _any).map(lambda x: Case((x,))),
        Case((fixed((2, 1, 3)),)),
    ),
    Row(
        "expand_dims", ops.reshape, Value.expand_dims, np.expand_dims, _with_axis(), Case((fixed((2, 3)),), {"axis": 1})
    ),
    Row(
        "broadcast_to",
        ops.broadcast_to,
        Value.broadcast_to,
        np.broadcast_to,
        _widened(),
        Case((fixed((2, 1)),), {"shape": (3, 2, 2)}),
    ),
    Row(
        "concatenate",
        ops.concatenate,
        lambda *xs, axis: concatenate(xs, axis),
        lambda *xs, axis: np.concatenate(xs, axis),
        _lines(joined=True),
        Case((fixed((2, 3)), fixed((2, 1), grain=256)), {"axis": 1}),
    ),
    Row(
        "stack",
        ops.concatenate,
        lambda *xs, axis: stack(xs, axis),
        lambda *xs, axis: np.stack(xs, axis),
        _lines(joined=False),
        Case((fixed((2, 3)), fixed((2, 3), grain=256)), {"axis": 1}),
    ),
    Row(  # the parts weighted and joined again, to make one tensor of them
        "split",
        ops.index,
        lambda x, parts, axis: concatenate([(k + 1) * each for k, each in enumerate(split(x, parts, axis))], axis),
        lambda x, parts, axis: np.concatenate([(k + 1) * p for k, p in enumerate(np.split(x, parts, axis))], axis),
        _divided(),
        Case((fixed((2, 3)),), {"parts": [1], "axis": 1}),
    ),
    Row(
        "index",
        ops.index,
        lambda x, key: x[key],
        lambda x, key: x[key],
        _indexed(backwards=False),
        Case((fixed((3, 2)),), {"key": [0, 2, 0]}),
    ),
    Row(
        "scatter",
        ops.scatter,
        lambda g, key, shape: ops.scatter(g, (key, shape)),
        _scattered,
        _indexed(backwards=True),
        Case((fixed((3, 2)),), {"key": [0, 2, 0], "shape": (3, 2)}),
    ),
    Row(
        "tilt",
        ops.tilt,
        lambda g, mask, slope: ops.tilt(g, (mask, slope)),
        lambda g, mask, slope: np.where(mask, g, slope * g),
        _masked(),
        Case((fixed((2, 2)),), {"mask": np.array([[True, False], [False, False]]), "slope": 0.1}),
    ),
    Row(
        "linear",
        layers.linear,
        lambda *xs: layers.linear(xs, True),
        lambda x, w, b: x @ w.T + b,
        _layers(bias=True),
        Case((fixed((2, 3)), fixed((2, 3), grain=256), fixed((2,)))),
    ),
    Row(
        "linear without bias",
        layers.linear,
        lambda *xs: layers.linear(xs, True),
        lambda x, w: x @ w.T,
        _layers(bias=False),
        Case((fixed((2, 3)), fixed((2, 3), grain=256))),
    ),
    Row(
        "cross_entropy",
        layers.cross_entropy,
        lambda x, classes: layers.cross_entropy(x, classes),
        _minus_log_softmax_at,
        _classified(),
        Case((fixed((3, 2)),), {"classes": np.array([1, 0, 1])}),
    ),
    _broadcasting(
        "bce",
        layers.bce,
        layers.bce,
        lambda p, y: -y * np.log(p) - (1 - y) * np.log(1 - p),
        x=(0.1, 0.9),
        y=(0, 1),
    ),
    _broadcasting(
        "bce_with_logits",
        layers.bce_with_logits,
        layers.bce_with_logits,
        lambda z, y: np.log(1 + np.exp(z)) - z * y,
    ),
    Row(
        "fit",
        ops.unbroadcast,
        lambda g, like: ops.unbroadcast(g, like),
        _summed_to,
        _fitted(),
        Case((fixed((2, 3)),), {"like": np.zeros((2, 1))}),
    ),
)


def rules() -> list[tuple[str, Rule]]:
    """Every rule that ops and the layers have, and its name there."""
    return [(name, each) for part in (ops, layers) for name, each in vars(part).items() if isinstance(each, Rule)]


# --- random graphs ----------------------------------------------------------------------------------------------------

# What a graph is made of, on anything that has Python's operators; `m` has the functions. No step grows its input much,
# so that a graph of any depth stays well-conditioned.
STEPS: Mapping[str, Callable[..., Any]] = {
    "a + b": lambda m, a, b: a + b,
    "a − b": lambda m, a, b: a - b,
    "a·tanh b": lambda m, a, b: a * m.tanh(b),
    "a / (1.5 + sin b)": lambda m, a, b: a / (1.5 + m.sin(b)),
    "sin(a·a)": lambda m, a, b: m.sin(a * a),
    "sigmoid a": lambda m, a, b: m.sigmoid(a),
    "softplus a": lambda m, a, b: m.softplus(a),
    "exp sin a": lambda m, a, b: m.exp(m.sin(a)),
    "log(2 + cos a)": lambda m, a, b: m.log(2 + m.cos(a)),
    "√(1 + a·a)": lambda m, a, b: m.sqrt(1 + a * a),
    "(2 + sin a) ** tanh b": lambda m, a, b: (2 + m.sin(a)) ** m.tanh(b),
    "−a": lambda m, a, b: -a,
}


@dataclass(frozen=True)
class Graph:
    """A computation in steps: each takes two of what stands before it, the inputs first; the last is the result."""

    inputs: tuple[Any, ...]
    steps: tuple[tuple[str, int, int], ...] = field(default=())

    def __call__(self, *inputs: Any, functions: Any) -> Any:
        found = list(inputs)
        for name, a, b in self.steps:
            found.append(STEPS[name](functions, found[a], found[b]))
        return found[-1]


VALUE_FUNCTIONS = SimpleNamespace(
    **{name: getattr(Value, name) for name in ("tanh", "sin", "cos", "sigmoid", "softplus", "exp", "log", "sqrt")}
)


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Graphs of scalars or of tensors that broadcast, in which anything may be used several times, or not at all."""
    found = draw(hnp.mutually_broadcastable_shapes(num_shapes=draw(st.integers(1, 3)), max_dims=2, max_side=2))
    inputs = tuple(draw(tensors(each, _any)) for each in found.input_shapes)
    steps = []
    for k in range(draw(st.integers(1, 7))):
        last = len(inputs) + k - 1
        near = st.integers(max(last - 2, 0), last)
        steps.append((draw(st.sampled_from(list(STEPS))), draw(near), draw(st.integers(0, last))))
    return Graph(inputs, tuple(steps))
