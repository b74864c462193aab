"""A cell of a sheet as it is typed: a number, a worked line `a = b = 0.25`, an expression that is left to be worked."""

import re
from functools import lru_cache
from typing import NamedTuple

from micrograd_kr.said import Said
from micrograd_kr.teacher.ask.formula import check_length, plain, split
from micrograd_kr.teacher.ask.messages import ExerciseError
from micrograd_kr.teacher.ask.number import Hand, hand, one_line
from micrograd_kr.teacher.ask.quantity import spelled

_NOT_ANSWERED = re.compile(r"[-?._…* ]*|x|모름|모르겠\w*|몰라요?|n/?a|none", re.IGNORECASE)
EQUALS = "=≈≒≃≅＝﹦→⇒⟹∴"
_LABEL = re.compile(r"^(?:답|정답|풀이|값|결과|answer|solution|result) ?[:：] ?", re.IGNORECASE)

# What the page reads a cell with, too.
WHOLE = {"notAnswered": _NOT_ANSWERED}
PARTS = {"label": _LABEL}


class Cell(NamedTuple):
    """parts: the expressions of a worked line, in order. result: the number at its end, or all there is; None where the
    last part is left to be worked.
    """

    parts: tuple[str, ...]
    result: Hand | None


class Unreadable(NamedTuple):
    """A line of a sheet that cannot be read: its name and its text as typed, and why."""

    name: str
    text: str
    why: Said


@lru_cache(maxsize=10_000)
def read_cell(text: str, name: str) -> Cell | None:
    """What was written for a quantity; None if that is no answer, "?".

    The parts are not read yet. Raises ExerciseError for a text that is too long.
    """
    check_length(one_line(text))
    parts = sides(text, name)
    if not is_answered(parts):
        return None
    *before, last = parts
    try:
        return Cell(tuple(before), hand(last))
    except ExerciseError:
        return Cell(tuple(parts), None)


def sides(text: str, name: str) -> list[str]:
    """What stands between the equals signs of a cell, without the name that it is the cell of."""
    text = re.sub("[=-]>", "=", _LABEL.sub("", one_line(text)))
    parts = [each for part in split(text, EQUALS) if (each := part.strip())]
    return parts[1:] if parts and spelled(parts[0]) == name else parts


def is_answered(parts: list[str]) -> bool:
    """Whether the last of some sides is an answer: "?" is none."""
    return bool(parts) and not _NOT_ANSWERED.fullmatch(plain(parts[-1]))
