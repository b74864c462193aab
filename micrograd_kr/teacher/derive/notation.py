"""Expressions and the names of quantities as a reader sees them: text, LaTeX and MathML.

    text(−(target − o))                    −(target_o1 − o1)
    text(…, in_numbers=True)               −(0.4 − 0.60944600)
    quantity("dE_total/dW5")               ∂E_total/∂W5

One walk over an expression (`_Writer`) knows what binds tighter than what and sets no bracket too many; what a sum, a
fraction or a choice looks like stands in notations.toml. Text is in the words of an exercise file, with ·, −, ½ and ²
where those read better. A browser gets its own, `javascript`, to compute rather than to read.
"""

import html
import math
import operator
import re
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import partial
from importlib.resources import files
from typing import Any, NamedTuple
from typing import Literal as OneOf

import numpy as np

from micrograd_kr import ops
from micrograd_kr.teacher.ask.arrays import log_share, share
from micrograd_kr.teacher.ask.expressions import COMPARED, Comparison, Literal, Symbol, number, parts_of
from micrograd_kr.teacher.ask.quantity import Quantity, read

Form = OneOf["text", "latex", "mathml"]

# How a number is written, from the quantity whose number it is (None: a literal of a formula), its value, and whether
# a negative number has to stand in brackets.
Number = Callable[[str | None, float, bool], str]

SHORT = 4  # a number with no more decimals is written without zeros behind it: 0.08, 715
LONG, MOST_BELOW = 12, 1000  # characters of a number that is better written as a fraction, 1/3, and what stands below
GIVEN = 8  # decimals of a given number that are kept in any case

CHOICE, SUM, PRODUCT, POWER, ATOM = range(5)  # what binds tighter is greater

RELATIONS: dict[Any, str] = dict(zip(COMPARED, ">≥<≤=≠", strict=True))
OTHERWISE = dict(zip(">≥<≤=≠", "≤<≥>≠=", strict=True))
FUNCTIONS = {"√": "sqrt", "Σ": "sum"}  # by a rule's symbol, where that is no word
TEMPLATES = tomllib.loads((files("micrograd_kr.teacher.derive") / "notations.toml").read_text("utf-8"))


def quantity(name: str, form: Form = "text") -> str:
    """The name of a quantity as it is read: ∂E_total/∂W5, W5⁺, z1′."""
    return NOTATIONS[form].name(name)


def symbol(name: str) -> str:
    """A quantity's name as a textbook sets it: ∂E/∂W₅, W₅⁺, z₁′."""
    return subscripts(quantity(name))


def subscripts(text: str) -> str:
    """The digits at the end of each name set low."""
    low = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
    return re.sub(r"(?<=[^\W\d])\d+(?!\w)", lambda found: found[0].translate(low), text)


def shown(value: float, digits: int) -> str:
    """A number with so many decimals; short where it has few, in powers of ten where else nothing would be left."""
    short, fixed = f"{value:z.12g}", f"{value:z.{digits}f}"
    is_short = "e" not in short and len(short.partition(".")[2]) <= min(SHORT, digits)
    if is_short and math.isclose(value, float(short), rel_tol=1e-14):
        written = short
    elif not math.isfinite(value) or (float(fixed) != 0.0 and abs(value) < 1e16):
        written = fixed
    else:
        written = f"{value:.{max(min(digits, 16), 1) - 1}e}"
    return written.replace("-", "−")


def decimals(digits: int, form: Form = "text", exact: Collection[str] = ()) -> Number:
    """Numbers with so many decimals. What an exercise gives (`exact`) keeps those it has, unless they are very many."""

    def rounded(name: str, value: float) -> str:
        given = f"{value:.15g}"
        kept = name in exact and len(given.partition(".")[2]) <= max(digits, GIVEN)
        return given if kept else shown(value, digits)

    return numbers(form, rounded)


def numbers(form: Form, digits: Callable[[str, float], str]) -> Number:
    """Numbers in the digits that the name and the value of a quantity are given; literals as a formula has them."""
    own = NOTATIONS[form]
    return lambda name, value, tight: (
        own.literal(value, tight) if name is None else own.number(digits(name, value), tight)
    )


_LATEX = str.maketrans(
    {each: "\\" + each for each in "{}$%&#_"}
    | {"\\": r"\textbackslash{}", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}"}
    | {"−": "$-$", "×": r"$\times$", "·": r"$\cdot$", "½": r"$\frac{1}{2}$", "→": r"$\to$"}
)


def escaped_latex(text: str) -> str:
    """Text in which LaTeX sees no command."""
    return text.translate(_LATEX)


def _latex_word(text: str, low: bool) -> str:
    if not re.fullmatch(r"[\w,]+", text, re.ASCII):  # Hangul, and what has blanks in it
        return rf"\text{{{escaped_latex(text)}}}"
    return escaped_latex(text) if low or len(text) == 1 else rf"\mathit{{{escaped_latex(text)}}}"


def _mathml_word(text: str, low: bool) -> str:
    return f"<mn>{text}</mn>" if low and text.isdecimal() else f"<mi>{html.escape(text)}</mi>"


class Notation(NamedTuple):
    """What names, numbers and the parts of an expression look like.

    templates: a table of notations.toml. escaped: any text where it is set. word: a part of a name, low or not; None
    where a name is not taken apart.
    """

    templates: Mapping[str, Any]
    escaped: Callable[[str], str] = str
    word: Callable[[str, bool], str] | None = None

    def of(self, part: str, *written: Any) -> str:
        """A part of an expression, from what is written already."""
        text: str = self.templates[part] % written
        return text

    def name(self, name: str) -> str:
        asked = read(name)
        if asked.by is not None:
            return self.of("derivative", self.name(str(Quantity(asked.of, step=asked.step))), self.name(asked.by))
        mark = name.removeprefix(asked.of)
        # W5, W_5, E_o1,2 and W[0,1]
        found = re.fullmatch(r"([^\W_\d]+)_?(\d+|(?<=_)[^\W_]\w*)?(\[[0-9,]+\])?", asked.of)
        if self.word is None:
            pieces = [asked.of]
        elif found and (found[2] or found[3]):
            low = (found[2] or "").replace("_", ","), (found[3] or "")[1:-1]
            pieces = [self.word(found[1], False), self.word(",".join(filter(None, low)), True)]
        else:
            pieces = [self.word(asked.of, False)]
        kind = "name" + "_low" * (len(pieces) > 1) + "_marked" * bool(mark)
        marks = self.templates["marks"]
        sign = marks["@"] % asked.step if "@" in mark else marks.get(mark)
        return self.of(kind, *pieces, *([sign] if mark else []))

    def number(self, text: str, tight: bool) -> str:
        """A number in digits. tight: a negative one has to stand in brackets."""
        text = text.replace("-", "−")
        mantissa, _, exponent = text.removeprefix("−").partition("e")
        written = self.of("digits", mantissa)
        if exponent:
            ten = self.of("ten", int(exponent.replace("−", "-")))
            written += ten.replace("-", self.templates["signs"].get("−", "−"))
        if text.startswith("−"):
            return self._negative(written, tight)
        return self.of("row", written) if exponent else written

    def literal(self, value: float, tight: bool) -> str:
        """A number that stands in a formula."""
        text, ratio = (
            f"{value:z.15g}",
            Fraction(abs(value)).limit_denominator(MOST_BELOW) if math.isfinite(value) else 0,
        )
        if abs(value) == 0.5:
            size = self.of("half")
        elif len(text) > LONG and float(ratio) == abs(value) and ratio.denominator > 1:
            size = self.of("ratio", *ratio.as_integer_ratio())
        else:
            return self.number(text, tight)
        return size if value > 0 else self._negative(size, tight)

    def _negative(self, size: str, tight: bool) -> str:
        return self.of("brackets" if tight else "row", self._sign("−").strip() + size)

    def _sign(self, sign: str) -> str:
        written = self.templates["signs"].get(sign, sign)
        return sign if sign in self.templates["close"] else self.of("sign", written)

    def joined(self, pieces: Sequence[str], sign: str) -> str:
        """Factors, or the sides of a relation."""
        return self.of("row", self._sign(sign).join(pieces))

    def signed(self, terms: Sequence[tuple[str, str]]) -> str:
        """A sum of terms with their signs, the first of which may be none."""
        (sign, first), *others = terms
        start = "" if sign == "+" else self._sign(sign).strip()
        return self.of("row", start + first + "".join(self._sign(sign) + term for sign, term in others))


NOTATIONS: dict[Form, Notation] = {
    "text": Notation(TEMPLATES["text"]),
    "latex": Notation(TEMPLATES["latex"], escaped_latex, _latex_word),
    "mathml": Notation(TEMPLATES["mathml"], html.escape, _mathml_word),
}


def written(expression: Any, form: Form, in_numbers: bool = False, number: Number | None = None) -> str:
    """An expression: as text, in LaTeX's mathematics (amsmath), or as MathML elements without the <math> around them.

    in_numbers: numbers stand in the place of names. number: how they are written.
    """
    return _Writer(form, in_numbers, number or decimals(8, form)).of(expression)


text = partial(written, form="text")


class _Writer:
    """Writes expressions in one notation. level: what must bind at least as tight; tight: no minus may come first."""

    def __init__(self, form: Form, in_numbers: bool, number: Number) -> None:
        self.notation, self.in_numbers, self.number = NOTATIONS[form], in_numbers, number
        self.part = self.notation.of
        self.is_fraction = "fraction" in self.notation.templates
        self.operations: dict[Any, tuple[int, Callable[[Symbol, bool], str]]] = {
            **dict.fromkeys((ops.add, ops.sub), (SUM, self._sum)),
            ops.neg: (PRODUCT, self._sum),
            **dict.fromkeys((ops.mul, ops.matmul), (PRODUCT, self._product)),
            ops.div: (PRODUCT, self._quotient),
            ops.power: (POWER, self._power),
        }

    def of(self, each: Any, level: int = SUM, tight: bool = False) -> str:
        if not isinstance(each, Symbol) and not np.ndim(each):
            written = self.number(None, float(each), tight)
            is_bare = self.is_fraction or level < POWER or written.startswith("(")
            return written if is_bare or "/" not in written else self.part("brackets", written)
        if not isinstance(each, Symbol) or (each.rule is None and each.name is None):
            return self.notation.name(f"array of shape {np.shape(number(each))}")
        if each.rule is None:
            return self._name(each, level, tight)
        if _is_choice(each):
            cases = [self.part("case", *case) for case in self._cases(each)]
            return self.part("cases", self.part("between_cases").join(cases))
        if (seen := _seen(each)) is not each:
            return self.of(seen, level, tight)
        own, write = self.operations.get(each.rule, (ATOM, self._function))
        if each.rule is ops.transpose and each.y is not None and len(each.y) == 2:
            own, write = POWER, self._transposed
        return self.part("brackets", write(each, False)) if own < level else write(each, tight)

    def _name(self, each: Symbol, level: int, tight: bool) -> str:
        name = str(each.name)
        if self.in_numbers and not np.ndim(each.number):
            return self.number(name, float(each.number), tight)
        written = self.notation.name(name)
        return self.part("brackets", written) if level > PRODUCT and read(name).by else written

    def _sum(self, each: Symbol, tight: bool) -> str:
        """A sum, or something with a minus in front of it."""
        terms: list[tuple[str, Any]] = []
        waiting: list[tuple[str, Any]] = [("+", each)]
        while waiting:  # not by recursion: a parameter used in thousands of lines has thousands of terms
            sign, term = waiting.pop()
            rule = term.rule if isinstance(term, Symbol) else None
            if rule is ops.neg:
                waiting.append(("+" if sign == "−" else "−", term.x))
            elif rule in (ops.add, ops.sub) and sign == "+":
                waiting += [("−" if rule is ops.sub else "+", term.y), ("+", term.x)]
            else:
                terms.append((sign, term))
        is_negative = terms[0][0] == "−"
        first = is_negative or tight
        written = [(sign, self.of(term, PRODUCT, i > 0 or first)) for i, (sign, term) in enumerate(terms)]
        out = self.notation.signed(written)
        return self.part("brackets", out) if tight and is_negative else out

    def _product(self, each: Symbol, tight: bool) -> str:
        sign = _sign(each)
        pieces: list[str] = []
        waiting: list[Any] = [each]
        while waiting:
            factor = _seen(waiting.pop())
            own = _sign(factor)
            if own == sign:
                waiting += [factor.y, factor.x]
            else:
                pieces.append(self.of(factor, POWER if own else PRODUCT, tight or bool(pieces)))
        return self.notation.joined(pieces, "×" if self.in_numbers and sign == "·" else sign)

    def _quotient(self, each: Symbol, tight: bool) -> str:
        if self.is_fraction:
            return self.part("fraction", self.of(each.x), self.of(each.y))
        return self.part("quotient", self.of(each.x, PRODUCT, tight), self.of(each.y, POWER, True))

    def _power(self, each: Symbol, tight: bool) -> str:
        base, raised = self.of(each.x, ATOM, True), self.notation.templates["raised"]
        if not isinstance(each.x, Symbol) and not _is_plain(each.x):
            base = self.part("brackets", base)
        is_in_numbers = self.in_numbers and isinstance(each.y, Symbol) and each.y.rule is None  # 0.9¹, of 0.9**k
        exponent = number(each.y) if is_in_numbers else each.y
        if not isinstance(exponent, Symbol) and float(exponent).is_integer() and 0 <= exponent < len(raised):
            return base + str(raised[int(exponent)])
        return self.part("power", base, self.of(each.y, SUM) if self.is_fraction else self.of(each.y, ATOM, True))

    def _transposed(self, each: Symbol, tight: bool) -> str:
        return self.part("transposed", self.of(each.x, ATOM, True))

    def _function(self, each: Symbol, tight: bool) -> str:
        symbol = each.rule.symbol if each.rule else ""
        arguments = [self.of(argument) for argument in (each.x if type(each.x) is tuple else (each.x,))]
        if each.rule in (share, log_share):
            return self.part("entry", self.part("function", symbol, self.part("comma").join(arguments)), each.y)
        if each.rule is ops.index:
            return self.part("entry", self.of(each.x, ATOM), self.notation.escaped(_key(each.y)))
        options = list(self._options(each.y, each.rule))
        ordered = [*options, *arguments] if each.rule is ops.where_ else [*arguments, *options]
        name, listed = FUNCTIONS.get(symbol, symbol), self.part("comma").join(ordered)
        template = self.notation.templates["functions"].get(name)
        return template % listed if template else self.part("function", self.notation.escaped(name), listed)

    def _options(self, option: Any, rule: ops.Rule | None = None) -> Iterator[str]:
        """What a function is told besides its inputs: a slope, an axis, a shape."""
        if option is None:
            return
        if isinstance(option, ops.Axes) or rule in (ops.softmax, ops.log_softmax, ops.concatenate):
            axis = option.axis if isinstance(option, ops.Axes) else option
            if axis is not None:
                axis = axis[0] if isinstance(axis, tuple) and len(axis) == 1 else axis
                set_axis = self.notation.name if isinstance(axis, tuple) else partial(self.notation.number, tight=False)
                yield self.notation.joined([self.notation.name("axis"), set_axis(str(axis))], "=")
        elif isinstance(option, tuple):
            each = [written for part in option for written in self._options(part)]
            yield from each if rule is ops.clip else [self.part("brackets", self.part("comma").join(each))]
        elif isinstance(option, slice | type(...) | np.dtype):
            yield self.notation.name(str(option))
        else:
            yield self.of(option)

    def _cases(self, each: Symbol) -> Iterator[tuple[str, str]]:
        """The values of a choice, each with its condition; a tie between the same two is a case of its own."""
        left, right = sides = [self.of(each.y.x), self.of(each.y.y)]
        sign = RELATIONS[each.y.operation]
        yield self.of(each.x[0]), self.notation.joined(sides, sign)
        other, rest = each.x[1], OTHERWISE[sign]
        is_tie = _is_choice(other) and other.y.operation is operator.eq and sign in "<>"
        if is_tie and {self.of(other.y.x), self.of(other.y.y)} == {left, right}:
            yield self.of(other.x[0]), self.notation.joined(sides, "=")
            other, rest = other.x[1], ">" if sign == "<" else "<"
        yield self.of(other), self.notation.joined(sides, rest)


def _key(of: Any) -> str:
    """What stands in square brackets, 0,1 or :,2."""
    if isinstance(of, slice):
        return ":".join("" if each is None else str(each) for each in (of.start, of.stop, of.step)[: 2 + bool(of.step)])
    return ",".join(map(_key, of)) if isinstance(of, tuple) else "…" if of is ... else str(of)


def _is_plain(value: float) -> bool:
    """Whether a number is written in digits alone, and not as ½, 1/3 or in powers of ten."""
    return abs(value) != 0.5 and re.fullmatch(rf"[0-9.]{{1,{LONG}}}", f"{abs(value):.15g}") is not None


def _seen(of: Any) -> Any:
    """An expression without what only makes a row or a column of a vector."""

    def lengths(each: Any) -> list[int]:
        return [length for length in np.shape(number(each)) if length != 1]

    while isinstance(of, Symbol) and of.rule is ops.reshape and lengths(of) == lengths(of.x):
        of = of.x
    return of


def _is_choice(of: Any) -> bool:
    return isinstance(of, Symbol) and of.rule is ops.where_ and isinstance(of.y, Comparison)


def _sign(of: Any) -> str:
    """The sign of a product: of two arrays · for the product of matrices, ⊙ where it is entry by entry. Else none."""
    if not isinstance(of, Symbol) or of.rule not in (ops.mul, ops.matmul):
        return ""
    return "⊙" if of.rule is ops.mul and np.ndim(number(of.x)) and np.ndim(number(of.y)) else "·"


def javascript(of: Any, places: Mapping[str, int]) -> str:
    """An expression as JavaScript, over an array v of numbers that has each name at its place.

    All brackets are there, so that it is worked in the engine's order and comes to the engine's number, and every
    choice is one.
    """
    return code(of, lambda name: f"v[{places[name]}]", TEMPLATES["javascript"])


def code(of: Any, name: Callable[[str], str], templates: Mapping[str, Any], level: int = CHOICE) -> str:
    """An expression to be computed, in the engine's order. name: how a quantity is referred to.

    templates: of each operation, from its operands. level: what must bind at least as tight; `levels` says how tight an
    operation does, and its operands must. One that is not there is a whole by itself.
    """
    if isinstance(getattr(of, "name", None), Literal):
        of = of.number
    if isinstance(of, Symbol) and of.rule is of.whole is None:
        return name(str(of.name))
    called, given = _to_compute(of)
    if not given:
        return _number_in_code(float(of), templates, level)
    own, *least = templates["levels"].get(called, (ATOM,))
    least = least or [CHOICE] * len(given)
    inputs = [code(each, name, templates, tight) for each, tight in zip(given, least, strict=True)]
    template = templates.get(called)
    written = template.format(*inputs) if template else templates["function"].format(called, ", ".join(inputs))
    return f"({written})" if own < level else str(written)


def _to_compute(of: Any) -> tuple[str, list[Any]]:
    """What the operation of an expression is called, and its operands and options; none of a number."""
    if isinstance(of, Comparison):
        own = Comparison(of.x, of.y, of.operation)
        return ("and", [own, of.also]) if of.also else (RELATIONS[of.operation], [of.x, of.y])
    if not isinstance(of, Symbol):
        return "", []
    rule: Any
    rule, x, y = of.whole or (of.rule, of.x, of.y)
    many = x if type(x) is tuple else (x,)
    options = y if type(y) is tuple else (y,)
    given = (*options, *many) if rule is ops.where_ else (*many, *options)
    if rule is ops.power and (isinstance(y, Symbol) or not float(y).is_integer()):  # of which not every base has one
        return "power", [x, y]
    return FUNCTIONS.get(rule.symbol, rule.symbol), [each for each in given if each is not None]


def _number_in_code(value: float, templates: Mapping[str, Any], level: int) -> str:
    size = abs(value)
    is_negative = math.copysign(1.0, value) < 0
    is_whole = size < templates["whole"] and size.is_integer() and (size or not is_negative)
    text = templates["numbers"].get(repr(size), str(int(size)) if is_whole else repr(size))
    if not is_negative:
        return str(text)
    own, *_ = templates["levels"].get("neg", (ATOM,))
    negative = str(templates["neg"].format(text))
    return f"({negative})" if own < level else negative


def taken(expression: Any) -> Iterator[tuple[Any, str, Any]]:
    """Which side each comparison in an expression took, as (left, relation, right); a sign compares with 0."""
    for each in parts_of(expression):
        is_sign = isinstance(each, Symbol) and each.rule is ops.sign
        if (is_sign or isinstance(each, Comparison)) and not np.ndim(number(each.x)):
            right = 0.0 if is_sign else each.y
            one, other = number(each.x), number(right)
            yield each.x, ">" if one > other else "<" if one < other else "=", right
