"""An exercise worked by the engine: forward, backward, one step of gradient descent, forward again."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from micrograd_kr import ops
from micrograd_kr.engine import Value, gradients
from micrograd_kr.teacher.ask.exercise import Exercise, known, parse_name
from micrograd_kr.teacher.ask.formula import evaluate
from micrograd_kr.teacher.ask.messages import ExerciseError, placed, quoted
from micrograd_kr.teacher.ask.quantity import again


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
                out = ops.same(out)  # to the shape it has: a node that changes nothing
            out.label = name
            with placed(f"[forward] {again(name) if parameters is not None else name}"):
                _finite(out.data)
            values[name] = out
    return values


@dataclass(frozen=True)
class Solution:
    """An exercise worked by the engine.

    before: every quantity in the first pass. gradients: of the loss, with respect to every quantity.
    updated: the parameters after one step, W − lr·dE/dW. after: every quantity in the second pass, with these.
    Without a learning rate `updated` is empty and `after` is None.
    """

    exercise: Exercise
    before: dict[str, Value]
    gradients: dict[str, float]
    updated: dict[str, float]
    after: dict[str, Value] | None
    _slopes: dict[str, dict[str, float]] = field(default_factory=dict, repr=False, compare=False)

    def value(self, name: str) -> float:
        """The exact value of a quantity: z1, dE_total/dW5, W5+, z1'.

        Raises ExerciseError for what is no quantity, or infinite.
        """
        asked = parse_name(self.exercise, name)
        if asked.by is not None:
            if asked.of not in self._slopes:
                self._slopes[asked.of] = _slopes(self.before, asked.of)
            found = self._slopes[asked.of][asked.by]
        elif asked.kind == "updated":
            found = self.updated[asked.of]
        else:
            found = ((self.after or {}) if asked.step else self.before)[asked.of].data
        with placed(self.exercise.source), placed(quoted(name)):
            return _finite(found)

    def numbers(self, name: str) -> dict[str, float]:
        """What the names in a worked line of a quantity stand for, lr among them; of z1', those of the second pass."""
        second = parse_name(self.exercise, name).kind == "second"
        numbers = {each: value.data for each, value in ((self.after if second else None) or self.before).items()}
        return numbers if self.exercise.lr is None else numbers | {"lr": self.exercise.lr}


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ExerciseError(
            "comes to {value}, expected a finite number: choose other numbers, or lower lr", value=value
        )
    return value


def _slopes(values: Mapping[str, Value], of: str) -> dict[str, float]:
    return dict(zip(values, map(float, gradients(values[of], list(values.values()))), strict=True))


def solve(exercise: Exercise) -> Solution:
    """Forward, backward, one step of gradient descent, forward again.

    Raises ExerciseError where a quantity of either pass is not finite.
    """
    return step(exercise, forward(exercise), lambda updated: forward(exercise, updated))


def step(
    exercise: Exercise, before: dict[str, Value], forward: Callable[[dict[str, float]], dict[str, Value]]
) -> Solution:
    """The same from the first pass, with what makes the second."""
    slopes = _slopes(before, exercise.loss)
    if exercise.lr is None:
        return Solution(exercise, before, slopes, {}, None)
    updated = {name: number - exercise.lr * slopes[name] for name, number in exercise.parameters.items()}
    return Solution(exercise, before, slopes, updated, forward(updated))
