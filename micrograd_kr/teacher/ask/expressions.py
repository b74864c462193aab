"""Expressions, the teacher's one form of a formula: the rules run on symbols, which know their numbers.

A text is parsed into them, what lies between two named Values of a graph is replayed on them, and walking back with
the same rules gives derivatives, so that what is written out cannot disagree with what was computed. Only what changes
nothing is left out, 1·x, x + 0, x¹; the factors ½, 2 and −1 stay, as a person writes them at first. What a person then
makes of it is `simplified`.
"""

import math
import operator
from collections.abc import Callable, Container, Hashable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from micrograd_kr import ops
from micrograd_kr.ops import Rule

T = TypeVar("T", bound=Hashable)


def _record(rule: Rule, x: Any, y: Any) -> Any:
    """The symbol for a rule applied to x and y, or something simpler that is the same."""
    if isinstance(y, Comparison) and rule is not ops.where_:
        out = _record(rule, x, number(y) if np.any(y.true) else 0.0)
        return Symbol(out.name, out.number, out.rule, out.x, out.y, (rule, x, y)) if isinstance(out, Symbol) else out
    if rule.dy is not None:  # two inputs, and no option
        x, y = constant(x), constant(y)
    if rule in (ops.mul, ops.div) and (_is(x, ops.broadcast_to) or _is(y, ops.broadcast_to)):
        x = narrow(x, np.shape(number(y)))
        y = narrow(y, np.shape(number(x)))
    if (simpler := _simpler(rule, x, y)) is not None:
        return simpler
    if rule is ops.where_:
        x = tuple(narrow(each, np.shape(number(y))) for each in x)
        if isinstance(y, Comparison) and not np.ndim(y.true):
            return Symbol(None, number(x[0] if y.true else x[1]), rule, x, y)
    return Symbol(None, rule.compute(within(x, number), number(y)), rule, x, y)


@dataclass(frozen=True, eq=False)
class Comparison:
    """How a comparison came out, and between what; in arithmetic it counts as 1 or 0. also: another that must hold."""

    x: Any
    y: Any
    operation: Callable[[float, float], bool]
    also: Any = None

    _record = staticmethod(_record)

    @property
    def true(self) -> Any:
        """A bool; for tensors an array of them."""
        return self.operation(number(self.x), number(self.y))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return np.asarray(number(self), dtype)

    def __and__(self, other: Any) -> Any:
        if not np.ndim(self.true):
            return replace(other, also=self) if self.true else replace(self, also=other)
        both = np.logical_and(self.true, number(other))
        return both if both.any() else False

    def __rand__(self, other: Any) -> Any:
        """With a condition that is known, on its left."""
        return self if other else False


COMPARED = (operator.gt, operator.ge, operator.lt, operator.le, operator.eq, operator.ne)


def _compare(operation: Callable[[float, float], bool]) -> Callable[["Symbol", Any], Any]:
    return lambda self, other: Comparison(self, other, operation)


def _operators(rule: Rule) -> tuple[Callable[["Symbol", Any], Any], Callable[["Symbol", Any], Any]]:
    """The operator with the symbol on its left, and with it on its right."""
    return lambda self, other: _record(rule, self, other), lambda self, other: _record(rule, other, self)


class Symbol:
    """A name, or a rule applied to symbols and numbers; it knows its number.

    name: what a named quantity is called, None for an operation, and for an array that has no name. number: its value,
    a float; of a tensor an array.
    rule, x, y: the operation and what it is applied to (y: an option where the rule has one input).
    whole: (rule, x, y) where y is a comparison, of which a person writes only what it came to.
    """

    __slots__ = ("name", "number", "rule", "whole", "x", "y")

    def __init__(
        self, name: Any, number: Any, rule: Rule | None = None, x: Any = None, y: Any = None, whole: Any = None
    ) -> None:
        self.name, self.number, self.rule, self.x, self.y, self.whole = name, number, rule, x, y, whole

    _record = staticmethod(_record)
    __array_ufunc__ = None  # an array on the left leaves the operation to the symbol

    __add__, __radd__ = _operators(ops.add)
    __sub__, __rsub__ = _operators(ops.sub)
    __mul__, __rmul__ = _operators(ops.mul)
    __truediv__, __rtruediv__ = _operators(ops.div)
    __pow__, __rpow__ = _operators(ops.power)
    __matmul__, __rmatmul__ = _operators(ops.matmul)
    __getitem__ = _operators(ops.index)[0]
    __gt__, __ge__, __lt__, __le__, __eq__, __ne__ = map(_compare, COMPARED)
    __hash__ = object.__hash__

    def __neg__(self) -> Any:
        return _record(ops.neg, self, None)

    @property
    def shape(self) -> tuple[int, ...]:
        return np.shape(self.number)

    @property
    def mT(self) -> Any:  # noqa: N802 -- numpy's name
        axes = tuple(range(len(self.shape)))
        return _record(ops.transpose, self, (*axes[:-2], axes[-1], axes[-2]))

    def __repr__(self) -> str:
        return str(self.name) if self.rule is None else f"{self.rule.symbol}({self.x!r}, {self.y!r})"


class Literal(str):
    """In the place of a name, for a number that stands in a formula: its text, with its zeros."""


PARTS = Symbol, Comparison  # what an expression is made of besides numbers


def _is(of: Any, *rules: Rule) -> bool:
    """Whether an expression is one of some operations."""
    return isinstance(of, Symbol) and of.rule in rules


def constant(data: Any) -> Any:
    """A number as it is; an array as a symbol, so that the factors and the sign before it stay to be seen."""
    if isinstance(data, (*PARTS, float)) or not np.ndim(data):
        return data
    return Symbol(None, data * 1.0 if data.dtype == bool else data)  # numpy's truth values know no minus


def number(of: Any) -> Any:
    """The value of a symbol, a comparison or a number."""
    if isinstance(of, Comparison):
        return np.multiply(of.true, 1.0) if np.ndim(of.true) else float(of.true)
    return of.number if isinstance(of, Symbol) else of


def spread(of: Any, shape: tuple[int, ...]) -> Any:
    """An expression broadcast to a shape, if it has not got it."""
    if np.shape(number(of)) == shape:
        return of
    return Symbol(None, np.broadcast_to(number(of), shape), ops.broadcast_to, of, shape)


def narrow(of: Any, beside: tuple[int, ...]) -> Any:
    """What was broadcast to a shape without that, if an array of another shape beside it brings it about anyway."""
    if _is(of, ops.broadcast_to):
        whole, part = np.broadcast_shapes(of.shape, beside), np.broadcast_shapes(np.shape(number(of.x)), beside)
        return of.x if whole == part else of
    return of


def _is_spread_number(of: Any) -> bool:
    return _is(of, ops.broadcast_to) and not np.ndim(number(of.x))


# What changes nothing on the left and on the right of an operation.
UNITS = {ops.add: (0.0, 0.0), ops.sub: (None, 0.0), ops.mul: (1.0, 1.0), ops.div: (None, 1.0), ops.power: (None, 1.0)}


def _simpler(rule: Rule, x: Any, y: Any) -> Any:
    """What an operation with a 0, a 1 or a number that was only spread over a shape amounts to, else None."""

    def is_number(each: Any, value: float | None) -> bool:
        return not isinstance(each, Symbol) and isinstance(each, (float, int)) and each == value

    left, right = UNITS.get(rule, (None, None))
    if rule in (ops.mul, ops.div, ops.neg) and _is_spread_number(x) and not np.ndim(number(y)):
        return spread(_record(rule, x.x, y), x.shape)
    if rule is ops.mul and _is_spread_number(y) and not np.ndim(number(x)):
        return spread(_record(rule, x, y.x), y.shape)
    if rule is ops.mul and (is_number(x, 0.0) or is_number(y, 0.0)):
        return 0.0
    if is_number(x, left):
        return y
    if is_number(y, right) or rule is ops.identity:
        return x
    if rule is ops.neg and _is(x, ops.neg):
        return x.x
    if rule is ops.reshape and _is_spread_number(x):
        return spread(x.x, y)
    if rule.made_of is not None:
        return rule.made_of(x, y)
    if rule is ops.where_ and not isinstance(y, Comparison) and not np.ndim(y):
        return x[0] if y else x[1]
    return None


def inside_out(last: T, needed: Callable[[T], Iterable[T]], done: Container[T]) -> Iterator[T]:
    """What is not done yet of all that something needs, and it: each after what it needs itself.

    Who takes them puts each among what is done. Not by recursion, a chain may be long.
    """
    waiting = [last]
    while waiting:
        first = [each for each in needed(waiting[-1]) if each not in done]
        if first:
            waiting += reversed(first)
        elif (each := waiting.pop()) not in done:
            yield each


def operands(of: Any) -> list[Any]:
    """The symbols and comparisons that an operation or a comparison is made of directly."""
    return [each for each in ((*of.x, of.y) if type(of.x) is tuple else (of.x, of.y)) if isinstance(each, PARTS)]


def parts_of(of: Any) -> list[Any]:
    """Every symbol and comparison in one expression or several, each once, left to right, after what it is made of."""
    done: dict[Any, None] = {}
    for root in of if type(of) is tuple else (of,):
        for each in inside_out(root, operands, done) if isinstance(root, PARTS) else ():
            done[each] = None
    return list(done)


def written_out(of: Any) -> int:
    """How many names, numbers and operations there are in an array of expressions where each is written in full: what
    stands in two places is one part of an expression, but written twice.
    """
    counts: dict[Any, int] = {}
    for root in of.flat:
        for each in inside_out(root, operands, counts) if isinstance(root, PARTS) else ():
            counts[each] = 1 + sum(counts[part] for part in operands(each))
    return sum(counts.get(root, 1) for root in of.flat)


def within(operand: Any, f: Callable[[Any], Any]) -> Any:
    """An operand with f of each symbol and comparison that it is or holds; numbers and options stay."""
    if type(operand) is tuple:
        return tuple(within(each, f) for each in operand)
    return f(operand) if isinstance(operand, PARTS) else operand


def renamed(of: Any, leaf: Callable[[Symbol], Any], done: dict[Any, Any] | None = None) -> Any:
    """The same expression over something else, numbers, Values or symbols: each name becomes leaf(its symbol).

    done: what stands for some of its parts, to be gone on with. What is shared is worked once.
    """
    done = {} if done is None else done
    for part in inside_out(of, operands, done) if isinstance(of, PARTS) else ():
        x, y = within(part.x, done.__getitem__), within(part.y, done.__getitem__)
        if isinstance(part, Comparison):
            done[part] = Comparison(x, y, part.operation)
        else:
            done[part] = part.rule(x, y) if part.rule else leaf(part)
    return within(of, done.__getitem__)


def named_in(of: Any) -> list[Symbol]:
    """The named quantities in an expression, each once, from right to left."""
    found = [each for each in parts_of(of) if isinstance(each, Symbol) and each.rule is None]
    return list({each.name: each for each in reversed(found)}.values())


def names_in(of: Any) -> list[str]:
    """The names in an expression, each once, from right to left."""
    return [str(each.name) for each in named_in(of)]


def terms(of: Any) -> Iterator[tuple[Any, float]]:
    """The terms of a sum from left to right, each with its sign, 1 or −1."""
    waiting = [(of, 1.0)]
    while waiting:
        each, sign = waiting.pop()
        if _is(each, ops.add, ops.sub):
            waiting += [(each.y, sign if each.rule is ops.add else -sign), (each.x, sign)]
        else:
            yield each, sign


def simplified(of: Any) -> Any:
    """An expression with its constants multiplied out, signs in front, equal factors and equal terms collected.

    −(½·(2·(t − o))) becomes −(t − o), and 1 − h·h becomes 1 − h².
    """
    if isinstance(of, Comparison):
        return Comparison(simplified(of.x), simplified(of.y), of.operation)
    if not isinstance(of, Symbol) or of.rule is None:
        return of
    if _is_product(of) or of.rule in (ops.add, ops.sub):
        out = _collected(of)
    elif of.rule is ops.where_:
        out = _chosen(of)
    elif of.rule is ops.transpose and of.y == (1, 0):
        out = _transposed(simplified(of.x))
    else:
        out = of.rule(within(of.x, simplified), within(of.y, simplified))
    return spread(out, of.shape)  # what cancels out leaves a number


def _transposed(of: Any) -> Any:
    """(A·B)ᵀ = Bᵀ·Aᵀ, and (Aᵀ)ᵀ = A."""
    if _is(of, ops.matmul):
        return ops.matmul(_transposed(of.y), _transposed(of.x))
    return of.x if _is(of, ops.transpose) and of.y == (1, 0) else of.mT


def _is_product(of: Any) -> bool:
    return _is(of, ops.mul, ops.div, ops.neg) or _is_whole_power(of)


def _is_whole_power(of: Any) -> bool:
    return _is(of, ops.power) and isinstance(of.y, float) and of.y.is_integer()


def _chosen(of: Symbol, is_case: bool = False) -> Any:
    """A choice; an exception made for an equality that does not hold is left out, unless it is one of three cases."""
    is_equality = isinstance(of.y, Comparison) and of.y.operation is operator.eq
    if is_equality and not is_case and not np.any(of.y.true):
        return simplified(of.x[1])
    cases = (_chosen(each, True) if _is(each, ops.where_) else simplified(each) for each in of.x)
    return ops.where(within(of.y, simplified), *cases)


def _factors(of: Any, exponent: float = 1.0) -> Iterator[tuple[Any, float]]:
    """The factors of an expression, constants among them, each with its exponent."""
    of = of if _is_product(of) else simplified(of)
    if _is(of, ops.neg):
        yield -1.0, 1.0
        yield from _factors(of.x, exponent)
    elif _is(of, ops.mul, ops.div):
        yield from _factors(of.x, exponent)
        yield from _factors(of.y, exponent if of.rule is ops.mul else -exponent)
    elif _is_whole_power(of):
        yield simplified(of.x), exponent * of.y
    else:
        yield of, exponent


def factored(of: Any) -> tuple[float, float, dict[Any, tuple[Any, float]]]:
    """numerator / denominator · Π base ** exponent, the bases by what they are; what is no product has one factor."""
    numerator = denominator = 1.0
    powers: dict[Any, tuple[Any, float]] = {}
    for base, exponent in _factors(of):
        if isinstance(base, Symbol) or np.ndim(number(base)):
            key = _key(base)
            powers[key] = (base, powers.get(key, (base, 0.0))[1] + exponent)
        elif exponent > 0:
            numerator *= ops.power(float(number(base)), exponent)
        else:
            denominator *= ops.power(float(number(base)), -exponent)
    sign = math.copysign(1.0, denominator)
    return sign * numerator, sign * denominator, powers


def multiplied(numerator: float, denominator: float, powers: Iterable[tuple[Any, float]]) -> Any:
    """A product as an expression: the constant first, one fraction."""
    quotient = ops.div(numerator, denominator)
    is_whole = quotient.is_integer() or not powers
    above, below = (quotient, 1.0) if is_whole else (numerator, denominator)
    for base, exponent in powers:
        if exponent > 0:
            above = above * base**exponent
        elif exponent < 0:
            below = below * base**-exponent
    return ops.div(above, below)


def _collected(of: Any) -> Any:
    """A sum in which each term stands once, its sign in front."""
    found: dict[Any, Any] = {}
    for term, sign in terms(of):
        numerator, denominator, powers = factored(term)
        key = frozenset((base, exponent) for base, (_, exponent) in powers.items())
        above, below, powers = found.get(key, (0.0, denominator, powers))
        if below != denominator:  # a/2 + a/3 is 5·a/6
            above, below, numerator = above * denominator, below * denominator, numerator * below
        found[key] = above + sign * numerator, below, powers
    out: Any = 0.0
    for numerator, denominator, powers in found.values():
        size = multiplied(abs(numerator), denominator, powers.values())
        is_negative = numerator < 0
        out = out - size if is_negative and isinstance(out, Symbol) else out + (-size if is_negative else size)
    return out


def _key(of: Any) -> Any:
    """What an expression is, to compare it with others."""
    if type(of) is tuple:
        return tuple(map(_key, of))
    if isinstance(of, Comparison):
        return of.operation, _key(of.x), _key(of.y)
    if not isinstance(of, Symbol):
        return id(of) if isinstance(of, np.ndarray) else of if isinstance(of, Hashable) else repr(of)
    if of.rule is None:
        return id(of.number) if of.name is None else of.name
    return (of.rule.symbol, _key(of.x), _key(of.y))
