"""A slope that was measured, (f(x + h) − f(x))/h or (f(x + h) − f(x − h))/2h, in the place of a derivative."""

import math
from collections.abc import Iterator

from micrograd_kr.said import say
from micrograd_kr.teacher.ask.exercise import parse_name
from micrograd_kr.teacher.ask.formula import evaluate
from micrograd_kr.teacher.ask.number import Hand, distance
from micrograd_kr.teacher.ask.solution import Solution
from micrograd_kr.teacher.check.report import Note

STEPS = tuple(f"1e-{n}" for n in range(1, 9))
TELLING = 100  # units that a number must be off by, so that it is no chance which difference it is


def finite_difference(solution: Solution, name: str, written: Hand) -> Note | None:
    """Which difference a wrong derivative is, to all its digits; None if it is none."""
    asked, value = parse_name(solution.exercise, name), solution.value(name)
    if asked.by is None or distance(written, value) < TELLING * written.unit:
        return None
    for step, difference in _differences(solution, asked.of, asked.by):
        if math.isfinite(difference) and distance(written, difference) <= written.unit / 2 + 4 * math.ulp(difference):
            gaps = {"step": step, "value": f"{value:.12g}"}
            return Note("difference", say("a finite difference with step {step}: the derivative is {value}", **gaps))
    return None


def _differences(solution: Solution, of: str, by: str) -> Iterator[tuple[str, float]]:
    """The steps, the largest first, with the forward and with the central difference."""
    start = {name: float(value.data) for name, value in solution.before.items()}

    def moved(step: float) -> float:
        values = {**start, by: start[by] + step}
        past = by not in solution.exercise.forward
        for name, formula in solution.exercise.forward.items():
            if past:
                values[name] = float(evaluate(formula, values))
            past = past or name == by
        return values[of]

    for text in STEPS:
        step = float(text)
        yield text, (moved(step) - moved(0.0)) / step
        yield text, (moved(step) - moved(-step)) / (2 * step)
