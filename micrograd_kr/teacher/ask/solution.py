"""An exercise worked by the engine: forward, backward, one step of gradient descent, forward again."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property

from micrograd_kr import ops
from micrograd_kr.engine import Value, gradients
from micrograd_kr.teacher.ask.exercise import Exercise, known, parse_name
from micrograd_kr.teacher.ask.formula import evaluate
from micrograd_kr.teacher.ask.messages import ExerciseError, placed, quoted
from micrograd_kr.teacher.ask.quantity import Quantity, again


def forward(exercise: Exercise, parameters: Mapping[str, float] | None = None) -> dict[str, Value]:
    """Every quantity as a Value with its label, in order; `parameters` take the place of the exercise's own.

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
            with placed(f"[forward] {again(name) if parameters is not None else name}"):
                _finite(out.data)
            values[name] = out
    return values


@dataclass(frozen=True)
class Solution:
    """An exercise worked by the engine.

    passes: every quantity with the parameters as given, then with those after each step, W − lr·dE/dW. Without a
    learning rate there is one pass. slopes: in the first, of a quantity with respect to every one.
    """

    exercise: Exercise
    passes: tuple[dict[str, Value], ...]
    slopes: Callable[[str], dict[str, float]] = field(repr=False, compare=False)

    @property
    def gradients(self) -> dict[str, float]:
        """Of the loss in the first pass, with respect to every quantity."""
        return self.slopes(self.exercise.loss)

    @property
    def before(self) -> dict[str, Value]:
        """The first pass."""
        return self.passes[0]

    @property
    def after(self) -> dict[str, Value] | None:
        """The pass after a step, if there is one."""
        return self.passes[1] if len(self.passes) > 1 else None

    @cached_property
    def updated(self) -> dict[str, float]:
        """The parameters after a step; none without a learning rate."""
        return {name: self.after[name].data for name in self.exercise.parameters} if self.after else {}

    def value(self, name: str | Quantity) -> float:
        """The exact value of a quantity: z1, dE_total/dW5, W5+, z1'.

        Raises ExerciseError for what is no quantity, or infinite.
        """
        asked = name if isinstance(name, Quantity) else parse_name(self.exercise, name)
        found = self.slopes(asked.of)[asked.by] if asked.by else self.passes[asked.step][asked.of].data
        with placed(self.exercise.source), placed(quoted(str(name))):
            return _finite(found)

    def meant(self, line: str, name: str) -> Quantity:
        """The quantity that a name in the worked line of another stands for: in that of z1', those of its pass."""
        of, asked = parse_name(self.exercise, line), parse_name(self.exercise, name)
        step = of.step - of.is_parameter
        if not step or asked.kind != "value" or asked.of in self.exercise.given:
            return asked
        return asked._replace(step=step, is_parameter=asked.of in self.exercise.parameters)

    def numbers(self, name: str) -> dict[str, float]:
        """What the names in a worked line of a quantity stand for, lr among them; of z1', those of the second pass."""
        asked = parse_name(self.exercise, name)
        numbers = {each: value.data for each, value in self.passes[asked.step - asked.is_parameter].items()}
        return numbers if self.exercise.lr is None else numbers | {"lr": self.exercise.lr}


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ExerciseError("comes to {value}, expected a finite number: take other numbers, or lower lr", value=value)
    return value


def solve(exercise: Exercise) -> Solution:
    """Forward, backward, one step of gradient descent, forward again.

    Raises ExerciseError where a quantity of either pass is not finite.
    """
    before = forward(exercise)

    @cache
    def slopes(of: str) -> dict[str, float]:
        return dict(zip(before, map(float, gradients(before[of], list(before.values()))), strict=True))

    if exercise.lr is None:
        return Solution(exercise, (before,), slopes)
    updated = {name: old - exercise.lr * slopes(exercise.loss)[name] for name, old in exercise.parameters.items()}
    return Solution(exercise, (before, forward(exercise, updated)), slopes)
