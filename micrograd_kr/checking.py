"""A person's numbers against the engine's: match, rounding or wrong.

A number that was worked by hand carries the rounding of every step before it. How much that may be is computed from
the *worked form* of the quantity, the expression a person evaluates: the formula, or the sum over paths of products of
derivatives, in the numbers that stand on the sheet. With U one unit of the number's last decimal, e the running error
of its form and x the exact value, a number h is

    match     |h − x| ≤ U/2
    rounding  |h − x| < e + U
    wrong     otherwise, or when a part of a worked line `a = b = c` disagrees with the rest

Running error, one unit u of the sheet's last decimal at each step (rounding to nearest and cutting off both stay
within it): a function adds Σ|∂f/∂x|·e + u; a sum of k terms Σe + (k − 1)u; a product Π(|f| + e) − Π|f| and, since
partial products are rounded too and come in any order, u·(f₁ + f₁f₂ + …) of its k − 2 largest factors. A step from
exact numbers to a result that needs no rounding adds nothing. A number on the sheet that is not wrong has a known
error; what is not on the sheet is worked in place. The largest bound of a quantity's forms counts.
After N. J. Higham, Accuracy and Stability of Numerical Algorithms (2nd ed., 2002), section 3.3, running error analysis.
"""

import ast
import copy
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import takewhile
from typing import Any, Literal, NamedTuple

from micrograd_kr import ops
from micrograd_kr.engine import Value, gradients
from micrograd_kr.exercise import (
    Exercise,
    ExerciseError,
    Formula,
    Quantity,
    Solution,
    evaluate,
    parse_name,
    read_formula,
    solve,
)
from micrograd_kr.symbols import Comparison, Line, Symbol, line, names_in, number, renamed

Verdict = Literal["match", "rounding", "wrong"]
STEPS = 1_000_000
VERDICTS: tuple[Verdict, ...] = ("match", "rounding", "wrong")


# --- worked forms -----------------------------------------------------------------------------------------------------


class Forms:
    """Every quantity of an exercise as expressions in other quantities. Names are as on a sheet: z1, dE/dW, W+, z1'."""

    def __init__(self, exercise: Exercise, solution: Solution) -> None:
        names = {value: name for name, value in solution.before.items()}
        self.exercise, self.solution = exercise, solution
        self.lines: dict[str, Line] = {name: line(name, solution.before[name], names) for name in exercise.forward}
        self.users: dict[str, list[str]] = {name: [] for name in solution.before}
        for user in self.lines.values():
            for used in user.partials:
                self.users[used].append(user.name)
        self.below: dict[str, set[str]] = {}  # what a quantity depends on, itself included
        for name in solution.before:
            inputs = list(self.lines[name].partials) if name in self.lines else []
            self.below[name] = {name}.union(*(self.below[each] for each in inputs))
        self.gradients: dict[str, tuple[str, str]] = {}
        self._expanded: dict[str, Any] = {}
        self._mentioned: dict[str, list[str]] = {}
        self._steps = 0

    def gradient(self, a: str, b: str) -> Any:
        """dA/dB as a symbol, 1 where they are one; equal derivatives have one name (dE/dz is dE_total/dz if E_total
        only adds E).
        """
        if b not in self.below[a]:
            return 0.0
        a, b = self._same(a, b)
        if a == b:
            return 1.0
        name = f"d{a}/d{b}"
        if name not in self.gradients:
            self.gradients[name] = (a, b)
            for between in reversed(self.lines):  # from A towards B, so that a long chain needs no recursion
                if between != b and b in self.below[between] and between in self.below[a]:
                    self.gradient(a, between)
        return Symbol(name, number(self.expansion(name)))

    def _same(self, a: str, b: str) -> tuple[str, str]:
        """The innermost pair whose derivative is the same number: steps at both ends that only pass it on (∂ = 1) are
        left out.
        """
        while a != b:
            last = [each for each in self.lines[a].partials if b in self.below[each]]
            first = [each for each in self.users[b] if each in self.below[a]]
            if len(last) == 1 and self._passes_on(a, last[0]):
                a = last[0]
            elif len(first) == 1 and self._passes_on(first[0], b):
                b = first[0]
            else:
                break
        return a, b

    def _passes_on(self, name: str, used: str) -> bool:
        """Whether a line hands the gradient on as it is: its derivative is the constant 1."""
        partial = self.lines[name].partials[used]
        return not isinstance(partial, Symbol) and bool(partial == 1.0)

    def count_steps(self, count: int) -> None:
        """Raise ExerciseError where checking would take too long, some ten seconds."""
        self._steps += count
        if self._steps > STEPS:
            raise ExerciseError(
                f"too large to check, more than {STEPS:,} steps of working; ask for fewer derivatives",
                f"너무 커서 검사할 수 없습니다 (풀이가 {STEPS:,}단계를 넘습니다). 미분의 수를 줄이세요",
            ).at(self.exercise.source)

    def expansion(self, name: str) -> Any:
        """The usual form of a quantity; a given or a parameter has none."""
        if name not in self._expanded:
            self._expanded[name] = self._expand(name)
        return self._expanded[name]

    def _expand(self, name: str) -> Any:
        if name in self.lines:
            return self.lines[name].formula
        if name in self.gradients:
            return self._over_users(*self.gradients[name])
        if name.endswith("+"):
            parameter = name[:-1]
            before = Symbol(parameter, self.exercise.parameters[parameter])
            return before - (self.exercise.lr or 0.0) * self.gradient(self.exercise.loss, parameter)
        if name.endswith("'"):
            for first in takewhile(lambda first: first != name[:-1], self.lines):
                self.expansion(f"{first}'")
            return renamed(self.lines[name[:-1]].formula, self._after)
        return None

    def mentions(self, name: str) -> list[str]:
        """The names in the usual form of a quantity."""
        if name not in self._mentioned:
            self._mentioned[name] = list(names_in(self.expansion(name)))
        return self._mentioned[name]

    def _after(self, name: str, value: float) -> Any:
        """What stands for a name in the second pass."""
        if name in self.exercise.parameters:
            return Symbol(f"{name}+", number(self.expansion(f"{name}+")))
        return Symbol(f"{name}'", number(self.expansion(f"{name}'"))) if name in self.lines else Symbol(name, value)

    def _over_users(self, a: str, b: str) -> Any:
        """Σ dA/dc · ∂c/∂B over everything c that is computed from B."""
        terms: Any = 0.0
        for user in self.users[b]:
            if user in self.below[a]:
                terms = terms + self.gradient(a, user) * self.lines[user].partials[b]
        return terms

    def _over_operands(self, a: str, b: str) -> Any:
        """Σ ∂A/∂p · dp/dB over everything p that A is computed from."""
        terms: Any = 0.0
        for used, partial in self.lines[a].partials.items():
            if b in self.below[used]:
                terms = terms + partial * self.gradient(used, b)
        return terms

    def of(self, name: str, sheet: Mapping[str, Any]) -> Iterator[Any]:
        """The forms of a quantity that a person may have worked, given what else stands on the sheet."""
        if name not in self.gradients:
            yield self.expansion(name)
            return
        a, b = self.gradients[name]
        yield self._over_users(a, b)
        yield self._over_operands(a, b)
        written = [self.gradients[each] for each in sheet if each in self.gradients]
        middles = {inner for outer, inner in written if outer == a} | {outer for outer, inner in written if inner == b}
        for middle in sorted(middles - {a, b}):
            if middle in self.below[a] and b in self.below[middle] and self._all_through(a, middle, b):
                yield self.gradient(a, middle) * self.gradient(middle, b)

    def _all_through(self, a: str, middle: str, b: str) -> bool:
        """Whether every path from B to A goes through the one in the middle."""
        seen, waiting = {a}, [a]
        while waiting:
            for each in self.lines[waiting.pop()].partials:
                if each == b:
                    return False
                if each != middle and each in self.lines and each not in seen:
                    seen.add(each)
                    waiting.append(each)
        return True


# --- running error ----------------------------------------------------------------------------------------------------


class RunningError:
    """The error a worked form may carry, before its own result is rounded."""

    def __init__(self, forms: Forms, known: Mapping[str, float], unit: float, afresh: bool = False) -> None:
        """known: the errors of the numbers on the sheet so far. unit: of the sheet's last decimal. afresh: no gradient
        on the sheet is used.
        """
        self.forms, self.known, self.unit, self.afresh = forms, known, unit, afresh
        self.worked: dict[str, float] = {}
        self.done: dict[Symbol, float] = {}

    def of(self, form: Any, last: bool = False) -> float:
        """last: this is the last step, whose own rounding is not counted here."""
        if not isinstance(form, Symbol):
            return 0.0
        if form.rule is None:
            return self._of_name(str(form.name))
        if last:
            return self._of_operation(form, last)
        if form not in self.done:
            self.done[form] = self._of_operation(form, last)
        return self.done[form]

    def _of_operation(self, form: Symbol, last: bool) -> float:
        self.forms.count_steps(1)
        if form.rule in (ops.add, ops.sub):
            return self._of_sum(_terms(form), form.number)
        if form.rule in (ops.mul, ops.neg):
            return self._of_product(self._factors(form), form.number, last)
        if form.rule is ops.select:
            return self._of_choice(form)
        return self._of_function(form, last)

    def _on_sheet(self, name: str) -> bool:
        return name in self.known and not (self.afresh and name in self.forms.gradients)

    def _of_name(self, name: str) -> float:
        if self._on_sheet(name):
            return self.known[name]
        waiting = [name]
        while waiting:  # what it is worked from first; not by recursion, a chain may be long
            each = waiting[-1]
            first = [
                other for other in self.forms.mentions(each) if not self._on_sheet(other) and other not in self.worked
            ]
            if first:
                waiting += first
            elif waiting.pop() not in self.worked:
                self.worked[each] = self.of(self.forms.expansion(each))
        return self.worked[name]

    def _factors(self, form: Any) -> list[Any]:
        """The factors of a product, through products that are worked in place."""
        factors, waiting = [], [form]
        while waiting:
            each = waiting.pop()
            if isinstance(each, Symbol) and each.rule is ops.mul:
                waiting += [each.y, each.x]
            elif isinstance(each, Symbol) and each.rule is ops.neg:
                factors.append(-1.0)
                waiting.append(each.x)
            elif isinstance(each, Symbol) and each.rule is None and self._is_unwritten_product(str(each.name)):
                waiting.append(self.forms.expansion(str(each.name)))
            else:
                factors.append(each)
        self.forms.count_steps(len(factors))
        return factors

    def _is_unwritten_product(self, name: str) -> bool:
        form = None if self._on_sheet(name) else self.forms.expansion(name)
        return isinstance(form, Symbol) and form.rule in (ops.mul, ops.neg)

    def _exact(self, errors: list[float], value: float) -> bool:
        """Whether a step needs no rounding: exact numbers in, a result with no more decimals than the sheet's."""
        return not any(errors) and abs(value - round(value / self.unit) * self.unit) <= 4 * math.ulp(value)

    def _of_sum(self, terms: list[Any], value: float) -> float:
        errors = [self.of(each) for each in terms]
        return 0.0 if self._exact(errors, value) else sum(errors) + (len(terms) - 1) * self.unit

    def _of_product(self, factors: list[Any], value: float, last: bool) -> float:
        constant = math.prod(each for each in factors if not isinstance(each, Symbol))
        symbols = [each for each in factors if isinstance(each, Symbol)]
        if abs(constant) == 1.0 and len(symbols) == 1:
            return self.of(symbols[0], last)
        sizes = [abs(each.number) for each in symbols] + [abs(constant)] * (abs(constant) != 1.0)
        errors = [self.of(each) for each in symbols] + [0.0] * (abs(constant) != 1.0)
        if self._exact(errors, value):
            return 0.0
        carried = math.prod(f + e for f, e in zip(sizes, errors, strict=True)) - math.prod(sizes)
        largest = sorted(sizes, reverse=True)[: max(len(sizes) - 2, 0)]
        rounded = sum(math.prod(largest[: n + 1]) for n in range(len(largest)))
        return float(carried + (rounded + (not last)) * self.unit)

    def _of_choice(self, form: Symbol) -> float:
        """A derivative with a kink: within rounding of it, either side may have been taken."""
        mask: Comparison = form.y
        one, other = form.x if mask.true else form.x[::-1]
        unsure = abs(number(mask.left) - number(mask.right)) <= self.of(mask.left) + self.of(mask.right)
        if not unsure or (not self.of(mask.left) and not self.of(mask.right)):
            return self.of(one)
        return max(self.of(one), self.of(other)) + abs(float(number(one)) - float(number(other)))

    def _of_function(self, form: Symbol, last: bool) -> float:
        rule, x, y = form.rule, number(form.x), None if form.y is None else number(form.y)
        error_x, error_y = self.of(form.x), self.of(form.y)
        if rule is None or self._exact([error_x, error_y], form.number):
            return 0.0
        error = self._moved(form, (x, y), 0, error_x) + (self._moved(form, (x, y), 1, error_y) if rule.dy else 0.0)
        if rule is ops.sigmoid:
            # 1 / (1 + e^−z) or e^z / (1 + e^z), with the exponential rounded
            error += 2 * max(form.number, 1 - form.number) ** 2 * self.unit
        elif rule in (ops.tanh, ops.softplus, ops.logsigmoid):
            error += 2 * self.unit
        return float(error + (not last) * self.unit)

    def _moved(self, form: Symbol, inputs: tuple[Any, Any], which: int, error: float) -> float:
        """How far the result moves when one input moves by its error: the slope, or what the function itself does
        around a kink.
        """
        if error == 0.0 or form.rule is None:
            return 0.0
        given = [each for each in inputs if each is not None]
        slope = (form.rule.dx, form.rule.dy)[which]
        distances = [abs(slope(1.0, form.number, *given)) * error] if slope else []
        for moved in (inputs[which] - error, inputs[which] + error):
            given[which] = moved
            distances.append(abs(form.rule.compute(*given) - form.number))
        return float(max(distances))


def _terms(form: Any) -> list[Any]:
    """The terms of a sum, signs left out."""
    terms, waiting = [], [form]
    while waiting:
        each = waiting.pop()
        if isinstance(each, Symbol) and each.rule in (ops.add, ops.sub):
            waiting += [each.y, each.x]
        else:
            terms.append(each)
    return terms


# --- verdicts ---------------------------------------------------------------------------------------------------------


class Part(NamedTuple):
    """One side of a worked line.

    text: as written. value: what it comes to. remedy: what would mend it, "0.1 → W1 = 0.3"; None if it agrees or
    nothing was found.
    """

    text: str
    value: float
    verdict: Verdict
    remedy: str | None = None


@dataclass(frozen=True)
class Row:
    """One number of a person's beside the engine's.

    name, formula: of the quantity. hand: as written, the last number of a worked line. value: the engine's.
    difference: value − hand.
    bound: the largest |difference| that rounding explains. parts: of a worked line, else None.
    """

    name: str
    formula: str
    hand: str
    value: float
    difference: float
    bound: float
    verdict: Verdict
    parts: tuple[Part, ...] | None = None
    follows_from: str | None = None
    causes: tuple[str, ...] = ()


class Step(NamedTuple):
    """One parameter in one step of gradient descent; after is None without a learning rate."""

    name: str
    before: float
    gradient: float
    after: float | None


@dataclass(frozen=True)
class Report:
    """What `check` found: a row for each number of the person's, the step each parameter takes, the loss before and
    after it.
    """

    exercise: str
    rows: tuple[Row, ...]
    parameters: tuple[Step, ...]
    loss: tuple[float, float | None]

    @property
    def wrong(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.verdict == "wrong")


class Hand(NamedTuple):
    """A number as a person wrote it: its text, its exact value, its decimals."""

    text: str
    number: Decimal
    decimals: int

    @property
    def unit(self) -> float:
        return 10.0**-self.decimals


def hand(text: str) -> Hand:
    """Read a number; "0.08" has two decimals, "8.1e-4" has five, "12" none."""
    number = Decimal(text)
    return Hand(text, number, max(0, -int(number.as_tuple().exponent)))


def distance(written: Hand, value: float) -> float:
    """|hand − value|, without the rounding that a subtraction of floats would add."""
    return abs(float(written.number - Decimal(value)))


def judged(written: Hand, value: float, error: float, unit: float) -> Verdict:
    """A number against the exact value, its last decimal worth `unit`. Four units in the last place of a float are
    allowed for.
    """
    off, slack = distance(written, value), 4 * math.ulp(value)
    if off <= unit / 2 + slack:
        return "match"
    return "rounding" if off + slack < error + unit else "wrong"


# --- the sheet --------------------------------------------------------------------------------------------------------


def check(exercise: Exercise) -> Report:
    """Judge every number of an exercise's [hand] table.

    Raises ExerciseError where a number or a worked line cannot be read.
    """
    solution = solve(exercise)
    forms = Forms(exercise, solution)
    texts = {name: [part.strip() for part in text.split("=")] for name, text in exercise.hand.items()}
    sheet = {name: hand(parts[-1]) for name, parts in texts.items()}
    values = {name: solution.value(name) for name in sheet}
    decimals = _decimals(sheet, values)
    known: dict[str, float] = {}
    rows: dict[str, Row] = {}
    for name in _working_order(exercise, forms, sheet):
        key, written, value = _key(exercise, forms, name), sheet[name], values[name]
        verdict, error, unit = _verdict(forms, key, written, value, known, decimals)
        off = distance(written, value)
        known[key] = max(known.get(key, 0.0), error if verdict == "wrong" else max(error, off))
        rows[name] = Row(
            name, _formula(exercise, name), written.text, value, value - float(written.number), error + unit, verdict
        )
    for name, parts in texts.items():
        if len(parts) > 1:
            rows[name] = _with_parts(
                rows[name], tuple(WorkedLine(solution, sheet, name).part(part) for part in parts[:-1])
            )
    after = solution.after[exercise.loss].data if solution.after else None
    steps = tuple(
        Step(name, before, solution.gradients[name], solution.updated.get(name))
        for name, before in exercise.parameters.items()
    )
    return Report(
        exercise.name, tuple(rows[name] for name in sheet), steps, (solution.before[exercise.loss].data, after)
    )


class Decimals(NamedTuple):
    """How many decimals a person writes. usual: as a rule. habits: whatever is common enough to be a way of working."""

    usual: int
    habits: frozenset[int]


def _decimals(sheet: Mapping[str, Hand], values: Mapping[str, float]) -> Decimals:
    """The commonest decimals among the numbers that had to be rounded, of equally common ones the most.

    Where hardly any had to be, a single slip must not decide: then it is the most on the sheet.
    """
    rounded = [
        each.decimals for name, each in sheet.items() if distance(each, values[name]) > 4 * math.ulp(values[name])
    ]
    counts = Counter(rounded)
    habits = frozenset(decimals for decimals, count in counts.items() if count >= max(2, len(rounded) / 5))
    if len(rounded) < max(3, len(sheet) / 10):
        return Decimals(max((each.decimals for each in sheet.values()), default=0), habits)
    return Decimals(max(counts, key=lambda decimals: (counts[decimals], decimals)), habits)


def _key(exercise: Exercise, forms: Forms, name: str) -> str:
    """What a quantity on the sheet is called among the forms; equal derivatives have one name."""
    quantity = parse_name(exercise, name)
    if quantity.kind != "gradient" or quantity.by is None:
        return name
    symbol = forms.gradient(quantity.of, quantity.by)
    return str(symbol.name) if isinstance(symbol, Symbol) else ""


def _working_order(exercise: Exercise, forms: Forms, sheet: Mapping[str, Hand]) -> Iterator[str]:
    """The order a person works in: each number after those it may be worked from; otherwise as in the file."""
    quantities = {name: parse_name(exercise, name) for name in sheet}

    def before(first: Quantity, then: Quantity) -> bool:
        if then.kind == "second":
            return first.kind != "second" or (first.of != then.of and first.of in forms.below[then.of])
        if first.kind == "value":
            return first.of != then.of and first.of in forms.below[then.of] if then.kind == "value" else True
        if first.kind == "gradient" and then.kind == "gradient":
            inside = str(then.by) in forms.below[str(first.by)] and first.of in forms.below[then.of]
            return inside and (first.of, first.by) != (then.of, then.by)
        return first.kind == "gradient" and then.kind == "updated"

    remaining = dict(quantities)
    while remaining:
        ready = next(
            name for name, then in remaining.items() if not any(before(first, then) for first in remaining.values())
        )
        del remaining[ready]
        yield ready


def _verdict(
    forms: Forms, key: str, written: Hand, value: float, known: Mapping[str, float], decimals: Decimals
) -> tuple[Verdict, float, float]:
    """The verdict, the running error and the unit it was judged with.

    A number with fewer decimals than usual is taken as one whose zeros were dropped. Where that does not explain it, it
    may have been rounded to its own decimals or cut off; that the steps before were so coarse, too, is believed only of
    who often writes so few.
    """
    step = 10.0**-decimals.usual
    unit = min(step, written.unit)
    error = _running_error(forms, key, known, step)
    verdict = judged(written, value, error, unit)
    if verdict != "wrong" or written.unit <= step:
        return verdict, error, unit
    unit = written.unit
    if written.decimals in decimals.habits:
        error = _running_error(forms, key, known, unit)
    verdict = judged(written, value, error, unit)
    cut_off = 0 <= float(written.number) * math.copysign(1, value) <= abs(value)
    if verdict == "rounding" and not cut_off and distance(written, value) > error + unit / 2:
        verdict = "wrong"
    return verdict, error, unit


def _running_error(forms: Forms, key: str, known: Mapping[str, float], unit: float) -> float:
    """The largest running error among the forms of a quantity, and of the same worked afresh from the forward pass."""
    usual = forms.expansion(key) if key else None
    if usual is None:
        return 0.0
    working = RunningError(forms, known, unit)
    errors = [working.of(form, last=True) for form in forms.of(key, known)]
    errors.append(RunningError(forms, known, unit, afresh=True).of(usual, last=True))
    return max(*errors, known.get(key, 0.0))


def _formula(exercise: Exercise, name: str) -> str:
    """What stands in the formula column: a value's formula, a derivative's name, an update."""
    quantity = parse_name(exercise, name)
    if quantity.kind == "gradient":
        return f"∂{quantity.of}/∂{quantity.by}"
    if quantity.kind == "updated":
        return f"{quantity.of} − lr·∂{exercise.loss}/∂{quantity.of}"
    if quantity.of not in exercise.forward:
        return quantity.of
    text = exercise.forward[quantity.of].text
    if quantity.kind == "value":
        return text

    def after(match: re.Match[str]) -> str:
        return match[0] + ("⁺" if match[0] in exercise.parameters else "′" if match[0] in exercise.forward else "")

    return re.sub(r"[^\W\d]\w*", after, text)


# --- worked lines -----------------------------------------------------------------------------------------------------


class Operand(NamedTuple):
    """A number in a worked line: as written, its value, and how far rounding may have moved it."""

    text: str
    number: float
    unit: float


class WorkedLine:
    """Reads the parts of one worked line, the `0.3 - 0.5*0.00080888` of `0.3 - 0.5*0.00080888 = 0.29959556`.

    Whole numbers, ½ and the numbers an exercise starts from are exact; others are known to one unit of their last
    decimal. A name stands for the number on the sheet, or for the engine's where there is none; in the second pass
    for the second one.
    """

    def __init__(self, solution: Solution, sheet: Mapping[str, Hand], name: str) -> None:
        exercise = solution.exercise
        start = {**exercise.given, **exercise.parameters} | ({} if exercise.lr is None else {"lr": exercise.lr})
        self.exact = {*start.values(), 0.5}
        self.last = sheet[name]
        self.names = {each: Operand(each, value, 0.0) for each, value in solution.numbers(name).items()}
        second = parse_name(exercise, name).kind == "second"
        for each in self.names:
            written = sheet.get(each + ("+" if each in exercise.parameters else "'") * second)
            if written and (second or each not in start):
                self.names[each] = Operand(each, float(written.number), written.unit)
        self.candidates = [Operand(each, value, 0.0) for each, value in {**solution.numbers(name), **start}.items()]
        self.candidates += [Operand("1", 1.0, 0.0), Operand("2", 2.0, 0.0), Operand("1/2", 0.5, 0.0)]

    def part(self, text: str) -> Part:
        """Judge one part against the number at the end of the line."""
        tree, operands = self._read(text)
        value, error = _worked(tree, operands)
        verdict = judged(self.last, value, error, self.last.unit)
        return Part(text, value, verdict, self._remedy(tree, operands) if verdict == "wrong" else None)

    def _read(self, text: str) -> tuple[ast.expr, dict[Any, Operand]]:
        """The expression, and what its literals (by their place in it) and its names stand for."""
        formula = read_formula(text)
        tree = copy.deepcopy(formula.tree)
        operands: dict[Any, Operand] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant):
                written = hand(str(ast.get_source_segment(formula.text, node)))
                exact = not written.decimals or float(written.number) in self.exact
                operands[node] = Operand(written.text, float(written.number), 0.0 if exact else written.unit)
            elif isinstance(node, ast.Name) and node.id in self.names:
                operands[node.id] = self.names[node.id]
        return tree, operands

    def _remedy(self, tree: ast.expr, operands: Mapping[Any, Operand]) -> str | None:
        """Which number in place of which would make the part agree: "0.1 → W1 = 0.3".

        Every named number is tried for every literal, and for all literals that are alike.
        """
        literals = {place: each for place, each in operands.items() if isinstance(place, ast.Constant)}
        alike = [
            [place for place, each in literals.items() if each.text == text]
            for text in {each.text for each in literals.values()}
        ]
        found = []
        for places in [*([place] for place in literals), *(places for places in alike if len(places) > 1)]:
            written = literals[places[0]]
            for candidate in self.candidates:
                if candidate.number != written.number:
                    value, error = _worked(tree, {**operands, **dict.fromkeys(places, candidate)})
                    if judged(self.last, value, error, self.last.unit) != "wrong":
                        number = "" if candidate.text[0].isdigit() else f" = {candidate.number:.12g}"
                        found.append(f"{written.text} → {candidate.text}{number}")
        return " / ".join(dict.fromkeys(found)) or None


def _worked(tree: ast.expr, operands: Mapping[Any, Operand]) -> tuple[float, float]:
    """The value of a part, and how far the rounding of its numbers may have moved it."""
    leaves = {place: Value(each.number) for place, each in operands.items()}
    for place, leaf in leaves.items():
        if isinstance(place, ast.Constant):
            vars(place)["value"] = leaf
    out = evaluate(Formula("", tree), leaves)
    slopes = gradients(out, list(leaves.values()))
    return out.item(), sum(
        abs(slope) * each.unit for slope, each in zip(slopes, operands.values(), strict=True) if each.unit
    )


def _with_parts(row: Row, parts: tuple[Part, ...]) -> Row:
    """A row with its worked line; the verdict is the worst of its number's and its parts'."""
    return replace(row, parts=parts, verdict=max(row.verdict, *(part.verdict for part in parts), key=VERDICTS.index))
