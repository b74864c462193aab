"""PyTorch's layers and losses, and the rules that do the work of several operations at once for them.

Names and defaults are PyTorch's. Where PyTorch only warns about a mistake this raises. What draws random numbers takes
a `seed`: a number, or a Generator that several share.
"""

import math
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np

from micrograd_kr import ops
from micrograd_kr.engine import Value
from micrograd_kr.nn.modules import Module
from micrograd_kr.ops import Axes, Rule
from micrograd_kr.seeds import Seed, generator, uniform

__all__ = [
    "BCELoss", "BCEWithLogitsLoss", "CrossEntropyLoss", "Dropout", "Flatten", "Identity", "L1Loss", "LeakyReLU",
    "Linear", "LogSoftmax", "MSELoss", "NLLLoss", "ReLU", "Sigmoid", "Softmax", "Tanh", "l1_penalty", "l2_penalty",
]  # fmt: skip

Reduction = Literal["mean", "sum", "none"]


# A table of derivatives is read in columns, as in `ops`.
# fmt: off
def _linear(xs: tuple[Any, ...], wanted: bool) -> Any:
    out = np.matmul(xs[0], xs[1].mT)
    if len(xs) > 2:
        out += xs[2]
    return out


# x Wᵀ + b, or x Wᵀ: the rows of x through weights (out, in). Whether the gradient of x is wanted is the option: for the
# first layer of a network, whose x is data, it is as much work as a third of a step.
linear = Rule("linear", _linear,
              dx=lambda g, out, xs, wanted: (
                  g @ xs[1] if wanted else 0.0,
                  g.mT @ xs[0],
                  *(_over_rows(g) for _ in xs[2:]),
              ),
              made_of=lambda xs, wanted: sum(xs[2:], xs[0] @ xs[1].mT))


def _over_rows(g: Any) -> Any:
    rows = tuple(range(len(g.shape) - 1))
    return np.add.reduce(g, axis=rows) if type(g) is np.ndarray else ops.sum_(g, Axes(rows))  # type: ignore[call-overload, unused-ignore]


def _class_axis(x: Any) -> int:
    """One sample (C,), or a batch of them (N, C, …)."""
    return min(len(x.shape) - 1, 1)


def _cross_entropy(x: Any, classes: Any) -> Any:
    axis = _class_axis(x)
    shifted = x - np.max(x, axis=axis, keepdims=True)  # first of all: far from 0 a small difference has few digits
    chosen = np.take_along_axis(shifted, np.expand_dims(classes, axis), axis)
    return np.log(np.sum(np.exp(shifted), axis=axis)) - np.squeeze(chosen, axis)


def _one_hot(x: Any, classes: Any) -> Any:
    axis = _class_axis(x)
    numbers = np.arange(x.shape[axis]).reshape((-1,) + (1,) * (len(x.shape) - axis - 1))
    return numbers == np.expand_dims(classes, axis)


def _beside(g: Any, x: Any) -> Any:
    """A gradient for each sample, with the axis of the classes back in it."""
    axis = _class_axis(x)
    return ops.reshape(g, (*x.shape[:axis], 1, *x.shape[axis + 1 :]))


# −log softmax(x) at the right class, from logits x and the numbers of the classes.
cross_entropy = Rule("cross_entropy", _cross_entropy,
                     dx=lambda g, out, x, classes: (
                         _beside(g, x) * (ops.softmax(x, _class_axis(x)) - _one_hot(x, classes))
                     ),
                     made_of=lambda x, classes: -ops.sum_(
                         1.0 * _one_hot(x, classes) * ops.log_softmax(x, _class_axis(x)), Axes(_class_axis(x))
                     ))


def _in_dtype_of(y: Any, x: Any) -> Any:
    """x, where it is a float beside an array, in the array's dtype: numpy's functions would make float64 of it."""
    return y.dtype.type(x) if type(x) is float and type(y) is np.ndarray else x


def _bce(p: Any, y: Any) -> Any:
    p = _in_dtype_of(y, p)
    with np.errstate(all="ignore"):
        return (y - 1) * np.maximum(np.log1p(-p), -100) - y * np.maximum(np.log(p), -100)


# −y·log p − (1 − y)·log(1 − p). As PyTorch has it neither logarithm is less than −100, and p(1 − p) not less than
# 1e-12 (in float32) where it divides, so that a wrong certainty costs 100 and has a slope.
_NEXT_TO_0 = float(np.float32(1e-12))

bce = Rule("bce", _bce,
           dx=lambda g, out, p, y: g * ((p - y) / ops.maximum(p * (1 - p), _NEXT_TO_0)),
           dy=lambda g, out, p, y: g * (ops.maximum(ops.log1p(-p), -100.0) - ops.maximum(ops.log(p), -100.0)),
           made_of=lambda p, y: -(y * ops.maximum(ops.log(p), -100.0) + (1 - y) * ops.maximum(ops.log(1 - p), -100.0)))


def _bce_with_logits(z: Any, y: Any) -> Any:
    z = _in_dtype_of(y, z)
    with np.errstate(all="ignore"):
        return np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z)))


# The same from a logit z, p = sigmoid(z), exact for any z.
bce_with_logits = Rule("bce_with_logits", _bce_with_logits,
                       dx=lambda g, out, z, y: g * (ops.sigmoid(z) - y),
                       dy=lambda g, out, z, y: g * -z,
                       made_of=lambda z, y: ops.softplus(z) - z * y)


# fmt: on


@dataclass(eq=False, repr=False)
class _Layer(Module):
    """A layer with options, which repr shows, but for a switch that is off."""

    def extra_repr(self) -> str:
        options = ((each.name, getattr(self, each.name)) for each in fields(self))
        return ", ".join(f"{name}={value}" for name, value in options if value is not False)


class Linear(Module):
    """x Wᵀ + b. weight: (out_features, in_features); bias: (out_features,).

    Both start uniform between ±1/√in_features, as PyTorch's do.

    dtype: float32, as PyTorch has it, or float64. Numbers and arrays that come in are taken in this dtype.
    Raises ValueError for inputs that do not end in in_features columns.
    """

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, *, dtype: Any = np.float32, seed: Seed = None
    ) -> None:
        if min(in_features, out_features) < 1 or np.dtype(dtype) not in (np.float32, np.float64):
            got = f"Linear({in_features}, {out_features}, dtype={np.dtype(dtype)})"
            raise ValueError(f"expected at least one feature in and out, float32 or float64, got {got}")
        draw, bound = generator(seed), 1 / math.sqrt(in_features)
        self.weight = Value(draw.uniform(-bound, bound, (out_features, in_features)).astype(dtype), "weight")
        self.bias = Value(draw.uniform(-bound, bound, out_features).astype(dtype), "bias") if bias else None
        self.in_features, self.out_features = in_features, out_features

    def forward(self, x: Any) -> Value:
        x = x if isinstance(x, Value) else np.asarray(x, self.weight.dtype)
        if x.shape[-1:] != (self.in_features,):
            n, flatten = self.in_features, len(x.shape) > 2 and math.prod(x.shape[1:]) == self.in_features
            remedy = "flatten it with x.reshape(len(x), -1)" if flatten else "its last axis holds the features"
            wanted = f"Linear({n}, {self.out_features}) needs {n} features"
            raise ValueError(f"{wanted}, got an input of shape {x.shape}; {remedy}")
        rows = x if len(x.shape) > 1 else x.reshape(1, -1)
        given = (rows, self.weight) if self.bias is None else (rows, self.weight, self.bias)
        out: Value = linear(given, isinstance(x, Value))
        return out if rows is x else out.reshape(-1)

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class Identity(Module):
    """What came, as it is. Arguments are taken and not used, as in PyTorch."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def forward(self, x: Any) -> Any:
        return x


@dataclass(eq=False, repr=False)
class Flatten(_Layer):
    """The axes from start_dim to end_dim made one: (n, 28, 28) becomes (n, 784). An array stays a constant array."""

    start_dim: int = 1
    end_dim: int = -1

    def forward(self, x: Any) -> Any:
        x = x if isinstance(x, Value) else np.asarray(x)
        axes = range(len(x.shape))
        if not {self.start_dim, self.end_dim} <= {*axes, *(each - len(axes) for each in axes)}:
            raise ValueError(f"{self} needs an input that has these axes, got one of shape {x.shape}")
        start, end = axes[self.start_dim], axes[self.end_dim] + 1
        return x.reshape((*x.shape[:start], math.prod(x.shape[start:end]), *x.shape[end:]))


class Dropout(Module):
    """In training each entry is zero with probability p, the others are divided by 1 − p; in evaluation nothing.

    The expected value of an entry stays the same. An array stays a constant array.
    """

    def __init__(self, p: float = 0.5, *, seed: Seed = None) -> None:
        if not 0 <= p <= 1:
            raise ValueError(f"expected a probability between 0 and 1, got Dropout(p={p})")
        self.p, self.generator = p, generator(seed)

    def forward(self, x: Any) -> Any:
        x = x if isinstance(x, Value) else np.asarray(x)
        if not self.training or not self.p:
            return x
        kept = uniform(self.generator, x.shape) >= self.p
        factor = np.where(kept, 1 / (1 - self.p) if self.p < 1 else 0.0, 0.0)
        return x * factor.astype(x.dtype) if x.dtype.kind == "f" else x * factor

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace=False"


class Sigmoid(Module):
    """1 / (1 + e⁻ˣ), entry by entry."""

    def forward(self, x: Any) -> Value:
        return _value(x).sigmoid()


class Tanh(Module):
    """The hyperbolic tangent, entry by entry."""

    def forward(self, x: Any) -> Value:
        return _value(x).tanh()


@dataclass(eq=False, repr=False)
class ReLU(_Layer):
    """max(0, x), entry by entry. inplace: accepted, and shown; the numbers that came are not written over."""

    inplace: bool = False

    def forward(self, x: Any) -> Value:
        return _value(x).relu()


@dataclass(eq=False, repr=False)
class LeakyReLU(_Layer):
    """x where it is positive, else negative_slope · x. inplace: as in ReLU."""

    negative_slope: float = 0.01
    inplace: bool = False

    def forward(self, x: Any) -> Value:
        return _value(x).leaky_relu(self.negative_slope)


@dataclass(eq=False, repr=False)
class Softmax(_Layer):
    """eˣ over its sum along the axis dim: positive, with sum 1. Before CrossEntropyLoss it does not belong."""

    dim: int

    def forward(self, x: Any) -> Value:
        return _value(x).softmax(self.dim)


class LogSoftmax(Softmax):
    """The logarithm of softmax along the axis dim, exact where softmax itself is 0; NLLLoss goes with it."""

    def forward(self, x: Any) -> Value:
        return _value(x).log_softmax(self.dim)


def _value(x: Any) -> Value:
    return x if isinstance(x, Value) else Value(x)


class _Loss(Module):
    """What all losses share: how those of entries or samples become one number. A loss of entries defines `of`."""

    of: Callable[[Any, Any], Any]

    def __init__(self, reduction: Reduction = "mean") -> None:
        if reduction not in ("mean", "sum", "none"):
            raise ValueError(f'expected the reduction "mean", "sum" or "none", got {reduction!r}')
        self.reduction = reduction

    def reduced(self, losses: Value) -> Value:
        if self.reduction == "none" or not losses.ndim:
            return losses
        return losses.mean() if self.reduction == "mean" else losses.sum()

    def forward(self, prediction: Any, target: Any) -> Value:
        p = _value(prediction)
        t = target if isinstance(target, Value) else np.asarray(target, p.dtype)
        if t.shape != p.shape:
            got = f"{p.shape} and {t.shape}; reshape one, so that each prediction meets its own target"
            raise ValueError(f"{type(self).__name__} needs a prediction and a target of one shape, got {got}")
        return self.reduced(self.of(p, t if t.ndim or isinstance(t, Value) else float(t)))


class MSELoss(_Loss):
    """(prediction − target)², over all entries. Their shapes must be equal (ValueError)."""

    def of(self, p: Any, t: Any) -> Any:
        difference = p - t
        return difference * difference


class L1Loss(_Loss):
    """|prediction − target|, over all entries. Their shapes must be equal (ValueError)."""

    def of(self, p: Any, t: Any) -> Any:
        return abs(p - t)


class BCELoss(_Loss):
    """Binary cross-entropy −y log p − (1 − y) log(1 − p) of probabilities p, over all entries.

    Logarithms are not less than −100, as in PyTorch. Raises ValueError for unequal shapes, and for a p or a target
    outside 0…1.
    """

    def of(self, p: Any, t: Any) -> Any:
        _refuse_outside(t, "targets", "0 and 1 are the two classes")
        losses = bce(p, t)
        total: float = np.add.reduce(losses.data, axis=None)  # type: ignore[call-overload, unused-ignore]
        if math.isnan(total):  # a p outside has no logarithm
            _refuse_outside(p, "probabilities", "for logits take BCEWithLogitsLoss, or end the model with Sigmoid()")
        return losses


def _refuse_outside(given: Any, needed: str, remedy: str) -> None:
    numbers = np.asarray(given.data if isinstance(given, Value) else given)
    if numbers.size and (numbers.min() < 0 or numbers.max() > 1):
        got = f"numbers from {numbers.min():g} to {numbers.max():g}"
        raise ValueError(f"BCELoss needs {needed} between 0 and 1, got {got}; {remedy}")


class BCEWithLogitsLoss(_Loss):
    """Binary cross-entropy from logits z, p = sigmoid(z), exact where p is 0 or 1 to all digits. One shape for both."""

    of = staticmethod(bce_with_logits)


class CrossEntropyLoss(_Loss):
    """−log softmax(logits) at the right class, over samples.

    Called with logits (N, C), (C,) or (N, C, …) and the classes as integers (N,), () or (N, …); or with a target of
    the logits' own shape that holds a probability for each class.
    Softmax is part of it. Where probabilities come instead of logits it warns, once: training on them is slow and
    ends worse. Raises ValueError for shapes that do not fit, and for a class outside 0…C − 1.
    """

    warned = False

    def forward(self, logits: Any, target: Any) -> Value:
        x = _value(logits)
        axis = _class_axis(x)
        classes = np.asarray(target.data if isinstance(target, Value) else target)
        asked = not self.warned and x.ndim and x.size and x.shape[axis] > 1
        if asked and x.data.min() >= 0 and x.data.max() <= 1 and np.all(np.abs(x.data.sum(axis) - 1) < 1e-4):
            self.warned = True
            remedy = "it applies softmax itself, so leave the model's Softmax out"
            warnings.warn(f"CrossEntropyLoss got probabilities where it expects logits: {remedy}", stacklevel=3)
        if x.ndim and classes.shape == x.shape and classes.dtype.kind == "f":
            shares = target if isinstance(target, Value) else classes.astype(x.dtype)
            return self.reduced(-(x.log_softmax(axis) * shares).sum(axis))
        return self.reduced(cross_entropy(x, _classes(self, x, classes)))


class NLLLoss(_Loss):
    """−log p at the right class, from log-probabilities, such as LogSoftmax gives; shapes as in CrossEntropyLoss."""

    def forward(self, log_probabilities: Any, target: Any) -> Value:
        x = _value(log_probabilities)
        classes = _classes(self, x, target)
        place = list(np.indices(classes.shape, sparse=True))
        place.insert(_class_axis(x), classes)
        return self.reduced(-x[tuple(place)])


def _classes(loss: Module, x: Value, target: Any) -> Any:
    """The target as the numbers of classes, one for each sample."""
    name, classes = type(loss).__name__, np.asarray(target.data if isinstance(target, Value) else target)
    shape = x.shape[:1] * (x.ndim > 1) + x.shape[2:]
    if not x.ndim or classes.shape != shape:
        needed = f"the number of the class for each sample, of shape {shape} for an input of shape {x.shape}"
        remedy = "; drop the axis of length 1 with y.reshape(-1)" if classes.size == math.prod(shape) else ""
        raise ValueError(f"{name} needs {needed}, got a target of shape {classes.shape}{remedy}")
    if classes.dtype.kind not in "iu":
        raise ValueError(f"{name} needs classes as integers, got {classes.dtype}; convert them with y.astype(np.int64)")
    count = x.shape[_class_axis(x)]
    if classes.size and (classes.min() < 0 or classes.max() >= count):
        got = f"{classes.min()} to {classes.max()}; the model gives one number for each class"
        raise ValueError(f"{name} needs classes from 0 to {count - 1}, got {got}")
    return classes


def l1_penalty(parameters: Iterable[Value]) -> Value:
    """Σ|w| over all parameters; times a factor it is added to a loss."""
    return _value(sum((abs(each).sum() for each in parameters), 0.0))


def l2_penalty(parameters: Iterable[Value]) -> Value:
    """Σw² over all parameters. An optimiser's weight_decay=λ is λ/2 times this in the loss, where Adam is not used."""
    return _value(sum(((each * each).sum() for each in parameters), 0.0))
