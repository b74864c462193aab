"""A slope that was measured, (f(x + h) − f(x))/h or (f(x + h) − f(x − h))/2h, in the place of a derivative."""

import math
from collections.abc import Iterator, Sequence
from functools import cache

from micrograd_kr.said import say
from micrograd_kr.teacher.ask.exercise import parse_name
from micrograd_kr.teacher.ask.formula import evaluate
from micrograd_kr.teacher.ask.number import Hand, distance
from micrograd_kr.teacher.ask.quantity import Quantity
from micrograd_kr.teacher.ask.solution import Solution
from micrograd_kr.teacher.check.report import Note, in_a_sentence

STEPS = tuple(f"1e-{n}" for n in range(1, 9))
TRIED = 5
TELLING = 100  # times what a number is known to, that it must be off by: else it may be a difference by chance


class Differences:
    """Says of wrong derivatives which difference they are.

    Who measures slopes measures all of them in one way: after TRIED that are none, no more are looked at, and after the
    first that is one, no other steps.
    """

    def __init__(self, solution: Solution) -> None:
        self.solution, self.steps, self.left = solution, STEPS, TRIED

    def note(self, name: str, written: Hand) -> Note | None:
        """Which difference a wrong derivative is, to all its digits; None if it is none."""
        asked, value = parse_name(self.solution.exercise, name), self.solution.value(name)
        off = distance(written, value)
        if asked.by is None or off < TELLING * written.unit or not self.left:
            return None
        for step, difference, noise in _differences(self.solution, asked, self.steps):
            slack = noise if off >= TELLING * noise else 4 * math.ulp(difference)  # where noise is all, it is the same
            if math.isfinite(difference) and distance(written, difference) <= written.unit / 2 + slack:
                self.steps = (step,)
                gaps = {"step": step, "value": in_a_sentence(f"{value:.12g}")}
                return Note(
                    "difference", say("a finite difference with step {step}: the derivative is {value}", **gaps)
                )
        self.left -= len(self.steps) > 1
        return None


def _differences(solution: Solution, asked: Quantity, steps: Sequence[str]) -> Iterator[tuple[str, float, float]]:
    """The steps with the forward and with the central difference, and with the noise of both."""
    start, by = {name: float(value.data) for name, value in solution.passes[asked.step].items()}, str(asked.by)

    @cache
    def moved(step: float) -> float:
        values = {**start, by: start[by] + step}
        past = by not in solution.exercise.forward
        for name, formula in solution.exercise.forward.items():
            if past:
                values[name] = float(evaluate(formula, values))
            past = past or name == by
        return values[asked.of]

    for text in steps:
        step = float(text)
        noise = 8 * math.ulp(moved(step)) / step
        yield text, (moved(step) - moved(0.0)) / step, noise
        yield text, (moved(step) - moved(-step)) / (2 * step), noise
