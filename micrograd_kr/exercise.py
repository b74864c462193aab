"""An exercise file in, its quantities out: read from TOML, worked by the engine.

An exercise is data. A formula is cut into tokens, parsed into a tree of five kinds of node and computed with the rules
of `ops`; nothing in a file is ever run. Whatever is wrong with a file is an ExerciseError that names the file and the
line's name and says what was expected, in English and in Korean; the wording is at the end (`_MESSAGES`).

A name may be Hangul. It is normalised as Python does it (NFKC), so that two ways to type one name are one name.
"""

import ast
import math
import os
import re
import stat
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cached_property
from importlib import import_module
from importlib.resources import files
from keyword import iskeyword
from pathlib import Path
from typing import Any, Literal, NamedTuple

from micrograd_kr import ops
from micrograd_kr.engine import Value, gradients
from micrograd_kr.files import BilingualError
from micrograd_kr.ops import Rule

# What a file may hold, so that none takes long. The limits on lines keep tomllib from keys of thousands of dotted
# parts, which take it minutes.
FILE_BYTES = 100_000
FILE_LINES = 3_000
LINE_LENGTH = 1_500
NAMES = 500
HAND_NUMBERS = 1_000
NAME_LENGTH = 60
FORMULA_LENGTH = 1_000
FORMULA_LEVELS = 100


# --- what a file becomes ----------------------------------------------------------------------------------------------


class ExerciseError(BilingualError):
    """An exercise that cannot be used: which file and which name in it, what was expected, what to do."""

    def at(self, place: str) -> "ExerciseError":
        """The same error with its place in front."""
        return ExerciseError(f"{place}: {self.english}", f"{place}: {self.korean}") if place else self


@dataclass(frozen=True)
class Formula:
    """An expression that has been read and found harmless.

    text: as written, with single blanks; `ast.get_source_segment(text, node)` gives a literal with its zeros.
    tree: of BinOp, UnaryOp, Call, Name and Constant nodes; every constant is a float.
    """

    text: str
    tree: ast.expr = field(compare=False)


@dataclass(frozen=True)
class Exercise:
    """An exercise, and the numbers one person worked out for it.

    name: of the built-in exercise, or the file's stem; a student's file has the name of the exercise it answers.
    loss: the line of `forward` that is differentiated. lr: the learning rate, if there is one.
    given, parameters: the numbers it starts from; a step of gradient descent changes the parameters.
    forward: the formulas, in order.
    hand: a person's numbers as written, "0.08", or worked lines, "0.3 - 0.5*0.1 = 0.25".
    bare: the names of those that were written without quotes; their zeros are kept all the same.
    source: the file's name. blanks: the names in [hand] that are left empty, "", as on a worksheet.
    """

    name: str
    title: str
    loss: str
    lr: float | None
    given: Mapping[str, float]
    parameters: Mapping[str, float]
    forward: Mapping[str, Formula]
    hand: Mapping[str, str]
    bare: frozenset[str]
    source: str
    blanks: tuple[str, ...] = ()

    @cached_property
    def positions(self) -> dict[str, int]:
        """Every name with its place in the order of computation."""
        return {name: i for i, name in enumerate((*self.given, *self.parameters, *self.forward))}

    def _repr_mimebundle_(self, *args: Any, **kwargs: Any) -> dict[str, str]:
        """A notebook shows an exercise as its picture. Drawing lies above exercises and is loaded by who looks only."""
        bundle: dict[str, str] = import_module("micrograd_kr.drawing").draw_exercise(self)._repr_mimebundle_()
        return bundle


class Quantity(NamedTuple):
    """What a name in [hand] stands for.

    kind: "value" of a name (z1), "gradient", the total derivative of `of` with respect to `by` (dE/dW5), "updated",
    a parameter after one step (W5+), "second", a name in the forward pass after that step (z1').
    """

    kind: Literal["value", "gradient", "updated", "second"]
    of: str
    by: str | None = None


# --- formulas ---------------------------------------------------------------------------------------------------------

OPERATORS: dict[type, Rule] = {
    ast.Add: ops.add,
    ast.Sub: ops.sub,
    ast.Mult: ops.mul,
    ast.Div: ops.div,
    ast.Pow: ops.power,
}
FUNCTIONS: dict[str, Rule] = {
    "sigmoid": ops.sigmoid,
    "tanh": ops.tanh,
    "relu": ops.relu,
    "leaky_relu": ops.leaky_relu,
    "softplus": ops.softplus,
    "step": ops.step,
    "exp": ops.exp,
    "log": ops.log,
    "sqrt": ops.sqrt,
    "abs": ops.absolute,
    "sin": ops.sin,
    "cos": ops.cos,
    "max": ops.maximum,
    "min": ops.minimum,
}
_ARGUMENTS = {"max": (2,), "min": (2,), "leaky_relu": (1, 2)}  # all others take one

# Exponents of three digits are all that a float has.
_DIGITS = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?"
_TOKEN = re.compile(rf"(?P<number>{_DIGITS})|(?P<name>[^\W\d]\w*)|(?P<operator>\*\*|[-+*/(),])|(?P<blank> )")


def evaluate(formula: Formula, names: Mapping[str, Any]) -> Any:
    """What a formula comes to when its names stand for floats, Values or symbols.

    Floats give a float, as numpy has it: 1/0 is inf, 9**9**9**9 too.
    """
    return _computed(formula.tree, names)


def _computed(node: Any, names: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant():
            return node.value
        case ast.Name():
            return names[node.id]
        case ast.UnaryOp():
            operand = _computed(node.operand, names)
            return ops.neg(operand) if isinstance(node.op, ast.USub) else operand
        case ast.BinOp():
            return OPERATORS[type(node.op)](_computed(node.left, names), _computed(node.right, names))
        case _:
            arguments = [_computed(each, names) for each in node.args]
            slope = [0.01] * (node.func.id == "leaky_relu" and len(arguments) == 1)
            return FUNCTIONS[node.func.id](*arguments, *slope)


def read_formula(text: str, place: str = "") -> Formula:
    """Read an expression; which names there are is not asked yet.

    Raises ExerciseError, with `place` in front, and what was probably meant by x^2, 2x, W₁ or 0,5.
    """
    with _placed(place):
        if len(text) > FORMULA_LENGTH:
            raise _error("formula too long", length=f"{len(text):,}", most=f"{FORMULA_LENGTH:,}")
        text = " ".join(text.split())
        try:
            return Formula(text, _tree(text))
        except ExerciseError as error:
            corrected = _corrected(text)
            if not _is_formula(corrected):
                raise
            raise _error("did you mean", error=(error.english, error.korean), meant=_shown(corrected, 200)) from None


def names_in(formula: Formula) -> list[str]:
    """The names in a formula, each once, in the order in which they stand."""
    found = [node for node in ast.walk(formula.tree) if isinstance(node, ast.Name) and node.id not in FUNCTIONS]
    return list(dict.fromkeys(node.id for node in sorted(found, key=lambda node: node.col_offset)))


def _tree(text: str) -> ast.expr:
    """The tree of an expression, once nothing is in it that could do harm."""
    _check_tokens(text)
    try:
        tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise _error("no formula", text=_shown(text)) from None
    waiting: list[tuple[Any, int]] = [(tree, 1)]
    while waiting:  # not by recursion: how deep it goes is what has to be found out
        node, level = waiting.pop()
        if level > FORMULA_LEVELS:
            raise _error("formula too deep", most=str(FORMULA_LEVELS))
        waiting += [(each, level + 1) for each in _operands(node)]
    return tree


def _check_tokens(text: str) -> None:
    """Refuse every character and word that has no place in a formula, before Python's parser sees it."""
    at, before = 0, ""
    while at < len(text):
        token = _TOKEN.match(text, at)
        found, kind = (token[0], str(token.lastgroup)) if token else (text[at], "")
        if not kind or (kind == "name" and (not found.isidentifier() or iskeyword(found))):
            raise _error("no token", found=_shown(found), text=_shown(text))
        if before == "number" and kind in ("name", "number"):
            raise _error("no operator", found=_shown(found), text=_shown(text))
        at, before = at + len(found), kind


def _operands(node: Any) -> list[ast.expr]:
    """What an allowed node is computed from. Constants become floats on the way; any other node is an ExerciseError."""
    match node:
        case ast.Constant():
            node.value = _finite(node.value)
            return []
        case ast.Name(id=name):
            if name in FUNCTIONS:
                raise _error("function without argument", name=name)
            return []
        case ast.UnaryOp(op=ast.USub() | ast.UAdd()):
            return [node.operand]
        case ast.BinOp() if type(node.op) in OPERATORS:
            return [node.left, node.right]
        case ast.Call(func=ast.Name(id=name), keywords=[]):
            return _arguments(name, node.args)
    raise _error("no such syntax", functions=", ".join(FUNCTIONS))


def _arguments(function: str, arguments: list[ast.expr]) -> list[ast.expr]:
    if function not in FUNCTIONS:
        meant = _closest({"ln": "log", "σ": "sigmoid"}.get(function, function), FUNCTIONS)
        raise _error("no such function", name=_shown(function), meant=meant, functions=", ".join(FUNCTIONS))
    counts = _ARGUMENTS.get(function, (1,))
    if len(arguments) not in counts:
        expected = (" or ".join(map(str, counts)), " 또는 ".join(map(str, counts)))
        raise _error("wrong number of arguments", name=function, expected=expected, got=str(len(arguments)))
    if function == "leaky_relu" and not all(isinstance(each, ast.Constant) for each in arguments[1:]):
        raise _error("no plain slope")
    return arguments


def _is_formula(text: str) -> bool:
    try:
        _tree(text)
    except ExerciseError:
        return False
    return True


_TYPED = str.maketrans(
    {chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}  # full width
    | {chr(0x2080 + digit): str(digit) for digit in range(10)}  # subscripts
    | dict.fromkeys("×·⋅∙•∗＊", "*")
    | dict.fromkeys("−–—－", "-")
    | {"÷": "/", "^": "**", "＾": "**", "²": "**2", "³": "**3", "½": "(1/2)", "⁺": "+", "σ": "sigmoid", "√": "sqrt"}
    | {"[": "(", "{": "(", "]": ")", "}": ")"}
)
_NUMBER_THEN_FACTOR = re.compile(rf"(?<![\w.])({_DIGITS}) *(?=[^\W\d]|\()")


def _corrected(text: str) -> str:
    """What was probably meant by the characters and habits of textbooks: ^ × − W₁ ½ 2x 0,5 x1 x2 )(."""
    text = text.translate(_TYPED)
    text = re.sub(r"(?<=[0-9]),(?=[0-9])", ".", text)
    text = _NUMBER_THEN_FACTOR.sub(r"\1*", text)
    return re.sub(r"\) *(?=[\w(])", ")*", re.sub(r"(?<=\w) +(?=\w)", "*", text))


def _finite(number: Any) -> float:
    """A number as a float. Raises ExerciseError for what is no finite float."""
    try:
        value = float(number)
    except OverflowError:
        value = math.inf
    if not math.isfinite(value):
        raise _error("not finite")
    return value


# --- names and hand numbers -------------------------------------------------------------------------------------------

_MARKS = str.maketrans({"∂": "d", "′": "'", "’": "'"})  # ⁺ and subscripts are made plain by NFKC
_NUMBER = re.compile(rf"[+-]?{_DIGITS}")


def parse_name(exercise: Exercise, text: str) -> Quantity:
    """What a name stands for: z1, dE_total/dW5, W5+ or z1'; ∂, ′, ⁺ and subscripts are read as well.

    Raises ExerciseError for what is no quantity of the exercise, or needs a learning rate where there is none.
    """
    with _placed(exercise.source), _placed(_shown(text)):
        return _quantity(exercise, spelled(text))


def spelled(text: str) -> str:
    """A name in the one spelling that is kept."""
    return unicodedata.normalize("NFKC", "".join(text.translate(_MARKS).split()))


def _quantity(exercise: Exercise, text: str) -> Quantity:
    if "/" in text:
        return _gradient(exercise, text)
    if not text.endswith(("+", "'")):
        return Quantity("value", _known(exercise, text))
    of = _known(exercise, text[:-1])
    second = text.endswith("'")
    if of not in (exercise.forward if second else exercise.parameters):
        raise _error("not updated")
    if exercise.lr is None:
        raise _error("lr is missing", name=text)
    return Quantity("second" if second else "updated", of)


def _gradient(exercise: Exercise, text: str) -> Quantity:
    above, _, below = text.partition("/")
    if not above.startswith("d") or not below.startswith("d"):
        raise _error("no derivative", text=_shown(text))
    if text.endswith(("'", "+")) or above.endswith(("'", "+")):
        raise _error("derivative of the second pass")
    of, by = (_known(exercise, each[1:]) for each in (above, below))
    if of not in exercise.forward:
        raise _error("derivative of a number", name=of)
    if exercise.positions[by] > exercise.positions[of]:
        raise _error("derivative the wrong way", of=of, by=by)
    return Quantity("gradient", of, by)


def _known(exercise: Exercise, name: str) -> str:
    if name not in exercise.positions:
        raise _error("unknown quantity", name=_shown(name), meant=_closest(name, exercise.positions))
    return name


def _check_hand(exercise: Exercise, text: str) -> None:
    """Raise ExerciseError unless this is a number, or a worked line that ends in one: "0.3 - 0.5*0.1 = 0.25".

    A worked line may use the names of the exercise, and lr.
    """
    if len(text) > FORMULA_LENGTH:
        raise _error("formula too long", length=f"{len(text):,}", most=f"{FORMULA_LENGTH:,}")
    *parts, last = (each.strip() for each in text.split("="))
    if not _NUMBER.fullmatch(last):
        raise _no_number(last, worked=bool(parts))
    _finite(last)
    for part in parts:
        for each in names_in(read_formula(part)):
            if each != "lr" or exercise.lr is None:
                _known(exercise, each)


def _no_number(text: str, worked: bool) -> ExerciseError:
    corrected = _corrected(text)
    if re.search(r"[≈≒≃＝]", text):
        return _error("no equals sign", text=_shown(text))
    if _NUMBER.fullmatch(corrected):
        error = _error("no number", text=_shown(text))
        return _error("did you mean", error=(error.english, error.korean), meant=_shown(corrected))
    return _error("no result" if worked or not _is_formula(corrected) else "no worked line", text=_shown(text))


# --- files ------------------------------------------------------------------------------------------------------------


class Bare(str):
    """A number that stands in a file without quotes, as it was written there."""

    __slots__ = ()


def _contents(path: Path) -> bytes:
    """The bytes of an ordinary file, one more than allowed at most."""

    def without_waiting(name: str, flags: int) -> int:
        return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))  # a FIFO would wait for someone to write into it

    contents = None
    try:
        with open(path, "rb", opener=without_waiting) as file:
            if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                contents = file.read(FILE_BYTES + 1)
    except FileNotFoundError:
        raise _error("no such file", names=", ".join(built_in())) from None
    except (OSError, ValueError) as error:
        raise _error("cannot be read", reason=getattr(error, "strerror", None) or str(error)) from None
    if contents is None:
        raise _error("cannot be read", reason=("not an ordinary file", "보통 파일이 아님"))
    return contents


def _decoded(contents: bytes) -> str:
    """The text of a file: UTF-8, with or without a byte order mark."""
    if len(contents) > FILE_BYTES:
        raise _error("too long", most=f"{FILE_BYTES // 1000} kB")
    try:
        text = contents.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = contents[: error.start].count(b"\n") + 1
        raise _error("not UTF-8", byte=f"{contents[error.start]:#x}", line=str(line)) from None
    lines = text.split("\n")
    if len(lines) > FILE_LINES:
        raise _error("too long", most=(f"{FILE_LINES:,} lines", f"{FILE_LINES:,}줄"))
    for each in lines:
        if len(each) > LINE_LENGTH:
            raise _error("formula too long", length=f"{len(each):,}", most=f"{FORMULA_LENGTH:,}").at(_shown(_key(each)))
    return text


def _tables(text: str) -> dict[str, Any]:
    """What TOML says; a number with a point is kept as written."""
    try:
        return tomllib.loads(text, parse_float=Bare)
    except RecursionError:
        raise _error("not TOML", error=("too deeply nested", "너무 깊이 겹쳐 있음"), hint="") from None
    except ValueError as error:  # a TOMLDecodeError, or an integer of more digits than Python reads
        found = re.search(r"at line ([0-9]+)", str(error))
        line = text.split("\n")[int(found[1]) - 1].strip() if found else ""
        raise _error("not TOML", error=str(error), hint=_toml_hint(line, str(error))) from None


def _key(line: str) -> str:
    return line.partition("=")[0].strip()


def _toml_hint(line: str, error: str) -> str | tuple[str, str]:
    """What to do about a line that is no TOML, where that is clear."""
    name, value = _key(line), line.partition("=")[2].strip()
    if "overwrite" in error or "twice" in error or "Duplicate" in error:
        hint = _error("toml: twice", name=_shown(name))
    elif re.search("[“”„‘’＂]", line):
        hint = _error("toml: curly quotes")
    elif "=" in line and line[0] not in "[#\"'" and not re.fullmatch(r"[A-Za-z0-9_. \t-]+", name):
        hint = _error("toml: quote the name", name=_shown(name))
    elif re.fullmatch(r"[-+]?[0-9]*[.,][0-9]*", value):
        hint = _error("toml: number")
    elif value and value[0] not in "\"'":
        hint = _error("toml: quote the formula")
    else:
        return ""
    return f": {hint.english}", f": {hint.korean}"


# --- an exercise from its tables --------------------------------------------------------------------------------------

_PARTS = ("title", "loss", "lr", "given", "parameters", "forward", "hand")


def built_in() -> list[str]:
    """The names of the exercises that come with the package."""
    folder = files("micrograd_kr").joinpath("exercises")
    return sorted(each.name.removesuffix(".toml") for each in folder.iterdir() if each.name.endswith(".toml"))


def source_text(name: str) -> str:
    """The file of a built-in exercise, to start one's own from. Raises ExerciseError for an unknown name."""
    if name not in built_in():
        raise _error(
            "no such exercise", name=_shown(name), meant=_closest(name, built_in()), names=", ".join(built_in())
        )
    return files("micrograd_kr").joinpath("exercises", f"{name}.toml").read_text("utf-8")


def load(name_or_path: str | os.PathLike[str]) -> Exercise:
    """A built-in exercise by its name, an exercise from a file, or a student's file.

    A student's file holds `exercise = "chapter7"` and [hand], nothing else; it names a built-in exercise, or a .toml
    file in its own folder or below. Its numbers take the place of the exercise's own.

    Raises ExerciseError for whatever keeps it from being used.
    """
    name = os.fspath(name_or_path)
    is_name = isinstance(name_or_path, str) and re.fullmatch(r"[\w-]*", name)
    if is_name and (name in built_in() or not os.path.exists(name)):
        text = source_text(name)
        with _placed(f"{name}.toml"):
            return _exercise(name, f"{name}.toml", _tables(text))
    path = Path(name)
    with _placed(_printable(path.name)):
        tables = _tables(_decoded(_contents(path)))
        return _answered(path, tables) if "exercise" in tables else _from_file(path, tables)


def _from_file(path: Path, tables: dict[str, Any]) -> Exercise:
    return _exercise(_printable(path.stem), _printable(path.name), tables)


def _answered(path: Path, tables: dict[str, Any]) -> Exercise:
    """A student's file: the exercise that it names, with the student's numbers."""
    _check_parts(tables, ("exercise", "hand"))
    named, entries = _part(tables, "exercise", str), _part(tables, "hand", dict)
    if named in built_in():
        exercise = load(named)
    else:
        asked = path.parent / named
        if not named.endswith(".toml") or not _is_inside(asked, path.parent):
            meant = _closest(named, built_in())
            raise _error("no exercise beside", name=_shown(named), meant=meant, names=", ".join(built_in())).at(
                "exercise"
            )
        with _placed(_printable(asked.name)):
            exercise = _from_file(asked, _tables(_decoded(_contents(asked))))
    unanswered = replace(exercise, hand={}, bare=frozenset(), blanks=(), source=_printable(path.name))
    return with_hand(unanswered, entries)


def _is_inside(path: Path, folder: Path) -> bool:
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, ValueError, RuntimeError):  # RuntimeError: links that go round
        return False


def _exercise(name: str, source: str, tables: dict[str, Any]) -> Exercise:
    """An exercise from the tables of its file."""
    if "hand" in tables and not {"exercise", "title", "loss", "given", "forward"} & set(tables):
        raise _error("only numbers")
    _check_parts(tables, _PARTS)
    title, loss = _printable(_part(tables, "title", str)), _part(tables, "loss", str)
    lr = _number(tables["lr"], "lr") if "lr" in tables else None
    if lr is not None and lr <= 0:
        raise _error("lr is not positive", lr=f"{lr:g}")
    optional = {"parameters": {}, "hand": {}} | tables
    names: dict[str, str] = {}
    given = _numbers("given", _part(tables, "given", dict), names)
    parameters = _numbers("parameters", _part(optional, "parameters", dict), names)
    formulas = _formulas(_part(tables, "forward", dict), names)
    if len(names) > NAMES:
        raise _error("too long", most=(f"{NAMES:,} names", f"이름 {NAMES:,}개"))
    exercise = Exercise(name, title, loss, lr, given, parameters, formulas, {}, frozenset(), source)
    _check_order(exercise)
    if loss not in formulas:
        raise _error("no loss", name=_shown(loss), meant=_closest(loss, formulas))
    return with_hand(exercise, _part(optional, "hand", dict))


def _check_parts(tables: dict[str, Any], allowed: tuple[str, ...]) -> None:
    for key in tables:
        if key not in allowed:
            raise _error("unknown part", name=_shown(key), meant=_closest(key, allowed), allowed=", ".join(allowed))


def _part(tables: dict[str, Any], key: str, kind: type) -> Any:
    """A line or a table of a file, which must be there and of its kind."""
    example = f"[{key}]" if kind is dict else f'{key} = "…"'
    if key not in tables:
        raise _error("missing table" if kind is dict else "missing line", example=example)
    if type(tables[key]) is not kind:
        raise _error("wrong kind", example=example, kind=_kind(tables[key])).at(key)
    return tables[key]


def _numbers(table: str, entries: dict[str, Any], names: dict[str, str]) -> dict[str, float]:
    """The numbers of a table by their normalised names, which are added to `names`: name to table."""
    return {_named(key, table, names): _number(entry, f"[{table}] {_printable(key)}") for key, entry in entries.items()}


def _formulas(entries: dict[str, Any], names: dict[str, str]) -> dict[str, Formula]:
    formulas = {}
    for key, entry in entries.items():
        place = f"[forward] {_printable(key)}"
        if type(entry) is not str:
            raise _error("no text", kind=_kind(entry)).at(place)
        formulas[_named(key, "forward", names)] = read_formula(entry, place)
    if not formulas:
        raise _error("empty table").at("[forward]")
    return formulas


def _named(key: str, table: str, names: dict[str, str]) -> str:
    """The normalised name of a quantity. Raises ExerciseError for what cannot stand in a formula, or comes twice."""
    name = unicodedata.normalize("NFKC", key)
    with _placed(f"[{table}] {_printable(key)}"):
        if len(key) > NAME_LENGTH:
            raise _error("name too long", most=str(NAME_LENGTH))
        if name in FUNCTIONS or name == "lr" or iskeyword(name):
            raise _error("reserved name", name=name)
        if not key.isidentifier():
            meant = re.sub(r"\W+", "_", key.translate(_TYPED)).strip("_")
            hint = (f"; {meant} would do", f". 예: {meant}") if meant.isidentifier() else ("", "")
            raise _error("no name", hint=hint)
        if name in names:
            raise _error("defined twice", table=f"[{names[name]}]")
    names[name] = table
    return name


def _number(entry: Any, place: str) -> float:
    """A number of the file as a float."""
    with _placed(place):
        if type(entry) is str:
            raise _error("quoted number", text=_shown(entry))
        if type(entry) not in (int, Bare):
            raise _error("no number", text=_kind(entry))
        return _finite(entry)


def _check_order(exercise: Exercise) -> None:
    """Raise ExerciseError where a formula uses a name that does not stand above it."""
    above = {*exercise.given, *exercise.parameters}
    for line, formula in exercise.forward.items():
        for name in names_in(formula):
            if name not in above:
                raise _not_above(exercise, line, name, above).at(f"[forward] {line}")
        above.add(line)


def _not_above(exercise: Exercise, line: str, name: str, above: set[str]) -> ExerciseError:
    if name == line:
        return _error("uses itself", name=name)
    if name in exercise.forward:
        return _error("used before it stands", name=name)
    halves = [(name[:i], name[i:]) for i in range(1, len(name))]
    product = next((f"{one}*{two}" for one, two in halves if one in above and two in above), None)
    meant = (f", did you mean {product}?", f" ({product} 아닙니까?)") if product else _closest(name, above)
    return _error("unknown name", name=_shown(name), meant=meant)


def with_hand(exercise: Exercise, entries: dict[str, Any]) -> Exercise:
    """The exercise with a person's numbers."""
    if len(entries) > HAND_NUMBERS:
        raise _error("too long", most=(f"{HAND_NUMBERS:,} numbers", f"수 {HAND_NUMBERS:,}개")).at("[hand]")
    written: dict[str, str] = {}
    bare = set()
    for key, entry in entries.items():
        name = spelled(key)
        with _placed(f"[hand] {_printable(key)}"):
            _quantity(exercise, name)
            if name in written:
                raise _error("defined twice", table="[hand]")
            written[name] = _written(entry)
            if written[name]:
                _check_hand(exercise, written[name])
        if type(entry) is not str:
            bare.add(name)
    hand = {name: text for name, text in written.items() if text}
    blanks = tuple(name for name, text in written.items() if not text)
    return replace(exercise, hand=hand, bare=frozenset(bare), blanks=blanks)


def _written(entry: Any) -> str:
    """A number, or a worked line, as it stands in the file; empty for a blank."""
    if type(entry) is int:
        return str(entry) if _finite(entry) is not None else ""
    if isinstance(entry, Bare):
        return entry.replace("_", "")  # 1_000.5
    if type(entry) is str:
        return " ".join(entry.split())
    raise _error("no number", text=_kind(entry))


# --- its quantities ---------------------------------------------------------------------------------------------------


def forward(exercise: Exercise, parameters: Mapping[str, float] | None = None) -> dict[str, Value]:
    """Every quantity as a Value with its label, in order; `parameters` take the place of the exercise's own.

    A line that only renames makes a node of its own. Raises ExerciseError where a quantity is not finite.
    """
    with _placed(exercise.source):
        start = {**exercise.given, **exercise.parameters}
        start |= {_known(exercise, name): number for name, number in (parameters or {}).items()}
        values = {name: Value(number, name) for name, number in start.items()}
        for name, formula in exercise.forward.items():
            out = evaluate(formula, values)
            if not isinstance(out, Value):
                out = Value(out)
            elif out.label:
                out = ops.same(out)  # to the shape it has: a node that changes nothing
            out.label = name
            if not math.isfinite(out.data):
                raise _error("infinite", value=str(out.data)).at(
                    f"[forward] {name}{chr(39) * (parameters is not None)}"
                )
            values[name] = out
    return values


@dataclass(frozen=True)
class Solution:
    """An exercise worked by the engine.

    before: every quantity in the first pass. gradients: of the loss, with respect to every quantity.
    updated: the parameters after one step, W − lr·dE/dW. after: every quantity in the second pass, with these.
    Without a learning rate `updated` is empty and `after` is None.
    """

    exercise: Exercise
    before: dict[str, Value]
    gradients: dict[str, float]
    updated: dict[str, float]
    after: dict[str, Value] | None
    _slopes: dict[str, dict[str, float]] = field(default_factory=dict, repr=False, compare=False)

    def value(self, name: str) -> float:
        """The exact value of a quantity: z1, dE_total/dW5, W5+, z1'.

        Raises ExerciseError for what is no quantity, or infinite.
        """
        kind, of, by = parse_name(self.exercise, name)
        if kind == "gradient" and by is not None:
            if of not in self._slopes:
                self._slopes[of] = _slopes(self.before, of)
            found = self._slopes[of][by]
        elif kind == "updated":
            found = self.updated[of]
        else:
            found = ((self.after or {}) if kind == "second" else self.before)[of].data
        if not math.isfinite(found):
            raise _error("infinite", value=str(found)).at(_shown(name)).at(self.exercise.source)
        return found

    def numbers(self, name: str) -> dict[str, float]:
        """What the names in a worked line of a quantity stand for: in a line for z1' the second pass,

        else the first; lr is among them.
        """
        second = parse_name(self.exercise, name).kind == "second"
        numbers = {each: value.data for each, value in ((self.after if second else None) or self.before).items()}
        return numbers if self.exercise.lr is None else numbers | {"lr": self.exercise.lr}


def _slopes(values: Mapping[str, Value], of: str) -> dict[str, float]:
    """The derivatives of one quantity with respect to all."""
    return dict(zip(values, map(float, gradients(values[of], list(values.values()))), strict=True))


def solve(exercise: Exercise) -> Solution:
    """Forward, backward, one step of gradient descent, forward again.

    Raises ExerciseError where a quantity of either pass is not finite.
    """
    before = forward(exercise)
    slopes = _slopes(before, exercise.loss)
    if exercise.lr is None:
        return Solution(exercise, before, slopes, {}, None)
    updated = {name: number - exercise.lr * slopes[name] for name, number in exercise.parameters.items()}
    return Solution(exercise, before, slopes, updated, forward(exercise, updated))


def quantity(exercise: Exercise, name: str) -> float:
    """The exact value of one quantity. Raises ExerciseError for what is none, or infinite."""
    return solve(exercise).value(name)


# --- what is said -----------------------------------------------------------------------------------------------------


@contextmanager
def _placed(place: str) -> Iterator[None]:
    """A context whose ExerciseErrors say where."""
    try:
        yield
    except ExerciseError as error:
        raise error.at(place) from None


def _error(what: str, **words: str | tuple[str, str]) -> ExerciseError:
    """A message in both languages. A word that differs between them comes as a pair."""
    english, korean = (
        text.format_map({key: word if isinstance(word, str) else word[i] for key, word in words.items()})
        for i, text in enumerate(_MESSAGES[what])
    )
    return ExerciseError(english, korean)


def _printable(text: str) -> str:
    """Text from outside on one line, short, with nothing that a terminal would act on."""
    safe = "".join(each if each.isprintable() else repr(each)[1:-1] for each in text[:120])
    return safe + "…" * (len(text) > 120)


def _shown(text: str, most: int = 60) -> str:
    """Text from outside as it is quoted in a message."""
    return f'"{_printable(text[:most])}{"…" * (len(text) > most)}"'


def _kind(entry: Any) -> tuple[str, str]:
    """What TOML made of an entry, in words."""
    kinds = {
        str: ("text", "글자"),
        Bare: ("a number", "수"),
        int: ("a number", "수"),
        bool: ("true or false", "참/거짓"),
        dict: ("a table", "표"),
        list: ("a list", "목록"),
    }
    return kinds.get(type(entry), ("a date", "날짜"))


def _closest(name: str, names: Iterable[str]) -> tuple[str, str]:
    """A suggestion to put behind a name that is not known, in both languages; empty where nothing is near."""
    alike = 0.5 if len(name) == 2 else 0.6  # x2 is near x1
    near = get_close_matches(name, list(names), 1, alike) if len(name) <= 2 * NAME_LENGTH else []
    return (f", did you mean {near[0]}?", f" ({near[0]} 아닙니까?)") if near else ("", "")


# fmt: off  (a message and its translation are read side by side)
_MESSAGES: dict[str, tuple[str, str]] = {
    # formulas
    "formula too long": (
        "too long: {length} characters, a formula has at most {most}; make several lines of it",
        "너무 깁니다: {length}자. 식은 {most}자까지입니다. 여러 줄로 나누어 쓰세요",
    ),
    "formula too deep": (
        "too deeply nested: at most {most} levels or terms; make several lines of it",
        "너무 깊이 겹쳐 있습니다: {most}단계(항)까지입니다. 여러 줄로 나누어 쓰세요",
    ),
    "no formula": (
        'expected a formula such as "W1*x1 + W2*x2", got {text}',
        '"W1*x1 + W2*x2"와 같은 식이 필요합니다. 지금: {text}',
    ),
    "no token": (
        "expected numbers, names, + - * / ** and brackets, got {found} in {text}",
        "식에는 수, 이름, + - * / **, 괄호를 씁니다. 쓸 수 없는 것: {found}, 식: {text}",
    ),
    "no operator": ("expected an operator before {found} in {text}", "{found} 앞에 연산 기호가 필요합니다. 식: {text}"),
    "no such syntax": (
        "expected a formula of numbers, names, + - * / **, brackets and the functions {functions}",
        "식에는 수, 이름, + - * / **, 괄호와 다음 함수만 씁니다: {functions}",
    ),
    "no such function": (
        "no such function {name}{meant}; there are {functions}; a product is written with *",
        "없는 함수입니다: {name}{meant}. 쓸 수 있는 함수: {functions}. 곱셈에는 *를 씁니다",
    ),
    "function without argument": (
        "{name} is a function: expected its argument in brackets, {name}(z1)",
        "{name}: 함수입니다. {name}(z1)처럼 괄호 안에 인수를 쓰세요",
    ),
    "wrong number of arguments": (
        "wrong number of arguments: {name} takes {expected}, got {got}",
        "인수의 개수가 다릅니다: {name} 함수는 {expected}개를 받습니다. 지금: {got}개",
    ),
    "no plain slope": (
        "expected a plain number as the slope of leaky_relu; with a name write max(a*z1, z1)",
        "leaky_relu의 기울기는 수로 씁니다. 이름으로 쓰려면 max(a*z1, z1)",
    ),
    "not finite": ("expected a finite number, at most 1.8e308", "유한한 수가 필요합니다 (1.8e308까지)"),
    "did you mean": ("{error}; did you mean {meant}?", "{error}. 혹시 {meant} 아닙니까?"),
    # names and hand numbers
    "unknown quantity": (
        "unknown name {name}{meant}; expected a name of the exercise, or dE/dW, W+, z' of such names",
        "모르는 이름입니다: {name}{meant}. 문제의 이름, 또는 그 이름으로 된 dE/dW, W+, z'를 쓰세요",
    ),
    "not updated": (
        "expected W+ with a name of [parameters], z' with one of [forward]; what is given does not change",
        "W+는 [parameters]의 이름, z'는 [forward]의 이름에 씁니다. [given]은 바뀌지 않습니다",
    ),
    "lr is missing": (
        "lr is missing: {name} comes after a step of gradient descent; write lr = 0.5 above the tables",
        "lr이 없습니다: {name}: 경사 하강 한 번 뒤의 값입니다. 표들 위에 lr = 0.5처럼 쓰세요",
    ),
    "no derivative": ("expected a derivative as in dE/dW, got {text}", "미분은 dE/dW처럼 씁니다. 지금: {text}"),
    "derivative of the second pass": (
        "expected a derivative of the first pass, without ' and +",
        "미분은 첫 번째 순전파의 것만 씁니다 (' 와 + 없이)",
    ),
    "derivative of a number": (
        "expected a derivative of a name in [forward]; {name} is not computed from anything",
        "[forward]에 있는 이름의 미분이 필요합니다. {name}: 계산되는 값이 아닙니다",
    ),
    "derivative the wrong way": (
        "expected what stands later above the line, {by} stands after {of}: did you mean d{by}/d{of}?",
        "뒤에 계산되는 이름이 분자에 옵니다. {of} 다음에 {by} 순서입니다: d{by}/d{of} 아닙니까?",
    ),
    "no number": ("expected a number, got {text}", "수가 필요합니다. 지금: {text}"),
    "no result": (
        'expected a number, or a worked line that ends in one, "0.3 - 0.5*0.1 = 0.25"; got {text}',
        '수, 또는 수로 끝나는 풀이 "0.3 - 0.5*0.1 = 0.25"가 필요합니다. 지금: {text}',
    ),
    "no worked line": (
        'expected a number; a worked line ends in its result, "0.3 - 0.5*0.1 = 0.25"; got {text}',
        '수가 필요합니다. 풀이는 결과로 끝납니다: "0.3 - 0.5*0.1 = 0.25". 지금: {text}',
    ),
    "no equals sign": ("expected = before the result, got {text}", "결과 앞에는 =를 씁니다. 지금: {text}"),
    # files
    "no such file": (
        "no such file; expected an exercise file, or the name of a built-in exercise: {names}",
        "파일이 없습니다. 문제 파일이나 내장 문제의 이름이 필요합니다: {names}",
    ),
    "cannot be read": (
        "expected a text file, cannot read it: {reason}",
        "텍스트 파일이 필요합니다. 읽을 수 없습니다: {reason}",
    ),
    "too long": ("too long: expected at most {most}", "너무 깁니다: {most}까지입니다"),
    "not UTF-8": (
        "not UTF-8: byte {byte} in line {line}; save the file again with the encoding UTF-8",
        "UTF-8이 아닙니다: {line}번째 줄의 바이트 {byte}. 인코딩을 UTF-8로 하여 다시 저장하세요",
    ),
    "not TOML": ("not TOML: {error}{hint}", "TOML이 아닙니다: {error}{hint}"),
    "toml: twice": ("{name} is defined twice; keep one", "{name}: 두 번 정의되었습니다. 하나만 남기세요"),
    "toml: curly quotes": ('write straight quotes, "', '곧은 따옴표 "를 쓰세요'),
    "toml: quote the name": ("such a name stands in quotes, {name} = …", "이런 이름은 따옴표 안에 씁니다: {name} = …"),
    "toml: number": ("a number has a point between digits, 0.5", "수는 0.5처럼 소수점 양쪽에 숫자를 씁니다"),
    "toml: quote the formula": (
        'text and formulas stand in quotes, z1 = "W1*x1"',
        '글자와 식은 따옴표 안에 씁니다: z1 = "W1*x1"',
    ),
    # exercises
    "no such exercise": (
        "no built-in exercise {name}{meant}; there are {names}; a file is given as my.toml",
        "없는 문제입니다: {name}{meant}. 내장 문제: {names}. 파일은 my.toml처럼 씁니다",
    ),
    "no exercise beside": (
        "expected a built-in exercise ({names}) or a .toml file in this folder or below, got {name}{meant}",
        "내장 문제({names})나 이 폴더 안의 .toml 파일이 필요합니다. 지금: {name}{meant}",
    ),
    "only numbers": (
        'numbers without an exercise: write exercise = "chapter7" above [hand]',
        '수만 있고 문제가 없습니다: [hand] 위에 exercise = "chapter7"처럼 쓰세요',
    ),
    "unknown part": (
        "unknown part {name}{meant}; expected {allowed}",
        "모르는 항목입니다: {name}{meant}. 쓸 수 있는 항목: {allowed}",
    ),
    "missing line": ("missing line {example}; write it above the tables", "빠진 줄: {example}. 표들 위에 쓰세요"),
    "missing table": (
        "missing table {example}; only [forward] may not be empty",
        "빠진 표: {example}. [forward]가 아니면 비어 있어도 됩니다",
    ),
    "wrong kind": ("expected {example}, got {kind}", "{example}처럼 씁니다. 지금: {kind}"),
    "empty table": ("expected at least one formula", "식이 하나 이상 필요합니다"),
    "no text": (
        'expected a formula in quotes, "W1*x1 + W2*x2", got {kind}',
        '따옴표 안의 식이 필요합니다: "W1*x1 + W2*x2". 지금: {kind}',
    ),
    "quoted number": ("expected a number without quotes, got {text}", "따옴표 없는 수가 필요합니다. 지금: {text}"),
    "name too long": (
        "too long: expected a name of at most {most} characters",
        "너무 깁니다: 이름은 {most}자까지입니다",
    ),
    "reserved name": (
        "expected another name: {name} is a function's, the learning rate's or Python's own; add a _",
        "다른 이름이 필요합니다: {name}: 함수, 학습률, 파이썬의 이름입니다. _를 붙이세요",
    ),
    "no name": (
        "expected a name of letters, digits and _, no digit first{hint}; W+, z' and dE/dW belong in [hand]",
        "이름은 글자, 숫자, _로 쓰고 숫자로 시작하지 않습니다{hint}. W+, z', dE/dW는 [hand]에 씁니다",
    ),
    "defined twice": (
        "defined twice, before in {table}; keep one, or give it another name",
        "두 번 정의되었습니다. 먼저 {table}에 있습니다. 하나만 남기거나 다른 이름을 쓰세요",
    ),
    "lr is not positive": ("lr: expected a number above 0, got {lr}", "lr: 0보다 큰 수가 필요합니다. 지금: {lr}"),
    "no loss": (
        "loss: expected the name of a line in [forward], got {name}{meant}",
        "loss: [forward]에 있는 이름이 필요합니다. 지금: {name}{meant}",
    ),
    "unknown name": (
        "unknown name {name}{meant}; expected one of [given], [parameters] or a line above",
        "모르는 이름입니다: {name}{meant}. [given], [parameters]나 위의 줄에 있는 이름을 쓰세요",
    ),
    "uses itself": (
        "uses itself: expected only names that stand above {name}",
        "자기 자신을 씁니다: {name}보다 위에 있는 이름만 쓸 수 있습니다",
    ),
    "used before it stands": (
        "{name} is used before it stands: put the line {name} above this one",
        "{name}: 아직 나오지 않았습니다. 그 줄을 이 줄 위로 옮기세요",
    ),
    "infinite": (
        "comes to {value}, expected a finite number: choose other numbers, or a smaller lr",
        "계산 결과: {value}. 유한한 수가 되도록 다른 수나 더 작은 lr을 쓰세요",
    ),
}
