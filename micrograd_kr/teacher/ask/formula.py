"""Formulas: cut into tokens, parsed into a tree of five kinds of node, computed with the rules of `ops`; never run.

Whatever is wrong with one is an ExerciseError that says what was expected.
"""

import ast
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from keyword import iskeyword
from typing import Any

from micrograd_kr import ops
from micrograd_kr.ops import Rule
from micrograd_kr.said import say
from micrograd_kr.teacher.ask.messages import ExerciseError, quoted, unknown

FORMULA_LENGTH = 1_000
FORMULA_LEVELS = 100


@dataclass(frozen=True)
class Formula:
    """An expression that has been read and found harmless.

    text: as written, with single blanks; `ast.get_source_segment(text, node)` gives a literal with its zeros.
    tree: of BinOp, UnaryOp, Call, Name and Constant nodes; every constant is a float.
    """

    text: str
    tree: ast.expr = field(compare=False)


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
    "step": ops.heaviside,
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
DIGITS = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?"
_TOKEN = re.compile(rf"(?P<number>{DIGITS})|(?P<name>[^\W\d]\w*)|\*\*|[-+*/(),]| |(?P<other>.)", re.DOTALL)


def evaluate(formula: Formula, names: Mapping[str, Any]) -> Any:
    """What a formula comes to when its names stand for floats, Values or symbols.

    Floats give a float, as numpy has it: 1/0 is inf, 9**9**9**9 too.
    """

    def of(node: Any) -> Any:
        match node:
            case ast.Constant():
                return node.value
            case ast.Name():
                return names[node.id]
            case ast.UnaryOp():
                return ops.neg(of(node.operand)) if isinstance(node.op, ast.USub) else of(node.operand)
            case ast.BinOp():
                return OPERATORS[type(node.op)](of(node.left), of(node.right))
            case _:
                slope = [0.01] * (node.func.id == "leaky_relu" and len(node.args) == 1)
                return FUNCTIONS[node.func.id](*map(of, node.args), *slope)

    return of(formula.tree)


def check_length(text: str, most: int = FORMULA_LENGTH) -> None:
    """Raise ExerciseError for a line that is longer than any formula may be."""
    if len(text) > most:
        raise ExerciseError(
            "too long: {length:,} characters, a formula has at most {most:,}; make several lines of it",
            length=len(text),
            most=FORMULA_LENGTH,
        )


def read_formula(text: str) -> Formula:
    """Read an expression; which names there are is not asked yet.

    Raises ExerciseError, with what was probably meant by x^2, 2x, W₁ or 0,5.
    """
    check_length(text)
    text = " ".join(text.split())
    try:
        return Formula(text, _tree(text))
    except ExerciseError as error:
        meant = corrected(text)
        if not is_formula(meant):
            raise
        raise ExerciseError("{error}; did you mean {meant}?", error=error.said, meant=quoted(meant, 200)) from None


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
        raise ExerciseError('expected a formula such as "W1*x1 + W2*x2", got {text}', text=quoted(text)) from None
    nodes = [tree]
    for _ in range(FORMULA_LEVELS):  # not by recursion: how deep it goes is what has to be found out
        nodes = [each for node in nodes for each in _operands(node)]
        if not nodes:
            return tree
    raise ExerciseError(
        "too deeply nested: at most {most} levels or terms; make several lines of it", most=FORMULA_LEVELS
    )


def _check_tokens(text: str) -> None:
    """Refuse every character and word that has no place in a formula, before Python's parser sees it."""
    before: str | None = None
    for token in _TOKEN.finditer(text):
        found, kind = token[0], token.lastgroup
        if kind == "other" or (kind == "name" and (not found.isidentifier() or iskeyword(found))):
            raise ExerciseError(
                "expected numbers, names, + - * / ** and brackets, got {found} in {text}",
                found=quoted(found),
                text=quoted(text),
            )
        if before == "number" and kind in ("name", "number"):
            raise ExerciseError("expected an operator before {found} in {text}", found=quoted(found), text=quoted(text))
        before = kind


def _operands(node: Any) -> list[ast.expr]:
    """What an allowed node is computed from. Constants become floats on the way; any other node is an ExerciseError."""
    match node:
        case ast.Constant():
            node.value = finite(node.value)
            return []
        case ast.Name(id=name):
            if name in FUNCTIONS:
                raise ExerciseError("{name} is a function: expected its argument in brackets, {name}(z1)", name=name)
            return []
        case ast.UnaryOp(op=ast.USub() | ast.UAdd()):
            return [node.operand]
        case ast.BinOp() if type(node.op) in OPERATORS:
            return [node.left, node.right]
        case ast.Call(func=ast.Name(id=name), keywords=[]):
            return _arguments(name, node.args)
    raise ExerciseError(
        "expected a formula of numbers, names, + - * / **, brackets and the functions {functions}",
        functions=", ".join(FUNCTIONS),
    )


def _arguments(function: str, arguments: list[ast.expr]) -> list[ast.expr]:
    if function not in FUNCTIONS:
        said = say("no such function {name}{meant}; there are {names}; a product is written with *")
        raise unknown(said, function, FUNCTIONS, {"ln": "log", "σ": "sigmoid"}.get(function, function))
    counts = _ARGUMENTS.get(function, (1,))
    if len(arguments) not in counts:
        expected = say("{one} or {other}", one=counts[0], other=counts[1]) if len(counts) > 1 else counts[0]
        raise ExerciseError(
            "wrong number of arguments: {name} takes {expected}, got {got}",
            name=function,
            expected=expected,
            got=len(arguments),
        )
    if function == "leaky_relu" and not all(isinstance(each, ast.Constant) for each in arguments[1:]):
        raise ExerciseError("expected a plain number as the slope of leaky_relu; with a name write max(a*z1, z1)")
    return arguments


def is_formula(text: str) -> bool:
    try:
        _tree(text)
    except ExerciseError:
        return False
    return True


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
