"""Numbers as a person writes them: their decimals count."""

import math
import re
from decimal import Decimal
from typing import NamedTuple

from micrograd_kr.said import say
from micrograd_kr.teacher.ask.formula import DIGITS, corrected
from micrograd_kr.teacher.ask.messages import ExerciseError, quoted

NUMBER = re.compile(rf"[+-]?{DIGITS}")
MOST_DECIMALS = 300  # a unit below 1e-307 is no normal float


class Hand(NamedTuple):
    """A number as a person wrote it: its text, its exact value, its decimals."""

    text: str
    number: Decimal
    decimals: int

    @property
    def unit(self) -> float:
        return 10.0**-self.decimals


def hand(text: str) -> Hand:
    """Read a number; "0.08" has two decimals, "8.1e-4" has five, "12" none."""
    number = Decimal(text)
    return Hand(text, number, min(max(0, -int(number.as_tuple().exponent)), MOST_DECIMALS))


def distance(written: Hand, value: float) -> float:
    """|hand − value|, without the rounding that a subtraction of floats would add."""
    return abs(float(written.number - Decimal(value)))


def to_its_end(value: float, most: int) -> str | None:
    """A number with all its decimals; None where that would be more than so many."""
    texts = (f"{value:z.{places}f}" for places in range(most + 1))
    return next((text for text in texts if abs(Decimal(text) - Decimal(value)) <= Decimal(4 * math.ulp(value))), None)


def no_number(text: str) -> ExerciseError:
    meant, got = corrected(text), quoted(text)
    if re.search(r"[≈≒≃＝]", text):
        return ExerciseError("expected = before the result, got {text}", text=got)
    if NUMBER.fullmatch(meant):
        error = say("expected a number, got {text}", text=got)
        return ExerciseError("{error}; did you mean {meant}?", error=error, meant=quoted(meant))
    return ExerciseError(
        'expected a number, or a worked line ending in one, "0.3 - 0.5*0.1 = 0.25"; got {text}', text=got
    )
