"""The graph: a Value is a number or an array that remembers how it was computed, and the chain rule walks back
through it.

No calculus stands here: what an operation computes and what its derivatives are is in `ops`. This file records nodes
(`_record`), walks back through them (`_walk`), and gives Value the operators of Python and the functions of numpy.
"""

import math
import operator
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from micrograd_kr import ops, spellings, written
from micrograd_kr.ops import Axes, Rule

Axis = int | tuple[int, ...] | None

# The gradient of a Value before any backward pass: equal to 0.0, told apart by `is`.
UNSET = float("0.0")
# The x_data of a Value that no person made and that has no graph: computed under no_grad, or a constant of the walk.
_UNRECORDED, _CONSTANT = "computed under no_grad", "a constant"


class Mode(NamedTuple):
    """How operations are recorded, where it is not the usual way."""

    recording: bool = True
    # Gives the rule that a node keeps, from the rule, its inputs and its numbers.
    watch: Callable[..., Rule] | None = None


# A ContextVar, so that threads and coroutines do not disturb each other.
_mode: ContextVar[Mode | None] = ContextVar("mode", default=None)
_mode_now = _mode.get
_new = object.__new__


# --- data -------------------------------------------------------------------------------------------------------------


# Tuples made once: a union written inside a function is built anew at each call, in half a microsecond.
_FLOATS, _REAL = (np.dtype(np.float64), np.dtype(np.float32)), "fd?" + np.typecodes["AllInteger"]
# What an operator takes, and a Value (added below); for anything else Python tries the other side, then raises.
_OPERANDS: tuple[type, ...] = (float, int, np.ndarray, np.generic, list, tuple)


def _number(data: Any) -> Any:
    """A float, or an array of real numbers, from what was given; an array is copied only if a graph may not use it."""
    if type(data) is np.ndarray and data.dtype in _FLOATS and data.ndim and not (written.owners and written.to(data)):
        return data
    if type(data) is float or type(data) is int:
        return float(data)
    if isinstance(data, np.ma.MaskedArray):
        raise TypeError("expected an array, got a masked one: write array.filled(0), or np.where(mask, 0, value)")
    if any(isinstance(each, Value) for each in (data if isinstance(data, list | tuple) else [data])):
        raise TypeError("expected numbers, got Values: write np.stack(values) to join, value.detach() to leave a graph")
    array = np.asarray(data) if isinstance(data, _OPERANDS) else None
    if array is None or array.dtype.char not in _REAL:
        kind = type(data).__name__ if array is None else array.dtype
        raise TypeError(f"expected real numbers (float32 or float64; integers and bools become float64), got {kind}")
    if not array.ndim:
        return float(array)
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    return array.copy() if written.to(array) else array


def _data(data: Any) -> Any:
    """What a Value holds: a float, or a float32 or float64 array."""
    number = _number(data)
    return number if type(number) is float or number.dtype.kind == "f" else number.astype(np.float64)


# --- recording --------------------------------------------------------------------------------------------------------


def _record(rule: Rule, x: Any, y: Any = None) -> "Value":
    """Compute a rule and make the node that remembers it. What is no Value among the inputs is a constant."""
    if type(x) is tuple and rule.dy is None:  # where, concatenate
        node_x: Any = tuple([each if isinstance(each, Value) else None for each in x])
        x_data: Any = tuple([each._numbers if isinstance(each, Value) else _number(each) for each in x])
    else:
        node_x, x_data = (x, x._numbers) if isinstance(x, Value) else (None, _number(x))
    node_y, y_data = None, y
    if rule.dy is not None:
        node_y, y_data = (y, y._numbers) if isinstance(y, Value) else (None, _number(y))
    try:
        out = rule.compute(x_data, y_data)
    except (ValueError, IndexError) as error:
        raise _explained(error, rule, x_data, y_data) from error
    mode = _mode_now()
    if mode is not None:
        if not mode.recording:
            return _constant(out, _UNRECORDED)
        if mode.watch is not None:
            rule = mode.watch(rule, (x, y), x_data, y_data, out)
    if type(out) is not float and out.dtype.kind != "f":
        out = out.astype(np.float64)
    return _node(rule, out, node_x, node_y, x_data, y_data)


def _constant(data: Any, kind: str = _CONSTANT) -> "Value":
    value = Value(data)
    value.x_data = kind
    return value


def _node(rule: Rule, out: Any, x: Any, y: Any, x_data: Any, y_data: Any) -> "Value":
    """A Value as an operation makes it."""
    node = _new(Value)
    node._numbers = out
    node.grad = UNSET
    node.rule = rule
    node.x = x
    node.y = y
    node.x_data = x_data
    node.y_data = y_data
    node._label = ""
    return node


def _explained(error: Exception, rule: Rule, x: Any, y: Any) -> Exception:
    """The same kind of error, saying which operation met what, and what to do."""
    if rule is ops.index:
        return type(error)(f"index {y!r} does not fit a Value of shape {np.shape(x)}: {error}")
    many = x if type(x) is tuple else (x, y) if rule.dy else (x,)
    shapes = " and ".join(str(np.shape(each)) for each in many)
    if rule is ops.matmul:
        needed = "as many columns on the left as rows on the right", "transpose one with .T, or reshape it"
    elif rule.dy:
        needed = "shapes that broadcast (each pair from the right equal, or one 1)", "reshape or expand_dims one"
    else:
        return ValueError(f"{rule.symbol} with {y} cannot be computed from {shapes}: {error}")
    return ValueError(f"{rule.symbol} needs {needed[0]}, got shapes {shapes}: {needed[1]}")


def _binary(rule: Rule) -> tuple[Callable[["Value", Any], "Value"], Callable[["Value", Any], "Value"]]:
    """The two methods of an operator, `a + b` and its reflection. For two floats they take a short cut."""
    scalar = rule.scalar

    def method(self: "Value", other: Any) -> "Value":
        x = self._numbers
        if type(other) is Value:
            node_y, y = other, other._numbers
        else:
            node_y, y = None, float(other) if type(other) is int else other
        if type(x) is float and type(y) is float and _mode_now() is None:
            try:
                out = scalar(x, y)
            except (ArithmeticError, ValueError):
                out = rule.compute(x, y)
            node = _new(Value)  # as `_node` has it: the call would be a tenth of the operation
            node._numbers = out
            node.rule, node.x, node.y = rule, self, node_y
            node.x_data, node.y_data = x, y
            node.grad, node._label = UNSET, ""
            return node
        return _record(rule, self, other) if isinstance(other, _OPERANDS) else NotImplemented

    def reflected(self: "Value", other: Any) -> "Value":
        x, y = float(other) if type(other) is int else other, self._numbers
        if type(x) is float and type(y) is float and _mode_now() is None:
            return _node(rule, rule.compute(x, y), None, self, x, y)
        if rule is ops.add and type(other) is list:  # so `outputs += model(x)` comes here, too
            raise TypeError(
                "expected numbers on the left of +, got a list: write outputs.append(value), or np.array(list) + value"
            )
        return _record(rule, other, self) if isinstance(other, _OPERANDS) else NotImplemented

    return method, reflected


def _in_place(operation: Callable[[Any, Any], Any]) -> Callable[["Value", Any], Any]:
    """The method of `p -= …`: under no_grad it changes p, a leaf; recorded it is a new node, as `p = p - …`."""

    def method(self: "Value", other: Any) -> Any:
        mode = _mode_now()
        if mode is None or mode.recording or self.rule is not None:
            return NotImplemented
        data = operation(self, other)._numbers
        if np.shape(data) != self.shape:
            raise ValueError(f"expected a leaf to keep its shape {self.shape}, got a change to {np.shape(data)}")
        self.data = data if type(data) is float else data.astype(self.dtype, copy=False)
        return self

    return method


def _unary(rule: Rule) -> Callable[["Value"], "Value"]:
    """The method of an operation of one input; for a float it takes a short cut."""
    scalar = rule.scalar

    def method(self: "Value") -> "Value":
        x = self._numbers
        if type(x) is float and _mode_now() is None:
            try:
                out = float(scalar(x))
            except (ArithmeticError, ValueError):
                out = rule.compute(x)
            return _node(rule, out, self, None, x, None)
        return _record(rule, self)

    method.__doc__ = f"{rule.symbol}, entry by entry."
    return method


def _reduction(rule: Rule) -> Callable[..., "Value"]:
    """The method of a reduction."""

    def method(self: "Value", axis: Axis = None, *, keepdims: bool = False, **unknown: Any) -> "Value":
        if unknown:
            raise spellings.no_rule(
                f"{'sum' if rule is ops.sum_ else rule.symbol} with {', '.join(unknown)} (PyTorch's dim is axis, its "
                "keepdim keepdims)"
            )
        return _record(rule, self, Axes(axis, keepdims))

    method.__doc__ = f"{rule.symbol} over all entries, or over the given axis or axes."
    return method


def _compare(operation: Callable[[Any, Any], Any]) -> Callable[["Value", Any], Any]:
    """Comparisons give plain bools of the data; nothing is recorded."""

    def method(self: "Value", other: Any) -> Any:
        answer = operation(self._numbers, other._numbers if isinstance(other, Value) else other)
        return bool(answer) if isinstance(answer, np.bool_) else answer

    return method


class _Rebound(NamedTuple):
    """The label of a computed Value whose data was set since, and what was computed."""

    label: str
    out: Any


class Value:
    """A scalar or a tensor that records what is computed from it.

    data: a float, or a float32 or float64 array. Integers, bools, numpy scalars and 0-d arrays become floats, nested
        lists float64 arrays; an array is not copied.
    grad: UNSET (0.0, shown as "not computed") until a backward pass, then a float, or an array of the data's shape and
        dtype. On a Value made by a person gradients add up over calls until `zero_grad`; on a computed one the last
        call's stands.
    label: a name for pictures, explanations and error messages.

    Raises TypeError for float16, complex numbers and anything that is no number.

    >>> x = Value(3.0)
    >>> y = x * x + 2 * x
    >>> y.backward()
    >>> x.grad
    8.0
    """

    # Not _data: numpy.ma would take it for its own, and multiply past the graph. _label is the label, or `_Rebound`: a
    # node is as small as it can be, since the collector of garbage looks at each slot of each.
    # What made it: `rule` was computed from x_data and y_data and gave out; x and y are the Values these came from
    # (None: a constant). The numbers are kept beside the Values, so that a graph gives the gradient where it was
    # computed, whatever `data` is set to since.
    __slots__ = ("_label", "_numbers", "grad", "rule", "x", "x_data", "y", "y_data")
    _label: Any
    _numbers: Any
    grad: Any
    rule: Rule | None
    x: Any
    x_data: Any
    y: "Value | None"
    y_data: Any

    def __init__(self, data: Any, label: str = "") -> None:
        self._numbers = data if type(data) is float else _data(data)
        self.grad = UNSET
        self.rule = self.x = self.y = self.x_data = self.y_data = None
        self._label = label

    def _set_data(self, data: Any) -> None:
        if type(data) is not float:
            if data is self._numbers:  # `w.data -= …` has written into it, and it may stand in a graph
                written.note(data)
                data = data.copy()
            elif type(data) is not np.ndarray or data.dtype not in _FLOATS or not data.ndim or written.owners:
                data = _data(data)  # else an optimiser's, once for each parameter at each step
        if self.rule is not None and type(self._label) is not _Rebound:
            self._label = _Rebound(self._label, self._numbers)
        self._numbers = data

    def _set_label(self, label: str) -> None:
        self._label = self._label._replace(label=label) if type(self._label) is _Rebound else label

    data = property(operator.attrgetter("_numbers"), _set_data, doc="The numbers; setting them changes no graph.")
    label = property(lambda self: self._label.label if type(self._label) is _Rebound else self._label, _set_label)
    # What was computed.
    out = property(lambda self: self._label.out if type(self._label) is _Rebound else self._numbers)
    _unset = property(lambda self: self.grad is UNSET or self.grad is None)
    _record = staticmethod(_record)

    # --- arithmetic ---
    __add__, __radd__ = _binary(ops.add)
    __sub__, __rsub__ = _binary(ops.sub)
    __mul__, __rmul__ = _binary(ops.mul)
    __truediv__, __rtruediv__ = _binary(ops.div)
    __pow__, __rpow__ = _binary(ops.power)
    __iadd__, __isub__, __imul__ = _in_place(operator.add), _in_place(operator.sub), _in_place(operator.mul)
    __itruediv__, __ipow__ = _in_place(operator.truediv), _in_place(operator.pow)

    def __pos__(self) -> "Value":
        return self

    def __matmul__(self, other: Any) -> "Value":
        return _matmul(self, other) if isinstance(other, _OPERANDS) else NotImplemented

    def __rmatmul__(self, other: Any) -> "Value":
        return _matmul(other, self) if isinstance(other, _OPERANDS) else NotImplemented

    # --- elementwise ---
    __neg__, abs, sign = map(_unary, (ops.neg, ops.absolute, ops.sign))
    __abs__ = abs
    exp, log, log1p, expm1, sqrt = map(_unary, (ops.exp, ops.log, ops.log1p, ops.expm1, ops.sqrt))
    log2, log10 = map(_unary, (ops.log2, ops.log10))
    sin, cos, tan, tanh = map(_unary, (ops.sin, ops.cos, ops.tan, ops.tanh))
    sigmoid, logsigmoid, softplus = map(_unary, (ops.sigmoid, ops.logsigmoid, ops.softplus))
    relu, step = map(_unary, (ops.relu, ops.heaviside))

    def leaky_relu(self, slope: float = 0.01) -> "Value":
        return _record(ops.leaky_relu, self, float(slope))

    def clip(self, min: float | None = None, max: float | None = None) -> "Value":
        ends = (-np.inf if min is None else float(min), np.inf if max is None else float(max))
        return _record(ops.clip, self, ends)

    # --- reductions ---
    sum, mean, max, min = map(_reduction, (ops.sum_, ops.mean, ops.amax, ops.amin))
    norm, logsumexp = map(_reduction, (ops.norm, ops.logsumexp))

    def var(self, axis: Axis = None, *, ddof: int = 0, keepdims: bool = False) -> "Value":
        """The mean square distance from the mean; n − ddof divides."""
        return _record(ops.var, self, Axes(axis, keepdims, ddof))

    def std(self, axis: Axis = None, *, ddof: int = 0, keepdims: bool = False) -> "Value":
        """The root of `var`; its slope is taken as 0 where all entries are equal."""
        out = (self - self.mean(axis, keepdims=True)).norm(axis, keepdims=keepdims)
        return out / math.sqrt(max(self.size // max(out.size, 1) - ddof, 0))

    def prod(self, axis: Axis = None, *, keepdims: bool = False) -> "Value":
        """The product over all entries, or over the given axis or axes; entries may be 0.

        Along each axis halves are multiplied until one is left, so that the gradient divides by no entry.
        """
        axes = normalize_axis_tuple(range(self.ndim) if axis is None else axis, self.ndim)
        out = self
        for each in axes:
            out = out if self.shape[each] else out.sum(each, keepdims=True) + 1.0
            while (n := out.shape[each]) > 1:
                first, second, rest = split(out, [n // 2, n // 2 * 2], each)
                out = concatenate([first * second, rest], each) if n % 2 else first * second
        return out if keepdims else out.squeeze(axes)

    def argmax(self, axis: int | None = None, *, keepdims: bool = False) -> Any:
        """Where the largest entry stands: a plain integer, or an array of them, as numpy's."""
        return np.argmax(self._numbers, axis, keepdims=keepdims)  # type: ignore[call-overload, unused-ignore]

    def argmin(self, axis: int | None = None, *, keepdims: bool = False) -> Any:
        """Where the smallest entry stands, likewise."""
        return np.argmin(self._numbers, axis, keepdims=keepdims)  # type: ignore[call-overload, unused-ignore]

    def softmax(self, axis: int = -1, *, dim: int | None = None) -> "Value":
        return _record(ops.softmax, self, axis if dim is None else dim)

    def log_softmax(self, axis: int = -1, *, dim: int | None = None) -> "Value":
        return _record(ops.log_softmax, self, axis if dim is None else dim)

    # --- shape and indexing ---
    shape = property(lambda self: getattr(self._numbers, "shape", ()))
    ndim = property(lambda self: getattr(self._numbers, "ndim", 0))
    size = property(lambda self: getattr(self._numbers, "size", 1))
    dtype = property(lambda self: getattr(self._numbers, "dtype", np.dtype(np.float64)))
    T = property(lambda self: self.transpose())
    mT = property(lambda self: self.swapaxes(-1, -2))  # noqa: N815  (numpy's name)

    def reshape(self, *shape: Any) -> "Value":
        sizes = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple | list) else shape
        return _record(ops.reshape, self, tuple(sizes))

    def transpose(self, *axes: Any) -> "Value":
        order = axes[0] if len(axes) == 1 and isinstance(axes[0], tuple | list) else axes
        return _record(ops.transpose, self, tuple(order) or tuple(range(self.ndim))[::-1])

    def swapaxes(self, axis1: int, axis2: int) -> "Value":
        order = list(range(self.ndim))
        order[axis1], order[axis2] = order[axis2], order[axis1]
        return self.transpose(order)

    def squeeze(self, axis: Axis = None) -> "Value":
        return self.reshape(np.squeeze(np.empty(self.shape), axis).shape)

    def expand_dims(self, axis: int | tuple[int, ...]) -> "Value":
        return self.reshape(np.expand_dims(np.empty(self.shape), axis).shape)

    def broadcast_to(self, shape: tuple[int, ...]) -> "Value":
        return _record(ops.broadcast_to, self, shape)

    def flatten(self) -> "Value":
        """All entries as one vector."""
        return self.reshape(-1)

    ravel = flatten

    def astype(self, dtype: Any) -> "Value":
        """The same numbers in float32 or float64, in the graph; a scalar is a Python float and stays one."""
        if np.dtype(dtype) not in (np.float32, np.float64):
            raise TypeError(f"expected float32 or float64, got {np.dtype(dtype)}: write value.data.astype(…) for it")
        return _record(ops.astype, self, np.dtype(dtype)) if self.ndim else self

    def __getitem__(self, key: Any) -> "Value":
        return _record(ops.index, self, (None,) if key is None else key)

    # --- the graph ---
    def backward(self, grad: Any = None) -> None:
        """Fill `.grad` of everything this was computed from: the derivative of this with respect to it.

        grad: the gradient that arrives here, 1 for a scalar; a tensor needs one, of its shape.
        """
        for node, g in _walk(self, _seed(self, grad)).items():
            node.grad = g if node.rule is not None or node.grad is UNSET or node.grad is None else node.grad + g

    def zero_grad(self) -> None:
        """Forget the gradient."""
        self.grad = UNSET

    def inputs(self) -> list[tuple["Value | None", Any]]:
        """What this was computed from, both edges of x·x: a Value, or None for a constant, and its number then."""
        if self.rule is None:
            return []
        if type(self.x) is tuple:
            return list(zip(self.x, self.x_data, strict=True))
        return [(self.x, self.x_data), (self.y, self.y_data)][: 2 if self.rule.dy else 1]

    def detach(self) -> "Value":
        """The same data as a new leaf: no gradient goes back through it."""
        return Value(self._numbers, self.label)

    def item(self) -> float:
        """The one number as a Python float, out of the graph on purpose."""
        if self.size != 1:
            raise TypeError(f"expected one number, got a Value of shape {self.shape}: take .sum(), .mean() or an entry")
        return float(np.asarray(self._numbers).item())

    def numpy(self) -> Any:
        """A copy of the numbers as an array, out of the graph on purpose."""
        return np.array(self._numbers)

    def tolist(self) -> Any:
        """The numbers as nested lists of Python floats, out of the graph on purpose."""
        return np.asarray(self._numbers).tolist()

    # --- what Python does with a number ---
    __eq__, __ne__ = map(_compare, (operator.eq, operator.ne))
    __lt__, __le__, __gt__, __ge__ = map(_compare, (operator.lt, operator.le, operator.gt, operator.ge))
    __hash__ = object.__hash__

    def __bool__(self) -> bool:
        return bool(self._numbers)

    def __float__(self) -> float:
        number = self.item()
        if self.rule is not None and self._unset:
            warnings.warn(
                f"a float of a Value computed by {self.rule.symbol} leaves its graph: write v.exp() for math.exp(v), "
                "v.item() or v.detach() to leave on purpose",
                stacklevel=2,
            )
        return number

    def __int__(self) -> int:
        return int(self.item())

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("a scalar Value has no length")
        return len(self._numbers)

    def __iter__(self) -> Iterator["Value"]:
        return (self[i] for i in range(len(self)))

    def __contains__(self, item: Any) -> bool:
        return bool(np.any(self == item))

    def __repr__(self) -> str:
        def shown(data: Any) -> str:
            return np.array2string(np.asarray(data), separator=", ")

        grad = "not computed" if self._unset else shown(self.grad)
        return f"Value(data={shown(self._numbers)}, grad={grad}{f', label={self.label!r}' if self.label else ''})"

    def __format__(self, spec: str) -> str:
        return format(self._numbers, spec) if spec else str(self)

    def __reduce__(self) -> tuple[Any, ...]:
        if self.rule is not None:
            raise TypeError(f"expected a leaf to copy, got a Value computed by {self.rule.symbol}: use value.detach()")
        return Value, (self._numbers, self.label), (None, {} if self._unset else {"grad": self.grad})

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("an array of Values would lose their graph: write np.stack(values), or take value.data")

    __array_ufunc__, __array_function__ = spellings.array_ufunc, spellings.array_function

    # --- micrograd's names ---
    @property
    def _prev(self) -> tuple["Value", ...]:
        """The `inputs`, constants too, as Values; but x**3 has one."""
        inputs = [Value(data) if value is None else value for value, data in self.inputs()]
        return tuple(inputs[:1] if self._op[:2] == "**" != self._op else inputs)

    @property
    def _op(self) -> str:
        """The operation as micrograd spells it: '+', '*', '**3', 'ReLU'; '' for a leaf."""
        if self.rule is None:
            return ""
        if self.rule.symbol == "**" and self.y is None and type(self.y_data) is float:
            return f"**{self.y_data:g}"
        return {"×": "*", "−": "-", "÷": "/", "relu": "ReLU"}.get(self.rule.symbol, self.rule.symbol)


for _name, _missing in spellings.MISSING.items():
    setattr(Value, _name, _missing)
_OPERANDS = (Value, *_OPERANDS)


# --- operations that are more than one rule, or have more than two inputs ---------------------------------------------


def _matmul(x: Any, y: Any) -> Value:
    """x @ y as numpy has it: a vector is a row on the left, a column on the right, and its axis is dropped again."""
    x, y = (each if hasattr(each, "ndim") else np.asarray(each) for each in (x, y))
    left, right = x.ndim, y.ndim
    if not left or not right:
        raise ValueError(f"@ needs vectors or matrices, got shapes {x.shape} and {y.shape}: use * for a scalar")
    out = _record(ops.matmul, np.expand_dims(x, 0) if left == 1 else x, np.expand_dims(y, 1) if right == 1 else y)
    lost = (-2,) * (left == 1) + (-1,) * (right == 1)
    return out.squeeze(lost) if lost else out


def where(condition: Any, x: Any, y: Any) -> Value:
    """x where the condition (bools, never differentiated) is true, else y."""
    return _record(ops.where_, (x, y), np.asarray(condition, bool))


def maximum(x: Any, y: Any) -> Value:
    """The larger of two, entry by entry; where they are equal the gradient goes half to each."""
    return _record(ops.maximum, x, y)


def minimum(x: Any, y: Any) -> Value:
    """The smaller of two, entry by entry; where they are equal the gradient goes half to each."""
    return _record(ops.minimum, x, y)


def concatenate(values: Sequence[Any], axis: int | None = 0) -> Value:
    """Arrays joined along an axis that they have; axis None joins all entries into one vector."""
    if axis is None:
        values, axis = [np.reshape(each, -1) for each in values], 0
    return _record(ops.concatenate, tuple(values), axis)


def stack(values: Sequence[Any], axis: int = 0) -> Value:
    """Arrays of one shape, or scalars, joined along a new axis."""
    return concatenate([np.expand_dims(each, axis) for each in values], axis)


def split(value: Value, indices_or_sections: int | Sequence[int], axis: int = 0) -> list[Value]:
    """Cut along an axis: into so many equal parts, or before the given places."""
    places = np.split(np.arange(value.shape[axis]), indices_or_sections)
    before = (slice(None),) * (axis % value.ndim)
    return [value[(*before, slice(p[0], p[-1] + 1) if len(p) else slice(0, 0))] for p in places]


spellings.FUNCTIONS |= {np.where: where, np.concatenate: concatenate, np.stack: stack, np.split: split}


# --- the walk ---------------------------------------------------------------------------------------------------------


def inputs_first(root: Value) -> dict[Value, Any]:
    """Every Value below root, and root, each once, inputs first as they are written; None stands for its gradient.

    No recursion: a graph may be a million deep.
    """
    order: dict[Any, Any] = {None: None}  # None stands where a constant was
    waiting: list[Value] = []
    node = root
    while True:
        below: Any = node.x
        if below not in order or (below := node.y) not in order:
            if type(below) is not tuple:
                if below.rule is None:
                    order[below] = None
                else:
                    waiting.append(node)
                    node = below
                continue
            unfinished = [each for each in below if each not in order]
            if unfinished:
                waiting += [node, *reversed(unfinished)]
                node = waiting.pop()
                continue
        order[node] = None
        if not waiting:
            del order[None]
            return order
        node = waiting.pop()


def _walk(root: Value, seed: Any, create_graph: bool = False) -> dict[Value, Any]:
    """The chain rule: the gradient of root with respect to every Value below it, from the gradient `seed` at root.

    Each node is visited once, when all that was computed from it has been. What it hands to an input is
    `derivative(g, out, x, y)`; contributions to one Value are summed into a new array, so nothing that is shared is
    ever written to. With create_graph the derivatives are computed on Values, and so recorded.
    """
    grads = inputs_first(root)
    if written.owners:
        written.check(grads)
    grads[root] = seed
    with np.errstate(all="ignore"):
        for node in reversed(grads):
            rule: Any = node.rule
            if rule is None:
                continue
            g = grads[node]
            out = node._numbers if type(node._label) is str else node.out
            x = x_data = node.x_data
            y = y_data = node.y_data
            if create_graph:
                out, x, y = _operands(node)
            node_x = node.x
            if node_x is not None:
                try:
                    r = rule.dx(g, out, x) if y is None else rule.dx(g, out, x, y)
                except (ArithmeticError, ValueError):
                    r = derivative_at(node, rule.dx, g, out, x, y)
                if type(r) is float and type(x_data) is float:
                    before = grads[node_x]
                    grads[node_x] = r if before is None else before + r
                else:
                    _receive(grads, node_x, x_data, r, g)
            node_y = node.y
            if node_y is not None:
                try:
                    r = rule.dy(g, out, x, y)
                except (ArithmeticError, ValueError):
                    r = derivative_at(node, rule.dy, g, out, x, y)
                if type(r) is float and type(y_data) is float:
                    before = grads[node_y]
                    grads[node_y] = r if before is None else before + r
                else:
                    _receive(grads, node_y, y_data, r, g)
    return grads


def _receive(grads: dict[Value, Any], target: Any, data: Any, r: Any, g: Any) -> None:
    """Add a contribution to a gradient, in the shape and dtype of its data, as an array that no other has."""
    if type(target) is tuple:
        for each, its_data, its_r in zip(target, data, r, strict=True):
            if each is not None:
                _receive(grads, each, its_data, its_r, g)
        return
    have = r._numbers if type(r) is Value else r
    if type(have) is not type(data) or (
        type(data) is not float and (have.shape != data.shape or have.dtype is not data.dtype)
    ):
        r = (ops.unbroadcast if type(r) is Value else ops.unbroadcast.compute)(r, data)
    before = grads[target]
    if before is not None:
        r = before + r
    elif type(r) is np.ndarray and (r is g or r.base is not None):
        r = r.copy()
    grads[target] = r


def derivative_at(node: Value, derivative: Callable[..., Any], *numbers: Any) -> Any:
    """A derivative where Python's floats raise and numpy's have an answer: 1/0, 0·inf."""
    try:
        return derivative(*(np.float64(each) if type(each) is float else each for each in numbers if each is not None))
    except FloatingPointError as error:  # from a rule that is watched
        raise type(error)(f"{error}, label {node.label!r}") from error


def _operands(node: Value) -> tuple[Any, Any, Any]:
    """out, x and y of a node as Values where they are differentiated, at the numbers they had when it was computed."""

    def then(value: Value | None, data: Any) -> Any:
        if value is None or value._numbers is data:
            return data if value is None else value
        return _node(ops.unbroadcast, data, value, None, data, data)  # its data was set since

    inputs = [then(*each) for each in node.inputs()]
    x = tuple(inputs) if type(node.x) is tuple else inputs[0]
    return then(node, node.out), x, inputs[1] if node.rule and node.rule.dy else node.y_data


def _seed(root: Value, grad: Any) -> Any:
    """The gradient a walk starts with, in the shape and dtype of its root."""
    if root.rule is None and root.x_data is _UNRECORDED:
        raise RuntimeError("expected a recorded Value, got one computed under no_grad: compute it outside")
    if grad is None:
        if type(root._numbers) is float:
            return 1.0
        if root.size != 1:
            raise ValueError(
                f"expected a scalar to differentiate, got shape {root.shape}: take .sum() or .mean(), or give the "
                "gradient that arrives there, backward(grad)"
            )
        grad = np.ones(root.shape)
    given = _number(grad._numbers if isinstance(grad, Value) else grad)
    if np.shape(given) != root.shape:
        raise ValueError(f"expected a gradient of the Value's own shape {root.shape}, got {np.shape(given)}")
    return given if type(given) is float else np.array(given, root.dtype)


def gradients(root: Value, inputs: Sequence[Value], create_graph: bool = False) -> list[Any]:
    """The derivatives of a scalar with respect to each of the inputs, leaves or computed; no `.grad` is touched.

    Returns a float or an array of the input's shape and dtype for each input, zeros where root does not depend on it.
    With create_graph these are Values, which can be differentiated again.

    >>> x = Value(2.0)
    >>> (first,) = gradients(x**4 - 2 * x**2, [x], create_graph=True)
    >>> first.data, gradients(first, [x])
    (24.0, [44.0])
    """
    if isinstance(inputs, Value):
        raise TypeError("expected a list of Values to differentiate by, got one Value: write gradients(root, [x])")
    for each in (root, *inputs):
        if not isinstance(each, Value):
            raise TypeError(f"expected Values to differentiate, got {type(each).__name__}: wrap it as Value(…) first")
    seed = _seed(root, None)
    grads = _walk(root, _constant(seed) if create_graph else seed, create_graph)
    found = [grads[each] if each in grads else _number(np.zeros(each.shape, each.dtype)) for each in inputs]
    if create_graph:
        return [each if isinstance(each, Value) else _constant(each) for each in found]
    return [each.copy() if isinstance(each, np.ndarray) else each for each in found]


# Whether a function given to `grad` is being evaluated; the gradients taken inside it stay in its graph.
_nested: ContextVar[bool] = ContextVar("nested", default=False)


def grad(f: Callable[..., Any]) -> Callable[..., Any]:
    """The gradient of f by its first argument, as a function. It nests: grad(grad(f)) is the second derivative.

    f takes a Value and gives a scalar Value. The gradient takes a float or an array and gives the same; it takes a
    Value and gives a Value. It also gives a Value where it depends on Values that f uses besides, a parameter that f
    closes over, say: it can be differentiated by them.

    >>> grad(lambda x: x**4 - 2 * x**2)(2.0)
    24.0
    >>> grad(grad(lambda x: x**4 - 2 * x**2))(2.0)
    44.0
    """

    def gradient(x: Any, *args: Any, **kwargs: Any) -> Any:
        inner = isinstance(x, Value) or _nested.get()
        x = _record(ops.identity, x) if isinstance(x, Value) else Value(x)  # a node of its own, should f use x besides
        token = _nested.set(True)
        try:
            with set_mode(recording=True):
                out = _record(ops.identity, f(x, *args, **kwargs))  # a node, even where f does not depend on x
        finally:
            _nested.reset(token)
        if inner:
            return gradients(out, [x], create_graph=True)[0]
        besides = {each for each in inputs_first(out) if each.rule is each.x_data is None and each is not x}
        if besides:
            (found,) = gradients(out, [x], create_graph=True)
            if not besides.isdisjoint(inputs_first(found)):
                return found
        return gradients(out, [x])[0]

    return gradient


# --- modes ------------------------------------------------------------------------------------------------------------


@contextmanager
def set_mode(**changes: Any) -> Iterator[None]:
    """A context in which operations are recorded in another way."""
    token = _mode.set((_mode.get() or Mode())._replace(**changes))
    try:
        yield
    finally:
        _mode.reset(token)


def watched() -> bool:
    """Whether what is recorded here is watched, as `anomaly()` does."""
    mode = _mode_now()
    return mode is not None and mode.watch is not None


def no_grad() -> Any:
    """A context (or decorator) in which nothing is recorded: what is computed there are leaves."""
    return set_mode(recording=False)
