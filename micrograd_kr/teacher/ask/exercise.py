"""An exercise file in, its quantities out: read from TOML, worked by the engine.

An exercise is data, nothing in a file is ever run. Whatever is wrong with one is an ExerciseError that names the file
and the line. A name may be Hangul. It is normalised as Python does it (NFKC), so that two ways to type one name are
one name.
"""

import os
import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from importlib.resources import files
from keyword import iskeyword
from pathlib import Path
from typing import Any, ClassVar

from micrograd_kr.said import Said, say
from micrograd_kr.teacher.ask.cell import Cell, Unreadable, read_cell
from micrograd_kr.teacher.ask.formula import FUNCTIONS, TYPED, Formula, check_length, finite, read_formula, read_worked
from micrograd_kr.teacher.ask.mending import RATES, hint
from micrograd_kr.teacher.ask.messages import (
    NAME_LENGTH,
    ExerciseError,
    limit,
    nearest,
    placed,
    printable,
    quoted,
    unknown,
)
from micrograd_kr.teacher.ask.number import NUMBER, Hand, no_number, one_line
from micrograd_kr.teacher.ask.quantity import Quantity, derivative, parse, spelled

# What a file may hold, so that none takes long. The limits on lines keep tomllib from keys of thousands of dotted
# parts, which take it minutes.
FILE_BYTES = 100_000
FILE_LINES = 3_000
LINE_LENGTH = 1_500
NAMES = 500
HAND_NUMBERS = 1_000
BUILT_IN = files("micrograd_kr.teacher") / "exercises"


@dataclass(frozen=True)
class Exercise:
    """An exercise, and the numbers one person worked out for it.

    name: of the built-in exercise, or the file's stem; a student's file has the name of the exercise it answers.
    loss: the line of `forward` that is differentiated. lr: the learning rate, if there is one.
    given, parameters: the numbers it starts from; a step of gradient descent changes the parameters.
    forward: the formulas, in order.
    hand: a person's numbers as written, "0.08", or worked lines, "0.3 - 0.5*0.1 = 0.25".
    source: the file's name. asked: what the names in [hand] stand for, blanks included. unreadable: the lines of [hand]
    that cannot be read.
    """

    name: str
    title: str
    loss: str
    lr: float | None
    given: Mapping[str, float]
    parameters: Mapping[str, float]
    forward: Mapping[str, Formula]
    hand: Mapping[str, str]
    source: str
    asked: Mapping[str, Quantity] = field(default_factory=dict, repr=False)
    unreadable: tuple[Unreadable, ...] = ()
    picture: ClassVar[Any] = None  # what draws one; drawing lies above exercises, and says so itself

    @cached_property
    def positions(self) -> dict[str, int]:
        """Every name with its place in the order of computation."""
        return {name: i for i, name in enumerate((*self.given, *self.parameters, *self.forward))}

    @property
    def blanks(self) -> tuple[str, ...]:
        """The names in [hand] that are left empty, "", as on a worksheet."""
        return tuple(name for name in self.asked if name not in self.hand)

    @cached_property
    def cells(self) -> dict[str, Cell]:
        """What was written for each name in [hand]."""
        cells = ((name, read_cell(text, name)) for name, text in self.hand.items())
        return {name: cell for name, cell in cells if cell}

    @property
    def results(self) -> list[Hand]:
        """The numbers in [hand], of a worked line the last; without those that were left to be worked, as 1/3."""
        return [each.result for each in self.cells.values() if each.result and not each.result.known]

    def _repr_mimebundle_(self, *args: Any, **kwargs: Any) -> dict[str, str]:
        """A notebook shows an exercise as its picture."""
        bundle: dict[str, str] = type(self).picture(self)._repr_mimebundle_() if type(self).picture else {}
        return bundle


def parse_name(exercise: Exercise, text: str) -> Quantity:
    """What a name stands for: z1, dE_total/dW5, W5+ or z1'; ∂, ′, ⁺ and subscripts are read as well.

    Raises ExerciseError for what is no quantity of the exercise, or needs a learning rate where there is none.
    """
    asked = exercise.asked.get(text)
    if asked is not None and not (asked.step and exercise.lr is None):
        return asked
    with placed(exercise.source), placed(quoted(text)):
        return _quantity_meant(exercise, spelled(text))


def _quantity_meant(exercise: Exercise, text: str) -> Quantity:
    """The quantity of a name, spelled as kept. Raises ExerciseError, with the one that was probably meant."""
    try:
        return _quantity(exercise, text)
    except ExerciseError as error:
        meant = _meant(exercise, text)
        if not meant or f"did you mean {meant}" in str(error):
            raise
        raise ExerciseError("{error}; did you mean {meant}?", error=error.said, meant=meant) from None


def _meant(exercise: Exercise, text: str) -> str:
    """The quantity that was probably meant by dl/dw1, E/h1 or z1+; "" if none is like it."""

    def near(name: str) -> str:
        return nearest(name, exercise.positions)

    above, slash, below = (each.strip("'+") for each in text.partition("/"))
    if slash:
        of, by = (near(each[1:]) if each.startswith("d") else near(each) for each in (above, below))
        meant = derivative(of, by)
    else:
        of = near(above)
        meant = of + ("+" if of in exercise.parameters else "'") * (above != text)
    with suppress(ExerciseError):
        _quantity(exercise, meant)
        return "" if meant == text else meant
    return ""


def _quantity(exercise: Exercise, text: str) -> Quantity:
    asked = parse(text)
    meant = None if text == asked.of else ""  # all of it is meant to be said, dE/dW
    of = known(exercise, asked.of, meant)
    if asked.by is not None:
        known(exercise, asked.by, meant)
        if of not in exercise.forward:
            raise ExerciseError("expected a derivative of what [forward] computes, which {name} is not", name=of)
        if exercise.positions[asked.by] > exercise.positions[of]:
            raise ExerciseError("{by} is computed after {of}: did you mean d{by}/d{of}?", of=of, by=asked.by)
    elif asked.step:
        if of not in (exercise.parameters if asked.is_parameter else exercise.forward):
            raise ExerciseError("expected W+ of a name of [parameters], z' of one of [forward]; what is given stays")
        if exercise.lr is None:
            raise ExerciseError("lr is missing: {name} comes after a step; write lr = 0.5 above the tables", name=text)
    return asked


def known(exercise: Exercise, name: str, meant: str | None = None) -> str:
    """A name of the exercise. Raises ExerciseError for another, with what was meant, by default the nearest."""
    if name not in exercise.positions:
        said = say("unknown name {name}{meant}; expected a name of the exercise, or dE/dW, W+, z' of such names")
        raise unknown(said, name, exercise.positions, meant)
    return name


class Bare(str):
    """A number that stands in a file without quotes, as it was written there."""


def _text(path: Path) -> str:
    """The text of an ordinary file, UTF-8 with or without a byte order mark, within the limits."""
    try:
        if path.exists() and not path.is_file():  # a FIFO would wait for someone to write into it
            raise OSError(None, say("not an ordinary file"))
        with path.open("rb") as file:
            contents = file.read(FILE_BYTES + 1)
    except FileNotFoundError:
        raise ExerciseError("no such file; the built-in exercises are {names}", names=", ".join(built_in())) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ExerciseError("expected a text file, cannot read it: {reason}", reason=reason) from None
    limit(len(contents), FILE_BYTES, f"{FILE_BYTES // 1000} kB")
    try:
        text = contents.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = contents[: error.start].count(b"\n") + 1
        raise ExerciseError("not UTF-8 in line {line}; save the file again in this encoding", line=line) from None
    lines = text.split("\n")
    limit(len(lines), FILE_LINES, say("{lines:,} lines", lines=FILE_LINES))
    for each in lines:
        with placed(quoted(each.partition("=")[0].strip())):
            check_length(each, LINE_LENGTH)
    return text


def _tables(text: str) -> dict[str, Any]:
    """What TOML says; a number with a point is kept as written."""
    try:
        return tomllib.loads(text, parse_float=Bare)
    except RecursionError:
        raise ExerciseError("not TOML: {error}{hint}", error=say("too deeply nested"), hint="") from None
    except ValueError as error:  # a TOMLDecodeError, or an integer of more digits than Python reads
        found = re.search(r"at line ([0-9]+)", str(error))
        meant = hint(text.split("\n"), int(found[1]), str(error)) if found else ""
        raise ExerciseError("not TOML: {error}{hint}", error=str(error), hint=meant) from None


def built_in() -> list[str]:
    """The names of the exercises that come with the package."""
    return sorted(each.name.removesuffix(".toml") for each in BUILT_IN.iterdir() if each.name.endswith(".toml"))


def source_text(name: str) -> str:
    """The file of a built-in exercise, to start one's own from. Raises ExerciseError for an unknown name."""
    if name not in built_in():
        said = say("no built-in exercise {name}{meant}; there are {names}; a file is given as my.toml")
        raise unknown(said, name, built_in())
    return BUILT_IN.joinpath(f"{name}.toml").read_text("utf-8")


def load(name_or_path: str | os.PathLike[str]) -> Exercise:
    """A built-in exercise by its name, an exercise from a file, or a student's file.

    A student's file holds `exercise = "chapter7"` and [hand], nothing else; it names a built-in exercise, or a .toml
    file in its own folder or below. Its numbers take the place of the exercise's own.

    Raises ExerciseError for whatever keeps it from being used.
    """
    name = os.fspath(name_or_path)
    is_name = isinstance(name_or_path, str) and re.fullmatch(r"[\w-]*", name)
    if is_name and (name in built_in() or not os.path.exists(name)):
        return _exercise(name, f"{name}.toml", _tables(source_text(name)))
    return _from_file(Path(name))


def _from_file(path: Path, answers: bool = True) -> Exercise:
    """answers: whether it may be a student's."""
    with placed(printable(path.name)):
        tables = _tables(_text(path))
        if answers and "exercise" in tables:
            return _answered(path, tables)
        return _exercise(printable(path.stem), printable(path.name), tables)


def _answered(path: Path, tables: dict[str, Any]) -> Exercise:
    """A student's file: the exercise that it names, with the student's numbers."""
    named, entries = _parts(tables, ANSWERS)
    asked = path.parent / named
    if named in built_in():
        exercise = load(named)
    elif re.fullmatch(r"[^\0]*\.toml", named) and Path(os.path.realpath(asked)).is_relative_to(path.parent.resolve()):
        exercise = _from_file(asked, answers=False)
    else:
        said = say("expected a built-in exercise ({names}) or a .toml file in this folder or below, got {name}{meant}")
        raise unknown(said, named, built_in()).at("exercise")
    unanswered = replace(exercise, hand={}, asked={}, source=printable(path.name))
    return with_hand(unanswered, entries)


def _exercise(name: str, source: str, tables: dict[str, Any]) -> Exercise:
    if "hand" in tables and not {"exercise", "title", "loss", "given", "forward"} & set(tables):
        raise ExerciseError('numbers without an exercise: write exercise = "chapter7" above [hand]')
    title, loss, lr, *_, hand = _parts(tables, EXERCISE, lr=None, parameters={}, hand={})
    with placed("lr"):
        lr = None if lr is None else _number(lr)
        if lr is not None and lr <= 0:
            raise ExerciseError("expected a number above 0, got {lr}", lr=f"{lr:g}")
    limit(sum(len(tables.get(each, ())) for each in QUANTITIES), NAMES, say("{names:,} names", names=NAMES))
    names: dict[str, str] = {}  # each with its table
    given, parameters, formulas = (_entries(each, tables.get(each, {}), names) for each in QUANTITIES)
    if not formulas:
        raise ExerciseError("expected at least one formula").at("[forward]")
    if loss not in formulas:
        raise unknown(say("expected the name of a line in [forward], got {name}{meant}"), loss, formulas).at("loss")
    exercise = Exercise(name, printable(title), loss, lr, given, parameters, formulas, {}, source)
    return with_hand(exercise, hand)


# The parts of a file and the kind of each; the learning rate is looked at by itself.
EXERCISE = {"title": str, "loss": str, "lr": object, "given": dict, "parameters": dict, "forward": dict, "hand": dict}
QUANTITIES = ("given", "parameters", "forward")
ANSWERS = {"exercise": str, "hand": dict}


def _parts(tables: dict[str, Any], kinds: Mapping[str, type], **defaults: Any) -> list[Any]:
    """The lines and tables of a file, which must be known, there (or have a default) and of their kind."""
    for key in tables:
        if key not in kinds:
            meant = "lr" if key in RATES and "lr" in kinds else None
            raise unknown(say("unknown part {name}{meant}; expected {names}"), key, kinds, meant)
    found = defaults | tables
    for key, kind in kinds.items():
        example = f"[{key}]" if kind is dict else f'{key} = "…"'
        if key not in found and kind is dict:
            raise ExerciseError("missing table {example}; only [forward] may not be empty", example=example)
        if key not in found:
            raise ExerciseError("missing line {example}; write it above the tables", example=example)
        if kind not in (type(found[key]), object):
            raise ExerciseError("expected {example}, got {kind}", example=example, kind=_kind(found[key])).at(key)
    return [found[key] for key in kinds]


def _entries(table: str, entries: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    """The entries of a table, each read, by their normalised names, which are added to `names`: name to table."""
    found: dict[str, Any] = {}
    for key, entry in entries.items():
        with placed(f"[{table}] {printable(key)}"):
            name = _named(key, names)
            found[name] = _formula(entry) if table == "forward" else _number(entry)
            for used in found[name].names if table == "forward" else ():
                if used not in names:
                    raise _not_above(name, used, names, entries)
            names[name] = table
    return found


def _formula(entry: Any) -> Formula:
    if type(entry) is not str:
        raise ExerciseError('expected a formula in quotes, "W1*x1 + W2*x2", got {kind}', kind=_kind(entry))
    return read_formula(entry)


def _number(entry: Any) -> float:
    if type(entry) is str:
        raise ExerciseError("expected a number without quotes, got {text}", text=quoted(entry))
    if type(entry) not in (int, Bare):
        raise ExerciseError("expected a number, got {text}", text=_kind(entry))
    return finite(entry)


def _named(key: str, names: Mapping[str, str]) -> str:
    """The normalised name of a quantity. Raises ExerciseError for what cannot stand in a formula, or comes twice."""
    name = unicodedata.normalize("NFKC", key)
    limit(len(key), NAME_LENGTH, say("{most} characters", most=NAME_LENGTH))
    if name in FUNCTIONS or name == "lr" or iskeyword(name):
        raise ExerciseError("expected another name: {name} is a function's, lr's or Python's own; add a _", name=name)
    if not key.isidentifier():
        meant = re.sub(r"\W+", "_", key.translate(TYPED)).strip("_")
        hint = say("; {meant} would do", meant=meant) if meant.isidentifier() else ""
        raise ExerciseError(
            "expected a name of letters, digits and _, no digit first{hint}; W+, z' and dE/dW belong in [hand]",
            hint=hint,
        )
    if name in names:
        raise _twice(names[name])
    return name


def _twice(table: str) -> ExerciseError:
    return ExerciseError("defined twice, before in {table}; keep one, or give it another name", table=f"[{table}]")


def _not_above(line: str, name: str, above: Mapping[str, str], lines: Iterable[str]) -> ExerciseError:
    if name == line:
        return ExerciseError("uses itself: expected only names that stand above {name}", name=name)
    if name in map(partial(unicodedata.normalize, "NFKC"), lines):
        return ExerciseError("{name} is used before it stands: put the line {name} above this one", name=name)
    halves = ((name[:i], name[i:]) for i in range(1, len(name)))
    product = [f"{one}*{two}" for one, two in halves if one in above and two in above][:1]
    said = say("unknown name {name}{meant}; expected one of [given], [parameters] or a line above")
    return unknown(said, name, [*above, *product], *product)


def with_hand(exercise: Exercise, entries: dict[str, Any]) -> Exercise:
    """The exercise with a person's numbers; what cannot be read is noted, and the rest is."""
    with placed("[hand]"):
        limit(len(entries), HAND_NUMBERS, say("{numbers:,} numbers", numbers=HAND_NUMBERS))
    hand: dict[str, str] = {}
    asked: dict[str, Quantity] = {}
    unreadable = []
    for key, entry in entries.items():
        name = spelled(key)
        try:
            quantity = _quantity_meant(exercise, name)
            if name in asked:
                raise _twice("hand")
            text = _written(exercise, name, entry)
        except ExerciseError as error:
            unreadable.append(Unreadable(printable(key, NAME_LENGTH), printable(str(entry), NAME_LENGTH), error.said))
            continue
        asked[name] = quantity
        if text:
            hand[name] = text
    return replace(exercise, hand=hand, asked=asked, unreadable=tuple(unreadable))


def _written(exercise: Exercise, name: str, entry: Any) -> str:
    """What was written for a quantity, as it stands in the file; empty for what is no answer.

    Raises ExerciseError for what cannot be read. A worked line may use the names of quantities, and lr.
    """
    if type(entry) not in (int, Bare, str):
        raise ExerciseError("expected a number, got {text}", text=_kind(entry))
    text = one_line(entry) if type(entry) is str else str(entry).replace("_", "")  # 1_000.5
    if type(entry) is Bare and not NUMBER.fullmatch(text):  # nan
        raise no_number(text)
    cell = read_cell(text, name)
    for part in cell.parts if cell else ():
        for each in read_worked(part, exercise.positions).names:
            if each == "lr" and exercise.lr is not None:
                continue
            try:
                _quantity_meant(exercise, each)
            except ExerciseError as error:
                raise (no_number(part) if part.isalnum() else error) from None  # one word
    return text if cell else ""


def _kind(entry: Any) -> Said:
    """What TOML made of an entry, in words."""
    kinds = {str: say("text"), bool: say("true or false"), dict: say("a table"), list: say("a list")}
    return (kinds | dict.fromkeys((int, Bare), say("a number"))).get(type(entry), say("a date"))
