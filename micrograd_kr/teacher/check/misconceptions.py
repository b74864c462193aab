"""What people do wrong in an operation, a function, a slope, a loss, a sum or an update: rows by its pattern.

A row is one mistake: its kind, of `mistakes.SENTENCES`; what should stand there; what does; what is put for the whole.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from functools import partial, reduce
from operator import add, mul
from typing import Any, NamedTuple

from micrograd_kr import ops
from micrograd_kr.ops import Rule
from micrograd_kr.teacher.ask.expressions import Symbol, parts_of, renamed
from micrograd_kr.teacher.ask.quantity import derivative, read
from micrograd_kr.teacher.check.working import Working, applied


class Row(NamedTuple):
    """put: what is put for the operation, if that is not what is said to be done."""

    kind: str
    due: Any
    done: Any
    put: Any = None


FEW = 6  # terms of which one alone may be taken
TENS = (10.0, 0.1, 100.0, 0.01)
USUAL_LR = (1.0, 0.5, 0.1, 0.05, 0.01, 0.001)
TAKEN_FOR_E = (2.7, 2.72, 2.718)
DEGREE = math.pi / 180
FACTORS = {0.5: "half", 2.0: "two"}


def _logarithm(base: float) -> Rule:
    ln = math.log(base)
    return Rule(f"log{base:.0f}", lambda x: ops.log.compute(x) / ln, dx=lambda g, out, x: g / (x * ln))


LOG10, LOG2 = map(_logarithm, (10.0, 2.0))


def _is(of: Any, *rules: Rule) -> bool:
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
    yield Row("sign", x, None, -(x + y))
    yield Row("term", -y, None, x)
    yield Row("term", x, None, -y if isinstance(x, Symbol) else y)
    yield Row("exchanged", x, y, y - x)


def _of_product(node: Symbol, x: Any, y: Any) -> Iterator[Row]:
    for one, other in ((x, y), (y, x)):
        if not isinstance(one, Symbol):
            yield from _of_constant(one, partial(mul, other))
        elif x is not y:
            yield Row("factor", one, None, other)
    if x is y:
        yield Row("square", x, None, x)
    if _is(y, ops.power) and not isinstance(x, Symbol):
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


def _opened(node: Symbol, called: Mapping[Any, str]) -> Iterator[Row]:
    """A bracket that is not worked first: x·a + b for x·(a + b)."""

    def is_bracket(each: Any) -> bool:
        return _is(each, ops.add, ops.sub) and each not in called

    x, y = node.x, node.y
    if node.rule is ops.mul and is_bracket(y):
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
    ops.log: lambda x: iter([("other function", LOG10(x)), ("other function", LOG2(x))]),
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
    ops.tanh: lambda h, x: [(1.0 - h) ** 2.0, 1.0 - x * x, 1.0 - ops.tanh(h) ** 2.0, h * (1.0 - h)],
    ops.log: lambda y, x: [1.0 / (x * math.log(10)), 1.0 / (x * math.log(2)), 1.0 / y],
    ops.sin: lambda y, x: [ops.cos(x * DEGREE)],
    ops.cos: lambda y, x: [-ops.sin(x * DEGREE)],
}


ACTIVATIONS = (ops.sigmoid, ops.tanh, ops.relu, ops.leaky_relu, ops.softplus)


def _of_function(node: Symbol, x: Any, y: Any) -> Iterator[Row]:
    if y is None and isinstance(x, Symbol):
        yield Row("sign", x, None, applied(node, {x: -x}))
        yield Row("function", node, x)
        for kind, other in OF_FUNCTION.get(node.rule, lambda x: iter(()))(x):
            yield Row(kind, node, other)
        for e, other in _powers_of_e(node.rule, x) if node.rule else ():
            yield Row("e", None, e, other)


# --- whole quantities -------------------------------------------------------------------------------------------------


class Misconceptions:
    """The rows of a working, by its operations."""

    def __init__(self, working: Working) -> None:
        self.working, self.forms = working, working.known.forms
        self.exercise = self.forms.exercise
        sums = [node for node in working.order if _is(node, ops.add, ops.sub)]
        self.inner = {each for node in sums for each in self._summands(node)}

    def rows(self, node: Symbol) -> Iterator[Row]:
        """The mistakes in one operation; of the last one of a quantity also those in what that is."""
        working = self.working
        place = working.place[node]
        is_root, is_gradient = working.roots[place] is node, place in self.forms.gradients
        for row in OF_OPERATION.get(node.rule, _of_function)(node, node.x, node.y):
            is_lr = row.kind == "factor" and working.called.get(row.due) == "lr"
            yield row._replace(kind="lr") if is_lr else row
        yield from _opened(node, working.called)
        is_update = read(place).kind == "updated"
        if _is(node, ops.add, ops.sub) and node not in self.inner and not is_update:
            yield from self._of_terms(node, is_root, is_gradient)
        if is_update and is_root and node.rule is ops.sub:
            yield from self._of_update(node.x, node.y, node)
        if is_gradient and is_root:
            yield from self._of_gradient(node, *self.forms.gradients[place])
        if is_gradient and self.forms.is_local(place):
            yield from self._of_local(node, is_root, *self.forms.gradients[place])
        elif is_root and place in self.forms.lines:
            for _, done in self._other_losses(place):
                yield Row("other loss", node, done)

    # --- sums

    def _summands(self, node: Symbol) -> list[Any]:
        """The sums that stand in a sum without a name of their own."""
        return [each for each in (node.x, node.y) if _is(each, ops.add, ops.sub) and each not in self.working.called]

    def _terms(self, node: Symbol) -> list[Any]:
        found, waiting = list[Any](), [(node, False)]
        while waiting:
            each, is_negative = waiting.pop()
            if each is node or each in self.inner:
                waiting += [(each.y, is_negative != (each.rule is ops.sub)), (each.x, is_negative)]
            else:
                found.append(-each if is_negative else each)
        return found

    def _of_terms(self, node: Symbol, is_root: bool, is_gradient: bool) -> Iterator[Row]:
        """The mean for the sum; one term alone; a product of sums for a sum of products."""
        terms, again = self._terms(node), applied(node, {})
        if is_root:
            yield Row("mean", None, float(len(terms)), again / float(len(terms)))
        if len(terms) > 2:
            for each in terms if len(terms) <= FEW else (terms[0], terms[-1]):
                yield Row("term", tuple(other for other in terms if other is not each), None, each)
        called = self.working.called
        products = {each: None for each in terms if _is(each, ops.mul) and each.x in called and each.y in called}
        others = [each for each in terms if each not in products]
        if len(products) > 1:
            one, other = (reduce(add, [getattr(each, side) for each in products]) for side in "xy")
            yield Row("brackets", node, reduce(add, others, one * other))
        weights = [each.x if self._is_parameter(each.x) else each.y for each in products]
        if not is_gradient and len(products) > 1 and all(map(self._is_parameter, weights)):
            total = reduce(add, weights)
            yield Row("normalised", None, total, reduce(add, others, reduce(add, products) / total))
        for bias in filter(self._is_parameter, [] if is_gradient else others):
            for each, weight in zip(products, weights, strict=True):
                x = each.y if weight is each.x else each.x
                rest = [term for term in terms if term is not bias]
                yield Row("times input", bias, x, reduce(add, rest, bias * x))

    def _is_parameter(self, of: Any) -> bool:
        return read(self.working.called.get(of, "")).of in self.exercise.parameters

    # --- updates

    def _of_update(self, weight: Any, step: Any, node: Symbol) -> Iterator[Row]:
        yield Row("step twice", step, None, weight - 2.0 * step)
        yield Row("step halved", step, None, weight - step / 2.0)
        yield Row("update", node, step)
        if not _is(step, ops.mul) or "lr" not in map(self.working.called.get, (step.x, step.y)):
            return
        lr, gradient = (step.x, step.y) if self.working.called.get(step.x) == "lr" else (step.y, step.x)
        for done in (weight - gradient / lr, (weight - lr) * gradient, lr * (weight - gradient)):
            yield Row("update", node, done)
        for other in dict.fromkeys((*(float(f"{lr.number * ten:.12g}") for ten in TENS), *USUAL_LR)):
            if other != lr.number:
                yield Row("another lr", lr.number, other, weight - other * gradient)

    # --- gradients

    def _of_gradient(self, node: Symbol, a: str, b: str) -> Iterator[Row]:
        """A factor left at 1, the slope or an input multiplied once more."""
        again, users, parameters = applied(node, {}), self.forms.users, self.exercise.parameters
        yield Row("one", node, 1.0)
        z = users[b][0] if b in parameters and len(users[b]) == 1 else b
        sources = self._sources(z)
        if not self.forms.is_local(derivative(a, b)):
            for out, by in [*((user, z) for user in users[z]), *((z, by) for by in self._partials(z))]:
                if self.forms.lines[out].formula.rule in ACTIVATIONS:
                    slope = self._known(self.forms.gradient(out, by).name)
                    yield Row("slope twice", None, slope, again * slope)
        if z == b and any(name in parameters and _is_one(each) for name, each in self._partials(z).items()):
            for x in map(self.working.operand, sources.values()):
                yield Row("added factor", None, x, again * x)
        if z != b and b in sources:
            yield from self._of_weight(node, a, z, sources[b], [*sources.values()])

    def _of_weight(self, node: Symbol, a: str, z: str, x: str, inputs: list[str]) -> Iterator[Row]:
        """δ₁·h₂ for δ₂·h₁, and (δ₁ + δ₂)·h₁ for δ₁·h₁."""
        units = [each for each in self.forms.users[x] if x in self._sources(each).values()]
        deltas = [self.forms.gradient(a, each) for each in units]
        if len(units) < 2 or not all(isinstance(each, Symbol) for each in deltas):
            return
        deltas = [self._known(each.name) for each in deltas]
        i, j = units.index(z), inputs.index(x)
        if i != j and j < len(units) and i < len(inputs):
            yield Row("transposed", node, deltas[j] * self.working.operand(inputs[i]))
        yield Row("summed", node, reduce(add, deltas) * self.working.operand(x))

    def _partials(self, name: str) -> Mapping[str, Any]:
        return self.forms.lines[name].partials if name in self.forms.lines else {}

    def _sources(self, z: str) -> dict[str, str]:
        """What the parameters in a line are multiplied by, by their names."""
        parameters = self.exercise.parameters
        found = {name: each for name, each in self._partials(z).items() if name in parameters}
        return {
            name: str(each.name)
            for name, each in found.items()
            if isinstance(each, Symbol) and each.rule is None and each.name not in parameters
        }

    def _known(self, name: str, steps: int = 2) -> Any:
        """A quantity as it is worked here or stands on the sheet, else in a few steps from what does."""
        form = self.forms.expansion(name) if steps and name not in self.working.roots else None
        if form is None or name in self.working.known.numbers:
            return self.working.operand(name)
        return renamed(form, lambda leaf: self._known(str(leaf.name), steps - 1))

    # --- derivatives of one line

    def _of_local(self, node: Symbol, is_root: bool, of: str, by: str) -> Iterator[Row]:
        formula, operand = self.forms.lines[of].formula, self.working.operand
        if is_root and _is(formula, *OF_SLOPE) and formula.x.rule is None:
            for done in OF_SLOPE[formula.rule](operand(of), operand(by)):
                yield Row("slope", node, done)
        if is_root:
            for done, _ in self._other_losses(of, by):
                yield Row("other loss", node, done)
        if node.rule is ops.mul and any(_is(each, ops.power) for each in parts_of(formula)):
            for two, base in ((node.x, node.y), (node.y, node.x)):
                if not isinstance(two, Symbol) and two == 2.0:
                    yield Row("power kept", base, base**2.0, two * base**2.0)

    def _other_losses(self, of: str, by: str | None = None) -> Iterator[tuple[Any, Any]]:
        """The derivatives and the values of the cross-entropy for the squared error, and the other way round."""
        for each in parts_of(self.forms.lines[of].formula):
            if _is(each, ops.power) and _is(each.x, ops.sub):
                target, out = (each.x.x, each.x.y) if self._is_target(each.x.x) else (each.x.y, each.x.x)
            elif _is(each, ops.log):
                target, out = self._weighing(each, of), each.x
            else:
                continue
            if self._is_target(target) and getattr(out, "name", None) and by in (None, str(out.name)):
                t, o = renamed((target, out), lambda leaf: self.working.operand(str(leaf.name)))
                if each.rule is ops.log:
                    yield -(t - o), (t - o) ** 2.0 * 0.5
                else:
                    yield -t / o + (1.0 - t) / (1.0 - o), -(t * ops.log(o) + (1.0 - t) * ops.log(1.0 - o))
                    yield -t / o, -(t * ops.log(o))

    def _is_target(self, of: Any) -> bool:
        return not isinstance(of, Symbol) or str(of.name) in self.exercise.given

    def _weighing(self, logarithm: Symbol, of: str) -> Any:
        """What a logarithm in a cross-entropy is multiplied by: the target, 1 where it is not written."""
        products = (each for each in parts_of(self.forms.lines[of].formula) if _is(each, ops.mul))
        return next((each.x for each in products if each.y is logarithm and isinstance(each.x, Symbol)), 1.0)


def _is_one(of: Any) -> bool:
    return not isinstance(of, Symbol) and bool(of == 1.0)
