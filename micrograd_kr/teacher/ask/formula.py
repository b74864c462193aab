"""Formulas: cut into tokens, parsed into symbols, computed with the rules of `ops`; never run.

Whatever is wrong with one is an ExerciseError that says what was expected.
"""

import ast
import math
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from keyword import iskeyword
from typing import Any

from micrograd_kr import ops
from micrograd_kr.ops import Rule
from micrograd_kr.said import say
from micrograd_kr.teacher.ask.expressions import Symbol, parts_of, renamed
from micrograd_kr.teacher.ask.messages import ExerciseError, limit, quoted, unknown

FORMULA_LENGTH = 1_000
FORMULA_LEVELS = 100


@dataclass(frozen=True)
class Formula:
    """An expression that has been read and found harmless.

    text: as written, with single blanks. expression: the same as symbols without numbers, nothing in it simplified;
    the leaves are names and `Literal`s, whose number is a float.
    """

    text: str
    expression: Any = field(compare=False)

    @cached_property
    def names(self) -> list[str]:
        """Each once, in the order in which they stand."""
        return list(dict.fromkeys(each.name for each in leaves(self) if not isinstance(each.name, Literal)))


class Literal(str):
    """In the place of a name, for a number that stands in a formula: its text, with its zeros."""


OPERATORS = {ast.Add: ops.add, ast.Sub: ops.sub, ast.Mult: ops.mul, ast.Div: ops.div, ast.Pow: ops.power}
_NAMES = "sigmoid tanh relu leaky_relu softplus step exp log log2 log10 sqrt abs sign sin cos tan max min"
_RULES = {"step": "heaviside", "abs": "absolute", "max": "maximum", "min": "minimum"}  # where `ops` says it otherwise
FUNCTIONS: dict[str, Rule] = {each: getattr(ops, _RULES.get(each, each)) for each in _NAMES.split()}
ALIASES = {"ln": "log", "σ": "sigmoid", "logistic": "sigmoid", "sgn": "sign", "heaviside": "step"}
_ARGUMENTS = {"max": (2,), "min": (2,), "leaky_relu": (1, 2)}  # all others take one

# Exponents of three digits are all that a float has.
DIGITS = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?"
_TOKEN = re.compile(rf"(?P<number>{DIGITS})|(?P<name>[^\W\d]\w*)|\*\*|[-+*/(),]| |(?P<other>.)", re.DOTALL)


def evaluate(formula: Formula, names: Mapping[str, Any]) -> Any:
    """What a formula comes to when its names stand for floats, Values or symbols.

    Floats give a float, as numpy has it: 1/0 is inf, 9**9**9**9 too.
    """
    return renamed(formula.expression, lambda leaf: leaf.number if isinstance(leaf.name, Literal) else names[leaf.name])


def check_length(text: str, most: int = FORMULA_LENGTH) -> None:
    """Raise ExerciseError for a line that is longer than any formula may be."""
    limit(len(text), most, say("{most:,} characters; make several lines of it", most=FORMULA_LENGTH))


def read_formula(text: str) -> Formula:
    """Read an expression; which names there are is not asked yet.

    Raises ExerciseError, with what was probably meant by x^2, 2x, W₁ or 0,5.
    """
    check_length(text)
    text = " ".join(text.split())
    try:
        return Formula(text, _expression(text))
    except ExerciseError as error:
        meant = corrected(text)
        with suppress(ExerciseError):
            _expression(meant)
            error = ExerciseError("{error}; did you mean {meant}?", error=error.said, meant=quoted(meant, 200))
        raise error from None


def leaves(formula: Formula) -> list[Symbol]:
    """The names and the literals of a formula, as often and in the order in which they stand."""
    return [each for each in parts_of(formula.expression) if each.rule is None]


def _expression(text: str) -> Any:
    """The expression that a text stands for, once nothing is in it that could do harm."""
    _check_tokens(text)
    try:
        tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ExerciseError('expected a formula such as "W1*x1 + W2*x2", got {text}', text=quoted(text)) from None
    return _symbol(tree, text.encode(), 1)


def _check_tokens(text: str) -> None:
    """Refuse every character and word that has no place in a formula, before Python's parser sees it."""
    before: str | None = None
    for token in _TOKEN.finditer(text):
        found, kind = token[0], token.lastgroup
        is_foreign = kind == "other" or (kind == "name" and (not found.isidentifier() or iskeyword(found)))
        if is_foreign or (before == "number" and kind in ("name", "number")):
            gaps = {"found": quoted(found), "text": quoted(text)}
            if is_foreign:
                raise ExerciseError("expected numbers, names, + - * / ** and brackets, got {found} in {text}", **gaps)
            raise ExerciseError("expected an operator before {found} in {text}", **gaps)
        before = kind


def _symbol(node: Any, source: bytes, level: int) -> Any:
    """A node of Python's tree as a symbol. Raises ExerciseError for one that has no place in a formula."""
    if level > FORMULA_LEVELS:
        raise ExerciseError(
            "too deeply nested: at most {most} levels or terms; make several lines of it", most=FORMULA_LEVELS
        )

    def operation(rule: Rule, *inputs: Any, option: Any = None) -> Symbol:
        x, y = [*(_symbol(each, source, level + 1) for each in inputs), option][:2]
        return Symbol(None, math.nan, rule, x, y)

    match node:
        case ast.Constant():
            literal = source[node.col_offset : node.end_col_offset].decode()
            return Symbol(Literal(literal), finite(node.value))
        case ast.Name(id=name):
            if name in FUNCTIONS:
                raise ExerciseError("{name} is a function: expected its argument in brackets, {name}(z1)", name=name)
            return Symbol(name, math.nan)
        case ast.UnaryOp(op=ast.UAdd()):
            return _symbol(node.operand, source, level + 1)
        case ast.UnaryOp(op=ast.USub()):
            return operation(ops.neg, node.operand)
        case ast.BinOp() if type(node.op) in OPERATORS:
            return operation(OPERATORS[type(node.op)], node.left, node.right)
        case ast.Call(func=ast.Name(id=name), keywords=[]):
            _check_arguments(name, node.args)
            return operation(FUNCTIONS[name], *node.args, option=0.01 if name == "leaky_relu" else None)
    listed = ", ".join(FUNCTIONS)
    raise ExerciseError("expected numbers, names, + - * / **, brackets and the functions {functions}", functions=listed)


def _misprinted(function: str) -> str:
    """Which function was misprinted, its letters in another order or case, or one of six or more left out or added.

    To be alike is not enough, the number would be another: log10 is no misprint of log, nor elu of relu.
    """

    def letters(name: str) -> list[str]:
        return sorted(name.casefold().replace("_", ""))

    def without_one(name: str) -> set[str]:
        return {name[:i] + name[i + 1 :] for i in range(len(name)) if name[i].isalpha()}

    for each in FUNCTIONS:
        if letters(each) == letters(function):
            return each
        if (
            len(each) >= 6
            and len(function) <= len(each) + 1
            and (function in without_one(each) or each in without_one(function))
        ):
            return each
    return ""


def _check_arguments(function: str, arguments: list[ast.expr]) -> None:
    if function not in FUNCTIONS:
        said = say("no such function {name}{meant}; there are {names}; a product is written with *")
        raise unknown(said, function, FUNCTIONS, ALIASES.get(function) or _misprinted(function))
    counts = _ARGUMENTS.get(function, (1,))
    if len(arguments) not in counts:
        taken = say("{one} or {other}", one=counts[0], other=counts[1]) if len(counts) > 1 else counts[0]
        gaps = {"name": function, "taken": taken, "got": len(arguments)}
        raise ExerciseError("wrong number of arguments: {name} takes {taken}, got {got}", **gaps)
    if function == "leaky_relu" and not all(isinstance(each, ast.Constant) for each in arguments[1:]):
        raise ExerciseError("expected a plain number as the slope of leaky_relu; with a name write max(a*z1, z1)")


TYPED = str.maketrans(
    {chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}  # full width
    | {chr(0x2080 + digit): str(digit) for digit in range(10)}  # subscripts
    | dict.fromkeys("×·⋅∙•∗＊", "*")
    | dict.fromkeys("−–—－", "-")
    | {"÷": "/", "^": "**", "＾": "**", "²": "**2", "³": "**3", "½": "(1/2)", "⁺": "+", "σ": "sigmoid", "√": "sqrt"}
    | {"[": "(", "{": "(", "]": ")", "}": ")"}
)
_NUMBER_THEN_FACTOR = re.compile(rf"(?<![\w.])({DIGITS}) *(?=[^\W\d]|\()")


def corrected(text: str) -> str:
    """What was probably meant by the characters and habits of textbooks: ^ × − W₁ ½ 2x 0,5 x1 x2 )(."""
    text = text.translate(TYPED)
    text = re.sub(r"(?<=[0-9]),(?=[0-9])", ".", text)
    text = _NUMBER_THEN_FACTOR.sub(r"\1*", text)
    return re.sub(r"\) *(?=[\w(])", ")*", re.sub(r"(?<=\w) +(?=\w)", "*", text))


def finite(number: Any) -> float:
    """A number as a float. Raises ExerciseError for what is no finite float."""
    try:
        value = float(number)
    except OverflowError:
        value = math.inf
    if not math.isfinite(value):
        raise ExerciseError("expected a finite number, at most 1.8e308")
    return value
