"""Formulas: cut into tokens, parsed into symbols, computed with the rules of `ops`; never run.

Whatever is wrong with one is an ExerciseError that says what was expected.
"""

import ast
import math
import re
import unicodedata
from collections.abc import Callable, Container, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property, partial
from keyword import iskeyword
from typing import Any

import numpy as np

from micrograd_kr import ops
from micrograd_kr.ops import Rule
from micrograd_kr.said import say
from micrograd_kr.teacher.ask.arrays import FUNCTIONS as OF_ARRAYS
from micrograd_kr.teacher.ask.arrays import Entries, Tensors, Textbook
from micrograd_kr.teacher.ask.expressions import Literal as Literal
from micrograd_kr.teacher.ask.expressions import Symbol, parts_of, renamed, terms
from micrograd_kr.teacher.ask.messages import ExerciseError, limit, quoted, unknown
from micrograd_kr.teacher.ask.quantity import QUANTITY, spelled

FORMULA_LENGTH = 1_000
FORMULA_LEVELS = 100
MOST_LENGTH = 4 * FORMULA_LENGTH  # of one that is written out, its ½ as (1/2)


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
_NAMES = "sigmoid tanh relu leaky_relu softplus step exp log log2 log10 sqrt abs sign sin cos tan max min"
_RULES = {"step": "heaviside", "abs": "absolute", "max": "maximum", "min": "minimum"}  # where `ops` says it otherwise
FUNCTIONS: dict[str, Rule] = {each: getattr(ops, _RULES.get(each, each)) for each in _NAMES.split()}
ALL_FUNCTIONS = tuple(dict.fromkeys([*FUNCTIONS, *OF_ARRAYS, "dot"]))
ALIASES = {
    "ln": "log",
    "σ": "sigmoid",
    "logistic": "sigmoid",
    "sgn": "sign",
    "heaviside": "step",
    "시그모이드": "sigmoid",
}
RATES = ("α", "η", "ε", "eta", "alpha", "learning_rate", "learning rate", "rate", "학습률")  # people call lr so
_CALLED = {rule: name for name, rule in FUNCTIONS.items()}
_BINDS = {
    ops.add: (1, "+"),
    ops.sub: (1, "-"),
    ops.neg: (2, "-"),
    ops.mul: (2, "*"),
    ops.div: (2, "/"),
    ops.power: (3, "**"),
}
_ARGUMENTS = {"max": (2,), "min": (2,), "dot": (2,), "leaky_relu": (1, 2)}  # all others take one

# Exponents of three digits are all that a float has.
_MANTISSA = r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)"
DIGITS = rf"{_MANTISSA}(?:[eE][+-]?[0-9]{{1,3}})?"
_TOKEN = re.compile(
    rf"axis ?=|(?P<number>{DIGITS})|(?P<name>[^\W\d]\w*)|\*\*|\.T\b|[-+*/(),@[\]:]| |(?P<other>.)", re.DOTALL
)


def evaluate(formula: Formula, names: Mapping[str, Any]) -> Any:
    """What a formula comes to when its names stand for floats, Values or symbols.

    Floats give a float, as numpy has it: 1/0 is inf, 9**9**9**9 too.
    """
    return renamed(formula.expression, lambda leaf: leaf.number if isinstance(leaf.name, Literal) else names[leaf.name])


def too_deep() -> ExerciseError:
    return ExerciseError(
        "too deeply nested: at most {most} levels or terms; make several lines of it", most=FORMULA_LEVELS
    )


def check_length(text: str, most: int = FORMULA_LENGTH) -> None:
    """Raise ExerciseError for a line that is longer than any formula may be."""
    limit(len(text), most, say("{most:,} characters; make several lines of it", most=FORMULA_LENGTH))


def read_formula(text: str) -> Formula:
    """Read an expression that stands for one number; which names there are is not asked yet.

    Raises ExerciseError, with what was probably meant by x^2, 2x, W₁ or 0,5.
    """
    return _of_one_number(" ".join(text.split()), read_entries(text, {}))


def _of_one_number(text: str, read: Any) -> Formula:
    if read.ndim:
        raise ExerciseError("expected one number, got an array of the shape {shape}", shape=read.shape)
    return Formula(text, read.item())


def read_entries(text: str, known: Mapping[str, Any]) -> Any:
    """Read an expression of arrays, entry by entry: an array of expressions, without axes where it is one number.

    known: the arrays by their names, each of symbols; any other name stands for a number.
    """
    check_length(text)
    text = " ".join(text.split())
    try:
        return _expression(text, Entries(known))
    except ExerciseError as error:
        raise _with_meant(error, text, known) from None


def _with_meant(error: ExerciseError, text: str, known: Mapping[str, Any]) -> ExerciseError:
    """What is wrong with a text, with what was probably meant if that can be read."""
    meant = corrected(text)
    with suppress(ExerciseError):
        check_length(meant)
        _expression(meant, Entries(known))
        return ExerciseError("{error}; did you mean {meant}?", error=error.said, meant=quoted(meant, 200))
    return error


def source(of: Any) -> str:
    """An expression as it stands in a file. Raises ExerciseError for what is too deep, the largest of 500 numbers."""
    try:
        return _source(of)
    except RecursionError:
        raise too_deep() from None


def _source(of: Any, level: int = 1) -> str:
    """level: what must bind at least as tight."""
    if not isinstance(of, Symbol) or of.rule is None:
        return str(of.name) if isinstance(of, Symbol) else f"{of:.15g}"
    own, sign = _BINDS.get(of.rule, (5, ""))
    if own == 1:
        first, *others = terms(of)
        text = _source(first[0]) + "".join((" + " if plus > 0 else " - ") + _source(each, 2) for each, plus in others)
    elif of.rule is ops.neg:
        text = "-" + _source(of.x, own)
    elif own < 5:
        is_power = of.rule is ops.power
        text = _source(of.x, own + is_power) + sign + _source(of.y, own + (not is_power))
    elif type(of.x) is tuple:
        text = f"{of.rule.symbol}({', '.join(map(_source, of.x))})[{of.y}]"
    else:
        inputs = ", ".join(_source(each) for each in (of.x, of.y) if each is not None)
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
        raise too_deep()

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
            return arrays.transposed(of(node.value))
        case ast.Tuple(elts=[_, *_] as row) if isinstance(arrays, Textbook):
            return arrays.listed([of(each) for each in row])
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
    listed = ", ".join(ALL_FUNCTIONS)
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


def _misprinted(function: str) -> str:
    """Which function was misprinted, its letters in another order or case, or one of six or more left out or added.

    To be alike is not enough, the number would be another: log10 is no misprint of log, nor elu of relu.
    """

    def letters(name: str) -> list[str]:
        return sorted(name.casefold().replace("_", ""))

    def without_one(name: str) -> set[str]:
        return {name[:i] + name[i + 1 :] for i in range(len(name)) if name[i].isalpha()}

    for each in (*FUNCTIONS, *OF_ARRAYS):
        if letters(each) == letters(function):
            return each
        if (
            len(each) >= 6
            and len(function) <= len(each) + 1
            and (function in without_one(each) or each in without_one(function))
        ):
            return each
    return ""


def _check_function(name: str) -> None:
    if name not in ALL_FUNCTIONS:
        said = say("no such function {name}{meant}; there are {names}; a product is written with *")
        raise unknown(said, name, ALL_FUNCTIONS, ALIASES.get(name) or _misprinted(name))


def _check_arguments(function: str, arguments: list[ast.expr]) -> None:
    _check_function(function)
    counts = _ARGUMENTS.get(function, (1,))
    if len(arguments) not in counts:
        taken = say("{one} or {other}", one=counts[0], other=counts[1]) if len(counts) > 1 else counts[0]
        gaps = {"name": function, "taken": taken, "got": len(arguments)}
        raise ExerciseError("wrong number of arguments: {name} takes {taken}, got {got}", **gaps)
    if function == "leaky_relu" and not all(isinstance(each, ast.Constant) for each in arguments[1:]):
        raise ExerciseError("expected a plain number as the slope of leaky_relu; with a name write max(a*z1, z1)")


# --- what people type -------------------------------------------------------------------------------------------------

_SET = [*map(chr, range(0x1D400, 0x1D800)), "ℎ"]  # letters of formulas that are set, 𝑧
_FULL_WIDTH = str.maketrans(
    {chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
    | {each: unicodedata.normalize("NFKC", each) for each in _SET}
)
_VULGAR = {each: unicodedata.normalize("NFKC", each) for each in map(chr, [*range(0xBC, 0xBF), *range(0x2150, 0x215F)])}
_PLAIN = str.maketrans(
    {chr(0x2080 + digit): str(digit) for digit in range(10)}  # subscripts
    | dict.fromkeys("×·⋅∙•∗⨯✕✖・ㆍ\u2062", "*")
    | dict.fromkeys("−–—‒―‐‑﹣", "-")
    | dict.fromkeys("÷∕\u2044:", "/")
    | dict.fromkeys("′’‘`´ʹ", "'")
    | dict.fromkeys("。｡", ".")
    | {"﹢": "+", "⊙": "*", "∘": "*"}
    | dict.fromkeys("\u200b\u200c\u200d\u2060\u2061\ufeff\xad", "")  # what is not seen
    | {"^": "**", "σ": "sigmoid", "√": "sqrt", "″": "''"}
    | {each: "(" + fraction.replace("\u2044", "/") + ")" for each, fraction in _VULGAR.items()}
)
TYPED = _PLAIN | str.maketrans({"²": "**2", "³": "**3", "⁺": "+", "[": "(", "{": "(", "]": ")", "}": ")"})
_RAISED = re.compile("⁻?[⁰¹²³⁴-⁹]+(?:[·.˙][⁰¹²³⁴-⁹]+)?")
_TIMES = re.compile(r"(?<=[0-9]) ?[xX] ?(?=[0-9]+[.,][0-9]|10 ?(?:\^|\*\*|[⁻⁰¹²³⁴-⁹]))|(?<=[0-9]) [xX] (?=[0-9])")
_ROOT = re.compile(rf"√ ?({DIGITS}|[^\W\d]\w*)")
_OF_POWERS = str.maketrans("\u2212·˙", "-..")
_MIXED = re.compile(f"([0-9]+)([{''.join(_VULGAR)}])")
_PERCENT = re.compile(rf"(?<![\w.])({_MANTISSA}) ?%(?! ?\w)")
_POWER_OF_TEN = re.compile(
    rf"(?P<before>(?:\*\*|/) ?)?(?<![\w.])(?P<digits>{_MANTISSA}) ?\* ?10 ?\*\* ?"
    r"(?:\((?P<inner>[-+]?[0-9]{1,3})\)|(?P<power>[-+]?[0-9]{1,3}))(?![\w.(])"
)
_NUMBER_THEN_FACTOR = re.compile(rf"(?<![\w.])({DIGITS})(?![eE][-+]?[0-9]) *(?=[^\W\d]|\()")


def plain(text: str) -> str:
    """What people type, in the characters of a formula: × − ½ h1² x₁ 12 % 1.5×10^-3; ∂, ⁺ and [ ] { } stay."""
    text = _TIMES.sub("*", text)
    if not text.isascii():
        text = _ROOT.sub(r"√(\1)", text)
        text = _MIXED.sub(r"(\1+\2)", text.translate(_FULL_WIDTH))
        text = _RAISED.sub(lambda each: "**" + unicodedata.normalize("NFKC", each[0]).translate(_OF_POWERS), text)
    text = _PERCENT.sub(r"\1e-2", text.translate(_PLAIN))
    return _POWER_OF_TEN.sub(_with_exponent, text)


def _with_exponent(match: re.Match[str]) -> str:
    return match[0] if match["before"] else f"{match['digits']}e{int(match['inner'] or match['power'])}"


def read_worked(text: str, names: Container[str] = ()) -> Formula:
    """Read a part of a worked line as people write it, and as this tool prints it.

    names: those of the exercise; e, ln and brackets behind a name are what textbooks mean by them if they are none.
    The leaves are quantities in the spelling that is kept, dE/dW5, W5+ and z1' among them.

    Raises ExerciseError for what is no expression, or may be two.
    """
    return _of_one_number(" ".join(text.split()), read_whole(text, names, lambda names: Entries({})))


def read_whole(
    text: str, names: Container[str], arrays: Callable[[Mapping[str, str]], Entries], product: str = "*"
) -> Any:
    """Such a part entry by entry, an array of expressions; without axes where it stands for one number.

    A product of matrices is written with @, what is transposed is marked with ⊤, a slice stands in ⟨∶, 1⟩. arrays:
    what works with them, from the quantities by the names that they are given here. product: the sign that stands for
    one that is left out.
    """
    check_length(text)
    text = " ".join(text.split())
    quantities: dict[str, str] = {}
    typed = _WORD.sub(partial(_placed, names, quantities), _without_choices(plain(text)))
    typed = _BRACKET.sub(lambda each: each[0].translate(_ROUND) if len(each[0]) == 1 else each[0], typed)
    typed = typed.translate(_OF_ARRAYS)
    check_length(typed, MOST_LENGTH)
    known = arrays(quantities)
    try:
        read = _expression(_multiplied(typed, product), known)
    except ExerciseError as error:
        pointed = with_points(typed)  # a comma may stand between arguments, or in a number
        try:
            read = _expression(_multiplied(pointed, product), known)
        except ExerciseError:
            raise _of_what_was_typed(error, text) from None
    for leaf in {leaf for each in read.flat for leaf in parts_of(each) if leaf.rule is None}:
        leaf.name = quantities.get(leaf.name, leaf.name)
    return read


_OF_ARRAYS = str.maketrans({"⊤": ".T", "⟨": "[", "⟩": "]", "∶": ":"})
_PLACE = re.compile(r"\bq[0-9]+_")
_BRACKET = re.compile(r"(?<=\))\[[0-9]+\]|[\[\]{}]")  # softmax(z1, z2)[0] keeps its own
_ROUND = str.maketrans("[]{}", "()()")
_WORD = re.compile(rf"axis ?=|(?P<number>{DIGITS})|(?P<name>{QUANTITY})(?= ?(?P<next>[(\[{{]|\*\*|))")


def _placed(names: Container[str], quantities: dict[str, str], match: re.Match[str]) -> str:
    """A word of a formula; in the place of a quantity a name that Python's parser reads, which is noted."""
    word, bracket = match[0], match["next"] in ("(", "[", "{")
    if match["number"] or not match["name"]:
        return word

    def place(name: str) -> str:
        quantities[held := f"q{len(quantities)}_"] = spelled(name)
        return held

    if bracket and word not in names:
        usual = next((each for each in ALL_FUNCTIONS if each == word.lower()), word)  # Tanh, as telephones write it
        _check_function(word := ALIASES.get(word, usual))
        return word
    if word in RATES and word not in names:
        return place("lr")
    if word == "e" and match["next"] == "**" and word not in names:
        return "exp(1)"
    above, slash, below = map(str.strip, word.partition("/"))
    is_quotient = slash and "∂" not in word and above in names and below in names  # of numbers called da and db
    if is_quotient and (above[1:] not in names or below[1:] not in names):
        return f"{place(above)}/{place(below)}"
    return place(word) + "*" * bracket


def _of_what_was_typed(error: ExerciseError, text: str) -> ExerciseError:
    """What is wrong, without the names that stand in the place of quantities."""
    if _PLACE.search(str(error)):
        error = ExerciseError('expected a formula such as "W1*x1 + W2*x2", got {text}', text=quoted(text))
    return _with_meant(error, text, {})


_THOUSANDS = re.compile(r"(?<![\w.,])([1-9][0-9]{0,2}(?:,[0-9]{3})+)(?P<point>\.[0-9])?(?![\w,])")
_DECIMAL_COMMA = re.compile(r"(?<![\w.,])([0-9]+),(?=[0-9]+(?![\w.,]))")

# What the page reads what is typed with, too: patterns, and what characters stand for.
PARTS = {
    "times": _TIMES,
    "mixed": _MIXED,
    "raised": _RAISED,
    "percent": _PERCENT,
    "powerOfTen": _POWER_OF_TEN,
    "thousands": _THOUSANDS,
    "comma": _DECIMAL_COMMA,
}
CHARACTERS = {chr(code): plain.translate(_PLAIN) for code, plain in _FULL_WIDTH.items() if chr(code) not in _SET}
CHARACTERS |= {chr(code): plain for code, plain in _PLAIN.items()}


def with_points(text: str) -> str:
    """Numbers with commas, 0,5 and 1,234.5, as 0.5 and 1234.5. Raises ExerciseError for 1,234, which may be either."""

    def grouped(match: re.Match[str]) -> str:
        digits = match[1]
        if digits.count(",") == 1 and not match["point"]:
            one, other = digits.replace(",", "."), digits.replace(",", "")
            raise ExerciseError(
                "{text} may be {one} or {other}: write it without a comma", text=digits, one=one, other=other
            )
        return digits.replace(",", "") + (match["point"] or "")

    return _DECIMAL_COMMA.sub(r"\1.", _THOUSANDS.sub(grouped, text))


_CHOICE = re.compile(r"\{([^{}]*)\}")
_ALSO = {"≤": "1 - step({0} - {1})", "≥": "1 - step({1} - {0})", ">": "step({0} - {1})", "<": "step({1} - {0})"}
_HOLDS = _ALSO | {"=": f"({_ALSO['≤']})*({_ALSO['≥']})", "≠": f"{_ALSO['>']} + {_ALSO['<']}"}


def _without_choices(text: str) -> str:
    """A text in which {1 (z1 > 0), 0 (z1 ≤ 0)}, as derivatives with a kink are printed, are sums of steps."""
    while found := next(filter(_is_choice, _CHOICE.finditer(text)), None):
        text = text[: found.start()] + _sum_of_cases(found[1]) + text[found.end() :]
        check_length(text, MOST_LENGTH)
    return text


def _is_choice(match: re.Match[str]) -> bool:
    return any(sign in match[1] for sign in _HOLDS)


def _sum_of_cases(text: str) -> str:
    cases = []
    for case in split(text, ","):
        value, condition = _last_bracket(case.strip())
        relation = next((sign for sign in _HOLDS if sign in condition), "")
        sides = split(condition, relation)
        if not value or len(sides) != 2:
            raise ExerciseError("expected cases such as {{1 (z1 > 0), 0 (z1 < 0)}}, got {text}", text=quoted(text))
        cases.append(f"({value})*({_HOLDS[relation].format(*(f'({side})' for side in sides))})")
    return f"({' + '.join(cases)})"


def _last_bracket(text: str) -> tuple[str, str]:
    """What stands before the bracket at the end of a text, and in it."""
    depth = 0
    for at in range(len(text) - 1, -1, -1):
        depth += (text[at] == ")") - (text[at] == "(")
        if not depth:
            return text[:at].strip(), text[at + 1 : -1]
    return "", ""


def split(text: str, separators: str) -> list[str]:
    """A text cut at some characters, where these stand in no brackets."""
    pieces, depth = [""], 0
    for each in text:
        depth += (each in "([{") - (each in ")]}")
        if depth <= 0 and each in separators:
            pieces.append("")
        else:
            pieces[-1] += each
    return pieces


def corrected(text: str) -> str:
    """What was probably meant by the characters and habits of textbooks: ^ × − W₁ ½ 2x 0,5 x1 x2 )(."""
    text = text.translate(_FULL_WIDTH).translate(TYPED)
    text = re.sub(r"(?<=[0-9]),(?=[0-9])", ".", text)
    return re.sub(r"(?<=[0-9]) +(?=[0-9.])", "*", _multiplied(text))


def _multiplied(text: str, sign: str = "*") -> str:
    """A text with the signs of products that textbooks leave out: 2x, x1 x2, )(; of what may be matrices with @."""
    text = _NUMBER_THEN_FACTOR.sub(r"\1*", text)
    text = re.sub(r"(?<=\w) +(?=[^\W\d])|(?<=[^\W\d]) +(?=\w)", sign, text)
    return re.sub(r"(\)|\.T\b) *(?=[\w(])", rf"\1{sign}", text)


def finite(number: Any) -> float:
    """A number as a float. Raises ExerciseError for what is no finite float."""
    try:
        value = float(number)
    except OverflowError:
        value = math.inf
    if not math.isfinite(value):
        raise ExerciseError("expected a finite number, at most 1.8e308")
    return value
