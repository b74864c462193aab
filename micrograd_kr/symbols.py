"""The rules run on symbols: how a labelled quantity was computed from others, and its derivatives, as expressions.

The engine's graph is cut at the Values that have names. Between two names the operations are replayed on symbols
(`Line.formula`), and walked back through with the same rules that computed the gradient (`Line.partials`), so that
what is written out cannot disagree with what was computed. Only what changes nothing is left out, 1·x, x + 0, x¹; the
factors ½, 2 and −1 stay, as a person writes them.
"""

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from micrograd_kr import ops
from micrograd_kr.engine import Value
from micrograd_kr.ops import Rule


class Comparison(NamedTuple):
    """How a comparison came out, and between what; in arithmetic it counts as 1 or 0."""

    left: Any
    right: Any
    operation: Callable[[float, float], bool]

    @property
    def true(self) -> bool:
        return self.operation(number(self.left), number(self.right))

    def _record(self, rule: Rule, x: Any, y: Any) -> Any:
        return _record(rule, x, y)

    def __and__(self, other: Any) -> Any:
        return other if self.true else self

    def __rand__(self, other: bool) -> Any:
        return self if other else other


def _compare(operation: Callable[[float, float], bool]) -> Callable[["Symbol", Any], Any]:
    return lambda self, other: Comparison(self, other, operation)


def _operator(rule: Rule, reflected: bool = False) -> Callable[["Symbol", Any], Any]:
    return (
        (lambda self, other: _record(rule, other, self))
        if reflected
        else (lambda self, other: _record(rule, self, other))
    )


class Symbol:
    """A name, or a rule applied to symbols and numbers; it knows its number.

    name: what a named quantity is called, None for an operation.
    rule, x, y: the operation and what it is applied to (y: an option where the rule has one input).
    number: its value, a float.
    """

    __slots__ = ("name", "number", "rule", "x", "y")

    def __init__(self, name: Any, number: float, rule: Rule | None = None, x: Any = None, y: Any = None) -> None:
        self.name, self.number, self.rule, self.x, self.y = name, number, rule, x, y

    __add__, __radd__ = _operator(ops.add), _operator(ops.add, True)
    __sub__, __rsub__ = _operator(ops.sub), _operator(ops.sub, True)
    __mul__, __rmul__ = _operator(ops.mul), _operator(ops.mul, True)
    __truediv__, __rtruediv__ = _operator(ops.div), _operator(ops.div, True)
    __pow__, __rpow__ = _operator(ops.power), _operator(ops.power, True)
    __gt__ = _compare(operator.gt)
    __ge__ = _compare(operator.ge)
    __lt__ = _compare(operator.lt)
    __le__ = _compare(operator.le)
    __eq__ = _compare(operator.eq)
    __ne__ = _compare(operator.ne)
    __hash__ = object.__hash__

    def __neg__(self) -> Any:
        return _record(ops.neg, self, None)

    def _record(self, rule: Rule, x: Any, y: Any) -> Any:
        return _record(rule, x, y)

    def __repr__(self) -> str:
        return str(self.name) if self.rule is None else f"{self.rule.symbol}({self.x!r}, {self.y!r})"


def number(of: Any) -> Any:
    """The value of a symbol, a comparison or a number."""
    if isinstance(of, Comparison):
        return float(of.true)
    return of.number if isinstance(of, Symbol) else of


def _record(rule: Rule, x: Any, y: Any) -> Any:
    """The symbol for a rule applied to x and y, or something simpler that is the same."""
    if isinstance(y, Comparison) and rule is not ops.select:
        y = number(y)
    simpler = _simpler(rule, x, y)
    if simpler is not None:
        return simpler
    if rule is ops.select:
        return Symbol(None, number(x[0] if y.true else x[1]), rule, x, y)
    value = rule.compute(number(x)) if y is None else rule.compute(number(x), number(y))
    return Symbol(None, value, rule, x, y)


def _simpler(rule: Rule, x: Any, y: Any) -> Any:
    """What an operation with a 0 or a 1 amounts to, else None."""

    def is_number(each: Any, value: float) -> bool:
        return not isinstance(each, Symbol | Comparison) and each == value

    if rule is ops.mul:
        if is_number(x, 0.0) or is_number(y, 0.0):
            return 0.0
        return y if is_number(x, 1.0) else x if is_number(y, 1.0) else None
    if rule is ops.add:
        return y if is_number(x, 0.0) else x if is_number(y, 0.0) else None
    if rule in (ops.sub, ops.div, ops.power) and is_number(y, 0.0 if rule is ops.sub else 1.0):
        return x
    if rule is ops.neg and isinstance(x, Symbol) and x.rule is ops.neg:
        return x.x
    if rule is ops.same:
        return x
    if rule is ops.select and not isinstance(y, Comparison):
        return x[0] if y else x[1]
    return None


@dataclass(frozen=True)
class Line:
    """A named quantity: its formula in other named quantities, and its derivative with respect to each of these."""

    name: str
    formula: Any
    partials: Mapping[str, Any]


def line(name: str, value: Value, names: Mapping[Value, str]) -> Line:
    """The Line of one named Value of a scalar graph.

    names: what the named Values are called; Values without a name are part of the formula, or numbers if nothing
    computed them.
    """
    if value.rule is None:  # a formula without names
        return Line(name, value.data, {})
    order = list(_between(value, names))
    symbols: dict[Value, Any] = {}

    def symbol(of: Value | None, data: float) -> Any:
        return (
            data if of is None else symbols[of] if of in symbols else Symbol(names[of], data) if of in names else data
        )

    for node in order:
        symbols[node] = _operation(node)(*_operands(node, symbol))
    formula = symbols.pop(value)
    partials: dict[str, Any] = {}
    arrived: dict[Value, Any] = {value: 1.0}
    for node in reversed(order):
        g = arrived.pop(node, 0.0)
        out = Symbol(name, value.out) if node is value else symbols[node]
        for each, r in _contributions(node, g, out, _operands(node, symbol)):
            if each in names:
                partials[names[each]] = r + partials[names[each]] if names[each] in partials else r
            elif each.rule is not None:
                arrived[each] = r + arrived[each] if each in arrived else r
    return Line(name, formula, partials)


def _between(value: Value, names: Mapping[Value, str]) -> Iterator[Value]:
    """The operations between a named Value and the named ones it was computed from, each after its inputs."""
    done: set[Value] = set()
    waiting = [value]
    while waiting:
        node = waiting[-1]
        first = [each for each in _inputs(node) if each.rule is not None and each not in names and each not in done]
        if first:
            waiting += first
        elif waiting.pop() not in done and node.rule is not None:
            done.add(node)
            yield node


def _inputs(node: Value) -> list[Value]:
    return [each for each in (*(node.x if type(node.x) is tuple else (node.x,)), node.y) if each is not None]


def _operation(node: Value) -> Rule:
    if node.rule is None:
        raise ValueError("expected a computed Value, got a leaf")
    return node.rule


def _operands(node: Value, symbol: Callable[[Value | None, float], Any]) -> tuple[Any, ...]:
    """What the node's rule was applied to, as symbols."""
    if type(node.x) is tuple:
        x: Any = tuple(symbol(each, data) for each, data in zip(node.x, node.x_data, strict=True))
    else:
        x = symbol(node.x, node.x_data)
    if node.y_data is None:
        return (x,)
    return x, symbol(node.y, node.y_data)


def _contributions(node: Value, g: Any, out: Any, operands: tuple[Any, ...]) -> Iterator[tuple[Value, Any]]:
    """What a gradient g at a node hands to each of its inputs."""
    rule = _operation(node)
    if type(node.x) is tuple:
        yield from ((each, r) for each, r in zip(node.x, rule.dx(g, out, *operands), strict=True) if each is not None)
        return
    if node.x is not None:
        yield node.x, rule.dx(g, out, *operands)
    if node.y is not None and rule.dy is not None:
        yield node.y, rule.dy(g, out, *operands)


def renamed(of: Any, names: Callable[[Any, float], Any]) -> Any:
    """The same expression over other names: each name becomes names(name, number), and the numbers follow."""
    if isinstance(of, Comparison):
        return Comparison(renamed(of.left, names), renamed(of.right, names), of.operation)
    if not isinstance(of, Symbol):
        return of
    if of.rule is None:
        return names(of.name, of.number)
    x = tuple(renamed(each, names) for each in of.x) if type(of.x) is tuple else renamed(of.x, names)
    return _record(of.rule, x, renamed(of.y, names))


def names_in(of: Any) -> Iterator[str]:
    """The names in an expression, each once."""
    seen: set[str] = set()
    waiting = [of]
    while waiting:
        each = waiting.pop()
        if isinstance(each, Comparison):
            waiting += [each.left, each.right]
        elif isinstance(each, tuple):
            waiting += each
        elif isinstance(each, Symbol) and each.rule is not None:
            waiting += [each.x, each.y]
        elif isinstance(each, Symbol) and each.name not in seen:
            seen.add(each.name)
            yield each.name
