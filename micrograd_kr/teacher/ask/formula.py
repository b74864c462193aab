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

import numpy as np

from micrograd_kr import ops
from micrograd_kr.ops import Rule
from micrograd_kr.said import say
from micrograd_kr.teacher.ask.arrays import FUNCTIONS as OF_ARRAYS
from micrograd_kr.teacher.ask.arrays import Entries, Tensors
from micrograd_kr.teacher.ask.expressions import Literal as Literal
from micrograd_kr.teacher.ask.expressions import Symbol, parts_of, renamed, terms
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


OPERATORS = {ast.Add: ops.add, ast.Sub: ops.sub, ast.Mult: ops.mul, ast.Div: ops.div, ast.Pow: ops.power}
_NAMES = "sigmoid tanh relu leaky_relu softplus step exp log sqrt abs sin cos max min"
_RULES = {"step": "heaviside", "abs": "absolute", "max": "maximum", "min": "minimum"}  # where `ops` says it otherwise
FUNCTIONS: dict[str, Rule] = {each: getattr(ops, _RULES.get(each, each)) for each in _NAMES.split()}
_CALLED = {rule: name for name, rule in FUNCTIONS.items()}
_BINDS = {
    ops.add: (1, "+"),
    ops.sub: (1, "-"),
    ops.neg: (2, "-"),
    ops.mul: (2, "*"),
    ops.div: (2, "/"),
    ops.power: (3, "**"),
}
_ARGUMENTS = {"max": (2,), "min": (2,), "leaky_relu": (1, 2)}  # all others take one

# Exponents of three digits are all that a float has.
DIGITS = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?"
_TOKEN = re.compile(
    rf"axis ?=|(?P<number>{DIGITS})|(?P<name>[^\W\d]\w*)|\*\*|\.T\b|[-+*/(),@[\]:]| |(?P<other>.)", re.DOTALL
)


def evaluate(formula: Formula, names: Mapping[str, Any]) -> Any:
    """What a formula comes to when its names stand for floats, Values or symbols.

    Floats give a float, as numpy has it: 1/0 is inf, 9**9**9**9 too.
    """
    return renamed(formula.expression, lambda leaf: leaf.number if isinstance(leaf.name, Literal) else names[leaf.name])


def check_length(text: str, most: int = FORMULA_LENGTH) -> None:
    """Raise ExerciseError for a line that is longer than any formula may be."""
    limit(len(text), most, say("{most:,} characters; make several lines of it", most=FORMULA_LENGTH))


def read_formula(text: str) -> Formula:
    """Read an expression that stands for one number; which names there are is not asked yet.

    Raises ExerciseError, with what was probably meant by x^2, 2x, W₁ or 0,5.
    """
    read = read_entries(text, {})
    if read.ndim:
        raise ExerciseError("expected one number, got an array of the shape {shape}", shape=read.shape)
    return Formula(" ".join(text.split()), read.item())


def read_entries(text: str, known: Mapping[str, Any]) -> Any:
    """Read an expression of arrays, entry by entry: an array of expressions, without axes where it is one number.

    known: the arrays by their names, each of symbols; any other name stands for a number.
    """
    check_length(text)
    text = " ".join(text.split())
    try:
        return _expression(text, Entries(known))
    except ExerciseError as error:
        meant = corrected(text)
        with suppress(ExerciseError):
            _expression(meant, Entries(known))
            error = ExerciseError("{error}; did you mean {meant}?", error=error.said, meant=quoted(meant, 200))
        raise error from None


def source(of: Any, level: int = 1) -> str:
    """An expression as it stands in a file. level: what must bind at least as tight."""
    if not isinstance(of, Symbol) or of.rule is None:
        return str(of.name) if isinstance(of, Symbol) else f"{of:.15g}"
    own, sign = _BINDS.get(of.rule, (5, ""))
    if own == 1:
        first, *others = terms(of)
        text = source(first[0]) + "".join((" + " if plus > 0 else " - ") + source(each, 2) for each, plus in others)
    elif of.rule is ops.neg:
        text = "-" + source(of.x, own)
    elif own < 5:
        is_power = of.rule is ops.power
        text = source(of.x, own + is_power) + sign + source(of.y, own + (not is_power))
    elif type(of.x) is tuple:
        text = f"{of.rule.symbol}({', '.join(map(source, of.x))})[{of.y}]"
    else:
        inputs = ", ".join(source(each) for each in (of.x, of.y) if each is not None)
        text = f"{_CALLED[of.rule]}({inputs})"
    return text if own >= level else f"({text})"


def leaves(formula: Formula) -> list[Symbol]:
    """The names and the literals of a formula, as often and in the order in which they stand."""
    return [each for each in parts_of(formula.expression) if each.rule is None]


def recorded(text: str, values: Mapping[str, Any]) -> Any:
    """A formula that has been read, worked on Values."""
    return _expression(text, Tensors(values))


def _expression(text: str, arrays: Entries | Tensors) -> Any:
    """What a text comes to, once nothing is in it that could do harm."""
    _check_tokens(text)
    try:
        tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ExerciseError('expected a formula such as "W1*x1 + W2*x2", got {text}', text=quoted(text)) from None
    return _worked(tree, text.encode(), arrays, 1)


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


def _worked(node: Any, source: bytes, arrays: Entries | Tensors, level: int) -> Any:
    """What a node of Python's tree comes to. Raises ExerciseError for one that has no place in a formula."""
    if level > FORMULA_LEVELS:
        raise ExerciseError(
            "too deeply nested: at most {most} levels or terms; make several lines of it", most=FORMULA_LEVELS
        )

    def of(each: Any) -> Any:
        return _worked(each, source, arrays, level + 1)

    match node:
        case ast.Constant():
            finite(node.value)
            return arrays.literal(source[node.col_offset : node.end_col_offset].decode())
        case ast.Name(id=name):
            if name in FUNCTIONS or name in OF_ARRAYS:
                raise ExerciseError("{name} is a function: expected its argument in brackets, {name}(z1)", name=name)
            return arrays.name(name)
        case ast.UnaryOp(op=ast.UAdd()):
            return of(node.operand)
        case ast.UnaryOp(op=ast.USub()):
            return arrays.elementwise(ops.neg, of(node.operand))
        case ast.BinOp() if type(node.op) in OPERATORS:
            return arrays.elementwise(OPERATORS[type(node.op)], of(node.left), of(node.right))
        case ast.BinOp(left=left, right=right, op=ast.MatMult()):
            return arrays.product(of(left), of(right))
        case ast.Call(func=ast.Name(id="dot"), args=[left, right], keywords=[]):
            return arrays.product(of(left), of(right))
        case ast.Attribute(attr="T"):
            return of(node.value).T
        case ast.Subscript():
            key = _index(node.slice)
            return arrays.done(f"[{ast.unparse(node.slice)}]", lambda x: x[key], of(node.value))
        case ast.Call(func=ast.Name(id=name), args=[_, *others]) if (
            name in OF_ARRAYS and not (name in FUNCTIONS and len(others) == 1)  # max and min of two are another
        ):
            given = [of(each) for each in node.args]
            if len(given) == 1 and not np.ndim(given[0]):
                raise ExerciseError("expected an array, or several numbers: {name}(z1, z2)", name=name)
            return arrays.called(name, *_array_and_axis(node, given))
        case ast.Call(func=ast.Name(id=name), keywords=[]):
            _check_arguments(name, node.args)
            slope = [arrays.literal("0.01")] if name == "leaky_relu" and len(node.args) == 1 else []
            return arrays.elementwise(FUNCTIONS[name], *map(of, node.args), *slope)
    listed = ", ".join(dict.fromkeys([*FUNCTIONS, *OF_ARRAYS, "dot"]))
    raise ExerciseError(
        "expected numbers, names, + - * / ** @, brackets and the functions {functions}", functions=listed
    )


def _index(node: Any) -> Any:
    """What stands in square brackets: whole numbers and slices, as numpy reads them."""
    try:
        key = ast.literal_eval(node)
    except ValueError:
        match node:
            case ast.Slice():
                return slice(*(each and _index(each) for each in (node.lower, node.upper, node.step)))
            case ast.Tuple():
                return tuple(map(_index, node.elts))
        key = None
    if all(type(each) is int for each in (key if type(key) is tuple else (key,))):
        return key
    raise ExerciseError("expected whole numbers in square brackets, as in W[0, 1] or W[:, 0]")


def _array_and_axis(call: ast.Call, given: list[Any]) -> tuple[Any, int | None]:
    """What a function of one array is applied to: an array, and perhaps an axis; or several numbers."""
    axes = [*call.args[1:], *(each.value for each in call.keywords if each.arg == "axis")]
    if len(axes) == len(call.args) - 1 + len(call.keywords) <= 1 and (np.ndim(given[0]) or not axes):
        return given[0], _index(axes[0]) if axes else None
    if call.keywords or any(map(np.ndim, given)):
        raise ExerciseError("expected one array, and perhaps an axis, as in sum(X, axis=0), or several numbers")
    return np.stack(given), None


def _check_arguments(function: str, arguments: list[ast.expr]) -> None:
    if function not in FUNCTIONS:
        said = say("no such function {name}{meant}; there are {names}; a product is written with *")
        raise unknown(said, function, FUNCTIONS, {"ln": "log", "σ": "sigmoid"}.get(function, function))
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
