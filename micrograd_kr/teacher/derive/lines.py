"""The named quantities of a graph as lines: the formula of each in others, and its derivatives by these.

The engine's graph is cut at the Values that have names. Between two names the operations are replayed on symbols
(`Line.formula`), and walked back through with the same rules that computed the gradient (`Line.partials`).
"""

import itertools
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from itertools import takewhile
from typing import Any

import numpy as np

from micrograd_kr import ops
from micrograd_kr.engine import Value, inputs_first
from micrograd_kr.ops import Axes
from micrograd_kr.teacher.ask.arrays import log_share, share
from micrograd_kr.teacher.ask.exercise import Exercise
from micrograd_kr.teacher.ask.expressions import (
    Literal,
    Symbol,
    constant,
    inside_out,
    named_in,
    number,
    parts_of,
    renamed,
    spread,
)
from micrograd_kr.teacher.ask.messages import ExerciseError
from micrograd_kr.teacher.ask.quantity import Quantity, read
from micrograd_kr.teacher.ask.solution import Solution

READABLE_DEPTH, READABLE_LENGTH = 6, 100  # operations within one another, and in all, in one formula


@dataclass(frozen=True)
class Line:
    """A named quantity: its formula in other named quantities, and its derivative with respect to each of these."""

    name: str
    formula: Any
    partials: Mapping[str, Any]


def line_of(name: str, value: Value, names: Mapping[Value, str], gradient: Any = 1.0) -> Line:
    """The Line of one named Value.

    names: what the named Values are called; Values without a name are part of the formula, or numbers if nothing
    computed them. gradient: what arrives at the Value. With 1 the partials are derivatives; with the symbol ∂E/∂z they
    are what the line hands on of it, which is how a tensor's derivatives are written.
    """
    if value.rule is None:  # a formula without names
        return Line(name, value.data, {})
    order = list(_between(value, names))
    symbols: dict[Any, Any] = {}

    def symbol(of: Any, data: Any) -> Any:
        if of in names:
            return Symbol(names[of], data)
        return symbols[of] if of in symbols else constant(data)

    for node in order:
        symbols[node] = node.rule(*operands(node, symbol))
    formula, symbols[value] = symbols[value], Symbol(name, value.out)
    arrived: dict[Value, Any] = {value: gradient}
    for node in reversed(order):
        for each, r in contributions(node, arrived.pop(node, 0.0), symbols[node], operands(node, symbol)):
            arrived[each] = r + arrived[each] if each in arrived else r
    return Line(name, formula, {names[each]: r for each, r in arrived.items() if each in names})


def labels(loss: Value, without: str = "") -> dict[Value, str]:
    """The labelled Values a loss is computed from, in order. without: what the loss is called if it has no label.

    Raises ExerciseError for a leaf, and for a label that is there twice.
    """
    if loss.rule is None:
        raise ExerciseError("expected a loss computed from something, got a leaf; under no_grad() nothing is recorded")
    found = {each: each.label or without for each in inputs_first(loss) if each.label or each is loss}
    for label, count in Counter(found.values()).items():
        if count > 1:
            raise ExerciseError("expected each label once, got {label!r} on two Values; give each its own", label=label)
    return found


def named_values(roots: Iterable[Value], names: Mapping[Value, str]) -> dict[Value, str]:
    """The named Values of a graph in the order of computation, each after what it was computed from.

    Where a formula would grow too deep or too long to be read, what it uses is given a name: t1, t2, …
    """
    found: dict[Value, str] = {}
    taken = set(names.values())
    fresh = (name for name in map("t{}".format, itertools.count(1)) if name not in taken)
    sizes: dict[Value, tuple[int, int]] = {}  # how deep an operation goes, and how many it stands on
    for root in roots:
        for node in _between(root, found):
            inputs = _inputs(node)
            found |= {each: names[each] for each in inputs if each.rule is None and each in names}
            within = [sizes[each] for each in inputs if each.rule and each not in found]
            deeper = node.rule not in (ops.add, ops.sub, ops.neg)  # a long sum is as easy to read as a short one
            depth = max((depth for depth, _ in within), default=0) + deeper
            length = sum(length for _, length in within) + 1
            sizes[node] = depth, length
            if node in names or depth > READABLE_DEPTH or length > READABLE_LENGTH:
                found[node] = names[node] if node in names else next(fresh)
        found.setdefault(root, names[root])
    return found


def _between(value: Value, names: Collection[Value]) -> Iterator[Any]:
    """The operations between a named Value and the named ones it was computed from, each after its inputs."""
    done: set[Value] = set()
    for node in inside_out(value, lambda of: [each for each in _inputs(of) if each.rule and each not in names], done):
        done.add(node)
        if node.rule is not None:
            yield node


def _inputs(node: Value) -> list[Value]:
    return [each for each, _ in node.inputs() if each is not None]


def operands(node: Any, of: Callable[[Value | None, Any], Any]) -> tuple[Any, ...]:
    """What a node's rule was applied to, each input as of(Value or None, its data); an option is as it is."""
    inputs = tuple(of(*each) for each in node.inputs())
    given = (inputs,) if type(node.x) is tuple else inputs
    return given if node.y_data is None or node.rule.dy else (*given, node.y_data)


def contributions(node: Any, g: Any, out: Any, operands: tuple[Any, ...]) -> Iterator[tuple[Value, Any]]:
    """What a gradient g at a node hands to each of its inputs."""
    rule, inputs = node.rule, node.inputs()
    g = spread(g, np.shape(node.out))  # a rule leaves it to broadcasting where every entry gets the same
    together = rule.dx(g, out, *operands) if type(node.x) is tuple else None
    for i, (each, data) in enumerate(inputs):
        if each is not None:
            r = together[i] if together is not None else (rule.dx, rule.dy)[i](g, out, *operands)
            yield each, _fitted(r, np.shape(data))


def _fitted(r: Any, shape: tuple[int, ...]) -> Any:
    """A contribution summed over the axes along which its input was broadcast."""
    got = np.shape(number(r))
    lead = tuple(range(len(got) - len(shape)))
    if lead:
        r = ops.sum_(r, Axes(lead))
    stretched = tuple(i for i, (n, m) in enumerate(zip(got[len(lead) :], shape, strict=False)) if n != 1 == m)
    return ops.sum_(r, Axes(stretched, True)) if stretched and len(got) >= len(shape) else r


def changed(solution: Solution, asked: Quantity, slope: Any, k: str | None = None) -> Any:
    """What an update makes of a parameter or its state, in what that is worked from.

    slope: the gradient's symbol. k: what the number of the step is called, if it is not to be worked in.
    """
    exercise = solution.exercise
    line, parameter = exercise.changed_by(asked.of)
    above = set(takewhile(lambda each: each != line, exercise.update))

    def leaf(each: Symbol) -> Any:
        name = str(each.name)
        if isinstance(each.name, Literal):
            return each.number
        if name == "g":
            return slope
        if name == "k":
            return Symbol(k, float(asked.step)) if k else float(asked.step)
        if name == "lr":
            return rate(exercise)
        if name in exercise.given:
            return Symbol(name, exercise.given[name])
        step = asked.step - (name not in above)
        used = Quantity(parameter if name == "p" else f"{name}_{parameter}", step=step, is_parameter=step > 0)
        return Symbol(str(used), solution.value(used))

    return renamed(exercise.update[line].expression, leaf)


def rate(exercise: Exercise) -> Any:
    """The learning rate as a symbol; one of 1 changes nothing."""
    lr = exercise.lr or 0.0
    return lr if lr == 1.0 else Symbol("lr", lr)


def later(solution: Solution, step: int) -> Callable[[Symbol], Symbol]:
    """What stands for a name of the first pass in the one after so many updates."""
    exercise = solution.exercise

    def leaf(each: Symbol) -> Symbol:
        asked = read(str(each.name))
        is_changed = asked.of in exercise.parameters or asked.of in exercise.states
        if asked.by is None and not is_changed and asked.of not in exercise.forward:
            return each
        then = asked._replace(step=asked.step + step, is_parameter=asked.by is None and is_changed)
        return Symbol(str(then), solution.value(then))

    return leaf


def reached(start: Iterable[str], steps: Callable[[str], Iterable[str]]) -> set[str]:
    """All names that steps from some lead to."""
    found, waiting = set[str](), list(start)
    while waiting:
        fresh = set(steps(waiting.pop())) - found
        found |= fresh
        waiting += fresh
    return found


def _with_shares(lines: dict[str, Line]) -> dict[str, Line]:
    """The same, each entry of a softmax by its name where it has one: the derivative of p0 by z1 is −p0·p1."""

    def sort(of: Any) -> Any:
        is_share = isinstance(of, Symbol) and of.rule in (share, log_share)
        return is_share and (of.rule, of.y, *(getattr(each, "name", each) for each in of.x))

    names = {
        sort(line.formula): Symbol(line.name, line.formula.number) for line in lines.values() if sort(line.formula)
    }

    def by_name(partial: Any) -> Any:
        return renamed(
            partial, lambda leaf: leaf, {each: names[sort(each)] for each in parts_of(partial) if sort(each) in names}
        )

    return (
        {
            name: replace(line, partials={used: by_name(partial) for used, partial in line.partials.items()})
            for name, line in lines.items()
        }
        if names
        else lines
    )


class Lines:
    """The named quantities of a scalar graph: how each was computed, and by which others it is used."""

    def __init__(self, named: Mapping[Value, str]) -> None:
        """named: every named Value, each after what it was computed from."""
        self.named = named
        self.lines = _with_shares({name: line_of(name, value, named) for value, name in named.items() if value.rule})
        self.order = {name: i for i, name in enumerate(named.values())}
        self.numbers = {each.name: each.number for line in self.lines.values() for each in named_in(line.formula)}
        self.users: dict[str, list[str]] = {name: [] for name in named.values()}
        for line in self.lines.values():
            for used in line.partials:
                self.users[used].append(line.name)
        self.below = cache(self._below)

    @classmethod
    def of(cls, solution: Solution) -> "Lines":
        """The lines of an exercise."""
        return cls({value: name for name, value in solution.before.items()})

    def readable(self) -> "Lines":
        """The same; where a formula is too deep or too long to be read, with more names."""
        named = named_values(self.named, self.named)
        return self if len(named) == len(self.named) else Lines(named)

    def _below(self, name: str) -> set[str]:
        """What a quantity depends on, itself included."""
        return {name} | reached([name], lambda each: self.lines[each].partials if each in self.lines else ())

    def steps(self, a: str, b: str) -> list[str]:
        """The lines that use b on a path from b to a."""
        return [user for user in self.users.get(b, ()) if user in self.below(a)]

    def passes_on(self, name: str, used: str) -> bool:
        """Whether a line hands the gradient on as it is: its derivative is the constant 1."""
        partial = self.lines[name].partials[used]
        return not isinstance(partial, Symbol) and bool(partial == 1.0)
