"""Simulated people who make one mistake, or have one misconception throughout.

A textbook is a list of lines here, each a sum of products of named numbers (dE_total/dW5 = dE_total/do1 · do1/dz3 ·
h1); a mistake is a line written differently. Who works the lines rounds as `people.Person` does, and either works on
with the wrong number or has it on paper only. `planted(seed, number, kind, …)` draws an exercise, a person and a
mistake that reaches their sheet; what the mistake comes to is known, since the same lines with the same mistake are
worked once more without rounding. Nothing here comes from the package.
"""

import math
import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_UP, Decimal, DivisionByZero, InvalidOperation, localcontext
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple

from people import HALF, ONE, SIZES, STYLES, ZERO, Net, Person, Sheet, Style, chosen, draw_net, sheet
from people import named_as_textbooks_do as renamed_by_habit
from people import text as written_text

# --- the textbook -----------------------------------------------------------------------------------------------------

CONSTANTS = ("0.5", "2", "-1", "1")
LITERAL = re.compile(r"-?[0-9.]+")
BETWEEN_OPERANDS = re.compile(r"( [-+] |²|(?:log2|log10|log|abs|sigmoid|cos°|cos|1 /) )")

Term = tuple[str, ...]


class Line(NamedTuple):
    """name = function(Σ Π factors).

    A factor is a name, a number, "1 - o1", "1 - h1²", "log 1 - o1" (of the difference), "1 / 1 - o1" or "step z1" (1
    where z1 > 0). A softmax is of the first term, among all; what is "as written" is a number as it stands on paper.
    """

    name: str
    terms: tuple[Term, ...]
    function: str = "linear"

    @property
    def is_gradient(self) -> bool:
        return "/" in self.name

    @property
    def is_update(self) -> bool:
        return self.name.endswith("+")

    @property
    def is_loss(self) -> bool:
        return self.name.startswith("E")

    @property
    def is_copied(self) -> bool:
        """∂z3/∂W5 = h1: nothing is computed."""
        return self.function == "linear" and len(self.terms) == 1 and len(self.terms[0]) == 1

    @property
    def operands(self) -> list[str]:
        """The names in it, each once."""
        parts = [part for term in self.terms for factor in term for part in BETWEEN_OPERANDS.split(factor)[::2]]
        return [each for each in dict.fromkeys(parts) if each and not LITERAL.fullmatch(each) and " " not in each]


class Habit(NamedTuple):
    """What a person writes as a number of its own."""

    deltas: bool  # dE_total/dz; else its two factors are written out wherever it is needed, as the chapter does
    paths: bool  # dE_o1/dh1 and dE_o2/dh1; else only their sum


def update(name: str, loss: str = "E_total") -> Line:
    return Line(f"{name}+", ((name,), ("-1", "lr", f"d{loss}/d{name}")))


def textbook(net: Net, habit: Habit) -> list[Line]:
    """Backpropagation in the chapter's order: the output layer and its update, the hidden layer and its, once more."""
    hidden, outer = net.sizes[1], net.sizes[0] * net.sizes[1]
    updates: tuple[list[Line], list[Line]] = ([], [])
    for name in net.parameters:
        is_outer = int(name[1:]) > (outer if name.startswith("W") else hidden)
        updates[is_outer].append(update(name))
    back = [line for k in net.outputs for line in to_output(net, habit, k)] + updates[True]
    further_back = [line for j in net.units for line in to_hidden(net, habit, j)] + updates[False]
    return [*forward(net, "", ""), *back, *further_back, *forward(net, "+", "'")]


def forward(net: Net, step: str, mark: str) -> Iterator[Line]:
    """One forward pass: with W1 and z1, or with the updated W1+ and the second pass's z1'."""
    hidden = net.sizes[1]
    for z in range(1, sum(net.sizes[1:]) + 1):
        terms = [(weight + step, source if source in net.given else source + mark) for weight, source in net.terms(z)]
        yield Line(f"z{z}{mark}", (*terms, (f"b{z}{step}",)) if net.biases else tuple(terms))
        name, function = (f"h{z}", net.hidden) if z <= hidden else (f"o{z - hidden}", net.output)
        yield Line(name + mark, ((f"z{z}{mark}",),), function)
    for k in net.outputs:
        error = f"t{k} - o{k}{mark}"
        yield Line(f"E_o{k}{mark}", (("0.5", error, error),))
    yield Line(f"E_total{mark}", tuple((f"E_o{k}{mark}",) for k in net.outputs))


def slope(function: str, name: str, z: str) -> Term:
    """The derivative of an activation."""
    slopes = {"sigmoid": (name, f"1 - {name}"), "tanh": (f"1 - {name}²",), "relu": (f"step {z}",), "linear": ("1",)}
    return slopes[function]


def delta(habit: Habit, above: str, z: str) -> Term:
    """dE_total/dz: one number, or the two that it is the product of."""
    return (f"dE_total/d{z}",) if habit.deltas else (f"dE_total/d{above}", f"d{above}/d{z}")


def to_z(habit: Habit, net: Net, above: str, function: str, z: str) -> Iterator[Line]:
    """From h or o back to z, and on to the weights and the bias."""
    yield Line(f"d{above}/d{z}", (slope(function, above, z),))
    if habit.deltas:
        yield Line(f"dE_total/d{z}", ((f"dE_total/d{above}", f"d{above}/d{z}"),))
    yield from to_weights(net, delta(habit, above, z), z)


def to_weights(net: Net, back: Term, z: str) -> Iterator[Line]:
    """From z, reached by `back`, on to its weights and its bias."""
    for weight, source in net.terms(int(z[1:])):
        yield Line(f"d{z}/d{weight}", ((source,),))
        yield Line(f"dE_total/d{weight}", ((*back, source),))
    if net.biases:
        yield Line(f"d{z}/db{z[1:]}", (("1",),))
        yield Line(f"dE_total/db{z[1:]}", (back,))


def to_output(net: Net, habit: Habit, k: int) -> Iterator[Line]:
    yield Line(f"dE_total/do{k}", (("2", "0.5", f"t{k} - o{k}", "-1"),))
    yield from to_z(habit, net, f"o{k}", net.output, net.z_output(k))


def to_hidden(net: Net, habit: Habit, j: int) -> Iterator[Line]:
    h, paths = f"h{j}", []
    for k in net.outputs:
        weight, z = net.into_output(k, j), net.z_output(k)
        yield Line(f"d{z}/d{h}", ((weight,),))
        paths.append((*delta(habit, f"o{k}", z), weight))
    if habit.paths:
        for k, path in zip(net.outputs, paths, strict=True):
            yield Line(f"dE_o{k}/d{h}", (path,))
        paths = [(f"dE_o{k}/d{h}",) for k in net.outputs]
    yield Line(f"dE_total/d{h}", tuple(paths))
    yield from to_z(habit, net, h, net.hidden, f"z{j}")


# --- the person -------------------------------------------------------------------------------------------------------


@dataclass
class Student(Person):
    """Works a textbook line by line; `paper` has what is wrong on paper only, while the right number is used on."""

    paper: dict[str, Decimal] = field(default_factory=dict)

    def take(self, name: str) -> Decimal:
        return self.net.lr if name == "lr" else super().take(name)

    def factor(self, factor: str) -> Decimal:
        match factor.split():
            case ["1", "/", *rest]:
                return ONE / self.factor(" ".join(rest))
            case ["step", z]:
                return ONE if self.take(z) > 0 else ZERO
            case [function, *rest] if rest and function in FUNCTIONS:
                return FUNCTIONS[function](self, self.factor(" ".join(rest)))
            case [*left, "-", right]:
                return self.factor(" ".join(left)) - self.factor(right)
            case [*left, "+", right]:
                return self.factor(" ".join(left)) + self.factor(right)
        if factor.endswith("²"):
            return self.scratch(self.product([self.factor(factor[:-1])] * 2))
        return Decimal(factor) if LITERAL.fullmatch(factor) else self.take(factor)

    def on_paper(self) -> dict[str, Decimal]:
        return self.written | self.paper

    def term(self, factors: Term) -> Decimal:
        """A product; what 2 · ½ · (−1) comes to is seen without working."""
        constant = math.prod((Decimal(each) for each in factors if each in CONSTANTS), start=ONE)
        others = [self.factor(each) for each in factors if each not in CONSTANTS]
        if abs(constant) != ONE or not others:
            others.append(abs(constant))
        return self.product(others) * (1 if constant > 0 else -1)

    def value(self, line: Line) -> Decimal:
        terms = [self.term(each) for each in line.terms]
        if line.function in OF_ALL:
            return OF_ALL[line.function](self, terms)
        return FUNCTIONS[line.function](self, self.total(terms))

    def work_through(self, lines: Iterable[Line], mistake: Mapping[str, Line], slip: bool = False) -> "Student":
        with localcontext(prec=60):
            for line in lines:
                as_worked = mistake.get(line.name, line)
                used = line if slip else as_worked
                self.note(line.name, self.value(used))
                if used.function == AS_WRITTEN:
                    self.written[line.name] = self.kept[line.name]
                if slip and line.name in mistake:
                    value = self.value(as_worked)
                    is_text = as_worked.function == AS_WRITTEN
                    self.paper[line.name] = value if is_text else self.rounded(value)
        return self

    def exponentials(self, terms: Iterable[Decimal]) -> list[Decimal]:
        return [self.scratch(each.exp()) for each in terms]


AS_WRITTEN = "as written"


def reached_by_floats(function: Callable[[float], float]) -> Callable[[Student, Decimal], Decimal]:
    return lambda _, z: Decimal(function(float(z)))


FUNCTIONS: dict[str, Callable[[Student, Decimal], Decimal]] = {
    "linear": lambda _, z: z,
    AS_WRITTEN: lambda _, z: z,
    "relu": lambda _, z: max(z, ZERO),
    "abs": lambda _, z: abs(z),
    "log": lambda _, z: z.ln(),
    "log2": lambda _, z: z.ln() / Decimal(2).ln(),
    "log10": lambda _, z: z.log10(),
    "sin": reached_by_floats(math.sin),
    "cos": reached_by_floats(math.cos),
    "tanh": Student.tanh,
    "sigmoid": Student.sigmoid,
}
OF_ALL: dict[str, Callable[[Student, list[Decimal]], Decimal]] = {
    "softmax": lambda student, terms: (found := student.exponentials(terms))[0] / sum(found),
}


def exact_values(
    net: Net, lines: Iterable[Line], mistake: Mapping[str, Line], slip: bool = False, decimals: int = 20
) -> dict[str, Decimal]:
    nothing_rounded = Style("half-even", "carried", decimals, scratch=False, afresh=0.0, zeros="kept", written="all")
    student = Student(net, nothing_rounded, random.Random(0)).work_through(lines, mistake, slip)
    return student.kept | student.paper


# --- mistakes ---------------------------------------------------------------------------------------------------------

Mistake = tuple[Line, ...]  # the lines that are worked differently, as they are worked


@dataclass(frozen=True)
class Book:
    """What a mistake is made in: the lines, and the numbers that could be misread.

    Those are the numbers on the sheet, and others that all people see alike: where rounding makes a difference of one
    in the last digit, nobody can know which digits were misread.
    """

    net: Net
    lines: Sequence[Line]
    written: Mapping[str, Decimal]

    def before(self, line: Line) -> list[str]:
        """The names that have a number when a line is worked."""
        earlier = [each.name for each in self.lines[: self.lines.index(line)]]
        return [*self.net.given, *self.net.parameters, *earlier]


def with_term(line: Line, n: int, *terms: Term) -> Line:
    """The line with other terms, or none, for its n-th."""
    return line._replace(terms=(*line.terms[:n], *terms, *line.terms[n + 1 :]))


def with_factor(line: Line, n: int, i: int, *factors: str) -> Line:
    term = line.terms[n]
    return with_term(line, n, (*term[:i], *factors, *term[i + 1 :]))


def with_factors(line: Line, factor: str, other: str) -> Line:
    """The line with a factor replaced wherever it stands: both brackets of a square."""
    return line._replace(terms=tuple(tuple(other if each == factor else each for each in term) for term in line.terms))


def with_names(factor: str, others: Mapping[str, str]) -> str:
    return "".join(others.get(part, part) for part in BETWEEN_OPERANDS.split(factor))


def with_operands(line: Line, others: Mapping[str, str]) -> Line:
    """The line with names replaced wherever they stand, in brackets, too."""
    return line._replace(terms=tuple(tuple(with_names(each, others) for each in term) for term in line.terms))


def with_literals(line: Line, change: Callable[[Decimal], Decimal]) -> Line:
    """The line with its numbers changed, but for the textbook's own."""

    def changed(factor: str) -> str:
        parts = BETWEEN_OPERANDS.split(factor)
        return "".join(
            f"{change(Decimal(part)):f}" if LITERAL.fullmatch(part) and part not in CONSTANTS else part
            for part in parts
        )

    return line._replace(terms=tuple(tuple(changed(each) for each in term) for term in line.terms))


def factors_of(line: Line) -> Iterator[tuple[int, int, str]]:
    return ((n, i, factor) for n, term in enumerate(line.terms) for i, factor in enumerate(term))


def turned(term: Term) -> Term:
    """A term with its sign turned."""
    return tuple(each for each in term if each != "-1") if "-1" in term else ("-1", *term)


def sign(book: Book) -> Iterator[Mistake]:
    for line in book.lines:
        if line.function == "linear" and not line.is_loss and not line.is_update:
            for n, term in enumerate(line.terms):
                yield (with_term(line, n, turned(term)),)


def factor_missing(book: Book) -> Iterator[Mistake]:
    for line in book.lines:
        for n, term in enumerate(line.terms):
            named = [i for i, each in enumerate(term) if each not in CONSTANTS]
            if len(named) > 1 and not line.is_update:
                yield from ((with_factor(line, n, i),) for i in named)


def constant_missing(constant: str) -> Callable[[Book], Iterator[Mistake]]:
    def kind(book: Book) -> Iterator[Mistake]:
        for line in book.lines:
            if not line.is_update:
                yield from ((with_factor(line, n, i),) for n, i, each in factors_of(line) if each == constant)

    return kind


def path_missing(book: Book) -> Iterator[Mistake]:
    for line in book.lines:
        if len(line.terms) > 1 and not line.is_update:
            yield from ((with_term(line, n),) for n in range(len(line.terms)))


def index_wrong(book: Book) -> Iterator[Mistake]:
    """W6 for W5; o2 for o1 in both factors of o1(1 − o1), or in one."""
    for line in book.lines:
        before = book.before(line)
        for operand in line.operands:
            letter = re.sub("[0-9]", "#", operand)
            for other in before:
                if other != operand and re.sub("[0-9]", "#", other) == letter:
                    wrong = with_operands(line, {operand: other})
                    yield (wrong,)
                    if line.is_gradient and sum(a != b for a, b in zip(line.terms[0], wrong.terms[0], strict=True)) > 1:
                        yield (with_term(line, 0, (wrong.terms[0][0], *line.terms[0][1:])),)


def exchanged(book: Book) -> Iterator[Mistake]:
    """Two that change places: W1·x2 + W2·x1, or o − t for t − o where it is not squared."""
    for line in book.lines:
        products = [n for n, term in enumerate(line.terms) if len(term) > 1]
        for n, m in pairwise(products):
            one, other = line.terms[n], line.terms[m]
            if not line.is_update:
                yield (with_term(with_term(line, n, (*one[:-1], other[-1])), m, (*other[:-1], one[-1])),)
        for n, i, factor in factors_of(line):
            left, minus, right = factor.partition(" - ")
            if minus and line.is_gradient and "²" not in right:
                yield (with_factor(line, n, i, f"{right} - {left}"),)


def updated_weight(book: Book) -> Iterator[Mistake]:
    for line in book.lines:
        if line.is_gradient:
            before = book.before(line)
            yield from ((with_operands(line, {w: f"{w}+"}),) for w in line.operands if f"{w}+" in before)


def updated_weights_of_a_unit(book: Book) -> Iterator[Mistake]:
    """The chapter's trap: W5 and W7 both updated in ∂E/∂h1."""
    for j in book.net.units:
        weights = {book.net.into_output(k, j): f"{book.net.into_output(k, j)}+" for k in book.net.outputs}
        if len(weights) > 1:
            lines = [line for line in book.lines if re.fullmatch(rf"dE_\w+/dh{j}", line.name)]
            yield tuple(with_operands(line, weights) for line in lines)


def old_value(book: Book) -> Iterator[Mistake]:
    """In the second pass one number of the first."""
    for line in book.lines:
        if line.name.endswith("'"):
            yield from ((with_operands(line, {each: each[:-1]}),) for each in line.operands if each[-1] in "+'")


def input_for_weight(book: Book) -> Iterator[Mistake]:
    """x1 for W1, as the chapter's misprint has it, and h1 for W5."""
    sources = {w: source for z in range(1, sum(book.net.sizes[1:]) + 1) for w, source in book.net.terms(z)}
    for line in book.lines:
        if line.is_update or line.is_gradient:
            yield from ((with_operands(line, {w: sources[w]}),) for w in line.operands if w in sources)


def function_for_slope(book: Book) -> Iterator[Mistake]:
    return ((as_function(line),) for line in book.lines if is_slope(line))


def plus_for_minus(book: Book) -> Iterator[Mistake]:
    for line in book.lines:
        if line.is_update:
            yield (with_term(line, 1, turned(line.terms[1])),)
        for factor in dict.fromkeys(each for _, _, each in factors_of(line) if " - " in each):
            yield (with_factors(line, factor, factor.replace(" - ", " + ")),)


def lr_forgotten(book: Book) -> Iterator[Mistake]:
    return ((with_factor(line, 1, 1),) for line in book.lines if line.is_update)


def lr_twice(book: Book) -> Iterator[Mistake]:
    return ((with_factor(line, 1, 1, "lr", "lr"),) for line in book.lines if line.is_update)


def transposed(book: Book) -> Iterator[Mistake]:
    """Two digits that stand side by side change places, in a result or in a number that is copied."""
    numbers = {**book.net.given, **book.net.parameters, **book.written}
    for line in book.lines:
        for swapped in digits_swapped(book.written.get(line.name, ZERO)):
            yield (Line(line.name, ((swapped,),)),)
        for operand in line.operands:
            if not line.is_copied:
                for swapped in digits_swapped(numbers.get(operand, ZERO)):
                    yield (with_operands(line, {operand: swapped}),)


def digits_swapped(number: Decimal) -> Iterator[str]:
    whole, _, decimals = f"{number:f}".partition(".")
    for i in range(len(decimals) - 1):
        if decimals[i] != decimals[i + 1]:
            yield f"{whole}.{decimals[:i]}{decimals[i + 1]}{decimals[i]}{decimals[i + 2 :]}"


def rounded_early(book: Book) -> Iterator[Mistake]:
    """A number is rounded to half the sheet's decimals, or fewer, before it is used."""
    for line in book.lines:
        for operand in line.operands:
            number = book.written.get(operand, ZERO)
            for decimals in range(1, -int(number.as_tuple().exponent) // 2 + 1):
                rounded = number.quantize(ONE.scaleb(-decimals), ROUND_HALF_UP)
                if rounded not in (0, number) and not line.is_copied:
                    yield (with_operands(line, {operand: f"{rounded:f}"}),)


# --- misconceptions ---------------------------------------------------------------------------------------------------


def is_slope(line: Line) -> bool:
    """Whether it is o(1 − o) or 1 − h²."""
    return line.is_gradient and any(each.startswith("1 - ") for _, _, each in factors_of(line))


def as_function(line: Line) -> Line:
    """h for h(1 − h)."""
    return line._replace(terms=((line.name[1:].partition("/")[0],),)) if is_slope(line) else line


def with_plus(line: Line) -> Line:
    """1 + o for 1 − o."""
    if not is_slope(line):
        return line
    return line._replace(terms=tuple(tuple(each.replace(" - ", " + ") for each in term) for term in line.terms))


def without(constant: str) -> Callable[[Line], Line]:
    def change(line: Line) -> Line:
        terms = tuple(tuple(each for each in term if each != constant) for term in line.terms)
        return line if line.is_update or line.is_copied else line._replace(terms=terms)

    return change


def in_updates(*factors: str) -> Callable[[Line], Line]:
    """Other factors before the gradient than −lr."""
    return lambda line: with_factor(with_factor(line, 1, 0), 1, 0, *factors) if line.is_update else line


def with_updated_weights(line: Line) -> Line:
    back_through = re.fullmatch(r"d\w+/dh[0-9]+", line.name)
    return with_operands(line, {w: f"{w}+" for w in line.operands if w[0] == "W"}) if back_through else line


def with_old_weights(line: Line) -> Line:
    return with_operands(line, {w: w[:-1] for w in line.operands if w.endswith("+")})


def throughout(change: Callable[[Line], Line]) -> Callable[[Book], Iterator[Mistake]]:
    """The misconception that changes every line that it can."""
    return lambda book: iter([tuple(change(line) for line in book.lines if change(line) != line)])


KINDS: dict[str, Callable[[Book], Iterator[Mistake]]] = {
    "sign": sign,
    "a factor forgotten": factor_missing,
    "½ forgotten": constant_missing("0.5"),
    "2 forgotten": constant_missing("2"),
    "−1 forgotten": constant_missing("-1"),
    "lr forgotten": lr_forgotten,
    "lr twice": lr_twice,
    "a path or term forgotten": path_missing,
    "another index": index_wrong,
    "two exchanged": exchanged,
    "updated weight": updated_weight,
    "updated weights of one unit": updated_weights_of_a_unit,
    "old value in pass two": old_value,
    "x for W": input_for_weight,
    "σ for σ'": function_for_slope,
    "+ for −": plus_for_minus,
    "digits transposed": transposed,
    "rounded too early": rounded_early,
}
MISCONCEPTIONS: dict[str, Callable[[Book], Iterator[Mistake]]] = {
    "throughout: 1 + o": throughout(with_plus),
    "throughout: σ for σ'": throughout(as_function),
    "throughout: ½ forgotten": throughout(without("0.5")),
    "throughout: 2 forgotten": throughout(without("2")),
    "throughout: −1 forgotten": throughout(without("-1")),
    "throughout: lr forgotten": throughout(in_updates("-1")),
    "throughout: lr twice": throughout(in_updates("-1", "lr", "lr")),
    "throughout: + in updates": throughout(in_updates("lr")),
    "throughout: updated weights": throughout(with_updated_weights),
    "throughout: old weights in pass two": throughout(with_old_weights),
}


# --- exercises --------------------------------------------------------------------------------------------------------


def equal_weights(net: Net) -> Net:
    first = net.parameters["W1"]
    return replace(net, parameters={name: first if name[0] == "W" else b for name, b in net.parameters.items()})


def ten_times(net: Net) -> Net:
    return replace(net, parameters={name: value * (1 + 9 * (name[0] == "W")) for name, value in net.parameters.items()})


def dead_relu(net: Net) -> Net:
    """A hidden unit whose sum is negative: its weights point away from the inputs."""
    weights = {
        net.into_hidden(1, i): -abs(net.parameters[net.into_hidden(1, i)]).copy_sign(net.given[f"x{i}"])
        for i in net.inputs
    }
    bias = {"b1": -abs(net.parameters["b1"])} if net.biases else {}
    return replace(net, hidden="relu", parameters={**net.parameters, **weights, **bias})


DATA: dict[str, Callable[[Net], Net]] = {
    "ordinary": lambda net: net,
    "x1 = 0": lambda net: replace(net, given={**net.given, "x1": ZERO}),
    "x1 = x2": lambda net: replace(
        net, given={name: net.given["x1"] if name[0] == "x" else t for name, t in net.given.items()}
    ),
    "equal weights": equal_weights,
    "lr = 1": lambda net: replace(net, lr=ONE),
    "lr = ½": lambda net: replace(net, lr=HALF),
    "weights × 10": ten_times,
    "a dead relu": dead_relu,
}


# --- sheets -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Planted:
    """A sheet with a mistake: the lines as the textbook has them, and those that are worked differently, by name."""

    kind: str
    lines: Sequence[Line]
    mistake: Mapping[str, Line]
    slip: bool  # wrong on paper only
    sheet: Sheet

    def truth(self, right: Iterable[str] = (), mistake: Mapping[str, Line] | None = None) -> dict[str, Decimal]:
        """What each number comes to with the mistake, without rounding, if these numbers are the right ones."""
        known = {name: Line(name, ((f"{self.sheet.exact[name]:f}",),)) for name in map(canonical, right)}
        return exact_values(self.sheet.net, self.lines, {**(mistake or self.mistake), **known}, self.slip)

    def equal_mistakes(self) -> Iterator[Mapping[str, Line]]:
        """The mistake; if digits of a number that is not on the sheet are transposed, its last may be one off, too."""
        yield self.mistake
        if self.kind != "digits transposed":
            return
        (wrong,) = self.mistake.values()
        operands = next(line for line in self.lines if line.name == wrong.name).operands
        misread = {wrong.name} if wrong.is_copied else set(operands) - set(wrong.operands)
        net, unit = self.sheet.net, ONE.scaleb(-self.sheet.style.decimals)
        if misread.isdisjoint({*map(canonical, self.sheet.hand), *net.given, *net.parameters}):
            for off in (unit, -unit):
                yield {wrong.name: with_literals(wrong, lambda number, off=off: number + off)}

    @cached_property
    def reached(self) -> set[str]:
        """The numbers on the sheet that the mistake changes, by more than the last of 60 digits."""
        truth, exact = self.truth(), self.sheet.exact
        apart = {name: abs(truth[canonical(name)] - exact[canonical(name)]) for name in self.sheet.hand}
        return {name for name, difference in apart.items() if difference > Decimal("1e-30")}

    @property
    def touched(self) -> set[str]:
        return set(map(canonical, self.reached))

    def toml(self) -> str:
        """The file, with what was done as a comment."""
        done = "".join(f"# {line.name} = {line.function} {line.terms}\n" for line in self.mistake.values())
        return f"# {self.kind}{', on paper only' if self.slip else ''}\n{done}{self.sheet.toml()}"


def canonical(name: str) -> str:
    """∂E_o1/∂o1 is written ∂E_total/∂o1 by others."""
    return re.sub(r"^dE_o([0-9]+)/do\1$", r"dE_total/do\1", name)


def can_be_made(kind: str, data: str) -> bool:
    """Whether a mistake of the kind changes anything with such data."""
    return not (data == "lr = 1" and "lr" in kind)


class Course(NamedTuple):
    """Exercises of a sort, and how a textbook works one."""

    net: Callable[[random.Random], Any]
    lines: Callable[[Any, random.Random], list[Line]]


def draw_habit(draw: random.Random) -> Habit:
    return Habit(draw.random() < 0.5, draw.random() < 0.7)


CHAPTER = Course(lambda draw: draw_net(draw, (*SIZES, (2, 3, 1))), lambda net, draw: textbook(net, draw_habit(draw)))


def planted(seed: str, number: int, kind: str, data: str = "ordinary", **fixed: Any) -> Planted:
    """A sheet with a mistake of a kind; the same arguments, the same sheet. `fixed`: fields of Style not drawn."""
    draw = random.Random(f"{seed}/{number}/{kind}/{data}")
    ways = {**KINDS, **MISCONCEPTIONS}[kind]
    course = CHAPTER._replace(net=lambda draw: DATA[data](CHAPTER.net(draw)))
    return drawn(draw, (seed, number), kind, course, ways, 0.25 * (kind in KINDS), fixed)


def drawn(
    draw: random.Random,
    place: tuple[str, int],
    kind: str,
    course: Course,
    ways: Callable[[Book], Iterator[Mistake]],
    on_paper_only: float,
    fixed: Mapping[str, Any],
) -> Planted:
    """A sheet with one of the ways to make a mistake, which reaches it."""
    for _ in range(500):
        with suppress(InvalidOperation, DivisionByZero):  # e⁻ᶻ has more than 60 digits; nobody writes such numbers
            found = attempt(draw, place, kind, course, ways, on_paper_only, fixed)
            if found is not None:
                return found
    raise ValueError(f"no mistake of the kind {kind!r} reaches a sheet")


def attempt(
    draw: random.Random,
    place: tuple[str, int],
    kind: str,
    course: Course,
    ways: Callable[[Book], Iterator[Mistake]],
    on_paper_only: float,
    fixed: Mapping[str, Any],
) -> Planted | None:
    """One draw of everything; None where such a mistake cannot be made, or changes no number on the sheet."""
    net = course.net(draw)
    style = draw_style(draw)._replace(**fixed)
    lines = course.lines(net, draw)
    names, rounding = on_sheet([line.name for line in lines], style, draw), draw.random()
    exact = exact_values(net, lines, {})
    honest = Student(net, style, random.Random(rounding)).work_through(lines, {}).written
    display = {name: value.quantize(ONE.scaleb(-style.decimals), ROUND_HALF_UP) for name, value in exact.items()}
    readable = {name: number for name, number in honest.items() if name in names or number == display[name]}
    book = Book(net, lines, readable)
    wrong = draw_mistake(ways(book), draw)
    if wrong is None:
        return None
    mistake = {line.name: line for line in wrong}
    slip = on_paper_only > 0 and len(mistake) == 1 and draw.random() < on_paper_only
    paper = Student(net, style, random.Random(rounding)).work_through(lines, mistake, slip).on_paper()
    hand = renamed_by_habit({name: written_text(paper[name], exact[name], style.zeros) for name in names}, draw)
    planted = Planted(kind, lines, mistake, slip, Sheet(*place, net, style, exact, hand))
    return planted if planted.reached else None


def on_sheet(names: list[str], style: Style, draw: random.Random) -> list[str]:
    """The names that are written; of those who write only results, half leave the gradients out, too."""
    names = chosen(names, style.written, draw)
    without_gradients = style.written == "results" and draw.random() < 0.5
    return [name for name in names if not (without_gradients and "/" in name)]


def draw_style(draw: random.Random) -> Style:
    rounding, carry = draw.choice(STYLES)
    zeros, written = draw.choice(("kept", "dropped", "dropped where exact")), draw.choice(("all", "70 %", "results"))
    return Style(rounding, carry, draw.randint(4, 8), draw.random() < 0.5, 0.0, zeros, written)


def draw_mistake(mistakes: Iterable[Mistake], draw: random.Random) -> Mistake | None:
    """Any line is as likely as any other, however many ways there are to get it wrong."""
    by_line: dict[str, list[Mistake]] = {}
    for mistake in mistakes:
        if mistake:
            by_line.setdefault(mistake[0].name, []).append(mistake)
    return draw.choice(by_line[draw.choice(list(by_line))]) if by_line else None


def random_number(seed: str, number: int, **fixed: Any) -> tuple[Sheet, str]:
    """A sheet on which one number has nothing to do with the right one but its size, and that number's name."""
    draw = random.Random(f"{seed}/{number}/random")
    honest = sheet(f"{seed} random", number, *draw.choice(STYLES), **fixed)
    names = [name for name in honest.hand if honest.exact.get(name)]
    name, factor = draw.choice(names), Decimal(draw.choice((1, 1, 1, -1)) * draw.uniform(0.3, 3))
    unit = ONE.scaleb(-honest.style.decimals)
    wrong = (honest.exact[name] * factor).quantize(unit)
    return replace(honest, hand={**honest.hand, name: f"{wrong:f}"}), name
