"""An exercise as it is drawn: boxes in columns, the lines between them, and which of their numbers a name stands for.

Worked out once; a picture, a page and a printed sheet are three ways to write it down.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import TopologicalSorter
from itertools import pairwise
from typing import Literal, NamedTuple

from micrograd_kr import ops
from micrograd_kr.teacher.ask.exercise import Exercise, parse_name
from micrograd_kr.teacher.ask.expressions import Symbol, number, parts_of
from micrograd_kr.teacher.ask.formula import leaves
from micrograd_kr.teacher.ask.messages import ExerciseError
from micrograd_kr.teacher.ask.quantity import Quantity, derivative
from micrograd_kr.teacher.ask.solution import Solution, solve
from micrograd_kr.teacher.derive.lines import Lines

Arc = tuple[str, str]  # a quantity, and one that is computed from it
local_key, flow_key = "∂{1}/∂{0}".format, "←{0},{1}".format  # of an arc's two numbers


@dataclass
class Box:
    """Quantities, or what stands on the line between two.

    kind: given, parameter, computed, loss or line. names: the quantities in it, z and h = f(z) together. local: the
    arcs whose derivatives it shows. flow: the one whose contribution comes back through it. to: the boxes its lines
    lead to.
    """

    kind: str
    names: list[str]
    local: list[Arc]
    flow: Arc | None
    to: list[str]


class Number(NamedTuple):
    """One number of a box: its key, its kind, the name of what it is about, its value; mark: ← or Σ before its name."""

    key: str
    kind: Literal["value", "second", "gradient", "local", "flow"]
    name: str
    value: float
    mark: str = ""


class Diagram:
    """An exercise from its inputs to its loss.

    arcs: (local derivative, contribution) of each pair of quantities, the second computed from the first.
    factors: the parameter W of each (x, z) where W·x is part of z. weights: those that are used nowhere else, which
    stand on their line. boxes: by a key, quantities first. home: the key of the box that a quantity stands in.
    columns: the keys, the loss's column last, each in the order of what its boxes lead to; routes: each line, where it
    begins and the places it goes through, one column to the right each, which are empty but for the last.

    every_line: whether a derivative by a number that is used once stands on its line, too, not in the number's box.
    """

    def __init__(self, lines: Lines, solution: Solution, *, every_line: bool) -> None:
        self.lines, self.solution = lines, solution
        exercise, places = solution.exercise, solution.exercise.positions
        self.arcs: dict[Arc, tuple[float, float]] = {}
        for target, formula in exercise.forward.items():
            for source in formula.names:
                local = float(number(lines.lines[target].partials.get(source, 0.0)))
                self.arcs[source, target] = local, solution.gradients.get(target, 0.0) * local
        self.factors = {(x, z): w for z in exercise.forward for x, w in _factors(exercise, z)}
        self.weights = {arc: w for arc, w in self.factors.items() if len(lines.users[w]) == 1}
        kinds = {**dict.fromkeys(exercise.given, "given"), **dict.fromkeys(exercise.parameters, "parameter")}
        kinds |= {**dict.fromkeys(exercise.forward, "computed"), exercise.loss: "loss"}
        inner: dict[str, str] = {}  # the z of each h = f(z) that is all z is used for, and that is no such h itself
        for name, formula in exercise.forward.items():
            match formula.expression:
                case Symbol(rule=rule, x=Symbol(name=z), y=None | float()) if (
                    rule is not ops.neg and z in exercise.forward and len(lines.users[z]) == 1 and z not in inner
                ):
                    inner[name] = z
        self.home = {name: name for name in places} | {z: h for h, z in inner.items()}
        self.boxes: dict[str, Box] = {}
        for name in places:
            if self.home[name] == name and name not in self.weights.values():
                names = [inner[name], name] if name in inner else [name]
                self.boxes[name] = Box(kinds[name], names, list(pairwise(names)), None, [])
        for source, target in sorted(self.arcs, key=lambda arc: arc not in self.weights):
            if self.home[source] != self.home[target] and source not in self.weights.values():
                self._join(source, target, every_line)
        self.home |= {state: self.home[parameter] for state, (_, parameter) in exercise.states.items()}
        self.columns, self.routes = _columns(self.boxes)

    def _join(self, source: str, target: str, every_line: bool) -> None:
        """A line from one quantity to another, and the box on it."""
        home, to, weight = self.boxes[self.home[source]], self.home[target], self.weights.get((source, target))
        arc = source, target
        used_once = home.kind in ("given", "parameter") and len(self.lines.users[source]) == 1
        if used_once and not weight and not every_line:
            home.local, home.flow, home.to = [arc], arc, [to]
            return
        key = f"{source} {target}"
        home.to.append(key)
        self.boxes[key] = Box("line", [], [arc], arc, [to])
        if weight:
            self.home[weight] = key
            self.boxes[key] = Box("parameter", [weight], [(weight, target), arc], arc, [to])

    def numbers(self, name: str) -> list[Quantity]:
        """A quantity in each pass that is shown and makes it another one: an update changes all but what is given."""
        exercise = self.solution.exercise
        steps = (0,) if name in exercise.given else self.solution.shown
        return [Quantity(name, step=step, is_parameter=step > 0 and name in exercise.parameters) for step in steps]

    def groups(self, box: Box) -> Iterator[list[Number]]:
        """The numbers of a box: of each quantity its values and its gradient, of each line its derivative and the flow.

        What comes back to a quantity along its only line is its gradient, and stands there once.
        """
        loss, gradients = self.solution.exercise.loss, self.solution.gradients

        def local(source: str, target: str) -> Number:
            value = self.arcs[source, target][0]
            return Number(local_key(source, target), "local", derivative(target, source), value)

        for i, name in enumerate(box.names):
            if i:
                yield [local(box.names[i - 1], name)]
            own = [
                Number(str(each), "second" if each.step else "value", str(each), self.solution.value(each))
                for each in self.numbers(name)
            ]
            slope, sigma = derivative(loss, name), "Σ " * (len(self.lines.users[name]) > 1)
            yield [*own, Number(slope, "gradient", slope, gradients.get(name, 0.0), sigma)]
        for arc in box.local:
            source, target = arc
            if target not in box.names:
                numbers = [local(source, target)]
                if arc == box.flow and source not in box.names:
                    numbers.append(Number(flow_key(*arc), "flow", source, self.arcs[arc][1], "← "))
                yield numbers

    def key(self, name: str) -> str | None:
        """Which number of the drawing a name on a sheet stands for: a quantity's, or what belongs to a line.

        dA/ds is the local derivative of a line where s reaches A by it alone, and what flows back along a line to s
        where A depends on s through this line alone and all else of the loss adds nothing to that.
        """
        asked = parse_name(self.solution.exercise, name)
        of, by = asked.of, asked.by
        if by is None or of == self.solution.exercise.loss:
            return str(asked)
        ways = self.lines.steps(of, by)
        if ways == [of]:
            return local_key(by, of)
        value = self.solution.value(name)
        if len(ways) == 1 and abs(self.arcs[by, ways[0]][1] - value) <= 1e-12 * abs(value):
            return flow_key(by, ways[0])
        return None


def worked(exercise: Exercise, most: int) -> tuple[Solution, Lines]:
    """An exercise worked. Raises ExerciseError for one of more quantities than anyone would look through."""
    if (count := len(exercise.positions)) > most:
        raise ExerciseError(
            "expected at most {most} quantities, got {count}: take a part of it", most=most, count=count
        ).at(exercise.source)
    solution = solve(exercise)
    return solution, Lines.of(solution)


def _factors(exercise: Exercise, name: str) -> Iterator[tuple[str, str]]:
    """The parameter W of each x that stands in a line as W·x, both of them once."""
    formula = exercise.forward[name]
    used = Counter(each.name for each in leaves(formula))
    for part in parts_of(formula.expression):
        match part:
            case Symbol(rule=ops.mul, x=Symbol(rule=None, name=one), y=Symbol(rule=None, name=other)):
                w, x = (one, other) if one in exercise.parameters else (other, one)
                if w in exercise.parameters and x not in exercise.parameters and used[w] == used[x] == 1:
                    yield x, w


def _columns(boxes: dict[str, Box]) -> tuple[list[list[str]], list[tuple[str, list[str]]]]:
    """The boxes column by column by their distance from the loss, and the routes of their lines."""
    depth: dict[str, int] = {}
    for key in TopologicalSorter({key: box.to for key, box in boxes.items()}).static_order():
        depth[key] = max((depth[to] + 1 for to in boxes[key].to), default=0)
    routes: list[tuple[str, list[str]]] = []
    next_to: dict[str, list[str]] = {}
    for key, box in boxes.items():
        next_to[key] = []
        for to in box.to:
            empty = {f">{len(depth) + k}": i for k, i in enumerate(range(depth[key] - 1, depth[to], -1))}
            depth |= empty
            places = [*empty, to]
            routes.append((key, places))
            next_to |= {place: [after] for place, after in pairwise(places)}
            next_to[key].append(places[0])
    layers: list[list[str]] = [[] for _ in range(max(depth.values()) + 1)]
    for each in next_to:
        layers[depth[each]].append(each)
    height: dict[str, float] = {}
    for layer in layers:
        layer.sort(key=lambda each: sum(height[to] for to in next_to[each]) / max(len(next_to[each]), 1))
        height |= {each: i / len(layer) for i, each in enumerate(layer)}
    return layers[::-1], routes


def way_back(exercise: Exercise) -> list[str]:
    """All that the loss depends on, nearest to it first (by the longest way), and as in the exercise among equals."""
    depth = {exercise.loss: 0}
    for name in reversed(list(exercise.forward)):
        if name in depth:
            depth |= {used: max(depth.get(used, 0), depth[name] + 1) for used in exercise.forward[name].names}
    return sorted(depth, key=lambda name: (depth[name], exercise.positions[name]))
