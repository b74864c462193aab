"""A person's numbers for an exercise, read from what stands in a file; what cannot be read is noted."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from micrograd_kr.said import Said, say
from micrograd_kr.teacher.ask import latex
from micrograd_kr.teacher.ask.cell import Unreadable, read_cell
from micrograd_kr.teacher.ask.exercise import Exercise, quantity_meant, verified
from micrograd_kr.teacher.ask.formula import read_worked
from micrograd_kr.teacher.ask.messages import NAME_LENGTH, ExerciseError, limit, placed, printable, product
from micrograd_kr.teacher.ask.number import NUMBER, no_number, one_line
from micrograd_kr.teacher.ask.quantity import Quantity, spelled
from micrograd_kr.teacher.ask.whole import cells, without_arrays

HAND_NUMBERS = 1_000
_NO_BAR = re.compile(r"(?<!/)(?<!/ )∂[\w\s]*∂")  # as browsers copy a derivative that is set with a bar


class Bare(str):
    """A number that stands in a file without quotes, as it was written there."""


class Damaged(NamedTuple):
    """A line that is no TOML, and what there is to say of it."""

    text: str
    why: Said


def with_hand(exercise: Exercise, lines: dict[str, Any]) -> Exercise:
    """The exercise with a person's numbers; what cannot be read is noted, and the rest is."""
    hand: dict[str, str] = {}
    asked: dict[str, Quantity] = {}
    unreadable: list[Unreadable] = []
    too_long = say("{numbers:,} numbers", numbers=HAND_NUMBERS)
    with placed("[hand]"):
        limit(len(lines), HAND_NUMBERS, too_long)

    def note(name: str, written: Any, error: ExerciseError) -> None:
        unreadable.append(Unreadable(printable(name, NAME_LENGTH), printable(str(written), NAME_LENGTH), error.said))

    for key, line in lines.items():
        if isinstance(line, Damaged):
            unreadable.append(Unreadable(printable(key, NAME_LENGTH), printable(line.text, NAME_LENGTH), line.why))
            continue
        try:
            typed = _typed(exercise, line) if type(line) is str else line
            cells = list(_each(exercise, spelled(_typed(exercise, key)), typed))
        except ExerciseError as error:
            note(key, line, error)
            continue
        with placed(f"[hand] {printable(key)}"):
            limit(len(asked) + len(cells), HAND_NUMBERS, too_long)
        for quantity, each in cells:
            name = str(quantity)
            try:
                if name in asked:
                    raise twice("hand")
                text = _written(exercise, name, each)
            except ExerciseError as error:
                note(key if len(cells) == 1 else name, each, error)
                continue
            asked[name] = quantity
            if text:
                hand[name] = text
    return replace(exercise, hand=hand, asked=asked, unreadable=tuple(unreadable))


def blank(exercise: Exercise) -> Exercise:
    """The exercise before anybody answered: all that its [hand] lists is still asked for."""
    return with_hand(exercise, dict.fromkeys([*exercise.hand, *exercise.asked], ""))


def _typed(exercise: Exercise, text: str) -> str:
    """A name or a cell without LaTeX. Raises ExerciseError for a formula that has lost its fraction bars."""
    if text in exercise.names:
        return text
    if _NO_BAR.search(text):
        raise ExerciseError(
            "the bars of fractions were lost in copying: write ∂E/∂W with a stroke, or copy what explain prints"
        )
    return latex.plain(text, exercise.names)


def _each(exercise: Exercise, name: str, line: Any) -> Iterator[tuple[Quantity, Any]]:
    """A line of [hand], of an array entry by entry."""
    whole = exercise.entries(name) if type(line) in (list, str) else None
    if whole is None:
        yield quantity_meant(exercise, name), line
        return
    written = np.array(line, object) if type(line) is list else cells(exercise, name, line, whole)
    if written.shape != whole.shape:
        raise ExerciseError("expected numbers of the shape {shape}, got {got}", shape=whole.shape, got=written.shape)
    for at in np.ndindex(whole.shape):
        yield verified(exercise, whole[at]), written[at]


def _written(exercise: Exercise, name: str, entry: Any) -> str:
    """What was written for a quantity, as it stands in the file; empty for what is no answer.

    Raises ExerciseError for what cannot be read. A worked line may use the names of quantities, and lr.
    """
    if type(entry) not in (int, Bare, str):
        raise ExerciseError("expected a number, got {text}", text=kind_of(entry))
    text = one_line(entry) if type(entry) is str else str(entry).replace("_", "")  # 1_000.5
    if type(entry) is Bare and not NUMBER.fullmatch(text):  # nan
        raise no_number(text)
    cell = read_cell(text := without_arrays(exercise, name, text), name)
    for part in cell.parts if cell else ():
        for each in read_worked(part, exercise.positions).names:
            if each in exercise.constants:
                continue
            try:
                quantity_meant(exercise, each)
            except ExerciseError as error:
                is_word = part.isalnum() and part not in exercise.shapes and not product(part, exercise.names)
                raise (no_number(part) if is_word else error) from None
    return text if cell else ""


def twice(table: str) -> ExerciseError:
    return ExerciseError("defined twice, before in {table}; keep one, or give it another name", table=f"[{table}]")


def kind_of(entry: Any) -> Said:
    """What TOML made of an entry, in words."""
    kinds = {str: say("text"), bool: say("true or false"), dict: say("a table"), list: say("a list")}
    return (kinds | dict.fromkeys((int, Bare), say("a number"))).get(type(entry), say("a date"))
