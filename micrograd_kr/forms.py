"""The expressions a person evaluates for a quantity, and how far rounding may carry each.

A worked form is a quantity's formula, or the sum over paths of products of derivatives, in other named quantities.
Running error, one unit u of the sheet's last decimal at each step (rounding to nearest and cutting off both stay
within it): a function adds Σ|∂f/∂x|·e + u; a sum of k terms Σe + (k − 1)u; a product Π(|f| + e) − Π|f| and, since
partial products are rounded too and come in any order, u·(f₁ + f₁f₂ + …) of its k − 2 largest factors. A step from
exact numbers to a result that needs no rounding adds nothing. A number on the sheet that is not wrong has a known
error; what is not on the sheet is worked in place.
After N. J. Higham, Accuracy and Stability of Numerical Algorithms (2nd ed., 2002), section 3.3, running error analysis.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from itertools import takewhile
from typing import Any

import numpy as np

from micrograd_kr import ops
from micrograd_kr.exercise import Exercise, ExerciseError, Quantity, Solution, parse_name
from micrograd_kr.symbols import Comparison, Line, Symbol, line, names_in, number, renamed

STEPS = 1_000_000


# --- worked forms -----------------------------------------------------------------------------------------------------


class Forms:
    """Every quantity of an exercise as expressions in other quantities. Names are as on a sheet: z1, dE/dW, W+, z1'."""

    def __init__(self, solution: Solution) -> None:
        names = {value: name for name, value in solution.before.items()}
        self.exercise: Exercise = solution.exercise
        exercise = self.exercise
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
        self._worked_from: dict[str, set[str]] = {}
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
            lr = self.exercise.lr or 0.0
            return before - (lr if lr == 1.0 else Symbol("lr", lr)) * self.gradient(self.exercise.loss, parameter)
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

    def exact(self, name: str) -> float:
        """The exact number of a quantity, of lr too."""
        start = {**self.exercise.given, **self.exercise.parameters, "lr": self.exercise.lr or 0.0}
        return float(start[name] if name in start else number(self.expansion(name)))

    def depends(self, name: str, on: str) -> bool:
        """Whether a quantity is another, or is worked from it."""
        waiting = [name]
        while waiting:
            each = waiting[-1]
            first = [other for other in self.mentions(each) if other not in self._worked_from]
            if first:
                waiting += first
            elif waiting.pop() not in self._worked_from:
                self._worked_from[each] = {each}.union(*(self._worked_from[other] for other in self.mentions(each)))
        return on in self._worked_from[name]

    def _after(self, name: str, value: float) -> Any:
        """What stands for a name in the second pass."""
        if name in self.exercise.parameters:
            return Symbol(f"{name}+", number(self.expansion(f"{name}+")))
        return Symbol(f"{name}'", number(self.expansion(f"{name}'"))) if name in self.lines else Symbol(name, value)

    def _over_users(self, a: str, b: str, named: bool = False) -> Any:
        """Σ dA/dc · ∂c/∂B over everything c that is computed from B."""
        terms: Any = 0.0
        for user in self.users[b]:
            if user in self.below[a]:
                terms = terms + self.gradient(a, user) * self._partial(user, b, named and user != a)
        return terms

    def _over_operands(self, a: str, b: str, named: bool = False) -> Any:
        """Σ ∂A/∂p · dp/dB over everything p that A is computed from."""
        terms: Any = 0.0
        for used in self.lines[a].partials:
            if b in self.below[used]:
                terms = terms + self._partial(a, used, named and used != b) * self.gradient(used, b)
        return terms

    def _partial(self, c: str, b: str, named: bool) -> Any:
        """∂c/∂B: its expression, or the name dc/dB where it is more than a name and has no other path."""
        partial = self.lines[c].partials[b]
        if not named or not isinstance(partial, Symbol) or partial.rule is None:
            return partial
        return self.gradient(c, b) if self._is_only_path(c, b) else partial

    def _is_only_path(self, c: str, b: str) -> bool:
        return not any(b in self.below[used] for used in self.lines[c].partials if used != b)

    def is_local(self, name: str) -> bool:
        """Whether a quantity is the derivative of one line by what stands in it."""
        a, b = self.gradients.get(name, ("", ""))
        return bool(a) and b in self.lines[a].partials and self._is_only_path(a, b)

    def of(self, name: str, sheet: Mapping[str, Any], named: bool = False) -> Iterator[Any]:
        """The forms of a quantity that a person may have worked, given what else stands on the sheet.

        named: a factor that is the derivative of one line, o(1 − o), is a quantity of its own, do/dz.
        """
        if name not in self.gradients:
            yield self.expansion(name)
            return
        a, b = self.gradients[name]
        yield self._over_users(a, b, named)
        yield self._over_operands(a, b, named)
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

    def key(self, name: str) -> str:
        """What a quantity on a sheet is called among the forms, where equal derivatives have one name; "" for a
        constant.
        """
        quantity = parse_name(self.exercise, name)
        if quantity.kind != "gradient" or quantity.by is None:
            return name
        symbol = self.gradient(quantity.of, quantity.by)
        return str(symbol.name) if isinstance(symbol, Symbol) else ""

    def working_order(self, sheet: Iterable[str]) -> Iterator[str]:
        """The order a person works in: each number after those it may be worked from; otherwise as in the file."""
        remaining = {name: parse_name(self.exercise, name) for name in sheet}
        while remaining:
            ready = next(
                name
                for name, then in remaining.items()
                if not any(self._is_before(first, then) for first in remaining.values())
            )
            del remaining[ready]
            yield ready

    def _is_before(self, first: Quantity, then: Quantity) -> bool:
        if then.kind == "second":
            return first.kind != "second" or (first.of != then.of and first.of in self.below[then.of])
        if first.kind == "value":
            return first.of != then.of and first.of in self.below[then.of] if then.kind == "value" else True
        if first.kind == "gradient" and then.kind == "gradient":
            inside = str(then.by) in self.below[str(first.by)] and first.of in self.below[then.of]
            return inside and (first.of, first.by) != (then.of, then.by)
        if then.kind == "updated":
            return first.kind == "gradient" and then.of in self.below[str(first.by)]
        return False


# --- running error ----------------------------------------------------------------------------------------------------

TRANSCENDENTAL = (ops.sigmoid, ops.tanh, ops.exp, ops.log, ops.sin, ops.cos, ops.softplus, ops.logsigmoid)


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
        return not any(errors) and abs(math.remainder(value, self.unit)) <= 4 * math.ulp(value)

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
        # σ(56) is no 1, though a float says so
        irrational = rule in TRANSCENDENTAL and x != (1.0 if rule is ops.log else 0.0)
        if rule is None or (not irrational and self._exact([error_x, error_y], form.number)):
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
        given = [np.float64(each) if isinstance(each, float) else each for each in inputs if each is not None]
        slope = (form.rule.dx, form.rule.dy)[which]
        with np.errstate(all="ignore"):  # a wrong number may make it log(0)
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


def running_error(forms: Forms, key: str, known: Mapping[str, float], unit: float) -> float:
    """The largest running error among the forms of a quantity, and of the same worked afresh from the forward pass."""
    usual = forms.expansion(key) if key else None
    if usual is None:
        return 0.0
    working = RunningError(forms, known, unit)
    errors = [working.of(form, last=True) for form in forms.of(key, known)]
    errors.append(RunningError(forms, known, unit, afresh=True).of(usual, last=True))
    return max(*errors, known.get(key, 0.0))
