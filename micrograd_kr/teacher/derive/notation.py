"""Expressions and the names of quantities as a reader sees them: text, LaTeX and MathML.

    text(−(target − o))                    −(target_o1 − o1)
    text(…, in_numbers=True)               −(0.4 − 0.60944600)
    quantity("dE_total/dW5")               ∂E_total/∂W5

One walk over an expression (`_Writer`) knows what binds tighter than what and sets no bracket too many; the three
notations only say what a sum, a fraction or a choice looks like. Text is in the words of an exercise file, with ·, −,
½ and ² where those read better. A browser gets its own, `javascript`, to compute rather than to read.
"""

import html
import math
import operator
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Literal, NamedTuple

import numpy as np

from micrograd_kr import ops
from micrograd_kr.teacher.ask.quantity import read
from micrograd_kr.teacher.derive.expressions import Comparison, Symbol, number

Form = Literal["text", "latex", "mathml"]


# How a number is written, from the quantity whose number it is (None: a literal of a formula), its value, and whether
# a negative number has to stand in brackets.
Number = Callable[[str | None, float, bool], str]


SHORT = 4  # a number with no more decimals is written without zeros behind it: 0.08, 715


GIVEN = 8  # decimals of a given number that are kept in any case


SUM, PRODUCT, POWER, ATOM = range(4)  # what binds tighter is greater


RELATIONS: dict[Any, str] = {
    operator.gt: ">",
    operator.ge: "≥",
    operator.lt: "<",
    operator.le: "≤",
    operator.eq: "=",
    operator.ne: "≠",
}


OTHERWISE = {">": "≤", "≥": "<", "<": "≥", "≤": ">", "=": "≠", "≠": "="}


FUNCTIONS = {"√": "sqrt", "Σ": "sum", "[ ]": "index"}  # by a rule's symbol, where that is no word


# --- names ------------------------------------------------------------------------------------------------------------


MARKS = str.maketrans("+'", "⁺′")


class Name(NamedTuple):
    """A name as on a sheet, taken apart: W5+ is the base W with the subscript 5 and the mark +."""

    base: str
    subscript: str
    mark: str


def parts(name: str) -> Name:
    """
    >>> tuple(parts("E_o1")), tuple(parts("W5+"))
    (('E', 'o1', ''), ('W', '5', '+'))
    """
    stem = read(name).of
    mark = name.removeprefix(stem)
    found = re.fullmatch(r"([^\W_\d]+)_?(\d+|(?<=_)[^\W_]\w*)", stem)
    return Name(found[1], found[2].replace("_", ","), mark) if found else Name(stem, "", mark)


def derivative(name: str) -> tuple[str, str] | None:
    """What is differentiated and with respect to what, if the name is one of a derivative, dE/dW."""
    asked = read(name)
    return None if asked.by is None else (asked.of, asked.by)


def quantity(name: str, form: Form = "text") -> str:
    """The name of a quantity as it is read: ∂E_total/∂W5, W5⁺, z1′."""
    return NOTATIONS[form].name(name)


# --- numbers ----------------------------------------------------------------------------------------------------------


def shown(value: float, digits: int) -> str:
    """A number with so many decimals; short where it has few, in powers of ten where else nothing would be left."""
    short = f"{value:.12g}"
    if (
        "e" not in short
        and len(short.partition(".")[2]) <= min(SHORT, digits)
        and math.isclose(value, float(short), rel_tol=1e-14)
    ):
        return short.replace("-", "−") if value else "0"
    fixed = f"{value:z.{digits}f}"
    if not math.isfinite(value) or (float(fixed) != 0.0 and abs(value) < 1e16):
        return fixed.replace("-", "−")
    return f"{value:.{max(min(digits, 16), 1) - 1}e}".replace("-", "−")


def decimals(digits: int, form: Form = "text", exact: Collection[str] = ()) -> Number:
    """Numbers with so many decimals. What an exercise gives (`exact`) keeps those it has, unless they are very many."""
    notation = NOTATIONS[form]

    def written(name: str | None, value: float, tight: bool) -> str:
        if name is None:
            return notation.literal(value, tight)
        given = f"{value:.15g}"
        kept = name in exact and len(given.partition(".")[2]) <= max(digits, GIVEN)
        return notation.number(given.replace("-", "−") if kept else shown(value, digits), tight)

    return written


# --- notations --------------------------------------------------------------------------------------------------------


def _signed(first: str, rest: Sequence[tuple[str, str]]) -> str:
    return first + "".join(f" {sign} {term}" if first or i else sign + term for i, (sign, term) in enumerate(rest))


class Text:
    """What the parts of an expression look like in plain text; what comes in is written already, brackets and all.

    tight: a negative number has to stand in brackets. whole: the exponent if it is a whole number.
    """

    fractions = False  # whether a quotient is set as a fraction, which needs no brackets within

    def name(self, name: str) -> str:
        pair = derivative(name)
        if pair:
            return f"∂{pair[0]}/∂{pair[1]}"
        mark = parts(name).mark
        return name.removesuffix(mark) + mark.translate(MARKS)

    def number(self, text: str, tight: bool) -> str:
        return f"({text})" if tight and text.startswith("−") else text

    def literal(self, value: float, tight: bool) -> str:
        text = f"{abs(value):.15g}" if abs(value) != 0.5 else "½"
        return self.number("−" * (value < 0) + text, tight)

    def brackets(self, inner: str) -> str:
        return f"({inner})"

    def listed(self, pieces: Sequence[str]) -> str:
        return ", ".join(pieces)

    def joined(self, pieces: Sequence[str], sign: str) -> str:
        return (f" {sign} " if sign == "×" else sign).join(pieces)

    def signed(self, first: str, rest: Sequence[tuple[str, str]]) -> str:
        return _signed(first, rest)

    def quotient(self, above: str, below: str) -> str:
        return f"{above}/{below}"

    def power(self, base: str, exponent: str, whole: float | None) -> str:
        if whole is not None and 0 <= whole <= 9:
            return base + "⁰¹²³⁴⁵⁶⁷⁸⁹"[int(whole)]
        return f"{base}**{exponent}"

    def transposed(self, inner: str) -> str:
        return f"{inner}ᵀ"

    def function(self, name: str, arguments: Sequence[str]) -> str:
        return f"{name}({self.listed(arguments)})"

    def cases(self, rows: Sequence[tuple[str, str]]) -> str:
        return "{" + ", ".join(f"{value} ({condition})" for value, condition in rows) + "}"

    def relation(self, left: str, sign: str, right: str) -> str:
        return f"{left} {sign} {right}"


_LATEX = {
    "\\": r"\textbackslash{}",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    **{each: "\\" + each for each in "{}$%&#_"},
    **{
        each: f"${sign}$"
        for each, sign in (("−", "-"), ("×", r"\times"), ("·", r"\cdot"), ("½", r"\frac{1}{2}"), ("→", r"\to"))
    },
}


_LATEX_SIGNS = {"·": r" \cdot ", "×": r" \times ", "⊙": r" \odot ", "≥": r"\ge", "≤": r"\le", "≠": r"\ne"}


_LATEX_FUNCTIONS = {each: "\\" + each for each in ("exp", "log", "sin", "cos", "tanh", "max", "min")}


def escaped_latex(text: str) -> str:
    """Text in which LaTeX sees no command."""
    return "".join(_LATEX.get(each, each) for each in text)


class Latex:
    """The same for LaTeX's mathematics, with amsmath."""

    fractions = True

    def name(self, name: str) -> str:
        pair = derivative(name)
        if pair:
            return rf"\frac{{\partial {self.name(pair[0])}}}{{\partial {self.name(pair[1])}}}"
        base, subscript, mark = parts(name)
        written = self._word(base) + (f"_{{{self._word(subscript, low=True)}}}" if subscript else "")
        return written + mark.replace("+", "^{+}")

    def _word(self, text: str, low: bool = False) -> str:
        if not re.fullmatch(r"[\w,]+", text, re.ASCII):  # Hangul, and what has blanks in it
            return rf"\text{{{escaped_latex(text)}}}"
        return escaped_latex(text) if low or len(text) == 1 else rf"\mathit{{{escaped_latex(text)}}}"

    def number(self, text: str, tight: bool) -> str:
        mantissa, power, exponent = text.replace("−", "-").partition("e")
        written = mantissa + (rf" \times 10^{{{int(exponent)}}}" if power else "")
        return self.brackets(written) if tight and written.startswith("-") else written

    def literal(self, value: float, tight: bool) -> str:
        text = r"\frac{1}{2}" if abs(value) == 0.5 else self.number(f"{abs(value):.15g}", False)
        return self.brackets(f"-{text}") if value < 0 and tight else "-" * (value < 0) + text

    def brackets(self, inner: str) -> str:
        return rf"\left({inner}\right)"

    def listed(self, pieces: Sequence[str]) -> str:
        return ", ".join(pieces)

    def joined(self, pieces: Sequence[str], sign: str) -> str:
        return _LATEX_SIGNS[sign].join(pieces)

    def signed(self, first: str, rest: Sequence[tuple[str, str]]) -> str:
        return _signed(first, [(sign.replace("−", "-"), term) for sign, term in rest])

    def quotient(self, above: str, below: str) -> str:
        return rf"\frac{{{above}}}{{{below}}}"

    def power(self, base: str, exponent: str, whole: float | None) -> str:
        return f"{{{base}}}^{{{exponent}}}"

    def transposed(self, inner: str) -> str:
        return rf"{{{inner}}}^{{\top}}"

    def function(self, name: str, arguments: Sequence[str]) -> str:
        if name == "sqrt":
            return rf"\sqrt{{{arguments[0]}}}"
        if name == "abs":
            return rf"\left|{arguments[0]}\right|"
        written = _LATEX_FUNCTIONS.get(name) or rf"\operatorname{{{escaped_latex(name)}}}"
        return written + self.brackets(self.listed(arguments))

    def cases(self, rows: Sequence[tuple[str, str]]) -> str:
        return r"\begin{cases}" + r" \\ ".join(f"{value} & {condition}" for value, condition in rows) + r"\end{cases}"

    def relation(self, left: str, sign: str, right: str) -> str:
        return f"{left} {_LATEX_SIGNS.get(sign, sign)} {right}"


class MathML:
    """Presentation elements of MathML Core: mrow, mi, mn, mo, mfrac, msub, msup, msubsup, msqrt, mtable."""

    fractions = True

    def name(self, name: str) -> str:
        pair = derivative(name)
        if pair:
            above, below = (f"<mrow><mo>∂</mo>{self.name(each)}</mrow>" for each in pair)
            return self.quotient(above, below)
        base, subscript, mark = parts(name)
        pieces = [self._word(base)]
        pieces += [f"<mn>{subscript}</mn>" if subscript.isdecimal() else self._word(subscript)] if subscript else []
        pieces += [f"<mo>{mark.replace(chr(39), '′')}</mo>"] if mark else []
        kind = ("m" + "sub" * bool(subscript) + "sup" * bool(mark)) if len(pieces) > 1 else ""
        return f"<{kind}>{''.join(pieces)}</{kind}>" if kind else pieces[0]

    def _word(self, text: str) -> str:
        return f"<mi>{html.escape(text)}</mi>"

    def number(self, text: str, tight: bool) -> str:
        mantissa, power, exponent = text.partition("e")
        written = f"<mn>{mantissa.removeprefix('−')}</mn>"
        if power:
            exponent = str(int(exponent.replace("−", "-"))).replace("-", "−")
            written = f"{written}<mo>×</mo><msup><mn>10</mn><mn>{exponent}</mn></msup>"
        if text.startswith("−"):
            written = f"<mo>−</mo>{written}"
            return self.brackets(written) if tight else f"<mrow>{written}</mrow>"
        return f"<mrow>{written}</mrow>" if power else written

    def literal(self, value: float, tight: bool) -> str:
        if abs(value) != 0.5:
            return self.number(f"{value:.15g}".replace("-", "−"), tight)
        half = self.quotient("<mn>1</mn>", "<mn>2</mn>")
        return half if value > 0 else self.brackets(f"<mo>−</mo>{half}") if tight else f"<mrow><mo>−</mo>{half}</mrow>"

    def brackets(self, inner: str) -> str:
        return f"<mrow><mo>(</mo>{inner}<mo>)</mo></mrow>"

    def listed(self, pieces: Sequence[str]) -> str:
        return "<mo>,</mo>".join(pieces)

    def joined(self, pieces: Sequence[str], sign: str) -> str:
        return f"<mrow>{f'<mo>{sign}</mo>'.join(pieces)}</mrow>"

    def signed(self, first: str, rest: Sequence[tuple[str, str]]) -> str:
        return f"<mrow>{first}{''.join(f'<mo>{sign}</mo>{term}' for sign, term in rest)}</mrow>"

    def quotient(self, above: str, below: str) -> str:
        return f"<mfrac>{above}{below}</mfrac>"

    def power(self, base: str, exponent: str, whole: float | None) -> str:
        return f"<msup><mrow>{base}</mrow><mrow>{exponent}</mrow></msup>"

    def transposed(self, inner: str) -> str:
        return f"<msup><mrow>{inner}</mrow><mo>⊤</mo></msup>"

    def function(self, name: str, arguments: Sequence[str]) -> str:
        if name == "sqrt":
            return f"<msqrt>{arguments[0]}</msqrt>"
        if name == "abs":
            return f"<mrow><mo>|</mo>{arguments[0]}<mo>|</mo></mrow>"
        return f"<mrow>{self._word(name)}<mo>&#x2061;</mo>{self.brackets(self.listed(arguments))}</mrow>"

    def cases(self, rows: Sequence[tuple[str, str]]) -> str:
        cells = "".join(f"<mtr><mtd>{value}</mtd><mtd>{condition}</mtd></mtr>" for value, condition in rows)
        return f"<mrow><mo>{{</mo><mtable>{cells}</mtable></mrow>"

    def relation(self, left: str, sign: str, right: str) -> str:
        return f"<mrow>{left}<mo>{html.escape(sign)}</mo>{right}</mrow>"


NOTATIONS: dict[Form, Text | Latex | MathML] = {"text": Text(), "latex": Latex(), "mathml": MathML()}


# --- expressions ------------------------------------------------------------------------------------------------------


def text(expression: Any, *, in_numbers: bool = False, number: Number | None = None) -> str:
    """An expression as text. in_numbers: numbers stand in the place of names. number: how they are written."""
    return written(expression, "text", in_numbers, number)


def latex(expression: Any, *, in_numbers: bool = False, number: Number | None = None) -> str:
    """An expression in LaTeX's mathematics (amsmath)."""
    return written(expression, "latex", in_numbers, number)


def mathml(expression: Any, *, in_numbers: bool = False, number: Number | None = None) -> str:
    """An expression as MathML elements, without the <math> around them."""
    return written(expression, "mathml", in_numbers, number)


def written(expression: Any, form: Form, in_numbers: bool = False, number: Number | None = None) -> str:
    return _Writer(form, in_numbers, number or decimals(8, form)).of(expression)


class _Writer:
    """Writes expressions in one notation. level: what must bind at least as tight; tight: no minus may come first."""

    def __init__(self, form: Form, in_numbers: bool, number: Number) -> None:
        self.notation, self.in_numbers, self.number = NOTATIONS[form], in_numbers, number

    def of(self, each: Any, level: int = SUM, tight: bool = False) -> str:
        if not isinstance(each, Symbol):
            return self._constant(each, tight)
        if each.rule is None:
            return self._name(each, level, tight)
        if _is_choice(each):
            return self.notation.cases(list(self._cases(each)))
        own, write = self._operation(each)
        return self.notation.brackets(write(each, False)) if own < level else write(each, tight)

    def _operation(self, each: Symbol) -> tuple[int, Callable[[Symbol, bool], str]]:
        """How tight an operation binds, and what writes it."""
        if each.rule in (ops.add, ops.sub):
            return SUM, self._sum
        if each.rule in (ops.mul, ops.neg, ops.matmul):
            return PRODUCT, self._sum if each.rule is ops.neg else self._product
        if each.rule is ops.div:
            return PRODUCT, self._quotient
        if each.rule is ops.power:
            return POWER, self._power
        if each.rule is ops.transpose and each.y is not None and len(each.y) == 2:
            return POWER, lambda each, tight: self.notation.transposed(self.of(each.x, ATOM, True))
        return ATOM, self._function

    def _constant(self, each: Any, tight: bool) -> str:
        if np.ndim(each):
            return self.notation.name(f"array of shape {np.shape(each)}")
        return self.number(None, float(each), tight)

    def _name(self, each: Symbol, level: int, tight: bool) -> str:
        name = str(each.name)
        if self.in_numbers and not np.ndim(each.number):
            return self.number(name, float(each.number), tight)
        written = self.notation.name(name)
        return self.notation.brackets(written) if level > PRODUCT and derivative(name) else written

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
        start = self.of(terms.pop(0)[1], PRODUCT, tight) if terms[0][0] == "+" else ""
        out = self.notation.signed(start, [(sign, self.of(term, PRODUCT, True)) for sign, term in terms])
        return self.notation.brackets(out) if tight and not start else out

    def _product(self, each: Symbol, tight: bool) -> str:
        sign = _sign(each)
        pieces: list[str] = []
        waiting: list[Any] = [each]
        while waiting:
            factor = waiting.pop()
            own = _sign(factor)
            if own == sign:
                waiting += [factor.y, factor.x]
            else:
                pieces.append(self.of(factor, POWER if own else PRODUCT, tight or bool(pieces)))
        return self.notation.joined(pieces, "×" if self.in_numbers and sign == "·" else sign)

    def _quotient(self, each: Symbol, tight: bool) -> str:
        if self.notation.fractions:
            return self.notation.quotient(self.of(each.x), self.of(each.y))
        return self.notation.quotient(self.of(each.x, PRODUCT, tight), self.of(each.y, POWER, True))

    def _power(self, each: Symbol, tight: bool) -> str:
        exponent = number(each.y)
        whole = exponent if not isinstance(each.y, Symbol) and float(exponent).is_integer() else None
        above = self.of(each.y, SUM if self.notation.fractions else ATOM, not self.notation.fractions)
        base = self.of(each.x, ATOM, True)
        if not isinstance(each.x, Symbol) and not float(each.x).is_integer():
            base = self.notation.brackets(base)
        return self.notation.power(base, above, whole)

    def _function(self, each: Symbol, tight: bool) -> str:
        symbol = each.rule.symbol if each.rule else ""
        arguments = [self.of(argument) for argument in (each.x if type(each.x) is tuple else (each.x,))]
        options = list(self._options(each.y, each.rule))
        ordered = [*options, *arguments] if each.rule is ops.select else [*arguments, *options]
        return self.notation.function(FUNCTIONS.get(symbol, symbol), ordered)

    def _options(self, option: Any, rule: ops.Rule | None = None) -> Iterator[str]:
        """What a function is told besides its inputs: a slope, an axis, a shape."""
        if option is None:
            return
        if isinstance(option, ops.Axes) or rule in (ops.softmax, ops.log_softmax, ops.concatenate):
            axis = option.axis if isinstance(option, ops.Axes) else option
            if axis is not None:
                axis = axis[0] if isinstance(axis, tuple) and len(axis) == 1 else axis
                yield self.notation.relation(self.notation.name("axis"), "=", self.notation.name(str(axis)))
        elif rule is ops.clip:
            yield from (each for end in option for each in self._options(end))
        elif isinstance(option, tuple):
            yield self.notation.brackets(
                self.notation.listed([each for part in option for each in self._options(part)])
            )
        elif isinstance(option, slice | type(...) | np.dtype):
            yield self.notation.name(str(option))
        else:
            yield self.of(option)

    def _cases(self, each: Symbol) -> Iterator[tuple[str, str]]:
        """The values of a choice, each with its condition; a tie between the same two is a case of its own."""
        left, right = self.of(each.y.left), self.of(each.y.right)
        sign = RELATIONS[each.y.operation]
        yield self.of(each.x[0]), self.notation.relation(left, sign, right)
        other, rest = each.x[1], OTHERWISE[sign]
        is_tie = _is_choice(other) and other.y.operation is operator.eq and sign in "<>"
        if is_tie and {self.of(other.y.left), self.of(other.y.right)} == {left, right}:
            yield self.of(other.x[0]), self.notation.relation(left, "=", right)
            other, rest = other.x[1], ">" if sign == "<" else "<"
        yield self.of(other), self.notation.relation(left, rest, right)


def _is_choice(of: Any) -> bool:
    return isinstance(of, Symbol) and of.rule is ops.select and isinstance(of.y, Comparison)


def _sign(of: Any) -> str:
    """The sign of a product: of two arrays · for the product of matrices, ⊙ where it is entry by entry. Else none."""
    if not isinstance(of, Symbol) or of.rule not in (ops.mul, ops.matmul):
        return ""
    return "⊙" if of.rule is ops.mul and np.ndim(number(of.x)) and np.ndim(number(of.y)) else "·"


# --- what a browser computes ------------------------------------------------------------------------------------------

INFIX = {ops.add: "+", ops.sub: "-", ops.mul: "*", ops.div: "/"}


MATH = ("exp", "log", "sqrt", "abs", "sign", "sin", "cos", "tanh", "max", "min")  # JavaScript's own functions


COMPARED: dict[Any, str] = {**RELATIONS, operator.ge: ">=", operator.le: "<=", operator.eq: "===", operator.ne: "!=="}


def javascript(of: Any, places: Mapping[str, int]) -> str:
    """An expression as JavaScript, over an array v of numbers that has each name at its place.

    All brackets are there, so that it is worked in the engine's order and comes to the engine's number, and every
    choice is one. What JavaScript's Math lacks is asked of LACKING, by its name in an exercise, or as `power`.
    """
    again = partial(javascript, places=places)
    if isinstance(of, Comparison):
        own = f"{again(of.left)} {COMPARED[of.operation]} {again(of.right)}"
        return f"({own} && {again(of.also)})" if of.also else f"({own})"
    if not isinstance(of, Symbol):
        text = {math.inf: "Infinity", -math.inf: "-Infinity"}.get(of, "NaN" if of != of else repr(float(of)))
        return f"({text})" if text.startswith("-") else text
    rule, x, y = of.whole or (of.rule, of.x, of.y)
    if rule is None:
        return f"v[{places[of.name]}]"
    if rule is ops.select:
        return f"({again(y)} ? {again(x[0])} : {again(x[1])})"
    if rule in INFIX:
        return f"({again(x)} {INFIX[rule]} {again(y)})"
    if rule is ops.neg:
        return f"(-{again(x)})"
    name = "power" if rule is ops.power else FUNCTIONS.get(rule.symbol, rule.symbol)
    home = "Math" if name in MATH else "LACKING"
    return f"{home}.{name}({', '.join(again(each) for each in (x, y) if each is not None)})"


# --- which side was taken ---------------------------------------------------------------------------------------------


def taken(expression: Any) -> Iterator[tuple[Any, str, Any]]:
    """Which side each comparison in an expression took, as (left, relation, right); a sign compares with 0."""
    seen: set[int] = set()
    waiting = [expression]
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, Comparison) and not np.ndim(number(each.left)):
            yield each.left, _side(number(each.left), number(each.right)), each.right
        elif type(each) is tuple:
            waiting += each
        elif isinstance(each, Symbol) and each.rule is not None:
            if each.rule is ops.sign and not np.ndim(each.number):
                yield each.x, _side(number(each.x), 0.0), 0.0
            waiting += [each.y, each.x]


def _side(left: float, right: float) -> str:
    return ">" if left > right else "<" if left < right else "="


def symbol(name: str) -> str:
    """A quantity's name as a textbook sets it: ∂E/∂W₅, W₅⁺, z₁′."""
    asked = read(name)
    if asked.by is not None:
        return f"∂{subscripts(asked.of)}/∂{subscripts(asked.by)}"
    return subscripts(name).translate(MARKS)


def subscripts(text: str) -> str:
    """The digits at the end of each name set low."""
    return re.sub(
        r"(?<=[^\W\d])\d+(?!\w)", lambda found: found[0].translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")), text
    )
