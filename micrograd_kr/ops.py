"""The calculus: every operation, with its derivatives beside it.

A rule is an operation and, for each input, how a gradient `g` that arrived at the output goes on to that input:

    mul = Rule("×", np.multiply,
               dx=lambda g, out, x, y: g * y,
               dy=lambda g, out, x, y: g * x)

`out` is what the forward pass computed, `x` and `y` what it was computed from. An operation of one input is given
`(g, out, x)`; where it has an option (an axis, a slope, an index) that stands in the place of `y` and is never
differentiated.

The table is read in four ways. On floats it is micrograd, on arrays it trains networks, on Values it gives gradients
of gradients, and on symbols it writes the chain rule out. So a derivative uses only what all four understand:
Python's operators, and other rules.
A derivative need not mind broadcasting or dtypes: whoever calls it sums the gradient back to the shape of its input
(`unbroadcast`).

Nothing here knows of graphs: what takes part in one has a method `_record`, and a rule hands itself over to it.

Kinks follow one table: relu'(0) = 0, leaky_relu'(0) = slope, |·|'(0) = 0, a tie of maximum or minimum 0.5 and 0.5, a
tie over an axis an equal share each, clip' = 0 at its ends, heaviside(0) = 0 and heaviside' = 0, 0**0 = 1 with
gradient 0, norm'(0) = 0.
"""

import math
import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

# numpy's operation on floats: its answer, without its warning.
_quietly = np.errstate(all="ignore")


class Rule:
    """An operation and its derivatives.

    symbol: how a reader sees it, "×" or "tanh".
    forward: computes the output from arrays (`np.float64` included).
    dx, dy: the gradient of the first and of the second input, from `(g, out, x)` or `(g, out, x, y)`. No `dy`: the
    second argument is an option.
        Where the first argument is a tuple of inputs, dx gives a sequence of gradients.
    scalar: `forward` for floats, where numpy's is slow. It may raise what `math` raises: numpy's answer (inf, nan) is
    taken instead.
    made_of: of a rule that does several at once, the same from simpler rules, as a reader is shown it.
    """

    __slots__ = ("dx", "dy", "forward", "made_of", "scalar", "symbol")

    def __init__(
        self,
        symbol: str,
        forward: Callable[..., Any],
        dx: Callable[..., Any],
        dy: Callable[..., Any] | None = None,
        *,
        scalar: Callable[..., Any] | None = None,
        made_of: Callable[..., Any] | None = None,
    ) -> None:
        self.symbol, self.forward, self.dx, self.dy, self.made_of = symbol, forward, dx, dy, made_of
        self.scalar = scalar or _quietly(forward)

    def __call__(self, x: Any, y: Any = None) -> Any:
        """The operation on whatever came: numbers are computed; a Value or a symbol records."""
        if type(x) is not float or type(y) is not float:
            for each in (*x, y) if type(x) is tuple else (x, y):
                record = getattr(each, "_record", None)
                if record is not None:
                    return record(self, x, y)
        return self.compute(x, y)

    def compute(self, x: Any, y: Any = None) -> Any:
        """Numbers in, numbers out: a float or an array. Scalars give numpy's answers and never raise."""
        if type(x) is not float or type(y) is np.ndarray:
            out = self.forward(x) if y is None else self.forward(x, y)
        else:
            try:
                out = self.scalar(x) if y is None else self.scalar(x, y)
            except (ArithmeticError, ValueError):
                out = _quietly(self.forward)(*(np.float64(x), y)[: 1 if y is None else 2])
        return out if type(out) is np.ndarray and out.ndim else float(out)

    def __repr__(self) -> str:
        return f"<Rule {self.symbol}>"


# A table of derivatives is read in columns.
# fmt: off

# --- arithmetic -------------------------------------------------------------------------------------------------------

add = Rule("+", np.add, scalar=operator.add,
           dx=lambda g, out, x, y: g,
           dy=lambda g, out, x, y: g)

sub = Rule("−", np.subtract, scalar=operator.sub,
           dx=lambda g, out, x, y: g,
           dy=lambda g, out, x, y: -g)

mul = Rule("×", np.multiply, scalar=operator.mul,
           dx=lambda g, out, x, y: g * y,
           dy=lambda g, out, x, y: g * x)

div = Rule("÷", np.true_divide, scalar=operator.truediv,
           dx=lambda g, out, x, y: g / y,
           dy=lambda g, out, x, y: -g * out / y)

neg = Rule("neg", np.negative, scalar=operator.neg,
           dx=lambda g, out, x: -g)


def _one_less(x: Any, y: Any) -> Any:
    """The exponent y − 1 of a power's derivative; but 0 at 0**0, where y·x^(y−1) would be 0·0^(−1)."""
    zero = y == 0
    return y - 1 if zero is False else y - where(zero & (x == 0), 0.0, 1.0)


# Likewise 0·log 0 is kept from coming up, by log 1.
power: Rule = Rule("**", np.power, scalar=math.pow,
                   dx=lambda g, out, x, y: g * (y * power(x, _one_less(x, y))),
                   dy=lambda g, out, x, y: g * (out * log(x + (x == 0))))

# Matrices, or stacks of them, (…, n, k) @ (…, k, m); vectors become matrices before they come here.
matmul = Rule("@", np.matmul,
              dx=lambda g, out, x, y: g @ y.mT,
              dy=lambda g, out, x, y: x.mT @ g)

# What a line that only gives a number another name does.
identity = Rule("=", np.positive, scalar=operator.pos,
                dx=lambda g, out, x: g)


# --- elementwise ------------------------------------------------------------------------------------------------------

exp = Rule("exp", np.exp, scalar=math.exp,
           dx=lambda g, out, x: g * out)

log: Rule = Rule("log", np.log, scalar=math.log,
                 dx=lambda g, out, x: g / x)

log2 = Rule("log2", np.log2, scalar=math.log2,
            dx=lambda g, out, x: g / (x * math.log(2)))

log10 = Rule("log10", np.log10, scalar=math.log10,
             dx=lambda g, out, x: g / (x * math.log(10)))

log1p = Rule("log1p", np.log1p, scalar=math.log1p,
             dx=lambda g, out, x: g / (1 + x))

expm1 = Rule("expm1", np.expm1, scalar=math.expm1,
             dx=lambda g, out, x: g * (out + 1))

sqrt = Rule("√", np.sqrt, scalar=math.sqrt,
            dx=lambda g, out, x: g / (2 * out))

absolute = Rule("abs", np.abs, scalar=abs,
                dx=lambda g, out, x: g * sign(x))

sign: Rule = Rule("sign", np.sign, scalar=lambda x: x if x != x else (x > 0) - (x < 0),
                  dx=lambda g, out, x: g * 0.0)

sin = Rule("sin", np.sin, scalar=math.sin,
           dx=lambda g, out, x: g * cos(x))

cos: Rule = Rule("cos", np.cos, scalar=math.cos,
                 dx=lambda g, out, x: g * -sin(x))

tan = Rule("tan", np.tan, scalar=math.tan,
           dx=lambda g, out, x: g * (1 + out * out))

tanh = Rule("tanh", np.tanh, scalar=math.tanh,
            dx=lambda g, out, x: g * (1 - out * out))


def _sigmoid(x: Any) -> Any:
    with np.errstate(over="ignore"):  # to inf, where the answer is 0 to all digits
        return 1 / (1 + np.exp(-x))


def _sigmoid_of_float(x: float) -> float:
    e = math.exp(-abs(x))
    return (1.0 if x >= 0 else e) / (1.0 + e)


sigmoid = Rule("sigmoid", _sigmoid, scalar=_sigmoid_of_float,
               dx=lambda g, out, x: g * (out * (1 - out)))

softplus = Rule("softplus", lambda x: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))),
                dx=lambda g, out, x: g * sigmoid(x))

logsigmoid = Rule("logsigmoid", lambda x: np.minimum(x, 0) - np.log1p(np.exp(-np.abs(x))),
                  dx=lambda g, out, x: g * sigmoid(-x))

relu = Rule("relu", lambda x: np.maximum(x, 0), scalar=lambda x: 0.0 if x <= 0 else x,
            dx=lambda g, out, x: where(x > 0, g, 0.0))


def _leaky_relu(x: Any, slope: float) -> Any:
    out = slope * x
    return np.maximum(x, out, out=out) if 0 < slope <= 1 else np.where(x > 0, x, out)  # maximum is twice as fast


leaky_relu = Rule("leaky_relu", _leaky_relu, scalar=lambda x, slope: x if x > 0 else slope * x,
                  dx=lambda g, out, x, slope: (
                      tilt(g, (mask, slope)) if type(mask := x > 0) is np.ndarray else where(mask, g, slope * g)
                  ))


def _tilted(g: Any, at: tuple[Any, float]) -> Any:
    mask, slope = at[0], g.dtype.type(at[1])
    factor = mask.astype(g.dtype)
    factor *= 1 - slope
    factor += slope
    factor *= g
    return factor if slope and (1 - slope) + slope == 1 else np.where(mask, g, slope * g)


# g where the mask is true, slope·g elsewhere, without a branch at each entry: a third of the time of `where`.
tilt: Rule = Rule("tilt", _tilted,
                  dx=lambda g, out, x, at: tilt(g, at))

heaviside = Rule("step", lambda x: np.where(x > 0, np.ones_like(x), np.zeros_like(x)), scalar=lambda x: x > 0,
                 dx=lambda g, out, x: g * 0.0)

clip = Rule("clip", lambda x, ends: np.clip(x, *ends),
            dx=lambda g, out, x, ends: where((x > ends[0]) & (x < ends[1]), g, 0.0))


# --- two and three inputs ---------------------------------------------------------------------------------------------

maximum = Rule("max", np.maximum, scalar=lambda x, y: x if x >= y or x != x else y,
               dx=lambda g, out, x, y: where(x > y, g, where(x == y, 0.5 * g, 0.0)),
               dy=lambda g, out, x, y: where(y > x, g, where(x == y, 0.5 * g, 0.0)))

minimum = Rule("min", np.minimum, scalar=lambda x, y: x if x <= y or x != x else y,
               dx=lambda g, out, x, y: where(x < y, g, where(x == y, 0.5 * g, 0.0)),
               dy=lambda g, out, x, y: where(y < x, g, where(x == y, 0.5 * g, 0.0)))


def _select(xs: tuple[Any, Any], mask: Any) -> Any:
    x, y = xs
    if mask.size < 1000 or mask.dtype != bool:
        return np.where(mask, x, y)
    y = x.dtype.type(y) if type(x) is np.ndarray and type(y) is float else y
    types = {getattr(each, "dtype", None) for each in (x, y)}
    if types not in ({np.dtype(np.float32)}, {np.dtype(np.float64)}):
        return np.where(mask, x, y)
    # np.where branches at each entry, and half the branches of a random mask are foreseen wrongly. The same on the
    # bits of the numbers takes a fifth of the time.
    bits = f"i{x.itemsize}"
    if not y.ndim and not y.view(bits):
        return (x.view(bits) * mask).view(x.dtype)
    out = (x.view(bits) ^ y.view(bits)) * mask
    out ^= y.view(bits)
    return out.view(x.dtype)


where_ = Rule("where", _select,
              dx=lambda g, out, xs, mask: (where(mask, g, 0.0), where(mask, 0.0, g)))


def where(mask: Any, x: Any, y: Any) -> Any:
    """x where the mask is true, else y. One bool picks one of the two as it is, so a scalar kink costs a comparison."""
    return (x if mask else y) if type(mask) is bool else where_((x, y), mask)


# --- reductions -------------------------------------------------------------------------------------------------------


class Axes(NamedTuple):
    """What a reduction runs over: no axis (all of it), one, or several."""

    axis: int | tuple[int, ...] | None = None
    keepdims: bool = False
    ddof: int = 0  # only var's: n − ddof divides


def _spread(a: Any, axes: Axes) -> Any:
    """Something reduced, with the lost axes back as ones, so that it broadcasts against what it was reduced from."""
    if axes.keepdims or axes.axis is None:
        return a
    return reshape(a, np.expand_dims(np.empty(getattr(a, "shape", ())), axes.axis).shape)


def _count(x: Any, out: Any) -> int:
    """How many numbers went into each of a result's."""
    return math.prod(getattr(x, "shape", ())) // max(math.prod(getattr(out, "shape", ())), 1)


def _tied(g: Any, out: Any, x: Any, axes: Axes) -> Any:
    """An equal share of g for each of the largest (or smallest) numbers."""
    ties = np.asarray(x == _spread(out, axes))
    return _spread(g, axes) * (ties / ties.sum(axes.axis, keepdims=True))


def _logsumexp(x: Any, axes: Axes) -> Any:
    top = np.maximum.reduce(x, axis=axes.axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0)
    total = np.log(np.add.reduce(np.exp(x - top), axis=axes.axis, keepdims=True)) + top
    return total if axes.keepdims else np.squeeze(total, axis=axes.axis)


sum_ = Rule("Σ", lambda x, axes: np.add.reduce(x, axis=axes.axis, keepdims=axes.keepdims),
            dx=lambda g, out, x, axes: _spread(g, axes))

mean = Rule("mean", lambda x, axes: (out := sum_.forward(x, axes)) / _count(x, out),
            dx=lambda g, out, x, axes: _spread(g, axes) / _count(x, out))

var = Rule("var", lambda x, axes: np.var(x, axis=axes.axis, keepdims=axes.keepdims, ddof=axes.ddof),
           dx=lambda g, out, x, axes: (
               2 * _spread(g, axes) * (x - mean(x, Axes(axes.axis, True))) / (_count(x, out) - axes.ddof)
           ))

amax = Rule("max", lambda x, axes: np.maximum.reduce(x, axis=axes.axis, keepdims=axes.keepdims),
            dx=_tied)

amin = Rule("min", lambda x, axes: np.minimum.reduce(x, axis=axes.axis, keepdims=axes.keepdims),
            dx=_tied)

logsumexp = Rule("logsumexp", _logsumexp,
                 dx=lambda g, out, x, axes: _spread(g, axes) * exp(x - _spread(out, axes)))

# √Σx²; at the origin the slope is taken as 0.
norm = Rule("norm", lambda x, axes: np.sqrt(sum_.forward(np.square(x), axes)),
            dx=lambda g, out, x, axes: _spread(g, axes) * x / _spread(out + (out == 0), axes))


# --- softmax ----------------------------------------------------------------------------------------------------------


def _softmax(x: Any, axis: int) -> Any:
    e = np.exp(x - np.maximum.reduce(x, axis=axis, keepdims=True))
    return e / np.add.reduce(e, axis=axis, keepdims=True)


def _log_softmax(x: Any, axis: int) -> Any:
    shifted = x - np.maximum.reduce(x, axis=axis, keepdims=True)
    return shifted - np.log(np.add.reduce(np.exp(shifted), axis=axis, keepdims=True))


softmax = Rule("softmax", _softmax,
               dx=lambda g, out, x, axis: out * (g - sum_(g * out, Axes(axis, True))))

log_softmax = Rule("log_softmax", _log_softmax,
                   dx=lambda g, out, x, axis: g - exp(out) * sum_(g, Axes(axis, True)))


# --- shape, dtype and indexing ----------------------------------------------------------------------------------------

reshape: Rule = Rule("reshape", np.reshape,
                     dx=lambda g, out, x, shape: reshape(g, getattr(x, "shape", ())))

astype = Rule("astype", np.ndarray.astype,
              dx=lambda g, out, x, dtype: g)


transpose: Rule = Rule("transpose", np.transpose,
                       dx=lambda g, out, x, axes: transpose(g, tuple(np.argsort(np.mod(axes, len(axes))).tolist())))

broadcast_to = Rule("broadcast", np.broadcast_to,
                    dx=lambda g, out, x, shape: g)


def _pieces(g: Any, out: Any, xs: tuple[Any, ...], axis: int) -> list[Any]:
    ends = np.cumsum([x.shape[axis] for x in xs]).tolist()
    before = (slice(None),) * (axis % len(xs[0].shape))
    return [g[(*before, slice(end - x.shape[axis], end))] for x, end in zip(xs, ends, strict=True)]


concatenate = Rule("concatenate", np.concatenate,
                   dx=_pieces)

index = Rule("[ ]", lambda x, key: np.asarray(x)[key],
             dx=lambda g, out, x, key: scatter(g, (key, getattr(x, "shape", ()))))


def _scatter(g: Any, place: tuple[Any, tuple[int, ...]]) -> Any:
    key, shape = place
    out = np.zeros(shape, getattr(g, "dtype", np.float64))
    parts = key if isinstance(key, tuple) else (key,)
    if all(isinstance(part, int | slice | None | type(...)) for part in parts):
        out[key] = g  # a slice names nothing twice
    else:
        np.add.at(out, key, g)  # an index that occurs twice counts twice
    return out


# Zeros of a shape, with g added at an index: what indexing does, backwards.
scatter: Rule = Rule("scatter", _scatter,
                     dx=lambda g, out, x, place: index(g, place[0]))


# --- what the walk through a graph uses -------------------------------------------------------------------------------


def _fit(g: Any, like: Any) -> Any:
    if type(like) is float:
        return np.add.reduce(g, axis=None)  # type: ignore[call-overload, unused-ignore]
    if type(g) is float:
        return np.full(like.shape, g, like.dtype)
    g = np.asarray(g)
    if g.ndim > like.ndim:
        g = np.add.reduce(g, axis=tuple(range(g.ndim - like.ndim)))  # type: ignore[call-overload, unused-ignore]
    if g.shape != like.shape:
        offset = like.ndim - g.ndim
        stretched = tuple(i for i, n in enumerate(g.shape) if n != 1 == like.shape[i + offset])
        g = np.broadcast_to(np.add.reduce(g, axis=stretched, keepdims=True), like.shape)
    return g.astype(like.dtype, copy=False)


# A gradient in the shape and dtype of what it belongs to: where an input was broadcast, its gradient is summed.
unbroadcast = Rule("fit", _fit,
                   dx=lambda g, out, x, like: g)
