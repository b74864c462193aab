"""What is written for a whole array at once, X·Wᵀ + b or [[0.1, −0.3], [0.4, 0.9]]: taken apart into its entries.

So that what is judged are scalars: for each entry the line is written out that a person would have worked.
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from micrograd_kr.teacher.ask.arrays import Textbook
from micrograd_kr.teacher.ask.cell import is_answered, sides
from micrograd_kr.teacher.ask.exercise import Exercise, quantity_meant
from micrograd_kr.teacher.ask.expressions import Symbol, written_out
from micrograd_kr.teacher.ask.formula import FORMULA_LENGTH, read_whole, source
from micrograd_kr.teacher.ask.messages import ExerciseError
from micrograd_kr.teacher.ask.number import hand
from micrograd_kr.teacher.ask.quantity import QUANTITY, spelled

_SHAPE = re.compile(r" *\((?:shape|모양) [()0-9, ·→]*\)$")  # as it is printed behind a line of arrays
# numpy's and PyTorch's print, too
_LIST = re.compile(r"(?:(?:np\.|torch\.)?(?:array|tensor)\( ?)?(\[.*\])(?:, ?[^\[\]]*\)|\))?")
_TRANSPOSED = re.compile(r"\^ ?\{?\(?(?:T|⊤)\b\)?\}?|\.T\b|ᵀ")
_SLICE = re.compile(r"\[[0-9, ]*:[0-9:, ]*\]")
_IN_SLICE = str.maketrans("[]:", "⟨⟩∶")
_ROW = re.compile(r"\[([^\[\]]*)\]")
_ENTRY_BY_ENTRY = str.maketrans("⊙∘", "**")


def cells(exercise: Exercise, name: str, text: str, whole: Any) -> Any:
    """A cell for a whole array, of these quantities, as one for each of them.

    Raises ExerciseError for what has another shape, and where a line would be too long.
    """
    lines, bare = np.full(whole.shape, "", object), _SHAPE.sub("", text)
    parts = sides(bare, name)
    for each in parts if is_answered(parts) else ():
        numbers = _numbers(each)
        written = _unrolled(exercise, each, whole.shape) if numbers is None else numbers
        if not written.ndim and bare != text:
            written = np.full(whole.shape, written.item(), object)  # 0.5 (shape (2, 2)): each of them
        if not written.ndim:
            gaps = {"name": name, "shape": whole.shape, "first": str(whole.flat[0])}
            raise ExerciseError("{name} has the shape {shape}: expected one of its numbers, {first}", **gaps)
        if not _fits(written.shape, whole.shape):
            raise ExerciseError(
                "expected numbers of the shape {shape}, got {got}", shape=whole.shape, got=written.shape
            )
        for at, one in zip(np.ndindex(whole.shape), written.flat, strict=True):
            lines[at] += " = " * bool(lines[at]) + one
    return lines


def without_arrays(exercise: Exercise, name: str, text: str) -> str:
    """A cell for one number, what is worked from whole arrays in it written out, sum(∂E/∂z, axis = 0) = 0.1."""
    parts = sides(text, name) if exercise.shapes else []
    are_whole = [_has_arrays(exercise, each) for each in parts]
    if not any(are_whole):
        return text
    written = []
    for each, is_whole in zip(parts, are_whole, strict=True):
        found = _unrolled(exercise, each, ()) if is_whole else np.array(each, object)
        if found.size != 1:
            raise ExerciseError("expected one number, got an array of the shape {shape}", shape=found.shape)
        written.append(found.item())
    return " = ".join(written)


def _fits(shape: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether two shapes are one but for rows and columns of vectors."""
    return [n for n in shape if n != 1] == [n for n in other if n != 1]


def _numbers(text: str) -> Any:
    """A vector or a matrix of numbers as it is written, each as text, also with blanks between; None if it is none."""
    listed = _LIST.fullmatch(text)
    if not listed:
        return None
    inner = re.findall(_ROW, listed[1])
    if re.sub(_ROW, "", listed[1]).strip("[],; "):
        return None
    rows = [row for each in inner for row in each.split(";")]
    written = [[each.strip() for each in (row.split(",") if "," in row else row.split())] for row in rows]
    if len({len(row) for row in written}) != 1 or not all(_is_number(each) for row in written for each in row):
        return None
    is_vector = listed[1].count("[") == 1 and len(rows) == 1
    return np.array(written[0] if is_vector else written, object)


def _is_number(text: str) -> bool:
    try:
        hand(text)
    except ExerciseError:
        return text == "?"
    return True


def _has_arrays(exercise: Exercise, text: str) -> bool:
    """Whether whole arrays are named in a part of a worked line."""
    names = re.findall(QUANTITY, _read_as(text, "*", "*"))
    return any(exercise.entries(spelled(each)) is not None for each in names)


# What · and ×, and what * may stand for, the likeliest first; people write o·(1 − o) of vectors, and X*W of matrices.
_READINGS = (" @ ", "*"), ("*", "*"), (" @ ", " @ ")


def _read_as(text: str, dot: str, star: str) -> str:
    text = _SLICE.sub(lambda each: each[0].translate(_IN_SLICE), text)
    text = re.sub(r"(?<!\*)\*(?!\*)", star, _TRANSPOSED.sub("⊤", text))
    return re.sub("[·⋅∙•×]", dot, text).translate(_ENTRY_BY_ENTRY)


def _unrolled(exercise: Exercise, text: str, shape: tuple[int, ...]) -> Any:
    """An expression of whole arrays for each entry, as text, in the first reading that has this shape."""

    def arrays(names: Mapping[str, str]) -> Textbook:
        found = {place: exercise.entries(name) for place, name in names.items()}
        for place, name in names.items():
            if found[place] is None and name not in exercise.constants:
                quantity_meant(exercise, name)
        known = {place: _OF_NAMES(entries) for place, entries in found.items() if entries is not None}
        return Textbook(known, is_one=not shape)

    read, errors = [], list[ExerciseError]()
    for dot, star in _READINGS:
        try:
            read.append(read_whole(_read_as(text, dot, star), exercise.names, arrays, dot.strip()))
        except ExerciseError as error:
            errors.append(error)
    if errors and not any(_fits(each.shape, shape) for each in read):
        raise errors[0]
    return _written_out(next((each for each in read if _fits(each.shape, shape)), read[0]))


def _written_out(read: Any) -> Any:
    is_short = written_out(read := np.asarray(read)) <= FORMULA_LENGTH * read.size
    written = np.asarray(_AS_TEXT(read)) if is_short else None
    if written is None or max(map(len, written.flat), default=0) > FORMULA_LENGTH:
        raise ExerciseError(
            "each of its numbers is worked in more than {most:,} characters; write the numbers themselves, "
            "[[0.1, 0.2], [0.3, 0.4]], or single ones, W[0,1]",
            most=FORMULA_LENGTH,
        )
    return written


_OF_NAMES: Callable[[Any], Any] = np.frompyfunc(lambda each: Symbol(str(each), math.nan), 1, 1)
_AS_TEXT: Callable[[Any], Any] = np.frompyfunc(source, 1, 1)
