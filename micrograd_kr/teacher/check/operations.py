"""What people do wrong in one operation or function, and in the derivative of a function: tables of rows.

A row is one mistake: its kind, of `mistakes.SENTENCES`; what should stand there; what does; what is put for the whole.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from functools import partial
from operator import mul
from typing import Any, NamedTuple

from micrograd_kr import ops
from micrograd_kr.ops import Rule
from micrograd_kr.teacher.ask.expressions import Symbol, number
from micrograd_kr.teacher.check.working import applied


class Row(NamedTuple):
    """put: what is put for the operation, if that is not what is said to be done."""

    kind: str
    due: Any
    done: Any
    put: Any = None


TAKEN_FOR_E = (2.7, 2.72, 2.718)
DEGREE = math.pi / 180
FACTORS = {0.5: "half", 2.0: "two"}


def is_(of: Any, *rules: Rule) -> bool:
    return isinstance(of, Symbol) and of.rule in rules


def fraction(constant: float) -> Any:
    """A constant as people write it: 1/3, not 0.333333333333."""
    near = Fraction(constant).limit_denominator(1000)
    return str(near) if near.denominator > 2 and math.isclose(near, constant, rel_tol=1e-15) else constant


# --- operations -------------------------------------------------------------------------------------------------------


def _of_constant(constant: float, put: Callable[[float], Any]) -> Iterator[Row]:
    """A number in a product, or above a fraction: left out, with its sign or without, or turned over."""
    size = abs(constant)
    if constant < 0:
        yield Row("minus one", -1.0, None, put(size))
    if size not in (0.0, 1.0):
        yield Row(FACTORS.get(size, "factor"), fraction(size), None, put(math.copysign(1.0, constant)))
        yield Row("inverse", fraction(size), fraction(1.0 / size), put(1.0 / constant))


def _of_sum(node: Symbol, x: Any, y: Any) -> Iterator[Row]:
    yield Row("plus for minus", node, x - y)
    yield Row("sign", x, None, y - x)
    yield Row("term", y, None, x)
    yield Row("term", x, None, y)


def _of_difference(node: Symbol, x: Any, y: Any) -> Iterator[Row]:
    yield Row("plus for minus", node, x + y)
    yield Row("exchanged", x, y, y - x)
    if isinstance(x, Symbol):  # nobody leaves a part out of 1 − o
        yield Row("sign", x, None, -(x + y))
        yield Row("term", -y, None, x)
        yield Row("term", x, None, -y)


def _of_product(node: Symbol, x: Any, y: Any) -> Iterator[Row]:
    for one, other in ((x, y), (y, x)):
        if not isinstance(one, Symbol):
            yield from _of_constant(one, partial(mul, other))
        elif x is not y:
            yield Row("factor", one, None, other)
    if x is y:
        yield Row("square", x, None, x)
    if is_(y, ops.power) and not isinstance(x, Symbol):
        yield Row("brackets", node, (x * y.x) ** y.y)


def _of_quotient(node: Symbol, x: Any, y: Any) -> Iterator[Row]:
    if isinstance(y, Symbol):
        yield Row("factor", y, None, x)
    else:
        yield Row("share", None, fraction(y), x)
        yield Row("inverse", node, x * y)
    if not isinstance(x, Symbol):
        yield from _of_constant(x, lambda constant: constant / y)
    yield Row("exchanged", x, y, y / x)


def _of_power(node: Symbol, x: Any, y: Any) -> Iterator[Row]:
    yield Row("power", node, x)
    if not isinstance(y, Symbol) and y == 2.0:
        yield Row("power", node, ops.absolute(x))


OF_OPERATION: dict[Rule | None, Callable[[Symbol, Any, Any], Iterator[Row]]] = {
    ops.add: _of_sum,
    ops.sub: _of_difference,
    ops.mul: _of_product,
    ops.div: _of_quotient,
    ops.neg: lambda node, x, y: iter([Row("minus one", -1.0, None, x)]),
    ops.power: _of_power,
    ops.identity: lambda node, x, y: iter(()),
}


def opened(node: Symbol, called: Mapping[Any, str]) -> Iterator[Row]:
    """A bracket that is not worked first: x·a + b for x·(a + b)."""

    def is_bracket(each: Any) -> bool:
        return is_(each, ops.add, ops.sub) and each not in called

    x, y = node.x, node.y
    if node.rule is ops.mul and is_bracket(y) and isinstance(y.x, Symbol):  # o·1 − o is 0
        yield Row("brackets", node, y.rule(x * y.x, y.y))
    if node.rule is ops.mul and is_bracket(x):
        yield Row("brackets", node, x.rule(x.x, x.y * y))
    if node.rule is ops.div and is_bracket(y):
        yield Row("brackets", node, y.rule(x / y.x, y.y))
    if node.rule is ops.neg and is_bracket(x):
        yield Row("brackets", node, x.rule(-x.x, x.y))
    if node.rule is ops.power and is_bracket(x):
        for first in (x.x, x.x**y):
            yield Row("brackets", node, x.rule(first, x.y**y))


# --- functions, and their derivatives ---------------------------------------------------------------------------------

Done = tuple[str, Any]


def _sigmoids(z: Any) -> Iterator[Done]:
    e = ops.exp(-z)
    yield "other function", ops.tanh(z)
    yield "function twice", ops.sigmoid(ops.sigmoid(z))
    yield from (("formula", each) for each in (1.0 / (1.0 - e), 1.0 + e, e))


def _powers_of_e(rule: Rule, x: Any) -> Iterator[tuple[float, Any]]:
    """A function worked with another number for e."""
    for each in TAKEN_FOR_E:
        if rule is ops.sigmoid:
            yield each, 1.0 / (1.0 + each**-x)
        elif rule is ops.tanh:
            yield each, 2.0 / (1.0 + each ** (-2.0 * x)) - 1.0
        elif rule is ops.exp:
            yield each, each**x


# What is taken for a function of x.
OF_FUNCTION: dict[Rule | None, Callable[[Any], Iterator[Done]]] = {
    ops.sigmoid: _sigmoids,
    ops.tanh: lambda x: iter(
        [
            ("other function", ops.sigmoid(x)),
            ("other function", ops.tan(x)),
            ("function twice", ops.tanh(ops.tanh(x))),
        ]
    ),
    ops.log: lambda x: iter([("other function", ops.log10(x)), ("other function", ops.log2(x))]),
    ops.sin: lambda x: iter([("degrees", ops.sin(x * DEGREE)), ("other function", ops.cos(x))]),
    ops.cos: lambda x: iter([("degrees", ops.cos(x * DEGREE)), ("other function", ops.sin(x))]),
}

# What is taken for a function's derivative, from what it came to and what it was applied to.
OF_SLOPE: dict[Rule, Callable[[Any, Any], list[Any]]] = {
    ops.sigmoid: lambda o, x: [
        o * o,
        (1.0 - o) ** 2.0,
        (again := ops.sigmoid(o)) * (1.0 - again),
        x * (1.0 - x),
        1.0 - o * o,
    ],
    ops.tanh: lambda h, x: [h * h, (1.0 - h) ** 2.0, 1.0 - x * x, 1.0 - ops.tanh(h) ** 2.0, h * (1.0 - h)],
    ops.log: lambda y, x: [1.0 / (x * math.log(10)), 1.0 / (x * math.log(2)), 1.0 / y],
    ops.sin: lambda y, x: [ops.cos(x * DEGREE)],
    ops.cos: lambda y, x: [-ops.sin(x * DEGREE)],
}


def is_activation(formula: Any, slope: float) -> bool:
    """Whether a line is an activation; what has the derivative p·(1 − p) is a sigmoid or a softmax written out."""
    rules = (ops.sigmoid, ops.tanh, ops.relu, ops.leaky_relu, ops.softplus)
    p = float(number(formula))
    return is_(formula, *rules) or math.isclose(slope, p * (1.0 - p), rel_tol=1e-12)


def _of_function(node: Symbol, x: Any, y: Any) -> Iterator[Row]:
    if y is None and isinstance(x, Symbol):
        yield Row("sign", x, None, applied(node, {x: -x}))
        yield Row("function", node, x)
        for kind, other in OF_FUNCTION.get(node.rule, lambda x: iter(()))(x):
            yield Row(kind, node, other)
        for e, other in _powers_of_e(node.rule, x) if node.rule else ():
            yield Row("e", None, e, other)


def of_operation(node: Symbol) -> Iterator[Row]:
    """The mistakes in an operation or a function."""
    return OF_OPERATION.get(node.rule, _of_function)(node, node.x, node.y)
