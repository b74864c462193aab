"""What an explanation says, section by section: forward, back step by step, each later pass; arrays in matrices."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import chain, groupby
from typing import Any

import numpy as np

from micrograd_kr import ops
from micrograd_kr.engine import Value
from micrograd_kr.said import Said, say
from micrograd_kr.teacher.ask import expressions
from micrograd_kr.teacher.ask.arrays import array_of
from micrograd_kr.teacher.ask.exercise import Exercise, parse_name
from micrograd_kr.teacher.ask.expressions import Symbol, number, renamed, simplified
from micrograd_kr.teacher.ask.formula import recorded
from micrograd_kr.teacher.ask.quantity import Quantity, derivative, parse, read, spelled
from micrograd_kr.teacher.ask.solution import Solution
from micrograd_kr.teacher.derive import notation
from micrograd_kr.teacher.derive.chain import Derivation, Line, distinct, equation, update
from micrograd_kr.teacher.derive.lines import Lines, changed, labels, later, line_of, named_values

MANY = 12  # names in a heading
FORWARD, AGAIN = say("Forward pass"), say("Forward pass again, with the updated parameters")


@dataclass(frozen=True)
class Section:
    """Lines under one heading, or under none."""

    title: Said | None
    lines: tuple[Line, ...]


class Passes:
    """The derivations of an exercise, pass by pass."""

    def __init__(self, solution: Solution, lines: Lines) -> None:
        self.solution, self.exercise = solution, solution.exercise
        self.lines, self.readable = lines, lines.readable()
        self.derivation = cache(self._derivation)

    def _derivation(self, step: int) -> Derivation:
        """Of one pass; the first is written with more names where that reads better."""
        exercise = self.exercise
        lines, start = self.lines if step else self.readable, exercise.parameters or exercise.given
        return Derivation(lines, exercise.loss, start, partial(self._update, 1) if exercise.steps else None)

    def all(self) -> Iterator[Section]:
        """Everything, in the order of working: in matrices, then number by number; of later passes those shown."""
        yield from self._in_matrices([])
        yield from worked(self.derivation(0))
        for step in self.solution.shown[1:]:
            if step > 1:
                updates = (self._update(step, name, self._slope(name, step - 1)) for name in self.exercise.parameters)
                yield Section(say("Update {number}", number=step), tuple(chain.from_iterable(updates)))
            title = AGAIN if self.exercise.steps == 1 else say("Forward pass after update {number}", number=step)
            yield Section(title, tuple(self._forward(step).values()))

    def asked(self, names: Sequence[str]) -> Iterator[Section]:
        """What leads to each of some quantities; of arrays and their entries in matrices first."""
        asked = {name: parse(spelled(name)) for name in names}
        of_arrays = [each for each in asked.values() if array_of(each.by or each.of) in self.exercise.shapes]
        yield from self._in_matrices(of_arrays) if of_arrays else ()
        entries = (name for name, each in asked.items() if (each.by or each.of) not in self.exercise.shapes)
        yield Section(None, tuple(chain.from_iterable(map(self._leading_to, entries))))

    def _leading_to(self, name: str) -> Iterator[Line]:
        asked = parse_name(self.exercise, name)
        if asked.by is not None:
            self.derivation(asked.step).work(asked.of, asked.by)
            yield from self._taken(asked.step)
        elif asked.is_parameter:
            parameter = self.exercise.changed_by(asked.of)[1]
            self.derivation(asked.in_pass).work(self.exercise.loss, parameter)
            yield from self._taken(asked.in_pass)
            yield from self._update(asked.step, parameter, self._slope(parameter, asked.in_pass))
        elif asked.step:
            yield self._forward(asked.step)[asked.of]
        elif asked.of in self.readable.lines:
            yield equation(asked.of, "forward", self.readable.lines[asked.of].formula)
        else:  # a number that is given has no other side
            yield Line(asked.of, "forward", (), self.solution.value(asked))

    def _taken(self, step: int) -> Iterator[Line]:
        """What the derivation of a pass has written by now, in the names and numbers of that pass."""
        leaf = later(self.solution, step)
        for line in self.derivation(step).taken():
            sides = tuple(renamed(side, leaf) for side in line.sides) if step else line.sides
            value = line.value if line.value is None or not step else number(sides[-1])
            yield Line(str(read(line.name)._replace(step=step)), line.kind, sides, value)

    def _update(self, step: int, name: str, slope: Symbol) -> Iterator[Line]:
        """The lines by which an update changes a parameter."""
        for line in self.exercise.update:
            changes = Quantity(name if line == "p" else f"{line}_{name}", step=step, is_parameter=True)
            yield equation(str(changes), "update", changed(self.solution, changes, slope, "k"))

    def _slope(self, name: str, step: int) -> Symbol:
        """The gradient of the loss by a parameter in one pass."""
        slope = Quantity(self.exercise.loss, name, step)
        return Symbol(str(slope), self.solution.value(slope))

    def _forward(self, step: int) -> dict[str, Line]:
        """The forward pass after so many updates, by the names of the first."""
        found: dict[str, Line] = {}
        after = later(self.solution, step)

        def leaf(each: Symbol) -> Symbol:
            return Symbol(found[each.name].name, found[each.name].value) if each.name in found else after(each)

        for name, line in self.readable.lines.items():
            found[name] = equation(str(Quantity(name, step=step)), "second", renamed(line.formula, leaf))
        return found

    def _in_matrices(self, asked: Sequence[Quantity]) -> Iterator[Section]:
        """The first pass, and the gradients that are asked for, as products of matrices; without any, all."""
        exercise = self.exercise
        if not exercise.shapes:
            return
        values = tensors(exercise)
        names = labels(loss := values[exercise.loss])
        start = dict.fromkeys(map(array_of, exercise.parameters or exercise.given))
        wanted = [each.by or each.of for each in asked if each.by or each.step] if asked else start
        wanted = [name for name in dict.fromkeys(map(array_of, wanted)) if values.get(name) in names]
        is_step = exercise.is_usual and {*wanted} <= {*map(array_of, exercise.parameters)}
        forward, back = matrices(loss, names, wanted, exercise.lr if is_step else None)
        yield replace(forward, title=say("Forward pass in matrices"))
        if wanted:
            yield back


def tensors(exercise: Exercise) -> dict[str, Value]:
    """Every line of an exercise as one Value, arrays whole."""
    start = exercise.whole({**exercise.given, **exercise.parameters})
    values = {name: Value(numbers, name) for name, numbers in start.items()}
    for name, text in exercise.written.items():
        out = recorded(text, values)
        out = Value(out) if not isinstance(out, Value) else ops.identity(out) if out.label else out
        out.label = name
        values[name] = out
    return values


def worked(derivation: Derivation) -> Iterator[Section]:
    """The forward pass, and the way back: first what is near the loss, as a textbook does layer by layer."""
    lines, start = derivation.lines, derivation.start
    yield Section(FORWARD, tuple(equation(line.name, "forward", line.formula) for line in lines.lines.values()))
    depth = dict.fromkeys(start, 0)  # how many lines that use a start stand, at most, between a quantity and the loss
    for name in reversed(lines.order):
        above = max((depth[user] for user in lines.steps(derivation.loss, name)), default=0)
        depth[name] = above + (name in lines.lines and not {*start}.isdisjoint(lines.lines[name].partials))
    for i, (_, group) in enumerate(groupby(sorted(start, key=depth.__getitem__), depth.__getitem__), 1):
        names = list(group)
        for name in names:
            derivation.descend(name)
        title = say("Backpropagation, step {number}: {names}", number=i, names=_listed(names))
        yield Section(title, derivation.taken())


def _listed(names: Sequence[str]) -> Said | str:
    """Names for a heading; of very many the first and the last."""
    listed = [notation.quantity(name) for name in names]
    if len(listed) <= MANY:
        return ", ".join(listed)
    return say("{first}, …, {last} ({count})", first=listed[0], last=listed[-1], count=len(listed))


def matrices(loss: Value, names: Mapping[Value, str], asked: Sequence[str], lr: float | None) -> Iterator[Section]:
    """The forward pass, and the gradient of each quantity from those of the lines that use it: (∂E/∂z)ᵀ·x."""
    named = named_values([loss], names)
    arrived: dict[str, Any] = {loss.label: 1.0}  # the sum of what the lines that use a quantity hand on to it
    forward: list[Line] = []
    back: dict[str, Line] = {}
    for value, name in reversed(named.items()):
        if name not in arrived:
            continue
        gradient, shape = arrived[name], np.shape(value.data)
        if value is not loss:
            side = expressions.narrow(gradient, shape)
            sides = distinct(side, expressions.narrow(simplified(side), shape))
            slope: Any = np.broadcast_to(expressions.number(side), shape)
            slope = slope if slope.ndim else float(slope)
            back[name] = Line(derivative(loss.label, name), "gradient", sides, slope)
            gradient = Symbol(back[name].name, slope)
        if value.rule is not None:
            line = line_of(name, value, named, gradient)
            forward.insert(0, equation(name, "forward", line.formula))
            for used, part in line.partials.items():
                arrived[used] = ops.add(arrived[used], part) if used in arrived else part
    reached = set(asked)
    for each in forward:
        if not reached.isdisjoint(expressions.names_in(each.sides[0])):
            reached.add(each.name)
    worked = [line for name, line in back.items() if name in reached]
    if lr is not None:
        changed = [(name, value.data) for value, name in names.items() if name in back and name in asked]
        worked += [update(name, start, lr, Symbol(back[name].name, back[name].value)) for name, start in changed]
    yield Section(FORWARD, tuple(forward))
    yield Section(say("Backpropagation in matrices: {names}", names=_listed(asked)), tuple(worked))
