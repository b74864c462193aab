"""Numbers as a person writes them: their decimals count."""

import math
import re
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from micrograd_kr.teacher.ask.formula import DIGITS, finite, plain, with_points
from micrograd_kr.teacher.ask.messages import ExerciseError, quoted

NUMBER = re.compile(rf"[+-]?{DIGITS}")
MOST_DECIMALS = 300  # a unit below 1e-307 is no normal float
EXACT_DIGITS = 8  # decimals with which a number is shown that has none of its own, at most
SLACK = 8  # of a float's last places, to which a number is known that was worked exactly

_THIN = re.compile("(?<=[0-9])[\xa0\u2005-\u200a\u202f](?=[0-9])")
_ABOUT = r"약|대략|about|approx\.?|approximately|ca\.?|circa|roughly|[~∼≈≒≃≅]"
_ENDING = r"(?:이에요|예요|입니다|이다|임|이 ?됩니다|이 ?된다|쯤|가량|정도)*[.,!?]?"  # of a sentence that it stands in
_ROUNDED = r"rounded|approx\.?|approximately|cut off|truncated|exact|here|반올림|버림|근삿값|어림값"
_REMARK = (
    rf"(?:{_ROUNDED})\b[^()]*|[0-9]+ ?(?:decimal|digit|place|d\.?p)[^()]*|[^()]*[가-힣][^()]*|[^<>≤≥=≠]*[<>≤≥=≠].*"
)
_DIGITS = r"(?:[0-9]+(?:,[0-9]+)*(?:\.[0-9]*)?|[.,][0-9]+)(?:[eE][+-]?[0-9]{1,3})?"  # commas for points, too
_PARTED = re.compile(r"(?<=[0-9]\.) (?=[0-9])")  # telephones put a blank behind a point
_CELL = re.compile(
    rf"(?:(?:{_ABOUT}) ?)?(?P<sign>[+-]?) ?(?P<number>{_DIGITS}) ?(?:\.\.+|…|⋯)?"
    rf" ?(?:{_ROUNDED}|\((?:{_REMARK})\))? ?{_ENDING}",
    re.IGNORECASE,
)
_FRACTION = re.compile(r"(?P<sign>[+-]?) ?\(?([0-9]{1,300}) ?/ ?([0-9]{1,300})\)?")

# What a number is read with, the whole of it and what stands in it; the page reads with the same.
WHOLE = {"digits": NUMBER, "cell": _CELL, "fraction": _FRACTION}
PARTS = {"parted": _PARTED, "thin": _THIN}


class Hand(NamedTuple):
    """A number as a person wrote it: its digits, its exact value, its decimals.

    known: how far it is known where it was left to be worked, as 1/3 and 0.5*(1 - 0.5), so that its decimals say
    nothing; else 0. shown: as it was written, if not in these digits.
    """

    text: str
    number: Decimal
    decimals: int
    known: float = 0.0
    shown: str = ""

    @property
    def unit(self) -> float:
        """What its last decimal is worth."""
        return self.known or 10.0**-self.decimals


def one_line(text: str) -> str:
    """A text with single blanks between its words and none within a number: thin ones only part its digits."""
    return " ".join(_THIN.sub("", text).split())


@lru_cache(maxsize=10_000)
def hand(text: str) -> Hand:
    """Read a number as people write it: "0.08" has two decimals, "8.1e-4" has five, "12" none; "1/3" is exact.

    Raises ExerciseError for what is none.
    """
    if not NUMBER.fullmatch(text):
        return _typed(one_line(text))
    number = Decimal(text)
    finite(number)
    return Hand(text, number, min(max(0, -int(number.as_tuple().exponent)), MOST_DECIMALS))


def _typed(text: str) -> Hand:
    """A number as Python does not write it: ≈ 0.52, 0,5, 12 %, 1/3, 0.52 (rounded)."""
    typed = _PARTED.sub("", plain(text))
    if found := _CELL.fullmatch(typed):
        written = found["sign"] + with_points(found["number"])
        if NUMBER.fullmatch(written):
            return hand(f"{Decimal(written):f}" if "%" in text else written)  # 12 % is 0.12
    if (found := _FRACTION.fullmatch(typed)) and int(found[3]):
        number = Decimal(int(found["sign"] + found[2])) / int(found[3])
        return computed(finite(number))._replace(number=number, shown=text)
    raise no_number(text)


def computed(value: float, unit: float = 0.0) -> Hand:
    """A number that was left to be worked, from numbers that make it known to so much, or exactly.

    Raises ExerciseError for one that is not finite.
    """
    exact = SLACK * math.ulp(finite(value) or 1.0)
    text = to_its_end(value, EXACT_DIGITS) or f"{value:.{EXACT_DIGITS}f}"
    return Hand(text, Decimal(value), len(text.partition(".")[2]), max(unit, exact))


def distance(written: Hand, value: float) -> float:
    """|hand − value|, without the rounding that a subtraction of floats would add."""
    return abs(float(written.number - Decimal(value)))


def to_its_end(value: float, most: int) -> str | None:
    """A number with all its decimals; None where that would be more than so many. What is not finite has none."""
    if not math.isfinite(value):
        return str(value)
    texts = (f"{value:z.{places}f}" for places in range(most + 1))
    return next((text for text in texts if abs(Decimal(text) - Decimal(value)) <= Decimal(4 * math.ulp(value))), None)


def no_number(text: str) -> ExerciseError:
    return ExerciseError(
        'expected a number, or a worked line ending in one, "0.3 - 0.5*0.1 = 0.25"; got {text}', text=quoted(text)
    )
