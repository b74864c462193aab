"""How far rounding may carry a number: the running error of the form it is worked by.

Running error, one unit u of the last digit kept at each step (rounding to nearest and cutting off both stay within it):
a function adds Σ|∂f/∂x|·e + u; a sum of k terms Σe + (k − 1)u; a product Π(|f| + e) − Π|f| and, since partial products
are rounded too and come in any order, u·(f₁ + f₁f₂ + …) of its k − 2 largest factors. A step from exact numbers to a
result that needs no rounding adds nothing. A number on the sheet that is not wrong has a known error; what is not on
the sheet is worked in place. Who keeps decimals has one u, who keeps significant digits, as a float does, one that goes
with the size of the result; and gradients, the updates with them or not, may have other decimals than the passes.
After N. J. Higham, Accuracy and Stability of Numerical Algorithms (2nd ed., 2002), section 3.3, running error analysis.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from itertools import accumulate
from operator import mul
from typing import Any, NamedTuple

import numpy as np

from micrograd_kr import ops
from micrograd_kr.teacher.ask.expressions import Comparison, Symbol, inside_out, number, terms
from micrograd_kr.teacher.ask.messages import ExerciseError
from micrograd_kr.teacher.ask.quantity import Quantity, read
from micrograd_kr.teacher.check.forms import Forms

STEPS = 250_000  # of working, some two seconds
BY_HAND = 10  # updates; who wants to know what comes after more of them runs a program

TRANSCENDENTAL = (
    *(ops.sigmoid, ops.tanh, ops.softplus, ops.logsigmoid),
    *(ops.exp, ops.log, ops.sin, ops.cos, ops.tan),
)


def _inside_sigmoid(out: Any) -> list[tuple[Any, Any]]:
    """1 / (1 + e^−z) or e^z / (1 + e^z): the sum and the exponential."""
    larger = ops.maximum(out, 1.0 - out)
    return [(larger * larger, 1.0 / larger), (larger * larger, 1.0 / larger - 1.0)]


# What is rounded on the way to a function's result: how much it moves that, and its size.
INSIDE: dict[Any, Callable[[Any], list[tuple[Any, Any]]]] = {
    ops.sigmoid: _inside_sigmoid,
    **dict.fromkeys((ops.tanh, ops.softplus, ops.logsigmoid), lambda out: [(2.0, 1.0)]),
}


class Precision(NamedTuple):
    """What is kept of a number: so many decimals, or so many digits of a base.

    unit: what the last of them is worth in a number of size 1. base: 10 or 2; 0 for decimals.
    """

    unit: float
    base: int = 0

    def step(self, size: float) -> float:
        """What the last digit kept of a number is worth."""
        if not self.base:
            return self.unit
        if not size or not math.isfinite(size):
            return 0.0
        log = math.log2 if self.base == 2 else math.log10
        return self.unit * float(self.base) ** math.floor(log(abs(size)))

    def rounded_away(self, sizes: list[float]) -> float:
        """How far rounded partial products, in any order, move a product of factors; the last of them is not counted.

        Of k factors in floats or significant digits that is k − 2 times the relative error.
        """
        largest = sorted(sizes, reverse=True)[: max(len(sizes) - 2, 0)]
        return self.unit * (len(largest) * math.prod(sizes) if self.base else sum(accumulate(largest, mul)))

    def rounded_sums(self, sizes: list[float], value: float) -> float:
        """How far rounded terms or partial sums move a sum; digits are lost where a partial sum is the largest."""
        return (len(sizes) - 2) * self.step(sum(sizes)) + self.step(value)

    def holds(self, value: float) -> bool:
        """Whether a number needs no rounding. What a binary float needs is not asked: 0.1 is none."""
        if not math.isfinite(value):
            return False
        return self.base != 2 and abs(math.remainder(value, self.step(value) or 1.0)) <= 4 * math.ulp(value)


FLOAT32, FLOAT64 = Precision(2.0**-23, 2), Precision(2.0**-52, 2)


class Habit(NamedTuple):
    """What a person keeps of the numbers of a pass, of gradients, and of what an update makes of parameters."""

    passes: Precision
    gradients: Precision
    updates: Precision

    def of(self, name: str) -> Precision:
        return self[group_of(read(name))]


def group_of(quantity: Quantity) -> int:
    """Among whose numbers a quantity's is: a field of Habit."""
    return 1 if quantity.by is not None else 2 if quantity.is_parameter else 0


def habit(precision: Precision) -> Habit:
    """The same everywhere."""
    return Habit(precision, precision, precision)


class RunningError:
    """The error a worked form may carry, before its own result is rounded."""

    def __init__(self, forms: Forms, known: Mapping[str, float], kept: Habit, afresh: bool = False) -> None:
        """known: the errors of the numbers on the sheet so far. kept: what of each number. afresh: no gradient on the
        sheet is used.
        """
        self.forms, self.known, self.kept, self.afresh = forms, known, kept, afresh
        self.precision = max(kept, key=lambda each: each.unit)
        self.worked, self.done = dict[str, float](), dict[Any, float]()
        self.products: dict[str, tuple[float, list[Symbol]]] = {}
        self.steps = 0
        self.asked: dict[str, bool] = {}  # names on whose errors others may rest by now, and whether they are written

    def of_quantity(self, name: str, form: Any, last: bool = True) -> float:
        """The error of a quantity worked by a form, rounded as such quantities are."""
        before, self.precision = self.precision, self.kept.of(name)
        error, self.precision = self.of(form, last), before
        return error

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
        self.steps += 1
        if form.rule in (ops.add, ops.sub):
            each = [term for term, _ in terms(form)]
            errors = [self.of(term) for term in each]
            rounded = self.precision.rounded_sums([abs(number(term)) for term in each], form.number)
            return 0.0 if self._exact(errors, form.number) else sum(errors) + rounded
        if form.rule in (ops.mul, ops.neg):
            return self._of_product(*self._factors(form), form.number, last)
        if form.rule is ops.where_:
            return self._of_choice(form)
        return self._of_function(form, last)

    def _on_sheet(self, name: str) -> bool:
        if name not in self.asked:
            is_known = name in self.known and not (self.afresh and name in self.forms.gradients)
            self.asked[name] = is_known or self._is_a_programs(name)
        return self.asked[name]

    def _is_a_programs(self, name: str) -> bool:
        """Whether so many updates lie between what is on the sheet and a quantity that nobody rounds its working."""
        step = read(name).in_pass
        return step > BY_HAND and not any(step - BY_HAND <= read(each).in_pass <= step for each in self.known)

    def _of_name(self, name: str) -> float:
        if self._on_sheet(name):
            return self.known.get(name, 0.0)
        if name not in self.worked:
            for each in inside_out(name, self._unwritten_in, self.worked):
                self.worked[each] = self._of_unwritten(each)
        return self.worked[name]

    def _of_unwritten(self, name: str) -> float:
        """Of a quantity that is worked in place; what an exercise starts from is rounded only by a float of 32 bits."""
        form = self.forms.expansion(name)
        if form is None:
            return FLOAT32.step(self.forms.start.get(name, 0.0)) if self.precision == FLOAT32 else 0.0
        return self.of_quantity(name, form, last=False)

    def _unwritten_in(self, name: str) -> list[str]:
        return [each for each in self.forms.mentions(name) if not self._on_sheet(each)]

    def _factors(self, form: Any) -> tuple[float, list[Symbol]]:
        """The constant and the factors of a product, through products that are worked in place."""

        def products_in(name: str) -> Iterator[str]:
            return filter(self._is_unwritten_product, self.forms.mentions(name))

        constant, factors, waiting = 1.0, list[Symbol](), [form]
        while waiting:
            each = waiting.pop()
            if not isinstance(each, Symbol):
                constant *= each
            elif each.rule is ops.mul:
                waiting += [each.y, each.x]
            elif each.rule is ops.neg:
                constant = -constant
                waiting.append(each.x)
            elif each.rule is None and self._is_unwritten_product(str(each.name)):
                for name in inside_out(str(each.name), products_in, self.products):
                    self.products[name] = self._factors(self.forms.expansion(name))
                inner = self.products[str(each.name)]
                constant *= inner[0]
                factors += inner[1]
            else:
                factors.append(each)
        return constant, factors

    def _is_unwritten_product(self, name: str) -> bool:
        form = None if self._on_sheet(name) else self.forms.expansion(name)
        return isinstance(form, Symbol) and form.rule in (ops.mul, ops.neg)

    def _exact(self, errors: list[float], value: float) -> bool:
        """Whether a step needs no rounding: exact numbers in, a result with no more digits than are kept."""
        return not any(errors) and self.precision.holds(value)

    def _of_product(self, constant: float, factors: list[Symbol], value: float, last: bool) -> float:
        self.steps += len(factors)
        if abs(constant) == 1.0 and len(factors) == 1:
            return self.of(factors[0], last)
        sizes, errors = [abs(each.number) for each in factors], [self.of(each) for each in factors]
        if abs(constant) != 1.0:
            sizes, errors = [*sizes, abs(constant)], [*errors, 0.0]
        if self._exact(errors, value):
            return 0.0
        carried = math.prod(f + e for f, e in zip(sizes, errors, strict=True)) - math.prod(sizes)
        rounded = self.precision.rounded_away(sizes) + (not last) * self.precision.step(value)
        return float(carried + rounded)

    def _of_choice(self, form: Symbol) -> float:
        """A derivative with a kink: within rounding of it, either side may have been taken."""
        mask: Comparison = form.y
        one, other = form.x if mask.true else form.x[::-1]
        unsure = self.of(mask.x) + self.of(mask.y)
        if not unsure or abs(number(mask.x) - number(mask.y)) > unsure:
            return self.of(one)
        return max(self.of(one), self.of(other)) + abs(float(number(one)) - float(number(other)))

    def _of_function(self, form: Any, last: bool) -> float:
        if type(form.x) is tuple:
            return self._of_share(form, last)
        rule, inputs = form.rule, (number(form.x), number(form.y))
        # an option, as the slope of leaky_relu, has no derivative: it is a choice, which nothing rounds
        errors = [self.of(form.x), self.of(form.y) if rule.dy else 0.0]
        # σ(56) is no 1, though a float says so
        irrational = rule in TRANSCENDENTAL and inputs[0] != (1.0 if rule is ops.log else 0.0)
        if not irrational and self._exact(errors, form.number):
            return 0.0
        error = sum(_moved(form, inputs, which, error) for which, error in enumerate(errors) if error)
        if rule in INSIDE:
            error += sum(slope * self.precision.step(size) for slope, size in INSIDE[rule](form.number))
        return float(error + (not last) * self.precision.step(form.number))

    def _of_share(self, form: Any, last: bool) -> float:
        """One entry of softmax, or its logarithm: e to the power of each input and their sum are rounded, too."""
        inputs = tuple(map(number, form.x))
        slopes = form.rule.dx(1.0, form.number, inputs, form.y)
        powers = [math.exp(min(each, 700.0)) for each in inputs]  # what a float can hold
        whole = sum(powers)
        rounded = sum(map(self.precision.step, powers)) + (len(powers) - 1) * self.precision.step(whole)
        error = sum(abs(slope) * self.of(each) for slope, each in zip(slopes, form.x, strict=True)) + rounded / whole
        return float(error + (not last) * self.precision.step(form.number))


def _moved(form: Any, inputs: tuple[Any, Any], which: int, error: float) -> float:
    """How far the result moves with one input's error: by its slope, or by what the function does around a kink."""
    given = [each for each in inputs if each is not None]
    with np.errstate(all="ignore"):  # a wrong number may make it log(0)
        slope = (form.rule.dx, form.rule.dy)[which](1.0, form.number, *map(np.float64, given))
        distances = [abs(slope) * error]
    for moved in (inputs[which] - error, inputs[which] + error):
        given[which] = moved
        distances.append(abs(form.rule.compute(*given) - form.number))
    return float(max(distances))


class Errors:
    """The errors of the numbers on a sheet so far, and how far rounding may carry the next ones."""

    def __init__(self, forms: Forms) -> None:
        self.forms, self.known, self.steps = forms, dict[str, float](), 0
        self._working: dict[tuple[Habit, bool], RunningError] = {}
        self._in_floats = RunningError(forms, {}, habit(FLOAT64))

    def know(self, key: str, error: float) -> None:
        """A number is on the sheet from now on; what was worked without it is worked again."""
        self.known[key] = error
        self._working = {kind: each for kind, each in self._working.items() if key not in each.asked}

    def in_floats(self, key: str) -> float:
        """How far the floats of a program may carry a quantity that it works from the start."""
        form = self.forms.expansion(key) if key else None
        return 0.0 if form is None else self._in_floats.of_quantity(key, form)

    def of(self, key: str, kept: Habit) -> float:
        """The largest running error among the forms of a quantity, worked afresh from the forward pass, too.

        Raises ExerciseError where all the sheet's would take too long.
        """
        usual = self.forms.expansion(key) if key else None
        if usual is None:
            return 0.0
        errors = [self.known.get(key, 0.0)]
        for is_afresh, forms in (False, self.forms.of(key, self.known)), (True, [usual]):
            working = self._working.setdefault((kept, is_afresh), RunningError(self.forms, self.known, kept, is_afresh))
            self.steps -= working.steps
            errors += [working.of_quantity(key, form) for form in forms]
            self.steps += working.steps
        if self.steps > STEPS:
            raise ExerciseError(
                "too large to check, more than {steps:,} steps of working; ask for fewer derivatives", steps=STEPS
            ).at(self.forms.exercise.source)
        return max(errors)
