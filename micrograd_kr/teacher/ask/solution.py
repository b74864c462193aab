"""An exercise worked by the engine: forward, backward, an update, forward again, as often as it asks for."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property

from micrograd_kr import ops
from micrograd_kr.engine import Value, gradients
from micrograd_kr.teacher.ask.exercise import Exercise, known, parse_name
from micrograd_kr.teacher.ask.formula import evaluate
from micrograd_kr.teacher.ask.messages import ExerciseError, placed, quoted
from micrograd_kr.teacher.ask.quantity import Quantity

FEW = 3  # updates of which each is shown


def forward(exercise: Exercise, parameters: Mapping[str, float] | None = None, step: int = 1) -> dict[str, Value]:
    """Every quantity as a Value with its label, in order; `parameters` take the place of the exercise's own.

    step: after how many updates they do, for a message.

    A line that only renames makes a node of its own. Raises ExerciseError where a quantity is not finite.
    """
    with placed(exercise.source):
        start = {**exercise.given, **exercise.parameters}
        start |= {known(exercise, name): number for name, number in (parameters or {}).items()}
        values = {name: Value(number, name) for name, number in start.items()}
        for name, formula in exercise.forward.items():
            out = evaluate(formula, values)
            if not isinstance(out, Value):
                out = Value(out)
            elif out.label:
                out = ops.identity(out)  # to the shape it has: a node that changes nothing
            out.label = name
            with placed(f"[forward] {Quantity(name, step=step) if parameters is not None else name}"):
                _finite(out.data)
            values[name] = out
    return values


@dataclass(frozen=True)
class Solution:
    """An exercise worked by the engine.

    passes: every quantity with the parameters as given, then with those after each update. Without one there is one
    pass. states: what an update remembers of the parameters, m_W5, before the first and after each. slopes: in a pass,
    of a quantity with respect to every one.
    """

    exercise: Exercise
    passes: tuple[dict[str, Value], ...]
    states: tuple[dict[str, float], ...]
    slopes: Callable[[str, int], dict[str, float]] = field(repr=False, compare=False)

    @property
    def gradients(self) -> dict[str, float]:
        """Of the loss in the first pass, with respect to every quantity."""
        return self.slopes(self.exercise.loss, 0)

    @property
    def shown(self) -> tuple[int, ...]:
        """The passes that are shown: the first two, the last, what the sheet asks for; of few all."""
        last = len(self.passes) - 1
        asked = {each.step for each in self.exercise.asked.values()} if last > FEW else {*range(last)}
        return tuple(sorted({0, min(1, last), last, *asked}))

    @property
    def before(self) -> dict[str, Value]:
        """The first pass."""
        return self.passes[0]

    @property
    def after(self) -> dict[str, Value] | None:
        """The pass after the last update, if there is one."""
        return self.passes[-1] if len(self.passes) > 1 else None

    @cached_property
    def start(self) -> dict[str, float]:
        """What is known before anything is worked: given numbers, parameters and their states, lr."""
        exercise, lr = self.exercise, {} if self.exercise.lr is None else {"lr": self.exercise.lr}
        return {**exercise.given, **exercise.parameters, **self.states[0], **lr}

    @cached_property
    def updated(self) -> dict[str, float]:
        """The parameters after the last update; none without one."""
        return {name: self.after[name].data for name in self.exercise.parameters} if self.after else {}

    def value(self, name: str | Quantity) -> float:
        """The exact value of a quantity: z1, dE_total/dW5, W5+, z1'.

        Raises ExerciseError for what is no quantity, or infinite.
        """
        asked = name if isinstance(name, Quantity) else parse_name(self.exercise, name)
        if asked.by is not None:
            found = self.slopes(asked.of, asked.step).get(asked.by, 0.0)
        else:
            state = self.states[asked.step].get(asked.of)
            found = self.passes[asked.step][asked.of].data if state is None else state
        if math.isfinite(found):
            return found
        with placed(self.exercise.source), placed(quoted(str(name))):
            return _finite(found)

    def meant(self, line: str, name: str) -> Quantity:
        """The quantity that a name in the worked line of another stands for: in that of z1', those of its pass."""
        exercise, asked, step = self.exercise, parse_name(self.exercise, name), parse_name(self.exercise, line).in_pass
        if asked.step or "@" in name or asked.of in exercise.given:
            return asked
        is_changed = asked.by is None and (asked.of in exercise.parameters or asked.of in exercise.states)
        return asked._replace(step=step, is_parameter=is_changed and step > 0)

    def numbers(self, name: str) -> dict[str, float]:
        """What the names in a worked line of a quantity stand for, lr among them; of z1', those of the second pass."""
        asked = parse_name(self.exercise, name)
        numbers = {each: value.data for each, value in self.passes[asked.in_pass].items()}
        constants = {"lr": self.exercise.lr, "k": float(asked.step)}
        return numbers | {name: constants[name] for name in self.exercise.constants}


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ExerciseError("comes to {value}, expected a finite number: take other numbers, or lower lr", value=value)
    return value


def solve(exercise: Exercise) -> Solution:
    """Forward, backward, an update, forward again, for each step.

    Raises ExerciseError where a quantity of any pass is not finite.
    """
    passes, states = [forward(exercise)], [dict.fromkeys(exercise.states, 0.0)]

    @cache
    def slopes(of: str, step: int) -> dict[str, float]:
        values = passes[step]
        return dict(zip(values, map(float, gradients(values[of], list(values.values()))), strict=True))

    for step in range(1, exercise.steps + 1):
        slope, start = slopes(exercise.loss, step - 1), {name: passes[-1][name].data for name in exercise.parameters}
        states.append(dict(states[-1]))
        for name in exercise.parameters:
            numbers = {**exercise.given, "p": start[name], "g": slope[name], "k": float(step), "lr": exercise.lr}
            numbers |= {line: states[-1][f"{line}_{name}"] for line in exercise.update if line != "p"}
            for line, formula in exercise.update.items():
                numbers[line] = float(evaluate(formula, numbers))
            states[-1] |= {f"{line}_{name}": numbers[line] for line in exercise.update if line != "p"}
            start[name] = numbers["p"]
        passes.append(forward(exercise, start, step))
    return Solution(exercise, tuple(passes), tuple(states), slopes)
