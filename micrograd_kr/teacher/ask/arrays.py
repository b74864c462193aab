"""Vectors and matrices of an exercise: what a formula does with them, entry by entry or on the engine's arrays.

`Entries` unrolls: an array is one of numpy's whose entries are expressions, so that what comes out are the scalar lines
that a person works by hand. `Tensors` computes with Values, for the same in matrices. Indexing, .T, @ and broadcasting
are numpy's own.
"""

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from micrograd_kr import ops
from micrograd_kr.ops import Rule
from micrograd_kr.teacher.ask.expressions import Literal, Symbol
from micrograd_kr.teacher.ask.messages import ExerciseError

SCALARS = 2_000  # numbers of an exercise, arrays by their entries
WRITTEN_OUT = 50_000  # names and operations of all its lines: of arrays they may double with each operation in a line

Function = Callable[[Any, int | None], Any]  # of an array, along an axis


def entry(name: str, at: tuple[int, ...]) -> str:
    """What an entry of an array is called, W[0,1]; a number without axes by its name."""
    return f"{name}[{','.join(map(str, at))}]" if at else name


def array_of(name: str) -> str:
    """The name of the array that an entry is of; of anything else its own."""
    return name.partition("[")[0]


def entries(name: str, shape: tuple[int, ...]) -> Any:
    """A named array."""
    out = np.empty(shape, object)
    for at in np.ndindex(shape):
        out[at] = Symbol(entry(name, at), math.nan)
    return out


def array(of: Any) -> Any:
    """An array; what numpy hands out of one without axes is put back into one."""
    if isinstance(of, np.ndarray):
        return of
    out = np.empty((), object)
    out[()] = of
    return out


def check_size(shape: tuple[int, ...], others: int = 0) -> None:
    """Raise ExerciseError where an array would be larger than any exercise, which has so many other numbers."""
    if (count := math.prod(shape)) + others > SCALARS:
        gaps = {"count": count, "shape": shape, "most": SCALARS}
        raise ExerciseError("grows to {count:,} numbers, of the shape {shape}; expected {most:,} in all", **gaps)


def check_written_out(count: int, most: int = WRITTEN_OUT) -> None:
    """Raise ExerciseError where more is to be written out than anyone reads, or waits for."""
    if count > most:
        raise ExerciseError(
            "grows to {count:,} names and operations where each of its numbers is written out; expected at most "
            "{most:,} in all; take smaller arrays, and a line of its own for what is used twice",
            count=count,
            most=most,
        )


def operation(rule: Rule, x: Any, y: Any = None) -> Symbol:
    """An operation as it was written, nothing in it simplified; what it comes to is not known yet."""
    return Symbol(None, math.nan, rule, x, y)


class Entries:
    """Formulas on arrays of expressions. known: the arrays by their names; any other name stands for a number."""

    most = WRITTEN_OUT

    def __init__(self, known: Mapping[str, Any]) -> None:
        self.known, self.made = known, 0

    def making(self, count: int) -> None:
        """Before so many operations are unrolled."""
        self.made += count
        check_written_out(self.made, self.most)

    def name(self, name: str) -> Any:
        return self.known[name] if name in self.known else array(Symbol(name, math.nan))

    def literal(self, text: str) -> Any:
        return array(Symbol(Literal(text), float(text)))

    def elementwise(self, rule: Rule, *inputs: Any) -> Any:
        def f(*inputs: Any) -> Any:
            check_size(shape := np.broadcast_shapes(*(each.shape for each in inputs)))  # before it is unrolled
            self.making(math.prod(shape))
            return np.frompyfunc(partial(operation, rule), len(inputs), 1)(*inputs)

        return self.done(rule.symbol, f, *inputs)

    def product(self, x: Any, y: Any) -> Any:
        def f(x: Any, y: Any) -> Any:
            check_size(shape := np.shape(np.zeros(x.shape, bool) @ np.zeros(y.shape, bool)))
            self.making(2 * math.prod(shape) * x.shape[-1])
            return x @ y

        return self.done("@", f, x, y)

    def transposed(self, x: Any) -> Any:
        return x.T

    def called(self, name: str, x: Any, axis: int | None) -> Any:
        """A function of one array."""
        self.making(x.size)
        return self.done(name, lambda x: FUNCTIONS[name](x, axis), x)

    def done(self, what: str, f: Callable[..., Any], *inputs: Any) -> Any:
        """What an operation makes of arrays. Raises ExerciseError for shapes that do not fit together."""
        try:
            out = f(*inputs)
        except ExerciseError:
            raise
        except (ValueError, IndexError, OverflowError):  # x[10**19] is no index of any array
            shapes = ", ".join(str(each.shape) for each in inputs)
            raise ExerciseError("{what} does not fit arrays of the shapes {shapes}", what=what, shapes=shapes) from None
        return array(out)


class Textbook(Entries):
    """The same as textbooks set them: a product with a number is one entry by entry, a vector is a column, xᵀ a row.

    is_one: whether one number comes out; else x·y of two vectors is meant entry by entry, o·(1 − o).
    """

    most = 20_000  # of a cell, which is read in several ways

    def __init__(self, known: Mapping[str, Any], is_one: bool) -> None:
        super().__init__(known)
        self.is_one = is_one

    def product(self, x: Any, y: Any) -> Any:
        if not x.ndim or not y.ndim or (x.ndim == y.ndim == 1 and not self.is_one):
            return self.elementwise(ops.mul, x, y)
        return super().product(x[:, None] if x.ndim == 1 and y.shape[0] == 1 < y.ndim else x, y)

    def transposed(self, x: Any) -> Any:
        return x[None, :] if x.ndim == 1 else x.T

    def listed(self, each: list[Any]) -> Any:
        """A row of numbers, or a matrix of rows."""
        return self.done("[ ]", lambda *each: np.stack(each), *each)


class Tensors:
    """The same formulas on Values, once they have been read entry by entry. known: of every name its Value."""

    def __init__(self, known: Mapping[str, Any]) -> None:
        self.name, self.literal = known.__getitem__, float

    def elementwise(self, rule: Rule, *inputs: Any) -> Any:
        return rule(*inputs)

    def product(self, x: Any, y: Any) -> Any:
        return x @ y

    def transposed(self, x: Any) -> Any:
        return x.T

    def called(self, name: str, x: Any, axis: int | None) -> Any:
        return getattr(x, name)(axis=-1 if axis is None and name.endswith("softmax") else axis)

    def done(self, what: str, f: Callable[..., Any], *inputs: Any) -> Any:
        return f(*inputs)


def _reduced(rule: Rule) -> Function:
    """All entries as one, or those along an axis."""
    f = np.frompyfunc(partial(operation, rule), 2, 1)
    return lambda x, axis: f.reduce(x.ravel() if axis is None else x, axis or 0)


def _mean(x: Any, axis: int | None) -> Any:
    count = x.size if axis is None else x.shape[axis]
    return Entries({}).elementwise(ops.div, array(FUNCTIONS["sum"](x, axis)), Entries({}).literal(str(count)))


def _in_rows(rule: Rule) -> Function:
    """Softmax along an axis, by default the last: each entry is worked from all of its row."""

    def function(x: Any, axis: int | None) -> Any:
        out = np.empty_like(x)
        rows, results = (np.moveaxis(each, -1 if axis is None else axis, -1) for each in (x, out))
        for at in np.ndindex(rows.shape[:-1]):
            for i in range(rows.shape[-1]):
                results[(*at, i)] = operation(rule, tuple(rows[at]), i)
        return out

    return function


def _weights(xs: tuple[Any, ...]) -> list[float]:
    """e to the power of each, in units of the largest, so that nothing overflows."""
    top = max(xs)
    return [math.exp(x - top) for x in xs]


def _share(xs: tuple[Any, ...], i: int) -> float:
    weights = _weights(xs)
    return weights[i] / math.fsum(weights)


# One entry of softmax, and of its logarithm; the slopes are p(1 − p) and −p·q, in the entries themselves.
# fmt: off
share: Rule = Rule("softmax", _share,
                   dx=lambda g, out, xs, i: [
                       g * (out * (1 - out) if j == i else -(out * share(xs, j))) for j in range(len(xs))
                   ])

log_share: Rule = Rule("log_softmax", lambda xs, i: xs[i] - max(xs) - math.log(math.fsum(_weights(xs))),
                       dx=lambda g, out, xs, i: [
                           g * (1 - ops.exp(out) if j == i else -ops.exp(log_share(xs, j))) for j in range(len(xs))
                       ])
# fmt: on

FUNCTIONS: dict[str, Function] = {
    "sum": _reduced(ops.add),
    "mean": _mean,
    "max": _reduced(ops.maximum),
    "min": _reduced(ops.minimum),
    "softmax": _in_rows(share),
    "log_softmax": _in_rows(log_share),
}
