"""An exercise file in, an exercise out: read from TOML, arrays unrolled.

An exercise is data, nothing in a file is ever run. Whatever is wrong with one is an ExerciseError that names the file
and the line.
"""

import os
import re
import tomllib
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from functools import partial
from importlib.resources import files
from keyword import iskeyword
from pathlib import Path
from typing import Any

import numpy as np

from micrograd_kr.files import FileChangedError, decoded, steady
from micrograd_kr.said import say
from micrograd_kr.teacher.ask.arrays import FUNCTIONS as ARRAY_FUNCTIONS
from micrograd_kr.teacher.ask.arrays import array, check_size, check_written_out, entries, entry
from micrograd_kr.teacher.ask.exercise import Exercise
from micrograd_kr.teacher.ask.expressions import written_out
from micrograd_kr.teacher.ask.formula import (
    FUNCTIONS,
    RATES,
    TYPED,
    Formula,
    check_length,
    finite,
    read_entries,
    read_formula,
)
from micrograd_kr.teacher.ask.formula import source as source_of
from micrograd_kr.teacher.ask.hand import Bare, Damaged, kind_of, twice, with_hand
from micrograd_kr.teacher.ask.mending import hint, name_of, straight_quotes, table_above
from micrograd_kr.teacher.ask.messages import (
    NAME_LENGTH,
    ExerciseError,
    changed_meanwhile,
    limit,
    placed,
    printable,
    product,
    quoted,
    unknown,
)

# What a file may hold, so that none takes long. The limits on lines keep tomllib from keys of thousands of dotted
# parts, which take it minutes.
FILE_BYTES = 100_000
FILE_LINES = 3_000
LINE_LENGTH = 1_500
DAMAGED = 20  # lines of [hand] that are no TOML; what has more is no sheet
STEPS = 200_000  # numbers in all passes
OPERATIONS = 500_000  # names and operations in all passes
BUILT_IN = files("micrograd_kr.teacher") / "exercises"


def _text(path: Path) -> str:
    """The text of an ordinary file, within the limits."""
    try:
        if path.exists() and not path.is_file():  # a FIFO would wait for someone to write into it
            raise OSError(None, say("not an ordinary file"))
        with path.open("rb") as file, steady(file.fileno()):
            contents = file.read(FILE_BYTES + 1)
    except FileChangedError:
        raise changed_meanwhile() from None
    except FileNotFoundError:
        raise ExerciseError("no such file; the built-in exercises are {names}", names=", ".join(built_in())) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ExerciseError("expected a text file, cannot read it: {reason}", reason=reason) from None
    limit(len(contents), FILE_BYTES, f"{FILE_BYTES // 1000} kB")
    try:
        text = decoded(contents)
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
    """What TOML says; a number with a point is kept as written, and so are a few lines of [hand] that are no TOML."""
    lines, damaged = straight_quotes(text).split("\n"), dict[str, Damaged]()
    first: ExerciseError | None = None
    while True:
        try:
            tables = tomllib.loads("\n".join(lines), parse_float=Bare)
        except RecursionError:
            raise ExerciseError("not TOML: {error}{hint}", error=say("too deeply nested"), hint="") from None
        except ValueError as error:  # a TOMLDecodeError, or an integer of more digits than Python reads
            number = _line_of(error, lines)
            meant = hint(lines, number, str(error)) if number else ""
            why = ExerciseError("not TOML: {error}{hint}", error=str(error), hint=meant)
            first = first or why
            name = name_of(lines, number) if table_above(lines, number) == "hand" else ""
            if not name or name in damaged or len(damaged) == DAMAGED:
                raise first from None
            damaged[name] = Damaged(lines[number - 1], why.said)
            lines[number - 1] = ""
        else:
            break
    for name, line in damaged.items():
        if tables["hand"].setdefault(name, line) is not line:  # the name is there twice
            raise ExerciseError(line.why.text, **line.why.gaps)
    return tables


def _line_of(error: ValueError, lines: list[str]) -> int:
    """The number of the line that TOML does not read, 0 where it cannot be told."""
    if found := re.search(r"at line ([0-9]+)", str(error)):
        return int(found[1])
    written = (i for i in range(len(lines), 0, -1) if lines[i - 1].strip())
    return next(written, 0) if "end of document" in str(error) else 0


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

    A student's file holds `exercise = "chapter7"` and [hand]; it names a built-in exercise, or a .toml file in its own
    folder or below. Its numbers take the place of the exercise's own. Any file may say whose it is, `name = "…"`,
    `id = "…"`, and with which seed its numbers were drawn, `seed = 7`.

    Raises ExerciseError for whatever keeps it from being used.
    """
    name = os.fspath(name_or_path)
    is_name = isinstance(name_or_path, str) and re.fullmatch(r"[\w-]*", name)
    if is_name and (name in built_in() or not os.path.exists(name)):
        return exercise_of(name, f"{name}.toml", _tables(source_text(name)))
    return _from_file(Path(name))


def _from_file(path: Path, answers: bool = True) -> Exercise:
    """answers: whether it may be a student's."""
    with placed(printable(path.name)):
        tables = _tables(_text(path))
        if answers and "exercise" in tables:
            return _answered(path, tables)
        return exercise_of(printable(path.stem), printable(path.name), tables)


def _answered(path: Path, tables: dict[str, Any]) -> Exercise:
    """A student's file: the exercise that it names, with the student's numbers."""
    named, entries, student, number, seed = _parts(tables, ANSWERS, name="", id="", seed=None)
    asked = path.parent / named
    if named in built_in():
        exercise = load(named)
    elif re.fullmatch(r"[^\0]*\.toml", named) and Path(os.path.realpath(asked)).is_relative_to(path.parent.resolve()):
        exercise = _from_file(asked, answers=False)
    else:
        said = say("expected a built-in exercise ({names}) or a .toml file in this folder or below, got {name}{meant}")
        raise unknown(said, named, built_in()).at("exercise")
    seed = exercise.seed if seed is None else seed
    exercise = replace(exercise, student=printable(student).strip(), id=printable(number).strip(), seed=seed)
    unanswered = replace(exercise, hand={}, asked={}, source=printable(path.name))
    return with_hand(unanswered, entries)


def exercise_of(name: str, source: str, tables: dict[str, Any]) -> Exercise:
    """An exercise from the tables of its file, as TOML has them; a number with a point is a Bare."""
    if "hand" in tables and not {"exercise", "title", "loss", "given", "forward"} & set(tables):
        raise ExerciseError('numbers without an exercise: write exercise = "chapter7" above [hand]')
    title, loss, lr, steps, update, given, parameters, forward, hand, student, number, seed = _parts(
        tables, EXERCISE, lr=None, steps=None, update={}, parameters={}, hand={}, name="", id="", seed=None
    )
    with placed("lr"):
        lr = None if lr is None else _number(lr)
        if lr is not None and lr <= 0:
            raise ExerciseError("expected a number above 0, got {lr}", lr=f"{lr:g}")
    read = _Tables()
    read.numbers("given", given)
    read.numbers("parameters", parameters)
    if not forward:
        raise ExerciseError("expected at least one formula").at("[forward]")
    for key, formula in forward.items():
        read.formula(key, formula, forward)
    formulas = read.found["forward"]
    if loss in read.arrays:
        shape = read.arrays[loss].shape
        raise ExerciseError("{loss} has the shape {shape}: take its sum or mean", loss=loss, shape=shape).at("loss")
    if loss not in formulas:
        raise unknown(say("expected the name of a line in [forward], got {name}{meant}"), loss, formulas).at("loss")
    rules = _update(update, lr, read)
    of_update = sum(written_out(array(each.expression)) for each in rules.values()) * len(read.found["parameters"])
    exercise = Exercise(
        name,
        printable(title),
        loss,
        lr,
        read.found["given"],
        read.found["parameters"],
        formulas,
        {},
        source,
        steps=_steps(steps, lr is not None or bool(update), len(read.names), read.written_out + of_update),
        update=rules,
        shapes=read.shapes
        | {
            f"{line}_{each}": read.shapes[each]
            for line in update
            if line != "p"
            for each in read.shapes
            if each in parameters
        },
        written=read.written,
        student=printable(student).strip(),
        id=printable(number).strip(),
        seed=seed,
    )
    return with_hand(exercise, hand)


# The parts of a file and the kind of each; the learning rate is looked at by itself.
EXERCISE = {"title": str, "loss": str, "lr": object, "steps": object, "update": dict}
WHOSE = {"name": str, "id": str, "seed": int}
EXERCISE |= {"given": dict, "parameters": dict, "forward": dict, "hand": dict} | WHOSE
ANSWERS = {"exercise": str, "hand": dict} | WHOSE


def _parts(tables: dict[str, Any], kinds: Mapping[str, type], **defaults: Any) -> list[Any]:
    """The lines and tables of a file, which must be known, there (or have a default) and of their kind."""
    for key in tables:
        if key not in kinds:
            meant = "lr" if key in RATES and "lr" in kinds else None
            raise unknown(say("unknown part {name}{meant}; expected {names}"), key, kinds, meant)
    found = defaults | tables
    for key, kind in kinds.items():
        example = f"[{key}]" if kind is dict else f"{key} = 7" if kind is int else f'{key} = "…"'
        if key not in found and kind is dict:
            raise ExerciseError("missing table {example}; only [forward] may not be empty", example=example)
        if key not in found:
            raise ExerciseError("missing line {example}; write it above the tables", example=example)
        if key in tables and kind not in (type(found[key]), object):
            raise ExerciseError("expected {example}, got {kind}", example=example, kind=kind_of(found[key])).at(key)
    return [found[key] for key in kinds]


class _Tables:
    """What a file starts from and computes, read table by table: numbers and formulas, arrays by their entries.

    names: each scalar with its table. arrays: each array's entries as symbols.
    """

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.arrays: dict[str, Any] = {}
        self.written: dict[str, str] = {}
        self.found: dict[str, dict[str, Any]] = {"given": {}, "parameters": {}, "forward": {}}
        self.written_out = 0

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {name: array.shape for name, array in self.arrays.items()}

    def numbers(self, table: str, lines: Mapping[str, Any]) -> None:
        for key, line in lines.items():
            with placed(f"[{table}] {printable(key)}"):
                name = self._named(key)
                self._add(table, name, _array(line) if type(line) is list else array(_number(line)))

    def formula(self, key: str, line: Any, lines: Iterable[str]) -> None:
        """lines: all names of the table."""
        with placed(f"[forward] {printable(key)}"):
            name = self._named(key)
            text = _formula(line)
            read = read_entries(text, self.arrays)
            self.written_out += written_out(read)
            check_written_out(self.written_out)
            formulas = array(np.frompyfunc(lambda each: Formula(source_of(each), each), 1, 1)(read))
            is_plain = not read.ndim and self.arrays.keys().isdisjoint(re.findall(r"[^\W\d]\w*", text))
            formulas = array(Formula(" ".join(text.split()), read.item())) if is_plain else formulas
            for used in dict.fromkeys(used for each in formulas.flat for used in each.names):
                if used not in self.names:
                    raise _not_above(name, used, [*self.names, *self.arrays], lines)
            self.written[name] = " ".join(text.split())
            self._add("forward", name, formulas)

    def _add(self, table: str, name: str, lines: Any) -> None:
        check_size(lines.shape, len(self.names))
        if lines.ndim:
            self.arrays[name] = entries(name, lines.shape)
        added = {entry(name, at): lines[at] for at in np.ndindex(lines.shape)}
        self.names |= dict.fromkeys(added, table)
        self.found[table] |= added

    def _named(self, key: str) -> str:
        """The normalised name of a line. Raises ExerciseError for what cannot stand in a formula, or comes twice."""
        name = unicodedata.normalize("NFKC", key)
        limit(len(key), NAME_LENGTH, say("{most} characters", most=NAME_LENGTH))
        if name in FUNCTIONS or name in ARRAY_FUNCTIONS or name in ("lr", "dot") or iskeyword(name):
            raise ExerciseError(
                "expected another name: {name} is a function's, lr's or Python's own; add a _", name=name
            )
        if not key.isidentifier():
            meant = re.sub(r"\W+", "_", key.translate(TYPED)).strip("_")
            hint = say("; {meant} would do", meant=meant) if meant.isidentifier() else ""
            raise ExerciseError(
                "expected a name of letters, digits and _, no digit first{hint}; W+, z' and dE/dW belong in [hand]",
                hint=hint,
            )
        for table, found in self.found.items():
            if name in found or (name in self.arrays and entry(name, (0,) * self.arrays[name].ndim) in found):
                raise twice(table)
        return name


def _array(lines: list[Any]) -> Any:
    """A vector or a matrix of numbers. Raises ExerciseError for one that is empty, or has rows of different lengths."""
    is_matrix = any(type(each) is list for each in lines)
    rows = lines if is_matrix else [lines]
    if not lines or {type(each) for each in rows} != {list} or len({len(each) for each in rows}) > 1 or not rows[0]:
        raise ExerciseError("expected a vector, [0.1, 0.2], or a matrix with rows of one length, [[1, 2], [3, 4]]")
    numbers = np.array([[_number(each) for each in row] for row in rows], object)
    return numbers if is_matrix else numbers[0]


def _steps(steps: Any, has_update: bool, count: int, operations: int) -> int:
    """How many updates there are, 0 if nothing is said. count, operations: numbers and operations of one pass."""
    if steps is None:
        return 0
    with placed("steps"):
        if type(steps) is not int or steps < 1:
            raise ExerciseError("expected how many updates, a whole number from 1, got {got}", got=quoted(str(steps)))
        if not has_update:
            raise ExerciseError("lr is missing: write lr = 0.5 above the tables")
        limit(steps * count, STEPS, say("{most:,} numbers in all steps", most=STEPS))
        limit(steps * operations, OPERATIONS, say("{most:,} names and operations in all steps", most=OPERATIONS))
    return steps


def _update(lines: Mapping[str, Any], lr: float | None, read: _Tables) -> dict[str, Formula]:
    """The formulas of [update]."""
    found: dict[str, Formula] = {}
    names = {*read.found["given"], *lines, "p", "g", "k", *(["lr"] if lr is not None else [])}
    for key, line in lines.items():
        with placed(f"[update] {printable(key)}"):
            if not key.isidentifier() or key in ("g", "k", "lr") or key in FUNCTIONS or key in read.found["given"]:
                raise ExerciseError("expected p, or the name of a state such as m")
            found[key] = read_formula(_formula(line))
            for used in found[key].names:
                if used not in names:
                    said = say("unknown name {name}{meant}; expected p, g, k, lr, a line of [update] or a given number")
                    raise unknown(said, used, names)
    if found and "p" not in found:
        raise ExerciseError('expected a line p = "p - lr*g" for the parameter itself').at("[update]")
    return found


def _formula(line: Any) -> str:
    if type(line) is not str:
        raise ExerciseError('expected a formula in quotes, "W1*x1 + W2*x2", got {kind}', kind=kind_of(line))
    return line


def _number(entry: Any) -> float:
    if type(entry) is str:
        raise ExerciseError("expected a number without quotes, got {text}", text=quoted(entry))
    if type(entry) not in (int, Bare):
        raise ExerciseError("expected a number, got {text}", text=kind_of(entry))
    return finite(entry)


def _not_above(line: str, name: str, above: Collection[str], lines: Iterable[str]) -> ExerciseError:
    if name == line:
        return ExerciseError("uses itself: expected only names that stand above {name}", name=name)
    if name in map(partial(unicodedata.normalize, "NFKC"), lines):
        return ExerciseError("{name} is used before it stands: put the line {name} above this one", name=name)
    said = say("unknown name {name}{meant}; expected one of [given], [parameters] or a line above")
    return unknown(said, name, above, product(name, above) or None)
