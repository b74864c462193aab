"""Numbers as a person writes them: their decimals count."""

import re
from decimal import Decimal
from typing import NamedTuple

from micrograd_kr.teacher.ask.formula import DIGITS, corrected, is_formula
from micrograd_kr.teacher.ask.messages import ExerciseError, problem, quoted

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


def no_number(text: str, worked: bool) -> ExerciseError:
    meant = corrected(text)
    if re.search(r"[≈≒≃＝]", text):
        return problem("no equals sign", text=quoted(text))
    if NUMBER.fullmatch(meant):
        error = problem("no number", text=quoted(text))
        return problem("did you mean", error=(error.english, error.korean), meant=quoted(meant))
    return problem("no result" if worked or not is_formula(meant) else "no worked line", text=quoted(text))
